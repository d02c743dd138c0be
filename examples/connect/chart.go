package main

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// chart is the balance over time, drawn as a line with steps: between two bookings the
// balance does not move. All coordinates are decimals with two digits.
type chart struct {
	From, To                 finapi.Date
	Start, End, Lowest, Most finapi.Money
	// Line and Area are SVG paths in a plot of chartWidth times chartHeight.
	Line, Area string
	// Ticks are the horizontal lines of the plot.
	Ticks []tick
	// Rows are the same as a table: the balances at the end of each day on which something
	// was booked, or of each month if there are many.
	Rows    []dayBalance
	Monthly bool
}

// The plot's own size; the page stretches it to the width that there is.
const (
	chartWidth  = 1000
	chartHeight = 200
)

// tick is a line at an amount. Y is in the plot's size, Percent the same in per cent of
// its height.
type tick struct {
	Amount     finapi.Money
	Y, Percent string
	Zero       bool
}

// dayBalance is the balance at the end of a day.
type dayBalance struct {
	Day    finapi.Date
	Amount finapi.Money
}

// mostRows is up to how many days the table shows each.
const mostRows = 40

// newChart draws the balance from a day, or from the first booking if that is later or the
// day is zero, to the last day. days are all movements of the ledger by day, opening what
// was there before them. It is nil if there is nothing to draw.
func newChart(days []movement, opening decimal.Decimal, currency finapi.Currency, from, to finapi.Date) *chart {
	if len(days) == 0 || to.IsZero() {
		return nil
	}
	if from.Before(days[0].Day) {
		from = days[0].Day
	}
	if to.Before(from) {
		return nil
	}
	points := []dayBalance{{from, finapi.Money{Amount: opening, Currency: currency}}}
	for _, m := range days {
		last := points[len(points)-1].Amount
		next := dayBalance{m.Day, finapi.Money{Amount: last.Amount.Add(m.Amount), Currency: currency}}
		switch {
		case !m.Day.After(from):
			points[0].Amount = next.Amount
		case !m.Day.After(to):
			points = append(points, next)
		}
	}
	c := &chart{From: from, To: to, Start: points[0].Amount, End: points[len(points)-1].Amount}
	c.Lowest, c.Most = c.Start, c.Start
	for _, p := range points {
		c.Lowest.Amount, c.Most.Amount = decimal.Min(c.Lowest.Amount, p.Amount.Amount), decimal.Max(c.Most.Amount, p.Amount.Amount)
	}
	c.draw(points)
	c.table(points)
	return c
}

// scale places amounts and days in the plot.
type scale struct {
	low, high decimal.Decimal
	from      finapi.Date
	days      int
}

func (s scale) x(d finapi.Date) decimal.Decimal {
	return decimal.NewFromInt(int64(d.DaysSince(s.from)*chartWidth)).DivRound(decimal.NewFromInt(int64(s.days)), 2)
}

func (s scale) y(amount decimal.Decimal) decimal.Decimal {
	return s.high.Sub(amount).Mul(decimal.NewFromInt(chartHeight)).DivRound(s.high.Sub(s.low), 2)
}

func (c *chart) draw(points []dayBalance) {
	step := niceStep(c.Most.Amount.Sub(c.Lowest.Amount))
	s := scale{
		low: c.Lowest.Amount.Div(step).Floor().Mul(step), high: c.Most.Amount.Div(step).Floor().Add(decimal.NewFromInt(1)).Mul(step),
		from: c.From, days: max(1, c.To.DaysSince(c.From)),
	}
	var path strings.Builder
	path.WriteString("M0 " + s.y(points[0].Amount.Amount).String())
	for _, p := range points[1:] {
		path.WriteString("H" + s.x(p.Day).String() + "V" + s.y(p.Amount.Amount).String())
	}
	path.WriteString("H" + decimal.NewFromInt(chartWidth).String())
	c.Line = path.String()
	floor := s.y(decimal.Max(s.low, decimal.Min(s.high, decimal.Zero))).String()
	c.Area = c.Line + "V" + floor + "H0Z"
	for amount := s.low; !amount.GreaterThan(s.high); amount = amount.Add(step) {
		y := s.y(amount)
		c.Ticks = append(c.Ticks, tick{
			Amount: finapi.Money{Amount: amount, Currency: c.Start.Currency}, Y: y.String(),
			Percent: y.DivRound(decimal.NewFromInt(chartHeight/100), 2).String(), Zero: amount.IsZero(),
		})
	}
}

// niceStep is 1, 2 or 5 times a power of ten, so that two to five of it cover a span.
func niceStep(span decimal.Decimal) decimal.Decimal {
	if !span.IsPositive() {
		return decimal.NewFromInt(1)
	}
	step := decimal.New(1, int32(span.NumDigits())+span.Exponent()-2) //nolint:gosec // amounts have a few digits
	for {
		for _, times := range []int64{1, 2, 5} {
			if s := step.Mul(decimal.NewFromInt(times)); span.LessThan(s.Mul(decimal.NewFromInt(4))) {
				return s
			}
		}
		step = step.Mul(decimal.NewFromInt(10))
	}
}

// table lists the points, or the ends of the months if they are many.
func (c *chart) table(points []dayBalance) {
	c.Monthly = len(points) > mostRows
	for i, p := range points {
		last := i == len(points)-1
		if c.Monthly && !last && points[i+1].Day.Month == p.Day.Month && points[i+1].Day.Year == p.Day.Year {
			continue
		}
		c.Rows = append(c.Rows, p)
	}
}
