package finapi_test

import (
	"testing"

	"github.com/finapi-go/finapi"
)

func readConfiguration(tb testing.TB, name string) finapi.Configuration {
	tb.Helper()
	server := newStub(tb)
	server.on("GET /api/v2/clientConfiguration", fixtureReply(tb, name))
	configuration, err := server.client().Configuration(tb.Context())
	must(tb, err)
	same(tb, "client_credentials", server.asked(tokenRoute)[0].grant())
	return configuration
}

func TestTheConfigurationOfAVendorWithoutALicenceIsRead(t *testing.T) {
	t.Parallel()
	same(t, finapi.Configuration{
		License: finapi.Unlicensed, ReadsThroughForm: true, ReadsEnabled: true, PFMServices: true, NonEuroAccounts: true,
		UserAutoVerification: true, DevelopmentMode: true, AutoCategorization: true, Categories: []finapi.Category{},
		AccountTypes: []finapi.AccountType{}, ConsentType: "RECURRING", BankGroups: []string{"AT", "DE"},
		Products: []string{"access", "webForm"}, MaxLogins: 5, ClientTokenLife: 3600, UserTokenLife: 3600,
		SynchronisationURL: "https://erp.beispiel.example/finapi/users",
	}, readConfiguration(t, "client_configuration.json"))
}

func TestTheConfigurationOfALicensedVendorIsRead(t *testing.T) {
	t.Parallel()
	same(t, finapi.Configuration{
		License: finapi.ReadLicense, BatchUpdate: true, WebScraping: true, CategoryRestrictions: true,
		Categories: []finapi.Category{
			{ID: 372, Name: "Fixkosten", Children: []int64{418}},
			{ID: 418, Name: "Versicherung", ParentID: 372, ParentName: "Fixkosten", Custom: true},
		},
		AccountTypes: []finapi.AccountType{finapi.Checking, finapi.Savings}, BetaBanks: true, MandatorAdmin: true,
		ConsentType: "ONETIME", BankGroups: []string{"AT", "DE"}, Products: []string{"access", "giroIdent", "webForm"},
		ImportDays: 365, UserTokenLife: 900, RefreshTokenLife: 2592000,
		NotificationURL: "https://erp.beispiel.example/finapi/news", CORSOrigins: []string{"https://erp.beispiel.example"},
		FinTSProductID: "9A1B2C3D4E5F60718293A4B5C",
	}, readConfiguration(t, "client_configuration_licensed.json"))
}

func TestAConfigurationOfANewerServerIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/clientConfiguration", reply{body: `{"mandatorLicense":"EMI","enabledProducts":{"crystalBall":true,"access":false},"new":{}}`})
	got, err := server.client().Configuration(t.Context())
	must(t, err)
	same(t, finapi.Configuration{License: "EMI", Products: []string{"crystalBall"}, Categories: []finapi.Category{}}, got)
}
