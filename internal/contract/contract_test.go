package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	. "github.com/finapi-go/finapi/internal/contract"
)

func bearer(pairs ...string) http.Header {
	h := http.Header{"Authorization": {"Bearer x"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestALiteralPathWinsOverATemplate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		host               Host
		method, path, want string
	}{
		{Access, "GET", "/api/v2/accounts/dailyBalances", "GET /api/v2/accounts/dailyBalances"},
		{Access, "GET", "/api/v2/accounts/17", "GET /api/v2/accounts/{id}"},
		{Access, "DELETE", "/api/v2/users/verificationStatus", "DELETE /api/v2/users/{userId}"},
		{Access, "GET", "/api/v2/categories/cashFlows", "GET /api/v2/categories/cashFlows"},
		{WebForm, "GET", "/api/webForms/abc", "GET /api/webForms/{id}"},
		{WebForm, "POST", "/api/webForms/abc/cancel", "POST /api/webForms/{id}/cancel"},
	} {
		if o, ok := theContract(t).Route(tt.host, tt.method, tt.path); !ok || o.String() != tt.want {
			t.Errorf("%s %s leads to %v, want %s", tt.method, tt.path, o, tt.want)
		}
	}
	for _, path := range []string{"/api/v2/accounts/", "/api/v2/accounts/1/2", "/api/v2", "/api/webForms"} {
		if o, ok := theContract(t).Route(Access, "GET", path); ok {
			t.Errorf("GET %s leads to %v, want nothing", path, o)
		}
	}
}

func TestARequestIsJudgedInAllItsParts(t *testing.T) {
	t.Parallel()
	const list, form = "/api/v2/transactions", "/api/v2/oauth/token"
	for _, tt := range []struct {
		name    string
		request Request
		want    string // part of the only violation; "" for none
	}{
		{"a sound query", Request{Method: "GET", Path: list, Query: "view=bankView&accountIds=1&accountIds=2&order=id,asc&order=amount&minAmount=-1.5&isNew=true", Header: bearer()}, ""},
		{"an unknown parameter", Request{Method: "GET", Path: list, Query: "view=bankView&account=1", Header: bearer()}, "request query at account: the contract has no such parameter"},
		{"no required parameter", Request{Method: "GET", Path: list, Header: bearer()}, "request query at view: the parameter is required, but missing"},
		{"ids joined by commas", Request{Method: "GET", Path: list, Query: "view=bankView&ids=1,2", Header: bearer()}, `request query at ids/0: "1,2" is not an integer`},
		{"a wrong value of an enum", Request{Method: "GET", Path: list, Query: "view=BANK", Header: bearer()}, "request query at view: the value BANK is not one of the contract's"},
		{"a wrong sort key", Request{Method: "GET", Path: list, Query: "view=bankView&order=iban", Header: bearer()}, "request query at order/0: string doesn't match"},
		{"a day that does not exist", Request{Method: "GET", Path: list, Query: "view=bankView&minImportDate=2026-02-30", Header: bearer()}, "request query at minImportDate: "},
		{"a page that is too large", Request{Method: "GET", Path: list, Query: "view=bankView&perPage=501", Header: bearer()}, "request query at perPage: number must be at most 500"},
		{"a flag that is a number", Request{Method: "GET", Path: list, Query: "view=bankView&isNew=1", Header: bearer()}, `request query at isNew: "1" is neither true nor false`},
		{"an id that is a text", Request{Method: "GET", Path: "/api/v2/accounts/abc", Header: bearer()}, `request path at id: "abc" is not an integer`},
		{"no token", Request{Method: "GET", Path: "/api/v2/accounts", Header: http.Header{}}, "request header at Authorization: the operation needs a bearer token"},
		{"a method override", Request{Method: "GET", Path: "/api/v2/accounts", Header: bearer("X-HTTP-Method-Override", "DELETE")}, "must never be sent"},
		{"the customer's address where it belongs", Request{Method: "DELETE", Path: "/api/v2/accounts/1", Header: bearer("PSU-IP-Address", "192.0.2.1")}, ""},
		{"a wrong address of the customer", Request{Method: "DELETE", Path: "/api/v2/accounts/1", Header: bearer("PSU-IP-Address", "here")}, "request header at Psu-Ip-Address: "},
		{"the customer's address on a read", Request{Method: "GET", Path: "/api/v2/accounts/1", Header: bearer("PSU-IP-Address", "192.0.2.1")}, "the operation does not take the header"},
		{"a body on a read", Request{Method: "GET", Path: "/api/v2/accounts", Header: bearer(), Body: []byte("{}")}, "request body: the operation takes no body"},
		{
			"a sound body",
			Request{Host: WebForm, Method: "POST", Path: "/api/webForms/bankConnectionImport", Header: bearer("Content-Type", "application/json"), Body: []byte(`{"bank":{"id":1},"callbacks":null}`)},
			"",
		},
		{
			"an unknown field deep in a body",
			Request{Host: WebForm, Method: "POST", Path: "/api/webForms/bankConnectionImport", Header: bearer("Content-Type", "application/json"), Body: []byte(`{"bank":{"iD":1}}`)},
			"request body at /bank/iD: the contract has no such field",
		},
		{
			"a key that occurs twice",
			Request{Host: WebForm, Method: "POST", Path: "/api/webForms/bankConnectionImport", Header: bearer("Content-Type", "application/json"), Body: []byte(`{"bank":{"id":1},"bank":{"id":2}}`)},
			`the key "bank" occurs twice`,
		},
		{
			"a sound grant",
			Request{Method: "POST", Path: form, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte("grant_type=client_credentials&client_id=a&client_secret=b")},
			"",
		},
		{
			"a grant without what it needs",
			Request{Method: "POST", Path: form, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte("grant_type=refresh_token&client_id=a&client_secret=b")},
			"request body at /refresh_token: the field is required, but missing",
		},
		{"another operation", Request{Method: "POST", Path: "/api/v2/payments/submit", Header: bearer()}, "the contract of the access host has no such operation"},
		{"an operation of the other host", Request{Host: WebForm, Method: "GET", Path: "/api/v2/accounts", Header: bearer()}, "the contract of the webform host has no such operation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, violations := theContract(t).CheckRequest(&tt.request)
			judged(t, violations, tt.want)
		})
	}
}

