package finapi_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

func theDirectDebit() finapi.Transaction {
	return finapi.Transaction{
		ID: 1860779443, Account: 3587742, Children: []finapi.TransactionID{}, Amount: money("-135.89", "EUR"),
		BookingDate: date(2026, 8, 13), ValueDate: date(2026, 8, 14), FinapiBookingDate: date(2026, 8, 13),
		Imported: instant("2026-08-13T06:00:11.482+02:00"), Purpose: "Beitrag Betriebshaftpflicht 08/2026 Vertrag 4/302460/639",
		Counterpart: finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX", AccountNumber: "99001234",
			BLZ: "99900002", BankName: "Beispielbank AG", MandateReference: "MNDT-2019-000417", CustomerReference: "KD-302460",
			CreditorID: "DE98ZZZ09999999999", DebtorID: "D-0815",
		},
		EndToEndReference: "E2E-2026-08-000417", Type: "SEPA-Basislastschrift", TypeCodeZKA: "105", TypeCodeSWIFT: "NDDT",
		SEPAPurposeCode: "INSU", BankTransactionCode: "PMNT-RDDT-ESDD", BankTransactionCodeText: "Received Direct Debit, SEPA Core",
		Primanota: "9310", Compensation: moneyPtr("-3", "EUR"), Original: moneyPtr("-132.89", "EUR"), Fee: moneyPtr("-3", "EUR"),
		DifferentDebtor: "Beispiel Holding GmbH", DifferentCreditor: "Musterversicherung Inkasso GmbH",
		PayPal:   &finapi.PayPal{InvoiceNumber: "INV-2026-17", Fee: moneyPtr("-0.35", "EUR"), Net: moneyPtr("-136.24", "EUR")},
		Certis:   &finapi.Certis{Variable: "2026000417", Constant: "0308", Specific: "77"},
		Category: &finapi.Category{ID: 418, Name: "Versicherung", ParentID: 372, ParentName: "Fixkosten", Children: []int64{419, 420}},
		Labels:   []finapi.Label{{ID: 1, Name: "geprüft"}},
	}
}

// theRow is a row of account 3587742 whose three days are one, as most have it.
func theRow(id finapi.TransactionID, day finapi.Date, amount string, currency finapi.Currency, purpose string) finapi.Transaction {
	return finapi.Transaction{
		ID: id, Account: 3587742, Amount: money(amount, currency), BookingDate: day, ValueDate: day, FinapiBookingDate: day,
		Imported: instant(day.String() + "T06:00:11.482+02:00"), Purpose: purpose, New: true,
	}
}

