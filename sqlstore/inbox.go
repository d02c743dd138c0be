package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// Fill synchronises the feed's ledger into its [Inbox]. It does what [Sync] does, with the
// inbox in the place of the ERP's rows: events and the feed's memory are stored together or
// not at all, so each event is in the inbox once. What the ERP makes of them, when and where,
// does not hold up the feed.
//
// A ledger is either filled or synchronised, and its first commit decides which, because an
// ERP that takes some events here and some there books them twice or misses some. Fill
// refuses a ledger that is synchronised. [Sync], [finapi.Feed.Sync] and whatever else ends in
// [Store.Commit] refuse one that is filled, each with a [finapi.CodeInvalidInput] and before
// they write anything.
// Settle the reviews of a filled ledger with [Decide] and a nil apply.
func Fill(ctx context.Context, feed *finapi.Feed) error {
	s, err := storeOf(ctx, feed)
	if err != nil {
		return err
	}
	return feed.Deliver(ctx, s.committing(feed.Ledger(), filled, s.filling))
}

// Inbox holds the events of a ledger until the ERP has acknowledged them. Fill it with
// [Fill]. The ERP pulls with Next, books, and acknowledges with Ack:
//
//   - If the ERP's books are in the same database, acknowledge with the transaction that
//     books, and roll it back if Ack says that another worker was faster. Then each event is
//     booked once, however many workers pull.
//   - If they are elsewhere, book first and then acknowledge. A crash between the two, an
//     answer that is lost, or a second worker brings the item again, with the same
//     [Item.Key]. If the ERP takes each key once, each event is booked once.
//
// Workers are not kept apart: all of them can get an item until one has acknowledged it. To
// save work, let one worker pull a ledger at a time.
type Inbox struct {
	// Clock tells when a failed item may be tried again; nil means the machine's clock. Set
	// it before the first use.
	Clock finapi.Clock

	store  *Store
	ledger finapi.LedgerKey
}

// Inbox opens the inbox of a ledger, which [finapi.Feed.Ledger] names. The inbox of a ledger
// that was never filled is empty.
func (s *Store) Inbox(ledger finapi.LedgerKey) *Inbox { return &Inbox{store: s, ledger: ledger} }

// Item is an event in an [Inbox].
type Item struct {
	// Seq is the number of the item in the database: ascending in each ledger, with gaps.
	Seq int64
	// Key is the idempotency key: the same whenever the item comes, and another one for
	// each other event of all ledgers in all environments. It is the event's
	// [finapi.EventKey], with the ledger before it if the event is about no booking, and
	// with "~2" behind it if an event of this key was there before, "~3" after that.
	Key string
	// Event is never a [finapi.Synced], which asks nothing of the ERP. To send it, see
	// [finapi.MarshalEvent].
	Event finapi.Event
	// Attempts counts the failures that [Inbox.Fail] was told of.
	Attempts int
	// Reason is why the last one failed, in the ERP's own words; "" if none did.
	Reason string
	// Retry is when the item may be tried again; zero if at once.
	Retry time.Time
}

// filling appends events to the inbox.
func (s *Store) filling(ctx context.Context, tx *sql.Tx, feed int64, batch []finapi.Event) error {
	letters := make([]letter, 0, len(batch))
	for _, event := range batch {
		if _, end := event.(finapi.Synced); end {
			continue
		}
		l, err := newLetter(event)
		if err != nil {
			return failed(ctx, "fill the inbox", err)
		}
		letters = append(letters, l)
	}
	if len(letters) == 0 {
		return nil
	}
	if err := s.sql.inbox.put(ctx, tx, feed, letters); err != nil {
		return failed(ctx, "fill the inbox", err)
	}
	return nil
}

// letter is an event as the table has it.
type letter struct{ uid, key, event string }

func newLetter(event finapi.Event) (letter, error) {
	data, err := finapi.MarshalEvent(event)
	if err != nil {
		return letter{}, err
	}
	key := finapi.EventKey(event)
	at := strings.LastIndexByte(key, '#') // behind the UID
	if at < 0 {
		return letter{}, invalid("event", "must have a key")
	}
	return letter{uid: key[:at], key: key, event: string(data)}, nil
}

// maxItems is what Next returns at the most.
const maxItems = 1000

// Next returns the oldest items that are not acknowledged, n at the most, 1 to 1000: in their
// order those that never failed, then those that failed once, and so on, so that items which
// always fail do not keep the others from coming. It changes nothing: without an
// acknowledgement, the same items come again.
//
// Of several events of one booking only the oldest comes, and the next one when that is
// acknowledged: so a Removed never overtakes its Booked, whoever books what at the same time.
// An item that has failed does not come before its retry time, and nothing but the later
// events of its booking waits for it.
//
// If a newer version of this package has filled in an event that this one does not know, Next
// fails with a [finapi.CodeInvalidInput] and the number of the item: the ERP must not pass
// over it unread.
func (i *Inbox) Next(ctx context.Context, n int) ([]Item, error) {
	if n < 1 || n > maxItems {
		return nil, invalid("n", "must be between 1 and 1000")
	}
	items, err := i.items(ctx, inboxNext, i.now().UnixMilli(), n)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if item.unreadable != nil {
			return nil, fmt.Errorf("sqlstore: read item %d of the inbox: %w", item.Seq, item.unreadable)
		}
	}
	return plain(items), nil
}

