package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/finapi-go/finapi"
)

// FillWith puts events that a test made up into the inbox of a ledger, as [Fill] does.
func FillWith(ctx context.Context, s *Store, ledger finapi.LedgerKey, events ...finapi.Event) error {
	mark, err := s.Mark(ctx, ledger)
	if err != nil {
		return err
	}
	return s.committing(ledger, filled, s.filling)(ctx, finapi.Batch{Change: finapi.Change{Mark: mark}, Events: events})
}

// FillAnd is [Fill], and something that comes last in each transaction.
func FillAnd(ctx context.Context, feed *finapi.Feed, last func() error) error {
	s, err := storeOf(ctx, feed)
	if err != nil {
		return err
	}
	return feed.Deliver(ctx, s.committing(feed.Ledger(), filled,
		func(ctx context.Context, tx *sql.Tx, id int64, batch []finapi.Event) error {
			return errors.Join(s.filling(ctx, tx, id, batch), last())
		}))
}

// Statements returns what a Store reads and writes with, by name, for the tests that
// look at plans.
func Statements(d Dialect) map[string]string {
	m := &dialects[d].memory
	all := map[string]string{
		"mark": m.mark, "bump": m.bump, "source": m.source, "rows": m.rows,
		"way": ledgerWay, "inbox next": inboxNext, "inbox failed": inboxFailed, "inbox fail": inboxFail,
		"inbox ack": dialects[d].inbox.ack,
	}
	if d == SQLite {
		all["putRow"], all["putAliases"], all["putLetter"] = sqlitePutRow, sqlitePutAliases, sqlitePutLetter
	} else {
		all["putAll"], all["putAllLetters"] = postgresPutAll, postgresPutAllLetters
	}
	for i, statement := range m.forget {
		all["forget "+string(rune('1'+i))] = statement
	}
	return all
}

// WaitForTurns sets how long a write waits while nobody else has had a turn.
func WaitForTurns(s *Store, patience time.Duration) { s.turns.patience = patience }

// Turns returns how to take turns, as those who write through one Store do.
func Turns(patience time.Duration) (take func(context.Context) (end func(), err error)) {
	var t turns
	t.inTurn(patience)
	return t.take
}
