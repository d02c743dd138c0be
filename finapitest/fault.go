package finapitest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
)

// Fault is something that goes wrong on the way to finAPI, and the calls to which it
// happens. [Server.Inject] lets it happen. The zero value of all fields but Kind means:
// every call of both APIs, each time, before it takes effect.
//
// A fault that lasts is an outage to the SDK: after ten failures in a row and ten seconds of
// the clock without an answer, its circuit leaves the host alone and sends nothing, even
// when the fault is gone, until the clock has moved. A test that goes on afterwards calls
// sim.Clock().Advance(time.Minute), or switches the circuit off with
// finapi.WithCircuit(finapi.Circuit{}). A RetryAfter of more than a minute is heeded for as
// long as it says, up to an hour.
type Fault struct {
	// Kind is what goes wrong.
	Kind FaultKind
	// Endpoint names the calls to which it happens: method and path template, as the
	// errors of the SDK do, such as "GET /api/v2/accounts/{id}". A template without a method
	// means all methods, "" all calls of both APIs. The customer's pages are never faulty.
	Endpoint string
	// AfterEffect lets the call take effect first, so that finAPI has done what was asked
	// for and the caller cannot know. Without it the call never reaches finAPI. Kinds that
	// are a refusal, or happen before anything is sent, cannot come after the effect.
	AfterEffect bool
	// Skip lets so many calls pass first.
	Skip int
	// Times is how often it happens in all; 0 means without end.
	Times int
	// Chance is how likely it happens to a call, from 0 to 1. 0 means always, as 1 does; for
	// never, do not inject it.
	Chance float64
	// Seed makes Chance repeatable: with the same seed, the same calls of a sequence fail.
	Seed uint64
	// RetryAfter is the header of a [FaultTooManyRequests] or [FaultUnavailable]: seconds, a
	// date in the form of [net/http.TimeFormat], or anything else that a gateway may write;
	// "" leaves it out.
	RetryAfter string
}

// FaultKind is what goes wrong.
type FaultKind string

// What happens before anything reaches the simulator. It needs a client that sends
// through [Server.Transport]. That is checked per simulator and not per client: once one
// client has such a transport, [Server.Inject] takes the fault, but a client that sends past
// it never sees it.
const (
	// FaultNoSuchHost: the name of the host cannot be resolved.
	FaultNoSuchHost FaultKind = "host not found"
	// FaultConnectionRefused: nobody listens.
	FaultConnectionRefused FaultKind = "connection refused"
	// FaultBadCertificate: the host's certificate is of an unknown authority, as with a
	// proxy that breaks TLS open.
	FaultBadCertificate FaultKind = "bad certificate"
)

// What happens to the connection. The first three can come after the effect.
const (
	// FaultConnectionReset: the connection ends instead of an answer. On a connection that
	// was kept from an earlier call, net/http itself sends a GET once more and tells nobody,
	// so that with Times: 1 the client may see nothing of it though it counts as a hit. A
	// transport with DisableKeepAlives shows each.
	FaultConnectionReset FaultKind = "connection reset"
	// FaultNoAnswer: no answer comes for as long as the caller waits. That is real time,
	// whatever the clock says: with the SDK 60 s an attempt by default, and 180 s where the
	// bank may be asked. To wait less:
	//
	//	finapi.WithHTTPClient(&http.Client{Timeout: 200 * time.Millisecond, Transport: sim.Transport(nil)})
	FaultNoAnswer FaultKind = "no answer"
	// FaultSlowDrip: an answer begins and trickles in for as long as the caller waits, in
	// real time and with the same remedy as at [FaultNoAnswer].
	FaultSlowDrip FaultKind = "slow drip"
	// FaultRedirect: the answer sends the call, with its method and body, to another host,
	// https://elsewhere.invalid.
	FaultRedirect FaultKind = "redirect"
)

// What comes instead of the right body. All can come after the effect; the body is then
// made of the true answer.
const (
	// FaultCutOff: the connection ends in the middle of the body.
	FaultCutOff FaultKind = "cut-off body"
	// FaultTruncatedJSON: the first half of the JSON comes as if it were all.
	FaultTruncatedJSON FaultKind = "truncated JSON"
	// FaultGarbage: bytes that are no JSON and no text.
	FaultGarbage FaultKind = "garbage"
	// FaultEmpty: a success without a body.
	FaultEmpty FaultKind = "empty success"
	// FaultWrongType: a success whose content type is HTML. Before the effect the body is a
	// page, too, as a proxy shows it for a log-in; after it, it is the true answer.
	FaultWrongType FaultKind = "wrong content type"
	// FaultGzipBomb: a small compressed body that unpacks to 1 GiB.
	FaultGzipBomb FaultKind = "gzip bomb"
	// FaultEndlessBody: a body that comes fast and never ends.
	FaultEndlessBody FaultKind = "endless body"
)

// What is answered with another status. The first two can come after the effect.
const (
	// FaultBadGateway: 502 with a gateway's page of HTML.
	FaultBadGateway FaultKind = "502"
	// FaultUnavailable: 503 with a gateway's page of HTML.
	FaultUnavailable FaultKind = "503"
	// FaultTooManyRequests: 429 with a gateway's page of HTML.
	FaultTooManyRequests FaultKind = "429"
	// FaultLocked: 423, as finAPI answers while it is busy with a connection, and at the
	// token endpoint if the user is locked.
	FaultLocked FaultKind = "423"
	// FaultUnauthorized: 401 to a token that is good. At the token endpoint, finAPI does not
	// know the client.
	FaultUnauthorized FaultKind = "401"
	// FaultDeadToken: the token of the call expires just before the call. It happens to
	// calls with a token only.
	FaultDeadToken FaultKind = "dead token"
)

