package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// ledger is an account of the ERP that takes the bookings of one bank account. It
// outlives the connection: when the bank is connected anew, it goes on.
type ledger struct {
	ID       int64
	Tenant   string
	Number   int64
	Name     string
	Bank     string
	IBAN     string
	Currency finapi.Currency
	Type     finapi.AccountType
	// Account and Connection are finAPI's, and 0 if nothing is read.
	Account    finapi.AccountID
	Connection finapi.ConnectionID
	// Rebind says that the customer calls the account the one of before, which the feed
	// cannot see from its IBAN.
	Rebind bool
	// Opening is the balance before the first booking; not valid if it is not known.
	Opening decimal.NullDecimal
}

// name is how the feed knows the ledger. It is made of nothing that the bank says.
func (l *ledger) name() finapi.LedgerID {
	return finapi.LedgerID(l.Tenant + "/" + strconv.FormatInt(l.Number, 10))
}

// takes reports whether the ledger took the bookings of a bank account before.
func (l *ledger) takes(a *finapi.Account) bool {
	return l.IBAN != "" && l.IBAN == a.IBAN && l.Currency == a.Currency && l.Type == a.Type
}

const ledgerColumns = `SELECT id, tenant, number, name, bank, iban, currency, type, COALESCE(account, 0),
	COALESCE(connection, 0), rebind, opening FROM ledger `

func scanLedger(l *ledger) []any {
	return []any{
		&l.ID, &l.Tenant, &l.Number, &l.Name, &l.Bank, &l.IBAN, &l.Currency, &l.Type, &l.Account, &l.Connection, &l.Rebind,
		&l.Opening,
	}
}

// ledgers returns a tenant's ledgers by number.
func (b *books) ledgers(ctx context.Context, tenant string) ([]ledger, error) {
	rows, err := b.db.QueryContext(ctx, ledgerColumns+`WHERE tenant = ? ORDER BY number`, tenant)
	return collect(rows, err, scanLedger)
}

// ledger returns one of a tenant's ledgers, or errNotFound. That it belongs to another
// tenant makes no difference.
func (b *books) ledger(ctx context.Context, tenant string, id int64) (ledger, error) {
	var l ledger
	err := b.db.QueryRowContext(ctx, ledgerColumns+`WHERE tenant = ? AND id = ?`, tenant, id).Scan(scanLedger(&l)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNotFound
	}
	return l, err
}

// bindIn says which ledger takes the bookings of an account: a former one, or a new one if
// that is nil.
func bindIn(ctx context.Context, tx *sql.Tx, tenant string, former *ledger, bank string, a *finapi.Account) error {
	if former == nil {
		_, err := tx.ExecContext(ctx, `INSERT INTO ledger (tenant, number, name, bank, iban, currency, type, account, connection)
			VALUES (?, (SELECT COALESCE(MAX(number), 1190) + 10 FROM ledger WHERE tenant = ?), ?, ?, ?, ?, ?, ?, ?)`,
			tenant, tenant, a.Name, bank, a.IBAN, string(a.Currency), string(a.Type), int64(a.ID), int64(a.Connection))
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE ledger SET account = ?, connection = ?, bank = ?, rebind = ? WHERE tenant = ? AND id = ?`,
		int64(a.ID), int64(a.Connection), bank, !former.takes(a) && former.Account != a.ID, tenant, former.ID)
	return err
}

// rebound notes that the feed goes on with the account. From now on it knows it.
func (b *books) rebound(ctx context.Context, id int64, iban string) error {
	_, err := b.db.ExecContext(ctx, `UPDATE ledger SET rebind = 0, iban = ? WHERE id = ?`, iban, id)
	return err
}

// part notes that a connection has ended: its ledgers take no bookings any more. Their
// bookings stay.
func (b *books) part(ctx context.Context, tenant string, id finapi.ConnectionID, bank string) error {
	return b.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := releaseIn(ctx, tx, tenant, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO parted (tenant, connection, bank) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			tenant, int64(id), bank)
		return err
	})
}

// bankOf returns the bank of one of the tenant's connections that finAPI does not have any
// more; "" if the tenant never had it.
func (b *books) bankOf(ctx context.Context, tenant string, id finapi.ConnectionID) (string, error) {
	var bank string
	err := b.db.QueryRowContext(ctx, `SELECT bank FROM parted WHERE tenant = ?1 AND connection = ?2
		UNION SELECT bank FROM ledger WHERE tenant = ?1 AND connection = ?2 LIMIT 1`, tenant, int64(id)).Scan(&bank)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return bank, err
}

func releaseIn(ctx context.Context, tx *sql.Tx, tenant string, id finapi.ConnectionID) error {
	_, err := tx.ExecContext(ctx, `UPDATE ledger SET account = NULL, connection = NULL WHERE tenant = ? AND connection = ?`,
		tenant, int64(id))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM chosen WHERE tenant = ? AND connection = ?`, tenant, int64(id))
	return err
}

// hasChosen returns the connections whose accounts the customer has chosen.
func (b *books) hasChosen(ctx context.Context, tenant string) (map[finapi.ConnectionID]bool, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT connection FROM chosen WHERE tenant = ?`, tenant)
	all, err := collect(rows, err, func(id *finapi.ConnectionID) []any { return []any{id} })
	chosen := map[finapi.ConnectionID]bool{}
	for _, id := range all {
		chosen[id] = true
	}
	return chosen, err
}

func (b *books) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// snapshot keeps the bank's balance of a day. The bank's last word of the day counts.
func (b *books) snapshot(ctx context.Context, id int64, day finapi.Date, amount decimal.Decimal) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO snapshot (ledger, day, amount) VALUES (?, ?, ?)
		ON CONFLICT (ledger, day) DO UPDATE SET amount = excluded.amount`, id, day.String(), amount.String())
	return err
}

// balance is what the bank said last, and when.
type balance struct {
	Amount decimal.Decimal
	Day    finapi.Date
}

// lastBalance returns the newest snapshot of a ledger; nil if there is none.
func (b *books) lastBalance(ctx context.Context, id int64) (*balance, error) {
	var last balance
	err := b.db.QueryRowContext(ctx, `SELECT amount, day FROM snapshot WHERE ledger = ? ORDER BY day DESC LIMIT 1`, id).
		Scan(&last.Amount, &last.Day)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as the comment says
	}
	return &last, err
}

// keepOpening takes down once what the account held before its first booking, which no
// bank delivers.
func (b *books) keepOpening(ctx context.Context, id int64, opening decimal.Decimal) error {
	_, err := b.db.ExecContext(ctx, `UPDATE ledger SET opening = ? WHERE id = ? AND opening IS NULL`, opening.String(), id)
	return err
}

// notice is what a feed said about an account.
type notice struct {
	Kind     finapi.NoticeKind
	From, To finapi.Date
	At       time.Time
}

func (b *books) notices(ctx context.Context, id int64) ([]notice, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT kind, day_from, day_to, at FROM notice WHERE ledger = ?
		ORDER BY at DESC, kind LIMIT 5`, id)
	type row struct {
		kind, from, to string
		at             int64
	}
	all, err := collect(rows, err, func(r *row) []any { return []any{&r.kind, &r.from, &r.to, &r.at} })
	var notices []notice
	for _, r := range all {
		n := notice{Kind: finapi.NoticeKind(r.kind), At: time.Unix(r.at, 0)}
		_ = n.From.UnmarshalText([]byte(r.from)) // "" is no date
		_ = n.To.UnmarshalText([]byte(r.to))
		notices = append(notices, n)
	}
	return notices, err
}
