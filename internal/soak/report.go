package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/finapi-go/finapi/finapitest"
)

// Report tells what a soak went through.
type Report struct {
	Days     int
	Seed     uint64
	Bookings int // in the journal at the end
	// Lost and Doubled are compared with the bank's books.
	Lost, Doubled          int
	Requests, MostRequests int // in all, and on one day
	// LaterPages are the requests for bookings after the first page of a walk, and
	// RefusedMidWalk those of them whose token was refused.
	LaterPages, RefusedMidWalk int
	Restarts, Crashes          int
	Ahead, Behind              int // programs whose clock was set wrong by an hour
	Renewals, Reconnects       int // of the consent, and of the bank
	Reissued                   int // times that rows got new ids
	Changed, Vanished          int // rows
	Flagged                    int // rows that a person had to decide about
	Heap                       string
	Faults                     map[string]int // how often each happened
}

// missing names what did not happen once, though the soak is there for it.
func (r Report) missing() (names []string) {
	for _, fault := range finapitest.EveryFault() {
		if name := fault.String(); r.Faults[name] == 0 {
			names = append(names, name)
		}
	}
	if r.RefusedMidWalk == 0 {
		names = append(names, "a token refused in the middle of a walk")
	}
	if r.Ahead == 0 {
		names = append(names, "a clock ahead")
	}
	if r.Behind == 0 {
		names = append(names, "a clock behind")
	}
	return names
}

// String is the report as text, with the faults in the order of their names.
func (r Report) String() string {
	var b strings.Builder
	sum := 0
	for _, n := range r.Faults {
		sum += n
	}
	fmt.Fprintf(&b, "seed %d: %d days, %d bookings, %d lost, %d doubled; %d requests, %d on the worst day, %d for later pages of a walk, %d of them with a token that was refused; "+
		"%d restarts, %d crashes while committing, %d programs with a clock an hour ahead, %d an hour behind; "+
		"%d renewals of the consent, the bank was connected anew %d times; rows got new ids %d times, %d changed, %d vanished, %d were flagged; heap: %s; %d faults:\n",
		r.Seed, r.Days, r.Bookings, r.Lost, r.Doubled, r.Requests, r.MostRequests, r.LaterPages, r.RefusedMidWalk,
		r.Restarts, r.Crashes, r.Ahead, r.Behind,
		r.Renewals, r.Reconnects, r.Reissued, r.Changed, r.Vanished, r.Flagged, r.Heap, sum)
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(&b, "  %6d  %s\n", r.Faults[name], name)
	}
	return b.String()
}
