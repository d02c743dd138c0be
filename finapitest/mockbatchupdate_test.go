package finapitest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

const mockPath = "/api/v2/tests/mockBatchUpdate"

// mockable is a customer with an account at amnis that holds 100 of 2026-03-02,
// and the bodies of updates for its connection.
type mockable struct {
	*client
	connection string
	accounts   []object // EUR, CHF, USD
}

func newMockable(t *testing.T, options ...finapitest.Option) *mockable {
	t.Helper()
	sim := finapitest.New(t, append([]finapitest.Option{finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0)}, options...)...)
	sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: francs("100")})
	c := customer(t, sim, "kunde")
	m := &mockable{client: c, connection: c.connect(finapitest.AmnisID)}
	m.accounts = c.accounts()
	return m
}

// data is the news of the first n accounts, of which only the first one has rows.
func (m *mockable) data(balance string, n int, rows ...object) []object {
	var data []object
	for i, a := range m.accounts[:n] {
		if i > 0 {
			data = append(data, object{"accountId": a["id"], "accountBalance": 0})
			continue
		}
		data = append(data, object{"accountId": a["id"], "accountBalance": jsonNumber(balance), "newTransactions": append([]object{}, rows...)})
	}
	return data
}

func (m *mockable) body(more object) object {
	update := object{"bankConnectionId": jsonNumber(m.connection), "bankingInterface": "XS2A"}
	maps.Copy(update, more)
	return object{"mockBankConnectionUpdates": []object{update}}
}

// mock runs a batch update to its end.
func (m *mockable) mock(data []object) {
	m.t.Helper()
	more := object{}
	if data != nil { // null is not allowed
		more["mockAccountsData"] = data
	}
	m.access("POST", mockPath, m.body(more)).want(200)
	m.ready(m.connection)
}

func (m *mockable) shown() []any {
	var shown []any
	for _, r := range m.transactions("") {
		shown = append(shown, fmt.Sprint(r["bankBookingDate"], " ", r["amount"], " ", r["isAdjustingEntry"]))
	}
	return shown
}

func (m *mockable) states() []any {
	var states []any
	for _, a := range m.client.accounts() {
		states = append(states, fmt.Sprint(a["balance"], " ", objects(a["interfaces"])[0]["status"]))
	}
	return states
}

