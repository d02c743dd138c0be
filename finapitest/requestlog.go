package finapitest

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Request is a request that the simulator has seen on one of its hosts.
type Request struct {
	Method   string
	Path     string
	RawQuery string
	Header   http.Header // Authorization reads REDACTED
	// Body is the JSON that was sent. It is empty for requests without any, and for
	// those that carry a password: of tokens and users.
	Body   []byte
	Status int // 0 for a request that has no answer yet, or never had
}

// requestLog remembers requests and holds the interceptor.
type requestLog struct {
	mu        sync.Mutex
	requests  []*Request
	intercept func(http.ResponseWriter, *http.Request) bool
}

// Requests returns all requests seen so far, in the order of arrival.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	seen := make([]Request, len(s.log.requests))
	for i, r := range s.log.requests {
		seen[i] = *r
		seen[i].Header = r.Header.Clone()
		seen[i].Body = slices.Clone(r.Body)
	}
	return seen
}

// ResetRequests forgets the requests seen so far.
func (s *Server) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.requests = nil
}

// Intercept sets a function that sees every request before the simulator does.
// When it returns true it has answered itself: with HTML, a 500, a body that
// is cut off. A nil function ends the interception. The function may use the
// simulator's methods.
func (s *Server) Intercept(f func(w http.ResponseWriter, r *http.Request) (handled bool)) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.intercept = f
}

// dated lets every answer tell the simulated time, as all that is in its body. An
// interceptor can change that.
func (s *Server) dated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	})
}

// watch logs each request and offers it to the interceptor first.
func (l *requestLog) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entry, intercept := l.begin(r)
		rec := &statusRecorder{ResponseWriter: w, note: func(status int) { l.answered(entry, status) }}
		if intercept == nil || !intercept(rec, r) {
			next.ServeHTTP(rec, r)
		}
	})
}

func (l *requestLog) begin(r *http.Request) (*Request, func(http.ResponseWriter, *http.Request) bool) {
	header := r.Header.Clone()
	if header.Get("Authorization") != "" {
		header.Set("Authorization", "REDACTED")
	}
	entry := &Request{Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: header, Body: loggedBody(r)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, entry)
	return entry, l.intercept
}

// loggedBody copies the body of a request and leaves it readable.
func loggedBody(r *http.Request) []byte {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/json" || strings.HasPrefix(r.URL.Path, "/api/v2/users") {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // a body cut off fails to decode
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	return body
}

func (l *requestLog) answered(entry *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Status = status
}

// statusRecorder notes the status of an answer before the caller can see it.
type statusRecorder struct {
	http.ResponseWriter
	note   func(status int)
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.record(status)
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(b []byte) (int, error) {
	r.record(http.StatusOK)
	return r.ResponseWriter.Write(b)
}

func (r *statusRecorder) record(status int) {
	if r.status == 0 {
		r.status = status
		r.note(status)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush and Hijack let interceptors cut an answer off in the middle.
func (r *statusRecorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

func (r *statusRecorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(r.ResponseWriter).Hijack()
}
