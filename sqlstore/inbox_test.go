package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

func booked(uid finapi.UID) finapi.Event {
	return finapi.Booked{UID: uid, Transaction: row(uid, 1).Transaction, Reason: finapi.ReasonNew}
}

func removed(uid finapi.UID) finapi.Event {
	return finapi.Removed{UID: uid, Transaction: row(uid, 1).Transaction, Reason: finapi.ReasonLookedUp}
}

// revalued is a booking whose amount changed from one to another.
func revalued(uid finapi.UID, from, to string) finapi.Event {
	was, is := row(uid, 1).Transaction, row(uid, 1).Transaction
	was.Amount.Amount, is.Amount.Amount = decimal.RequireFromString(from), decimal.RequireFromString(to)
	return finapi.Modified{UID: uid, Old: was, New: is, Fields: []string{"amount"}, Material: true}
}

// inboxWith is the inbox of a ledger with some events.
func inboxWith(tb testing.TB, store *sqlstore.Store, ledger finapi.LedgerKey, events ...finapi.Event) *sqlstore.Inbox {
	tb.Helper()
	if err := sqlstore.FillWith(tb.Context(), store, ledger, events...); err != nil {
		tb.Fatal(err)
	}
	return store.Inbox(ledger)
}

// within does something in a transaction of the ERP.
func within(tb testing.TB, store *sqlstore.Store, do func(*sql.Tx) error) {
	tb.Helper()
	tx, err := store.DB().BeginTx(tb.Context(), nil)
	if err == nil {
		err = cmp.Or(do(tx), tx.Commit())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func next(tb testing.TB, inbox *sqlstore.Inbox, n int) []sqlstore.Item {
	tb.Helper()
	items, err := inbox.Next(tb.Context(), n)
	if err != nil {
		tb.Fatalf("Next: %v", err)
	}
	return items
}

// wantNext checks what Next returns by its keys.
func wantNext(tb testing.TB, inbox *sqlstore.Inbox, keys ...string) []sqlstore.Item {
	tb.Helper()
	items := next(tb, inbox, 100)
	var got []string
	for _, item := range items {
		got = append(got, item.Key)
	}
	if diff := gocmp.Diff(keys, got); diff != "" {
		tb.Errorf("what comes next (-want +got):\n%s", diff)
	}
	return items
}

func ack(tb testing.TB, inbox *sqlstore.Inbox, seqs ...int64) (n int) {
	tb.Helper()
	n, err := inbox.Ack(tb.Context(), nil, seqs...)
	if err != nil {
		tb.Fatalf("Ack: %v", err)
	}
	return n
}

func fail(tb testing.TB, inbox *sqlstore.Inbox, seq int64, reason string, retry time.Time) {
	tb.Helper()
	if err := inbox.Fail(tb.Context(), seq, reason, retry); err != nil {
		tb.Fatalf("Fail: %v", err)
	}
}

func fillAll(tb testing.TB, feed *finapi.Feed) {
	tb.Helper()
	if err := sqlstore.Fill(tb.Context(), feed); err != nil {
		tb.Fatalf("Fill: %v", err)
	}
}

func TestFillPutsEachEventIntoTheInboxOnceAndInItsOrder(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		feed, inbox := b.feed(store), store.Inbox(books)
		b.book(450) // three batches
		fillAll(t, feed)
		fillAll(t, feed)
		var came []string
		for {
			items := next(t, inbox, 100)
			if len(items) == 0 {
				break
			}
			for _, item := range items {
				came = append(came, item.Event.(finapi.Booked).Transaction.Amount.String())
				ack(t, inbox, item.Seq)
			}
		}
		if len(came) != 450 || came[0] != "-0.01 EUR" || came[449] != "-4.50 EUR" || !slices.IsSortedFunc(came, byAmount) {
			t.Errorf("got %d bookings, want the 450 in the order in which they were booked: %v", len(came), came)
		}
	})
}

