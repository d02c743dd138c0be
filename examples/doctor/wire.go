package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/finapi-go/finapi"
)

// wire is the transport that the SDK sends through. It notes what the SDK does not
// tell, and forgets the answers: no token, id or text stays in it.
type wire struct {
	next  *http.Transport
	clock finapi.Clock // the machine's, or that of a simulation

	mu    sync.Mutex
	facts facts
}

// facts are what the wire has noted.
type facts struct {
	// skew is how far the server's clock is ahead, measured by the quickest answer.
	skew, roundTrip time.Duration
	dated           bool
	// answers and echoed count answers by host, and those that brought back the
	// request id that was sent.
	answers, echoed map[string]int
	// waits are the statuses that say: later; asked counts those with Retry-After.
	waits map[int]int
	asked int
	// clientTokens are the digests of the vendor's tokens.
	clientTokens map[[sha256.Size]byte]bool
	clientGrants int
	// password is how the last refused password was answered.
	password answerShape
	revoked  int    // the status; 0 if nothing was revoked
	formHost string // where the last form is, as scheme and host
}

// answerShape is what an answer looks like, without its values.
type answerShape struct {
	status int
	fields string
}

func newWire(clock finapi.Clock) *wire {
	t := http.DefaultTransport.(*http.Transport).Clone() // nothing here replaces it
	t.ResponseHeaderTimeout = 3 * time.Minute
	return &wire{next: t, clock: clock, facts: facts{
		answers: map[string]int{}, echoed: map[string]int{}, waits: map[int]int{}, clientTokens: map[[sha256.Size]byte]bool{},
	}}
}

func (w *wire) close() { w.next.CloseIdleConnections() }

// seen returns the facts so far.
func (w *wire) seen() facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.facts
	f.answers, f.echoed, f.waits = maps.Clone(f.answers), maps.Clone(f.echoed), maps.Clone(f.waits)
	f.clientTokens = maps.Clone(f.clientTokens)
	return f
}

// RoundTrip sends and takes notes.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	grant := grantOf(req)
	sent := w.clock.Now()
	resp, err := w.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	received := w.clock.Now()
	var body []byte
	if grant != "" || strings.HasSuffix(req.URL.Path, "/bankConnectionImport") {
		body = peek(resp)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts.noteClock(resp, sent, received)
	w.facts.noteHeaders(req, resp)
	w.facts.noteAnswer(req, resp.StatusCode, grant, body)
	return resp, nil
}

func (f *facts) noteClock(resp *http.Response, sent, received time.Time) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	roundTrip := received.Sub(sent)
	if err != nil || f.dated && roundTrip >= f.roundTrip {
		return
	}
	// The header has whole seconds, so it is half a second late on average.
	f.skew = date.Add(time.Second / 2).Sub(sent.Add(roundTrip / 2))
	f.roundTrip, f.dated = roundTrip, true
}

func (f *facts) noteHeaders(req *http.Request, resp *http.Response) {
	f.answers[req.URL.Host]++
	if id := req.Header.Get("X-Request-Id"); id != "" && resp.Header.Get("X-Request-Id") == id {
		f.echoed[req.URL.Host]++
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		f.waits[resp.StatusCode]++
	}
	if resp.Header.Get("Retry-After") != "" {
		f.asked++
	}
}

func (f *facts) noteAnswer(req *http.Request, status int, grant string, body []byte) {
	switch {
	case grant == "client_credentials" && status == http.StatusOK:
		f.clientGrants++
		f.clientTokens[sha256.Sum256([]byte(field(body, "access_token")))] = true
	case grant == "password" && status >= 400:
		f.password = answerShape{status, fieldsOf(body)}
	case strings.HasSuffix(req.URL.Path, "/oauth/revoke"):
		f.revoked = status
	case strings.HasSuffix(req.URL.Path, "/bankConnectionImport") && status < 300:
		if form, err := url.Parse(field(body, "url")); err == nil {
			f.formHost = clean(form.Scheme + "://" + form.Host)
		}
	}
}

// grantOf returns the kind of a request for a token, and "" for other requests.
func grantOf(req *http.Request) string {
	if !strings.HasSuffix(req.URL.Path, "/oauth/token") || req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil {
		return ""
	}
	form, err := url.ParseQuery(string(data))
	if err != nil {
		return ""
	}
	return form.Get("grant_type")
}

const maxPeek = 1 << 20

// peek reads an answer and leaves it to be read again.
func peek(resp *http.Response) []byte {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxPeek))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(data), rest{err}, resp.Body), resp.Body}
	return data
}

// rest reads as nothing, or fails as the body has failed.
type rest struct{ err error }

func (f rest) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

func field(body []byte, name string) string {
	var fields map[string]json.RawMessage
	var text string
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields[name], &text) != nil {
		return ""
	}
	return text
}

var fieldName = regexp.MustCompile(`^[A-Za-z_]{1,30}$`)

// fieldsOf tells the names of the fields of a body, but none of their values.
func fieldsOf(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return "not a JSON object"
	}
	names := slices.Sorted(maps.Keys(fields))
	names = slices.DeleteFunc(names, func(name string) bool { return !fieldName.MatchString(name) })
	return "{" + strings.Join(names, ", ") + "}"
}
