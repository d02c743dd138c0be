package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// This file hands transactions to the ERP's code, which is to write with them and nothing else.

// lentBy is the key by which a context tells whether the ERP's code is at work in a transaction of
// the Store: a pointer to an [atomic.Bool], because contexts outlive transactions.
type lentBy struct{ *Store }

// lend lets the ERP's code work in a transaction, with a context that refuses writes past it.
// name is what the ERP knows the code by.
func (s *Store) lend(ctx context.Context, tx *sql.Tx, name string, work func(context.Context) error) error {
	var atWork atomic.Bool
	atWork.Store(true)
	defer atWork.Store(false)
	err := between(ctx, tx, name, func() error { return work(context.WithValue(ctx, lentBy{s}, &atWork)) })
	if err != nil && !errors.Is(err, errEnded) {
		return failed(ctx, name, err)
	}
	return err
}

// errEnded says that the ERP's code has ended its transaction. If it has begun another one,
// database/sql does not know of it.
var errEnded = errors.New("has ended the transaction that it was given, so the memory may be stored without the ERP's rows")

// between works between a savepoint and its release, which fails if the transaction was ended
// meanwhile, and also if it has become another one.
func between(ctx context.Context, tx *sql.Tx, name string, work func() error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT finapi_apply`); err != nil {
		return err
	}
	err := work()
	if err == nil {
		_, err = tx.ExecContext(ctx, `RELEASE SAVEPOINT finapi_apply`)
	}
	if err == nil {
		return nil
	}
	// Also in a transaction that has failed one can go back, unless it is another one.
	_, back := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT finapi_apply`)
	if ctx.Err() == nil && noSavepoint(back) {
		// The reason is told and not wrapped, because nobody may take it for a conflict and start over.
		return fmt.Errorf("sqlstore: %s %w: %s: %w", name, errEnded, err.Error(), back)
	}
	return err
}

// noSavepoint reports whether a savepoint is not there, in which case the transaction is not, either.
func noSavepoint(err error) bool {
	const unknownSavepoint, noTransaction = "3B001", "25P01" // in PostgreSQL
	var e interface{ SQLState() string }
	switch {
	case err == nil:
		return false
	case errors.As(err, &e):
		return e.SQLState() == unknownSavepoint || e.SQLState() == noTransaction
	}
	return errors.Is(err, sql.ErrTxDone) || strings.Contains(err.Error(), "no such savepoint") // SQLite's, whatever its driver
}

// checkPast refuses a write of the ERP's code past the transaction that was lent to it: it would
// stay when that is rolled back, and often each would wait for the other.
func (s *Store) checkPast(ctx context.Context) error {
	if atWork, ok := ctx.Value(lentBy{s}).(*atomic.Bool); ok && atWork.Load() {
		return invalid("ctx", "must not be that of an apply or Report that is at work: write with its transaction, or afterwards")
	}
	return nil
}
