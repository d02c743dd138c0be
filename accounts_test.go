package finapi_test

import (
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func theAccount() finapi.Account {
	return finapi.Account{
		ID: 3587742, Connection: 3540249, Name: "Geschäftsgirokonto", IBAN: "DE12999000010001234567", Number: "1234567", SubNumber: "00",
		Holder: "Beispiel GmbH", HolderID: "XXXXX", Currency: "EUR", Type: finapi.Checking, Balance: moneyPtr("16978.51", "EUR"),
		Overdraft: moneyPtr("0", "EUR"), OverdraftLimit: moneyPtr("25000", "EUR"), AvailableFunds: moneyPtr("41978.51", "EUR"),
		Interfaces: []finapi.AccountInterface{
			{
				Interface: finapi.FinTS, Status: finapi.AccountUpdated, Readable: true,
				LastSuccess: instant("2026-11-20T06:00:06+01:00"), LastAttempt: instant("2026-11-20T06:00:08+01:00"),
			},
			{
				Interface: finapi.XS2A, Status: finapi.AccountUpdated, Readable: true,
				LastSuccess: instant("2026-11-20T06:00:08+01:00"), LastAttempt: instant("2026-11-20T06:00:08+01:00"),
			},
		},
	}
}

// theOtherAccount is an account on XS2A as most of the fixtures have it.
func theOtherAccount(id finapi.AccountID, connection finapi.ConnectionID, status finapi.AccountStatus, a finapi.Account) finapi.Account {
	at := instant("2026-11-20T06:00:08+01:00")
	a.ID, a.Connection, a.HolderID = id, connection, "XXXXX"
	a.Interfaces = []finapi.AccountInterface{{Interface: finapi.XS2A, Status: status, LastSuccess: at, LastAttempt: at, Readable: true}}
	return a
}

func TestAllAccountsAreRead(t *testing.T) {
	t.Parallel()
	const holder, swiss = "Beispiel GmbH", "Muster Handels AG"
	failed := theOtherAccount(3587747, 3540249, finapi.AccountFailed, finapi.Account{
		Name: "Fremdwährungskonto", IBAN: "DE90999000010008888888", Number: "8888888", Holder: holder, Type: finapi.Checking,
	})
	failed.Interfaces[0].LastSuccess = time.Time{}
	deprecated := theOtherAccount(3587748, 3540249, finapi.AccountDeprecated, finapi.Account{
		Name: "Altes Girokonto", IBAN: "DE51999000020001111111", Number: "1111111", Holder: holder, Currency: "EUR",
		Type: finapi.Checking, Balance: moneyPtr("0", "EUR"), Seized: true,
	})
	deprecated.Interfaces[0].LastSuccess = instant("2026-05-02T06:00:00+02:00")
	loading := theOtherAccount(3587803, 3540311, finapi.AccountDownloading, finapi.Account{
		Name: "JPY Account", IBAN: "CH6299901000010000003", Number: "10000003", Holder: swiss, Currency: "JPY",
		Type: finapi.Checking, Balance: moneyPtr("3500000", "JPY"),
	})
	loading.Interfaces[0].LastSuccess = time.Time{}
	depot := theOtherAccount(3587745, 3540249, finapi.AccountUpdated, finapi.Account{
		Name: "Depot", Number: "800012345", Holder: holder, Currency: "EUR", Type: finapi.SecurityAccount,
	})
	depot.HolderID = "" // null, unlike the others
	want := []finapi.Account{
		theAccount(),
		theOtherAccount(3587743, 3540249, finapi.AccountUpdated, finapi.Account{
			Name: "Tagesgeld", IBAN: "DE28999000010007654321", Number: "7654321", Holder: holder, Currency: "EUR",
			Type: finapi.Savings, Balance: moneyPtr("100000", "EUR"), New: true,
		}),
		theOtherAccount(3587744, 3540249, finapi.AccountUpdated, finapi.Account{
			Name: "Firmenkreditkarte", Number: "4999 99XX XXXX 0042", Currency: "EUR", Type: finapi.CreditCard,
			Balance: moneyPtr("-842.37", "EUR"),
		}),
		depot,
		theOtherAccount(3587746, 3540249, finapi.AccountUpdated, finapi.Account{
			Name: "Investitionsdarlehen", Number: "6000123456", Holder: holder, Currency: "EUR", Type: finapi.Loan,
			Balance: moneyPtr("-250000", "EUR"),
		}),
		failed, deprecated, theSwissAccount(),
		theOtherAccount(3587802, 3540311, finapi.AccountUpdated, finapi.Account{
			Name: "USD Account", IBAN: "LI1399902000010000002", Number: "10000002", Holder: swiss, Currency: "USD",
			Type: finapi.Checking, Balance: moneyPtr("-0.01", "USD"),
		}),
		loading,
		{
			ID: 2147483649, Connection: 3540249, Number: "0004711", Currency: "EUR", Type: finapi.Membership,
			Interfaces: []finapi.AccountInterface{{Interface: finapi.FinTS, Status: finapi.AccountUpdated}},
		},
	}
	server := newStub(t)
	server.on("GET /api/v2/accounts", fixtureReply(t, "accounts.json"), fixtureReply(t, "accounts_empty.json"))
	user := server.user()
	got, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, want, got)
	got, err = user.Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, []finapi.Account{}, got)
}

