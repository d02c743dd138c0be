package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// turns lets the writers of a [Store] write one at a time, in the order in which they came.
// SQLite has one writer at a time anyway, but makes the others ask for the lock again and again,
// and whoever asks at a lucky moment has it: among many who write without a pause, one can be
// out of luck until its busy timeout has passed. The zero turns are for a database that many can
// write to at once, and hold nobody up.
type turns struct {
	taken    chan struct{} // has an element while somebody writes
	begun    atomic.Int64  // how many have had their turn
	patience time.Duration
}

// inTurn makes the writers of a database take turns. It is for before the first of them.
func (t *turns) inTurn(patience time.Duration) {
	t.taken, t.patience = make(chan struct{}, 1), patience
}

var errNoTurn = errors.New("somebody else in this program has been writing to the database for too long; does it wait for a write past its own transaction?")

// take waits for the turn as long as others get theirs, and gives up when nobody has had one for a
// while: whoever has it may be waiting for the caller.
func (t *turns) take(ctx context.Context) (end func(), err error) {
	if t.taken == nil {
		return func() {}, nil
	}
	select {
	case t.taken <- struct{}{}:
		return t.begin(), nil
	default: // there is something to wait for, and so to watch
	}
	waiting, giveUp := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { t.watch(waiting, giveUp) })
	defer watcher.Wait()
	defer giveUp()
	select { // once: who asks a second time goes behind all the others
	case t.taken <- struct{}{}:
		return t.begin(), nil
	case <-waiting.Done():
		return nil, cmp.Or(ctx.Err(), errNoTurn)
	}
}

func (t *turns) begin() (end func()) {
	t.begun.Add(1)
	return func() { <-t.taken }
}

// watch gives up when nobody has had a turn for a while.
func (t *turns) watch(waiting context.Context, giveUp func()) {
	ticker := time.NewTicker(t.patience)
	defer ticker.Stop()
	for {
		begun := t.begun.Load()
		select {
		case <-waiting.Done():
			return
		case <-ticker.C:
			if t.begun.Load() == begun {
				giveUp()
				return
			}
		}
	}
}

// turn waits until the caller may write.
func (s *Store) turn(ctx context.Context) (end func(), err error) {
	if err := s.checkPast(ctx); err != nil {
		return nil, err
	}
	return s.turns.take(ctx)
}

// exec writes with one statement.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	end, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.db.ExecContext(ctx, statement, args...)
}

// transact does something in a transaction, all of it or nothing, also if it
// panics.
func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	end, err := s.turn(ctx)
	if err != nil {
		return failed(ctx, "begin a transaction", err)
	}
	defer end()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return failed(ctx, "begin a transaction", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after a commit
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return failed(ctx, "commit", err)
	}
	return nil
}
