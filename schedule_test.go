package finapi_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

func TestTheZeroScheduleIsEachNightInBerlin(t *testing.T) {
	t.Parallel()
	table, err := finapi.Schedule{}.Timetable()
	must(t, err)
	for _, at := range slots(table, "live/4711", day(2026, 7, 1), day(2026, 7, 8)) {
		if h := at.In(zone(t, "Europe/Berlin")).Hour(); h < 1 || h >= 5 {
			t.Errorf("due at %v, want between 01:00 and 05:00 in Berlin", at)
		}
	}
}

func TestABadScheduleIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schedule finapi.Schedule
		field    string
	}{
		"hourly":                        {finapi.Schedule{Every: "hourly"}, "Schedule.Every"},
		"weekly without a day":          {finapi.Schedule{Every: finapi.Weekly}, "Schedule.Weekday"},
		"weekly on a day nobody knows":  {finapi.Schedule{Every: finapi.Weekly, Weekday: "Montag"}, "Schedule.Weekday"},
		"daily on a weekday":            {finapi.Schedule{Weekday: "monday"}, "Schedule.Weekday"},
		"monthly without a day":         {finapi.Schedule{Every: finapi.Monthly}, "Schedule.Day"},
		"monthly on the 32nd":           {finapi.Schedule{Every: finapi.Monthly, Day: 32}, "Schedule.Day"},
		"monthly before the 1st":        {finapi.Schedule{Every: finapi.Monthly, Day: -1}, "Schedule.Day"},
		"daily on a day of the month":   {finapi.Schedule{Day: 1}, "Schedule.Day"},
		"a zone that is none":           {finapi.Schedule{Zone: "Europe/Bonn"}, "Schedule.Zone"},
		"the machine's own zone":        {finapi.Schedule{Zone: "Local"}, "Schedule.Zone"},
		"a zone that is a path":         {finapi.Schedule{Zone: "../../etc/passwd"}, "Schedule.Zone"},
		"a window without an end":       {finapi.Schedule{Window: "01:00"}, "Schedule.Window"},
		"a window of no length":         {finapi.Schedule{Window: "01:00-01:00"}, "Schedule.Window"},
		"a short window":                {finapi.Schedule{Window: "01:00-01:29"}, "Schedule.Window"},
		"a window after the day":        {finapi.Schedule{Window: "01:00-24:01"}, "Schedule.Window"},
		"a window from 24:00":           {finapi.Schedule{Window: "24:00-05:00"}, "Schedule.Window"},
		"minutes that are none":         {finapi.Schedule{Window: "01:60-05:00"}, "Schedule.Window"},
		"letters":                       {finapi.Schedule{Window: "0a:00-05:00"}, "Schedule.Window"},
		"no colon":                      {finapi.Schedule{Window: "01.00-05:00"}, "Schedule.Window"},
		"signs":                         {finapi.Schedule{Window: "+1:00--5:00"}, "Schedule.Window"},
		"quiet hours that are none":     {finapi.Schedule{Quiet: "always"}, "Schedule.Quiet"},
		"quiet hours of the whole day":  {finapi.Schedule{Quiet: "00:00-24:00"}, "Schedule.Quiet"},
		"quiet hours over the window":   {finapi.Schedule{Quiet: "00:00-06:00"}, "Schedule.Quiet"},
		"quiet hours that leave little": {finapi.Schedule{Quiet: "22:00-04:31"}, "Schedule.Quiet"},
		"quiet over a wrapped window":   {finapi.Schedule{Window: "23:00-01:00", Quiet: "00:00-23:45"}, "Schedule.Quiet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustRefuse(t, c.schedule.Validate(), c.field)
		})
	}
}

