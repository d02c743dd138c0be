package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/finapi-go/finapi"
)

// Connections are the bank connections that are synchronised by themselves: when each is
// due, and what became of it. The ERP's pages and callbacks add them and tell what they
// learn; a [Syncer] does the work. It is safe for concurrent use, by any number of
// processes.
type Connections struct {
	store       *Store
	environment string
	clock       finapi.Clock
}

// Connections opens the list of an environment. clock tells when connections are due; nil
// means the machine's.
func (s *Store) Connections(environment finapi.Environment, clock finapi.Clock) (*Connections, error) {
	if environment != finapi.Sandbox && environment != finapi.Live {
		return nil, invalid("environment", "must be finapi.Sandbox or finapi.Live")
	}
	if clock == nil {
		clock = finapi.SystemClock()
	}
	return &Connections{store: s, environment: environment.String(), clock: clock}, nil
}

func (c *Connections) now() time.Time { return c.clock.Now() }

// Environment returns "sandbox" or "live".
func (c *Connections) Environment() string { return c.environment }

// Enrolment says whose a connection is and how often it is synchronised.
type Enrolment struct {
	Connection finapi.ConnectionID
	// Tenant is the ERP's own name for the customer, 1 to 200 characters, as for
	// [Users.Open].
	Tenant string
	// Bank is the bank's id at finAPI, for [Limits.PerBank].
	Bank finapi.BankID
	// Mandator names which of the vendor's clients at finAPI the connection belongs to, for
	// [Limits.PerMandator]; "" if there is one only. 200 characters at the most.
	Mandator string
	// Schedule is how often, and when; the zero Schedule is daily in a German night.
	Schedule finapi.Schedule
}

func (e *Enrolment) check() error {
	switch {
	case e.Connection <= 0:
		return invalid("Enrolment.Connection", "must be the id of a connection")
	case strings.TrimSpace(e.Tenant) == "" || utf8.RuneCountInString(e.Tenant) > 200:
		return invalid("Enrolment.Tenant", "must have 1 to 200 characters")
	case e.Bank <= 0:
		return invalid("Enrolment.Bank", "must be the id of a bank")
	case utf8.RuneCountInString(e.Mandator) > 200:
		return invalid("Enrolment.Mandator", "must have 200 characters at the most")
	}
	return cmp.Or(
		checkText("Enrolment.Tenant", e.Tenant), checkText("Enrolment.Mandator", e.Mandator), e.Schedule.Validate(),
	)
}

// Enrol has a connection synchronised by itself from now on, or changes its schedule.
// A new one is read at once, because finAPI has its data since the consent, and then at its
// regular times. With the ERP's transaction, which must be one of [Store.DB], it counts when
// that is committed; nil does it at once.
//
// Call it after each consent, also after a renewed one: if nothing was due because the customer
// had to act, it is then. A connection stays with its tenant: to enrol it for another one is
// refused.
func (c *Connections) Enrol(ctx context.Context, tx *sql.Tx, e Enrolment) error {
	if err := e.check(); err != nil {
		return err
	}
	now := c.now()
	fresh := record{Enrolment: e, history: imported(finapi.History{Resumed: now}, now)}
	return c.within(ctx, tx, "enrol a connection", func(tx *sql.Tx) error {
		if err := c.insert(ctx, tx, &fresh); err != nil {
			return err
		}
		_, err := c.edit(ctx, tx, e.Connection, func(r *record) error {
			if r.Tenant != e.Tenant {
				return invalid("Enrolment.Tenant", "must be the tenant that the connection was enrolled for")
			}
			r.Enrolment = e
			if r.due.Why == finapi.DueCustomer {
				r.history = acted(r.history, now)
			}
			return nil
		})
		return err
	})
}

