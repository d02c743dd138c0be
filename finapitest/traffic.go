package finapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// trafficVariable names the environment variable with a folder. If it is set,
// each request to a simulator and its answer are logged there, one JSON object a
// line, for the contract tests in internal/contract.
const trafficVariable = "FINAPI_TRAFFIC"

// maxLogged bounds the copy of a body.
const maxLogged = 4 << 20

// exchange is a line of the traffic log.
type exchange struct {
	Source       string      `json:"source"`
	Intercepted  bool        `json:"intercepted"` // the answer is not the simulator's
	Host         string      `json:"host"`
	Method       string      `json:"method"`
	Path         string      `json:"path"`
	Query        string      `json:"query"`
	Header       http.Header `json:"header"`
	Body         []byte      `json:"body"`
	Status       int         `json:"status"`
	AnswerHeader http.Header `json:"answerHeader"`
	AnswerBody   []byte      `json:"answerBody"`
	Truncated    bool        `json:"truncated"`

	// spoiled: a fault was injected, so the body is not worth keeping. It may be endless.
	spoiled bool
}

type exchangeKey struct{}

// logTraffic logs what goes through watch to next, and what watch's interceptor
// answers by itself. Without the environment variable it only joins the two.
func logTraffic(hostName string, watch func(http.Handler) http.Handler, next http.Handler) http.Handler {
	dir := os.Getenv(trafficVariable)
	if dir == "" {
		return watch(next)
	}
	watched := watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
			e.Intercepted = false
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := newExchange(hostName, r)
		rec := &exchangeRecorder{ResponseWriter: w, exchange: e}
		defer func() { // an interceptor may panic to cut the connection
			e.AnswerHeader = w.Header().Clone()
			e.append(dir)
		}()
		watched.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, e)))
	})
}

// spoilTraffic notes that the answer to a request will not be the simulator's.
func spoilTraffic(r *http.Request) {
	if e, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		e.Intercepted, e.spoiled = true, true
	}
}

// newExchange copies a request and leaves its body readable.
func newExchange(hostName string, r *http.Request) *exchange {
	e := &exchange{
		Source: "simulator", Intercepted: true, Host: hostName,
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone(),
	}
	if e.Header.Get("Authorization") != "" {
		e.Header.Set("Authorization", "Bearer REDACTED")
	}
	e.Body, _ = io.ReadAll(io.LimitReader(r.Body, maxLogged)) // a body cut off fails in the handler
	e.Truncated = len(e.Body) == maxLogged
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(e.Body), r.Body), r.Body}
	return e
}

// exchangeRecorder copies an answer.
type exchangeRecorder struct {
	http.ResponseWriter
	exchange *exchange
}

func (r *exchangeRecorder) WriteHeader(status int) {
	if r.exchange.Status == 0 {
		r.exchange.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *exchangeRecorder) Write(b []byte) (int, error) {
	if r.exchange.Status == 0 {
		r.exchange.Status = http.StatusOK
	}
	if r.exchange.spoiled {
		return r.ResponseWriter.Write(b)
	}
	room := min(len(b), maxLogged-len(r.exchange.AnswerBody))
	r.exchange.AnswerBody = append(r.exchange.AnswerBody, b[:room]...)
	r.exchange.Truncated = r.exchange.Truncated || room < len(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *exchangeRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

var trafficMu sync.Mutex

// append writes the exchange to the log of this process.
func (e *exchange) append(dir string) {
	trafficMu.Lock()
	defer trafficMu.Unlock()
	if err := e.write(filepath.Join(dir, fmt.Sprintf("simulator-%d.jsonl", os.Getpid()))); err != nil {
		fmt.Fprintf(os.Stderr, "finapitest: the traffic cannot be logged: %v\n", err)
	}
}

func (e *exchange) write(name string) error {
	file, err := os.OpenFile(filepath.Clean(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(file).Encode(e); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
