package finapitest

import "time"

// Date is a calendar day without a time zone, written YYYY-MM-DD. Dates
// compare in time order with < and >.
type Date string

const dateLayout = "2006-01-02"

// DateOf returns the day on which t falls in German local time, the time zone
// of finAPI.
func DateOf(t time.Time) Date {
	return Date(t.In(berlin()).Format(dateLayout))
}

// AddDays returns the date n days later, or earlier when n is negative.
func (d Date) AddDays(n int) Date {
	return Date(d.utc().AddDate(0, 0, n).Format(dateLayout))
}

// valid reports whether d is an existing day in the right format.
func (d Date) valid() bool {
	_, err := time.Parse(dateLayout, string(d))
	return err == nil
}

// utc returns the start of the day in UTC, for arithmetic only. An invalid
// date counts as the zero time.
func (d Date) utc() time.Time {
	t, err := time.Parse(dateLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// at returns the instant of the given local time of the day.
func (d Date) at(hour, minute int) time.Time {
	u := d.utc()
	return time.Date(u.Year(), u.Month(), u.Day(), hour, minute, 0, 0, berlin())
}

// number returns the day's distance from the Unix epoch in days.
func (d Date) number() int {
	return int(d.utc().Unix() / (24 * 60 * 60))
}

func (d Date) daysSince(other Date) int { return d.number() - other.number() }