func byAmount(a, b string) int {
	amount := func(text string) decimal.Decimal { return decimal.RequireFromString(strings.Fields(text)[0]) }
	return amount(b).Cmp(amount(a))
}

func TestTheInboxAndTheMemoryAreStoredTogether(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		b.book(3)
		feed := b.feed(store)
		for _, rename := range []string{`finapi_inbox RENAME TO elsewhere`, `elsewhere RENAME TO finapi_inbox`} {
			if _, err := store.DB().Exec(`ALTER TABLE ` + rename); err != nil {
				t.Fatal(err)
			}
			if rename == `elsewhere RENAME TO finapi_inbox` {
				break
			}
			if err := sqlstore.Fill(t.Context(), feed); err == nil {
				t.Fatal("without its table, the inbox was filled")
			}
			if mark, err := store.Mark(t.Context(), books); err != nil || mark.Version != 0 {
				t.Errorf("the feed remembers version %d, %v, though nothing came into the inbox", mark.Version, err)
			}
		}
		fillAll(t, feed)
		if items := next(t, store.Inbox(books), 10); len(items) != 3 {
			t.Errorf("then %d events came, want 3", len(items))
		}
	})
}

func TestAnItemComesAgainUntilItIsAcknowledged(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.openWithJournal(t)
		inbox := inboxWith(t, store, books, booked("a"), booked("b"), finapi.Synced{Pass: finapi.PassFast})
		first := wantNext(t, inbox, "a#booked", "b#booked")
		if diff := gocmp.Diff(first, wantNext(t, inbox, "a#booked", "b#booked")); diff != "" {
			t.Errorf("the same items came otherwise:\n%s", diff)
		}
		if diff := gocmp.Diff([]finapi.Event{booked("a"), booked("b")}, []finapi.Event{first[0].Event, first[1].Event}); diff != "" {
			t.Errorf("the events are others (-want +got):\n%s", diff)
		}
		if items := next(t, inbox, 1); len(items) != 1 || items[0].Key != "a#booked" {
			t.Errorf("of one, the next are %v, want the oldest", items)
		}

		crash := errors.New("the ERP's transaction is rolled back")
		book := func(tx *sql.Tx) error {
			_, err := inbox.Ack(t.Context(), tx, first[0].Seq)
			return cmp.Or(err, enter(t.Context(), tx, []finapi.Event{first[0].Event}))
		}
		tx, err := store.DB().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmp.Or(book(tx), tx.Rollback(), crash); !errors.Is(err, crash) {
			t.Fatal(err)
		}
		wantNext(t, inbox, "a#booked", "b#booked")
		within(t, store, book)
		wantNext(t, inbox, "b#booked")
		if got := journal(t, store.DB()); !slices.Equal(got, []string{"a"}) {
			t.Errorf("the journal holds %v, want what was acknowledged", got)
		}

		// One again, one twice, and one that is not there.
		if n := ack(t, inbox, first[1].Seq, first[0].Seq, first[1].Seq, 4711); n != 1 {
			t.Errorf("%d items are said to be acknowledged, want the one that was open", n)
		}
		if n := ack(t, inbox); n != 0 {
			t.Errorf("of no items, %d are said to be acknowledged", n)
		}
		wantNext(t, inbox)
		if got := count(t, store.DB(), "finapi_inbox WHERE event IS NOT NULL OR reason <> ''"); got != 0 {
			t.Errorf("%d acknowledged items still hold bank data", got)
		}
	})
}

