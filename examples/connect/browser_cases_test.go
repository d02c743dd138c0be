package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// says is a text of the catalogue in the browser's language.
func (b *browser) says(key string, args ...any) string {
	return tongue{lang: b.lang}.text(key, args...)
}

// signIn signs in as the first company.
func (b *browser) signIn() *browser {
	b.t.Helper()
	return b.sees(b.says("signin.lead")).press("main button", b.says("accounts.none"))
}

// toTheForm searches a bank, reads what is read, and goes on to finAPI's form.
func (b *browser) toTheForm(bank string) *browser {
	b.t.Helper()
	b.open("/banks").write("#search", bank)
	b.press(".search button", b.says("banks.choose"))
	b.press(".banks a.button", b.says("before.gets"))
	return b.leave("#connect")
}

// leave presses what leads to finAPI's form.
func (b *browser) leave(selector string) *browser {
	b.t.Helper()
	b.do("press "+selector, click(selector))
	return b.waitFor(`location.pathname.startsWith("/wf/")`)
}

// approve accepts finAPI's terms, logs in at the bank's own page and approves there, until
// the application shows a text.
func (b *browser) approve(then string) *browser {
	b.t.Helper()
	b.toTheBank()
	b.do("log in", click("#login"))
	b.waitFor(`document.querySelector("#approve") && location.pathname.startsWith("/bank/")`)
	return b.press("#approve", then)
}

func (b *browser) toTheBank() *browser {
	b.t.Helper()
	b.do("accept the terms", click("#terms"), click("#approve"))
	return b.waitFor(`location.pathname.startsWith("/bank/")`)
}

// connected connects amnis and reads all its accounts.
func (b *browser) connected() *browser {
	b.t.Helper()
	b.signIn().toTheForm("amnis").approve(b.says("choose.lead"))
	return b.press("#choose", b.says("state.good"))
}

// devices are the screens and languages in which each page is looked at.
var devices = []struct {
	width int
	lang  finapi.Language
}{{1200, finapi.German}, {360, finapi.German}, {1200, finapi.English}, {360, finapi.English}}

func TestInABrowserEveryPageIsUsableOnEachScreenInEachLanguage(t *testing.T) {
	t.Parallel()
	for _, d := range devices {
		t.Run(fmt.Sprintf("%s-%d", d.lang, d.width), func(t *testing.T) {
			t.Parallel()
			b := openBrowserAt(t, chromium(t), startFullApp(t), d.width, d.lang)
			b.page("signin").press("main button", b.says("accounts.none")).page("empty")
			b.open("/forget").sees(b.says("forget.nothing")).page("forget-nothing")
			b.open("/banks?search=bank").page("banks")
			b.open("/banks/" + amnis).page("before")
			b.toTheForm("amnis").shoot("form").toTheBank().shoot("bank-login")
			b.do("log in", click("#login"))
			b.waitFor(`document.querySelector("#approve")`).shoot("bank-approve")
			b.press("#approve", b.says("choose.lead")).page("choose")
			b.press("#choose", b.says("state.good")).page("accounts")
			b.do("open an account", click(".list a"))
			b.sees(b.says("chart")).page("account")
			b.do("open the table", click("summary"))
			b.page("account-table")
			b.open("/banks/" + amnis).page("already-connected")
			b.open("/simulator").page("simulator").press(`button[value="duplicate"]`, b.says("simulator.duplicate.done"))
			b.press(`button[value="weeks"]`, b.says("simulator.weeks.done"))
			b.open("/accounts").sees(b.says("calendar")).page("expiring")
			b.press(`form[action$="/refresh"] button`, b.says("told.refreshed")).page("refreshed")
			b.open("/accounts/1").sees(b.says("reviews")).page("reviews")
			b.open("/help").page("help").open("/history").page("history")
			b.open("/accounts").do("disconnect", click(`a[href$="/disconnect"]`))
			b.sees(b.says("disconnect.happens")).page("disconnect")
			stale := evaluate[string](b, "location.pathname")
			b.press("#disconnect", b.says("told.gone.bank")).page("disconnected")
			b.open(stale).sees(b.says("told.gone.before", "amnis")).page("disconnected-before")
			b.open("/forget").page("forget").press("#forget", b.says("forget.unsure")).page("forget-unsure")
			b.do("be sure", click(`input[name="sure"]`))
			b.press("#forget", b.says("told.forgotten.access")).page("forgotten")
			b.open("/forget").page("forget-again").do("be sure again", click(`input[name="sure"]`))
			b.press("#forget", b.says("told.forgotten.nobody")).seesNot(b.says("told.forgotten.access")).page("forgotten-again")
			b.open("/nowhere").page("missing")
		})
	}
}

