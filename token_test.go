package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finapi-go/finapi"
)

// ready makes the accounts answer, and returns a call of them.
func ready(server *stub) func(context.Context, *finapi.User) error {
	server.tb.Helper()
	server.always("GET /api/v2/accounts", fixtureReply(server.tb, "accounts_empty.json"))
	return func(ctx context.Context, u *finapi.User) error {
		_, err := u.Accounts(ctx, finapi.AccountQuery{})
		return err
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func TestATokenIsFetchedOnceAndThenUsed(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	user := server.user()
	for range 5 {
		must(t, accounts(t.Context(), user))
	}
	server.wantCalls(tokenRoute, 1)
	server.wantCalls("GET /api/v2/accounts", 5)
	r := server.asked(tokenRoute)[0]
	same(t, map[string][]string{
		"grant_type": {"password"}, "username": {"customer-1"}, "password": {password},
		"client_id": {"client-id-4711"}, "client_secret": {"client-secret-4711"},
	}, map[string][]string(r.form))
	same(t, "application/x-www-form-urlencoded", r.header.Get("Content-Type"))
	same(t, "", r.header.Get("Authorization"))
	same(t, "", r.url.RawQuery)
}

func TestTheClientHasATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always("GET /api/v2/banks", fixtureReply(t, "banks_page.json"))
	client := server.client()
	allRows(t, client.Banks(t.Context(), finapi.BankQuery{}))
	allRows(t, client.User(userName, finapi.NewSecret(password)).Banks(t.Context(), finapi.BankQuery{}))
	allRows(t, client.Banks(t.Context(), finapi.BankQuery{}))
	var grants, tokens []string
	for _, r := range server.asked(tokenRoute) {
		grants = append(grants, r.grant())
	}
	for _, r := range server.asked("GET /api/v2/banks") {
		tokens = append(tokens, r.token())
	}
	same(t, []string{"client_credentials", "password"}, grants)
	same(t, []string{"token-1", "token-2", "token-1"}, tokens)
}

func TestHandlesShareATokenOnlyIfTheyKnowTheSamePassword(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		id       finapi.UserID
		password string
		logins   int
	}{
		{"the same user and password", userName, password, 1},
		{"the same user in capitals", "CUSTOMER-1", password, 1},
		{"another password", userName, "another-password", 2},
		{"another user", "customer-2", password, 2},
	}
	for _, tt := range cases {
		server := newStub(t)
		accounts := ready(server)
		client := server.client()
		must(t, accounts(t.Context(), client.User(userName, finapi.NewSecret(password))))
		must(t, accounts(t.Context(), client.User(tt.id, finapi.NewSecret(tt.password))))
		if got := len(server.asked(tokenRoute)); got != tt.logins {
			t.Errorf("%s: %d logins, want %d", tt.name, got, tt.logins)
		}
	}
}

func TestATokenIsRenewedAMinuteBeforeItEnds(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	user := server.user()
	steps := []struct {
		wait   time.Duration
		logins int
	}{
		{0, 1},
		{59*time.Minute - time.Second, 1},
		{2 * time.Second, 2},
		{58 * time.Minute, 2},
		{24 * time.Hour, 3},
	}
	for _, step := range steps {
		server.clock.advance(step.wait)
		must(t, accounts(t.Context(), user))
		if got := len(server.asked(tokenRoute)); got != step.logins {
			t.Fatalf("after %v more: %d token requests, want %d", step.wait, got, step.logins)
		}
	}
	for i, want := range []string{"password", "refresh_token", "refresh_token"} {
		same(t, want, server.asked(tokenRoute)[i].grant())
	}
	same(t, "refresh-1", server.asked(tokenRoute)[1].form.Get("refresh_token"))
	same(t, "refresh-2", server.asked(tokenRoute)[2].form.Get("refresh_token"))
	same(t, "", server.asked(tokenRoute)[1].form.Get("password"))
}

