package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// books is the ERP: a SQLite file that holds its journal, and beside it what the
// feed remembers. One file, so that both commit together.
type books struct {
	store   *sqlstore.Store
	db      *sql.DB
	scratch string // a folder to delete at the end; "" if the ledger is kept
}

const tables = `
CREATE TABLE IF NOT EXISTS journal (
	uid          TEXT PRIMARY KEY, -- a second booking of the same transaction cannot happen
	ledger       TEXT NOT NULL,
	booking_date TEXT NOT NULL,
	value_date   TEXT NOT NULL,
	amount       TEXT NOT NULL,    -- exact decimal, never REAL
	currency     TEXT NOT NULL,
	counterpart  TEXT NOT NULL,
	purpose      TEXT NOT NULL,
	status       TEXT NOT NULL     -- booked, review or removed
) STRICT;
CREATE TABLE IF NOT EXISTS ledger ( -- which ledger account takes which bank account
	number   INTEGER PRIMARY KEY,
	account  INTEGER NOT NULL,     -- its id at finAPI, which changes when the bank is connected anew
	iban     TEXT NOT NULL,
	currency TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS opening (
	ledger TEXT PRIMARY KEY,
	amount TEXT NOT NULL           -- the balance before the first transaction
) STRICT;
CREATE TABLE IF NOT EXISTS setting (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;`

func openBooks(ctx context.Context, file string) (*books, error) {
	b := &books{}
	if file == "" {
		dir, err := os.MkdirTemp("", "finapi-sync-")
		if err != nil {
			return nil, err
		}
		b.scratch, file = dir, filepath.Join(dir, "ledger.db")
	}
	store, err := sqlstore.OpenFile(ctx, file)
	if err != nil {
		b.close()
		return nil, err
	}
	b.store, b.db = store, store.DB()
	if _, err := b.db.ExecContext(ctx, tables); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *books) close() {
	if b.store != nil {
		_ = b.store.Close()
	}
	if b.scratch != "" {
		_ = os.RemoveAll(b.scratch)
	}
}

// ledger returns the ledger account of a bank account, and opens one for an account
// that it has not met before. An ERP asks the customer instead. The name of a ledger
// must not change when the bank's data does, so it is a number of the ERP's own.
func (b *books) ledger(ctx context.Context, a *finapi.Account) (finapi.LedgerID, error) {
	number, err := b.findLedger(ctx, a)
	if errors.Is(err, sql.ErrNoRows) {
		err = b.db.QueryRowContext(ctx, `INSERT INTO ledger (number, account, iban, currency)
			VALUES ((SELECT COALESCE(MAX(number), 1190) + 10 FROM ledger), ?, ?, ?) RETURNING number`,
			int64(a.ID), a.IBAN, string(a.Currency)).Scan(&number)
	}
	return finapi.LedgerID(strconv.FormatInt(number, 10)), err
}

