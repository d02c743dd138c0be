package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"
)

// RunDue synchronises what is due now, up to n connections at the same time, and returns how
// many there were. It is for an ERP's own scheduler; call it every few minutes at least.
// Its error is that of a connection whose outcome could not be noted; the others ran.
func (s *Syncer) RunDue(ctx context.Context, n int) (ran int, err error) {
	for {
		tasks, err := s.Take(ctx, n)
		if err != nil || len(tasks) == 0 {
			return ran, err
		}
		if err := s.runAll(ctx, tasks); err != nil {
			return ran, err
		}
		ran += len(tasks)
	}
}

func (s *Syncer) runAll(ctx context.Context, tasks []Task) error {
	failures := make([]error, len(tasks))
	var group sync.WaitGroup
	for i, task := range tasks {
		group.Go(func() { failures[i] = s.Run(ctx, task) })
	}
	group.Wait()
	return errors.Join(failures...)
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
		if err := s.Connections.sleep(ctx, every); err != nil {
			return err
		}
	}
}

func (c *Connections) sleep(ctx context.Context, d time.Duration) error {
	if c.clock != nil {
		return c.clock.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
