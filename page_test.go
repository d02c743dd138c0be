package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

const transactionsRoute = "GET /api/v2/transactions"

// listing is a server of transactions that pages by offset, as finAPI does. Its
// rows are ordered by id.
type listing struct {
	ids []int64
	// before runs before each page is made; nil for nothing.
	before func(page int)
}

func (l *listing) serve(r *request) reply {
	page, _ := strconv.Atoi(r.query.Get("page"))
	size, _ := strconv.Atoi(r.query.Get("perPage"))
	if l.before != nil {
		l.before(page)
	}
	pages := (len(l.ids) + size - 1) / size
	from, to := min((page-1)*size, len(l.ids)), min(page*size, len(l.ids))
	return reply{body: pageBody(page, pages, len(l.ids), l.ids[from:to], powerOfTwo, l.ids)}
}

// powerOfTwo is an amount for each id such that a sum tells which rows are in it.
func powerOfTwo(id int64) int64 { return 1 << id }

func nothing(int64) int64 { return 0 }

func (l *listing) remove(ids ...int64) {
	l.ids = slices.DeleteFunc(slices.Clone(l.ids), func(id int64) bool { return slices.Contains(ids, id) })
}

func (l *listing) add(ids ...int64) {
	l.ids = append(slices.Clone(l.ids), ids...)
	slices.Sort(l.ids)
}

// pageReply is a page of rows without an amount.
func pageReply(page, pages, total int, ids ...int64) reply {
	return reply{body: pageBody(page, pages, total, ids, nothing, nil)}
}

// pageBody writes a page whose totals are those of the rows all.
func pageBody(page, pages, total int, ids []int64, amount func(id int64) int64, all []int64) string {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf(`{"id":%d,"accountId":1,"amount":%d,"bankBookingDate":"2026-11-20"}`, id, amount(id))
	}
	var income int64
	for _, id := range all {
		income += amount(id)
	}
	return fmt.Sprintf(
		`{"transactions":[%s],"paging":{"page":%d,"perPage":2,"pageCount":%d,"totalCount":%d},`+
			`"income":%d,"spending":0,"balance":%d}`,
		strings.Join(rows, ","), page, pages, total, income, income,
	)
}

func upTo(n int64) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i) + 1
	}
	return ids
}

// walk reads all transactions of a user and returns their ids.
func walk(ctx context.Context, user *finapi.User, size int) ([]int64, error) {
	var ids []int64
	for tx, err := range user.Transactions(ctx, finapi.TransactionQuery{PageSize: size}) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, int64(tx.ID))
	}
	return ids, nil
}

func TestAListingIsReadPageByPageInOrder(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 7, 10, 500} {
		server := newStub(t)
		server.handle(transactionsRoute, (&listing{ids: upTo(10)}).serve)
		got, err := walk(t.Context(), server.user(finapi.WithPageWindow(1)), size)
		must(t, err)
		same(t, upTo(10), got)
		server.wantCalls(transactionsRoute, (10+size-1)/size)
		for i, r := range server.asked(transactionsRoute) {
			same(t, "id,asc", r.query.Get("order"))
			same(t, strconv.Itoa(size), r.query.Get("perPage"))
			same(t, strconv.Itoa(i+1), r.query.Get("page"))
		}
	}
}

func TestThePageSizeIs500UnlessChosen(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(transactionsRoute, (&listing{}).serve)
	got, err := walk(t.Context(), server.user(), 0)
	must(t, err)
	same(t, 0, len(got))
	same(t, "500", server.asked(transactionsRoute)[0].query.Get("perPage"))
}

func TestAPageSizeOutsideOfItsBoundsIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-1, 501, 1 << 40} {
		server := newStub(t)
		client, user := server.client(), server.user()
		mustRefuse(t, drained(client.Banks(t.Context(), finapi.BankQuery{PageSize: size})), "PageSize")
		mustRefuse(t, drained(user.Transactions(t.Context(), finapi.TransactionQuery{PageSize: size})), "PageSize")
		if len(server.requests) != 0 {
			t.Errorf("page size %d was sent", size)
		}
	}
}

func TestAServerThatGivesSmallerPagesIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	all := &listing{ids: upTo(10)}
	server.handle(transactionsRoute, func(r *request) reply {
		r.query.Set("perPage", "3") // whatever was asked for
		return all.serve(r)
	})
	got, err := walk(t.Context(), server.user(), 500)
	must(t, err)
	same(t, upTo(10), got)
}

