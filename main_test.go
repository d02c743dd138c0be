package finapi_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/finapi-go/finapi/internal/measure"
)

// TestMain fails the run if any test has left a goroutine behind. It also is the programs
// that benchmarks start.
func TestMain(m *testing.M) {
	measure.Child(map[string]measure.Task{measure.ServeTask: measure.Listen, heapTask: walkAndWatchTheHeap})
	flag.Parse()
	repeatable()
	goleak.VerifyTestMain(m)
}

// repeatable has a normal run try the same random values each time, so that nothing fails by
// chance that a change has not touched. A run with -histories or -rapid.seed tries new ones.
func repeatable() {
	histories, seed := flag.Lookup("histories"), flag.Lookup("rapid.seed")
	if histories.Value.String() == histories.DefValue && seed.Value.String() == seed.DefValue {
		_ = seed.Value.Set("20261125")
	}
}
