package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

func TestADecisionAndTheERPsRowsAreCommittedTogether(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		b.book(3)
		feed := b.feed(store)
		syncAll(t, feed)
		row := b.sim.Transactions(int64(b.account))[0]
		row.IsPotentialDuplicate, row.ImportDate = true, b.sim.Clock().Now()
		for range 2 {
			b.sim.InsertTransaction(int64(b.account), row)
		}
		syncAll(t, feed)
		open, err := feed.Reviews(t.Context())
		if err != nil || len(open) != 2 {
			t.Fatalf("in review are %d, %v, want 2", len(open), err)
		}
		before := count(t, store.DB(), "journal")

		crash := errors.New("the process died")
		err = sqlstore.Decide(t.Context(), feed, open[0].UID, finapi.Confirmed, "person-7",
			func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
				if err := enter(ctx, tx, batch); err != nil {
					return err
				}
				return crash
			})
		if !errors.Is(err, crash) {
			t.Errorf("got %v, want the ERP's error", err)
		}
		if again, err := feed.Reviews(t.Context()); err != nil || len(again) != 2 || count(t, store.DB(), "journal") != before {
			t.Errorf("after a crash, %d are in review, %v, and the journal has grown: nothing may have happened", len(again), err)
		}

		for _, o := range open {
			verdict := finapi.Confirmed
			if o.UID == open[1].UID {
				verdict = finapi.Discarded
			}
			if err := sqlstore.Decide(t.Context(), feed, o.UID, verdict, "person-7", enter); err != nil {
				t.Fatal(err)
			}
		}
		if got := count(t, store.DB(), "journal"); got != before+1 {
			t.Errorf("the journal has %d bookings, want %d: the confirmed one is new", got, before+1)
		}
		if left, err := feed.Reviews(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("in review are %d, %v, want none", len(left), err)
		}
		found, err := store.Rows(t.Context(), feed.Ledger(), finapi.RowQuery{UIDs: []finapi.UID{open[1].UID}})
		if err != nil || len(found) != 1 || found[0].Decision == nil || found[0].Decision.By != "person-7" {
			t.Errorf("the audit says %+v, %v", found, err)
		}
	})
}

func TestDecideRefusesWhatSyncRefuses(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	wantCode(t, sqlstore.Decide(t.Context(), nil, "x", finapi.Confirmed, "p", enter), finapi.CodeInvalidInput)
	memory := b.user.Feed(b.account, "x", &finapi.MemoryStore{})
	wantCode(t, sqlstore.Decide(t.Context(), memory, "x", finapi.Confirmed, "p", enter), finapi.CodeInvalidInput)
	feed := b.feed(newFile(t).open(t))
	wantCode(t, sqlstore.Decide(t.Context(), feed, "x", finapi.Confirmed, "p", nil), finapi.CodeInvalidInput)
	wantCode(t, sqlstore.Decide(t.Context(), feed, "x", finapi.Confirmed, "p", enter), finapi.CodeInvalidInput)
}