// judged checks that there is exactly one violation with the given text, or none.
func judged(t *testing.T, violations []Violation, want string) {
	t.Helper()
	if want == "" && len(violations) > 0 {
		t.Errorf("got %v, want no violation", violations)
	}
	if want != "" && (len(violations) != 1 || !strings.Contains(violations[0].String(), want)) {
		t.Errorf("got %v, want one violation: %s", violations, want)
	}
}

func TestAnAnswerIsJudgedInAllItsParts(t *testing.T) {
	t.Parallel()
	const (
		sound = `{"access_token":"a","token_type":"bearer","expires_in":1,"scope":"all","refresh_token":null}`
		newer = `{"access_token":"a","token_type":"bearer","expires_in":1,"scope":"all","colour":"red"}`
	)
	header := http.Header{"Content-Type": {"application/json;charset=UTF-8"}, "X-Request-Id": {"1"}}
	for _, tt := range []struct {
		name     string
		mode     Mode
		response Response
		want     string
	}{
		{"sound, and null where allowed", Strict, Response{200, header, []byte(sound)}, ""},
		{"a field that is newer than the contract, from finAPI", Open, Response{200, header, []byte(newer)}, ""},
		{"a field that is newer than the contract, from ourselves", Strict, Response{200, header, []byte(newer)}, "answer 200 body at /colour: the contract has no such field"},
		{"a status that is not declared", Open, Response{418, header, []byte(sound)}, "answer 418: the contract does not declare the status"},
		{"another content type", Open, Response{200, http.Header{"Content-Type": {"text/html"}}, []byte(sound)}, `answer 200 at Content-Type: "text/html" is not`},
		{"no request id", Strict, Response{200, http.Header{"Content-Type": {"application/json"}}, []byte(sound)}, "answer 200 at X-Request-Id: the header is missing"},
		{"cut off", Open, Response{200, header, []byte(sound[:20])}, "answer 200 body: it is not readable JSON"},
		{"more than one value", Open, Response{200, header, []byte(sound + "1")}, "answer 200 body: something follows the JSON value"},
		{"a number for a text", Open, Response{200, header, []byte(strings.Replace(sound, `"a"`, "1", 1))}, "answer 200 body at /access_token: value must be a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, ok := theContract(t).Route(Access, "POST", "/api/v2/oauth/token")
			if !ok {
				t.Fatal("the token endpoint is gone")
			}
			judged(t, theContract(t).CheckResponse(o, &tt.response, tt.mode), tt.want)
		})
	}
	t.Run("a body where none belongs", func(t *testing.T) {
		t.Parallel()
		o, _ := theContract(t).Route(Access, "DELETE", "/api/v2/accounts/1")
		judged(t, theContract(t).CheckResponse(o, &Response{200, header, []byte("{}")}, Strict), "answer 200 body: it must be empty")
		judged(t, theContract(t).CheckResponse(o, &Response{200, header, nil}, Strict), "")
	})
}

