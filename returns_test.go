package finapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

const (
	landing  = "https://erp.example/bank/back"
	callback = "https://erp.example/bank/callback"
)

// desk is an ERP that receives customers and callbacks.
type desk struct {
	*bench
	config   finapi.ReturnConfig
	handler  *finapi.ReturnHandler
	log      bytes.Buffer
	signedIn *finapi.User
	returned []finapi.Return
	called   []finapi.Return
	refused  []error
}

func newDesk(t *testing.T, change ...func(*finapi.ReturnConfig)) *desk {
	t.Helper()
	d := &desk{bench: newBench(t, empty())}
	var err error
	d.client, err = capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: d.sim.ClientID(), Secret: finapi.NewSecret(d.sim.ClientSecret())},
		finapi.WithBaseURLs(d.sim.AccessURL(), d.sim.WebFormURL()), finapi.WithClock(d.sim.Clock()),
		finapi.WithLogger(slog.New(slog.NewTextHandler(capture.Tee(&d.log), nil))))
	must(t, err)
	d.user = d.client.User(userName, finapi.NewSecret(password))
	d.signedIn = d.user
	d.config = finapi.ReturnConfig{
		URL: landing, Callback: callback, Keys: []finapi.Secret{finapi.NewSecret(strings.Repeat("k", 32))},
		SignedIn: func(*http.Request) (*finapi.User, error) { return d.signedIn, nil },
		User:     func(context.Context, finapi.UserID) (*finapi.User, error) { return d.user, nil },
		Returned: func(_ http.ResponseWriter, _ *http.Request, back finapi.Return) {
			d.returned = append(d.returned, back)
		},
		Refused: func(_ http.ResponseWriter, _ *http.Request, err error) { d.refused = append(d.refused, err) },
		CalledBack: func(_ context.Context, back finapi.Return) error {
			d.called = append(d.called, back)
			return nil
		},
	}
	for _, c := range change {
		c(&d.config)
	}
	d.handler, err = d.client.NewReturnHandler(d.config)
	must(t, err)
	return d
}

// start opens a form and returns it with the three ways back and the callback's.
func (d *desk) start() (consent finapi.Consent, success, abort, called string) {
	d.t.Helper()
	d.sim.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "bankConnectionImport") {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			_, called, _ = strings.Cut(string(body), `"finalised":"`)
			called, _, _ = strings.Cut(called, `"`)
		}
		return false
	})
	consent, err := d.handler.StartConsent(d.t.Context(), d.user, finapi.ConsentRequest{Bank: finapitest.SparkasseID, Again: true})
	must(d.t, err)
	u, err := url.Parse(consent.URL)
	must(d.t, err)
	return consent, u.Query().Get("redirectUrl"), u.Query().Get("abortRedirectUrl"), called
}

func (d *desk) browse(address string) *httptest.ResponseRecorder {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), http.MethodGet, address, nil))
	return w
}

func (d *desk) call(address, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, address, strings.NewReader(body)))
	return w
}

// wantRefused checks that the last one who came was refused with a code and a reason
// in the log, and that nothing was handed on.
func (d *desk) wantRefused(code finapi.Code, reason string) {
	d.t.Helper()
	if len(d.refused) == 0 || !finapi.IsError(d.refused[len(d.refused)-1], code) {
		d.t.Errorf("got %v, want a refusal with %s", d.refused, code)
	}
	d.wantLogged(reason)
}

func (d *desk) wantLogged(reason string) {
	d.t.Helper()
	text := d.log.String()
	if !strings.Contains(text, reason) {
		d.t.Errorf("the log does not say %q: %s", reason, text)
	}
	if strings.Contains(text, string(userName)) || strings.Contains(text, "state=") {
		d.t.Errorf("the log tells the user or the state: %s", text)
	}
}

