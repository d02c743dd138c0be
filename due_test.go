package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

// noon is a moment at which nothing happens by itself: the regular times are at night, and
// the next one is 12 to 16 hours away.
var noon = day(2026, 7, 1).Add(12 * time.Hour)

// nightly has its regular time between 00:00 and 04:00 UTC.
func nightly(tb testing.TB) *finapi.Timetable {
	tb.Helper()
	table, err := finapi.Schedule{Zone: "UTC", Window: "00:00-04:00"}.Timetable()
	must(tb, err)
	return table
}

const theKey = "live/4711"

func TestWhatBecameOfAConnectionSaysWhenItIsDue(t *testing.T) {
	t.Parallel()
	table := nightly(t)
	yesterday := noon.AddDate(0, 0, -1)
	missed := regular(table, yesterday) // last night's
	tonight := regular(table, noon)
	minutes := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	failed := func(n int, by finapi.Actor) finapi.History {
		return finapi.History{LastSuccess: yesterday, LastAttempt: noon, Failures: n, FailedBy: by}
	}
	with := func(h finapi.History, change func(*finapi.History)) finapi.History {
		change(&h)
		return h
	}
	for name, c := range map[string]struct {
		history  finapi.History
		why      finapi.DueReason
		from, to time.Time // when it must be due; both zero for never
		update   bool
		by       finapi.Actor
	}{
		"after a success": {
			finapi.History{LastSuccess: noon, LastAttempt: noon}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"a regular time that nobody has seen to yet": {
			finapi.History{LastSuccess: yesterday, LastAttempt: yesterday}, finapi.DueScheduled, missed, missed, true, "",
		},
		"one that never ran": {
			finapi.History{Resumed: noon}, finapi.DueCatchUp, noon, minutes(120), true, "",
		},
		"a month of missed times": {
			finapi.History{LastSuccess: noon.AddDate(0, -1, 0), Resumed: noon}, finapi.DueCatchUp, noon, minutes(120), true, "",
		},
		"an outage that ends shortly before the regular time": {
			finapi.History{LastSuccess: noon.AddDate(0, -1, 0), Resumed: tonight.Add(-time.Hour)}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"an outage in which nothing was missed": {
			finapi.History{LastSuccess: missed.Add(time.Minute), Resumed: noon}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"a first failure of the bank":   {failed(1, finapi.ActorBank), finapi.DueBackOff, minutes(15), minutes(23), true, finapi.ActorBank},
		"a second one":                  {failed(2, finapi.ActorBank), finapi.DueBackOff, minutes(30), minutes(45), true, finapi.ActorBank},
		"a third one":                   {failed(3, finapi.ActorBank), finapi.DueBackOff, minutes(60), minutes(90), true, finapi.ActorBank},
		"a fifth one":                   {failed(5, finapi.ActorFinAPI), finapi.DueBackOff, minutes(240), minutes(360), true, finapi.ActorFinAPI},
		"very many":                     {failed(1_000_000, finapi.ActorBank), finapi.DueScheduled, tonight, tonight, true, ""},
		"a failure of nobody knows who": {failed(1, ""), finapi.DueBackOff, minutes(15), minutes(23), true, ""},
		"a program that died in a run":  {failed(0, ""), finapi.DueBackOff, minutes(15), minutes(23), true, ""},
		"a failure although the regular time was served": {
			with(failed(1, finapi.ActorBank), func(h *finapi.History) { h.LastSuccess = missed.Add(time.Minute) }), finapi.DueScheduled, tonight, tonight, true, "",
		},
		"a bank that names a time": {
			with(failed(1, finapi.ActorBank), func(h *finapi.History) { h.RetryAfter = minutes(180) }), finapi.DueBackOff, minutes(180), minutes(195), true, finapi.ActorBank,
		},
		"a bank that names a time after the regular one": {
			with(failed(1, finapi.ActorBank), func(h *finapi.History) { h.RetryAfter = tonight.Add(time.Hour) }),
			finapi.DueBackOff, tonight.Add(time.Hour), tonight.Add(75 * time.Minute), true, finapi.ActorBank,
		},
		"a first failure of the vendor's":  {failed(1, finapi.ActorVendor), finapi.DueBackOff, minutes(15), minutes(23), true, finapi.ActorVendor},
		"a third failure of the vendor's":  {failed(3, finapi.ActorVendor), finapi.DueDeadLetter, time.Time{}, time.Time{}, false, finapi.ActorVendor},
		"a failure that is the customer's": {failed(1, finapi.ActorCustomer), finapi.DueCustomer, time.Time{}, time.Time{}, false, finapi.ActorCustomer},
		"a bank that wants the customer": {
			finapi.History{LastSuccess: noon, ActionRequired: true}, finapi.DueCustomer, time.Time{}, time.Time{}, false, finapi.ActorCustomer,
		},
		"news and the page, while the customer must act": {
			finapi.History{LastSuccess: noon, ActionRequired: true, News: minutes(9), Opened: minutes(9)}, finapi.DueCustomer, time.Time{}, time.Time{}, false, finapi.ActorCustomer,
		},
		"many failures that somebody has seen to": {
			with(failed(0, finapi.ActorVendor), func(h *finapi.History) { h.Resumed = minutes(60) }), finapi.DueCatchUp, minutes(60), minutes(180), true, "",
		},
		"four updates in the last hours": {
			with(failed(4, finapi.ActorBank), func(h *finapi.History) {
				h.Updates = []time.Time{minutes(-30), minutes(-1000), minutes(-60), noon}
			}), finapi.DueBudget, minutes(440), minutes(455), true, finapi.ActorBank,
		},
		"three updates in the last hours": {
			with(failed(1, finapi.ActorBank), func(h *finapi.History) {
				h.Updates = []time.Time{minutes(-30), minutes(-60), minutes(-1500), noon}
			}), finapi.DueBackOff, minutes(15), minutes(23), true, finapi.ActorBank,
		},
		"four updates before the regular time": {
			finapi.History{LastSuccess: noon, Updates: []time.Time{tonight.Add(-time.Hour), tonight.Add(-2 * time.Hour), tonight.Add(-3 * time.Hour), tonight.Add(-4 * time.Hour)}},
			finapi.DueBudget, tonight.Add(20 * time.Hour), tonight.Add(20*time.Hour + 15*time.Minute), true, finapi.ActorBank,
		},
		"news of finAPI": {
			finapi.History{LastSuccess: noon, News: minutes(7)}, finapi.DueNews, minutes(7), minutes(7), false, "",
		},
		"news that were read": {
			finapi.History{LastSuccess: noon, News: minutes(7), LastRead: minutes(8)}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"news that an update brought, too": {
			finapi.History{LastSuccess: minutes(8), News: minutes(7)}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"news right after news": {
			finapi.History{LastSuccess: noon, News: minutes(9), LastRead: minutes(8)}, finapi.DueNews, minutes(13), minutes(13), false, "",
		},
		"news that are later than the regular time": {
			finapi.History{LastSuccess: yesterday, News: noon}, finapi.DueScheduled, missed, missed, true, "",
		},
		"news during a failure of the bank": {
			with(failed(2, finapi.ActorBank), func(h *finapi.History) { h.News, h.RetryAfter = minutes(5), minutes(600) }),
			finapi.DueNews, minutes(5), minutes(5), false, "",
		},
		"news before a failure of the bank": {
			with(failed(2, finapi.ActorBank), func(h *finapi.History) { h.LastSuccess, h.News = missed, missed.Add(time.Minute) }),
			finapi.DueNews, missed.Add(time.Minute), missed.Add(time.Minute), false, "",
		},
		"news that finAPI failed to give": {
			finapi.History{LastSuccess: minutes(-60), LastAttempt: minutes(1), Failures: 2, FailedBy: finapi.ActorFinAPI, News: noon},
			finapi.DueNews, minutes(31), minutes(31), false, finapi.ActorFinAPI,
		},
		"news while finAPI wants to be left alone": {
			finapi.History{LastSuccess: minutes(-60), LastAttempt: noon, Failures: 1, FailedBy: finapi.ActorFinAPI, News: minutes(1), RetryAfter: minutes(40)},
			finapi.DueNews, minutes(40), minutes(55), false, finapi.ActorFinAPI,
		},
		"news of before an outage": {
			finapi.History{LastSuccess: noon, News: minutes(10), Resumed: minutes(60)}, finapi.DueNews, minutes(60), minutes(180), false, "",
		},
		"the customer opens the page": {
			finapi.History{LastSuccess: noon, Opened: minutes(10)}, finapi.DueOpened, minutes(10), minutes(10), true, "",
		},
		"the customer opens the page after the bank has counted enough": {
			finapi.History{
				LastSuccess: minutes(-60), LastAttempt: noon, Failures: 1, FailedBy: finapi.ActorBank, RetryAfter: minutes(600),
				Updates: []time.Time{noon, noon, noon, noon}, Opened: minutes(10),
			},
			finapi.DueOpened, minutes(10), minutes(10), true, "",
		},
		"the customer reloads the page": {
			finapi.History{LastSuccess: noon, Opened: minutes(4)}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"the customer opened the page before an outage": {
			finapi.History{LastSuccess: noon, Opened: minutes(10), Resumed: minutes(60)}, finapi.DueScheduled, tonight, tonight, true, "",
		},
		"the customer opens the page while finAPI wants to be left alone": {
			finapi.History{LastSuccess: noon, LastAttempt: minutes(1), FailedBy: finapi.ActorFinAPI, Failures: 1, RetryAfter: minutes(60), Opened: minutes(10)},
			finapi.DueScheduled, tonight, tonight, true, "",
		},
	} {
		due := table.Next(theKey, c.history)
		if due.Why != c.why || due.Update != c.update || due.BlockedBy != c.by || due.At.Before(c.from) || due.At.After(c.to) {
			t.Errorf("%s: it is due at %v, %s, update %v, blocked by %q;\nwant %v to %v, %s, update %v, blocked by %q",
				name, due.At, due.Why, due.Update, due.BlockedBy, c.from, c.to, c.why, c.update, c.by)
		}
		if due.At.Location() != time.UTC {
			t.Errorf("%s: the time is in %v, want UTC", name, due.At.Location())
		}
	}
}

func TestOnOpenIsDueOnlyWhenTheCustomerOpensThePage(t *testing.T) {
	t.Parallel()
	onOpen, err := finapi.Schedule{Every: finapi.OnOpen}.Timetable()
	must(t, err)
	for name, table := range map[string]*finapi.Timetable{"on-open": onOpen, "the zero Timetable": {}} {
		for _, h := range []finapi.History{
			{},
			{LastSuccess: noon.AddDate(-1, 0, 0), Resumed: noon},
			{LastSuccess: noon, LastAttempt: noon.Add(time.Hour), Failures: 1, FailedBy: finapi.ActorBank},
			{News: noon},
			{LastSuccess: noon, Opened: noon.Add(-time.Hour)},
		} {
			same(t, finapi.Due{Why: finapi.DueOnOpen}, table.Next(theKey, h))
		}
		due := table.Next(theKey, finapi.History{LastSuccess: noon, Opened: noon.Add(time.Hour)})
		if due != (finapi.Due{At: noon.Add(time.Hour), Why: finapi.DueOpened, Update: true}) {
			t.Errorf("%s: when the customer opens the page it is %v", name, due)
		}
	}
}

func TestAConnectionOfWhichNothingIsKnownIsDueAtOnce(t *testing.T) {
	t.Parallel()
	due := nightly(t).Next(theKey, finapi.History{})
	if due.At.IsZero() || due.At.Year() != 1970 || due.Why != finapi.DueScheduled {
		t.Errorf("it is %v, want a regular time long ago", due)
	}
}

func TestTenThousandConnectionsCatchUpWithoutAStampede(t *testing.T) {
	t.Parallel()
	quiet, err := finapi.Schedule{Zone: "UTC", Window: "00:00-04:00", Quiet: "13:00-20:00"}.Timetable()
	must(t, err)
	for name, c := range map[string]struct {
		table *finapi.Timetable
		end   time.Time
	}{
		"at once":                {nightly(t), noon.Add(2 * time.Hour)},
		"around the quiet hours": {quiet, noon.Add(9 * time.Hour)}, // the quiet hours are not counted
	} {
		perMinute := map[time.Time]int{}
		last := noon
		for i := range 10_000 {
			h := finapi.History{LastSuccess: noon.AddDate(0, 0, -3), Resumed: noon}
			due := c.table.Next("live/"+strconv.Itoa(i), h)
			if due.Why != finapi.DueCatchUp || due.At.Before(noon) || !due.At.Before(c.end) {
				t.Fatalf("%s: connection %d is %v, %s; want it caught up from %v to %v", name, i, due.At, due.Why, noon, c.end)
			}
			perMinute[due.At.Truncate(time.Minute)]++
			last = laterOf(last, due.At)
		}
		most := 0
		for _, n := range perMinute {
			most = max(most, n)
		}
		t.Logf("%s: %d a minute at the most, 83 expected, the last at %v", name, most, last)
		same(t, 120, len(perMinute))
		if most > 120 {
			t.Errorf("%s: %d connections in one minute, want about 83", name, most)
		}
	}
}

func TestAResumptionIsNotPutOffForEver(t *testing.T) {
	t.Parallel()
	minute := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	for name, c := range map[string]struct{ before, looked, now, want time.Time }{
		"the first look":                      {time.Time{}, time.Time{}, noon, noon},
		"a look in time":                      {noon, minute(500), minute(515), noon},
		"an outage":                           {noon, minute(500), minute(516), minute(516)},
		"an outage while one is caught up":    {noon, minute(60), minute(119), noon},
		"an outage until it is caught up":     {noon, minute(60), minute(120), minute(120)},
		"a clock that went back":              {noon, minute(60), minute(30), noon},
		"a program that never looked but did": {noon, time.Time{}, minute(600), minute(600)},
	} {
		if got := finapi.ResumedAt(c.before, c.looked, c.now); !got.Equal(c.want) {
			t.Errorf("%s: resumed at %v, want %v", name, got, c.want)
		}
	}
	// A program that dies every half hour, and what it would catch up.
	h, looked := finapi.History{LastSuccess: noon.AddDate(0, 0, -1)}, time.Time{}
	for now := noon; ; now = now.Add(30 * time.Minute) {
		h.Resumed = finapi.ResumedAt(h.Resumed, looked, now)
		if due := nightly(t).Next(theKey, h); !due.At.After(now) {
			return
		}
		if now.Sub(noon) > 3*time.Hour {
			t.Fatalf("after %v it is still not due", now.Sub(noon))
		}
		looked = now
	}
}

func TestTheErrorOfARunGoesIntoItsHistory(t *testing.T) {
	t.Parallel()
	ended := noon.Add(time.Minute)
	update := finapi.Due{Update: true}
	before := finapi.History{
		LastSuccess: noon.Add(-time.Hour), LastAttempt: noon.Add(-time.Hour), Failures: 2, FailedBy: finapi.ActorBank,
		RetryAfter: noon, ActionRequired: true, News: noon, Opened: noon, Resumed: noon, Updates: []time.Time{noon},
	}
	for name, c := range map[string]struct {
		due    finapi.Due
		err    error
		change func(*finapi.History)
	}{
		"a success": {update, nil, func(h *finapi.History) {
			h.LastAttempt, h.LastSuccess, h.Failures, h.FailedBy, h.RetryAfter = noon, noon, 0, "", time.Time{}
		}},
		"reading only":    {finapi.Due{}, nil, func(h *finapi.History) { h.LastRead = noon }},
		"a cancelled run": {update, fmt.Errorf("shutting down: %w", context.Canceled), func(*finapi.History) {}},
		"one more failure of the bank": {update, &finapi.Error{Actor: finapi.ActorBank, RetryAfter: time.Hour}, func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.RetryAfter = noon, 3, ended.Add(time.Hour)
		}},
		"a first failure of the vendor's": {update, &finapi.Error{Code: finapi.CodeForbidden, Actor: finapi.ActorVendor}, func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.FailedBy, h.RetryAfter = noon, 1, finapi.ActorVendor, time.Time{}
		}},
		"the customer must act": {update, fmt.Errorf("wrapped: %w", &finapi.ActionRequired{}), func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.FailedBy, h.RetryAfter = noon, 1, finapi.ActorCustomer, time.Time{}
		}},
		"an error of the ERP's own": {update, errors.New("disk full"), func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.FailedBy, h.RetryAfter = noon, 1, "", time.Time{}
		}},
		"a failure of reading": {finapi.Due{}, &finapi.Error{Actor: finapi.ActorFinAPI}, func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.FailedBy, h.RetryAfter = noon, 1, finapi.ActorFinAPI, time.Time{}
		}},
		"a run that took too long": {update, context.DeadlineExceeded, func(h *finapi.History) {
			h.LastAttempt, h.Failures, h.FailedBy, h.RetryAfter = noon, 1, "", time.Time{}
		}},
	} {
		want := before
		c.change(&want)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, want, before.After(c.due, noon, ended, c.err))
		})
	}
}

