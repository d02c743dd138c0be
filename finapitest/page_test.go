package finapitest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi/finapitest"
)

// browse follows a link as a browser does, without a token.
func (c *client) browse(link string) reply {
	c.t.Helper()
	return c.browseIn("", link)
}

// browseIn is browse with an Accept-Language.
func (c *client) browseIn(languages, link string) reply {
	c.t.Helper()
	plain := *c
	plain.token = ""
	req := plain.request("GET", link, nil)
	if languages != "" {
		req.Header.Set("Accept-Language", languages)
	}
	return plain.send(req)
}

// press sends a form of a page.
func (c *client) press(link string, form url.Values) reply {
	c.t.Helper()
	plain := *c
	plain.token = ""
	return plain.postForm(link, form)
}

// fields are those of a form, as pairs of name and value.
func fields(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

func accepted() url.Values      { return fields("terms", "accepted") }
func demoCustomer() url.Values  { return fields("username", "demo", "password", "demo") }
func wrongCustomer() url.Values { return fields("username", "demo", "password", "geheim") }

func waysBack() string {
	return "?" + url.Values{
		"redirectUrl": {"https://erp.example/ok?state=a"}, "abortRedirectUrl": {"https://erp.example/no"},
		"errorRedirectUrl": {"https://erp.example/err"}, "customerSupportUrl": {"https://erp.example/help"},
	}.Encode()
}

// shows demands texts on a page, and those that begin with "!" not on it.
func (r reply) shows(texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		unwanted, absent := strings.CutPrefix(text, "!")
		if strings.Contains(string(r.raw), unwanted) == absent {
			r.t.Errorf("page with %q is wrong:\n%s", text, r.raw)
		}
	}
}

func (r reply) sentTo(want string) {
	r.t.Helper()
	if to := r.want(303).header.Get("Location"); to != want {
		r.t.Errorf("sent to %q, want %q", to, want)
	}
}

func (c *client) wantForm(id, status, code string) {
	c.t.Helper()
	got, payload := c.formStatus(id)
	gotCode, _ := payload["errorCode"].(string)
	if got != status || gotCode != code {
		c.t.Errorf("form is %s %v, want %s %s", got, payload, status, code)
	}
}

func TestTheFormTellsWhatIsReadAndForHowLongBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}, "accountTypes": []string{"CHECKING"}, "maxDaysForDownload": 90})
	page := c.browse(link + waysBack()).want(200)
	page.shows(`<html lang="de">`, "amnis", "nur Girokonten", "der letzten 90 Tage", "31.05.2026", "Zahlungen können nicht ausgelöst werden",
		`name="terms"`, `id="approve"`, `id="abort"`, `href="https://erp.example/help"`, "!"+sim.BankAccounts("amnis")[0].IBAN())
	if got := page.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type is %s", got)
	}
	c.wantForm(id, "IN_PROGRESS", "")
	c.press(link+"/approve", nil).want(200).shows("Ohne Ihre Zustimmung", `aria-describedby="problem"`)
	c.wantForm(id, "IN_PROGRESS", "")
}

func TestAtABankWithoutPagesTheCustomerLogsInOnTheForm(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	start := func(t *testing.T, interfaces ...string) (*client, string, string) {
		t.Helper()
		c := c.on(t)
		id, link := c.startForm(object{"bank": object{"id": finapitest.TestBankID}, "allowedInterfaces": interfaces, "skipDuplicateDetection": true})
		c.browse(link + waysBack()).want(200)
		c.press(link+"/approve", accepted()).want(200).shows("Onlinebanking-ID", `name="username" value="demo"`, `name="password" value="demo"`)
		return c, id, link
	}
	t.Run("and confirms in the bank's app", func(t *testing.T) {
		c, id, link := start(t, "XS2A")
		c.press(link+"/login", demoCustomer()).want(200).shows("Banking-App", "!name=\"tan\"")
		c.press(link+"/confirm", nil).sentTo("https://erp.example/ok?state=a")
		c.wantForm(id, "COMPLETED", "")
	})
	t.Run("and enters a TAN", func(t *testing.T) {
		c, id, link := start(t, "FINTS_SERVER")
		c.press(link+"/login", demoCustomer()).want(200).shows(`name="tan" value="123456"`)
		c.press(link+"/confirm", fields("tan", "123456")).want(303)
		c.wantForm(id, "COMPLETED", "")
	})
	t.Run("without a second step", func(t *testing.T) {
		c, id, link := start(t, "FINTS_SERVER")
		c.press(link+"/login", fields("username", "demo_no_msa", "password", "demo_no_msa")).want(303)
		c.wantForm(id, "COMPLETED", "")
	})
	t.Run("a wrong password is refused with the bank's message", func(t *testing.T) {
		c, id, link := start(t, "XS2A")
		c.press(link+"/login", wrongCustomer()).want(200).shows("Benutzername oder Passwort ist falsch.", `href="https://erp.example/err"`)
		c.wantForm(id, "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION")
	})
	t.Run("so is a wrong TAN", func(t *testing.T) {
		c, id, link := start(t, "FINTS_SERVER")
		c.press(link+"/login", demoCustomer()).want(200)
		c.press(link+"/confirm", fields("tan", "1")).want(200).shows("Die TAN ist falsch.")
		c.wantForm(id, "COMPLETED_WITH_ERROR", "BANK_SERVER_REJECTION")
	})
}