// findLedger goes by the account's id, or by its IBAN if the bank was connected anew.
func (b *books) findLedger(ctx context.Context, a *finapi.Account) (number int64, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT number FROM ledger WHERE account = ?`, int64(a.ID)).Scan(&number)
	if !errors.Is(err, sql.ErrNoRows) || a.IBAN == "" {
		return number, err
	}
	err = b.db.QueryRowContext(ctx, `UPDATE ledger SET account = ? WHERE iban = ? AND currency = ? RETURNING number`,
		int64(a.ID), a.IBAN, string(a.Currency)).Scan(&number)
	return number, err
}

// book applies what the feed says, inside the transaction that also keeps the
// feed's memory.
func book(ctx context.Context, tx *sql.Tx, ledger finapi.LedgerID, event finapi.Event) error {
	switch e := event.(type) {
	case finapi.Booked:
		return insert(ctx, tx, ledger, e.UID, &e.Transaction, "booked")
	case finapi.Review: // a person has to look at it
		return insert(ctx, tx, ledger, e.UID, &e.Transaction, "review")
	case finapi.Modified:
		_, err := tx.ExecContext(ctx, `UPDATE journal SET booking_date = ?, value_date = ?, amount = ?, currency = ?,
			counterpart = ?, purpose = ? WHERE uid = ?`, append(columns(&e.New), e.UID)...)
		return err
	case finapi.Removed:
		_, err := tx.ExecContext(ctx, `UPDATE journal SET status = 'removed' WHERE uid = ?`, e.UID)
		return err
	}
	return nil // relinks, notices and the summary change no booking
}

func insert(
	ctx context.Context, tx *sql.Tx, ledger finapi.LedgerID, uid finapi.UID, t *finapi.Transaction, status string,
) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO journal
		(booking_date, value_date, amount, currency, counterpart, purpose, uid, ledger, status)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(columns(t), uid, ledger, status)...)
	return err
}

func columns(t *finapi.Transaction) []any {
	value := t.ValueDate
	if value.IsZero() {
		value = t.BookingDate
	}
	return []any{
		t.BookingDate.String(), value.String(), t.Amount.Amount.String(), string(t.Amount.Currency),
		t.Counterpart.Name, t.Purpose,
	}
}

// sum adds up the journal of a ledger, exactly.
func (b *books) sum(ctx context.Context, ledger finapi.LedgerID) (sum decimal.Decimal, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT amount FROM journal WHERE ledger = ? AND status <> 'removed'`, ledger)
	if err != nil {
		return sum, err
	}
	defer func() { err = cmp.Or(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		var amount decimal.Decimal
		if err := rows.Scan(&amount); err != nil {
			return sum, err
		}
		sum = sum.Add(amount)
	}
	return sum, nil
}

// opening returns the balance that the account had before its first transaction,
// which no bank feed delivers. It is taken down once, after the first sync.
func (b *books) opening(ctx context.Context, ledger finapi.LedgerID, first decimal.Decimal) (decimal.Decimal, error) {
	_, err := b.db.ExecContext(ctx, `INSERT INTO opening (ledger, amount) VALUES (?, ?) ON CONFLICT DO NOTHING`,
		ledger, first.String())
	if err != nil {
		return first, err
	}
	var amount decimal.Decimal
	err = b.db.QueryRowContext(ctx, `SELECT amount FROM opening WHERE ledger = ?`, ledger).Scan(&amount)
	return amount, err
}

// user returns the customer's user id at finAPI, which is chosen once.
func (b *books) user(ctx context.Context, fresh string) (string, error) {
	_, err := b.db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ('user', ?) ON CONFLICT DO NOTHING`, fresh)
	if err != nil {
		return "", err
	}
	return b.setting(ctx, "user")
}

func (b *books) setting(ctx context.Context, name string) (string, error) {
	var value string
	err := b.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// simulation returns where the simulator's clock stood, or the zero time, and how
// often the ledger has met a simulator.
func (b *books) simulation(ctx context.Context) (left time.Time, runs int64, err error) {
	value, err := b.setting(ctx, "simulated time")
	if err != nil || value == "" {
		return left, 0, err
	}
	if left, err = time.Parse(time.RFC3339, value); err != nil {
		return left, 0, err
	}
	value, err = b.setting(ctx, "simulated runs")
	if err != nil {
		return left, 0, err
	}
	runs, err = strconv.ParseInt(value, 10, 64)
	return left, runs, err
}

// keepTime keeps where the simulator's clock stands.
func (b *books) keepTime(ctx context.Context, now time.Time) error {
	_, err := b.db.ExecContext(ctx, `UPDATE setting SET value = ? WHERE name = 'simulated time'`, now.Format(time.RFC3339))
	return err
}

// keepSimulation does the same for a simulator that the ledger has not met before.
func (b *books) keepSimulation(ctx context.Context, now time.Time) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ('simulated time', ?), ('simulated runs', '1')
		ON CONFLICT (name) DO UPDATE SET value = CASE name
			WHEN 'simulated runs' THEN CAST(CAST(value AS INTEGER) + 1 AS TEXT) ELSE excluded.value END`,
		now.Format(time.RFC3339))
	return err
}