func TestAPageOfTransactionsIsReadExactly(t *testing.T) {
	t.Parallel()
	const bill = "Rechnung 2026-0815 Kundennr. 77"
	row := func(n int64, day int, amount string, currency finapi.Currency, purpose string, change func(*finapi.Transaction)) finapi.Transaction {
		tx := theRow(finapi.TransactionID(1860779440+n), date(2026, 8, day), amount, currency, purpose)
		if change != nil {
			change(&tx)
		}
		return tx
	}
	want := []finapi.Transaction{
		theDirectDebit(),
		row(4, 14, "1234567.89", "", "", nil),
		row(5, 14, "0", "", "Rechnungsabschluss: keine Buchungen", func(tx *finapi.Transaction) { tx.Type = "Abschluss" }),
		row(6, 14, "0", "", "Kartenprüfung", nil),
		row(7, 17, "100", "EUR", "Bareinzahlung", nil),
		row(8, 17, "1234567890123456.78", "EUR", "Übertrag Treuhandkonto", func(tx *finapi.Transaction) {
			tx.Counterpart = finapi.Counterpart{Name: "Beispiel Treuhand AG", IBAN: "CH6199901000020000042"}
		}),
		row(9, 18, "-23772.06", "", "", func(tx *finapi.Transaction) { tx.AdjustingEntry = true }),
		row(10, 19, "-49.90", "EUR", bill, func(tx *finapi.Transaction) {
			tx.Counterpart = finapi.Counterpart{Name: "Beispiel Telekommunikation GmbH", IBAN: "DE61999000020005550815"}
			tx.EndToEndReference, tx.Type = "NOTPROVIDED", "Dauerauftrag"
		}),
		row(11, 19, "-49.90", "EUR", strings.ToUpper(bill), func(tx *finapi.Transaction) {
			tx.Counterpart = finapi.Counterpart{Name: "BEISPIEL TELEKOMMUNIKATION GMBH", IBAN: "DE61999000020005550815"}
			tx.Type, tx.PotentialDuplicate = "Dauerauftrag", true
		}),
		row(12, 20, "-300", "EUR", "Sammelrechnung Bürobedarf", func(tx *finapi.Transaction) {
			tx.Counterpart = finapi.Counterpart{Name: "Muster Bürobedarf KG", IBAN: "AT609990300000004711"}
			tx.Children = []finapi.TransactionID{1860779453, 1860779454}
		}),
		{
			ID: 2147483651, Account: 3587801, Amount: money("250.125", "TND"), BookingDate: date(2026, 11, 19), ValueDate: date(2026, 11, 19),
			FinapiBookingDate: date(2026, 11, 19), Imported: instant("2026-11-20T23:59:59.999+01:00"), New: true,
			Purpose:     "Exportrechnung EX-77; Zahlung in\nmehreren Zeilen \"mit Anführung\" & Umlauten äöüß – €",
			Counterpart: finapi.Counterpart{Name: "Société Exemple SARL", IBAN: "FR7699901000010000001234529"}, //nolint:misspell // French
			Original:    moneyPtr("74.10", "EUR"),
		},
		{
			ID: 9007199254740993, Account: 3587801, Amount: money("-12.5", "CHF"), BookingDate: date(2026, 11, 23), ValueDate: date(2026, 11, 23),
			FinapiBookingDate: date(2026, 11, 20), Imported: instant("2026-11-20T06:00:11.482+01:00"), New: true,
			Purpose:     "Vorgemerkt auf den nächsten Buchungstag",
			Counterpart: finapi.Counterpart{Name: "Muster Verpackungen AG", IBAN: "CH7199901000030000077"},
		},
	}
	server := newStub(t)
	server.on(transactionsRoute, fixtureReply(t, "transactions_page.json"))
	same(t, want, allRows(t, server.user().Transactions(t.Context(), finapi.TransactionQuery{})))
}

func TestTwoPagesAreOneListing(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(transactionsRoute, fixtureReply(t, "transactions_page_1_of_2.json"), fixtureReply(t, "transactions_page_2_of_2.json"))
	last := theRow(1860779445, date(2026, 8, 14), "0", "", "Rechnungsabschluss: keine Buchungen")
	last.Type = "Abschluss"
	same(t, []finapi.Transaction{
		theDirectDebit(), theRow(1860779444, date(2026, 8, 14), "1234567.89", "", ""), last,
	}, allRows(t, server.user().Transactions(t.Context(), finapi.TransactionQuery{PageSize: 2})))
}

func TestOtherPagesOfTransactionsAreRead(t *testing.T) {
	t.Parallel()
	unknown := theRow(1860779450, date(2026, 8, 19), "-49.90", "XXQ", "Rechnung 2026-0815 Kundennr. 77")
	unknown.Counterpart = finapi.Counterpart{Name: "Beispiel Telekommunikation GmbH", IBAN: "DE61999000020005550815"}
	unknown.EndToEndReference, unknown.Type = "NOTPROVIDED", "Echtzeit-Lastschrift-Rückruf"
	unknown.Category = &finapi.Category{ID: 990001, Name: "Nachhaltigkeit"}
	part := func(id finapi.TransactionID, amount, what string) finapi.Transaction {
		tx := theRow(id, date(2026, 8, 20), amount, "EUR", "Sammelrechnung Bürobedarf: "+what)
		tx.Parent, tx.Counterpart = 1860779452, finapi.Counterpart{Name: "Muster Bürobedarf KG"}
		return tx
	}
	for name, want := range map[string][]finapi.Transaction{
		"transactions_page_empty.json":          nil,
		"transactions_page_unknown_values.json": {unknown},
		"transactions_page_user_view.json":      {part(1860779453, "-100", "Papier"), part(1860779454, "-200", "Toner")},
	} {
		server := newStub(t)
		server.on(transactionsRoute, fixtureReply(t, name))
		same(t, want, allRows(t, server.user().Transactions(t.Context(), finapi.TransactionQuery{})))
	}
}

func TestARecordedTransactionIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(transactionsRoute, fixtureReply(t, "recorded/v2_transactions_page_sandbox_2026-08.json"))
	for tx, err := range server.user().Transactions(t.Context(), finapi.TransactionQuery{}) {
		must(t, err)
		same(t, finapi.Transaction{
			ID: 1860779443, Account: 3587742, Amount: money("-135.89", "EUR"), BookingDate: date(2024, 8, 13), ValueDate: date(2024, 8, 13),
			FinapiBookingDate: date(2024, 8, 13), Purpose: "4/302460/639", Type: "Überweisungsauftrag", TypeCodeZKA: "20", New: true,
			Counterpart: finapi.Counterpart{
				Name: "ALLIANZ LV / FLESSA KG", IBAN: "DE26700800000077777000", BIC: "DRESDEFF700",
				BankName: "Commerzbank vormals Dresdner Bank",
			},
			Category: &finapi.Category{ID: 418, Name: "Versicherung", Children: []int64{419, 420}},
		}, tx)
		break
	}
}

func TestATransactionQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	for name, tt := range transactionQueries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on(transactionsRoute, fixtureReply(t, "transactions_page_empty.json"))
			allRows(t, server.user().Transactions(t.Context(), tt.query))
			want := map[string][]string{"view": {"bankView"}, "page": {"1"}, "perPage": {"500"}, "order": {"id,asc"}}
			maps.Copy(want, tt.want)
			same(t, want, server.sentQuery(transactionsRoute))
		})
	}
}

type sentTransactionQuery struct {
	query finapi.TransactionQuery
	want  map[string][]string // besides what is always sent
}

func transactionQueries() map[string]sentTransactionQuery {
	return map[string]sentTransactionQuery{
		"the zero query": {},
		"accounts and ids": {
			finapi.TransactionQuery{Accounts: []finapi.AccountID{1, 2147483649}, IDs: []finapi.TransactionID{9007199254740993}},
			map[string][]string{"accountIds": {"1", "2147483649"}, "ids": {"9007199254740993"}},
		},
		"days": {
			finapi.TransactionQuery{
				From: date(2026, 1, 2), To: date(2026, 1, 2), ImportedFrom: date(2026, 2, 3), ImportedTo: date(2026, 2, 4),
				FinapiFrom: date(2026, 3, 5), FinapiTo: date(2026, 3, 6),
			},
			map[string][]string{
				"minBankBookingDate": {"2026-01-02"}, "maxBankBookingDate": {"2026-01-02"}, "minImportDate": {"2026-02-03"},
				"maxImportDate": {"2026-02-04"}, "minFinapiBookingDate": {"2026-03-05"}, "maxFinapiBookingDate": {"2026-03-06"},
			},
		},
		"an open range": {finapi.TransactionQuery{To: date(2026, 1, 2)}, map[string][]string{"maxBankBookingDate": {"2026-01-02"}}},
		"texts": {
			finapi.TransactionQuery{Search: "Miete & Co", Counterpart: "Müller=?", Purpose: "RE 2026-0815"},
			map[string][]string{"search": {"Miete & Co"}, "counterpart": {"Müller=?"}, "purpose": {"RE 2026-0815"}},
		},
		"amounts": {
			finapi.TransactionQuery{MinAmount: ptr(number("-1e3")), MaxAmount: ptr(number("0.10"))},
			map[string][]string{"minAmount": {"-1000"}, "maxAmount": {"0.1"}},
		},
		"an amount of zero": {finapi.TransactionQuery{MaxAmount: ptr(number("0.00"))}, map[string][]string{"maxAmount": {"0"}}},
		"what came in":      {finapi.TransactionQuery{Direction: finapi.Incoming}, map[string][]string{"direction": {"income"}}},
		"what went out":     {finapi.TransactionQuery{Direction: finapi.Outgoing}, map[string][]string{"direction": {"spending"}}},
		"rows with the marks": {
			finapi.TransactionQuery{New: ptr(true), PotentialDuplicate: ptr(true), AdjustingEntry: ptr(true)},
			map[string][]string{"isNew": {"true"}, "isPotentialDuplicate": {"true"}, "isAdjustingEntry": {"true"}},
		},
		"rows without the marks": {
			finapi.TransactionQuery{New: ptr(false), PotentialDuplicate: ptr(false), AdjustingEntry: ptr(false)},
			map[string][]string{"isNew": {"false"}, "isPotentialDuplicate": {"false"}, "isAdjustingEntry": {"false"}},
		},
		"categories with those below": {
			finapi.TransactionQuery{Categories: []int64{0, 418}}, map[string][]string{"categoryIds": {"0", "418"}},
		},
		"categories alone": {
			finapi.TransactionQuery{Categories: []int64{372}, ExactCategories: true},
			map[string][]string{"categoryIds": {"372"}, "includeChildCategories": {"false"}},
		},
		"labels": {finapi.TransactionQuery{Labels: []int64{1, 2}}, map[string][]string{"labelIds": {"1", "2"}}},
		"parts":  {finapi.TransactionQuery{Parts: true}, map[string][]string{"view": {"userView"}}},
		"an order": {
			finapi.TransactionQuery{OrderBy: []finapi.Order{{By: "amount", Descending: true}, {By: "category.name"}}, PageSize: 7},
			map[string][]string{"order": {"amount,desc", "category.name,asc"}, "perPage": {"7"}},
		},
	}
}

