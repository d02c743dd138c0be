package sqlstore_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/finapi-go/finapi/internal/measure"
)

// TestMain also is the program that the kill -9 test starts and kills, and the server of
// benchmarks.
func TestMain(m *testing.M) {
	measure.Child(map[string]measure.Task{measure.ServeTask: measure.Listen})
	if task := os.Getenv(childTask); task != "" {
		os.Exit(child(task))
	}
	goleak.VerifyTestMain(postgres.Around(m))
}
