package finapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

// This file is about what must not be said: secrets and personal data. internal/contract also
// searches all that the clients of all tests say.

// planted are what the tests of this file hide in requests and answers.
var planted = []string{
	password, "client-secret-4711", "token-1", "refresh-1", "DE89370400440532013000", "Erika Musterfrau", "Miete Musterstraße",
}

// wantSilent fails the test if a text holds something planted, as it is or in hex.
func wantSilent(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range exposed(text) {
		t.Errorf("%s shows %q: %.2000s", what, secret, text)
	}
}

// exposed returns what a text holds of what is planted, as it is, in hex, as bytes or as in a dump.
// Dumps show the address of a text and the bytes of an array. Of one call they show ten values at
// most; seven are what a receiver and a context leave.
func exposed(text string) (found []string) {
	for _, secret := range planted {
		inDump := strings.ReplaceAll(fmt.Sprintf("% #x", secret[:7]), " ", ", ")
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]"), inDump} {
			if strings.Contains(text, form) {
				found = append(found, secret)
			}
		}
	}
	return found
}

// talkative is a client whose words are all kept: its log at every level, and its errors
// in every way of printing them.
func (s *stub) talkative(said *bytes.Buffer, options ...finapi.Option) (*finapi.Client, *finapi.User) {
	s.tb.Helper()
	hooks := finapi.Hooks{Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		return ctx, func(end finapi.OperationEnd) {
			fmt.Fprintf(said, "%+v %+v %s", op, end, capture.Print(end.Err))
		}
	}}
	all := &slog.HandlerOptions{Level: slog.Level(-100), AddSource: true}
	client := s.client(append([]finapi.Option{
		finapi.WithLogger(slog.New(slog.NewJSONHandler(said, all))), finapi.WithHooks(hooks),
		finapi.WithRetry(finapi.Retry{Attempts: 1, Base: time.Second, Max: time.Second}),
	}, options...)...)
	return client, client.User(userName, finapi.NewSecret(password))
}

// TestNoFailureOfAnyOperationQuotesWhatCame tries every operation with every kind of answer that
// fails.
func TestNoFailureOfAnyOperationQuotesWhatCame(t *testing.T) {
	t.Parallel()
	const text = `Erika Musterfrau DE89370400440532013000 Miete Musterstraße token-1 refresh-1 a-password-0815 client-secret-4711`
	answers := map[string]reply{
		"an error of Access":           {status: 422, body: `{"errors":[{"message":"` + text + `","code":"BANK_SERVER_REJECTION","type":"BUSINESS"}]}`},
		"an error of Web Form":         {status: 400, body: `{"errors":[{"field":"` + text + `","message":"` + text + `"}]}`},
		"an error with a strange code": {status: 400, body: `{"errors":[{"message":"` + text + `","code":"` + text + `"}]}`},
		"an error of OAuth":            {status: 403, body: `{"error":"access_denied","error_description":"` + text + `"}`},
		"HTML":                         {status: 502, body: "<html>" + text},
		"a strange page":               {body: text},
		"a wrong type":                 {body: `["` + text + `"]`},
		"a wrong field":                {body: `{"id":"` + text + `","accounts":"` + text + `","transactions":[{"id":"` + text + `"}],"paging":"` + text + `"}`},
		"a cut-off answer":             {body: `{"transactions":[{"purpose":"` + text},
		"a strange header":             {status: 500, header: http.Header{"X-Request-Id": {text}, "Retry-After": {text}, "Location": {text}}},
		"a failure":                    {err: fmt.Errorf("got %q", text)},
	}
	for kind, answer := range answers {
		try := func(name, route string, call func(context.Context, *finapi.Client, *finapi.User) error) {
			var said bytes.Buffer
			server := newStub(t)
			server.always(route, answer)
			client, user := server.talkative(&said)
			if route == revokeRoute {
				answered := ready(server)
				must(t, answered(t.Context(), user))
			}
			err := call(t.Context(), client, user)
			if err == nil && answer.status != 0 {
				t.Errorf("%s succeeds with %s", name, kind)
			}
			what := name + " with " + kind
			wantSilent(t, what, said.String()+capture.Print(err)+capture.Print(errors.Join(errors.New("context"), err))+capture.Print([]error{err}))
		}
		for _, r := range readings() {
			try(r.name, r.route, r.call)
		}
		for _, w := range writings() {
			try(w.name, w.route, w.call)
		}
		try("a log-in", tokenRoute, func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Connections(ctx)
			return err
		})
	}
}

func TestASecretThatFinAPIQuotesIsTakenOutOfItsMessage(t *testing.T) {
	t.Parallel()
	t.Run("a dead token", func(t *testing.T) {
		t.Parallel()
		server := newStub(t)
		server.handle("GET /api/v2/accounts", func(r *request) reply {
			return reply{status: 401, body: `{"error":"invalid_token","error_description":"Invalid access token: ` + r.token() + `"}`}
		})
		_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
		same(t, "Invalid access token: REDACTED", failure(t, err, finapi.CodeInvalidToken).Message)
	})
	t.Run("a password", func(t *testing.T) {
		t.Parallel()
		server := newStub(t)
		server.handle(tokenRoute, func(r *request) reply {
			return reply{status: 400, body: `{"errors":[{"message":"Bad: ` + r.form.Get("password") + `, ` + r.form.Get("client_secret") + `","code":"BAD_REQUEST"}]}`}
		})
		_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
		e := failure(t, err, finapi.CodeInvalidGrant)
		same(t, "Bad: REDACTED, REDACTED", e.Message)
		same(t, "Bad: REDACTED, REDACTED", e.Details[0].Message)
	})
}

