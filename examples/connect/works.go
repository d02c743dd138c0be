package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"
)

// works are what takes longer than a browser should wait: asking a bank for news,
// disconnecting. Each runs in a goroutine that ends with close, and those of one tenant
// run one after the other, so that none deletes what another is reading.
type works struct {
	ctx    context.Context
	cancel context.CancelFunc
	going  sync.WaitGroup
	log    *slog.Logger // where it is written, once, that a work has failed

	mu    sync.Mutex
	all   map[string]*work
	turns map[string]chan struct{} // by tenant: whoever has put something in may work
}

// work is one of them. Its result may be read when done is closed.
type work struct {
	id, tenant string
	// subject is what is done to what: asked for twice, it is done once.
	subject string
	// what is the text that tells the customer what is going on.
	what   string
	begun  time.Time
	done   chan struct{}
	result result
}

// result is where the customer goes afterwards.
type result struct {
	// next is a path of this application, or the form that the customer has asked for.
	next string
	// form is the form to which the customer has to go, because the bank wants it.
	form string
	// err is why the work failed.
	err error
}

// workLimit is how long a work may take: an import of a long history takes minutes.
const workLimit = 10 * time.Minute

// workKept is how long the result can be looked at.
const workKept = 30 * time.Minute

func newWorks(log *slog.Logger) *works {
	ctx, cancel := context.WithCancel(context.Background())
	return &works{ctx: ctx, cancel: cancel, log: log, all: map[string]*work{}, turns: map[string]chan struct{}{}}
}

// close ends all works and waits for them.
func (s *works) close() {
	s.cancel()
	s.going.Wait()
}

// start starts a work, or returns the one that is going on with the same subject.
func (s *works) start(tenant, subject, what string, do func(context.Context) result) *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, w := range s.all {
		if w.tenant == tenant && w.subject == subject && !w.isDone() {
			return w
		}
		if time.Since(w.begun) > workKept && w.isDone() {
			delete(s.all, id)
		}
	}
	w := &work{
		id: rand.Text(), tenant: tenant, subject: subject, what: what, begun: time.Now(), done: make(chan struct{}),
	}
	s.all[w.id] = w
	if s.turns[tenant] == nil {
		s.turns[tenant] = make(chan struct{}, 1)
	}
	turn := s.turns[tenant]
	s.going.Go(func() {
		defer close(w.done)
		w.result = s.run(turn, do)
		if w.result.err != nil && s.ctx.Err() == nil { // the end of the program is no failure
			// The SDK's errors hold nothing personal.
			s.log.WarnContext(s.ctx, "work failed", "work", what, "error", w.result.err)
		}
	})
	return w
}

// run works when it is the tenant's turn.
func (s *works) run(turn chan struct{}, do func(context.Context) result) result {
	ctx, cancel := context.WithTimeout(s.ctx, workLimit)
	defer cancel()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
		return do(ctx)
	case <-ctx.Done():
		return result{err: ctx.Err()}
	}
}

// find returns a tenant's work; nil if it has none with that id.
func (s *works) find(tenant, id string) *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.all[id]; w != nil && w.tenant == tenant {
		return w
	}
	return nil
}

func (w *work) isDone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// wait waits for the end of the work, but not for long.
func (w *work) wait(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}