// journal is told what a Transport has seen.
type journal struct {
	mu         sync.Mutex
	operations []string
	violations []string
	unanswered int
}

func (j *journal) report(o *Operation, _ *Request, answer *Response, violations []Violation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if o != nil && !slices.Contains(j.operations, o.String()) {
		j.operations = append(j.operations, o.String())
	}
	if answer == nil {
		j.unanswered++
	}
	for _, v := range violations {
		j.violations = append(j.violations, v.String())
	}
}

func TestAJourneyThroughTheTransportKeepsTheContract(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t)
	var seen journal
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()),
		finapi.WithTransport(&Transport{
			Contract: theContract(t), AccessURL: sim.AccessURL(), WebFormURL: sim.WebFormURL(), Mode: Strict, Base: base, Report: seen.report,
		}))
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	_, err = finapi.Collect(client.Banks(ctx, finapi.BankQuery{Search: "amnis"}))
	must(err)
	user, err := client.CreateUser(ctx, finapi.NewUser{ID: "customer-17"})
	must(err)
	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID, Name: "Hausbank"})
	must(err)
	must(sim.Approve(consent.URL))
	consent, err = user.WaitConsent(ctx, consent.ID)
	must(err)
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	must(err)
	rows, err := finapi.Collect(user.Transactions(ctx, finapi.TransactionQuery{Accounts: []finapi.AccountID{accounts[0].ID}, PageSize: 100}))
	must(err)
	sim.Clock().Advance(48 * time.Hour)
	_, err = user.Refresh(ctx, finapi.RefreshRequest{Connection: consent.Connection})
	must(err)
	must(user.Delete(ctx))

	if len(rows) < 100 || len(seen.operations) < 10 || seen.unanswered > 0 {
		t.Errorf("%d rows, %d operations %v, %d requests without an answer: the journey was too short", len(rows), len(seen.operations), seen.operations, seen.unanswered)
	}
	for _, v := range seen.violations {
		t.Error(v)
	}
}

func TestTheTransportReportsWhatLeavesTheContract(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t)
	var seen journal
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	client := &http.Client{Transport: &Transport{
		Contract: theContract(t), AccessURL: sim.AccessURL(), WebFormURL: sim.WebFormURL(), Base: base, Report: seen.report,
	}}
	get := func(address string) {
		t.Helper()
		resp, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	get(sim.AccessURL() + "/api/v2/accounts?page=1")
	get(sim.WebFormURL() + "/api/v2/accounts")
	get(strings.Replace(sim.AccessURL(), "127.0.0.1", "localhost", 1) + "/api/v2/banks")
	want := []string{
		"GET /api/v2/accounts: request query at page: the contract has no such parameter",
		"GET /api/v2/accounts: request header at Authorization: the operation needs a bearer token",
		"GET /api/v2/accounts: request path: the contract of the webform host has no such operation",
		"GET /api/v2/banks: request path: it goes to neither of finAPI's hosts",
	}
	if !slices.Equal(seen.violations, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(seen.violations, "\n"), strings.Join(want, "\n"))
	}
}
