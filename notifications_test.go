package finapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// post is the vendor's address for notifications.
type post struct {
	tb       testing.TB
	server   *stub
	handler  *finapi.NotificationHandler
	log      bytes.Buffer
	received []finapi.Notification
	fails    error
}

func notificationKeys(letters ...string) []finapi.Secret {
	var keys []finapi.Secret
	for _, letter := range letters {
		keys = append(keys, finapi.NewSecret(strings.Repeat(letter, 32)))
	}
	return keys
}

func newPost(tb testing.TB, keys ...finapi.Secret) *post {
	tb.Helper()
	p := &post{tb: tb, server: newStub(tb)}
	if len(keys) == 0 {
		keys = notificationKeys("k")
	}
	client := p.server.client(finapi.WithLogger(slog.New(slog.NewTextHandler(capture.Tee(&p.log), nil))))
	var err error
	p.handler, err = client.NewNotificationHandler(finapi.NotificationConfig{
		Keys: keys,
		Notified: func(_ context.Context, n finapi.Notification) error {
			p.received = append(p.received, n)
			return p.fails
		},
	})
	must(tb, err)
	return p
}

// handle makes a rule for the user and returns the handle that was sent.
func (p *post) handle() string {
	p.tb.Helper()
	p.server.on(ruleRoute, reply{status: 201, body: fixture(p.tb, "notification_rule.json")})
	_, err := p.handler.CreateRule(p.tb.Context(), p.server.user(), finapi.Rule{Event: finapi.EventNewTransactions})
	must(p.tb, err)
	asked := p.server.asked(ruleRoute)
	var sent struct {
		Handle string `json:"callbackHandle"`
	}
	must(p.tb, json.Unmarshal([]byte(asked[len(asked)-1].body), &sent))
	return sent.Handle
}

func (p *post) call(body string) int {
	p.tb.Helper()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, httptest.NewRequestWithContext(p.tb.Context(), http.MethodPost, "/", strings.NewReader(body)))
	if w.Body.Len() != 0 {
		p.tb.Errorf("the answer says %q, want nothing", w.Body)
	}
	return w.Code
}

func TestANotificationIsHandedOnWithWhatItNames(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, body string
		want       finapi.Notification
	}{
		{"new transactions", fixture(t, "notification_new_transactions.json"), finapi.Notification{
			Event: finapi.EventNewTransactions, Rule: 5511, User: userName,
			Accounts: []finapi.AccountID{3587742, 9007199254740993}, NewTransactions: 1002,
		}},
		{
			"the fixture of a public project",
			strings.Replace(fixture(t, "recorded/notification_new_transactions_testfixture_2019.json"), `"new-transactions"`, `"HANDLE"`, 1),
			finapi.Notification{
				Event: finapi.EventNewTransactions, Rule: 1, User: userName, Accounts: []finapi.AccountID{1, 2}, NewTransactions: 1001,
			},
		},
		{"a log-in that was refused", fixture(t, "notification_login_error.json"), finapi.Notification{
			Event: finapi.EventLoginError, Rule: 2147483652, User: userName, Connections: []finapi.ConnectionID{3540249},
		}},
		{"an unknown event", fixture(t, "notification_unknown_values.json"), finapi.Notification{
			Event: "CONSENT_EXPIRES_SOON", User: userName, Accounts: []finapi.AccountID{3587742}, Connections: []finapi.ConnectionID{3540249},
		}},
		{"an event and nothing else", `{"triggerEvent":"NEW_TERMS_AND_CONDITIONS","callbackHandle":"HANDLE"}`, finapi.Notification{
			Event: finapi.EventNewTerms, User: userName,
		}},
		{"absurd counts", `{"triggerEvent":"X","callbackHandle":"HANDLE","a":[{"newTransactionsCount":2147483647},{"newTransactionsCount":9}]}`, finapi.Notification{
			Event: "X", User: userName, NewTransactions: 2147483647,
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			same(t, http.StatusNoContent, p.call(strings.Replace(tt.body, "HANDLE", p.handle(), 1)))
			same(t, []finapi.Notification{tt.want}, p.received)
			same(t, "", p.log.String())
		})
	}
}

