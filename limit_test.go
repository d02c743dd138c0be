package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

const accountsRoute = "GET /api/v2/accounts"

// answers is a transport that answers as a function says.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// counting counts how many requests are under way in a transport that takes a while.
type counting struct {
	next      http.RoundTripper
	takes     time.Duration
	mu        sync.Mutex
	now, most int
	sent      []string // the paths, in their order
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.sent = append(c.sent, r.URL.Path)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}()
	if err := finapi.SystemClock().Sleep(r.Context(), c.takes); err != nil {
		return nil, err
	}
	return c.next.RoundTrip(r)
}

// parallel runs a function n times at once and requires that none fails.
func parallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	for range n {
		must(t, <-errs)
	}
}

func TestNoMoreRequestsAreUnderWayThanAllowed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		option []finapi.Option
		want   int
	}{
		{nil, 32},
		{[]finapi.Option{finapi.WithMaxInFlight(1)}, 1},
		{[]finapi.Option{finapi.WithMaxInFlight(5)}, 5},
		{[]finapi.Option{finapi.WithMaxInFlight(1024)}, 100}, // as many as there are calls
	}
	for _, tt := range cases {
		synctest.Test(t, func(t *testing.T) {
			server := newStub(t)
			accounts := ready(server)
			transport := &counting{next: server, takes: time.Second}
			client := server.client(append(tt.option, finapi.WithTransport(transport), finapi.WithClock(finapi.SystemClock()))...)
			// Each has to log in first: whoever waits for a token must not keep the log-in waiting.
			parallel(t, 100, func(i int) error {
				return accounts(t.Context(), client.User(finapi.UserID(fmt.Sprint("customer-", i%20)), finapi.NewSecret(password)))
			})
			same(t, tt.want, transport.most)
			server.wantCalls(accountsRoute, 100)
			server.wantCalls(tokenRoute, 20)
		})
	}
}

func TestRequestsAreSentInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		var want []string
		transport := &counting{next: server, takes: time.Second}
		user := server.user(finapi.WithMaxInFlight(1), finapi.WithTransport(transport), finapi.WithClock(finapi.SystemClock()))
		must(t, ready(server)(t.Context(), user))
		transport.sent = nil
		done := make(chan error)
		for id := finapi.AccountID(1); id <= 20; id++ {
			path := fmt.Sprint("/api/v2/accounts/", id)
			want = append(want, path)
			server.always("GET "+path, fixtureReply(t, "account.json"))
			go func() {
				_, err := user.Account(t.Context(), id)
				done <- err
			}()
			synctest.Wait()
		}
		for range want {
			must(t, <-done)
		}
		same(t, want, transport.sent)
	})
}

func TestACallKeepsNoTurnBetweenItsAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		server.on("GET /api/v2/users", reply{status: 503}, fixtureReply(t, "user.json"))
		user := server.user(finapi.WithMaxInFlight(1), retrying(2, 60_000, 60_000), finapi.WithClock(finapi.SystemClock()))
		accounts := ready(server)
		profile := make(chan error)
		go func() {
			_, err := user.Profile(t.Context())
			profile <- err
		}()
		synctest.Wait() // it waits for its second attempt
		began := time.Now()
		must(t, accounts(t.Context(), user))
		same(t, time.Duration(0), time.Since(began))
		must(t, <-profile)
	})
}

func TestTheTimeOfAnAttemptBeginsAfterTheWaitForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		accounts := ready(server)
		transport := &counting{next: server, takes: 50 * time.Second} // an attempt may take 60 s
		user := server.user(finapi.WithMaxInFlight(1), finapi.WithTransport(transport), finapi.WithClock(finapi.SystemClock()))
		parallel(t, 5, func(int) error { return accounts(t.Context(), user) })
		server.wantCalls(accountsRoute, 5)
	})
}

