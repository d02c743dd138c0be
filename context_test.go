package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finapi-go/finapi"
)

// operation is a public method that takes a context.
type operation func(context.Context, *hanging) error

// operations are all of them, by their names.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, part := range []map[string]operation{vendorCalls(), userCalls(), otherCalls(), feedCalls()} {
		maps.Copy(all, part)
	}
	for _, r := range readings() {
		parts := strings.Split(r.name, ".")
		name := strings.Join(parts[max(0, len(parts)-2):], ".") // "User.Rules.List" is Rules.List
		all[name] = func(ctx context.Context, h *hanging) error { return r.call(ctx, h.client, h.user) }
	}
	return all
}

// failed drops the value of a call.
func failed[T any](_ T, err error) error { return err }

func vendorCalls() map[string]operation {
	return map[string]operation{
		"Client.CreateUser": func(ctx context.Context, h *hanging) error { return failed(h.client.CreateUser(ctx, finapi.NewUser{})) },
		"Client.VerifyUser": func(ctx context.Context, h *hanging) error { return h.client.VerifyUser(ctx, userName) },
	}
}

func userCalls() map[string]operation {
	return map[string]operation{
		"User.Delete": func(ctx context.Context, h *hanging) error { return h.user.Delete(ctx) },
		"User.Forget": func(ctx context.Context, h *hanging) error { return h.user.Forget(ctx) },
		"User.Logout": func(ctx context.Context, h *hanging) error { return h.user.Logout(ctx) },
		"User.EditProfile": func(ctx context.Context, h *hanging) error {
			return failed(h.user.EditProfile(ctx, finapi.ProfileChange{Phone: ptr("")}))
		},
		"User.StartConsent": func(ctx context.Context, h *hanging) error {
			return failed(h.user.StartConsent(ctx, finapi.ConsentRequest{}))
		},
		"User.WaitConsent":     func(ctx context.Context, h *hanging) error { return failed(h.user.WaitConsent(ctx, formID)) },
		"User.ConsentCalendar": func(ctx context.Context, h *hanging) error { return failed(h.user.ConsentCalendar(ctx, 30)) },
		"User.Refresh":         func(ctx context.Context, h *hanging) error { return failed(h.user.Refresh(ctx, theConnection())) },
		"User.RenewConsent": func(ctx context.Context, h *hanging) error {
			return failed(h.user.RenewConsent(ctx, finapi.RenewRequest{Connection: 3540249}))
		},
		"User.WaitReady":        func(ctx context.Context, h *hanging) error { return failed(h.user.WaitReady(ctx, 3540249)) },
		"User.RenameConnection": func(ctx context.Context, h *hanging) error { return failed(h.user.RenameConnection(ctx, 3540249, "x")) },
		"User.DeleteConnection": func(ctx context.Context, h *hanging) error { return h.user.DeleteConnection(ctx, 3540249, nil) },
		"User.DeleteConsent": func(ctx context.Context, h *hanging) error {
			return failed(h.user.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: 3540249, Interface: finapi.XS2A}))
		},
		"User.Disconnect": func(ctx context.Context, h *hanging) error {
			return failed(h.user.Disconnect(ctx, finapi.Disconnection{Connection: 3540249}))
		},
		"User.EditAccount": func(ctx context.Context, h *hanging) error {
			return failed(h.user.EditAccount(ctx, 3587742, finapi.AccountChange{New: ptr(true)}))
		},
		"User.KeepAccounts": func(ctx context.Context, h *hanging) error {
			return failed(h.user.KeepAccounts(ctx, 3540249, []finapi.AccountID{3587742}, nil))
		},
		"User.DeleteAccount": func(ctx context.Context, h *hanging) error { return h.user.DeleteAccount(ctx, 3587742, nil) },
		"User.MarkTransactions": func(ctx context.Context, h *hanging) error {
			return failed(h.user.MarkTransactions(ctx, false, 1860779451))
		},
		"User.ConfirmTransaction": func(ctx context.Context, h *hanging) error { return failed(h.user.ConfirmTransaction(ctx, 1860779451)) },
		"User.DeleteTransaction":  func(ctx context.Context, h *hanging) error { return h.user.DeleteTransaction(ctx, 1860779451) },
		"User.MockBatchUpdate": func(ctx context.Context, h *hanging) error {
			return h.user.MockBatchUpdate(ctx, false, finapi.MockUpdate{Connection: 3540249, Interface: finapi.FinTS})
		},
	}
}