func TestALaterEventOfABookingWaitsForTheEarlierOne(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		inbox := inboxWith(t, d.open(t), books,
			booked("a"), booked("b"), finapi.Notice{Kind: finapi.NoticeStale}, removed("a"), finapi.Notice{Kind: finapi.NoticeGap},
			finapi.Locked{Change: revalued("b", "1", "2"), Until: finapi.Date{Year: 2026, Month: 1, Day: 31}})
		const stale, gap = "finapi/sandbox/tenant-17/1200#notice/stale_data///A8R_zrB2aGtTwaV3",
			"finapi/sandbox/tenant-17/1200#notice/gap_suspected///A8R_zrB2aGtTwaV3"
		items := wantNext(t, inbox, "a#booked", "b#booked", stale, gap)
		ack(t, inbox, items[2].Seq, items[1].Seq)
		items = next(t, inbox, 100)
		if len(items) != 3 || items[0].Key != "a#booked" || items[1].Key != gap || !strings.HasPrefix(items[2].Key, "b#locked/modified/") {
			t.Errorf("got %v, want that only the change of a waits", items)
		}
		ack(t, inbox, items[0].Seq)
		if items = next(t, inbox, 100); items[0].Key != "a#removed" {
			t.Errorf("got %v, want the removal after its booking", items)
		}
	})
}

// clock stands still until it is set.
type clock struct{ time.Time }

func (c *clock) Now() time.Time                             { return c.Time }
func (c *clock) Sleep(context.Context, time.Duration) error { return errors.New("nobody waits here") }

func TestAnItemThatFailsStaysVisibleAndHoldsUpNothingElse(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		inbox := inboxWith(t, store, books, booked("a"), booked("b"), removed("a"), booked("c"))
		now := &clock{time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)}
		inbox.Clock = now
		first := next(t, inbox, 100)
		later := now.Add(time.Hour)
		fail(t, inbox, first[0].Seq, "the period is closed", later)
		wantNext(t, inbox, "b#booked", "c#booked") // and not the removal of a
		poison := sqlstore.Item{
			Seq: first[0].Seq, Key: "a#booked", Event: booked("a"), Attempts: 1, Reason: "the period is closed", Retry: later,
		}
		wantFailed(t, inbox, poison)

		now.Time = later.Add(-time.Millisecond)
		wantNext(t, inbox, "b#booked", "c#booked")
		now.Time = later
		if diff := gocmp.Diff(poison, wantNext(t, inbox, "b#booked", "c#booked", "a#booked")[2]); diff != "" {
			t.Errorf("when its time has come, it is (-want +got):\n%s", diff)
		}
		if items := next(t, inbox, 2); items[0].Attempts+items[1].Attempts != 0 {
			t.Errorf("an item that fails keeps others from coming: got %v", items)
		}
		fail(t, inbox, poison.Seq, strings.Repeat("ä", 1000)+"z\x00\xff", time.Time{})
		poison.Attempts, poison.Reason, poison.Retry = 2, strings.Repeat("ä", 1000), time.Time{}
		wantFailed(t, inbox, poison)
		fail(t, inbox, poison.Seq, "\x00\xff", time.Time{})
		poison.Attempts, poison.Reason = 3, "\uFFFD\uFFFD"
		wantFailed(t, inbox, poison)

		ack(t, inbox, poison.Seq)
		fail(t, inbox, poison.Seq, "too late", later)
		fail(t, inbox, 4711, "never there", later)
		wantFailed(t, inbox)
		wantNext(t, inbox, "b#booked", "a#removed", "c#booked")
	})
}

