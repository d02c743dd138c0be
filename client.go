package finapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	maxAnswer    = 32 << 20 // a page of 500 transactions is about 0.7 MB
	maxErrorBody = 1 << 20
	// Larger buffers than this are not kept for reuse.
	maxPooledBuffer = 4 << 20
)

// Client acts for the ERP vendor: it searches banks and creates users. What
// belongs to one customer is read through a [User], which [Client.User] opens.
//
// A Client is safe for concurrent use. Make one and keep it: it holds the pool
// of connections and the tokens. It leaves no goroutine behind and needs no Close.
type Client struct {
	settings
	environment Environment
	credentials Credentials
	http        *http.Client
	turns       *turns
	circuits    [2]*breaker // indexed by host
	tokens      *tokenSource
	users       tokenCache
	buffers     sync.Pool
}

// NewClient returns a client for an environment of finAPI. The credentials are
// those of the data client that finAPI gave the vendor, not of the mandator's
// administration client.
//
// It makes no network call. Bad input is refused with a [CodeInvalidInput] that
// names the field.
func NewClient(environment Environment, credentials Credentials, options ...Option) (*Client, error) {
	hosts, err := environment.hosts()
	if err != nil {
		return nil, err
	}
	if err := credentials.validate(); err != nil {
		return nil, err
	}
	c := &Client{settings: defaultSettings(hosts), environment: environment, credentials: credentials}
	for _, option := range options {
		if option == nil {
			return nil, invalid("options", "must not hold a nil Option")
		}
		if err := option(&c.settings); err != nil {
			return nil, err
		}
	}
	c.http = c.httpClient()
	c.turns = newTurns(&c.settings)
	for i := range c.circuits {
		c.circuits[i] = newBreaker(c.circuit)
	}
	c.tokens = newTokenSource(c.clock, c.clientGrants())
	return c, nil
}

// Environment returns the environment that the client was made for.
func (c *Client) Environment() Environment { return c.environment }

// Format prints the client without its credentials, for every verb.
func (c *Client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "finapi.Client(%v)", c.environment)
}

// call is one use of an endpoint.
type call struct {
	endpoint endpointID
	ids      []string   // the values of the template's {…}
	query    url.Values // nil for none
	form     url.Values // the body of a token request
	body     any        // the JSON body of all others; nil for none
	into     any        // where the answer goes; nil if it has no body
	// buffer is where the answer is read into, for calls that are made again and again; nil
	// for one of the client's.
	buffer *bytes.Buffer
	secret Secret // what body holds that must not be shown
	owner  *tokenSource
	once   bool // never send this twice, although the endpoint is safe
	// customer tells the bank that the customer is present; nil if not.
	customer *CustomerDevice
	// life is how long the token should still live, for calls that start work
	// which goes on with the same token.
	life time.Duration
	// sent counts the requests for the hooks; nil if there are none.
	sent *int
	// left is set when a request was handed to the transport; nil if nobody needs to know.
	left *bool
}

// do is the one way to finAPI. It fetches the token, sends, repeats what may be
// repeated, and decodes the answer. as is nil for the token endpoint only.
func (c *Client) do(ctx context.Context, as *tokenSource, in call) error {
	ep := &endpoints[in.endpoint]
	payload, err := in.payload()
	if err != nil {
		return err
	}
	in.owner = as
	patience := c.retries
	if !ep.safe || in.once {
		patience.Attempts = 1
	}
	if c.hooks.Start != nil {
		in.sent = new(int)
	}
	return c.retry(ctx, patience, ep.host, func() error { return c.authorized(ctx, as, in, payload) })
}

// authorized sends with a token. A 401 says that the server refused before it
// acted, so one more try with a fresh token is safe even for what must not be
// sent twice.
func (c *Client) authorized(ctx context.Context, as *tokenSource, in call, payload []byte) error {
	if as == nil {
		return c.once(ctx, in, payload, Secret{})
	}
	token, err := as.token(ctx, in.life)
	if err != nil {
		return withoutToken(err)
	}
	err = c.once(ctx, in, payload, token)
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		return err
	}
	as.drop(token)
	if token, err = as.token(ctx, 0); err != nil {
		return withoutToken(err)
	}
	return c.once(ctx, in, payload, token)
}

// withoutToken ends a call that gets no token, because the token endpoint had its own patience.
// But a host that is left alone ends no call that is under way.
func withoutToken(err error) error {
	if IsError(err, CodeHostDown) {
		return err
	}
	return backoff.Permanent(err)
}

