package finapi

import (
	"context"
	"time"
)

// This file bounds how much a client sends: how many requests at the same time, and how
// many in a while.

const (
	defaultInFlight = 32
	maxInFlight     = 1024
)

// WithMaxInFlight bounds how many requests the client has under way at the same time, to
// both hosts together and with those for tokens: 1 to 1024. The default is 32. Further
// requests wait for their turn, in the order in which they came, and leave with their
// context. Nothing is kept busy by a call that waits for a token or for its next attempt,
// and the time that one attempt may take begins after the wait.
func WithMaxInFlight(n int) Option {
	return func(s *settings) error {
		if n < 1 || n > maxInFlight {
			return invalid("WithMaxInFlight", "must be between 1 and 1024")
		}
		s.inFlight = n
		return nil
	}
}

// WithRateLimit spaces the client's requests evenly, so that no more than a number of
// them are sent in any span of a length: requests is 1 to 10,000, per is a second to an
// hour. Attempts that repeat a call and those for tokens count. Who must wait is served in
// order, and leaves with its context. By default there is no limit, because finAPI
// publishes none.
func WithRateLimit(requests int, per time.Duration) Option {
	return func(s *settings) error {
		if requests < 1 || requests > 10_000 {
			return invalid("WithRateLimit.requests", "must be between 1 and 10000")
		}
		if per < time.Second || per > time.Hour {
			return invalid("WithRateLimit.per", "must be between 1 second and 1 hour")
		}
		n := time.Duration(requests)
		s.every = (per + n - 1) / n // rounded up, or one request too many would fit
		return nil
	}
}

// turns hands out the leave to send. A turn is taken for one attempt and given back when
// its answer was read. Who has a turn waits for nobody else's, so there is no deadlock.
type turns struct {
	clock Clock
	// slots has a place for each request under way. Those who wait for a place of a
	// channel get it in their order.
	slots chan struct{}
	// every is the least time between two requests; 0 for no limit.
	every time.Duration
	// gate is held by whoever is next to send. next is the holder's.
	gate chan struct{}
	next time.Time
}

func newTurns(s *settings) *turns {
	return &turns{
		clock: s.clock, slots: make(chan struct{}, s.inFlight), every: s.every, gate: make(chan struct{}, 1),
	}
}

// take waits for a turn. The caller gives it back, unless there was an error, which is
// the context's or that of up, which says whether it still is worth waiting.
func (t *turns) take(ctx context.Context, up func() error) error {
	if err := enter(ctx, t.slots); err != nil {
		return err
	}
	if err := t.pace(ctx, up); err != nil {
		t.giveBack()
		return err
	}
	return nil
}

func (t *turns) giveBack() { <-t.slots }

// pace waits until the next request may be sent. Only the one whose turn it is sleeps, so
// whoever leaves early uses nothing up.
func (t *turns) pace(ctx context.Context, up func() error) error {
	if t.every == 0 {
		return nil
	}
	if err := enter(ctx, t.gate); err != nil {
		return err
	}
	defer func() { <-t.gate }()
	if err := up(); err != nil {
		return err
	}
	// A clock that was set back must not keep anybody for longer than it takes.
	if wait := min(t.next.Sub(t.clock.Now()), t.every); wait > 0 {
		if err := t.clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
	t.next = t.clock.Now().Add(t.every)
	return nil
}

// enter takes a place in a channel, or leaves with the context.
func enter(ctx context.Context, places chan<- struct{}) error {
	if err := ctx.Err(); err != nil {
		return err // select might take the place
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
