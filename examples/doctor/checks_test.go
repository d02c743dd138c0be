package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// client changes the simulated client's settings.
func client(edit func(*finapitest.ClientSettings)) func(*bench) {
	return func(b *bench) { b.sim.EditClient(edit) }
}

// unreachable lets a host fail, of which the port is that of the given base.
func unreachable(base func(*finapitest.Server) string, err error) func(*bench) {
	return func(b *bench) {
		b.reach = func(u *url.URL) error {
			if u.String() == base(b.sim) {
				return err
			}
			return nil
		}
	}
}

// dated lets every answer tell another time.
func dated(off time.Duration) func(*bench) {
	return func(b *bench) {
		b.sim.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Date", b.sim.Clock().Now().Add(off).UTC().Format(http.TimeFormat))
			return false
		})
	}
}

func world(banks ...finapitest.Bank) finapitest.Option {
	return finapitest.WithWorld(finapitest.World{Banks: banks})
}

func bankWith(health int, properties ...string) finapitest.Bank {
	return finapitest.Bank{ID: 7, Name: "amnis", Location: "CH", Interfaces: []finapitest.BankInterface{
		{Name: "XS2A", AISSupported: true, Health: health, Properties: properties},
	}}
}

// oldBank has no interface of today.
var oldBank = finapitest.Bank{ID: 7, Name: "amnis", Location: "CH", Interfaces: []finapitest.BankInterface{
	{Name: "FINTS_SERVER", AISSupported: true, Health: 99}, {Name: "WEB_SCRAPER", AISSupported: true, Health: 99},
}}

func beta(b finapitest.Bank) finapitest.Bank {
	b.IsBeta = true
	return b
}

var (
	errRefused     = errors.New("connect: connection refused")
	errNoName      = &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}
	errCertificate = &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
)

// provoked is a case: something about finAPI, and what doctor must find.
type provoked struct {
	check     string
	state     state
	name      string
	options   []finapitest.Option
	arrange   func(*bench)
	write     bool
	args      []string
	interrupt string       // the call during which the run is interrupted
	who       finapi.Actor // "" means the vendor, unless all is well
	seen, do  string       // parts of what is told
}

