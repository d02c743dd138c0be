package finapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

func TestAMockUpdateIsSentExactly(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(mockRoute, reply{})
	must(t, server.user().MockBatchUpdate(
		t.Context(), true,
		finapi.MockUpdate{
			Connection: 3540249, Interface: finapi.XS2A, Accounts: []finapi.MockAccount{
				{
					Account: 3587742, Balance: number("1234567890123456.78"), Transactions: []finapi.MockTransaction{
						{Amount: money("-135.89", "CHF")},
						{
							Amount: money("0.10", ""), Purpose: "Miete \"März\"", Name: "Mieter & Söhne", IBAN: "DE32999000020099001234",
							BIC: "MUVADE99XXX", BLZ: "99900002", BookingDate: date(2026, 11, 19), ValueDate: date(2026, 11, 20), Type: "Gutschrift",
						},
					},
				},
				{Account: 9007199254740993},
			},
		},
		finapi.MockUpdate{Connection: 2147483648, Interface: finapi.FinTS},
	))
	same(t, `{"mockBankConnectionUpdates":[`+
		`{"bankConnectionId":3540249,"bankingInterface":"XS2A","simulateBankLoginError":false,"mockAccountsData":[`+
		`{"accountId":3587742,"accountBalance":1234567890123456.78,"newTransactions":[`+
		`{"amount":-135.89,"currency":"CHF"},`+
		`{"amount":0.1,"purpose":"Miete \"März\"","counterpart":"Mieter \u0026 Söhne","counterpartIban":"DE32999000020099001234",`+
		`"counterpartBic":"MUVADE99XXX","counterpartBlz":"99900002","bookingDate":"2026-11-19","valueDate":"2026-11-20","type":"Gutschrift"}]},`+
		`{"accountId":9007199254740993,"accountBalance":0}]},`+
		`{"bankConnectionId":2147483648,"bankingInterface":"FINTS_SERVER","simulateBankLoginError":false}],`+
		`"triggerNotifications":true}`, server.asked(mockRoute)[0].body)
}

func TestABadMockUpdateIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	row := func(tx finapi.MockTransaction) []finapi.MockUpdate {
		return []finapi.MockUpdate{{
			Connection: 1, Interface: finapi.XS2A, Accounts: []finapi.MockAccount{{Account: 1, Transactions: []finapi.MockTransaction{tx}}},
		}}
	}
	cases := []struct {
		name    string
		updates []finapi.MockUpdate
		field   string
	}{
		{"no update", nil, "updates"},
		{"an update without an interface", []finapi.MockUpdate{{Connection: 1}}, "MockUpdate.Interface"},
		{"a second update that is bad", []finapi.MockUpdate{{Connection: 1, Interface: finapi.XS2A}, {Interface: finapi.XS2A}}, "MockUpdate.Connection"},
		{"1001 rows", []finapi.MockUpdate{{Connection: 1, Interface: finapi.XS2A, Accounts: []finapi.MockAccount{
			{Account: 1, Transactions: make([]finapi.MockTransaction, 1001)},
		}}}, "MockAccount.Transactions"},
		{"a purpose that is too long", row(finapi.MockTransaction{Purpose: strings.Repeat("ä", 2001)}), "MockTransaction.Purpose"},
		{"a name that is too long", row(finapi.MockTransaction{Name: strings.Repeat("ä", 81)}), "MockTransaction.Name"},
		{"a type that is too long", row(finapi.MockTransaction{Type: strings.Repeat("ä", 271)}), "MockTransaction.Type"},
		{"a booking date that does not exist", row(finapi.MockTransaction{BookingDate: date(2026, 2, 30)}), "MockTransaction.BookingDate"},
		{"a value date that does not exist", row(finapi.MockTransaction{ValueDate: date(2026, 2, 30)}), "MockTransaction.ValueDate"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			mustRefuse(t, server.user().MockBatchUpdate(t.Context(), false, tt.updates...), tt.field)
			if len(server.requests) != 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestTheLiveServiceRefusesToMock(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(mockRoute, reply{status: 403, body: fixture(t, "error_403_unauthorized_access.json")})
	err := server.user().MockBatchUpdate(context.Background(), false, finapi.MockUpdate{Connection: 1, Interface: finapi.XS2A})
	mustFail(t, err, finapi.CodeUnauthorized)
}
