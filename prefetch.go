package finapi

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

// maxPageWindow is the largest window of pages, see [WithPageWindow].
const maxPageWindow = 16

// prefetch fetches the pages of a listing before they are asked for, and gives them out in
// their order. A window of requests is on its way at a time. Another is sent when any of
// them is answered, whichever that is, else all would wait for the slowest; so nearly as
// many pages again can wait for their turn.
type prefetch[T any] struct {
	pager  *pager[T]
	window int
	work   sync.WaitGroup
	// slots are where the pages arrive; page n in slot n modulo their number.
	slots []chan fetched[T]

	mu     sync.Mutex
	last   int // the last page there is
	asked  int // the last page that was sent for
	given  int // the last page that was given out
	flying int // how many requests are on their way
	failed bool
	size   int // what the body of a page is likely to take
	idle   []*bytes.Buffer
}

type fetched[T any] struct {
	page page[T]
	err  error
	// panicked is what a transport or hook of the caller's panicked with; nil if it did not.
	panicked any
}

func newPrefetch[T any](p *pager[T]) *prefetch[T] {
	window := max(1, p.window)
	f := &prefetch[T]{pager: p, window: window, slots: make([]chan fetched[T], 2*window-1)}
	for i := range f.slots {
		f.slots[i] = make(chan fetched[T], 1)
	}
	return f
}

// first fetches the first page. How many there are is not known before.
func (f *prefetch[T]) first(ctx context.Context) (page[T], error) {
	body := new(bytes.Buffer)
	got, err := f.pager.fetch(ctx, 1, body)
	f.asked, f.given, f.last = 1, 1, got.pages
	f.size = min(body.Len()*9/8+bytes.MinRead, maxPooledBuffer)
	f.idle = append(f.idle, body)
	return got, err
}

// ahead sends for as many pages as there is room for, up to the last page. Whoever calls it
// ends ctx and calls wait.
func (f *prefetch[T]) ahead(ctx context.Context, last int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = last
	f.send(ctx)
}

// next gives out the next page in exchange for the one before.
func (f *prefetch[T]) next(ctx context.Context) (page[T], error) {
	f.mu.Lock()
	f.given++
	slot := f.slot(f.given)
	f.send(ctx)
	f.mu.Unlock()
	got := <-slot
	if got.panicked != nil {
		panic(got.panicked) //nolint:forbidigo // the caller's own, on the goroutine that can recover it
	}
	if got.err == nil && ctx.Err() != nil {
		return got.page, fmt.Errorf("finapi: %s: %w", &endpoints[f.pager.endpoint], ctx.Err())
	}
	return got.page, got.err
}

func (f *prefetch[T]) slot(number int) chan fetched[T] { return f.slots[number%len(f.slots)] }

// send is called with the lock. The page that is waited for is always sent for, so that
// there is an answer, be it an error.
func (f *prefetch[T]) send(ctx context.Context) {
	for f.flying < f.window && f.asked < min(f.last, f.given+len(f.slots)-1) {
		if f.asked >= f.given && (f.failed || ctx.Err() != nil) {
			return
		}
		f.asked++
		f.flying++
		number, body, size := f.asked, f.buffer(), f.size
		f.work.Go(func() {
			body.Reset()
			body.Grow(size) // at once: growing step by step takes twice as much
			got := fetched[T]{err: errUnfinished}
			defer func() {
				got.panicked = recover()
				f.slot(number) <- got
				f.landed(ctx, body, got.err)
			}()
			got.page, got.err = f.pager.fetch(ctx, number, body)
		})
	}
}

// landed takes note that a request has come to its end.
func (f *prefetch[T]) landed(ctx context.Context, body *bytes.Buffer, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flying--
	f.failed = f.failed || err != nil
	f.idle = append(f.idle, body)
	f.send(ctx)
}

// buffer is called with the lock.
func (f *prefetch[T]) buffer() *bytes.Buffer {
	last := len(f.idle) - 1
	if last < 0 {
		return new(bytes.Buffer)
	}
	body := f.idle[last]
	f.idle = f.idle[:last]
	return body
}

// wait returns when no request is on its way any more.
func (f *prefetch[T]) wait() { f.work.Wait() }
