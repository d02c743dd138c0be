package finapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

// quick is a circuit that opens after three failures.
func quick() finapi.Option {
	return finapi.WithCircuit(finapi.Circuit{Failures: 3, Base: 10 * time.Second, Max: time.Minute})
}

// out makes the accounts fail with status 503 until the circuit of a client that tries
// once only is open.
func out(server *stub, options ...finapi.Option) (accounts func() error) {
	server.tb.Helper()
	server.always(accountsRoute, reply{status: 503})
	user := server.user(append([]finapi.Option{retrying(1, 1, 1), quick()}, options...)...)
	accounts = func() error {
		_, err := user.Accounts(context.Background(), finapi.AccountQuery{})
		return err
	}
	for range 3 {
		mustFail(server.tb, accounts(), finapi.CodeHTTP)
	}
	return accounts
}

func TestAHostThatFailsIsLeftAloneAndTheErrorSaysSinceWhen(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(accountsRoute, reply{status: 503})
	user := server.user(retrying(1, 1, 1))
	began := server.clock.Now()
	for i := range 11 { // one a second, so that 10 s without an answer are over with the last
		_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		mustFail(t, err, finapi.CodeHTTP)
		if i < 10 {
			server.clock.advance(time.Second)
		}
	}
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	e := failure(t, err, finapi.CodeHostDown)
	server.wantCalls(accountsRoute, 11)
	same(t, began, e.Since)
	same(t, finapi.ActorFinAPI, e.Actor)
	same(t, finapi.RetryLater, e.Retry())
	same(t, accountsRoute, e.Endpoint)
	same(t, "", e.RequestID)
	if e.RetryAfter < 500*time.Millisecond || e.RetryAfter > 1500*time.Millisecond {
		t.Errorf("the first pause is %v, want 1 s give or take half", e.RetryAfter)
	}
	same(t, "finapi: GET /api/v2/accounts: SDK_HOST_DOWN: finAPI Access has failed since 2026-11-20T09:00:00Z [try again later]", err.Error())
	data, err := json.Marshal(e)
	must(t, err)
	if !strings.Contains(string(data), `"since":"2026-11-20T09:00:00Z"`) {
		t.Errorf("the JSON does not say since when: %s", data)
	}
}

func TestOneRequestIsLetThroughAfterAPauseAndAnAnswerEndsTheOutage(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := out(server)
	e := failure(t, accounts(), finapi.CodeHostDown)
	server.clock.advance(e.RetryAfter - 1)
	mustFail(t, accounts(), finapi.CodeHostDown)
	server.wantCalls(accountsRoute, 3)

	server.clock.advance(1)
	mustFail(t, accounts(), finapi.CodeHTTP) // the one that is let through
	server.wantCalls(accountsRoute, 4)
	e = failure(t, accounts(), finapi.CodeHostDown)
	same(t, "2026-11-20T09:00:00Z", e.Since.Format(time.RFC3339))
	if e.RetryAfter < 10*time.Second || e.RetryAfter > 30*time.Second {
		t.Errorf("the second pause is %v, want 20 s give or take half", e.RetryAfter)
	}

	server.clock.advance(e.RetryAfter)
	server.always(accountsRoute, fixtureReply(t, "accounts_empty.json"))
	must(t, accounts())
	must(t, accounts())
	server.always(accountsRoute, reply{status: 503})
	for range 3 {
		mustFail(t, accounts(), finapi.CodeHTTP)
	}
	e = failure(t, accounts(), finapi.CodeHostDown)
	if e.RetryAfter > 15*time.Second {
		t.Errorf("the first pause of a new outage is %v, want 10 s give or take half", e.RetryAfter)
	}
}

func TestNoPauseIsLongerThanTheLongest(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := out(server)
	var last time.Duration
	for range 20 {
		last = failure(t, accounts(), finapi.CodeHostDown).RetryAfter
		if last > time.Minute {
			t.Errorf("a pause of %v, want a minute at the most", last)
		}
		server.clock.advance(last)
		mustFail(t, accounts(), finapi.CodeHTTP)
	}
	if last < 30*time.Second {
		t.Errorf("after 20 failures the pause is %v, want it to have grown to half a minute at least", last)
	}
}

