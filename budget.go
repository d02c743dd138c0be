package finapi

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// unattendedLimit is how many updates without the customer a bank allows within
// budgetPeriod, per consent.
const unattendedLimit = 4

// budgetPeriod is a rolling day. What a bank calls a day is not documented; no
// calendar day holds more than a rolling one allows.
const budgetPeriod = 24 * time.Hour

// budgetKept is how long a claim is remembered: longer than it counts, because what one program
// calls old by a clock that is ahead may be recent by those of all others.
const budgetKept = 7 * budgetPeriod

// Budget counts the updates without the customer, so that no more are started than
// banks allow: 4 within 24 hours per connection. All programs that refresh the same
// connections should share one; sqlstore has one. The default of a [Client] is a
// [MemoryBudget] of its own.
type Budget interface {
	// Claim counts an update that starts at a time, unless limit updates of the
	// connection were counted in the 24 hours before it. Then it counts nothing and
	// returns when the next one may start; else it returns the zero time. Of claims at
	// the same moment, no more than limit succeed. The limit is 0 to 4; with 0 the next
	// one may start 24 hours later.
	Claim(ctx context.Context, c ConnectionKey, at time.Time, limit int) (next time.Time, err error)
	// Release takes back one claim of that time, because the update was refused before
	// it reached the bank. A claim that is not known is no error.
	Release(ctx context.Context, c ConnectionKey, at time.Time) error
}

// ConnectionKey identifies a connection in a [Budget].
type ConnectionKey struct {
	// Environment is "sandbox" or "live".
	Environment string
	Connection  ConnectionID
}

// String returns the key as text, such as live/4711. It suits [Timetable.Next].
func (k ConnectionKey) String() string {
	return k.Environment + "/" + strconv.FormatInt(int64(k.Connection), 10)
}

// WithBudget shares the count of updates without the customer with other programs.
func WithBudget(b Budget) Option {
	return func(s *settings) error {
		if b == nil {
			return invalid("WithBudget", "must not be nil")
		}
		s.budget = b
		return nil
	}
}

// NextClaim returns when the next update may start if those that were counted
// started at the given times, in any order; the zero time means at once. It is for
// those who implement a [Budget]. Keep the times for longer than the 24 hours in which they
// count: by a clock that is ahead they are older than they are.
func NextClaim(counted []time.Time, at time.Time, limit int) time.Time {
	recent := make([]time.Time, 0, len(counted))
	for _, t := range counted {
		if at.Sub(t) < budgetPeriod {
			recent = append(recent, t)
		}
	}
	switch {
	case len(recent) < limit:
		return time.Time{}
	case limit <= 0:
		return at.Add(budgetPeriod)
	}
	slices.SortFunc(recent, time.Time.Compare)
	return recent[len(recent)-limit].Add(budgetPeriod)
}

// MemoryBudget is a [Budget] in memory: it forgets when the program ends. It is
// safe for concurrent use. The zero MemoryBudget is empty and ready.
type MemoryBudget struct {
	mu      sync.Mutex
	counted map[ConnectionKey][]time.Time
}

// Claim implements [Budget].
func (b *MemoryBudget) Claim(ctx context.Context, c ConnectionKey, at time.Time, limit int) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	claims := slices.DeleteFunc(b.counted[c], func(t time.Time) bool { return at.Sub(t) >= budgetKept })
	next := NextClaim(claims, at, limit)
	if next.IsZero() {
		claims = append(claims, at)
	}
	if b.counted == nil {
		b.counted = map[ConnectionKey][]time.Time{}
	}
	b.counted[c] = claims
	return next, nil
}

// Release implements [Budget].
func (b *MemoryBudget) Release(ctx context.Context, c ConnectionKey, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.counted[c], at.Equal); i >= 0 {
		b.counted[c] = slices.Delete(b.counted[c], i, i+1)
	}
	return ctx.Err()
}

// claim counts an update without the customer, or refuses it with the time of the
// next chance. release takes the claim back; it is nil if nothing was counted.
func (u *User) claim(ctx context.Context, c *Connection) (release func(context.Context) error, err error) {
	now := u.client.clock.Now()
	key := ConnectionKey{Environment: u.client.environment.String(), Connection: c.ID}
	limit := unattendedLimit
	if c.updatedByBatch(now) {
		limit-- // finAPI's nightly batch counts, too; only its last run can be seen
	}
	next, err := u.client.budget.Claim(ctx, key, now, limit)
	if err != nil {
		return nil, err
	}
	if !next.IsZero() {
		return nil, &Error{
			Code: CodeUpdateLimit, Actor: actorOf(CodeUpdateLimit, noStatus), Endpoint: endpoints[epStartUpdate].String(),
			RetryAfter: next.Sub(now), Message: "the next update without the customer may start at " + next.UTC().Format(time.RFC3339),
		}
	}
	return func(ctx context.Context) error { return u.client.budget.Release(ctx, key, now) }, nil
}

func (c *Connection) updatedByBatch(now time.Time) bool {
	return slices.ContainsFunc(c.Interfaces, func(i ConnectionInterface) bool {
		return i.LastAuto != nil && now.Sub(i.LastAuto.Time) < budgetPeriod
	})
}
