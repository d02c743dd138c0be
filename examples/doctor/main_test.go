package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

func noEnv(string) string { return "" }

func TestWithoutCredentialsItExaminesASimulatorAndSaysSo(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-write"}, noEnv, &out, &errs)
	if code != exitSimulated || errs.Len() > 0 {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
	for _, want := range []string{
		"SIMULATION. FINAPI_CLIENT_ID", "-write: it makes", "accepted by the simulation", "The bank (SIMULATED)\n",
		"SIMULATION, not your client: 36 checks: 0 fail", "SAMPLE", "It answers nothing about finAPI", "  SIMULATED  A new form: NOT_YET_OPENED",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	for _, real := range []string{"finAPI may count", "in the sandbox environment", "In the sandbox"} {
		if strings.Contains(out.String(), real) {
			t.Errorf("what a simulator says looks real: it has %q:\n%s", real, out.String())
		}
	}
	if !strings.HasSuffix(out.String(), "\n> "+forReal+"\n") {
		t.Errorf("it does not end with what to do:\n%s", out.String())
	}
	for _, pastable := range []string{"Paste this", "\n|", "\n#"} {
		if strings.Contains(out.String(), pastable) {
			t.Errorf("what a simulator says looks like something to paste: it has %q", pastable)
		}
	}
	if strings.Contains(out.String(), "| seen |") {
		t.Error("it takes what a simulator says for seen")
	}
}

func TestTheJSONOfASimulationCannotPassForOneOfFinAPI(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-json"}, noEnv, &out, &errs); code != exitSimulated {
		t.Errorf("exit code %d, want %d", code, exitSimulated)
	}
	if !strings.Contains(out.String(), `"simulated": true`) || !strings.Contains(out.String(), `"environment": "simulation"`) {
		t.Errorf("the JSON does not say that it is a simulation:\n%s", out.String())
	}
	if !strings.Contains(errs.String(), "Set FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET") {
		t.Errorf("who reads only the errors is not told what to do: %q", errs.String())
	}
}

func TestASimulationWithAFailureHasTheExitCodeOfASimulation(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-bank", "no such bank"}, noEnv, &out, io.Discard); code != exitSimulated || !strings.Contains(out.String(), "1 fail") {
		t.Errorf("exit code %d, want %d:\n%s", code, exitSimulated, out.String())
	}
}

func TestTheREADMEOfTheExampleShowsTheHelp(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	run(t.Context(), []string{"-h"}, noEnv, io.Discard, &errs)
	if want := strings.ReplaceAll(errs.String(), "\t", "    "); !strings.Contains(string(readme), "```text\n"+want+"```\n") {
		t.Errorf("README.md does not show what -h prints:\n%s", want)
	}
}

func TestBadUsageIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	full := map[string]string{"FINAPI_CLIENT_ID": "id", "FINAPI_CLIENT_SECRET": "planted-secret"}
	with := func(name, value string) map[string]string {
		env := map[string]string{name: value}
		for k, v := range full {
			if env[k] == "" {
				env[k] = v
			}
		}
		return env
	}
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"help":                {[]string{"-h"}, nil, 0, "FINAPI_CLIENT_ID"},
		"unknown flag":        {[]string{"-x"}, nil, 2, "-x"},
		"argument":            {[]string{"now"}, nil, 2, "now"},
		"secret is missing":   {nil, map[string]string{"FINAPI_CLIENT_ID": "id"}, 2, "FINAPI_CLIENT_SECRET is not set"},
		"id is missing":       {nil, map[string]string{"FINAPI_CLIENT_SECRET": "planted-secret"}, 2, "FINAPI_CLIENT_ID is not set"},
		"environment only":    {nil, map[string]string{"FINAPI_ENV": "live"}, 2, "not set"},
		"address only":        {[]string{"-access-url", "https://x.example"}, nil, 2, "not set"},
		"unknown environment": {nil, with("FINAPI_ENV", "moon"), 2, "FINAPI_ENV"},
		"secret with a space": {nil, with("FINAPI_CLIENT_SECRET", "planted-secret "), 2, "FINAPI_CLIENT_SECRET must"},
		"id with a new line":  {nil, with("FINAPI_CLIENT_ID", "id\n"), 2, "FINAPI_CLIENT_ID must"},
		"address without TLS": {[]string{"-access-url", "http://x.example"}, full, 2, "-access-url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, func(k string) string { return c.env[k] }, &out, &errs)
			if code != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("exit code %d and %q, want %d and something about %q", code, errs.String(), c.code, c.want)
			}
			if strings.Contains(errs.String()+out.String(), "planted-secret") {
				t.Error("the secret is printed")
			}
		})
	}
}

func TestTheUsualHostsAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	for environment, want := range hosts {
		var asked []string
		note := roundTripper(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Scheme+"://"+r.URL.Host)
			body := `{"access_token":"t","token_type":"bearer","expires_in":3600}`
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
		})
		c, err := finapi.NewClient(environment, finapi.Credentials{ID: "id", Secret: finapi.NewSecret("s")}, finapi.WithTransport(note))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.User("user", finapi.NewSecret("password")).StartConsent(t.Context(), finapi.ConsentRequest{})
		if !slices.Equal(asked, want[:]) {
			t.Errorf("%v asks %v, want %v", environment, asked, want)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOnLiveItTriesTheOtherNameOfTheFormHost(t *testing.T) {
	t.Parallel()
	var tried []string
	m := machine{
		env: func(k string) string {
			return map[string]string{"FINAPI_ENV": "live"}[k] + map[string]string{"FINAPI_CLIENT_ID": "i", "FINAPI_CLIENT_SECRET": "s"}[k]
		},
		stdout: io.Discard, stderr: io.Discard, clock: finapi.SystemClock(),
	}
	s, err := m.open(options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	refuse := func(_ context.Context, u *url.URL) error { tried = append(tried, u.Host); return errNoName }
	v := &visit{service: s, reach: refuse, progress: io.Discard}
	v.examine(t.Context())
	if want := []string{"live.finapi.io", "webform-live.finapi.io", "webform.finapi.io"}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
	if v.otherHost != "the name does not resolve" || v.count(failing) != 2 {
		t.Errorf("%q, %d failures", v.otherHost, v.count(failing))
	}
	for i := range v.findings {
		if strings.Contains(v.findings[i].Do, "-url") {
			t.Errorf("no address was given, but the reader is to check it: %s", v.findings[i].Do)
		}
	}
}

func TestReachTellsWhyAHostCannotBeReached(t *testing.T) {
	t.Parallel()
	plain, secure := httptest.NewServer(http.NotFoundHandler()), httptest.NewTLSServer(http.NotFoundHandler())
	defer plain.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer secure.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	parsed := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if err := reach(t.Context(), parsed(plain.URL)); err != nil {
		t.Errorf("plain: %v", err)
	}
	if err := reach(t.Context(), parsed(secure.URL)); !untrusted(err) {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
	if err := reach(t.Context(), parsed(closed.URL)); err == nil || untrusted(err) || notFound(err) {
		t.Errorf("closed: %v", err)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"-json", "-write", "-json=false"} {
		b := newBench(t)
		var mu sync.Mutex
		secrets := []string{b.sim.ClientSecret(), b.sim.ClientID()}
		w := b.watch(func(_ http.ResponseWriter, r *http.Request) bool {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			mu.Lock()
			defer mu.Unlock()
			if token != "" && !slices.Contains(secrets, token) {
				secrets = append(secrets, token)
			}
			return false
		})
		b.run(t.Context(), "-write", format)
		secrets = append(secrets, w.password, w.id)
		if len(secrets) < 6 {
			t.Fatalf("only %d secrets were there to be printed", len(secrets))
		}
		for i, secret := range secrets {
			if strings.Contains(b.stdout.String()+b.stderr.String(), secret) {
				t.Errorf("%s: secret %d is printed", format, i)
			}
		}
	}
}

func TestWhatFinAPIQuotesIsNotPrinted(t *testing.T) {
	t.Parallel()
	const planted = "PLANTED-4711"
	for _, path := range []string{"/oauth/token", "/clientConfiguration", "/banks", "/users", "/transactions", "/bankConnectionImport", "/oauth/revoke"} {
		for _, status := range []int{403, 500} {
			b := newBench(t)
			b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, path) {
					return false
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"errors":[{"code":"`+planted+`","message":"`+planted+`","field":"`+planted+`"}],"error":"`+planted+
					`","error_description":"`+planted+`","description":"`+planted+`","`+planted+`":1}`)
				return true
			})
			b.run(t.Context(), "-write")
			if strings.Contains(b.stdout.String(), planted) || strings.Contains(b.stderr.String(), planted) {
				t.Errorf("%s with %d: finAPI's words are printed:\n%s", path, status, b.stdout.String())
			}
		}
	}
}

