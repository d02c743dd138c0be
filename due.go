package finapi

import (
	"context"
	"errors"
	"time"
)

// This file tells when a connection is due from what became of it so far. It knows no
// clock: the same history gives the same time, whenever and however often it is asked.
// So a time that was told can be kept in a table, and never runs away.

// History is what the scheduler remembers of a connection. The zero History is that of
// one that never ran. All times may be zero, which means never.
type History struct {
	// LastAttempt is when the last run began that asked the bank, or that failed.
	LastAttempt time.Time `json:"lastAttempt,omitzero"`
	// LastSuccess is when the last run began that asked the bank and went well. If it is
	// before LastAttempt, that one failed, or the program died in it.
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	// LastRead is when the last run began that only read finAPI's data and went well.
	LastRead time.Time `json:"lastRead,omitzero"`
	// Failures is how many runs have failed since then in a row because of FailedBy; 0
	// after a success. Set it to 0 when the customer or the vendor has acted.
	Failures int `json:"failures,omitempty"`
	// FailedBy is who had to act after the last failure; see [Error.Actor]. "" is treated
	// like [ActorFinAPI].
	FailedBy Actor `json:"failedBy,omitempty"`
	// RetryAfter is before when finAPI or the bank does not want to be asked again.
	RetryAfter time.Time `json:"retryAfter,omitzero"`
	// Updates are when the last updates without the customer started, in any order, as
	// the [Budget] counts them; those of finAPI's batch, too. Older ones than 24 hours
	// count for nothing.
	Updates []time.Time `json:"updates,omitempty"`
	// ActionRequired is true while the bank wants the customer; see
	// [Connection.ActionRequired].
	ActionRequired bool `json:"actionRequired,omitempty"`
	// News is when finAPI last told that it has new bookings. They are there already, so
	// they are only read.
	News time.Time `json:"news,omitzero"`
	// Acted is when the customer last acted, such as by renewing the consent. What a run that
	// began before says of the customer counts for nothing.
	Acted time.Time `json:"acted,omitzero"`
	// Opened is when the customer last opened the page.
	Opened time.Time `json:"opened,omitzero"`
	// Resumed is when the schedule of the connection began, or went on after an outage.
	// What was missed before is caught up then. See [ResumedAt].
	Resumed time.Time `json:"resumed,omitzero"`
}

// Due says when a connection is due, and for what.
type Due struct {
	// At is when, in UTC; zero if never by itself. It may be in the past: then at once.
	At time.Time
	// Why says why then, or why not at all.
	Why DueReason
	// Update is true if the bank is to be asked for news before reading: [User.Refresh].
	// If it is false, read only.
	Update bool
	// BlockedBy is who must act, or was the cause that it is not due earlier; else "".
	BlockedBy Actor
}

// DueReason says why a connection is due, or why not. The set is open.
type DueReason string

// The reasons.
const (
	// DueScheduled: it is the regular time.
	DueScheduled DueReason = "scheduled"
	// DueCatchUp: a regular time was missed in an outage.
	DueCatchUp DueReason = "catch-up"
	// DueBackOff: the last run failed, so it is tried again.
	DueBackOff DueReason = "back-off"
	// DueBudget: the bank allows no further update without the customer before then.
	DueBudget DueReason = "budget"
	// DueNews: finAPI has new bookings, to be read only.
	DueNews DueReason = "news"
	// DueOpened: the customer is there. Give [RefreshRequest.Customer], then the update is
	// not counted.
	DueOpened DueReason = "opened"
	// DueOnOpen: the schedule is [OnOpen]; it is due when the customer opens the page.
	DueOnOpen DueReason = "on-open"
	// DueCustomer: it is not due before the customer has acted.
	DueCustomer DueReason = "customer-must-act"
	// DueDeadLetter: it failed three times in a row because of the vendor, so it is
	// not due before somebody has acted and set [History.Failures] to 0.
	DueDeadLetter DueReason = "dead-letter"
)

const (
	// catchUp is the time over which overdue connections are spread after an outage.
	catchUp = 2 * time.Hour
	// shortSpread does the same wherever else many may be due at once.
	shortSpread = 15 * time.Minute
	// eve is so short before a regular time that other runs wait for it.
	eve = 2 * time.Hour
	// hintsEvery keeps customers who reload a page, and an eager finAPI, from causing a
	// run each time.
	hintsEvery = 5 * time.Minute
	// firstBackOff is the least wait after a failure. It doubles with each further one.
	firstBackOff = 15 * time.Minute
	// lastBackOff is the longest wait, without its jitter of up to a half.
	lastBackOff = 16 * time.Hour
	// deadAfter is how many failures of the vendor's are enough.
	deadAfter = 3
	// outage is a pause of the scheduler that leaves something to catch up.
	outage = 15 * time.Minute
)

