package finapitest

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// diary is the script of the default world: the business of a small company,
// made up day by day. Every day has its own random source, so a day is the
// same whoever asks and whenever.
type diary struct {
	start time.Time
	first Date
}

func newDiary(start time.Time) *diary {
	s := start.In(berlin())
	opened := time.Date(s.Year(), s.Month(), 1, 0, 0, 0, 0, berlin()).AddDate(0, -20, 0)
	return &diary{start: start, first: DateOf(opened)}
}

func (d *diary) firstDay() Date { return d.first }

func (d *diary) day(date Date) []event {
	p := newPage(date)
	p.past = date < DateOf(d.start)
	if date == d.first {
		p.opening()
	}
	p.business()
	p.household()
	if date == DateOf(d.start.Add(firstDayCases)) {
		p.cases(d.start.Add(firstDayCases), d.start.Add(-time.Hour))
	}
	return p.events
}

// firstDayCases is when, after the start, the bank books the rows on which
// naive imports fail.
const firstDayCases = 23 * time.Hour

// page is one day of the diary.
type page struct {
	date   Date
	noon   time.Time
	past   bool // before the start: history needs no row on every day
	rnd    *rand.Rand
	events []event
}

const diarySeed = 4711

func newPage(date Date) *page {
	return &page{
		date: date,
		noon: date.at(12, 0),
		rnd:  rand.New(rand.NewPCG(diarySeed, seedOf(date))),
	}
}

func seedOf(date Date) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(date)) // never fails
	return h.Sum64()
}

// book adds a row which the bank shows in the course of the day, the later the
// more rows it has already booked.
func (p *page) book(account string, b Booking) {
	minutes := 40 + 47*len(p.events)%840
	p.events = append(p.events, event{
		iban:    ibanOf(account),
		row:     b.dated(p.date),
		visible: p.date.at(5, 0).Add(time.Duration(minutes) * time.Minute),
	})
}

// between returns an amount in cents in [low, high).
func (p *page) between(low, high int64) int64 { return low + p.rnd.Int64N(high-low) }

func (p *page) chance(percent int) bool { return p.rnd.IntN(100) < percent }

// likely is a chance in the history and a certainty from the start on, where
// every day brings something.
func (p *page) likely(percent int) bool { return p.chance(percent) || !p.past }

func (p *page) weekend() bool {
	d := p.noon.Weekday()
	return d == time.Saturday || d == time.Sunday
}

func (p *page) dayOfMonth() int { return p.noon.Day() }

// month names the page's month as bookings do, for example "März 2025".
func (p *page) month() string {
	names := [...]string{
		"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli",
		"August", "September", "Oktober", "November", "Dezember",
	}
	return names[p.noon.Month()-1] + " " + p.noon.Format("2006")
}

func pick[T any](p *page, from []T) T { return from[p.rnd.IntN(len(from))] }
