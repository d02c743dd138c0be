package finapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

// counter is an ERP whose customers and callbacks send what they like. finAPI says of each
// form that it is completed.
type counter struct {
	oneAnswer
	handler *finapi.ReturnHandler
	log     bytes.Buffer
	handed  []finapi.Return
	called  string // the callback's address of the last form
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "bankConnectionImport") {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var body struct {
			Callbacks struct {
				Finalised string `json:"finalised"`
			} `json:"callbacks"`
		}
		if err := json.Unmarshal(data, &body); err != nil {
			return nil, err
		}
		c.called = body.Callbacks.Finalised
	}
	return c.oneAnswer.RoundTrip(r)
}

// newCounter returns it with a good state of a browser and one of a callback.
func newCounter(tb testing.TB, form string) (c *counter, browser, called string) {
	tb.Helper()
	c = &counter{oneAnswer: oneAnswer{body: form, routes: map[string]bool{}}}
	client, err := finapi.NewClient(
		finapi.Sandbox, goodCredentials(), finapi.WithTransport(c), finapi.WithClock(newFakeClock()), retrying(1, 1000, 1000),
		finapi.WithLogger(slog.New(slog.NewTextHandler(&c.log, nil))),
	)
	must(tb, err)
	user := client.User(userName, finapi.NewSecret(password))
	c.handler, err = client.NewReturnHandler(finapi.ReturnConfig{
		URL: landing, Callback: callback, Keys: []finapi.Secret{finapi.NewSecret(strings.Repeat("k", 32))},
		SignedIn:   func(*http.Request) (*finapi.User, error) { return user, nil },
		User:       func(context.Context, finapi.UserID) (*finapi.User, error) { return user, nil },
		Returned:   func(_ http.ResponseWriter, _ *http.Request, back finapi.Return) { c.handed = append(c.handed, back) },
		CalledBack: func(_ context.Context, back finapi.Return) error { c.handed = append(c.handed, back); return nil },
	})
	must(tb, err)
	consent, err := c.handler.StartConsent(tb.Context(), user, finapi.ConsentRequest{})
	must(tb, err)
	return c, stateIn(tb, queryOf(tb, consent.URL).Get("redirectUrl")), stateIn(tb, c.called)
}

func queryOf(tb testing.TB, address string) url.Values {
	tb.Helper()
	u, err := url.Parse(address)
	must(tb, err)
	return u.Query()
}

func stateIn(tb testing.TB, address string) string {
	tb.Helper()
	state := queryOf(tb, address).Get("state")
	if state == "" {
		tb.Fatalf("%s holds no state", address)
	}
	return state
}

var askedForForm = regexp.MustCompile(`^(GET /api/webForms/[0-9A-Za-z-]{36}|POST /api/webForms/bankConnectionImport)$`)

// FuzzReturn lets anybody come to the addresses for customers and for callbacks. In what they
// bring, BROWSER and CALLBACK are good states. Without one, nothing is asked and nothing
// handed on; with one, nothing is believed but what finAPI says of the form.
func FuzzReturn(f *testing.F) {
	form := fixture(f, "web_form_completed.json")
	for _, name := range []string{"callback_web_form.json", "callback_task_web_form_required.json", "callback_task_finalised.json"} {
		f.Add(true, "state=CALLBACK", fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, posted bool, query, body string) {
		c, browser, called := newCounter(t, form)
		query = strings.NewReplacer("BROWSER", browser, "CALLBACK", called).Replace(query)
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, landing, nil)
		good := browser
		if posted {
			request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, callback, strings.NewReader(body))
			good = called
		}
		request.URL.RawQuery = query
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, request)

		believed := request.URL.Query().Get("state") == good
		switch {
		case posted && (w.Code != http.StatusNoContent || w.Body.Len() > 0):
			t.Errorf("a callback was answered with %d and %q", w.Code, w.Body)
		case !posted && believed != (w.Code == http.StatusOK), !posted && !believed && w.Code != http.StatusForbidden:
			t.Errorf("a browser was answered with %d", w.Code)
		case !believed && (len(c.handed) > 0 || len(c.routes) > 1), !posted && len(c.handed) == 0 == believed, len(c.handed) > 1:
			t.Errorf("%d returns were handed on, and %v was asked", len(c.handed), c.routes)
		}
		for _, back := range c.handed {
			if back.User.ID() != userName || back.Consent.ID != formID || back.Outcome.Result != finapi.ResultConnected {
				t.Errorf("%+v was handed on", back)
			}
		}
		for route := range c.routes {
			if !askedForForm.MatchString(route) {
				t.Errorf("%s was asked", route)
			}
		}
		if text := c.log.String(); len(text) > 200 || strings.Count(text, "\n") > 1 {
			t.Errorf("the log quotes what came: %s", text)
		}
	})
}
