package finapitest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

func francs(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestTheFirstDayBringsTwinsALateRowAndAPendingRowThatIsBookedOtherwise(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithTokenLife(0))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	pending := objects(c.access("GET", "/api/v2/pendingTransactions", nil).want(200).json()["pendingTransactions"])
	if len(pending) != 1 || pending[0]["purpose"] != "HOTEL ZUR POST RESERVIERUNG" || pending[0]["counterpartyName"] == nil {
		t.Fatalf("pending rows are %v", pending)
	}
	sim.Clock().Advance(24 * time.Hour)
	c.update(connection, nil)

	var twins, late, hotel int
	for _, r := range c.transactions("&minImportDate=2026-03-03") {
		switch {
		case r["purpose"] == "SCHNELLRESTAURANT AM GLEIS" && r["amount"] == any(jsonNumber("-9.9")):
			twins++
		case r["bankBookingDate"] == "2026-02-27":
			late++
		case r["counterpartName"] == "HOTEL ZUR POST":
			hotel++
		}
	}
	if twins != 2 || late != 1 || hotel != 1 {
		t.Errorf("%d twins, %d late, %d hotel", twins, late, hotel)
	}
	if v := c.access("GET", "/api/v2/pendingTransactions", nil).want(200).json(); len(v["pendingTransactions"].([]any)) != 0 {
		t.Errorf("pending rows are %v", v)
	}
}

func TestBalancesEqualTheRowsAfterEveryUpdate(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithTokenLife(0))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	for range 12 {
		before := 0
		for _, a := range sim.Accounts() {
			before += len(sim.Transactions(a.ID))
		}
		sim.Clock().Advance(24 * time.Hour)
		c.update(connection, nil)
		after := 0
		for _, a := range sim.Accounts() {
			rows := sim.Transactions(a.ID)
			after += len(rows)
			var sum decimal.Decimal
			for _, r := range rows {
				sum = sum.Add(r.Amount)
			}
			if !sum.Equal(*a.Balance) || a.Status != "UPDATED" {
				t.Errorf("%s: rows %s, balance %s, status %s", a.Name, sum, a.Balance, a.Status)
			}
		}
		if after-before < 3 {
			t.Errorf("%d new rows on %s", after-before, sim.Clock().Now())
		}
	}
}

func TestTwoRunsOfTheDefaultWorldAreEqual(t *testing.T) {
	t.Parallel()
	books := func(step time.Duration) string {
		sim := finapitest.New(t)
		for range 72 * time.Hour / step {
			sim.Clock().Advance(step)
			sim.BankAccounts("")[0].Balance() // looking must not change anything
		}
		var all strings.Builder
		for _, a := range sim.BankAccounts("") {
			for _, b := range a.Bookings() {
				fmt.Fprintln(&all, a.IBAN(), b.BookingDate, b.Amount, b.Purpose, b.CounterpartName, b.EndToEndReference)
			}
		}
		return all.String()
	}
	if books(6*time.Hour) != books(72*time.Hour) {
		t.Error("the books differ")
	}
}

func TestAnImportIsBusyUntilTheDownloadHasFinished(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: francs("10.50"), Purpose: "Miete"})
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if err := sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	x := objects(c.access("GET", "/api/v2/bankConnections", nil).want(200).json()["connections"])[0]
	if x["updateStatus"] != "IN_PROGRESS" {
		t.Errorf("connection is %v", x["updateStatus"])
	}
	id := jsonString(x["id"])
	c.access("DELETE", "/api/v2/bankConnections/"+id, nil).want(423)
	a := c.accounts()[0]
	if a["balance"] != nil || objects(a["interfaces"])[0]["status"] != "DOWNLOAD_IN_PROGRESS" || len(c.transactions("")) != 0 {
		t.Errorf("account is %v", a)
	}
	body := object{"bankConnectionId": x["id"], "importNewAccountsMode": nil}
	if code := c.forms("POST", "/api/tasks/backgroundUpdate", body).want(423).code(); code != "LOCKED" {
		t.Errorf("code is %s", code)
	}
	c.ready(id)
	a = c.accounts()[0]
	if a["balance"] != any(jsonNumber("10.5")) || objects(a["interfaces"])[0]["status"] != "UPDATED" || len(c.transactions("")) != 1 {
		t.Errorf("account is %v", a)
	}
}

func TestAnUpdateReachesTenDaysBackAndEvensOutWhatItMisses(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	bank := sim.BankAccounts("amnis")[1]
	bank.Book(finapitest.Booking{Amount: francs("100")})
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	bank.Book(finapitest.Booking{Amount: francs("7"), BookingDate: "2026-02-20"})
	bank.Book(finapitest.Booking{Amount: francs("5.01"), BookingDate: "2026-02-19"})
	c.update(connection, nil)
	rows := c.transactions("")
	var got []any
	for _, r := range rows {
		got = append(got, jsonString(r["amount"]), r["bankBookingDate"], r["isAdjustingEntry"])
	}
	want := []any{"100.0", "2026-03-02", false, "7.0", "2026-02-20", false, "5.01", "2026-03-02", true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	status := []string{}
	for _, a := range sim.Accounts() {
		status = append(status, a.Status)
	}
	if !slices.Contains(status, "UPDATED_FIXED") {
		t.Errorf("statuses are %v", status)
	}
	c.update(connection, nil)
	if n := len(c.transactions("")); n != 3 {
		t.Errorf("%d rows after another update", n)
	}
}

func TestOnlyTheDaysAskedForAreImported(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	bank := sim.BankAccounts("amnis")[0]
	bank.Book(finapitest.Booking{Amount: francs("1"), BookingDate: "2026-02-15"})
	bank.Book(finapitest.Booking{Amount: francs("2"), BookingDate: "2026-02-16"})
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}, "maxDaysForDownload": 14, "accountTypes": []string{"CHECKING"}})
	if err := sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	sim.Clock().Advance(time.Minute)
	if rows := c.transactions(""); len(rows) != 1 || rows[0]["bankBookingDate"] != "2026-02-16" {
		t.Errorf("rows are %v", rows)
	}
}