func TestRowsThatMoveWhileTheyAreReadAreNeitherLostNorDoubled(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*listing)
		want   []int64
	}{
		{"a row comes at the end", func(l *listing) { l.add(11) }, append(upTo(10), 11)},
		{"a row that was read goes", func(l *listing) { l.remove(1) }, upTo(10)},
		{"a row that was not read goes", func(l *listing) { l.remove(9) }, []int64{1, 2, 3, 4, 5, 6, 7, 8, 10}},
		{"all goes", func(l *listing) { l.ids = nil }, upTo(4)},
		{"rows come and go", func(l *listing) { l.remove(1, 2); l.add(11) }, append(upTo(10), 11)},
	}
	for _, tt := range cases {
		server := newStub(t)
		all, changed := &listing{ids: upTo(10)}, false
		all.before = func(page int) {
			if page == 3 && !changed {
				changed = true
				tt.change(all)
			}
		}
		server.handle(transactionsRoute, all.serve)
		got, err := walk(t.Context(), server.user(finapi.WithPageWindow(1)), 2) // what is seen depends on the order
		must(t, err)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestARowThatComesInTheMiddleIsReadOnce(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	all, changed := &listing{ids: []int64{10, 20, 30, 40, 50}}, false
	all.before = func(page int) {
		if page == 2 && !changed {
			changed = true
			all.add(15)
		}
	}
	server.handle(transactionsRoute, all.serve)
	got, err := walk(t.Context(), server.user(), 2)
	must(t, err)
	same(t, []int64{10, 20, 15, 30, 40, 50}, got) // the newcomer is found when the listing is read again
}

func TestAnEmptyPageBeforeTheLastOneIsPassedOver(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(transactionsRoute, func(r *request) reply {
		page, _ := strconv.Atoi(r.query.Get("page"))
		if page == 2 {
			return pageReply(2, 3, 4)
		}
		return pageReply(page, 3, 4, int64(page)*10, int64(page)*10+1)
	})
	got, err := walk(t.Context(), server.user(), 2)
	must(t, err)
	same(t, []int64{10, 11, 30, 31}, got)
}

func TestAnEndlessRowOfEmptyPagesIsGivenUp(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(transactionsRoute, func(r *request) reply {
		page, _ := strconv.Atoi(r.query.Get("page"))
		return pageReply(page, 1<<30, 4)
	})
	_, err := walk(t.Context(), server.user(), 2)
	mustFail(t, err, finapi.CodeIncomplete)
	if n := len(server.asked(transactionsRoute)); n > 500 {
		t.Errorf("%d requests were sent before it was given up", n)
	}
}

func TestAListingThatNeverFitsItsCountIsNeverQuietlyShort(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		serve func(page int) reply
		rows  []int64
	}{
		{"fewer rows than announced", func(int) reply { return pageReply(1, 1, 3, 1, 2) }, []int64{1, 2}},
		{"more rows than announced", func(int) reply { return pageReply(1, 1, 1, 1, 2) }, nil},
		{"no row, but a count", func(int) reply { return pageReply(1, 1, 5) }, nil},
		{"a page number that does not advance", func(int) reply { return pageReply(1, 2, 4, 1, 2) }, []int64{1, 2}},
		{"page zero", func(int) reply { return pageReply(0, 1, 1, 1) }, nil},
		{"the same page again", func(page int) reply { return pageReply(page, 2, 4, 1, 2) }, []int64{1, 2}},
		{"a row twice on a page", func(int) reply { return pageReply(1, 1, 2, 1, 1) }, nil},
		{"rows in disorder", func(int) reply { return pageReply(1, 1, 2, 2, 1) }, nil},
		{"no page count", func(int) reply { return pageReply(1, 0, 2, 1) }, []int64{1}},
		{"a negative count", func(int) reply { return pageReply(1, 1, -1) }, nil},
		{"a total that shrinks", func(page int) reply { return pageReply(page, 3, 7-page, int64(page)*2, int64(page)*2+1) }, []int64{2, 3}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.handle(transactionsRoute, func(r *request) reply {
				page, _ := strconv.Atoi(r.query.Get("page"))
				return tt.serve(page)
			})
			got, err := walk(t.Context(), server.user(), 2)
			e := failure(t, err, finapi.CodeIncomplete)
			if e.Actor != finapi.ActorFinAPI || e.Endpoint != "GET /api/v2/transactions" {
				t.Errorf("got actor %s, endpoint %q", e.Actor, e.Endpoint)
			}
			if !slices.Equal(got, tt.rows) {
				t.Errorf("got the rows %v, want %v", got, tt.rows)
			}
			if n := len(server.asked(transactionsRoute)); n > 12 {
				t.Errorf("%d requests were sent before it was given up", n)
			}
		})
	}
}

