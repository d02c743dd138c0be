package finapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/internal/watch"
)

const matrixFile = "docs/reliability-matrix.md"

// TestEveryOperationUnderEveryFault tries every operation under every kind of fault: once
// with a fault that happens once, and if the operation recovers, once more with one that
// stays. Whatever happens, nothing may panic, hang or leak, nothing that must not be sent
// twice may be sent twice, nothing personal may be in an error or in the log, and nothing
// may go to another host. What came of each is written down in docs/reliability-matrix.md;
//
//	go test -run TestEveryOperationUnderEveryFault -update
//
// writes it anew.
func TestEveryOperationUnderEveryFault(t *testing.T) {
	t.Parallel()
	if os.Getenv(capture.Variable) != "" {
		t.Skip("left out while internal/contract records: the matrix sends nothing that other tests do not send")
	}
	m := &faultMatrix{columns: faultColumns(), outcomes: map[string][]string{}}
	rows := make(chan struct{}, 6) // waiting for answers that never come costs no processor
	var running sync.WaitGroup
	for i, o := range faultOperations() {
		if underRaceDetector && i%4 != 0 {
			continue // the calls are alike to it, and all of them would take minutes
		}
		running.Go(func() {
			rows <- struct{}{}
			defer func() { <-rows }()
			t.Run(o.name, func(t *testing.T) { m.try(t, &o) })
		})
	}
	running.Wait()
	if t.Failed() || len(m.outcomes) < len(faultOperations()) { // some were left out, perhaps by -run
		return
	}
	text := m.markdown()
	t.Logf("%d cells\n%s", m.cells, text)
	if flag.Lookup("update").Value.String() == "true" {
		must(t, os.WriteFile(matrixFile, []byte(text), 0o600))
	}
	want, err := os.ReadFile(matrixFile)
	must(t, err)
	same(t, string(want), text)
}

func TestEveryEndpointIsTriedUnderFaults(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, o := range faultOperations() {
		tried[o.endpoint] = true
	}
	for _, endpoint := range finapi.Endpoints() {
		if !tried[endpoint] {
			t.Errorf("no operation of the matrix has its fault at %s", endpoint)
		}
	}
}

// faultColumn is a fault, or a clock that is wrong.
type faultColumn struct {
	name  string
	fault finapitest.Fault
	// until is a Retry-After as a date so much later than the try.
	until time.Duration
	skew  time.Duration
}

func faultColumns() []faultColumn {
	var all []faultColumn
	for _, fault := range finapitest.EveryFault() {
		all = append(all, faultColumn{name: fault.String(), fault: fault})
	}
	for _, kind := range []finapitest.FaultKind{finapitest.FaultUnavailable, finapitest.FaultTooManyRequests} {
		for _, text := range []string{"2", "86400", "99999999999999999999", "-1", "soon", "Fri, 31 Dec 9999 23:59:59 GMT"} {
			fault := finapitest.Fault{Kind: kind, RetryAfter: text}
			all = append(all, faultColumn{name: fault.String(), fault: fault})
		}
		all = append(all, faultColumn{
			name: string(kind) + " with Retry-After in 20 seconds, as a date", fault: finapitest.Fault{Kind: kind}, until: 20 * time.Second,
		})
	}
	return append(all,
		faultColumn{name: "clock an hour ahead", skew: time.Hour},
		faultColumn{name: "clock an hour behind", skew: -time.Hour},
	)
}

// lasts reports whether the fault lasts for as long as the client waits.
func (c *faultColumn) lasts() bool {
	return c.fault.Kind == finapitest.FaultNoAnswer || c.fault.Kind == finapitest.FaultSlowDrip
}

// refuses reports whether the server says that it has not acted.
func refuses(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusLocked, http.StatusTooManyRequests:
		return true
	}
	return false
}

type faultMatrix struct {
	columns []faultColumn

	mu       sync.Mutex
	outcomes map[string][]string // by operation, in the order of the columns
	cells    int
}

