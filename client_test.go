package finapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

const formID = "8c1d7c2e-3f51-4d0b-9a3f-5d6f4b1f0a10"

// reading is a public method that reads, and the route that it goes to.
type reading struct {
	name, route string
	list        bool
	call        func(context.Context, *finapi.Client, *finapi.User) error
}

// readings are all public methods that read.
func readings() []reading {
	return append([]reading{
		{"Client.Banks", "GET /api/v2/banks", true, func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
			return drained(c.Banks(ctx, finapi.BankQuery{}))
		}},
		{"Client.Bank", "GET /api/v2/banks/901001", false, func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
			_, err := c.Bank(ctx, 901001)
			return err
		}},
		{"User.Banks", "GET /api/v2/banks", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.Banks(ctx, finapi.BankQuery{}))
		}},
		{"User.Connections", "GET /api/v2/bankConnections", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Connections(ctx)
			return err
		}},
		{"User.Connection", "GET /api/v2/bankConnections/3540249", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Connection(ctx, 3540249)
			return err
		}},
		{"User.Accounts", "GET /api/v2/accounts", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Accounts(ctx, finapi.AccountQuery{})
			return err
		}},
		{"User.Account", "GET /api/v2/accounts/3587742", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Account(ctx, 3587742)
			return err
		}},
		{"User.Transactions", "GET /api/v2/transactions", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.Transactions(ctx, finapi.TransactionQuery{}))
		}},
		{"User.Consent", "GET /api/webForms/" + formID, false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Consent(ctx, formID)
			return err
		}},
	}, moreReadings()...)
}

func moreReadings() []reading {
	return []reading{
		{"Client.Configuration", "GET /api/v2/clientConfiguration", false, func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
			_, err := c.Configuration(ctx)
			return err
		}},
		{"Client.UserVerified", "GET /api/v2/users/verificationStatus", false, func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
			_, err := c.UserVerified(ctx, userName)
			return err
		}},
		{"User.Profile", "GET /api/v2/users", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Profile(ctx)
			return err
		}},
		{"User.DailyBalances", "GET /api/v2/accounts/dailyBalances", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.DailyBalances(ctx, finapi.DailyBalanceQuery{}))
		}},
		{"User.Transaction", "GET /api/v2/transactions/1860779443", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Transaction(ctx, 1860779443)
			return err
		}},
		{"User.PendingTransactions", "GET /api/v2/pendingTransactions", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.PendingTransactions(ctx, finapi.PendingQuery{}))
		}},
		{"User.PendingTransaction", "GET /api/v2/pendingTransactions/77000001", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.PendingTransaction(ctx, 77000001)
			return err
		}},
		{"User.Rules.List", "GET /api/v2/notificationRules", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Rules().List(ctx, finapi.RuleQuery{})
			return err
		}},
		{"User.Rules.Get", "GET /api/v2/notificationRules/5511", false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Rules().Get(ctx, 5511)
			return err
		}},
		{"User.Forms.List", "GET /api/webForms", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.Forms().List(ctx))
		}},
		{"User.Tasks.List", "GET /api/tasks", true, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			return drained(u.Tasks().List(ctx))
		}},
		{"User.Tasks.Get", taskRoute, false, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Tasks().Get(ctx, taskID)
			return err
		}},
	}
}

// drained fails if an iterator yields a row together with or before its error.
func drained[T any](rows func(func(T, error) bool)) error {
	all, err := finapi.Collect(rows)
	if err != nil && len(all) > 0 {
		return fmt.Errorf("%d rows came before: %w", len(all), err)
	}
	return err
}

// read makes one call of a reading against a server that gives one answer.
func (r reading) read(tb testing.TB, answer reply) error {
	tb.Helper()
	server := newStub(tb)
	server.on(r.route, answer)
	client := server.client(finapi.WithRetry(finapi.Retry{Attempts: 1, Base: time.Second, Max: time.Second}))
	return r.call(tb.Context(), client, client.User(userName, finapi.NewSecret(password)))
}