func TestInABrowserConnectRefreshDisconnectAndReconnectBooksNothingTwice(t *testing.T) {
	t.Parallel()
	b := openBrowserAt(t, chromium(t), startFullApp(t), 1200, finapi.German)
	b.signIn().toTheForm("amnis").approve("Die Bank ist verbunden.")
	b.press("#choose", "1.998 neue Buchungen.").sees("Aktuell")
	b.app.sim.Clock().Advance(24 * time.Hour)
	b.press(`form[action$="/refresh"] button`, "9 neue Buchungen.").sees("1.998 Buchungen waren schon bekannt").shoot("refreshed")
	b.do("disconnect", click(`a[href$="/disconnect"]`))
	b.press("#disconnect", "amnis ist getrennt.").sees("Auch bei der Bank ist die Zustimmung beendet.").sees("Ihre Buchungen bleiben in Ihren Büchern.")
	b.shoot("disconnected")
	b.toTheForm("amnis").approve("Dieses Buchungskonto hat die Buchungen dieses Kontos schon früher aufgenommen.").shoot("choose-again")
	b.press("#choose", "0 neue Buchungen.").sees("2.007 Buchungen waren schon bekannt und wurden nicht noch einmal gebucht.").shoot("reconnected")
	b.seesNot("1230")
	b.open("/accounts/1").sees("Die Buchungen ergeben genau den Saldo der Bank.")
}

func TestInABrowserWhoLeavesTheFormIsToldThatNothingWasConnected(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 360, finapi.English)
	b.signIn().toTheForm("amnis")
	b.press("#abort", "You have left the bank's page. Nothing was connected.").sees("Who must act").page("aborted")
}

func TestInABrowserWhoCancelsAtTheBankIsToldWhatTheBankSays(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.English)
	b.signIn().toTheForm("amnis").toTheBank()
	b.do("cancel at the bank", click("#cancel"))
	b.waitFor(`document.querySelector("#back")`).shoot("form-after-cancel")
	b.press("#back", "The bank was not connected.").sees("What the bank says").sees("Follow what the bank says.").page("cancelled")
}

func TestInABrowserAWrongLoginLeadsBackWithTheReason(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.German)
	b.signIn().toTheForm("amnis").toTheBank()
	b.write("#password", "wrong")
	b.do("log in", click("#login"))
	b.waitFor(`document.querySelector("#return")`).shoot("bank-refused")
	b.do("back to the form", click("#return"))
	b.waitFor(`document.querySelector("#back")`).shoot("form-error")
	b.press("#back", "Die Bank wurde nicht verbunden.").sees("Die Bank hat abgelehnt. Wer handeln muss, sagt sie selbst.").sees("Was die Bank sagt").page("failed")
}

func TestInABrowserAnExpiredFormLeadsBackToANewStart(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 360, finapi.German)
	b.signIn().toTheForm("amnis")
	b.app.sim.Clock().Advance(21 * time.Minute)
	b.do("accept too late", click("#terms"), click("#approve"))
	b.waitFor(`document.querySelector("#back")`).shoot("form-expired")
	b.press("#back", "nicht innerhalb von 20 Minuten").sees("bitte beginnen Sie von vorn").page("expired")
}

func TestInABrowserReloadAndBackDoNothingTwice(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.English)
	b.signIn().toTheForm("amnis")
	form, err := url.Parse(evaluate[string](b, "location.href"))
	if err != nil {
		t.Fatal(err)
	}
	b.toTheBank().do("log in", click("#login"))
	b.waitFor(`document.querySelector("#approve")`)
	b.press("#approve", "The bank is connected.")
	b.do("reload", chromedp.Reload())
	b.sees("The bank is connected.").sees("Choose accounts")
	b.press("#choose", "5 new bookings.")
	b.do("reload", chromedp.Reload())
	b.sees("5 new bookings.").sees("Up to date")
	// By script, because chromedp loses sight of a page that comes out of the browser's cache.
	evaluate[int](b, "setTimeout(() => history.back(), 0)")
	b.sees("Choose accounts")
	evaluate[bool](b, `(document.querySelector("#choose").click(), true)`)
	b.sees("0 new bookings.").sees("5 bookings were known already").seesNot("1230")
	// The way back itself, as a history or a bookmark may have it.
	b.open(strings.TrimPrefix(form.Query().Get("redirectUrl"), b.app.site.origin)).sees("You have been here before").page("replayed")
	b.press("main a.button", "Up to date")
}

