package finapi

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"
	"time"
)

// Schedule says how often a bank connection is synchronised, and when in the day. It
// is plain data: it reads and writes as JSON, compares with == and works as a map key.
// [Schedule.Timetable] makes what reckons with it.
//
// The zero Schedule is good for customers in Germany: daily, between 01:00 and 05:00
// in Europe/Berlin.
type Schedule struct {
	// Every is how often; "" means [Daily].
	Every Frequency `json:"every,omitempty"`
	// Weekday is the day of a [Weekly] schedule: "monday" to "sunday", or what
	// [time.Weekday.String] returns. Else it is "".
	Weekday string `json:"weekday,omitempty"`
	// Day is the day of a [Monthly] schedule, 1 to 31. In a month that is too short, it
	// is the last day. Else it is 0.
	Day int `json:"day,omitempty"`
	// Zone is the customer's time zone by its IANA name; "" means Europe/Berlin. A
	// program for machines that may have no time zones, such as small containers,
	// imports time/tzdata.
	Zone string `json:"zone,omitempty"`
	// Window is when in the day, at least 30 minutes; "" means 01:00-05:00. One that
	// wraps midnight begins on the day of the schedule.
	Window Hours `json:"window,omitempty"`
	// Quiet are hours in which nothing is due except what [History.News] and
	// [History.Opened] ask for; "" means none. They may wrap midnight, and must leave at
	// least 30 minutes of the window.
	Quiet Hours `json:"quiet,omitempty"`
}

// Frequency is how often a connection is synchronised.
type Frequency string

// The frequencies.
const (
	// Daily synchronises once a day.
	Daily Frequency = "daily"
	// Weekly synchronises once a week.
	Weekly Frequency = "weekly"
	// Monthly synchronises once a month.
	Monthly Frequency = "monthly"
	// OnOpen synchronises only when the customer opens the page, never by itself. Window
	// and quiet hours have no effect.
	OnOpen Frequency = "on-open"
)

// Hours are a part of each day by the customer's clock, such as "01:00-05:00". The end
// is not part of it. If it is before the begin, it is on the next day; 24:00 is the end
// of a day.
type Hours string

const (
	defaultZone   = "Europe/Berlin"
	defaultWindow = Hours("01:00-05:00")
	// leastRoom is how much of a window must be left to spread connections over.
	leastRoom = 30 * time.Minute
	// midnight is the last minute of a day's clock.
	midnight = 24 * 60
)

// Validate reports whether the schedule can be used. A bad one gives a
// [CodeInvalidInput] that names the field.
func (s Schedule) Validate() error {
	_, err := s.Timetable()
	return err
}

// Timetable makes the schedule ready to reckon with. It reads the time zone from the
// machine; what it returns needs nothing any more. It refuses what [Schedule.Validate]
// does.
func (s Schedule) Timetable() (*Timetable, error) {
	t := &Timetable{every: s.Every, day: s.Day}
	if t.every == "" {
		t.every = Daily
	}
	if err := t.setDay(s); err != nil {
		return nil, err
	}
	if err := t.setZone(s.Zone); err != nil {
		return nil, err
	}
	if err := t.setHours(s); err != nil {
		return nil, err
	}
	return t, nil
}

// Timetable is a [Schedule] that was checked: it tells when a connection is due. It
// never changes, so it is safe for concurrent use; one serves all connections with the
// same schedule. The zero Timetable is that of [OnOpen].
type Timetable struct {
	every         Frequency
	weekday       time.Weekday
	day           int
	loc           *time.Location
	window, quiet clockSpan // quiet is empty for none
}

func (t *Timetable) setDay(s Schedule) error {
	switch s.Every {
	case "", Daily, Weekly, Monthly, OnOpen:
	default:
		return invalid("Schedule.Every", "must be daily, weekly, monthly or on-open")
	}
	weekday, known := parseWeekday(s.Weekday)
	switch {
	case s.Every == Weekly && !known:
		return invalid("Schedule.Weekday", "must be monday, tuesday, wednesday, thursday, friday, saturday or sunday")
	case s.Every != Weekly && s.Weekday != "":
		return invalid("Schedule.Weekday", "must be empty unless the schedule is weekly")
	case s.Every == Monthly && (s.Day < 1 || s.Day > 31):
		return invalid("Schedule.Day", "must be between 1 and 31")
	case s.Every != Monthly && s.Day != 0:
		return invalid("Schedule.Day", "must be 0 unless the schedule is monthly")
	}
	t.weekday = weekday
	return nil
}

func parseWeekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name == d.String() || name == strings.ToLower(d.String()) {
			return d, true
		}
	}
	return 0, false
}

func (t *Timetable) setZone(name string) error {
	if name == "" {
		name = defaultZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which differs from machine to machine
		return invalid("Schedule.Zone", "must be the IANA name of a time zone, such as Europe/Berlin, that this machine knows; import time/tzdata if it knows none")
	}
	t.loc = loc
	return nil
}

func (t *Timetable) setHours(s Schedule) error {
	if s.Window == "" {
		s.Window = defaultWindow
	}
	var good bool
	if t.window, good = s.Window.parse(); !good {
		return invalid("Schedule.Window", "must be hours such as 01:00-05:00")
	}
	if t.quiet, good = s.Quiet.parse(); !good && s.Quiet != "" {
		return invalid("Schedule.Quiet", "must be hours such as 18:00-06:00")
	}
	const least = int(leastRoom / time.Minute)
	switch left := t.window.without(t.quiet); {
	case t.window.minutes() < least:
		return invalid("Schedule.Window", "must be at least 30 minutes")
	case left < least:
		return invalid("Schedule.Quiet", "must leave at least 30 minutes of the window")
	}
	return nil
}

// clockSpan is a part of a day in minutes since its midnight. It ends after midnight, with
// more than 24 hours, if it wraps. The empty span is none.
type clockSpan struct{ from, to int }

func (h Hours) parse() (clockSpan, bool) {
	if len(h) != len("01:00-05:00") || h[5] != '-' {
		return clockSpan{}, false
	}
	from, to := minuteOf(h[:5]), minuteOf(h[6:])
	if from < 0 || to < 0 || from == midnight || from == to {
		return clockSpan{}, false
	}
	if to < from {
		to += midnight
	}
	return clockSpan{from, to}, true
}

// minuteOf reads 00:00 to 24:00; -1 for anything else.
func minuteOf(clock Hours) int {
	digit := func(i int) int {
		if clock[i] < '0' || clock[i] > '9' {
			return -midnight // makes the sum negative
		}
		return int(clock[i] - '0')
	}
	hour, minute := 10*digit(0)+digit(1), 10*digit(3)+digit(4)
	if clock[2] != ':' || hour < 0 || minute < 0 || minute > 59 || 60*hour+minute > midnight {
		return -1
	}
	return 60*hour + minute
}

func (s clockSpan) minutes() int { return s.to - s.from }

func (s clockSpan) duration() time.Duration { return time.Duration(s.minutes()) * time.Minute }

// without counts the minutes of s that are not in other.
func (s clockSpan) without(other clockSpan) int {
	left := 0
	for m := s.from; m < s.to; m++ {
		clock := m % midnight
		if !other.holds(clock) && !other.holds(clock+midnight) {
			left++
		}
	}
	return left
}

func (s clockSpan) holds(minute int) bool { return s.from <= minute && minute < s.to }

// AfterQuiet returns a time itself, or, if it is in quiet hours, a time soon after
// them. A run that is overdue because the program was slow must not start in them: ask
// before it starts. Connections are spread by their key over a quarter of an hour of
// the time after the quiet hours, so that they do not all begin at once.
func (t *Timetable) AfterQuiet(key string, at time.Time) time.Time {
	if t.loc == nil || t.quiet == (clockSpan{}) {
		return at
	}
	if start, _ := t.nextQuiet(clamp(at)); start.After(at) {
		return at
	}
	return t.walk(clamp(at), spread("quiet", key, shortSpread))
}

// slotAfter returns the first regular time of a connection after an instant. It does
// not depend on anything else, so that it is the same whenever it is asked for.
func (t *Timetable) slotAfter(key string, after time.Time) time.Time {
	if after.Before(epoch) {
		after = epoch
	}
	day := t.slotDay(DateOf(after.In(t.loc)).AddDays(-2)) // a window can wrap, and clocks can move it further
	for {
		if slot := t.slot(key, day); slot.After(after) {
			return slot
		}
		day = t.slotDay(day.AddDays(1))
	}
}

// slotDay returns the first day of the schedule that is not before a day.
func (t *Timetable) slotDay(d Date) Date {
	switch t.every {
	case Weekly:
		return d.AddDays((int(t.weekday-d.utc().Weekday()) + 7) % 7)
	case Monthly:
		if day := t.dayIn(d.Year, d.Month); !day.Before(d) {
			return day
		}
		next := Date{Year: d.Year, Month: d.Month, Day: 1}.utc().AddDate(0, 1, 0)
		return t.dayIn(next.Year(), next.Month())
	default:
		return d
	}
}

