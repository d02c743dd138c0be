package finapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func TestNewClientRefusesBadInputAndNamesTheField(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	secret := func(text string) finapi.Credentials {
		return finapi.Credentials{ID: "id", Secret: finapi.NewSecret(text)}
	}
	id := func(text string) finapi.Credentials {
		return finapi.Credentials{ID: text, Secret: finapi.NewSecret("secret")}
	}
	cases := []struct {
		name        string
		environment finapi.Environment
		credentials finapi.Credentials
		option      finapi.Option
		field       string
	}{
		{"environment zero", 0, goodCredentials(), nil, "environment"},
		{"an unknown environment", 3, goodCredentials(), nil, "environment"},
		{"no client id", finapi.Live, id(""), nil, "Credentials.ID"},
		{"a client id that is too long", finapi.Live, id(long), nil, "Credentials.ID"},
		{"a client id with a blank", finapi.Live, id("a b"), nil, "Credentials.ID"},
		{"a client id with a line break", finapi.Live, id("ab\n"), nil, "Credentials.ID"},
		{"a client id with an umlaut", finapi.Live, id("ä"), nil, "Credentials.ID"},
		{"no client secret", finapi.Live, finapi.Credentials{ID: "id"}, nil, "Credentials.Secret"},
		{"an empty client secret", finapi.Live, secret(""), nil, "Credentials.Secret"},
		{"a client secret that is too long", finapi.Live, secret(long), nil, "Credentials.Secret"},
		{"a client secret with a tab", finapi.Live, secret("a\tb"), nil, "Credentials.Secret"},
		{"a client secret with DEL", finapi.Live, secret("a\x7f"), nil, "Credentials.Secret"},
		{"a nil HTTP client", finapi.Live, goodCredentials(), finapi.WithHTTPClient(nil), "WithHTTPClient"},
		{"a nil transport", finapi.Live, goodCredentials(), finapi.WithTransport(nil), "WithTransport"},
		{"a nil logger", finapi.Live, goodCredentials(), finapi.WithLogger(nil), "WithLogger"},
		{"a nil clock", finapi.Live, goodCredentials(), finapi.WithClock(nil), "WithClock"},
		{"no language", finapi.Live, goodCredentials(), finapi.WithLanguage(""), "WithLanguage"},
		{"an unknown language", finapi.Live, goodCredentials(), finapi.WithLanguage("fr"), "WithLanguage"},
		{"an empty user agent", finapi.Live, goodCredentials(), finapi.WithUserAgent(" "), "WithUserAgent"},
		{"a user agent that is too long", finapi.Live, goodCredentials(), finapi.WithUserAgent(long), "WithUserAgent"},
		{"a user agent that injects a header", finapi.Live, goodCredentials(), finapi.WithUserAgent("a\r\nX: y"), "WithUserAgent"},
		{"a window without a page", finapi.Live, goodCredentials(), finapi.WithPageWindow(0), "WithPageWindow"},
		{"a window of 17 pages", finapi.Live, goodCredentials(), finapi.WithPageWindow(17), "WithPageWindow"},
		{"no attempt", finapi.Live, goodCredentials(), retrying(0, 1, 1), "Retry.Attempts"},
		{"21 attempts", finapi.Live, goodCredentials(), retrying(21, 1, 1), "Retry.Attempts"},
		{"no longest wait", finapi.Live, goodCredentials(), retrying(1, 0, 0), "Retry.Max"},
		{"an endless longest wait", finapi.Live, goodCredentials(), retrying(1, 1, 600_001), "Retry.Max"},
		{"no first wait", finapi.Live, goodCredentials(), retrying(1, 0, 1), "Retry.Base"},
		{"no request in flight", finapi.Live, goodCredentials(), finapi.WithMaxInFlight(0), "WithMaxInFlight"},
		{"1025 requests in flight", finapi.Live, goodCredentials(), finapi.WithMaxInFlight(1025), "WithMaxInFlight"},
		{"a rate of nothing", finapi.Live, goodCredentials(), finapi.WithRateLimit(0, time.Second), "WithRateLimit.requests"},
		{"a negative rate", finapi.Live, goodCredentials(), finapi.WithRateLimit(-1, time.Second), "WithRateLimit.requests"},
		{"a rate beyond all measure", finapi.Live, goodCredentials(), finapi.WithRateLimit(10_001, time.Second), "WithRateLimit.requests"},
		{"a rate per nothing", finapi.Live, goodCredentials(), finapi.WithRateLimit(10, 0), "WithRateLimit.per"},
		{"a rate without its unit", finapi.Live, goodCredentials(), finapi.WithRateLimit(10, 60), "WithRateLimit.per"},
		{"a rate per day", finapi.Live, goodCredentials(), finapi.WithRateLimit(10, 24*time.Hour), "WithRateLimit.per"},
		{"a circuit without failures", finapi.Live, goodCredentials(), circuit(0, 0, 1, 1), "Circuit.Failures"},
		{"a circuit of 1001 failures", finapi.Live, goodCredentials(), circuit(1001, 0, 1, 1), "Circuit.Failures"},
		{"a circuit that lasts less than nothing", finapi.Live, goodCredentials(), circuit(1, -1, 1, 1), "Circuit.Lasting"},
		{"a circuit that must last for more than an hour", finapi.Live, goodCredentials(), circuit(1, 3_600_001, 1, 1), "Circuit.Lasting"},
		{"a circuit without a longest pause", finapi.Live, goodCredentials(), circuit(1, 0, 0, 0), "Circuit.Max"},
		{"a circuit with pauses of more than an hour", finapi.Live, goodCredentials(), circuit(1, 0, 1, 3_600_001), "Circuit.Max"},
		{"a circuit without a first pause", finapi.Live, goodCredentials(), circuit(1, 0, 0, 1), "Circuit.Base"},
		{"a first pause longer than the longest", finapi.Live, goodCredentials(), circuit(1, 0, 2, 1), "Circuit.Base"},
		{"a first wait longer than the longest", finapi.Live, goodCredentials(), retrying(1, 2, 1), "Retry.Base"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var options []finapi.Option
			if tt.option != nil {
				options = append(options, tt.option)
			}
			client, err := finapi.NewClient(tt.environment, tt.credentials, options...)
			mustRefuse(t, err, tt.field)
			if client != nil {
				t.Error("a client came with the error")
			}
		})
	}
	_, err := finapi.NewClient(finapi.Live, goodCredentials(), nil)
	mustRefuse(t, err, "options")
}