func otherCalls() map[string]operation {
	return map[string]operation{
		"Forms.Cancel": func(ctx context.Context, h *hanging) error { return failed(h.user.Forms().Cancel(ctx, formID)) },
		"Forms.Delete": func(ctx context.Context, h *hanging) error { return h.user.Forms().Delete(ctx, formID) },
		"Rules.Create": func(ctx context.Context, h *hanging) error {
			return failed(h.user.Rules().Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions}))
		},
		"Rules.Delete": func(ctx context.Context, h *hanging) error { return h.user.Rules().Delete(ctx, 5511) },
		"ReturnHandler.StartConsent": func(ctx context.Context, h *hanging) error {
			return failed(h.returns.StartConsent(ctx, h.user, finapi.ConsentRequest{}))
		},
		"ReturnHandler.RenewConsent": func(ctx context.Context, h *hanging) error {
			return failed(h.returns.RenewConsent(ctx, h.user, finapi.RenewRequest{Connection: 3540249}))
		},
		"ReturnHandler.Refresh": func(ctx context.Context, h *hanging) error {
			return failed(h.returns.Refresh(ctx, h.user, theConnection()))
		},
		"NotificationHandler.CreateRule": func(ctx context.Context, h *hanging) error {
			return failed(h.notifications.CreateRule(ctx, h.user, finapi.Rule{Event: finapi.EventNewTransactions}))
		},
	}
}

// feedCalls begin with the ERP's store.
func feedCalls() map[string]operation {
	apply := func(context.Context, finapi.Batch) error { return nil }
	return map[string]operation{
		"Feed.Sync":    func(ctx context.Context, h *hanging) error { return failed(finapi.Collect(h.feed.Sync(ctx))) },
		"Feed.Deliver": func(ctx context.Context, h *hanging) error { return h.feed.Deliver(ctx, apply) },
		"Feed.Plan":    func(ctx context.Context, h *hanging) error { return failed(h.feed.Plan(ctx)) },
		"Feed.Status":  func(ctx context.Context, h *hanging) error { return failed(h.feed.Status(ctx)) },
		"Feed.Reviews": func(ctx context.Context, h *hanging) error { return failed(h.feed.Reviews(ctx)) },
		"Feed.Confirm": func(ctx context.Context, h *hanging) error { return h.feed.Confirm(ctx, "uid", "somebody", apply) },
		"Feed.Discard": func(ctx context.Context, h *hanging) error { return h.feed.Discard(ctx, "uid", "somebody", apply) },
		"Feed.Decide": func(ctx context.Context, h *hanging) error {
			return h.feed.Decide(ctx, "uid", finapi.Confirmed, "somebody", apply)
		},
		"User.Bind": func(ctx context.Context, h *hanging) error {
			return failed(h.user.Bind(ctx, h.store, []finapi.LedgerID{"1200"}, []finapi.Account{{ID: 3587742}}))
		},
	}
}

// storeOnly need nothing else than the store.
var storeOnly = []string{"Feed.Status", "Feed.Reviews", "Feed.Confirm", "Feed.Discard", "Feed.Decide"}

func TestNoMethodThatTakesAContextIsForgotten(t *testing.T) {
	t.Parallel()
	var want []string
	for _, value := range []any{
		new(finapi.Client), new(finapi.User),
		finapi.Forms{},
		finapi.Tasks{},
		finapi.Rules{},
		new(finapi.Feed),
		new(finapi.ReturnHandler), new(finapi.NotificationHandler),
	} {
		kind := reflect.TypeOf(value)
		for i := range kind.NumMethod() {
			method := kind.Method(i)
			if method.Type.NumIn() > 1 && method.Type.In(1) == reflect.TypeFor[context.Context]() {
				want = append(want, reflect.Indirect(reflect.ValueOf(value)).Type().Name()+"."+method.Name)
			}
		}
	}
	slices.Sort(want)
	same(t, want, slices.Sorted(maps.Keys(operations())))
}

// hanging is a client at a finAPI that never gets done.
type hanging struct {
	client        *finapi.Client
	user          *finapi.User
	store         finapi.Store
	feed          *finapi.Feed
	returns       *finapi.ReturnHandler
	notifications *finapi.NotificationHandler
}

func newHanging(t *testing.T, store finapi.Store, options ...finapi.Option) *hanging {
	t.Helper()
	client, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), options...)
	must(t, err)
	h := &hanging{client: client, user: client.User(userName, finapi.NewSecret(password)), store: store}
	h.feed = h.user.Feed(3587742, "1200", store)
	keys := []finapi.Secret{finapi.NewSecret(strings.Repeat("k", 32))}
	h.returns, err = client.NewReturnHandler(finapi.ReturnConfig{
		URL: "https://erp.example/back", Keys: keys,
		SignedIn: func(*http.Request) (*finapi.User, error) { return h.user, nil },
		Returned: func(http.ResponseWriter, *http.Request, finapi.Return) {},
	})
	must(t, err)
	h.notifications, err = client.NewNotificationHandler(finapi.NotificationConfig{
		Keys: keys, Notified: func(context.Context, finapi.Notification) error { return nil },
	})
	must(t, err)
	return h
}

