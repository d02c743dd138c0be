package finapitest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func TestAnEntityReadByItsIDEqualsTheOneInTheList(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	bank := sim.BankAccounts("amnis")[0]
	bank.Book(finapitest.Booking{Amount: francs("-1.10"), Purpose: "Kiosk", EndToEndReference: "NOTPROVIDED"})
	bank.AddPending(finapitest.Booking{Amount: francs("-2.20"), Purpose: "Vorgemerkt"})
	c := customer(t, sim, "kunde")
	c.connect(finapitest.AmnisID)
	c.access("POST", "/api/v2/notificationRules", object{"triggerEvent": "NEW_TRANSACTIONS", "includeDetails": true}).want(201)
	for path, list := range map[string][2]string{
		"/api/v2/accounts/":            {"/api/v2/accounts", "accounts"},
		"/api/v2/transactions/":        {"/api/v2/transactions?view=userView", "transactions"},
		"/api/v2/pendingTransactions/": {"/api/v2/pendingTransactions?order=amount,desc", "pendingTransactions"},
		"/api/v2/bankConnections/":     {"/api/v2/bankConnections", "connections"},
		"/api/v2/notificationRules/":   {"/api/v2/notificationRules?includeDetails=true", "notificationRules"},
		"/api/v2/banks/":               {"/api/v2/banks?order=popularity,desc&search=amnis", "banks"},
	} {
		want := objects(c.access("GET", list[0], nil).want(200).json()[list[1]])[0]
		got := c.access("GET", path+jsonString(want["id"]), nil).want(200).json()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestAllEntitiesOfAUserCanBeDeletedAtOnce(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c, other := customer(t, sim, "kunde"), customer(t, sim, "fremd")
	other.connect(finapitest.SparkasseID)
	for path, want := range map[string]int{"/api/v2/accounts": 3, "/api/v2/bankConnections": 1} {
		c.connect(finapitest.AmnisID)
		v := c.access("DELETE", path, nil).want(200).json()
		if n := len(v["identifiers"].([]any)); n != want {
			t.Errorf("%s: %d deleted", path, n)
		}
	}
	c.access("POST", "/api/v2/notificationRules", object{"triggerEvent": "NEW_TRANSACTIONS"}).want(201)
	if v := c.access("DELETE", "/api/v2/notificationRules", nil).want(200).json(); len(v["identifiers"].([]any)) != 1 {
		t.Errorf("deleted rules are %v", v)
	}
	if n := len(sim.Accounts()); n != 2 {
		t.Errorf("%d accounts of the other user are left", n)
	}
}

func TestAPendingRowIsReplacedOnEveryUpdateAndBookedOrCancelledByTheBank(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	bank := sim.BankAccounts("amnis")[0]
	first := bank.AddPending(finapitest.Booking{Amount: francs("-3"), Purpose: "Hotel"})
	second := bank.AddPending(finapitest.Booking{Amount: francs("-4"), Purpose: "Kaution"})
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	pending := func() []object {
		return objects(c.access("GET", "/api/v2/pendingTransactions", nil).want(200).json()["pendingTransactions"])
	}
	before := pending()
	c.update(connection, nil)
	after := pending()
	if len(before) != 2 || len(after) != 2 || before[0]["id"] == after[0]["id"] || !bank.Balance().IsZero() {
		t.Errorf("pending rows are %v, then %v", before, after)
	}
	first.Book(finapitest.Booking{Amount: francs("-3.10"), Purpose: "HOTEL//LINDAU"})
	second.Cancel()
	c.update(connection, nil)
	if rows := c.transactions(""); len(pending()) != 0 || len(rows) != 1 || rows[0]["purpose"] != "HOTEL//LINDAU" {
		t.Errorf("rows are %v", rows)
	}
	if got := bank.Balance(); !got.Equal(francs("-3.1")) {
		t.Errorf("balance is %s", got)
	}
}

func TestNonEuroAccountsStayEmptyWhenTheClientLacksThem(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithClient(func(c *finapitest.ClientSettings) { c.NonEuroAccounts = false }))
	for _, a := range sim.BankAccounts("amnis") {
		a.Book(finapitest.Booking{Amount: francs("1")})
	}
	c := customer(t, sim, "kunde")
	c.connect(finapitest.AmnisID)
	got := map[string]string{}
	for _, a := range c.accounts() {
		got[a["accountCurrency"].(string)] = fmt.Sprint(a["balance"])
	}
	if diff := cmp.Diff(map[string]string{"EUR": "1.0", "CHF": "<nil>", "USD": "<nil>"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConnectionsAndConsentsCanBeTakenAwayBehindTheAPI(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	sim.DeleteConnection(sim.Accounts()[0].BankConnectionID)
	c.access("GET", "/api/v2/bankConnections/"+connection, nil).want(404)
	sim.LockUser("kunde")
	c.access("GET", "/api/v2/users", nil).want(401)
	if _, err := sim.BankAccount("DE00"); err == nil {
		t.Error("found an account that does not exist")
	}
	if a, err := sim.BankAccount(sim.BankAccounts("sparkasse")[0].IBAN()); err != nil || a.Spec().Currency != "EUR" {
		t.Errorf("account is %+v, %v", a, err)
	}
}

func TestEveryIBANOfTheDefaultWorldHasValidCheckDigits(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t)
	for _, a := range sim.BankAccounts("") {
		checkIBAN(t, a.IBAN())
		for _, b := range a.Bookings() {
			if b.CounterpartIBAN != "" {
				checkIBAN(t, b.CounterpartIBAN)
			}
		}
	}
}

func checkIBAN(t *testing.T, iban string) {
	t.Helper()
	rest := 0
	for _, c := range iban[4:] + iban[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	if length := map[string]int{"DE": 22, "CH": 21}[iban[:2]]; rest != 1 || len(iban) != length {
		t.Errorf("IBAN %s is wrong", iban)
	}
}