func TestAnExpiredConsentNeedsTheCustomerAndKeepsTheIDs(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	bank := sim.BankAccounts("amnis")[0]
	bank.Book(finapitest.Booking{Amount: francs("1")})
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	iface := func() object {
		x := c.access("GET", "/api/v2/bankConnections/"+connection, nil).want(200).json()
		return objects(x["interfaces"])[0]
	}
	if consent := iface()["aisConsent"].(object); consent["status"] != "PRESENT" || consent["expiresAt"] != "2026-05-31T10:00:00.000+02:00" {
		t.Errorf("consent is %v", consent)
	}
	ids := c.transactions("")
	sim.Clock().Advance(90 * 24 * time.Hour)
	bank.Book(finapitest.Booking{Amount: francs("2")})
	task := c.update(connection, nil)
	form := task["payload"].(object)["webForm"].(object)
	if task["status"] != "WEB_FORM_REQUIRED" || iface()["userActionRequired"] != true || len(c.transactions("")) != 1 {
		t.Fatalf("task is %v", task)
	}
	if v := c.forms("GET", "/api/webForms/"+form["id"].(string), nil).want(200).json(); v["type"] != "BANK_CONNECTION_UPDATE" {
		t.Errorf("form is %v", v)
	}
	if err := sim.Approve(form["url"].(string)); err != nil {
		t.Fatal(err)
	}
	c.ready(connection)
	if rows := c.transactions(""); len(rows) != 2 || rows[0]["id"] != ids[0]["id"] {
		t.Errorf("rows are %v", rows)
	}
	if i := iface(); i["userActionRequired"] != false || i["aisConsent"].(object)["status"] != "PRESENT" {
		t.Errorf("interface is %v", i)
	}
	if v := c.forms("GET", "/api/tasks/"+task["id"].(string), nil).want(200).json(); v["status"] != "WEB_FORM_REQUIRED" || v["payload"].(object)["webForm"].(object)["status"] != "COMPLETED" {
		t.Errorf("task is %v", v)
	}
}

func TestTheBankAdmitsFourUpdatesADayWithoutTheCustomer(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	for range 4 {
		if task := c.update(connection, nil); task["status"] != "COMPLETED" {
			t.Fatalf("task is %v", task)
		}
	}
	task := c.update(connection, nil)
	if task["status"] != "COMPLETED_WITH_ERROR" || task["payload"].(object)["errorCode"] != "BANK_SERVER_REJECTION" {
		t.Errorf("task is %v", task)
	}
	present := object{"userMetadata": object{"ipAddress": "192.0.2.1", "deviceOs": "Linux", "userAgent": "Firefox"}}
	if task := c.update(connection, present); task["status"] != "COMPLETED" {
		t.Errorf("task with the customer is %v", task)
	}
	sim.Clock().Advance(24 * time.Hour)
	if task := c.update(connection, nil); task["status"] != "COMPLETED" {
		t.Errorf("task on the next day is %v", task)
	}
	v := c.forms("GET", "/api/tasks?perPage=2&page=4", nil).want(200).json()
	if items := objects(v["items"]); len(items) != 1 {
		t.Errorf("last page is %v", v)
	}
}

func TestIllegalTasksNameTheField(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	for field, body := range map[string]object{
		"bankConnectionId":      {"importNewAccountsMode": "SKIP"},
		"bankConnectionIds":     {"bankConnectionIds": []int{1}, "importNewAccountsMode": "SKIP"},
		"importNewAccountsMode": {"bankConnectionId": 1},
		"userMetadata.deviceOs": {"bankConnectionId": 1, "importNewAccountsMode": "SKIP", "userMetadata": object{"ipAddress": "192.0.2.1"}},
		"manageSavedSettings":   {"bankConnectionId": 1, "importNewAccountsMode": "SKIP", "manageSavedSettings": []string{"PIN"}},
		"NOT_FOUND":             {"bankConnectionId": 1, "importNewAccountsMode": "FORCED"},
	} {
		if r := c.forms("POST", "/api/tasks/backgroundUpdate", body); r.code() != field {
			t.Errorf("%v: code is %s", body, r.code())
		}
	}
}

func TestDeletingTheConsentKeepsTheDataUntilTheConnectionGoes(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: francs("1")})
	c := customer(t, sim, "kunde")
	path := "/api/v2/bankConnections/" + c.connect(finapitest.AmnisID)
	c.access("DELETE", path+"/aisConsent", nil).want(400)
	c.access("DELETE", path+"/aisConsent?bankingInterface=FINTS_SERVER", nil).want(422)
	got := c.access("DELETE", path+"/aisConsent?bankingInterface=XS2A&forceDeletion=true", nil).want(200).json()
	if diff := cmp.Diff(object{"local": "DELETED", "remote": "DELETED"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(c.transactions("")); n != 1 {
		t.Errorf("%d rows", n)
	}
	c.access("PATCH", path, object{"name": "Geschäft"}).want(200)
	c.access("DELETE", path, nil).want(200)
	c.access("GET", path, nil).want(404)
	if n := len(c.transactions("")) + len(c.accounts()); n != 0 {
		t.Errorf("%d rows and accounts are left", n)
	}
}