// place is where a call can wait.
type place struct {
	name    string
	answer  http.HandlerFunc // of finAPI
	options []finapi.Option
	// before is another call that is under way; nil for none.
	before operation
	// store is the ERP's; nil for one in memory.
	store finapi.Store
	// comes reports whether an operation comes to this place.
	comes func(name string) bool
	// once: what must not be sent twice fails instead of waiting.
	once bool
	// waits is how many operations wait here.
	waits int
}

const tokenAnswer = `{"access_token":"token","token_type":"bearer","expires_in":3600,"refresh_token":"refresh"}`

// afterToken gives tokens, and all else to a function.
func afterToken(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/oauth/token" {
			_, _ = io.WriteString(w, tokenAnswer)
			return
		}
		then(w, r)
	}
}

// never answers nothing before the client has gone.
func never(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that the server watches the connection
	<-r.Context().Done()
}

// dripping sends the head of an answer, and then one byte a second.
func dripping(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		_ = finapi.SystemClock().Sleep(r.Context(), time.Second)
	}
}

func inTrouble(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// hangingStore is a database that does not answer.
type hangingStore struct{ finapi.MemoryStore }

func (*hangingStore) Mark(ctx context.Context, _ finapi.LedgerKey) (finapi.Mark, error) {
	<-ctx.Done()
	return finapi.Mark{}, ctx.Err()
}

func (*hangingStore) Rows(ctx context.Context, _ finapi.LedgerKey, _ finapi.RowQuery) ([]finapi.Row, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// accounts is a call that fetches the user's token, and then hangs.
func accounts(ctx context.Context, h *hanging) error {
	_, err := h.user.Accounts(ctx, finapi.AccountQuery{})
	return err
}

func places() []place {
	sends := func(name string) bool { return !slices.Contains(storeOnly, name) }
	logsIn := func(name string) bool { return sends(name) && name != "User.Logout" } // of one who has not logged in
	stores := func(name string) bool { return strings.HasPrefix(name, "Feed.") || name == "User.Bind" }
	return []place{
		{name: "the token", answer: never, comes: logsIn, waits: 55},
		{name: "the token that another call fetches", answer: never, before: accounts, comes: logsIn, waits: 55},
		{name: "the head of the answer", answer: afterToken(never), before: accounts, comes: sends, waits: 56},
		{name: "the body of the answer", answer: afterToken(dripping), before: accounts, comes: sends, waits: 56},
		{name: "the next attempt", answer: afterToken(inTrouble), before: accounts, comes: sends, once: true, waits: 41},
		{
			name: "its turn", answer: afterToken(never), before: accounts,
			options: []finapi.Option{finapi.WithMaxInFlight(1)}, comes: sends, waits: 56,
		},
		{
			name: "the rate limit", answer: afterToken(never), before: accounts,
			options: []finapi.Option{finapi.WithRateLimit(2, time.Hour)}, comes: sends, waits: 56,
		},
		{name: "the ERP's store", answer: never, store: &hangingStore{}, comes: stores, waits: 9},
	}
}

func TestEveryOperationLeavesWithItsContextWhereverItWaits(t *testing.T) {
	t.Parallel()
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			waited := 0
			for name, op := range operations() {
				if !p.comes(name) {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					if leaves(t, &p, name, op) {
						waited++
					}
				})
			}
			same(t, p.waits, waited)
		})
	}
}

// leaves lets an operation wait and then ends its context. It reports false if the
// operation fails instead of waiting. No time passes while synctest waits until nobody can go on, so who
// has returned then has returned at once.
func leaves(t *testing.T, p *place, name string, op operation) bool {
	t.Helper()
	store := p.store
	if store == nil {
		store = new(finapi.MemoryStore)
	}
	server := newPipeServer(t, p.answer)
	h := newHanging(t, store, append([]finapi.Option{finapi.WithTransport(server.transport)}, p.options...)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if p.before != nil {
		go func() { _ = p.before(t.Context(), h) }()
		synctest.Wait()
	}
	done := make(chan error, 1)
	go func() { done <- op(ctx, h) }()
	synctest.Wait()
	select {
	case err := <-done:
		if !p.once || !finapi.IsError(err, finapi.CodeHTTP) {
			t.Errorf("%s does not wait for %s, but returned %v", name, p.name, err)
		}
		return false
	default:
	}
	cancel()
	synctest.Wait()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s left %s with %v, want the context's error", name, p.name, err)
		}
	default:
		t.Errorf("%s still waits for %s although its context has ended", name, p.name)
	}
	return true
}

// pipeServer is a real server and a real transport that are joined by pipes in memory, so
// that time can be synthetic.
type pipeServer struct {
	transport *http.Transport
	dialed    chan net.Conn
	closed    chan struct{}
}

