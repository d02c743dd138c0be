package finapitest_test

import (
	"strings"
	"testing"

	"github.com/finapi-go/finapi/finapitest"
)

// atBank accepts the terms of an open form and returns the address of the bank's
// page to which the browser is sent.
func (c *client) atBank(link string) (visit string) {
	c.t.Helper()
	to := c.press(link+"/approve", accepted()).want(303).header.Get("Location")
	if !strings.HasPrefix(to, "/bank/") {
		c.t.Fatalf("sent to %q", to)
	}
	return c.sim.WebFormURL() + to
}

// visitBank opens a form for a bank with pages of its own and goes there.
func (c *client) visitBank(bankID int64) (id, link, visit string) {
	c.t.Helper()
	id, link = c.startForm(object{"bank": object{"id": bankID}})
	c.browse(link + waysBack()).want(200)
	return id, link, c.atBank(link)
}

func TestTheCustomerApprovesOnTheBanksOwnPagesAndComesBack(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link, visit := c.visitBank(finapitest.AmnisID)
	c.browse(visit).want(200).shows("<title>Anmelden · amnis</title>", `name="username" value="demo"`, `name="password" value="demo"`, "!finAPI Web Form")
	c.press(visit+"/login", demoCustomer()).want(200).shows("amnis Konto CHF", sim.BankAccounts("amnis")[0].IBAN(), "31.05.2026", `id="approve"`, `id="cancel"`)
	c.browse(visit).want(200).shows("Zugriff freigeben") // the bank lets its pages be reloaded
	c.wantForm(id, "IN_PROGRESS", "")
	c.press(visit+"/approve", nil).sentTo(strings.TrimPrefix(link, sim.WebFormURL()) + "/return")
	c.browse(link + "/return").sentTo("https://erp.example/ok?state=a")
	if status, payload := c.formStatus(id); status != "COMPLETED" || payload["bankConnectionId"] == nil {
		t.Errorf("form is %s %v", status, payload)
	}
	c.browse(link + "/return").want(410).shows("schon benutzt")
	c.browse(visit).want(200)
}

func TestWhoeverDoesNotApproveAtTheBankComesBackAllTheSame(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for _, tt := range []struct {
		name, message string
		act           func(c *client, link, visit string)
	}{
		{"cancels before the log-in", "Die Freigabe wurde nicht erteilt.", func(c *client, link, visit string) {
			c.press(visit+"/cancel", nil).sentTo(strings.TrimPrefix(link, c.sim.WebFormURL()) + "/return")
		}},
		{"cancels after the log-in", "Die Freigabe wurde nicht erteilt.", func(c *client, link, visit string) {
			c.press(visit+"/login", demoCustomer()).want(200)
			c.press(visit+"/cancel", nil).sentTo(strings.TrimPrefix(link, c.sim.WebFormURL()) + "/return")
		}},
		{"approves without a log-in", "Die Freigabe wurde nicht erteilt.", func(c *client, _, visit string) {
			c.press(visit+"/approve", nil).want(303)
		}},
		{"has a wrong password", "Benutzername oder Passwort ist falsch.", func(c *client, link, visit string) {
			c.press(visit+"/login", wrongCustomer()).want(200).shows("Benutzername oder Passwort ist falsch.",
				`id="return" class="button" href="`+strings.TrimPrefix(link, c.sim.WebFormURL())+`/return"`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c.on(t)
			id, link, visit := c.visitBank(finapitest.TestRedirectBankID)
			tt.act(c, link, visit)
			c.wantForm(id, "IN_PROGRESS", "") // finAPI does not know yet
			c.browse(link+"/return").want(200).shows("Die Bank hat abgelehnt", tt.message, `href="https://erp.example/err"`)
			c.wantForm(id, "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION")
			if _, payload := c.formStatus(id); payload["errorMessage"] != tt.message {
				t.Errorf("payload is %v", payload)
			}
		})
	}
}

func TestABankWithoutAnAccountOfTheCustomerRefusesTheLogIn(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	id, link := c.startForm(object{"bank": object{"search": "Musterbank Zürich"}})
	c.browse(link).want(200)
	c.press(c.atBank(link)+"/login", demoCustomer()).want(200).shows("kein Online-Banking")
	c.browse(link + "/return").want(200)
	c.wantForm(id, "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION")
	c.browse(c.sim.WebFormURL() + "/bank/unknown").want(404)
}

func TestARenewalGoesThroughTheBanksPagesToo(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	sim.ExpireConsent(sim.Connections()[0].ID)
	form := c.update(connection, nil)["payload"].(object)["webForm"].(object)
	link := form["url"].(string)
	c.browse(link + waysBack()).want(200).shows("Zustimmung erneuern")
	visit := c.atBank(link)
	c.press(visit+"/login", demoCustomer()).want(200)
	c.press(visit+"/approve", nil).want(303)
	c.browse(link + "/return").sentTo("https://erp.example/ok?state=a")
	if i := sim.Connections()[0].Interfaces[0]; !i.Consent.Present || i.UserActionRequired {
		t.Errorf("interface is %+v", i)
	}
}