func TestAMockedUpdateEndsLaterAsAnAutomaticOne(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	path := "/api/v2/bankConnections/" + m.connection
	before := objects(m.access("GET", path, nil).want(200).json()["interfaces"])[0]
	body := m.body(object{"mockAccountsData": m.data("90.5", 3, object{"amount": -9.5, "purpose": "Kiosk", "counterpart": "Kiosk am Eck"})})
	body["triggerNotifications"] = true
	if r := m.access("POST", mockPath, body).want(200); len(r.raw) != 0 {
		t.Errorf("the answer is %s", r.raw)
	}
	if x := m.access("GET", path, nil).want(200).json(); x["updateStatus"] != "IN_PROGRESS" || len(m.transactions("")) != 1 {
		t.Errorf("at once the connection is %v", x["updateStatus"])
	}
	m.access("POST", mockPath, body).want(422)
	m.ready(m.connection)
	i := objects(m.access("GET", path, nil).want(200).json()["interfaces"])[0]
	want := object{"result": "OK", "errorMessage": nil, "errorType": nil, "timestamp": "2026-03-02T09:00:10.000+01:00"}
	if diff := cmp.Diff(any(want), i["lastAutoUpdate"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before["lastManualUpdate"], i["lastManualUpdate"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"2026-03-02 100.0 false", "2026-03-02 -9.5 false"}, m.shown()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"90.5 UPDATED", "0.0 UPDATED", "0.0 UPDATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
	if row := m.transactions("")[1]; row["purpose"] != "Kiosk" || row["counterpartName"] != "Kiosk am Eck" || row["isNew"] != true {
		t.Errorf("the row is %v", row)
	}
}

func TestAMockedUpdateLeavesOutOldRowsAndThoseItTakesForKnown(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.mock(m.data(
		"104", 3,
		object{"amount": 1, "bookingDate": "2026-02-20"},   // the first day of the window
		object{"amount": 2, "bookingDate": "2026-02-19"},   // before the window
		object{"amount": 100, "bookingDate": "2026-03-02"}, // there is one of the same day and amount
		object{"amount": 3},
	))
	want := []any{"2026-03-02 100.0 false", "2026-02-20 1.0 false", "2026-03-02 3.0 false"}
	if diff := cmp.Diff(want, m.shown()); diff != "" {
		t.Error(diff)
	}
	m.mock(m.data("114", 3, object{"amount": 5, "purpose": "a"}, object{"amount": 5, "purpose": "b"})) // two new ones are two
	if n := len(m.shown()); n != 5 {
		t.Errorf("%d rows", n)
	}
	if diff := cmp.Diff([]any{"114.0 UPDATED", "0.0 UPDATED", "0.0 UPDATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
}

func TestARowOlderThan89DaysIsLeftOutAlsoWithinTheWindow(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.sim.Clock().Advance(100 * 24 * time.Hour) // 2026-06-10
	m.mock(m.data("101", 3, object{"amount": 1, "bookingDate": "2026-03-13"}, object{"amount": 2, "bookingDate": "2026-03-12"}))
	if diff := cmp.Diff([]any{"2026-03-02 100.0 false", "2026-03-13 1.0 false"}, m.shown()); diff != "" {
		t.Error(diff)
	}
}

func TestAMockedBalanceThatDoesNotFitTheRowsMakesAnAdjustingEntry(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.mock(m.data("104.44", 3, object{"amount": 5, "bookingDate": "2026-03-01"}))
	want := []any{"2026-03-02 100.0 false", "2026-03-01 5.0 false", "2026-03-02 -0.56 true"}
	if diff := cmp.Diff(want, m.shown()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"104.44 UPDATED_FIXED", "0.0 UPDATED", "0.0 UPDATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
}

func TestAccountsThatAMockedUpdateDoesNotListBecomeDeprecated(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.mock(m.data("100", 2))
	if diff := cmp.Diff([]any{"100.0 UPDATED", "0.0 UPDATED", "0.0 DEPRECATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
	m.mock(nil)
	if diff := cmp.Diff([]any{"100.0 DEPRECATED", "0.0 DEPRECATED", "0.0 DEPRECATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
	m.mock(m.data("100", 3))
	if diff := cmp.Diff([]any{"100.0 UPDATED", "0.0 UPDATED", "0.0 UPDATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
}

func TestAMockedLoginErrorKeepsTheData(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.access("POST", mockPath, m.body(object{"simulateBankLoginError": true, "mockAccountsData": m.data("1", 1)})).want(200)
	m.ready(m.connection)
	x := m.access("GET", "/api/v2/bankConnections/"+m.connection, nil).want(200).json()
	result := objects(x["interfaces"])[0]["lastAutoUpdate"].(object)
	if result["result"] != "BANK_SERVER_REJECTION" || result["errorType"] != "BUSINESS" || result["errorMessage"] == nil {
		t.Errorf("the update is %v", result)
	}
	if diff := cmp.Diff([]any{"100.0 UPDATED", "0.0 UPDATED", "0.0 UPDATED"}, m.states()); diff != "" {
		t.Error(diff)
	}
}

func TestIllegalMockUpdatesAreRefused(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	other := customer(t, m.sim, "fremd")
	row := func(row object) object { return m.body(object{"mockAccountsData": m.data("100", 1, row)}) }
	long := make([]object, 1001)
	for i := range long {
		long[i] = object{"amount": 1}
	}
	twice := m.body(nil)
	twice["mockBankConnectionUpdates"] = append(twice["mockBankConnectionUpdates"].([]object), twice["mockBankConnectionUpdates"].([]object)...)
	for _, tt := range []struct {
		name   string
		body   object
		status int
		code   string
	}{
		{"no updates", object{}, 400, "MISSING_FIELD"},
		{"no connection", object{"mockBankConnectionUpdates": []object{{"bankingInterface": "XS2A"}}}, 400, "MISSING_FIELD"},
		{"no interface", m.body(object{"bankingInterface": ""}), 400, "MISSING_FIELD"},
		{"an unknown connection", m.body(object{"bankConnectionId": 1}), 404, "UNKNOWN_ENTITY"},
		{"the same connection twice", twice, 400, "BAD_REQUEST"},
		{"another interface", m.body(object{"bankingInterface": "FINTS_SERVER"}), 422, "ILLEGAL_FIELD_VALUE"},
		{"an unknown account", m.body(object{"mockAccountsData": []object{{"accountId": 1, "accountBalance": 1}}}), 404, "UNKNOWN_ENTITY"},
		{"no account", m.body(object{"mockAccountsData": []object{{"accountBalance": 1}}}), 400, "MISSING_FIELD"},
		{"no balance", m.body(object{"mockAccountsData": []object{{"accountId": 1}}}), 400, "MISSING_FIELD"},
		{"a balance that is a text", m.body(object{"mockAccountsData": []object{{"accountId": 1, "accountBalance": "1"}}}), 400, "BAD_REQUEST"},
		{"1001 rows", m.body(object{"mockAccountsData": m.data("1", 1, long...)}), 400, "BAD_REQUEST"},
		{"a row without an amount", row(object{}), 400, "MISSING_FIELD"},
		{"an empty purpose", row(object{"amount": 1, "purpose": ""}), 400, "BAD_REQUEST"},
		{"an illegal booking date", row(object{"amount": 1, "bookingDate": "2026-02-30"}), 400, "BAD_REQUEST"},
		{"an illegal value date", row(object{"amount": 1, "valueDate": "gestern"}), 400, "BAD_REQUEST"},
		{"an unknown field", m.body(object{"pin": "12345"}), 400, "BAD_REQUEST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code := accessCode(m.on(t).access("POST", mockPath, tt.body).want(tt.status)); code != tt.code {
				t.Errorf("code is %s", code)
			}
		})
	}
	other.access("POST", mockPath, m.body(nil)).want(404)
}

// accessCode is the first code of an Access error.
func accessCode(r reply) string { return objects(r.json()["errors"])[0]["code"].(string) }

func TestADepotCannotBeMocked(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.sim.EditAccount(idOf(t, m.accounts[0]["id"]), func(a *finapitest.Account) { a.Type = "Security" })
	m.access("POST", mockPath, m.body(object{"mockAccountsData": m.data("1", 1)})).want(422)
}

func TestMockingNeedsTheDevelopmentModePFMServicesAndAUserWithoutAutomaticUpdates(t *testing.T) {
	t.Parallel()
	m := newMockable(t, finapitest.WithClient(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = true }))
	m.sim.EditClient(func(c *finapitest.ClientSettings) { c.DevelopmentMode = false })
	m.access("POST", mockPath, m.body(nil)).want(403)
	m.sim.EditClient(func(c *finapitest.ClientSettings) { c.DevelopmentMode, c.PFMServices = true, false })
	m.access("POST", mockPath, m.body(nil)).want(403)
	m.sim.EditClient(func(c *finapitest.ClientSettings) { c.PFMServices = true })
	m.access("PATCH", "/api/v2/users", object{"isAutoUpdateEnabled": true}).want(200)
	if code := accessCode(m.access("POST", mockPath, m.body(nil)).want(422)); code != "ILLEGAL_ENTITY_STATE" {
		t.Errorf("code is %s", code)
	}
	m.access("PATCH", "/api/v2/users", object{"isAutoUpdateEnabled": false}).want(200)
	m.access("POST", mockPath, m.body(nil)).want(200)
}

func TestABatchUpdateReachesUsersWithAutomaticUpdatesOnly(t *testing.T) {
	t.Parallel()
	m := newMockable(t)
	m.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: francs("1")})
	m.sim.BatchUpdate() // not booked by the client
	m.sim.EditClient(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = true })
	m.sim.BatchUpdate() // not wanted by the user
	if n := len(m.shown()); n != 1 {
		t.Errorf("%d rows, want the one of the import", n)
	}
	m.access("PATCH", "/api/v2/users", object{"isAutoUpdateEnabled": true}).want(200)
	m.sim.BatchUpdate()
	if n := len(m.shown()); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	x := m.access("GET", "/api/v2/bankConnections/"+m.connection, nil).want(200).json()
	if auto := objects(x["interfaces"])[0]["lastAutoUpdate"].(object); auto["result"] != "OK" {
		t.Errorf("the update is %v", auto)
	}
}

func TestARuleIsToldInTheKnownShapeWithDetailsIfItWantsThem(t *testing.T) {
	t.Parallel()
	address, received := receiver(t)
	m := newMockable(t, finapitest.WithClient(func(c *finapitest.ClientSettings) { c.NotificationURL = address }))
	m.access("POST", "/api/v2/notificationRules", object{
		"triggerEvent": "NEW_TRANSACTIONS", "callbackHandle": "h", "includeDetails": true, "params": object{"accountIds": m.accounts[0]["id"].(json.Number).String()},
	}).want(201)
	body := m.body(object{"mockAccountsData": m.data("95", 3, object{"amount": -5})})
	body["triggerNotifications"] = true
	m.access("POST", mockPath, body).want(200)
	m.ready(m.connection)
	var got object
	if err := json.Unmarshal([]byte(next(t, received)), &got); err != nil {
		t.Fatal(err)
	}
	entry := objects(got["newTransactions"])[0]
	for _, name := range []string{"accountName", "accountNumber", "accountIban", "bankConnectionName", "details"} {
		if entry[name] == nil || entry[name] == "" {
			t.Errorf("%s is missing in %v", name, entry)
		}
		delete(entry, name)
	}
	want := object{
		"notificationRuleId": 1.0, "triggerEvent": "NEW_TRANSACTIONS", "callbackHandle": "h",
		"newTransactions": []any{object{"accountId": number(t, m.accounts[0]["id"]), "bankName": "amnis", "newTransactionsCount": 1.0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func number(t *testing.T, id any) float64 {
	t.Helper()
	return float64(idOf(t, id))
}