func newPipeServer(t *testing.T, handler http.HandlerFunc) *pipeServer {
	t.Helper()
	s := &pipeServer{dialed: make(chan net.Conn), closed: make(chan struct{})}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case s.dialed <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.transport = &http.Transport{DialContext: dial, DialTLSContext: dial}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Hour}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(s)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
		s.transport.CloseIdleConnections()
	})
	return s
}

func (s *pipeServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.dialed:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *pipeServer) Close() error {
	close(s.closed)
	return nil
}

func (*pipeServer) Addr() net.Addr { return &net.IPAddr{} }

// polling are the operations that look again and again whether finAPI is done.
func polling(t *testing.T, server *stub) map[string]operation {
	t.Helper()
	busy := fixtureReply(t, "bank_connection_in_progress.json")
	return map[string]operation{
		"User.WaitConsent": func(ctx context.Context, h *hanging) error {
			server.always("GET /api/webForms/"+formID, fixtureReply(t, "web_form_in_progress.json"))
			return failed(h.user.WaitConsent(ctx, formID))
		},
		"User.WaitReady": func(ctx context.Context, h *hanging) error {
			server.always(connectionRoute, busy)
			return failed(h.user.WaitReady(ctx, 3540249))
		},
		"User.Refresh, of an update that does not end": func(ctx context.Context, h *hanging) error {
			server.always(updateRoute, reply{status: 201, body: fixture(t, "task_created.json")})
			server.always(taskRoute, fixtureReply(t, "task_in_progress.json"))
			return failed(h.user.Refresh(ctx, theConnection()))
		},
		"User.Refresh, of a connection that stays busy": func(ctx context.Context, h *hanging) error {
			server.always(updateRoute, reply{status: 423, body: fixture(t, "error_423_locked.json")})
			return failed(h.user.Refresh(ctx, theConnection()))
		},
		"User.Disconnect, of a connection that stays busy": func(ctx context.Context, h *hanging) error {
			server.always(deleteConsentRoute, fixtureReply(t, "consent_deleted.json"))
			server.always(dropRoute, reply{status: 423, body: fixture(t, "error_423_locked.json")})
			return failed(h.user.Disconnect(ctx, finapi.Disconnection{Connection: 3540249}))
		},
		"User.Forget, of a user that does not go": func(ctx context.Context, h *hanging) error {
			server.always("GET /api/v2/users/verificationStatus", fixtureReply(t, "user_verification_status.json"))
			server.always("DELETE /api/v2/users", reply{status: 423, body: fixture(t, "error_423_locked.json")})
			return h.user.Forget(ctx)
		},
	}
}

func TestEveryOperationThatLooksAgainAndAgainLeavesWithItsContext(t *testing.T) {
	t.Parallel()
	for name := range polling(t, newStub(t)) {
		synctest.Test(t, func(t *testing.T) {
			server := restingStub(t)
			server.always(connectionRoute, fixtureReply(t, "bank_connection_ready.json"))
			server.always("GET /api/v2/bankConnections", reply{body: `{"connections":[]}`})
			h := newHanging(t, new(finapi.MemoryStore), finapi.WithTransport(server))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- polling(t, server)[name](ctx, h) }()
			time.Sleep(100 * time.Millisecond) // synthetic: until it sleeps before it looks again
			cancel()
			synctest.Wait()
			select {
			case err := <-done:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s left with %v, want the context's error", name, err)
				}
			default:
				t.Errorf("%s still waits although its context has ended", name)
			}
		})
	}
}

// The tests above prove that nothing is waited for. This one measures how long leaving
// takes, with real sockets and the real clock.
func TestLeavingTakesLessThanATenthOfASecond(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	announced := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			then(w, r)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"the token": announced(never), "the head of the answer": afterToken(announced(never)),
		"the body of the answer": afterToken(announced(dripping)), "the next attempt": afterToken(announced(inTrouble)),
	} {
		server := httptest.NewServer(answer)
		h := newHanging(t, new(finapi.MemoryStore), finapi.WithBaseURLs(server.URL, server.URL), retrying(20, 600_000, 600_000))
		var took []time.Duration
		for range 11 {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- failed(finapi.Collect(h.user.Transactions(ctx, finapi.TransactionQuery{}))) }()
			<-arrived
			began := time.Now()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: got %v", name, err)
			}
			took = append(took, time.Since(began))
		}
		server.Close()
		slices.Sort(took)
		t.Logf("%s: %v at the median of %d, %v at the most", name, took[len(took)/2], len(took), took[len(took)-1])
		if median := took[len(took)/2]; median > 100*time.Millisecond {
			t.Errorf("%s is left after %v at the median, want 100 ms at the most: %v", name, median, fmt.Sprint(took))
		}
	}
}
