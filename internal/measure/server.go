package measure

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a server like finAPI's on this machine, in a process of its own. It has one
// account, and a listing as long as its URL says.
type Server struct {
	HTTP1 string `json:"http1"` // the URL of a server that speaks HTTP/1.1 only
	HTTP2 string `json:"http2"` // the URL of one that prefers HTTP/2
	Cert  string `json:"cert"`  // of both, in PEM
}

// ServeTask is the child that [Serve] starts.
const ServeTask = "serve"

// Serve starts a server that runs until the benchmark ends. The test program's TestMain must
// call [Child] with [Listen] as [ServeTask].
func Serve(tb testing.TB) *Server {
	tb.Helper()
	s := new(Server)
	Start(tb, ServeTask, "", s)
	return s
}

// Listing returns the base URL of a server with a listing of so many rows, which waits before
// each answer, except for tokens.
func Listing(base string, delay time.Duration, rows int) string {
	return fmt.Sprintf("%s/%s/%d", base, delay, rows)
}

// Trusted holds the server's certificate.
func (s *Server) Trusted() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(s.Cert))
	return pool
}

// Listen is a [Task]: it serves until stdin ends, and leaves the rest to the program's end.
func Listen(_ string, stdin io.Reader, report func(any) error) error {
	handler := Handler()
	one, two := httptest.NewUnstartedServer(handler), httptest.NewUnstartedServer(handler)
	two.EnableHTTP2 = true
	one.StartTLS()
	two.StartTLS()
	s := Server{HTTP1: one.URL, HTTP2: two.URL, Cert: PEM(one.Certificate())}
	if err := report(&s); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, stdin)
	return err
}

// PEM writes a certificate for [Server.Cert].
func PEM(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

// Handler serves what [Listing] names.
func Handler() http.Handler {
	var shelf shelf
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{delay}/{rows}/api/v2/oauth/token", serveToken)
	mux.HandleFunc("GET /{delay}/{rows}/api/v2/accounts/{id}", serveAccount)
	mux.HandleFunc("GET /{delay}/{rows}/api/v2/transactions", shelf.serve)
	return mux
}

// wait is the artificial delay of an answer. It reports whether the client is still there.
func wait(r *http.Request) bool {
	delay, err := time.ParseDuration(r.PathValue("delay"))
	if err != nil || delay <= 0 {
		return err == nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func serveToken(w http.ResponseWriter, _ *http.Request) {
	answer(w, []byte(`{"access_token":"measured","token_type":"bearer","refresh_token":"again","expires_in":3600,"scope":"all"}`))
}

func serveAccount(w http.ResponseWriter, r *http.Request) {
	if !wait(r) {
		return
	}
	answer(w, fmt.Appendf(nil, `{"id":%d,"bankConnectionId":3540249,"accountName":"Girokonto","iban":"DE12999000010001234567",`+
		`"accountCurrency":"EUR","accountType":"Checking","balance":16978.51,"isNew":false,"interfaces":[{"bankingInterface":"XS2A",`+
		`"status":"UPDATED","capabilities":["DATA_DOWNLOAD"],"lastSuccessfulUpdate":"2026-09-30T06:00:08.000+02:00",`+
		`"lastUpdateAttempt":"2026-09-30T06:00:08.000+02:00"}],"isSeized":false}`, Account))
}

func answer(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// shelf keeps pages as they go over the wire, so that the server costs little.
type shelf struct{ pages sync.Map }

type pageKey struct{ number, size, rows int }

func (s *shelf) serve(w http.ResponseWriter, r *http.Request) {
	number, err1 := strconv.Atoi(r.FormValue("page"))
	size, err2 := strconv.Atoi(r.FormValue("perPage"))
	rows, err3 := strconv.Atoi(r.PathValue("rows"))
	if errors.Join(err1, err2, err3) != nil || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		http.Error(w, "a page wants page, perPage, and gzip", http.StatusBadRequest)
		return
	}
	page := s.page(pageKey{number, size, rows})
	if !wait(r) {
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	answer(w, page)
}

func (s *shelf) page(key pageKey) []byte {
	made, _ := s.pages.LoadOrStore(key, sync.OnceValue(func() []byte { return zip(Page(key.number, key.size, key.rows)) }))
	return made.(func() []byte)() //nolint:forcetypeassert // nothing else is on the shelf
}

func zip(page []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(page) // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}
