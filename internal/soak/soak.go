// Package soak lets an ERP work for many simulated days at a finAPI at which everything
// goes wrong, and then compares its books with the bank's. It is the same test for each
// store of a feed's memory; the store's own tests say how the ERP keeps its [Books].
package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// Books are what an ERP keeps of one customer: the feed's memory and a journal beside it.
// Nothing in the journal keeps doubles out.
type Books interface {
	// Store is the feed's memory, and Budget counts the updates without the customer.
	Store() finapi.Store
	Budget() finapi.Budget
	// Deliver synchronises the feed. It commits each batch together with what [Postings]
	// makes of its events, unless check fails, which it calls before each commit.
	Deliver(ctx context.Context, feed *finapi.Feed, check func() error) error
	// Confirm decides that a review is a booking. It is in the journal already.
	Confirm(ctx context.Context, feed *finapi.Feed, uid finapi.UID) error
	// Restart ends the program that keeps the books, and starts it again.
	Restart() error
	// Journal returns all lines of all ledgers.
	Journal() ([]Line, error)
}

// Line is a line of the journal.
type Line struct {
	Ledger finapi.LedgerID
	UID    finapi.UID
	// Content is the booking as far as the bank tells it: day, amount and text.
	Content string
}

// Posting is a change of the journal: another line, or another content of the lines with
// that UID, or none of them any more.
type Posting struct {
	Line
	Change, Remove bool
}

// Postings returns what events mean to the journal.
func Postings(ledger finapi.LedgerID, events []finapi.Event) []Posting {
	var all []Posting
	for _, event := range events {
		switch e := event.(type) {
		case finapi.Booked:
			all = append(all, Posting{Line: Line{ledger, e.UID, contentOf(&e.Transaction)}})
		case finapi.Review:
			all = append(all, Posting{Line: Line{ledger, e.UID, contentOf(&e.Transaction)}})
		case finapi.Modified:
			all = append(all, Posting{Line: Line{ledger, e.UID, contentOf(&e.New)}, Change: true})
		case finapi.Removed:
			all = append(all, Posting{Line: Line{ledger, e.UID, ""}, Remove: true})
		}
	}
	return all
}

func contentOf(tx *finapi.Transaction) string {
	return content(tx.BookingDate.String(), tx.Amount.Amount.String(), tx.Purpose)
}

func content(day, amount, purpose string) string {
	return day + " " + amount + " " + strings.Join(strings.Fields(purpose), " ")
}

// Config says how long and how wild.
type Config struct {
	// Days are simulated. Three quiet ones follow.
	Days int
	// Seed makes the bank's days and the faults repeatable, as far as the machine's speed
	// does not matter to time-outs.
	Seed uint64
}

const (
	triesADay = 4
	// daysForAll are enough for each fault to have its turn several times.
	daysForAll = 200
	// maxRequests is far above what a bad day takes besides walks, and far below a loop that
	// runs wild. A walk takes as many more as there are pages.
	maxRequests = 500
	// walksOfTry is how many times the pages of all bookings a try may ask for, repeats included.
	walksOfTry = 2
	// patience is how long a try may take on the simulated clock, and anyHang on the real one.
	patience = time.Hour
	anyHang  = 2 * time.Minute
	// wrong is how far the clock of a program is ahead or behind, if it is set wrong.
	wrong = time.Hour
	// rowsOfPage is how many bookings finAPI puts on a page.
	rowsOfPage       = 10
	transactionsPath = "/api/v2/transactions"
	// consentLife is short, so that the customer has to renew the consent now and then.
	consentLife = 10 * 24 * time.Hour
	// A booking is kept at the bank, at finAPI and in a memory, and each day leaves updates,
	// forms and tokens at finAPI, which all live in this process.
	heapOfBooking, heapOfDay, heapSlack = 6 << 10, 16 << 10, 8 << 20
)

var errCrash = errors.New("the program died")

// Run soaks the books and fails the test if a booking is lost or doubled, if a day takes
// too many requests, if a connection or memory leaks, or if the program fails in a way that
// it must not. Goroutines that leak are found by goleak in the TestMain of the test.
func Run(tb testing.TB, books Books, config Config) Report {
	tb.Helper()
	r := &run{
		tb: tb, books: books, config: config, random: rand.New(rand.NewPCG(config.Seed, 0)),
		report: Report{Days: config.Days, Seed: config.Seed, Faults: map[string]int{}},
	}
	var err error
	if r.sim, err = finapitest.Start(finapitest.WithEmptyWorld(), finapitest.WithIDOffset(1e6), finapitest.WithConsentLife(consentLife)); err != nil {
		tb.Fatal(err)
	}
	defer r.sim.Close()
	r.world = newWorld(r.sim, r.random)
	r.begin()
	for day := range config.Days {
		if r.day(day); tb.Failed() {
			tb.Fatalf("on day %d, with -soak-seed=%d", day, config.Seed)
		}
	}
	r.settle()
	r.compare()
	if missing := r.report.missing(); config.Days >= daysForAll && len(missing) > 0 {
		tb.Errorf("in %d days these did not happen once: %s", config.Days, strings.Join(missing, ", "))
	}
	r.program.close(tb)
	return r.report
}

