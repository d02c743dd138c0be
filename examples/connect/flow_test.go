package main

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

func TestACustomerConnectsABankAndSeesTheAccounts(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startFullApp(t), "muster")
	c.reads(200, "No bank is connected")
	c.get("/banks?search=amnis").reads(200, "1 bank found", "Supported")
	c.get("/banks/"+amnis).reads(200, "What finAPI gets from the bank", "Booked and pending transactions", "What this software takes from that", "No payments", "No bank log-in", "How often it is read", "How it ends", "Go on to amnis")
	c.connect(amnis).reads(200, "The bank is connected.", "Choose accounts", "A new ledger")
	c.chooseAll().reads(200, "3 accounts are read.", "1,998 new bookings.", "Up to date", "1200", "1210", "1220", "CH88 … 0017",
		"€651,089.57", "CHF 272,925.50", "$175,589.12", "Last refresh 2 Mar 2026, 09:00", "31 May 2026, 10:00 (89 days left)")
	c.readsNot("Attention", "were known already")
}

func TestLookingAtPagesMakesNoUserAtFinAPI(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c := signedIn(t, a, "muster")
	for _, page := range []string{"/accounts", "/banks?search=amnis", "/banks/" + amnis, "/help", "/history", "/forget"} {
		c.get(page).reads(200)
	}
	for _, r := range a.sim.Requests() {
		if r.Method == "POST" && strings.Contains(r.Path, "users") {
			t.Errorf("a customer who has connected nothing got a user: %s %s", r.Method, r.Path)
		}
	}
}

func TestBanksThatAreNotSupportedSayWhy(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.get("/banks?search=nordische").reads(200, "Not supported", "has no way to it").readsNot("Choose Nordische")
	c.get("/banks/9000302").reads(200, "cannot read accounts there").readsNot("Go on to")
	c.post("/banks/9000302/connect").reads(422, "cannot read accounts there")
	c.get("/banks?search=nosuchbank").reads(200, "No bank found")
	c.get("/banks?search=bank").reads(200, "More than 20 banks found")
	c.get("/banks/1").reads(404, "There is nothing here")
}

func TestABankThatIsConnectedOffersTheRenewalFirst(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/banks/"+amnis).reads(200, "This bank is connected already", "Renew the connection that is there", "Connect another log-in").
		readsNot("Go on to amnis")
	c.post("/banks/"+amnis+"/connect").reads(409, "This bank is connected already")
	if form := c.start(amnis, "again", "1"); !strings.Contains(form, "/wf/") {
		t.Errorf("another log-in leads to %q, not to a form", form)
	}
}

func TestAnAccountThatAnotherConnectionReadsIsNotProposedAgain(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	form := c.start(amnis, "again", "1")
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl")).settle().reads(200, "Another connection reads this account already")
	if strings.Contains(c.html, `type="checkbox" name="read-`) && regexp.MustCompile(`name="read-\d+" value="1" checked`).MatchString(c.html) {
		t.Error("an account that is read already is proposed for a second reading")
	}
}

func TestOnlyTheChosenAccountsAreRead(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis)
	c.post(c.at.Path).reads(422, "Choose at least one account")
	first := c.find(`name="(read-\d+)"`)
	c.post(c.at.Path, first, "1").settle().reads(200, "1 account is read.", "finAPI has 2 more accounts of this log-in. You did not choose them", "amnis Konto EUR").
		readsNot("amnis Konto CHF", "were deleted")
	if n := len(c.app.sim.Accounts()); n != 3 {
		t.Errorf("finAPI has %d accounts; without being asked to, nothing is deleted", n)
	}
}

func TestTheOtherAccountsAreDeletedAtFinAPIIfTheCustomerWishes(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis)
	first := c.find(`name="(read-\d+)"`)
	c.post(c.at.Path, first, "1", "delete", "1").settle().
		reads(200, "1 account is read.", "2 accounts that you did not choose were deleted at finAPI.").readsNot("more accounts of this log-in")
	if n := len(c.app.sim.Accounts()); n != 1 {
		t.Errorf("finAPI has %d accounts, want the chosen one", n)
	}
}

