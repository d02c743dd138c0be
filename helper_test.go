package finapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

// fakeClock stands still until somebody sleeps, and keeps a list of the sleeps.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	// onSleep runs before each sleep; nil for nothing.
	onSleep func()
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, time.November, 20, 9, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	if c.onSleep != nil {
		c.onSleep()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.advance(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	return nil
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *fakeClock) sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.slept)
}

// reply is one answer of a stub.
type reply struct {
	status int       // 0 means 200
	body   string    // what the server sends
	stream io.Reader // instead of body, for what is too large to keep
	header http.Header
	err    error // instead of an answer: the connection fails
}

// request is what a stub was asked.
type request struct {
	route  string // method and escaped path
	url    *url.URL
	query  url.Values
	form   url.Values
	header http.Header
	body   string
	ctx    context.Context //nolint:containedctx // a recorded request, not a carrier
}

func (r *request) grant() string { return r.form.Get("grant_type") }
func (r *request) token() string { return strings.TrimPrefix(r.header.Get("Authorization"), "Bearer ") }

// stub is a finAPI that answers as it was told, without any network. What it was
// not told fails the test. It hands out tokens of an hour by itself.
type stub struct {
	tb    testing.TB
	clock *fakeClock

	mu       sync.Mutex
	routes   map[string]func(*request) reply
	requests []*request
	tokens   int
}

const (
	tokenRoute = "POST /api/v2/oauth/token"
	password   = "a-password-0815"
	userName   = finapi.UserID("customer-1")
	sandbox    = "https://sandbox.finapi.io"
	webForms   = "https://webform-sandbox.finapi.io"
)

func newStub(tb testing.TB) *stub {
	tb.Helper()
	s := &stub{tb: tb, clock: newFakeClock(), routes: map[string]func(*request) reply{}}
	s.handle(tokenRoute, s.freshToken)
	return s
}

// on makes a route give these answers, one after the other; one more request
// fails the test.
func (s *stub) on(route string, replies ...reply) {
	s.handle(route, func(r *request) reply {
		if len(replies) == 0 {
			s.tb.Errorf("%s was asked more often than expected", r.route)
			return reply{status: http.StatusTeapot}
		}
		next := replies[0]
		replies = replies[1:]
		return next
	})
}

// always makes a route give the same answer every time.
func (s *stub) always(route string, r reply) { s.handle(route, func(*request) reply { return r }) }

// handle lets a function answer a route. The stub calls one at a time.
func (s *stub) handle(route string, f func(*request) reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes[route] = f
}

// freshToken gives token-1, token-2 and so on; users get a refresh token, too.
func (s *stub) freshToken(r *request) reply {
	s.tokens++
	return tokenReply(s.tokens, 3600, r.grant() != "client_credentials")
}

func tokenReply(n, seconds int, refresh bool) reply {
	body := fmt.Sprintf(`{"access_token":"token-%d","token_type":"bearer","expires_in":%d,"scope":"all"`, n, seconds)
	if refresh {
		body += fmt.Sprintf(`,"refresh_token":"refresh-%d"`, n)
	}
	return reply{body: body + "}"}
}

func (s *stub) RoundTrip(hr *http.Request) (*http.Response, error) {
	if err := hr.Context().Err(); err != nil {
		return nil, err
	}
	if err := logTraffic(hr); err != nil {
		return nil, err
	}
	r := &request{
		route: hr.Method + " " + hr.URL.EscapedPath(), url: hr.URL, query: hr.URL.Query(),
		header: hr.Header.Clone(), ctx: hr.Context(),
	}
	if hr.Body != nil {
		body, err := io.ReadAll(hr.Body)
		if err != nil {
			return nil, err
		}
		_ = hr.Body.Close()
		r.body = string(body)
		r.form, _ = url.ParseQuery(r.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	answer, ok := s.routes[r.route]
	if !ok {
		s.tb.Errorf("unexpected request %s", r.route)
		return nil, errors.New("no such route in the test")
	}
	out := answer(r)
	if out.err != nil {
		return nil, out.err
	}
	if out.stream == nil {
		out.stream = strings.NewReader(out.body)
	}
	header := out.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: cmp.Or(out.status, http.StatusOK), Header: header,
		Body: io.NopCloser(out.stream), ContentLength: -1, Request: hr,
	}, nil
}

var trafficMu sync.Mutex

// logTraffic appends a request to the log for the contract tests of
// internal/contract, if the environment variable [capture.Variable] names a folder.
func logTraffic(r *http.Request) error {
	dir := os.Getenv(capture.Variable)
	if dir == "" {
		return nil
	}
	entry := map[string]any{
		"source": "stub", "host": r.URL.Host, "method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "header": r.Header,
	}
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return err
		}
		if entry["body"], err = io.ReadAll(body); err != nil {
			return err
		}
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	trafficMu.Lock()
	defer trafficMu.Unlock()
	name := filepath.Join(dir, fmt.Sprintf("stub-%d.jsonl", os.Getpid()))
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

// asked returns the requests to a route so far.
func (s *stub) asked(route string) []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*request
	for _, r := range s.requests {
		if r.route == route {
			out = append(out, r)
		}
	}
	return out
}

