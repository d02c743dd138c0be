package finapitest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Clock is the simulator's own time. It stands still until it is moved, unless
// the simulator was started with [WithRunningClock].
type Clock struct {
	running bool // follows real time too

	// advancing is held while time moves, so that what falls due runs in order
	// and moves from several goroutines add up.
	advancing sync.Mutex

	mu     sync.Mutex
	now    time.Time
	synced time.Time // real time up to which a running clock has followed
	seq    int
	due    []dueCall     // ordered by time, then by the order of scheduling
	fresh  chan struct{} // tells follow that something may fall due earlier
}

// dueCall is something that happens at a simulated time.
type dueCall struct {
	at  time.Time
	seq int
	run func(now time.Time)
}

func newClock(start time.Time, running bool) *Clock {
	return &Clock{now: start, running: running, synced: time.Now(), fresh: make(chan struct{}, 1)}
}

// Now returns the simulated time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.Add(c.lag())
}

// Advance moves the time by d and runs everything that falls due on the way,
// in order: imports and updates finish, forms expire, callbacks are sent. A
// negative d moves nothing.
func (c *Clock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	target := c.Now().Add(max(d, 0))
	for {
		call, ok := c.next(target)
		if !ok {
			return
		}
		call.run(call.at)
	}
}

// Sleep advances the clock by d at once, so that a client which waits on this
// clock never really waits. It returns the context's error if ctx is done. On
// a running clock it waits in real time instead.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.running {
		return sleepReally(ctx, d)
	}
	c.Advance(d)
	return ctx.Err()
}

// Skewed returns the clock of a machine that is set wrong: it is ahead of this one by
// the given time, or behind if that is negative. Waiting moves both.
func (c *Clock) Skewed(by time.Duration) *SkewedClock { return &SkewedClock{clock: c, by: by} }

// SkewedClock is a [Clock] that is set wrong.
type SkewedClock struct {
	clock *Clock
	by    time.Duration
}

// Now returns the wrong time.
func (c *SkewedClock) Now() time.Time { return c.clock.Now().Add(c.by) }

// Sleep does what [Clock.Sleep] does.
func (c *SkewedClock) Sleep(ctx context.Context, d time.Duration) error { return c.clock.Sleep(ctx, d) }

func sleepReally(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// catchUp lets a running clock follow real time and run what fell due.
func (c *Clock) catchUp() {
	if c.running {
		c.Advance(0)
	}
}

// lag is the real time that a running clock has not followed yet.
func (c *Clock) lag() time.Duration {
	if !c.running {
		return 0
	}
	return time.Since(c.synced)
}

// next takes the first call due up to target and moves the time to it. When
// nothing is left it moves the time to target.
func (c *Clock) next(target time.Time) (dueCall, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.due) == 0 || c.due[0].at.After(target) {
		c.set(target)
		return dueCall{}, false
	}
	call := c.due[0]
	c.due = slices.Delete(c.due, 0, 1)
	c.set(call.at)
	return call, true
}

// set moves the time forward to t, never back.
func (c *Clock) set(t time.Time) {
	if t.After(c.now.Add(c.lag())) {
		c.now, c.synced = t, time.Now()
	}
}

// schedule runs f when the clock reaches the given time.
func (c *Clock) schedule(at time.Time, f func(now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	call := dueCall{at: at, seq: c.seq, run: f}
	i, _ := slices.BinarySearchFunc(c.due, call, func(a, b dueCall) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.seq, b.seq))
	})
	c.due = slices.Insert(c.due, i, call)
	select {
	case c.fresh <- struct{}{}:
	default: // follow knows already
	}
}

// follow lets a running clock run what falls due, until the context is done.
func (c *Clock) follow(ctx context.Context) {
	for {
		c.Advance(0)
		timer := time.NewTimer(c.untilDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.fresh:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// untilDue is how long nothing falls due.
func (c *Clock) untilDue() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.due) == 0 {
		return time.Hour
	}
	return c.due[0].at.Sub(c.now.Add(c.lag()))
}