func TestAnAccountThatIsReadKeepsItsLedgerWhateverAnOldPageSays(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis)
	old := c.html
	choose := c.at.Path
	c.chooseAll().reads(200, "5 new bookings.")
	c.get(choose).reads(200, "Its bookings go to the ledger 1200 amnis Konto EUR.").readsNot("A new ledger")
	c.html = old // the back button shows the page as it was
	c.post(choose, c.find(`name="(read-\d+)"`), "1", c.find(`name="(ledger-\d+)"`), "0").settle().reads(200, "0 new bookings.", "1200").readsNot("1230")
}

func TestAnAccountWithANewIBANGoesOnInItsLedgerIfTheCustomerSaysSo(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle()
	form := c.start(amnis)
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.app.sim.Clock().Advance(time.Minute)
	account := c.app.sim.Accounts()[0].ID
	c.app.sim.SetAccountIBAN(account, "LI7408806123456789012")
	c.get(c.back(form, "redirectUrl")).settle().reads(200, "1200 amnis Konto EUR CH88 … 0017 (another IBAN: only if it is the same account)")
	field := strconv.FormatInt(account, 10)
	c.post(c.at.Path, "read-"+field, "1", "ledger-"+field, c.find(`<option value="(\d+)">1200`)).settle().
		reads(200, "0 new bookings.", "3 bookings were known already", "1200").readsNot("1230", "could not be read")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "0 new bookings.")
}

func TestTwoAccountsCannotShareALedger(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(sparkasse).chooseAll().reads(200, "2 accounts are read.")
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle()
	c.connect(sparkasse)
	reads := regexp.MustCompile(`name="read-(\d+)"`).FindAllStringSubmatch(c.html, -1)
	ledger := c.find(`<option value="([1-9]\d*)"`)
	path := c.at.Path
	c.post(path, "read-"+reads[0][1], "1", "ledger-"+reads[0][1], ledger, "read-"+reads[1][1], "1", "ledger-"+reads[1][1], ledger).
		reads(422, "Two accounts cannot share a ledger")
	c.post(path, "read-"+reads[0][1], "1", "ledger-"+reads[0][1], "4711").reads(422, "This ledger cannot take this account")
}

func TestRefreshBooksWhatIsNewOnce(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startFullApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.sim.Clock().Advance(24 * time.Hour)
	refresh := c.find(`action="(/connections/\d+/refresh)"`)
	c.post(refresh).settle().reads(200, "The bank was asked for news.", "9 new bookings.", "1,998 bookings were known already", "Last refresh 3 Mar 2026")
	c.post(refresh).settle().reads(200, "0 new bookings.", "2,007 bookings were known already")
}

func TestRefreshTellsTheBankThatTheCustomerIsPresent(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.sim.ResetRequests()
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle()
	for _, r := range c.app.sim.Requests() {
		if r.Method == "POST" && r.Path == "/api/tasks/backgroundUpdate" {
			if body := string(r.Body); !strings.Contains(body, `"ipAddress":"127.0.0.1"`) || !strings.Contains(body, `"userAgent":"Test"`) {
				t.Errorf("the update does not describe the customer's device: %s", body)
			}
			return
		}
	}
	t.Error("no update was asked for")
}

func TestARefreshThatNeedsTheCustomerSaysSoAndLeadsToTheBank(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.revokeAll()
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "Your bank wants you to confirm", "The link opens once and lives 20 minutes")
	form := strings.ReplaceAll(c.find(`id="to-bank" href="([^"]+)"`), "&amp;", "&")
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl")).settle().reads(200, "The access was renewed.", "Up to date")
}

// revokeAll takes all consents back at the banks.
func (a *app) revokeAll() {
	for _, c := range a.sim.Connections() {
		a.sim.RevokeConsent(c.ID)
	}
}

