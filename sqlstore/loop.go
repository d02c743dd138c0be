package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

// RunDue synchronises what is due now, up to n connections at the same time, and returns how
// many runs there were. It is for an ERP's own scheduler; call it every few minutes at least.
// Its error is that of connections whose outcome could not be noted; the others ran.
func (s *Syncer) RunDue(ctx context.Context, n int) (ran int, err error) {
	if n < 1 {
		return 0, invalid("n", "must be positive")
	}
	counts, failures := make([]int, n), make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { counts[i], failures[i] = s.runUntilIdle(ctx) })
	}
	group.Wait()
	for _, count := range counts {
		ran += count
	}
	return ran, errors.Join(failures...)
}

// runUntilIdle runs one connection after the other, as long as there is one.
func (s *Syncer) runUntilIdle(ctx context.Context) (ran int, err error) {
	for {
		tasks, failure := s.Take(ctx, 1)
		if failure != nil || len(tasks) == 0 {
			return ran, errors.Join(err, failure)
		}
		failure = s.Run(ctx, tasks[0])
		err = errors.Join(err, failure)
		if ctx.Err() != nil {
			return ran, err
		}
		ran++
	}
}

// Loop calls [Syncer.RunDue] until ctx ends, and waits between two calls by the clock of the
// [Connections]. It is all that an ERP on one machine needs. It returns the context's error;
// other errors are logged, because the next call may do better. every is 1 second to 5
// minutes.
//
// When ctx ends, what is being worked on stops, is given back, and is due again at once.
func (s *Syncer) Loop(ctx context.Context, every time.Duration, n int) error {
	switch {
	case every < time.Second || every > 5*time.Minute:
		return invalid("every", "must be 1 second to 5 minutes")
	case n < 1:
		return invalid("n", "must be positive")
	}
	for {
		if _, err := s.RunDue(ctx, n); err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "not all that was due was synchronised", "error", err)
		}
		if err := s.Connections.clock.Sleep(ctx, every); err != nil {
			return err
		}
	}
}