func TestInABrowserALapsedConsentIsRenewed(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 360, finapi.German)
	b.connected().open("/simulator").press(`button[value="lapse"]`, "Die Zustimmungen sind abgelaufen.")
	b.open("/accounts").sees("Die Zustimmung ist abgelaufen oder wurde zurückgenommen; es wird nichts Neues gelesen").sees("Sie, bei Ihrer Bank").page("lapsed")
	b.leave(`form[action$="/renew"] button`).approve("Der Zugriff wurde erneuert.").sees("Aktuell").page("renewed")
}

func TestInABrowserARefreshThatNeedsTheCustomerLeadsToTheBank(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 360, finapi.English)
	b.connected()
	b.app.revokeAll()
	b.press(`form[action$="/refresh"] button`, "Your bank wants you to confirm").page("confirm")
	b.leave("#to-bank").approve("The access was renewed.")
}

func TestInABrowserABankThatIsMaintainedIsNotTheCustomersFault(t *testing.T) {
	t.Parallel()
	for _, d := range devices {
		t.Run(fmt.Sprintf("%s-%d", d.lang, d.width), func(t *testing.T) {
			t.Parallel()
			b := openBrowser(t, d.width, d.lang)
			b.connected().open("/simulator").press(`button[value="refuse"]`, b.says("simulator.refuse.done"))
			b.open("/accounts").press(`form[action$="/refresh"] button`, b.says("title.problem"))
			b.sees(b.says("who.refused")).sees(b.says("how.refused")).seesNot(b.says("who.customer")).page("maintained")
			b.open("/accounts").sees(b.says("state.refused")).seesNot(b.says("who.customer")).page("maintained-accounts")
		})
	}
}

func TestInABrowserARevokedConsentNamesTheButton(t *testing.T) {
	t.Parallel()
	for _, d := range devices {
		t.Run(fmt.Sprintf("%s-%d", d.lang, d.width), func(t *testing.T) {
			t.Parallel()
			b := openBrowser(t, d.width, d.lang)
			b.connected()
			b.app.revokeAll()
			b.press(`form[action$="/refresh"] button`, b.says("confirm.text"))
			b.open("/accounts").sees(b.says("state.lapsed")).sees(b.says("how.renew")).page("revoked")
			b.leave(`form[action$="/renew"] button`).approve(b.says("told.renewed"))
		})
	}
}

func TestInABrowserAnOutageSaysWhoMustActAndTheBooksStay(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.German)
	b.connected().open("/simulator").press(`button[value="outage"]`, "finAPI ist ausgefallen.")
	b.open("/accounts").sees("finAPI, der Dienst zwischen Bank und Software").sees("1.217,52").page("outage")
	b.open("/banks?search=amnis").sees("Die Liste der Banken lässt sich zurzeit nicht lesen.").page("outage-banks")
}

func TestInABrowserLongWorkShowsAPageThatLoadsItselfAgain(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.English, finapitest.WithRunningClock(), finapitest.WithUpdateDuration(3*time.Second), finapitest.WithImportDuration(0))
	b.connected()
	b.press(`form[action$="/refresh"] button`, "The bank is asked for news.").page("working")
	b.sees("The bank was asked for news.").sees("Up to date")
}

func TestInABrowserEverythingWorksWithoutJavaScript(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.English)
	b.do("switch scripts off", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.open("/signin").connected()
	b.press(`form[action$="/refresh"] button`, "The bank was asked for news.")
}

func TestInABrowserTheLanguageCanBeSwitchedOnThePage(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 360, finapi.English)
	b.connected().open("/accounts/1?words=miete").sees("Balance over time")
	b.press(`.languages a`, "Saldo im Lauf der Zeit")
	if words := evaluate[string](b, `document.querySelector("#words").value`); words != "miete" {
		t.Errorf("after the switch the search is %q", words)
	}
	b.open("/accounts").sees("Verbundene Konten")
}

func TestInABrowserTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1200, finapi.English)
	b.sees("Choose the company")
	tab, enter := chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter)
	b.do("tab", tab)
	if got := evaluate[string](b, `document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first stop of the keyboard is %q", got)
	}
	b.shoot("skip-link")
	b.do("skip", enter)
	b.waitFor(`document.activeElement.id === "main"`)
	b.do("to the companies", tab)
	b.waitFor(`document.activeElement.name === "tenant"`)
	b.do("to the button", tab)
	if got := evaluate[string](b, `getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`); got != "solid 3px" {
		t.Errorf("the button that has the focus is outlined %s, want solid 3px", got)
	}
	b.shoot("focus")
	b.do("sign in", enter)
	b.sees("No bank is connected")
}
