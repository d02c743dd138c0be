package finapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

const (
	importRoute  = "POST /api/webForms/bankConnectionImport"
	consentRoute = "GET /api/webForms/" + formID
	formURL      = "https://webform-sandbox.finapi.io/wf/" + formID
)

// startConsent starts a form and returns it with the body that was sent.
func startConsent(tb testing.TB, r finapi.ConsentRequest) (finapi.Consent, map[string]any) {
	tb.Helper()
	server := newStub(tb)
	server.always("GET /api/v2/bankConnections", fixtureReply(tb, "bank_connections_empty.json"))
	server.on(importRoute, reply{status: 201, body: fixture(tb, "web_form_created.json")})
	consent, err := server.user().StartConsent(tb.Context(), r)
	must(tb, err)
	sent := server.asked(importRoute)[0]
	same(tb, "application/json", sent.header.Get("Content-Type"))
	var body map[string]any
	must(tb, json.Unmarshal([]byte(sent.body), &body))
	return consent, body
}

func TestAFormIsStarted(t *testing.T) {
	t.Parallel()
	consent, body := startConsent(t, finapi.ConsentRequest{Bank: 280001})
	same(t, finapi.Consent{
		ID: formID, URL: formURL, Status: finapi.ConsentNotOpened,
		Created: instant("2026-11-20T08:36:15Z"), Expires: instant("2026-11-20T08:56:15Z"),
	}, consent)
	same(t, map[string]any{"bank": map[string]any{"id": 280001.0}, "maxDaysForDownload": 0.0, "allowTestBank": true}, body)
}

func TestEverythingThatIsAskedForGoesIntoTheBody(t *testing.T) {
	t.Parallel()
	_, body := startConsent(t, finapi.ConsentRequest{
		Search: "amnis", Name: "Hausbank", MaxDays: 90, Profile: "11111111-2222-3333-4444-555555555555", RealBanksOnly: true,
		Interfaces: []finapi.BankingInterface{finapi.XS2A}, State: "s/1&2", Callback: "https://erp.example/hook?a=b",
		AccountTypes: []finapi.AccountType{
			finapi.Checking, finapi.Savings, finapi.CreditCard, finapi.SecurityAccount, finapi.Loan, finapi.Membership,
			finapi.BuildingSavings,
		},
	})
	same(t, map[string]any{
		"bank": map[string]any{"search": "amnis"}, "bankConnectionName": "Hausbank", "maxDaysForDownload": 90.0,
		"profileId": "11111111-2222-3333-4444-555555555555", "allowTestBank": false, "allowedInterfaces": []any{"XS2A"},
		"callbacks": map[string]any{"finalised": "https://erp.example/hook?a=b&state=s%2F1%262"},
		"accountTypes": []any{
			"CHECKING", "SAVINGS", "CREDIT_CARD", "SECURITY", "LOAN", "MEMBERSHIP", "BAUSPAREN",
		},
	}, body)
}

func TestTheWaysBackAreInTheURLAndNeverInTheBody(t *testing.T) {
	t.Parallel()
	consent, body := startConsent(t, finapi.ConsentRequest{
		Return: "https://erp.example/back?tenant=7&x=ä#top", State: "a b&c=d/é", Support: "https://erp.example/help?q=1",
	})
	for key := range body {
		if strings.Contains(strings.ToLower(key), "redirect") {
			t.Errorf("the body has the field %s", key)
		}
	}
	u, err := url.Parse(consent.URL)
	must(t, err)
	same(t, formURL, u.Scheme+"://"+u.Host+u.Path)
	query := u.Query()
	same(t, 4, len(query))
	same(t, "https://erp.example/help?q=1", query.Get("customerSupportUrl"))
	for parameter, outcome := range map[string]string{
		"redirectUrl": "success", "errorRedirectUrl": "error", "abortRedirectUrl": "abort",
	} {
		back, err := url.Parse(query.Get(parameter))
		must(t, err)
		same(t, "https://erp.example/back", back.Scheme+"://"+back.Host+back.Path)
		same(t, "top", back.Fragment)
		same(t, url.Values{"tenant": {"7"}, "x": {"ä"}, "state": {"a b&c=d/é"}, "outcome": {outcome}}, back.Query())
	}
}

func TestAFormWithoutAWayBackHasNone(t *testing.T) {
	t.Parallel()
	consent, _ := startConsent(t, finapi.ConsentRequest{State: "s"})
	same(t, formURL, consent.URL)
}