func TestACallThatIsNoNotificationOfOursIsRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	good := newPost(t).handle()
	foreign := newPost(t, notificationKeys("x")...).handle()
	body := func(handle string) string {
		return `{"triggerEvent":"NEW_TRANSACTIONS","callbackHandle":"` + handle + `","newTransactions":[{"accountId":1,"accountIban":"DE-private"}]}`
	}
	cases := []struct {
		name, body string
		status     int
		reason     string
	}{
		{"nothing", "", 400, "no notification"},
		{"no JSON", "<html>DE-private", 400, "no notification"},
		{"no object", `["DE-private"]`, 400, "no notification"},
		{"null", "null", 400, "no notification"},
		{"something behind it", body(good) + "x", 400, "no notification"},
		{"no event", `{"callbackHandle":"` + good + `"}`, 400, "no notification"},
		{"an event that is no text", `{"triggerEvent":7,"callbackHandle":"` + good + `"}`, 400, "no notification"},
		{"a web form's callback", fixture(t, "callback_web_form.json"), 400, "no notification"},
		{"more than 4 MiB", `{"triggerEvent":"` + strings.Repeat("X", 4<<20) + `"}`, 413, "too large"},
		{"no handle", `{"triggerEvent":"NEW_TRANSACTIONS"}`, 403, "not signed"},
		{"a handle that is null", `{"triggerEvent":"NEW_TRANSACTIONS","callbackHandle":null}`, 403, "not signed"},
		{"an invented handle", body("DE-private"), 403, "not signed"},
		{"a handle of another key", body(foreign), 403, "not signed"},
		{"a changed user", body("Z" + good[1:]), 403, "not signed"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			same(t, tt.status, p.call(tt.body))
			if len(p.received) != 0 {
				t.Errorf("it was handed on: %+v", p.received)
			}
			text := p.log.String()
			if !strings.Contains(text, tt.reason) || strings.Contains(text, "private") || strings.Contains(text, string(userName)) {
				t.Errorf("the log must say %q and quote nothing: %s", tt.reason, text)
			}
		})
	}
}

func TestAHandleIsOfNoUseElsewhere(t *testing.T) {
	t.Parallel()
	keys := notificationKeys("k")
	live, err := finapi.NewClient(finapi.Live, goodCredentials())
	must(t, err)
	handler, err := live.NewNotificationHandler(finapi.NotificationConfig{
		Keys: keys, Notified: func(context.Context, finapi.Notification) error { t.Error("handed on"); return nil },
	})
	must(t, err)
	w := httptest.NewRecorder()
	body := `{"triggerEvent":"X","callbackHandle":"` + newPost(t, keys...).handle() + `"}`
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	same(t, http.StatusForbidden, w.Code)

	// A state of the return handler with the same key is no handle either.
	d := newDesk(t, func(c *finapi.ReturnConfig) { c.Keys = keys })
	_, _, _, called := d.start()
	_, state, _ := strings.Cut(called, "state=")
	same(t, http.StatusForbidden, newPost(t, keys...).call(`{"triggerEvent":"X","callbackHandle":"`+state+`"}`))
}

func TestTheKeysOfHandlesCanBeChanged(t *testing.T) {
	t.Parallel()
	body := `{"triggerEvent":"X","callbackHandle":"` + newPost(t, notificationKeys("a")...).handle() + `"}`
	same(t, http.StatusNoContent, newPost(t, notificationKeys("b", "a")...).call(body))
	same(t, http.StatusForbidden, newPost(t, notificationKeys("b")...).call(body))
}

func TestAHandleIsTheSameEachTimeAndFitsIntoARule(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	first := p.handle()
	same(t, first, p.handle())
	if len(first) > 512 || strings.Trim(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		t.Errorf("finAPI would refuse the handle %q", first)
	}
}

func TestANotificationThatFailsIsAnsweredWith500AndLogged(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.fails = errors.New("the queue is full")
	same(t, http.StatusInternalServerError, p.call(`{"triggerEvent":"X","callbackHandle":"`+p.handle()+`"}`))
	same(t, 1, len(p.received))
	if !strings.Contains(p.log.String(), "the queue is full") {
		t.Errorf("the log does not tell why: %s", &p.log)
	}
}

func TestOnlyPostIsANotification(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
		same(t, http.StatusMethodNotAllowed, w.Code)
		same(t, "POST", w.Header().Get("Allow"))
	}
	same(t, 0, len(p.received))
}

func TestABrokenBodyIsRefused(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	w := httptest.NewRecorder()
	broken := io.MultiReader(strings.NewReader(`{"triggerEvent":`), failingReader{})
	p.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", broken))
	same(t, http.StatusBadRequest, w.Code)
	same(t, 0, len(p.received))
}

func TestABadNotificationHandlerIsRefused(t *testing.T) {
	t.Parallel()
	client := newStub(t).client()
	notified := func(context.Context, finapi.Notification) error { return nil }
	for field, config := range map[string]finapi.NotificationConfig{
		"NotificationConfig.Notified": {Keys: notificationKeys("k")},
		"NotificationConfig.Keys":     {Notified: notified},
	} {
		_, err := client.NewNotificationHandler(config)
		mustRefuse(t, err, field)
	}
	_, err := client.NewNotificationHandler(finapi.NotificationConfig{Keys: []finapi.Secret{finapi.NewSecret("short")}, Notified: notified})
	mustRefuse(t, err, "NotificationConfig.Keys")
	p := newPost(t)
	_, err = p.handler.CreateRule(t.Context(), nil, finapi.Rule{Event: finapi.EventLoginError})
	mustRefuse(t, err, "user")
	_, err = p.handler.CreateRule(t.Context(), p.server.user(), finapi.Rule{Event: finapi.EventLoginError, Handle: "mine"})
	mustRefuse(t, err, "Rule.Handle")
}