// TestNoCodeThatHelpsItselfBecomesADeadLetter keeps conflicts and the like, which pass by
// themselves, from being counted as the vendor's.
func TestNoCodeThatHelpsItselfBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	for _, code := range []finapi.Code{
		finapi.CodeConflict, finapi.CodeLocked, finapi.CodeNetwork, finapi.CodeUpdateLimit, finapi.CodeStaleData, finapi.CodeIncomplete,
		finapi.CodeUnexpected, finapi.CodeInternalError,
	} {
		err := &finapi.Error{Code: code, Actor: finapi.ActorVendor}
		if err.Retry() != finapi.RetryLater {
			continue
		}
		var h finapi.History
		for range 5 {
			h = h.After(finapi.Due{Update: true}, noon, noon, err)
		}
		if due := nightly(t).Next(theKey, h); due.At.IsZero() {
			t.Errorf("after five times %s it is %v", code, due)
		}
	}
}

func TestADueTimeIsToldInWordsWithoutTheKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		due  finapi.Due
		want string
	}{
		{finapi.Due{At: noon, Why: finapi.DueScheduled}, "due 2026-07-01 12:00 UTC: the regular synchronisation"},
		{finapi.Due{At: noon, Why: finapi.DueCatchUp}, "due 2026-07-01 12:00 UTC: a synchronisation that was missed in an outage"},
		{finapi.Due{At: noon, Why: finapi.DueBackOff}, "due 2026-07-01 12:00 UTC: another try after a failure"},
		{finapi.Due{At: noon, Why: finapi.DueBudget}, "due 2026-07-01 12:00 UTC: as soon as the bank allows another update without the customer"},
		{finapi.Due{At: noon, Why: finapi.DueNews}, "due 2026-07-01 12:00 UTC: finAPI has new bookings to read"},
		{finapi.Due{At: noon, Why: finapi.DueOpened}, "due 2026-07-01 12:00 UTC: the customer has opened the page"},
		{finapi.Due{Why: finapi.DueOnOpen}, "not due: waits for the customer to open the page"},
		{finapi.Due{Why: finapi.DueCustomer}, "not due: the customer must act first"},
		{finapi.Due{Why: finapi.DueDeadLetter}, "not due: the vendor must act first; it failed too often"},
		{finapi.Due{Why: "tide"}, "not due: tide"},
	} {
		same(t, c.want, c.due.String())
	}
}

