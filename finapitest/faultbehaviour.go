package finapitest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// This file is how each kind of fault behaves.

// behaviour is how a kind of fault behaves.
type behaviour struct {
	kind FaultKind
	// late: it can also come after the effect.
	late bool
	// retryAfter: it can ask to wait.
	retryAfter bool
	// answer writes what comes instead of the answer; nil for what happens before
	// anything is sent.
	answer func(*spoiled)
	// unsent is the error of a call that is never sent; nil otherwise.
	unsent func(host string) error
}

// behaviours are all kinds, in the order of a call's way.
func behaviours() []behaviour {
	return []behaviour{
		{kind: FaultNoSuchHost, unsent: noSuchHost},
		{kind: FaultConnectionRefused, unsent: connectionRefused},
		{kind: FaultBadCertificate, unsent: badCertificate},
		{kind: FaultConnectionReset, late: true, answer: (*spoiled).reset},
		{kind: FaultNoAnswer, late: true, answer: (*spoiled).silence},
		{kind: FaultSlowDrip, late: true, answer: (*spoiled).drip},
		{kind: FaultRedirect, answer: (*spoiled).redirect},
		{kind: FaultCutOff, late: true, answer: (*spoiled).cutOff},
		{kind: FaultTruncatedJSON, late: true, answer: (*spoiled).truncated},
		{kind: FaultGarbage, late: true, answer: (*spoiled).garbage},
		{kind: FaultEmpty, late: true, answer: (*spoiled).empty},
		{kind: FaultWrongType, late: true, answer: (*spoiled).wrongType},
		{kind: FaultGzipBomb, late: true, answer: (*spoiled).gzipBomb},
		{kind: FaultEndlessBody, late: true, answer: (*spoiled).endless},
		{kind: FaultBadGateway, late: true, answer: (*spoiled).badGateway},
		{kind: FaultUnavailable, late: true, retryAfter: true, answer: (*spoiled).unavailable},
		{kind: FaultTooManyRequests, retryAfter: true, answer: (*spoiled).tooManyRequests},
		{kind: FaultLocked, answer: (*spoiled).locked},
		{kind: FaultUnauthorized, answer: (*spoiled).unauthorized},
		{kind: FaultDeadToken, answer: (*spoiled).deadToken},
	}
}

func noSuchHost(host string) error {
	name, _, _ := strings.Cut(host, ":")
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
}

func connectionRefused(string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func badCertificate(string) error {
	return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
}

// spoiled is an answer on which a fault happens.
type spoiled struct {
	w     http.ResponseWriter
	r     *http.Request
	host  host
	fault *Fault
	next  http.Handler // the simulator itself
	// status and body are the true answer's if the call took effect, else a stand-in's.
	status int
	body   []byte
	over   <-chan struct{} // closed when the simulator stops
	// broken: the connection must not go on after this answer.
	broken bool
}

// standIn comes where there is no true answer to spoil.
const standIn = `{"id": 4711, "name": "Stand-in"}`

// injecting lets faults happen to the calls of a host on their way to next.
func (h host) injecting(mux *http.ServeMux) http.Handler {
	s := h.server
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := s.faults.strike(false, templateOf(mux, r), r)
		if i == nil {
			mux.ServeHTTP(w, r)
			return
		}
		x := &spoiled{
			w: w, r: r, host: h, fault: &i.fault, next: mux, status: http.StatusOK, body: []byte(standIn), over: s.over,
		}
		x.happen(i.behaviour.answer) //nolint:contextcheck // the context is the request's
		if x.broken {
			panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler of net/http ends a connection
		}
	})
}

// templateOf returns the template of a request's path, or "" if it is none of an API's.
func templateOf(mux *http.ServeMux, r *http.Request) string {
	if _, pattern := mux.Handler(r); strings.HasPrefix(pattern, "/api/") {
		return pattern
	}
	return ""
}

func (x *spoiled) happen(answer func(*spoiled)) {
	if x.fault.Kind == FaultDeadToken {
		answer(x) // the answer is the simulator's own
		return
	}
	spoilTraffic(x.r)
	if x.fault.AfterEffect {
		x.takeEffect()
	} else {
		// Who is still sending may not notice the answer.
		_, _ = io.Copy(io.Discard, io.LimitReader(x.r.Body, maxBody))
	}
	answer(x)
}

// takeEffect lets the simulator do what was asked for, and keeps its answer.
func (x *spoiled) takeEffect() {
	r := x.r.Clone(x.r.Context())
	r.Header.Del("Accept-Encoding") // so that the answer can be spoiled
	answer := httptest.NewRecorder()
	x.next.ServeHTTP(answer, r)
	x.status = answer.Code
	if answer.Body.Len() > 0 {
		x.body = answer.Body.Bytes()
	}
}

// send writes a whole answer.
func (x *spoiled) send(status int, contentType string, body []byte) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // a caller who is gone is no concern
}

const (
	typeJSON = "application/json;charset=UTF-8"
	typeHTML = "text/html; charset=utf-8"
)

// reset ends the connection with a reset rather than in an orderly way.
func (x *spoiled) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.broken = true
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// silence waits until the caller gives up.
func (x *spoiled) silence() {
	select {
	case <-x.r.Context().Done():
	case <-x.over:
	}
	x.broken = true
}

// dripPause is short enough for a caller whose patience lasts for a fraction of a second.
const dripPause = 5 * time.Millisecond