// run is one soak.
type run struct {
	tb      testing.TB
	books   Books
	config  Config
	random  *rand.Rand
	sim     *finapitest.Server
	world   *world
	program *program
	report  Report
	heap    []heapSample
	deck    []finapitest.Fault // those whose turn is still to come

	// What the ERP remembers of its customer through restarts.
	id         finapi.UserID
	password   finapi.Secret
	connection finapi.ConnectionID
	form       finapi.Consent // on which the customer connects the bank; zero for none
	leaving    bool           // the customer wants to disconnect
	clean      map[finapi.AccountID]bool
}

type heapSample struct {
	day, bookings int
	bytes         int64
}

// begin creates the customer, on a day without faults.
func (r *run) begin() {
	r.start(usualTimeout)
	user, err := r.program.client.CreateUser(r.tb.Context(), finapi.NewUser{})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.id, r.password = user.ID(), user.Password()
	r.try(nil)
	if r.connection == 0 {
		r.tb.Fatal("the bank could not be connected, though nothing went wrong")
	}
}

func (r *run) start(timeout time.Duration) {
	skew := []time.Duration{0, 0, wrong, -wrong}[r.random.IntN(4)]
	switch {
	case skew > 0:
		r.report.Ahead++
	case skew < 0:
		r.report.Behind++
	}
	r.program = startProgram(r.tb, r.sim, r.books.Budget(), timeout, skew)
}

// restart ends the program and starts it again.
func (r *run) restart(timeout time.Duration) {
	r.program.close(r.tb)
	if err := r.books.Restart(); err != nil {
		r.tb.Fatal(err)
	}
	r.start(timeout)
	r.report.Restarts++
}

// day is a day at the bank and in the ERP.
func (r *run) day(day int) {
	r.world.leaving = r.world.leaving || r.random.IntN(15) == 0
	known := r.allClean()
	r.leaving = r.leaving || known && r.world.leaving && r.world.calm()
	r.world.day(known && !r.leaving)
	r.clean = nil // until all is read anew
	r.sim.ResetRequests()
	injected, timeout := r.injectSome()
	if timeout != r.program.timeout {
		r.restart(timeout)
	}
	for range triesADay {
		if r.random.IntN(6) == 0 {
			r.restart(timeout)
		}
		r.try(r.crash())
		r.sim.Clock().Advance(24 * time.Hour / triesADay)
	}
	r.take(injected)
	r.count()
	if day%max(1, r.config.Days/10) == 0 {
		r.sample(day)
	}
}

// count looks at the day's requests and at the journal.
func (r *run) count() {
	requests := r.sim.Requests()
	n := len(requests)
	for i := range requests {
		r.countPage(&requests[i])
	}
	r.report.Requests += n
	r.report.MostRequests = max(r.report.MostRequests, n)
	if allowed := maxRequests + triesADay*walksOfTry*r.world.booked/rowsOfPage; n > allowed {
		r.tb.Errorf("a day took %d requests, allowed are %d with %d bookings", n, allowed, r.world.booked)
	}
	lines, err := r.books.Journal()
	if err != nil {
		r.tb.Fatal(err)
	}
	seen := map[finapi.UID]bool{}
	for _, line := range lines {
		if seen[line.UID] {
			r.tb.Errorf("%s is in the journal twice", line.UID)
			r.report.Doubled++
		}
		seen[line.UID] = true
	}
	r.report.Bookings = len(lines)
}

// countPage counts the requests for bookings that are not for the first page.
func (r *run) countPage(request *finapitest.Request) {
	query, err := url.ParseQuery(request.RawQuery)
	if request.Path != transactionsPath || err != nil || query.Get("page") == "1" {
		return
	}
	r.report.LaterPages++
	if request.Status == http.StatusUnauthorized {
		r.report.RefusedMidWalk++
	}
}

func (r *run) sample(day int) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.heap = append(r.heap, heapSample{day, r.world.booked, int64(memory.HeapAlloc)}) //nolint:gosec // no heap is that large
}

// crash lets the program die before one of its next commits, sometimes.
func (r *run) crash() func() error {
	if r.random.IntN(5) != 0 {
		return nil
	}
	left := r.random.IntN(4)
	return func() error {
		if left--; left < 0 {
			r.report.Crashes++
			return errCrash
		}
		return nil
	}
}

type injected struct {
	kind      finapitest.Fault // without the details of the day
	injection *finapitest.Injection
}

// take ends the day's faults. One that struck nothing gets another turn.
func (r *run) take(day []injected) {
	for _, i := range day {
		i.injection.Remove()
		hits := i.injection.Hits()
		r.report.Faults[i.kind.String()] += hits
		if hits == 0 {
			r.deck = append(r.deck, i.kind)
		}
	}
}