func TestACustomerWhoComesBackIsHandedOnWithWhatFinAPISays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, _ := d.start()
	w := d.browse(success) // faster than the bank
	same(t, finapi.ResultPending, d.returned[0].Outcome.Result)
	same(t, "no-store", w.Header().Get("Cache-Control"))
	same(t, "no-referrer", w.Header().Get("Referrer-Policy"))
	must(t, d.sim.Approve(consent.URL))
	d.browse(success) // the page loads itself again
	same(t, 2, len(d.returned))
	back := d.returned[1]
	same(t, finapi.ResultConnected, back.Outcome.Result)
	same(t, consent.ID, back.Consent.ID)
	if back.Outcome.Connection == 0 || back.User != d.user {
		t.Errorf("got connection %d of user %v", back.Outcome.Connection, back.User)
	}
	same(t, 0, len(d.refused))
}

func TestTheURLOfTheReturnIsNotBelieved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, _ := d.start()
	must(t, d.sim.Abort(consent.URL))
	d.browse(success) // says success; finAPI says otherwise
	same(t, finapi.ResultAborted, d.returned[0].Outcome.Result)
}

func TestAReturnWorksOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, abort, _ := d.start()
	must(t, d.sim.Approve(consent.URL))
	d.browse(success)
	d.browse(success)
	d.wantRefused(finapi.CodeReturnReplayed, "used before")
	d.browse(abort) // the same form by another way
	same(t, 2, len(d.refused))
	same(t, 1, len(d.returned))
}

func TestOfManyReturnsAtOnceOneIsHandedOn(t *testing.T) {
	t.Parallel()
	var handed, refused atomic.Int32
	d := newDesk(t, func(c *finapi.ReturnConfig) {
		c.Returned = func(http.ResponseWriter, *http.Request, finapi.Return) { handed.Add(1) }
		c.Refused = func(http.ResponseWriter, *http.Request, error) { refused.Add(1) }
	})
	consent, success, _, _ := d.start()
	must(t, d.sim.Approve(consent.URL))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { d.browse(success) })
	}
	wait.Wait()
	same(t, int32(1), handed.Load())
	same(t, int32(7), refused.Load())
}

func TestAStateThatIsNotGoodForThisIsRefused(t *testing.T) {
	t.Parallel()
	forge := func(address string, change func(state string) string) string {
		u, err := url.Parse(address)
		must(t, err)
		q := u.Query()
		q.Set("state", change(q.Get("state")))
		u.RawQuery = q.Encode()
		return u.String()
	}
	cases := []struct {
		name   string
		come   func(d *desk, success, called string)
		reason string
	}{
		{"no state", func(d *desk, _, _ string) { d.browse(landing) }, "not signed"},
		{"an invented state", func(d *desk, _, _ string) { d.browse(landing + "?state=abc.def") }, "not signed"},
		{"no base64", func(d *desk, _, _ string) { d.browse(landing + "?state=%2A.%2A") }, "not signed"},
		{"a changed body", func(d *desk, success, _ string) {
			d.browse(forge(success, func(s string) string { return "Z" + s[1:] }))
		}, "not signed"},
		{"a changed signature", func(d *desk, success, _ string) {
			d.browse(forge(success, func(s string) string {
				i := strings.Index(s, ".") + 1
				return s[:i] + strings.Map(func(r rune) rune {
					if r == 'A' {
						return 'B'
					}
					return 'A'
				}, s[i:i+1]) + s[i+1:]
			}))
		}, "not signed"},
		{"the callback's state in a browser", func(d *desk, _, called string) {
			d.browse(strings.Replace(called, callback, landing, 1))
		}, "another way back"},
		{"an expired state", func(d *desk, success, _ string) {
			d.sim.Clock().Advance(41 * time.Minute)
			d.browse(success)
		}, "expired"},
		{"nobody is signed in", func(d *desk, success, _ string) {
			d.signedIn = nil
			d.browse(success)
		}, "nobody is signed in"},
		{"somebody else is signed in", func(d *desk, success, _ string) {
			d.signedIn = d.client.User("customer-2", finapi.NewSecret(password))
			d.browse(success)
		}, "another user"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			consent, success, _, called := d.start()
			must(t, d.sim.Approve(consent.URL))
			tt.come(d, success, called)
			d.wantRefused(finapi.CodeReturnRefused, tt.reason)
			same(t, 0, len(d.returned))
			if tt.reason == "expired" {
				return
			}
			// The attempt has not used up the state of the one it belongs to.
			d.signedIn = d.user
			d.browse(success)
			same(t, 1, len(d.returned))
		})
	}
}