// TestAnyHistoryKeepsThePromises drives random schedules through random histories: failures
// of everybody, crashes, outages, slow programs, news, customers who come and act.
func TestAnyHistoryKeepsThePromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newScheduleModel(t)
		for range 60 {
			m.step(t)
		}
	})
}

type scheduleModel struct {
	schedule finapi.Schedule
	table    *finapi.Timetable
	loc      *time.Location
	key      string
	h        finapi.History
	now      time.Time
	looked   time.Time
	// updates are all that the bank was asked without the customer.
	updates []time.Time
}

func newScheduleModel(t *rapid.T) *scheduleModel {
	m := &scheduleModel{schedule: schedules().Draw(t, "schedule"), key: rapid.StringMatching(`live/[0-9]{1,4}`).Draw(t, "key")}
	table, err := m.schedule.Timetable()
	if err != nil {
		t.Fatal(err)
	}
	if m.loc, err = time.LoadLocation(m.schedule.Zone); err != nil {
		t.Fatal(err)
	}
	m.table = table
	begin := rapid.SampledFrom([]time.Time{
		day(2026, 1, 1), day(2026, 3, 6), day(2026, 3, 27), day(2026, 4, 3), day(2026, 4, 22), day(2026, 10, 2), day(2026, 10, 23), day(2026, 10, 30),
	}).Draw(t, "begin")
	m.now = begin.Add(time.Duration(rapid.IntRange(0, 48*3600).Draw(t, "second")) * time.Second)
	m.looked, m.h.Resumed = m.now, m.now
	return m
}

