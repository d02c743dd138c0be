package sqlstore_test

import (
	"context"
	"database/sql"
	"io/fs"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

const (
	mustFill = "finapi: SDK_INVALID_INPUT: Ledger must be filled as before: " +
		"use sqlstore.Fill, and sqlstore.Decide with a nil apply [vendor must act]"
	mustSync = "finapi: SDK_INVALID_INPUT: Ledger must be synchronised as before: " +
		"use sqlstore.Sync, and sqlstore.Decide with an apply [vendor must act]"
)

// flagged brings a row to finAPI that it takes for a double of the first one.
func (b *bank) flagged() {
	twin := b.sim.Transactions(int64(b.account))[0]
	twin.IsPotentialDuplicate, twin.ImportDate = true, b.sim.Clock().Now()
	b.sim.InsertTransaction(int64(b.account), twin)
}

// reviewed has a booking and a review in a ledger that goes the way of deliver, and a row at
// finAPI that nobody has fetched yet. It returns the UID of the review.
func reviewed(t *testing.T, b *bank, feed *finapi.Feed, deliver func(context.Context, *finapi.Feed) error) finapi.UID {
	t.Helper()
	b.book(1)
	for range 2 {
		if err := deliver(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		b.flagged()
	}
	open, err := feed.Reviews(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("in review are %d, %v, want 1", len(open), err)
	}
	return open[0].UID
}

func synchronise(ctx context.Context, feed *finapi.Feed) error {
	return sqlstore.Sync(ctx, feed, enter)
}

// written is what there is of a ledger and at finAPI.
type written struct{ version, rows, inbox, journal, atFinAPI int }

func (b *bank) written(t *testing.T, store *sqlstore.Store) written {
	t.Helper()
	mark, err := store.Mark(t.Context(), books)
	if err != nil {
		t.Fatal(err)
	}
	db := store.DB()
	return written{
		int(mark.Version), count(t, db, "finapi_row"), count(t, db, "finapi_inbox"), count(t, db, "journal"),
		len(b.sim.Transactions(int64(b.account))),
	}
}

// wayTest tries one way to commit something.
type wayTest struct {
	name string
	try  func(context.Context) error
}

// wantRefused checks that each way is refused and writes nothing.
func wantRefused(t *testing.T, b *bank, store *sqlstore.Store, want string, ways ...wayTest) {
	t.Helper()
	before := b.written(t, store)
	for _, way := range ways {
		if err := way.try(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", way.name, err, want)
		}
		if after := b.written(t, store); after != before {
			t.Errorf("%s: there is %+v, want what there was, %+v", way.name, after, before)
		}
	}
}

func TestAFilledLedgerIsOnlyFilled(t *testing.T) {
	onEach(t, strictKinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		feed := b.feed(store)
		uid := reviewed(t, b, feed, sqlstore.Fill)
		mark, err := store.Mark(t.Context(), books)
		if err != nil {
			t.Fatal(err)
		}
		committing := func(version int64) func(context.Context) error {
			return func(ctx context.Context) error { return store.Commit(ctx, books, change(version, row("a", 1))) }
		}
		wantRefused(t, b, store, mustFill,
			wayTest{"Sync", func(ctx context.Context) error { return synchronise(ctx, feed) }},
			wayTest{"Deliver with Commit", func(ctx context.Context) error {
				return feed.Deliver(ctx, func(ctx context.Context, b finapi.Batch) error { return store.Commit(ctx, books, b.Change) })
			}},
			wayTest{"the feed's own loop", func(ctx context.Context) error {
				_, err := finapi.Collect(feed.Sync(ctx))
				return err
			}},
			wayTest{"Decide with an apply", func(ctx context.Context) error {
				return sqlstore.Decide(ctx, feed, uid, finapi.Discarded, "person-7", enter)
			}},
			wayTest{"Confirm past the inbox", func(ctx context.Context) error { return feed.Confirm(ctx, uid, "person-7", past(store)) }},
			wayTest{"Commit", committing(mark.Version)},
			wayTest{"Commit of a worker that is late, too", committing(mark.Version - 1)},
			wayTest{"Commit as if it was the first", committing(0)},
		)
		for event, err := range feed.Sync(t.Context()) {
			if event != nil || err == nil || !finapi.IsError(err, finapi.CodeInvalidInput) {
				t.Errorf("the feed's own loop got %v, %v, want to be refused before it books anything", event, err)
			}
		}
		rows := len(b.sim.Transactions(int64(b.account)))
		if err := feed.Discard(t.Context(), uid, "person-7", past(store)); err == nil || err.Error() != mustFill {
			t.Errorf("Discard past the inbox: got %v, want %s", err, mustFill)
		}
		if left := len(b.sim.Transactions(int64(b.account))); left != rows {
			t.Errorf("finAPI has %d rows left of %d, although the decision was refused", left, rows)
		}
		if err := sqlstore.Decide(t.Context(), feed, uid, finapi.Discarded, "person-7", nil); err != nil {
			t.Errorf("then, with Decide: %v, want that it can be decided as before", err)
		}
		fillAll(t, feed)
		inbox := store.Inbox(books)
		for _, item := range next(t, inbox, 10) {
			ack(t, inbox, item.Seq)
		}
		wantNext(t, inbox, string(uid)+"#removed")
	})
}

// past commits a decision with the memory alone.
func past(store *sqlstore.Store) func(context.Context, finapi.Batch) error {
	return func(ctx context.Context, b finapi.Batch) error { return store.Commit(ctx, books, b.Change) }
}

func TestASynchronisedLedgerIsOnlySynchronised(t *testing.T) {
	onEach(t, strictKinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.openWithJournal(t)
		feed := b.feed(store)
		uid := reviewed(t, b, feed, synchronise)
		wantRefused(t, b, store, mustSync,
			wayTest{"Fill", func(ctx context.Context) error { return sqlstore.Fill(ctx, feed) }},
			wayTest{"Decide without an apply", func(ctx context.Context) error {
				return sqlstore.Decide(ctx, feed, uid, finapi.Discarded, "person-7", nil)
			}},
		)
		if _, err := finapi.Collect(feed.Sync(t.Context())); err != nil {
			t.Errorf("the feed's own loop: %v", err)
		}
		if err := feed.Confirm(t.Context(), uid, "person-7", past(store)); err != nil {
			t.Errorf("Confirm: %v", err)
		}
	})
}

