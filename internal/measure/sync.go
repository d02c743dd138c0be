package measure

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"
)

// NothingNew reports what one synchronisation costs that finds nothing new: requests, and
// the median of the processor time of this process. The process should be no server besides.
func NothingNew(b *testing.B, synchronise func(context.Context) error) {
	b.Helper()
	var requests atomic.Int64
	ctx := httptrace.WithClientTrace(b.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { requests.Add(1) },
	})
	var cpu []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := CPUTime()
		if err := synchronise(ctx); err != nil {
			b.Fatal(err)
		}
		cpu = append(cpu, CPUTime()-start)
	}
	b.ReportMetric(float64(requests.Load())/float64(b.N), "requests")
	b.ReportMetric(float64(median(cpu))/float64(time.Millisecond), "cpu-ms")
}
