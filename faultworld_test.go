package finapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/watch"
)

// faultWorld is a customer at a simulated finAPI, and a client that is watched while
// faults happen.
type faultWorld struct {
	t          *testing.T
	sim        *finapitest.Server
	wire       *watchedWire
	log        *syncBuffer
	user       *finapi.User // whom no fault happens to
	client     *finapi.Client
	connection finapi.ConnectionID
	account    finapi.Account
	// row, form, task, rule and newcomer are what an operation may work on.
	row      finapi.TransactionID
	form     finapi.ConsentID
	task     finapi.TaskID
	rule     finapi.RuleID
	newcomer finapi.UserID
	store    *finapi.MemoryStore
	ledger   map[finapi.UID]int // how often each booking came
}

func newFaultWorld(t *testing.T) *faultWorld {
	t.Helper()
	w := &faultWorld{t: t, log: &syncBuffer{}, sim: finapitest.New(t, empty(),
		finapitest.WithIDOffset(73_000_000), // ids that nothing else looks like
		finapitest.WithUnattendedUpdates(1e6),
	)}
	w.wire = newWatchedWire(w.sim)
	t.Cleanup(w.wire.close)
	w.client = w.newClient(w.sim.Clock())
	w.newCustomer()
	return w
}

// newClient is a program that has just started.
func (w *faultWorld) newClient(clock finapi.Clock) *finapi.Client {
	w.t.Helper()
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: w.sim.ClientID(), Secret: finapi.NewSecret(w.sim.ClientSecret())},
		finapi.WithBaseURLs(w.sim.AccessURL(), w.sim.WebFormURL()), finapi.WithClock(clock),
		finapi.WithTransport(w.sim.Transport(w.wire)),
		finapi.WithLogger(slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: timeless}))),
	)
	must(w.t, err)
	return client
}

// timeless keeps digits out of the log that could be taken for an id.
func timeless(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// newCustomer creates a user who connects amnis and has some rows, one of them flagged.
func (w *faultWorld) newCustomer() {
	w.t.Helper()
	var err error
	w.user, err = w.client.CreateUser(w.ctx(), finapi.NewUser{Password: finapi.NewSecret(password)})
	must(w.t, err)
	w.connect()
	w.sim.BankAccounts("amnis")[0].AddPending(finapitest.Booking{Amount: number("-1"), Purpose: "HOTEL RESERVIERUNG"})
	_, err = w.user.Refresh(w.ctx(), finapi.RefreshRequest{Connection: w.connection, Customer: theDevice()})
	must(w.t, err)
	for range 5 {
		w.row = w.book()
	}
}

func (w *faultWorld) connect() {
	w.t.Helper()
	consent, err := w.user.StartConsent(w.ctx(), finapi.ConsentRequest{Bank: finapitest.AmnisID, Again: true})
	must(w.t, err)
	must(w.t, w.sim.Approve(consent.URL))
	consent, err = w.user.WaitConsent(w.ctx(), consent.ID)
	must(w.t, err)
	w.connection = consent.Connection
	accounts, err := w.user.Accounts(w.ctx(), finapi.AccountQuery{Connection: w.connection})
	must(w.t, err)
	w.account = accounts[0]
}

func (w *faultWorld) book() finapi.TransactionID {
	return finapi.TransactionID(w.sim.InsertTransaction(int64(w.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-9.90"), Purpose: "GEHEIMER ZWECK", CounterpartName: "Erika Beispiel"}, IsNew: true,
	}))
}

func (w *faultWorld) ctx() context.Context { return w.t.Context() }

// personal are texts that no error and no log may hold.
func (w *faultWorld) personal() []string {
	return append(w.wire.tokens(),
		string(w.user.ID()), password, w.sim.ClientSecret(), w.account.IBAN, w.account.Holder, "GEHEIMER", "Erika",
		"730000", // any id
		"4711", "Stand-in", "view=",
	)
}

// watchedWire is a transport that counts its connections, keeps the tokens that went
// over it, and lets nothing through to another host than the simulator's.
type watchedWire struct {
	sim       *finapitest.Server
	transport *watch.Transport
	strangers atomic.Int64
	// hurry is how long to wait for the answers to some requests; nil for as long as it takes.
	hurry atomic.Pointer[hurry]

	mu   sync.Mutex
	seen map[string]bool
}

// hurry begins when the fault has happened to the request, however slow the machine is.
type hurry struct {
	patience time.Duration
	concerns func(*http.Request) bool
	hits     func() int
}

// after gives a request up when the patience is over.
func (h *hurry) after(ctx context.Context, before int, giveUp context.CancelFunc) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for h.hits() == before {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
	timer := time.NewTimer(h.patience)
	defer timer.Stop()
	select {
	case <-timer.C:
		giveUp()
	case <-ctx.Done():
	}
}

func newWatchedWire(sim *finapitest.Server) *watchedWire {
	return &watchedWire{sim: sim, transport: watch.NewTransport(), seen: map[string]bool{}}
}

func (w *watchedWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if at := "http://" + r.URL.Host; at != w.sim.AccessURL() && at != w.sim.WebFormURL() {
		w.strangers.Add(1)
		return nil, errors.New("another host")
	}
	if token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); given {
		w.mu.Lock()
		w.seen[token] = true
		w.mu.Unlock()
	}
	rush := w.hurry.Load()
	if rush == nil || !rush.concerns(r) {
		return w.transport.RoundTrip(r)
	}
	ctx, cancel := context.WithCancel(r.Context())
	go rush.after(ctx, rush.hits(), cancel)
	resp, err := w.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, context.DeadlineExceeded
	}
	resp.Body = &hurriedBody{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// hurriedBody ends its patience when it is closed.
type hurriedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *hurriedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, context.Canceled) {
		err = context.DeadlineExceeded
	}
	return n, err
}

func (b *hurriedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func (w *watchedWire) tokens() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for token := range w.seen {
		all = append(all, token)
	}
	return all
}

func (w *watchedWire) close() { w.transport.CloseIdleConnections() }

// allClosed reports whether no connection is left once the idle ones are closed.
func (w *watchedWire) allClosed() bool { return w.transport.AllClosed(10 * time.Second) }