func TestTheServersRetryAfterIsHeededUpToAnHour(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"600": 10 * time.Minute, "999999999": time.Hour} {
		server := newStub(t)
		accounts := out(server)
		server.clock.advance(failure(t, accounts(), finapi.CodeHostDown).RetryAfter)
		server.always(accountsRoute, reply{status: 503, header: http.Header{"Retry-After": {header}}})
		mustFail(t, accounts(), finapi.CodeHTTP)
		same(t, want, failure(t, accounts(), finapi.CodeHostDown).RetryAfter)
	}
}

func TestOneCustomersSlowCallsStopNobody(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(transactionsRoute, reply{status: 504}) // of an account that is too large
	server.always(accountsRoute, reply{body: fixture(t, "accounts_empty.json")})
	client := server.client()
	for range 5 {
		user := client.User(userName, finapi.NewSecret(password))
		mustFail(t, drained(user.Transactions(t.Context(), finapi.TransactionQuery{})), finapi.CodeHTTP)
	}
	_, err := client.User("customer-2", finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
}

func TestSlowCallsOfSeveralAreAnOutage(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(transactionsRoute, reply{status: 504})
	server.always(accountsRoute, reply{status: 504})
	user := server.user(retrying(1, 1, 1), quick())
	for range 3 {
		mustFail(t, drained(user.Transactions(t.Context(), finapi.TransactionQuery{})), finapi.CodeHTTP)
	}
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeHTTP) // the first of another kind
	mustFail(t, drained(user.Transactions(t.Context(), finapi.TransactionQuery{})), finapi.CodeHostDown)
}

// TestAHostThatIsSilentWhenManyLogInIsAnOutage: at the token endpoint nobody asks for so much
// that it could be the customer's own doing.
func TestAHostThatIsSilentWhenManyLogInIsAnOutage(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(tokenRoute, reply{status: 504})
	client := server.client(retrying(1, 1, 1), quick())
	login := func(id finapi.UserID) error {
		_, err := client.User(id, finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{})
		return err
	}
	for _, id := range []finapi.UserID{"a", "b", "c"} {
		mustFail(t, login(id), finapi.CodeHTTP)
	}
	mustFail(t, login("d"), finapi.CodeHostDown)
}

// TestCallsUnderWayAllComeThrough lets several calls meet an outage at the same time.
func TestCallsUnderWayAllComeThrough(t *testing.T) {
	t.Parallel()
	standard := finapi.Circuit{Failures: 10, Lasting: 10 * time.Second, Base: time.Second, Max: time.Minute}
	for _, circuit := range []finapi.Circuit{{}, standard} {
		synctest.Test(t, func(t *testing.T) {
			server, began := newStub(t), time.Now()
			server.always(accountsRoute, reply{body: fixture(t, "accounts_empty.json")})
			slow := transportFunc(func(r *http.Request) (*http.Response, error) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "/accounts"):
				case time.Since(began) < 12*time.Second:
					time.Sleep(4 * time.Second)
					return &http.Response{StatusCode: 503, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
				default:
					time.Sleep(8 * time.Second) // an answer, but a slow one
				}
				return server.RoundTrip(r)
			})
			user := server.user(finapi.WithCircuit(circuit), finapi.WithTransport(slow), finapi.WithClock(finapi.SystemClock()))
			failed := make(chan error, 6)
			for range cap(failed) {
				go func() {
					_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
					failed <- err
				}()
			}
			for range cap(failed) {
				must(t, <-failed)
			}
		})
	}
}

func TestAHookThatPanicsKeepsNoTurn(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(accountsRoute, reply{body: fixture(t, "accounts_empty.json")})
	panics := true
	user := server.user(finapi.WithMaxInFlight(1), finapi.WithHooks(finapi.Hooks{
		Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
			if panics && op.Name == "GET /api/v2/accounts" {
				panic("the hook's bug")
			}
			return ctx, nil
		},
	}))
	func() {
		defer func() { same(t, any("the hook's bug"), recover()) }()
		_, _ = user.Accounts(t.Context(), finapi.AccountQuery{})
	}()
	panics = false
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := user.Accounts(ctx, finapi.AccountQuery{})
	must(t, err)
}

func TestFailuresThatComeAllAtOnceAreNotAnOutage(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(accountsRoute, reply{status: 503})
	user := server.user(retrying(1, 1, 1))
	for range 100 {
		_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		mustFail(t, err, finapi.CodeHTTP)
	}
	server.wantCalls(accountsRoute, 100)
}