// once sends one request when it may, and tells the log and the hooks of it.
func (c *Client) once(ctx context.Context, in call, payload []byte, token Secret) error {
	asked := c.clock.Now()
	leave, err := c.admit(ctx, &in)
	waited := c.clock.Now().Sub(asked)
	outcome := errUnfinished
	if err == nil {
		defer func() { leave(ctx, outcome) }()
	}
	ctx, end := c.beginRequest(ctx, &in)
	if err != nil {
		end(OperationEnd{Err: err, Waited: waited})
		return err
	}
	start := c.clock.Now()
	status, requestID, err := c.exchange(ctx, in, payload, token)
	outcome = err
	if requestID != "" {
		c.log(ctx, &endpoints[in.endpoint], start, status, requestID, err)
	}
	end(OperationEnd{Err: err, Status: status, RequestID: requestID, Waited: waited})
	return err
}

// errUnfinished is the outcome of a request during which the transport panicked.
var errUnfinished = errors.New("finapi: the request did not come to its end")

// exchange sends one request and reads its whole answer. The request id is "" if nothing
// could be sent.
func (c *Client) exchange(ctx context.Context, in call, payload []byte, token Secret) (status int, requestID string, err error) {
	ep := &endpoints[in.endpoint]
	attempt, cancel := context.WithTimeout(ctx, ep.patience)
	defer cancel()
	req, err := c.newRequest(attempt, in, payload, token)
	if err != nil {
		return 0, "", err
	}
	if in.left != nil {
		*in.left = true
	}
	resp, err := c.http.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return 0, req.Header.Get("X-Request-Id"), c.networkError(ctx, ep, req, err)
	}
	defer c.drain(resp.Body)
	err = c.receive(ctx, &in, req, resp)
	secrets := in.secrets(token)
	secrets.hideIn(err)
	return resp.StatusCode, secrets.hide(requestIDOf(req, resp)), err
}

// newRequest is the only place that builds a request.
func (c *Client) newRequest(ctx context.Context, in call, payload []byte, token Secret) (*http.Request, error) {
	ep := &endpoints[in.endpoint]
	path, err := ep.path(in.ids)
	if err != nil {
		return nil, err
	}
	target := c.base[ep.host] + path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, ep.method, target, bytes.NewReader(payload))
	if err != nil {
		return nil, invalid("id", "does not fit into a URL")
	}
	h := req.Header
	h.Set("Accept", "application/json")
	h.Set("Accept-Language", string(c.language))
	h.Set("User-Agent", c.userAgent)
	h.Set("X-Request-Id", "finapi-go-"+rand.Text())
	switch {
	case in.form != nil:
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	case in.body != nil:
		h.Set("Content-Type", "application/json")
	}
	in.customer.header(h)
	if !token.IsZero() {
		h.Set("Authorization", "Bearer "+token.Reveal())
	}
	return req, nil
}

func (in *call) payload() ([]byte, error) {
	if in.form != nil {
		return []byte(in.form.Encode()), nil
	}
	if in.body == nil {
		return nil, nil
	}
	data, err := json.Marshal(in.body)
	if err != nil {
		return nil, invalid("body", "cannot be written as JSON")
	}
	return data, nil
}

// receive reads the answer to the end before anything of it is used.
func (c *Client) receive(ctx context.Context, in *call, req *http.Request, resp *http.Response) error {
	ep := &endpoints[in.endpoint]
	success := resp.StatusCode >= 200 && resp.StatusCode < 300
	limit := int64(maxAnswer)
	if !success {
		limit = maxErrorBody
	}
	buffer, release := c.bufferFor(in)
	defer release()
	n, err := buffer.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil && ctx.Err() != nil && ep.tokenKind != noToken {
		return c.networkError(ctx, ep, req, err) // the caller gave up; but a refused password stays refused
	}
	if !success {
		e := readError(ep, resp.StatusCode, buffer.Bytes(), validRequestID(resp.Header.Get("X-Request-Id")))
		e.RequestID = cmp.Or(e.RequestID, req.Header.Get("X-Request-Id"))
		e.RetryAfter = retryAfter(resp.Header, c.clock.Now())
		return e
	}
	requestID := requestIDOf(req, resp)
	if err != nil {
		err = c.networkError(ctx, ep, req, err)
		if e := (*Error)(nil); errors.As(err, &e) {
			e.Status, e.RequestID = resp.StatusCode, requestID
		}
		return err
	}
	if n > limit {
		return unreadable(ep, resp.StatusCode, requestID, CodeTooLarge, "the answer is larger than 32 MiB")
	}
	if err := decode(buffer.Bytes(), in.into); err != nil {
		return unreadable(ep, resp.StatusCode, requestID, CodeUnreadable, describe(err))
	}
	if answer, ok := in.into.(dated); ok {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			answer.answeredAt(at)
		}
	}
	return nil
}

// decode reads a whole body. Where none is expected an empty one will do, but not a
// page of a proxy, which would make a deletion look as if it had happened.
func decode(body []byte, into any) error {
	if into == nil {
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		into = new(json.RawMessage)
	}
	fast, ok := into.(fastReader)
	if !ok || !fast.readFast(body) {
		if err := json.Unmarshal(body, into); err != nil {
			return err
		}
	}
	if answer, ok := into.(checked); ok {
		return answer.check()
	}
	return nil
}

