package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// watcher keeps what hooks were told.
type watcher struct {
	name string

	mu    sync.Mutex
	seen  []watched
	begun int
	lines *[]string // of several watchers, in their order
}

// watched is an operation with the one around it and how it ended.
type watched struct {
	finapi.Operation
	finapi.OperationEnd
	Within finapi.OperationKind
}

type withinKey struct{ of *watcher }

func (w *watcher) hooks() finapi.Hooks {
	return finapi.Hooks{Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.begun++
		w.say("begin")
		within, _ := ctx.Value(withinKey{w}).(finapi.OperationKind)
		return context.WithValue(ctx, withinKey{w}, op.Kind), func(e finapi.OperationEnd) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.say("end")
			w.seen = append(w.seen, watched{op, e, within})
		}
	}}
}

func (w *watcher) say(what string) {
	if w.lines != nil {
		*w.lines = append(*w.lines, w.name+" "+what)
	}
}

// of returns the operations of a kind that have ended.
func (w *watcher) of(kind finapi.OperationKind) []watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []watched
	for _, o := range w.seen {
		if o.Kind == kind {
			out = append(out, o)
		}
	}
	return out
}

// rows shows requests as texts.
func (w *watcher) rows() []string {
	var rows []string
	for _, o := range w.of(finapi.OperationRequest) {
		rows = append(rows, fmt.Sprintf("%s #%d: %d %s", o.Name, o.Attempt, o.Status, o.Code))
	}
	return rows
}

func TestHooksSeeEachAttemptOfARequest(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts/7",
		reply{status: 503}, reply{err: errors.New("the connection broke")}, reply{status: 401},
		reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	w := &watcher{}
	_, err := server.user(finapi.WithHooks(w.hooks())).Account(t.Context(), 7)
	mustFail(t, err, finapi.CodeUnknownEntity)
	const account, token = "GET /api/v2/accounts/{id}", "POST /api/v2/oauth/token"
	same(t, []string{
		token + " #1: 200 ",
		account + " #1: 503 SDK_HTTP_STATUS",
		account + " #2: 0 SDK_NETWORK",
		account + " #3: 401 SDK_HTTP_STATUS",
		token + " #1: 200 ",
		account + " #4: 404 UNKNOWN_ENTITY",
	}, w.rows())
	for _, o := range w.of(finapi.OperationRequest) {
		if o.RequestID == "" || (o.Err == nil) != (o.Status == 200) {
			t.Errorf("%s has the request id %q and the error %v", o.Name, o.RequestID, o.Err)
		}
	}
}

func TestTheDurationIsThatOfTheClientsClock(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle("GET /api/v2/accounts/7", func(*request) reply {
		server.clock.advance(3 * time.Second)
		return reply{body: fixture(t, "account.json")}
	})
	w := &watcher{}
	_, err := server.user(finapi.WithHooks(w.hooks())).Account(t.Context(), 7)
	must(t, err)
	same(t, 3*time.Second, w.of(finapi.OperationRequest)[1].Duration)
}

func TestARequestGoesOnWithTheContextOfTheHooks(t *testing.T) {
	t.Parallel()
	type key struct{}
	server := newStub(t)
	server.on("GET /api/v2/accounts/7", fixtureReply(t, "account.json"))
	outer := finapi.Hooks{Start: func(ctx context.Context, _ finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		return context.WithValue(ctx, key{}, "span"), nil // does not want to know the end
	}}
	idle := finapi.Hooks{Start: func(ctx context.Context, _ finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		same(t, "span", ctx.Value(key{})) // the hooks see the contexts of those before them
		return nil, nil
	}}
	user := server.user(finapi.WithHooks(outer), finapi.WithHooks(finapi.Hooks{}), finapi.WithHooks(idle))
	_, err := user.Account(t.Context(), 7)
	must(t, err)
	same(t, "span", server.asked("GET /api/v2/accounts/7")[0].ctx.Value(key{}))
}

