package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

var (
	books  = finapi.LedgerKey{Environment: "sandbox", Ledger: "tenant-17/1200"}
	source = finapi.Source{User: "customer-17", Account: 4711}
)

// row is a remembered row, booked on a day of November 2026; a day of 0 is none.
func row(uid finapi.UID, id finapi.TransactionID, fingerprint string, day int) finapi.Row {
	return finapi.Row{
		UID: uid, Source: source, ID: id, State: finapi.RowBooked, Fingerprint: fingerprint,
		Transaction: finapi.Transaction{
			ID: id, Account: source.Account, BookingDate: november(day),
			Amount:   finapi.Money{Amount: decimal.New(-1230, -2), Currency: "EUR"},
			Imported: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC),
		},
	}
}

func november(day int) finapi.Date {
	if day == 0 {
		return finapi.Date{}
	}
	return finapi.Date{Year: 2026, Month: 11, Day: day}
}

// numbered returns n equal bookings with ids from first on.
func numbered(first, n int) []finapi.Row {
	rows := make([]finapi.Row, n)
	for i := range rows {
		id := finapi.TransactionID(first + i)
		rows[i] = row(finapi.UID(fmt.Sprintf("uid-%d", id)), id, fmt.Sprintf("f%d", id), 1)
	}
	return rows
}

// fullRow has a value in every field that is remembered.
func fullRow() finapi.Row {
	money := func(coefficient int64, exponent int32, currency finapi.Currency) finapi.Money {
		return finapi.Money{Amount: decimal.New(coefficient, exponent), Currency: currency}
	}
	tiny := money(1, -30, "").Amount
	compensation, original, fee := money(-300, -2, "EUR"), money(1, 12, "JPY"), money(0, 0, "")
	r := row("finapi/sandbox/tenant-17/1200/4711.1", 1, "1:2026-11-01:AAEC_w-", 1)
	r.State = finapi.RowReview
	r.Decision = &finapi.Decision{
		Verdict: finapi.Confirmed, By: `person "7"`, At: time.Date(2026, 11, 21, 1, 2, 3, 4, time.UTC), AtFinAPI: "kept",
	}
	r.Transaction = finapi.Transaction{
		ID: 1, Account: source.Account, Parent: 2, Children: []finapi.TransactionID{3, 9_007_199_254_740_993},
		// -123456789012345678000000000000.000000000000000000000000000001
		Amount:      finapi.Money{Amount: money(-123_456_789_012_345_678, 12, "").Amount.Sub(tiny), Currency: "CHF"},
		BookingDate: finapi.Date{Year: 2024, Month: 2, Day: 29}, ValueDate: finapi.Date{Year: 9999, Month: 12, Day: 31},
		Imported: time.Date(2026, 10, 25, 2, 30, 0, 987_654_321, time.FixedZone("", 7200)),
		Purpose:  "Miete \"11/26\"\n<Groß & Klein>\u2028\x00 😀 ' \\ {} ,\t%s $1 ?1",
		Counterpart: finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX", AccountNumber: "0099",
			BLZ: "99900002", BankName: "Beispielbank", MandateReference: "M-1", CustomerReference: "K-1",
			CreditorID: "DE98ZZZ09999999999", DebtorID: "D-1",
		},
		EndToEndReference: "NOTPROVIDED", Type: "Überweisung", TypeCodeZKA: "166", TypeCodeSWIFT: "NTRF",
		SEPAPurposeCode: "SALA", BankTransactionCode: "PMNT-RDDT-ESDD", Primanota: "9310",
		Compensation: &compensation, Original: &original, Fee: &fee,
		DifferentDebtor: "Debtor", DifferentCreditor: "Creditor", PotentialDuplicate: true, AdjustingEntry: true,
		PayPal: &finapi.PayPal{InvoiceNumber: "R-1", Fee: &fee}, Certis: &finapi.Certis{Variable: "0000000017"},
	}
	return r
}

func change(version int64, rows ...finapi.Row) finapi.Change {
	return finapi.Change{Mark: finapi.Mark{Version: version, Source: source}, Rows: rows}
}

func byIDs(ids ...finapi.TransactionID) finapi.RowQuery {
	return finapi.RowQuery{Source: source, IDs: ids}
}

func byUIDs(uids ...finapi.UID) finapi.RowQuery { return finapi.RowQuery{UIDs: uids} }

func byPrints(prints ...string) finapi.RowQuery { return finapi.RowQuery{Fingerprints: prints} }

// since asks for rows booked on a day of November 2026 and later; 0 is for all.
func since(day int) finapi.RowQuery {
	first := november(day)
	return finapi.RowQuery{Since: &first}
}

func (s checker) commit(key finapi.LedgerKey, change finapi.Change) {
	s.Helper()
	if err := s.store.Commit(s.Context(), key, change); err != nil {
		s.Fatalf("Commit: %v", err)
	}
}

func (s checker) conflict(key finapi.LedgerKey, change finapi.Change) {
	s.Helper()
	if err := s.store.Commit(s.Context(), key, change); !finapi.IsError(err, finapi.CodeConflict) {
		s.Errorf("Commit with version %d: got %v, want a conflict", change.Mark.Version, err)
	}
}

func (s checker) wantMark(key finapi.LedgerKey, want finapi.Mark) {
	s.Helper()
	got, err := s.store.Mark(s.Context(), key)
	if err != nil {
		s.Fatalf("Mark: %v", err)
	}
	if diff := gocmp.Diff(want, got); diff != "" { // compares instants, not zones
		s.Errorf("Mark (-want +got):\n%s", diff)
	}
}

func (s checker) wantRows(key finapi.LedgerKey, q finapi.RowQuery, want ...finapi.Row) {
	s.Helper()
	got, err := s.store.Rows(s.Context(), key, q)
	if err != nil {
		s.Fatalf("Rows: %v", err)
	}
	a, b := plain(s, want), plain(s, got)
	if reflect.DeepEqual(a, b) {
		return // a difference of thousands of rows takes long, even if there is none
	}
	if diff := gocmp.Diff(a, b); diff != "" {
		s.Errorf("Rows (-want +got):\n%s", diff)
	}
}

// plain brings rows into one order and their transactions into the form that a
// Store has to keep: fields without a JSON form are not remembered.
func plain(t failer, rows []finapi.Row) []plainRow {
	t.Helper()
	out := make([]plainRow, 0, len(rows))
	for _, r := range rows {
		data, err := json.MarshalIndent(r.Transaction, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		r.Transaction = finapi.Transaction{}
		out = append(out, plainRow{r, string(data)})
	}
	slices.SortFunc(out, func(a, b plainRow) int { return cmp.Compare(a.Row.UID, b.Row.UID) })
	return out
}

type plainRow struct {
	Row         finapi.Row
	Transaction string
}

// failer is a test, of whichever kind.
type failer interface {
	Helper()
	Fatal(args ...any)
}
