package sqlstore

import (
	"context"
	"database/sql"

	"github.com/finapi-go/finapi"
)

// Sync synchronises the feed's ledger. It reads from finAPI first and then
// delivers in batches: for each batch it begins a transaction on the Store's
// database, stores in it what the feed has to remember, calls apply, and commits.
// The ERP's rows and the feed's memory are stored together or not at all.
//
// apply gets the transaction and 1 to 200 events, in the order in which the
// ledger should see them. It writes the ERP's rows with tx and must not end it, nor run a script
// that does: Sync notices that and says so, but what was committed by then stays. What writes through
// the Store past tx, with the context that apply gets, is refused with a [finapi.CodeInvalidInput].
// If it returns an error or panics, the transaction is rolled back and Sync ends
// with that error, wrapped, or with that panic; batches before it stay committed.
// The next Sync delivers the same events with the same UIDs again.
//
// If several workers synchronise one ledger at a time, one of them commits each
// event, and the others do not see it. A commit can fail after apply has returned,
// so apply must do nothing that a rollback does not undo, such as sending a mail.
//
// Sync returns the errors of [finapi.Feed.Deliver]. It refuses a feed whose Store
// is not a [*Store], and a ledger that [Fill] fills, with a [finapi.CodeInvalidInput].
func Sync(
	ctx context.Context, feed *finapi.Feed,
	apply func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error,
) error {
	s, err := storeOf(ctx, feed)
	if err != nil {
		return err
	}
	if apply == nil {
		return invalid("apply", "must not be nil")
	}
	return feed.Deliver(ctx, s.committing(feed.Ledger(), synchronised, s.applying(apply)))
}

// Decide settles a review as [finapi.Feed.Decide] does, in one transaction with what comes
// of it: the booking as [finapi.Booked], or as [finapi.Removed] if it is a double. Of a
// ledger that is synchronised, apply gets that as it gets events from [Sync]. Of a ledger
// that [Fill] fills, apply must be nil: that goes into the inbox.
//
// An apply that does not fit the ledger is refused with a [finapi.CodeInvalidInput], and
// nothing is decided.
func Decide(
	ctx context.Context, feed *finapi.Feed, uid finapi.UID, verdict finapi.DecisionVerdict, by string,
	apply func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error,
) error {
	s, err := storeOf(ctx, feed)
	if err != nil {
		return err
	}
	way, do := synchronised, s.applying(apply)
	if apply == nil {
		way, do = filled, s.filling
	}
	return feed.Decide(ctx, uid, verdict, by, s.committing(feed.Ledger(), way, do))
}

// storeOf returns the feed's store, in whose database apply writes. It refuses a synchronisation
// inside of another one before it reads anything.
func storeOf(ctx context.Context, feed *finapi.Feed) (*Store, error) {
	if feed == nil {
		return nil, invalid("feed", "must not be nil")
	}
	s, ok := feed.Store().(*Store)
	if !ok || s == nil {
		return nil, invalid("Store", "must be a *sqlstore.Store, as sqlstore.OpenFile and sqlstore.New return it")
	}
	return s, s.checkPast(ctx)
}

// working does something with the events of a batch, in the transaction that stores the
// change of the ledger whose id is feed.
type working func(ctx context.Context, tx *sql.Tx, feed int64, batch []finapi.Event) error

// committing stores the memory and what do makes of the events together, or neither.
func (s *Store) committing(ledger finapi.LedgerKey, way bool, do working) func(context.Context, finapi.Batch) error {
	return func(ctx context.Context, batch finapi.Batch) error {
		return s.transact(ctx, func(tx *sql.Tx) error {
			feed, err := s.write(ctx, tx, ledger, &batch.Change, way)
			if err != nil {
				return err
			}
			return do(ctx, tx, feed, batch.Events)
		})
	}
}

// applying is the ERP at work, if there is something for it.
func (s *Store) applying(apply func(context.Context, *sql.Tx, []finapi.Event) error) working {
	return func(ctx context.Context, tx *sql.Tx, _ int64, batch []finapi.Event) error {
		if len(batch) == 0 {
			return nil
		}
		return s.lend(ctx, tx, "apply", func(ctx context.Context) error { return apply(ctx, tx, batch) })
	}
}
