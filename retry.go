package finapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Retry says how patiently a call is repeated when the network, finAPI or a
// gateway fails. Only calls that are safe to send twice are repeated; see the
// package documentation.
type Retry struct {
	// Attempts is the number of tries in all, 1 to 20. 1 means: do not repeat.
	Attempts int
	// Base is the wait before the second try; each further wait is twice as long,
	// with jitter. From 1 ms to Max.
	Base time.Duration
	// Max is the longest single wait, up to 10 minutes. If the server asks for a
	// longer one, the call returns at once with [Error.RetryAfter], so that a job
	// can be scheduled again instead of blocking.
	Max time.Duration
}

func defaultRetry() Retry {
	return Retry{Attempts: 4, Base: 500 * time.Millisecond, Max: 30 * time.Second}
}

func (r Retry) validate() error {
	switch {
	case r.Attempts < 1 || r.Attempts > 20:
		return invalid("Retry.Attempts", "must be between 1 and 20")
	case r.Max < time.Millisecond || r.Max > 10*time.Minute:
		return invalid("Retry.Max", "must be between 1 ms and 10 minutes")
	case r.Base < time.Millisecond || r.Base > r.Max:
		return invalid("Retry.Base", "must be between 1 ms and Retry.Max")
	}
	return nil
}

// maxRefusals is how often a call under way waits for a host that is left alone without
// losing an attempt. Then it does, so that it comes to an end.
const maxRefusals = 20

// retry runs op, which sends to a host, until it succeeds, fails for good, or patience
// ends. It waits on the client's clock and leaves when ctx is done.
func (c *Client) retry(ctx context.Context, r Retry, to host, op func() error) error {
	policy := newPatience(r)
	begun := false // only a call that is under way waits for a host that fails
	refusals := 0
	try := func() error {
		err := op()
		var final *backoff.PermanentError
		refused := begun && IsError(err, CodeHostDown)
		if err != nil && !errors.As(err, &final) && !refused && !temporary(err) {
			return backoff.Permanent(err)
		}
		if refused && refusals < maxRefusals {
			refusals++
			policy.left++ // nothing was sent: a refusal is no attempt
		}
		begun = true
		policy.asked = retryAfterOf(err)
		if down := c.circuits[to].state(c.clock.Now()); down != nil {
			policy.asked = max(policy.asked, down.left)
		}
		return err
	}
	timer := &clockTimer{ctx: ctx, clock: c.clock, done: make(chan time.Time, 1)}
	return backoff.RetryNotifyWithTimer(try, backoff.WithContext(policy, ctx), nil, timer)
}

// temporary reports whether the same call may succeed a little later. It is
// stricter than [RetryLater], which also covers what takes minutes.
func temporary(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Retry() != RetryLater {
		return false
	}
	if ofNetwork(e.Code) {
		return true
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// patience is the exponential back-off of the backoff package plus what that
// lacks: a number of attempts, and what the server or the circuit asks for.
type patience struct {
	*backoff.ExponentialBackOff
	retry Retry
	left  int
	asked time.Duration
}

func newPatience(r Retry) *patience {
	return &patience{
		ExponentialBackOff: growing(r.Base, r.Max),
		retry:              r,
	}
}

// growing doubles from base up to longest, with a jitter of half of it that can exceed
// longest.
func growing(base, longest time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(base),
		backoff.WithMaxInterval(longest),
		backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0),
	)
}

// Reset is called once before the first attempt.
func (p *patience) Reset() {
	p.ExponentialBackOff.Reset()
	p.left = p.retry.Attempts
}

// retryAfterOf tells how long an error asks to wait; 0 if it does not.
func retryAfterOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// NextBackOff returns the next wait, or [backoff.Stop].
func (p *patience) NextBackOff() time.Duration {
	p.left--
	if p.left <= 0 || p.asked > p.retry.Max {
		return backoff.Stop
	}
	return max(p.asked, min(p.ExponentialBackOff.NextBackOff(), p.retry.Max))
}

// clockTimer lets backoff wait on the client's clock. Start waits itself, so no
// goroutine is needed; a context that ends meanwhile is noticed by backoff.
type clockTimer struct {
	ctx   context.Context //nolint:containedctx // lives for one call of retry
	clock Clock
	done  chan time.Time
}

func (t *clockTimer) Start(d time.Duration) {
	if t.clock.Sleep(t.ctx, d) != nil && t.ctx.Err() != nil {
		return // backoff watches the context
	}
	t.done <- t.clock.Now()
}

func (t *clockTimer) Stop() {}

func (t *clockTimer) C() <-chan time.Time { return t.done }

// retryAfter reads the header in both of its forms, seconds and date. What
// cannot be read, or lies in the past, counts as not asked.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const longest = 365 * 24 * time.Hour // keeps absurd values from overflowing
	header := strings.TrimSpace(h.Get("Retry-After"))
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs // whoever names a date reckons with this one
	}
	// A number that is too large is the largest one then.
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(max(0, min(seconds, int64(longest/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, min(at.Sub(now), longest))
	}
	return 0
}