// drip sends white space, with which JSON may begin, until the caller gives up.
func (x *spoiled) drip() {
	x.w.Header().Set("Content-Type", typeJSON)
	x.w.WriteHeader(x.status)
	x.broken = true
	pause := time.NewTicker(dripPause)
	defer pause.Stop()
	for {
		if _, err := io.WriteString(x.w, " "); err != nil {
			return
		}
		_ = http.NewResponseController(x.w).Flush()
		select {
		case <-pause.C:
		case <-x.r.Context().Done():
			return
		case <-x.over:
			return
		}
	}
}

func (x *spoiled) redirect() {
	x.w.Header().Set("Location", "https://elsewhere.invalid"+x.r.URL.EscapedPath())
	x.send(http.StatusTemporaryRedirect, typeHTML, x.page("307 Temporary Redirect"))
}

func (x *spoiled) cutOff() {
	x.w.Header().Set("Content-Type", typeJSON)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(x.body)))
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write(x.body[:len(x.body)/2])
	_ = http.NewResponseController(x.w).Flush()
	x.broken = true
}

func (x *spoiled) truncated() { x.send(x.status, typeJSON, x.body[:len(x.body)/2]) }

// garbage is neither JSON nor UTF-8, but holds the true answer, which nobody may quote.
func (x *spoiled) garbage() {
	x.send(x.status, typeJSON, append([]byte("\x00\xff\xfe\x1f\x8b"), x.body...))
}

func (x *spoiled) empty() { x.send(http.StatusOK, typeJSON, nil) }

func (x *spoiled) wrongType() {
	if !x.fault.AfterEffect {
		x.body = x.page("Please log in")
	}
	x.send(x.status, typeHTML, x.body)
}

const (
	bombPiece  = 16 << 20
	bombPieces = 64
)

// compressedPiece is a part of the bomb. Compressed files that follow each other are one.
var compressedPiece = sync.OnceValue(func() []byte {
	var piece bytes.Buffer
	zip := gzip.NewWriter(&piece)
	_, _ = zip.Write(bytes.Repeat([]byte(" "), bombPiece)) // a buffer takes everything
	_ = zip.Close()
	return piece.Bytes()
})

func (x *spoiled) gzipBomb() {
	x.w.Header().Set("Content-Encoding", "gzip")
	x.send(x.status, typeJSON, bytes.Repeat(compressedPiece(), bombPieces))
}

func (x *spoiled) endless() {
	x.w.Header().Set("Content-Type", typeJSON)
	x.w.WriteHeader(x.status)
	x.broken = true
	piece := bytes.Repeat([]byte(" "), 64<<10)
	for {
		if _, err := x.w.Write(piece); err != nil {
			return
		}
		select {
		case <-x.r.Context().Done():
			return
		case <-x.over:
			return
		default:
		}
	}
}

func (x *spoiled) badGateway()      { x.gateway(http.StatusBadGateway) }
func (x *spoiled) unavailable()     { x.gateway(http.StatusServiceUnavailable) }
func (x *spoiled) tooManyRequests() { x.gateway(http.StatusTooManyRequests) }

// gateway answers as something between the caller and finAPI does.
// guess: finAPI's documents know neither 429 nor 503, so that it is none of its own.
func (x *spoiled) gateway(status int) {
	if x.fault.RetryAfter != "" {
		x.w.Header().Set("Retry-After", x.fault.RetryAfter)
	}
	x.send(status, typeHTML, x.page(fmt.Sprintf("%d %s", status, http.StatusText(status))))
}

// page quotes the request, as some gateways do.
func (x *spoiled) page(title string) []byte {
	return fmt.Appendf(nil, "<html><head><title>%s</title></head><body><h1>%[1]s</h1><p>%s %s</p></body></html>\n",
		title, x.r.Method, html.EscapeString(x.r.URL.RequestURI()))
}

func (x *spoiled) locked() {
	refusal := locked()
	if x.atTokenEndpoint() {
		refusal = userLocked()
	}
	x.host.refuse(x.w, x.r, refusal)
}

func (x *spoiled) unauthorized() {
	token, _ := bearer(x.r)
	refusal := invalidToken(token)
	if x.atTokenEndpoint() {
		refusal = oauthRefusal(http.StatusUnauthorized, "invalid_client", "Bad client credentials")
	}
	x.host.refuse(x.w, x.r, refusal)
}

func (x *spoiled) atTokenEndpoint() bool { return x.r.URL.Path == "/api/v2/oauth/token" }

func (x *spoiled) deadToken() {
	token, _ := bearer(x.r)
	x.host.server.expireToken(token)
	x.next.ServeHTTP(x.w, x.r)
}

// Transport returns a way to the simulator, on which the faults happen that happen before
// anything is sent. Give it to the client under test. What goes to other hosts is not
// touched. A nil next means [http.DefaultTransport]. [Server.Inject] remembers for the whole
// simulator that there is such a way; it cannot tell which clients use it.
func (s *Server) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.transports = true
	return &transport{server: s, next: next}
}

type transport struct {
	server *Server
	next   http.RoundTripper
}

// RoundTrip sends a request, or fails before it does.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	i := t.server.faults.strike(true, t.server.template(r), r)
	if i == nil {
		return t.next.RoundTrip(r)
	}
	if r.Body != nil {
		_ = r.Body.Close() // as every RoundTripper must
	}
	return nil, i.behaviour.unsent(r.URL.Host)
}

// template returns the template of a request that is to be sent, or "" if it goes to no
// API of this simulator.
func (s *Server) template(r *http.Request) string {
	switch "http://" + r.URL.Host {
	case s.AccessURL():
		return templateOf(s.accessMux, r)
	case s.WebFormURL():
		return templateOf(s.webFormMux, r)
	}
	return ""
}
