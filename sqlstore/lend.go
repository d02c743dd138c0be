package sqlstore

import (
	"context"
	"sync/atomic"
)

// This file hands transactions to the ERP's code, which is to write with them and nothing else.

// lentBy is the key by which a context tells whether the ERP's code is at work in a transaction of
// the Store: a pointer to an [atomic.Bool], because contexts outlive transactions.
type lentBy struct{ *Store }

// lend lets the ERP's code work in a transaction, with a context that refuses writes past it.
func (s *Store) lend(ctx context.Context, work func(context.Context) error) error {
	var atWork atomic.Bool
	atWork.Store(true)
	defer atWork.Store(false)
	return work(context.WithValue(ctx, lentBy{s}, &atWork))
}

// checkPast refuses a write of the ERP's code past the transaction that was lent to it: it would
// stay when that is rolled back, and often each would wait for the other.
func (s *Store) checkPast(ctx context.Context) error {
	if atWork, ok := ctx.Value(lentBy{s}).(*atomic.Bool); ok && atWork.Load() {
		return invalid("ctx", "must not be that of an apply or Report that is at work: write with its transaction, or afterwards")
	}
	return nil
}