func TestALapsedConsentSaysWhoMustActAndIsRenewedInTheSameLedger(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	for _, connection := range c.app.sim.Connections() {
		c.app.sim.ExpireConsent(connection.ID)
	}
	c.get("/accounts").reads(200, "Consents that need your attention", "The consent has run out or was taken back", "Who must act You, at your bank", "Press “Renew consent” in “Connected accounts”").
		readsNot("Refresh now amnis")
	form := c.leave(c.find(`action="(/connections/\d+/renew)"`))
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl")).settle().reads(200, "The access was renewed.", "0 new bookings.", "5 bookings were known already", "Up to date").
		readsNot("1230")
}

func TestAConsentCanBeRenewedBeforeItRunsOut(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.sim.Clock().Advance(80 * 24 * time.Hour)
	c.get("/accounts").reads(200, "The consent runs out in 9 days", "runs out on 31 May 2026").readsNot("Up to date")
	form := c.leave(c.find(`action="(/connections/\d+/renew)"`))
	if err := c.app.sim.Approve(form); err != nil {
		t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl")).settle().reads(200, "The access was renewed.", "89 days left").readsNot("runs out in")
}

func TestDisconnectTellsWhatWasRemovedAndWhatStays(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get(c.find(`href="(/connections/\d+/disconnect)"`)).
		reads(200, "Disconnect amnis", "The bank is asked to end the consent, where it lets finAPI do that.", "with 3 accounts", "The next page tells exactly what happened.", "What stays", "1200 amnis Konto EUR")
	c.post(c.at.Path).settle().reads(200, "amnis is disconnected. finAPI has neither the connection nor its data any more; that was checked.",
		"3 accounts with balances and bookings were deleted at finAPI.", "The consent has ended at the bank, too.", "Your bookings stay",
		"Accounts that are not read", "1200 amnis Konto EUR", "€1,217.52")
	if n := len(c.app.sim.Connections()); n != 0 {
		t.Errorf("finAPI still has %d connections", n)
	}
	c.get(c.find(`href="(/accounts/\d+)"`)).reads(200, "Nothing is read at present", "3 bookings")
}

func TestDisconnectIsHonestAboutABankThatKeepsTheConsent(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	for _, connection := range c.app.sim.Connections() {
		c.app.sim.SetConsentDeletion(connection.ID, "NOT_DELETED")
	}
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle().reads(200, "amnis is disconnected", "The bank did not confirm that the consent has ended", "remove finAPI's access in your online banking").
		readsNot("The consent has ended at the bank, too.", "give it again")
}

func TestDisconnectDoesNotSayThatABankWasAskedThatWasNot(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.app.revokeAll()
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle() // finAPI learns of it
	c.get("/accounts")
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle().reads(200, "amnis is disconnected", "finAPI had no consent at the bank, so the bank was not asked to end one.").
		readsNot("The consent has ended at the bank, too.", "The bank did not confirm")
}

func TestAPageThatIsOlderThanTheDisconnectionSaysThatTheBankWasDisconnectedBefore(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	connection := c.find(`href="(/connections/\d+)/disconnect"`)
	c.get(connection + "/disconnect")
	c.post(c.at.Path).settle().reads(200, "amnis is disconnected.")
	for _, action := range []string{"/disconnect", "/refresh", "/renew", "/choose"} {
		c.get("/accounts")
		c.post(connection+action).reads(200, "For information", "amnis was disconnected before.", "Your bookings stay in your books.").readsNot("There is nothing here")
	}
	c.get(connection+"/disconnect").reads(200, "amnis was disconnected before.")
	c.lang = "de"
	c.get(connection+"/disconnect").reads(200, "amnis war schon getrennt.")
}

func TestAReconnectedBankGoesOnInTheSameLedgersWithoutDoubles(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startFullApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle()
	c.app.sim.Clock().Advance(24 * time.Hour)
	c.connect(amnis).reads(200, "This ledger took the bookings of this account before", "1200 amnis Konto EUR CH88 … 0017")
	c.chooseAll().reads(200, "9 new bookings.", "1,998 bookings were known already", "1200", "1210", "1220").
		readsNot("1230", "Accounts that are not read")
	c.get(c.find(`href="(/accounts/\d+)"`)).reads(200, "The bookings add up to the bank's balance exactly.")
}

func TestAKeptFileGoesOnAfterTheProgramWasStartedAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connect.db")
	t.Run("first", func(t *testing.T) {
		a := startAppIn(t, file, finapitest.WithEmptyWorld())
		bookSome(a)
		c := signedIn(t, a, "muster")
		c.connect(amnis).chooseAll().reads(200, "5 new bookings.")
		c.get("/simulator")
		c.post("/simulator", "trick", "day").reads(200, "A day has passed.", "3 Mar 2026")
	})
	a := startAppIn(t, file, finapitest.WithEmptyWorld())
	bookSome(a)
	c := signedIn(t, a, "muster")
	c.get("/simulator").reads(200, "In the simulation it is 3 Mar 2026")
	c.get("/accounts").reads(200, "Accounts that are not read", "1200 amnis Konto EUR")
	c.connect(amnis).chooseAll().reads(200, "0 new bookings.", "5 bookings were known already", "1200").readsNot("1230")
}

