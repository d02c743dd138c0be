package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// newHastyFile is a database in which SQLite makes nobody wait: who finds it locked fails.
func newHastyFile(tb testing.TB) database {
	tb.Helper()
	path := filepath.ToSlash(filepath.Join(tb.TempDir(), "erp.db"))
	return database{sqlstore.SQLite, "sqlite", "file:" + path + "?_txlock=immediate&_pragma=journal_mode(wal)"}
}

// TestThoseWhoWriteThroughOneStoreTakeTurns, so that it is not luck who gets the lock: a thousand
// ledgers, eight at a time, once failed because one of them was out of luck for ten seconds.
func TestThoseWhoWriteThroughOneStoreTakeTurns(t *testing.T) {
	store := newHastyFile(t).open(t)
	inbox := store.Inbox(finapi.LedgerKey{Ledger: "inbox"})
	ledger := func(i int) finapi.LedgerKey { return finapi.LedgerKey{Ledger: finapi.LedgerID(fmt.Sprint(i))} }
	writes := map[string]func(i int) error{
		"commit": func(i int) error { return store.Commit(t.Context(), ledger(i), change(0, row("uid-1", 1))) },
		"forget": func(i int) error { return store.Forget(t.Context(), ledger(i)) },
		"claim": func(i int) error {
			_, err := store.Budget().Claim(t.Context(), finapi.ConnectionKey{Connection: finapi.ConnectionID(i)}, time.Now(), 4)
			return err
		},
		"use a state": func(i int) error {
			_, err := store.States().Use(t.Context(), fmt.Sprint(i), time.Now())
			return err
		},
		"fail": func(i int) error { return inbox.Fail(t.Context(), int64(i), "no such account", time.Time{}) },
		"acknowledge": func(i int) error {
			_, err := inbox.Ack(t.Context(), nil, int64(i))
			return err
		},
	}
	each(200, func(i int) {
		for name, write := range writes {
			if err := write(i); err != nil {
				t.Errorf("%s %d: %v", name, i, err)
			}
		}
	})
}

// TestWhoCameFirstWritesFirst, however long the others before it take: nobody goes to the end of
// the queue again when its patience is over.
func TestWhoCameFirstWritesFirst(t *testing.T) {
	const patience, each, apart = time.Second, 500 * time.Millisecond, 150 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		take := sqlstore.Turns(patience)
		end, err := take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var order []int // only who has the turn writes it
		var queue sync.WaitGroup
		for i := range 5 {
			queue.Go(func() {
				end, err := take(t.Context())
				if err != nil {
					t.Errorf("number %d got %v, though somebody wrote all the time", i, err)
					return
				}
				defer end()
				order = append(order, i)
				time.Sleep(each)
			})
			synctest.Wait()
			time.Sleep(apart)
		}
		end()
		queue.Wait()
		if !slices.IsSorted(order) {
			t.Errorf("they wrote in the order %v, want that in which they came", order)
		}
	})
}

// TestNobodyWaitsForATurnThatDoesNotEnd: whoever has it may wait for those who wait.
func TestNobodyWaitsForATurnThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		take, began := sqlstore.Turns(time.Second), time.Now()
		end, err := take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = take(t.Context())
		if waited := time.Since(began); err == nil || waited != time.Second {
			t.Errorf("after %v, who waited got %v, want an error when the patience is over", waited, err)
		}
		end()
		if end, err = take(t.Context()); err != nil {
			t.Fatalf("the next one got %v, want the turn that has ended", err)
		}
		end()
	})
}

// TestAWriteThatWaitsForItselfEndsWithAnError: apply must not write past its transaction. With a
// context of its own nobody can tell that it does, but the ERP hears of it instead of standing still.
func TestAWriteThatWaitsForItselfEndsWithAnError(t *testing.T) {
	b := newBank(t)
	store := newFile(t).open(t)
	b.book(1)
	sqlstore.WaitForTurns(store, time.Millisecond)
	err := sqlstore.Sync(t.Context(), b.feed(store), func(context.Context, *sql.Tx, []finapi.Event) error {
		return store.Commit(t.Context(), finapi.LedgerKey{Ledger: "another"}, change(0)) //nolint:contextcheck // that is the point
	})
	if err == nil || !strings.Contains(err.Error(), "past its own transaction") {
		t.Errorf("a commit inside of apply gave %v, want an error that says what apply did", err)
	}
}

// TestAWriteThatWaitsForItsTurnObeysItsContext.
func TestAWriteThatWaitsForItsTurnObeysItsContext(t *testing.T) {
	b := newBank(t)
	store := newFile(t).open(t)
	b.book(1)
	var waited error
	err := sqlstore.Sync(t.Context(), b.feed(store), func(context.Context, *sql.Tx, []finapi.Event) error {
		ctx, end := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, end)
		waited = store.Forget(ctx, finapi.LedgerKey{Ledger: "another"}) //nolint:contextcheck // apply's own is refused
		return nil
	})
	if err != nil || !errors.Is(waited, context.Canceled) {
		t.Errorf("a write that was given up while it waited for its turn gave %v, and the sync %v", waited, err)
	}
}
