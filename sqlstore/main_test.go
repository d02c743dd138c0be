package sqlstore_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is the program that the kill -9 test starts and kills.
func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		os.Exit(child(task))
	}
	goleak.VerifyTestMain(postgres.Around(m))
}
