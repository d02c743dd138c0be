package contract

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// TrafficVariable names the environment variable with the folder that tests of
// the other modules log their traffic to.
const TrafficVariable = "FINAPI_TRAFFIC"

// Exchange is a line of the traffic log.
type Exchange struct {
	// Source is "simulator" if finapitest logged the exchange, or "stub" if a stub
	// of the SDK's own tests did; then only the request is logged.
	Source string `json:"source"`
	// Intercepted says that the answer is not the simulator's but a test's.
	Intercepted bool `json:"intercepted"`
	// Host is "access" or "webform" in the simulator's log, and the name that the
	// request was sent to in a stub's.
	Host         string      `json:"host"`
	Method       string      `json:"method"`
	Path         string      `json:"path"`
	Query        string      `json:"query"`
	Header       http.Header `json:"header"`
	Body         []byte      `json:"body"`
	Status       int         `json:"status"`
	AnswerHeader http.Header `json:"answerHeader"`
	AnswerBody   []byte      `json:"answerBody"`
	// Truncated says that a body was too long to be logged whole.
	Truncated bool `json:"truncated"`
}

// ReadTraffic reads a folder of traffic logs and hands out exchange by exchange.
func ReadTraffic(dir string, each func(*Exchange)) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := readTrafficFile(name, each); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

func readTrafficFile(name string, each func(*Exchange)) error {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for d := json.NewDecoder(file); ; {
		var e Exchange
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		each(&e)
	}
}

// host tells finAPI's hosts apart. Tests also use addresses of their own, where
// only the path can tell.
func (e *Exchange) host() Host {
	switch e.Host {
	case "access", "sandbox.finapi.io", "live.finapi.io":
		return Access
	case "webform", "webform-sandbox.finapi.io", "webform-live.finapi.io":
		return WebForm
	}
	if strings.HasPrefix(e.Path, "/api/v2/") {
		return Access
	}
	return WebForm
}

// Request returns the request of the exchange.
func (e *Exchange) Request() *Request {
	return &Request{Host: e.host(), Method: e.Method, Path: e.Path, Query: e.Query, Header: e.Header, Body: e.Body}
}

// Response returns the answer of the exchange, unpacked.
func (e *Exchange) Response() (*Response, error) {
	body := e.AnswerBody
	if e.AnswerHeader.Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(io.LimitReader(zip, 64<<20)); err != nil {
			return nil, err
		}
	}
	return &Response{Status: e.Status, Header: e.AnswerHeader, Body: body}, nil
}