// cases provoke every finding, well and not well.
func cases() []provoked {
	access, webForm := (*finapitest.Server).AccessURL, (*finapitest.Server).WebFormURL
	mandator := map[string]any{"isMandatorAdmin": true}
	form := func(status int, body string) func(*bench) {
		return answering(http.MethodPost, "/bankConnectionImport", always, status, body)
	}
	return []provoked{
		{check: "access host", state: "ok"},
		{check: "access host", state: "fail", name: "refused", arrange: unreachable(access, errRefused), do: "you gave with -access-url."},
		{check: "access host", state: "fail", name: "no name", arrange: unreachable(access, errNoName), seen: "does not resolve", do: "DNS"},
		{check: "access host", state: "fail", name: "certificate", arrange: unreachable(access, errCertificate), do: "Who has issued it"},
		{check: "access host", state: "info", name: "proxy", arrange: unreachable(access, errProxy), do: "proxy"},
		{check: "web form host", state: "ok"},
		{check: "web form host", state: "fail", arrange: unreachable(webForm, errNoName), do: "you gave with -web-form-url."},

		{check: "credentials", state: "ok"},
		{check: "credentials", state: "fail", name: "wrong", arrange: func(b *bench) { b.env["FINAPI_CLIENT_SECRET"] = "planted-wrong" }, seen: "status 401", do: "FINAPI_ENV"},
		{check: "credentials", state: "fail", name: "forbidden", arrange: answering("POST", "/oauth/token", always, 403, accessError("FORBIDDEN", "no")), do: "IP addresses"},
		{check: "credentials", state: "fail", name: "down", arrange: answering("POST", "/oauth/token", always, 503, ""), who: "finAPI", seen: "503", do: "finAPI's support"},
		{check: "credentials", state: "fail", name: "busy", arrange: answering("POST", "/oauth/token", always, 429, ""), do: "calls"},
		{check: "credentials", state: "fail", name: "no answer", arrange: brokenOff("POST", "/oauth/token"), seen: "no answer", do: "network's administrator"},
		{check: "credentials", state: "fail", name: "certificate", arrange: opened, seen: "unknown authority", do: "TLS inspection"},
		{check: "credentials", state: "fail", name: "not JSON", arrange: answering("POST", "/oauth/token", always, 200, "<html>"), seen: "cannot be read", do: "proxy"},
		{check: "credentials", state: "skipped", name: "no host", arrange: unreachable(access, errRefused), seen: `"access host" fails`, do: `"access host" above`},
		{check: "clock", state: "ok"},
		{check: "clock", state: "warn", arrange: dated(2 * time.Minute), seen: "behind", do: "NTP"},
		{check: "clock", state: "fail", arrange: dated(-time.Hour), seen: "this machine is 1h ahead", do: "NTP"},
		{check: "clock", state: "warn", name: "seconds", arrange: dated(45 * time.Second), seen: "behind", do: "NTP"},
		{check: "clock", state: "skipped", name: "no time", arrange: undated, seen: "do not tell the time", do: "yourself"},
		{check: "clock", state: "skipped", name: "no answer", arrange: brokenOff("POST", "/oauth/token"), seen: `"credentials" fails`, do: `"credentials" above`},
		{check: "API version", state: "ok"},
		{check: "API version", state: "fail", arrange: client(func(c *finapitest.ClientSettings) { c.OnlyAPIVersion1 = true }), seen: `probably not V2, because finAPI's message speaks of "/api/v1": finAPI refuses the call (GET`, do: "If it is, why does this fail: GET"},
		{check: "API version", state: "fail", name: "quoted", arrange: answering("GET", "/clientConfiguration", always, 403, accessError("FORBIDDEN", "API Version mismatch")), seen: `message speaks of "version"`, do: "undone for 7 days only"},
		{check: "API version", state: "skipped", name: "other refusal", arrange: answering("GET", "/clientConfiguration", always, 403, accessError("UNAUTHORIZED_ACCESS", "no")), seen: `"kind of client" fails`, do: `"kind of client" below`},
		{check: "client settings", state: "skipped", name: "old version", arrange: client(func(c *finapitest.ClientSettings) { c.OnlyAPIVersion1 = true }), seen: `"API version" fails`, do: `"API version" above`},
		{check: "kind of client", state: "skipped", name: "old version", arrange: client(func(c *finapitest.ClientSettings) { c.OnlyAPIVersion1 = true }), seen: `"API version" fails`},
		{check: "kind of client", state: "ok"},
		{check: "kind of client", state: "fail", name: "flag", arrange: setUp(mandator), do: "data client"},
		{check: "kind of client", state: "fail", name: "refused", arrange: answering("GET", "/clientConfiguration", always, 403, accessError("UNAUTHORIZED_ACCESS", "no")), seen: "does not speak of a version", do: "Why does this fail for our data client: GET /api/v2/clientConfiguration answers us with status 403"},
		{check: "licence", state: "skipped", name: "wrong client", arrange: setUp(mandator), seen: `"kind of client" fails`},
		{check: "client settings", state: "ok"},
		{check: "client settings", state: "fail", arrange: answering("GET", "/clientConfiguration", always, 500, "<html>"), who: "finAPI", seen: "status 500", do: "finAPI's support"},
		{check: "client settings", state: "fail", name: "refused token", arrange: answering("GET", "/clientConfiguration", always, 401, `{"error":"invalid_token"}`), do: "status 401"},
		{check: "client settings", state: "fail", name: "bad request", arrange: answering("GET", "/clientConfiguration", always, 400, accessError("BAD_REQUEST", "no")), do: "issue"},
		{check: "client settings", state: "fail", name: "elsewhere", arrange: answering("GET", "/clientConfiguration", always, 302, ""), seen: "status 302", do: "proxy"},
		{check: "kind of client", state: "skipped", name: "no settings", arrange: answering("GET", "/clientConfiguration", always, 500, ""), who: "finAPI", seen: `"client settings" fails`, do: `"client settings" below`},
		{check: "API version", state: "skipped", name: "no settings", arrange: answering("GET", "/clientConfiguration", always, 500, ""), who: "finAPI", seen: `"client settings" fails`},
		{check: "licence", state: "skipped", name: "no settings", arrange: answering("GET", "/clientConfiguration", always, 500, ""), who: "finAPI", seen: `"client settings" fails`, do: `see "client settings" above`},

		{check: "licence", state: "ok"},
		{check: "licence", state: "warn", name: "own", arrange: setUp(map[string]any{"mandatorLicense": "AISP"}), seen: "AISP", do: "set our client to UNLICENSED: we have no licence of our own.\" If you have one, run doctor with -write (finAPI may count its throw-away user)"},
		{check: "licence", state: "warn", name: "own, and tried", write: true, arrange: setUp(map[string]any{"mandatorLicense": "AISP"}), do: `"open form" below`},
		{check: "licence", state: "warn", name: "form off", arrange: setUp(map[string]any{"aisViaWebForm": false}), do: "aisViaWebForm"},
		{check: "web form product", state: "ok"},
		{check: "web form product", state: "fail", arrange: client(func(c *finapitest.ClientSettings) { c.WebForm = false }), do: "enable Web Form 2.0"},
		{check: "reading accounts", state: "ok"},
		{check: "reading accounts", state: "fail", arrange: setUp(map[string]any{"aisEnabled": false}), do: "AIS"},
		{check: "kept consents", state: "ok"},
		{check: "kept consents", state: "fail", arrange: setUp(map[string]any{"preferredConsentType": "ONETIME"}), do: "RECURRING"},
		{check: "kept consents", state: "warn", name: "unknown", arrange: setUp(map[string]any{"preferredConsentType": "SOMETIMES"}), seen: "SOMETIMES", do: "RECURRING"},
		{check: "other currencies", state: "ok"},
		{check: "other currencies", state: "fail", arrange: client(func(c *finapitest.ClientSettings) { c.NonEuroAccounts = false }), do: "isNonEuroAccountsSupported"},
		{check: "hidden categories", state: "ok"},
		{check: "hidden categories", state: "fail", arrange: setUp(map[string]any{"categoryRestrictionsEnabled": true}), do: "every transaction"},
		{check: "account types", state: "ok"},
		{check: "account types", state: "warn", arrange: setUp(map[string]any{"accountTypeRestrictions": []string{"Checking"}}), seen: "only Checking"},
		{check: "account types", state: "fail", arrange: setUp(map[string]any{"accountTypeRestrictions": []string{"Savings"}}), do: "Checking"},
		{check: "history", state: "ok"},
		{check: "history", state: "warn", arrange: setUp(map[string]any{"transactionImportLimitation": 90}), seen: "90 days"},
		{check: "countries", state: "info", seen: "DE"},
		{check: "countries", state: "warn", arrange: setUp(map[string]any{"availableBankGroups": []string{}}), do: "enable the banks of"},
		{check: "token lives", state: "ok", seen: "logged in for 1h"},
		{check: "token lives", state: "fail", arrange: client(func(c *finapitest.ClientSettings) { c.UserTokenLife = 4 * time.Minute }), seen: "logged in for 4m", do: "userAccessTokensValidityPeriod"},
		{check: "token lives", state: "warn", name: "short", arrange: client(func(c *finapitest.ClientSettings) { c.UserTokenLife = 19 * time.Minute }), seen: "logged in for 19m", do: "userAccessTokensValidityPeriod"},
		{check: "token lives", state: "warn", name: "without end", arrange: client(func(c *finapitest.ClientSettings) { c.UserTokenLife = 0 }), seen: "for ever"},
		{check: "failed log-ins", state: "ok"},
		{check: "failed log-ins", state: "ok", name: "many", arrange: client(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 5 }), seen: "5"},
		{check: "failed log-ins", state: "warn", arrange: client(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 2 }), do: "maxUserLoginAttempts"},
		{check: "failed log-ins", state: "warn", name: "at once", arrange: client(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 1 }), do: "maxUserLoginAttempts"},
		{check: "new users", state: "ok"},
		{check: "new users", state: "warn", arrange: client(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false }), do: "VerifyUser"},
		{check: "automatic updates", state: "info", seen: "not booked", do: "User.Refresh"},
		{check: "automatic updates", state: "info", name: "booked", arrange: client(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = true }), seen: "each night"},
		{check: "PFM services", state: "ok"},
		{check: "PFM services", state: "warn", arrange: client(func(c *finapitest.ClientSettings) { c.PFMServices = false }), do: "-write (finAPI may count its throw-away user)"},
		{check: "PFM services", state: "warn", name: "and tried", write: true, arrange: client(func(c *finapitest.ClientSettings) { c.PFMServices = false }), do: `"reading transactions" below`},

		{check: "create user", state: "ok", write: true},
		{check: "create user", state: "skipped", seen: "-write is not given", do: "counts users"},
		{check: "create user", state: "skipped", name: "interrupted", write: true, interrupt: "POST /api/v2/users", seen: "interrupted"},
		{check: "create user", state: "fail", write: true, arrange: answering("POST", "/users", always, 403, accessError("FORBIDDEN", "no")), do: "finAPI"},
		{check: "user log-in", state: "ok", write: true},
		{check: "user log-in", state: "ok", name: "verified", write: true, arrange: client(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false }), seen: "VerifyUser"},
		{
			check: "user log-in", state: "fail", name: "not verified", write: true, do: "verify",
			arrange: func(b *bench) {
				b.sim.EditClient(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false })
				b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.Path, "/users/verify/") {
						w.WriteHeader(http.StatusForbidden)
						return true
					}
					return false
				})
			},
		},
		{check: "user log-in", state: "fail", write: true, arrange: answering("GET", "/users", always, 403, accessError("FORBIDDEN", "no"))},
		{check: "reading transactions", state: "ok", write: true},
		{check: "reading transactions", state: "fail", write: true, arrange: answering("GET", "/transactions", always, 403, accessError("FORBIDDEN", "no")), do: "PFM"},
		{check: "reading transactions", state: "fail", name: "down", write: true, arrange: answering("GET", "/transactions", always, 502, "<html>"), who: "finAPI"},

		{check: "bank list", state: "ok"},
		{check: "bank list", state: "fail", arrange: answering("GET", "/banks", always, 403, accessError("FORBIDDEN", "no")), do: "-write"},
		{check: "bank list", state: "fail", name: "down", arrange: answering("GET", "/banks", always, 500, ""), who: "finAPI"},
		{check: "bank list", state: "warn", name: "user's token", write: true, arrange: answering("GET", "/banks", 1, 403, accessError("FORBIDDEN", "no")), do: "User.Banks"},
		{check: "bank list", state: "fail", name: "no token does", write: true, arrange: answering("GET", "/banks", always, 403, accessError("FORBIDDEN", "no"))},
		{check: "bank list", state: "fail", name: "no search", arrange: searchFails, who: "finAPI", seen: "status 500"},
		{check: "bank listed", state: "ok", seen: "amnis (CH)"},
		{check: "bank listed", state: "ok", name: "exactly this", args: []string{"-bank", "commerz-beispielbank"}, seen: "the name fits other banks, too: Commerz-"},
		{check: "bank listed", state: "ok", name: "only the default", seen: "because you named no bank"},
		{check: "bank listed", state: "skipped", name: "only the default", options: []finapitest.Option{world()}, seen: "you named no bank", do: "-bank amnis tells"},
		{check: "bank listed", state: "ok", name: "not a real one", arrange: onlyBank(`"isTestBank":true,"isBeta":true`), seen: "made up by finAPI, in trial"},
		{check: "bank listed", state: "fail", args: []string{"-bank", "no such bank"}, seen: "in the sandbox", do: "FINAPI_ENV=live"},
		{check: "bank listed", state: "fail", name: "on live", args: []string{"-bank", "no such bank"}, arrange: func(b *bench) { b.env["FINAPI_ENV"] = "live" }, seen: `lists no bank "no such bank"`, do: "spelling that you gave with -bank. If it is right, write to"},
		{check: "bank listed", state: "skipped", args: []string{"-bank", ""}, do: "-bank"},
		{check: "bank supported", state: "ok", seen: "XS2A (what the law makes banks offer)"},
		{check: "bank supported", state: "ok", name: "on live", options: []finapitest.Option{world(oldBank)}, arrange: func(b *bench) { b.env["FINAPI_ENV"] = "live" }, seen: "FINTS_SERVER (the German banks' own interface), WEB_SCRAPER (finAPI reads the bank's web pages)"},
		{check: "bank supported", state: "fail", name: "no interface", args: []string{"-bank", "Nordische"}, do: "available"},
		{check: "bank supported", state: "fail", name: "orders only", args: []string{"-bank", "Zahlungshaus"}, do: "available"},
		{check: "bank supported", state: "warn", options: []finapitest.Option{world(beta(bankWith(99)))}, do: "beta"},
		{check: "bank health", state: "ok", seen: "97 %"},
		{check: "bank health", state: "warn", options: []finapitest.Option{world(bankWith(70))}, who: "bank", seen: "70 %", do: "before doctor shows 80 % or more here"},
		{check: "bank health", state: "warn", name: "of a bank that was named", args: []string{"-bank", "amnis"}, options: []finapitest.Option{world(bankWith(70))}, who: "bank", do: "known problem"},
		{check: "bank health", state: "fail", options: []finapitest.Option{world(bankWith(20))}, who: "bank", do: "known problem"},
		{check: "bank health", state: "info", arrange: silentBank, do: "Look again in the live environment"},
		{check: "bank health", state: "info", name: "on live", arrange: func(b *bench) { b.env["FINAPI_ENV"] = "live"; silentBank(b) }, do: "account of your own"},
		{
			check: "bank health", state: "warn", name: "quiet", who: "bank", seen: "the latest one failed, and none has worked since 2026-02-28",
			arrange: onlyBank(`"health":90,"lastCommunicationAttempt":"2026-03-02T09:00:00.000+01:00","lastSuccessfulCommunication":"2026-02-28T09:00:00.000+01:00"`),
		},
		{check: "bank log-in", state: "info", seen: "redirect", do: "User.RenewConsent"},
		{check: "bank log-in", state: "info", name: "in the form", options: []finapitest.Option{world(bankWith(99))}, seen: "into finAPI's form"},

		{check: "open form", state: "ok", write: true, seen: "for amnis"},
		{check: "open form", state: "fail", name: "not booked", write: true, arrange: client(func(c *finapitest.ClientSettings) { c.WebForm = false }), do: "enable Web Form 2.0"},
		{check: "open form", state: "fail", name: "way back", write: true, arrange: form(422, `{"code":"INVALID_REDIRECT_URL","description":"d"}`), do: "redirectUrl"},
		{
			check: "open form", state: "fail", name: "foreign", write: true, seen: "https://evil.example", do: "If they say no, or are not sure, connect no customer",
			arrange: form(201, `{"id":"00000000-0000-0000-0000-000000000000","url":"https://evil.example/wf/x","status":"NOT_YET_OPENED"}`),
		},
		{check: "open form", state: "fail", name: "down", write: true, arrange: form(500, ""), who: "finAPI"},
		{check: "open form", state: "skipped", name: "no host", write: true, arrange: unreachable(webForm, errNoName), seen: `"web form host" fails`},
		{check: "read form", state: "skipped", name: "no form", write: true, arrange: form(500, ""), who: "finAPI", do: `see "open form" above`},
		{
			check: "open form", state: "warn", name: "not for this bank", write: true, seen: "BANK_NOT_SUPPORTED", do: "If amnis is no bank of your customers",
			arrange: answering("POST", "/bankConnectionImport", 1, 422, `{"code":"BANK_NOT_SUPPORTED","description":"d"}`),
		},
		{check: "read form", state: "ok", write: true, seen: "NOT_YET_OPENED, lives 20m"},
		{check: "read form", state: "ok", name: "no life", write: true, arrange: anyFormIs(`{"id":"00000000-0000-0000-0000-000000000000","url":"https://webform.finapi.io/wf/x","status":"NOT_YET_OPENED"}`), seen: "does not say how long"},
		{check: "read form", state: "fail", write: true, arrange: anyForm("GET", "", 404), seen: "status 404"},
		{check: "cancel form", state: "ok", write: true, seen: "CANCELLED"},
		{check: "cancel form", state: "warn", write: true, arrange: anyForm("POST", "/cancel", 404), seen: "status 404"},
		{check: "delete form", state: "ok", write: true},
		{check: "delete form", state: "warn", write: true, arrange: anyForm("DELETE", "", 403), seen: "status 403"},
		{check: "delete form", state: "warn", name: "stays", write: true, arrange: anyForm("DELETE", "", 200), seen: "still"},

		{check: "wrong password", state: "ok", write: true, seen: "status 400, {error, error_description}"},
		{check: "wrong password", state: "skipped", write: true, arrange: client(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 1 }), seen: "so few"},
		{check: "wrong password", state: "warn", write: true, arrange: wrongPasswordIs(418), do: "issue"},
		{check: "wrong password", state: "fail", write: true, arrange: anyPassword, who: "finAPI", do: "connect no customer"},
		{check: "log out", state: "ok", write: true},
		{check: "log out", state: "warn", write: true, arrange: answering("POST", "/oauth/revoke", always, 403, accessError("FORBIDDEN", "no"))},
		{check: "delete user", state: "ok", write: true},
		{check: "delete user", state: "ok", name: "perhaps none", write: true, arrange: answering("POST", "/users", 1, 502, ""), seen: "none is left"},
		{check: "delete user", state: "skipped", name: "none", write: true, arrange: answering("POST", "/users", always, 403, accessError("FORBIDDEN", "no")), seen: `"create user" fails`},
		{check: "delete user", state: "skipped", name: "interrupted", write: true, interrupt: "GET /api/v2/clientConfiguration", seen: "interrupted"},
		{check: "delete user", state: "fail", name: "stays", write: true, arrange: answering("DELETE", "/users", always, 200, ""), seen: "can still log in", do: "you accept DELETE /api/v2/users"},
		{check: "delete user", state: "fail", write: true, arrange: answering("DELETE", "/users", always, 500, ""), who: "finAPI", seen: "status 500", do: "tell us why we cannot: DELETE /api/v2/users answers us with status 500 without a code (request id finapi-go-"},
		{check: "delete user", state: "fail", name: "no answer", write: true, arrange: brokenOff("DELETE", "/users"), seen: "no answer", do: "our calls get no answer"},
	}
}

