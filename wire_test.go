package finapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

// oneTransaction reads a page with one transaction whose field has a value in
// JSON. Its other fields are good.
func oneTransaction(tb testing.TB, field, value string) (finapi.Transaction, error) {
	tb.Helper()
	fields := map[string]string{
		"id": "1", "accountId": "2", "amount": "3", "bankBookingDate": `"2026-11-20"`, "importDate": `"2026-11-20T06:00:11.482+01:00"`,
	}
	fields[field] = value
	var parts []string
	for k, v := range fields {
		if v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", k, v))
		}
	}
	server := newStub(tb)
	server.on(transactionsRoute, reply{body: `{"transactions":[{` + strings.Join(parts, ",") + `}],` + onePage + `}`})
	rows, err := finapi.Collect(server.user().Transactions(tb.Context(), finapi.TransactionQuery{}))
	if err != nil {
		if len(rows) != 0 {
			tb.Errorf("%s %s: a row came with the error", field, value)
		}
		return finapi.Transaction{}, err
	}
	return rows[0], nil
}

func TestAnAmountIsReadExactly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"-135.89": "-135.89", "0": "0", "0.0": "0", "-0": "0", "1e2": "100", "1E+2": "100", "1.5e-3": "0.0015",
		"1234567890123456.78": "1234567890123456.78", "9007199254740993": "9007199254740993", "0.1": "0.1",
		"99999999999999999999999999.999999999999": "99999999999999999999999999.999999999999", "1e30": "1e30", "1e-30": "1e-30",
	} {
		tx, err := oneTransaction(t, "amount", text)
		must(t, err)
		if !tx.Amount.Equal(money(want, "")) {
			t.Errorf("%s was read as %v", text, tx.Amount)
		}
	}
}

func TestAnAmountThatIsNotANumberIsAnErrorNotZero(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "null", `""`, `"1.00"`, "true", "[]", "{}", "1e31", "1e-31", "1e999999999", "-1e99999999999999999999",
		strings.Repeat("9", 65), "1." + strings.Repeat("0", 63),
	} {
		_, err := oneTransaction(t, "amount", text)
		if e := failure(t, err, finapi.CodeUnreadable); strings.Contains(e.Error(), "999") {
			t.Errorf("the text quotes the amount: %v", e)
		}
	}
}

func TestAnEndlessAmountIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	_, err := oneTransaction(t, "amount", strings.Repeat("9", 256<<10))
	mustFail(t, err, finapi.CodeUnreadable)
}

func TestADayOfAnAnswerMustBeReal(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", `""`, `"2025-02-30"`, `"2026-11-20T00:00:00Z"`, "20261120", `"0000-01-01"`, "[]"} {
		_, err := oneTransaction(t, "bankBookingDate", text)
		mustFail(t, err, finapi.CodeUnreadable)
	}
	tx, err := oneTransaction(t, "valueDate", "null")
	must(t, err)
	same(t, finapi.Date{}, tx.ValueDate)
	_, err = oneTransaction(t, "valueDate", `"2025-02-30"`)
	mustFail(t, err, finapi.CodeUnreadable)
}

func TestATimeOfAnAnswerMayHaveAnyOfTheThreeForms(t *testing.T) {
	t.Parallel()
	want := instant("2021-03-02T13:51:08.973Z")
	for _, text := range []string{
		"2021-03-02T13:51:08.973Z", "2021-03-02T13:51:08.973+0000", "2021-03-02T13:51:08.973+00:00", "2021-03-02T14:51:08.973+0100",
		"2021-03-02T14:51:08.973+01:00", "2021-03-02T03:51:08.973-1000", "2021-03-02T13:51:08.973000Z",
	} {
		tx, err := oneTransaction(t, "importDate", `"`+text+`"`)
		must(t, err)
		if !tx.Imported.Equal(want) {
			t.Errorf("%s was read as %v", text, tx.Imported)
		}
	}
	for _, text := range []string{"", "null"} {
		tx, err := oneTransaction(t, "importDate", text)
		must(t, err)
		same(t, time.Time{}, tx.Imported)
	}
	for _, text := range []string{`""`, `"2021-03-02"`, `"2018-06-12 15:39:35.000"`, "1614693068", `"2021-02-30T13:51:08Z"`} {
		_, err := oneTransaction(t, "importDate", text)
		mustFail(t, err, finapi.CodeUnreadable)
	}
}

func TestARequiredFieldOfATransactionMayNotBeMissing(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"id", "accountId", "amount", "bankBookingDate"} {
		for _, value := range []string{"", "null"} {
			_, err := oneTransaction(t, field, value)
			if e := failure(t, err, finapi.CodeUnreadable); !strings.Contains(e.Error(), field) {
				t.Errorf("the text does not name %s: %v", field, e)
			}
		}
	}
	for _, field := range []string{"id", "accountId"} {
		for _, value := range []string{"0", "-1", "1.5", `"1"`, "9223372036854775808"} {
			_, err := oneTransaction(t, field, value)
			mustFail(t, err, finapi.CodeUnreadable)
		}
	}
}