func TestAStateOfAnotherHandlerIsRefusedUnlessTheKeyIsKnown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, _ := d.start()
	must(t, d.sim.Approve(consent.URL))
	signing := d.config.Keys[0]
	for name, keys := range map[string][]finapi.Secret{
		"another key":                {finapi.NewSecret(strings.Repeat("x", 32))},
		"a new key before the old 1": {finapi.NewSecret(strings.Repeat("x", 40)), signing},
	} {
		d.config.Keys, d.returned, d.refused = keys, nil, nil
		d.config.States = &finapi.MemoryStates{}
		var err error
		d.handler, err = d.client.NewReturnHandler(d.config)
		must(t, err)
		d.browse(success)
		same(t, len(keys)-1, len(d.returned))
		if len(d.returned)+len(d.refused) != 1 {
			t.Errorf("%s: returned %d, refused %d", name, len(d.returned), len(d.refused))
		}
	}
}

func TestACallbackIsAHintThatIsReadAgainAndHandedOnOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, called := d.start()
	body := `{"webFormId":"` + string(consent.ID) + `","status":"COMPLETED"}`
	same(t, http.StatusNoContent, d.call(called, body).Code)
	same(t, 0, len(d.called)) // the form has not ended, whatever the body says
	must(t, d.sim.Abort(consent.URL))
	for range 3 {
		same(t, http.StatusNoContent, d.call(called, body).Code)
	}
	same(t, 1, len(d.called))
	same(t, finapi.ResultAborted, d.called[0].Outcome.Result)
	d.wantLogged("used before")
	d.browse(success) // the browser comes back on its own account
	same(t, 1, len(d.returned))
}

func TestACallbackThatIsNotGoodIsRefusedWithoutTellingAnybody(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, called := d.start()
	must(t, d.sim.Approve(consent.URL))
	other, err := d.client.CreateUser(t.Context(), finapi.NewUser{})
	must(t, err)
	foreign, err := other.StartConsent(t.Context(), finapi.ConsentRequest{})
	must(t, err)
	must(t, d.sim.Abort(foreign.URL))
	good := `{"webFormId":"` + string(consent.ID) + `","status":"COMPLETED"}`
	cases := []struct{ name, address, body, reason string }{
		{"no state", callback, good, "not signed"},
		{"the browser's state", strings.Replace(success, landing, callback, 1), good, "another way back"},
		{"no JSON", called, "<html>", "names no form"},
		{"no form", called, `{"status":"COMPLETED"}`, "names no form"},
		{"a malformed form", called, `{"webFormId":"../../users"}`, "names no form"},
		{"a form of another user", called, `{"webFormId":"` + string(foreign.ID) + `"}`, "not one of the user's"},
		{"a form that does not exist", called, `{"webFormId":"00000000-0000-0000-0000-000000000000"}`, "not one of the user's"},
	}
	for _, tt := range cases {
		d.log.Reset()
		same(t, http.StatusNoContent, d.call(tt.address, tt.body).Code)
		if len(d.called) != 0 {
			t.Fatalf("%s: the callback was handed on", tt.name)
		}
		d.wantLogged(tt.reason)
	}
	d.call(called, good) // none of them used up the good one
	same(t, 1, len(d.called))
}