func theSwissAccount() finapi.Account {
	return theOtherAccount(3587801, 3540311, finapi.AccountFixed, finapi.Account{
		Name: "CHF Account", IBAN: "CH1999901000010000001", Number: "10000001", Holder: "Muster Handels AG", Currency: "CHF",
		Type: finapi.Checking, Balance: moneyPtr("1234567.89", "CHF"),
	})
}

func TestOneAccountIsRead(t *testing.T) {
	t.Parallel()
	newer := theAccount()
	newer.Currency, newer.Type, newer.Interfaces[0].Status = "XBT", "CryptoWallet", "PAUSED"
	for _, m := range []*finapi.Money{newer.Balance, newer.Overdraft, newer.OverdraftLimit, newer.AvailableFunds} {
		m.Currency = "XBT"
	}
	for name, want := range map[string]finapi.Account{
		"account.json": theAccount(), "account_chf.json": theSwissAccount(), "account_unknown_values.json": newer,
	} {
		server := newStub(t)
		server.on("GET /api/v2/accounts/3587742", fixtureReply(t, name))
		got, err := server.user().Account(t.Context(), 3587742)
		must(t, err)
		same(t, want, got)
	}
}

func TestARecordedAccountIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", fixtureReply(t, "recorded/v2_accounts_sandbox_2026-08.json"))
	got, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, []finapi.Account{{
		ID: 3587742, Connection: 3540249, Name: "Main-TestAccount", IBAN: "DE77533700080111111100", Number: "111111100",
		Holder: "Tommy Sternen-Himmel", Currency: "EUR", Type: finapi.Checking, Balance: moneyPtr("16978.51", "EUR"),
		Interfaces: []finapi.AccountInterface{
			{Interface: finapi.FinTS, Status: finapi.AccountUpdated, LastSuccess: instant("2026-08-13T18:16:44+02:00")},
			{Interface: finapi.XS2A, Status: finapi.AccountUpdated, LastSuccess: instant("2026-08-13T19:02:11+02:00")},
		},
	}}, got)
}

func TestAMissingBalanceIsNilNotZero(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]*finapi.Money{
		`{"id":1,"bankConnectionId":2,"accountType":"Checking","accountCurrency":"EUR"}`:                  nil,
		`{"id":1,"bankConnectionId":2,"accountType":"Checking","accountCurrency":"EUR","balance":null}`:   nil,
		`{"id":1,"bankConnectionId":2,"accountType":"Checking","accountCurrency":"EUR","balance":0}`:      moneyPtr("0", "EUR"),
		`{"id":1,"bankConnectionId":2,"accountType":"Checking","accountCurrency":null,"balance":-0.010}`:  moneyPtr("-0.01", ""),
		`{"id":1,"bankConnectionId":2,"accountType":"Checking","accountCurrency":"EUR","balance":1.5E+3}`: moneyPtr("1500", "EUR"),
	} {
		server := newStub(t)
		server.on("GET /api/v2/accounts/1", reply{body: body})
		got, err := server.user().Account(t.Context(), 1)
		must(t, err)
		same(t, want, got.Balance)
	}
}

func TestTheStatusOfAnAccountIsThatOfThePreferredInterface(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 11, 20, hour, 0, 0, 0, time.UTC) }
	scraper := finapi.AccountInterface{Interface: finapi.WebScraper, Status: "scraper", LastSuccess: at(1)}
	fints := finapi.AccountInterface{Interface: finapi.FinTS, Status: "fints", LastSuccess: at(2)}
	xs2a := finapi.AccountInterface{Interface: finapi.XS2A, Status: "xs2a", LastSuccess: at(3)}
	other := finapi.AccountInterface{Interface: "OPEN_FINANCE", Status: "other", LastSuccess: at(4)}
	cases := []struct {
		interfaces []finapi.AccountInterface
		status     finapi.AccountStatus
		updated    time.Time
	}{
		{nil, "", time.Time{}},
		{[]finapi.AccountInterface{scraper, fints, xs2a}, "xs2a", at(3)},
		{[]finapi.AccountInterface{scraper, fints}, "fints", at(2)},
		{[]finapi.AccountInterface{other, scraper}, "scraper", at(1)},
		{[]finapi.AccountInterface{other}, "other", at(4)},
	}
	for _, tt := range cases {
		account := finapi.Account{Interfaces: tt.interfaces}
		same(t, tt.status, account.Status())
		same(t, tt.updated, account.Updated())
	}
}

func TestAnAccountQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query finapi.AccountQuery
		want  map[string][]string
	}{
		{"the zero query", finapi.AccountQuery{}, map[string][]string{}},
		{"everything", finapi.AccountQuery{
			IDs: []finapi.AccountID{1, 2147483649}, Connection: 7, Types: []finapi.AccountType{finapi.Checking, finapi.CreditCard},
			Search: "a&b", UpdatedFrom: date(2026, 1, 2), UpdatedTo: date(2026, 1, 3), MinBalance: ptr(number("-0.10")), MaxBalance: ptr(number("1e3")),
		}, map[string][]string{
			"ids": {"1", "2147483649"}, "bankConnectionIds": {"7"}, "accountTypes": {"Checking", "CreditCard"}, "search": {"a&b"},
			"minLastSuccessfulUpdate": {"2026-01-02"}, "maxLastSuccessfulUpdate": {"2026-01-03"},
			"minBalance": {"-0.1"}, "maxBalance": {"1000"},
		}},
		{"a bound of zero", finapi.AccountQuery{MinBalance: ptr(number("0"))}, map[string][]string{"minBalance": {"0"}}},
		{"bounds that are the same", finapi.AccountQuery{
			UpdatedFrom: date(2026, 1, 2), UpdatedTo: date(2026, 1, 2), MinBalance: ptr(number("1.50")), MaxBalance: ptr(number("1.5")),
		}, map[string][]string{
			"minLastSuccessfulUpdate": {"2026-01-02"}, "maxLastSuccessfulUpdate": {"2026-01-02"}, "minBalance": {"1.5"}, "maxBalance": {"1.5"},
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on("GET /api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
			_, err := server.user().Accounts(t.Context(), tt.query)
			must(t, err)
			same(t, tt.want, server.sentQuery("GET /api/v2/accounts"))
		})
	}
}

func TestABadAccountQueryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query finapi.AccountQuery
		field string
	}{
		{finapi.AccountQuery{IDs: []finapi.AccountID{0}}, "AccountQuery.IDs"},
		{finapi.AccountQuery{IDs: make([]finapi.AccountID, 1001)}, "AccountQuery.IDs"},
		{finapi.AccountQuery{Connection: -1}, "AccountQuery.Connection"},
		{finapi.AccountQuery{UpdatedFrom: date(2026, 1, 2), UpdatedTo: date(2026, 1, 1)}, "AccountQuery.UpdatedFrom"},
		{finapi.AccountQuery{UpdatedTo: date(2026, 2, 30)}, "AccountQuery.UpdatedFrom"},
		{finapi.AccountQuery{MinBalance: ptr(number("0.001"))}, "AccountQuery.MinBalance"},
		{finapi.AccountQuery{MaxBalance: ptr(number("-1.005"))}, "AccountQuery.MinBalance"},
		{finapi.AccountQuery{MinBalance: ptr(number("1")), MaxBalance: ptr(number("0.99"))}, "AccountQuery.MinBalance"},
	} {
		server := newStub(t)
		_, err := server.user().Accounts(t.Context(), tt.query)
		mustRefuse(t, err, tt.field)
		if len(server.requests) != 0 {
			t.Errorf("a bad %s was sent", tt.field)
		}
	}
	server := newStub(t)
	for _, id := range []finapi.AccountID{0, -1} {
		_, err := server.user().Account(t.Context(), id)
		mustRefuse(t, err, "AccountID")
	}
}

func TestAnAccountIsReturnedAsItIsAfterTheChange(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("PATCH "+accountPath, fixtureReply(t, "account.json"))
	got, err := server.user().EditAccount(t.Context(), 3587742, finapi.AccountChange{New: ptr(false)})
	must(t, err)
	same(t, theAccount(), got)
}

func TestARequiredFieldOfAnAccountMayNotBeMissing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"bankConnectionId":2,"accountType":"Checking"}`, `{"id":1,"accountType":"Checking"}`, `{"id":1,"bankConnectionId":2}`,
		`{"id":-1,"bankConnectionId":2,"accountType":"Checking"}`, `{"id":1,"bankConnectionId":2,"accountType":"Checking","balance":"1"}`,
	} {
		server := newStub(t)
		server.on("GET /api/v2/accounts/1", reply{body: body})
		_, err := server.user().Account(t.Context(), 1)
		mustFail(t, err, finapi.CodeUnreadable)
	}
}
