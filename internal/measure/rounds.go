package measure

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// Contender is one way to do the same work as others.
type Contender struct {
	Name string
	Run  func() error
}

// Costs are what each contender took, by its name, in each round.
type Costs map[string][]time.Duration

// Rounds lets every contender work once in each round, so that all of them meet the same
// neighbours on the machine. Each round begins with another one. clock says what time is:
// [CPUTime], or [WallTime].
func Rounds(b *testing.B, clock func() time.Duration, contenders ...Contender) Costs {
	b.Helper()
	costs := Costs{}
	for _, c := range contenders { // what is lazy is made, and connections are opened
		if err := c.Run(); err != nil {
			b.Fatalf("%s: %v", c.Name, err)
		}
	}
	first := 0
	for b.Loop() {
		for i := range contenders {
			c := &contenders[(first+i)%len(contenders)]
			runtime.GC() // nobody pays for the garbage of another
			start := clock()
			if err := c.Run(); err != nil {
				b.Fatalf("%s: %v", c.Name, err)
			}
			costs[c.Name] = append(costs[c.Name], clock()-start)
		}
		first++
	}
	b.ReportMetric(0, "ns/op") // a round is nobody's operation
	return costs
}

// Has reports whether all of these took part.
func (c Costs) Has(names ...string) bool {
	for _, name := range names {
		if len(c[name]) == 0 {
			return false
		}
	}
	return true
}

// Ratio is the median, over the rounds, of what one contender took in parts of what another
// took in the same round.
func (c Costs) Ratio(of, to string) float64 {
	ratios := make([]float64, len(c[of]))
	for i := range ratios {
		ratios[i] = float64(c[of][i]) / float64(c[to][i])
	}
	return median(ratios)
}

// Median is what a contender took in the middle of its rounds.
func (c Costs) Median(of string) time.Duration {
	return median(slices.Clone(c[of]))
}

// Milliseconds is the median in milliseconds.
func (c Costs) Milliseconds(of string) float64 {
	return float64(c.Median(of)) / float64(time.Millisecond)
}

// median sorts its argument. It takes the lower one of two.
func median[T int64 | float64 | time.Duration](of []T) T {
	slices.Sort(of)
	return of[(len(of)-1)/2]
}

var begin = time.Now()

// WallTime is the time that has passed.
func WallTime() time.Duration { return time.Since(begin) }

// Allocated tells how often work allocates, and how many bytes in all, on any goroutine.
func Allocated(work func() error) (times, bytes float64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = work()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc), err
}
