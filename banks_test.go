package finapi_test

import (
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

func theBank() finapi.Bank {
	seen := instant("2026-11-20T08:59:41+01:00")
	return finapi.Bank{
		ID: 901001, Name: "Musterbank Nord eG", BIC: "MUSNDE99XXX", BLZ: "99900001", Country: "DE", City: "Musterstadt", Popularity: 17,
		Group: "DE",
		Interfaces: []finapi.BankInterface{
			{
				Interface: finapi.XS2A, Readable: true, Properties: []string{"REDIRECT_APPROACH", "DETAILED_CONSENT"},
				AccountTypes: []finapi.AccountType{"Checking", "Savings", "CreditCard"}, Health: 97, LastSuccess: seen, LastAttempt: seen,
				AuthenticationGroup: finapi.AuthenticationGroup{ID: 4012, Name: "Musterbanken"},
			},
			{
				Interface: finapi.FinTS, Readable: true, Properties: []string{},
				AccountTypes: []finapi.AccountType{"Checking", "Savings", "CreditCard", "Security", "Loan"}, Health: 88, LastSuccess: seen,
				LastAttempt: seen, LoginHint: "Bitte verwenden Sie die Zugangsdaten Ihres Onlinebankings.",
				LoginFields: []finapi.LoginField{{Label: "VR-NetKey oder Alias", Mandatory: true}, {Label: "PIN", Secret: true, Mandatory: true}},
			},
		},
	}
}

func theUnsupportedBank() finapi.Bank {
	return finapi.Bank{
		ID: 901002, Name: "Banque Exemple S.A., Niederlassung Deutschland", BLZ: "99900007", Country: "DE", City: "Beispielhausen", Group: "DE", //nolint:misspell // French
	}
}

func theAmnis() finapi.Bank {
	seen := instant("2026-11-20T08:59:41+01:00")
	return finapi.Bank{
		ID: 901004, Name: "amnis", Country: "LI", Popularity: 3, Interfaces: []finapi.BankInterface{{
			Interface: finapi.XS2A, Readable: true, Properties: []string{"REDIRECT_APPROACH"},
			AccountTypes: []finapi.AccountType{"Checking"}, Health: 99, LastSuccess: seen, LastAttempt: seen,
		}},
	}
}

func TestBanksAreListed(t *testing.T) {
	t.Parallel()
	seen := instant("2026-11-20T08:59:41+01:00")
	fields := []finapi.LoginField{{Label: "Onlinebanking-ID", Mandatory: true}, {Label: "PIN", Secret: true, Mandatory: true}}
	want := []finapi.Bank{
		{
			ID: 280001, Name: "finAPI Test Bank", BIC: "TESTBANKING", BLZ: "DEMO0001", Test: true, Popularity: 61,
			LogoURL: "https://cdn.finapi.io/assets/images/banks-logo/DEFAULT.svg",
			IconURL: "https://cdn.finapi.io/assets/images/banks-icon/DEFAULT.svg", Group: "DE",
			Interfaces: []finapi.BankInterface{
				{
					Interface: finapi.FinTS, Readable: true, Properties: []string{},
					AccountTypes: []finapi.AccountType{"Checking", "Savings"}, Health: 100, LastSuccess: seen, LastAttempt: seen, LoginFields: fields,
				},
				{
					Interface: finapi.XS2A, Readable: true, Properties: []string{"DECOUPLED_APPROACH"},
					AccountTypes: []finapi.AccountType{"Checking", "Savings"}, Health: 100, LastSuccess: seen, LastAttempt: seen, LoginFields: fields,
					AuthenticationGroup: finapi.AuthenticationGroup{ID: 1, Name: "finAPI Test Bank"},
				},
			},
		},
		theBank(), theUnsupportedBank(),
		{
			ID: 901003, Name: "Zahlbank Beispiel AG", BIC: "ZAHLDE99XXX", BLZ: "99900008", Country: "DE", City: "Beispielhausen",
			Beta: true, Popularity: 1, Interfaces: []finapi.BankInterface{{
				Interface: finapi.XS2A, Properties: []string{"REDIRECT_APPROACH"}, AccountTypes: []finapi.AccountType{},
			}},
		},
		theAmnis(),
	}
	server := newStub(t)
	server.always("GET /api/v2/banks", fixtureReply(t, "banks_page.json"))
	client := server.client()
	same(t, want, allRows(t, client.Banks(t.Context(), finapi.BankQuery{})))
	same(t, want, allRows(t, server.user().Banks(t.Context(), finapi.BankQuery{})))
}

func TestABankIsFoundByItsName(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/banks", fixtureReply(t, "banks_page_amnis.json"), fixtureReply(t, "banks_page_empty.json"))
	client := server.client()
	same(t, []finapi.Bank{theAmnis()}, allRows(t, client.Banks(t.Context(), finapi.BankQuery{Search: "amnis"})))
	same(t, 0, len(allRows(t, client.Banks(t.Context(), finapi.BankQuery{Search: "no such bank"}))))
	same(t, "amnis", server.asked("GET /api/v2/banks")[0].query.Get("search"))
}

func TestOneBankIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/banks/901001", fixtureReply(t, "bank.json"), fixtureReply(t, "bank_unknown_values.json"))
	client := server.client()
	got, err := client.Bank(t.Context(), 901001)
	must(t, err)
	same(t, theBank(), got)
	newer := theBank()
	newer.Interfaces[0].Interface = "OPEN_FINANCE"
	newer.Interfaces[0].Properties = append(newer.Interfaces[0].Properties, "PASSKEY_APPROACH")
	newer.Interfaces[0].AccountTypes = append(newer.Interfaces[0].AccountTypes, "Wallet")
	got, err = client.Bank(t.Context(), 901001)
	must(t, err)
	same(t, newer, got)
}

