package finapitest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

// nullCase is a body of a request with all its fields.
type nullCase struct {
	webForm      bool
	method, path string
	body         string
	// nullable are the paths at which the contract allows null.
	nullable []string
}

// nullCases are all bodies that the contract knows as JSON. %s in a path stands for
// the id of a connection, an account or a transaction.
func nullCases() []nullCase {
	const downloads = `"skipBalancesDownload":true,"skipPositionsDownload":true,"skipDuplicateDetection":true,"loadOwnerData":true,
		"accountTypes":["CHECKING"],"allowedInterfaces":["XS2A"],"profileId":"x","redirectUrl":"x"`
	downloadsNullable := []string{
		"skipBalancesDownload", "skipPositionsDownload", "loadOwnerData", "accountTypes", "allowedInterfaces", "profileId", "redirectUrl",
	}
	return []nullCase{
		{method: "POST", path: "/api/v2/users", body: `{"id":"x","password":"123456","email":"x","phone":"1","isAutoUpdateEnabled":false}`},
		{method: "PATCH", path: "/api/v2/users", body: `{"email":"x","phone":"1","isAutoUpdateEnabled":false}`},
		{
			method: "PATCH", path: "/api/v2/bankConnections/%s",
			body: `{"name":"x","bankingInterface":"XS2A","loginCredentials":[{"label":"x","value":"x"}],"defaultTwoStepProcedureId":"x"}`,
		},
		{method: "PATCH", path: "/api/v2/accounts/%s", body: `{"accountName":"x","accountType":"Savings","isNew":false}`},
		{
			method: "PATCH", path: "/api/v2/transactions",
			body: `{"isNew":true,"isPotentialDuplicate":false,"categoryId":0,"trainCategorization":false,"labelIds":[1],"ids":[1],"accountIds":[1]}`,
		},
		{
			method: "PATCH", path: "/api/v2/transactions/%s",
			body: `{"isNew":true,"isPotentialDuplicate":false,"categoryId":0,"trainCategorization":false,"labelIds":[1]}`,
		},
		{
			method: "POST", path: "/api/v2/notificationRules",
			body: `{"triggerEvent":"NEW_TRANSACTIONS","params":{"accountIds":"1"},"callbackHandle":"x","includeDetails":true}`,
		},
		{
			method: "POST", path: "/api/v2/tests/mockBatchUpdate",
			body: `{"triggerNotifications":false,"mockBankConnectionUpdates":[{"bankConnectionId":1,"bankingInterface":"XS2A",
				"simulateBankLoginError":false,"mockAccountsData":[{"accountId":1,"accountBalance":1,"newTransactions":[{"amount":1,"currency":"EUR",
				"originalAmount":1,"originalCurrency":"EUR","purpose":"x","counterpart":"x","counterpartIban":"x","counterpartBlz":"x",
				"counterpartBic":"x","counterpartAccountNumber":"x","bookingDate":"2026-03-01","valueDate":"2026-03-01","typeId":1,
				"counterpartMandateReference":"x","counterpartCreditorId":"x","counterpartCustomerReference":"x","counterpartDebitorId":"x",
				"type":"x","typeCodeSwift":"x","sepaPurposeCode":"x"}]}]}]}`,
		},
		{
			webForm: true, method: "POST", path: "/api/webForms/bankConnectionImport",
			body: `{"bank":{"id":1,"search":"x"},"bankConnectionName":"x","maxDaysForDownload":14,"allowTestBank":true,"callbacks":{"finalised":"x"},` + downloads + `}`,
			nullable: append([]string{
				"bank", "bank.id", "bank.search", "bankConnectionName", "maxDaysForDownload", "allowTestBank", "callbacks", "callbacks.finalised",
			}, downloadsNullable...),
		},
		{
			webForm: true, method: "POST", path: "/api/tasks/backgroundUpdate",
			body: `{"bankConnectionId":1,"importNewAccounts":true,"importNewAccountsMode":"SKIP","manageSavedSettings":["CREDENTIALS"],
				"callbacks":{"finalised":"x","webFormRequired":"x"},"userMetadata":{"ipAddress":"x","deviceOs":"x","userAgent":"x"},` + downloads + `}`,
			nullable: append([]string{
				"importNewAccounts", "importNewAccountsMode", "manageSavedSettings", "callbacks", "callbacks.finalised", "callbacks.webFormRequired", "userMetadata",
			}, downloadsNullable...),
		},
	}
}

