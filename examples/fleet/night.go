package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/finapi-go/finapi"
)

// hop is how far time goes at once while there is nothing to do. A pause of more than 15
// minutes between two looks for what is due would count as an outage.
const hop = 14 * time.Minute

// act is a part of the play: something happens, and then time passes.
type act struct {
	name   string
	before func(ctx context.Context) error
	until  time.Time
}

func acts(w *world) []act {
	morning := evening.Add(10 * time.Hour)
	return []act{
		{"evening: everything is read for the first time", func(context.Context) error { return nil }, evening},
		{"night 1: some banks fail, some customers must act", func(context.Context) error {
			w.breakDown()
			return w.book(nightRows)
		}, morning},
		{"night 2: banks are healed, consents renewed", func(ctx context.Context) error {
			if err := w.book(nightRows); err != nil {
				return err
			}
			return w.heal(ctx)
		}, morning.Add(24 * time.Hour)},
	}
}

// play plays all acts, and shows them.
func play(ctx context.Context, w *world, c *crew, t *table) error {
	c.trouble(ctx, w.opts)
	defer c.spare()
	for _, a := range acts(w) {
		if err := t.begin(ctx, a.name); err != nil {
			return err
		}
		if err := a.before(ctx); err != nil {
			return err
		}
		if err := pass(ctx, w, c, t, a.until); err != nil {
			return err
		}
		if err := t.end(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pass lets time pass, as fast as the workers get their work done.
func pass(ctx context.Context, w *world, c *crew, t *table, until time.Time) error {
	clock := w.sim.Clock()
	for {
		if err := settle(ctx, w, c, t, clock.Now()); err != nil {
			return err
		}
		left := until.Sub(clock.Now())
		if left <= 0 {
			return nil
		}
		clock.Advance(min(left, hop))
		c.tell()
	}
}

// patience is how long nothing may happen.
const patience = 2 * time.Minute

// settle waits until a worker has looked for what is due at a time, and all of it is done.
func settle(ctx context.Context, w *world, c *crew, t *table, at time.Time) error {
	var done int64
	deadline := time.Now().Add(patience)
	for {
		if err := finapi.SystemClock().Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		select {
		case err := <-c.failed:
			return err
		default:
		}
		looked, err := w.looked(ctx)
		if err != nil {
			return err
		}
		backlog, err := w.connections.Backlog(ctx)
		if err != nil {
			return err
		}
		c.busy.Store(backlog.Taken >= w.opts.workers)
		if !looked.Before(at) && backlog.Due == 0 && backlog.Taken == 0 {
			return nil
		}
		runs, err := t.show(ctx, backlog)
		if err != nil {
			return err
		}
		if runs != done {
			done, deadline = runs, time.Now().Add(patience)
		}
		if time.Now().After(deadline) {
			return errors.Join(errStuck, fmt.Errorf("%d due, %d in work", backlog.Due, backlog.Taken))
		}
	}
}

var errStuck = fmt.Errorf("nothing has happened for %s", patience)