func TestAnAnswerBetweenFailuresIsASignOfLife(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	user := server.user(retrying(1, 1, 1), quick())
	for range 20 {
		server.on(accountsRoute, reply{status: 503}, reply{err: errors.New("connection reset")}, reply{status: 404})
		for range 3 {
			_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
			if finapi.IsError(err, finapi.CodeHostDown) {
				t.Fatal(err)
			}
			server.clock.advance(time.Hour)
		}
	}
}

func TestACallThatItsCallerGivesUpSaysNothingAboutTheHost(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	user := server.user(retrying(1, 1, 1), quick())
	must(t, ready(server)(t.Context(), user))
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		server.handle(accountsRoute, func(*request) reply {
			cancel()
			return reply{err: ctx.Err()}
		})
		_, err := user.Accounts(ctx, finapi.AccountQuery{})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	must(t, ready(server)(t.Context(), user))
}

func TestEachHostHasACircuitOfItsOwn(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(taskRoute, reply{err: errors.New("connection refused")})
	user := server.user(retrying(1, 1, 1), quick())
	for _, want := range []finapi.Code{finapi.CodeNetwork, finapi.CodeNetwork, finapi.CodeNetwork, finapi.CodeHostDown} {
		_, err := user.Tasks().Get(t.Context(), taskID)
		e := failure(t, err, want)
		if want == finapi.CodeHostDown && !strings.Contains(e.Error(), "finAPI Web Form has failed since 2026") {
			t.Errorf("the error does not name the host: %v", e)
		}
	}
	must(t, ready(server)(t.Context(), user))
}

func TestTheZeroCircuitNeverOpens(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(accountsRoute, reply{status: 503})
	user := server.user(retrying(1, 1, 1), finapi.WithCircuit(finapi.Circuit{}))
	for range 100 {
		_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		mustFail(t, err, finapi.CodeHTTP)
		server.clock.advance(time.Minute)
	}
}

// A call that has begun when the circuit opens waits for the end of the pause instead of
// failing at once, and so is not cut short by what happened to others.
func TestACallThatIsUnderWayKeepsItsAttempts(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	client := server.client(quick())
	user := client.User(userName, finapi.NewSecret(password))
	attempts := 0
	server.handle(accountsRoute, func(*request) reply {
		if attempts++; attempts < 4 {
			return reply{status: 503}
		}
		return reply{body: `{"accounts":[]}`}
	})
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	must(t, err)
	same(t, 4, attempts)
	slept := server.clock.sleeps()
	if slept[2] < 5*time.Second || slept[2] > 15*time.Second {
		t.Errorf("the wait before the last attempt took %v, want the pause of 10 s give or take half", slept[2])
	}
}

// TestACallUnderWayKeepsItsAttemptsAlsoIfItNeedsANewToken: it is refused while somebody else's
// request tries whether the host is back, and waits for how that ends.
func TestACallUnderWayKeepsItsAttemptsAlsoIfItNeedsANewToken(t *testing.T) {
	t.Parallel()
	for _, life := range []int{3600, 5} {
		server, probing, probed := newStub(t), make(chan struct{}), make(chan error, 1)
		server.handle(tokenRoute, func(r *request) reply {
			server.tokens++
			return tokenReply(server.tokens, map[bool]int{true: 3600, false: life}[r.grant() == "client_credentials"], true)
		})
		server.on(accountsRoute, reply{status: 503}, reply{body: fixture(t, "accounts_empty.json")})
		answer := make(chan reply)
		server.handle("GET /api/v2/banks/1", func(*request) reply {
			close(probing)
			return <-answer
		})
		server.on("GET /api/v2/banks/2", fixtureReply(t, "bank.json"))
		client := server.client(finapi.WithCircuit(finapi.Circuit{Failures: 1, Base: time.Second, Max: time.Second}), retrying(4, 1000, 30_000))
		_, err := client.Bank(t.Context(), 2) // so that the client has a token
		must(t, err)
		waits := 0
		server.clock.onSleep = func() {
			switch waits++; waits {
			case 1: // until the pause is over, and somebody else is let through
				server.clock.advance(10 * time.Second)
				go func() {
					_, err := client.Bank(t.Context(), 1)
					probed <- err
				}()
				<-probing
			case 2:
				answer <- fixtureReply(t, "bank.json")
				must(t, <-probed)
			}
		}
		_, err = client.User(userName, finapi.NewSecret(password)).Accounts(t.Context(), finapi.AccountQuery{})
		if err != nil || waits < 2 {
			t.Errorf("with a token of %d s it ended after %d waits with %v", life, waits, err)
		}
		if waits == 1 {
			answer <- reply{}
			<-probed
		}
	}
}

