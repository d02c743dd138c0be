package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// bodyOf reads a request's body and leaves it to be read again.
func bodyOf(r *http.Request) string {
	data, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(data))
	return string(data)
}

// watcher notes the throw-away user, and hands each call to a test's own function.
type watcher struct {
	mu           sync.Mutex
	id, password string
}

func (b *bench) watch(handle func(http.ResponseWriter, *http.Request) bool) *watcher {
	watched := &watcher{}
	b.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if is(r, "POST", "/users") {
			var body struct {
				ID       string `json:"id"`
				Password string `json:"password"`
			}
			_ = json.Unmarshal([]byte(bodyOf(r)), &body)
			watched.mu.Lock()
			watched.id, watched.password = body.ID, body.Password
			watched.mu.Unlock()
		}
		return handle != nil && handle(w, r)
	})
	return watched
}

// nothingLeft logs in as the throw-away user, which must fail.
func (b *bench) nothingLeft(t *testing.T, w *watcher) {
	t.Helper()
	b.sim.Intercept(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" {
		t.Fatal("no user was created, so the test shows nothing")
	}
	resp, err := http.PostForm(b.sim.AccessURL()+"/api/v2/oauth/token", url.Values{
		"grant_type": {"password"}, "client_id": {b.sim.ClientID()}, "client_secret": {b.sim.ClientSecret()},
		"username": {w.id}, "password": {w.password},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the user can still log in: status %d", resp.StatusCode)
	}
}

func TestWithoutWriteNothingIsChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.examine(t)
	for _, r := range b.sim.Requests() {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/oauth/token") {
			t.Errorf("sent %s %s", r.Method, r.Path)
		}
	}
	if b.code != 0 || b.report.Write {
		t.Errorf("exit code %d, %+v", b.code, b.report.Counts)
	}
}

func TestWriteDeletesTheFormAndTheUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := b.watch(nil)
	b.examine(t, "-write")
	b.nothingLeft(t, w)
	done := map[string]bool{}
	for _, r := range b.sim.Requests() {
		if r.Status == http.StatusOK {
			done[r.Method+" "+r.Path[:strings.LastIndex(r.Path, "/")]] = true
		}
	}
	if !done["DELETE /api/webForms"] || !done["DELETE /api/v2"] || b.code != 0 {
		t.Errorf("exit code %d, and these calls worked: %v", b.code, done)
	}
}

func TestWriteDeletesTheUserEvenIfAnyStepFails(t *testing.T) {
	t.Parallel()
	const always = 1 << 20
	for name, c := range map[string]struct {
		method, part string
		times        int
	}{
		"the first log-in":       {"GET", "/api/v2/users", always},
		"reading transactions":   {"GET", "/api/v2/transactions", always},
		"the bank list":          {"GET", "/api/v2/banks", always},
		"opening the form":       {"POST", "/bankConnectionImport", always},
		"reading the form":       {"GET", "/api/webForms", always},
		"cancelling the form":    {"POST", "/cancel", always},
		"deleting the form":      {"DELETE", "/api/webForms", always},
		"logging out":            {"POST", "/oauth/revoke", always},
		"deleting at first":      {"DELETE", "/api/v2/users", 2},
		"everything about forms": {"", "/api/webForms", always},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			left := c.times
			w := b.watch(func(w http.ResponseWriter, r *http.Request) bool {
				if (c.method != "" && r.Method != c.method) || !strings.Contains(r.URL.Path, c.part) || left == 0 {
					return false
				}
				left--
				w.WriteHeader(http.StatusInternalServerError)
				return true
			})
			b.examine(t, "-write")
			b.nothingLeft(t, w)
			if got := b.stateOf("delete user"); got != "ok" {
				t.Errorf("delete user: %s", got)
			}
			b.checkFindings(t)
		})
	}
}

func TestTheAnswerToTheCreationMayBeLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := b.watch(nil)
	b.between(t, func(resp *http.Response) error {
		if is(resp.Request, "POST", "/users") {
			resp.StatusCode = http.StatusBadGateway
			resp.Body = http.NoBody
			resp.ContentLength = 0
			resp.Header.Del("Content-Length")
		}
		return nil
	})
	b.examine(t, "-write")
	b.nothingLeft(t, w)
	if b.stateOf("create user") != "fail" || b.stateOf("delete user") != "ok" {
		t.Errorf("create user: %s, delete user: %s", b.stateOf("create user"), b.stateOf("delete user"))
	}
}

