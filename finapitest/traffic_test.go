package finapitest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func TestTrafficIsLoggedOnlyWhenAFolderIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("FINAPI_TRAFFIC", "")
	silent := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	silent.access("GET", "/api/v2/accounts", nil).want(200)
	t.Setenv("FINAPI_TRAFFIC", dir)
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	c.access("GET", "/api/v2/accounts?search=x", nil).want(200)
	sim.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	c.forms("GET", "/api/webForms", nil).want(502)
	sim.Close() // waits for the log, too

	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v; want one file", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Host, Method, Path, Query string
		Header                    http.Header
		Status                    int
		AnswerBody                []byte
		Intercepted               bool
	}
	var entries []entry
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil { //nolint:musttag // names that differ in case only are matched
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	// Two tokens and the new user come first.
	if len(entries) != 5 {
		t.Fatalf("%d entries, want 5", len(entries))
	}
	if e := entries[3]; e.Host != "access" || e.Method != "GET" || e.Path != "/api/v2/accounts" || e.Query != "search=x" ||
		e.Status != 200 || string(e.AnswerBody) != "{\"accounts\":[]}\n" || e.Intercepted || e.Header.Get("Authorization") != "Bearer REDACTED" {
		t.Errorf("the read is logged as %+v", e)
	}
	if e := entries[4]; e.Host != "webform" || e.Status != 502 || !e.Intercepted {
		t.Errorf("the intercepted request is logged as %+v", e)
	}
}

func TestTheAnswerOfAFaultIsLoggedAsATestsOwnAndWithoutItsBody(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("FINAPI_TRAFFIC", dir)
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	sim.Inject(finapitest.Fault{Kind: finapitest.FaultEndlessBody, AfterEffect: true, Times: 1, Endpoint: accountsEndpoint})
	sim.Inject(finapitest.Fault{Kind: finapitest.FaultDeadToken, Times: 1, Endpoint: accountsEndpoint})
	c.statuses(2)
	sim.Close() // waits for the log, too
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, error %v; want one file", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		Path                   string
		Status                 int
		Intercepted, Truncated bool
		AnswerBody             []byte
	}
	var got []entry
	for line := range bytes.Lines(data) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil { //nolint:musttag // names that differ in case only are matched
			t.Fatal(err)
		}
		if e.Path == "/api/v2/accounts" {
			e.AnswerBody = bytes.Trim(e.AnswerBody, "\n")
			got = append(got, e)
		}
	}
	// The endless body is logged when the simulator notices that nobody reads it any more.
	slices.SortFunc(got, func(a, b entry) int { return a.Status - b.Status })
	dead := fmt.Appendf(nil, `{"error":"invalid_token","error_description":"Invalid access token: %s"}`, c.token)
	want := []entry{
		{Path: "/api/v2/accounts", Status: 200, Intercepted: true},
		{Path: "/api/v2/accounts", Status: 401, AnswerBody: dead}, // the simulator's own
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong log (-want +got):\n%s", diff)
	}
}