func TestALedgerThatIsForgottenMayGoTheOtherWay(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		for range 2 {
			inboxWith(t, store, books, booked("a"))
			if err := store.Forget(t.Context(), books); err != nil {
				t.Fatal(err)
			}
			commit(t, store, books, change(0, row("a", 1)))
			if err := store.Forget(t.Context(), books); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Of two workers that begin a ledger at once, one decides its way.
func TestTheFirstCommitDecidesTheWay(t *testing.T) {
	onEach(t, strictKinds, func(t *testing.T, d database) {
		b, store, second := newBank(t), d.openWithJournal(t), d.open(t)
		b.book(3)
		late := make(chan error, 1)
		started := false
		err := sqlstore.Sync(t.Context(), b.feed(store), func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			if !started {
				started = true
				go func() { late <- sqlstore.Fill(ctx, b.feed(second)) }()
				if d.Dialect == sqlstore.PostgreSQL {
					waitForAWaiting(ctx, t, store.DB())
				}
			}
			return enter(ctx, tx, batch)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-late; err == nil || err.Error() != mustSync {
			t.Errorf("the late worker got %v, want %s", err, mustSync)
		}
		wantBookedOnce(t, b, store)
		if got := count(t, store.DB(), "finapi_inbox"); got != 0 {
			t.Errorf("%d events are in the inbox, want none", got)
		}
	})
}

func TestALedgerFromBeforeTheInboxIsSynchronised(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		files, err := sqlstore.Migrations(d.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		db := d.connect(t)
		for _, name := range []string{"0001_memory.sql", "0002_consent.sql"} {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(string(text)); err != nil {
				t.Fatal(err)
			}
		}
		_, err = db.Exec(`INSERT INTO finapi_feed (environment, ledger, version, mark) VALUES ('sandbox', 'tenant-17/1200', 1, '{}')`)
		if err != nil {
			t.Fatal(err)
		}
		store := d.open(t)
		if err := sqlstore.FillWith(t.Context(), store, books, booked("a")); err == nil || err.Error() != mustSync {
			t.Errorf("got %v, want %s", err, mustSync)
		}
		commit(t, store, books, change(1, row("a", 1)))
	})
}
