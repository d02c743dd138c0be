package finapitest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func (c *client) formStatus(id string) (status string, payload object) {
	c.t.Helper()
	v := c.forms("GET", "/api/webForms/"+id, nil).want(200).json()
	return v["status"].(string), v["payload"].(object)
}

func TestANewFormIsNotOpenedAndLivesTwentyMinutes(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	form := c.forms("POST", "/api/webForms/bankConnectionImport", object{"bank": object{"search": "amnis"}}).want(201).json()
	want := object{
		"id": form["id"], "url": sim.WebFormURL() + "/wf/" + form["id"].(string),
		"createdAt": "2026-03-02T08:00:00.000+0000", "expiresAt": "2026-03-02T08:20:00.000+0000",
		"type": "BANK_CONNECTION_IMPORT", "status": "NOT_YET_OPENED", "payload": object{},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Error(diff)
	}
	sim.Clock().Advance(20 * time.Minute)
	if status, _ := c.formStatus(form["id"].(string)); status != "EXPIRED" {
		t.Errorf("status is %s", status)
	}
	if err := sim.Approve(form["url"].(string)); err == nil {
		t.Error("an expired form can be approved")
	}
}

func TestAFormLinkOpensOnce(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if err := sim.Approve(link + "?redirectUrl=https%3A%2F%2Ferp.example%2Fback"); err != nil {
		t.Fatal(err)
	}
	if err := sim.Approve(link); err == nil {
		t.Error("the link opened twice")
	}
	if status, payload := c.formStatus(id); status != "COMPLETED" || payload["bankConnectionId"] == nil {
		t.Errorf("form is %s %v", status, payload)
	}
}

func TestAFormEndsAsTheCustomerOrTheVendorEndsIt(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	for _, tt := range []struct {
		name         string
		end          func(id, link string) error
		status, code string
	}{
		{"abort", func(_, link string) error { return sim.Abort(link) }, "ABORTED", ""},
		{"reject", func(_, link string) error { return sim.Reject(link, "Falsche PIN") }, "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION"},
		{"cancel", func(id, _ string) error {
			c.forms("POST", "/api/webForms/"+id+"/cancel", nil).want(200)
			return nil
		}, "CANCELLED", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c.on(t)
			id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
			if err := tt.end(id, link); err != nil {
				t.Fatal(err)
			}
			status, payload := c.formStatus(id)
			code, _ := payload["errorCode"].(string)
			if status != tt.status || code != tt.code {
				t.Errorf("form is %s %v", status, payload)
			}
			c.forms("POST", "/api/webForms/"+id+"/cancel", nil).want(422)
			c.forms("DELETE", "/api/webForms/"+id, nil).want(200)
			c.forms("GET", "/api/webForms/"+id, nil).want(404)
		})
	}
}

func TestAFormWithoutPresetBankLetsTheCustomerChoose(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{})
	if err := sim.ApproveAt(link, finapitest.SparkasseID); err != nil {
		t.Fatal(err)
	}
	id, link := c.startForm(object{})
	if err := sim.Approve(link); err == nil {
		t.Error("approved without a bank")
	}
	if _, payload := c.formStatus(id); payload["errorCode"] != "UNDETERMINED_BANK" {
		t.Errorf("payload is %v", payload)
	}
}

func TestAFormFailsWhenTheTokenDiesOrNoAccountFits(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}, "accountTypes": []string{"LOAN"}})
	if err := sim.Approve(link); err == nil {
		t.Error("approved without an account")
	}
	if _, payload := c.formStatus(id); payload["errorCode"] != "NO_ACCOUNTS_FOR_TYPE_LIST" {
		t.Errorf("payload is %v", payload)
	}
	id, link = c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	sim.ExpireTokens()
	if err := sim.Approve(link); err == nil {
		t.Error("approved with a dead token")
	}
	c = login(t, sim, "kunde")
	if status, payload := c.formStatus(id); status != "COMPLETED_WITH_ERROR" || payload["errorCode"] != "INVALID_TOKEN" {
		t.Errorf("form is %s %v", status, payload)
	}
}

func TestTheSameLoginIsImportedOnceExceptAtBanksWithARedirect(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	c.connect(finapitest.TestBankID)
	_, link := c.startForm(object{"bank": object{"id": finapitest.TestBankID}})
	if err := sim.Approve(link); err == nil || !strings.Contains(err.Error(), "ENTITY_EXISTS") {
		t.Errorf("error is %v", err)
	}
	first, second := c.connect(finapitest.AmnisID), c.connect(finapitest.AmnisID)
	if first == second {
		t.Error("no second connection")
	}
	if n := len(c.accounts()); n != 1+3+3 {
		t.Errorf("%d accounts", n)
	}
}