func TestAPauseLongerThanTheLongestWaitEndsTheCallWithItsOwnError(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(accountsRoute, reply{status: 503})
	_, err := server.user(retrying(20, 1, 1000), quick()).Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeHTTP)
	server.wantCalls(accountsRoute, 3)
}

// Whoever works alone and has the default patience never notices the circuit: the same
// answers lead to the same requests and the same result as without it.
func TestAWalkThatWorksAloneDoesTheSameWithACircuitAsWithout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		good := rapid.SliceOfN(rapid.Bool(), 1, 60).Draw(t, "good")
		walk := func(c finapi.Circuit) (string, int) {
			server := newStub(silent{})
			n := 0
			server.handle("GET /api/v2/banks", func(r *request) reply {
				n++
				if !good[(n-1)%len(good)] {
					return reply{status: 503}
				}
				return reply{body: fmt.Sprintf(`{"banks":[],"paging":{"page":%s,"perPage":500,"pageCount":9,"totalCount":0}}`, r.query.Get("page"))}
			})
			_, err := finapi.Collect(server.client(finapi.WithCircuit(c), finapi.WithPageWindow(1)).Banks(context.Background(), finapi.BankQuery{}))
			return withoutRequestID(err), n
		}
		wantErr, want := walk(finapi.Circuit{})
		gotErr, got := walk(finapi.Circuit{Failures: 10, Lasting: 10 * time.Second, Base: time.Second, Max: time.Minute})
		if gotErr != wantErr || got != want {
			t.Fatalf("with a circuit %d requests and %s, without %d and %s", got, gotErr, want, wantErr)
		}
	})
}

// Sixteen pages at once that all fail have their four attempts each in less than the ten
// seconds that make an outage.
func TestAWalkOfManyPagesAtOnceDoesNotOpenTheCircuit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		server.handle("GET /api/v2/banks", func(r *request) reply {
			if r.query.Get("page") != "1" {
				return reply{status: 503}
			}
			return reply{body: `{"banks":[],"paging":{"page":1,"perPage":500,"pageCount":40,"totalCount":0}}`}
		})
		client := server.client(finapi.WithPageWindow(16), finapi.WithClock(finapi.SystemClock()))
		for range 3 {
			_, err := finapi.Collect(client.Banks(t.Context(), finapi.BankQuery{}))
			mustFail(t, err, finapi.CodeHTTP)
		}
		if n := len(server.asked("GET /api/v2/banks")); n < 3*(1+4+15) {
			t.Errorf("only %d requests were sent; 16 pages were not tried at once", n)
		}
	})
}

func withoutRequestID(err error) string {
	text, _, _ := strings.Cut(fmt.Sprint(err), "; request")
	return text
}

// silent is a testing.TB for a stub that is made within rapid.
type silent struct{ testing.TB }

func (silent) Helper()               {}
func (silent) Errorf(string, ...any) {}

// held makes one route wait until it is let go, or its context ends; let is closed to let
// all go.
func held(server *stub, route string, let <-chan struct{}) finapi.Option {
	return finapi.WithTransport(answers(func(r *http.Request) (*http.Response, error) {
		if r.Method+" "+r.URL.EscapedPath() == route {
			select {
			case <-let:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		return server.RoundTrip(r)
	}))
}

func TestOfManyCallsOneIsLetThroughAndIfItIsGivenUpAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		hold := false
		hanging := finapi.WithTransport(answers(func(r *http.Request) (*http.Response, error) {
			if hold {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return server.RoundTrip(r)
		}))
		server.always(accountsRoute, reply{status: 503})
		user := server.user(retrying(1, 1, 1), quick(), hanging)
		accounts := func(ctx context.Context) error {
			_, err := user.Accounts(ctx, finapi.AccountQuery{})
			return err
		}
		for range 3 {
			mustFail(t, accounts(t.Context()), finapi.CodeHTTP)
		}
		server.clock.advance(15 * time.Second)
		hold = true
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- accounts(ctx) }()
		synctest.Wait()
		e := failure(t, accounts(t.Context()), finapi.CodeHostDown)
		same(t, 10*time.Second, e.RetryAfter) // nobody knows when; not before the shortest pause
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that was let through ended with %v", err)
		}
		hold = false
		server.always(accountsRoute, fixtureReply(t, "accounts_empty.json"))
		must(t, accounts(t.Context()))
	})
}