func TestNullIsRefusedInEveryFieldOfABodyThatTheContractDoesNotCallNullable(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	ids := map[string]string{
		"/api/v2/bankConnections/%s": m.connection,
		"/api/v2/accounts/%s":        jsonString(m.accounts[0]["id"]),
		"/api/v2/transactions/%s":    jsonString(m.transactions("")[0]["id"]),
	}
	for _, c := range nullCases() {
		path := c.path
		if id := ids[path]; id != "" {
			path = fmt.Sprintf(path, id)
		}
		for at, body := range withNulls(t, c.body) {
			t.Run(c.method+" "+c.path+" with null at "+at, func(t *testing.T) {
				r := m.on(t).sendJSON(c.webForm, c.method, path, body)
				problem := object{"code": "BAD_REQUEST", "message": at + " must not be null", "type": "TECHNICAL", "multiStepAuthentication": nil}
				if c.webForm {
					problem = object{"field": at, "message": "must not be null"}
				}
				refused := r.status == 400 && cmp.Equal(r.json()["errors"], any([]any{problem}))
				if want := !slices.Contains(c.nullable, at); refused != want {
					t.Errorf("refused because of the null: %v, want %v; status %d, body %s", refused, want, r.status, r.raw)
				}
			})
		}
		for _, at := range c.nullable {
			if withNulls(t, c.body)[at] == nil {
				t.Errorf("%s: %s is nullable, but not tried", c.path, at)
			}
		}
	}
}

// sendJSON sends a body as it is, with error messages in English.
func (c *client) sendJSON(webForm bool, method, path string, body any) reply {
	c.t.Helper()
	base := c.sim.AccessURL()
	if webForm {
		base = c.sim.WebFormURL()
	}
	req := c.request(method, base+path, body)
	req.Header.Set("Accept-Language", "en")
	if strings.HasSuffix(path, "/users") && method == "POST" {
		req.Header.Set("Authorization", "Bearer "+vendor(c.t, c.sim).token)
	}
	return c.send(req)
}

// withNulls returns copies of a body by the path of the one null that each holds.
// A body that is null itself has the path "body".
func withNulls(t *testing.T, body string) map[string]json.RawMessage {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatal(err)
	}
	copies := map[string]json.RawMessage{"body": json.RawMessage("null")}
	var visit func(at string, value any)
	try := func(at string, old any, set func(any)) {
		set(nil)
		changed, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		copies[at] = changed
		set(old)
		visit(at, old)
	}
	visit = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				try(strings.TrimPrefix(at+"."+name, "."), v[name], func(by any) { v[name] = by })
			}
		case []any:
			for i := range v {
				try(fmt.Sprintf("%s[%d]", at, i), v[i], func(by any) { v[i] = by })
			}
		}
	}
	visit("", value)
	return copies
}

func TestAFormAndAnUpdateTakeEveryNullThatTheContractAllows(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.forms("POST", "/api/webForms/bankConnectionImport", object{
		"bank": object{"id": finapitest.AmnisID, "search": nil}, "bankConnectionName": nil, "maxDaysForDownload": nil, "allowTestBank": nil,
		"callbacks": nil, "skipBalancesDownload": nil, "skipPositionsDownload": nil, "loadOwnerData": nil, "accountTypes": nil,
		"allowedInterfaces": nil, "profileId": nil, "redirectUrl": nil,
	}).want(201)
	m.forms("POST", "/api/webForms/bankConnectionImport", object{"bank": nil}).want(201)
	m.forms("POST", "/api/tasks/backgroundUpdate", object{
		"bankConnectionId": jsonNumber(m.connection), "importNewAccounts": nil, "importNewAccountsMode": nil, "manageSavedSettings": nil,
		"callbacks": object{"finalised": nil, "webFormRequired": nil}, "userMetadata": nil, "skipBalancesDownload": nil,
		"skipPositionsDownload": nil, "loadOwnerData": nil, "accountTypes": nil, "allowedInterfaces": nil, "profileId": nil, "redirectUrl": nil,
	}).want(201)
}
