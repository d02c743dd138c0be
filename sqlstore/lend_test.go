package sqlstore_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

var another = finapi.LedgerKey{Environment: "sandbox", Ledger: "another"}

// writesOf are the ways to write through a Store without a transaction.
func writesOf(t *testing.T, store *sqlstore.Store) map[string]func(context.Context) error {
	t.Helper()
	connections, err := store.Connections(finapi.Sandbox, finapi.SystemClock())
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) { return "", nil }
	syncer, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{Connections: connections, Users: nobody{}, Ledger: none})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(context.Context) error{
		"a commit":   func(ctx context.Context) error { return store.Commit(ctx, another, change(0)) },
		"forgetting": func(ctx context.Context) error { return store.Forget(ctx, another) },
		"a claim": func(ctx context.Context) error {
			_, err := store.Budget().Claim(ctx, theConnection, noon, 4)
			return err
		},
		"a used state": func(ctx context.Context) error {
			_, err := store.States().Use(ctx, "state", noon)
			return err
		},
		"an acknowledgement": func(ctx context.Context) error {
			_, err := store.Inbox(another).Ack(ctx, nil, 1)
			return err
		},
		"taking connections": func(ctx context.Context) error {
			_, err := syncer.Take(ctx, 1)
			return err
		},
		"a run": func(ctx context.Context) error {
			return syncer.Run(ctx, sqlstore.Task{Environment: "sandbox", Connection: 1, Fence: 1})
		},
	}
}

// TestAWritePastTheTransactionOfApplyIsRefusedAtOnce, because it would wait for itself: with one
// connection for ever, if nobody noticed.
func TestAWritePastTheTransactionOfApplyIsRefusedAtOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		writes := writesOf(t, store)
		store.DB().SetMaxOpenConns(1)
		b.book(1)
		var kept context.Context
		feed, other := b.feed(store), b.user.Feed(b.account, another.Ledger, store)
		writes["another Sync"] = func(ctx context.Context) error { return sqlstore.Sync(ctx, other, enter) }
		err := sqlstore.Sync(t.Context(), feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			kept = ctx //nolint:fatcontext // the test is about one that escapes
			for what, write := range writes {
				if err := write(ctx); !finapi.IsError(err, finapi.CodeInvalidInput) {
					t.Errorf("%s inside of apply gave %v, want a refusal", what, err)
				}
			}
			if _, err := store.Inbox(another).Ack(ctx, tx, 1); err != nil {
				t.Errorf("an acknowledgement with the transaction gave %v", err)
			}
			return enter(ctx, tx, batch)
		})
		if err != nil {
			t.Fatal(err)
		}
		wantBookedOnce(t, b, store)
		delete(writes, "another Sync") // which would book
		for what, write := range writes {
			if err := write(kept); err != nil {
				t.Errorf("after the transaction, with its context, %s gave %v", what, err)
			}
		}
	})
}

func TestInsideOfApplyOneReadsTheStoreAndWritesAnotherOne(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store, other := newBank(t), d.openWithJournal(t), newFile(t).open(t)
		b.book(1)
		err := sqlstore.Sync(t.Context(), b.feed(store), func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			if _, err := store.Mark(ctx, another); err != nil {
				return err
			}
			if err := other.Forget(ctx, another); err != nil {
				return err
			}
			return enter(ctx, tx, batch)
		})
		if err != nil {
			t.Fatal(err)
		}
		wantBookedOnce(t, b, store)
	})
}

func TestAWritePastTheTransactionOfAReportIsRefusedAtOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		var o *office
		var refused error
		o = newOffice(t, d, func(c *sqlstore.SyncerConfig) {
			c.Report = func(ctx context.Context, _ *sql.Tx, _ sqlstore.Report) error {
				refused = o.connections.Withdraw(ctx, nil, o.connection)
				return nil
			}
		})
		o.run(1)
		wantCode(t, refused, finapi.CodeInvalidInput)
	})
}

func TestARunSaysSoIfReportEndsTheTransaction(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d, func(c *sqlstore.SyncerConfig) {
			c.Report = func(ctx context.Context, tx *sql.Tx, _ sqlstore.Report) error {
				_, err := tx.ExecContext(ctx, "COMMIT; BEGIN")
				return err
			}
		})
		err := o.syncer.Run(t.Context(), o.take(o.syncer))
		if err == nil || !strings.Contains(err.Error(), "Report has ended the transaction") {
			t.Errorf("got %v, want an error that says that Report has ended the transaction", err)
		}
	})
}