func TestAShortTokenIsUsedForHalfOfItsLife(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.handle(tokenRoute, func(*request) reply { return fixtureReply(t, "oauth_token_nearly_expired.json") }) // 7 s
	user := server.user()
	must(t, accounts(t.Context(), user))
	server.clock.advance(3 * time.Second)
	must(t, accounts(t.Context(), user))
	server.wantCalls(tokenRoute, 1)
	server.clock.advance(time.Second)
	must(t, accounts(t.Context(), user))
	server.wantCalls(tokenRoute, 2)
}

func TestExpiresInZeroMeansNever(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(tokenRoute, fixtureReply(t, "oauth_token_never_expires.json"))
	user := server.user()
	must(t, accounts(t.Context(), user))
	server.clock.advance(10 * 365 * 24 * time.Hour)
	must(t, accounts(t.Context(), user))
	server.wantCalls(tokenRoute, 1)
}

func TestAVeryLongLifeOfATokenDoesNotOverflow(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(tokenRoute, reply{body: `{"access_token":"t","token_type":"Bearer","expires_in":9223372036854775807}`})
	user := server.user()
	must(t, accounts(t.Context(), user))
	server.clock.advance(30 * 365 * 24 * time.Hour)
	must(t, accounts(t.Context(), user))
}

func TestATokenAnswerThatIsNotOneIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"no token":                 `{"token_type":"bearer","expires_in":3600}`,
		"a null token":             `{"access_token":null,"token_type":"bearer","expires_in":3600}`,
		"a token with a line end":  `{"access_token":"a\r\nX: y","token_type":"bearer","expires_in":3600}`,
		"a token with a blank":     `{"access_token":"a b","token_type":"bearer","expires_in":3600}`,
		"a token that is too long": `{"access_token":"` + strings.Repeat("x", 8193) + `","token_type":"bearer","expires_in":3600}`,
		"another kind of token":    `{"access_token":"t","token_type":"mac","expires_in":3600}`,
		"no end":                   `{"access_token":"t","token_type":"bearer"}`,
		"a null end":               `{"access_token":"t","token_type":"bearer","expires_in":null}`,
		"a negative end":           `{"access_token":"t","token_type":"bearer","expires_in":-1}`,
		"an end that is a text":    `{"access_token":"t","token_type":"bearer","expires_in":"3600"}`,
		"nothing":                  ``,
		"null":                     `null`,
		"HTML":                     `<html>`,
	}
	for name, body := range cases {
		server := newStub(t)
		server.on(tokenRoute, reply{body: body})
		_, err := server.user().Connections(t.Context())
		e := failure(t, err, finapi.CodeUnreadable)
		if e.Endpoint != tokenRoute || e.Status != 200 || e.RequestID == "" {
			t.Errorf("%s: got endpoint %q, status %d, request id %q", name, e.Endpoint, e.Status, e.RequestID)
		}
	}
}

func TestAThousandCallersCauseOneLogin(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	client := server.client()
	for i, err := range together(1000, func() error {
		return accounts(t.Context(), client.User(userName, finapi.NewSecret(password)))
	}) {
		if err != nil {
			t.Fatalf("caller %d: %v", i, err)
		}
	}
	server.wantCalls(tokenRoute, 1)
	server.wantCalls("GET /api/v2/accounts", 1000)
}

// together calls f from n goroutines and waits for all of them.
func together(n int, f func() error) []error { return inBackground(n, f)() }

func TestAWrongPasswordIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fixture string
		status  int
		code    finapi.Code
	}{
		{"oauth_error_invalid_grant.json", 400, finapi.CodeInvalidGrant},
		{"oauth_error_bad_user_credentials.json", 400, finapi.CodeInvalidGrant},
		{"oauth_error_user_locked.json", 423, finapi.CodeUserLocked},
		{"empty", 423, finapi.CodeUserLocked},
	}
	for _, tt := range cases {
		t.Run(fmt.Sprint(tt.status, " ", tt.fixture), func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.always(tokenRoute, reply{status: tt.status, body: fixture(t, tt.fixture)})
			client := server.client()
			call := func() error {
				_, err := client.User(userName, finapi.NewSecret(password)).Connections(t.Context())
				return err
			}
			for _, err := range append(together(1000, call), call()) {
				if e := failure(t, err, tt.code); e.Actor != finapi.ActorVendor || e.Status != tt.status || e.RequestID == "" {
					t.Fatalf("got actor %s, status %d, request id %q", e.Actor, e.Status, e.RequestID)
				}
			}
			server.clock.advance(1000 * time.Hour)
			if err := call(); err == nil {
				t.Error("a wrong password worked later")
			}
			server.wantCalls(tokenRoute, 1)
			if server.clock.sleeps() != nil {
				t.Errorf("a refused password was waited for: %v", server.clock.sleeps())
			}
		})
	}
}