// EveryFault returns a fault of each kind, and of those that can come after the effect
// also that one. It is for a test that tries them all: fill in the calls to which they
// happen.
func EveryFault() []Fault {
	var all []Fault
	for _, b := range behaviours() {
		all = append(all, Fault{Kind: b.kind})
		if b.late {
			all = append(all, Fault{Kind: b.kind, AfterEffect: true})
		}
	}
	return all
}

// String names the kind and when it happens, such as "502 after the effect".
func (f Fault) String() string {
	name := string(f.Kind)
	if f.RetryAfter != "" {
		name += " with Retry-After " + f.RetryAfter
	}
	if f.AfterEffect {
		name += " after the effect"
	}
	return name
}

// Injection is a fault that was injected.
type Injection struct {
	server    *Server
	fault     Fault
	behaviour behaviour
	endpoint  string // with nameless parameters
	chance    *rand.Rand

	// Guarded by the server's injections.
	seen, hits int
}

// Inject lets a fault happen from now on. Of several that fit a call, the one that was
// injected first happens. A function that was set with [Server.Intercept] comes before
// all faults, if it answers.
//
// A fault that can never happen is a mistake in the test, such as one at an endpoint that
// finAPI does not have: it fails the test that the simulator was started for with [New],
// and never happens otherwise.
func (s *Server) Inject(f Fault) *Injection {
	i := &Injection{server: s, fault: f, endpoint: nameless(f.Endpoint), chance: rand.New(rand.NewPCG(f.Seed, 0))}
	if problem := i.prepare(); problem != "" {
		s.mistaken("the fault's " + problem)
		return i
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, i)
	return i
}

// Remove ends the fault. It can be called more than once.
func (i *Injection) Remove() { i.server.faults.remove(i) }

// Hits returns how many calls the fault has happened to.
func (i *Injection) Hits() int {
	i.server.faults.mu.Lock()
	defer i.server.faults.mu.Unlock()
	return i.hits
}

// prepare finds the behaviour, or says what can never happen.
func (i *Injection) prepare() (problem string) {
	f := &i.fault
	known := false
	for _, b := range behaviours() {
		if b.kind == f.Kind {
			i.behaviour, known = b, true
		}
	}
	switch {
	case !known:
		return fmt.Sprintf("Kind %q is unknown", f.Kind)
	case f.AfterEffect && !i.behaviour.late:
		return fmt.Sprintf("AfterEffect does not go with %q: the call is refused or never sent", f.Kind)
	case f.RetryAfter != "" && !i.behaviour.retryAfter:
		return fmt.Sprintf("RetryAfter does not go with %q", f.Kind)
	case f.Endpoint != "" && !hasEndpoint(i.endpoint):
		return fmt.Sprintf("Endpoint %q is none of the simulator's", f.Endpoint)
	case f.Skip < 0:
		return "Skip must not be negative"
	case f.Times < 0:
		return "Times must not be negative"
	case !(f.Chance >= 0 && f.Chance <= 1): // also not a number
		return "Chance must be from 0 to 1"
	case i.behaviour.unsent != nil && !i.server.faults.throughTransport():
		return fmt.Sprintf("Kind %q needs a client that sends through Server.Transport", f.Kind)
	}
	return ""
}

// hasEndpoint reports whether a pattern, with or without a method, is of either API.
func hasEndpoint(pattern string) bool {
	for _, routes := range [][]route{accessRoutes(), webFormRoutes()} {
		for _, rt := range routes {
			path := nameless(rt.path)
			if pattern == path || pattern == rt.method+" "+path {
				return true
			}
		}
	}
	return false
}

// nameless drops the names of parameters, which the documents do not agree on.
func nameless(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// injections are the faults of a simulator.
type injections struct {
	mu         sync.Mutex
	active     []*Injection
	transports bool // a client sends through Server.Transport
}

func (l *injections) remove(i *Injection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, other := range l.active {
		if other == i {
			l.active = append(l.active[:at:at], l.active[at+1:]...)
			return
		}
	}
}

func (l *injections) throughTransport() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transports
}

// strike returns the fault that happens to a call now, or nil. unsent tells whether the
// call is still to be sent. path is its template; "" means that it is of no API.
func (l *injections) strike(unsent bool, path string, r *http.Request) *Injection {
	if path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range l.active {
		if unsent == (i.behaviour.unsent != nil) && i.fits(path, r) && i.happens() {
			i.hits++
			return i
		}
	}
	return nil
}

func (i *Injection) fits(path string, r *http.Request) bool {
	path = nameless(path)
	if i.fault.Kind == FaultDeadToken && r.Header.Get("Authorization") == "" {
		return false
	}
	return i.endpoint == "" || i.endpoint == path || i.endpoint == r.Method+" "+path
}

func (i *Injection) happens() bool {
	i.seen++
	if i.seen <= i.fault.Skip || i.fault.Times > 0 && i.hits == i.fault.Times {
		return false
	}
	return i.chance.Float64() < cmp.Or(i.fault.Chance, 1)
}