func TestTheCallbackOfARenewalNamesTheFormOfItsTask(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.ExpireConsent(int64(d.connection))
	consent, err := d.handler.RenewConsent(t.Context(), d.user, finapi.RenewRequest{Connection: d.connection, Customer: theDevice()})
	must(t, err)
	must(t, d.sim.Approve(consent.URL))
	_, _, _, called := d.start() // any state of this user's callbacks
	d.call(called, `{"taskId":"31c7b0a4-9d4e-4f1c-8a26-7b7a5f0c9e02","status":"COMPLETED","webForm":{"id":"`+string(consent.ID)+`","status":"COMPLETED"}}`)
	same(t, 1, len(d.called))
	same(t, finapi.ResultRenewed, d.called[0].Outcome.Result)
	u, err := url.Parse(consent.URL)
	must(t, err)
	d.browse(u.Query().Get("redirectUrl"))
	same(t, finapi.ResultRenewed, d.returned[0].Outcome.Result)
}

func TestARefreshThatNeedsTheCustomerHasWaysBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sim.ExpireConsent(int64(d.connection))
	_, err := d.handler.Refresh(t.Context(), d.user, finapi.RefreshRequest{Connection: d.connection, Customer: theDevice()})
	var action *finapi.ActionRequired
	if !errors.As(err, &action) {
		t.Fatalf("got %v, want an *ActionRequired", err)
	}
	must(t, d.sim.Approve(action.URL))
	u, err := url.Parse(action.URL)
	must(t, err)
	d.browse(u.Query().Get("redirectUrl"))
	same(t, finapi.ResultRenewed, d.returned[0].Outcome.Result)
	_, err = d.handler.Refresh(t.Context(), d.user, finapi.RefreshRequest{Connection: d.connection, Customer: theDevice()})
	must(t, err)
}

func TestWhatFailsIsToldToTheCustomerInPlainText(t *testing.T) {
	t.Parallel()
	broken := errors.New("the database is gone")
	d := newDesk(t, func(c *finapi.ReturnConfig) { c.Refused = nil })
	consent, success, _, called := d.start()
	must(t, d.sim.Approve(consent.URL))
	w := d.browse(landing)
	same(t, http.StatusForbidden, w.Code)
	same(t, "Dieser Link ist abgelaufen oder nicht Ihrer; bitte prüfen Sie Ihre verbundenen Konten und beginnen Sie bei Bedarf von vorn.\n", w.Body.String())

	d.config.SignedIn = func(*http.Request) (*finapi.User, error) { return nil, broken }
	d.config.User = func(context.Context, finapi.UserID) (*finapi.User, error) { return nil, broken }
	d.config.States = failingStates{broken}
	var err error
	d.handler, err = d.client.NewReturnHandler(d.config)
	must(t, err)
	w = d.browse(success)
	same(t, http.StatusBadGateway, w.Code)
	if strings.Contains(w.Body.String(), "database") {
		t.Errorf("the customer is told %q", w.Body)
	}
	d.call(called, `{"webFormId":"`+string(consent.ID)+`"}`)
	d.wantLogged("finapi callback failed")
	d.config.SignedIn = func(*http.Request) (*finapi.User, error) { return d.user, nil }
	d.handler, err = d.client.NewReturnHandler(d.config)
	must(t, err)
	same(t, http.StatusBadGateway, d.browse(success).Code)
	same(t, 0, len(d.returned))
}

type failingStates struct{ err error }

func (s failingStates) Use(context.Context, string, time.Time) (bool, error) { return false, s.err }

func TestAUserWhoIsGoneGetsNoCallback(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]*finapi.User{
		"no user": nil, "another user": newStub(t).client().User("customer-2", finapi.NewSecret(password)),
	} {
		d := newDesk(t, func(c *finapi.ReturnConfig) {
			c.User = func(context.Context, finapi.UserID) (*finapi.User, error) { return user, nil }
		})
		consent, _, _, called := d.start()
		must(t, d.sim.Approve(consent.URL))
		d.call(called, `{"webFormId":"`+string(consent.ID)+`"}`)
		d.wantLogged("not known any more")
		if len(d.called) != 0 {
			t.Errorf("%s: the callback was handed on", name)
		}
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	consent, success, _, _ := d.start()
	must(t, d.sim.Approve(consent.URL))
	_, err := d.user.WaitConsent(t.Context(), consent.ID)
	must(t, err)
	for _, method := range []string{http.MethodPut, http.MethodHead} {
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, success, nil))
		same(t, http.StatusMethodNotAllowed, w.Code)
		same(t, "GET, POST", w.Header().Get("Allow"))
	}
	d.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, success, nil))
	same(t, 1, len(d.returned)) // none of them has used the state up
}