func TestGoodSchedulesAreTaken(t *testing.T) {
	t.Parallel()
	for _, s := range []finapi.Schedule{
		{},
		{Every: finapi.Daily, Zone: "UTC", Window: "00:00-24:00"},
		{Every: finapi.Weekly, Weekday: time.Monday.String()},
		{Every: finapi.Weekly, Weekday: "sunday", Window: "22:00-04:00", Quiet: "06:00-22:00"},
		{Every: finapi.Monthly, Day: 31, Zone: "America/New_York"},
		{Every: finapi.OnOpen},
		{Window: "01:00-05:00", Quiet: "22:00-04:30"},
	} {
		must(t, s.Validate())
	}
}

func TestAScheduleReadsAndWritesAsJSON(t *testing.T) {
	t.Parallel()
	s := finapi.Schedule{Every: finapi.Weekly, Weekday: "monday", Zone: "Asia/Kolkata", Window: "22:00-04:00", Quiet: "08:00-18:00"}
	const want = `{"every":"weekly","weekday":"monday","zone":"Asia/Kolkata","window":"22:00-04:00","quiet":"08:00-18:00"}`
	data, err := json.Marshal(s)
	must(t, err)
	same(t, want, string(data))
	var read finapi.Schedule
	must(t, json.Unmarshal(data, &read))
	same(t, s, read)
	data, err = json.Marshal(finapi.Schedule{})
	must(t, err)
	same(t, "{}", string(data))
}

func TestWeekdaysAndDaysOfTheMonthAreKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schedule finapi.Schedule
		want     string
	}{
		"each Monday": {
			finapi.Schedule{Every: finapi.Weekly, Weekday: "monday"},
			"2026-01-05 2026-01-12 2026-01-19 2026-01-26 2026-02-02 2026-02-09 2026-02-16 2026-02-23 2026-03-02 2026-03-09 2026-03-16 2026-03-23 2026-03-30",
		},
		"the 31st or the month's end": {finapi.Schedule{Every: finapi.Monthly, Day: 31}, "2026-01-31 2026-02-28 2026-03-31"},
		"the 30th or the month's end": {finapi.Schedule{Every: finapi.Monthly, Day: 30}, "2026-01-30 2026-02-28 2026-03-30"},
		"the first":                   {finapi.Schedule{Every: finapi.Monthly, Day: 1}, "2026-01-01 2026-02-01 2026-03-01"},
	} {
		table, err := c.schedule.Timetable()
		must(t, err)
		var days []string
		for _, at := range slots(table, "live/4711", day(2026, 1, 1).Add(-2*time.Hour), day(2026, 3, 31).Add(12*time.Hour)) {
			days = append(days, finapi.DateOf(at.In(zone(t, "Europe/Berlin"))).String())
		}
		if got := strings.Join(days, " "); got != c.want {
			t.Errorf("%s is\n%s, want\n%s", name, got, c.want)
		}
	}
	leap, err := finapi.Schedule{Every: finapi.Monthly, Day: 31}.Timetable()
	must(t, err)
	same(t, "2028-02-29", finapi.DateOf(slots(leap, "k", day(2028, 2, 1), day(2028, 3, 1))[0]).String())
}

func TestAWindowThatWrapsBeginsOnTheDayOfTheSchedule(t *testing.T) {
	t.Parallel()
	table, err := finapi.Schedule{Every: finapi.Weekly, Weekday: "monday", Window: "22:00-06:00"}.Timetable()
	must(t, err)
	berlin := zone(t, "Europe/Berlin")
	from := time.Date(2026, 7, 6, 22, 0, 0, 0, berlin) // a Monday
	evening, morning := 0, 0
	for i := range 200 {
		at := slots(table, strconv.Itoa(i), from.Add(-12*time.Hour), from.Add(24*time.Hour))
		if len(at) != 1 || at[0].Before(from) || !at[0].Before(from.Add(8*time.Hour)) {
			t.Fatalf("connection %d is due at %v, want one time in the 8 hours after %v", i, at, from)
		}
		if at[0].In(berlin).Day() == 6 {
			evening++
			continue
		}
		morning++
		if again := slots(table, strconv.Itoa(i), at[0].Add(-time.Second), from.Add(24*time.Hour)); len(again) != 1 {
			t.Errorf("connection %d is due at %v, but not for who asks after midnight", i, at)
		}
	}
	if evening < 30 || morning < 100 {
		t.Errorf("%d are due before midnight and %d after it, want about 50 and 150", evening, morning)
	}
}

