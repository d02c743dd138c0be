package contract

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// Transport checks every request that goes through it, and the answer to it. It
// changes nothing and refuses nothing; it reports.
type Transport struct {
	Contract *Contract
	// AccessURL and WebFormURL are the addresses of the two hosts, without a slash
	// at the end. A request to anywhere else is a violation.
	AccessURL, WebFormURL string
	// Mode says how answers are judged.
	Mode Mode
	// Base sends the requests; nil means [http.DefaultTransport].
	Base http.RoundTripper
	// Report is told about each exchange with the violations that were found,
	// which may be none. The operation is nil if there is no such operation, the
	// answer is nil if none came. It may be called by several goroutines.
	Report func(o *Operation, request *Request, answer *Response, violations []Violation)
}

// RoundTrip sends a request, reads the answer to its end, and reports.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	request, err := t.copyRequest(r)
	if err != nil {
		return nil, err
	}
	var o *Operation
	var violations []Violation
	if request != nil {
		o, violations = t.Contract.CheckRequest(request)
	} else {
		violations = []Violation{{r.Method + " " + r.URL.Path, "request path", "", "it goes to neither of finAPI's hosts"}}
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(r)
	if err != nil {
		t.Report(o, request, nil, violations)
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	answer := &Response{Status: resp.StatusCode, Header: resp.Header.Clone(), Body: body}
	if o != nil {
		violations = append(violations, t.Contract.CheckResponse(o, answer, t.Mode)...)
	}
	t.Report(o, request, answer, violations)
	return resp, nil
}

// failing repeats the error with which the answer of the server ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// copyRequest returns nil if the request goes to neither host.
func (t *Transport) copyRequest(r *http.Request) (*Request, error) {
	address := r.URL.Scheme + "://" + r.URL.Host
	var host Host
	switch {
	case strings.EqualFold(address, t.AccessURL):
		host = Access
	case strings.EqualFold(address, t.WebFormURL):
		host = WebForm
	default:
		return nil, nil //nolint:nilnil // no copy and no error: another host
	}
	out := &Request{Host: host, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone()}
	if r.Body == nil {
		return out, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	out.Body = body
	return out, nil
}