func unreadable(ep *endpoint, status int, requestID string, code Code, message string) *Error {
	return &Error{
		Status: status, Code: code, Actor: ActorFinAPI, Message: message,
		RequestID: requestID, Endpoint: ep.String(),
	}
}

// describe tells why a body could not be decoded without quoting it.
func describe(err error) string {
	var wrongType *json.UnmarshalTypeError
	var missing *missingFieldError
	switch {
	case errors.As(err, &missing):
		return missing.Error()
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return "the field " + wrongType.Field + " has an unexpected type"
	}
	return "the answer is not the JSON that was expected"
}

// missingFieldError is the decoders' error for a required field that is absent, null
// or unusable.
type missingFieldError struct{ field string }

func (e *missingFieldError) Error() string { return "the field " + e.field + " is missing or unusable" }

func (c *Client) log(ctx context.Context, ep *endpoint, start time.Time, status int, requestID string, err error) {
	attrs := []slog.Attr{
		slog.String("endpoint", ep.String()),
		slog.Int("status", status),
		slog.String("request_id", requestID),
		slog.Duration("duration", c.clock.Now().Sub(start)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	c.logger.LogAttrs(ctx, slog.LevelDebug, "finapi request", attrs...)
}

// drain lets the connection be used again.
func (c *Client) drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}

// bufferFor returns an empty buffer for a call's answer, and what to call when the answer was
// decoded. A buffer that had to grow large is not kept.
func (c *Client) bufferFor(in *call) (buffer *bytes.Buffer, release func()) {
	buffer = in.buffer
	if buffer == nil {
		buffer, _ = c.buffers.Get().(*bytes.Buffer)
	}
	if buffer == nil {
		buffer = new(bytes.Buffer)
	}
	buffer.Reset()
	return buffer, func() {
		switch {
		case buffer.Cap() > maxPooledBuffer:
			*buffer = bytes.Buffer{}
		case in.buffer == nil:
			c.buffers.Put(buffer)
		}
	}
}

// requestIDOf returns the id that finAPI echoes or made, else the one that was sent.
func requestIDOf(req *http.Request, resp *http.Response) string {
	return cmp.Or(validRequestID(resp.Header.Get("X-Request-Id")), req.Header.Get("X-Request-Id"))
}

// requestIDPattern is what finAPI and gateways make their ids of.
var requestIDPattern = regexp.MustCompile(`^[0-9A-Za-z\-_.~:;,=+/@]{1,255}$`)

// validRequestID drops a request id that is of no such kind, so that it cannot forge a
// part of an error's text or a line of a log.
func validRequestID(id string) string {
	if !requestIDPattern.MatchString(id) {
		return ""
	}
	return id
}

// Environment is one of finAPI's two worlds. The zero Environment is refused.
type Environment uint8

const (
	// Sandbox is for development. Its banks are made up; it allows no load tests.
	Sandbox Environment = iota + 1
	// Live is the real thing.
	Live
)

// String returns "sandbox" or "live".
func (e Environment) String() string {
	switch e {
	case Sandbox:
		return "sandbox"
	case Live:
		return "live"
	}
	return "unknown environment"
}

// hosts returns the base URLs, indexed by host.
func (e Environment) hosts() ([2]string, error) {
	switch e {
	case Sandbox:
		return [2]string{access: "https://sandbox.finapi.io", webForm: "https://webform-sandbox.finapi.io"}, nil
	case Live:
		// The Web Form host is known from integrations only, see docs/fidelity.md.
		return [2]string{access: "https://live.finapi.io", webForm: "https://webform-live.finapi.io"}, nil
	}
	return [2]string{}, invalid("environment", "must be Sandbox or Live")
}

// Credentials are the vendor's client credentials at finAPI.
type Credentials struct {
	// ID is the client_id, 1 to 255 printable characters.
	ID string
	// Secret is the client_secret.
	Secret Secret
}

func (c Credentials) validate() error {
	if !plainASCII(c.ID) {
		return invalid("Credentials.ID", "must be 1 to 255 printable characters without spaces")
	}
	if !plainASCII(c.Secret.Reveal()) {
		return invalid("Credentials.Secret", "must be 1 to 255 printable characters without spaces")
	}
	return nil
}

func plainASCII(s string) bool {
	notPrintable := func(r rune) bool { return r <= ' ' || r > '~' }
	return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, notPrintable)
}

// loopback reports whether a host name can only mean this machine.
func loopback(hostname string) bool {
	ip := net.ParseIP(hostname)
	return hostname == "localhost" || ip != nil && ip.IsLoopback()
}