func TestALeafedThroughPageIsWholeBeforeARowOfItIsSeen(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	bad := `{"transactions":[{"id":3,"accountId":1,"amount":1,"bankBookingDate":"2026-11-20"},{"id":4}],` +
		`"paging":{"page":2,"perPage":2,"pageCount":2,"totalCount":4}}`
	server.on(transactionsRoute, pageReply(1, 2, 4, 1, 2), reply{body: bad})
	got, err := walk(t.Context(), server.user(), 2)
	mustFail(t, err, finapi.CodeUnreadable)
	same(t, []int64{1, 2}, got)
}

func TestBreakingOutSendsNoFurtherRequest(t *testing.T) {
	t.Parallel()
	for _, window := range []int{1, 2, 4, 16} {
		for stop := 1; stop <= 10; stop++ {
			server := newStub(t)
			server.handle(transactionsRoute, (&listing{ids: upTo(10)}).serve)
			for tx, err := range server.user(finapi.WithPageWindow(window)).Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2}) {
				must(t, err)
				if int(tx.ID) == stop {
					break
				}
			}
			page := (stop + 1) / 2
			if n := len(server.asked(transactionsRoute)); n < page || n > min(5, page+2*(window-1)) {
				t.Errorf("window %d: %d requests were sent by page %d", window, n, page)
			}
		}
	}
}

// transportFunc is a transport that the ERP has installed.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAPanicOfATransportReachesTheCallerOfAnyPage(t *testing.T) {
	t.Parallel()
	for page := 1; page <= 5; page++ {
		server := newStub(t)
		server.handle(transactionsRoute, (&listing{ids: upTo(10)}).serve)
		panics := transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("page") == strconv.Itoa(page) {
				panic("the transport's bug")
			}
			return server.RoundTrip(r)
		})
		var rows int
		got := func() (panicked any) {
			defer func() { panicked = recover() }()
			for _, err := range server.user(finapi.WithTransport(panics)).Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2}) {
				must(t, err)
				rows++
			}
			return nil
		}()
		if got != "the transport's bug" || rows != 2*(page-1) {
			t.Errorf("a panic on page %d: the caller got %v after %d rows", page, got, rows)
		}
	}
}

func TestATransportThatEndsItsGoroutineDoesNotHangTheWalk(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(transactionsRoute, (&listing{ids: upTo(10)}).serve)
	exits := transportFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("page") == "3" {
			runtime.Goexit() // as t.FailNow does
		}
		return server.RoundTrip(r)
	})
	got, err := walk(t.Context(), server.user(finapi.WithTransport(exits)), 2)
	same(t, upTo(4), got)
	if err == nil {
		t.Error("the walk ended as if it were complete")
	}
}

func TestBreakingOutOfASecondPassEndsIt(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(transactionsRoute, pageReply(1, 1, 3, 1, 2), pageReply(1, 1, 3, 1, 2, 3))
	var got []int64
	for tx, err := range server.user().Transactions(t.Context(), finapi.TransactionQuery{PageSize: 5}) {
		must(t, err)
		got = append(got, int64(tx.ID))
		if tx.ID == 3 {
			break
		}
	}
	same(t, []int64{1, 2, 3}, got)
}

func TestEachRangeStartsAfresh(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	all := &listing{ids: upTo(3)}
	server.handle(transactionsRoute, all.serve)
	rows := server.user().Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2})
	same(t, 3, len(allRows(t, rows)))
	all.add(4)
	same(t, 4, len(allRows(t, rows)))
}