func TestABankIsSupportedIfAnInterfaceReadsAccounts(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/banks", fixtureReply(t, "banks_page.json"))
	var supported, redirects []string
	for bank, err := range server.client().Banks(t.Context(), finapi.BankQuery{}) {
		must(t, err)
		if bank.Supported() {
			supported = append(supported, bank.Name)
		}
		if bank.Redirects() {
			redirects = append(redirects, bank.Name)
		}
	}
	same(t, []string{"finAPI Test Bank", "Musterbank Nord eG", "amnis"}, supported)
	same(t, []string{"Musterbank Nord eG", "Zahlbank Beispiel AG", "amnis"}, redirects)
}

func TestABankQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query finapi.BankQuery
		want  map[string][]string
	}{
		{"the zero query", finapi.BankQuery{}, map[string][]string{"page": {"1"}, "perPage": {"500"}, "order": {"id,asc"}}},
		{"everything", finapi.BankQuery{
			Search: "a&b=c d", IDs: []finapi.BankID{1, 2147483649}, Interfaces: []finapi.BankingInterface{finapi.XS2A, finapi.FinTS},
			Countries: []string{"DE", "LI"}, Test: ptr(false), AuthenticationGroups: []int64{4012, 9007199254740993},
			OrderBy: []finapi.Order{{By: "popularity", Descending: true}, {By: "name"}}, PageSize: 20,
		}, map[string][]string{
			"search": {"a&b=c d"}, "ids": {"1", "2147483649"}, "supportedBankingInterfaces": {"XS2A", "FINTS_SERVER"},
			"location": {"DE", "LI"}, "isTestBank": {"false"}, "tppAuthenticationGroupIds": {"4012", "9007199254740993"},
			"page": {"1"}, "perPage": {"20"}, "order": {"popularity,desc", "name,asc"},
		}},
		{"made-up banks", finapi.BankQuery{Test: ptr(true)}, map[string][]string{
			"isTestBank": {"true"}, "page": {"1"}, "perPage": {"500"}, "order": {"id,asc"},
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on("GET /api/v2/banks", fixtureReply(t, "banks_page_empty.json"))
			allRows(t, server.client().Banks(t.Context(), tt.query))
			same(t, tt.want, server.sentQuery("GET /api/v2/banks"))
		})
	}
}

func TestBanksCanBeSortedByEveryKeyThatFinAPIKnows(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"id", "name", "blz", "bic", "popularity"} {
		server := newStub(t)
		server.on("GET /api/v2/banks", fixtureReply(t, "banks_page.json"))
		query := finapi.BankQuery{OrderBy: []finapi.Order{{By: key}}}
		same(t, 5, len(allRows(t, server.client().Banks(t.Context(), query))))
		same(t, []string{key + ",asc"}, server.sentQuery("GET /api/v2/banks")["order"])
	}
}

func TestABadBankQueryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		query finapi.BankQuery
		field string
	}{
		{finapi.BankQuery{IDs: []finapi.BankID{1, 0}}, "BankQuery.IDs"},
		{finapi.BankQuery{IDs: make([]finapi.BankID, 1001)}, "BankQuery.IDs"},
		{finapi.BankQuery{Countries: []string{"de"}}, "BankQuery.Countries"},
		{finapi.BankQuery{Countries: []string{"DEU"}}, "BankQuery.Countries"},
		{finapi.BankQuery{Countries: []string{""}}, "BankQuery.Countries"},
		{finapi.BankQuery{AuthenticationGroups: []int64{0}}, "BankQuery.AuthenticationGroups"},
		{finapi.BankQuery{AuthenticationGroups: make([]int64, 1001)}, "BankQuery.AuthenticationGroups"},
		{finapi.BankQuery{OrderBy: []finapi.Order{{By: "name"}, {By: "location"}}}, "BankQuery.OrderBy"},
		{finapi.BankQuery{OrderBy: []finapi.Order{{}}}, "BankQuery.OrderBy"},
		{finapi.BankQuery{OrderBy: []finapi.Order{{By: "name,desc"}}}, "BankQuery.OrderBy"},
	}
	for _, tt := range cases {
		server := newStub(t)
		mustRefuse(t, drained(server.client().Banks(t.Context(), tt.query)), tt.field)
		mustRefuse(t, drained(server.user().Banks(t.Context(), tt.query)), tt.field)
	}
	server := newStub(t)
	for _, id := range []finapi.BankID{0, -1} {
		_, err := server.client().Bank(t.Context(), id)
		mustRefuse(t, err, "BankID")
	}
	if len(server.requests) != 0 {
		t.Error("a bad bank id was sent")
	}
}

func TestABankWithoutAnIDOrANameIsRefused(t *testing.T) {
	t.Parallel()
	for field, body := range map[string]string{
		"bank.id": `{"name":"x"}`, "bank.name": `{"id":1}`,
	} {
		server := newStub(t)
		server.on("GET /api/v2/banks/1", reply{body: body})
		_, err := server.client().Bank(t.Context(), 1)
		if e := failure(t, err, finapi.CodeUnreadable); !strings.Contains(e.Error(), field) {
			t.Errorf("the text does not name %s: %v", field, e)
		}
	}
}