func TestARefusedPasswordIsRememberedHoweverManyOthersCome(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(tokenRoute, func(*request) reply {
		return reply{status: 400, body: fixture(t, "oauth_error_bad_user_credentials.json")}
	})
	client := server.client()
	for range 3 {
		_, err := client.User(userName, finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{})
		mustFail(t, err, finapi.CodeInvalidGrant)
		for i := range 15_000 {
			client.User(finapi.UserID("other-"+strconv.Itoa(i)), finapi.NewSecret(password))
		}
	}
	server.wantCalls(tokenRoute, 1)
}

func TestARefusalThatIsNotFinAPIsIsBelievedForAMinute(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"error_502_proxy.html", "empty"} {
		server := newStub(t)
		server.always(tokenRoute, reply{status: 400, body: fixture(t, body)})
		client := server.client()
		call := func() error {
			_, err := client.User(userName, finapi.NewSecret(password)).Connections(t.Context())
			return err
		}
		for _, err := range append(together(100, call), call()) {
			mustFail(t, err, finapi.CodeHTTP)
		}
		server.wantCalls(tokenRoute, 1)
		server.clock.advance(2 * time.Minute)
		mustFail(t, call(), finapi.CodeHTTP)
		server.wantCalls(tokenRoute, 2)
	}
}

func TestARefusalIsForgottenWhenThePasswordWasAccepted(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(tokenRoute, func(*request) reply {
		if server.tokens++; server.tokens == 1 {
			return reply{status: 400, body: "<html>"}
		}
		return tokenReply(server.tokens, 3600, true)
	})
	server.always("POST /api/v2/oauth/revoke", reply{})
	server.always(accountsRoute, reply{body: fixture(t, "accounts_empty.json")})
	user := server.user()
	call := func() error {
		_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		return err
	}
	mustFail(t, call(), finapi.CodeHTTP)
	server.clock.advance(2 * time.Minute)
	must(t, call())
	must(t, user.Logout(t.Context()))
	server.clock.advance(-24 * time.Hour) // it was ahead, and was put right
	must(t, call())
}

func TestAWrongPasswordIsRememberedEvenIfItsCallerHasGivenUp(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.on(tokenRoute, reply{
		status: 400, stream: cancelling{cancel, strings.NewReader(fixture(t, "oauth_error_invalid_grant.json"))},
	})
	user := server.user()
	if _, err := user.Connections(ctx); err == nil {
		t.Fatal("a wrong password worked")
	}
	_, err := user.Connections(t.Context())
	mustFail(t, err, finapi.CodeInvalidGrant)
	server.wantCalls(tokenRoute, 1)
}

// cancelling is a body whose reading makes the caller give up.
type cancelling struct {
	cancel context.CancelFunc
	io.Reader
}

func (c cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return c.Reader.Read(p)
}

func TestTheRightPasswordWorksAfterAWrongOne(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.handle(tokenRoute, func(r *request) reply {
		if r.form.Get("password") != password {
			return reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")}
		}
		return server.freshToken(r)
	})
	client := server.client()
	mustFail(t, accounts(t.Context(), client.User(userName, finapi.NewSecret("wrong-password"))), finapi.CodeInvalidGrant)
	must(t, accounts(t.Context(), client.User(userName, finapi.NewSecret(password))))
	mustFail(t, accounts(t.Context(), client.User(userName, finapi.NewSecret("wrong-password"))), finapi.CodeInvalidGrant)
	server.wantCalls(tokenRoute, 2)
}

