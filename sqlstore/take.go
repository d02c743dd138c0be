package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/finapi-go/finapi"
)

// This file hands out the connections that are due. Who takes one has it for a while, and
// only the last who took it may write: see [Connections.guard].

// Task is a connection that was taken because it is due. It is what a queue holds; it says
// nothing of the customer.
type Task struct {
	Environment string              `json:"environment"`
	Connection  finapi.ConnectionID `json:"connection"`
	// Fence is the number of the taking: one that is not the last can do nothing any more.
	Fence int64 `json:"fence"`
}

// Limits bound how many connections are worked on at the same time, by all processes
// together. What is taken and still waits in a queue counts, too.
type Limits struct {
	// PerBank is for each bank; 0 means 10.
	PerBank int
	// PerMandator is for each of the vendor's clients at finAPI; 0 means 200.
	PerMandator int
}

const (
	defaultPerBank     = 10
	defaultPerMandator = 200
)

func (l Limits) check() error {
	switch {
	case l.PerBank < 0:
		return invalid("Limits.PerBank", "must not be negative")
	case l.PerMandator < 0:
		return invalid("Limits.PerMandator", "must not be negative")
	}
	return nil
}

const (
	// leastLooked and mostLooked bound how many due connections are looked at in one go, in
	// order to take some of them.
	leastLooked = 100
	mostLooked  = 2000
	// maxRaces is how often taking starts over because somebody else was in the way.
	maxRaces = 5
	// maxLost is how often somebody can begin with a connection and not end before that counts
	// as a failure, because it may be what kills the programs.
	maxLost = 3
)

// take hands out due connections, the oldest first, n at the most, for a while each.
func (c *Connections) take(ctx context.Context, n int, limits Limits, hold time.Duration) ([]Task, error) {
	for race := 1; ; race++ {
		tasks, err := c.takeOnce(ctx, n, limits, hold)
		if !finapi.IsError(err, finapi.CodeConflict) || race == maxRaces {
			return tasks, err
		}
	}
}

func (c *Connections) takeOnce(ctx context.Context, n int, limits Limits, hold time.Duration) ([]Task, error) {
	var tasks []Task
	err := c.store.transact(ctx, func(tx *sql.Tx) error {
		now := c.now()
		resumed, err := c.look(ctx, tx, now)
		if err != nil {
			return c.explained(ctx, "look for due connections", err)
		}
		ready, err := c.ready(ctx, tx, now, limits, min(max(4*n, leastLooked), mostLooked))
		if err != nil {
			return c.explained(ctx, "look for due connections", err)
		}
		for i := range ready {
			if len(tasks) == n {
				break
			}
			task, err := c.takeOne(ctx, tx, &ready[i], now, resumed, hold)
			if err != nil {
				return c.explained(ctx, "take a due connection", err)
			}
			if task.Fence > 0 {
				tasks = append(tasks, task)
			}
		}
		return nil
	})
	return tasks, err
}

// look notes that somebody has looked, keeps others from looking meanwhile, and tells when
// the scheduler last resumed after an outage.
func (c *Connections) look(ctx context.Context, tx *sql.Tx, now time.Time) (resumed time.Time, err error) {
	_, err = tx.ExecContext(ctx, `
INSERT INTO finapi_scheduler (environment, looked, resumed) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING`, c.environment, now.UnixMilli())
	if err != nil {
		return time.Time{}, err
	}
	var looked, before int64
	err = tx.QueryRowContext(ctx, `
UPDATE finapi_scheduler SET environment = environment WHERE environment = $1 RETURNING looked, resumed`, c.environment).Scan(&looked, &before)
	if err != nil {
		return time.Time{}, err
	}
	if before > 0 {
		resumed = time.UnixMilli(before)
	}
	resumed = finapi.ResumedAt(resumed, time.UnixMilli(looked), now)
	if !resumed.IsZero() {
		before = resumed.UnixMilli()
	}
	_, err = tx.ExecContext(ctx, `
UPDATE finapi_scheduler SET looked = $2, resumed = $3 WHERE environment = $1`, c.environment, now.UnixMilli(), before)
	return resumed, err
}

// ready returns due connections that nobody has, of the oldest so many, no more of a bank and
// of a mandator than the limits leave room for.
func (c *Connections) ready(ctx context.Context, tx *sql.Tx, now time.Time, limits Limits, looked int) ([]record, error) {
	perBank, perMandator := limits.PerBank, limits.PerMandator
	if perBank == 0 {
		perBank = defaultPerBank
	}
	if perMandator == 0 {
		perMandator = defaultPerMandator
	}
	rows, err := tx.QueryContext(ctx, c.store.sql.connections.ready, c.environment, now.UnixMilli(), perBank, perMandator, looked)
	if err != nil {
		return nil, err
	}
	return scanRecords(rows)
}