func TestASecretThatComesBackAsAWordOfTheAnswerIsTakenOut(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	bodies := []string{`{"error":"TOKEN"}`, `{"errors":[{"code":"TOKEN","message":"TOKEN"}],"requestId":"TOKEN"}`, `{"code":"TOKEN","description":"TOKEN"}`}
	for _, body := range bodies {
		server.handle("GET /api/v2/accounts", func(r *request) reply {
			return reply{status: 400, body: strings.ReplaceAll(body, "TOKEN", r.token()), header: http.Header{"X-Request-Id": {r.token()}}}
		})
		_, err := server.user(finapi.WithLogger(logger)).Accounts(t.Context(), finapi.AccountQuery{})
		var e *finapi.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v, want an Error", err)
		}
		asJSON, err := json.Marshal(e)
		must(t, err)
		for _, said := range []string{e.Error(), e.RequestID, string(e.Code), e.Message, string(asJSON), log.String()} {
			if strings.Contains(said, "token-") {
				t.Errorf("%s: the token is in: %s", body, said)
			}
		}
	}
}

func TestThePasswordOfANewUserIsTakenOutOfARefusal(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle("POST /api/v2/users", func(*request) reply {
		return reply{status: 400, body: `{"errors":[{"message":"Bad password ` + password + `","code":"BAD_REQUEST"}]}`}
	})
	_, err := server.client().CreateUser(t.Context(), finapi.NewUser{Password: finapi.NewSecret(password)})
	e := failure(t, err, finapi.CodeBadRequest)
	same(t, "Bad password REDACTED", e.Message)
	same(t, "Bad password REDACTED", e.Details[0].Message)
}

// TestAServerThatDoesNotSpeakHTTPIsNotQuoted is about the errors of net/http, which quote what
// they cannot read.
func TestAServerThatDoesNotSpeakHTTPIsNotQuoted(t *testing.T) {
	t.Parallel()
	const secret = "Erika Musterfrau DE89370400440532013000"
	for name, answer := range map[string]string{
		"no HTTP":             secret + "\r\n\r\n",
		"a status":            "HTTP/1.1 " + secret + "\r\n\r\n",
		"a version":           "HTTP/" + secret + " 200 OK\r\n\r\n",
		"a header":            "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
		"a first header":      "HTTP/1.1 200 OK\r\n " + secret + "\r\nA: b\r\n\r\n",
		"a name of a header":  "HTTP/1.1 200 OK\r\n" + secret + ": x\r\n\r\n",
		"a length":            "HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n",
		"an encoding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"a chunk":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n",
		"a trailer":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + secret + "\r\n\r\n",
		"a quotation mark":    "HTTP/1.1 \"" + secret + "\\\" \"x\r\n\r\n",
		"too much, unasked":   "HTTP/1.1 204 No Content\r\n\r\n" + secret,
		"compression":         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 39\r\n\r\n" + secret,
		"another protocol":    "HTTP/1.1 101 " + secret + "\r\nUpgrade: " + secret + "\r\n\r\n",
		"a length that lies":  "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + secret,
		"a header after that": "HTTP/1.1 200 OK\r\nA: b\r\n\tx\r\n" + secret + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := speaks(t, answer)
			var said bytes.Buffer
			client, _ := newStub(t).talkative(&said, finapi.WithBaseURLs(address, address), finapi.WithTransport(&http.Transport{DisableKeepAlives: true}))
			_, err := client.Configuration(t.Context())
			if !finapi.IsError(err) {
				t.Fatalf("got %v, want an *Error", err)
			}
			wantSilent(t, name, said.String()+capture.Print(err))
		})
	}
}

