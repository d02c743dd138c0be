package finapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// This file is about where requests go: to finAPI's two hosts, whatever an answer says.

// stranger is a server on another host. It must see nothing.
type stranger struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		s.seen = append(s.seen, r.Method+" "+r.URL.Path+" with "+r.Header.Get("Authorization")+" "+string(body))
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func (s *stranger) wantNothing(t *testing.T) {
	t.Helper()
	for _, request := range s.requests() {
		t.Errorf("another host was sent %s", request)
	}
}

// TestNoOperationFollowsARedirectToAnotherHost has real servers, to which a redirect leads if
// it is followed.
func TestNoOperationFollowsARedirectToAnotherHost(t *testing.T) {
	t.Parallel()
	evil := newStranger(t)
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v2/oauth/token" {
				_, _ = io.WriteString(w, tokenReply(1, 3600, true).body)
				return
			}
			w.Header().Set("Location", evil.URL+"/steal")
			w.WriteHeader(status)
		}))
		t.Cleanup(home.Close)
		client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(home.URL, home.URL),
			finapi.WithClock(newFakeClock()), finapi.WithHTTPClient(&http.Client{
				Transport:     home.Client().Transport,
				CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
			}))
		must(t, err)
		user := client.User(userName, finapi.NewSecret(password))
		for _, r := range readings() {
			mustFail(t, r.call(t.Context(), client, user), finapi.CodeRedirected)
		}
		for _, w := range writings() {
			if w.route != revokeRoute { // which needs a token to be there
				mustFail(t, w.call(t.Context(), client, user), finapi.CodeRedirected)
			}
		}
		mustFail(t, user.Logout(t.Context()), finapi.CodeRedirected)
		_, err = client.CreateUser(t.Context(), finapi.NewUser{})
		mustFail(t, err, finapi.CodeRedirected)
	}
	evil.wantNothing(t)
	// The trap works: a client that follows redirects falls into it.
	home := httptest.NewServer(http.RedirectHandler(evil.URL+"/steal", http.StatusTemporaryRedirect))
	t.Cleanup(home.Close)
	resp, err := http.Post(home.URL, "text/plain", strings.NewReader("careless"))
	must(t, err)
	must(t, resp.Body.Close())
	same(t, []string{"POST /steal with  careless"}, evil.requests())
}

// TestCredentialsAreNotRedirected is about the token endpoint, to which the password goes.
func TestCredentialsAreNotRedirected(t *testing.T) {
	t.Parallel()
	evil := newStranger(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		home := httptest.NewServer(http.RedirectHandler(evil.URL+"/token", status))
		t.Cleanup(home.Close)
		client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(home.URL, home.URL), finapi.WithClock(newFakeClock()))
		must(t, err)
		_, err = client.Configuration(t.Context())
		mustFail(t, err, finapi.CodeRedirected)
		_, err = client.User(userName, finapi.NewSecret(password)).Connections(t.Context())
		mustFail(t, err, finapi.CodeRedirected)
	}
	evil.wantNothing(t)
}

// hostile changes answers: every URL in them leads to another host, in every field and in
// every header that names one.
type hostile struct {
	to      string
	mu      sync.Mutex
	changed map[string]bool // the fields
}

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Location", "Content-Location", "Refresh", "Link", "Alt-Svc", "Host", "Origin"} {
		resp.Header.Set(name, h.to+"/header")
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	var value any
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		if body, err = json.Marshal(h.change("", value)); err != nil {
			return nil, err
		}
	}
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Body = -1, io.NopCloser(strings.NewReader(string(body)))
	return resp, nil
}

// change puts the other host into all texts that are URLs, and into fields that are missing and
// whose names say that they could be.
func (h *hostile) change(field string, value any) any {
	switch value := value.(type) {
	case string:
		if strings.Contains(value, "://") {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed[field] = true
			return h.to + "/" + field
		}
	case []any:
		for i := range value {
			value[i] = h.change(field, value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = h.change(name, value[name])
		}
		for _, name := range []string{"location", "url", "href", "next", "redirectUrl", "token_endpoint"} {
			if value[name] == nil && field != "enabledProducts" { // a map of names of its own
				value[name] = h.change(name, "added://")
			}
		}
	}
	return value
}

// TestNoURLInAnAnswerIsEverAsked goes the whole way, from the consent to the bookings, at a
// finAPI whose answers name another host wherever they name one.
func TestNoURLInAnAnswerIsEverAsked(t *testing.T) {
	t.Parallel()
	evil, sim, ctx := newStranger(t), finapitest.New(t), t.Context()
	bad := &hostile{to: evil.URL, changed: map[string]bool{}}
	client, err := capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()), finapi.WithTransport(bad))
	must(t, err)
	user, err := client.CreateUser(ctx, finapi.NewUser{ID: userName, Password: finapi.NewSecret(password)})
	must(t, err)

	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	mustFail(t, err, finapi.CodeForeignURL)
	same(t, finapi.Consent{}, consent)
	forms := allRows(t, user.Forms().List(ctx))
	same(t, 1, len(forms))
	same(t, "", forms[0].URL)
	consent, err = user.Consent(ctx, forms[0].ID)
	mustFail(t, err, finapi.CodeForeignURL)
	same(t, "", consent.URL)

	plain, err := capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()))
	must(t, err)
	consent, err = plain.User(userName, finapi.NewSecret(password)).Consent(ctx, forms[0].ID)
	must(t, err)
	must(t, sim.Approve(consent.URL))
	sim.Clock().Advance(time.Minute)

	connections, err := user.Connections(ctx)
	must(t, err)
	same(t, 1, len(connections))
	_, err = client.Configuration(ctx)
	must(t, err)
	_ = allRows(t, client.Banks(ctx, finapi.BankQuery{}))
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{})
	must(t, err)
	_ = allRows(t, user.Transactions(ctx, finapi.TransactionQuery{}))
	_ = allRows(t, user.Tasks().List(ctx))
	_, err = user.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: connections[0].ID, Interface: finapi.XS2A})
	must(t, err)
	_, err = user.Refresh(ctx, finapi.RefreshRequest{Connection: connections[0].ID})
	if action := (*finapi.ActionRequired)(nil); !errors.As(err, &action) || action.URL != "" {
		t.Errorf("the refresh ended with %v, want that the customer must act, without a form", err)
	}
	_, err = user.Refresh(ctx, finapi.RefreshRequest{Connection: connections[0].ID, Customer: theDevice()})
	mustFail(t, err, finapi.CodeForeignURL)
	_, err = finapi.Collect(user.Feed(accounts[0].ID, "bank", &finapi.MemoryStore{}).Sync(ctx))
	must(t, err)
	must(t, user.Logout(ctx))
	must(t, user.Delete(ctx))

	evil.wantNothing(t)
	same(t, true, bad.changed["url"] && bad.changed["location"])
}