func TestTheFormOfALocalProgramMayComeBackToIt(t *testing.T) {
	t.Parallel()
	consent, _ := startConsent(t, finapi.ConsentRequest{Return: "http://127.0.0.1:8080/back"})
	if !strings.Contains(consent.URL, "redirectUrl=http%3A%2F%2F127.0.0.1%3A8080%2Fback%3Foutcome%3Dsuccess") {
		t.Errorf("got %s", consent.URL)
	}
}

func TestABadConsentRequestIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	const field = "ConsentRequest."
	cases := []struct {
		name  string
		r     finapi.ConsentRequest
		field string
	}{
		{"a negative bank", finapi.ConsentRequest{Bank: -1}, "Bank"},
		{"bank and search", finapi.ConsentRequest{Bank: 1, Search: "x"}, "Search"},
		{"a long name", finapi.ConsentRequest{Name: strings.Repeat("ä", 65)}, "Name"},
		{"13 days", finapi.ConsentRequest{MaxDays: 13}, "MaxDays"},
		{"negative days", finapi.ConsentRequest{MaxDays: -14}, "MaxDays"},
		{"more than ten years", finapi.ConsentRequest{MaxDays: 3651}, "MaxDays"},
		{"an unknown account type", finapi.ConsentRequest{AccountTypes: []finapi.AccountType{"Girokonto"}}, "AccountTypes"},
		{"a profile that is no id", finapi.ConsentRequest{Profile: "default"}, "Profile"},
		{"a callback without TLS", finapi.ConsentRequest{Callback: "http://localhost/x"}, "Callback"},
		{"a callback that is no URL", finapi.ConsentRequest{Callback: "erp.example/x"}, "Callback"},
		{"a return without TLS", finapi.ConsentRequest{Return: "http://erp.example/"}, "Return"},
		{"a return to a script", finapi.ConsentRequest{Return: "javascript:alert(1)"}, "Return"},
		{"a return with an outcome of its own", finapi.ConsentRequest{Return: "https://erp.example/?outcome=1"}, "Return"},
		{"two states", finapi.ConsentRequest{Return: "https://erp.example/?state=1", State: "2"}, "Return"},
		{"two states of a callback", finapi.ConsentRequest{Callback: "https://erp.example/?state=1", State: "2"}, "Callback"},
		{"a return with a password", finapi.ConsentRequest{Return: "https://a:b@erp.example"}, "Return"},
		{"a return that is no URL", finapi.ConsentRequest{Return: "https://a b"}, "Return"},
		{"a help page without TLS", finapi.ConsentRequest{Support: "http://erp.example/"}, "Support"},
		{
			"a URL longer than finAPI takes",
			finapi.ConsentRequest{Return: "https://erp.example/" + strings.Repeat("x", 640)},
			"Return",
		},
		{"a long state", finapi.ConsentRequest{Return: "https://erp.example/", State: strings.Repeat("/", 200)}, "Return"},
	}
	for _, tt := range cases {
		server := newStub(t)
		_, err := server.user().StartConsent(t.Context(), tt.r)
		mustRefuse(t, err, field+tt.field)
		if len(server.requests) != 0 {
			t.Errorf("%s: %d requests were sent", tt.name, len(server.requests))
		}
	}
}

func TestTheLongestWayBackFits(t *testing.T) {
	t.Parallel()
	r := finapi.ConsentRequest{Return: "https://erp.example/" + strings.Repeat("x", 500), State: "s"}
	consent, _ := startConsent(t, r)
	if len(consent.URL) >= 2048 {
		t.Errorf("the URL has %d characters", len(consent.URL))
	}
}

