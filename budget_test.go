package finapi_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func TestTheFifthUpdateOfADayIsRefusedHereWithTheNextChance(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	refresh := func(customer *finapi.CustomerDevice) error {
		_, err := b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection, Customer: customer})
		return err
	}
	start := b.sim.Clock().Now()
	for range 4 {
		must(t, refresh(nil))
		b.sim.Clock().Advance(time.Hour)
	}
	before := len(allRows(t, b.user.Tasks().List(ctx)))
	e := failure(t, refresh(nil), finapi.CodeUpdateLimit)
	same(t, before, len(allRows(t, b.user.Tasks().List(ctx))))
	same(t, finapi.ActorBank, e.Actor)
	same(t, finapi.RetryLater, e.Retry())
	next := b.sim.Clock().Now().Add(e.RetryAfter)
	if day := next.Sub(start); day < 24*time.Hour || day > 24*time.Hour+time.Minute {
		t.Errorf("the next chance is %v after the first update, want a day", day)
	}
	must(t, refresh(theDevice())) // the customer is not counted
	b.sim.Clock().Advance(e.RetryAfter)
	must(t, refresh(nil))
	mustFail(t, refresh(nil), finapi.CodeUpdateLimit)
}

func TestAnUpdateOfFinAPIsBatchCountsToo(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	must(t, b.user.MockBatchUpdate(ctx, false, b.mock(nil)))
	_, err := b.user.WaitReady(ctx, b.connection)
	must(t, err)
	for range 3 {
		_, err := b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection})
		must(t, err)
	}
	_, err = b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection})
	mustFail(t, err, finapi.CodeUpdateLimit)
}

func TestAnUpdateThatFinAPIRefusedIsNotCounted(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]struct {
		reply reply
		free  bool
	}{
		"a refusal":     {reply{status: 403, body: fixture(t, "web_form_error_403.json")}, true},
		"a lost answer": {reply{err: errors.New("connection reset")}, false},
		"a failure":     {reply{status: 500}, false},
	} {
		budget := &finapi.MemoryBudget{}
		server := restingStub(t)
		server.on(updateRoute, answer.reply)
		_, err := server.user(finapi.WithBudget(budget)).Refresh(t.Context(), theConnection())
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		next, err := budget.Claim(t.Context(), finapi.ConnectionKey{Environment: "sandbox", Connection: 3540249}, server.clock.Now(), 1)
		must(t, err)
		if next.IsZero() != answer.free {
			t.Errorf("after %s, the budget is free: %v, want %v", name, next.IsZero(), answer.free)
		}
	}
}

// brokenBudget fails.
type brokenBudget struct{ claim, release error }

func (b brokenBudget) Claim(context.Context, finapi.ConnectionKey, time.Time, int) (time.Time, error) {
	return time.Time{}, b.claim
}

func (b brokenBudget) Release(context.Context, finapi.ConnectionKey, time.Time) error {
	return b.release
}

func TestABudgetThatFailsStopsTheUpdate(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	server := restingStub(t)
	_, err := server.user(finapi.WithBudget(brokenBudget{claim: broken})).Refresh(t.Context(), theConnection())
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the budget's error", err)
	}
	server.wantCalls(updateRoute, 0)
	server = restingStub(t)
	server.on(updateRoute, reply{status: 403, body: fixture(t, "web_form_error_403.json")})
	_, err = server.user(finapi.WithBudget(brokenBudget{release: broken})).Refresh(t.Context(), theConnection())
	if !errors.Is(err, broken) || !finapi.IsError(err, finapi.CodeForbidden) {
		t.Errorf("got %v, want both errors", err)
	}
	_, err = finapi.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBudget(nil))
	mustRefuse(t, err, "WithBudget")
}

func TestTheNextClaim(t *testing.T) {
	t.Parallel()
	at := instant("2026-11-20T12:00:00Z")
	ago := func(hours ...int) (times []time.Time) {
		for _, h := range hours {
			times = append(times, at.Add(time.Duration(-h)*time.Hour))
		}
		return times
	}
	cases := []struct {
		name    string
		counted []time.Time
		limit   int
		want    time.Time // zero: now
	}{
		{"nothing was counted", nil, 4, time.Time{}},
		{"three of four", ago(3, 2, 1), 4, time.Time{}},
		{"four of four: a day after the first", ago(4, 3, 2, 1), 4, at.Add(20 * time.Hour)},
		{"in any order", ago(1, 4, 2, 3), 4, at.Add(20 * time.Hour)},
		{"one is older than a day", ago(24, 3, 2, 1), 4, time.Time{}},
		{"more than the limit", ago(5, 4, 3, 2, 1), 4, at.Add(20 * time.Hour)},
		{"the limit is zero", nil, 0, at.Add(24 * time.Hour)},
		{"the clock was turned back", []time.Time{at.Add(time.Hour)}, 1, at.Add(25 * time.Hour)},
	}
	for _, tt := range cases {
		if got := finapi.NextClaim(tt.counted, at, tt.limit); !got.Equal(tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAClockThatIsAheadDoesNotFreeTheBudgetOfOthers(t *testing.T) {
	t.Parallel()
	var budget finapi.MemoryBudget
	claim := func(at time.Time) time.Time {
		next, err := budget.Claim(t.Context(), finapi.ConnectionKey{Connection: 1}, at, 4)
		must(t, err)
		return next
	}
	now := instant("2026-11-20T12:00:00Z")
	for range 4 {
		claim(now)
	}
	claim(now.Add(6 * 24 * time.Hour))
	if next := claim(now.Add(time.Minute)); next.IsZero() {
		t.Error("a fifth update of the day was allowed, because a program with a clock six days ahead had claimed one")
	}
}

func TestOfManyClaimsAtOnceNoMoreThanTheLimitSucceed(t *testing.T) {
	t.Parallel()
	var budget finapi.MemoryBudget
	var won atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			next, err := budget.Claim(t.Context(), finapi.ConnectionKey{Connection: 1}, instant("2026-11-20T12:00:00Z"), 4)
			if err == nil && next.IsZero() {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	same(t, int32(4), won.Load())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := budget.Claim(ctx, finapi.ConnectionKey{Connection: 2}, time.Now(), 4); !errors.Is(err, context.Canceled) {
		t.Errorf("a claim with an ended context gave %v", err)
	}
}
