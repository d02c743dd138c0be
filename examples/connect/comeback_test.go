package main

import (
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi/finapitest"
)

func TestACustomerWhoLeavesTheFormIsToldThatNothingWasConnected(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	if err := c.app.sim.Abort(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "abortRedirectUrl")).reads(200, "You have left the bank's page. Nothing was connected.",
		"Who must act: You, at your bank.", "No bank is connected")
	c.lang = "de"
	c.get(c.at.RequestURI()).reads(200, "Es wurde nichts verbunden.", "Wer handeln muss: Sie, bei Ihrer Bank.")
}

func TestAFormThatExpiredSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	c.app.sim.Clock().Advance(21 * time.Minute)
	c.get(c.back(form, "errorRedirectUrl")).reads(200, "was not finished within 20 minutes", "please start again")
}

func TestAFormThatIsNotDoneIsAskedAgainByThePageItself(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	back := c.back(form, "redirectUrl")
	c.get(back).reads(200, "Your bank is not done yet", "This page reloads by itself")
	if !strings.Contains(c.html, `<meta http-equiv="refresh" content="3">`) {
		t.Error("the page does not load itself again")
	}
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(back).settle().reads(200, "The bank is connected.")
}

func TestTheAddressOfTheReturnIsAHintOnly(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	if err := c.app.sim.Abort(form); err != nil {
		t.Fatal(err)
	}
	// The browser claims success; finAPI says that the form was aborted.
	c.get(c.back(form, "redirectUrl")).reads(200, "Nothing was connected.")
}

func TestEveryFailureOfAFormSaysWhoMustActAndHow(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct{ message, who, how string }{
		"BANK_SERVER_REJECTION":      {"", "You, at your bank", "The bank refused"},
		"NO_ACCOUNTS_FOR_TYPE_LIST":  {"", "You, at your bank", "account"},
		"INTERRUPTED":                {"", "You, at your bank", "form"},
		"ENTITY_EXISTS":              {"", "Your software's vendor", "Pass this on to your software's vendor (ENTITY_EXISTS):"},
		"MANDATOR_MISCONFIGURATION":  {"", "Your software's vendor", "Pass this on to your software's vendor (MANDATOR_MISCONFIGURATION):"},
		"INTERNAL_ERROR":             {"", "finAPI, the service between bank and software", "try again in a few minutes"},
		"UNEXPECTED_ACCESS_RESPONSE": {"", "finAPI, the service between bank and software", "try again in a few minutes"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := signedIn(t, startApp(t), "muster")
			form := p.start(amnis)
			err := p.app.sim.EndForm(form, finapitest.FormEnd{Status: "COMPLETED_WITH_ERROR", ErrorCode: code, ErrorMessage: c.message})
			if err != nil {
				t.Fatal(err)
			}
			p.get(p.back(form, "errorRedirectUrl")).
				reads(200, "The bank was not connected.", "Who must act: "+c.who+".", c.how, "Attention")
		})
	}
}

func TestABankThatSaysWhyItRefusedIsQuotedAndNotContradicted(t *testing.T) {
	t.Parallel()
	p := signedIn(t, startApp(t), "muster")
	form := p.start(amnis)
	if err := p.app.sim.Reject(form, "Wir warten unsere Systeme bis 6 Uhr."); err != nil {
		t.Fatal(err)
	}
	p.get(p.back(form, "errorRedirectUrl")).reads(200, "The bank was not connected. The bank refused. Its own words say who must act. "+
		"What the bank says: “Wir warten unsere Systeme bis 6 Uhr.” Follow what the bank says. If it asks you for nothing, try again later.").
		readsNot("You, at your bank", "check whether you can log in")
	p.lang = "de"
	p.get(p.at.RequestURI()).reads(200, "Die Bank hat abgelehnt. Wer handeln muss, sagt sie selbst.", "Verlangt sie nichts von Ihnen, versuchen Sie es später erneut.").
		readsNot("Sie, bei Ihrer Bank")
}

func TestAFormThatEndedBadlyAndLeftAConnectionGoesOnWithAWarning(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	if err := c.app.sim.EndForm(form, finapitest.FormEnd{Status: "EXPIRED", Connected: true}); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "errorRedirectUrl")).settle().reads(200, "Please note", "The bank is connected.", "Choose accounts")
}

func TestARenewalThatFailsLeavesTheConnection(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	form := c.leave(c.find(`action="(/connections/\d+/renew)"`))
	if err := c.app.sim.Reject(form, "Bitte rufen Sie uns an."); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "errorRedirectUrl")).reads(200, "The access was not renewed; the connection stays as it was.", "“Bitte rufen Sie uns an.”", "amnis")
}

func TestComingBackTwiceIsFriendly(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	back := c.back(form, "redirectUrl")
	c.get(back).settle().reads(200, "The bank is connected.")
	c.get(c.at.RequestURI()).reads(200, "The bank is connected.") // reload
	c.get(back).reads(200, "You have been here before", "Nothing was done twice", "To the connected accounts")
	c.get("/accounts").reads(200, "Choose which accounts are to be read.")
}

func TestAForgedReturnIsRefused(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.start(amnis)
	c.get("/return?state=forged&outcome=success").reads(403, "This way back does not hold")
	c.get("/return").reads(403, "This way back does not hold")
}

func TestAReturnOfAnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, two := signedIn(t, a, "muster"), signedIn(t, a, "beispiel")
	two.connect(sparkasse)
	form := one.start(amnis)
	if err := a.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	two.get(one.back(form, "redirectUrl")).reads(403, "This way back does not hold").readsNot("amnis")
	two.get("/accounts").readsNot("amnis")
	one.get(one.back(form, "redirectUrl")).settle().reads(200, "The bank is connected.")
}

func TestACustomerWhoCameBackSignedOutFindsTheConnectionLater(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	form := c.start(amnis)
	c.get("/accounts")
	c.post("/signout").reads(200, "Sign in")
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl")).reads(403, "You are not signed in")
	c.get("/signin")
	c.app.sim.Clock().Advance(time.Minute)
	c.post("/signin", "tenant", "muster").reads(200, "The bank is connected, but nothing is in your books yet.", "Choose accounts")
}

func TestWhenFinAPIFailsTheBooksAreStillThere(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	refresh, account := c.find(`action="(/connections/\d+/refresh)"`), c.find(`href="(/accounts/\d+)"`)
	c.app.outage(true)
	c.get("/accounts").reads(200, "cannot be shown at present", "Who must act finAPI, the service between bank and software",
		"In a few minutes", "Your accounts as of the last refresh", "€1,217.52")
	c.get(account).reads(200, "3 bookings")
	c.post(refresh).settle().reads(502, "That did not work", "Who must act finAPI, the service between bank and software", "In a few minutes",
		"Nothing was changed in your books.")
	c.get("/banks?search=amnis").reads(200, "The list of banks cannot be read", "In a few minutes")
	c.get("/simulator")
	c.post("/simulator", "trick", "repair").reads(200, "finAPI answers again.")
	c.get("/accounts").reads(200, "Up to date")
}

func TestABankThatRefusesAnUpdateIsQuoted(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/simulator")
	c.post("/simulator", "trick", "refuse")
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().
		reads(502, "What the bank says Das Online-Banking wird gerade gewartet", "For the support BANK_SERVER_REJECTION")
	c.readsNot("You, at your bank", "As soon as that is done", "check whether you can log in")
	c.get("/accounts").reads(200, "The bank refused the last refresh; the data are older", "Who must act The bank refused. Its own words say who must act.",
		"Follow what the bank says. If it asks you for nothing, try again later.", "When the bank says so; if it names no time, later.").
		readsNot("You, at your bank", "As soon as that is done", "check whether you can log in")
	c.reads(200, "What the bank says Das Online-Banking wird gerade gewartet")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "Up to date")
}

func TestARevokedConsentSaysSoAndNamesTheButton(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.revokeAll()
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "Your bank wants you to confirm")
	for lang, want := range map[string]struct{ state, button, not string }{
		"en": {"The consent has run out or was taken back; nothing new is read", "Press “Renew consent”", "open the form"},
		"de": {"Die Zustimmung ist abgelaufen oder wurde zurückgenommen; es wird nichts Neues gelesen", "auf „Zustimmung erneuern“", "öffnen Sie das Formular"},
	} {
		c.lang = lang
		c.get("/accounts").reads(200, want.state, want.button).readsNot(want.not)
	}
}

func TestAnAccountThatFailedOrClosedIsMarked(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	all := c.app.sim.Accounts()
	c.app.sim.SetAccountStatus(all[0].ID, "DOWNLOAD_FAILED")
	c.app.sim.SetAccountStatus(all[1].ID, "DEPRECATED")
	c.get("/accounts").reads(200, "The last download of this account failed", "The bank does not show this account any more")
}

func TestAnAccountWithoutABalanceSaysWhy(t *testing.T) {
	t.Parallel()
	noForeign := finapitest.WithClient(func(s *finapitest.ClientSettings) { s.NonEuroAccounts = false })
	c := signedIn(t, startApp(t, noForeign), "muster")
	c.connect(amnis).chooseAll().reads(200, "not told")
	c.get("/accounts/2").reads(200, "gives no balance for this account, or finAPI may not read accounts in this currency", "There is nothing to draw yet")
}

func TestAVendorThatHasNotBookedFormsIsTheOneToAct(t *testing.T) {
	t.Parallel()
	noForms := finapitest.WithClient(func(s *finapitest.ClientSettings) { s.WebForm = false })
	c := signedIn(t, startApp(t, noForms), "muster")
	c.get("/banks/" + amnis)
	c.post("/banks/"+amnis+"/connect").reads(502, "Who must act Your software's vendor", "Pass this on to your software's vendor")
}

func TestAConnectionThatWasDeletedElsewhereLeavesItsLedgers(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	refresh := c.find(`action="(/connections/\d+/refresh)"`)
	c.app.sim.DeleteConnection(c.app.sim.Connections()[0].ID)
	c.post(refresh).reads(200, "amnis was disconnected before.")
	c.get("/accounts").reads(200, "No bank is connected", "Accounts that are not read", "1200 amnis Konto EUR")
	c.connect(amnis).reads(200, "This ledger took the bookings").chooseAll().reads(200, "0 new bookings.").readsNot("1230")
}

func TestABusyConnectionSaysSoAndThePageLoadsItselfAgain(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	choose := c.find(`href="(/connections/\d+/choose)"`)
	c.app.sim.KeepBusy(c.app.sim.Connections()[0].ID, time.Hour)
	c.get("/accounts").reads(200, "Being read from the bank")
	if !strings.Contains(c.html, `http-equiv="refresh"`) || !strings.Contains(c.html, "disabled") {
		t.Error("the page of a busy connection does not load itself again, or lets it be refreshed")
	}
	c.get(choose).reads(200, "The bank is being read for the first time")
}
