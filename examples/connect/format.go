package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// decimals are the digits after the point of currencies that have not two, by ISO 4217.
var decimals = map[finapi.Currency]int{
	"BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3,
	"OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}

// symbols are those that are not mistaken for another currency's here.
var symbols = map[finapi.Currency]string{"EUR": "€", "USD": "$", "GBP": "£"}

// otherMark is the mark between thousands if one is the mark before decimals.
var otherMark = map[string]string{".": ",", ",": "."}

const (
	noBreakSpace = "\u00a0"
	minus        = "\u2212"
)

func digitsOf(c finapi.Currency) int {
	if n, ok := decimals[c]; ok {
		return n
	}
	return 2
}

// money writes an amount: 1.234,56 € or €1,234.56. It shows more digits than the
// currency has rather than round.
func (t tongue) money(m finapi.Money) string {
	number := t.decimal(m.Amount.Abs(), digitsOf(m.Currency))
	sign := ""
	if m.Amount.IsNegative() {
		sign = minus
	}
	symbol, short := symbols[m.Currency]
	switch {
	case m.Currency == "":
		return sign + number
	case t.lang == finapi.German:
		if !short {
			symbol = string(m.Currency)
		}
		return sign + number + noBreakSpace + symbol
	case short:
		return sign + symbol + number
	}
	return sign + string(m.Currency) + noBreakSpace + number
}

// decimal writes a number that is not negative, with at least so many digits after the
// point.
func (t tongue) decimal(d decimal.Decimal, digits int) string {
	point := t.point()
	group := otherMark[point]
	whole, fraction, _ := strings.Cut(d.String(), ".")
	if n := digits - len(fraction); n > 0 {
		fraction += strings.Repeat("0", n)
	}
	whole = grouped(whole, group)
	if fraction == "" {
		return whole
	}
	return whole + point + fraction
}

// grouped puts a mark between the thousands.
func grouped(digits, mark string) string {
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(mark)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (t tongue) count(n int) string {
	if n < 0 {
		return strconv.Itoa(n)
	}
	return t.decimal(decimal.NewFromInt(int64(n)), 0)
}

var englishMonths = [...]string{"", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// date writes a day: 02.03.2026 or 2 Mar 2026.
func (t tongue) date(d finapi.Date) string {
	if d.IsZero() {
		return t.text("never")
	}
	if t.lang == finapi.German {
		return pad(d.Day) + "." + pad(int(d.Month)) + "." + strconv.Itoa(d.Year)
	}
	return strconv.Itoa(d.Day) + " " + englishMonths[d.Month] + " " + strconv.Itoa(d.Year)
}

// moment writes a time of day in the customer's zone.
func (t tongue) moment(at time.Time) string {
	if at.IsZero() {
		return t.text("never")
	}
	at = at.In(t.zone)
	return t.text("moment", finapi.DateOf(at), at.Format("15:04"))
}

func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// iban groups an IBAN by four, as it is printed.
func iban(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteString(noBreakSpace)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maskedIBAN shows as much of an IBAN as its owner needs to recognise it.
func maskedIBAN(s string) string {
	if len(s) < 12 {
		return s
	}
	return s[:4] + noBreakSpace + "…" + noBreakSpace + s[len(s)-4:]
}

// pointOf guesses which mark of an amount stands before its decimals.
func (t tongue) pointOf(text string) string {
	comma, dot := strings.LastIndex(text, ","), strings.LastIndex(text, ".")
	mark, other, last := ".", ",", dot
	if comma > dot {
		mark, other, last = ",", ".", comma
	}
	switch {
	case min(comma, dot) >= 0:
		return mark // both are there: the last one
	case strings.Count(text, mark) > 1:
		return other // between thousands only
	case len(text)-last == 4 && mark != t.point():
		return other
	}
	return mark
}

// point is the mark before decimals.
func (t tongue) point() string {
	if t.lang == finapi.German {
		return ","
	}
	return "."
}

// parseAmount reads what a person writes: 1.234,56 or 1,234.56 or 1234.5. A single mark
// with three digits after it is ambiguous; the language decides.
func (t tongue) parseAmount(text string) (decimal.Decimal, bool) {
	text = strings.NewReplacer(" ", "", noBreakSpace, "", "€", "", "$", "", "£", "", minus, "-").Replace(text)
	point := t.pointOf(text)
	group := otherMark[point]
	text = strings.ReplaceAll(strings.ReplaceAll(text, group, ""), point, ".")
	d, err := decimal.NewFromString(text)
	// An exponent is no way to write money, and could make a huge number of a short text.
	return d, err == nil && !strings.ContainsAny(text, "eE") && len(text) <= 30
}