// Next tells when a connection is due. key names the connection, always in the same
// way; [ConnectionKey.String] is a good one. It spreads connections over the window.
//
//   - Regular times are in the window and outside the quiet hours, one per day, week or
//     month. Those that were missed count as one. After an outage they are spread over 2
//     hours from [History.Resumed] on.
//   - After a failure at the bank or at finAPI, it is due again after 15 to 22 minutes, then
//     after twice as long each time, at the latest at the next regular time. After a third
//     failure of the vendor's, and after one for which the customer must act, it is not due
//     any more.
//   - No run that asks the bank is due when [History.Updates] holds 4 of the 24 hours before
//     it.
//   - What would be due less than 2 hours before the next regular time waits for it.
//   - When the customer opens the page, it is due at once, unless the bank was asked in the 5
//     minutes before. When finAPI has news, it is due for reading only, also in quiet hours.
func (t *Timetable) Next(key string, h History) Due {
	h = h.clamped()
	switch {
	case h.ActionRequired || h.failedBy(ActorCustomer):
		return Due{Why: DueCustomer, BlockedBy: ActorCustomer}
	case h.failedBy(ActorVendor) && h.Failures >= deadAfter:
		return Due{Why: DueDeadLetter, BlockedBy: ActorVendor}
	case h.opened():
		return Due{At: h.Opened.UTC(), Why: DueOpened, Update: true}
	case t.loc == nil || t.every == OnOpen:
		return Due{Why: DueOnOpen}
	}
	due := t.update(key, h)
	if news, ok := h.news(key); ok && news.At.Before(due.At) {
		return news
	}
	return due
}

// update tells when the bank is to be asked without the customer: at the regular time, or
// later if something stands against it.
func (t *Timetable) update(key string, h History) Due {
	due := Due{At: t.slotAfter(key, h.LastSuccess), Why: DueScheduled, Update: true}
	if h.failing() && !due.At.After(h.LastAttempt) {
		due = t.again(key, h)
	}
	due = t.notBefore(due, key, h.Resumed, catchUp, DueCatchUp, "")
	due = t.notBefore(due, key, h.RetryAfter, shortSpread, DueBackOff, h.FailedBy)
	free := clamp(NextClaim(h.Updates, due.At, unattendedLimit))
	return t.notBefore(due, key, free, shortSpread, DueBudget, ActorBank)
}

// again tells when a regular run that failed is repeated.
func (t *Timetable) again(key string, h History) Due {
	due := Due{Why: DueBackOff, Update: true, BlockedBy: h.FailedBy}
	wait := h.wait()
	due.At = t.walk(h.LastAttempt.Add(wait), spread("back-off", key, wait/2))
	return t.orSlot(due, t.slotAfter(key, h.LastAttempt))
}

// notBefore moves what is due too early behind an instant, spread by the key.
func (t *Timetable) notBefore(due Due, key string, floor time.Time, over time.Duration, why DueReason, by Actor) Due {
	if !due.At.Before(floor) {
		return due
	}
	due.Why, due.BlockedBy = why, by
	due.At = t.walk(floor, spread(string(why), key, over))
	return t.orSlot(due, t.slotAfter(key, floor))
}

// orSlot lets the next regular run do what would come shortly before it, or after it.
func (t *Timetable) orSlot(due Due, slot time.Time) Due {
	if slot.After(due.At.Add(eve)) {
		return due
	}
	return Due{At: slot, Why: DueScheduled, Update: true}
}

// opened reports whether the customer waits. Whoever opened the page before an outage, or
// before finAPI may be asked again, has gone.
func (h History) opened() bool {
	asked := later(h.LastAttempt, h.LastSuccess)
	return !h.Opened.IsZero() && h.Opened.Sub(asked) >= hintsEvery &&
		!h.Opened.Before(h.Resumed) && !h.Opened.Before(h.finAPIRetryAfter())
}