// dayIn returns the day of a monthly schedule in a month.
func (t *Timetable) dayIn(year int, month time.Month) Date {
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return Date{Year: year, Month: month, Day: min(t.day, last)}
}

// slot returns a connection's time in the window of a day: by the hash of its key, so
// that connections are spread evenly over what the quiet hours leave of the window.
func (t *Timetable) slot(key string, d Date) time.Time {
	start, end := t.windowOf(d)
	room := t.open(start, end)
	if room < time.Second { // clocks went forward over all that the quiet hours leave
		room = leastRoom
	}
	return t.walk(start, spread("slot", key, room))
}

// windowOf returns the window of a day. When clocks go back, it is the part in which
// they show the window's hours, and the first of two. When they go forward over all of
// it, it begins when they have, as cron does it.
func (t *Timetable) windowOf(d Date) (start, end time.Time) {
	first, last := t.instants(d, t.window.from)
	end, _ = t.instants(d, t.window.to)
	switch {
	case last.Before(end):
		return last, end
	case first.Before(end):
		return first, end
	}
	return first, first.Add(t.window.duration())
}

// quietOf returns the quiet hours that begin on a day. When clocks go back, they hold
// both of what may be meant.
func (t *Timetable) quietOf(d Date) (start, end time.Time) {
	start, _ = t.instants(d, t.quiet.from)
	_, end = t.instants(d, t.quiet.to)
	return start, end
}

// nextQuiet returns the quiet hours that go on at an instant, or else the next ones.
func (t *Timetable) nextQuiet(at time.Time) (start, end time.Time) {
	for d := DateOf(at.In(t.loc)).AddDays(-1); ; d = d.AddDays(1) {
		if start, end = t.quietOf(d); end.After(at) {
			return start, end
		}
	}
}

// open returns how much of the time between two instants is outside the quiet hours.
func (t *Timetable) open(start, end time.Time) time.Duration {
	room := end.Sub(start)
	if t.quiet == (clockSpan{}) {
		return room
	}
	for at := start; at.Before(end); {
		from, to := t.nextQuiet(at)
		if from.Before(end) {
			room -= earlier(to, end).Sub(later(from, at))
		}
		at = to
	}
	return room
}

// walk returns when so much time outside the quiet hours has passed since an instant.
// So it ends outside them, and what is spread stays spread.
func (t *Timetable) walk(from time.Time, d time.Duration) time.Time {
	at := from.Truncate(time.Second)
	if at.Before(from) {
		at = at.Add(time.Second)
	}
	for t.quiet != (clockSpan{}) {
		start, end := t.nextQuiet(at)
		room := max(0, start.Sub(at))
		if d < room {
			break
		}
		d -= room
		at = end
	}
	return at.Add(d).UTC()
}

// instants returns the first and the last instant at which clocks show a minute of a
// day, which may be one of the next day. They are two when clocks go back over it. When
// clocks go forward over it, both are the moment at which they do.
func (t *Timetable) instants(d Date, minute int) (first, last time.Time) {
	clock := d.utc().Add(time.Duration(minute) * time.Minute)
	before, after := t.offset(clock.Add(-budgetPeriod)), t.offset(clock.Add(budgetPeriod))
	old, changed := clock.Add(-before), clock.Add(-after)
	isOld, isChanged := t.offset(old) == before, t.offset(changed) == after
	switch {
	case isOld && isChanged:
		return old, changed
	case isOld:
		return old, old
	case isChanged:
		return changed, changed
	}
	gap, _ := old.In(t.loc).ZoneBounds()
	return gap, gap
}

// offset returns how far clocks are ahead of UTC at an instant.
func (t *Timetable) offset(at time.Time) time.Duration {
	_, seconds := at.In(t.loc).Zone()
	return time.Duration(seconds) * time.Second
}

// spread returns a part of d, in whole seconds, that depends on nothing but its
// arguments. Over many keys the parts are even. No later version may change it: all
// connections would move.
func spread(purpose, key string, d time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(purpose + ":" + key))
	part, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:8]), uint64(d/time.Second)) //nolint:gosec // d is never negative
	return time.Duration(part) * time.Second                                       //nolint:gosec // it is less than d
}

// epoch is when slots begin, for connections of which nothing is known.
var epoch = time.Unix(0, 0).UTC()

// clamp keeps times within what calendars reckon with. The zero time stays.
func clamp(t time.Time) time.Time {
	end := time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.IsZero():
		return t
	case t.Before(epoch):
		return epoch
	case t.After(end):
		return end
	}
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
