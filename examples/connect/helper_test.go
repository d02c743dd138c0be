package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

func noEnv(string) string { return "" }

// startApp starts the application with a simulator whose clock stands still, so that
// nothing waits. Five bookings are at amnis: three in EUR, one in CHF, one in USD.
func startApp(t *testing.T, simulation ...finapitest.Option) *app {
	t.Helper()
	a := startAppIn(t, filepath.Join(t.TempDir(), "connect.db"), append(simulation, finapitest.WithEmptyWorld())...)
	bookSome(a)
	return a
}

func bookSome(a *app) {
	accounts := a.sim.BankAccounts("amnis")
	for _, b := range []finapitest.Booking{
		{Amount: decimal.New(100000, -2), BookingDate: "2026-02-02", CounterpartName: "Müller & Söhne", Purpose: "Rechnung 17"},
		{Amount: decimal.New(23456, -2), BookingDate: "2026-02-10", CounterpartName: "Öko-Hof", Purpose: "Gutschrift 100%"},
		{Amount: decimal.New(-1704, -2), BookingDate: "2026-02-20", CounterpartName: "Bäckerei", Purpose: "Brot und Miete"},
	} {
		accounts[0].Book(b)
	}
	accounts[1].Book(finapitest.Booking{Amount: decimal.New(50000, -2), BookingDate: "2026-02-20", CounterpartName: "Muster AG", Purpose: "Lohn"})
	accounts[2].Book(finapitest.Booking{Amount: decimal.New(25000, -2), BookingDate: "2026-02-20", CounterpartName: "Sample Inc", Purpose: "Invoice"})
}

// startFullApp starts the application with twenty months of bookings, and more every day.
func startFullApp(t *testing.T) *app {
	t.Helper()
	return startAppIn(t, filepath.Join(t.TempDir(), "connect.db"))
}

// startAppIn starts the application with a file.
func startAppIn(t *testing.T, file string, simulation ...finapitest.Option) *app {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := options{db: file, simulator: append([]finapitest.Option{}, simulation...)}
	site, err := newSite(opts, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), opts, noEnv, site, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, listener, a.handler()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server did not end well: %v", err)
		}
		a.close()
	})
	return a
}

// customer is a person with a browser that has no JavaScript.
type customer struct {
	t    *testing.T
	app  *app
	http *http.Client
	lang string
	// what the browser shows
	status int
	at     *url.URL
	header http.Header
	html   string
}

// visitor is a customer who has not signed in. The browser does not leave the
// application by itself.
func visitor(t *testing.T, a *app) *customer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &customer{t: t, app: a, lang: "en", http: &http.Client{Jar: jar, Transport: transport}}
}

// signedIn is a customer of a company.
func signedIn(t *testing.T, a *app, tenant string) *customer {
	t.Helper()
	c := visitor(t, a)
	c.get("/signin")
	c.post("/signin", "tenant", tenant)
	return c
}

// get opens a page of the application.
func (c *customer) get(path string) *customer {
	c.t.Helper()
	c.send(http.MethodGet, path, nil, nil)
	return c
}

// post sends a form of the page that the browser shows, with its token.
func (c *customer) post(path string, fields ...string) *customer {
	c.t.Helper()
	form := url.Values{"csrf": {c.token()}}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	c.send(http.MethodPost, path, form, map[string]string{"Sec-Fetch-Site": "same-origin"})
	return c
}

