package finapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

const (
	taskID          = "31c7b0a4-9d4e-4f1c-8a26-7b7a5f0c9e02"
	updateRoute     = "POST /api/tasks/backgroundUpdate"
	taskRoute       = "GET /api/tasks/" + taskID
	connectionRoute = "GET /api/v2/bankConnections/3540249"
)

// restingStub is a finAPI whose connection is at rest and was never updated. Answers
// that a test gives for the connection come after the one that says so.
func restingStub(tb testing.TB) *stub {
	tb.Helper()
	s := newStub(tb)
	s.always("GET /api/tasks", reply{body: `{"items":[],"paging":{"page":1,"perPage":100,"pageCount":0,"totalCount":0}}`})
	s.on(connectionRoute, fixtureReply(tb, "bank_connection_ready.json"))
	return s
}

// then gives the answers for the connection after the one that it is at rest.
func (s *stub) then(replies ...reply) {
	s.on(connectionRoute, append([]reply{fixtureReply(s.tb, "bank_connection_ready.json")}, replies...)...)
}

func theConnection() finapi.RefreshRequest { return finapi.RefreshRequest{Connection: 3540249} }

func TestRefreshReturnsWhenTheNewsAreStored(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_created.json")})
	server.on(taskRoute, fixtureReply(t, "task_in_progress.json"), fixtureReply(t, "task_completed.json"))
	server.then(fixtureReply(t, "bank_connection_in_progress.json"), fixtureReply(t, "bank_connection_ready.json"))
	connection, err := server.user().Refresh(t.Context(), theConnection())
	must(t, err)
	if !connection.Ready() || connection.ID != 3540249 {
		t.Errorf("got connection %d in state %s", connection.ID, connection.UpdateStatus)
	}
	same(t, []time.Duration{2 * time.Second, 2 * time.Second, 3 * time.Second}, server.clock.sleeps())
	same(t, `{"bankConnectionId":3540249,"importNewAccountsMode":"SKIP"}`, server.asked(updateRoute)[0].body)
}

func TestRefreshTellsTheBankAboutTheCustomerWhoIsPresent(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_completed.json")})
	server.then(fixtureReply(t, "bank_connection_ready.json"))
	_, err := server.user().Refresh(t.Context(), finapi.RefreshRequest{
		Connection: 3540249, NewAccounts: finapi.ForceNewAccounts,
		Customer: &finapi.CustomerDevice{IP: "192.0.2.7", OS: "Linux", UserAgent: "Mozilla/5.0"},
	})
	must(t, err)
	var body map[string]any
	must(t, json.Unmarshal([]byte(server.asked(updateRoute)[0].body), &body))
	same(t, map[string]any{
		"bankConnectionId": 3540249.0, "importNewAccountsMode": "FORCED",
		"userMetadata": map[string]any{"ipAddress": "192.0.2.7", "deviceOs": "Linux", "userAgent": "Mozilla/5.0"},
	}, body)
}

func TestABadRefreshIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	device := func(ip, os, agent string) finapi.RefreshRequest {
		return finapi.RefreshRequest{Connection: 1, Customer: &finapi.CustomerDevice{IP: ip, OS: os, UserAgent: agent}}
	}
	long := strings.Repeat("x", 1025)
	cases := []struct {
		r     finapi.RefreshRequest
		field string
	}{
		{finapi.RefreshRequest{}, "RefreshRequest.Connection"},
		{finapi.RefreshRequest{Connection: -1}, "RefreshRequest.Connection"},
		{finapi.RefreshRequest{Connection: 1, NewAccounts: "ALL"}, "RefreshRequest.NewAccounts"},
		{device("", "Linux", "x"), "CustomerDevice.IP"},
		{device("erp.example", "Linux", "x"), "CustomerDevice.IP"},
		{device("192.0.2.7", long, "x"), "CustomerDevice.OS"},
		{device("192.0.2.7", "Linux", long), "CustomerDevice.UserAgent"},
	}
	for _, tt := range cases {
		server := restingStub(t)
		_, err := server.user().Refresh(t.Context(), tt.r)
		mustRefuse(t, err, tt.field)
		if len(server.requests) != 0 {
			t.Errorf("%d requests were sent for a bad %s", len(server.requests), tt.field)
		}
	}
}

