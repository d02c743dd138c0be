package finapi

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestTheSDKIsReadOnly(t *testing.T) {
	t.Parallel()
	var writes []string
	for i := range endpoints {
		ep := &endpoints[i]
		if ep.writes {
			writes = append(writes, ep.String())
		}
		if ep.method != http.MethodGet && !ep.writes {
			t.Errorf("%s is not a GET, but is not marked as a write", ep)
		}
	}
	want := []string{
		"POST /api/v2/oauth/token",
		"POST /api/v2/oauth/revoke",
		"POST /api/v2/users",
		"PATCH /api/v2/users",
		"DELETE /api/v2/users",
		"POST /api/v2/users/verify/{userId}",
		"PATCH /api/v2/bankConnections/{id}",
		"DELETE /api/v2/bankConnections/{id}",
		"DELETE /api/v2/bankConnections/{id}/aisConsent",
		"PATCH /api/v2/accounts/{id}",
		"DELETE /api/v2/accounts/{id}",
		"PATCH /api/v2/transactions",
		"PATCH /api/v2/transactions/{id}",
		"DELETE /api/v2/transactions/{id}",
		"POST /api/v2/notificationRules",
		"DELETE /api/v2/notificationRules/{id}",
		"POST /api/v2/tests/mockBatchUpdate",
		"POST /api/webForms/bankConnectionImport",
		"POST /api/webForms/{id}/cancel",
		"DELETE /api/webForms/{id}",
		"POST /api/tasks/backgroundUpdate",
	}
	if diff := gocmp.Diff(want, writes); diff != "" {
		t.Errorf("the writes of the table are not those that are allowed (-want +got):\n%s", diff)
	}
}

func TestNoExcludedOperationIsInTheTable(t *testing.T) {
	t.Parallel()
	excluded := 0
	for line := range strings.Lines(readText(t, "testdata/contract/excluded-operations.txt")) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(columns) < 4 {
			continue
		}
		excluded++
		for i := range endpoints {
			if endpoints[i].String() == columns[2]+" "+columns[3] {
				t.Errorf("%s is in the table, but excluded as %s", &endpoints[i], columns[0])
			}
		}
	}
	if excluded < 40 {
		t.Errorf("only %d excluded operations were read: the file has changed its format", excluded)
	}
	for i := range endpoints {
		for _, word := range []string{"payment", "standingOrder", "directDebit", "moneyTransfer", "mandatorAdmin"} {
			if strings.Contains(strings.ToLower(endpoints[i].template), strings.ToLower(word)) {
				t.Errorf("%s has to do with %s", &endpoints[i], word)
			}
		}
	}
}

func TestEveryEndpointIsInTheContract(t *testing.T) {
	t.Parallel()
	contracts := [...]map[string]bool{
		access:  operationsOf(t, "testdata/contract/finapi-access-v2.yaml"),
		webForm: operationsOf(t, "testdata/contract/finapi-webform-2.yaml"),
	}
	for i := range endpoints {
		ep := &endpoints[i]
		if !contracts[ep.host][ep.String()] {
			t.Errorf("%s is not in the contract of its host", ep)
		}
	}
}

func TestEveryOperationOfTheContractIsInTheTableOrLeftOutOnPurpose(t *testing.T) {
	t.Parallel()
	var inTable []string
	for i := range endpoints {
		inTable = append(inTable, endpoints[i].String())
	}
	for _, list := range [][]string{inTable, leftOut} {
		if sorted := slices.Compact(slices.Sorted(slices.Values(list))); len(sorted) != len(list) {
			t.Errorf("an operation is listed twice: %v", list)
		}
	}
	for _, operation := range leftOut {
		if slices.Contains(inTable, operation) {
			t.Errorf("%s is left out and in the table", operation)
		}
	}
	decided := slices.Sorted(slices.Values(append(inTable, leftOut...)))
	contract := operationsOf(t, "testdata/contract/finapi-access-v2.yaml")
	maps.Copy(contract, operationsOf(t, "testdata/contract/finapi-webform-2.yaml"))
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(contract)), decided); diff != "" {
		t.Errorf("the contract and what was decided about it differ (-contract +decided):\n%s", diff)
	}
}

