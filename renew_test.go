package finapi_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

const renewalForm = "2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211"

// renewStub is a finAPI whose bank wants the customer at the next update.
func renewStub(tb testing.TB) *stub {
	tb.Helper()
	s := restingStub(tb)
	s.on(updateRoute, reply{status: 201, body: fixture(tb, "task_web_form_required.json")})
	form := strings.ReplaceAll(fixture(tb, "web_form_update_completed.json"), "COMPLETED", "NOT_YET_OPENED")
	s.on("GET /api/webForms/"+renewalForm, reply{body: form})
	return s
}

func TestARenewalOpensAFormWithWaysBack(t *testing.T) {
	t.Parallel()
	server := renewStub(t)
	consent, err := server.user().RenewConsent(t.Context(), finapi.RenewRequest{
		Connection: 3540249, Return: "https://erp.example/back", State: "s", Support: "https://erp.example/help",
		Callback: "https://erp.example/hook", Force: true, NewAccounts: finapi.AllowedNewAccounts,
		Customer: &finapi.CustomerDevice{IP: "192.0.2.7", OS: "Linux", UserAgent: "x"},
	})
	must(t, err)
	same(t, true, consent.Renewal)
	same(t, finapi.ConnectionID(3540249), consent.Connection)
	same(t, finapi.ConsentID(renewalForm), consent.ID)
	u, err := url.Parse(consent.URL)
	must(t, err)
	same(t, "https://erp.example/back?state=s&outcome=abort", u.Query().Get("abortRedirectUrl"))
	same(t, "https://erp.example/help", u.Query().Get("customerSupportUrl"))
	var body map[string]any
	must(t, json.Unmarshal([]byte(server.asked(updateRoute)[0].body), &body))
	same(t, map[string]any{
		"bankConnectionId": 3540249.0, "importNewAccountsMode": "CONDITIONAL", "manageSavedSettings": []any{"CREDENTIALS"},
		"callbacks":    map[string]any{"finalised": "https://erp.example/hook?state=s"},
		"userMetadata": map[string]any{"ipAddress": "192.0.2.7", "deviceOs": "Linux", "userAgent": "x"},
	}, body)
}

func TestABankThatNeedsNoCustomerHasNothingToRenew(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_completed.json")})
	server.then(fixtureReply(t, "bank_connection_in_progress.json"), fixtureReply(t, "bank_connection_ready.json"))
	consent, err := server.user().RenewConsent(t.Context(), finapi.RenewRequest{Connection: 3540249})
	must(t, err)
	same(t, finapi.Consent{Status: finapi.ConsentCompleted, Connection: 3540249, Renewal: true}, consent)
	same(t, finapi.ResultRenewed, consent.Outcome().Result)
}

func TestABadRenewalIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	cases := map[string]finapi.RenewRequest{
		"RenewRequest.Connection":  {},
		"RenewRequest.NewAccounts": {Connection: 1, NewAccounts: "ALL"},
		"RenewRequest.Return":      {Connection: 1, Return: "http://erp.example"},
		"RenewRequest.Support":     {Connection: 1, Support: "erp.example"},
		"RenewRequest.Callback":    {Connection: 1, Callback: "http://127.0.0.1/"},
		"CustomerDevice.IP":        {Connection: 1, Customer: &finapi.CustomerDevice{IP: "x"}},
	}
	for field, r := range cases {
		server := newStub(t)
		_, err := server.user().RenewConsent(t.Context(), r)
		mustRefuse(t, err, field)
		same(t, 0, len(server.requests))
	}
}

func TestARenewalThatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: `{"id":"` + taskID + `","status":"WEB_FORM_REQUIRED","payload":{"webForm":null}}`})
	_, err := server.user().RenewConsent(t.Context(), finapi.RenewRequest{Connection: 3540249})
	var action *finapi.ActionRequired
	if !errors.As(err, &action) || action.URL != "" {
		t.Errorf("got %v, want an *ActionRequired without a form", err)
	}
	server = renewStub(t)
	server.on("GET /api/webForms/"+renewalForm, reply{status: 404, body: fixture(t, "web_form_error_404.json")})
	_, err = server.user().RenewConsent(t.Context(), finapi.RenewRequest{Connection: 3540249})
	mustFail(t, err, finapi.CodeNotFound)
	server = newStub(t)
	server.on(connectionRoute, reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	_, err = server.user().RenewConsent(t.Context(), finapi.RenewRequest{Connection: 3540249})
	mustFail(t, err, finapi.CodeUnknownEntity)
}

func TestAnAbortedRenewalLeavesTheConnectionWaitingForTheCustomer(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	b.sim.ExpireConsent(int64(b.connection))
	renew := func() finapi.Consent {
		consent, err := b.user.RenewConsent(ctx, finapi.RenewRequest{Connection: b.connection, Customer: theDevice()})
		must(t, err)
		return consent
	}
	aborted := renew()
	must(t, b.sim.Abort(aborted.URL))
	consent, err := b.user.WaitConsent(ctx, aborted.ID)
	mustFail(t, err, finapi.CodeConsentAborted)
	same(t, finapi.Outcome{Result: finapi.ResultAborted, Connection: b.connection, Problem: failure(t, err, finapi.CodeConsentAborted)}.Result, consent.Outcome().Result)
	connection, err := b.user.Connection(ctx, b.connection)
	must(t, err)
	same(t, true, connection.ActionRequired())

	approved := renew()
	must(t, b.sim.Approve(approved.URL))
	_, err = b.user.WaitConsent(ctx, approved.ID)
	must(t, err)
	connection, err = b.user.Connection(ctx, b.connection)
	must(t, err)
	same(t, false, connection.ActionRequired())
	accounts, err := b.user.Accounts(ctx, finapi.AccountQuery{Connection: b.connection})
	must(t, err)
	same(t, b.accounts[0].ID, accounts[0].ID)
}

func TestASecondImportOfARedirectBankMustBeAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	_, err := b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	e := failure(t, err, finapi.CodeAlreadyConnected)
	same(t, finapi.ActorCustomer, e.Actor)
	_, err = b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID, Again: true})
	must(t, err)
	_, err = b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.SparkasseID})
	must(t, err)
	_, err = b.user.Disconnect(ctx, finapi.Disconnection{Connection: b.connection})
	must(t, err)
	_, err = b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	must(t, err)
}