func TestACustomerIsSentToAHostOfFinAPIsOnly(t *testing.T) {
	t.Parallel()
	good := []string{
		formURL, "https://webform-live.finapi.io/wf/x", "https://webform.finapi.io/wf/x",
	}
	bad := []string{
		"https://evil.example/wf/x", "http://webform-sandbox.finapi.io/wf/x", "https://webform-sandbox.finapi.io.evil.example/wf/x",
		"https://webform-sandbox.finapi.io@evil.example/wf/x", "https://user@webform-sandbox.finapi.io/wf/x", "javascript:alert(1)",
		"//evil.example/wf/x", "/wf/x", "https://evil.example\\@webform-sandbox.finapi.io/", "ftp://webform-live.finapi.io", "https://",
	}
	start := func(form string) error {
		server := newStub(t)
		body := strings.Replace(fixture(t, "web_form_created.json"), formURL, strings.ReplaceAll(form, `\`, `\\`), 1)
		server.on(importRoute, reply{status: 201, body: body})
		_, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{})
		return err
	}
	for _, form := range good {
		if err := start(form); err != nil {
			t.Errorf("%s was refused: %v", form, err)
		}
	}
	for _, form := range bad {
		e := failure(t, start(form), finapi.CodeForeignURL)
		if e.Actor != finapi.ActorFinAPI || strings.Contains(e.Error(), "evil") || strings.Contains(e.Error(), "/wf/") {
			t.Errorf("%s: got actor %s and the text %v", form, e.Actor, e)
		}
	}
}

func TestASimulatorsFormIsAllowedOnItsOwnHost(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	body := strings.Replace(fixture(t, "web_form_created.json"), webForms, "http://127.0.0.1:9", 1)
	server.on(importRoute, reply{status: 201, body: body}, reply{status: 201, body: strings.Replace(body, ":9", ":10", 1)})
	user := server.user(finapi.WithBaseURLs("http://127.0.0.1:8", "http://127.0.0.1:9"))
	consent, err := user.StartConsent(t.Context(), finapi.ConsentRequest{})
	must(t, err)
	same(t, "http://127.0.0.1:9/wf/"+formID, consent.URL)
	_, err = user.StartConsent(t.Context(), finapi.ConsentRequest{})
	mustFail(t, err, finapi.CodeForeignURL)
}

func TestStartingAFormIsNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, answer := range []reply{{status: 500}, {status: 503}, {status: 429}, {err: errors.New("connection reset")}} {
		server := newStub(t)
		server.on(importRoute, answer)
		if _, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{}); err == nil {
			t.Error("no error")
		}
		server.wantCalls(importRoute, 1)
	}
}

func TestARefusedFormSaysWhoActs(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fixture string
		status  int
		code    finapi.Code
		actor   finapi.Actor
	}{
		{"web_form_error_403.json", 403, finapi.CodeForbidden, finapi.ActorVendor}, // Web Form is not booked
		{"web_form_error_422_bank_not_supported.json", 422, "BANK_NOT_SUPPORTED", finapi.ActorBank},
		{"web_form_error_422_redirect_url.json", 422, "INVALID_REDIRECT_URL", finapi.ActorVendor},
		{"web_form_error_400_fields.json", 400, finapi.CodeHTTP, finapi.ActorVendor},
		{"web_form_error_500.json", 500, "INTERNAL_SERVER_ERROR", finapi.ActorFinAPI},
	}
	for _, tt := range cases {
		server := newStub(t)
		server.on(importRoute, reply{status: tt.status, body: fixture(t, tt.fixture)})
		_, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{})
		if e := failure(t, err, tt.code); e.Actor != tt.actor || e.Status != tt.status {
			t.Errorf("%s: got actor %s, status %d", tt.fixture, e.Actor, e.Status)
		}
	}
}

// readConsent reads a form from a fixture.
func readConsent(tb testing.TB, name string) finapi.Consent {
	tb.Helper()
	server := newStub(tb)
	server.on(consentRoute, fixtureReply(tb, name))
	consent, err := server.user().Consent(tb.Context(), formID)
	must(tb, err)
	return consent
}

func TestEveryFormOfTheFixturesIsRead(t *testing.T) {
	t.Parallel()
	base := finapi.Consent{
		ID: formID, URL: formURL, Created: instant("2026-11-20T08:36:15Z"), Expires: instant("2026-11-20T08:56:15Z"),
	}
	with := func(change func(*finapi.Consent)) finapi.Consent {
		c := base
		change(&c)
		return c
	}
	status := func(s finapi.ConsentStatus) finapi.Consent { return with(func(c *finapi.Consent) { c.Status = s }) }
	cases := map[string]finapi.Consent{
		"web_form_created.json":                 status("NOT_YET_OPENED"),
		"web_form_not_yet_opened.json":          status("NOT_YET_OPENED"),
		"web_form_in_progress.json":             status("IN_PROGRESS"),
		"web_form_expired.json":                 status("EXPIRED"),
		"web_form_aborted.json":                 status("ABORTED"),
		"web_form_cancelled.json":               status("CANCELLED"),
		"web_form_completed_no_connection.json": status("COMPLETED"),
		"web_form_completed.json": with(func(c *finapi.Consent) {
			c.Status, c.Connection = "COMPLETED", 3540249
		}),
		"web_form_expired_with_connection.json": with(func(c *finapi.Consent) {
			c.Status, c.Connection = "EXPIRED", 3540249
		}),
		"web_form_completed_with_error.json": with(func(c *finapi.Consent) {
			c.Status, c.ErrorCode = "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION"
			c.ErrorMessage = "Ihre Zugangsdaten wurden von der Bank nicht akzeptiert."
		}),
		"web_form_completed_with_error_entity_exists.json": with(func(c *finapi.Consent) {
			c.Status, c.ErrorCode = "COMPLETED_WITH_ERROR", "ENTITY_EXISTS"
		}),
		"web_form_update_completed.json": with(func(c *finapi.Consent) {
			c.ID, c.Status, c.Connection = "2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211", "COMPLETED", 3540249
			c.Renewal = true
			c.URL = "https://webform-sandbox.finapi.io/wf/2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211"
		}),
		"web_form_live_host.json": with(func(c *finapi.Consent) {
			c.Status, c.URL = "NOT_YET_OPENED", "https://webform-live.finapi.io/wf/"+formID
		}),
		"web_form_unknown_values.json": with(func(c *finapi.Consent) {
			c.Status, c.ErrorCode = "WAITING_FOR_BANK", "BANK_ON_HOLIDAY"
		}),
		"recorded/webform_created_docs_2021-03.json": {
			ID: "c512b6b7-259d-451e-8eec-0ae4ed993c6f", Status: "NOT_YET_OPENED",
			URL:     "https://webform-sandbox.finapi.io/wf/c512b6b7-259d-451e-8eec-0ae4ed993c6f",
			Created: instant("2021-03-02T13:51:08.973Z"), Expires: instant("2021-03-02T14:11:08.973Z"),
		},
		"recorded/webform_completed_docs_2021-03.json": {
			ID: "e0337037-1228-4db7-bcdb-32b0c5f64af4", Status: "COMPLETED",
			URL:     "https://webform-sandbox.finapi.io/wf/e0337037-1228-4db7-bcdb-32b0c5f64af4",
			Created: instant("2021-03-09T08:36:15Z"), Expires: instant("2021-03-09T08:56:15Z"),
		},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, want, readConsent(t, name))
		})
	}
}

func TestTheOutcomeOfAFormIsItsConnection(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fixture string
		done    bool
		code    finapi.Code // "" for no error
		actor   finapi.Actor
	}{
		{"web_form_not_yet_opened.json", false, "", ""},
		{"web_form_in_progress.json", false, "", ""},
		{"web_form_completed.json", true, "", ""},
		{"web_form_expired_with_connection.json", true, "", ""},
		{"web_form_completed_no_connection.json", true, finapi.CodeConsentFailed, finapi.ActorCustomer},
		{"web_form_expired.json", true, finapi.CodeConsentExpired, finapi.ActorCustomer},
		{"web_form_aborted.json", true, finapi.CodeConsentAborted, finapi.ActorCustomer},
		{"web_form_cancelled.json", true, finapi.CodeConsentCancelled, finapi.ActorCustomer},
		{"web_form_completed_with_error.json", true, finapi.CodeBankServerRejection, finapi.ActorCustomer},
		{"web_form_completed_with_error_entity_exists.json", true, finapi.CodeEntityExists, finapi.ActorVendor},
	}
	for _, tt := range cases {
		consent := readConsent(t, tt.fixture)
		same(t, tt.done, consent.Done())
		err := consent.Err()
		if tt.code == "" {
			must(t, err)
			continue
		}
		if e := failure(t, err, tt.code); e.Actor != tt.actor || strings.Contains(e.Error(), "Zugangsdaten") {
			t.Errorf("%s: got actor %s and the text %v", tt.fixture, e.Actor, e)
		}
	}
	expired := readConsent(t, "web_form_expired.json")
	if err := expired.Err(); !strings.Contains(err.Error(), "EXPIRED") {
		t.Errorf("the text %q does not tell how the form ended", err)
	}
}

func TestEveryErrorCodeOfAFormHasItsActor(t *testing.T) {
	t.Parallel()
	cases := map[finapi.Code]finapi.Actor{
		"BANK_SERVER_REJECTION": finapi.ActorCustomer, "ENTITY_EXISTS": finapi.ActorVendor, "INTERRUPTED": finapi.ActorCustomer,
		"INVALID_TOKEN": finapi.ActorVendor, "NO_ACCOUNTS_FOR_TYPE_LIST": finapi.ActorCustomer, "UNDETERMINED_BANK": finapi.ActorVendor,
		"MANDATOR_MISCONFIGURATION": finapi.ActorVendor, "UNSUPPORTED_FEATURE": finapi.ActorVendor,
		"UNEXPECTED_ACCESS_RESPONSE": finapi.ActorFinAPI, "INTERNAL_ERROR": finapi.ActorFinAPI,
	}
	for code, want := range cases {
		consent := finapi.Consent{Status: finapi.ConsentFailed, ErrorCode: code}
		if e := failure(t, consent.Err(), code); e.Actor != want {
			t.Errorf("%s: got actor %s, want %s", code, e.Actor, want)
		}
	}
}

func TestAConsentIDMustBeOneOfFinAPIs(t *testing.T) {
	t.Parallel()
	for _, id := range []finapi.ConsentID{
		"", "x", formID + "0", finapi.ConsentID(strings.Repeat("/", 36)), finapi.ConsentID(strings.Repeat(".", 36)), finapi.ConsentID(formID[1:] + "\n"),
	} {
		server := newStub(t)
		for _, call := range []func(context.Context, finapi.ConsentID) (finapi.Consent, error){
			server.user().Consent, server.user().WaitConsent,
		} {
			_, err := call(t.Context(), id)
			mustRefuse(t, err, "ConsentID")
		}
		if len(server.requests) != 0 {
			t.Errorf("%q was sent", id)
		}
	}
}

func TestWaitConsentWaitsForTheCustomerAndThenForTheData(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(
		consentRoute, fixtureReply(t, "web_form_not_yet_opened.json"), fixtureReply(t, "web_form_in_progress.json"),
		fixtureReply(t, "web_form_completed.json"),
	)
	server.on(
		"GET /api/v2/bankConnections/3540249", fixtureReply(t, "bank_connection_in_progress.json"),
		fixtureReply(t, "bank_connection_ready.json"),
	)
	consent, err := server.user().WaitConsent(t.Context(), formID)
	must(t, err)
	same(t, finapi.ConnectionID(3540249), consent.Connection)
	for _, d := range server.clock.sleeps() {
		if d < time.Second {
			t.Errorf("polled after %v; finAPI allows once a second", d)
		}
	}
	same(t, 3, len(server.clock.sleeps()))
}

func TestWaitConsentReturnsWhyAFormFailed(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(consentRoute, fixtureReply(t, "web_form_aborted.json"))
	consent, err := server.user().WaitConsent(t.Context(), formID)
	mustFail(t, err, finapi.CodeConsentAborted)
	same(t, finapi.ConsentAborted, consent.Status)
}

func TestWaitConsentEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"web_form_in_progress.json", "web_form_completed.json"} {
		server := newStub(t)
		server.always(consentRoute, fixtureReply(t, form))
		server.always("GET /api/v2/bankConnections/3540249", fixtureReply(t, "bank_connection_in_progress.json"))
		ctx, cancel := context.WithCancel(t.Context())
		server.clock.onSleep = cancel
		_, err := server.user().WaitConsent(ctx, formID)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", form, err)
		}
	}
}

func TestWaitConsentReturnsAnErrorOfTheServer(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(consentRoute, reply{status: 404, body: fixture(t, "web_form_error_404.json")})
	_, err := server.user().WaitConsent(t.Context(), formID)
	mustFail(t, err, finapi.CodeNotFound)
}

func TestAFormWithoutItsRequiredFieldsIsRefused(t *testing.T) {
	t.Parallel()
	whole := map[string]string{"id": `"` + formID + `"`, "url": `"` + formURL + `"`, "status": `"COMPLETED"`}
	for field := range whole {
		for _, value := range []string{"", "null", `""`, "7"} {
			var parts []string
			for k, v := range whole {
				if k == field {
					v = value
				}
				if v != "" {
					parts = append(parts, fmt.Sprintf("%q:%s", k, v))
				}
			}
			server := newStub(t)
			body := "{" + strings.Join(parts, ",") + "}"
			server.on(consentRoute, reply{body: body})
			_, err := server.user().Consent(t.Context(), formID)
			if !finapi.IsError(err, finapi.CodeUnreadable) {
				t.Errorf("%s gave %v, want CodeUnreadable", body, err)
			}
		}
	}
}
