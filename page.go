package finapi

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// MaxPageSize is the most rows that finAPI puts on one page.
const MaxPageSize = 500

// maxPasses is how often a listing that keeps changing is read before the reader
// says that it is incomplete.
const maxPasses = 4

// page is one page of a listing.
type page[T any] struct {
	rows   []T
	number int
	pages  int
	total  int64
	// sums are finAPI's totals over all pages, as it wrote them; "" if it has none.
	sums string
}

// pager reads a listing whose rows are ordered by ascending id. Pages are
// offsets into something that can change while it is read: a row that goes
// shifts all later rows to the front, so that one of them is never seen. A pager
// notices, and reads again.
type pager[T any] struct {
	fetch func(ctx context.Context, number int) (page[T], error)
	id    func(*T) int64
	// endpoint names the listing in errors.
	endpoint endpointID
}

// errDrift says that the listing changed during a pass.
var errDrift = errors.New("the listing changed while it was read")

// pass reads the listing once from its first page and hands out page by page. It
// returns errDrift unless all pages together hold as many rows as every one of
// them announces, each with a higher id than the one before it.
func (p *pager[T]) pass(ctx context.Context, handOut func(rows []T) bool) error {
	var last, seen, total int64
	var sums string
	for number := 1; ; number++ {
		got, err := p.fetch(ctx, number)
		if err != nil {
			return err
		}
		if number == 1 {
			total, sums = got.total, got.sums
		}
		if got.number != number || got.total != total || got.sums != sums {
			return errDrift
		}
		for i := range got.rows {
			id := p.id(&got.rows[i])
			if id <= last {
				return errDrift
			}
			last = id
		}
		if seen += int64(len(got.rows)); seen > total {
			return errDrift
		}
		if !handOut(got.rows) {
			return nil
		}
		if number >= got.pages {
			break
		}
		if len(got.rows) == 0 {
			return errDrift // else a wrong page count would keep it going for ever
		}
	}
	if seen != total {
		return errDrift
	}
	return nil
}

// each iterates over the rows page by page. It hands out no row twice, and ends
// either after a pass that was complete or with an error.
func (p *pager[T]) each(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		out := handout[T]{yield: yield, id: p.id}
		err := p.passes(ctx, out.page)
		if err != nil && !out.stopped {
			var none T
			yield(none, err)
		}
	}
}

// list reads the whole listing as it stood in one complete pass. If there was
// none, it returns the rows of the last pass together with an error that
// [IsError] knows as [CodeIncomplete].
func (p *pager[T]) list(ctx context.Context) ([]T, error) {
	var rows []T
	collect := func(number int, more []T) bool {
		if number == 1 {
			rows = rows[:0]
		}
		rows = append(rows, more...)
		return true
	}
	err := p.passes(ctx, collect)
	return rows, err
}

// passes repeats the pass until the listing stood still. handOut learns the
// number of each page, which begins at 1 in every pass.
func (p *pager[T]) passes(ctx context.Context, handOut func(number int, rows []T) bool) error {
	for range maxPasses {
		number := 0
		err := p.pass(ctx, func(rows []T) bool {
			number++
			return handOut(number, rows)
		})
		if !errors.Is(err, errDrift) {
			return err
		}
	}
	return &Error{
		Code: CodeIncomplete, Actor: ActorFinAPI, Endpoint: endpoints[p.endpoint].String(),
		Message: "the rows did not fit their announced number, again and again",
	}
}

// handout yields the rows of repeated passes once each.
type handout[T any] struct {
	yield   func(T, error) bool
	id      func(*T) int64
	given   []int64 // ascending
	stopped bool
}

func (h *handout[T]) page(_ int, rows []T) bool {
	for i := range rows {
		id := h.id(&rows[i])
		at, known := slices.BinarySearch(h.given, id)
		if known {
			continue
		}
		h.given = slices.Insert(h.given, at, id)
		if !h.yield(rows[i], nil) {
			h.stopped = true
			return false
		}
	}
	return true
}

// paging is what finAPI says about a page. Pointers, so that an answer that is
// something else is not taken for an empty listing.
type paging struct {
	Page       *int   `json:"page"`
	PageCount  *int   `json:"pageCount"`
	TotalCount *int64 `json:"totalCount"`
}

// check refuses an answer that is JSON, but not a page.
func (p *paging) check() error {
	whole := p != nil && p.Page != nil && p.PageCount != nil && p.TotalCount != nil
	return require(requirement{"paging", whole})
}

// newPage joins rows with what a checked paging says about them.
func newPage[T any](info *paging, rows []T) page[T] {
	return page[T]{rows: rows, number: *info.Page, pages: *info.PageCount, total: *info.TotalCount}
}

// pageQuery adds what the walk needs to a query: the order that keeps pages
// stable when rows come, and the page.
func pageQuery(query url.Values, number, size int) url.Values {
	q := url.Values{"order": {"id,asc"}, "page": {strconv.Itoa(number)}, "perPage": {strconv.Itoa(size)}}
	maps.Copy(q, query)
	return q
}

// pageSize checks a page size and applies its default.
func pageSize(size int) (int, error) {
	if size == 0 {
		return MaxPageSize, nil
	}
	if size < 1 || size > MaxPageSize {
		return 0, invalid("PageSize", "must be between 1 and 500")
	}
	return size, nil
}

// Collect gathers all rows of an iterator into a slice. On an error it returns
// the rows before it together with the error.
func Collect[T any](rows iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for row, err := range rows {
		if err != nil {
			return all, err
		}
		all = append(all, row)
	}
	return all, nil
}

// failed is an iterator that yields an error and ends.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}
