package finapi_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// answered is a public method whose answer has a body.
type answered struct {
	name string
	ask  func(context.Context, *finapi.Client, *finapi.User) (any, error)
}

// allAnswered are all of them.
func allAnswered() []answered {
	type (
		ctx    = context.Context
		client = *finapi.Client
		user   = *finapi.User
	)
	return []answered{
		{"Client.Configuration", func(x ctx, c client, _ user) (any, error) { return c.Configuration(x) }},
		{"Client.Banks", func(x ctx, c client, _ user) (any, error) { return finapi.Collect(c.Banks(x, finapi.BankQuery{})) }},
		{"Client.Bank", func(x ctx, c client, _ user) (any, error) { return c.Bank(x, 901001) }},
		{"Client.CreateUser", func(x ctx, c client, _ user) (any, error) {
			_, err := c.CreateUser(x, finapi.NewUser{ID: userName})
			return nil, err
		}},
		{"Client.UserVerified", func(x ctx, c client, _ user) (any, error) { return c.UserVerified(x, userName) }},
		{"User.Profile", func(x ctx, _ client, u user) (any, error) { return u.Profile(x) }},
		{"User.EditProfile", func(x ctx, _ client, u user) (any, error) { return u.EditProfile(x, finapi.ProfileChange{}) }},
		{"User.Banks", func(x ctx, _ client, u user) (any, error) {
			return finapi.Collect(u.Banks(x, finapi.BankQuery{OrderBy: []finapi.Order{{By: "name"}}}))
		}},
		{"User.Connections", func(x ctx, _ client, u user) (any, error) { return u.Connections(x) }},
		{"User.Connection", func(x ctx, _ client, u user) (any, error) { return u.Connection(x, 3540249) }},
		{"User.RenameConnection", func(x ctx, _ client, u user) (any, error) { return u.RenameConnection(x, 3540249, "a") }},
		{"User.DeleteConsent", func(x ctx, _ client, u user) (any, error) {
			return u.DeleteConsent(x, finapi.ConsentDeletion{Connection: 3540249, Interface: finapi.XS2A})
		}},
		{"User.StartConsent", func(x ctx, _ client, u user) (any, error) { return u.StartConsent(x, finapi.ConsentRequest{}) }},
		{"User.Consent", func(x ctx, _ client, u user) (any, error) { return u.Consent(x, formID) }},
		{"User.Forms.List", func(x ctx, _ client, u user) (any, error) { return finapi.Collect(u.Forms().List(x)) }},
		{"User.Forms.Cancel", func(x ctx, _ client, u user) (any, error) { return u.Forms().Cancel(x, formID) }},
		{"User.Tasks.List", func(x ctx, _ client, u user) (any, error) { return finapi.Collect(u.Tasks().List(x)) }},
		{"User.Tasks.Get", func(x ctx, _ client, u user) (any, error) { return u.Tasks().Get(x, taskID) }},
		{"User.Accounts", func(x ctx, _ client, u user) (any, error) { return u.Accounts(x, finapi.AccountQuery{}) }},
		{"User.Account", func(x ctx, _ client, u user) (any, error) { return u.Account(x, 3587742) }},
		{"User.EditAccount", func(x ctx, _ client, u user) (any, error) {
			return u.EditAccount(x, 3587742, finapi.AccountChange{New: ptr(false)})
		}},
		{"User.DailyBalances", func(x ctx, _ client, u user) (any, error) {
			return finapi.Collect(u.DailyBalances(x, finapi.DailyBalanceQuery{}))
		}},
		{"User.Transactions", func(x ctx, _ client, u user) (any, error) {
			return finapi.Collect(u.Transactions(x, finapi.TransactionQuery{}))
		}},
		{"User.Transaction", func(x ctx, _ client, u user) (any, error) { return u.Transaction(x, 1860779443) }},
		{"User.ConfirmTransaction", func(x ctx, _ client, u user) (any, error) { return u.ConfirmTransaction(x, 1860779451) }},
		{"User.MarkTransactions", func(x ctx, _ client, u user) (any, error) { return u.MarkTransactions(x, true, 1860779451) }},
		{"User.PendingTransactions", func(x ctx, _ client, u user) (any, error) {
			return finapi.Collect(u.PendingTransactions(x, finapi.PendingQuery{}))
		}},
		{"User.PendingTransaction", func(x ctx, _ client, u user) (any, error) { return u.PendingTransaction(x, 77000001) }},
		{"User.Rules.List", func(x ctx, _ client, u user) (any, error) { return u.Rules().List(x, finapi.RuleQuery{}) }},
		{"User.Rules.Get", func(x ctx, _ client, u user) (any, error) { return u.Rules().Get(x, 5511) }},
		{"User.Rules.Create", func(x ctx, _ client, u user) (any, error) {
			return u.Rules().Create(x, finapi.Rule{Event: finapi.EventNewTransactions})
		}},
	}
}

