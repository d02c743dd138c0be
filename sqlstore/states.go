package sqlstore

import (
	"context"
	"time"

	"github.com/finapi-go/finapi"
)

// statesKept is how long a used state is remembered after it has expired. No state is
// good for as long.
const statesKept = 24 * time.Hour

// States returns the memory of the states with which customers came back from forms,
// for [finapi.ReturnConfig].
func (s *Store) States() finapi.States { return states{s} }

type states struct{ *Store }

// Use implements [finapi.States].
func (s states) Use(ctx context.Context, name string, expires time.Time) (bool, error) {
	_, err := s.exec(ctx, `DELETE FROM finapi_state WHERE expires < $1`, expires.Add(-statesKept).Unix())
	if err != nil {
		return false, failed(ctx, "clear the used states", err)
	}
	result, err := s.exec(
		ctx, `INSERT INTO finapi_state (name, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, expires.Unix(),
	)
	if err != nil {
		return false, failed(ctx, "use a state", err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return false, failed(ctx, "use a state", err)
	}
	return rows == 1, nil
}