// try runs an operation under all faults.
func (m *faultMatrix) try(t *testing.T, o *faultOperation) {
	t.Helper()
	w := newFaultWorld(t)
	outcomes, tried := make([]string, len(m.columns)), 0
	for i := range m.columns {
		c := &m.columns[i]
		switch {
		case c.fault.Kind == finapitest.FaultDeadToken && strings.Contains(o.endpoint, "/oauth/token"):
			outcomes[i] = "no token yet"
			continue
		case c.fault.AfterEffect && strings.HasPrefix(o.endpoint, http.MethodGet):
			outcomes[i] = "no effect"
			continue
		}
		tried++
		outcomes[i] = w.tryFault(o, c, 1)
		if outcomes[i] == recovered && c.skew == 0 {
			if always := w.tryFault(o, c, 0); always != recovered {
				outcomes[i] += ", then " + always
			}
		}
	}
	if n := w.wire.strangers.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
	if !w.wire.allClosed() {
		t.Error("connections were left open")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[o.name] = outcomes
	m.cells += tried
}

const (
	recovered = "ok"
	waits     = "waits"
)

// tryFault runs an operation under one fault that happens so many times, 0 for always.
func (w *faultWorld) tryFault(o *faultOperation, c *faultColumn, times int) (outcome string) {
	w.t.Helper()
	const (
		anyHang  = 2 * time.Minute
		patience = 15 * time.Minute // of the simulated clock
	)
	if o.arrange != nil {
		must(w.t, o.arrange(w))
	}
	ctx, cancel := context.WithTimeout(w.ctx(), anyHang)
	defer cancel()
	clock := &watch.Clock{Clock: w.sim.Clock().Skewed(c.skew), GiveUp: cancel, Limit: w.sim.Clock().Now().Add(c.skew + patience)}
	client := w.newClient(clock)
	user := client.User(w.user.ID(), finapi.NewSecret(password))
	if !o.cold {
		_, err := user.Profile(ctx)
		must(w.t, err)
		_, err = client.Configuration(ctx)
		must(w.t, err)
	}
	hits := w.inject(o, c, times)
	w.sim.ResetRequests()
	err := o.call(ctx, w, client, user)
	if hits() == 0 {
		w.t.Errorf("%s: the fault did not happen", c.name)
	}
	w.checkSent(o, c)
	w.checkTexts(c, err)
	if o.after != nil {
		if failed := o.after(w); failed != nil {
			w.t.Errorf("%s: afterwards: %v", c.name, failed)
		}
	}
	return w.outcome(c, err)
}

// inject lets the fault happen, until the number of its hits is asked for.
func (w *faultWorld) inject(o *faultOperation, c *faultColumn, times int) (hits func() int) {
	if c.skew != 0 {
		return func() int { return 1 }
	}
	fault := c.fault
	fault.Endpoint, fault.Times = o.endpoint, times
	if c.until > 0 {
		fault.RetryAfter = w.sim.Clock().Now().Add(c.until).UTC().Format(http.TimeFormat)
	}
	injection := w.sim.Inject(fault)
	if c.lasts() {
		patience := 20 * time.Millisecond
		if c.fault.AfterEffect {
			patience *= 20 // so that it has its effect
		}
		w.wire.hurry.Store(&hurry{patience: patience, hits: injection.Hits, concerns: func(r *http.Request) bool {
			return sameEndpoint(o.endpoint, r.Method, r.URL.Path) && (times == 0 || injection.Hits() < times)
		}})
	}
	return func() int {
		w.wire.hurry.Store(nil)
		injection.Remove()
		return injection.Hits()
	}
}

// sameEndpoint reports whether a request is one to an endpoint.
func sameEndpoint(endpoint, method, path string) bool {
	wantMethod, template, _ := strings.Cut(endpoint, " ")
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	return method == wantMethod && slices.EqualFunc(want, got, func(w, g string) bool {
		return w == g || strings.HasPrefix(w, "{") && strings.ContainsAny(g, "0123456789-") || w == "{userId}"
	})
}

// checkSent checks that what must be sent once was sent once, but for refusals. That is all
// but reads, changes that are the same the second time, and tokens.
func (w *faultWorld) checkSent(o *faultOperation, c *faultColumn) {
	w.t.Helper()
	requests, sent := w.sim.Requests(), map[string]int{}
	for _, r := range requests {
		repeatable := r.Method == http.MethodGet || r.Method == http.MethodPatch || strings.HasPrefix(r.Path, "/api/v2/oauth/")
		if !repeatable && !refuses(r.Status) {
			sent[r.Method+" "+r.Path]++
		}
	}
	for request, times := range sent {
		if times > 1 {
			w.t.Errorf("%s: %s was sent %d times", c.name, request, times)
		}
	}
	if n := len(requests); n > 1000 { // a call that waits asks every few seconds
		w.t.Errorf("%s: %s took %d requests", c.name, o.name, n)
	}
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// checkTexts checks that nothing personal is in an error or in the log.
func (w *faultWorld) checkTexts(c *faultColumn, err error) {
	w.t.Helper()
	asJSON, failed := json.Marshal(err)
	must(w.t, failed)
	texts := strings.Join([]string{fmt.Sprintf("%v %+v %#v", err, err, err), string(asJSON), w.log.String()}, "\n")
	w.log.reset()
	texts = loopback.ReplaceAllString(texts, "") // a port can look like an id
	for _, secret := range w.personal() {
		if secret != "" && strings.Contains(texts, secret) {
			w.t.Errorf("%s: %q is in an error or in the log:\n%s", c.name, secret, texts)
		}
	}
}

// outcome says in a word what came of an operation.
func (w *faultWorld) outcome(c *faultColumn, err error) string {
	w.t.Helper()
	var e *finapi.Error
	switch {
	case err == nil:
		return recovered
	case errors.Is(err, context.Canceled):
		return waits
	case !errors.As(err, &e):
		w.t.Errorf("%s: got %v, which is no *Error", c.name, err)
		return "no code"
	}
	return string(e.Code)
}

// markdown is the matrix for the documentation. Operations that behave alike share a
// column.
func (m *faultMatrix) markdown() string {
	type group struct {
		operations []string
		outcomes   []string
	}
	var groups []*group
	for _, o := range faultOperations() {
		outcomes := m.outcomes[o.name]
		at := slices.IndexFunc(groups, func(g *group) bool { return slices.Equal(g.outcomes, outcomes) })
		if at < 0 {
			groups = append(groups, &group{outcomes: outcomes})
			at = len(groups) - 1
		}
		groups[at].operations = append(groups[at].operations, fmt.Sprintf("%s (`%s`)", o.name, o.endpoint))
	}
	var b strings.Builder
	b.WriteString(matrixHead)
	for i, g := range groups {
		fmt.Fprintf(&b, "- **%s**: %s\n", letter(i), strings.Join(g.operations, ", "))
	}
	b.WriteString("\n## What comes of it\n\n| fault |")
	for i := range groups {
		fmt.Fprintf(&b, " %s |", letter(i))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(groups)) + "\n")
	for i := range m.columns {
		fmt.Fprintf(&b, "| %s |", m.columns[i].name)
		for _, g := range groups {
			fmt.Fprintf(&b, " %s |", g.outcomes[i])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func letter(i int) string { return string(rune('A' + i)) }

const matrixHead = `# Every operation under every fault

Each kind of fault that [finapitest](../finapitest/fault.go) can inject was tried on each operation of the SDK: first as one that happens
once, and if the operation recovers, as one that stays. Faults "after the effect" let finAPI do what was asked for and then lose or spoil
the answer. In all cells, the test checks that

- nothing panics, hangs, or leaves a goroutine or a connection behind,
- what must not be sent twice is sent twice only after an answer that says that nothing was done (401, 423, 429),
- no id, name, IBAN, text, password or token is in the error, in its JSON or in the log,
- no request goes to another host.

How to read it: **ok** means that the operation did what it should, a code that it returned an error with that code (see
[errors.md](errors.md)); **ok, then** a code that it recovers from a fault that happens once, and gives up with that code on one that stays;
**waits** that it goes on asking until its context ends; **no effect** that a read has none, and **no token yet** that a log-in has none that
could die.

Worth knowing:

- An empty success *before* the effect is what finAPI itself answers to a deletion, so that nobody can tell the two apart. User.Disconnect and
  User.Forget look afterwards whether the data are gone, and return SDK_NOT_FORGOTTEN if they are not.
- User.Refresh finds the update whose answer was lost, so that it is not started twice.
- A task of finAPI dies with the token that started it. User.Refresh then returns INVALID_TOKEN, and the next one starts anew.

The table is made by ` + "`go test -run TestEveryOperationUnderEveryFault -update`" + `, which checks it, too.

## Operations that behave alike

`
