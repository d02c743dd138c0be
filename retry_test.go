package finapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func TestAReadIsRepeatedWhenTheServerIsInTrouble(t *testing.T) {
	t.Parallel()
	troubles := map[string]reply{
		"429": {status: 429}, "500": {status: 500}, "502": {status: 502, body: "<html>"}, "503": {status: 503}, "504": {status: 504},
		"a connection that fails": {err: errors.New("connection reset")},
	}
	for name, trouble := range troubles {
		server := newStub(t)
		server.on("GET /api/v2/accounts", trouble, trouble, fixtureReply(t, "accounts.json"))
		accounts, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
		if err != nil || len(accounts) != 11 {
			t.Errorf("%s: got %d accounts and error %v", name, len(accounts), err)
		}
		if got := len(server.clock.sleeps()); got != 2 {
			t.Errorf("%s: waited %d times, want 2", name, got)
		}
	}
}

func TestAnAnswerThatBreaksOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{stream: failingReader{}}, fixtureReply(t, "accounts.json"))
	accounts, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, 11, len(accounts))
}

func TestARefusalIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 408, 409, 422, 423, 451, 501, 510} {
		server := newStub(t)
		server.on("GET /api/v2/accounts", reply{status: status, header: http.Header{"Retry-After": {"1"}}})
		_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
		same(t, status, anyFailure(t, err).Status)
		server.wantCalls("GET /api/v2/accounts", 1)
	}
}

func TestAnAnswerThatIsNonsenseIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{body: "<html>"})
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeUnreadable)
}

func TestTheNumberOfAttemptsIsTheNumberOfTriesInAll(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{1, 2, 4, 20} {
		server := newStub(t)
		server.always("GET /api/v2/accounts", reply{status: 503})
		_, err := server.user(retrying(attempts, 1, 1)).Accounts(t.Context(), finapi.AccountQuery{})
		same(t, 503, failure(t, err, finapi.CodeHTTP).Status)
		server.wantCalls("GET /api/v2/accounts", attempts)
		same(t, attempts-1, len(server.clock.sleeps()))
	}
}

func TestTheDefaultIsFourAttempts(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always("GET /api/v2/accounts", reply{status: 503})
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeHTTP)
	server.wantCalls("GET /api/v2/accounts", 4)
	slept := server.clock.sleeps()
	for i, middle := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second} {
		if slept[i] < middle/2 || slept[i] > middle*3/2 {
			t.Errorf("wait %d took %v, want %v give or take half", i+1, slept[i], middle)
		}
	}
}

func TestNoWaitIsLongerThanMax(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always("GET /api/v2/accounts", reply{status: 503})
	_, err := server.user(retrying(20, 900, 1000)).Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeHTTP)
	for _, d := range server.clock.sleeps() {
		if d > time.Second || d <= 0 {
			t.Errorf("waited %v, want at most 1 s", d)
		}
	}
}

func TestEachRepetitionHasARequestIDOfItsOwn(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 503}, reply{status: 503}, fixtureReply(t, "accounts.json"))
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	ids := map[string]bool{}
	for _, r := range server.asked("GET /api/v2/accounts") {
		ids[r.header.Get("X-Request-Id")] = true
	}
	same(t, 3, len(ids))
}

func TestAWriteIsNeverRepeated(t *testing.T) {
	t.Parallel()
	writes := map[string]func(context.Context, *finapi.Client) error{
		"POST /api/v2/users": func(ctx context.Context, c *finapi.Client) error {
			_, err := c.CreateUser(ctx, finapi.NewUser{})
			return err
		},
		"DELETE /api/v2/users": func(ctx context.Context, c *finapi.Client) error {
			return c.User(userName, finapi.NewSecret(password)).Delete(ctx)
		},
		importRoute: func(ctx context.Context, c *finapi.Client) error {
			_, err := c.User(userName, finapi.NewSecret(password)).StartConsent(ctx, finapi.ConsentRequest{})
			return err
		},
		updateRoute: func(ctx context.Context, c *finapi.Client) error {
			_, err := c.User(userName, finapi.NewSecret(password)).Refresh(ctx, theConnection())
			return err
		},
	}
	for route, write := range writes {
		for _, answer := range []reply{
			{status: 500},
			{status: 429, header: http.Header{"Retry-After": {"1"}}},
			{status: 502},
			{status: 503},
			{status: 504},
			{err: io.EOF},
		} {
			server := restingStub(t)
			server.on(route, answer)
			if err := write(t.Context(), server.client()); err == nil {
				t.Errorf("%s: no error for status %d", route, answer.status)
			}
			server.wantCalls(route, 1)
			if slept := server.clock.sleeps(); slept != nil {
				t.Errorf("%s: waited %v for nothing", route, slept)
			}
		}
	}
}

func TestTheServerSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	now := newFakeClock().Now()
	cases := []struct {
		header      string
		wait, atMax time.Duration // the wait that is asked for; the longest that the back-off takes by itself
	}{
		{"7", 7 * time.Second, 7 * time.Second},
		{" 7 ", 7 * time.Second, 7 * time.Second},
		{now.Add(9 * time.Second).Format(http.TimeFormat), 9 * time.Second, 9 * time.Second},
		{now.Add(-time.Hour).Format(http.TimeFormat), 0, 2 * time.Millisecond},
		{"0", 0, 2 * time.Millisecond},
		{"-5", 0, 2 * time.Millisecond},
		{"soon", 0, 2 * time.Millisecond},
		{"1.5", 0, 2 * time.Millisecond},
		{"", 0, 2 * time.Millisecond},
	}
	for _, tt := range cases {
		server := newStub(t)
		header := http.Header{"Retry-After": {tt.header}}
		server.on("GET /api/v2/accounts", reply{status: 503, header: header}, fixtureReply(t, "accounts.json"))
		_, err := server.user(retrying(2, 1, 30_000)).Accounts(t.Context(), finapi.AccountQuery{})
		must(t, err)
		if slept := server.clock.sleeps(); len(slept) != 1 || slept[0] < tt.wait || slept[0] > tt.atMax {
			t.Errorf("%q: waited %v, want between %v and %v", tt.header, slept, tt.wait, tt.atMax)
		}
	}
}

func TestADateToWaitForIsReckonedWithTheServersClock(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	theirs := server.clock.Now().Add(time.Hour) // ours is an hour behind
	server.always(accountsRoute, reply{status: 503, header: http.Header{
		"Date": {theirs.Format(http.TimeFormat)}, "Retry-After": {theirs.Add(5 * time.Second).Format(http.TimeFormat)},
	}})
	_, err := server.user(retrying(1, 1, 1)).Accounts(t.Context(), finapi.AccountQuery{})
	same(t, 5*time.Second, failure(t, err, finapi.CodeHTTP).RetryAfter)
}

func TestAWaitLongerThanMaxReturnsAtOnceAndSaysHowLong(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	cases := map[string]time.Duration{
		"31": 31 * time.Second, "86400": 24 * time.Hour, "9223372036854775807": year, "9999999999": year,
		"Fri, 20 Nov 2026 10:00:00 GMT": time.Hour, "Fri, 31 Dec 9999 23:59:59 GMT": year,
	}
	for header, want := range cases {
		server := newStub(t)
		server.on("GET /api/v2/accounts", reply{status: 429, header: http.Header{"Retry-After": {header}}})
		_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
		same(t, want, failure(t, err, finapi.CodeHTTP).RetryAfter)
		if slept := server.clock.sleeps(); slept != nil {
			t.Errorf("%q: waited %v", header, slept)
		}
	}
}

func TestARetryAfterDoesNotLastForTheNextWait(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	slow := reply{status: 503, header: http.Header{"Retry-After": {"20"}}}
	server.on("GET /api/v2/accounts", slow, reply{status: 503}, fixtureReply(t, "accounts.json"))
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	slept := server.clock.sleeps()
	if slept[0] != 20*time.Second || slept[1] > 2*time.Second {
		t.Errorf("waited %v, want 20 s and then about 1 s", slept)
	}
}

func TestAContextThatEndsDuringAWaitEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, r := range readings() {
		server := newStub(t)
		server.always(r.route, reply{status: 503})
		ctx, cancel := context.WithCancel(t.Context())
		server.clock.onSleep = cancel
		client := server.client()
		err := r.call(ctx, client, client.User(userName, finapi.NewSecret(password)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", r.name, err)
		}
		server.wantCalls(r.route, 1)
	}
}

func TestARepetitionAfterA401CountsItsOwnTroubles(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 401}, reply{status: 503}, fixtureReply(t, "accounts.json"))
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	server.wantCalls(tokenRoute, 2)
}

func TestATokenThatCannotBeFetchedIsNotWaitedForTwice(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(tokenRoute, reply{status: 503})
	_, err := server.client(retrying(3, 1, 1)).Bank(t.Context(), 901001)
	same(t, tokenRoute, failure(t, err, finapi.CodeHTTP).Endpoint)
	server.wantCalls(tokenRoute, 3) // not 3 times 3
}

// FuzzRetryAfter checks that no header makes a call wait for long, or negatively.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{
		"", "0", "1", "-1", "31", "1e9", "99999999999999999999", "-9223372036854775808", "Fri, 20 Nov 2026 09:00:05 GMT",
		"Friday, 20-Nov-26 09:00:05 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "\x00", "1\r\n2",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		server := newStub(t)
		server.always("GET /api/v2/accounts", reply{status: 503, header: http.Header{"Retry-After": {header}}})
		_, err := server.user(retrying(3, 1, 1000)).Accounts(t.Context(), finapi.AccountQuery{})
		e := failure(t, err, finapi.CodeHTTP)
		if e.RetryAfter < 0 || e.RetryAfter > 365*24*time.Hour {
			t.Errorf("%q was read as %v", header, e.RetryAfter)
		}
		for _, d := range server.clock.sleeps() {
			if d < 0 || d > time.Second {
				t.Errorf("%q made the call wait %v", header, d)
			}
		}
	})
}