// speaks is a server that answers every connection with the same bytes.
func speaks(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestADumpOfAllGoroutinesShowsNoSecret takes it where a program would: in the transport and in
// the hooks, while the client holds all that it knows.
func TestADumpOfAllGoroutinesShowsNoSecret(t *testing.T) {
	t.Parallel()
	var dumps bytes.Buffer
	dump := func() {
		all := make([]byte, 4<<20)
		dumps.Write(all[:runtime.Stack(all, true)])
		must(t, pprof.Lookup("goroutine").WriteTo(&dumps, 2))
	}
	server := newStub(t)
	server.handle("GET /api/v2/accounts", func(*request) reply {
		dump()
		return fixtureReply(t, "accounts.json")
	})
	hooks := finapi.Hooks{Start: func(ctx context.Context, _ finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		return ctx, func(finapi.OperationEnd) { dump() }
	}}
	_, _ = server.user(finapi.WithHooks(hooks)).Accounts(t.Context(), finapi.AccountQuery{})
	if n := strings.Count(dumps.String(), "finapi.(*Client).do"); n < 3 {
		t.Errorf("the client is in %d dumps only", n)
	}
	wantSilent(t, "a dump", dumps.String())
}

const panicVariable = "FINAPI_TEST_PANIC"

// things are what a program could panic with or print.
func things(t *testing.T) map[string]any {
	t.Helper()
	server := newStub(t)
	server.always("GET /api/v2/accounts", reply{status: 422, body: `{"errors":[{"message":"Erika Musterfrau","code":"BANK_SERVER_REJECTION"}]}`})
	client := server.client()
	user := client.User(userName, finapi.NewSecret(password))
	_, err := user.Accounts(t.Context(), finapi.AccountQuery{})
	said := failure(t, err, finapi.CodeBankServerRejection)
	same(t, "Erika Musterfrau", said.Message)
	handler, failed := client.NewReturnHandler(finapi.ReturnConfig{
		URL: landing, Keys: []finapi.Secret{finapi.NewSecret(strings.Repeat(password, 3))},
		SignedIn: func(*http.Request) (*finapi.User, error) { return user, nil },
		Returned: func(http.ResponseWriter, *http.Request, finapi.Return) {},
	})
	must(t, failed)
	post, failed := client.NewNotificationHandler(finapi.NotificationConfig{
		Keys:     []finapi.Secret{finapi.NewSecret(strings.Repeat(password, 3))},
		Notified: func(context.Context, finapi.Notification) error { return nil },
	})
	must(t, failed)
	return map[string]any{
		"a client": client, "a user": user, "credentials": goodCredentials(), "a secret": finapi.NewSecret(password), "an error": err,
		"a handler of returns": handler, "a handler of notifications": post, "forms": user.Forms(), "tasks": user.Tasks(), "rules": user.Rules(),
		"a feed": user.Feed(4711, "ledger", &finapi.MemoryStore{}), "a new user": finapi.NewUser{Password: finapi.NewSecret(password)},
		"the customer must act": &finapi.ActionRequired{URL: "https://webform.finapi.io/wf/token-1"},
		"an error by value":     *said,
		"a form by value":       finapi.ActionRequired{URL: "https://webform.finapi.io/wf/token-1"},
	}
}

func TestNothingOfTheSDKPrintsASecret(t *testing.T) {
	t.Parallel()
	for name, thing := range things(t) {
		text := capture.Print(thing) + fmt.Sprintf("%s %d %t %T %v", thing, thing, thing, thing, []any{thing, &thing})
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "thing", thing)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "thing", thing)
		wantSilent(t, name, text+log.String())
	}
}

// TestAPanicShowsNoSecret starts the test program again for each thing, which panics with it in
// a hook, deep in a call, and dies with the stacks of all goroutines.
func TestAPanicShowsNoSecret(t *testing.T) {
	if name := os.Getenv(panicVariable); name != "" {
		panicWith(t, things(t)[name])
		return
	}
	t.Parallel()
	program, err := os.Executable()
	must(t, err)
	for name := range things(t) {
		child := exec.CommandContext(t.Context(), program, "-test.run=^TestAPanicShowsNoSecret$")
		child.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FINAPI_") }),
			panicVariable+"="+name, "GOTRACEBACK=all")
		output, err := child.CombinedOutput()
		if err == nil || !bytes.Contains(output, []byte("panic: ")) || !bytes.Contains(output, []byte("finapi.(*Client).do")) {
			t.Errorf("%s: the program should have died of a panic within a call: %v\n%.2000s", name, err, output)
		}
		wantSilent(t, "a panic with "+name, string(output))
	}
}

func panicWith(t *testing.T, thing any) {
	t.Helper()
	server := newStub(t)
	server.always("GET /api/v2/accounts", fixtureReply(t, "accounts.json"))
	hooks := finapi.Hooks{Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		if strings.HasSuffix(op.Name, "/accounts") {
			panic(thing)
		}
		return ctx, nil
	}}
	_, _ = server.user(finapi.WithHooks(hooks)).Accounts(t.Context(), finapi.AccountQuery{})
}

// TestTheSearchFindsWhatIsShown proves that the tests of this file can fail.
func TestTheSearchFindsWhatIsShown(t *testing.T) {
	t.Parallel()
	type careless struct {
		Password string `json:"password"`
	}
	thing := careless{password}
	var array [16]byte
	copy(array[:], password)
	asJSON, err := json.Marshal(thing)
	must(t, err)
	for _, text := range []string{
		fmt.Sprint(thing), fmt.Sprintf("%#v", thing), fmt.Sprintf("%x", thing), fmt.Sprintf("%d", []byte(password)), string(asJSON),
		dump(t.Context(), nil, array),
	} {
		same(t, []string{password}, exposed(text))
	}
}

// dump has a secret among its arguments, as an array, which Go passes by its bytes.
//
//go:noinline
func dump(_ context.Context, _ *int, _ [16]byte) string {
	all := make([]byte, 64<<10)
	return string(all[:runtime.Stack(all, false)])
}