func TestABankThatWantsTheCustomerGivesAnActionRequired(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_created.json")})
	server.on(taskRoute, fixtureReply(t, "task_web_form_required.json"))
	_, err := server.user().Refresh(t.Context(), theConnection())
	var action *finapi.ActionRequired
	if !errors.As(err, &action) {
		t.Fatalf("got %v, want an *ActionRequired", err)
	}
	same(t, finapi.ActionRequired{
		Connection: 3540249, Consent: "2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211",
		URL: "https://webform-sandbox.finapi.io/wf/2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211",
	}, *action)
	for _, text := range []string{err.Error(), fmt.Sprint(err), fmt.Sprintf("%+v", err)} {
		if strings.Contains(text, "finapi.io") || strings.Contains(text, "2f9a4f3e") || strings.Contains(text, "3540249") {
			t.Errorf("the text tells the link or an id: %s", text)
		}
	}
}

func TestAFormOnAForeignHostIsNotHandedOut(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	body := strings.Replace(fixture(t, "task_web_form_required.json"), webForms, "https://evil.example", 1)
	server.on(updateRoute, reply{status: 201, body: body})
	_, err := server.user().Refresh(t.Context(), theConnection())
	mustFail(t, err, finapi.CodeForeignURL)
}

func TestAnUnknownStateOfATaskIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: `{"id":"` + taskID + `","status":"PAUSED","payload":{}}`})
	server.on("GET /api/tasks/"+taskID, reply{body: `{"id":"` + taskID + `","status":"COMPLETED","payload":{}}`})
	server.then(fixtureReply(t, "bank_connection_ready.json"))
	_, err := server.user().Refresh(t.Context(), theConnection())
	must(t, err)
	server.wantCalls("GET /api/tasks/"+taskID, 1)
}