func TestForgetDeletesEverythingAndTellsTheProof(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/forget").reads(200, "Every bank is disconnected", "Your user at finAPI is deleted", "Your 3 ledgers are deleted here, with all bookings", "It cannot be undone")
	c.post("/forget").reads(422, "Tick the box")
	c.post("/forget", "sure", "1").settle().reads(200, "Your data were deleted.", "amnis is disconnected",
		"The consent has ended at the bank, too.", "Proof: on 2 Mar 2026", "answered that it does not know it", "The access data of this user were deleted here.",
		"3 ledgers with their bookings", "2 earlier messages were deleted here.", "No bank is connected").readsNot("Accounts that are not read", "nothing at finAPI")
	for _, table := range []string{"journal", "ledger", "snapshot", "notice", "customer", "chosen", "parted", "finapi_row", "finapi_alias", "finapi_feed", "finapi_user"} {
		var n int
		if err := c.app.books.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("the table %s holds %d rows (%v) after everything was deleted", table, n, err)
		}
	}
	c.connect(amnis).chooseAll().reads(200, "5 new bookings.")
}

func TestADeletionSaysOnlyWhatHappened(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	asked := func() int {
		n := 0
		for _, r := range c.app.sim.Requests() {
			if strings.Contains(r.Path, "verified") || r.Method == http.MethodDelete {
				n++
			}
		}
		return n
	}
	c.get("/forget").reads(200, "There is nothing to delete", "you have no user at finAPI").readsNot("0 ", "Delete everything")
	c.get("/accounts") // a form that an older page still shows
	c.post("/forget", "sure", "1").settle().reads(200, "There was nothing to delete.", "There was nothing at finAPI: you had no user there, so finAPI was not asked.").
		readsNot("Proof", "were deleted", "was deleted")
	if n := asked(); n != 0 {
		t.Errorf("for a customer who never connected, finAPI was asked %d times; the record says that nobody was", n)
	}

	c.connect(amnis).chooseAll()
	c.get("/forget")
	c.post("/forget", "sure", "1").settle().reads(200, "Proof: on 2 Mar 2026")
	if asked() == 0 {
		t.Error("the record says that finAPI was asked, and nobody did")
	}
	c.app.sim.ResetRequests()
	c.get("/forget").reads(200, "The 1 message that you were shown is deleted here.").
		readsNot("0 ledgers", "Every bank is disconnected", "Your user at finAPI", "access data")
	c.post("/forget", "sure", "1").settle().reads(200, "Your data were deleted.", "There was nothing at finAPI", "1 earlier message was deleted here.").
		readsNot("Proof", "ledger with", "ledgers with", "access data", "amnis")
	if n := asked(); n != 0 {
		t.Errorf("at a second deletion, finAPI was asked %d times; the record says that nobody was", n)
	}
	c.lang = "de"
	c.get(c.at.RequestURI()).reads(200, "Bei finAPI gab es nichts").readsNot("Nachweis")
}