func TestTheAbortButtonLeadsBackOrToAClosingPage(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for query, want := range map[string]int{"": 200, "?abortRedirectUrl=https%3A%2F%2Ferp.example%2Fno": 303, "?abortRedirectUrl=javascript%3Aalert(1)": 200} {
		id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
		c.browse(link + query).want(200)
		c.press(link+"/abort", nil).want(want)
		c.wantForm(id, "ABORTED", "")
		c.press(link+"/approve", accepted()).want(410).shows("abgebrochen")
	}
}

func TestASecondVisitInterruptsTheFormAndOffersTheWayBack(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	back := "?errorRedirectUrl=" + url.QueryEscape(`https://erp.example/err?a="><script>`)
	c.browse(link + back).want(200)
	c.browse(link+back).want(410).shows("https://erp.example/err", "!<script>", "ein zweites Mal geöffnet")
	c.wantForm(id, "COMPLETED_WITH_ERROR", "INTERRUPTED")
	c.browse(strings.Replace(link, id, "unknown", 1)).want(404).shows("Diesen Link gibt es nicht.")
}

func TestAReloadAtAWrongStepInterruptsTheForm(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for name, reload := range map[string]func(c *client, link string) reply{
		"of the terms":          func(c *client, link string) reply { return c.press(link+"/approve", accepted()) },
		"of a step to come":     func(c *client, link string) reply { return c.press(link+"/accounts", nil) },
		"of the bank's way out": func(c *client, link string) reply { return c.browse(link + "/return") },
	} {
		t.Run(name, func(t *testing.T) {
			c := c.on(t)
			id, link := c.startForm(object{"bank": object{"id": finapitest.TestBankID}})
			c.browse(link + waysBack()).want(200)
			c.press(link+"/approve", accepted()).want(200)
			reload(c, link).want(410).shows("neu geladen", `href="https://erp.example/err"`)
			c.wantForm(id, "COMPLETED_WITH_ERROR", "INTERRUPTED")
		})
	}
	t.Run("before the link was opened", func(t *testing.T) {
		c := c.on(t)
		id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
		c.press(link+"/approve", accepted()).want(410)
		c.wantForm(id, "NOT_YET_OPENED", "")
	})
}

func TestAnExpiredLinkSaysSo(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	_, unopened := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	_, opened := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	c.browse(opened + waysBack()).want(200)
	sim.Clock().Advance(20 * time.Minute)
	c.browse(unopened+waysBack()).want(410).shows("Der Link ist abgelaufen", `href="https://erp.example/err"`)
	c.press(opened+"/approve", accepted()).want(410).shows("Der Link ist abgelaufen", `href="https://erp.example/err"`)
}

func TestAnUnexpectedErrorOffersTheWayBackAsALinkOnly(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	c.browse(link + waysBack()).want(200)
	if err := sim.EndForm(link, finapitest.FormEnd{Status: "COMPLETED_WITH_ERROR", ErrorCode: "INTERNAL_ERROR"}); err != nil {
		t.Fatal(err)
	}
	page := c.press(link+"/approve", accepted()).want(410)
	page.shows("Ein unerwarteter Fehler", `id="back" class="button" href="https://erp.example/err"`, "!http-equiv")
	if to := page.header.Get("Location"); to != "" {
		t.Errorf("sent to %q", to)
	}
}