func TestEveryCallHasTheHeadersThatFinAPIWants(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always("GET /api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
	user := server.user(finapi.WithLanguage(finapi.English), finapi.WithUserAgent(" acme-erp/4.2 "))
	ids := map[string]bool{}
	for range 3 {
		if _, err := user.Accounts(t.Context(), finapi.AccountQuery{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range server.asked("GET /api/v2/accounts") {
		same(t, "application/json", r.header.Get("Accept"))
		same(t, "en", r.header.Get("Accept-Language"))
		same(t, "acme-erp/4.2 finapi-go/"+finapi.Version, r.header.Get("User-Agent"))
		same(t, "Bearer token-1", r.header.Get("Authorization"))
		ids[r.header.Get("X-Request-Id")] = true
	}
	if len(ids) != 3 || ids[""] {
		t.Errorf("three calls had the request ids %v, want three different ones", ids)
	}
}

func TestTheLanguageIsGermanUnlessChosen(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", fixtureReply(t, "accounts_empty.json"))
	if _, err := server.user().Accounts(t.Context(), finapi.AccountQuery{}); err != nil {
		t.Fatal(err)
	}
	r := server.asked("GET /api/v2/accounts")[0]
	same(t, "de", r.header.Get("Accept-Language"))
	same(t, "finapi-go/"+finapi.Version, r.header.Get("User-Agent"))
}

func TestNoCallEverOverridesItsMethod(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	everyCall(t, server)
	server.mu.Lock()
	defer server.mu.Unlock()
	for _, r := range server.requests {
		for name := range r.header {
			if strings.Contains(strings.ToLower(name), "override") {
				t.Errorf("%s carries the header %s", r.route, name)
			}
			if strings.HasPrefix(name, "Psu-") && !strings.HasPrefix(r.route, "DELETE ") {
				t.Errorf("%s carries the header %s, which only deletions take", r.route, name)
			}
		}
	}
}

// everyCall makes every call that the package knows.
func everyCall(t *testing.T, server *stub) {
	t.Helper()
	server.always("GET /api/v2/banks", fixtureReply(t, "banks_page.json"))
	server.always("GET /api/v2/banks/901001", fixtureReply(t, "bank.json"))
	server.always("GET /api/v2/bankConnections", fixtureReply(t, "bank_connections.json"))
	server.always("GET /api/v2/bankConnections/3540249", fixtureReply(t, "bank_connection_ready.json"))
	server.always("GET /api/v2/accounts", fixtureReply(t, "accounts.json"))
	server.always("GET /api/v2/accounts/3587742", fixtureReply(t, "account.json"))
	server.always("GET /api/v2/transactions", fixtureReply(t, "transactions_page.json"))
	server.always("GET /api/webForms/"+formID, fixtureReply(t, "web_form_completed.json"))
	server.always("POST /api/webForms/bankConnectionImport", reply{status: 201, body: fixture(t, "web_form_created.json")})
	server.always("POST /api/tasks/backgroundUpdate", reply{status: 201, body: fixture(t, "task_created.json")})
	server.always("GET /api/tasks/"+taskID, fixtureReply(t, "task_completed.json"))
	server.always("POST /api/v2/users", reply{status: 201, body: `{"id":"customer-1","password":"x","isAutoUpdateEnabled":false}`})
	server.always("DELETE /api/v2/users", reply{})
	serveTheRest(t, server)
	client := server.client()
	user, err := client.CreateUser(t.Context(), finapi.NewUser{ID: userName, Password: finapi.NewSecret(password)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readings() {
		if err := r.call(t.Context(), client, user); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	if _, err := user.StartConsent(t.Context(), finapi.ConsentRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := user.Refresh(t.Context(), finapi.RefreshRequest{Connection: 3540249}); err != nil {
		t.Error(err)
	}
	for _, w := range writings() {
		if err := w.call(t.Context(), client, user); err != nil {
			t.Errorf("%s: %v", w.route, err)
		}
	}
	if err := user.Delete(t.Context()); err != nil {
		t.Error(err)
	}
}

// serveTheRest answers what everyCall asks besides.
func serveTheRest(t *testing.T, server *stub) {
	t.Helper()
	for route, name := range map[string]string{
		"GET /api/v2/clientConfiguration":          "client_configuration.json",
		"GET /api/v2/users/verificationStatus":     "user_verification_status.json",
		"GET /api/v2/users":                        "user.json",
		"GET /api/v2/accounts/dailyBalances":       "daily_balances_page.json",
		"GET /api/v2/transactions/1860779443":      "transaction.json",
		"GET /api/v2/pendingTransactions":          "pending_transactions_page.json",
		"GET /api/v2/pendingTransactions/77000001": "pending_transaction.json",
		"GET /api/v2/notificationRules":            "notification_rules.json",
		"GET /api/v2/notificationRules/5511":       "notification_rule.json",
		"GET /api/webForms":                        "web_forms_page.json",
		"GET /api/tasks":                           "tasks_page.json",
	} {
		server.always(route, fixtureReply(t, name))
	}
	for _, w := range writings() {
		server.always(w.route, w.answer(t))
	}
}

func TestEveryQueryParameterIsInTheContract(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	everyCall(t, server)
	server.always(transactionsRoute, fixtureReply(t, "transactions_page_empty.json"))
	user, ctx := server.user(), t.Context()
	allRows(t, user.Banks(ctx, finapi.BankQuery{
		Search: "a", IDs: []finapi.BankID{1}, Interfaces: []finapi.BankingInterface{finapi.XS2A}, Countries: []string{"DE"},
		Test: ptr(true), AuthenticationGroups: []int64{1},
	}))
	_, err := user.Accounts(ctx, finapi.AccountQuery{
		IDs: []finapi.AccountID{1}, Connection: 2, Types: []finapi.AccountType{finapi.Checking}, Search: "x",
		UpdatedFrom: date(2026, 1, 1), UpdatedTo: date(2026, 1, 2), MinBalance: ptr(number("1")), MaxBalance: ptr(number("2")),
	})
	must(t, err)
	for _, tt := range transactionQueries() {
		allRows(t, user.Transactions(ctx, tt.query))
	}
	allRows(t, user.DailyBalances(ctx, finapi.DailyBalanceQuery{
		Accounts: []finapi.AccountID{1}, From: date(2026, 1, 1), To: date(2026, 1, 2), Projection: true,
	}))
	allRows(t, user.PendingTransactions(ctx, finapi.PendingQuery{Accounts: []finapi.AccountID{1}, IDs: []int64{1}}))
	_, err = user.Rules().List(ctx, finapi.RuleQuery{IDs: []finapi.RuleID{1}, Event: finapi.EventNewTerms, Details: ptr(true)})
	must(t, err)
	known := queryParameters(t, "contract/finapi-access-v2.yaml")
	maps.Copy(known, queryParameters(t, "contract/finapi-webform-2.yaml"))
	sent := map[string]map[string]bool{}
	for _, r := range server.requests {
		route := anID.ReplaceAllString(r.route, "/{id}$1")
		if sent[route] == nil {
			sent[route] = map[string]bool{}
		}
		for name := range r.query {
			sent[route][name] = true
			if !known[route][name] {
				t.Errorf("%s has no query parameter %s in the contract", route, name)
			}
		}
	}
	unused := map[string][]string{
		// finAPI's default is meant, or a listing is read whole.
		"GET /api/v2/bankConnections": {"ids"},
	}
	for route := range sent {
		for name := range known[route] {
			if !sent[route][name] && !slices.Contains(unused[route], name) {
				t.Errorf("%s never sent the query parameter %s of the contract", route, name)
			}
		}
	}
}

// anID is an id in a path.
var anID = regexp.MustCompile(`/(?:[0-9]+|[0-9a-f-]{36})(/|$)`)

// queryParameters scans the contract for the query parameters of each operation.
func queryParameters(t *testing.T, file string) map[string]map[string]bool {
	t.Helper()
	known := map[string]map[string]bool{}
	path, route, name := "", "", ""
	for line := range strings.Lines(fixture(t, file)) {
		text := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case indent == 2:
			path, route = strings.TrimSuffix(text, ":"), ""
		case indent == 4:
			route = strings.ToUpper(strings.TrimSuffix(text, ":")) + " " + path
			known[route] = map[string]bool{}
		case strings.HasPrefix(text, "- name: "):
			name = strings.TrimPrefix(text, "- name: ")
		case text == "in: query" && route != "":
			known[route][name] = true
		}
	}
	return known
}

func TestARedirectIsRefusedAndTheTokenStaysHere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, r := range readings() {
			err := r.read(t, reply{status: status, header: http.Header{"Location": {"https://evil.example/steal"}}})
			if e := failure(t, err, finapi.CodeRedirected); e.Status != status || e.Actor != finapi.ActorFinAPI {
				t.Errorf("%s: status %d of %s, want %d of finAPI", r.name, e.Status, e.Actor, status)
			}
		}
	}
}

func TestAPasswordIsNotRedirected(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(tokenRoute, reply{status: 307, header: http.Header{"Location": {"https://evil.example/token"}}})
	_, err := server.user().Connections(t.Context())
	mustFail(t, err, finapi.CodeRedirected)
}

func TestWhatIsNotAnAnswerIsAClearError(t *testing.T) {
	t.Parallel()
	echo := http.Header{"X-Request-Id": {"echoed-by-finapi"}}
	cases := []struct {
		name   string
		status int
		body   string
		code   finapi.Code
		actor  finapi.Actor
	}{
		{"HTML with status 200", 200, "<html><body>Maintenance</body></html>", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"an empty body", 200, "", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"blanks", 200, " \n ", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"a body cut off", 200, `{"id": 3540249, "accounts": [{"id": 35877`, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"two values", 200, `{} {}`, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"null", 200, "null", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"an empty object", 200, "{}", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"an empty list", 200, "[]", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"a list with null", 200, "[null]", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"a number", 200, "17", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"a text", 200, `"ok"`, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"lists of null", 200, nullRows, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"rows without fields", 200, bareRows, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"lists that are null", 200, nullLists, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"lists that are objects", 200, objectLists, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"the error of a success", 200, `{"error":"invalid_token"}`, finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"no content", 204, "", finapi.CodeUnreadable, finapi.ActorFinAPI},
		{"HTML with status 502", 502, "<html>Bad Gateway</html>", finapi.CodeHTTP, finapi.ActorFinAPI},
		{"HTML with status 403", 403, "<html>Forbidden</html>", finapi.CodeHTTP, finapi.ActorVendor},
		{"an empty 500", 500, "", finapi.CodeHTTP, finapi.ActorFinAPI},
		{"a cut-off 500", 500, `{"errors":[{"mess`, finapi.CodeHTTP, finapi.ActorFinAPI},
		{"a null 404", 404, "null", finapi.CodeHTTP, finapi.ActorVendor},
		{"a list as 422", 422, "[]", finapi.CodeHTTP, finapi.ActorVendor},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range readings() {
				e := failure(t, r.read(t, reply{status: tt.status, body: tt.body, header: echo}), tt.code)
				if e.Status != tt.status || e.RequestID != "echoed-by-finapi" || e.Actor != tt.actor {
					t.Errorf("%s: got status %d, request id %q, actor %s; want %d, the echoed one, %s",
						r.name, e.Status, e.RequestID, e.Actor, tt.status, tt.actor)
				}
				if strings.Contains(e.Error(), "html") || strings.Contains(e.Error(), "35877") {
					t.Errorf("%s: the text quotes the body: %v", r.name, e)
				}
			}
		})
	}
}

// Answers that hold every list key at once, so that they fit all readings.
const (
	onePage  = `"paging":{"page":1,"perPage":500,"pageCount":1,"totalCount":1}`
	nullRows = `{"banks":[null],"accounts":[null],"connections":[null],"transactions":[null],"pendingTransactions":[null],` +
		`"dailyBalances":[null],"notificationRules":[null],"items":[null],` + onePage + `}`
	bareRows = `{"banks":[{}],"accounts":[{}],"connections":[{}],"transactions":[{}],"pendingTransactions":[{}],` +
		`"dailyBalances":[{}],"notificationRules":[{}],"items":[{}],` + onePage + `}`
	nullLists = `{"banks":null,"accounts":null,"connections":null,"transactions":null,"pendingTransactions":null,` +
		`"dailyBalances":null,"notificationRules":null,"items":null,` + onePage + `}`
	objectLists = `{"banks":{},"accounts":{},"connections":{},"transactions":{},"pendingTransactions":{},` +
		`"dailyBalances":{},"notificationRules":{},"items":{},` + onePage + `}`
)

func TestAListWithoutItsPagingIsNotAnEmptyList(t *testing.T) {
	t.Parallel()
	pagings := []string{
		"", `,"paging":null`, `,"paging":{}`, `,"paging":{"page":1,"pageCount":0}`,
		`,"paging":{"page":1,"totalCount":0}`, `,"paging":{"pageCount":0,"totalCount":0}`, `,"paging":[]`, `,"paging":{"page":"1"}`,
	}
	for _, paging := range pagings {
		for _, r := range readings() {
			paged := []string{
				"Client.Banks", "User.Banks", "User.Transactions", "User.DailyBalances", "User.PendingTransactions", "User.Forms.List",
				"User.Tasks.List",
			}
			if !slices.Contains(paged, r.name) {
				continue
			}
			body := `{"banks":[],"transactions":[],"dailyBalances":[],"pendingTransactions":[],"items":[]` + paging + `}`
			if err := r.read(t, reply{body: body}); !finapi.IsError(err, finapi.CodeUnreadable) {
				t.Errorf("%s: %s gave %v, want CodeUnreadable", r.name, body, err)
			}
		}
	}
}

func TestAnUnreadableAnswerNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	cases := []struct{ body, want string }{
		{`{"id":3587742,"accountType":"Checking"}`, "the field bankConnectionId is missing"},
		{`{"id":"DE12999000010001234567"}`, "the field id has an unexpected type"},
		{`["DE12999000010001234567"]`, "the answer is not the JSON that was expected"},
		{`nonsense`, "the answer is not the JSON that was expected"},
	}
	for _, tt := range cases {
		server := newStub(t)
		server.on("GET /api/v2/accounts/3587742", reply{body: tt.body})
		_, err := server.user().Account(t.Context(), 3587742)
		e := failure(t, err, finapi.CodeUnreadable)
		if !strings.Contains(e.Error(), tt.want) || strings.Contains(e.Error(), "DE12") {
			t.Errorf("%s: got the text %q, want it to say %q and to quote nothing", tt.body, e, tt.want)
		}
	}
}

// endless gives blanks for as long as it is read, up to a length.
func endless(length int64) io.Reader { return io.LimitReader(blanks{}, length) }

type blanks struct{}

var manyBlanks = strings.Repeat(" ", 64<<10)

func (blanks) Read(p []byte) (int, error) { return copy(p, manyBlanks), nil }

func TestAnAnswerThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	stream := &countingReader{Reader: endless(1 << 40)}
	e := failure(t, readings()[3].read(t, reply{stream: stream}), finapi.CodeTooLarge)
	if e.Status != 200 || e.RequestID == "" || e.Actor != finapi.ActorFinAPI {
		t.Errorf("got status %d, request id %q, actor %s", e.Status, e.RequestID, e.Actor)
	}
	if stream.n > 33<<20 {
		t.Errorf("%d bytes were read of an answer that is limited to 32 MiB", stream.n)
	}
}

func TestALargeAnswerIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	large := func() reply {
		return reply{stream: io.MultiReader(strings.NewReader(fixture(t, "accounts_empty.json")), endless(5<<20))}
	}
	server.on("GET /api/v2/accounts", large(), fixtureReply(t, "accounts.json"))
	user := server.user()
	for _, want := range []int{0, 11} {
		accounts, err := user.Accounts(t.Context(), finapi.AccountQuery{})
		if err != nil || len(accounts) != want {
			t.Errorf("got %d accounts and error %v, want %d", len(accounts), err, want)
		}
	}
}