// oneAnswer gives one body to everything but the requests for tokens. It is quicker
// than a stub, and counts.
type oneAnswer struct {
	body string
	// tokens: the body is the answer to the requests for tokens, too.
	tokens bool

	mu     sync.Mutex
	routes map[string]bool
	asked  int
	spoken []string // the tokens that were sent
}

// most is more requests than one call needs whose answer is always the same.
const most = 500

func (a *oneAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	route, body := r.Method+" "+r.URL.EscapedPath(), a.body
	if route == tokenRoute && !a.tokens {
		body = `{"access_token":"token","token_type":"bearer","expires_in":0}`
	}
	if route != tokenRoute {
		a.routes[route] = true
		a.spoken = append(a.spoken, r.Header.Get("Authorization"))
	}
	if a.asked++; a.asked > most {
		return nil, errors.New("asked too often")
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1, Request: r,
	}, nil
}

func (a *oneAnswer) open(tb testing.TB) (*finapi.Client, *finapi.User) {
	tb.Helper()
	a.routes = map[string]bool{}
	client, err := finapi.NewClient(
		finapi.Sandbox, goodCredentials(), finapi.WithTransport(a), finapi.WithClock(newFakeClock()),
		retrying(1, 1000, 1000),
	)
	must(tb, err)
	return client, client.User(userName, finapi.NewSecret(password))
}

func TestTheFuzzOfAnswersAsksForEveryAnswer(t *testing.T) {
	t.Parallel()
	var want []string
	for _, r := range readings() {
		want = append(want, r.route)
	}
	for _, w := range writings() {
		if w.fixture != "" {
			want = append(want, w.route)
		}
	}
	want = append(want, "POST /api/v2/users", "POST /api/webForms/bankConnectionImport")
	server := oneAnswer{body: "{}"}
	client, user := server.open(t)
	for _, a := range allAnswered() {
		if _, err := a.ask(t.Context(), client, user); err == nil {
			t.Errorf("%s took an empty object", a.name)
		}
	}
	slices.Sort(want)
	same(t, slices.Compact(want), slices.Sorted(maps.Keys(server.routes)))
}

// FuzzAnswer gives one body, with one of its values exchanged, to every method that reads
// an answer, or to one of them, which is quicker, and to the token endpoint. Whatever it is, the methods end after a few requests, without a panic: with
// a value that has all that it must have, or with an error that quotes nothing of it.
func FuzzAnswer(f *testing.F) {
	for _, pattern := range []string{"fixtures/*.json", "recorded/*.json"} {
		files, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(pattern)))
		must(f, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			must(f, err)
			f.Add(uint8(0), string(data), uint16(0), "")
		}
	}
	names := contractNames(f)
	all := allAnswered()
	f.Fuzz(func(t *testing.T, which uint8, body string, at uint16, value string) {
		body = exchanged(body, at, value)
		methods := all
		if which > 0 {
			methods = all[int(which)%len(all):][:1]
		}
		server := oneAnswer{body: body}
		client, user := server.open(t)
		for _, a := range methods {
			server.asked = 0
			value, err := a.ask(t.Context(), client, user)
			switch {
			case server.asked > most:
				t.Errorf("%s asked without an end", a.name)
			case err != nil:
				quotesNothing(t, a.name, err, names)
			case value != nil:
				whole(t, a.name, reflect.ValueOf(value))
			}
		}
		tokens := oneAnswer{body: body, tokens: true}
		_, user = tokens.open(t)
		if _, err := user.Profile(t.Context()); err != nil {
			quotesNothing(t, "the token", err, names)
		}
		for _, token := range tokens.spoken {
			if !bearer.MatchString(token) {
				t.Errorf("%q was sent as a token", token)
			}
		}
	})
}

var bearer = regexp.MustCompile(`^Bearer [!-~]+$`)

