package finapi

import (
	"context"
	"time"
)

// Clock tells the time and waits. Programs use the default, the machine's own
// clock; tests inject one that they can move with [WithClock].
type Clock interface {
	// Now returns the current time.
	Now() time.Time
	// Sleep waits for d. It returns early, with the context's error, when ctx is
	// done.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock returns the machine's clock, which is the default everywhere.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