func (s *stub) wantCalls(route string, want int) {
	s.tb.Helper()
	if got := len(s.asked(route)); got != want {
		s.tb.Errorf("%s was sent %d times, want %d", route, got, want)
	}
}

func (s *stub) client(options ...finapi.Option) *finapi.Client {
	s.tb.Helper()
	options = append([]finapi.Option{finapi.WithTransport(s), finapi.WithClock(s.clock)}, options...)
	client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), options...)
	if err != nil {
		s.tb.Fatalf("NewClient: %v", err)
	}
	return client
}

func (s *stub) user(options ...finapi.Option) *finapi.User {
	s.tb.Helper()
	return s.client(options...).User(userName, finapi.NewSecret(password))
}

func goodCredentials() finapi.Credentials {
	return finapi.Credentials{ID: "client-id-4711", Secret: finapi.NewSecret("client-secret-4711")}
}

// fixture reads an answer from testdata/fixtures, or from testdata itself if its
// name has a folder.
func fixture(tb testing.TB, name string) string {
	tb.Helper()
	if !strings.Contains(name, "/") {
		name = "fixtures/" + name
	}
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func fixtureReply(tb testing.TB, name string) reply {
	tb.Helper()
	return reply{body: fixture(tb, name)}
}

// same compares with go-cmp; a nil and an empty slice are different to it.
func same(tb testing.TB, want, got any) {
	tb.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		tb.Errorf("wrong result (-want +got):\n%s", diff)
	}
}

// mustFail checks that err is a *finapi.Error with a code.
func mustFail(tb testing.TB, err error, code finapi.Code) {
	tb.Helper()
	_ = failure(tb, err, code)
}

// failure does what mustFail does, and returns the error.
func failure(tb testing.TB, err error, code finapi.Code) *finapi.Error {
	tb.Helper()
	var e *finapi.Error
	if !errors.As(err, &e) {
		tb.Fatalf("got error %v, want an *Error with code %s", err, code)
	}
	if e.Code != code {
		tb.Fatalf("got code %s (%v), want %s", e.Code, err, code)
	}
	return e
}

// mustRefuse checks that an input was refused and that the error names its field.
func mustRefuse(tb testing.TB, err error, field string) {
	tb.Helper()
	e := failure(tb, err, finapi.CodeInvalidInput)
	if e.Field != field {
		tb.Errorf("the error names the field %q, want %q", e.Field, field)
	}
	if e.Actor != finapi.ActorVendor || e.Status != 0 || e.RequestID != "" {
		tb.Errorf("got actor %s, status %d, request id %q; want the vendor and nothing sent", e.Actor, e.Status, e.RequestID)
	}
	if !strings.Contains(err.Error(), field) {
		tb.Errorf("the text %q does not name the field %s", err, field)
	}
}

func money(amount string, currency finapi.Currency) finapi.Money {
	return finapi.Money{Amount: decimal.RequireFromString(amount), Currency: currency}
}

func moneyPtr(amount string, currency finapi.Currency) *finapi.Money {
	m := money(amount, currency)
	return &m
}

func date(year int, month time.Month, day int) finapi.Date {
	return finapi.Date{Year: year, Month: month, Day: day}
}

// instant reads RFC 3339. It panics, because only literals go in.
func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// allRows gathers an iterator and requires that it ends without an error.
func allRows[T any](tb testing.TB, rows func(func(T, error) bool)) []T {
	tb.Helper()
	all, err := finapi.Collect(rows)
	if err != nil {
		tb.Fatalf("the listing failed: %v", err)
	}
	return all
}