// TestAFormIsAcceptedFromFinAPIsHostsOnly knows the ways to make a URL look like finAPI's.
func TestAFormIsAcceptedFromFinAPIsHostsOnly(t *testing.T) {
	t.Parallel()
	const good = "webform.finapi.io"
	refused := []string{
		// another host
		"https://evil.example/wf/x", "https://finapi.io/wf/x", "https://sandbox.finapi.io/wf/x", "https://evil.finapi.io/wf/x",
		// a host that begins or ends like finAPI's
		"https://" + good + ".evil.example/wf/x", "https://evil-" + good + "/wf/x", "https://evil." + good + "/wf/x",
		"https://evil.example/" + good, "https://evil.example?" + good, "https://evil.example#" + good, "https://" + good + "./wf/x",
		// a name of a user that looks like a host
		"https://" + good + "@evil.example/wf/x", "https://" + good + ":443@evil.example/wf/x", "https://user:pw@" + good + "/wf/x",
		"https://@" + good + "/wf/x", "https://evil.example%2F@" + good + "/wf/x", "https://" + good + "%40evil.example/wf/x",
		// what browsers read in another way
		`https://` + good + `\@evil.example/wf/x`, `https://evil.example\@` + good, `https:\\` + good, "https://evil.example\t@" + good, " https://" + good,
		"https:///" + good + "/wf/x", "https:" + good + "/wf/x", "//" + good + "/wf/x", "https://" + good + "\x00.evil.example",
		// another scheme
		"http://" + good + "/wf/x", "ftp://" + good + "/wf/x", "javascript://" + good + "/%0aalert(1)", "data:text/html," + good, "file://" + good + "/x",
		// another port
		"https://" + good + ":8443/wf/x", "https://" + good + ":/wf/x", "https://" + good + ":443/wf/x",
		// letters that look like others: Cyrillic о, full-width letters, punycode, soft hyphen
		"https://webf\u043erm.finapi.io/wf/x", "https://ｗｅｂｆｏｒｍ.finapi.io/wf/x", "https://xn--webfrm-6nf.finapi.io/wf/x",
		"https://web\u00adform.finapi.io/wf/x", "https://webform\u3002finapi\u3002io/wf/x",
		// finAPI writes its hosts in lower case; nobody has seen another
		"https://WEBFORM.finapi.io/wf/x",
		// no URL
		"wf/x", "https://", "https://[::1]/wf/x", "https://127.0.0.1/wf/x",
	}
	formBody := func(form string) reply {
		quoted, err := json.Marshal(form)
		must(t, err)
		return reply{body: strings.ReplaceAll(fixture(t, "web_form_created.json"), `"`+formURL+`"`, string(quoted))}
	}
	for _, form := range refused {
		server := newStub(t)
		server.on(importRoute, formBody(form))
		server.on("GET /api/webForms/"+formID, formBody(form))
		user := server.user()
		consent, err := user.StartConsent(t.Context(), finapi.ConsentRequest{})
		e := failure(t, err, finapi.CodeForeignURL)
		same(t, finapi.Consent{}, consent)
		if text := capture.Print(e); strings.Contains(text, "evil") || strings.Contains(text, "/wf/") {
			t.Errorf("%q: the error quotes it: %s", form, text)
		}
		consent, err = user.Consent(t.Context(), formID)
		mustFail(t, err, finapi.CodeForeignURL)
		same(t, "", consent.URL)
	}
	for _, form := range []string{formURL, "https://" + good + "/wf/x", "https://webform-live.finapi.io/wf/x?y=https://evil.example"} {
		server := newStub(t)
		server.on(importRoute, formBody(form))
		consent, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{})
		must(t, err)
		same(t, form, consent.URL)
	}
}
