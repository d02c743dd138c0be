package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/finapi-go/finapi"
)

// told is something that the customer was told. It is kept as keys of the texts and
// their arguments, so that it reads in either language, and it can be looked up later.
type told struct {
	ID int64
	At time.Time
	// Level is one of the levels below.
	Level string
	Lines []line
}

// The levels of what is told. Each has a word and a colour of its own.
const (
	levelGood = "good"
	levelInfo = "info"
	levelWarn = "warn"
	levelBad  = "bad"
)

// line is a text with its arguments.
type line struct {
	Key  string `json:"key"`
	Args []arg  `json:"args,omitempty"`
}

// arg is an argument of a text: one of its fields is set.
type arg struct {
	Text   string      `json:"text,omitempty"`
	Number *int        `json:"number,omitempty"`
	Day    finapi.Date `json:"day,omitzero"`
	Time   time.Time   `json:"time,omitzero"`
	// Key is a text of its own.
	Key string `json:"key,omitempty"`
}

// say makes a line. Arguments are texts, numbers, days and times.
func say(key string, args ...any) line {
	l := line{Key: key}
	for _, a := range args {
		switch a := a.(type) {
		case int:
			l.Args = append(l.Args, arg{Number: &a})
		case finapi.Date:
			l.Args = append(l.Args, arg{Day: a})
		case time.Time:
			l.Args = append(l.Args, arg{Time: a})
		case string:
			l.Args = append(l.Args, arg{Text: a})
		}
	}
	return l
}

// tell keeps what the customer is told, and returns its id.
func (b *books) tell(ctx context.Context, tenant string, now time.Time, level string, lines ...line) (int64, error) {
	data, err := json.Marshal(lines)
	if err != nil {
		return 0, err
	}
	done, err := b.db.ExecContext(ctx, `INSERT INTO told (tenant, at, level, lines) VALUES (?, ?, ?, ?)`,
		tenant, now.Unix(), level, string(data))
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

const toldColumns = `SELECT id, at, level, lines FROM told `

// recall returns one thing that a tenant was told; nil if there is none with that id.
func (b *books) recall(ctx context.Context, tenant string, id int64) (*told, error) {
	all, err := b.recallAll(ctx, toldColumns+`WHERE tenant = ? AND id = ?`, tenant, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// history returns what a tenant was told lately, the newest first.
func (b *books) history(ctx context.Context, tenant string) ([]told, error) {
	return b.recallAll(ctx, toldColumns+`WHERE tenant = ? ORDER BY id DESC LIMIT 100`, tenant)
}

func (b *books) recallAll(ctx context.Context, query string, args ...any) ([]told, error) {
	type row struct {
		id, at       int64
		level, lines string
	}
	rows, err := b.db.QueryContext(ctx, query, args...)
	found, err := collect(rows, err, func(r *row) []any { return []any{&r.id, &r.at, &r.level, &r.lines} })
	var all []told
	for _, r := range found {
		t := told{ID: r.id, At: time.Unix(r.at, 0), Level: r.level}
		if err := json.Unmarshal([]byte(r.lines), &t.Lines); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, err
}

// holdings count what the ERP keeps of a tenant's bank accounts.
type holdings struct{ Ledgers, Messages int }

func (b *books) held(ctx context.Context, tenant string) (h holdings, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM ledger WHERE tenant = ?), (SELECT COUNT(*) FROM told WHERE tenant = ?)`,
		tenant, tenant).Scan(&h.Ledgers, &h.Messages)
	return h, err
}

// forget deletes all that the ERP keeps of a tenant's bank accounts: ledgers and
// bookings, the feeds' memory, what was told. It returns what there was.
func (b *books) forget(ctx context.Context, tenant, environment string) (holdings, error) {
	held, err := b.held(ctx, tenant)
	if err != nil {
		return held, err
	}
	ledgers, err := b.ledgers(ctx, tenant)
	if err != nil {
		return held, err
	}
	for i := range ledgers {
		key := finapi.LedgerKey{Environment: environment, Ledger: ledgers[i].name()}
		if err := b.store.Forget(ctx, key); err != nil {
			return held, err
		}
	}
	return held, b.inTransaction(ctx, func(tx *sql.Tx) error {
		var failures []error
		for _, statement := range []string{
			`DELETE FROM journal WHERE ledger IN (SELECT id FROM ledger WHERE tenant = ?)`,
			`DELETE FROM snapshot WHERE ledger IN (SELECT id FROM ledger WHERE tenant = ?)`,
			`DELETE FROM notice WHERE ledger IN (SELECT id FROM ledger WHERE tenant = ?)`,
			`DELETE FROM ledger WHERE tenant = ?`,
			`DELETE FROM chosen WHERE tenant = ?`,
			`DELETE FROM parted WHERE tenant = ?`,
			`DELETE FROM customer WHERE tenant = ?`,
			`DELETE FROM told WHERE tenant = ?`,
		} {
			_, err := tx.ExecContext(ctx, statement, tenant)
			failures = append(failures, err)
		}
		return errors.Join(failures...)
	})
}