// TestClocksThatChangeLeaveOneRunADay has the days on which clocks change, and what is left
// of the window then.
func TestClocksThatChangeLeaveOneRunADay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone     string
		window   finapi.Hours
		quiet    finapi.Hours
		from, to string // what there is of the window on that day
	}{
		{"Europe/Berlin", "01:00-05:00", "", "2026-03-28T01:00:00+01:00", "2026-03-28T05:00:00+01:00"},
		{"Europe/Berlin", "01:00-05:00", "", "2026-03-29T01:00:00+01:00", "2026-03-29T05:00:00+02:00"},
		{"Europe/Berlin", "01:30-02:30", "", "2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "02:30-04:00", "", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		{"Europe/Berlin", "02:15-02:45", "", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"}, // does not exist
		{"Europe/Berlin", "22:00-02:30", "", "2026-03-28T22:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "01:00-05:00", "", "2026-10-25T01:00:00+02:00", "2026-10-25T05:00:00+01:00"},
		{"Europe/Berlin", "01:00-02:30", "", "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"Europe/Berlin", "02:30-04:00", "", "2026-10-25T02:30:00+01:00", "2026-10-25T04:00:00+01:00"},
		{"Europe/Berlin", "02:15-02:45", "", "2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+02:00"}, // comes twice
		{"America/New_York", "02:00-03:00", "", "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"},
		{"America/New_York", "01:00-05:00", "", "2026-03-08T01:00:00-05:00", "2026-03-08T05:00:00-04:00"},
		{"America/New_York", "01:15-01:45", "", "2026-11-01T01:15:00-04:00", "2026-11-01T01:45:00-04:00"},
		{"America/New_York", "01:00-05:00", "", "2026-11-01T01:00:00-05:00", "2026-11-01T05:00:00-05:00"},
		{"Asia/Kolkata", "01:00-05:00", "", "2026-03-29T01:00:00+05:30", "2026-03-29T05:00:00+05:30"},
		{"Asia/Kolkata", "02:15-02:45", "", "2026-10-25T02:15:00+05:30", "2026-10-25T02:45:00+05:30"},
		{"Australia/Lord_Howe", "01:30-02:00", "", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30"}, // back by half an hour
		{"Australia/Lord_Howe", "01:00-05:00", "", "2026-04-05T01:00:00+11:00", "2026-04-05T05:00:00+10:30"},
		{"Australia/Lord_Howe", "02:00-02:30", "", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"}, // does not exist
		{"Australia/Lord_Howe", "01:00-05:00", "", "2026-10-04T01:00:00+10:30", "2026-10-04T05:00:00+11:00"},
		{"Europe/Berlin", "01:00-05:00", "22:00-02:30", "2026-10-25T02:30:00+01:00", "2026-10-25T05:00:00+01:00"}, // quiet until the second 02:30
		{"Europe/Berlin", "01:00-05:00", "02:30-22:00", "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"}, // quiet from the first 02:30 on
		{"Europe/Berlin", "01:00-05:00", "22:00-02:30", "2026-03-29T03:00:00+02:00", "2026-03-29T05:00:00+02:00"},
		{"Europe/Berlin", "02:00-04:00", "02:30-06:00", "2026-03-29T06:00:00+02:00", "2026-03-29T06:30:00+02:00"}, // nothing is left
		{"Africa/Cairo", "00:00-01:00", "", "2026-04-24T01:00:00+03:00", "2026-04-24T02:00:00+03:00"},             // midnight does not exist
	} {
		table, err := finapi.Schedule{Zone: c.zone, Window: c.window, Quiet: c.quiet}.Timetable()
		must(t, err)
		from, to := instant(c.from), instant(c.to)
		first, last := to, from
		for i := range 300 {
			at := slots(table, strconv.Itoa(i), from.Add(-8*time.Hour), to.Add(8*time.Hour))
			if len(at) != 1 || at[0].Before(from) || !at[0].Before(to) {
				t.Fatalf("%s %s: connection %d is due at %v, want once from %s to %s", c.zone, c.window, i, at, c.from, c.to)
			}
			if at[0].Before(first) {
				first = at[0]
			}
			if at[0].After(last) {
				last = at[0]
			}
		}
		if used := last.Sub(first); used < to.Sub(from)*9/10 {
			t.Errorf("%s %s on %s: connections are spread over %v only, want nearly all of %v", c.zone, c.window, c.from, used, to.Sub(from))
		}
	}
}

var testZones = []string{
	"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca", "America/Santiago",
	"Pacific/Apia", "Asia/Kathmandu", "UTC",
}

// schedules draws schedules that run by themselves.
func schedules() *rapid.Generator[finapi.Schedule] {
	return rapid.Custom(func(t *rapid.T) finapi.Schedule {
		s := finapi.Schedule{Every: rapid.SampledFrom([]finapi.Frequency{finapi.Daily, finapi.Daily, finapi.Weekly, finapi.Monthly}).Draw(t, "every")}
		switch s.Every {
		case finapi.Weekly:
			s.Weekday = time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")).String()
		case finapi.Monthly:
			s.Day = rapid.IntRange(1, 31).Draw(t, "day")
		default: // daily has neither
		}
		s.Zone = rapid.SampledFrom(testZones).Draw(t, "zone")
		s.Window = hours(t, "window", 30, 24*60)
		if rapid.Bool().Draw(t, "quiet hours") {
			s.Quiet = hours(t, "quiet", 1, 20*60)
		}
		return s
	}).Filter(func(s finapi.Schedule) bool { return s.Validate() == nil })
}

func hours(t *rapid.T, label string, least, most int) finapi.Hours {
	from := rapid.IntRange(0, 95).Draw(t, label+" from")*15 + rapid.IntRange(0, 1).Draw(t, label+" odd")*7
	to := (from + rapid.IntRange(least, most).Draw(t, label+" minutes")) % (24 * 60)
	return finapi.Hours(fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60))
}

// shown reports whether the customer's clock shows some hours at an instant. It is written
// for itself, so that it cannot share a mistake with what it examines.
func shown(h finapi.Hours, at time.Time) bool {
	from, to, _ := strings.Cut(string(h), "-")
	clock := at.Format("15:04")
	if from < to {
		return from <= clock && clock < to
	}
	return h != "" && (clock >= from || clock < to)
}

// changed reports whether clocks changed in the two days before an instant.
func changed(at time.Time) bool {
	_, now := at.Zone()
	for h := range 48 {
		if _, then := at.Add(-time.Duration(h) * time.Hour).Zone(); then != now {
			return true
		}
	}
	return false
}

func TestEachDayOfTheScheduleHasOneRunInTheWindowAndOutsideTheQuietHours(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := schedules().Draw(t, "schedule")
		table, err := s.Timetable()
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocation(s.Zone)
		if err != nil {
			t.Fatal(err)
		}
		from, _, _ := strings.Cut(string(s.Window), "-")
		key := rapid.StringMatching(`live/[0-9]{1,7}`).Draw(t, "key")
		seen := map[finapi.Date]time.Time{}
		for _, at := range slots(table, key, day(2026, 1, 1), day(2026, 12, 31)) {
			at = at.In(loc)
			if shown(s.Quiet, at) {
				t.Fatalf("due at %v, in the quiet hours %s", at, s.Quiet)
			}
			if !shown(s.Window, at) && !changed(at) {
				t.Fatalf("due at %v, outside of the window %s", at, s.Window)
			}
			if changed(at) && s.Quiet != "" {
				continue // little may be left of such a day; the table above has such days
			}
			began := finapi.DateOf(at)
			if at.Format("15:04") < from {
				began = began.AddDays(-1)
			}
			if other, twice := seen[began]; twice {
				t.Fatalf("due at %v and at %v, which are the same window", other, at)
			}
			seen[began] = at
		}
		if s.Quiet != "" {
			return
		}
		for d := (finapi.Date{Year: 2026, Month: 1, Day: 3}); d.Year == 2026 && d.Month < 12; d = d.AddDays(1) {
			if _, there := seen[d]; there != isDay(s, d) {
				t.Fatalf("a run on %s: %v, want %v", d, there, isDay(s, d))
			}
		}
	})
}

