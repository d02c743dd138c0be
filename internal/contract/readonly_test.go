package contract_test

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/finapi-go/finapi/internal/contract"
)

// sentBySDK reports whether the SDK sent a request. The simulator's own tests send others,
// to see them refused, with a client of their own.
func sentBySDK(e *Exchange) bool {
	return e.Source == "stub" || strings.Contains(e.Header.Get("User-Agent"), "finapi-go/")
}

// fits reports whether a request is an endpoint's.
func (r row) fits(e *Exchange) bool {
	path, template := strings.Split(e.Path, "/"), strings.Split(r.template, "/")
	if e.Method != r.method || e.Request().Host != r.host || len(path) != len(template) {
		return false
	}
	for i, segment := range template {
		if path[i] != segment && (!strings.HasPrefix(segment, "{") || path[i] == "") {
			return false
		}
	}
	return true
}

// withoutBase takes off the paths /a and /w, which a test gives to the hosts.
func withoutBase(e *Exchange) *Exchange {
	short := *e
	for _, base := range []string{"/a/api/", "/w/api/"} {
		if path, ok := strings.CutPrefix(e.Path, base); ok && e.Source == "stub" {
			short.Path = "/api/" + path
		}
	}
	return &short
}

// unlisted returns the requests of the SDK that are none of the table's, and how often each
// endpoint was asked.
func unlisted(rows []row, all []*Exchange) (strange []string, asked map[string]int) {
	asked = map[string]int{}
	for _, e := range all {
		if !sentBySDK(e) {
			continue
		}
		e = withoutBase(e)
		known := false
		for _, r := range rows {
			if r.fits(e) {
				asked[r.String()]++
				known = true
			}
		}
		if !known {
			strange = append(strange, e.Method+" "+e.Path)
		}
	}
	return strange, asked
}

func theTable(tb testing.TB) []row {
	tb.Helper()
	rows, _, err := parseTable(readFile(tb, root+"/endpoints.go"))
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

func TestNoTestOfAnySuiteSendsWhatIsNotInTheTable(t *testing.T) {
	t.Parallel()
	rows, all := theTable(t), theTraffic(t).exchanges
	strange, asked := unlisted(rows, all)
	for _, request := range strange {
		t.Errorf("%s was sent, and is not in the table of endpoints", request)
	}
	sent := 0
	for _, r := range rows {
		if asked[r.String()] == 0 {
			t.Errorf("no test of any suite sends %v, so that nothing is known of it", r)
		}
		sent += asked[r.String()]
	}
	t.Logf("%d requests of the SDK, all of the table's %d endpoints", sent, len(rows))
}

func TestARequestOutsideTheTableIsNoticed(t *testing.T) {
	t.Parallel()
	rows := theTable(t)
	agent := http.Header{"User-Agent": {"finapi-go/0"}}
	for _, e := range []*Exchange{
		{Source: "stub", Host: "sandbox.finapi.io", Method: "POST", Path: "/api/v2/accounts"},
		{Source: "stub", Host: "sandbox.finapi.io", Method: "POST", Path: "/api/v2/payments"},
		{Source: "stub", Host: "sandbox.finapi.io", Method: "GET", Path: "/api/v2/accounts/1/2"},
		{Source: "stub", Host: "sandbox.finapi.io", Method: "GET", Path: "/api/v2/accounts/"},
		{Source: "stub", Host: "sandbox.finapi.io", Method: "GET", Path: "/api/webForms"},
		{Source: "stub", Host: "evil.example", Method: "GET", Path: "/collect"},
		{Source: "simulator", Host: "webform", Header: agent, Method: "POST", Path: "/api/webForms/paymentInitiation"},
		{Source: "simulator", Host: "webform", Header: agent, Method: "GET", Path: "/wf/x"},
	} {
		if strange, _ := unlisted(rows, []*Exchange{e}); len(strange) != 1 {
			t.Errorf("%s %s of %s was not noticed", e.Method, e.Path, e.Host)
		}
	}
	good := &Exchange{Source: "stub", Host: "sandbox.finapi.io", Method: "GET", Path: "/api/v2/accounts/1"}
	if strange, asked := unlisted(rows, []*Exchange{good}); len(strange) != 0 || asked["GET /api/v2/accounts/{id}"] != 1 {
		t.Errorf("a good request is held for %v, %v", strange, asked)
	}
}