func TestTheRateIsKeptInAnySpan(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	var sent []time.Time
	user := server.user(finapi.WithRateLimit(7, time.Minute), finapi.WithTransport(answers(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, server.clock.Now())
		return server.RoundTrip(r)
	})))
	for i := range 50 {
		must(t, accounts(t.Context(), user))
		if i == 20 {
			server.clock.advance(30 * time.Minute) // a pause saves nothing up
		}
	}
	same(t, 51, len(sent)) // the log-in counts, too
	for i := range len(sent) - 7 {
		if span := sent[i+7].Sub(sent[i]); span < time.Minute {
			t.Errorf("8 requests within %v, from number %d on; 7 a minute are allowed", span, i)
		}
	}
	if took := sent[20].Sub(sent[0]); took > 3*time.Minute {
		t.Errorf("21 requests took %v; at 7 a minute it should be less than 3 minutes", took)
	}
}

// Whoever leaves while waiting uses nothing up, and those who stay never exceed the rate.
func TestTheRateIsKeptWhoeverLeaves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(rt, "requests")
		patience := rapid.SliceOfN(rapid.IntRange(0, 20_000), 1, 30).Draw(rt, "patience")
		synctest.Test(t, func(t *testing.T) {
			server := newStub(t)
			accounts := ready(server)
			user := server.user(finapi.WithClock(finapi.SystemClock()))
			must(t, accounts(t.Context(), user)) // the log-in
			var mu sync.Mutex
			var sent []time.Time
			user = server.client(finapi.WithClock(finapi.SystemClock()), finapi.WithRateLimit(n, 10*time.Second), finapi.WithTransport(answers(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				sent = append(sent, time.Now())
				mu.Unlock()
				return server.RoundTrip(r)
			}))).User(userName, finapi.NewSecret(password))
			must(t, accounts(t.Context(), user))
			served := make(chan bool)
			for _, ms := range patience {
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(ms)*time.Millisecond)
					defer cancel()
					err := accounts(ctx, user)
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
					served <- err == nil
				}()
			}
			for range patience {
				<-served
			}
			slices.SortFunc(sent, time.Time.Compare)
			for i := range len(sent) - n {
				if span := sent[i+n].Sub(sent[i]); span < 10*time.Second {
					t.Errorf("%d requests within %v; %d in 10 s are allowed", n+1, span, n)
				}
			}
			began := time.Now()
			must(t, accounts(t.Context(), user))
			if waited, most := time.Since(began), 10*time.Second/time.Duration(n)+time.Second; waited > most {
				t.Errorf("after all have left or been served the next one waits %v, want at most %v", waited, most)
			}
		})
	})
}

func TestHooksTellHowLongARequestWaitedForItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{}
		server := newStub(t)
		transport := &counting{next: server, takes: time.Second}
		user := server.user(finapi.WithMaxInFlight(1), finapi.WithTransport(transport), finapi.WithClock(finapi.SystemClock()), finapi.WithHooks(w.hooks()))
		accounts := ready(server)
		must(t, accounts(t.Context(), user))
		parallel(t, 4, func(int) error { return accounts(t.Context(), user) })
		var waited []time.Duration
		for _, o := range w.of(finapi.OperationRequest) {
			waited = append(waited, o.Waited)
			same(t, time.Second, o.Duration)
		}
		same(t, []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 3 * time.Second}, waited)

		go func() { _ = accounts(t.Context(), user) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := accounts(ctx, user); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of the context", err)
		}
		all := w.of(finapi.OperationRequest)
		last := all[len(all)-1]
		same(t, 100*time.Millisecond, last.Waited)
		same(t, time.Duration(0), last.Duration)
		same(t, "", last.RequestID)
	})
}

func TestAClockThatIsSetBackDoesNotStopTheClient(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	user := server.user(finapi.WithRateLimit(1, time.Second))
	must(t, accounts(t.Context(), user))
	server.clock.advance(-10 * time.Minute)
	must(t, accounts(t.Context(), user))
	for _, d := range server.clock.sleeps() {
		if d > time.Second {
			t.Errorf("waited %v, want a second at the most", d)
		}
	}
}
