package finapitest

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// noted is a test that keeps what is said about it.
type noted struct {
	testing.TB
	said []string
}

func (*noted) Helper()             {}
func (n *noted) Error(args ...any) { n.said = append(n.said, fmt.Sprint(args...)) }

func TestAFaultThatCanNeverHappenFailsTheTest(t *testing.T) {
	t.Parallel()
	for field, f := range map[string]Fault{
		`Kind "" is unknown`:                              {},
		`Kind "500" is unknown`:                           {Kind: "500"},
		`AfterEffect does not go with "423"`:              {Kind: FaultLocked, AfterEffect: true},
		`RetryAfter does not go with "502"`:               {Kind: FaultBadGateway, RetryAfter: "1"},
		`Endpoint "GET /api/v2/account" is none`:          {Kind: FaultEmpty, Endpoint: "GET /api/v2/account"},
		`Endpoint "PUT /api/v2/accounts" is none`:         {Kind: FaultEmpty, Endpoint: "PUT /api/v2/accounts"},
		`Endpoint "GET /api/v2/accounts/{}/{}" is none`:   {Kind: FaultEmpty, Endpoint: "GET /api/v2/accounts/{}/{}"},
		`Skip must not be negative`:                       {Kind: FaultEmpty, Skip: -1},
		`Times must not be negative`:                      {Kind: FaultEmpty, Times: -1},
		`Chance must be from 0 to 1`:                      {Kind: FaultEmpty, Chance: math.NaN()},
		`Kind "host not found" needs a client that sends`: {Kind: FaultNoSuchHost},
	} {
		sim := New(t, WithEmptyWorld())
		test := &noted{TB: t}
		sim.tb = test
		injection := sim.Inject(f)
		if len(test.said) != 1 || !strings.HasPrefix(test.said[0], "finapitest: the fault's "+field) {
			t.Errorf("%+v: the test is told %q, want %s", f, test.said, field)
		}
		if len(sim.faults.active) != 0 {
			t.Errorf("%+v: is active", f)
		}
		injection.Remove()
		sim.tb = nil // a program has no test that could fail
		if hits := sim.Inject(f).Hits(); hits != 0 {
			t.Errorf("%+v: %d hits", f, hits)
		}
	}
}