func TestABadReturnHandlerIsRefused(t *testing.T) {
	t.Parallel()
	client := newStub(t).client()
	good := finapi.ReturnConfig{
		URL: landing, Keys: []finapi.Secret{finapi.NewSecret(strings.Repeat("k", 32))},
		SignedIn: func(*http.Request) (*finapi.User, error) { return nil, nil },
		Returned: func(http.ResponseWriter, *http.Request, finapi.Return) {},
	}
	for field, change := range map[string]func(*finapi.ReturnConfig){
		"URL":       func(c *finapi.ReturnConfig) { c.URL = "http://erp.example" },
		"URL ":      func(c *finapi.ReturnConfig) { c.URL = landing + "?tenant=1&state=2" },
		"Callback ": func(c *finapi.ReturnConfig) { c.Callback = callback + "?state=" },
		"Callback":  func(c *finapi.ReturnConfig) { c.Callback = "http://127.0.0.1" },
		"SignedIn":  func(c *finapi.ReturnConfig) { c.SignedIn = nil },
		"Returned":  func(c *finapi.ReturnConfig) { c.Returned = nil },
		"User":      func(c *finapi.ReturnConfig) { c.Callback = callback },
		"Keys":      func(c *finapi.ReturnConfig) { c.Keys = append(c.Keys, finapi.NewSecret("short")) },
	} {
		config := good
		change(&config)
		_, err := client.NewReturnHandler(config)
		mustRefuse(t, err, "ReturnConfig."+strings.TrimSpace(field))
	}
	good.Keys = nil
	_, err := client.NewReturnHandler(good)
	mustRefuse(t, err, "ReturnConfig.Keys")
	d := newDesk(t)
	_, err = d.handler.StartConsent(t.Context(), d.user, finapi.ConsentRequest{State: "mine"})
	mustRefuse(t, err, "ConsentRequest.Return")
	_, err = d.handler.RenewConsent(t.Context(), d.user, finapi.RenewRequest{Connection: 1, Callback: callback})
	mustRefuse(t, err, "RenewRequest.Return")
	_, err = d.handler.StartConsent(t.Context(), nil, finapi.ConsentRequest{})
	mustRefuse(t, err, "user")
	_, err = d.handler.RenewConsent(t.Context(), nil, finapi.RenewRequest{Connection: 1})
	mustRefuse(t, err, "user")
	_, err = d.handler.Refresh(t.Context(), nil, finapi.RefreshRequest{Connection: 1})
	mustRefuse(t, err, "user")
}

func TestAFailureWithoutAPageOfTheERPSpeaksTheCustomersLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *finapi.ReturnConfig) {
		c.Refused = nil
		c.SignedIn = func(*http.Request) (*finapi.User, error) { return nil, errors.New("the ERP's session store is down") }
	})
	_, success, _, _ := d.start()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, success, nil))
	same(t, http.StatusBadGateway, w.Code)
	same(t, "Die Zustimmung konnte nicht gelesen werden. Bitte laden Sie die Seite neu.\n", w.Body.String())
	if !strings.Contains(d.log.String(), "session store is down") {
		t.Errorf("the log does not say why: %s", d.log.String())
	}
}

func TestUsedStatesAreForgottenInMemoryToo(t *testing.T) {
	t.Parallel()
	var states finapi.MemoryStates
	at := instant("2026-11-20T12:00:00Z")
	use := func(name string, expires time.Time) bool {
		first, err := states.Use(t.Context(), name, expires)
		must(t, err)
		return first
	}
	same(t, true, use("a", at))
	same(t, false, use("a", at))
	same(t, true, use("b", at.Add(24*time.Hour)))
	same(t, true, use("a", at)) // no state is good for as long
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := states.Use(ctx, "c", at); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