// Failed returns all items that have failed and are not acknowledged, in their order, whether
// their retry time has come or not. The Event is nil if this version of the package does not
// know it.
func (i *Inbox) Failed(ctx context.Context) ([]Item, error) {
	items, err := i.items(ctx, inboxFailed)
	return plain(items), err
}

// Ack acknowledges items: they do not come again, and their events are deleted here. With the
// ERP's transaction, which must be one of [Store.DB], that counts when it is committed; nil
// does it at once. It can be repeated: acknowledging what is acknowledged, or is not in the
// inbox, does nothing.
//
// It returns how many different items it has acknowledged. Fewer than were given means that another
// worker was faster, and that it books the others: roll the transaction back and pull again.
// It is best to acknowledge first and then to book: Ack waits until a transaction that has
// acknowledged one of the items before has ended. If the database gives up one of several
// transactions, the error is a [finapi.CodeConflict]: roll back and pull again.
func (i *Inbox) Ack(ctx context.Context, tx *sql.Tx, seqs ...int64) (int, error) {
	if len(seqs) == 0 {
		return 0, nil
	}
	list, err := i.store.sql.memory.list(seqs)
	if err != nil {
		return 0, failed(ctx, "acknowledge", err)
	}
	exec := i.store.exec
	if tx != nil {
		exec = tx.ExecContext
	}
	result, err := exec(ctx, i.store.sql.inbox.ack, i.ledger.Environment, string(i.ledger.Ledger), list)
	if err != nil {
		return 0, failed(ctx, "acknowledge", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, failed(ctx, "acknowledge", err)
	}
	return int(n), nil
}

// maxReason is how many characters of a reason are kept.
const maxReason = 1000

// Fail says that the ERP could not book an item, and when to try again; the zero time means at
// once. The item stays in the inbox and in [Inbox.Failed] until it is acknowledged. The reason is
// for the people who look there; of a long one, the first 1000 characters are kept. Do not put
// personal data into it. Failing what is acknowledged, or is not in the inbox, does nothing.
func (i *Inbox) Fail(ctx context.Context, seq int64, reason string, retry time.Time) error {
	reason = strings.ReplaceAll(strings.ToValidUTF8(reason, "\uFFFD"), "\x00", "\uFFFD")
	if letters := []rune(reason); len(letters) > maxReason {
		reason = string(letters[:maxReason])
	}
	var at int64
	if !retry.IsZero() {
		at = retry.UnixMilli()
	}
	_, err := i.store.exec(ctx, inboxFail, reason, at, i.ledger.Environment, string(i.ledger.Ledger), seq)
	if err != nil {
		return failed(ctx, "note a failure", err)
	}
	return nil
}

// The statements that all dialects have in common.
const (
	ofLedger = `feed_id = (SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2)`
	anItem   = `SELECT seq, event_key, nth, event, attempts, reason, retry FROM finapi_inbox AS i WHERE ` + ofLedger + `
		AND event IS NOT NULL`

	// inboxNext: environment, ledger, now, number.
	inboxNext = anItem + ` AND retry <= $3 AND (uid = '' OR NOT EXISTS (
		SELECT 1 FROM finapi_inbox AS earlier
		WHERE earlier.feed_id = i.feed_id AND earlier.uid = i.uid AND earlier.event IS NOT NULL AND earlier.seq < i.seq
	)) ORDER BY attempts, seq LIMIT $4`
	// inboxFailed: environment, ledger.
	inboxFailed = anItem + ` AND attempts > 0 ORDER BY seq`
	// inboxFail: reason, retry time, environment, ledger, number.
	inboxFail = `UPDATE finapi_inbox SET attempts = attempts + 1, reason = $1, retry = $2
		WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = $3 AND ledger = $4)
		AND seq = $5 AND event IS NOT NULL`
)

// pulled is an item that was read.
type pulled struct {
	Item
	unreadable error // why it has no Event
}

func plain(items []pulled) []Item {
	var all []Item
	for _, item := range items {
		all = append(all, item.Item)
	}
	return all
}

func (i *Inbox) items(ctx context.Context, query string, args ...any) ([]pulled, error) {
	args = append([]any{i.ledger.Environment, string(i.ledger.Ledger)}, args...)
	rows, err := i.store.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, failed(ctx, "read the inbox", err)
	}
	defer func() { _ = rows.Close() }()
	var items []pulled
	for rows.Next() {
		item, err := i.item(rows)
		if err != nil {
			return nil, failed(ctx, "read the inbox", err)
		}
		items = append(items, item)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(ctx, "read the inbox", err)
	}
	return items, nil
}

func (i *Inbox) item(rows *sql.Rows) (pulled, error) {
	var item pulled
	var nth, retry int64
	var event []byte
	err := rows.Scan(&item.Seq, &item.Key, &nth, &event, &item.Attempts, &item.Reason, &retry)
	if err != nil {
		return pulled{}, err
	}
	if strings.HasPrefix(item.Key, "#") {
		item.Key = fmt.Sprintf("finapi/%s/%s%s", i.ledger.Environment, i.ledger.Ledger, item.Key)
	}
	if nth > 1 {
		item.Key = fmt.Sprintf("%s~%d", item.Key, nth)
	}
	if retry != 0 {
		item.Retry = time.UnixMilli(retry).UTC()
	}
	item.Event, item.unreadable = finapi.UnmarshalEvent(event)
	return item, nil
}

func (i *Inbox) now() time.Time {
	if i.Clock == nil {
		return time.Now()
	}
	return i.Clock.Now()
}
