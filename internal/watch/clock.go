package watch

import (
	"context"
	"time"

	"github.com/finapi-go/finapi"
)

// Clock is a clock that gives up a call that would wait for too long, as a program would.
type Clock struct {
	finapi.Clock
	// Limit is the time of this clock until which it may wait, and GiveUp ends the call. A
	// nil GiveUp lets it wait for as long as it wants.
	Limit  time.Time
	GiveUp context.CancelFunc
}

// Sleep waits, and first gives the call up if that takes beyond the limit.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if c.GiveUp != nil && c.Now().Add(d).After(c.Limit) {
		c.GiveUp()
	}
	return c.Clock.Sleep(ctx, d)
}
