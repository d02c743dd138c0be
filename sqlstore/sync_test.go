package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// enter is an ERP: it writes bookings into the journal.
func enter(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
	for _, event := range batch {
		booked, ok := event.(finapi.Booked)
		if !ok {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO journal (uid, amount) VALUES ($1, $2)`,
			string(booked.UID), booked.Transaction.Amount.Amount.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func TestSyncCommitsTheERPsRowsAndTheMemoryTogether(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		syncCommitsTogether(t, d)
	})
}

func syncCommitsTogether(t *testing.T, d database) {
	t.Helper()
	b, store := newBank(t), d.openWithJournal(t)
	feed := b.feed(store)
	b.book(450) // three batches
	var sizes []int
	var last finapi.Event
	err := sqlstore.Sync(t.Context(), feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		sizes, last = append(sizes, len(batch)), batch[len(batch)-1]
		return enter(ctx, tx, batch)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{200, 200, 50, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
	if synced, ok := last.(finapi.Synced); !ok || !synced.Complete || synced.Booked != 450 {
		t.Errorf("the last event is %+v, want a complete Synced of 450", last)
	}
	wantBookedOnce(t, b, store)

	t.Run("a second synchronisation books nothing again", func(t *testing.T) {
		syncAll(t, feed)
		wantBookedOnce(t, b, store)
	})
	t.Run("later ones book what is new", func(t *testing.T) {
		b.book(3)
		syncAll(t, feed)
		wantBookedOnce(t, b, store)
	})
}

func TestSyncLeavesNothingBehindIfApplyFails(t *testing.T) {
	t.Parallel()
	errERP := errors.New("the period is closed")
	fail := map[string]func(cancel func()) error{
		"by an error":              func(func()) error { return errERP },
		"by a panic":               func(func()) error { panic(errERP) },
		"because the context ends": func(cancel func()) error { cancel(); return nil },
	}
	for how, end := range fail {
		t.Run(how, func(t *testing.T) {
			for name, kind := range kinds {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					failingApply(t, kind(t), end, errERP)
				})
			}
		})
	}
}

// failingApply fails as end does when the second batch is entered.
func failingApply(t *testing.T, d database, end func(cancel func()) error, reason error) {
	t.Helper()
	b, store := newBank(t), d.openWithJournal(t)
	feed := b.feed(store)
	b.book(450)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	var lost []finapi.UID
	err := recovered(func() error {
		return sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			if err := enter(ctx, tx, batch); err != nil {
				return err
			}
			if calls++; calls < 2 {
				return nil
			}
			lost = uidsOf(batch)
			return end(cancel)
		})
	})
	if !errors.Is(err, reason) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the reason", err)
	}
	if n := len(journal(t, store.DB())); n != 200 {
		t.Errorf("the journal holds %d entries, want the 200 of the first batch", n)
	}
	mark, err := store.Mark(t.Context(), books)
	if err != nil || mark.Version != 1 || mark.Bookings != 200 {
		t.Errorf("got the mark %+v, %v, want the one after the first batch", mark, err)
	}

	var again []finapi.UID
	err = sqlstore.Sync(t.Context(), feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		if again == nil {
			again = uidsOf(batch)
		}
		return enter(ctx, tx, batch)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lost, again) {
		t.Errorf("then got %d UIDs, want the same %d as before", len(again), len(lost))
	}
	wantBookedOnce(t, b, store)
}

const workers = 16

// untilWon synchronises until no other worker is faster.
func untilWon(ctx context.Context, feed *finapi.Feed) error {
	for {
		if err := sqlstore.Sync(ctx, feed, enter); !finapi.IsError(err, finapi.CodeConflict) {
			return err
		}
	}
}

// stores returns a Store for each worker: half of them share one, the others are
// like processes of their own.
func stores(t *testing.T, d database, first *sqlstore.Store) []*sqlstore.Store {
	t.Helper()
	all := make([]*sqlstore.Store, workers)
	for n := range all {
		all[n] = first
		if n%2 == 1 {
			all[n] = d.open(t)
		}
	}
	return all
}

func TestManyWorkersOnOneAccountBookOnce(t *testing.T) {
	onEach(t, strictKinds, func(t *testing.T, d database) {
		b, first := newBank(t), d.openWithJournal(t)
		b.book(450)
		var wg sync.WaitGroup
		for _, store := range stores(t, d, first) {
			wg.Go(func() {
				if err := untilWon(t.Context(), b.feed(store)); err != nil {
					t.Errorf("got %v, want success in the end", err)
				}
			})
		}
		wg.Wait()
		wantBookedOnce(t, b, first)
	})
}

var accounts = flag.Int("accounts", 4, "how many accounts the workers of TestManyWorkersOnManyAccountsBookOnce have; try 1000")

func TestManyWorkersOnManyAccountsBookOnce(t *testing.T) {
	t.Parallel()
	tenants, payments := *accounts, max(3, 840 / *accounts)
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := kind(t)
			b, first := newBank(t), d.openWithJournal(t)
			b.book(payments)
			var wg sync.WaitGroup
			for n, store := range stores(t, d, first) {
				wg.Go(func() {
					for i := range tenants { // each begins elsewhere
						ledger := finapi.LedgerID(fmt.Sprintf("tenant-%d/1200", (n+i)%tenants))
						if err := untilWon(t.Context(), b.user.Feed(b.account, ledger, store)); err != nil {
							t.Errorf("%s: got %v, want success in the end", ledger, err)
						}
					}
				})
			}
			wg.Wait()
			uids := journal(t, first.DB())
			if once := slices.Compact(slices.Clone(uids)); len(uids) != tenants*payments || len(once) != len(uids) {
				t.Errorf("the journal holds %d entries of %d bookings, want %d", len(uids), len(once), tenants*payments)
			}
		})
	}
}

// deadlock is an error as drivers of PostgreSQL return it.
type deadlock struct{ error }

func (deadlock) SQLState() string { return "40P01" }

func TestSyncStartsOverIfTheDatabaseGivesUpTheERPsTransaction(t *testing.T) {
	t.Parallel()
	b, store := newBank(t), newFile(t).openWithJournal(t)
	b.book(3)
	calls := 0
	err := sqlstore.Sync(t.Context(), b.feed(store), func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		if err := enter(ctx, tx, batch); err != nil {
			return err
		}
		if calls++; calls == 1 {
			return fmt.Errorf("enter the batch: %w", deadlock{errors.New("deadlock detected")})
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("got %v after %d calls, want success after the first batch twice and the end", err, calls)
	}
	wantBookedOnce(t, b, store)
}

func TestSyncInADatabaseOfTheERP(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		if _, err := db.Exec(`CREATE TABLE journal (uid TEXT NOT NULL, amount TEXT NOT NULL)`); err != nil {
			t.Fatal(err)
		}
		store, err := sqlstore.New(t.Context(), db, d.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		b := newBank(t)
		b.book(250)
		syncAll(t, b.feed(store))
		wantBookedOnce(t, b, store)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(); err != nil {
			t.Errorf("after Close: %v, want the ERP's database open", err)
		}
	})
}

func TestSyncRefuses(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	var missing *sqlstore.Store
	for name, c := range map[string]struct {
		feed  *finapi.Feed
		apply func(context.Context, *sql.Tx, []finapi.Event) error
		want  string
	}{
		"no feed":               {nil, enter, "finapi: SDK_INVALID_INPUT: feed must not be nil [vendor must act]"},
		"no apply":              {b.feed(newFile(t).openWithJournal(t)), nil, "finapi: SDK_INVALID_INPUT: apply must not be nil [vendor must act]"},
		"another kind of Store": {b.feed(&finapi.MemoryStore{}), enter, "finapi: SDK_INVALID_INPUT: Store must be a *sqlstore.Store, as sqlstore.OpenFile and sqlstore.New return it [vendor must act]"},
		"a nil Store":           {b.feed(missing), enter, "finapi: SDK_INVALID_INPUT: Store must be a *sqlstore.Store, as sqlstore.OpenFile and sqlstore.New return it [vendor must act]"},
	} {
		t.Run(name, func(t *testing.T) {
			err := sqlstore.Sync(t.Context(), c.feed, c.apply)
			if !finapi.IsError(err, finapi.CodeInvalidInput) || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestSyncSaysSoIfApplyEndsTheTransaction(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		b.book(1)
		feed := b.feed(store)
		err := sqlstore.Sync(t.Context(), feed, func(_ context.Context, tx *sql.Tx, _ []finapi.Event) error {
			return tx.Rollback()
		})
		wantEnded(t, err)
		if !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("got %v, want sql.ErrTxDone", err)
		}
		syncAll(t, feed)
		wantBookedOnce(t, b, store)
	})
}

// wantEnded checks that an error tells what apply did and what may come of it.
func wantEnded(tb testing.TB, err error) {
	tb.Helper()
	for _, part := range []string{"apply has ended the transaction", "may be stored without the ERP's rows"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			tb.Errorf("got %v, want an error that says: %s", err, part)
		}
	}
	if finapi.IsError(err, finapi.CodeConflict) {
		tb.Errorf("got %v, which has the feed start over as if nothing were stored", err)
	}
}

// TestSyncSaysSoIfApplyEndsTheTransactionBySQL, as a script does that somebody wrote for other
// purposes: database/sql does not notice it, and whatever comes of it is not what was promised.
func TestSyncSaysSoIfApplyEndsTheTransactionBySQL(t *testing.T) {
	t.Parallel()
	scripts := []string{
		"COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "COMMIT; BEGIN; COMMIT",
	}
	failures := map[string]error{
		"and succeeds": nil, "and fails": errors.New("the period is closed"), "and fails by a conflict": deadlock{errors.New("deadlock detected")},
	}
	for name, kind := range kinds {
		for _, script := range scripts {
			for how, failure := range failures {
				t.Run(name+": "+script+" "+how, func(t *testing.T) {
					t.Parallel()
					b, store := newBank(t), kind(t).openWithJournal(t)
					b.book(1)
					wantEnded(t, sqlstore.Sync(t.Context(), b.feed(store), func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
						if _, err := tx.ExecContext(ctx, script); err != nil {
							return err
						}
						return errors.Join(enter(ctx, tx, batch), failure)
					}))
				})
			}
		}
	}
}

// TestAFailedStatementOfTheERPsIsNotTakenForTheEndOfTheTransaction, also if apply says nothing of it.
func TestAFailedStatementOfTheERPsIsNotTakenForTheEndOfTheTransaction(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		b.book(1)
		feed := b.feed(store)
		var failure error
		err := sqlstore.Sync(t.Context(), feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			_, failure = tx.ExecContext(ctx, `INSERT INTO missing VALUES (1)`)
			if d.Dialect == sqlstore.PostgreSQL { // which gives up the whole transaction
				return nil
			}
			return errors.Join(failure, enter(ctx, tx, batch))
		})
		if failure == nil || err == nil || strings.Contains(err.Error(), "has ended") {
			t.Errorf("after %v, Sync said %v, want an error about the statement", failure, err)
		}
		syncAll(t, feed)
		wantBookedOnce(t, b, store)
	})
}

func TestForgetDeletesOneLedgersMemory(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		other := finapi.LedgerKey{Environment: "live", Ledger: books.Ledger}
		commit(t, store, other, change(0, row("a", 1)))
		b.book(250)
		feed := b.feed(store)
		syncAll(t, feed)
		for range 2 { // forgetting twice is no error
			if err := store.Forget(t.Context(), books); err != nil {
				t.Fatal(err)
			}
		}
		for table, want := range map[string]int{
			"finapi_feed WHERE environment = 'live'": 1, "finapi_feed": 1, "finapi_source": 1, "finapi_row WHERE uid = 'a'": 1,
			"finapi_row": 1, "finapi_alias": 1,
		} {
			if got := count(t, store.DB(), table); got != want {
				t.Errorf("%s: %d rows, want %d", table, got, want)
			}
		}
		if _, err := store.DB().Exec(`DELETE FROM journal`); err != nil {
			t.Fatal(err)
		}
		syncAll(t, feed)
		wantBookedOnce(t, b, store)
	})
}

func syncAll(t *testing.T, feed *finapi.Feed) {
	t.Helper()
	if err := sqlstore.Sync(t.Context(), feed, enter); err != nil {
		t.Fatal(err)
	}
}

// recovered turns a panic with an error into that error.
func recovered(do func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = reason.(error)
		}
	}()
	return do()
}

func uidsOf(batch []finapi.Event) []finapi.UID {
	var uids []finapi.UID
	for _, event := range batch {
		if booked, ok := event.(finapi.Booked); ok {
			uids = append(uids, booked.UID)
		}
	}
	return uids
}

// fileOf returns the file that a store is in.
func fileOf(tb testing.TB, store *sqlstore.Store) (path string) {
	tb.Helper()
	if err := store.DB().QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path); err != nil {
		tb.Fatal(err)
	}
	return path
}