func wantFailed(tb testing.TB, inbox *sqlstore.Inbox, want ...sqlstore.Item) {
	tb.Helper()
	got, err := inbox.Failed(tb.Context())
	if err != nil {
		tb.Fatalf("Failed: %v", err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		tb.Errorf("what has failed (-want +got):\n%s", diff)
	}
}

func TestABookingThatIsChangedBackAndForthHasAKeyForEachChange(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		there, back := revalued("a", "1", "2"), revalued("a", "2", "1")
		mismatch := finapi.Notice{Kind: finapi.NoticeStale}
		inboxWith(t, store, books, there, back, mismatch, there, mismatch)
		inbox := inboxWith(t, store, books, back, there)
		keys := map[string]int{}
		for {
			items := next(t, inbox, 100)
			if len(items) == 0 {
				break
			}
			for _, item := range items {
				keys[item.Key]++
				ack(t, inbox, item.Seq)
			}
		}
		changed, reverted := finapi.EventKey(there), finapi.EventKey(back)
		const stale = "finapi/sandbox/tenant-17/1200#notice/stale_data///A8R_zrB2aGtTwaV3"
		want := map[string]int{
			changed: 1, reverted: 1, changed + "~2": 1, reverted + "~2": 1, changed + "~3": 1, stale: 1, stale + "~2": 1,
		}
		if diff := gocmp.Diff(want, keys); diff != "" {
			t.Errorf("the keys (-want +got):\n%s", diff)
		}
	})
}

func TestLedgersHaveInboxesOfTheirOwn(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		other := finapi.LedgerKey{Environment: "live", Ledger: books.Ledger}
		mine, theirs := inboxWith(t, store, books, booked("a")), inboxWith(t, store, other, booked("a"))
		seq := wantNext(t, theirs, "a#booked")[0].Seq
		ack(t, mine, seq)
		fail(t, mine, seq, "not mine", time.Time{})
		wantNext(t, mine, "a#booked")
		wantFailed(t, theirs)
		if err := store.Forget(t.Context(), books); err != nil {
			t.Fatal(err)
		}
		wantNext(t, mine)
		wantNext(t, theirs, "a#booked")
		if got := count(t, store.DB(), "finapi_inbox"); got != 1 {
			t.Errorf("%d events are left after one of two ledgers was forgotten, want 1", got)
		}
		again := wantNext(t, inboxWith(t, store, books, booked("a")), "a#booked")
		if again[0].Seq <= seq {
			t.Errorf("the number %d was given again", again[0].Seq)
		}
	})
}

func TestADecisionGoesIntoTheInbox(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		b.book(1)
		feed, inbox := b.feed(store), store.Inbox(books)
		fillAll(t, feed)
		b.flagged()
		fillAll(t, feed)
		items := next(t, inbox, 10)
		review, ok := items[len(items)-1].Event.(finapi.Review)
		if !ok {
			t.Fatalf("got %v, want a review", items)
		}
		if err := sqlstore.Decide(t.Context(), feed, review.UID, finapi.Confirmed, "person-7", nil); err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			ack(t, inbox, item.Seq)
		}
		wantNext(t, inbox, string(review.UID)+"#booked")
	})
}

func TestManyWorkersThatPullAtOnceBookEachItemOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		b.book(60)
		fillAll(t, b.feed(store))
		var wait sync.WaitGroup
		for _, s := range stores(t, d, store)[:8] {
			wait.Go(func() {
				if err := pull(t.Context(), s); err != nil {
					t.Errorf("a worker ended with %v", err)
				}
			})
		}
		wait.Wait()
		wantBookedOnce(t, b, store)
		wantNext(t, store.Inbox(books))
	})
}

// pull is a worker of an ERP whose books are in the same database.
func pull(ctx context.Context, store *sqlstore.Store) error {
	inbox := store.Inbox(books)
	for {
		items, err := inbox.Next(ctx, 7)
		if err != nil || len(items) == 0 {
			return err
		}
		for _, item := range items {
			if _, err := take(ctx, store, item); err != nil {
				return err
			}
		}
	}
}

// take books an item, if no other worker was faster, and reports whether it did.
func take(ctx context.Context, store *sqlstore.Store, item sqlstore.Item) (bool, error) {
	tx, err := store.DB().BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	n, err := store.Inbox(books).Ack(ctx, tx, item.Seq)
	if err != nil || n == 0 {
		return false, errors.Join(err, tx.Rollback())
	}
	if err := enter(ctx, tx, []finapi.Event{item.Event}); err != nil {
		return false, errors.Join(err, tx.Rollback())
	}
	return true, tx.Commit()
}