// Withdraw stops synchronising a connection by itself, for example before it is deleted.
// Who works on it at the moment is refused to write anything more. The memory of its feeds
// stays. A connection that is not enrolled is no error. tx is as in [Connections.Enrol].
func (c *Connections) Withdraw(ctx context.Context, tx *sql.Tx, id finapi.ConnectionID) error {
	return c.within(ctx, tx, "withdraw a connection", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM finapi_connection WHERE environment = $1 AND connection = $2`, c.environment, int64(id))
		return err
	})
}

// Hint is something that makes a connection due, or not, out of turn.
type Hint string

// The hints.
const (
	// HintNews: finAPI told that something is new, such as bookings, or that the bank wants the
	// customer. It is read at once; see [finapi.NotificationHandler].
	HintNews Hint = "news"
	// HintOpened: the customer has opened the page. The bank is asked at once, unless it just
	// was. That counts as an update without the customer, because a [Syncer] cannot show the
	// customer's device to the bank; so if no more than one of the 4 of a day is left, which the
	// regular time needs, finAPI's data are read only. To have it not counted, call
	// [finapi.User.Refresh] with the customer's device, and then tell HintNews.
	HintOpened Hint = "opened"
	// HintCustomerActed: the customer has renewed the consent. What finAPI got by that is read
	// at once.
	HintCustomerActed Hint = "customer-acted"
	// HintRepaired: the vendor has repaired what made it a dead letter. It is tried again, at
	// once unless it has just failed.
	HintRepaired Hint = "repaired"
)

// Tell passes on what the ERP has learnt of a connection, and makes it due or not. Hints are
// calls that anybody can make, clicks and guesses, so they can come often and be wrong: they
// cause a run too many at the most, never one that the bank has not allowed. If nothing is due
// because finAPI wants the customer in a form, HintNews and HintOpened read whether it still
// does. It reports whether the connection is enrolled.
func (c *Connections) Tell(ctx context.Context, id finapi.ConnectionID, hint Hint) (known bool, err error) {
	change, err := c.change(hint)
	if err != nil {
		return false, err
	}
	err = c.within(ctx, nil, "pass on a hint", func(tx *sql.Tx) error {
		_, err := c.edit(ctx, tx, id, change)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// TellTenant does what [Connections.Tell] does for all connections of a tenant, and returns
// how many there are: for what finAPI's notifications say, which name a user and not always a
// connection.
func (c *Connections) TellTenant(ctx context.Context, tenant string, hint Hint) (n int, err error) {
	if _, err := c.change(hint); err != nil {
		return 0, err
	}
	found, err := c.OfTenant(ctx, tenant)
	if err != nil {
		return 0, err
	}
	for i := range found {
		known, err := c.Tell(ctx, found[i].Connection, hint)
		if err != nil {
			return n, err
		}
		if known {
			n++
		}
	}
	return n, nil
}

// Notified returns what a [finapi.NotificationHandler] has to do: each notification makes the
// connections of its tenant due for reading, whatever it says. What the bank wants of the
// customer is found out by that, too. A user whom users does not know is passed over.
func (c *Connections) Notified(users *Users) func(context.Context, finapi.Notification) error {
	return func(ctx context.Context, n finapi.Notification) error {
		tenant, err := users.TenantOf(ctx, n.User)
		if err == nil && tenant != "" {
			_, err = c.TellTenant(ctx, tenant, HintNews)
		}
		return err
	}
}

// change returns what a hint changes.
func (c *Connections) change(hint Hint) (func(*record) error, error) {
	now := c.now()
	change, ok := map[Hint]func(*record){
		HintNews:          func(r *record) { r.look(now) },
		HintOpened:        func(r *record) { r.open(now) },
		HintCustomerActed: func(r *record) { r.history = acted(r.history, now) },
		HintRepaired:      func(r *record) { r.history = repaired(r.history) },
	}[hint]
	if !ok {
		return nil, invalid("hint", "must be one of the known hints")
	}
	return func(r *record) error {
		change(r)
		return nil
	}, nil
}

// look makes a connection due for reading, also to find out whether finAPI still wants the
// customer in a form. Access data that a bank has refused are not tried again by that.
func (r *record) look(now time.Time) {
	form := r.report != nil && r.report.Failure != nil && r.report.Failure.Code == finapi.CodeWebFormRequired
	if r.due.Why == finapi.DueCustomer && (r.history.ActionRequired || form) {
		r.history = acted(r.history, now)
	}
	r.history.News = now
}

// open makes a connection due for asking the bank, if that leaves an update for the regular
// time.
func (r *record) open(now time.Time) {
	const leave = 1
	if r.due.Why == finapi.DueCustomer || !finapi.NextClaim(r.history.Updates, now, updatesADay-leave).IsZero() {
		r.look(now)
		return
	}
	r.history.Opened = now
}

// updatesADay is what banks allow without the customer.
const updatesADay = 4

// acted notes that the customer has renewed the consent.
func acted(h finapi.History, now time.Time) finapi.History {
	h = imported(repaired(h), now)
	h.Acted, h.ActionRequired = now, false
	return h
}

// imported notes that finAPI has just asked the bank, because the customer has consented:
// there is something to read, and no need to ask again.
func imported(h finapi.History, now time.Time) finapi.History {
	h.LastSuccess, h.News = now.Add(-time.Millisecond), now
	return h
}

// repaired forgets failures.
func repaired(h finapi.History) finapi.History {
	h.Failures, h.FailedBy, h.RetryAfter = 0, "", time.Time{}
	return h
}

// record is a connection as the table has it.
type record struct {
	Enrolment
	history finapi.History
	due     finapi.Due
	report  *Report
	fence   int64
	taken   bool // somebody has it
	lost    int
}

const recordColumns = `connection, tenant, mandator, bank, schedule, history, due, why, blocked_by, asks, report, fence, lost`

func (r *record) scan(row interface{ Scan(into ...any) error }) error {
	var schedule, history, report []byte
	var due sql.NullInt64
	err := row.Scan(
		&r.Connection, &r.Tenant, &r.Mandator, &r.Bank, &schedule, &history,
		&due, &r.due.Why, &r.due.BlockedBy, &r.due.Update, &report, &r.fence, &r.lost, &r.taken,
	)
	if err == nil {
		err = errors.Join(json.Unmarshal(schedule, &r.Schedule), json.Unmarshal(history, &r.history))
	}
	if err == nil && report != nil {
		err = json.Unmarshal(report, &r.report)
	}
	if due.Valid {
		r.due.At = time.UnixMilli(due.Int64).UTC()
	}
	return err
}

// within does something in the caller's transaction, or in one of its own.
func (c *Connections) within(ctx context.Context, tx *sql.Tx, doing string, do func(*sql.Tx) error) error {
	if tx != nil {
		return c.explained(ctx, doing, do(tx))
	}
	return c.store.transact(ctx, func(tx *sql.Tx) error { return c.explained(ctx, doing, do(tx)) })
}

// explained leaves errors alone that are for the caller to branch on.
func (c *Connections) explained(ctx context.Context, doing string, err error) error {
	var e *finapi.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, sql.ErrNoRows) || errors.Is(err, errLost) {
		return err
	}
	return failed(ctx, doing, err)
}

func (c *Connections) insert(ctx context.Context, tx *sql.Tx, r *record) error {
	values, err := c.values(ctx, tx, r)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO finapi_connection (
	environment, connection, tenant, mandator, bank, schedule, history, due, why, blocked_by, asks, failures, fence, taken, lost
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0)
ON CONFLICT DO NOTHING`, values...)
	return err
}

