package finapi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"hash/fnv"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
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
	// answered is when finAPI answered, by its own clock to the second; zero if it does
	// not say.
	answered time.Time
	// sum is what finAPI says the amounts of all pages add up to; nil if it does not
	// say.
	sum *decimal.Decimal
}

// pager reads a listing whose rows are ordered by ascending id, if it is not sorted
// otherwise. Pages are
// offsets into something that can change while it is read: a row that goes
// shifts all later rows to the front, so that one of them is never seen. A pager
// notices, and reads again.
type pager[T any] struct {
	// fetch reads one page. Its body goes into the buffer.
	fetch func(ctx context.Context, number int, body *bytes.Buffer) (page[T], error)
	// window is how many pages are fetched at a time.
	window int
	id     func(*T) int64
	// sorted: the rows come in another order than by id.
	sorted bool
	// amount is set for listings whose pages announce a sum, and imported for those whose
	// rows tell when they came.
	amount   func(*T) decimal.Decimal
	imported func(*T) time.Time
	// endpoint names the listing in errors.
	endpoint endpointID
}

// errDrift says that the listing changed during a pass.
var errDrift = errors.New("the listing changed while it was read")

// maxEmptyPages is how many pages without a row are followed. Some listings have
// one before their last page; a wrong page count must not keep the walk going.
const maxEmptyPages = 100

// pass is one reading of a listing from its first page.
type pass[T any] struct {
	pager *pager[T]
	first page[T]
	last  int64 // the highest id so far
	known idSet // the ids so far, if they come in another order
	seen  int64
	empty int
	sum   decimal.Decimal
	moved bool // a row has come since the pass began
	// digest stands for the ids that were seen.
	digest hash.Hash64
	word   [binary.MaxVarintLen64]byte // an id on its way into the digest
}

// run hands out page by page. It returns errDrift if the pages do not belong to
// one state of the listing. While a page is handed out, those after it are on their way;
// that they are fetched out of order loses nothing, because each must fit the ones before
// it wherever it comes from.
func (p *pass[T]) run(ctx context.Context, handOut func(rows []T) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	later := newPrefetch(p.pager)
	defer later.wait()
	defer cancel()
	got, err := later.first(ctx)
	if err != nil {
		return err
	}
	p.first = got
	for number := 1; ; number++ {
		if !p.fits(&got, number) {
			return errDrift
		}
		later.ahead(ctx, got.pages)
		if !handOut(got.rows) {
			return errStopped
		}
		if number >= got.pages {
			break
		}
		if got, err = later.next(ctx); err != nil {
			return err
		}
	}
	if p.seen != p.first.total {
		return errDrift
	}
	return nil
}

// fits checks a page against the pages before it.
func (p *pass[T]) fits(got *page[T], number int) bool {
	if got.number != number || got.total != p.first.total || !sameSum(got.sum, p.first.sum) {
		return false
	}
	for i := range got.rows {
		id := p.pager.id(&got.rows[i])
		if !p.isNew(id) {
			return false
		}
		_, _ = p.digest.Write(binary.AppendVarint(p.word[:0], id))
		if p.pager.imported != nil && !p.first.answered.IsZero() {
			p.moved = p.moved || !p.pager.imported(&got.rows[i]).Before(p.first.answered)
		}
		if p.pager.amount != nil {
			p.sum = p.sum.Add(p.pager.amount(&got.rows[i]))
		}
	}
	if len(got.rows) == 0 {
		p.empty++
	}
	p.seen += int64(len(got.rows))
	return p.seen <= got.total && p.empty <= maxEmptyPages
}

// isNew reports whether an id comes where it may: after all others, or for the
// first time if the rows are not ordered by id.
func (p *pass[T]) isNew(id int64) bool {
	if !p.pager.sorted {
		ascends := id > p.last
		p.last = id
		return ascends
	}
	return p.known.add(id)
}

// stoodStill reports whether nothing shows that the listing changed. If as many rows went
// as came between two pages, their number still fits, but their sum does not, and if
// their amounts are equal, one of them came after the first page was read. A single page
// is one state of the listing in any case.
func (p *pass[T]) stoodStill() bool {
	balanced := p.first.sum == nil || p.first.sum.Equal(p.sum)
	return p.first.pages <= 1 || balanced && !p.moved
}

func sameSum(a, b *decimal.Decimal) bool {
	return a == b || a != nil && b != nil && a.Equal(*b)
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
//
// Rows that do not add up to the announced sum, or came just now, are read again. If that
// gives the same rows, they are right, and finAPI adds up otherwise than this package
// thinks, or its clocks differ.
func (p *pager[T]) passes(ctx context.Context, handOut func(number int, rows []T) bool) error {
	var before uint64
	for range maxPasses {
		number := 0
		once := pass[T]{pager: p, digest: fnv.New64a()}
		err := once.run(ctx, func(rows []T) bool {
			number++
			return handOut(number, rows)
		})
		switch {
		case errors.Is(err, errStopped):
			return nil
		case err != nil && !errors.Is(err, errDrift):
			return err
		case err == nil && (once.stoodStill() || once.digest.Sum64() == before):
			return nil
		}
		before = once.digest.Sum64()
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
	given   idSet
	stopped bool
}

func (h *handout[T]) page(_ int, rows []T) bool {
	for i := range rows {
		if h.given.add(h.id(&rows[i])) && !h.yield(rows[i], nil) {
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
