package finapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// tenants is how many customers share one client.
const tenants = 1000

// tenant is one of the customers.
type tenant struct {
	id      finapi.UserID
	user    *finapi.User // with the right password
	wrong   *finapi.User // with another one; nil for most
	account finapi.AccountID
	form    finapi.ConsentID
	deleted atomic.Bool
	reads   atomic.Int64 // that have brought something
}

func (n *tenant) purpose() string { return "Geheim " + string(n.id) }

// house is a client with many customers. Its transport notes who calls, and which token
// finAPI has given to whom; at the server, each request is held against that.
type house struct {
	t       *testing.T
	sim     *finapitest.Server
	client  *finapi.Client
	tenants []*tenant

	mu     sync.Mutex
	owners map[string]string // of tokens
	rng    *rand.Rand
	faults map[string]int // that were made, by kind
	bad    bool           // make them
}

type callerKey struct{}

const callerHeader = "X-Test-Caller"

func (n *tenant) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, string(n.id))
}

func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	if caller, ok := r.Context().Value(callerKey{}).(string); ok {
		r = r.Clone(r.Context())
		r.Header.Set(callerHeader, caller)
	}
	if !strings.HasSuffix(r.URL.Path, "/oauth/token") {
		return http.DefaultTransport.RoundTrip(r)
	}
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	h.given(form, string(body))
	return resp, err
}

func formOf(r *http.Request) (url.Values, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(data))
}

// given notes to whom a token belongs, and that nobody else gets it.
func (h *house) given(form url.Values, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	owner := "the client"
	switch form.Get("grant_type") {
	case "password":
		owner = form.Get("username")
	case "refresh_token":
		owner = h.owners[form.Get("refresh_token")]
	}
	for _, field := range []string{"access_token", "refresh_token"} {
		_, rest, found := strings.Cut(answer, `"`+field+`":"`)
		token, _, _ := strings.Cut(rest, `"`)
		if !found || token == "" {
			continue
		}
		if before, known := h.owners[token]; known && before != owner {
			h.t.Errorf("a token of %s was given to %s", before, owner)
		}
		h.owners[token] = owner
	}
}

// gate is in front of the simulator: it checks whose token a request has, and fails some.
func (h *house) gate(w http.ResponseWriter, r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	caller := r.Header.Get(callerHeader)
	h.mu.Lock()
	defer h.mu.Unlock()
	if owner := h.owners[token]; token != "" && owner != "the client" && owner != caller {
		h.t.Errorf("%s %s of %s came with a token of %q", r.Method, r.URL.Path, caller, owner)
	}
	if !h.bad {
		return false
	}
	isToken := strings.HasSuffix(r.URL.Path, "/oauth/token")
	switch n := h.rng.IntN(100); {
	case n < 6 && !isToken:
		h.fail(w, "401", http.StatusUnauthorized, `{"error":"invalid_token","error_description":"Invalid access token: `+token+`"}`)
	case n < 9:
		h.fail(w, "500", http.StatusInternalServerError, `{"errors":[]}`)
	case n < 12:
		w.Header().Set("Retry-After", "1")
		h.fail(w, "503", http.StatusServiceUnavailable, "<html>")
	case n == 12 && h.rng.IntN(5) == 0:
		h.faults["all tokens die"]++
		h.sim.ExpireTokens()
		return false
	default:
		return false
	}
	return true
}

func (h *house) fail(w http.ResponseWriter, kind string, status int, body string) {
	h.faults[kind]++
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// newHouse makes customers who have connected the same bank, each with a booking of its own.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, sim: finapitest.New(t, empty(), finapitest.WithTokenLife(10*time.Minute)), tenants: make([]*tenant, tenants),
		owners: map[string]string{}, rng: rand.New(rand.NewPCG(8, 15)), faults: map[string]int{},
	}
	var err error
	h.client, err = capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: h.sim.ClientID(), Secret: finapi.NewSecret(h.sim.ClientSecret())},
		finapi.WithBaseURLs(h.sim.AccessURL(), h.sim.WebFormURL()), finapi.WithClock(h.sim.Clock()), finapi.WithTransport(h),
		finapi.WithRetry(finapi.Retry{Attempts: 3, Base: time.Millisecond, Max: time.Millisecond}))
	must(t, err)
	h.sim.Intercept(h.gate)
	h.each(func(i int) error {
		// Ids that are parts of each other, and passwords that are equal, must not be mixed up.
		n := &tenant{id: finapi.UserID(fmt.Sprintf("t%d", i))}
		h.tenants[i] = n
		ctx := n.context(t.Context())
		var err error
		if n.user, err = h.client.CreateUser(ctx, finapi.NewUser{ID: n.id, Password: finapi.NewSecret(password)}); err != nil {
			return err
		}
		consent, err := n.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID, Again: true})
		if err != nil {
			return err
		}
		n.form = consent.ID
		if i%10 == 0 {
			n.wrong = h.client.User(n.id, finapi.NewSecret("another "+password))
		}
		return h.sim.Approve(consent.URL)
	})
	h.sim.Clock().Advance(time.Minute)
	h.each(func(i int) error {
		n := h.tenants[i]
		accounts, err := n.user.Accounts(n.context(t.Context()), finapi.AccountQuery{})
		if err != nil || len(accounts) != 3 {
			return fmt.Errorf("%d accounts of %s: %w", len(accounts), n.id, err)
		}
		n.account = accounts[0].ID
		h.sim.InsertTransaction(int64(n.account), finapitest.Transaction{Booking: finapitest.Booking{Amount: number("1"), Purpose: n.purpose()}})
		return nil
	})
	return h
}