// draw returns the next fault. All come in turn, before and after the effect, because
// those that were drawn at random left some out for a year.
func (r *run) draw() finapitest.Fault {
	if len(r.deck) == 0 {
		r.deck = finapitest.EveryFault()
		r.random.Shuffle(len(r.deck), func(i, j int) { r.deck[i], r.deck[j] = r.deck[j], r.deck[i] })
	}
	top := r.deck[0]
	r.deck = r.deck[1:]
	return top
}

const (
	usualTimeout = time.Minute
	// hurriedTimeout is for days on which an answer may never come.
	hurriedTimeout = 150 * time.Millisecond
)

// injectSome lets some faults happen for a day, and tells how patient a program should be
// on it. Each fifth day is a good one.
func (r *run) injectSome() (all []injected, timeout time.Duration) {
	timeout = usualTimeout
	if r.random.IntN(5) == 0 {
		return nil, timeout
	}
	for range 1 + r.random.IntN(3) {
		fault := r.draw()
		kind := fault
		fault.Seed, fault.Skip = r.random.Uint64(), r.random.IntN(10)
		fault.Chance = []float64{0.03, 0.1, 0.3, 1}[r.random.IntN(4)]
		if fault.Chance == 1 {
			fault.Times = 1 + r.random.IntN(12)
		}
		if r.random.IntN(2) == 0 {
			fault.Endpoint = endpoints[r.random.IntN(len(endpoints))]
		}
		switch fault.Kind {
		case finapitest.FaultUnavailable, finapitest.FaultTooManyRequests:
			at := r.sim.Clock().Now().Add(time.Minute).UTC().Format(http.TimeFormat)
			fault.RetryAfter = []string{"", "1", "20", "86400", at, "99999999999999999999", "soon"}[r.random.IntN(7)]
		case finapitest.FaultNoAnswer, finapitest.FaultSlowDrip:
			timeout = hurriedTimeout
			fault.Times = 1 + r.random.IntN(6)
		default:
		}
		all = append(all, injected{kind, r.sim.Inject(fault)})
	}
	return all, timeout
}

// endpoints are those that the ERP uses every day, or that hurt most.
var endpoints = []string{
	"/api/v2/oauth/token", "GET /api/v2/bankConnections/{id}", "DELETE /api/v2/bankConnections/{id}",
	"DELETE /api/v2/bankConnections/{id}/aisConsent", "GET /api/v2/accounts", "GET /api/v2/accounts/{id}", "GET /api/v2/transactions",
	"PATCH /api/v2/transactions/{id}", "POST /api/webForms/bankConnectionImport", "GET /api/webForms/{id}",
	"POST /api/tasks/backgroundUpdate", "GET /api/tasks", "GET /api/tasks/{id}",
}

// settle lets three good days pass, so that what went wrong is made up for.
func (r *run) settle() {
	r.leaving, r.world.leaving = false, false
	r.restart(usualTimeout)
	for day := range 3 {
		if day == 1 { // all else is read by then
			r.world.restore()
		}
		r.clean = nil
		for range triesADay {
			r.try(nil)
			r.sim.Clock().Advance(24 * time.Hour / triesADay)
		}
	}
	r.sim.ResetRequests()
	if !r.allClean() {
		r.tb.Errorf("after three good days not all ledgers are clean")
	}
	r.sample(r.config.Days + 3)
}

// compare holds the journal against the bank's books.
func (r *run) compare() {
	r.count()
	lines, err := r.books.Journal()
	if err != nil {
		r.tb.Fatal(err)
	}
	difference := r.world.books()
	for _, line := range lines {
		difference[string(line.Ledger)+" "+line.Content]--
	}
	for what, n := range difference {
		if n > 0 {
			r.report.Lost += n
			r.tb.Errorf("lost %d times: %s", n, what)
		}
		if n < 0 {
			r.report.Doubled -= n
			r.tb.Errorf("too often by %d: %s", -n, what)
		}
	}
	r.report.Reconnects, r.report.Reissued, r.report.Vanished = r.world.reconnects, r.world.reissued, r.world.vanished
	r.report.Changed, r.report.Flagged = r.world.changed, r.world.flagged
	r.flat()
}

// flat checks that memory grows with the rows only.
func (r *run) flat() {
	half, end := r.heap[len(r.heap)/2], r.heap[len(r.heap)-1]
	r.report.Heap = fmt.Sprintf("%d KiB with %d bookings on day %d, %d KiB with %d on day %d",
		half.bytes>>10, half.bookings, half.day, end.bytes>>10, end.bookings, end.day)
	allowed := int64((end.bookings-half.bookings)*heapOfBooking + (end.day-half.day)*heapOfDay + heapSlack)
	if grown := end.bytes - half.bytes; grown > allowed {
		r.tb.Errorf("the heap grew by %d KiB, allowed are %d: %s", grown>>10, allowed>>10, r.report.Heap)
	}
}
