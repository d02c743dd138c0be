package finapi_test

import (
	"testing"

	"github.com/finapi-go/finapi"
)

const pendingRoute = "GET /api/v2/pendingTransactions"

func thePendingDirectDebit() finapi.PendingTransaction {
	return finapi.PendingTransaction{
		ID: 9007199254740993, Account: 3587801, Imported: instant("2026-11-20T06:00:11.482+01:00"), ValueDate: date(2026, 11, 23),
		BookingDate: date(2026, 11, 24), Amount: money("-135.89", "CHF"), Purpose: "Versicherung 11/2026",
		Counterpart: finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX", AccountNumber: "99001234",
			BLZ: "99900002", BankName: "Beispielbank AG", MandateReference: "MNDT-2019-000417", CustomerReference: "KD-302460",
			CreditorID: "DE98ZZZ09999999999", DebtorID: "D-0815",
		},
		EndToEndReference: "E2E-2026-11-000417", Type: "SEPA-Basislastschrift", TypeCodeZKA: "105", TypeCodeSWIFT: "NDDT",
		SEPAPurposeCode: "INSU", BankTransactionCode: "PMNT-RDDT-ESDD", BankTransactionCodeText: "Received Direct Debit, SEPA Core",
		Primanota: "9310", Compensation: moneyPtr("-3", "CHF"), Original: moneyPtr("-132.89", "EUR"), Fee: moneyPtr("-0.5", "USD"),
		DifferentDebtor: "Beispiel Holding GmbH", DifferentCreditor: "Musterversicherung Inkasso GmbH",
		PayPal: &finapi.PayPal{InvoiceNumber: "INV-2026-18", Fee: moneyPtr("-0.35", "CHF")},
		Certis: &finapi.Certis{Variable: "2026000417", Constant: "0308"},
	}
}

func TestPendingTransactionsAreReadExactly(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(pendingRoute, fixtureReply(t, "pending_transactions_page.json"), fixtureReply(t, "pending_transactions_page_empty.json"))
	imported := instant("2026-11-20T06:00:11.482+01:00")
	user := server.user()
	same(t, []finapi.PendingTransaction{
		{
			ID: 77000001, Account: 3587742, Imported: imported, ValueDate: date(2026, 11, 23), BookingDate: date(2026, 11, 23),
			Amount: money("-89", "EUR"), Purpose: "Tankstelle Beispiel, Karte 0042",
			Counterpart: finapi.Counterpart{
				Name: "Beispiel Tankstellen GmbH", IBAN: "DE70999000020006660042", AccountNumber: "6660042", BLZ: "99900002",
				BIC: "MUVADE99XXX", BankName: "Beispielbank AG",
			},
			EndToEndReference: "E2E-PEND-1", Type: "Kartenzahlung", TypeCodeZKA: "106", TypeCodeSWIFT: "NMSC",
			BankTransactionCode: "PMNT-CCRD-POSD", Original: moneyPtr("-89", "EUR"), Fee: moneyPtr("0", "EUR"),
		},
		{ID: 77000002, Account: 3587742, Imported: imported, ValueDate: date(2026, 11, 20), Amount: money("15.5", "")},
		{ID: 77000003, Account: 3587801, Imported: imported, ValueDate: date(2026, 11, 20), Amount: money("-0.01", "")},
	}, allRows(t, user.PendingTransactions(t.Context(), finapi.PendingQuery{})))
	same(t, 0, len(allRows(t, user.PendingTransactions(t.Context(), finapi.PendingQuery{}))))
}

func TestOnePendingTransactionIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(pendingRoute+"/77000001", fixtureReply(t, "pending_transaction.json"), reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	user := server.user()
	got, err := user.PendingTransaction(t.Context(), 77000001)
	must(t, err)
	same(t, thePendingDirectDebit(), got)
	got, err = user.PendingTransaction(t.Context(), 77000001)
	mustFail(t, err, finapi.CodeUnknownEntity)
	same(t, finapi.PendingTransaction{}, got)
}

func TestAPendingQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query finapi.PendingQuery
		want  map[string][]string
	}{
		{"the zero query", finapi.PendingQuery{}, map[string][]string{"order": {"id,asc"}, "page": {"1"}, "perPage": {"500"}}},
		{"everything", finapi.PendingQuery{
			Accounts: []finapi.AccountID{1, 2147483649}, IDs: []int64{9007199254740993}, PageSize: 1,
		}, map[string][]string{
			"accountIds": {"1", "2147483649"}, "ids": {"9007199254740993"}, "order": {"id,asc"}, "page": {"1"}, "perPage": {"1"},
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on(pendingRoute, fixtureReply(t, "pending_transactions_page_empty.json"))
			allRows(t, server.user().PendingTransactions(t.Context(), tt.query))
			same(t, tt.want, server.sentQuery(pendingRoute))
		})
	}
}

func TestABadPendingQueryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for field, query := range map[string]finapi.PendingQuery{
		"PendingQuery.Accounts": {Accounts: []finapi.AccountID{-1}},
		"PendingQuery.IDs":      {IDs: make([]int64, 1001)},
		"PageSize":              {PageSize: -1},
	} {
		server := newStub(t)
		mustRefuse(t, drained(server.user().PendingTransactions(t.Context(), query)), field)
		if len(server.requests) != 0 {
			t.Errorf("a bad %s was sent", field)
		}
	}
}

func TestAPendingTransactionWithoutItsRequiredFieldsIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"accountId":1,"amount":1}`, `{"id":1,"amount":1}`, `{"id":1,"accountId":1}`, `{"id":1,"accountId":1,"amount":"1"}`} {
		server := newStub(t)
		server.on(pendingRoute+"/1", reply{body: body})
		_, err := server.user().PendingTransaction(t.Context(), 1)
		mustFail(t, err, finapi.CodeUnreadable)
	}
}
