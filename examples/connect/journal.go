package main

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// booking is a row of the journal.
type booking struct {
	UID         finapi.UID
	BookingDate finapi.Date
	ValueDate   finapi.Date
	Amount      decimal.Decimal
	Currency    finapi.Currency
	Counterpart string
	IBAN        string
	Purpose     string
	Status      string
	Changed     bool
}

// money is the amount with its currency.
func (b booking) Money() finapi.Money { return finapi.Money{Amount: b.Amount, Currency: b.Currency} }

// The states of a booking. Only what is booked counts.
const (
	statusBooked    = "booked"
	statusReview    = "review"    // possibly a double: a person has to decide
	statusDiscarded = "discarded" // a person has decided that it is one
	statusRemoved   = "removed"   // the bank has taken it back
)

// book applies what the feed says, inside the transaction that also keeps the feed's
// memory.
func book(ctx context.Context, tx *sql.Tx, l *ledger, event finapi.Event, now time.Time) error {
	switch e := event.(type) {
	case finapi.Booked:
		if e.Reason == finapi.ReasonConfirmed { // it is there, as a review
			return setStatus(ctx, tx, e.UID, statusBooked)
		}
		return insert(ctx, tx, l, e.UID, &e.Transaction, statusBooked)
	case finapi.Review:
		if err := insert(ctx, tx, l, e.UID, &e.Transaction, statusReview); err != nil || len(e.Candidates) == 0 {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE journal SET resembles = ? WHERE uid = ?`, e.Candidates[0], e.UID)
		return err
	case finapi.Modified:
		_, err := tx.ExecContext(ctx, `UPDATE journal SET booking_date = ?, value_date = ?, amount = ?, currency = ?,
			counterpart = ?, iban = ?, purpose = ?, words = ?, changed = 1 WHERE uid = ?`, append(columns(&e.New), e.UID)...)
		return err
	case finapi.Removed:
		if e.Reason == finapi.ReasonDiscarded {
			return setStatus(ctx, tx, e.UID, statusDiscarded)
		}
		return setStatus(ctx, tx, e.UID, statusRemoved)
	case finapi.Notice:
		if e.Kind == finapi.NoticeBalanceMismatch || e.Kind == finapi.NoticeBalanceRestored {
			return nil // the account's page compares with what is booked now, without reviews
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO notice (ledger, kind, day_from, day_to, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET at = excluded.at`, l.ID, string(e.Kind), e.From.String(), e.To.String(), now.Unix())
		return err
	}
	return nil // relinks and the summary change no booking
}

func insert(ctx context.Context, tx *sql.Tx, l *ledger, uid finapi.UID, t *finapi.Transaction, status string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO journal
		(booking_date, value_date, amount, currency, counterpart, iban, purpose, words, uid, ledger, status)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(columns(t), uid, l.ID, status)...)
	return err
}

func setStatus(ctx context.Context, tx *sql.Tx, uid finapi.UID, status string) error {
	_, err := tx.ExecContext(ctx, `UPDATE journal SET status = ? WHERE uid = ?`, status, uid)
	return err
}

func columns(t *finapi.Transaction) []any {
	value := t.ValueDate
	if value.IsZero() {
		value = t.BookingDate
	}
	words := strings.ToLower(strings.Join([]string{t.Counterpart.Name, t.Counterpart.IBAN, t.Purpose, t.EndToEndReference}, " "))
	return []any{
		t.BookingDate.String(), value.String(), t.Amount.Amount.String(), string(t.Amount.Currency),
		t.Counterpart.Name, t.Counterpart.IBAN, t.Purpose, words,
	}
}

// search says which bookings to show. Zero fields ask for nothing.
type search struct {
	Words    string
	Amount   decimal.NullDecimal // whatever its sign
	From, To finapi.Date
	Page     int // from 1
}

// pageSize is how many bookings are on a page.
const pageSize = 25

const bookingColumns = `SELECT uid, booking_date, value_date, amount, currency, counterpart, iban, purpose, status, changed FROM journal `

func scanBooking(b *booking) []any {
	return []any{
		&b.UID, &b.BookingDate, &b.ValueDate, &b.Amount, &b.Currency, &b.Counterpart, &b.IBAN, &b.Purpose, &b.Status, &b.Changed,
	}
}

// bookings returns a page of a ledger's bookings, the newest first, and how many there
// are in all. What waits for a decision or was discarded is not among them.
func (b *books) bookings(ctx context.Context, id int64, s *search) (page []booking, total int, err error) {
	where, args := s.condition(id)
	err = b.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM journal `+where, args...).Scan(&total)
	if err != nil {
		return nil, 0, err
	}
	rows, err := b.db.QueryContext(ctx, bookingColumns+where+` ORDER BY booking_date DESC, uid LIMIT ? OFFSET ?`,
		append(args, pageSize, (s.Page-1)*pageSize)...)
	page, err = collect(rows, err, scanBooking)
	return page, total, err
}

// condition makes a WHERE out of constants; what the customer wrote are arguments.
func (s *search) condition(id int64) (where string, args []any) {
	where, args = `WHERE ledger = ? AND status IN ('booked', 'removed')`, []any{id}
	for word := range strings.FieldsSeq(strings.ToLower(s.Words)) {
		where += ` AND instr(words, ?) > 0`
		args = append(args, word)
	}
	if s.Amount.Valid {
		where += ` AND amount IN (?, ?)`
		args = append(args, s.Amount.Decimal.String(), s.Amount.Decimal.Neg().String())
	}
	if !s.From.IsZero() {
		where += ` AND booking_date >= ?`
		args = append(args, s.From.String())
	}
	if !s.To.IsZero() {
		where += ` AND booking_date <= ?`
		args = append(args, s.To.String())
	}
	return where, args
}

// review is a booking that waits for a decision.
type review struct {
	booking
	// Resembles is the booking that it may be a double of; nil if none is named.
	Resembles *booking
}

// reviews returns what waits for a decision.
func (b *books) reviews(ctx context.Context, id int64) ([]review, error) {
	rows, err := b.db.QueryContext(ctx, bookingColumns+`WHERE ledger = ? AND status = 'review' ORDER BY booking_date DESC, uid`, id)
	waiting, err := collect(rows, err, scanBooking)
	if err != nil {
		return nil, err
	}
	var all []review
	for _, one := range waiting {
		rows, err := b.db.QueryContext(ctx, bookingColumns+`WHERE uid = (SELECT resembles FROM journal WHERE uid = ?)`, one.UID)
		like, err := collect(rows, err, scanBooking)
		if err != nil {
			return nil, err
		}
		r := review{booking: one}
		if len(like) > 0 {
			r.Resembles = &like[0]
		}
		all = append(all, r)
	}
	return all, nil
}

// movement is what was booked on a day.
type movement struct {
	Day    finapi.Date
	Amount decimal.Decimal
}

// movements returns what was booked, by day, exactly.
func (b *books) movements(ctx context.Context, id int64) ([]movement, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT booking_date, amount FROM journal WHERE ledger = ? AND status = 'booked'
		ORDER BY booking_date`, id)
	all, err := collect(rows, err, func(m *movement) []any { return []any{&m.Day, &m.Amount} })
	var days []movement
	for _, m := range all {
		if n := len(days); n > 0 && days[n-1].Day == m.Day {
			days[n-1].Amount = days[n-1].Amount.Add(m.Amount)
			continue
		}
		days = append(days, m)
	}
	return days, err
}

// sum adds up movements, exactly.
func sum(days []movement) (total decimal.Decimal) {
	for _, m := range days {
		total = total.Add(m.Amount)
	}
	return total
}
