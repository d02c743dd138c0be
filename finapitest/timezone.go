package finapitest

import (
	"sync"
	"time"
	_ "time/tzdata" // finAPI lives in German time, on every machine
)

// berlin returns the time zone of finAPI. The embedded time zone data always
// holds it; UTC would only be reached by a broken build.
var berlin = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return time.UTC
	}
	return loc
})

// accessStamp writes a time as Access does: local time, milliseconds and an
// offset with a colon.
func accessStamp(t time.Time) string {
	return t.In(berlin()).Format("2006-01-02T15:04:05.000-07:00")
}

// webFormStamp writes a time as the Web Form API does: UTC, milliseconds and
// an offset without a colon.
func webFormStamp(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000-0700")
}