func TestAnErrorBodyThatIsTooLargeStillGivesTheStatus(t *testing.T) {
	t.Parallel()
	stream := &countingReader{Reader: io.MultiReader(strings.NewReader(`{"code":"FORBIDDEN","x":"`), endless(1<<40))}
	e := failure(t, readings()[0].read(t, reply{status: 403, stream: stream}), finapi.CodeHTTP)
	if e.Status != 403 || e.Actor != finapi.ActorVendor || e.RequestID == "" {
		t.Errorf("got status %d, actor %s, request id %q", e.Status, e.Actor, e.RequestID)
	}
	if stream.n > 2<<20 {
		t.Errorf("%d bytes of an error were read", stream.n)
	}
}

type countingReader struct {
	io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func TestAConnectionThatBreaksInTheMiddleOfAnAnswerIsANetworkError(t *testing.T) {
	t.Parallel()
	for _, r := range readings() {
		broken := io.MultiReader(strings.NewReader(`{"id":1,`), failingReader{})
		e := failure(t, r.read(t, reply{stream: broken}), finapi.CodeNetwork)
		if e.Status != 200 || e.RequestID == "" || e.Actor != finapi.ActorFinAPI || !errors.Is(e, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got status %d, request id %q, actor %s, cause %v", r.name, e.Status, e.RequestID, e.Actor, errors.Unwrap(e))
		}
	}
}

func TestAnErrorThatIsCutOffByTheNetworkStillGivesTheStatus(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader(`{"code":"FOR`), failingReader{})
	e := failure(t, readings()[0].read(t, reply{status: 403, stream: broken}), finapi.CodeHTTP)
	same(t, 403, e.Status)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheRequestIDOfTheServerWins(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", 255)
	sent := "finapi-go-"
	cases := []struct{ name, header, body, want string }{
		{"the header's", "from-header", `{"errors":[{"code":"X"}],"requestId":"from-body"}`, "from-header"},
		{"the longest that finAPI gives", longest, "", longest},
		{"the body's, if a proxy dropped the header", "", `{"errors":[{"code":"X"}],"requestId":"from-body"}`, "from-body"},
		{"not one that finAPI cannot have made", "x" + longest, "", sent},
		{"not one that could forge a line of a log", "", `{"errors":[{"code":"X"}],"requestId":"a\nb"}`, sent},
		{"not one that could end a quotation", "", `{"errors":[{"code":"X"}],"requestId":"a\"b"}`, sent},
		{"not one that could end the text", "a] b", "", sent},
		{"a gateway's", "Root=1-5f84c3a1-0aa/b+c==;@x:1_2.3~,", "", "Root=1-5f84c3a1-0aa/b+c==;@x:1_2.3~,"},
		{"ours, if there is no other", "", "<html>", sent},
	}
	for _, tt := range cases {
		answer := reply{status: 500, body: tt.body, header: http.Header{}}
		if tt.header != "" {
			answer.header.Set("X-Request-Id", tt.header)
		}
		for _, r := range readings() {
			e := anyFailure(t, r.read(t, answer))
			if tt.want == sent && strings.HasPrefix(e.RequestID, sent) {
				continue
			}
			if e.RequestID != tt.want {
				t.Errorf("%s: %s: got %q, want %q", tt.name, r.name, e.RequestID, tt.want)
			}
		}
	}
}

// anyFailure returns the *finapi.Error of err, whatever its code.
func anyFailure(tb testing.TB, err error) *finapi.Error {
	tb.Helper()
	var e *finapi.Error
	if !errors.As(err, &e) {
		tb.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func TestACallThatIsGivenUpReturnsTheReasonOfTheContext(t *testing.T) {
	t.Parallel()
	for _, r := range readings() {
		server := newStub(t)
		ctx, cancel := context.WithCancel(t.Context())
		server.handle(r.route, func(*request) reply { cancel(); return reply{err: context.Canceled} })
		client := server.client()
		err := r.call(ctx, client, client.User(userName, finapi.NewSecret(password)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", r.name, err)
		}
		server.wantCalls(r.route, 1)
		if err := r.call(ctx, client, client.User(userName, finapi.NewSecret(password))); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: a context that had ended before gave %v", r.name, err)
		}
		server.wantCalls(r.route, 1)
	}
}

func TestEveryAttemptHasItsOwnDeadline(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	everyCall(t, server)
	for _, r := range server.requests {
		deadline, ok := r.ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 3*time.Minute {
			t.Errorf("%s may take %v", r.route, left)
		}
	}
}

func TestWhoGivesUpWhileTheAnswerComesGetsTheContextsError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400, 404, 422, 503} {
		server := newStub(t)
		ctx, cancel := context.WithCancel(t.Context())
		server.on(connectionRoute, reply{status: status, stream: cancelling{cancel, failingReader{}}})
		if _, err := server.user().Connection(ctx, 3540249); !errors.Is(err, context.Canceled) {
			t.Errorf("status %d: got %v, want the context's error", status, err)
		}
	}
}

func TestAServerThatDoesNotAnswerInTimeIsANetworkErrorWithoutURL(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts/3587742", reply{err: context.DeadlineExceeded})
	_, err := server.user(once()).Account(t.Context(), 3587742)
	e := failure(t, err, finapi.CodeNetwork)
	same(t, 0, e.Status)
	if text := e.Error(); !strings.Contains(text, "no answer in time") || strings.Contains(text, "3587742") {
		t.Errorf("got the text %q, want it to tell the reason and no id", text)
	}
}

func once() finapi.Option {
	return finapi.WithRetry(finapi.Retry{Attempts: 1, Base: time.Second, Max: time.Second})
}

func TestTheLogTellsTheEndpointAndNothingPersonal(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := newStub(t)
	server.on("GET /api/v2/accounts/3587742", fixtureReply(t, "account.json"))
	server.on("GET /api/v2/bankConnections/3540249", reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	server.on("GET /api/v2/transactions", fixtureReply(t, "transactions_page.json"))
	user := server.user(finapi.WithLogger(logger))
	if _, err := user.Account(t.Context(), 3587742); err != nil {
		t.Fatal(err)
	}
	if _, err := user.Connection(t.Context(), 3540249); err == nil {
		t.Fatal("the unknown connection was found")
	}
	allRows(t, user.Transactions(t.Context(), finapi.TransactionQuery{Search: "Musterversicherung"}))
	text := log.String()
	for _, want := range []string{
		"GET /api/v2/accounts/{id}", "GET /api/v2/bankConnections/{id}", `"status":404`, `"code":"UNKNOWN_ENTITY"`,
		`"actor":"vendor"`, `"request_id":"`, "POST /api/v2/oauth/token", `"duration":`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	nothingPersonal(t, "the log", text)
}

// nothingPersonal checks that a text holds none of the secrets and personal data
// of the tests and fixtures.
func nothingPersonal(tb testing.TB, what, text string) {
	tb.Helper()
	for _, word := range []string{
		"3587742", "3540249", "DE12", "Musterversicherung", "search", "view=", "client-secret-4711", password,
		"token-1", "refresh-1", "Bearer", "Bankverbindung", string(userName),
	} {
		if strings.Contains(text, word) {
			tb.Errorf("%s holds %q:\n%s", what, word, text)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestAClientIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.always("GET /api/v2/accounts", fixtureReply(t, "accounts.json"))
	server.always("GET /api/v2/banks/901001", fixtureReply(t, "bank.json"))
	client := server.client()
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			user := client.User(finapi.UserID(fmt.Sprint("customer-", i%5)), finapi.NewSecret(password))
			accounts, err := user.Accounts(t.Context(), finapi.AccountQuery{})
			if err != nil || len(accounts) != 11 {
				t.Errorf("got %d accounts and error %v, want 11", len(accounts), err)
			}
			if _, err := client.Bank(t.Context(), 901001); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	server.wantCalls(tokenRoute, 6)
}