func TestTransactionsCanBeSortedByEveryKeyThatFinAPIKnows(t *testing.T) {
	t.Parallel()
	keys := []string{
		"id", "parentId", "accountId", "valueDate", "bankBookingDate", "finapiBookingDate", "amount", "purpose", "counterpartName",
		"counterpartAccountNumber", "counterpartIban", "counterpartBlz", "counterpartBic", "type", "primanota", "category.id",
		"category.name", "isPotentialDuplicate", "isNew", "importDate",
	}
	for _, key := range keys {
		server := newStub(t)
		server.on(transactionsRoute, fixtureReply(t, "transactions_page_empty.json"))
		query := finapi.TransactionQuery{OrderBy: []finapi.Order{{By: key, Descending: true}}}
		same(t, 0, len(allRows(t, server.user().Transactions(t.Context(), query))))
		same(t, []string{key + ",desc"}, server.sentQuery(transactionsRoute)["order"])
	}
}

func TestABadTransactionQueryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		query finapi.TransactionQuery
		field string
	}{
		{"an unknown account", finapi.TransactionQuery{Accounts: []finapi.AccountID{0}}, "TransactionQuery.Accounts"},
		{"a negative account", finapi.TransactionQuery{Accounts: []finapi.AccountID{5, -5}}, "TransactionQuery.Accounts"},
		{"too many accounts", finapi.TransactionQuery{Accounts: make([]finapi.AccountID, 1001)}, "TransactionQuery.Accounts"},
		{"an unknown id", finapi.TransactionQuery{IDs: []finapi.TransactionID{0}}, "TransactionQuery.IDs"},
		{"too many ids", finapi.TransactionQuery{IDs: make([]finapi.TransactionID, 1001)}, "TransactionQuery.IDs"},
		{"an inverted range", finapi.TransactionQuery{From: date(2026, 1, 2), To: date(2026, 1, 1)}, "TransactionQuery.From"},
		{"a day that does not exist", finapi.TransactionQuery{From: date(2026, 2, 30)}, "TransactionQuery.From"},
		{"an end that does not exist", finapi.TransactionQuery{To: date(2026, 13, 1)}, "TransactionQuery.From"},
		{
			"an inverted range of imports",
			finapi.TransactionQuery{ImportedFrom: date(2026, 1, 2), ImportedTo: date(2025, 12, 31)},
			"TransactionQuery.ImportedFrom",
		},
		{"an inverted range of finAPI's own days", finapi.TransactionQuery{FinapiFrom: date(2026, 1, 2), FinapiTo: date(2026, 1, 1)}, "TransactionQuery.FinapiFrom"},
		{"a bound with three decimals", finapi.TransactionQuery{MinAmount: ptr(number("1.001"))}, "TransactionQuery.MinAmount"},
		{"an upper bound with three decimals", finapi.TransactionQuery{MaxAmount: ptr(number("-1.001"))}, "TransactionQuery.MinAmount"},
		{"inverted bounds", finapi.TransactionQuery{MinAmount: ptr(number("1")), MaxAmount: ptr(number("-1"))}, "TransactionQuery.MinAmount"},
		{"an unknown direction", finapi.TransactionQuery{Direction: "all"}, "TransactionQuery.Direction"},
		{"a label that is no id", finapi.TransactionQuery{Labels: []int64{0}}, "TransactionQuery.Labels"},
		{"a category that is no id", finapi.TransactionQuery{Categories: []int64{0, -1}}, "TransactionQuery.Categories"},
		{"too many categories", finapi.TransactionQuery{Categories: make([]int64, 1001)}, "TransactionQuery.Categories"},
		{"an unknown order", finapi.TransactionQuery{OrderBy: []finapi.Order{{By: "iban"}}}, "TransactionQuery.OrderBy"},
		{"an order with a direction in its key", finapi.TransactionQuery{OrderBy: []finapi.Order{{By: "amount,desc"}}}, "TransactionQuery.OrderBy"},
	} {
		server := newStub(t)
		mustRefuse(t, drained(server.user().Transactions(t.Context(), tt.query)), tt.field)
		if len(server.requests) != 0 {
			t.Errorf("%s was sent", tt.name)
		}
	}
}

func TestOneTransactionIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(transactionsRoute+"/1860779443", fixtureReply(t, "transaction.json"), reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	user := server.user()
	got, err := user.Transaction(t.Context(), 1860779443)
	must(t, err)
	same(t, theDirectDebit(), got)
	got, err = user.Transaction(t.Context(), 1860779443)
	mustFail(t, err, finapi.CodeUnknownEntity)
	same(t, finapi.Transaction{}, got)
}

func TestAConfirmedRowComesBackWithoutItsFlag(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("PATCH /api/v2/transactions/1860779451", fixtureReply(t, "transaction_not_duplicate.json"))
	got, err := server.user().ConfirmTransaction(t.Context(), 1860779451)
	must(t, err)
	want := theRow(1860779451, date(2026, 8, 19), "-49.90", "EUR", "RECHNUNG 2026-0815 KUNDENNR. 77")
	want.Type, want.Counterpart = "Dauerauftrag", finapi.Counterpart{Name: "BEISPIEL TELEKOMMUNIKATION GMBH", IBAN: "DE61999000020005550815"}
	same(t, want, got)
}

func TestMarkingReturnsTheRowsThatChanged(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("PATCH /api/v2/transactions", fixtureReply(t, "transactions_edited.json"), reply{body: `{"identifiers":[]}`})
	user := server.user()
	got, err := user.MarkTransactions(t.Context(), false, 1860779450, 1860779451)
	must(t, err)
	same(t, []finapi.TransactionID{1860779451}, got)
	got, err = user.MarkTransactions(t.Context(), false, 1860779450)
	must(t, err)
	same(t, []finapi.TransactionID{}, got)
}

// FuzzTransactionsPage checks that no page makes the reader panic, and that each
// row it gives out has what a booking cannot be without.
func FuzzTransactionsPage(f *testing.F) {
	for _, name := range []string{
		"transactions_page.json", "transactions_page_1_of_2.json", "transactions_page_empty.json", "transactions_page_unknown_values.json",
		"recorded/v2_transactions_page_sandbox_2026-08.json", "error_502_proxy.html", "empty",
	} {
		f.Add(fixture(f, name))
	}
	f.Add(nullRows)
	f.Add(`{"transactions":[{"id":1,"accountId":1,"amount":1e30,"bankBookingDate":"2026-11-20"}],` + onePage + `}`)
	f.Add(`{"transactions":[{"id":1,"accountId":1,"amount":01,"bankBookingDate":"2026-11-20"}],"paging":{"page":1,"pageCount":-1,"totalCount":1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		server := newStub(t)
		server.always(transactionsRoute, reply{body: body})
		last := finapi.TransactionID(0)
		for tx, err := range server.user().Transactions(t.Context(), finapi.TransactionQuery{}) {
			if err != nil {
				_ = anyFailure(t, err)
				continue
			}
			if tx.ID <= last || tx.Account <= 0 || !tx.BookingDate.Valid() {
				t.Errorf("got id %d after %d, account %d, day %v", tx.ID, last, tx.Account, tx.BookingDate)
			}
			if tx.Amount.Amount.Exponent() > 30 || tx.Amount.Amount.Exponent() < -30 || tx.Amount.Amount.NumDigits() > 64 {
				t.Error("the amount is not one of finAPI's")
			}
			last = tx.ID
		}
	})
}