func TestSeveralHooksAreStartedInTheirOrderAndEndedInTheOther(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always(tokenRoute, reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")})
	var lines []string
	a, b := &watcher{name: "a", lines: &lines}, &watcher{name: "b", lines: &lines}
	_, err := server.user(finapi.WithHooks(a.hooks()), finapi.WithHooks(b.hooks())).Account(t.Context(), 7)
	mustFail(t, err, finapi.CodeInvalidGrant)
	same(t, []string{"a begin", "b begin", "b end", "a end"}, lines)
}

func TestTheCodeOfAnEndIsFitForALabel(t *testing.T) {
	t.Parallel()
	for want, r := range map[finapi.Code]reply{
		"OTHER":                  {status: 422, body: fixture(t, "error_unknown_code.json")},
		finapi.CodeUnreadable:    {body: "{"},
		finapi.CodeHTTP:          {status: 418},
		finapi.CodeUnknownEntity: {status: 404, body: fixture(t, "error_404_unknown_entity.json")},
	} {
		server := newStub(t)
		server.on("GET /api/v2/accounts/7", r)
		w := &watcher{}
		_, err := server.user(finapi.WithHooks(w.hooks())).Account(t.Context(), 7)
		end := w.of(finapi.OperationRequest)[1]
		same(t, want, end.Code)
		if !errors.Is(err, end.Err) {
			t.Errorf("the hooks got %v, the caller %v", end.Err, err)
		}
	}
}

func TestACallThatIsCancelledEndsWithoutACode(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := newStub(t)
	server.handle("GET /api/v2/accounts/7", func(*request) reply {
		cancel()
		return reply{err: ctx.Err()}
	})
	w := &watcher{}
	_, _ = server.user(finapi.WithHooks(w.hooks())).Account(ctx, 7)
	end := w.of(finapi.OperationRequest)[1]
	if end.Code != "" || !errors.Is(end.Err, context.Canceled) {
		t.Errorf("got the code %q and the error %v", end.Code, end.Err)
	}
}

// watchedBench is a bench whose client is watched.
func watchedBench(t *testing.T) (*bench, *watcher) {
	t.Helper()
	b, w := newBench(t, empty()), &watcher{}
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithClock(b.sim.Clock()), finapi.WithHooks(w.hooks()))
	must(t, err)
	b.client, b.user = client, client.User(userName, finapi.NewSecret(password))
	return b, w
}

func TestARefreshIsWatchedWithTheRequestsItMakes(t *testing.T) {
	t.Parallel()
	b, w := watchedBench(t)
	_, err := b.user.Refresh(t.Context(), finapi.RefreshRequest{Connection: b.connection})
	must(t, err)
	b.sim.ExpireConsent(int64(b.connection))
	_, err = b.user.Refresh(t.Context(), finapi.RefreshRequest{Connection: b.connection, Customer: theDevice()})
	if err == nil {
		t.Fatal("a refresh after the consent ran out must fail")
	}
	_, err = b.user.Refresh(t.Context(), finapi.RefreshRequest{})
	mustRefuse(t, err, "RefreshRequest.Connection") // is not watched: nothing began

	refreshes := w.of(finapi.OperationRefresh)
	same(t, []watched{
		{Operation: finapi.Operation{Kind: "refresh", Name: "refresh", Attempt: 1}},
		{
			Operation:    finapi.Operation{Kind: "refresh", Name: "refresh", Attempt: 1, Attended: true},
			OperationEnd: finapi.OperationEnd{Code: finapi.CodeWebFormRequired},
		},
	}, bare(refreshes))
	if waited := refreshes[0].Duration; waited < 4*time.Second {
		t.Errorf("the refresh took %v, want the 4 s of the update at least", waited)
	}
	for _, o := range w.of(finapi.OperationRequest) {
		if o.Within != finapi.OperationRefresh {
			t.Errorf("%s is not within the refresh", o.Name)
		}
	}
}

// bare leaves out what tests with a simulator cannot foresee.
func bare(seen []watched) []watched {
	out := make([]watched, len(seen))
	for i, o := range seen {
		o.Err, o.Duration, o.Within = nil, 0, ""
		out[i] = o
	}
	return out
}