// isDay reports whether a day is one of the schedule.
func isDay(s finapi.Schedule, d finapi.Date) bool {
	switch s.Every {
	case finapi.Weekly:
		return d.In(time.UTC).Weekday().String() == s.Weekday
	case finapi.Monthly:
		return d.Day == s.Day || d.Day < s.Day && d.AddDays(1).Day == 1
	default:
		return true
	}
}

// TestTheTimeOfAConnectionNeverMoves pins the hash: with another one, all connections of all
// customers would move when the SDK is updated.
func TestTheTimeOfAConnectionNeverMoves(t *testing.T) {
	t.Parallel()
	table, err := finapi.Schedule{Zone: "UTC"}.Timetable()
	must(t, err)
	for key, want := range map[string]string{
		"live/1":       "02:44:31",
		"live/4711":    "03:35:42",
		"sandbox/4711": "02:30:12",
		"":             "03:53:36",
	} {
		at := slots(table, key, day(2026, 7, 1), day(2026, 7, 2))
		if len(at) != 1 || at[0].Format("15:04:05") != want {
			t.Errorf("%q is due at %v, want %s", key, at, want)
		}
	}
}

func TestANightIsSpreadEvenlyOverItsWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		schedule finapi.Schedule
		room     time.Duration
	}{
		"the whole window":               {finapi.Schedule{Zone: "UTC"}, 4 * time.Hour},
		"what quiet hours leave":         {finapi.Schedule{Zone: "UTC", Quiet: "02:00-03:00"}, 3 * time.Hour},
		"what quiet hours leave at last": {finapi.Schedule{Zone: "UTC", Quiet: "22:00-02:00"}, 3 * time.Hour},
	} {
		table, err := c.schedule.Timetable()
		must(t, err)
		const keys, width = 10_000, 10 * time.Minute
		buckets := map[time.Duration]int{}
		for i := range keys {
			at := slots(table, finapi.ConnectionKey{Environment: "live", Connection: finapi.ConnectionID(3_540_000 + i)}.String(), day(2026, 7, 1), day(2026, 7, 2))
			buckets[at[0].Sub(day(2026, 7, 1)).Truncate(width)]++
		}
		want := keys / int(c.room/width)
		same(t, int(c.room/width), len(buckets))
		least, most := keys, 0
		for _, n := range buckets {
			least, most = min(least, n), max(most, n)
		}
		t.Logf("%s: %d to %d in 10 minutes, %d expected", name, least, most, want)
		if least < want*4/5 || most > want*6/5 {
			t.Errorf("%s: %d to %d connections in 10 minutes, want %d within a fifth", name, least, most, want)
		}
	}
}