func TestAPasswordIsSentOnceEvenIfTheServerFails(t *testing.T) {
	t.Parallel()
	for _, answer := range []reply{{status: 503}, {status: 500}, {status: 429}, {err: errors.New("connection reset")}} {
		server := newStub(t)
		accounts := ready(server)
		server.on(tokenRoute, answer, tokenReply(1, 3600, true))
		user := server.user()
		e := anyFailure(t, accounts(t.Context(), user))
		same(t, answer.status, e.Status)
		server.wantCalls(tokenRoute, 1)
		must(t, accounts(t.Context(), user)) // the caller may ask again
	}
}

func TestTheClientsOwnLoginIsRepeated(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(tokenRoute, reply{status: 503}, reply{err: errors.New("connection reset")}, tokenReply(1, 3600, false))
	server.on("GET /api/v2/banks/901001", fixtureReply(t, "bank.json"))
	if _, err := server.client().Bank(t.Context(), 901001); err != nil {
		t.Error(err)
	}
	server.wantCalls(tokenRoute, 3)
}

func TestWhatIsWrongAtTheTokenEndpointSaysWhoActs(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, fixture string
		status        int
		code          finapi.Code
		actor         finapi.Actor
	}{
		{"a wrong client secret", "oauth_error_invalid_client.json", 401, finapi.CodeInvalidClient, finapi.ActorVendor},
		{"the wrong API version", "error_403_version_mismatch.json", 403, finapi.CodeForbidden, finapi.ActorVendor},
		{"an unverified user", "oauth_error_user_not_verified.json", 403, finapi.CodeUserNotVerified, finapi.ActorVendor},
		{"a locked user", "oauth_error_user_locked.json", 423, finapi.CodeUserLocked, finapi.ActorVendor},
		{"a broken finAPI", "error_500_unexpected.json", 500, finapi.CodeUnexpected, finapi.ActorFinAPI},
		{"a broken proxy", "error_502_proxy.html", 502, finapi.CodeHTTP, finapi.ActorFinAPI},
	}
	for _, tt := range cases {
		server := newStub(t)
		server.always(tokenRoute, reply{status: tt.status, body: fixture(t, tt.fixture)})
		_, err := server.user().Connections(t.Context())
		e := failure(t, err, tt.code)
		if e.Actor != tt.actor || e.Status != tt.status || e.Endpoint != tokenRoute {
			t.Errorf("%s: got actor %s, status %d, endpoint %q", tt.name, e.Actor, e.Status, e.Endpoint)
		}
		server.wantCalls(tokenRoute, 1)
	}
}

func TestAnErrorIsHandedOutAsItIs(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(tokenRoute, reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")})
	_, err := server.user().Connections(t.Context())
	if _, ok := err.(*finapi.Error); !ok { //nolint:errorlint // that it needs no unwrapping is the point
		t.Errorf("got a %T, want the *finapi.Error itself", err)
	}
}

func TestCallersWhoWaitedShareTheFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		land := make(chan struct{})
		server.handle(tokenRoute, func(*request) reply {
			<-land
			return reply{status: 503}
		})
		user := server.user()
		wait := inBackground(1000, func() error {
			_, err := user.Connections(t.Context())
			return err
		})
		synctest.Wait() // one is logging in, all others wait for it
		close(land)
		for _, err := range wait() {
			mustFail(t, err, finapi.CodeHTTP)
		}
		server.wantCalls(tokenRoute, 1)
	})
}

// inBackground starts f in n goroutines; the function that it returns waits for
// all of them.
func inBackground(n int, f func() error) func() []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = f() })
	}
	return func() []error {
		group.Wait()
		return errs
	}
}

func TestACallerWhoWaitsForATokenCanLeave(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	flying, land := make(chan struct{}), make(chan struct{})
	server.handle(tokenRoute, func(r *request) reply {
		close(flying)
		<-land
		return server.freshToken(r)
	})
	user := server.user()
	first := make(chan error, 1)
	go func() { first <- accounts(t.Context(), user) }()
	<-flying
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := accounts(ctx, user); !errors.Is(err, context.Canceled) {
		t.Errorf("the waiting caller got %v, want context.Canceled", err)
	}
	close(land)
	must(t, <-first)
	server.wantCalls(tokenRoute, 1)
}

func TestWhoGivesUpDuringALoginDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	server.handle(tokenRoute, func(r *request) reply {
		if tries++; tries == 1 {
			cancel()
			return reply{err: context.Canceled}
		}
		return server.freshToken(r)
	})
	user := server.user()
	if err := accounts(ctx, user); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	must(t, accounts(t.Context(), user))
}

func TestADeadRefreshTokenFallsBackToThePasswordOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401} {
		server := newStub(t)
		accounts := ready(server)
		server.on(
			tokenRoute, tokenReply(1, 3600, true),
			reply{status: status, body: fixture(t, "oauth_error_invalid_refresh_token.json")}, tokenReply(2, 3600, true),
		)
		user := server.user()
		must(t, accounts(t.Context(), user))
		server.clock.advance(2 * time.Hour)
		must(t, accounts(t.Context(), user))
		var grants []string
		for _, r := range server.asked(tokenRoute) {
			grants = append(grants, r.grant())
		}
		same(t, []string{"password", "refresh_token", "password"}, grants)
	}
}

func TestARefreshThatFailsForAnotherReasonDoesNotSendThePassword(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(tokenRoute, tokenReply(1, 3600, true), reply{status: 503}, reply{status: 503})
	user := server.user(retrying(2, 1, 1))
	must(t, accounts(t.Context(), user))
	server.clock.advance(2 * time.Hour)
	mustFail(t, accounts(t.Context(), user), finapi.CodeHTTP)
	for _, r := range server.asked(tokenRoute)[1:] {
		same(t, "refresh_token", r.grant())
	}
}

func TestAPasswordThatWasChangedIsSentOnceAfterADeadRefreshToken(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.handle(tokenRoute, func(r *request) reply {
		if len(server.requests) == 1 {
			return server.freshToken(r)
		}
		return reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")}
	})
	user := server.user()
	must(t, accounts(t.Context(), user))
	server.clock.advance(2 * time.Hour)
	for range 10 {
		mustFail(t, accounts(t.Context(), user), finapi.CodeInvalidGrant)
	}
	sent := 0
	for _, r := range server.asked(tokenRoute)[1:] {
		if r.grant() == "password" {
			sent++
		}
	}
	same(t, 1, sent)
}

func TestATokenThatDiedIsRenewedAndTheCallRepeatedOnce(t *testing.T) {
	t.Parallel()
	dead := reply{status: 401, body: fixture(t, "oauth_error_invalid_token.json")}
	server := newStub(t)
	server.on("GET /api/v2/accounts", dead, fixtureReply(t, "accounts.json"))
	accounts, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, 11, len(accounts))
	server.wantCalls(tokenRoute, 2)
	same(t, "token-1", server.asked("GET /api/v2/accounts")[0].token())
	same(t, "token-2", server.asked("GET /api/v2/accounts")[1].token())
	if slept := server.clock.sleeps(); slept != nil {
		t.Errorf("a dead token was waited for: %v", slept)
	}
}

func TestAlsoAPostIsRepeatedAfterADeadToken(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	const route = "POST /api/webForms/bankConnectionImport"
	server.on(
		route, reply{status: 401, body: fixture(t, "web_form_error_401.json")},
		reply{status: 201, body: fixture(t, "web_form_created.json")},
	)
	if _, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{Search: "amnis"}); err != nil {
		t.Fatal(err)
	}
	sent := server.asked(route)
	same(t, sent[0].body, sent[1].body)
	same(t, "token-2", sent[1].token())
}

func TestASecond401IsReturned(t *testing.T) {
	t.Parallel()
	for _, r := range readings() {
		server := newStub(t)
		dead := reply{status: 401, body: fixture(t, "oauth_error_invalid_token.json")}
		server.on(r.route, dead, dead)
		client := server.client()
		err := r.call(t.Context(), client, client.User(userName, finapi.NewSecret(password)))
		e := failure(t, err, finapi.CodeInvalidToken)
		if e.Status != 401 || e.Actor != finapi.ActorVendor {
			t.Errorf("%s: got status %d, actor %s", r.name, e.Status, e.Actor)
		}
		server.wantCalls(tokenRoute, 2)
	}
}