func retrying(attempts, base, longest int) finapi.Option {
	return finapi.WithRetry(finapi.Retry{
		Attempts: attempts, Base: time.Duration(base) * time.Millisecond, Max: time.Duration(longest) * time.Millisecond,
	})
}

// circuit takes milliseconds.
func circuit(failures int, lasting, base, longest int64) finapi.Option {
	return finapi.WithCircuit(finapi.Circuit{
		Failures: failures, Lasting: time.Duration(lasting) * time.Millisecond,
		Base: time.Duration(base) * time.Millisecond, Max: time.Duration(longest) * time.Millisecond,
	})
}

func TestTheBoundsThemselvesAreAllowed(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", 255)
	credentials := finapi.Credentials{ID: longest, Secret: finapi.NewSecret(longest)}
	options := []finapi.Option{
		retrying(1, 1, 1), retrying(20, 600_000, 600_000), finapi.WithUserAgent(strings.Repeat("x", 200)),
		finapi.WithPageWindow(1), finapi.WithPageWindow(16),
		finapi.WithLanguage(finapi.German), finapi.WithLanguage(finapi.English), finapi.WithLanguage(finapi.Czech),
		finapi.WithLanguage(finapi.Slovak), finapi.WithLogger(slog.Default()),
		finapi.WithMaxInFlight(1), finapi.WithMaxInFlight(1024),
		finapi.WithRateLimit(1, time.Hour), finapi.WithRateLimit(10_000, time.Second),
		circuit(1, 0, 1, 1), circuit(1000, 3_600_000, 3_600_000, 3_600_000), finapi.WithCircuit(finapi.Circuit{}),
	}
	if _, err := finapi.NewClient(finapi.Live, credentials, options...); err != nil {
		t.Error(err)
	}
}

func TestOnlyHTTPSOrALoopbackAddressIsABaseURL(t *testing.T) {
	t.Parallel()
	good := []string{
		"https://sandbox.finapi.io", "https://sandbox.finapi.io/", "https://proxy.example:8443/finapi", "http://localhost:8080",
		"http://127.0.0.1", "http://127.8.9.10:1", "http://[::1]:8080", "HTTPS://sandbox.finapi.io",
	}
	bad := []string{
		"", "sandbox.finapi.io", "/api", "http://sandbox.finapi.io", "http://10.0.0.1", "http://0.0.0.0", "http://localhost.evil.example",
		"http://127.0.0.1.evil.example", "ftp://sandbox.finapi.io", "https://", "https://:443", "https:///api",
		"https://user:pw@sandbox.finapi.io", "https://sandbox.finapi.io?x=y", "https://sandbox.finapi.io/?", "https://sandbox.finapi.io#x",
		"https://sandbox.finapi.io/#", "https://a b", "https://sandbox.finapi.io:port", "\x7f",
	}
	for _, base := range good {
		if _, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(base, base)); err != nil {
			t.Errorf("%q was refused: %v", base, err)
		}
	}
	for _, base := range bad {
		for _, option := range []finapi.Option{finapi.WithBaseURLs(base, webForms), finapi.WithBaseURLs(sandbox, base)} {
			if _, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), option); err == nil {
				t.Errorf("%q was taken as a base URL", base)
			} else {
				mustRefuse(t, err, "WithBaseURLs")
			}
		}
	}
}

