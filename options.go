package finapi

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-cleanhttp"
)

// Version is the version of this package, as sent in the User-Agent.
const Version = "0.1.0"

// Option changes how a [Client] works. Options are applied in their order; a bad
// value is refused by [NewClient].
type Option func(*settings) error

type settings struct {
	base       [2]string // indexed by host
	custom     *http.Client
	transport  http.RoundTripper
	userAgent  string
	retries    Retry
	logger     *slog.Logger
	language   Language
	pageWindow int
	clock      Clock
	budget     Budget
	hooks      Hooks // with nothing left nil, or none
	inFlight   int
	every      time.Duration // between two requests; 0 for no limit
	circuit    Circuit
}

func defaultSettings(hosts [2]string) settings {
	return settings{
		base:       hosts,
		userAgent:  "finapi-go/" + Version,
		retries:    defaultRetry(),
		logger:     slog.New(slog.DiscardHandler),
		language:   German,
		pageWindow: 4,
		clock:      systemClock{},
		budget:     new(MemoryBudget),
		inFlight:   defaultInFlight,
		circuit:    defaultCircuit(),
	}
}

// WithHTTPClient makes the client send through a copy of hc: its transport, its
// cookie jar and its time-out. Redirects are refused whatever hc says.
func WithHTTPClient(hc *http.Client) Option {
	return func(s *settings) error {
		if hc == nil {
			return invalid("WithHTTPClient", "must not be nil")
		}
		s.custom = hc
		return nil
	}
}

// WithTransport makes the client send through rt, for example one that traces or
// that trusts a proxy's certificate. The default is a pooled transport of the
// client's own.
func WithTransport(rt http.RoundTripper) Option {
	return func(s *settings) error {
		if rt == nil {
			return invalid("WithTransport", "must not be nil")
		}
		s.transport = rt
		return nil
	}
}

// WithBaseURLs sends to other hosts than the environment's: Access and Web Form,
// for example of a simulator. Each must be https, or http on a loopback address.
func WithBaseURLs(access, webForm string) Option {
	return func(s *settings) error {
		for i, base := range []string{access, webForm} {
			if err := checkBaseURL(base); err != nil {
				return err
			}
			s.base[i] = strings.TrimRight(base, "/")
		}
		return nil
	}
}

func checkBaseURL(base string) error {
	const field = "WithBaseURLs"
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return invalid(field, "must be a URL of scheme, host and perhaps a path")
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return invalid(field, "must be https, or http on a loopback address")
}

// WithUserAgent names the ERP in front of this package in the User-Agent, such
// as "acme-erp/4.2". 1 to 200 printable characters.
func WithUserAgent(product string) Option {
	return func(s *settings) error {
		product = strings.TrimSpace(product)
		notPrintable := func(r rune) bool { return r < ' ' || r > '~' }
		if product == "" || len(product) > 200 || strings.ContainsFunc(product, notPrintable) {
			return invalid("WithUserAgent", "must be 1 to 200 printable ASCII characters")
		}
		s.userAgent = product + " finapi-go/" + Version
		return nil
	}
}

// WithRetry sets how patiently safe calls are repeated. The default is 4
// attempts, waiting 0.5 s at first and at most 30 s.
func WithRetry(r Retry) Option {
	return func(s *settings) error {
		if err := r.validate(); err != nil {
			return err
		}
		s.retries = r
		return nil
	}
}

// WithLogger logs every request at level debug: endpoint template, duration,
// and for errors status, code and request id; never ids, texts or secrets. When a
// [Circuit] opens, that is logged at level warn, and its end at level info. By
// default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return invalid("WithLogger", "must not be nil")
		}
		s.logger = l
		return nil
	}
}

// Language is the language of finAPI's messages and of its consent form. What a
// bank says is never translated.
type Language string

// The languages that finAPI knows.
const (
	German  Language = "de"
	English Language = "en"
	Czech   Language = "cs"
	Slovak  Language = "sk"
)

// WithLanguage sets the language of finAPI's messages. The default is German,
// as it is finAPI's.
func WithLanguage(l Language) Option {
	return func(s *settings) error {
		switch l {
		case German, English, Czech, Slovak:
			s.language = l
			return nil
		}
		return invalid("WithLanguage", "must be German, English, Czech or Slovak")
	}
}

// WithPageWindow sets how many pages of a listing are fetched at a time, 1 to 16. The
// default is 4, which divides the time that goes into waiting for finAPI by about 4. With 1
// each page is fetched when it is needed. A listing of one page takes one request in any
// case. Rows come in the same order and with the same guarantees whatever the window
// is; each of its pages takes about 2 MB of memory while it is read, and nearly as many pages
// again can wait for their turn.
func WithPageWindow(pages int) Option {
	return func(s *settings) error {
		if pages < 1 || pages > maxPageWindow {
			return invalid("WithPageWindow", "must be between 1 and 16")
		}
		s.pageWindow = pages
		return nil
	}
}

// WithClock sets the clock that tells the time and waits. The default is the
// machine's. A simulator brings its own.
func WithClock(clock Clock) Option {
	return func(s *settings) error {
		if clock == nil {
			return invalid("WithClock", "must not be nil")
		}
		s.clock = clock
		return nil
	}
}

// httpClient copies the caller's client, so that it stays as it was.
func (s *settings) httpClient() *http.Client {
	hc := &http.Client{}
	if s.custom != nil {
		*hc = *s.custom
	}
	switch {
	case s.transport != nil:
		hc.Transport = s.transport
	case hc.Transport == nil:
		hc.Transport = pooledTransport(s.inFlight)
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return hc
}

// pooledTransport adds what go-cleanhttp's lacks: a limit for the wait on the
// answer's header and for its size. Each attempt has a deadline besides. It keeps as many
// connections to a host as can be in use at the same time, else busy programs would shake
// hands all day; those that nobody uses are closed after 90 s.
func pooledTransport(inFlight int) http.RoundTripper {
	t := cleanhttp.DefaultPooledTransport()
	t.MaxIdleConnsPerHost = max(inFlight, maxPageWindow)
	t.MaxIdleConns = 2 * t.MaxIdleConnsPerHost
	t.ResponseHeaderTimeout = bankCall
	t.MaxResponseHeaderBytes = 256 << 10
	t.OnProxyConnectResponse = refusedByProxy
	t.ReadBufferSize = 32 << 10 // a compressed page of 500 rows in few steps
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return t
}
