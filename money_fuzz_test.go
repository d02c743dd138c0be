package finapi_test

import (
	"encoding/json"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// FuzzMoney reads an amount, writes it and reads it again, and counts it in minor units: it is
// the same each time to the last digit, and never larger than an amount of money can be.
func FuzzMoney(f *testing.F) {
	f.Add(`{"amount":"-12.34","currency":"EUR"}`, 2)
	f.Fuzz(func(t *testing.T, text string, digits int) {
		var m finapi.Money
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			same(t, finapi.Money{}, m)
			return
		}
		if e := m.Amount.Exponent(); e > 30 || e < -30 || m.Amount.NumDigits() > 64 {
			t.Fatalf("%d digits with the exponent %d were taken", m.Amount.NumDigits(), e)
		}
		data, err := json.Marshal(m)
		must(t, err)
		var again finapi.Money
		must(t, json.Unmarshal(data, &again))
		if !again.Equal(m) || again.String() == "" {
			t.Errorf("%s was written as %s and read as %v", text, data, again)
		}
		twice, err := json.Marshal(again)
		must(t, err)
		same(t, string(data), string(twice))

		minor, err := m.Minor(digits)
		if err != nil {
			if e := failure(t, err, finapi.CodeInvalidInput); e.Field == "" {
				t.Errorf("%v names no field", err)
			}
			return
		}
		if !decimal.New(minor, -int32(digits)).Equal(m.Amount) {
			t.Errorf("%v is %d of its minor units", m, minor)
		}
	})
}