// anyForm answers the calls for one form itself.
func anyForm(method, suffix string, status int) func(*bench) {
	return func(b *bench) {
		b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			id, found := strings.CutPrefix(r.URL.Path, "/api/webForms/")
			id, ends := strings.CutSuffix(id, suffix)
			if !found || !ends || len(id) != 36 || r.Method != method {
				return false
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"code":"NOT_FOUND","description":"d"}`))
			return true
		})
	}
}

// anyFormIs answers the reading of a form itself.
func anyFormIs(body string) func(*bench) {
	return func(b *bench) {
		b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || len(r.URL.Path) != len("/api/webForms/")+36 {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
			return true
		})
	}
}

// brokenOff breaks the connection off instead of answering.
func brokenOff(method, path string) func(*bench) {
	return func(b *bench) {
		b.sim.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if is(r, method, path) {
				panic(http.ErrAbortHandler)
			}
			return false
		})
	}
}

// opened puts a proxy between doctor and Access that opens encrypted connections, so that
// another certificate arrives than finAPI's.
func opened(b *bench) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that fail
	server.StartTLS()
	b.cleanup(server.Close)
	b.access = server.URL
	b.reach = func(*url.URL) error { return errProxy }
}

// undated lets no answer tell the time.
func undated(b *bench) {
	b.sim.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header()["Date"] = nil
		return false
	})
}

// searchFails lists the banks, but does not search them.
func searchFails(b *bench) {
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !is(r, "GET", "/banks") || !r.URL.Query().Has("search") {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
}

// onlyBank answers every search for banks with amnis, of which some fields are told.
// Those of the bank and those of its interface have no name in common.
func onlyBank(fields string) func(*bench) {
	return answering(http.MethodGet, "/banks", always, http.StatusOK, `{"banks":[{"id":7,"name":"amnis","interfaces":[
		{"bankingInterface":"XS2A","isAisSupported":true,`+fields+`}],`+fields+`}],"paging":{"page":1,"perPage":1,"pageCount":1,"totalCount":1}}`)
}

// silentBank tells nothing about its contacts.
func silentBank(b *bench) {
	onlyBank(`"health":0,"lastCommunicationAttempt":null,"lastSuccessfulCommunication":null`)(b)
}

// anyPassword accepts every password of the throw-away user.
func anyPassword(b *bench) {
	logins := 0
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		body := ""
		switch {
		case is(r, "POST", "/oauth/token") && strings.Contains(bodyOf(r), "grant_type=password"):
			if logins++; logins != 2 {
				return false
			}
			body = `{"access_token":"of-a-wrong-password","token_type":"bearer","expires_in":3600}`
		case r.Header.Get("Authorization") == "Bearer of-a-wrong-password":
			body = `{"id":"x","password":"XXXXX","isAutoUpdateEnabled":false}`
		default:
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
		return true
	})
}

// wrongPasswordIs answers the second log-in, which is the wrong one.
func wrongPasswordIs(status int) func(*bench) {
	return func(b *bench) {
		logins := 0
		b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !is(r, "POST", "/oauth/token") || !strings.Contains(bodyOf(r), "grant_type=password") {
				return false
			}
			if logins++; logins != 2 {
				return false
			}
			w.WriteHeader(status)
			return true
		})
	}
}

func TestEveryFindingTellsWhatIsAndWhoMustActOnIt(t *testing.T) {
	t.Parallel()
	plain := map[bool]*bench{false: newBench(t), true: newBench(t)} // nothing is arranged
	plain[false].examine(t)
	plain[true].examine(t, "-write")
	for _, c := range cases() {
		t.Run(strings.Join(strings.Fields(c.check+" "+string(c.state)+" "+c.name), " "), func(t *testing.T) {
			t.Parallel()
			b := plain[c.write]
			if !c.plain() {
				b = newBench(t, c.options...)
				c.run(t, b)
			}
			who := cmp.Or(c.who, finapi.ActorVendor)
			if c.state == fine {
				who = nobody
			}
			for _, f := range b.report.Findings {
				if f.Check != c.check {
					continue
				}
				if f.State != c.state || f.Who != who || !strings.Contains(f.Seen, c.seen) || !strings.Contains(f.Do, c.do) {
					t.Errorf("got %+v", f)
				}
			}
			wantCode := 0
			switch {
			case b.report.Counts["fail"] > 0:
				wantCode = exitFailed
			case c.interrupt != "":
				wantCode = exitInterrupted
			}
			if b.code != wantCode {
				t.Errorf("exit code %d with %d failures", b.code, b.report.Counts["fail"])
			}
			b.checkFindings(t)
		})
	}
}

// plain reports whether nothing is arranged.
func (c *provoked) plain() bool {
	return c.arrange == nil && c.options == nil && c.args == nil && c.interrupt == ""
}

// run arranges the case and runs doctor on it.
func (c *provoked) run(t *testing.T, b *bench) {
	t.Helper()
	if c.arrange != nil {
		c.arrange(b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.interrupt != "" {
		b.sim.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method+" "+r.URL.Path != c.interrupt {
				return false
			}
			_ = bodyOf(r) // the server notices that its caller is gone only when it has read all
			cancel()
			<-r.Context().Done()
			return true
		})
	}
	args := append([]string{"-json"}, c.args...)
	if c.write {
		args = append(args, "-write")
	}
	b.run(ctx, args...)
	b.read(t)
}

// checkFindings checks what holds for every finding of every run.
func (b *bench) checkFindings(t *testing.T) {
	t.Helper()
	if len(b.report.Findings) != len(checks()) {
		t.Errorf("%d findings for %d checks", len(b.report.Findings), len(checks()))
	}
	for _, f := range b.report.Findings {
		if f.Seen == "" || f.Means == "" || f.Do == "" || f.Group == "" {
			t.Errorf("%s is not told in full: %+v", f.Check, f)
		}
		if !slices.Contains([]finapi.Actor{finapi.ActorVendor, finapi.ActorCustomer, finapi.ActorBank, finapi.ActorFinAPI, nobody}, f.Who) {
			t.Errorf("%s: who is %q", f.Check, f.Who)
		}
		if (f.Who == nobody) != (f.State == fine) {
			t.Errorf("%s is %s, and %s has to act", f.Check, f.State, f.Who)
		}
	}
}

func TestEveryCheckIsProvokedWellAndBadly(t *testing.T) {
	t.Parallel()
	well, badly := map[string]bool{}, map[string]bool{}
	for _, c := range cases() {
		switch c.state {
		case fine, notice:
			well[c.check] = true
		case warning, failing:
			badly[c.check] = true
		case skipped:
		}
	}
	known := map[string]bool{}
	for _, c := range checks() {
		for _, need := range c.needs {
			if !known[need] {
				t.Errorf("%s needs %s, which is not looked at before it", c.name, need)
			}
		}
		known[c.name] = true
		if !well[c.name] {
			t.Errorf("no case provokes %s when all is well", c.name)
		}
		neverBad := c.name == "automatic updates" || c.name == "bank log-in"
		if !badly[c.name] && !neverBad {
			t.Errorf("no case provokes %s when something is wrong", c.name)
		}
	}
	for _, c := range cases() {
		if !known[c.check] {
			t.Errorf("there is no check %q", c.check)
		}
	}
}
