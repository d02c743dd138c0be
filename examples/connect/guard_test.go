package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryPageForbidsBrowsersWhatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c := signedIn(t, a, "muster")
	policy := "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' " + a.sim.WebFormURL() + "; frame-ancestors 'none'; base-uri 'none'"
	for _, page := range []string{"/accounts", "/signin", "/help", "/nowhere", "/return", "/style.css"} {
		c.get(page)
		want := map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		}
		for name, value := range want {
			if got := c.header.Get(name); got != value {
				t.Errorf("%s has %s: %q, want %q", page, name, got, value)
			}
		}
		if page != "/style.css" && c.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be stored: %q", page, c.header.Get("Cache-Control"))
		}
		if strings.Contains(c.html, "<script") || strings.Contains(c.html, "style=") {
			t.Errorf("%s has a script or a style of its own, which its policy forbids", page)
		}
	}
}

func TestAFormWithoutTheTokenOfItsSessionDoesNothing(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c, other := signedIn(t, a, "muster"), signedIn(t, a, "muster")
	c.connect(amnis).chooseAll()
	disconnect := c.find(`href="(/connections/\d+/disconnect)"`)
	good := c.token()
	other.get("/accounts")
	for name, try := range map[string]struct {
		token  string
		header map[string]string
	}{
		"no token":                  {"", map[string]string{"Sec-Fetch-Site": "same-origin"}},
		"the token of another":      {other.token(), map[string]string{"Sec-Fetch-Site": "same-origin"}},
		"another site":              {good, map[string]string{"Sec-Fetch-Site": "cross-site"}},
		"another host of the site":  {good, map[string]string{"Sec-Fetch-Site": "same-site"}},
		"an old browser, elsewhere": {good, map[string]string{"Origin": "https://evil.example"}},
		"an old browser, hidden":    {good, map[string]string{"Origin": "null"}},
		"nothing said":              {good, nil},
	} {
		c.send(http.MethodPost, disconnect, url.Values{"csrf": {try.token}}, try.header)
		if c.status != http.StatusForbidden || !strings.Contains(c.text(), "nothing was done") {
			t.Errorf("%s: status %d, want 403", name, c.status)
		}
	}
	if n := len(a.sim.Connections()); n != 1 {
		t.Errorf("finAPI has %d connections after forms that must do nothing, want 1", n)
	}
	c.send(http.MethodPost, disconnect, url.Values{"csrf": {good}}, map[string]string{"Origin": a.site.origin})
	if c.settle(); c.status != 200 || len(a.sim.Connections()) != 0 {
		t.Errorf("an old browser with the right token is refused: status %d", c.status)
	}
}

func TestNothingIsChangedByAGet(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.connect(amnis).chooseAll()
	connection := c.find(`href="(/connections/\d+)/choose"`)
	for _, path := range []string{connection + "/refresh", connection + "/renew", "/signout", "/banks/" + amnis + "/connect", "/accounts/1/review"} {
		if c.get(path); c.status != http.StatusMethodNotAllowed && c.status != http.StatusNotFound {
			t.Errorf("GET %s answers with status %d", path, c.status)
		}
	}
}

func TestWhoIsNotSignedInSeesTheSignInOnly(t *testing.T) {
	t.Parallel()
	c := visitor(t, startApp(t))
	for _, page := range []string{"/", "/accounts", "/accounts/1", "/banks", "/connections/1/choose", "/history", "/forget", "/simulator", "/work/x"} {
		if c.get(page); c.at.Path != "/signin" {
			t.Errorf("%s shows %s to a stranger", page, c.at.Path)
		}
	}
	c.post("/forget", "sure", "1")
	if c.at.Path != "/signin" {
		t.Errorf("a stranger's form ends at %s", c.at.Path)
	}
	c.post("/signin", "tenant", "somebody else").reads(200, "Choose the company")
}