// news tells when finAPI's news are read, if there are some that no run has seen.
func (h History) news(key string) (Due, bool) {
	seen := later(h.LastSuccess, h.LastRead)
	if h.News.IsZero() || !h.News.After(seen) {
		return Due{}, false
	}
	due := Due{At: h.News, Why: DueNews}
	if !h.LastRead.IsZero() {
		due.At = later(due.At, h.LastRead.Add(hintsEvery))
	}
	if h.failing() && !h.News.After(h.LastAttempt) && h.FailedBy != ActorBank {
		due.At, due.BlockedBy = later(due.At, h.LastAttempt.Add(h.wait())), h.FailedBy
	}
	if due.At.Before(h.Resumed) {
		due.At = h.Resumed.Add(spread(string(DueCatchUp), key, catchUp))
	}
	if floor := h.finAPIRetryAfter(); due.At.Before(floor) {
		due.At, due.BlockedBy = floor.Add(spread(string(DueBackOff), key, shortSpread)), h.FailedBy
	}
	due.At = due.At.UTC()
	return due, true
}

// finAPIRetryAfter is RetryAfter as far as it is not the bank's: reading does not reach
// the bank, and a bank that has counted enough updates lets the customer do another.
func (h History) finAPIRetryAfter() time.Time {
	if h.FailedBy == ActorBank {
		return time.Time{}
	}
	return h.RetryAfter
}

// failing reports whether the last run failed, or the program died in it.
func (h History) failing() bool { return h.LastAttempt.After(h.LastSuccess) }

func (h History) failedBy(a Actor) bool { return h.Failures > 0 && h.FailedBy == a }

// wait is how long a failed run waits, without jitter.
func (h History) wait() time.Duration {
	wait := firstBackOff
	for i := 1; i < h.Failures && wait < lastBackOff; i++ {
		wait *= 2
	}
	return wait
}

func (h History) clamped() History {
	for _, t := range []*time.Time{
		&h.LastAttempt, &h.LastSuccess, &h.LastRead, &h.RetryAfter, &h.News, &h.Acted, &h.Opened, &h.Resumed,
	} {
		*t = clamp(*t)
	}
	return h
}

// After returns the history after a run that was due, began and ended, with err or
// without. It takes who must act, and how long to wait, from the error. A run that was
// cancelled changes nothing. [History.Updates] is the [Budget]'s to count, and
// [History.ActionRequired] is finAPI's to say.
func (h History) After(due Due, began, ended time.Time, err error) History {
	switch {
	case errors.Is(err, context.Canceled):
		return h
	case err == nil && !due.Update:
		h.LastRead = began
		return h
	}
	if by, _ := blame(err); by == ActorCustomer && h.Acted.After(began) {
		return h
	}
	h.LastAttempt, h.RetryAfter = began, time.Time{}
	if err == nil {
		h.LastSuccess, h.Failures, h.FailedBy = began, 0, ""
		return h
	}
	by, wait := blame(err)
	if by != h.FailedBy {
		h.Failures = 0
	}
	h.Failures++
	h.FailedBy = by
	if wait > 0 {
		h.RetryAfter = ended.Add(wait)
	}
	return h
}

// blame tells whose failure an error is, and how long to wait. What helps itself in time
// is not the vendor's.
func blame(err error) (Actor, time.Duration) {
	var action *ActionRequired
	if errors.As(err, &action) {
		return ActorCustomer, 0
	}
	var e *Error
	if !errors.As(err, &e) {
		return "", 0
	}
	if e.Actor == ActorVendor && e.Retry() == RetryLater {
		return ActorFinAPI, e.RetryAfter
	}
	return e.Actor, e.RetryAfter
}

// ResumedAt returns what [History.Resumed] is to be. A scheduler asks when it looks for
// due connections, which it does at least every few minutes: with what it was before, when
// it looked last, and now. More than 15 minutes without a look are an outage. While
// the 2 hours of an earlier one go on, they are not begun anew, so a program that dies
// again and again does not put its work off for ever.
func ResumedAt(before, looked, now time.Time) time.Time {
	if now.Sub(looked) <= outage || now.Sub(before) < catchUp {
		return before
	}
	return now
}

// String tells in words when the connection is due and why, without personal data.
func (d Due) String() string {
	text := dueTexts[d.Why]
	if text == "" {
		text = string(d.Why)
	}
	if d.At.IsZero() {
		return "not due: " + text
	}
	return "due " + d.At.UTC().Format("2006-01-02 15:04") + " UTC: " + text
}

var dueTexts = map[DueReason]string{
	DueScheduled:  "the regular synchronisation",
	DueCatchUp:    "a synchronisation that was missed in an outage",
	DueBackOff:    "another try after a failure",
	DueBudget:     "as soon as the bank allows another update without the customer",
	DueNews:       "finAPI has new bookings to read",
	DueOpened:     "the customer has opened the page",
	DueOnOpen:     "waits for the customer to open the page",
	DueCustomer:   "the customer must act first",
	DueDeadLetter: "the vendor must act first; it failed too often",
}
