package fleet_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/finapi-go/finapi/internal/pgtest"
)

// postgres is the server for the tests.
var postgres = pgtest.Server{Settings: []string{"fsync = off"}}

// TestMain fails the run if a fleet has left a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(postgres.Around(m)) }
