package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestWhatIsAskedForTwiceIsDoneOnce(t *testing.T) {
	t.Parallel()
	s := newWorks(slog.New(slog.DiscardHandler))
	t.Cleanup(s.close)
	release := make(chan struct{})
	do := func(context.Context) result { <-release; return result{next: "/done"} }
	first, second := s.start("muster", "refresh 1", "", do), s.start("muster", "refresh 1", "", do)
	if first != second {
		t.Error("a second click started a second work")
	}
	if other := s.start("beispiel", "refresh 1", "", do); other == first {
		t.Error("two tenants share a work")
	}
	close(release)
	first.wait(t.Context(), time.Minute)
	if first.result.next != "/done" {
		t.Errorf("the result is %+v", first.result)
	}
	if again := s.start("muster", "refresh 1", "", do); again == first {
		t.Error("a work that has ended is not started again")
	}
}

func TestTheWorksOfATenantRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newWorks(slog.New(slog.DiscardHandler))
	t.Cleanup(s.close)
	begun, release := make(chan struct{}), make(chan struct{})
	s.start("muster", "refresh 1", "", func(context.Context) result { close(begun); <-release; return result{} })
	<-begun
	second := s.start("muster", "disconnect 1", "", func(context.Context) result {
		select {
		case <-release:
			return result{next: "/second"}
		default:
			return result{err: errors.New("it did not wait for the first")}
		}
	})
	other := s.start("beispiel", "refresh 1", "", func(context.Context) result { return result{} })
	other.wait(t.Context(), time.Minute) // does not wait for the first
	close(release)
	second.wait(t.Context(), time.Minute)
	if second.result.next != "/second" {
		t.Errorf("the second work of a tenant ended with %+v", second.result)
	}
}

func TestAFailureIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var written strings.Builder
	s := newWorks(slog.New(slog.NewTextHandler(&written, nil)))
	t.Cleanup(s.close)
	w := s.start("muster", "refresh 1", "work.asking", func(context.Context) result { return result{err: errors.New("out of order")} })
	w.wait(t.Context(), time.Minute)
	if n := strings.Count(written.String(), `msg="work failed" work=work.asking error="out of order"`); n != 1 {
		t.Errorf("the failure is logged %d times, want once:\n%s", n, &written)
	}
}

func TestThePageOfAFailedWorkLogsNothing(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	refresh := c.find(`action="(/connections/\d+/refresh)"`)
	c.get("/simulator")
	c.post("/simulator", "trick", "refuse")
	c.get("/accounts")
	c.post(refresh).settle().reads(502, "That did not work")
	var written strings.Builder
	c.app.log = slog.New(slog.NewTextHandler(&written, nil))
	for range 3 {
		c.get(c.at.Path).reads(502, "That did not work", "Das Online-Banking wird gerade gewartet")
	}
	if written.Len() > 0 {
		t.Errorf("a reload writes into the log:\n%s", &written)
	}
}

func TestClosingEndsWhatIsGoingOn(t *testing.T) {
	t.Parallel()
	s := newWorks(slog.New(slog.DiscardHandler))
	w := s.start("muster", "refresh 1", "", func(ctx context.Context) result { <-ctx.Done(); return result{err: ctx.Err()} })
	queued := s.start("muster", "disconnect 1", "", func(ctx context.Context) result { <-ctx.Done(); return result{err: ctx.Err()} })
	s.close()
	if !errors.Is(w.result.err, context.Canceled) || !errors.Is(queued.result.err, context.Canceled) {
		t.Errorf("the works ended with %v and %v", w.result.err, queued.result.err)
	}
}