func TestATimetableIsOneValueForOneSchedule(t *testing.T) {
	t.Parallel()
	tables := map[finapi.Schedule]*finapi.Timetable{}
	for range 3 {
		s := finapi.Schedule{Every: finapi.Monthly, Day: 15}
		if tables[s] == nil {
			table, err := s.Timetable()
			must(t, err)
			tables[s] = table
		}
	}
	same(t, 1, len(tables))
}

func TestWhatIsOverdueInQuietHoursWaitsForTheirEnd(t *testing.T) {
	t.Parallel()
	table, err := finapi.Schedule{Zone: "UTC", Quiet: "06:00-22:00"}.Timetable()
	must(t, err)
	end := day(2026, 7, 1).Add(22 * time.Hour)
	starts := map[time.Time]bool{}
	for i := range 100 {
		key := strconv.Itoa(i)
		at := table.AfterQuiet(key, end.Add(-16*time.Hour))
		if at.Before(end) || !at.Before(end.Add(15*time.Minute)) {
			t.Fatalf("it starts at %v, want in the 15 minutes after %v", at, end)
		}
		if again := table.AfterQuiet(key, end.Add(-time.Second)); !again.Equal(at) {
			t.Errorf("it moved from %v to %v", at, again)
		}
		starts[at] = true
	}
	if len(starts) < 80 {
		t.Errorf("100 connections start at %d times only", len(starts))
	}
	for _, free := range []time.Time{end, end.Add(-16*time.Hour - time.Second)} {
		if at := table.AfterQuiet("k", free); !at.Equal(free) {
			t.Errorf("a run at %v waits until %v without quiet hours", free, at)
		}
	}
	plain, err := finapi.Schedule{}.Timetable()
	must(t, err)
	for _, table := range []*finapi.Timetable{plain, {}} {
		if at := table.AfterQuiet("k", end); !at.Equal(end) {
			t.Errorf("a schedule without quiet hours waits until %v", at)
		}
	}
}

