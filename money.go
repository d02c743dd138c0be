package finapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Currency is a three-letter ISO 4217 code such as EUR, CHF or USD. The set is
// open. "" means that finAPI named none.
type Currency string

// Money is an exact decimal amount in a currency. It never passes through a
// float and is never rounded. The sign is the direction: positive came in,
// negative went out.
type Money struct {
	// Amount is in units of the currency: -12.34 with EUR is twelve euros and
	// 34 cents going out.
	Amount decimal.Decimal
	// Currency is the currency of Amount. finAPI leaves it out on a transaction
	// that is in its account's currency; it is then "" here, too, except in the
	// events of a [Feed], which fill it in.
	Currency Currency
}

// String returns the amount with at least two decimals and its currency, such
// as "-12.30 EUR".
func (m Money) String() string {
	text := m.Amount.StringFixed(max(2, -m.Amount.Exponent()))
	if m.Currency == "" {
		return text
	}
	return text + " " + string(m.Currency)
}

// Equal reports whether both are the same amount in the same currency. 1.5 EUR
// equals 1.50 EUR.
func (m Money) Equal(n Money) bool {
	return m.Currency == n.Currency && m.Amount.Equal(n.Amount)
}

// Minor returns the amount as a whole number of the currency's smallest unit,
// where digits is the number of decimals that this unit stands for: 2 for
// cents. It returns an error, and never rounds, if the amount has more decimals
// than that or does not fit an int64.
func (m Money) Minor(digits int) (int64, error) {
	if digits < 0 || digits > 18 {
		return 0, invalid("digits", "must be between 0 and 18")
	}
	shifted := m.Amount.Shift(int32(digits))
	if !shifted.IsInteger() {
		return 0, invalid("amount", fmt.Sprintf("has more than %d decimals", digits))
	}
	if !shifted.BigInt().IsInt64() {
		return 0, invalid("amount", "does not fit 64 bits")
	}
	return shifted.IntPart(), nil
}

type moneyJSON struct {
	Amount   string   `json:"amount"`
	Currency Currency `json:"currency,omitempty"`
}

// MarshalJSON writes the amount as a string, so that no reader turns it into a
// float: {"amount":"-12.34","currency":"EUR"}. An amount of more than 64 digits, or with more
// than 30 decimals, is an error, because [Money.UnmarshalJSON] would not read it back.
func (m Money) MarshalJSON() ([]byte, error) {
	text, ok := written(m.Amount)
	if !ok {
		return nil, invalid("amount", "must have 64 digits and 30 decimals at the most")
	}
	return json.Marshal(moneyJSON{Amount: text, Currency: m.Currency})
}

// written is a decimal as a text that can be read again.
func written(d decimal.Decimal) (text string, ok bool) {
	const most = 1000 // an exponent beyond it would make a long text only to be refused
	if d.Exponent() > most || d.Exponent() < -most {
		return "", false
	}
	text = canonical(d)
	_, ok = parseDecimal(text)
	return text, ok
}

// UnmarshalJSON reads what [Money.MarshalJSON] writes. An amount that is missing
// or null is an error, not zero.
func (m *Money) UnmarshalJSON(data []byte) error {
	var raw moneyJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	amount, ok := parseDecimal(raw.Amount)
	if !ok {
		return invalid("amount", "is not a decimal number")
	}
	*m = Money{Amount: amount, Currency: raw.Currency}
	return nil
}

// canonical writes a decimal in one way only, whatever the host program has set
// in the decimal package's globals: 100, 100.0 and 1e2 are all "100".
func canonical(d decimal.Decimal) string {
	text := d.StringFixed(max(0, -d.Exponent()))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}
