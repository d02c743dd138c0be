package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/finapi-go/finapi"
)

// Budget returns the count of the updates without the customer, for
// [finapi.WithBudget]. All programs that use the database share it.
func (s *Store) Budget() finapi.Budget { return budget{s} }

type budget struct{ *Store }

// budgetKept is how long the start of an update is remembered: longer than the day in which it
// counts, because what one machine calls old by a clock that is ahead may be recent by those of all
// others.
const budgetKept = 7 * 24 * time.Hour

// Claim implements [finapi.Budget].
func (s budget) Claim(ctx context.Context, c finapi.ConnectionKey, at time.Time, limit int) (time.Time, error) {
	var next time.Time
	err := s.edit(ctx, c, func(started []time.Time) []time.Time {
		started = slices.DeleteFunc(started, func(t time.Time) bool { return at.Sub(t) >= budgetKept })
		if next = finapi.NextClaim(started, at, limit); next.IsZero() {
			started = append(started, at.UTC())
		}
		return started
	})
	if err != nil {
		return time.Time{}, failed(ctx, "count an update", err)
	}
	return next, nil
}

// Release implements [finapi.Budget].
func (s budget) Release(ctx context.Context, c finapi.ConnectionKey, at time.Time) error {
	err := s.edit(ctx, c, func(started []time.Time) []time.Time {
		if i := slices.IndexFunc(started, at.Equal); i >= 0 {
			started = slices.Delete(started, i, i+1)
		}
		return started
	})
	if err != nil {
		return failed(ctx, "take back an update", err)
	}
	return nil
}

// edit changes what is counted for a connection. Whoever was overtaken by
// another reads again.
func (s budget) edit(ctx context.Context, c finapi.ConnectionKey, edit func([]time.Time) []time.Time) error {
	if err := s.checkPast(ctx); err != nil { // before it reads, because with one connection that waits for itself
		return err
	}
	for {
		version, started, err := started(ctx, s.db, c)
		if err != nil {
			return err
		}
		data, err := json.Marshal(edit(started))
		if err != nil {
			return err
		}
		statement := `UPDATE finapi_budget SET version = version + 1, started = $1
			WHERE environment = $2 AND connection = $3 AND version = $4`
		if version == 0 {
			statement = `INSERT INTO finapi_budget (started, environment, connection, version)
				VALUES ($1, $2, $3, $4 + 1) ON CONFLICT DO NOTHING`
		}
		result, err := s.exec(ctx, statement, string(data), c.Environment, int64(c.Connection), version)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
	}
}

// started returns when the updates of a connection were started that are counted.
func started(ctx context.Context, db querier, c finapi.ConnectionKey) (version int64, started []time.Time, err error) {
	var data []byte
	err = db.QueryRowContext(
		ctx, `SELECT version, started FROM finapi_budget WHERE environment = $1 AND connection = $2`, c.Environment, int64(c.Connection),
	).Scan(&version, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &started)
	}
	return version, started, err
}