// From the rule through finAPI's nightly update to the hint, and on to the ledger.
func TestWhatABatchUpdateFindsMakesTheUserDue(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty(), finapitest.WithClient(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = true }))
	ctx := t.Context()
	received := make(chan finapi.Notification, 10)
	handler, err := b.client.NewNotificationHandler(finapi.NotificationConfig{
		Keys:     notificationKeys("k"),
		Notified: func(_ context.Context, n finapi.Notification) error { received <- n; return nil },
	})
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.NotificationURL = server.URL })
	configuration, err := b.client.Configuration(ctx)
	must(t, err)
	same(t, server.URL, configuration.NotificationURL)
	_, err = b.user.EditProfile(ctx, finapi.ProfileChange{AutoUpdate: ptr(true)})
	must(t, err)
	news, err := handler.CreateRule(ctx, b.user, finapi.Rule{Event: finapi.EventNewTransactions, Details: true})
	must(t, err)
	failure, err := handler.CreateRule(ctx, b.user, finapi.Rule{Event: finapi.EventLoginError})
	must(t, err)

	b.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: number("-9.5"), Purpose: "Kiosk"})
	b.sim.BatchUpdate()
	same(t, finapi.Notification{
		Event: finapi.EventNewTransactions, Rule: news.ID, User: userName, Accounts: []finapi.AccountID{b.accounts[0].ID}, NewTransactions: 1,
	}, soon(t, received))
	same(t, 1, len(b.rows(finapi.TransactionQuery{}))) // there without a refresh

	b.sim.BatchUpdate() // nothing is new, so nobody is told
	b.sim.ExpireConsent(int64(b.connection))
	b.sim.BatchUpdate()
	same(t, finapi.Notification{
		Event: finapi.EventLoginError, Rule: failure.ID, User: userName, Connections: []finapi.ConnectionID{b.connection},
	}, soon(t, received))
	connection, err := b.user.Connection(ctx, b.connection)
	must(t, err)
	same(t, true, connection.ActionRequired())
}

func TestAMockedUpdateNotifiesOnlyIfItIsAskedTo(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	p := newPost(t)
	received := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- string(body)
	}))
	t.Cleanup(server.Close)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.NotificationURL = server.URL })
	ctx := t.Context()
	_, err := p.handler.CreateRule(ctx, b.user, finapi.Rule{
		Event: finapi.EventNewTransactions, Params: map[string]string{"accountIds": "1, 2"},
	})
	must(t, err)
	rule, err := p.handler.CreateRule(ctx, b.user, finapi.Rule{Event: finapi.EventNewTransactions})
	must(t, err)
	for _, tt := range []struct {
		notify bool
		rows   []finapi.MockTransaction
	}{
		{false, []finapi.MockTransaction{{Amount: money("-1", "EUR")}}},
		{true, []finapi.MockTransaction{{Amount: money("-2", "EUR")}, {Amount: money("-3", "EUR")}}},
	} {
		b.accounts, err = b.user.Accounts(ctx, finapi.AccountQuery{Connection: b.connection})
		must(t, err)
		must(t, b.user.MockBatchUpdate(ctx, tt.notify, b.mock(tt.rows)))
		_, err = b.user.WaitReady(ctx, b.connection)
		must(t, err)
	}
	same(t, http.StatusNoContent, p.call(soon(t, received)))
	same(t, []finapi.Notification{{
		Event: finapi.EventNewTransactions, Rule: rule.ID, User: userName, Accounts: []finapi.AccountID{b.accounts[0].ID}, NewTransactions: 2,
	}}, p.received)
}

// soon receives what comes over the network.
func soon[T any](t *testing.T, received <-chan T) T {
	t.Helper()
	select {
	case value := <-received:
		return value
	case <-time.After(10 * time.Second):
		t.Fatal("no notification came")
		panic("not reached")
	}
}

// FuzzNotification checks that whatever is posted is handed on whole or not at all, and
// that nothing of it gets into the log. HANDLE stands for a handle that is signed.
func FuzzNotification(f *testing.F) {
	for _, name := range []string{
		"notification_new_transactions.json", "notification_login_error.json", "notification_unknown_values.json",
		"recorded/notification_new_transactions_testfixture_2019.json", "callback_task_finalised.json", "empty",
	} {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, body string) {
		p := newPost(t)
		status := p.call(strings.ReplaceAll(body, "HANDLE", p.handle()))
		switch {
		case !slices.Contains([]int{204, 400, 403, 413}, status):
			t.Errorf("it was answered with %d", status)
		case len(p.received) == 0 != (status != http.StatusNoContent):
			t.Errorf("it was answered with %d and handed on %d times", status, len(p.received))
		}
		for _, n := range p.received {
			if n.User != userName || n.Event == "" || n.Rule < 0 || n.NewTransactions < 0 {
				t.Errorf("got %+v", n)
			}
			wantIDs(t, n.Accounts)
			wantIDs(t, n.Connections)
		}
		if text := p.log.String(); len(text) > 200 || strings.Count(text, "\n") > 1 {
			t.Errorf("the log quotes what was posted: %s", text)
		}
	})
}

// wantIDs checks that ids are real, sorted, and each there once.
func wantIDs[T ~int64](t *testing.T, ids []T) {
	t.Helper()
	for i, id := range ids {
		if id <= 0 || i > 0 && id <= ids[i-1] {
			t.Errorf("got the ids %v", ids)
		}
	}
}
