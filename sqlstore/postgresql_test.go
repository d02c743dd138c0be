package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// Whatever the isolation level, a worker waits for the one that has the ledger, and
// then learns that it has come too late.
func TestAWorkerThatWaitedForAnotherOneGetsAConflict(t *testing.T) {
	t.Parallel()
	for name, kind := range strictKinds {
		if name == "SQLite" {
			continue // begins with the lock; see the test of the file
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := kind(t)
			b, first, second := newBank(t), d.openWithJournal(t), d.open(t)
			for payments := range 3 { // at the first commit of the ledger, and later
				b.book(payments + 1)
				mark, err := first.Mark(t.Context(), books)
				if err != nil {
					t.Fatal(err)
				}
				late := make(chan error, 1)
				started := false
				err = sqlstore.Sync(t.Context(), b.feed(first), func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
					if !started {
						started = true
						go func() { late <- second.Commit(ctx, books, change(mark.Version, row("late", 99))) }()
						waitForAWaiting(ctx, t, second.DB())
					}
					return enter(ctx, tx, batch)
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := <-late; !finapi.IsError(err, finapi.CodeConflict) {
					t.Errorf("the late worker got %v, want a conflict", err)
				}
				wantBookedOnce(t, b, first)
			}
		})
	}
}

// waitForAWaiting returns when somebody waits for a lock in the database.
func waitForAWaiting(ctx context.Context, t *testing.T, db *sql.DB) {
	t.Helper()
	for waiting := 0; waiting == 0; {
		err := db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Errorf("look for the late worker: %v", err)
			return
		}
	}
}

func TestAWorkerInheritsTheLedgerOfOneThatGaveUp(t *testing.T) {
	t.Parallel()
	for name, kind := range strictKinds {
		if name == "SQLite" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := kind(t)
			first, second := d.open(t), d.open(t)
			commit(t, first, books, change(0, row("a", 1)))
			tx, err := first.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(`UPDATE finapi_feed SET version = version + 1`); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- second.Commit(t.Context(), books, change(1, row("b", 2))) }()
			waitForAWaiting(t.Context(), t, second.DB())
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Errorf("got %v, want that the commit goes on", err)
			}
		})
	}
}

func TestTheTablesCanBeInASchemaOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := newServerDatabase(t)
	if _, err := d.connect(t).Exec(`CREATE SCHEMA one; CREATE SCHEMA two`); err != nil {
		t.Fatal(err)
	}
	for _, schema := range []string{"one", "two"} {
		store := d.with("search_path", schema).open(t)
		commit(t, store, books, change(0, row("a", 1)))
		if got := count(t, store.DB(), schema+".finapi_row"); got != 1 {
			t.Errorf("%s.finapi_row holds %d rows, want 1", schema, got)
		}
	}
}