func TestAnInterruptedRunDeletesTheUserFirst(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"while the user is created":   "POST /api/v2/users",
		"while transactions are read": "GET /api/v2/transactions",
		"while the form is opened":    "POST /api/webForms/bankConnectionImport",
		"while the user logs out":     "POST /api/v2/oauth/revoke",
		"while the user is deleted":   "DELETE /api/v2/users",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ctx, cancel := context.WithCancel(t.Context())
			w := b.watch(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method+" "+r.URL.Path == part {
					cancel()
				}
				return false
			})
			b.run(ctx, "-json", "-write")
			b.read(t)
			b.nothingLeft(t, w)
			if b.code != exitInterrupted || b.stateOf("delete user") != "ok" {
				t.Errorf("exit code %d, delete user: %s", b.code, b.stateOf("delete user"))
			}
			if part != "DELETE /api/v2/users" && !strings.Contains(b.stderr.String(), "Deleting the throw-away user first") {
				t.Errorf("it does not tell why it does not stop: %q", b.stderr.String())
			}
		})
	}
}

func TestAFormWhoseAnswerIsLostIsDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := b.watch(func(_ http.ResponseWriter, r *http.Request) bool {
		if is(r, "POST", "/bankConnectionImport") {
			cancel()
		}
		return false
	})
	b.run(ctx, "-json", "-write")
	b.read(t)
	b.nothingLeft(t, w)
	listed := false
	for _, r := range b.sim.Requests() {
		listed = listed || r.Method == "GET" && r.Path == "/api/webForms" && r.Status == 200
	}
	if !listed {
		t.Error("it did not look for a form that may have been opened")
	}
}

func TestAWrongPasswordIsTriedOnceAndOnlyWhereItDoesNoHarm(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]state{0: "ok", 1: "skipped", 2: "skipped", 3: "ok"} {
		b := newBench(t)
		b.sim.EditClient(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = limit })
		b.examine(t, "-write")
		if got := b.stateOf("wrong password"); got != want {
			t.Errorf("%d log-ins lock a user: %s, want %s", limit, got, want)
		}
		if got := b.stateOf("delete user"); got != "ok" {
			t.Errorf("%d log-ins lock a user: delete user: %s", limit, got)
		}
	}
}

func TestAUserThatIsCreatedLateIsDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var body, token string
	logins := 0
	w := b.watch(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case is(r, "POST", "/users") && body == "":
			body, token = bodyOf(r), r.Header.Get("Authorization")
			w.WriteHeader(http.StatusGatewayTimeout)
			return true
		case is(r, "POST", "/oauth/token") && strings.Contains(bodyOf(r), "grant_type=password"):
			if logins++; logins == 2 { // finAPI is done with it only now
				req := httptest.NewRequest(http.MethodPost, b.sim.AccessURL()+"/api/v2/users", strings.NewReader(body))
				req.RequestURI = ""
				req.Header.Set("Authorization", token)
				req.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil || resp.StatusCode != http.StatusCreated {
					t.Errorf("the late creation failed: %v", err)
					return false
				}
				_ = resp.Body.Close()
			}
		}
		return false
	})
	b.examine(t, "-write")
	b.nothingLeft(t, w)
	if logins < 2 || b.stateOf("delete user") != "ok" {
		t.Errorf("%d log-ins, delete user: %s", logins, b.stateOf("delete user"))
	}
}

// panickyClock fails the program while it waits to repeat a call.
type panickyClock struct {
	finapi.Clock
	once sync.Once
}

func (c *panickyClock) Sleep(ctx context.Context, d time.Duration) error {
	c.once.Do(func() { panic("planted") })
	return c.Clock.Sleep(ctx, d)
}

func TestAProgramThatDiesDeletesTheUserFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.machine.clock = &panickyClock{Clock: b.sim.Clock()}
	w := b.watch(func(w http.ResponseWriter, r *http.Request) bool {
		if is(r, "GET", "/transactions") {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it did not die")
			}
		}()
		b.run(t.Context(), "-json", "-write")
	}()
	b.nothingLeft(t, w)
}