func TestSigningInMakesANewSessionAndSigningOutEndsIt(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c := visitor(t, a)
	origin, err := url.Parse(a.site.origin)
	if err != nil {
		t.Fatal(err)
	}
	session := func() string {
		for _, cookie := range c.http.Jar.Cookies(origin) {
			if cookie.Name == "session" {
				return cookie.Value
			}
		}
		return ""
	}
	before := session
	c.get("/signin")
	stranger := before()
	c.post("/signin", "tenant", "muster")
	known := session()
	if stranger == "" || known == "" || stranger == known {
		t.Errorf("signing in keeps the session %q: somebody could have prepared it", stranger)
	}
	c.post("/signout")
	c.send(http.MethodGet, "/accounts", nil, map[string]string{"Cookie": "session=" + known})
	if c.at.Path != "/signin" {
		t.Error("a session works after signing out")
	}
	var n int
	if err := a.books.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM session WHERE hash = ?`, known).Scan(&n); err != nil || n != 0 {
		t.Errorf("the session's id is kept in clear: %d rows, %v", n, err)
	}
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c := signedIn(t, a, "muster")
	if _, err := a.books.db.ExecContext(t.Context(), `UPDATE session SET expires = expires - ?`, int64(sessionLife.Seconds())+1); err != nil {
		t.Fatal(err)
	}
	if c.get("/accounts"); c.at.Path != "/signin" {
		t.Errorf("a session that has ended shows %s", c.at.Path)
	}
	c.post("/forget", "sure", "1")
	if c.at.Path != "/signin" {
		t.Errorf("a form of a session that has ended leads to %s", c.at.Path)
	}
}

func TestCookiesAreAsSafeAsTheAddressAllows(t *testing.T) {
	t.Parallel()
	local, err := newSite(options{}, "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	public, err := newSite(options{public: "https://erp.example.com"}, "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{local.cookie(local.cookieName(), "v", sessionLife).String(), public.cookie(public.cookieName(), "v", sessionLife).String()}
	want := []string{
		"session=v; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax",
		"__Host-session=v; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Lax",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if public.callback() != "https://erp.example.com/return" || local.callback() != "" {
		t.Errorf("finAPI calls back at %q and %q; it reaches https addresses only", public.callback(), local.callback())
	}
}

func TestAPublicAddressMustBeSafe(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://erp.example.com": true, "https://erp.example.com/": true, "http://localhost:8080": true, "http://[::1]:8080": true,
		"http://erp.example.com": false, "https://erp.example.com/path": false, "https://user@erp.example.com": false,
		"erp.example.com": false, "ftp://erp.example.com": false, "https://erp.example.com?x=1": false,
	} {
		if _, err := newSite(options{public: address}, ""); (err == nil) != good {
			t.Errorf("-url %s: %v, want good: %v", address, err, good)
		}
	}
}

func TestAnotherHostIsNotServed(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	for host, want := range map[string]int{
		"evil.example": http.StatusMisdirectedRequest, "localhost:1": http.StatusTemporaryRedirect,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/accounts", nil)
		r.Host = host
		w := httptest.NewRecorder()
		a.handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %s: status %d, want %d", host, w.Code, want)
		}
	}
}

func TestTheCustomersAddressIsBelievedFromTheOwnProxyOnly(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.9, 198.51.100.7")
	r.Header.Set("User-Agent", "Browser\x01 1")
	if d := (site{}).device(r); d.IP != "192.0.2.1" || d.UserAgent != "Browser 1" {
		t.Errorf("without a proxy the device is %+v", d)
	}
	if d := (site{forwarded: true}).device(r); d.IP != "198.51.100.7" {
		t.Errorf("with a proxy the address is %s, want the one that the proxy has seen", d.IP)
	}
	r.Header.Set("X-Forwarded-For", "unknown")
	if d := (site{forwarded: true}).device(r); d.IP != "192.0.2.1" {
		t.Errorf("an unreadable X-Forwarded-For gives %s", d.IP)
	}
}

func TestAFormThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	c.post("/forget", "sure", strings.Repeat("x", maxForm+1)).reads(http.StatusBadRequest, "This page was too old")
}

func TestTheLanguageLinkDoesNotLeadToAnotherSite(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	for _, path := range []string{"//evil.example/?lang=de", "/\\evil.example/?lang=de"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host, r.URL = c.app.site.host(), &url.URL{Path: strings.TrimSuffix(path, "?lang=de"), RawQuery: "lang=de"}
		w := httptest.NewRecorder()
		c.app.open(c.app.showHelp)(w, r)
		if to := w.Header().Get("Location"); strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") {
			t.Errorf("%s redirects to %s", path, to)
		}
	}
}

func TestTheSimulatorsControlsAreNotServedOnTheRealService(t *testing.T) {
	t.Parallel()
	site, err := newSite(options{}, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"FINAPI_CLIENT_ID": "00000000-0000-0000-0000-000000000000", "FINAPI_CLIENT_SECRET": "11111111-1111-1111-1111-111111111111"}
	a, err := open(t.Context(), options{db: filepath.Join(t.TempDir(), "connect.db")}, func(k string) string { return env[k] }, site, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/simulator", nil)
	r.Host = site.host()
	w := httptest.NewRecorder()
	a.handler().ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("the simulator's page answers with status %d on the sandbox", w.Code)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://webform-sandbox.finapi.io;") {
		t.Errorf("forms may not lead to the sandbox: %s", policy)
	}
}