// send sends anything; headers can be overridden.
func (c *customer) send(method, path string, form url.Values, header map[string]string) {
	c.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = c.app.site.origin + path
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", c.lang)
	r.Header.Set("User-Agent", "Test")
	for key, value := range header {
		r.Header.Set(key, value)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.status, c.at, c.header, c.html = answer.StatusCode, answer.Request.URL, answer.Header, string(body)
}

var tokenPattern = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token is the token of the page that the browser shows.
func (c *customer) token() string {
	if m := tokenPattern.FindStringSubmatch(c.html); m != nil {
		return m[1]
	}
	return ""
}

// text is what a person reads on the page.
func (c *customer) text() string { return plain(c.html) }

var (
	tagPattern   = regexp.MustCompile(`(?s)<[^>]*>`)
	spacePattern = regexp.MustCompile(`\s+`)
)

func plain(html string) string {
	text := tagPattern.ReplaceAllString(html, " ")
	text = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#43;", "+", noBreakSpace, " ").Replace(text)
	return strings.TrimSpace(spacePattern.ReplaceAllString(text, " "))
}

// reads fails the test if the page does not show a text.
func (c *customer) reads(status int, texts ...string) *customer {
	c.t.Helper()
	if c.status != status {
		c.t.Errorf("%s answers with status %d, want %d:\n%s", c.at, c.status, status, c.text())
	}
	for _, text := range texts {
		if !strings.Contains(c.text(), text) {
			c.t.Errorf("%s does not say %q, but:\n%s", c.at, text, c.text())
		}
	}
	return c
}

// readsNot fails the test if the page shows a text.
func (c *customer) readsNot(texts ...string) *customer {
	c.t.Helper()
	for _, text := range texts {
		if strings.Contains(c.text(), text) {
			c.t.Errorf("%s should not say %q:\n%s", c.at, text, c.text())
		}
	}
	return c
}

// find returns the part of the page that a pattern has in parentheses.
func (c *customer) find(pattern string) string {
	c.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(c.html)
	if m == nil {
		c.t.Fatalf("%s has no %s:\n%s", c.at, pattern, c.html)
	}
	return m[1]
}

// settle follows pages that load themselves again, until one does not.
func (c *customer) settle() *customer {
	c.t.Helper()
	for range 50 {
		if !strings.Contains(c.html, `http-equiv="refresh"`) {
			return c
		}
		if w := c.app.works.anybodys(strings.TrimPrefix(c.at.Path, "/work/")); w != nil {
			w.wait(c.t.Context(), time.Minute)
		} else {
			c.app.sim.Clock().Advance(3 * time.Second) // what the browser waits
		}
		c.get(c.at.RequestURI())
	}
	c.t.Fatalf("%s never settles:\n%s", c.at, c.text())
	return c
}

// anybodys returns a work of any tenant; nil if there is none with that id.
func (s *works) anybodys(id string) *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// start goes to the form for a bank and returns its address.
func (c *customer) start(bank string, fields ...string) string {
	c.t.Helper()
	c.get("/banks/" + bank)
	return c.leave("/banks/"+bank+"/connect", fields...)
}

// leave sends a form whose answer leads to finAPI, and returns the address there
// without going.
func (c *customer) leave(path string, fields ...string) string {
	c.t.Helper()
	stay := *c.http
	here := *c
	here.http = &stay
	stay.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != c.app.site.host() {
			return http.ErrUseLastResponse
		}
		return nil
	}
	here.post(path, fields...)
	if form := here.header.Get("Location"); form != "" {
		return form
	}
	if here.settle(); strings.Contains(here.html, `id="to-bank"`) {
		return strings.ReplaceAll(here.find(`id="to-bank" href="([^"]+)"`), "&amp;", "&")
	}
	c.t.Fatalf("%s does not lead to a form:\n%s", here.at, here.text())
	return ""
}

// back is where a form sends the browser after an outcome: redirectUrl,
// errorRedirectUrl or abortRedirectUrl.
func (c *customer) back(form, outcome string) string {
	c.t.Helper()
	u, err := url.Parse(form)
	if err != nil {
		c.t.Fatal(err)
	}
	way := u.Query().Get(outcome)
	if way == "" {
		c.t.Fatalf("the form has no %s: %s", outcome, form)
	}
	return way
}

// connect connects a bank up to the choice of the accounts.
func (c *customer) connect(bank string) *customer {
	c.t.Helper()
	form := c.start(bank)
	if err := c.app.sim.Approve(form); err != nil {
		c.t.Fatal(err)
	}
	c.get(c.back(form, "redirectUrl"))
	return c.settle()
}

// chooseAll reads all accounts of the page on which they are chosen, with the ledgers
// that it proposes.
func (c *customer) chooseAll() *customer {
	c.t.Helper()
	var fields []string
	for _, m := range regexp.MustCompile(`name="(read-\d+)"`).FindAllStringSubmatch(c.html, -1) {
		fields = append(fields, m[1], "1")
	}
	for _, m := range regexp.MustCompile(`(?s)name="(ledger-\d+)">.*?<option value="(\d+)" selected`).FindAllStringSubmatch(c.html, -1) {
		fields = append(fields, m[1], m[2])
	}
	c.post(c.at.Path, fields...)
	return c.settle()
}

const (
	amnis     = "9000117"
	sparkasse = "9000201"
)
