package finapitest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/finapi-go/finapi/finapitest"
)

// browse follows a link as a browser does, without a token.
func (c *client) browse(link string) reply {
	c.t.Helper()
	plain := *c
	plain.token = ""
	return plain.send(plain.request("GET", link, nil))
}

func (c *client) press(link string, form url.Values) reply {
	c.t.Helper()
	plain := *c
	plain.token = ""
	return plain.postForm(link, form)
}

func TestThePageShowsBankAccountsAndButtonsAndSendsTheCustomerBack(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	back := "?" + url.Values{"redirectUrl": {"https://erp.example/ok?state=a b"}, "abortRedirectUrl": {"https://erp.example/no"}}.Encode()
	page := c.browse(link + back).want(200)
	if ct := page.header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("content type is %s", ct)
	}
	html := string(page.raw)
	for _, want := range []string{"amnis", "amnis Konto CHF", sim.BankAccounts("amnis")[0].IBAN(), ">Approve<", ">Abort<", "/wf/" + id + "/approve?"} {
		if !strings.Contains(html, want) {
			t.Errorf("page lacks %q:\n%s", want, html)
		}
	}
	if status, _ := c.formStatus(id); status != "IN_PROGRESS" {
		t.Errorf("status is %s", status)
	}
	done := c.press(link+"/approve"+back, nil).want(303)
	if to := done.header.Get("Location"); to != "https://erp.example/ok?state=a%20b" && to != "https://erp.example/ok?state=a b" {
		t.Errorf("sent to %q", to)
	}
	if status, payload := c.formStatus(id); status != "COMPLETED" || payload["bankConnectionId"] == nil {
		t.Errorf("form is %s %v", status, payload)
	}
	c.press(link+"/approve"+back, nil).want(410)
}

func TestTheAbortButtonLeadsBackOrToAClosingPage(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	for query, want := range map[string]int{"": 200, "?abortRedirectUrl=https%3A%2F%2Ferp.example%2Fno": 303, "?abortRedirectUrl=javascript%3Aalert(1)": 200} {
		id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
		c.browse(link + query).want(200)
		c.press(link+"/abort"+query, nil).want(want)
		if status, _ := c.formStatus(id); status != "ABORTED" {
			t.Errorf("status is %s", status)
		}
	}
}

func TestASecondVisitInterruptsTheFormAndOffersTheWayBack(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	id, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	back := "?errorRedirectUrl=" + url.QueryEscape(`https://erp.example/err?a="><script>`)
	c.browse(link + back).want(200)
	html := string(c.browse(link + back).want(410).raw)
	if !strings.Contains(html, "https://erp.example/err") || strings.Contains(html, "<script>") {
		t.Errorf("page is %s", html)
	}
	if _, payload := c.formStatus(id); payload["errorCode"] != "INTERRUPTED" {
		t.Errorf("payload is %v", payload)
	}
	c.browse(strings.Replace(link, id, "unknown", 1)).want(404)
}

func TestTheCustomerSearchesAndChoosesABankOnThePage(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	id, link := c.startForm(object{})
	if html := string(c.browse(link).want(200).raw); !strings.Contains(html, "Stadtsparkasse Beispielstadt") || strings.Contains(html, "Nordische Handelsbank") {
		t.Errorf("page is %s", html)
	}
	html := string(c.press(link+"/bank", url.Values{"search": {`<beispielstadt>`}}).want(200).raw)
	if strings.Contains(html, "<beispielstadt>") {
		t.Error("the search is not escaped")
	}
	html = string(c.press(link+"/bank", url.Values{"search": {"beispielstadt"}}).want(200).raw)
	if strings.Contains(html, "amnis") || !strings.Contains(html, `value="99050000/Stadtsparkasse Beispielstadt"`) {
		t.Errorf("page is %s", html)
	}
	html = string(c.press(link+"/bank", url.Values{"bank": {"99050000/Stadtsparkasse Beispielstadt"}}).want(200).raw)
	if !strings.Contains(html, "Spareinlagen") {
		t.Errorf("page is %s", html)
	}
	c.press(link+"/approve", nil).want(200)
	if status, _ := c.formStatus(id); status != "COMPLETED" {
		t.Errorf("status is %s", status)
	}
}

func TestTextsOfTheWorldAreEscapedOnThePage(t *testing.T) {
	t.Parallel()
	world := finapitest.EmptyWorld()
	world.Accounts = []finapitest.AccountSpec{{BankID: finapitest.AmnisID, Name: `<b>"Konto"</b>`, IBAN: "CH1", Currency: "CHF", Type: "Checking"}}
	c := customer(t, finapitest.New(t, finapitest.WithWorld(world)), "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if html := string(c.browse(link).want(200).raw); strings.Contains(html, "<b>") || !strings.Contains(html, "&lt;b&gt;") {
		t.Errorf("page is %s", html)
	}
}