func TestAnAnswerToAnOlderRequestEndsTheOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		let := make(chan struct{})
		server.always("GET /api/v2/users", fixtureReply(t, "user.json"))
		client := server.client(retrying(1, 1, 1), quick(), held(server, "GET /api/v2/users", let))
		user := client.User(userName, finapi.NewSecret(password))
		accounts := ready(server)
		must(t, accounts(t.Context(), user))
		profile := make(chan error)
		go func() {
			_, err := user.Profile(t.Context())
			profile <- err
		}()
		synctest.Wait()
		server.always(accountsRoute, reply{status: 503})
		for _, want := range []finapi.Code{finapi.CodeHTTP, finapi.CodeHTTP, finapi.CodeHTTP, finapi.CodeHostDown} {
			_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
			mustFail(t, err, want)
		}
		close(let)
		must(t, <-profile)
		must(t, ready(server)(t.Context(), user))
	})
}

func TestATransportThatPanicsKeepsNeitherItsTurnNorTheCircuit(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	panics := false
	user := server.user(retrying(1, 1, 1), quick(), finapi.WithMaxInFlight(1), finapi.WithTransport(answers(func(r *http.Request) (*http.Response, error) {
		if panics {
			panic("a bug of the transport's")
		}
		return server.RoundTrip(r)
	})))
	server.always(accountsRoute, reply{status: 503})
	for range 3 {
		_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		mustFail(t, err, finapi.CodeHTTP)
	}
	server.clock.advance(15 * time.Second)
	panics = true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = user.Accounts(t.Context(), finapi.AccountQuery{})
	}()
	panics = false
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeHTTP) // it was let through in the panic's place
}

func TestAnOpenCircuitIsSeenByHooksAndLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var ends []finapi.OperationEnd
	hooks := finapi.Hooks{Start: func(ctx context.Context, _ finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		return ctx, func(e finapi.OperationEnd) { ends = append(ends, e) }
	}}
	server := newStub(t)
	accounts := out(server, finapi.WithHooks(hooks), finapi.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo}))))
	e := failure(t, accounts(), finapi.CodeHostDown)
	last := ends[len(ends)-1]
	same(t, finapi.CodeHostDown, last.Code)
	same(t, 0, last.Status)
	same(t, "", last.RequestID)
	server.clock.advance(e.RetryAfter)
	server.always(accountsRoute, fixtureReply(t, "accounts_empty.json"))
	must(t, accounts())
	same(t, finapi.Code(""), ends[len(ends)-1].Code)

	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	same(t, 2, len(lines))
	for i, words := range [][]string{
		{"level=WARN", `msg="a host of finAPI's fails and is left alone"`, `host="finAPI Access"`, "since=2026-11-20T09:00:00.000Z", "retry_after="},
		{"level=INFO", `msg="a host of finAPI's answers again"`, `host="finAPI Access"`},
	} {
		for _, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("line %d lacks %s: %s", i+1, word, lines[i])
			}
		}
	}
}

// outageBudget is a budget during whose claim finAPI Web Form fails.
type outageBudget struct {
	finapi.MemoryBudget
	fail     func()
	released int
}

func (b *outageBudget) Claim(ctx context.Context, c finapi.ConnectionKey, at time.Time, limit int) (time.Time, error) {
	b.fail()
	return b.MemoryBudget.Claim(ctx, c, at, limit)
}

func (b *outageBudget) Release(ctx context.Context, c finapi.ConnectionKey, at time.Time) error {
	b.released++
	return b.MemoryBudget.Release(ctx, c, at)
}

func TestAnUpdateThatACircuitRefusesIsNotCounted(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	budget := &outageBudget{}
	user := server.user(quick(), retrying(1, 1, 1), finapi.WithBudget(budget))
	budget.fail = func() {
		server.always(taskRoute, reply{status: 503})
		for range 3 {
			_, err := user.Tasks().Get(t.Context(), taskID)
			mustFail(t, err, finapi.CodeHTTP)
		}
	}
	_, err := user.Refresh(t.Context(), theConnection())
	mustFail(t, err, finapi.CodeHostDown)
	server.wantCalls(updateRoute, 0)
	same(t, 1, budget.released)
}