func TestATaskThatWantsTheCustomerWithoutAFormSaysSo(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"id":"` + taskID + `","status":"WEB_FORM_REQUIRED","payload":{"webForm":null}}`,
		`{"id":"` + taskID + `","status":"COMPLETED_WITH_ERROR","payload":{"errorCode":"WEB_FORM_REQUIRED"}}`,
	} {
		server := restingStub(t)
		server.on(updateRoute, reply{status: 201, body: body})
		_, err := server.user().Refresh(t.Context(), theConnection())
		var action *finapi.ActionRequired
		if !errors.As(err, &action) || action.URL != "" || action.Connection == 0 {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestATaskThatEndsBadlySaysWhoActs(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, body string
		code       finapi.Code
		actor      finapi.Actor
		message    string
	}{
		{
			"the bank refused", fixture(t, "task_completed_with_error.json"), finapi.CodeBankServerRejection, finapi.ActorCustomer,
			"Der Zugang zu Ihrem Konto ist derzeit gesperrt.",
		},
		{"finAPI failed", fixture(t, "task_completed_with_error_internal.json"), "INTERNAL_ERROR", finapi.ActorFinAPI, ""},
		{"COMPLETED with an error code", fixture(t, "recorded/webform_task_spec_2.906.json"), "INTERNAL_ERROR", finapi.ActorFinAPI, "Invalid credentials."},
		{"an error without a code", `{"id":"` + taskID + `","status":"COMPLETED_WITH_ERROR"}`, finapi.CodeUnreadable, finapi.ActorFinAPI, ""},
		{
			"a code that is a text", `{"id":"` + taskID + `","status":"COMPLETED_WITH_ERROR","payload":{"errorCode":"IBAN DE12 999"}}`,
			finapi.CodeUnreadable, finapi.ActorFinAPI, "",
		},
		{
			"a text without a code", `{"id":"` + taskID + `","status":"COMPLETED_WITH_ERROR","payload":{"errorMessage":"IBAN DE12"}}`,
			finapi.CodeUnreadable, finapi.ActorFinAPI, "IBAN DE12",
		},
	}
	for _, tt := range cases {
		server := restingStub(t)
		server.on(updateRoute, reply{status: 201, body: tt.body})
		_, err := server.user().Refresh(t.Context(), theConnection())
		e := failure(t, err, tt.code)
		if e.Actor != tt.actor || e.Message != tt.message || e.Endpoint != "GET /api/tasks/{id}" {
			t.Errorf("%s: got actor %s, message %q, endpoint %q", tt.name, e.Actor, e.Message, e.Endpoint)
		}
		if tt.message != "" && strings.Contains(e.Error(), tt.message) {
			t.Errorf("%s: the text quotes the bank: %v", tt.name, e)
		}
	}
}

func TestRefreshWaitsWhileTheConnectionIsBusyWithSomethingElse(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	locked := reply{status: 423, body: fixture(t, "web_form_error_423_locked.json")}
	second := strings.ReplaceAll(fixture(t, "task_created.json"), taskID, formID)
	server.on(updateRoute, locked, locked, reply{status: 201, body: second})
	server.on("GET /api/tasks/"+formID, fixtureReply(t, "task_completed.json"))
	ready := fixtureReply(t, "bank_connection_ready.json")
	server.then(fixtureReply(t, "bank_connection_in_progress.json"), ready, ready, ready)
	_, err := server.user().Refresh(t.Context(), theConnection())
	must(t, err)
	server.wantCalls(updateRoute, 3)
	same(t, []time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second, 2 * time.Second}, server.clock.sleeps())
}

func TestAConnectionThatStaysBusyIsAnErrorAndNotCounted(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.always(updateRoute, reply{status: 423, body: fixture(t, "web_form_error_423_locked.json")})
	server.always(connectionRoute, fixtureReply(t, "bank_connection_ready.json"))
	budget := new(finapi.MemoryBudget)
	_, err := server.user(finapi.WithBudget(budget)).Refresh(t.Context(), theConnection())
	if e := failure(t, err, finapi.CodeLocked); e.Actor != finapi.ActorFinAPI {
		t.Errorf("got actor %s", e.Actor)
	}
	server.wantCalls(updateRoute, 20)
	key := finapi.ConnectionKey{Environment: "sandbox", Connection: 3540249}
	next, err := budget.Claim(t.Context(), key, server.clock.Now(), 1)
	must(t, err)
	same(t, time.Time{}, next)
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOfUpdatesThatAreAskedForAtOnceOneIsStartedAndAllGetItsOutcome(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	var gate, answered sync.WaitGroup
	gate.Add(4)
	answered.Add(4)
	var asked atomic.Int32
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithClock(b.sim.Clock()),
		finapi.WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/tasks/backgroundUpdate") || asked.Add(1) > 4 {
				return http.DefaultTransport.RoundTrip(r)
			}
			gate.Done() // all have seen that no update goes on, and nobody knows the others' answers
			gate.Wait()
			response, err := http.DefaultTransport.RoundTrip(r)
			answered.Done()
			answered.Wait()
			return response, err
		})))
	must(t, err)
	user := client.User(userName, finapi.NewSecret(password))
	must(t, func() error { _, err := user.Connection(t.Context(), b.connection); return err }())
	for _, err := range together(4, func() error {
		_, err := user.Refresh(t.Context(), finapi.RefreshRequest{Connection: b.connection})
		return err
	}) {
		must(t, err)
	}
	updates := 0
	for task, err := range user.Tasks().List(t.Context()) {
		must(t, err)
		if task.Connection == b.connection {
			updates++
		}
	}
	same(t, 1, updates)
	same(t, int32(4), asked.Load())
}

func TestALockedUserIsNotTakenForABusyConnection(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(tokenRoute, reply{status: 423, body: fixture(t, "oauth_error_user_locked.json")})
	_, err := server.user().Refresh(t.Context(), theConnection())
	mustFail(t, err, finapi.CodeUserLocked)
}

func TestRefreshReturnsTheErrorOfEachStep(t *testing.T) {
	t.Parallel()
	missing := reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")}
	locked := reply{status: 423, body: fixture(t, "web_form_error_423_locked.json")}
	created := reply{status: 201, body: fixture(t, "task_created.json")}
	cases := []struct {
		name   string
		routes map[string]reply
	}{
		{"the start", map[string]reply{updateRoute: missing}},
		{"the wait for another update", map[string]reply{updateRoute: locked, connectionRoute: missing}},
		{"the task", map[string]reply{updateRoute: created, taskRoute: missing}},
		{"the wait for the data", map[string]reply{
			updateRoute: created, taskRoute: fixtureReply(t, "task_completed.json"), connectionRoute: missing,
		}},
	}
	for _, tt := range cases {
		server := restingStub(t)
		for route, answer := range tt.routes {
			server.on(route, answer)
		}
		_, err := server.user().Refresh(t.Context(), theConnection())
		if !finapi.IsError(err, finapi.CodeUnknownEntity) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestStartingAnUpdateIsNeverRepeated(t *testing.T) {
	t.Parallel()
	for _, answer := range []reply{
		{status: 500}, {status: 429, header: http.Header{"Retry-After": {"1"}}}, {status: 503}, {err: errors.New("connection reset")},
	} {
		server := restingStub(t)
		server.on(updateRoute, answer)
		if _, err := server.user().Refresh(t.Context(), theConnection()); err == nil {
			t.Error("no error")
		}
		server.wantCalls(updateRoute, 1)
	}
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_created.json")})
	ctx, cancel := context.WithCancel(t.Context())
	server.clock.onSleep = cancel
	if _, err := server.user().Refresh(ctx, theConnection()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestATaskWithoutAnIDIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`null`, `{}`, `[]`, `{"id":"x","status":"COMPLETED"}`, `{"id":"` + taskID + `"}`, `{"id":"../../../api/v2/users/................","status":"NEW"}`,
	} {
		server := restingStub(t)
		server.on(updateRoute, reply{status: 201, body: body})
		_, err := server.user().Refresh(t.Context(), theConnection())
		mustFail(t, err, finapi.CodeUnreadable)
	}
}

// tasksPage is a list of one update in a status.
func tasksPage(id, status, created string) reply {
	return reply{body: `{"items":[{"id":"` + id + `","createdAt":"` + created + `","type":"BANK_CONNECTION_UPDATE","status":"` + status +
		`","payload":{"bankConnectionId":3540249}}],"paging":{"page":1,"perPage":100,"pageCount":1,"totalCount":1}}`}
}

func TestAnUpdateThatTheProgramForgotIsFoundAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"NOT_YET_STARTED", "IN_PROGRESS"} {
		server := restingStub(t)
		server.on("GET /api/tasks", tasksPage(taskID, status, "2026-11-20T08:59:00.000+0000"))
		server.on(taskRoute, fixtureReply(t, "task_completed.json"))
		server.then(fixtureReply(t, "bank_connection_ready.json"))
		_, err := server.user().Refresh(t.Context(), theConnection())
		must(t, err)
		server.wantCalls(updateRoute, 0)
	}
}