func TestASyncIsWatchedWithItsCounts(t *testing.T) {
	t.Parallel()
	b, w := watchedBench(t)
	b.book("-1")
	b.book("-2")
	feed := b.user.Feed(b.accounts[0].ID, "bank", &finapi.MemoryStore{})
	for _, err := range feed.Sync(t.Context()) {
		must(t, err)
	}
	b.sim.SetAccountStatus(int64(b.accounts[0].ID), "DOWNLOAD_FAILED")
	must(t, ignore(feed.Deliver(t.Context(), func(ctx context.Context, batch finapi.Batch) error {
		if ctx.Value(withinKey{w}) != finapi.OperationSync {
			t.Error("the ERP's code does not get the context of the hooks")
		}
		return feed.Store().Commit(ctx, feed.Ledger(), batch.Change)
	}), finapi.CodeStaleData))

	syncs := w.of(finapi.OperationSync)
	same(t, 2, len(syncs))
	same(t, &finapi.Synced{Pass: finapi.PassSweep, Complete: true, Booked: 2}, syncs[0].Synced)
	same(t, finapi.Code(""), syncs[0].Code)
	same(t, false, syncs[1].Synced.Complete)
	same(t, finapi.CodeStaleData, syncs[1].Code)
	for _, o := range w.of(finapi.OperationRequest) {
		if o.Within != finapi.OperationSync {
			t.Errorf("%s is not within the sync", o.Name)
		}
	}
}

// ignore returns an error unless it has the code.
func ignore(err error, code finapi.Code) error {
	if finapi.IsError(err, code) {
		return nil
	}
	return err
}

func TestASyncThatDoesNotComeToItsEndHasNoCounts(t *testing.T) {
	t.Parallel()
	b, w := watchedBench(t)
	b.book("-1")
	feed := b.user.Feed(b.accounts[0].ID, "bank", &finapi.MemoryStore{})
	for range feed.Sync(t.Context()) {
		break // the caller leaves
	}
	broken := errors.New("the ledger is closed")
	err := feed.Deliver(t.Context(), func(context.Context, finapi.Batch) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the ERP's error", err)
	}
	func() { // the loop's body ends in a panic, which is not lost on the way
		defer func() { _ = recover() }()
		for range feed.Sync(t.Context()) {
			panic("a bug of the ERP")
		}
	}()
	syncs := w.of(finapi.OperationSync)
	same(t, 3, len(syncs))
	for i, want := range []error{nil, broken, nil} {
		if o := syncs[i]; !errors.Is(o.Err, want) || o.Code != "" || o.Synced != nil {
			t.Errorf("sync %d ended with %v, code %q and counts %v", i, o.Err, o.Code, o.Synced)
		}
	}
	same(t, w.begun, len(w.seen))
}

func TestLeavingTheLoopAtTheLastEventIsACompleteSync(t *testing.T) {
	t.Parallel()
	b, w := watchedBench(t)
	for event, err := range b.user.Feed(b.accounts[0].ID, "bank", &finapi.MemoryStore{}).Sync(t.Context()) {
		must(t, err)
		if _, ok := event.(finapi.Synced); ok {
			break
		}
	}
	end := w.of(finapi.OperationSync)[0]
	same(t, &finapi.Synced{Pass: finapi.PassSweep, Complete: true}, end.Synced)
	must(t, end.Err)
}

func TestHooksGetNothingPersonal(t *testing.T) {
	t.Parallel()
	b, w := watchedBench(t)
	b.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: number("-9.5"), Purpose: "Geheim", CounterpartName: "Erika Musterfrau"})
	ctx := t.Context()
	_, err := b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection, Customer: theDevice()})
	must(t, err)
	for _, err := range b.user.Feed(b.accounts[0].ID, "ledger-of-erika", &finapi.MemoryStore{}).Sync(ctx) {
		must(t, err)
	}
	_, err = b.user.Account(ctx, 4711471147114711)
	mustFail(t, err, finapi.CodeUnknownEntity)
	secrets := []string{
		string(userName), password, "4711471147114711", fmt.Sprint(b.connection), fmt.Sprint(b.accounts[0].ID),
		b.accounts[0].IBAN, "Geheim", "Erika", "erika", theDevice().IP,
	}
	for _, o := range w.seen {
		text := fmt.Sprintf("%+v %v", o.Operation, o.OperationEnd)
		if o.Synced != nil {
			text += fmt.Sprintf("%+v", *o.Synced)
		}
		text = strings.ReplaceAll(text, o.RequestID, "")
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("hooks were told %q: %s", secret, text)
			}
		}
	}
}

func TestAClientThatIsWatchedDoesTheSame(t *testing.T) {
	t.Parallel()
	b, _ := watchedBench(t)
	b.book("-1")
	plain, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithClock(b.sim.Clock()))
	must(t, err)
	watched := b.rows(finapi.TransactionQuery{})
	b.user = plain.User(userName, finapi.NewSecret(password))
	same(t, b.rows(finapi.TransactionQuery{}), watched)
}