var errTakenInVain = errors.New("sqlstore: whoever began with the connection did not end, several times in a row")

// takeOne takes a connection, unless it should wait after all: because it was missed in an
// outage and all of them must not begin at once, because of quiet hours, or because it was
// taken in vain too often.
func (c *Connections) takeOne(ctx context.Context, tx *sql.Tx, r *record, now, resumed time.Time, hold time.Duration) (Task, error) {
	missed := r.due.At.Before(resumed) && r.history.Resumed.Before(resumed)
	quiet, err := c.afterQuiet(r, now)
	switch {
	case err != nil:
		return Task{}, err
	case missed || r.lost >= maxLost:
		_, err := c.edit(ctx, tx, r.Connection, func(r *record) error {
			if r.lost >= maxLost {
				r.history = r.history.After(r.due, now, now, errTakenInVain)
			}
			if missed {
				r.history.Resumed = resumed
			}
			return nil
		})
		if err == nil && r.lost >= maxLost {
			_, err = tx.ExecContext(ctx, `UPDATE finapi_connection SET lost = 0 WHERE environment = $1 AND connection = $2`,
				c.environment, int64(r.Connection))
		}
		return Task{}, err
	case quiet.After(now):
		_, err := tx.ExecContext(ctx, `UPDATE finapi_connection SET due = $3 WHERE environment = $1 AND connection = $2`,
			c.environment, int64(r.Connection), quiet.UnixMilli())
		return Task{}, err
	}
	task := Task{Environment: c.environment, Connection: r.Connection}
	err = tx.QueryRowContext(ctx, c.store.sql.connections.take, c.environment, int64(r.Connection), hold.Milliseconds()).Scan(&task.Fence)
	if errors.Is(err, sql.ErrNoRows) {
		return Task{}, nil
	}
	return task, err
}

// afterQuiet tells when a run that was not asked for by news or the customer may begin.
func (c *Connections) afterQuiet(r *record, now time.Time) (time.Time, error) {
	if r.due.Why == finapi.DueNews || r.due.Why == finapi.DueOpened {
		return now, nil
	}
	table, err := r.Schedule.Timetable()
	if err != nil {
		return time.Time{}, err
	}
	key := finapi.ConnectionKey{Environment: c.environment, Connection: r.Connection}
	return table.AfterQuiet(key.String(), now), nil
}

// begin is what who works on a task does first. It returns [errLost] if somebody else has
// the connection by now, or nobody should.
func (c *Connections) begin(ctx context.Context, task Task, hold time.Duration) (*record, error) {
	end, err := c.store.turn(ctx) // it writes
	if err != nil {
		return nil, failed(ctx, "begin with a connection", err)
	}
	defer end()
	var r record
	err = r.scan(c.store.db.QueryRowContext(
		ctx, c.store.sql.connections.begin, c.environment, int64(task.Connection), task.Fence, hold.Milliseconds(),
	))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errLost
	}
	if err != nil {
		return nil, failed(ctx, "begin with a connection", err)
	}
	return &r, nil
}

// errLost says that somebody else has the connection by now.
var errLost = errors.New("sqlstore: somebody else has the connection by now")

// hold keeps a connection for a while longer.
func (c *Connections) hold(ctx context.Context, task Task, hold time.Duration) error {
	result, err := c.store.exec(
		ctx, c.store.sql.connections.hold, c.environment, int64(task.Connection), task.Fence, hold.Milliseconds(),
	)
	if err != nil {
		return failed(ctx, "hold a connection", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errLost, err)
	}
	return nil
}

// guard lets a transaction commit only if the connection is still the task's: a worker that
// was asleep for too long must not write. Nobody can take the connection before the
// transaction ends.
func (c *Connections) guard(ctx context.Context, tx *sql.Tx, task Task) error {
	var fence int64
	err := tx.QueryRowContext(ctx, c.store.sql.connections.guard, c.environment, int64(task.Connection)).Scan(&fence)
	if errors.Is(err, sql.ErrNoRows) || err == nil && fence != task.Fence {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("sqlstore: guard the connection: %w", err)
	}
	return nil
}

// release gives a connection back, for others to take at once. lost is how often somebody has
// begun with it in vain.
func (c *Connections) release(ctx context.Context, task Task, lost int) error {
	_, err := c.store.exec(ctx, `
UPDATE finapi_connection SET taken = 0, lost = $4 WHERE environment = $1 AND connection = $2 AND fence = $3`,
		c.environment, int64(task.Connection), task.Fence, lost)
	if err != nil {
		return failed(ctx, "give a connection back", err)
	}
	return nil
}
