package finapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Circuit says when a client leaves a host of finAPI's alone because it fails, and for how
// long. finAPI Access and finAPI Web Form have a circuit each.
//
// A request fails in this sense if there is no answer, or one of status 502, 503 or 504.
// Any other answer is a sign of life, and what a caller gave up is none. If as many
// failed in a row as Failures says, and no answer came for as long as Lasting says, the
// circuit opens: calls fail at once with [CodeHostDown], [Error.Since] and
// [Error.RetryAfter], and nothing is sent. After a pause one request is let through. If it
// is answered, all goes on; if not, a longer pause begins.
//
// A call that was under way when the circuit opened keeps the attempts that [WithRetry]
// gives it. It waits for the end of the pause, if that is not longer than [Retry.Max].
type Circuit struct {
	// Failures is the number of failures in a row, 1 to 1000.
	Failures int
	// Lasting is for how long there must have been no answer, up to an hour. It keeps
	// the circuit closed when many requests fail at the same moment. 0: no matter.
	Lasting time.Duration
	// Base is the first pause; each further one is twice as long, with jitter. From 1 ms
	// to Max. A longer Retry-After is heeded, up to an hour.
	Base time.Duration
	// Max is the longest pause, up to an hour.
	Max time.Duration
}

func defaultCircuit() Circuit {
	return Circuit{Failures: 10, Lasting: 10 * time.Second, Base: time.Second, Max: time.Minute}
}

// longestHeed is for how long a Retry-After can keep a circuit open.
const longestHeed = time.Hour

func (c Circuit) validate() error {
	switch {
	case c == Circuit{}:
		return nil
	case c.Failures < 1 || c.Failures > 1000:
		return invalid("Circuit.Failures", "must be between 1 and 1000")
	case c.Lasting < 0 || c.Lasting > time.Hour:
		return invalid("Circuit.Lasting", "must be between 0 and 1 hour")
	case c.Max < time.Millisecond || c.Max > time.Hour:
		return invalid("Circuit.Max", "must be between 1 ms and 1 hour")
	case c.Base < time.Millisecond || c.Base > c.Max:
		return invalid("Circuit.Base", "must be between 1 ms and Circuit.Max")
	}
	return nil
}

// WithCircuit sets when a host that fails is left alone. The default is after 10 failures
// in a row and 10 s without an answer, with pauses of 1 s at first and at most a minute.
// The zero Circuit never opens.
func WithCircuit(c Circuit) Option {
	return func(s *settings) error {
		if err := c.validate(); err != nil {
			return err
		}
		s.circuit = c
		return nil
	}
}

// hostSign is what the outcome of a request says about its host.
type hostSign uint8

const (
	saysNothing hostSign = iota // it was given up, or never sent
	hostFailed
	hostAnswered
)

func judge(err error) hostSign {
	var e *Error
	switch {
	case err == nil:
		return hostAnswered
	case !errors.As(err, &e):
		return saysNothing // the caller's context ended
	case ofNetwork(e.Code):
		return hostFailed
	}
	switch e.Status {
	case noStatus:
		return saysNothing
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return hostFailed
	}
	return hostAnswered
}

// sender is who sends what. Failures of one sender alone can be its own: an account that is
// too large to be listed in time says nothing about its host.
type sender struct {
	owner    *tokenSource // nil at the token endpoint, where all ask for as little
	endpoint endpointID
}

// slow reports whether a failure can be that of one sender alone: no answer in time, from
// the host or from what is behind it. All others speak of the host.
func slow(err error) bool {
	var e *Error
	return errors.Is(err, errNoAnswer) || errors.As(err, &e) && e.Status == http.StatusGatewayTimeout
}

// breaker is the circuit of one host.
type breaker struct {
	Circuit
	pauses *backoff.ExponentialBackOff

	mu       sync.Mutex
	answered time.Time // when the host answered last
	failures int       // in a row
	since    time.Time // when the first of them was sent, but not before answered
	open     bool
	suspect  sender    // who had the first of them
	others   bool      // the failures speak of the host, not of the suspect alone
	until    time.Time // when the pause ends, while open
	pause    time.Duration
	probes   int // so far; their numbers tell them apart
	probing  int // the number of the one that is under way; 0 for none
}

func newBreaker(c Circuit) *breaker {
	return &breaker{Circuit: c, pauses: growing(c.Base, c.Max)}
}

// downtime is what a refusal tells: since when, and how long to wait.
type downtime struct {
	since time.Time
	left  time.Duration
}

// state returns the downtime while nothing may be sent; nil if something may.
func (b *breaker) state(now time.Time) *downtime {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.downtime(now)
}