func TestAnUpdateThatHasEndedOrIsStuckIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, former := range []reply{
		tasksPage(formID, "COMPLETED", "2026-11-20T08:59:00.000+0000"),
		tasksPage(formID, "WEB_FORM_REQUIRED", "2026-11-20T08:59:00.000+0000"),
		tasksPage(formID, "IN_PROGRESS", "2026-11-20T07:59:00.000+0000"), // for more than an hour
	} {
		server := restingStub(t)
		server.on("GET /api/tasks", former)
		server.on(updateRoute, reply{status: 201, body: fixture(t, "task_completed.json")})
		server.then(fixtureReply(t, "bank_connection_ready.json"))
		_, err := server.user().Refresh(t.Context(), theConnection())
		must(t, err)
		server.wantCalls(updateRoute, 1)
	}
}

func TestAnUpdateWhoseAnswerWasLostIsFoundAndNotStartedTwice(t *testing.T) {
	t.Parallel()
	for _, lost := range []reply{{err: errors.New("connection reset")}, {status: 502}, {status: 201, body: "<html>"}} {
		server := restingStub(t)
		server.on("GET /api/tasks", tasksPage(formID, "COMPLETED", "2026-11-20T08:59:00.000+0000"), tasksPage(taskID, "IN_PROGRESS", "2026-11-20T09:00:00.000+0000"))
		server.on(updateRoute, lost)
		server.on(taskRoute, fixtureReply(t, "task_completed.json"))
		server.then(fixtureReply(t, "bank_connection_ready.json"))
		_, err := server.user().Refresh(t.Context(), theConnection())
		must(t, err)
		server.wantCalls(updateRoute, 1)
	}
}