func TestARenewalThatFailsAfterA401IsReturned(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 401})
	server.on(tokenRoute, tokenReply(1, 3600, false), reply{status: 423, body: fixture(t, "oauth_error_user_locked.json")})
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeUserLocked)
}

func TestTen401sAtOnceCostOneRenewal(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	user := server.user()
	must(t, accounts(t.Context(), user))
	// The server lets ten requests come in with the first token, then refuses them all.
	var arrived sync.WaitGroup
	arrived.Add(10)
	gate := gateTransport{arrived: &arrived, server: server}
	client := server.client(finapi.WithTransport(&gate))
	user = client.User(userName, finapi.NewSecret(password))
	before := len(server.asked(tokenRoute))
	for _, err := range together(10, func() error { return accounts(t.Context(), user) }) {
		must(t, err)
	}
	if got := len(server.asked(tokenRoute)) - before; got != 2 {
		t.Errorf("there were %d token requests, want 2: the login and one renewal", got)
	}
}

// gateTransport refuses the first ten calls with a token, all at the same time.
type gateTransport struct {
	mu      sync.Mutex
	calls   int
	arrived *sync.WaitGroup
	server  *stub
}

func (g *gateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") == "" {
		return g.server.RoundTrip(r)
	}
	g.mu.Lock()
	g.calls++
	early := g.calls <= 10
	g.mu.Unlock()
	if !early {
		return g.server.RoundTrip(r)
	}
	g.arrived.Done()
	g.arrived.Wait()
	return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func TestAFormStartsWithATokenThatOutlivesIt(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	const route = "POST /api/webForms/bankConnectionImport"
	server.always(route, reply{status: 201, body: fixture(t, "web_form_created.json")})
	user := server.user()
	must(t, accounts(t.Context(), user))
	start := func() string {
		if _, err := user.StartConsent(t.Context(), finapi.ConsentRequest{}); err != nil {
			t.Fatal(err)
		}
		sent := server.asked(route)
		return sent[len(sent)-1].token()
	}
	server.clock.advance(39 * time.Minute)
	same(t, "token-1", start())
	server.clock.advance(2 * time.Minute) // 19 minutes left, and a form lives for 20
	same(t, "token-2", start())
	same(t, "token-2", start())
}

func TestAShortTokenStartsAFormIfThereIsNoLongerOne(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	const route = "POST /api/webForms/bankConnectionImport"
	server.always(route, reply{status: 201, body: fixture(t, "web_form_created.json")})
	server.always(tokenRoute, tokenReply(7, 600, true))
	user := server.user()
	for range 2 {
		if _, err := user.StartConsent(t.Context(), finapi.ConsentRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	server.wantCalls(tokenRoute, 2) // one for each form: the next token might be longer
}

func TestCallersWhoWaitedForAShortTokenTakeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		server.always("POST /api/webForms/bankConnectionImport", reply{status: 201, body: fixture(t, "web_form_created.json")})
		land := make(chan struct{})
		server.handle(tokenRoute, func(*request) reply {
			<-land
			return tokenReply(7, 600, true)
		})
		user := server.user()
		wait := inBackground(1000, func() error {
			_, err := user.StartConsent(t.Context(), finapi.ConsentRequest{})
			return err
		})
		synctest.Wait()
		close(land)
		for _, err := range wait() {
			must(t, err)
		}
		server.wantCalls(tokenRoute, 1)
	})
}

func TestForgettingATokenCostsALoginAndNothingElse(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	client := server.client()
	user := client.User(userName, finapi.NewSecret(password))
	must(t, accounts(t.Context(), user))
	for i := range 10_001 { // more owners than are remembered
		client.User(finapi.UserID(fmt.Sprint("other-", i)), finapi.NewSecret(password))
	}
	must(t, accounts(t.Context(), user))
	server.wantCalls(tokenRoute, 1)
	must(t, accounts(t.Context(), client.User(userName, finapi.NewSecret(password))))
	if got := len(server.asked(tokenRoute)); got > 2 {
		t.Errorf("%d logins, want 2 at the most", got)
	}
}
