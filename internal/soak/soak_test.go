package soak

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// careless are books that are kept badly.
type careless struct {
	store  finapi.MemoryStore
	budget finapi.MemoryBudget
	lines  []Line
	// forget and repeat do so with a posting.
	forget, repeat func(*Posting) bool
}

func (b *careless) Store() finapi.Store      { return &b.store }
func (b *careless) Budget() finapi.Budget    { return &b.budget }
func (b *careless) Restart() error           { return nil }
func (b *careless) Journal() ([]Line, error) { return b.lines, nil }

func (b *careless) Deliver(ctx context.Context, feed *finapi.Feed, check func() error) error {
	return feed.Deliver(ctx, func(ctx context.Context, batch finapi.Batch) error {
		if err := check(); err != nil {
			return err
		}
		for _, p := range Postings(feed.Ledger().Ledger, batch.Events) {
			if p.Change || p.Remove || b.forget(&p) {
				continue
			}
			b.lines = append(b.lines, p.Line)
			if b.repeat(&p) {
				p.UID += " again"
				b.lines = append(b.lines, p.Line)
			}
		}
		return b.store.Commit(ctx, feed.Ledger(), batch.Change)
	})
}

func (b *careless) Confirm(context.Context, *finapi.Feed, finapi.UID) error { return nil }

// observed is a test that may fail.
type observed struct {
	testing.TB
	said []string
}

func (*observed) Helper()        {}
func (o *observed) Failed() bool { return len(o.said) > 0 }
func (o *observed) Errorf(format string, args ...any) {
	o.said = append(o.said, fmt.Sprintf(format, args...))
}

func (o *observed) Error(args ...any) { o.said = append(o.said, fmt.Sprint(args...)) }

func (o *observed) Fatalf(format string, args ...any) {
	o.Errorf(format, args...)
	runtime.Goexit()
}

func (o *observed) Fatal(args ...any) {
	o.Error(args...)
	runtime.Goexit()
}

func TestTheSoakNamesWhatDidNotHappenOnce(t *testing.T) {
	t.Parallel()
	report := Report{Faults: map[string]int{}, RefusedMidWalk: 1, Ahead: 1, Behind: 1}
	for _, fault := range finapitest.EveryFault() {
		report.Faults[fault.String()] = 1
	}
	if missing := report.missing(); missing != nil {
		t.Errorf("all happened, but it misses %q", missing)
	}
	report.Faults["502 after the effect"] = 0
	delete(report.Faults, "dead token")
	report.RefusedMidWalk, report.Ahead, report.Behind = 0, 0, 0
	want := []string{"502 after the effect", "dead token", "a token refused in the middle of a walk", "a clock ahead", "a clock behind"}
	if missing := report.missing(); !slices.Equal(missing, want) {
		t.Errorf("got %q, want %q", missing, want)
	}
}

func TestTheSoakNoticesBooksThatAreKeptBadly(t *testing.T) {
	t.Parallel()
	never := func(*Posting) bool { return false }
	fifth := func() func(*Posting) bool {
		n := 0
		return func(*Posting) bool { n++; return n == 5 }
	}
	for want, books := range map[string]*careless{
		"lost 1 times":   {forget: fifth(), repeat: never},
		"too often by 1": {forget: never, repeat: fifth()},
	} {
		o, done := &observed{TB: t}, make(chan struct{})
		go func() {
			defer close(done)
			Run(o, books, Config{Days: 3, Seed: 1})
		}()
		<-done
		if said := strings.Join(o.said, "\n"); strings.Count(said, want) != 1 {
			t.Errorf("got %q, want %s", said, want)
		}
	}
}
