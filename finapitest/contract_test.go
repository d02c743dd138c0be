package finapitest_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func TestAccessErrorsHaveTheDocumentedShapeInGermanUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	req := c.request("GET", sim.AccessURL()+"/api/v2/accounts/1", nil)
	req.Header.Set("X-Request-Id", "my-id")
	r := c.send(req).want(404)
	got := r.json()
	got["authContext"] = strings.Split(got["authContext"].(string), "/")[0]
	want := object{
		"errors": []any{object{
			"message": "Account existiert nicht.", "code": "UNKNOWN_ENTITY", "type": "TECHNICAL", "multiStepAuthentication": nil,
		}},
		"date": "2026-03-02T09:00:00.000+01:00", "requestId": "my-id", "endpoint": "GET /api/v2/accounts/1", "authContext": "2063",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if id := r.header.Get("X-Request-Id"); id != "my-id" {
		t.Errorf("X-Request-Id is %q", id)
	}
	req = c.request("GET", sim.AccessURL()+"/api/v2/accounts/1", nil)
	req.Header.Set("Accept-Language", "en")
	message := objects(c.send(req).json()["errors"])[0]["message"]
	if message != "Account does not exist." {
		t.Errorf("message is %q", message)
	}
}

func TestWebFormErrorsHaveTheirOwnTwoShapes(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	want := object{
		"code": "NOT_FOUND", "description": "Web form existiert nicht.",
		"timestamp": "2026-03-02T08:00:00.000+0000", "endpoint": "GET /api/webForms/x",
	}
	if diff := cmp.Diff(want, c.forms("GET", "/api/webForms/x", nil).want(404).json()); diff != "" {
		t.Error(diff)
	}
	want = object{
		"errors":    []any{object{"field": "maxDaysForDownload", "message": "must be 0 or between 14 and 3650"}},
		"timestamp": "2026-03-02T08:00:00.000+0000", "endpoint": "POST /api/webForms/bankConnectionImport",
	}
	got := c.forms("POST", "/api/webForms/bankConnectionImport", object{"maxDaysForDownload": 7}).want(400).json()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestsOutsideTheContractAreRefused(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	for _, tt := range []struct {
		name, method, path string
		status             int
	}{
		{"unknown parameter", "GET", "/api/v2/accounts?bankConnectionId=1", 400},
		{"no view", "GET", "/api/v2/transactions", 400},
		{"wrong view", "GET", "/api/v2/transactions?view=BANK_VIEW", 400},
		{"wrong date", "GET", "/api/v2/transactions?view=bankView&minImportDate=2026-02-30", 400},
		{"wrong amount", "GET", "/api/v2/transactions?view=bankView&minAmount=1.005", 400},
		{"wrong flag", "GET", "/api/v2/transactions?view=bankView&isNew=1", 400},
		{"wrong order", "GET", "/api/v2/transactions?view=bankView&order=iban,asc", 400},
		{"page too large", "GET", "/api/v2/transactions?view=bankView&perPage=501", 400},
		{"page zero", "GET", "/api/v2/transactions?view=bankView&page=0", 400},
		{"wrong type", "GET", "/api/v2/accounts?accountTypes=CHECKING", 400},
		{"malformed id", "GET", "/api/v2/accounts/abc", 400},
		{"wrong method", "PUT", "/api/v2/accounts", 405},
		{"unknown path", "GET", "/api/v1/accounts", 404},
		{"direct import", "POST", "/api/v2/bankConnections/import", 422},
	} {
		t.Run(tt.name, func(t *testing.T) { c.on(t).access(tt.method, tt.path, nil).want(tt.status) })
	}
	t.Run("method override", func(t *testing.T) {
		c := c.on(t)
		req := c.request("POST", sim.AccessURL()+"/api/v2/users", object{})
		req.Header.Set("X-HTTP-Method-Override", "DELETE")
		c.send(req).want(400)
	})
	t.Run("long request id", func(t *testing.T) {
		c := c.on(t)
		req := c.request("GET", sim.AccessURL()+"/api/v2/users", nil)
		req.Header.Set("X-Request-Id", strings.Repeat("x", 256))
		if r := c.send(req).want(400); !strings.HasPrefix(r.header.Get("X-Request-Id"), "selfgen-") {
			t.Error("no generated request id")
		}
	})
	t.Run("wrong content type", func(t *testing.T) {
		c := c.on(t)
		req := c.request("PATCH", sim.AccessURL()+"/api/v2/users", object{})
		req.Header.Set("Content-Type", "text/plain")
		c.send(req).want(415)
	})
}

func TestAnswersAreCompressedOnRequest(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := vendor(t, sim)
	req := c.request("GET", sim.AccessURL()+"/api/v2/banks?perPage=100", nil)
	req.Header.Set("Accept-Encoding", "gzip") // by hand, so that the transport does not unpack
	r := c.send(req).want(200)
	if r.header.Get("Content-Encoding") != "gzip" {
		t.Fatal("answer is not compressed")
	}
	zip, err := gzip.NewReader(strings.NewReader(string(r.raw)))
	if err != nil {
		t.Fatal(err)
	}
	if r.raw, err = io.ReadAll(zip); err != nil {
		t.Fatal(err)
	}
	if n := len(bankNames(r.json())); n != 38 {
		t.Errorf("%d banks", n)
	}
}

func TestAClientBoundToVersion1OrWithoutWebFormsIsForbidden(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	sim.EditClient(func(s *finapitest.ClientSettings) { s.OnlyAPIVersion1, s.WebForm, s.PFMServices = true, false, false })
	if r := c.access("GET", "/api/v2/accounts", nil).want(403); !strings.Contains(string(r.raw), "client is limited to scope /api/v1") {
		t.Errorf("body is %s", r.raw)
	}
	if d := c.forms("GET", "/api/webForms", nil).want(403).json()["description"]; d != "Access Denied" {
		t.Errorf("description is %v", d)
	}
	sim.EditClient(func(s *finapitest.ClientSettings) { s.OnlyAPIVersion1 = false })
	c.access("GET", "/api/v2/notificationRules", nil).want(403)
	v := vendor(t, sim)
	if cfg := v.access("GET", "/api/v2/clientConfiguration", nil).want(200).json(); cfg["aisViaWebForm"] != true || cfg["pfmServicesEnabled"] != false {
		t.Errorf("configuration is %v", cfg)
	}
}

func TestInterceptedRequestsAreLoggedWithoutTheirToken(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := vendor(t, sim)
	sim.ResetRequests()
	sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/v2/banks" {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
		return true
	})
	c.access("GET", "/api/v2/banks?search=x", nil).want(502)
	sim.Intercept(nil)
	c.access("GET", "/api/v2/banks", nil).want(200)
	seen := sim.Requests()
	if len(seen) != 2 {
		t.Fatalf("%d requests", len(seen))
	}
	if r := seen[0]; r.Method != "GET" || r.Path != "/api/v2/banks" || r.RawQuery != "search=x" || r.Status != 502 || r.Header.Get("Authorization") != "REDACTED" {
		t.Errorf("request is %+v", r)
	}
}

func TestTheLogShowsWhetherTheCustomerWasPresent(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	sim.ResetRequests()
	present := object{"userMetadata": object{"ipAddress": "192.0.2.1", "deviceOs": "Linux", "userAgent": "Firefox"}}
	c.update(connection, present)
	req := c.request("DELETE", sim.AccessURL()+"/api/v2/bankConnections/"+connection, nil)
	req.Header.Set("PSU-IP-Address", "192.0.2.1")
	c.send(req).want(200)
	c.access("PATCH", "/api/v2/users", object{"email": "k@example.com"}).want(200)

	seen := sim.Requests()
	var body object
	if err := json.Unmarshal(seen[0].Body, &body); err != nil {
		t.Fatalf("body is %q: %v", seen[0].Body, err)
	}
	if diff := cmp.Diff(present["userMetadata"], body["userMetadata"]); diff != "" {
		t.Error(diff)
	}
	if last := seen[len(seen)-1]; last.Method != "PATCH" || last.Body != nil {
		t.Errorf("the body of a user is logged: %s", last.Body)
	}
	if got := seen[len(seen)-2].Header.Get("PSU-IP-Address"); got != "192.0.2.1" {
		t.Errorf("the customer's address is %q", got)
	}
}
