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

// retry runs op until it succeeds, fails for good, or patience ends. It waits on
// the client's clock and leaves when ctx is done.
func (c *Client) retry(ctx context.Context, r Retry, op func() error) error {
	policy := newPatience(r)
	try := func() error {
		err := op()
		var final *backoff.PermanentError
		if err != nil && !errors.As(err, &final) && !temporary(err) {
			return backoff.Permanent(err)
		}
		policy.heed(err)
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
	if e.Code == CodeNetwork {
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
// lacks: a number of attempts and the server's Retry-After.
type patience struct {
	*backoff.ExponentialBackOff
	retry Retry
	left  int
	asked time.Duration
}

func newPatience(r Retry) *patience {
	return &patience{
		ExponentialBackOff: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(r.Base),
			backoff.WithMaxInterval(r.Max),
			backoff.WithMultiplier(2),
			backoff.WithMaxElapsedTime(0),
		),
		retry: r,
	}
}

// Reset is called once before the first attempt.
func (p *patience) Reset() {
	p.ExponentialBackOff.Reset()
	p.left = p.retry.Attempts
}

// heed remembers how long the server asked to wait.
func (p *patience) heed(err error) {
	var e *Error
	p.asked = 0
	if errors.As(err, &e) {
		p.asked = e.RetryAfter
	}
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
func retryAfter(header string, now time.Time) time.Duration {
	const longest = 365 * 24 * time.Hour // keeps absurd values from overflowing
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(max(0, min(seconds, int64(longest/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, min(at.Sub(now), longest))
	}
	return 0
}