func TestADeletionIsHonestAboutABankThatKeepsTheConsent(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	for _, connection := range c.app.sim.Connections() {
		c.app.sim.SetConsentDeletion(connection.ID, "NOT_DELETED")
	}
	c.get("/forget")
	c.post("/forget", "sure", "1").settle().reads(200, "Please note", "Your data were deleted.", "The bank did not confirm that the consent has ended", "Proof: on 2 Mar 2026").
		readsNot("The consent has ended at the bank, too.")
}

func TestADeletionOffersNoBanksIfNoneIsConnected(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.start(amnis) // makes the user, and connects nothing
	c.get("/forget").reads(200, "Your user at finAPI is deleted").readsNot("Every bank is disconnected", "ledger", "message")
	c.app.outage(true)
	c.get("/forget").reads(200, "Every bank is disconnected") // nobody knows
}

func TestForgetLeavesTheOtherTenantAlone(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, two := signedIn(t, a, "muster"), signedIn(t, a, "beispiel")
	one.connect(amnis).chooseAll()
	two.connect(amnis).chooseAll()
	one.get("/forget")
	one.post("/forget", "sure", "1").settle().reads(200, "Your data were deleted.")
	two.get("/accounts").reads(200, "Up to date", "€1,217.52")
	two.get(two.find(`href="(/accounts/\d+)"`)).reads(200, "3 bookings")
}

func TestPossibleDuplicatesWaitForADecision(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	for range 2 {
		c.get("/simulator")
		c.post("/simulator", "trick", "duplicate").reads(200, "finAPI has the newest booking twice.")
	}
	c.app.sim.Clock().Advance(time.Hour)
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "Please note", "2 bookings may be duplicates", "2 bookings wait for your decision")
	c.get(c.find(`href="(/accounts/\d+)"`)).reads(200, "Possible duplicates: please check", "It looks like this booking: −€17.04 · 20 Feb 2026 · Bäckerei", "3 bookings", "The bookings add up to the bank's balance exactly.").readsNot("What the last refreshes noticed")
}

func TestADecisionIsMadeOnce(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/simulator")
	c.post("/simulator", "trick", "duplicate")
	c.app.sim.Clock().Advance(time.Hour)
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle()
	c.get(c.find(`href="(/accounts/\d+)"`))
	review, uid := c.find(`action="(/accounts/\d+/review)"`), c.find(`name="uid" value="([^"]+)"`)
	c.post(review, "uid", uid, "decision", "discard").reads(200, "discarded as a duplicate", "3 bookings").readsNot("Possible duplicates")
	c.post(review, "uid", uid, "decision", "discard").reads(200, "discarded as a duplicate") // a second click
	c.post(review, "uid", uid, "decision", "book").reads(404)
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "0 new bookings.").readsNot("may be a duplicate")
}

func TestAReviewOfADisconnectedBankCanBeDecided(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/simulator")
	c.post("/simulator", "trick", "duplicate")
	c.app.sim.Clock().Advance(time.Hour)
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle()
	c.get(c.find(`href="(/connections/\d+/disconnect)"`))
	c.post(c.at.Path).settle()
	c.get(c.find(`href="(/accounts/\d+)"`)).reads(200, "Nothing is read at present", "Possible duplicates")
	c.post(c.find(`action="(/accounts/\d+/review)"`), "uid", c.find(`name="uid" value="([^"]+)"`), "decision", "discard").
		reads(200, "discarded as a duplicate").readsNot("Possible duplicates")
	c.connect(amnis).chooseAll().reads(200, "0 new bookings.").readsNot("may be a duplicate")
}

