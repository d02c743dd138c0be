package sqlstore_test

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

var theConnection = finapi.ConnectionKey{Environment: "sandbox", Connection: 7}

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 123456789, time.UTC)

func TestNoMoreUpdatesAreClaimedThanTheLimit(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		claim := func(c finapi.ConnectionKey, at time.Time, limit int) time.Time {
			t.Helper()
			next, err := store.Budget().Claim(t.Context(), c, at, limit)
			if err != nil {
				t.Fatal(err)
			}
			return next
		}
		for n := range 4 {
			if next := claim(theConnection, noon.Add(time.Duration(n)*time.Hour), 4); !next.IsZero() {
				t.Fatalf("update %d has to wait until %v", n+1, next)
			}
		}
		if next, want := claim(theConnection, noon.Add(5*time.Hour), 4), noon.Add(24*time.Hour); !next.Equal(want) {
			t.Errorf("the fifth update may start at %v, want %v, a day after the first", next, want)
		}
		if next := claim(theConnection, noon.Add(24*time.Hour), 4); !next.IsZero() {
			t.Errorf("a day after the first, an update has to wait until %v", next)
		}
		for _, other := range []finapi.ConnectionKey{{Environment: "live", Connection: 7}, {Environment: "sandbox", Connection: 8}} {
			if next := claim(other, noon.Add(5*time.Hour), 4); !next.IsZero() {
				t.Errorf("%v has to wait for another connection until %v", other, next)
			}
		}
	})
}

func TestAClockThatIsAheadDoesNotFreeTheBudgetOfOthers(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		budget := d.open(t).Budget()
		claim := func(at time.Time) time.Time {
			t.Helper()
			next, err := budget.Claim(t.Context(), theConnection, at, 4)
			if err != nil {
				t.Fatal(err)
			}
			return next
		}
		for range 4 {
			claim(noon)
		}
		claim(noon.Add(6 * 24 * time.Hour))
		if next := claim(noon.Add(time.Minute)); next.IsZero() {
			t.Error("a fifth update of the day was allowed, because a machine with a clock six days ahead had claimed one")
		}
	})
}

func TestClaimsAreForgottenAfterAWeek(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		for day := range 15 {
			if _, err := store.Budget().Claim(t.Context(), theConnection, noon.AddDate(0, 0, day), 4); err != nil {
				t.Fatal(err)
			}
		}
		var kept []time.Time
		var data []byte
		err := store.DB().QueryRow(`SELECT started FROM finapi_budget`).Scan(&data)
		if err = errors.Join(err, json.Unmarshal(data, &kept)); err != nil || len(kept) != 7 {
			t.Errorf("%d claims of 15 days are kept, %v, want those of a week", len(kept), err)
		}
	})
}

func TestAClaimThatIsTakenBackIsFreeAgain(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		budget := d.open(t).Budget()
		ctx := t.Context()
		if _, err := budget.Claim(ctx, theConnection, noon, 1); err != nil {
			t.Fatal(err)
		}
		if err := budget.Release(ctx, theConnection, noon.Add(time.Second)); err != nil {
			t.Errorf("taking back what was not claimed: %v", err)
		}
		if next, err := budget.Claim(ctx, theConnection, noon, 1); err != nil || next.IsZero() {
			t.Errorf("got %v, %v, want a refusal: another claim was taken back", next, err)
		}
		if err := budget.Release(ctx, theConnection, noon); err != nil {
			t.Fatal(err)
		}
		if next, err := budget.Claim(ctx, theConnection, noon, 1); err != nil || !next.IsZero() {
			t.Errorf("got %v, %v, want a claim", next, err)
		}
	})
}

func TestOfManyProcessesNoMoreClaimThanTheLimit(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 4 {
			store := d.open(t)
			for range 8 {
				wait.Go(func() {
					next, err := store.Budget().Claim(t.Context(), theConnection, noon, 4)
					if err != nil {
						t.Error(err)
					} else if next.IsZero() {
						won.Add(1)
					}
				})
			}
		}
		wait.Wait()
		if got := won.Load(); got != 4 {
			t.Errorf("%d updates were claimed, want 4", got)
		}
	})
}

func TestAStateIsUsedOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		stores := []*sqlstore.Store{d.open(t), d.open(t)}
		var first atomic.Int32
		var wait sync.WaitGroup
		for n := range 16 {
			wait.Go(func() {
				ok, err := stores[n%2].States().Use(t.Context(), "state", noon)
				if err != nil {
					t.Error(err)
				} else if ok {
					first.Add(1)
				}
			})
		}
		wait.Wait()
		if got := first.Load(); got != 1 {
			t.Errorf("a state was used %d times, want once", got)
		}
		if ok, err := stores[0].States().Use(t.Context(), "another", noon); err != nil || !ok {
			t.Errorf("another state: %v, %v", ok, err)
		}
	})
}

func TestUsedStatesAreForgottenLongAfterTheyExpired(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		for _, at := range []time.Time{noon, noon.Add(23 * time.Hour), noon.Add(25 * time.Hour)} {
			if _, err := store.States().Use(t.Context(), at.String(), at); err != nil {
				t.Fatal(err)
			}
		}
		if got := count(t, store.DB(), "finapi_state"); got != 2 {
			t.Errorf("%d states are kept, want 2: the first expired a day before the last", got)
		}
	})
}

func TestAFailingDatabaseClaimsAndUsesNothing(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		if err := store.DB().Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Budget().Claim(t.Context(), theConnection, noon, 4); err == nil {
			t.Error("an update was claimed")
		}
		if err := store.Budget().Release(t.Context(), theConnection, noon); err == nil {
			t.Error("a claim was taken back")
		}
		if first, err := store.States().Use(t.Context(), "x", noon); err == nil || first {
			t.Error("a state was used")
		}
	})
}