func TestTheCustomerSearchesAndChoosesABankOnThePage(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	id, link := c.startForm(object{"allowTestBank": false})
	c.browse(link).want(200).shows("Stadtsparkasse Beispielstadt", "!Nordische Handelsbank", "!finAPI Test Bank")
	c.press(link+"/bank", fields("search", "<beispielstadt>")).want(200).shows("Keine Bank passt dazu.", "!<beispielstadt>")
	c.press(link+"/bank", fields("search", "beispielstadt")).want(200).shows(`value="99050000/Stadtsparkasse Beispielstadt"`, "!amnis")
	c.press(link+"/bank", fields("bank", "99050000/Stadtsparkasse Beispielstadt")).want(200).shows("Stadtsparkasse Beispielstadt", `name="terms"`)
	c.wantForm(id, "IN_PROGRESS", "")
}

func TestTheBrowserChoosesTheLanguageAndAButtonSwitchesIt(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for header, want := range map[string]string{
		"": "de", "en": "en", "en-GB,en;q=0.9,de;q=0.8": "en", "fr,de;q=0.4,en;q=0.75": "en", "fr": "de", "de-CH, en;q=0.9": "de",
		"en;q=0, de;q=0.1": "de", "DE,EN": "de",
	} {
		_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
		c.browseIn(header, link).want(200).shows(`<html lang="` + want + `">`)
	}
	_, link := c.startForm(object{"bank": object{"id": finapitest.TestBankID}})
	c.browse(link).want(200).shows("Bankkonto verbinden", `value="en" lang="en">English<`)
	c.press(link+"/language", fields("lang", "en")).want(200).shows("Connect your bank account", `value="de" lang="de">Deutsch<`)
	c.press(link+"/approve", accepted()).want(200).shows("Log in at finAPI Test Bank")
	c.press(link+"/language", fields("lang", "de")).want(200).shows("Anmeldung bei finAPI Test Bank")
}

func TestOnlyTheAccountsThatTheCustomerChoosesAreImported(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithAccountSelection())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.TestBankID}})
	depot, err := sim.OpenAccount(finapitest.AccountSpec{BankID: finapitest.TestBankID, Name: "Depot", Currency: "EUR", Type: "Security"})
	if err != nil {
		t.Fatal(err)
	}
	c.browse(link + waysBack()).want(200)
	c.press(link+"/approve", accepted()).want(200)
	c.press(link+"/login", demoCustomer()).want(200)
	page := c.press(link+"/confirm", nil).want(200)
	page.shows("Main-TestAccount", `value="7" checked> <span>`+depot.Spec().Name)
	c.press(link+"/accounts", nil).want(200).shows("mindestens ein Konto")
	c.press(link+"/accounts", fields("account", "7")).sentTo("https://erp.example/ok?state=a")
	c.wantForm(id, "COMPLETED", "")
	if accounts := sim.Accounts(); len(accounts) != 1 || accounts[0].Name != "Depot" {
		t.Errorf("accounts are %+v", accounts)
	}
}

func TestTextsOfTheWorldAreEscapedOnThePages(t *testing.T) {
	t.Parallel()
	world := finapitest.EmptyWorld()
	world.Accounts = []finapitest.AccountSpec{{BankID: finapitest.AmnisID, Name: `<b>"Konto"</b>`, IBAN: "CH1", Currency: "CHF", Type: "Checking"}}
	c := customer(t, finapitest.New(t, finapitest.WithWorld(world)), "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	c.browse(link).want(200)
	c.press(c.atBank(link)+"/login", demoCustomer()).want(200).shows("&lt;b&gt;", "!<b>")
}

func TestPagesAreKeptNowhereAndTellNobodyWhereTheCustomerComesFrom(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	page := c.browse(link).want(200)
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := page.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy is %q", csp)
	}
	if r := c.press(link+"/approve", url.Values{"terms": {strings.Repeat("x", 2<<20)}}); r.status != http.StatusBadRequest {
		t.Errorf("a form of 2 MiB is answered with %d", r.status)
	}
}