func TestTheBlockToPasteHoldsNoIDsAndStaysATable(t *testing.T) {
	t.Parallel()
	odd := finapitest.Bank{ID: 7, Name: "od|d\x1b[31m `bank` <b> @me", Location: "DE", Interfaces: []finapitest.BankInterface{{Name: "XS2A", AISSupported: true, Health: 99}}}
	b := newBench(t, world(odd))
	w := b.watch(nil)
	b.run(t.Context(), "-write", "-bank", "od|d")
	_, block, found := strings.Cut(b.stdout.String(), "## What finAPI answered")
	if !found {
		t.Fatalf("no block:\n%s", b.stdout.String())
	}
	for _, bad := range []string{w.id, w.password, "finapi-doctor-", "finapi-go-", "\x1b", "@"} {
		if strings.Contains(block, bad) {
			t.Errorf("the block holds %q:\n%s", bad, block)
		}
	}
	if strings.Contains(b.stdout.String(), "\x1b") {
		t.Error("the bank's name reaches the terminal with its escape sequences")
	}
	rows := 0
	for line := range strings.Lines(block) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if bars := strings.Count(line, "|") - strings.Count(line, `\|`); bars != 4 {
			t.Errorf("%d bars in %q", bars, line)
		}
	}
	if rows < 15 || !strings.Contains(block, "Seen 20") || !strings.Contains(block, "not finAPI's own") || !strings.Contains(block, "| seen elsewhere |") {
		t.Errorf("%d rows, or no date, environment or certainty:\n%s", rows, block)
	}
}

func TestOnlyFinAPIsOwnHostsProveAnything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options options
		want    bool
	}{
		{options{}, true},
		{options{webForms: "https://webform.finapi.io"}, true},
		{options{access: "https://finapi.io.example"}, false},
		{options{webForms: "http://127.0.0.1:1"}, false},
	} {
		env := map[string]string{"FINAPI_CLIENT_ID": "i", "FINAPI_CLIENT_SECRET": "s"}
		m := machine{env: func(k string) string { return env[k] }, clock: finapi.SystemClock()}
		s, err := m.open(c.options)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		v := &visit{service: s, opts: c.options}
		v.markdown(&out)
		s.close()
		if v.genuine() != c.want || strings.Contains(out.String(), "on finAPI's sandbox") != c.want {
			t.Errorf("%+v counts as finAPI: %v\n%s", c.options, v.genuine(), out.String())
		}
	}
}

func TestTheAnswersAreWhatWasSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.PFMServices = false })
	b.examine(t, "-write")
	for question, want := range map[string]string{
		"Host of the form's URL":                             b.sim.WebFormURL(),
		"Does GET /banks take the vendor's token?":           "yes",
		"Is the same token given to who asks again?":         "yes",
		"Wrong user password":                                "status 400, body {error, error_description}",
		"Revoking a token":                                   "status 200",
		"Is GET /transactions refused without PFM services?": "accepted",
		"A transaction that does not exist":                  "status 404, code UNKNOWN_ENTITY",
		"... in a listing by ids":                            "left out",
		"A new form":                                         "NOT_YET_OPENED, lives 20m",
		"Cancelling a form":                                  "accepted, the form is CANCELLED",
		"... a second time":                                  "status 422, code NOT_ALLOWED",
		"Reading a deleted form":                             "status 404, code NOT_FOUND",
		"perPage above 500":                                  "the SDK cannot send more than 500",
	} {
		if got := b.answerTo(question); got != want {
			t.Errorf("%s: %q, want %q", question, got, want)
		}
	}
	if got := b.answerTo("429, 503 and Retry-After"); !regexp.MustCompile(`^none in \d\d answers$`).MatchString(got) {
		t.Errorf("429, 503 and Retry-After: %q", got)
	}
	if got := b.answerTo("X-Request-Id comes back (Web Form)"); !regexp.MustCompile(`^in (\d) of (\d) answers$`).MatchString(got) {
		t.Errorf("request ids: %q", got)
	}
}

func TestARefusedBankListAndABusyServerAreAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	banks, busy := 0, 0
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case is(r, "GET", "/clientConfiguration") && busy == 0:
			busy++
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		case is(r, "GET", "/banks") && banks == 0:
			banks++
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	b.examine(t, "-write")
	if got := b.answerTo("429, 503 and Retry-After"); got != "1 times 429, 1 with Retry-After" {
		t.Errorf("429, 503 and Retry-After: %q", got)
	}
	if got := b.answerTo("Does GET /banks take the vendor's token?"); got != "no: status 403 without a code" {
		t.Errorf("GET /banks: %q", got)
	}
}

func TestTheTextTellsWhoMustActUnderEachProblem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.NonEuroAccounts, c.WebForm = false, false })
	b.run(t.Context())
	if b.code != 1 || strings.Count(b.stdout.String(), "> You: Write to finAPI's support:") != 1 ||
		strings.Count(b.stdout.String(), "> You: Even if all accounts are in euro today, write to finAPI's support:") != 1 {
		t.Errorf("exit code %d:\n%s", b.code, b.stdout.String())
	}
	for line := range strings.Lines(b.stdout.String()) {
		if strings.HasPrefix(line, "|") {
			break
		}
		if len(line) > 140 {
			t.Errorf("a long line: %s", line)
		}
	}
}

func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"-json"}, noEnv, broken{}, &errs); code != 1 || !strings.Contains(errs.String(), "cannot be printed") {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }
