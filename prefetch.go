package finapi

import (
	"context"
	"sync"
)

// maxPageWindow is the largest window of pages, see [WithPageWindow].
const maxPageWindow = 16

// prefetch fetches the pages of a listing before they are asked for, and gives them out in
// their order. A window of pages is on its way, waiting or in the hands of whoever asked.
type prefetch[T any] struct {
	fetch func(ctx context.Context, number int) (page[T], error)
	// slots are where the pages arrive; page n in slot n modulo their number.
	slots []chan fetched[T]
	asked int // the last page that was sent for
	given int // the last page that was given out
	work  sync.WaitGroup
}

type fetched[T any] struct {
	page page[T]
	err  error
}

// newPrefetch makes a prefetch for the pages after the first.
func newPrefetch[T any](p *pager[T]) *prefetch[T] {
	f := &prefetch[T]{fetch: p.fetch, slots: make([]chan fetched[T], max(1, p.window)), asked: 1, given: 1}
	for i := range f.slots {
		f.slots[i] = make(chan fetched[T], 1)
	}
	return f
}

// ahead sends for as many pages as the window has room for, up to the last page. Whoever
// calls it ends ctx and calls wait.
func (f *prefetch[T]) ahead(ctx context.Context, last int) {
	for f.asked < min(last, f.given+len(f.slots)-1) {
		f.asked++
		number := f.asked
		f.work.Go(func() {
			got, err := f.fetch(ctx, number)
			f.slot(number) <- fetched[T]{got, err}
		})
	}
}

func (f *prefetch[T]) slot(number int) chan fetched[T] { return f.slots[number%len(f.slots)] }

// next gives out the next page in exchange for the one before.
func (f *prefetch[T]) next(ctx context.Context, last int) (page[T], error) {
	f.given++
	f.ahead(ctx, last)
	got := <-f.slot(f.given)
	return got.page, got.err
}

// wait returns when no request is on its way any more.
func (f *prefetch[T]) wait() { f.work.Wait() }