func TestAnUpdateThatNeverArrivedIsAnError(t *testing.T) {
	t.Parallel()
	former := tasksPage(formID, "COMPLETED", "2026-11-20T08:59:59.000+0000")
	for _, after := range []reply{former, {status: 404}} {
		server := restingStub(t)
		server.on("GET /api/tasks", former, after)
		server.on(updateRoute, reply{err: errors.New("connection reset")})
		_, err := server.user().Refresh(t.Context(), theConnection())
		mustFail(t, err, finapi.CodeNetwork)
		server.wantCalls(updateRoute, 1)
	}
}

func TestOnlyTheLastHundredUpdatesAreLookedThrough(t *testing.T) {
	t.Parallel()
	var items []string
	for n := range 100 {
		items = append(items, fmt.Sprintf(
			`{"id":"%036d","createdAt":"2026-11-20T08:00:00.000+0000","type":"BANK_CONNECTION_UPDATE","status":"COMPLETED","payload":{"bankConnectionId":%d}}`, n, n+1))
	}
	server := restingStub(t)
	server.on("GET /api/tasks", reply{body: `{"items":[` + strings.Join(items, ",") + `],"paging":{"page":1,"perPage":100,"pageCount":30,"totalCount":3000}}`})
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_completed.json")})
	server.then(fixtureReply(t, "bank_connection_ready.json"))
	_, err := server.user().Refresh(t.Context(), theConnection())
	must(t, err)
}

func TestWithoutTheCustomerNoUpdateIsStartedThatNeedsTheCustomer(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(connectionRoute, fixtureReply(t, "bank_connection_user_action_required.json"))
	_, err := server.user().Refresh(t.Context(), theConnection())
	var action *finapi.ActionRequired
	if !errors.As(err, &action) || action.URL != "" || action.Connection != 3540249 {
		t.Errorf("got %v, want an *ActionRequired without a form", err)
	}
	server.wantCalls(updateRoute, 0)
}

