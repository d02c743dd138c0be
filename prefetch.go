package finapi

import (
	"bytes"
	"context"
	"sync"
)

// maxPageWindow is the largest window of pages, see [WithPageWindow].
const maxPageWindow = 16

// prefetch fetches the pages of a listing before they are asked for, and gives them out in
// their order. A window of pages is on its way, waiting or in the hands of whoever asked.
type prefetch[T any] struct {
	pager *pager[T]
	// slots are where the pages arrive; page n in slot n modulo their number.
	slots []slot[T]
	size  int // what the body of a page is likely to take
	asked int // the last page that was sent for
	given int // the last page that was given out
	work  sync.WaitGroup
}

// slot is a place of the window. A page is not sent for before the one that had its slot
// was given back, so the slot's buffer has one user at a time.
type slot[T any] struct {
	arrived chan fetched[T]
	body    bytes.Buffer
}

type fetched[T any] struct {
	page page[T]
	err  error
}

func newPrefetch[T any](p *pager[T]) *prefetch[T] {
	f := &prefetch[T]{pager: p, slots: make([]slot[T], max(1, p.window))}
	for i := range f.slots {
		f.slots[i].arrived = make(chan fetched[T], 1)
	}
	return f
}

// first fetches the first page. How many there are is not known before.
func (f *prefetch[T]) first(ctx context.Context) (page[T], error) {
	f.asked, f.given = 1, 1
	body := &f.slot(1).body
	got, err := f.pager.fetch(ctx, 1, body)
	f.size = min(body.Len()*9/8+bytes.MinRead, maxPooledBuffer)
	return got, err
}

// ahead sends for as many pages as the window has room for, up to the last page. Whoever
// calls it ends ctx and calls wait.
func (f *prefetch[T]) ahead(ctx context.Context, last int) {
	for f.asked < min(last, f.given+len(f.slots)-1) {
		f.asked++
		number, slot := f.asked, f.slot(f.asked)
		f.work.Go(func() {
			slot.body.Reset()
			slot.body.Grow(f.size) // at once: growing step by step takes twice as much
			got, err := f.pager.fetch(ctx, number, &slot.body)
			slot.arrived <- fetched[T]{got, err}
		})
	}
}

func (f *prefetch[T]) slot(number int) *slot[T] { return &f.slots[number%len(f.slots)] }

// next gives out the next page in exchange for the one before.
func (f *prefetch[T]) next(ctx context.Context, last int) (page[T], error) {
	f.given++
	f.ahead(ctx, last)
	got := <-f.slot(f.given).arrived
	return got.page, got.err
}

// wait returns when no request is on its way any more.
func (f *prefetch[T]) wait() { f.work.Wait() }