func (m *scheduleModel) step(t *rapid.T) {
	due := m.next(t)
	if due.At.IsZero() {
		m.advance(t, due.At, 72*time.Hour)
		m.h.Failures, m.h.ActionRequired = 0, false // somebody has acted
		return
	}
	switch rapid.IntRange(0, 9).Draw(t, "what happens first") {
	case 0:
		if m.advance(t, due.At, 30*time.Hour) {
			m.h.News = m.now
		}
	case 1:
		if m.advance(t, due.At, 30*time.Hour) {
			m.h.Opened = m.now
		}
	case 2:
		m.now = m.now.Add(time.Duration(rapid.IntRange(16, 20_000).Draw(t, "outage in minutes")) * time.Minute)
		m.h.Resumed = finapi.ResumedAt(m.h.Resumed, m.looked, m.now)
	case 3:
		if m.advance(t, due.At, 30*time.Hour) {
			m.h.ActionRequired = true
		}
	default:
		m.run(t, due)
	}
	m.looked = m.now
}

// advance lets time pass, but not beyond what is due.
func (m *scheduleModel) advance(t *rapid.T, until time.Time, most time.Duration) bool {
	if !until.IsZero() {
		most = min(most, until.Sub(m.now))
	}
	if most < time.Second {
		return false
	}
	m.now = m.now.Add(time.Duration(rapid.Int64Range(1, int64(most/time.Second)).Draw(t, "seconds pass")) * time.Second)
	return true
}