func TestIllegalFormRequestsNameTheField(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for _, tt := range []struct {
		body   object
		status int
		code   string
	}{
		{object{"bank": object{"id": 1, "search": "x"}}, 400, "bank"},
		{object{"bank": object{"id": 1}}, 404, "NOT_FOUND"},
		{object{"bank": object{"search": "sparkasse"}}, 422, "BANK_NOT_UNIQUE"},
		{object{"bank": object{"id": finapitest.TestBankID}, "allowTestBank": false}, 422, "BANK_NOT_SUPPORTED"},
		{object{"bankId": 1}, 400, "bankId"},
		{object{"maxDaysForDownload": "30"}, 400, "maxDaysForDownload"},
		{object{"maxDaysForDownload": 3651}, 400, "maxDaysForDownload"},
		{object{"accountTypes": []string{"Checking"}}, 400, "accountTypes"},
		{object{"allowedInterfaces": []string{"HBCI"}}, 400, "allowedInterfaces"},
		{object{"bankConnectionName": strings.Repeat("x", 65)}, 400, "bankConnectionName"},
		{object{"callbacks": object{"finalised": "http://erp.example/hook"}}, 400, "callbacks.finalised"},
		{object{"profileId": "short"}, 400, "profileId"},
		{object{"skipBalancesDownload": true}, 400, "skipBalancesDownload"},
		{object{"redirectUrl": "https://erp.example/back"}, 422, "INVALID_REDIRECT_URL"},
	} {
		t.Run(fmt.Sprint(tt.body), func(t *testing.T) {
			if r := c.on(t).forms("POST", "/api/webForms/bankConnectionImport", tt.body).want(tt.status); r.code() != tt.code {
				t.Errorf("code is %s, want %s", r.code(), tt.code)
			}
		})
	}
}

func TestFormsAreListedByCreationAndOnlyToTheirOwner(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c, other := customer(t, sim, "kunde"), customer(t, sim, "fremd")
	first, _ := c.startForm(object{})
	sim.Clock().Advance(time.Minute)
	second, _ := c.startForm(object{})
	v := c.forms("GET", "/api/webForms?order=createdAt,desc&perPage=1", nil).want(200).json()
	if got := objects(v["items"])[0]["id"]; got != second {
		t.Errorf("newest is %v", got)
	}
	if n := idOf(t, v["paging"].(object)["totalCount"]); n != 2 {
		t.Errorf("%d forms", n)
	}
	other.forms("GET", "/api/webForms/"+first, nil).want(404)
	if v := other.forms("GET", "/api/webForms", nil).want(200).json(); len(v["items"].([]any)) != 0 {
		t.Errorf("the other sees %v", v)
	}
}

// receiver takes callbacks.
func receiver(t *testing.T) (address string, received <-chan string) {
	t.Helper()
	ch := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ch <- r.URL.RawQuery + " " + string(body)
	}))
	t.Cleanup(server.Close)
	return server.URL, ch
}

func next(t *testing.T, received <-chan string) string {
	t.Helper()
	select {
	case s := <-received:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("no callback")
		return ""
	}
}

func TestCallbacksReportTheEndOfFormsAndTasks(t *testing.T) {
	t.Parallel()
	address, received := receiver(t)
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}, "callbacks": object{"finalised": address + "/?state=abc"}})
	if err := sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	if got, want := next(t, received), fmt.Sprintf(`state=abc {"webFormId":%q,"status":"COMPLETED"}`, id); got != want {
		t.Errorf("callback is %s, want %s", got, want)
	}
	_, payload := c.formStatus(id)
	connection := payload["bankConnectionId"].(json.Number).String()
	c.ready(connection)
	callbacks := object{"callbacks": object{"finalised": address + "/?done", "webFormRequired": address + "/?form"}}

	task := c.update(connection, callbacks)
	if got, want := next(t, received), fmt.Sprintf(`done {"taskId":%q,"status":"COMPLETED","webForm":null}`, task["id"]); got != want {
		t.Errorf("callback is %s, want %s", got, want)
	}
	sim.ExpireConsent(idOf(t, payload["bankConnectionId"]))
	task = c.update(connection, callbacks)
	form := task["payload"].(object)["webForm"].(object)
	want := fmt.Sprintf(`form {"taskId":%q,"status":"WEB_FORM_REQUIRED","webForm":{"id":%q,"url":%q,"status":"NOT_YET_OPENED"}}`, task["id"], form["id"], form["url"])
	if got := next(t, received); got != want {
		t.Errorf("callback is %s, want %s", got, want)
	}
	c.startForm(object{"callbacks": object{"finalised": address + "/?late"}})
	sim.Clock().Advance(30 * time.Minute)
	for range 2 { // the form of the task has expired, too
		if got := next(t, received); !strings.Contains(got, "EXPIRED") {
			t.Errorf("callback is %s", got)
		}
	}
}