func (b *breaker) downtime(now time.Time) *downtime {
	switch {
	case !b.open:
		return nil
	case now.Before(b.until) && b.until.Sub(now) <= b.pause: // else the clock was set back
		return &downtime{since: b.since, left: b.until.Sub(now)}
	case b.probing > 0: // if it fails, a pause begins; nobody knows when
		return &downtime{since: b.since, left: b.Base}
	}
	return nil
}

// enter asks for leave to send a request. A downtime is a refusal. Who may send must call
// leave with the outcome and with probe: the request's number if it is the one that an
// open circuit lets through, else 0.
func (b *breaker) enter(now time.Time) (probe int, down *downtime) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if down := b.downtime(now); down != nil || !b.open {
		return 0, down
	}
	b.probes++
	b.probing = b.probes
	return b.probing, nil
}

// leave takes note of how a request ended that was sent at a time, and reports whether
// the circuit has opened or closed by that.
func (b *breaker) leave(probe int, who sender, sent, now time.Time, outcome error) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	probed := probe > 0 && probe == b.probing
	if probed {
		b.probing = 0
	}
	switch judge(outcome) {
	case hostAnswered:
		return b.close(now)
	case hostFailed:
		if !b.open || probed { // the others were sent before it opened
			b.count(who, sent, outcome)
			return b.fail(now, retryAfterOf(outcome))
		}
	case saysNothing:
	}
	return false
}

func (b *breaker) close(now time.Time) (changed bool) {
	changed, b.open = b.open, false
	b.answered, b.failures, b.probing = now, 0, 0
	return changed
}

func (b *breaker) count(who sender, sent time.Time, failure error) {
	if b.failures++; b.failures == 1 {
		b.suspect, b.others, b.since = who, false, sent
		if b.answered.After(sent) {
			b.since = b.answered
		}
	}
	b.others = b.others || who != b.suspect || who.owner == nil || !slow(failure)
}

// fail opens the circuit if there were enough failures.
func (b *breaker) fail(now time.Time, asked time.Duration) (changed bool) {
	enough := b.Failures > 0 && b.failures >= b.Failures && now.Sub(b.since) >= b.Lasting
	if !enough || !b.others {
		return false
	}
	if !b.open {
		b.pauses.Reset()
	}
	pause := min(b.pauses.NextBackOff(), b.Max)
	changed, b.open = !b.open, true
	b.pause = max(pause, min(asked, longestHeed))
	b.until = now.Add(b.pause)
	return changed
}

// hostNames are finAPI's names of its two services.
var hostNames = [...]string{access: "finAPI Access", webForm: "finAPI Web Form"}

// hostDown is the refusal of a call while a circuit is open.
func hostDown(ep *endpoint, down *downtime) *Error {
	return &Error{
		Code: CodeHostDown, Actor: actorOf(CodeHostDown, noStatus), Endpoint: ep.String(),
		Since: down.since, RetryAfter: down.left,
		Message: hostNames[ep.host] + " has failed since " + down.since.UTC().Format(time.RFC3339),
	}
}

// admit waits until a request may be sent, and returns what to call with its outcome. A
// host that fails is not waited for, neither before the wait for a turn nor after it.
func (c *Client) admit(ctx context.Context, in *call) (leave func(context.Context, error), err error) {
	ep := &endpoints[in.endpoint]
	circuit := c.circuits[ep.host]
	up := func() error {
		if down := circuit.state(c.clock.Now()); down != nil {
			return hostDown(ep, down)
		}
		return nil
	}
	if err := up(); err != nil {
		return nil, err
	}
	if err := c.turns.take(ctx, up); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("finapi: %s: %w", ep, ctx.Err())
		}
		return nil, err
	}
	sent := c.clock.Now()
	probe, down := circuit.enter(sent)
	if down != nil {
		c.turns.giveBack()
		return nil, hostDown(ep, down)
	}
	return func(ctx context.Context, err error) {
		c.turns.giveBack()
		if circuit.leave(probe, sender{in.owner, in.endpoint}, sent, c.clock.Now(), err) {
			c.logCircuit(ctx, ep, circuit)
		}
	}, nil
}

// logCircuit tells that a circuit has opened or closed.
func (c *Client) logCircuit(ctx context.Context, ep *endpoint, circuit *breaker) {
	host := slog.String("host", hostNames[ep.host])
	if down := circuit.state(c.clock.Now()); down != nil {
		c.logger.LogAttrs(ctx, slog.LevelWarn, "a host of finAPI's fails and is left alone", host,
			slog.Time("since", down.since.UTC()), slog.Duration("retry_after", down.left))
		return
	}
	c.logger.LogAttrs(ctx, slog.LevelInfo, "a host of finAPI's answers again", host)
}