// next asks when the connection is due, and examines the answer.
func (m *scheduleModel) next(t *rapid.T) finapi.Due {
	due := m.table.Next(m.key, m.h)
	if again := m.table.Next(m.key, m.h); again != due {
		t.Fatalf("asked twice, it is %v and then %v", due, again)
	}
	switch due.Why {
	case finapi.DueCustomer, finapi.DueDeadLetter:
		if !due.At.IsZero() || due.BlockedBy == "" {
			t.Fatalf("blocked, but %+v", due)
		}
	case finapi.DueOpened:
		if !due.At.Equal(m.h.Opened) || !due.Update {
			t.Fatalf("the customer opened the page at %v, but %+v", m.h.Opened, due)
		}
	case finapi.DueNews:
		if due.At.Before(m.h.News) || due.At.Before(m.h.Resumed) || due.Update {
			t.Fatalf("there were news at %v, but %+v", m.h.News, due)
		}
	default:
		m.checkUpdate(t, due)
	}
	return due
}

// checkUpdate examines what is due by itself.
func (m *scheduleModel) checkUpdate(t *rapid.T, due finapi.Due) {
	at := due.At.In(m.loc)
	switch {
	case at.IsZero() || !due.Update:
		t.Fatalf("nothing is in the way, but %+v", due)
	case shown(m.schedule.Quiet, at):
		t.Fatalf("%s at %v, in the quiet hours %s", due.Why, at, m.schedule.Quiet)
	case due.Why == finapi.DueScheduled && !shown(m.schedule.Window, at) && !changed(at):
		t.Fatalf("%s at %v, outside of the window %s", due.Why, at, m.schedule.Window)
	case at.Before(m.h.RetryAfter):
		t.Fatalf("%s at %v, before %v", due.Why, at, m.h.RetryAfter)
	case at.Before(m.h.Resumed):
		t.Fatalf("%s at %v, before scheduling resumed at %v", due.Why, at, m.h.Resumed)
	case !at.After(m.h.LastAttempt) || !at.After(m.h.LastSuccess):
		t.Fatalf("%s at %v, which is not after the last runs of %v and %v", due.Why, at, m.h.LastAttempt, m.h.LastSuccess)
	}
	m.checkBudget(t, due.At)
	since := laterOf(m.h.LastAttempt, m.h.LastSuccess, m.h.Resumed, m.h.RetryAfter)
	if len(m.h.Updates) > 0 {
		since = laterOf(since, slices.MaxFunc(m.h.Updates, time.Time.Compare).Add(24*time.Hour))
	}
	if longest := map[finapi.Frequency]int{finapi.Daily: 3, finapi.Weekly: 9, finapi.Monthly: 33}[m.schedule.Every]; at.Sub(since) > time.Duration(longest)*24*time.Hour {
		t.Fatalf("%s only at %v, with nothing in the way since %v", due.Why, at, since)
	}
}