// each does something for every tenant, many at a time.
func (h *house) each(do func(i int) error) {
	h.t.Helper()
	var next atomic.Int64
	for _, err := range together(24, func() error {
		for i := int(next.Add(1)) - 1; i < tenants; i = int(next.Add(1)) - 1 {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}) {
		must(h.t, err)
	}
}

// TestAThousandCustomersOnOneClientSeeOnlyWhatIsTheirs reads for all of them at once, with
// tokens that die, servers that fail, wrong passwords and users that are deleted in between.
func TestAThousandCustomersOnOneClientSeeOnlyWhatIsTheirs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left out by -short: a thousand customers at once take 20 s of processor time; .ci/run has them")
	}
	h := newHouse(t)
	h.storm(true)
	for round := range 2 {
		h.each(func(i int) error {
			n, other := h.tenants[(i*7)%tenants], h.tenants[(i*13+1)%tenants]
			if round == 1 && i%25 == 0 {
				h.delete(n)
			}
			h.look(n, other)
			return nil
		})
	}
	h.storm(false)
	h.each(func(i int) error {
		n := h.tenants[i]
		n.reads.Store(0)
		h.look(n, n)
		return nil
	})
	deleted := 0
	for _, n := range h.tenants {
		switch {
		case n.deleted.Load():
			deleted++
		case n.reads.Load() != 1:
			t.Errorf("after the storm, %s sees %d bookings, want its own", n.id, n.reads.Load())
		}
	}
	if deleted < 20 {
		t.Errorf("only %d users were deleted", deleted)
	}
	for kind, least := range map[string]int{"401": 100, "500": 100, "503": 100, "all tokens die": 3} {
		if h.faults[kind] < least {
			t.Errorf("the fault %q was made %d times only: %v", kind, h.faults[kind], h.faults)
		}
	}
	t.Logf("%d requests, %d tokens, faults %v, %d users deleted", len(h.sim.Requests()), len(h.owners), h.faults, deleted)
}

// storm begins or ends the faults.
func (h *house) storm(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bad = on
}

func (h *house) delete(n *tenant) {
	if n.user.Delete(n.context(h.t.Context())) == nil {
		n.deleted.Store(true)
	}
}

// look reads all that a tenant could see, and tries what is another one's.
func (h *house) look(n, other *tenant) {
	t, ctx := h.t, n.context(h.t.Context())
	gone := n.deleted.Load()
	transactions, err := finapi.Collect(n.user.Transactions(ctx, finapi.TransactionQuery{}))
	for i := range transactions {
		if transactions[i].Purpose != n.purpose() || transactions[i].Account != n.account || gone {
			t.Errorf("%s (deleted: %v) sees a booking of account %d", n.id, gone, transactions[i].Account)
		}
		n.reads.Add(1)
	}
	h.expected(n, err)
	profile, err := n.user.Profile(ctx)
	if err == nil && (profile.ID != n.id || gone) {
		t.Errorf("%s (deleted: %v) sees the profile of %s", n.id, gone, profile.ID)
	}
	h.expected(n, err)
	if n != other {
		account, err := n.user.Account(ctx, other.account)
		if err == nil || account.ID != 0 {
			t.Errorf("%s sees an account of %s", n.id, other.id)
		}
		h.expected(n, err, finapi.CodeUnknownEntity)
		consent, err := n.user.Consent(ctx, other.form)
		if err == nil || consent.ID != "" {
			t.Errorf("%s sees a form of %s", n.id, other.id)
		}
		h.expected(n, err, finapi.CodeNotFound, finapi.CodeUnknownEntity)
	}
	if n.wrong != nil {
		accounts, err := n.wrong.Accounts(ctx, finapi.AccountQuery{})
		if err == nil || len(accounts) > 0 {
			t.Errorf("%s sees %d accounts with a wrong password", n.id, len(accounts))
		}
		h.expected(n, err, finapi.CodeInvalidGrant)
	}
}

// expected knows how a call may fail: as the gate has made it, as the caller says, or because the
// user is deleted.
func (h *house) expected(n *tenant, err error, codes ...finapi.Code) {
	var e *finapi.Error
	switch {
	case err == nil, finapi.IsError(err, codes...) && len(codes) > 0:
	case errors.As(err, &e) && (e.Status >= 500 || e.Status == http.StatusUnauthorized):
	case n.deleted.Load() && finapi.IsError(err):
	default:
		h.t.Errorf("%s: %v", n.id, err)
	}
}
