package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/finapi-go/finapi"
)

// ConnectionStatus is how a connection is doing.
type ConnectionStatus struct {
	Enrolment
	// Next is when it is due, or who must act before.
	Next DueTime
	// Taken is true if somebody works on it, or will as soon as it is its turn.
	Taken bool
	// Last is what became of the last run; nil before the first.
	Last *Report
	// LastSuccess is when finAPI last got the bank's data, as far as the schedule knows: by a
	// run that went well, or by the customer's consent.
	LastSuccess time.Time
	// Failures is how many runs have failed in a row.
	Failures int
}

// Status tells how a connection is doing. It reads the database only. A connection that is
// not enrolled is an error that [errors.Is] knows as [sql.ErrNoRows].
func (c *Connections) Status(ctx context.Context, id finapi.ConnectionID) (ConnectionStatus, error) {
	found, err := c.find(ctx, `connection = $2`, int64(id))
	if err == nil && len(found) == 0 {
		err = failed(ctx, "read a connection", sql.ErrNoRows)
	}
	if err != nil {
		return ConnectionStatus{}, err
	}
	return found[0], nil
}

// OfTenant tells how a tenant's connections are doing, in the order of their ids.
func (c *Connections) OfTenant(ctx context.Context, tenant string) ([]ConnectionStatus, error) {
	return c.find(ctx, `tenant = $2 ORDER BY connection`, tenant)
}

// BlockedBy returns up to n connections for which somebody must act before they are due
// again, in the order of their ids, beginning after one; 0 begins with the first. With
// [finapi.ActorVendor], these are the dead letters.
func (c *Connections) BlockedBy(ctx context.Context, actor finapi.Actor, after finapi.ConnectionID, n int) ([]ConnectionStatus, error) {
	if n < 1 {
		return nil, invalid("n", "must be positive")
	}
	return c.find(ctx, `due IS NULL AND blocked_by = $2 AND connection > $3 ORDER BY connection LIMIT $4`, string(actor), int64(after), n)
}

func (c *Connections) find(ctx context.Context, where string, args ...any) ([]ConnectionStatus, error) {
	records, err := c.records(ctx, where, args...)
	if err != nil {
		return nil, failed(ctx, "read the connections", err)
	}
	found := make([]ConnectionStatus, len(records))
	for i := range records {
		r := &records[i]
		found[i] = ConnectionStatus{
			Enrolment: r.Enrolment, Next: dueTime(r.due), Taken: r.taken, Last: r.report,
			LastSuccess: r.history.LastSuccess, Failures: r.history.Failures,
		}
	}
	return found, nil
}

func (c *Connections) records(ctx context.Context, where string, args ...any) ([]record, error) {
	rows, err := c.store.db.QueryContext(ctx, c.store.sql.connections.all+where, append([]any{c.environment}, args...)...)
	if err != nil {
		return nil, err
	}
	return scanRecords(rows)
}

func scanRecords(rows *sql.Rows) (records []record, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r record
		if err := r.scan(rows); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

// Backlog is how much there is to do.
type Backlog struct {
	// Connections counts what is enrolled.
	Connections int
	// Due counts what is due and nobody has yet, Taken what somebody works on, or will as
	// soon as it is its turn.
	Due, Taken int
	// Failing counts those whose last run failed, whether they are tried again by themselves or
	// not.
	Failing int
	// Oldest is when the oldest of what is due was due; zero if nothing is.
	Oldest time.Time
	// Blocked counts the connections for which somebody must act before they are due again.
	Blocked map[finapi.Actor]int
}

// Backlog tells how much there is to do. It reads the whole list, so ask every minute or so,
// not every second.
func (c *Connections) Backlog(ctx context.Context) (Backlog, error) {
	b, err := c.backlog(ctx)
	if err != nil {
		return Backlog{}, failed(ctx, "read the backlog", err)
	}
	return b, nil
}

func (c *Connections) backlog(ctx context.Context) (Backlog, error) {
	b := Backlog{Blocked: map[finapi.Actor]int{}}
	now := c.now().UnixMilli()
	var oldest sql.NullInt64
	err := c.store.db.QueryRowContext(ctx, c.store.sql.connections.backlog, c.environment, now).Scan(&b.Connections, &b.Due, &b.Taken, &b.Failing, &oldest)
	if err != nil {
		return b, err
	}
	if b.Due > 0 {
		b.Oldest = time.UnixMilli(oldest.Int64).UTC()
	}
	rows, err := c.store.db.QueryContext(ctx, `
SELECT blocked_by, count(*) FROM finapi_connection WHERE environment = $1 AND due IS NULL AND blocked_by <> '' GROUP BY blocked_by`, c.environment)
	if err != nil {
		return b, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var actor finapi.Actor
		var n int
		if err := rows.Scan(&actor, &n); err != nil {
			return b, err
		}
		b.Blocked[actor] = n
	}
	return b, rows.Err()
}