func TestAnErrorComesOnceAndEndsTheListing(t *testing.T) {
	t.Parallel()
	broken := reply{status: 403, body: fixture(t, "error_403_unauthorized_access.json")}
	for pages := range 3 {
		server := newStub(t)
		all := &listing{ids: upTo(6)}
		server.handle(transactionsRoute, func(r *request) reply {
			if r.query.Get("page") == strconv.Itoa(pages+1) {
				return broken
			}
			return all.serve(r)
		})
		rows, errs := 0, 0
		for tx, err := range server.user().Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2}) {
			if err != nil {
				errs++
				same(t, finapi.Transaction{}, tx)
				mustFail(t, err, finapi.CodeUnauthorized)
				continue // who goes on after an error must not get it again
			}
			rows++
		}
		if errs != 1 || rows != pages*2 {
			t.Errorf("got %d rows and %d errors, want %d and 1", rows, errs, pages*2)
		}
	}
}

func TestAContextThatEndsBetweenPagesEndsTheListing(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(transactionsRoute, (&listing{ids: upTo(6)}).serve)
	for _, window := range []int{1, 4, 16} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen := 0
		for _, err := range server.user(finapi.WithPageWindow(window)).Transactions(ctx, finapi.TransactionQuery{PageSize: 2}) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", err)
				}
				break
			}
			if seen++; seen == 2 {
				cancel()
			}
		}
		if seen != 2 {
			t.Errorf("window %d: %d rows were handed out, want the 2 of the page in hand", window, seen)
		}
	}
}

func TestCollectReturnsTheRowsBeforeAnError(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(transactionsRoute, pageReply(1, 2, 4, 1, 2), reply{status: 404})
	rows, err := finapi.Collect(server.user().Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2}))
	mustFail(t, err, finapi.CodeHTTP)
	same(t, 2, len(rows))
}

// slowTransport lets each request for a page wait before it is answered, in the time of a
// bubble of synctest, and knows how many wait at most.
type slowTransport struct {
	next   http.RoundTripper
	delays []int // in milliseconds, over and over again

	mu                       sync.Mutex
	requests, flying, atMost int
}

func (s *slowTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !r.URL.Query().Has("page") {
		return s.next.RoundTrip(r)
	}
	s.mu.Lock()
	delay := time.Duration(s.delays[s.requests%len(s.delays)]) * time.Millisecond
	s.requests++
	s.flying++
	s.atMost = max(s.atMost, s.flying)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.flying--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(delay):
		return s.next.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func TestAWindowOfPagesIsFetchedAtATime(t *testing.T) {
	t.Parallel()
	for window, want := range map[int]int{1: 40, 2: 21, 4: 11, 8: 6, 16: 4} {
		synctest.Test(t, func(t *testing.T) {
			server := newStub(t)
			server.handle(transactionsRoute, (&listing{ids: upTo(40)}).serve)
			slow := &slowTransport{next: server, delays: []int{80}}
			user := server.user(finapi.WithPageWindow(window), finapi.WithTransport(slow))
			start := time.Now()
			got, err := walk(t.Context(), user, 1)
			must(t, err)
			same(t, upTo(40), got)
			same(t, time.Duration(want*80)*time.Millisecond, time.Since(start))
			same(t, window, slow.atMost)
		})
	}
}

// TestAWalkThroughAMovingListingIsCompleteOrSaysSo lets rows come or go between
// the pages. Whatever happens, no row is seen twice, and a walk that ends without
// an error has seen each row that was there all the time.
func TestAWalkThroughAMovingListingIsCompleteOrSaysSo(t *testing.T) {
	t.Parallel()
	t.Run("rows come", func(t *testing.T) { walkWhileRowsMove(t, 0, 2) })
	t.Run("rows go", func(t *testing.T) { walkWhileRowsMove(t, 2, 0) })
	t.Run("rows come and go", func(t *testing.T) { walkWhileRowsMove(t, 2, 2) })
}

// change is what happens to a listing before a request is answered.
type change struct {
	gone []int // positions modulo the number of rows
	come int   // how many new rows
}

// walkWhileRowsMove lets up to so many rows go and come between two pages. Pages are
// fetched several at a time and answered in any order.
func walkWhileRowsMove(t *testing.T, gone, come int) {
	t.Helper()
	changes := rapid.Custom(func(rt *rapid.T) change {
		if rapid.Bool().Draw(rt, "nothing happens") {
			return change{}
		}
		return change{
			rapid.SliceOfN(rapid.IntRange(0, 11), 0, gone).Draw(rt, "gone"), rapid.IntRange(0, come).Draw(rt, "new"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		all := &listing{ids: upTo(rapid.Int64Range(0, 12).Draw(rt, "rows"))}
		always := map[int64]bool{}
		for _, id := range all.ids {
			always[id] = true
		}
		next, plan := int64(len(all.ids))+1, rapid.SliceOfN(changes, 0, 8).Draw(rt, "changes")
		requests := 0
		all.before = func(int) {
			requests++
			if requests == 1 || len(plan) == 0 {
				return
			}
			now := plan[0]
			plan = plan[1:]
			for _, at := range now.gone {
				if len(all.ids) > 0 {
					id := all.ids[at%len(all.ids)]
					all.remove(id)
					delete(always, id)
				}
			}
			for range now.come {
				all.add(next)
				next++
			}
		}
		delays := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 20).Draw(rt, "delays")
		window, size := rapid.IntRange(1, 6).Draw(rt, "window"), rapid.IntRange(1, 5).Draw(rt, "size")
		var got []int64
		var err error
		synctest.Test(t, func(t *testing.T) {
			server := newStub(t)
			server.handle(transactionsRoute, all.serve)
			slow := &slowTransport{next: server, delays: delays}
			got, err = walk(t.Context(), server.user(finapi.WithTransport(slow), finapi.WithPageWindow(window)), size)
		})
		seen := map[int64]bool{}
		for _, id := range got {
			if seen[id] {
				rt.Fatalf("row %d was seen twice: %v", id, got)
			}
			seen[id] = true
		}
		if err != nil {
			if !finapi.IsError(err, finapi.CodeIncomplete) {
				rt.Fatalf("the walk failed: %v", err)
			}
			return
		}
		for id := range always {
			if !seen[id] {
				rt.Fatalf("row %d was there all the time, but was not seen: %v", id, got)
			}
		}
	})
}

// sorted is a server that lists rows in another order than by id.
func (l *listing) sorted(ids []int64) func(*request) reply {
	return func(r *request) reply {
		page, _ := strconv.Atoi(r.query.Get("page"))
		if l.before != nil {
			l.before(page)
		}
		rows := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return !slices.Contains(l.ids, id) })
		from, to := min((page-1)*2, len(rows)), min(page*2, len(rows))
		return reply{body: pageBody(page, (len(rows)+1)/2, len(rows), rows[from:to], nothing, nil)}
	}
}