func TestCallsGoToTheHostOfTheEnvironment(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name            string
		environment     finapi.Environment
		option          finapi.Option
		access, webForm string
	}{
		{"sandbox", finapi.Sandbox, nil, sandbox, webForms},
		{"live", finapi.Live, nil, "https://live.finapi.io", "https://webform-live.finapi.io"},
		{
			"own", finapi.Live, finapi.WithBaseURLs("https://proxy.example/a/", "http://localhost:1/w//"),
			"https://proxy.example/a", "http://localhost:1/w",
		},
	}
	for _, tt := range cases {
		server := newStub(t)
		options := []finapi.Option{finapi.WithTransport(server)}
		if tt.option != nil {
			options = append(options, tt.option)
		}
		server.always("GET /api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
		server.always("GET /a/api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
		server.always("GET /api/webForms/"+formID, fixtureReply(t, "web_form_completed.json"))
		server.always("GET /w/api/webForms/"+formID, fixtureReply(t, "web_form_completed.json"))
		server.handle("POST /a/api/v2/oauth/token", server.freshToken)
		client, err := finapi.NewClient(tt.environment, goodCredentials(), options...)
		if err != nil {
			t.Fatal(err)
		}
		same(t, tt.environment, client.Environment())
		user := client.User(userName, finapi.NewSecret(password))
		if _, err := user.Accounts(t.Context(), finapi.AccountQuery{}); err != nil {
			t.Fatal(err)
		}
		if _, err := user.Consent(t.Context(), formID); err != nil {
			t.Fatal(err)
		}
		want := []string{tt.access + "/api/v2/oauth/token", tt.access + "/api/v2/accounts", tt.webForm + "/api/webForms/" + formID}
		var got []string
		for _, r := range server.requests {
			got = append(got, r.url.String())
		}
		same(t, want, got)
	}
}

func TestTheNamesOfTheEnvironments(t *testing.T) {
	t.Parallel()
	same(t, "sandbox", finapi.Sandbox.String())
	same(t, "live", finapi.Live.String())
	same(t, "unknown environment", finapi.Environment(0).String())
}

func TestNothingIsSentBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	client := server.client()
	client.User(userName, finapi.NewSecret(password))
	client.Banks(t.Context(), finapi.BankQuery{})
	server.user().Transactions(t.Context(), finapi.TransactionQuery{})
	if len(server.requests) != 0 {
		t.Errorf("%d requests were sent before anything was asked", len(server.requests))
	}
}

func TestTheCallersHTTPClientStaysAsItWas(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
	jar := &oneCookie{}
	own := &http.Client{Transport: server, Timeout: time.Minute, Jar: jar}
	client, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithHTTPClient(own))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.User(userName, finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{}); err != nil {
		t.Fatal(err)
	}
	if own.CheckRedirect != nil || own.Transport != http.RoundTripper(server) || own.Timeout != time.Minute || own.Jar != http.CookieJar(jar) {
		t.Error("the caller's http.Client was changed")
	}
	same(t, "affinity=1", server.asked("GET /api/v2/accounts")[0].header.Get("Cookie"))
}

func TestARedirectIsRefusedWhateverTheCallersHTTPClientAllows(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 302, header: http.Header{"Location": {"https://evil.example/"}}})
	allowing := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	user := server.user(finapi.WithHTTPClient(allowing))
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeRedirected)
}

func TestTheDefaultTransportReadsFromARealServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if r.URL.Path == "/api/v2/oauth/token" {
			_, _ = w.Write([]byte(tokenReply(1, 3600, true).body))
			return
		}
		_, _ = w.Write([]byte(`{"accounts":[]}`))
	}))
	t.Cleanup(server.Close)
	for _, option := range []finapi.Option{finapi.WithHTTPClient(&http.Client{}), finapi.WithClock(newFakeClock())} {
		client, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(server.URL, server.URL), option)
		if err != nil {
			t.Fatal(err)
		}
		accounts, err := client.User(userName, finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{})
		if err != nil || len(accounts) != 0 {
			t.Errorf("got %d accounts and error %v", len(accounts), err)
		}
	}
}

// oneCookie is a cookie jar with one cookie for every host.
type oneCookie struct{}

func (*oneCookie) SetCookies(*url.URL, []*http.Cookie) {}

func (*oneCookie) Cookies(*url.URL) []*http.Cookie {
	return []*http.Cookie{{Name: "affinity", Value: "1"}}
}
