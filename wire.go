package finapi

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// The types of this file read single values of finAPI's JSON. Absent and null
// are the same to them, and neither is zero.

// number is an exact decimal number.
type number struct {
	value decimal.Decimal
	set   bool
}

const (
	maxNumberText = 64 // digits, sign, point and exponent
	maxExponent   = 30
)

func (n *number) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		*n = number{}
		return nil
	}
	value, ok := parseDecimal(text)
	if !ok {
		return &missingFieldError{"number"}
	}
	*n = number{value: value, set: true}
	return nil
}

// parseDecimal reads a number that an amount of money can be. A short text such as
// 1e999999 would fill the memory when it is written out, so exponents are bounded.
func parseDecimal(text string) (decimal.Decimal, bool) {
	if len(text) > maxNumberText {
		return decimal.Decimal{}, false
	}
	value, err := decimal.NewFromString(text)
	exponent := int(value.Exponent())
	if err != nil || exponent > maxExponent || exponent < -maxExponent {
		return decimal.Decimal{}, false
	}
	// Written out, it must be short enough to be read again.
	return value, exponent <= 0 || value.NumDigits()+exponent < maxNumberText
}

// money returns nil if there is no number.
func (n number) money(currency Currency) *Money {
	if !n.set {
		return nil
	}
	return &Money{Amount: n.value, Currency: currency}
}

// day is a date without a time.
type day struct{ Date }

func (d *day) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil || text == nil {
		d.Date = Date{}
		return err
	}
	date, err := ParseDate(*text)
	if err != nil {
		return &missingFieldError{"date"}
	}
	d.Date = date
	return nil
}

// instant is a time stamp in any of the forms that finAPI's two services write.
type instant struct{ time.Time }

var instantLayouts = [...]string{
	time.RFC3339,               // Access: 2026-08-13T19:02:11.000+02:00, and ...Z
	"2006-01-02T15:04:05Z0700", // Web Form: 2021-03-02T13:51:08.973+0000
}

func (i *instant) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil || text == nil {
		i.Time = time.Time{}
		return err
	}
	for _, layout := range instantLayouts {
		if t, err := time.Parse(layout, *text); err == nil {
			i.Time = t
			return nil
		}
	}
	return &missingFieldError{"date-time"}
}

// require returns an error that names the first missing field.
func require(fields ...requirement) error {
	for _, f := range fields {
		if !f.present {
			return &missingFieldError{f.name}
		}
	}
	return nil
}

type requirement struct {
	name    string
	present bool
}

// identifier is any of the typed ids that are numbers at finAPI.
type identifier interface{ ~int64 }

// text writes an id for a path or a query.
func text[T identifier](id T) string { return strconv.FormatInt(int64(id), 10) }

// texts writes ids for a repeated query parameter.
func texts[T identifier](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = text(id)
	}
	return out
}

// checkIDs refuses ids that finAPI never gives, and more than it takes.
func checkIDs[T identifier](field string, ids []T) error {
	if len(ids) > maxIDs {
		return invalid(field, "must be 1000 ids at the most")
	}
	for _, id := range ids {
		if id <= 0 {
			return invalid(field, "must hold positive ids only")
		}
	}
	return nil
}

// maxIDs is how many ids finAPI takes in one query.
const maxIDs = 1000

// checked is an answer that knows whether it is whole. An answer that is JSON,
// but something else than expected, must not be taken for an empty one.
type checked interface{ check() error }

// dated is an answer that wants to know when it was sent, by finAPI's clock.
type dated interface{ answeredAt(t time.Time) }

// fastReader is an answer that has a faster way to be read than encoding/json. It reports
// false, and has changed nothing, if encoding/json must decide.
type fastReader interface{ readFast(body []byte) bool }

// unwrap turns decoded answers into public values.
func unwrap[A, T any](answers []A, value func(A) T) []T {
	out := make([]T, len(answers))
	for i, a := range answers {
		out[i] = value(a)
	}
	return out
}