func TestAListingInAnotherOrderKeepsIt(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	order := []int64{5, 1, 4, 2, 3}
	server.handle(transactionsRoute, (&listing{ids: upTo(5)}).sorted(order))
	same(t, order, sortedWalk(t, server))
	server.wantCalls(transactionsRoute, 3)
}

// sortedWalk reads all transactions by their amounts and returns their ids.
func sortedWalk(t *testing.T, server *stub) []int64 {
	t.Helper()
	var ids []int64
	query := finapi.TransactionQuery{OrderBy: []finapi.Order{{By: "amount", Descending: true}}, PageSize: 2}
	for tx, err := range server.user().Transactions(t.Context(), query) {
		must(t, err)
		ids = append(ids, int64(tx.ID))
	}
	return ids
}

func TestARowThatGoesAndOneThatComesInAnotherOrderLoseNoneSilently(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	all := &listing{ids: []int64{1, 2, 3, 4}}
	moved := false
	// Between the pages row 4, which was seen, goes to the end, and row 5 comes to
	// the front: their number stays, row 2 is seen twice and row 1 never.
	all.before = func(page int) {
		if page == 2 && !moved {
			moved = true
			all.remove(4)
			all.add(5, 6)
		}
	}
	server.handle(transactionsRoute, all.sorted([]int64{6, 5, 4, 3, 2, 1}))
	got := sortedWalk(t, server)
	slices.Sort(got)
	for _, id := range []int64{1, 2, 3, 5, 6} {
		if !slices.Contains(got, id) {
			t.Errorf("row %d is missing in %v", id, got)
		}
	}
}

func TestARowThatIsSeenTwiceInAnotherOrderIsReadAgain(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(transactionsRoute,
		pageReply(1, 2, 4, 4, 3), pageReply(2, 2, 4, 3, 2), // row 1 was pushed out
		pageReply(1, 2, 4, 4, 3), pageReply(2, 2, 4, 2, 1))
	same(t, []int64{4, 3, 2, 1}, sortedWalk(t, server))
}
