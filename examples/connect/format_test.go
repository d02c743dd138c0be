package main

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

var inGerman, inEnglish = tongue{lang: finapi.German, zone: time.UTC}, tongue{lang: finapi.English, zone: time.UTC}

func TestAmountsAreWrittenAsTheLanguageWantsThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount          string
		currency        finapi.Currency
		german, english string
	}{
		{"1234.56", "EUR", "1.234,56 €", "€1,234.56"},
		{"-1234567.8", "EUR", "−1.234.567,80 €", "−€1,234,567.80"},
		{"0", "EUR", "0,00 €", "€0.00"},
		{"999.99", "CHF", "999,99 CHF", "CHF 999.99"},
		{"-17", "USD", "−17,00 $", "−$17.00"},
		{"1200", "JPY", "1.200 JPY", "JPY 1,200"},
		{"1.5", "KWD", "1,500 KWD", "KWD 1.500"},
		{"0.12345", "EUR", "0,12345 €", "€0.12345"},
		{"10.5", "", "10,50", "10.50"},
	} {
		m := finapi.Money{Amount: decimal.RequireFromString(c.amount), Currency: c.currency}
		german, english := strings.ReplaceAll(inGerman.money(m), noBreakSpace, " "), strings.ReplaceAll(inEnglish.money(m), noBreakSpace, " ")
		if german != c.german || english != c.english {
			t.Errorf("%s %s is written %q and %q, want %q and %q", c.amount, c.currency, german, english, c.german, c.english)
		}
	}
}

func TestAmountsAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, german, english string }{
		{"1234.56", "1234.56", "1234.56"},
		{"1.234,56", "1234.56", "1234.56"},
		{"1,234.56", "1234.56", "1234.56"},
		{"1.234", "1234", "1.234"},
		{"1,234", "1.234", "1234"},
		{"12,5", "12.5", "12.5"},
		{"−1 234,56 €", "-1234.56", "-1234.56"},
		{"1.234.567", "1234567", "1234567"},
		{"1e9", "", ""},
		{"abc", "", ""},
		{"", "", ""},
		{strings.Repeat("9", 40), "", ""},
	} {
		for lang, want := range map[tongue]string{inGerman: c.german, inEnglish: c.english} {
			got, ok := lang.parseAmount(c.text)
			if ok != (want != "") || ok && got.String() != want {
				t.Errorf("%q in %s is read as %s (%v), want %q", c.text, lang.lang, got, ok, want)
			}
		}
	}
}

func TestDaysAndTimesAreWrittenAsTheLanguageWantsThem(t *testing.T) {
	t.Parallel()
	day := finapi.Date{Year: 2026, Month: time.March, Day: 2}
	at := time.Date(2026, 3, 2, 9, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		inGerman.date(day): "02.03.2026", inEnglish.date(day): "2 Mar 2026", inGerman.date(finapi.Date{}): "noch nie",
		inEnglish.moment(at): "2 Mar 2026, 09:05", inGerman.moment(at): "02.03.2026, 09:05 Uhr", inEnglish.moment(time.Time{}): "never",
		inGerman.count(1998): "1.998", inEnglish.count(1998): "1,998",
		inEnglish.text("told.booked", 1): "1 new booking.", inEnglish.text("told.booked", 2): "2 new bookings.",
		inEnglish.text("no such text"): "?no such text?",
	} {
		if got != want {
			t.Errorf("written %q, want %q", got, want)
		}
	}
}

func TestAnIBANIsShownToItsOwnerAsFarAsNeeded(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		iban("DE89370400440532013000"): "DE89 3704 0044 0532 0130 00", maskedIBAN("DE89370400440532013000"): "DE89 … 3000",
		maskedIBAN("12345"): "12345", maskedIBAN(""): "",
	} {
		if got = strings.ReplaceAll(got, noBreakSpace, " "); got != want {
			t.Errorf("shown as %q, want %q", got, want)
		}
	}
}