func TestAFirstImportIsWaitedForBeforeAnUpdateStarts(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	busy := fixtureReply(t, "bank_connection_in_progress.json")
	server.on(connectionRoute, busy, busy, fixtureReply(t, "bank_connection_ready.json"), fixtureReply(t, "bank_connection_ready.json"))
	server.on(updateRoute, reply{status: 201, body: fixture(t, "task_completed.json")})
	_, err := server.user().Refresh(t.Context(), theConnection())
	must(t, err)
	server = restingStub(t)
	server.on(connectionRoute, busy, reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	_, err = server.user().Refresh(t.Context(), theConnection())
	mustFail(t, err, finapi.CodeUnknownEntity)
}

func TestABanksOwnLimitIsNotTakenForARefusedLogIn(t *testing.T) {
	t.Parallel()
	server := restingStub(t)
	server.on(updateRoute, reply{status: 201, body: `{"id":"` + taskID + `","status":"COMPLETED_WITH_ERROR","payload":{` +
		`"errorCode":"BANK_SERVER_REJECTION","errorMessage":"Zugriff abgelehnt: ACCESS_EXCEEDED"}}`})
	_, err := server.user().Refresh(t.Context(), theConnection())
	e := failure(t, err, finapi.CodeUpdateLimit)
	same(t, finapi.ActorBank, e.Actor)
	same(t, "Zugriff abgelehnt: ACCESS_EXCEEDED", e.CustomerText())
}

// onlyToken gives one token of some seconds, and to all who ask later what then returns.
func onlyToken(s *stub, seconds int, then func() reply) {
	s.handle(tokenRoute, func(*request) reply {
		if s.tokens++; s.tokens == 1 {
			return tokenReply(1, seconds, true)
		}
		return then()
	})
}

// TestAnUpdateThatMayHaveReachedTheBankIsCountedAndNoOther: what is counted wrongly costs the
// customer an update, and what is not counted makes the bank refuse one.
func TestAnUpdateThatMayHaveReachedTheBankIsCountedAndNoOther(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		arrange func(*stub, context.CancelFunc) // the cancel is of the caller's context
		counted bool
	}{
		{"the caller gives up while finAPI is at work", func(s *stub, giveUp context.CancelFunc) {
			s.handle(updateRoute, func(r *request) reply {
				giveUp()
				<-r.ctx.Done()
				return reply{err: r.ctx.Err()}
			})
		}, true},
		{"the answer is too large to be read", func(s *stub, _ context.CancelFunc) {
			s.on(updateRoute, reply{status: 201, stream: endless(1 << 30)})
		}, true},
		{"the answer is no JSON", func(s *stub, _ context.CancelFunc) { s.on(updateRoute, reply{status: 201, body: "<html>"}) }, true},
		{"the connection breaks", func(s *stub, _ context.CancelFunc) { s.on(updateRoute, reply{err: io.ErrUnexpectedEOF}) }, true},
		{"finAPI refuses", func(s *stub, _ context.CancelFunc) { s.on(updateRoute, reply{status: 403, body: "{}"}) }, false},
		{"there is no token that lives long enough", func(s *stub, _ context.CancelFunc) {
			onlyToken(s, 600, func() reply { return reply{status: 503} })
		}, false},
		{"finAPI refuses the token, and there is no other", func(s *stub, _ context.CancelFunc) {
			s.on(updateRoute, reply{status: 401, body: "{}"})
			onlyToken(s, 6000, func() reply { return reply{status: 503} })
		}, false},
		{"the caller gives up while it waits for a token", func(s *stub, giveUp context.CancelFunc) {
			onlyToken(s, 600, func() reply {
				giveUp()
				return reply{err: context.Canceled}
			})
		}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server, budget := restingStub(t), &finapi.MemoryBudget{}
			c.arrange(server, cancel)
			_, err := server.user(finapi.WithBudget(budget), quick(), retrying(1, 1, 1)).Refresh(ctx, theConnection())
			if err == nil {
				t.Fatal("the update was started")
			}
			key := finapi.ConnectionKey{Environment: "sandbox", Connection: theConnection().Connection}
			next, unclaimed := budget.Claim(t.Context(), key, server.clock.Now(), 1)
			must(t, unclaimed)
			if counted := !next.IsZero(); counted != c.counted {
				t.Errorf("after %v it is counted: %v, want %v", err, counted, c.counted)
			}
		})
	}
}