// checkBudget examines whether an update may start at a time.
func (m *scheduleModel) checkBudget(t *rapid.T, at time.Time) {
	recent := 0
	for _, u := range m.updates {
		if at.Sub(u) < 24*time.Hour {
			recent++
		}
	}
	if recent >= 4 {
		t.Fatalf("an update at %v would be number %d of 24 hours", at, recent+1)
	}
}

// run does what is due as a program would: it may be late, and it may go wrong.
func (m *scheduleModel) run(t *rapid.T, due finapi.Due) {
	began := laterOf(m.now, due.At)
	if rapid.Bool().Draw(t, "late") {
		began = began.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds late")) * time.Second)
	}
	if due.Why != finapi.DueNews && due.Why != finapi.DueOpened {
		began = m.table.AfterQuiet(m.key, began)
		if shown(m.schedule.Quiet, began.In(m.loc)) {
			t.Fatalf("a late run starts at %v, in the quiet hours %s", began, m.schedule.Quiet)
		}
		if last := m.h.LastSuccess; !last.IsZero() && m.table.Next(m.key, finapi.History{LastSuccess: last}).At.After(began) {
			t.Fatalf("a run at %v after a success at %v, without a regular time between them", began, last)
		}
	}
	m.now = began.Add(2 * time.Minute)
	if due.Update && due.Why != finapi.DueOpened {
		m.checkBudget(t, began)
		m.updates = append(m.updates, began)
		m.h.Updates = slices.DeleteFunc(slices.Clone(m.updates), func(u time.Time) bool { return began.Sub(u) > 25*time.Hour })
	}
	switch outcome := rapid.IntRange(0, 8).Draw(t, "outcome"); outcome {
	case 0, 1, 2:
		m.h = m.h.After(due, began, m.now, nil)
	case 3:
		m.h.LastAttempt = began // the program died
	default:
		m.h = m.h.After(due, began, m.now, []error{
			&finapi.Error{Actor: finapi.ActorBank},
			&finapi.Error{Actor: finapi.ActorBank, RetryAfter: time.Duration(rapid.IntRange(1, 50).Draw(t, "hours to wait")) * time.Hour},
			&finapi.Error{Actor: finapi.ActorFinAPI},
			&finapi.Error{Actor: finapi.ActorVendor},
			&finapi.ActionRequired{},
		}[outcome-4])
	}
}

