package finapi_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

func TestAnAmountIsWrittenWithAtLeastTwoDecimals(t *testing.T) {
	t.Parallel()
	cases := []struct {
		money finapi.Money
		want  string
	}{
		{money("-12.3", "EUR"), "-12.30 EUR"},
		{money("0", "EUR"), "0.00 EUR"},
		{money("1e2", "JPY"), "100.00 JPY"},
		{money("250.125", "TND"), "250.125 TND"},
		{money("1234567890123456.78", ""), "1234567890123456.78"},
		{finapi.Money{}, "0.00"},
	}
	for _, tt := range cases {
		same(t, tt.want, tt.money.String())
	}
}

func TestEqualMoneyIsTheSameAmountInTheSameCurrency(t *testing.T) {
	t.Parallel()
	cases := []struct {
		a, b finapi.Money
		want bool
	}{
		{money("1.5", "EUR"), money("1.50", "EUR"), true},
		{money("100", "EUR"), money("1e2", "EUR"), true},
		{money("1.5", "EUR"), money("1.5", "CHF"), false},
		{money("1.5", "EUR"), money("-1.5", "EUR"), false},
		{money("0", "EUR"), money("-0.00", "EUR"), true},
		{money("1.5", "EUR"), money("1.5", ""), false},
	}
	for _, tt := range cases {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%v equals %v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestMinorNeverRounds(t *testing.T) {
	t.Parallel()
	good := []struct {
		amount string
		digits int
		want   int64
	}{
		{"-12.34", 2, -1234},
		{"12.3", 2, 1230},
		{"12.340", 2, 1234},
		{"1e2", 2, 10000},
		{"3500000", 0, 3500000},
		{"250.125", 3, 250125},
		{"0", 0, 0},
		{"92233720368547758.07", 2, 9223372036854775807},
		{"-92233720368547758.08", 2, -9223372036854775808},
		{"9", 18, 9e18},
	}
	for _, tt := range good {
		got, err := money(tt.amount, "EUR").Minor(tt.digits)
		if err != nil || got != tt.want {
			t.Errorf("%s with %d digits is %d (%v), want %d", tt.amount, tt.digits, got, err, tt.want)
		}
	}
	bad := []struct {
		amount, field string
		digits        int
	}{
		{"12.345", "amount", 2},
		{"0.5", "amount", 0},
		{"92233720368547758.08", "amount", 2},
		{"-92233720368547758.09", "amount", 2},
		{"1e30", "amount", 2},
		{"1", "digits", -1},
		{"1", "digits", 19},
	}
	for _, tt := range bad {
		got, err := money(tt.amount, "EUR").Minor(tt.digits)
		mustRefuse(t, err, tt.field)
		same(t, int64(0), got)
	}
}

// amounts generates decimals of up to 40 digits, with exponents like those of
// finAPI's numbers.
func amounts() *rapid.Generator[decimal.Decimal] {
	return rapid.Custom(func(t *rapid.T) decimal.Decimal {
		digits, _ := new(big.Int).SetString(rapid.StringMatching(`-?[0-9]{1,40}`).Draw(t, "digits"), 10)
		return decimal.NewFromBigInt(digits, int32(rapid.IntRange(-20, 20).Draw(t, "exponent")))
	})
}

func TestMinorIsExactOrAnError(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount, digits := amounts().Draw(t, "amount"), rapid.IntRange(0, 18).Draw(t, "digits")
		exact := new(big.Rat).Mul(amount.Rat(), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
		got, err := finapi.Money{Amount: amount}.Minor(digits)
		if fits := exact.IsInt() && exact.Num().IsInt64(); fits != (err == nil) {
			t.Fatalf("%v with %d digits: error %v, but it fits: %v", amount, digits, err, fits)
		}
		if err == nil && exact.Cmp(new(big.Rat).SetInt64(got)) != 0 {
			t.Fatalf("%v with %d digits is %d, want %v", amount, digits, got, exact)
		}
	})
}

func TestMoneyGoesThroughJSONUnchangedAndInOneForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := finapi.Money{Amount: amounts().Draw(t, "amount"), Currency: rapid.SampledFrom([]finapi.Currency{"", "EUR", "XXQ"}).Draw(t, "currency")}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var back finapi.Money
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(want) {
			t.Fatalf("%s came back as %v (%v)", text, back, err)
		}
		more := finapi.Money{Amount: want.Amount.Add(decimal.New(0, -35)), Currency: want.Currency} // the same with zeros behind
		again, err := json.Marshal(more)
		if err != nil || string(again) != string(text) {
			t.Fatalf("the same amount is written %s and %s", text, again)
		}
		if strings.ContainsAny(string(text), "eE+") && !strings.Contains(string(text), "EUR") {
			if amount, _, _ := strings.Cut(string(text), `,"currency"`); strings.ContainsAny(strings.TrimPrefix(amount, `{"amount":`), "eE+") {
				t.Fatalf("%s has an exponent", text)
			}
		}
	})
}

func TestTheJSONOfMoneyIsText(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]finapi.Money{
		`{"amount":"-12.34","currency":"EUR"}`: money("-12.340", "EUR"),
		`{"amount":"100"}`:                     money("1e2", ""),
		`{"amount":"0","currency":"EUR"}`:      money("-0.00", "EUR"),
	} {
		got, err := json.Marshal(m)
		must(t, err)
		same(t, want, string(got))
	}
}

func TestMoneyWithoutAnAmountIsAnErrorNotZero(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{"amount":null}`, `{"amount":""}`, `{"currency":"EUR"}`, `{"amount":"x"}`, `{"amount":12.34}`, `[]`, `"12.34"`, `{"amount":"1,5"}`,
	} {
		got := money("7", "EUR")
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was read as %v", text, got)
		}
		if !got.Equal(money("7", "EUR")) {
			t.Errorf("%s changed the value to %v", text, got)
		}
	}
}

func TestAnAmountThatCouldNotBeReadAgainIsNotWritten(t *testing.T) {
	t.Parallel()
	for _, amount := range []decimal.Decimal{decimal.New(1, 64), decimal.New(1, 1_000_000_000), decimal.New(1, -31), decimal.New(1, -1_000_000_000)} {
		_, err := finapi.Money{Amount: amount, Currency: "EUR"}.MarshalJSON()
		mustRefuse(t, err, "amount")
	}
	_, err := oneTransaction(t, "amount", strings.Repeat("9", 60)+"e30")
	mustFail(t, err, finapi.CodeUnreadable)
}