func TestTheSlowerOfTwoWorkersLearnsThatTheOtherOneWasFaster(t *testing.T) {
	onEach(t, strictKinds, func(t *testing.T, d database) {
		store, second := d.openWithJournal(t), d.open(t)
		inbox := inboxWith(t, store, books, booked("a"), booked("b"))
		for _, item := range next(t, inbox, 2) {
			commits := item.Key == "b#booked" // the faster one gives up a
			tx, err := store.DB().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := inbox.Ack(t.Context(), tx, item.Seq)
			if err := cmp.Or(err, enter(t.Context(), tx, []finapi.Event{item.Event})); err != nil || n != 1 {
				t.Fatalf("the faster worker acknowledged %d items, %v, want 1", n, err)
			}
			var took bool
			slower := make(chan error, 1)
			go func() {
				var err error
				took, err = take(t.Context(), second, item)
				slower <- err
			}()
			if d.Dialect == sqlstore.PostgreSQL { // in SQLite, it cannot begin
				waitForAWaiting(t.Context(), t, store.DB())
			}
			end := tx.Rollback
			if commits {
				end = tx.Commit
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			// With stricter transactions, it is the database that says so.
			if err := <-slower; err != nil && (!commits || !finapi.IsError(err, finapi.CodeConflict)) {
				t.Fatal(err)
			}
			if took == commits {
				t.Errorf("the faster worker commits: %t; the slower one books: %t, want one of them", commits, took)
			}
		}
		if got := journal(t, store.DB()); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("the journal holds %v, want each booking once", got)
		}
	})
}

func TestAnEventOfANewerProgramIsNotPassedOver(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		inbox := inboxWith(t, store, books, booked("a"), booked("b"))
		seq := next(t, inbox, 1)[0].Seq
		_, err := store.DB().Exec(`UPDATE finapi_inbox SET event = '{"kind":"paid","event":{"uid":"a"}}' WHERE seq = $1`, seq)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("sqlstore: read item %d of the inbox: finapi: SDK_INVALID_INPUT: "+
			"kind is none that this version of the package knows [vendor must act]", seq)
		if _, err := inbox.Next(t.Context(), 10); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		tomorrow := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
		fail(t, inbox, seq, "too new", tomorrow)
		wantNext(t, inbox, "b#booked")
		wantFailed(t, inbox, sqlstore.Item{Seq: seq, Key: "a#booked", Attempts: 1, Reason: "too new", Retry: tomorrow})
	})
}

func TestTheInboxRefusesBadInputAndObeysTheContext(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		wantCode(t, sqlstore.Fill(t.Context(), nil), finapi.CodeInvalidInput)
		wantCode(t, sqlstore.Fill(t.Context(), b.user.Feed(b.account, "x", &finapi.MemoryStore{})), finapi.CodeInvalidInput)
		inbox := inboxWith(t, store, books)
		for _, n := range []int{-1, 0, 1001} {
			_, err := inbox.Next(t.Context(), n)
			wantCode(t, err, finapi.CodeInvalidInput)
		}
		for name, event := range map[string]finapi.Event{"nothing": nil, "a booking without its UID": finapi.Booked{}} {
			err := sqlstore.FillWith(t.Context(), store, books, booked("a"), event)
			if mark, _ := store.Mark(t.Context(), books); !finapi.IsError(err, finapi.CodeInvalidInput) || mark.Version != 1 {
				t.Errorf("%s went into the inbox: %v; the ledger has version %d, want 1", name, err, mark.Version)
			}
		}
		wantNext(t, inbox)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, nextErr := inbox.Next(ended, 1)
		_, failedErr := inbox.Failed(ended)
		_, ackErr := inbox.Ack(ended, nil, 1)
		for _, err := range []error{nextErr, failedErr, ackErr, inbox.Fail(ended, 1, "", time.Time{})} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the end of the context", err)
			}
		}
	})
}
