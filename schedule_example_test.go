package finapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/finapi-go/finapi"
)

// A customer's schedule is kept as JSON, and checked when the customer saves it.
func ExampleSchedule() {
	var schedule finapi.Schedule
	if err := json.Unmarshal([]byte(`{"every":"weekly","weekday":"monday","quiet":"08:00-18:00"}`), &schedule); err != nil {
		log.Fatal(err)
	}
	fmt.Println(schedule.Validate())

	schedule.Weekday = "someday"
	var e *finapi.Error
	if errors.As(schedule.Validate(), &e) {
		fmt.Println(e.Field)
	}
	// Output:
	// <nil>
	// Schedule.Weekday
}

// A night in which clocks go forward is an hour shorter. Each connection still has its run.
func ExampleTimetable_Next() {
	timetable, err := finapi.Schedule{}.Timetable() // daily in Berlin, from 01:00 to 05:00
	if err != nil {
		log.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	key := finapi.ConnectionKey{Environment: "live", Connection: 4711}.String()
	history := finapi.History{LastSuccess: time.Date(2026, 3, 27, 12, 0, 0, 0, berlin)}
	for range 3 {
		due := timetable.Next(key, history)
		fmt.Println(due.At.In(berlin).Format(time.DateTime+" MST"), due.Why)
		history = history.After(due, due.At, due.At.Add(time.Minute), nil)
	}
	// Output:
	// 2026-03-28 03:35:42 CET scheduled
	// 2026-03-29 03:56:46 CEST scheduled
	// 2026-03-30 03:35:42 CEST scheduled
}

// What became of a run decides when the next one is due.
func ExampleHistory_After() {
	timetable, err := finapi.Schedule{Every: finapi.Monthly, Day: 31}.Timetable()
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 2, 28, 4, 30, 0, 0, time.UTC)
	history := finapi.History{LastSuccess: now.AddDate(0, 0, -20)}

	due := timetable.Next("live/4711", history)
	fmt.Println(due)

	history = history.After(due, now, now.Add(time.Minute), &finapi.Error{Code: finapi.CodeInternalError, Actor: finapi.ActorFinAPI})
	due = timetable.Next("live/4711", history)
	fmt.Println(due, "- blocked by", due.BlockedBy)

	now = due.At
	history = history.After(due, now, now.Add(time.Minute), &finapi.ActionRequired{})
	due = timetable.Next("live/4711", history)
	fmt.Println(due, "- blocked by", due.BlockedBy)
	// Output:
	// due 2026-02-28 02:35 UTC: the regular synchronisation
	// due 2026-02-28 04:50 UTC: another try after a failure - blocked by finAPI
	// not due: the customer must act first - blocked by customer
}

// finAPI has called back: new bookings are there, so they only have to be read.
func ExampleDue() {
	timetable, err := finapi.Schedule{}.Timetable()
	if err != nil {
		log.Fatal(err)
	}
	night := time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC)
	due := timetable.Next("live/4711", finapi.History{LastSuccess: night, News: night.Add(9 * time.Hour)})
	fmt.Println(due)
	fmt.Println("ask the bank:", due.Update)
	// Output:
	// due 2026-07-01 11:00 UTC: finAPI has new bookings to read
	// ask the bank: false
}

// A scheduler that was down for a night spreads what it missed over two hours.
func ExampleResumedAt() {
	lastLook := time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC)
	now := time.Date(2026, 7, 2, 6, 0, 0, 0, time.UTC)
	timetable, err := finapi.Schedule{}.Timetable()
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"live/1", "live/2", "live/3"} {
		history := finapi.History{LastSuccess: time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)}
		history.Resumed = finapi.ResumedAt(history.Resumed, lastLook, now)
		fmt.Println(timetable.Next(key, history))
	}
	// Output:
	// due 2026-07-02 07:15 UTC: a synchronisation that was missed in an outage
	// due 2026-07-02 06:17 UTC: a synchronisation that was missed in an outage
	// due 2026-07-02 07:47 UTC: a synchronisation that was missed in an outage
}

// A run that is overdue because the program was slow waits for the end of the quiet hours.
func ExampleTimetable_AfterQuiet() {
	timetable, err := finapi.Schedule{Zone: "UTC", Quiet: "06:00-20:00"}.Timetable()
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 7, 1, 6, 5, 0, 0, time.UTC)
	if start := timetable.AfterQuiet("live/4711", now); start.After(now) {
		fmt.Println("wait until", start.Format(time.TimeOnly))
	}
	// Output:
	// wait until 20:00:44
}