func TestABookedReviewCounts(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/simulator")
	c.post("/simulator", "trick", "duplicate")
	c.app.sim.Clock().Advance(time.Hour)
	c.get("/accounts")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle()
	c.get(c.find(`href="(/accounts/\d+)"`))
	c.post(c.find(`action="(/accounts/\d+/review)"`), "uid", c.find(`name="uid" value="([^"]+)"`), "decision", "book").
		reads(200, "booked as a payment of its own", "4 bookings", "The bookings and the bank's balance differ by")
}

func TestPendingBookingsAreMissingAndThePageSaysWhy(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	c.get("/simulator")
	c.post("/simulator", "trick", "pending").reads(200, "The bank announces a payment.")
	c.get("/accounts").reads(200, "Pending ones are missing on purpose")
	c.post(c.find(`action="(/connections/\d+/refresh)"`)).settle().reads(200, "0 new bookings.")
	c.get(c.find(`href="(/accounts/\d+)"`)).reads(200, "Pending bookings are missing on purpose", "3 bookings").readsNot("Kartenzahlung")
}

func TestBookingsAreFoundByTextAmountAndDay(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.app.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{
		Amount: decimal.New(-23456, -2), BookingDate: "2026-02-11", CounterpartName: "Öko-Hof", Purpose: "Storno",
	})
	c.connect(amnis).chooseAll().reads(200, "6 new bookings.")
	page := c.find(`href="(/accounts/\d+)"`)
	c.get(page).reads(200, "4 bookings", "€1,000.00", "−€17.04")
	c.get(page+"?words=MÜLLER+rechnung").reads(200, "1 booking", "Müller & Söhne").readsNot("Brot")
	c.get(page+"?words=100%25").reads(200, "1 booking", "Öko-Hof")
	c.get(page+"?words=%25").reads(200, "1 booking")
	c.get(page+"?amount=234.56").reads(200, "2 bookings").readsNot("Brot")
	c.get(page+"?amount=-17.04").reads(200, "1 booking", "Brot")
	c.get(page+"?from=2026-02-10&to=2026-02-10").reads(200, "1 booking", "Gutschrift").readsNot("Brot")
	c.get(page+"?words=nothing").reads(200, "0 bookings")
	c.get(page+"?amount=many").reads(200, "The amount is not readable")
	c.get(page+"?from=yesterday").reads(200, "The day is not readable")
	c.lang = "de"
	c.get(page+"?amount=1.000,00").reads(200, "1 Buchung", "1.000,00 €")
}

func TestBookingsComeInPages(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startFullApp(t), "muster")
	c.connect(amnis).chooseAll()
	page := c.find(`href="(/accounts/\d+)"`)
	c.get(page).reads(200, "Page 1 of 47", "Older").readsNot("Newer")
	c.get(page+"?page=47").reads(200, "Page 47 of 47", "Newer").readsNot("Older")
	c.get(page + "?page=2&words=miete").reads(200)
}

func TestTheChartSaysTheSameInWordsAndAsATable(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startFullApp(t), "muster")
	c.connect(amnis).chooseAll()
	page := c.find(`href="(/accounts/\d+)"`)
	c.get(page).reads(200, "Balance of amnis Konto EUR over time", "From 2 Mar 2025 with", "to 2 Mar 2026 with €651,089.57", "The same as a table", "28 Feb 2026")
	if !strings.Contains(c.html, `role="img" aria-labelledby="chart-name chart-text"`) {
		t.Error("the chart has no name for those who do not see it")
	}
	c.get(page+"?period=30").reads(200, "From 31 Jan 2026 with")
	c.get(page+"?period=all").reads(200, "From 1 Jul 2024 with")
}

func TestWhatACustomerWasToldCanBeLookedUp(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.get("/history").reads(200, "Nothing yet.")
	c.connect(amnis).chooseAll()
	c.get("/history").reads(200, "The bank is connected.", "3 accounts are read.")
	c.lang = "de"
	c.get("/history").reads(200, "Die Bank ist verbunden.", "3 Konten werden gelesen.")
}

