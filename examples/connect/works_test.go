package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWhatIsAskedForTwiceIsDoneOnce(t *testing.T) {
	t.Parallel()
	s := newWorks()
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
	s := newWorks()
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

func TestClosingEndsWhatIsGoingOn(t *testing.T) {
	t.Parallel()
	s := newWorks()
	w := s.start("muster", "refresh 1", "", func(ctx context.Context) result { <-ctx.Done(); return result{err: ctx.Err()} })
	queued := s.start("muster", "disconnect 1", "", func(ctx context.Context) result { <-ctx.Done(); return result{err: ctx.Err()} })
	s.close()
	if !errors.Is(w.result.err, context.Canceled) || !errors.Is(queued.result.err, context.Canceled) {
		t.Errorf("the works ended with %v and %v", w.result.err, queued.result.err)
	}
}