// FuzzSchedule checks that whatever is read as a schedule is refused by the name of a field,
// or has a next time that is the same after it was written and read.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"every":"weekly","weekday":"monday"}`, `{"every":"monthly","day":31,"zone":"America/New_York"}`,
		`{"window":"22:00-05:00","quiet":"08:00-18:00"}`, `{"window":"00:00-24:00"}`, `{"quiet":"22:00-04:30"}`, `{"every":"on-open"}`,
		`{"zone":"Local"}`, `{"zone":"../x"}`, `{"window":"1:00-2:00"}`, `{"every":"monthly","day":99}`,
		`{"zone":"Africa/Cairo","window":"00:00-01:00","quiet":"00:31-23:59"}`,
	} {
		f.Add(seed, "live/4711", int64(1_774_738_800))
	}
	f.Fuzz(func(t *testing.T, text, key string, unix int64) {
		var s finapi.Schedule
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		table, err := s.Timetable()
		if err != nil {
			if e := failure(t, err, finapi.CodeInvalidInput); !strings.HasPrefix(e.Field, "Schedule.") {
				t.Fatalf("the error names %q, want a field of Schedule", e.Field)
			}
			return
		}
		since := time.Unix(unix, 0)
		due := table.Next(key, finapi.History{LastSuccess: since})
		if (s.Every == finapi.OnOpen) != due.At.IsZero() {
			t.Fatalf("%s is due at %v", text, due.At)
		}
		if inRange := since.Year() >= 1970 && since.Year() < 9999; inRange && !due.At.IsZero() && !due.At.After(since) {
			t.Fatalf("after %v it is due at %v", since, due.At)
		}
		data, err := json.Marshal(s)
		must(t, err)
		var again finapi.Schedule
		must(t, json.Unmarshal(data, &again))
		same(t, s, again)
	})
}

// slots lists the regular times of a connection that never fails.
func slots(table *finapi.Timetable, key string, from, to time.Time) []time.Time {
	var all []time.Time
	for at := from; ; {
		if at = table.Next(key, finapi.History{LastSuccess: at}).At; !at.Before(to) {
			return all
		}
		all = append(all, at)
	}
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	must(tb, err)
	return loc
}
