package finapi_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

func TestOnlyARealDayIsADate(t *testing.T) {
	t.Parallel()
	good := map[string]finapi.Date{
		"2025-03-31": date(2025, 3, 31), "2024-02-29": date(2024, 2, 29), "0001-01-01": date(1, 1, 1), "9999-12-31": date(9999, 12, 31),
	}
	for text, want := range good {
		got, err := finapi.ParseDate(text)
		must(t, err)
		same(t, want, got)
		same(t, text, got.String())
	}
	for _, text := range []string{
		"", "2025-02-29", "2025-02-30", "2025-13-01", "2025-00-01", "2025-01-00", "2025-1-1", "25-01-01", "2025-01-01T00:00:00Z",
		"2025-01-01 ", " 2025-01-01", "20250101", "2025/01/01", "-001-01-01", "0000-01-01", "+2025-01-01", "2025-01-0١", "10000-01-01",
	} {
		if got, err := finapi.ParseDate(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		} else {
			mustRefuse(t, err, "date")
		}
	}
}

func TestADateDoesNotMoveWithTheZone(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 11, 20, 23, 30, 0, 0, time.FixedZone("CET", 3600))
	same(t, date(2026, 11, 20), finapi.DateOf(night))
	same(t, date(2026, 11, 20), finapi.DateOf(night.UTC()))
	same(t, date(2026, 11, 21), finapi.DateOf(night.In(time.FixedZone("east", 10*3600))))
	begin := date(2026, 11, 20).In(night.Location())
	same(t, "2026-11-20T00:00:00+01:00", begin.Format(time.RFC3339))
}

func TestOnlyDaysOfTheYears1To9999AreValid(t *testing.T) {
	t.Parallel()
	for d, want := range map[finapi.Date]bool{
		{}: false, date(2025, 2, 28): true, date(2025, 2, 29): false, date(2025, 13, 1): false, date(2025, 0, 1): false,
		date(0, 1, 1): false, date(-1, 1, 1): false, date(10_000, 1, 1): false, date(2025, 1, 32): false, date(2025, 1, -1): false,
	} {
		if got := d.Valid(); got != want {
			t.Errorf("%#v: valid is %v, want %v", d, got, want)
		}
	}
}

func TestTheZeroDateIsNoDate(t *testing.T) {
	t.Parallel()
	var none finapi.Date
	same(t, true, none.IsZero())
	same(t, "", none.String())
	value, err := none.Value()
	must(t, err)
	same(t, nil, value)
	text, err := json.Marshal(none)
	must(t, err)
	same(t, `""`, string(text))
	back := date(2025, 1, 1)
	must(t, json.Unmarshal(text, &back))
	same(t, none, back)
}

// dates generates the days of the years 1 to 9999.
func dates() *rapid.Generator[finapi.Date] {
	return rapid.Custom(func(t *rapid.T) finapi.Date {
		first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
		return finapi.DateOf(first.AddDate(0, 0, rapid.IntRange(0, 3_652_058).Draw(t, "day")))
	})
}

func TestADateCountsLikeTheCalendar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := dates().Draw(t, "a"), dates().Draw(t, "b")
		ta, tb := a.In(time.UTC), b.In(time.UTC)
		if !a.Valid() {
			t.Fatalf("%v is not valid", a)
		}
		if got, want := a.Compare(b), ta.Compare(tb); got != want {
			t.Fatalf("%v.Compare(%v) is %d, want %d", a, b, got, want)
		}
		if a.Before(b) != ta.Before(tb) || a.After(b) != ta.After(tb) {
			t.Fatalf("%v and %v: Before %v, After %v", a, b, a.Before(b), a.After(b))
		}
		days := a.DaysSince(b)
		if want := int((ta.Unix() - tb.Unix()) / 86_400); days != want {
			t.Fatalf("%v is %d days after %v, want %d", a, days, b, want)
		}
		if got := b.AddDays(days); got != a {
			t.Fatalf("%v plus %d days is %v, want %v", b, days, got, a)
		}
		again, err := finapi.ParseDate(a.String())
		if err != nil || again != a {
			t.Fatalf("%v is read back as %v (%v)", a, again, err)
		}
	})
}

func TestADateGoesThroughJSONAndSQLUnchanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := dates().Draw(t, "date")
		text, err := json.Marshal(map[finapi.Date]finapi.Date{want: want})
		if err != nil {
			t.Fatal(err)
		}
		var back map[finapi.Date]finapi.Date
		if err := json.Unmarshal(text, &back); err != nil || back[want] != want {
			t.Fatalf("%v came back from JSON as %v (%v)", want, back, err)
		}
		value, err := want.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, stored := range []any{value, []byte(value.(string)), want.In(time.UTC)} {
			var got finapi.Date
			if err := got.Scan(stored); err != nil || got != want {
				t.Fatalf("%v came back from SQL as %v (%v)", want, got, err)
			}
		}
	})
}

func TestScanRefusesWhatIsNoDay(t *testing.T) {
	t.Parallel()
	got := date(2025, 1, 1)
	must(t, got.Scan(nil))
	same(t, finapi.Date{}, got)
	got = date(2025, 1, 1)
	for _, src := range []any{"2025-02-30", []byte("x"), 20250101, 1.5, true} {
		mustRefuse(t, got.Scan(src), "date")
	}
	same(t, date(2025, 1, 1), got)
}

func TestDatesSort(t *testing.T) {
	t.Parallel()
	days := []finapi.Date{date(2025, 2, 1), date(2024, 12, 31), date(2025, 1, 31)}
	slices.SortFunc(days, finapi.Date.Compare)
	same(t, []finapi.Date{date(2024, 12, 31), date(2025, 1, 31), date(2025, 2, 1)}, days)
}

// FuzzParseDate checks that what is read as a day is one, and is written alike.
func FuzzParseDate(f *testing.F) {
	for _, text := range []string{"2025-03-31", "2025-02-30", "0000-01-01", "9999-12-31", "", "2025-3-1", "٢٠٢٥-٠١-٠١"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := finapi.ParseDate(text)
		if err != nil {
			return
		}
		if !d.Valid() || d.String() != text {
			t.Errorf("%q was read as %#v, which is valid: %v, and is written %q", text, d, d.Valid(), d)
		}
	})
}
