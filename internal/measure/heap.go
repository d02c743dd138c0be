package measure

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// heapObjects is what all objects on the heap take, the dead ones that are not swept yet
// with them. Reading it does not stop the program.
const heapObjects = "/memory/classes/heap/objects:bytes"

// Heap is what objects on the heap take now, in bytes.
func Heap() uint64 {
	sample := []metrics.Sample{{Name: heapObjects}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// Live is what is reachable on the heap, in bytes.
func Live() uint64 {
	runtime.GC()
	runtime.GC() // what pools had is gone after the second
	return Heap()
}

// PeakHeap is the most that objects on the heap take while work runs, in bytes, looked at every 100 µs.
func PeakHeap(work func() error) (peak uint64, err error) {
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		often := time.NewTicker(100 * time.Microsecond)
		defer often.Stop()
		for {
			peak = max(peak, Heap())
			select {
			case <-often.C:
			case <-stop:
				return
			}
		}
	})
	err = work()
	close(stop)
	watch.Wait()
	return peak, err
}
