package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/finapi-go/finapi/finapitest"
)

// bench is a simulated finAPI and a doctor that takes it for the real one.
type bench struct {
	sim            *finapitest.Server
	env            map[string]string
	access         string // the address that doctor is told
	cleanup        func(func())
	machine        machine
	stdout, stderr bytes.Buffer
	reach          func(*url.URL) error
	code           int
	report         report
}

// report is the JSON that doctor prints.
type report struct {
	Environment string         `json:"environment"`
	Simulated   bool           `json:"simulated"`
	Write       bool           `json:"write"`
	Date        string         `json:"date"`
	SDK         string         `json:"sdk"`
	Counts      map[string]int `json:"counts"`
	Findings    []finding      `json:"findings"`
	Answers     []struct {
		Question  string `json:"question"`
		Answer    string `json:"answer"`
		Certainty string `json:"certainty"`
	} `json:"answers"`
}

func newBench(t *testing.T, opts ...finapitest.Option) *bench {
	t.Helper()
	sim := finapitest.New(t, append([]finapitest.Option{finapitest.WithEmptyWorld()}, opts...)...)
	b := &bench{sim: sim, access: sim.AccessURL(), cleanup: t.Cleanup}
	b.env = map[string]string{"FINAPI_CLIENT_ID": sim.ClientID(), "FINAPI_CLIENT_SECRET": sim.ClientSecret()}
	b.machine = machine{
		env: func(name string) string { return b.env[name] }, stdout: &b.stdout, stderr: &b.stderr, clock: sim.Clock(),
		reach: func(_ context.Context, base *url.URL) error {
			if b.reach != nil {
				return b.reach(base)
			}
			return nil
		},
	}
	return b
}

// run runs doctor against the bench's simulator.
func (b *bench) run(ctx context.Context, args ...string) {
	b.code = b.machine.run(ctx, append([]string{"-access-url", b.access, "-web-form-url", b.sim.WebFormURL()}, args...))
}

// examine runs doctor for its JSON.
func (b *bench) examine(t *testing.T, args ...string) {
	t.Helper()
	b.run(t.Context(), append([]string{"-json"}, args...)...)
	b.read(t)
}

func (b *bench) read(t *testing.T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(b.stdout.String()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b.report); err != nil {
		t.Fatalf("not the JSON that was expected: %v\n%s%s", err, b.stdout.String(), b.stderr.String())
	}
}

// stateOf returns the state of a check's finding.
func (b *bench) stateOf(name string) state {
	for _, f := range b.report.Findings {
		if f.Check == name {
			return f.State
		}
	}
	return "no such check"
}

func (b *bench) answerTo(question string) string {
	for _, a := range b.report.Answers {
		if a.Question == question {
			return a.Answer
		}
	}
	return "no such question"
}

// is reports whether a request has the method and ends with the path.
func is(r *http.Request, method, path string) bool {
	return r.Method == method && strings.HasSuffix(r.URL.Path, path)
}

// answering answers a call itself, up to so many times.
func answering(method, path string, times, status int, body string) func(*bench) {
	return func(b *bench) {
		left := times
		b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if !is(r, method, path) || left == 0 {
				return false
			}
			left--
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		})
	}
}

const always = -1

// accessError is finAPI's answer to a call that it refuses.
func accessError(code, message string) string {
	return `{"errors":[{"code":"` + code + `","message":"` + message + `","type":"TECHNICAL"}],"date":"2026-03-02T09:00:00Z",` +
		`"requestId":"finapi-go-4711","endpoint":"e","authContext":"a"}`
}

// setUp answers the configuration as finAPI would after another set-up.
func setUp(change map[string]any) func(*bench) {
	return func(b *bench) {
		config := map[string]any{
			"mandatorLicense": "UNLICENSED", "aisViaWebForm": true, "aisEnabled": true, "pfmServicesEnabled": true,
			"isNonEuroAccountsSupported": true, "isUserAutoVerificationEnabled": true, "preferredConsentType": "RECURRING",
			"availableBankGroups": []string{"DE"}, "enabledProducts": map[string]bool{"access": true, "webForm": true},
			"clientAccessTokensValidityPeriod": 3600, "userAccessTokensValidityPeriod": 3600, "refreshTokensValidityPeriod": 86400,
		}
		maps.Copy(config, change)
		body, _ := json.Marshal(config)
		answering(http.MethodGet, "/clientConfiguration", always, http.StatusOK, string(body))(b)
	}
}

// between puts a proxy between doctor and Access that changes answers.
func (b *bench) between(t *testing.T, change func(*http.Response) error) {
	t.Helper()
	target, err := url.Parse(b.sim.AccessURL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = change
	b.access = serve(t, proxy)
}
