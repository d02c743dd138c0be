package finapitest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi/finapitest"
)

func TestTheClockStandsStillUntilItIsMoved(t *testing.T) {
	t.Parallel()
	start := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := finapitest.New(t, finapitest.WithTime(start), finapitest.WithEmptyWorld()).Clock()
	if !clock.Now().Equal(start) {
		t.Errorf("clock shows %s", clock.Now())
	}
	if err := clock.Sleep(t.Context(), time.Hour); err != nil {
		t.Error(err)
	}
	clock.Advance(-time.Minute)
	if want := start.Add(time.Hour); !clock.Now().Equal(want) {
		t.Errorf("clock shows %s, want %s", clock.Now(), want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if want := start.Add(time.Hour); !clock.Now().Equal(want) {
		t.Error("a sleep that is cancelled moves the clock")
	}
}

func TestARunningClockFollowsRealTime(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithRunningClock(), finapitest.WithImportDuration(time.Millisecond))
	clock := sim.Clock()
	before := clock.Now()
	if err := clock.Sleep(t.Context(), 5*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if passed := clock.Now().Sub(before); passed < 5*time.Millisecond || passed > time.Minute {
		t.Errorf("%s have passed", passed)
	}
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if err := sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	if err := clock.Sleep(t.Context(), 5*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	x := objects(c.access("GET", "/api/v2/bankConnections", nil).want(200).json()["connections"])[0]
	if x["updateStatus"] != "READY" {
		t.Errorf("connection is %v", x["updateStatus"])
	}
}

func TestManyCustomersWorkAtOnce(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	t.Run("group", func(t *testing.T) {
		for i := range 8 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				work(t, sim, i)
			})
		}
	})
	sim.Clock().Advance(time.Minute)
	if n := len(sim.Accounts()); n != 24 {
		t.Errorf("%d accounts", n)
	}
}

func work(t *testing.T, sim *finapitest.Server, i int) {
	t.Helper()
	c := customer(t, sim, fmt.Sprint("kunde", i))
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if err := sim.Approve(link); err != nil {
		t.Error(err)
	}
	sim.BankAccounts("amnis")[i%3].Book(finapitest.Booking{Amount: francs("1")})
	for range 5 {
		sim.Clock().Advance(time.Second)
		c.access("GET", "/api/v2/transactions?view=bankView", nil).want(200)
		c.access("GET", "/api/v2/bankConnections", nil).want(200)
		sim.Accounts()
		sim.Requests()
	}
}

func TestAProgramStartsAndClosesTheSimulator(t *testing.T) {
	t.Parallel()
	sim, err := finapitest.Start(finapitest.WithEmptyWorld())
	if err != nil {
		t.Fatal(err)
	}
	vendor(t, sim).access("GET", "/api/v2/banks", nil).want(200)
	sim.Close()
	sim.Close() // again, as with a deferred call
	sim.DeleteTransaction(1)
}

func TestARunningClockLetsThingsHappenByThemselves(t *testing.T) {
	t.Parallel()
	address, received := receiver(t)
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithRunningClock(), finapitest.WithImportDuration(0), finapitest.WithUpdateDuration(time.Millisecond))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	body := object{"bankConnectionId": jsonNumber(connection), "importNewAccountsMode": "SKIP", "callbacks": object{"finalised": address + "/?task"}}
	c.forms("POST", "/api/tasks/backgroundUpdate", body).want(201)
	if got := next(t, received); !strings.Contains(got, "COMPLETED") { // nobody has asked for the task
		t.Errorf("callback is %s", got)
	}
}

func TestARunningClockCanBeMovedOnAndNeverGoesBack(t *testing.T) {
	t.Parallel()
	address, received := receiver(t)
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithRunningClock(), finapitest.WithImportDuration(0), finapitest.WithTokenLife(0))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	id, _ := c.startForm(object{"callbacks": object{"finalised": address + "/?form"}})

	moved := make(chan struct{})
	go func() {
		defer close(moved)
		for range 90 * 24 {
			sim.Clock().Advance(time.Hour)
		}
	}()
	for before := sim.Clock().Now(); ; {
		now := sim.Clock().Now()
		if now.Before(before) {
			t.Fatalf("%s came after %s", now, before)
		}
		before = now
		select {
		case <-moved:
		default:
			continue
		}
		break
	}
	if got := next(t, received); !strings.Contains(got, "EXPIRED") {
		t.Errorf("callback is %s", got)
	}
	c.wantForm(id, "EXPIRED", "")
	body := object{"bankConnectionId": jsonNumber(connection), "importNewAccountsMode": "SKIP"}
	task := c.forms("POST", "/api/tasks/backgroundUpdate", body).want(201).json()["id"].(string)
	sim.Clock().Advance(4 * time.Second)
	if v := c.forms("GET", "/api/tasks/"+task, nil).want(200).json(); v["status"] != "WEB_FORM_REQUIRED" {
		t.Errorf("the consent has not expired: %v", v)
	}
}
