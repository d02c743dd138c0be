package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// books is the ERP: a SQLite file that holds its journal, and beside it what the feeds
// remember and the tenants' finAPI users. One file, so that all commit together.
type books struct {
	store *sqlstore.Store
	db    *sql.DB
}

// tables are the ERP's own. Whatever belongs to a customer says whose it is.
const tables = `
CREATE TABLE IF NOT EXISTS setting (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS session (
	hash    TEXT PRIMARY KEY,    -- of the id, so that a copy of the database opens no session
	tenant  TEXT NOT NULL,       -- '' before signing in
	csrf    TEXT NOT NULL,
	expires INTEGER NOT NULL     -- seconds
) STRICT;
CREATE TABLE IF NOT EXISTS customer ( -- whose a user at finAPI is
	tenant TEXT PRIMARY KEY,
	user   TEXT NOT NULL         -- its id, which is random
) STRICT;
CREATE TABLE IF NOT EXISTS ledger (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant     TEXT NOT NULL,
	number     INTEGER NOT NULL, -- the ERP's own, which stays when the bank is connected anew
	name       TEXT NOT NULL,
	bank       TEXT NOT NULL,
	iban       TEXT NOT NULL,
	currency   TEXT NOT NULL,
	type       TEXT NOT NULL,
	account    INTEGER UNIQUE,   -- finAPI's id of the account that is read; NULL if none is
	connection INTEGER,
	rebind     INTEGER NOT NULL DEFAULT 0, -- 1: the customer says that it is the same account as before
	opening    TEXT,             -- the balance before the first booking, once it is known
	UNIQUE (tenant, number)
) STRICT;
CREATE TABLE IF NOT EXISTS chosen ( -- connections whose accounts the customer has chosen
	tenant     TEXT NOT NULL,
	connection INTEGER NOT NULL,
	PRIMARY KEY (tenant, connection)
) STRICT;
CREATE TABLE IF NOT EXISTS parted ( -- connections that were disconnected, for pages that are older than that
	tenant     TEXT NOT NULL,
	connection INTEGER NOT NULL,
	bank       TEXT NOT NULL,
	PRIMARY KEY (tenant, connection)
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
	uid          TEXT PRIMARY KEY, -- a second booking of the same transaction cannot happen
	ledger       INTEGER NOT NULL,
	booking_date TEXT NOT NULL,
	value_date   TEXT NOT NULL,
	amount       TEXT NOT NULL,    -- exact decimal, never REAL
	currency     TEXT NOT NULL,
	counterpart  TEXT NOT NULL,
	iban         TEXT NOT NULL,    -- of the counterpart
	purpose      TEXT NOT NULL,
	words        TEXT NOT NULL,    -- what a search looks at, in small letters
	status       TEXT NOT NULL,    -- booked, review, discarded or removed
	changed      INTEGER NOT NULL DEFAULT 0, -- 1 if the bank changed it later
	resembles    TEXT NOT NULL DEFAULT ''    -- the uid of the booking that a review may be a double of
) STRICT;
CREATE INDEX IF NOT EXISTS journal_by_day ON journal (ledger, booking_date, uid);
CREATE TABLE IF NOT EXISTS snapshot ( -- the bank's balance, day by day
	ledger INTEGER NOT NULL,
	day    TEXT NOT NULL,
	amount TEXT NOT NULL,
	PRIMARY KEY (ledger, day)
) STRICT;
CREATE TABLE IF NOT EXISTS notice ( -- what a feed said about an account
	ledger   INTEGER NOT NULL,
	kind     TEXT NOT NULL,
	day_from TEXT NOT NULL,
	day_to   TEXT NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (ledger, kind, day_from, day_to)
) STRICT;
CREATE TABLE IF NOT EXISTS told ( -- what the customer was told
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant TEXT NOT NULL,
	at     INTEGER NOT NULL,
	level  TEXT NOT NULL,
	lines  TEXT NOT NULL          -- JSON
) STRICT;
CREATE INDEX IF NOT EXISTS told_by_tenant ON told (tenant, id);`

// openBooks opens the file. Each file belongs to one service, because play money and
// real money must not meet.
func openBooks(ctx context.Context, file, service string) (*books, error) {
	store, err := sqlstore.OpenFile(ctx, file)
	if err != nil {
		return nil, err
	}
	b := &books{store: store, db: store.DB()}
	if err := b.prepare(ctx, service); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *books) prepare(ctx context.Context, service string) error {
	if _, err := b.db.ExecContext(ctx, tables); err != nil {
		return err
	}
	former, err := b.setting(ctx, "service")
	if err != nil {
		return err
	}
	if former != "" && former != service {
		return fmt.Errorf("the file belongs to the service %q, not to %q: name another one with -db", former, service)
	}
	return b.set(ctx, "service", service)
}

func (b *books) close() { _ = b.store.Close() }

func (b *books) setting(ctx context.Context, name string) (string, error) {
	var value string
	err := b.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func (b *books) set(ctx context.Context, name, value string) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// noteUser remembers whose a finAPI user is, for callbacks.
func (b *books) noteUser(ctx context.Context, tenant string, id finapi.UserID) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO customer (tenant, user) VALUES (?, ?) ON CONFLICT DO NOTHING`, tenant, string(id))
	return err
}

// tenantOf returns whose a finAPI user is; "" if nobody's.
func (b *books) tenantOf(ctx context.Context, id finapi.UserID) (string, error) {
	var tenant string
	err := b.db.QueryRowContext(ctx, `SELECT tenant FROM customer WHERE user = ?`, string(id)).Scan(&tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return tenant, err
}

// collect reads all rows of a query. scan reads the row at which they stand.
func collect[T any](rows *sql.Rows, err error, scan func(*T) []any) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		var one T
		if err := rows.Scan(scan(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
