package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

func day(n int) finapi.Date { return finapi.Date{Year: 2026, Month: time.March, Day: n} }

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestTheChartStepsWhereSomethingWasBooked(t *testing.T) {
	t.Parallel()
	days := []movement{{day(1), amount("100")}, {day(6), amount("-50")}, {day(11), amount("150.55")}}
	c := newChart(days, amount("0.45"), "EUR", finapi.Date{}, day(11))
	type view struct{ From, To, Start, End, Lowest, Most, Line, Area string }
	got := view{
		c.From.String(), c.To.String(), c.Start.String(), c.End.String(), c.Lowest.String(), c.Most.String(), c.Line, c.Area,
	}
	want := view{
		"2026-03-01", "2026-03-11", "100.45 EUR", "201.00 EUR", "50.45 EUR", "201.00 EUR",
		"M0 149.55H500V199.55H1000V49H1000", "M0 149.55H500V199.55H1000V49H1000V200H0Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chart (-want +got):\n%s", diff)
	}
	var ticks []string
	for _, tick := range c.Ticks {
		ticks = append(ticks, tick.Amount.String()+" at "+tick.Percent+"%")
	}
	if diff := cmp.Diff([]string{"50.00 EUR at 100%", "100.00 EUR at 75%", "150.00 EUR at 50%", "200.00 EUR at 25%", "250.00 EUR at 0%"}, ticks); diff != "" {
		t.Errorf("ticks (-want +got):\n%s", diff)
	}
}

func TestTheChartBeginsWithTheBalanceOfTheFirstDayThatItShows(t *testing.T) {
	t.Parallel()
	days := []movement{{day(1), amount("100")}, {day(6), amount("-250")}}
	c := newChart(days, decimal.Zero, "EUR", day(4), day(8))
	if c.Start.String() != "100.00 EUR" || c.End.String() != "-150.00 EUR" || c.From != day(4) {
		t.Errorf("the chart goes from %s with %s to %s", c.From, c.Start, c.End)
	}
	zero := false
	for _, tick := range c.Ticks {
		zero = zero || tick.Zero
	}
	if !zero {
		t.Error("a chart that crosses zero has no line there")
	}
}

func TestTheTableShowsMonthsIfTheDaysAreMany(t *testing.T) {
	t.Parallel()
	var days []movement
	first := finapi.Date{Year: 2026, Month: time.January, Day: 1}
	for n := range 90 {
		days = append(days, movement{first.AddDays(n), amount("1")})
	}
	c := newChart(days, decimal.Zero, "EUR", finapi.Date{}, first.AddDays(89))
	var rows []string
	for _, r := range c.Rows {
		rows = append(rows, r.Day.String()+" "+r.Amount.String())
	}
	want := []string{"2026-01-31 31.00 EUR", "2026-02-28 59.00 EUR", "2026-03-31 90.00 EUR"}
	if diff := cmp.Diff(want, rows); diff != "" || !c.Monthly {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestThereIsNoChartWithoutBookings(t *testing.T) {
	t.Parallel()
	if c := newChart(nil, decimal.Zero, "EUR", finapi.Date{}, day(1)); c != nil {
		t.Errorf("a chart of nothing: %+v", c)
	}
	if c := newChart([]movement{{day(5), amount("1")}}, decimal.Zero, "EUR", finapi.Date{}, day(1)); c != nil {
		t.Errorf("a chart that ends before it begins: %+v", c)
	}
}

func TestWhateverTheAmountsTheChartStaysInItsPlot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var days []movement
		for n := range rapid.IntRange(1, 20).Draw(t, "days") {
			days = append(days, movement{day(1).AddDays(n), decimal.New(rapid.Int64Range(-1e12, 1e12).Draw(t, "cents"), -2)})
		}
		c := newChart(days, decimal.New(rapid.Int64Range(-1e12, 1e12).Draw(t, "opening"), -2), "EUR", finapi.Date{}, day(28))
		if n := len(c.Ticks); n < 2 || n > 7 {
			t.Fatalf("%d lines in the plot from %s to %s", n, c.Lowest, c.Most)
		}
		low, high := c.Ticks[0].Amount.Amount, c.Ticks[len(c.Ticks)-1].Amount.Amount
		if c.Lowest.Amount.LessThan(low) || c.Most.Amount.GreaterThan(high) {
			t.Fatalf("%s to %s is outside of the plot, %s to %s", c.Lowest, c.Most, low, high)
		}
	})
}
