package finapitest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

// severalWays is a customer at the Stadtsparkasse, where XS2A shows two accounts
// and FinTS a third one as well.
func severalWays(t *testing.T) (c *client, depot *finapitest.BankAccount) {
	t.Helper()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithEveryInterface(), finapitest.WithTokenLife(0))
	depot, err := sim.OpenAccount(finapitest.AccountSpec{
		BankID: finapitest.SparkasseID, Name: "Depot", Currency: "EUR", Type: "Security", Interfaces: []string{"FINTS_SERVER"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return customer(t, sim, "kunde"), depot
}

// ways tells of each interface of the first connection: its consent, whether it
// needs the customer, and when it was updated.
func (c *client) ways() []string {
	c.t.Helper()
	var ways []string
	for _, i := range objects(objects(c.access("GET", "/api/v2/bankConnections", nil).want(200).json()["connections"])[0]["interfaces"]) {
		consent, updated := "none", "never"
		if k, ok := i["aisConsent"].(object); ok {
			consent = k["status"].(string)
		}
		if u, ok := i["lastManualUpdate"].(object); ok {
			updated = u["timestamp"].(string)[11:19]
		}
		ways = append(ways, fmt.Sprint(i["bankingInterface"], " ", consent, " ", i["userActionRequired"], " ", updated))
	}
	return ways
}

func (c *client) accountWays() []string {
	c.t.Helper()
	var ways []string
	for _, a := range c.accounts() {
		way := []string{a["accountName"].(string)}
		for _, i := range objects(a["interfaces"]) {
			way = append(way, i["bankingInterface"].(string), i["status"].(string))
		}
		ways = append(ways, strings.Join(way, " "))
	}
	return ways
}

func same(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAConnectionThroughTwoInterfacesNeedsTheCustomerForEachByItself(t *testing.T) {
	t.Parallel()
	c, _ := severalWays(t)
	sim := c.sim
	connection := c.connect(finapitest.SparkasseID)
	same(t, []string{"XS2A PRESENT false 09:00:06", "FINTS_SERVER none false 09:00:06"}, c.ways())
	same(t, []string{"Sichteinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Spareinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Depot FINTS_SERVER UPDATED"}, c.accountWays())

	id := sim.Connections()[0].ID
	sim.EditInterface(id, "FINTS_SERVER", func(i *finapitest.ConnectionInterface) { i.UserActionRequired = true })
	task := c.update(connection, object{"allowedInterfaces": []string{"XS2A"}})
	if task["status"] != "COMPLETED" {
		t.Errorf("task is %v", task)
	}
	sim.Clock().Advance(time.Minute)
	same(t, []string{"XS2A PRESENT false 09:00:10", "FINTS_SERVER none true 09:00:06"}, c.ways())

	task = c.update(connection, nil)
	same(t, []string{"XS2A PRESENT false 09:00:10", "FINTS_SERVER none true 09:00:06"}, c.ways())
	link := task["payload"].(object)["webForm"].(object)["url"].(string)
	c.browse(link).want(200).shows("Ihre Bank und finAPI", "!Bis zum") // not on the bank's pages, and without an end
	c.press(link+"/approve", accepted()).want(200)
	c.press(link+"/login", demoCustomer()).want(200)
	c.press(link+"/confirm", fields("tan", "123456")).want(200)
	c.ready(connection)
	same(t, []string{"XS2A PRESENT false 09:01:18", "FINTS_SERVER none false 09:01:18"}, c.ways())
}

func TestTheFormOffersMoreAccountsThroughTheNextInterface(t *testing.T) {
	t.Parallel()
	atMore := func(t *testing.T) (c *client, id, link string) {
		t.Helper()
		c, _ = severalWays(t)
		id, link, visit := c.visitBank(finapitest.SparkasseID)
		c.press(visit+"/login", demoCustomer()).want(200).shows("Sichteinlagen", "!Depot")
		c.press(visit+"/approve", nil).want(303)
		c.browse(link+"/return").want(200).shows("Weitere Konten abrufen", `id="more"`, `id="finish"`)
		return c, id, link
	}
	t.Run("which the customer takes", func(t *testing.T) {
		t.Parallel()
		c, id, link := atMore(t)
		c.press(link+"/more", nil).want(200).shows(`name="password"`)
		c.press(link+"/login", demoCustomer()).want(200)
		c.press(link+"/confirm", fields("tan", "123456")).sentTo("https://erp.example/ok?state=a")
		c.wantForm(id, "COMPLETED", "")
		same(t, []string{"XS2A PRESENT false never", "FINTS_SERVER none false never"}, c.ways())
	})
	t.Run("which the customer does without", func(t *testing.T) {
		t.Parallel()
		c, id, link := atMore(t)
		c.press(link+"/finish", nil).sentTo("https://erp.example/ok?state=a")
		c.wantForm(id, "COMPLETED", "")
		same(t, []string{"XS2A PRESENT false never"}, c.ways())
		same(t, []string{"Sichteinlagen XS2A DOWNLOAD_IN_PROGRESS", "Spareinlagen XS2A DOWNLOAD_IN_PROGRESS"}, c.accountWays())
	})
	for _, tt := range []struct {
		name, status, code string
		end                func(c *client, id, link string)
	}{
		{"which the customer aborts", "ABORTED", "", func(c *client, _, link string) { c.press(link+"/abort", nil).want(303) }},
		{"which the customer leaves open", "EXPIRED", "", func(c *client, _, _ string) { c.sim.Clock().Advance(20 * time.Minute) }},
		{"which the vendor cancels", "COMPLETED", "", func(c *client, id, _ string) {
			c.forms("POST", "/api/webForms/"+id+"/cancel", nil).want(200)
		}},
		{"where the bank refuses", "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION", func(c *client, _, link string) {
			c.press(link+"/more", nil).want(200)
			c.press(link+"/login", wrongCustomer()).want(200)
		}},
		{"where the customer opens the link again", "COMPLETED_WITH_ERROR", "INTERRUPTED", func(c *client, _, link string) { c.browse(link).want(410) }},
	} {
		t.Run(tt.name+": the first connection stays", func(t *testing.T) {
			t.Parallel()
			c, id, link := atMore(t)
			tt.end(c, id, link)
			c.wantForm(id, tt.status, tt.code)
			if _, payload := c.formStatus(id); payload["bankConnectionId"] == nil {
				t.Errorf("payload is %v", payload)
			}
			if way := c.ways(); len(way) != 1 || !strings.HasPrefix(way[0], "XS2A PRESENT") {
				t.Errorf("interfaces are %v", way)
			}
		})
	}
}

func TestARenewalThatIsAbortedAfterOneInterfaceCountsAsCompleted(t *testing.T) {
	t.Parallel()
	c, _ := severalWays(t)
	connection := c.connect(finapitest.SparkasseID)
	c.sim.ExpireConsent(c.sim.Connections()[0].ID)
	form := c.update(connection, nil)["payload"].(object)["webForm"].(object)
	id, link := form["id"].(string), form["url"].(string)
	c.browse(link).want(200)
	visit := c.atBank(link)
	c.press(visit+"/login", demoCustomer()).want(200)
	c.press(visit+"/approve", nil).want(303)
	c.browse(link + "/return").want(200).shows(`id="more"`)
	c.press(link+"/abort", nil).want(200)
	c.wantForm(id, "COMPLETED", "")
	c.ready(connection)
	same(t, []string{"XS2A PRESENT false 09:00:14", "FINTS_SERVER none true 09:00:06"}, c.ways())
}

func TestAMockedBatchUpdateIsOneInterfacesOwn(t *testing.T) {
	t.Parallel()
	c, _ := severalWays(t)
	connection := c.connect(finapitest.SparkasseID)
	update := object{"bankConnectionId": jsonNumber(connection), "bankingInterface": "FINTS_SERVER"}
	update["mockAccountsData"] = []object{{"accountId": c.accounts()[0]["id"], "accountBalance": 5}}
	c.access("POST", mockPath, object{"mockBankConnectionUpdates": []object{update}}).want(200)
	c.ready(connection)
	same(t, []string{"Sichteinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Spareinlagen XS2A UPDATED FINTS_SERVER DEPRECATED", "Depot FINTS_SERVER DEPRECATED"}, c.accountWays())
	if b := c.accounts()[0]["balance"]; b != any(jsonNumber("0.0")) {
		t.Errorf("balance is %v: XS2A has the higher priority", b)
	}
	delete(update, "mockAccountsData")
	update["simulateBankLoginError"] = true
	c.access("POST", mockPath, object{"mockBankConnectionUpdates": []object{update}}).want(200)
	c.ready(connection)
	i := c.sim.Connections()[0].Interfaces
	if i[0].LastAutoUpdate != nil || i[1].LastAutoUpdate.Result != "BANK_SERVER_REJECTION" {
		t.Errorf("interfaces are %+v", i)
	}
}

func TestNewAccountsComeAsTheModeAndTheConsentAllow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		bank   int64
		mode   any
		status string
		names  []string // after the customer has approved, if needed
	}{
		{"none are asked for", finapitest.AmnisID, "SKIP", "COMPLETED", nil},
		{"the consent allows them", finapitest.AmnisID, "CONDITIONAL", "COMPLETED", []string{"Neu"}},
		{"forced although the consent allows them", finapitest.AmnisID, "FORCED", "COMPLETED", []string{"Neu"}},
		{"the consent names its accounts", finapitest.SparkasseID, "CONDITIONAL", "COMPLETED", nil},
		{"forced by a new consent", finapitest.SparkasseID, "FORCED", "WEB_FORM_REQUIRED", []string{"Neu"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sim := finapitest.New(t, finapitest.WithEmptyWorld())
			c := customer(t, sim, "kunde")
			connection := c.connect(tt.bank)
			before := len(c.accounts())
			account, err := sim.OpenAccount(finapitest.AccountSpec{BankID: tt.bank, Name: "Neu", IBAN: "DE89370400440532013000", Currency: "EUR", Type: "Checking"})
			if err != nil {
				t.Fatal(err)
			}
			account.Book(finapitest.Booking{Amount: francs("12.50")})
			task := c.update(connection, object{"importNewAccountsMode": tt.mode})
			if task["status"] != tt.status {
				t.Fatalf("task is %v", task)
			}
			if form, ok := task["payload"].(object)["webForm"].(object); ok {
				if err := sim.Approve(form["url"].(string)); err != nil {
					t.Fatal(err)
				}
				c.ready(connection)
			}
			var names []string
			for _, a := range c.accounts()[before:] {
				names = append(names, a["accountName"].(string))
				if a["balance"] != any(jsonNumber("12.5")) {
					t.Errorf("account is %v", a)
				}
			}
			same(t, tt.names, names)
		})
	}
}

func TestAClosedAccountIsDeprecatedWithTheNextUpdateAndKeepsItsRows(t *testing.T) {
	t.Parallel()
	c, depot := severalWays(t)
	giro := c.sim.BankAccounts("sparkasse")[0]
	giro.Book(finapitest.Booking{Amount: francs("7")})
	connection := c.connect(finapitest.SparkasseID)
	giro.Close()
	depot.Close()
	same(t, []string{"Sichteinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Spareinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Depot FINTS_SERVER UPDATED"}, c.accountWays())
	c.update(connection, object{"importNewAccountsMode": "CONDITIONAL"})
	same(t, []string{"Sichteinlagen XS2A DEPRECATED FINTS_SERVER DEPRECATED", "Spareinlagen XS2A UPDATED FINTS_SERVER UPDATED", "Depot FINTS_SERVER DEPRECATED"}, c.accountWays())
	if rows := c.transactions(""); len(rows) != 1 || c.accounts()[0]["balance"] != any(jsonNumber("7.0")) {
		t.Errorf("rows are %v", rows)
	}
	c.connect(finapitest.SparkasseID)
	if names := c.accountWays(); len(names) != 4 {
		t.Errorf("accounts after another import are %v", names)
	}
}

func TestAnAccountIsOpenedOnceAndAtAKnownBank(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	for _, spec := range []finapitest.AccountSpec{
		{BankID: 1, IBAN: "DE1"},
		{BankID: finapitest.AmnisID, IBAN: sim.BankAccounts("")[0].IBAN()},
	} {
		if _, err := sim.OpenAccount(spec); err == nil {
			t.Errorf("%+v is opened", spec)
		}
	}
}