func TestWhatIsReadIsTheSameOnEveryPage(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	for lang, want := range map[string]struct{ gets, takes, rest []string }{
		"en": {
			[]string{"all accounts of the log-in that you approve", "IBAN, holder, currency", "ooked and pending transactions"},
			[]string{"nly the accounts that you choose", "ooked"},
			[]string{"deleted at finAPI on the page on which you choose", "deleted there when you disconnect"},
		},
		"de": {
			[]string{"Konten des Zugangs, die Sie dort freigeben", "IBAN, Inhaber, Währung", "ebuchte", "vorgemerkte"},
			[]string{"ur die Konten, die Sie", "gebuchten"},
			[]string{"auf der Seite mit der Auswahl bei finAPI löschen lassen", "wird dort gelöscht, wenn Sie trennen"},
		},
	} {
		c.lang = lang
		for _, page := range []string{"/banks/" + amnis, "/help"} {
			c.get(page).reads(200, slices.Concat(want.gets, want.takes, want.rest)...).
				readsNot("Nothing else", "No pending bookings", "Sonst nichts", "Keine vorgemerkten")
		}
	}
}

func TestNoPagePromisesWhatOnlyTheBankCanDo(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	for lang, want := range map[string][]string{
		"en": {"The bank is asked to end the consent where it lets finAPI do that. finAPI deletes the connection and its data in any case", "tells exactly what happened"},
		"de": {"Die Bank wird gebeten, die Zustimmung zu beenden, soweit sie finAPI das erlaubt. finAPI löscht die Verbindung und ihre Daten in jedem Fall", "genau, was geschehen ist"},
	} {
		c.lang = lang
		for _, page := range []string{"/banks/" + amnis, "/help"} {
			c.get(page).reads(200, want...).readsNot("consent is taken back", "Zustimmung wird zurückgenommen")
		}
	}
}

func TestEveryPageSaysTheSameAboutWhenTheBankIsAsked(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	for lang, want := range map[string]map[string][]string{
		"en": {
			"/accounts":       {"new ones whenever you press “Refresh now”", "when you press “Refresh now”, never without you"},
			"/banks/" + amnis: {"This sample ERP asks the bank nothing without you.", "four times a day at the most"},
			"/help":           {"No: this sample ERP asks your bank only when you press something.", "This sample ERP does not refresh by itself.", "four times a day at the most"},
		},
		"de": {
			"/accounts":       {"wenn Sie auf „Jetzt aktualisieren“ drücken, jede Buchung einmal", "wenn Sie auf „Jetzt aktualisieren“ drücken, nie ohne Sie"},
			"/banks/" + amnis: {"Dieses Beispiel-ERP fragt die Bank nie ohne Sie.", "höchstens viermal am Tag"},
			"/help":           {"Nein: Dieses Beispiel-ERP fragt Ihre Bank nur, wenn Sie etwas drücken.", "Dieses Beispiel-ERP aktualisiert nicht von selbst.", "höchstens viermal am Tag"},
		},
	} {
		c.lang = lang
		for page, texts := range want {
			c.get(page).reads(200, texts...).readsNot("come by themselves", "kommen Salden und Buchungen von selbst")
		}
	}
}

func TestTheHelpAnswersEveryQuestionInBothLanguages(t *testing.T) {
	t.Parallel()
	c := visitor(t, startApp(t))
	for lang, want := range map[string][]string{
		"en": {"Do I get bookings twice?", "each booking comes exactly once", "Why are bookings missing?", "Can payments be started? No, the connection can only read.", "Only executed bookings come"},
		"de": {"Kommen Buchungen doppelt?", "genau einmal", "Warum fehlen Buchungen?", "nur ausgeführte Buchungen"},
	} {
		c.lang = lang
		c.get("/help")
		for _, text := range want {
			if !strings.Contains(strings.ToLower(c.text()), strings.ToLower(text)) {
				t.Errorf("the help in %s does not say %q", lang, text)
			}
		}
		if n := strings.Count(c.html, "<section"); n != 13 {
			t.Errorf("the help answers %d questions, want 13", n)
		}
	}
}