// regular returns the next regular time of the connection.
func regular(table *finapi.Timetable, after time.Time) time.Time {
	return table.Next(theKey, finapi.History{LastSuccess: after}).At
}

func laterOf(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// FuzzNext checks that no history, however absurd, keeps Next from an answer.
func FuzzNext(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), 0, "")
	f.Add(int64(1_774_738_800), int64(1_774_738_800), int64(-1), int64(1)<<62, int64(-1)<<62, int64(253_402_300_800), 1<<31, "bank")
	f.Fuzz(func(t *testing.T, success, attempt, resumed, retry, news, opened int64, failures int, by string) {
		table, err := finapi.Schedule{Every: finapi.Monthly, Day: 31, Zone: "Australia/Lord_Howe", Quiet: "06:00-02:00"}.Timetable()
		must(t, err)
		h := finapi.History{
			LastSuccess: time.Unix(success, 0), LastAttempt: time.Unix(attempt, 0), Resumed: time.Unix(resumed, 0), RetryAfter: time.Unix(retry, 0),
			News: time.Unix(news, 0), Opened: time.Unix(opened, 0), Updates: []time.Time{time.Unix(success, 0), time.Unix(attempt, 0), time.Unix(retry, 0), time.Unix(news, 0)},
			Failures: failures, FailedBy: finapi.Actor(by),
		}
		due := table.Next("k", h)
		if text := due.String(); !strings.HasPrefix(text, "due ") && !strings.HasPrefix(text, "not due: ") {
			t.Fatalf("it is told as %q", text)
		}
	})
}