func TestOnlyWhatChangesNothingTheSecondTimeIsRepeated(t *testing.T) {
	t.Parallel()
	for i := range endpoints {
		ep := &endpoints[i]
		idempotent := ep.method == http.MethodGet || ep.method == http.MethodPatch
		if want := idempotent || endpointID(i) == epToken || endpointID(i) == epRevoke; ep.safe != want {
			t.Errorf("%s: safe to repeat is %v, want %v", ep, ep.safe, want)
		}
	}
}

// TestEveryEndpointTakesTheTokenOfTheContract reads the marker x-finapi-token.
func TestEveryEndpointTakesTheTokenOfTheContract(t *testing.T) {
	t.Parallel()
	tokens := tokensOf(t, "testdata/contract/finapi-access-v2.yaml")
	maps.Copy(tokens, tokensOf(t, "testdata/contract/finapi-webform-2.yaml"))
	names := map[tokenKind]string{noToken: "none", clientToken: "client", userToken: "user", anyToken: "client-or-user"}
	for i := range endpoints {
		if ep := &endpoints[i]; tokens[ep.String()] != names[ep.tokenKind] {
			t.Errorf("%s takes the token %q, the contract says %q", ep, names[ep.tokenKind], tokens[ep.String()])
		}
	}
}

func TestOnlyTheTokenEndpointWorksWithoutAToken(t *testing.T) {
	t.Parallel()
	for i := range endpoints {
		if ep := &endpoints[i]; (ep.tokenKind == noToken) != (endpointID(i) == epToken) {
			t.Errorf("%s has token kind %d", ep, ep.tokenKind)
		}
	}
}

func TestEveryAttemptHasADeadline(t *testing.T) {
	t.Parallel()
	for i := range endpoints {
		if ep := &endpoints[i]; ep.patience < usual || ep.patience > bankCall {
			t.Errorf("%s may take %v", ep, ep.patience)
		}
	}
}

func TestAnIDReachesOnlyItsOwnPath(t *testing.T) {
	t.Parallel()
	const prefix = "/api/webForms/"
	ids := []string{
		"../", "../../v2/users", "a/b", "%2F", "%2e%2e", "..;", "a?b=c", "a#b", "a b", "ä", "\x00", "{id}", "a\r\nHost: evil", `a\b`,
	}
	for _, id := range ids {
		path, err := endpoints[epConsent].path([]string{id})
		if err != nil {
			t.Errorf("%q: %v", id, err)
			continue
		}
		u, err := url.Parse("https://webform-sandbox.finapi.io" + path)
		if err != nil {
			t.Errorf("%q gives a URL that cannot be parsed: %v", id, err)
			continue
		}
		segment := strings.TrimPrefix(u.EscapedPath(), prefix)
		if !strings.HasPrefix(u.EscapedPath(), prefix) || strings.Contains(segment, "/") || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q leaves its segment: %s", id, u)
		}
		if u.Path != prefix+id {
			t.Errorf("%q arrives as %q", id, strings.TrimPrefix(u.Path, prefix))
		}
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := endpoints[epConsent].path([]string{id}); !IsError(err, CodeInvalidInput) {
			t.Errorf("the id %q gave error %v, want a refusal", id, err)
		}
	}
}

// operationsOf scans an OpenAPI document for its paths and their methods.
func operationsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	operations := map[string]bool{}
	for operation := range tokensOf(t, file) {
		operations[operation] = true
	}
	return operations
}

// tokensOf scans an OpenAPI document for its operations and the token of each.
func tokensOf(t *testing.T, file string) map[string]string {
	t.Helper()
	tokens := map[string]string{}
	methods := []string{"get:", "post:", "put:", "patch:", "delete:"}
	path, operation := "", ""
	for line := range strings.Lines(readText(t, file)) {
		text := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case indent == 2 && strings.HasPrefix(text, "/"):
			path = strings.TrimSuffix(text, ":")
		case indent < 4:
			path = ""
		case indent == 4 && path != "" && slices.Contains(methods, text):
			operation = strings.ToUpper(strings.TrimSuffix(text, ":")) + " " + path
			tokens[operation] = ""
		case indent == 6 && path != "" && strings.HasPrefix(text, "x-finapi-token: "):
			tokens[operation] = strings.TrimPrefix(text, "x-finapi-token: ")
		}
	}
	if len(tokens) == 0 {
		t.Fatalf("no operation was found in %s", file)
	}
	return tokens
}

func readText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