var jsonValue = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null`)

// exchanged puts a value into the place of one name or value of a body, so that what is
// changed at random mostly stays JSON; "" changes nothing.
func exchanged(body string, at uint16, value string) string {
	found := jsonValue.FindAllStringIndex(body, -1)
	if value == "" || len(found) == 0 {
		return body
	}
	place := found[int(at)%len(found)]
	return body[:place[0]] + value + body[place[1]:]
}

// contractNames are all names of fields in finAPI's contract, and those that the decoders
// have for kinds of values.
func contractNames(tb testing.TB) map[string]bool {
	tb.Helper()
	names := map[string]bool{"number": true, "date": true, "date-time": true, "bank": true}
	for _, file := range []string{"finapi-access-v2.yaml", "finapi-webform-2.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", "contract", file))
		must(tb, err)
		for _, found := range regexp.MustCompile(`(?m)^ +([A-Za-z0-9_]+):`).FindAllStringSubmatch(string(data), -1) {
			names[found[1]] = true
		}
	}
	return names
}

var namedField = regexp.MustCompile(`^the field ([A-Za-z0-9_.-]+) (is missing or unusable|has an unexpected type)$`)

// quotesNothing checks that an error is one of ours and of fixed words: the fields that it
// names are the contract's and not the body's.
func quotesNothing(t *testing.T, name string, err error, names map[string]bool) {
	t.Helper()
	e := anyFailure(t, err)
	fixed := []string{
		"the answer is not the JSON that was expected", "the form is not on a host of finAPI's",
		"the rows did not fit their announced number, again and again", "the pages brought the same rows, again and again",
	}
	found := namedField.FindStringSubmatch(e.Message)
	known := found != nil || slices.Contains(fixed, e.Message)
	if found != nil {
		for word := range strings.SplitSeq(found[1], ".") {
			known = known && names[word]
		}
	}
	if !known || e.Endpoint == "" || !finapi.IsError(err, finapi.CodeUnreadable, finapi.CodeIncomplete, finapi.CodeForeignURL) {
		t.Errorf("%s: got %v, with the message %q", name, err, e.Message)
	}
}

// whole checks that a value holds nothing that cannot be, and all that it has to.
func whole(t *testing.T, name string, value reflect.Value) {
	t.Helper()
	if missing := lacks(value.Interface()); missing != "" {
		t.Errorf("%s returned a value without %s: %+v", name, missing, value)
	}
	switch v := value.Interface().(type) {
	case decimal.Decimal:
		if v.Exponent() > 30 || v.Exponent() < -30 || v.NumDigits() > 64 {
			t.Errorf("%s returned an amount of %d digits and the exponent %d", name, v.NumDigits(), v.Exponent())
		}
		return
	case finapi.Date:
		if !v.IsZero() && !v.Valid() {
			t.Errorf("%s returned the day %#v", name, v)
		}
		return
	}
	switch value.Kind() {
	case reflect.String:
		if !utf8.ValidString(value.String()) {
			t.Errorf("%s returned %q", name, value)
		}
	case reflect.Pointer:
		if !value.IsNil() {
			whole(t, name, value.Elem())
		}
	case reflect.Slice:
		for i := range value.Len() {
			whole(t, name, value.Index(i))
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				whole(t, name, value.Field(i))
			}
		}
	default: // numbers and flags can be anything
	}
}

// lacks names what a value has to have and has not; "" if it has all.
func lacks(value any) string {
	switch v := value.(type) {
	case finapi.Configuration:
		return first("License", v.License != "")
	case finapi.Bank:
		return first("ID", v.ID > 0 || v.Name == "", "Name", v.Name != "" || v.ID == 0)
	case finapi.Connection:
		return first("ID", v.ID > 0, "UpdateStatus", v.UpdateStatus != "")
	case finapi.Account:
		return first("ID", v.ID > 0, "Connection", v.Connection > 0, "Type", v.Type != "")
	case finapi.DailyBalance:
		return first("Date", v.Date.Valid())
	case finapi.Transaction:
		return first("ID", v.ID > 0, "Account", v.Account > 0, "BookingDate", v.BookingDate.Valid())
	case finapi.PendingTransaction:
		return first("ID", v.ID > 0, "Account", v.Account > 0)
	case finapi.Rule:
		return first("ID", v.ID > 0, "Event", v.Event != "")
	case finapi.Profile:
		return first("ID", v.ID != "")
	case finapi.ConsentDeleted:
		return first("AtFinAPI", v.AtFinAPI != "", "AtBank", v.AtBank != "")
	case finapi.Consent:
		return first("ID", v.ID != "", "Status", v.Status != "", "a URL of finAPI's", ofFinAPI(v.URL))
	case finapi.Task:
		return first("ID", len(v.ID) == 36, "Status", v.Status != "", "a URL of finAPI's", ofFinAPI(v.URL))
	}
	return ""
}

// first returns the first name whose condition is false.
func first(conditions ...any) string {
	for i := 0; i < len(conditions); i += 2 {
		if conditions[i+1] == false {
			return conditions[i].(string)
		}
	}
	return ""
}

// ofFinAPI reports whether a customer can be sent to a URL, if there is one.
func ofFinAPI(form string) bool {
	u, err := url.Parse(form)
	hosts := []string{"webform-sandbox.finapi.io", "webform-live.finapi.io", "webform.finapi.io"}
	return form == "" || err == nil && u.Scheme == "https" && u.User == nil && slices.Contains(hosts, u.Host)
}
