package finapitest

import (
	"strings"

	"github.com/shopspring/decimal"
)

// money is an amount as finAPI writes it: a JSON number with as many decimals
// as the value has, at least one.
type money decimal.Decimal

// MarshalJSON writes the exact decimal value as a number literal.
func (m money) MarshalJSON() ([]byte, error) {
	s := decimal.Decimal(m).String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return []byte(s), nil
}

// optionalMoney returns nil, which is null in JSON, for an absent amount.
func optionalMoney(d *decimal.Decimal) *money {
	if d == nil {
		return nil
	}
	m := money(*d)
	return &m
}

// cents returns an amount given in hundredths.
func cents(n int64) decimal.Decimal { return decimal.New(n, -2) }
