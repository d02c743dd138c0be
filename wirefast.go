package finapi

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/internal/wire"
)

// The functions of this file are the fast counterparts of wire.go's types: they read what
// finAPI usually writes, and decline all else.

func readNumber(r *wire.Reader) number {
	value, scale := r.Decimal()
	return number{value: decimal.New(value, -int32(scale)), set: true} //nolint:gosec // 18 digits at most
}

// readMoney reads an amount whose currency is told later.
func readMoney(r *wire.Reader) *Money { return readNumber(r).money("") }

func readID[T identifier](r *wire.Reader, id *T) { *id = T(r.Int()) }

func readInt(r *wire.Reader) *int {
	value := r.Int()
	n := int(value)
	if int64(n) != value {
		r.Decline()
	}
	return &n
}

func readDay(r *wire.Reader) Date {
	date, ok := dayOf(r.Plain())
	if !ok {
		r.Decline()
	}
	return date
}

// dayOf reads YYYY-MM-DD.
func dayOf(text []byte) (Date, bool) {
	if len(text) != len(dateLayout) || text[4] != '-' || text[7] != '-' {
		return Date{}, false
	}
	year, month, day := digits(text[:4]), digits(text[5:7]), digits(text[8:])
	date := Date{Year: year, Month: time.Month(month), Day: day}
	if day >= 1 && day <= 28 && month >= 1 && month <= 12 && year >= 1 {
		return date, true
	}
	return date, date.Valid()
}

// digits reads a whole number of digits only; it is negative if there is anything else.
func digits(text []byte) int {
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func readInstant(r *wire.Reader) time.Time {
	t, ok := instantOf(r.Plain())
	if !ok {
		r.Decline()
	}
	return t
}

// instantOf reads a time stamp such as 2026-08-13T19:02:11.000+02:00.
func instantOf(text []byte) (time.Time, bool) {
	const seconds = len("2026-08-13T19:02:11")
	if len(text) <= seconds || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return time.Time{}, false
	}
	date, ok := dayOf(text[:10])
	hour, minute, second := digits(text[11:13]), digits(text[14:16]), digits(text[17:seconds])
	nanosecond, zone := fractionOf(text[seconds:])
	offset, known := offsetOf(zone)
	ok = ok && known && nanosecond >= 0 && 0 <= hour && hour < 24 && 0 <= minute && minute < 60 && 0 <= second && second < 60
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(date.Year, date.Month, date.Day, hour, minute, second, nanosecond, time.UTC)
	return inZone(t.Add(-time.Duration(offset)*time.Second), offset, string(zone) == "Z"), true
}

// fractionOf reads a fraction of a second, which may be missing, and returns it in
// nanoseconds with the rest; -1 if it is none.
func fractionOf(text []byte) (nanosecond int, rest []byte) {
	if text[0] != '.' {
		return 0, text
	}
	n := 1
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n == 1 || n > 10 {
		return -1, text
	}
	nanosecond = digits(text[1:n])
	for range 10 - n {
		nanosecond *= 10
	}
	return nanosecond, text[n:]
}

// offsetOf reads a zone such as +02:00, +0200 or Z, in seconds east.
func offsetOf(zone []byte) (seconds int, ok bool) {
	if string(zone) == "Z" {
		return 0, true
	}
	if len(zone) == len("+02:00") && zone[3] == ':' {
		zone = []byte{zone[0], zone[1], zone[2], zone[4], zone[5]}
	}
	if len(zone) != len("+0200") || zone[0] != '+' && zone[0] != '-' {
		return 0, false
	}
	hours, minutes := digits(zone[1:3]), digits(zone[3:])
	seconds = (hours*60 + minutes) * 60
	if zone[0] == '-' {
		seconds = -seconds
	}
	return seconds, 0 <= hours && hours < 15 && 0 <= minutes && minutes < 60
}

// inZone gives an instant the location that time.Parse gives it.
func inZone(t time.Time, offset int, utc bool) time.Time {
	if utc {
		return t
	}
	local := t.Local()
	if _, here := local.Zone(); here == offset {
		return local
	}
	return t.In(time.FixedZone("", offset))
}