// edit changes a connection that nobody else changes meanwhile, reckons anew when it is due,
// and returns it. It fails with [sql.ErrNoRows] if there is none.
func (c *Connections) edit(ctx context.Context, tx *sql.Tx, id finapi.ConnectionID, change func(*record) error) (*record, error) {
	var r record
	if err := r.scan(tx.QueryRowContext(ctx, c.store.sql.connections.lock, c.environment, int64(id))); err != nil {
		return nil, err
	}
	if err := change(&r); err != nil {
		return nil, err
	}
	values, err := c.values(ctx, tx, &r)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `
UPDATE finapi_connection SET
	tenant = $3, mandator = $4, bank = $5, schedule = $6, history = $7, due = $8, why = $9, blocked_by = $10, asks = $11, failures = $12
WHERE environment = $1 AND connection = $2`, values...)
	return &r, err
}

// values reckons when a connection is due, and returns what the statements of insert and
// edit take.
func (c *Connections) values(ctx context.Context, tx *sql.Tx, r *record) ([]any, error) {
	if err := c.reckon(ctx, tx, r); err != nil {
		return nil, err
	}
	schedule, err := json.Marshal(r.Schedule)
	if err != nil {
		return nil, err
	}
	history, err := json.Marshal(r.history)
	if err != nil {
		return nil, err
	}
	return []any{
		c.environment, int64(r.Connection), r.Tenant, r.Mandator, int64(r.Bank), string(schedule), string(history),
		milliseconds(r.due.At), string(r.due.Why), string(r.due.BlockedBy), flag(r.due.Update), r.history.Failures,
	}, nil
}

func (c *Connections) reckon(ctx context.Context, tx *sql.Tx, r *record) error {
	table, err := r.Schedule.Timetable()
	if err != nil {
		return err
	}
	key := finapi.ConnectionKey{Environment: c.environment, Connection: r.Connection}
	if _, r.history.Updates, err = started(ctx, tx, key); err != nil {
		return err
	}
	r.due = table.Next(key.String(), r.history)
	return nil
}

// milliseconds is a time as the tables have it; nil for none.
func milliseconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
