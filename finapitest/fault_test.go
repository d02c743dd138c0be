package finapitest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

const accountsEndpoint = "GET /api/v2/accounts"

// try sends a request as its caller would, and tells in a few words what came of it.
func (c *client) try(req *http.Request) string {
	c.t.Helper()
	req.Header.Set("Authorization", "Bearer "+c.token)
	ctx, giveUp := context.WithCancel(req.Context())
	defer giveUp()
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return describe(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength < 0 && resp.Header.Get("Content-Encoding") == "" && !resp.Uncompressed { // it may have no end
		defer time.AfterFunc(time.Second, giveUp).Stop()
	}
	const enough = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	told := fmt.Sprint(resp.StatusCode)
	switch {
	case err != nil:
		return told + ", then " + describe(err)
	case len(body) == enough:
		return told + " and more than 1 MiB"
	case len(body) == 0:
		return told + " without a body"
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return told + " HTML"
	}
	return told
}

// describe names an error by its kind.
func describe(err error) string {
	var (
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		network     net.Error
	)
	switch {
	case errors.As(err, &certificate):
		return "a bad certificate"
	case errors.As(err, &name):
		return "no such host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut off"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.Canceled):
		return "too slow"
	}
	return err.Error()
}

// faulty is a customer whose client sees all faults and has little patience.
func faulty(t *testing.T) *client {
	t.Helper()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	c.connect(finapitest.AmnisID)
	c.http.Transport = sim.Transport(c.http.Transport)
	sim.ResetRequests()
	return c
}

func TestEveryKindOfFaultIsSeenByTheClient(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"host not found":                      "no such host",
		"connection refused":                  "refused",
		"bad certificate":                     "a bad certificate",
		"connection reset":                    "reset",
		"connection reset after the effect":   "reset",
		"no answer":                           "too slow",
		"no answer after the effect":          "too slow",
		"slow drip":                           "200, then too slow",
		"slow drip after the effect":          "200, then too slow",
		"redirect":                            "307 HTML",
		"cut-off body":                        "200, then cut off",
		"cut-off body after the effect":       "200, then cut off",
		"truncated JSON":                      "200",
		"truncated JSON after the effect":     "200",
		"garbage":                             "200",
		"garbage after the effect":            "200",
		"empty success":                       "200 without a body",
		"empty success after the effect":      "200 without a body",
		"wrong content type":                  "200 HTML",
		"wrong content type after the effect": "200 HTML",
		"gzip bomb":                           "200 and more than 1 MiB",
		"gzip bomb after the effect":          "200 and more than 1 MiB",
		"endless body":                        "200 and more than 1 MiB",
		"endless body after the effect":       "200 and more than 1 MiB",
		"502":                                 "502 HTML",
		"502 after the effect":                "502 HTML",
		"503":                                 "503 HTML",
		"503 after the effect":                "503 HTML",
		"429":                                 "429 HTML",
		"423":                                 "423",
		"401":                                 "401",
		"dead token":                          "401",
	}
	got := map[string]string{}
	for _, fault := range finapitest.EveryFault() {
		c := faulty(t)
		fault.Endpoint = accountsEndpoint
		injection := c.sim.Inject(fault)
		if fault.Kind == finapitest.FaultNoAnswer {
			c.http.Timeout = 100 * time.Millisecond
		}
		got[fault.String()] = c.try(c.request("GET", c.sim.AccessURL()+"/api/v2/accounts", nil))
		if injection.Hits() == 0 {
			t.Errorf("%v: counted no hit", fault)
		}
		injection.Remove()
		injection.Remove() // twice is no error
		c.http.Timeout = 0
		if fault.Kind != finapitest.FaultDeadToken { // which stays dead
			c.access("GET", "/api/v2/accounts", nil).want(200)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong faults (-want +got):\n%s", diff)
	}
}

func TestAFaultAfterTheEffectLosesTheAnswerOnly(t *testing.T) {
	t.Parallel()
	for _, fault := range finapitest.EveryFault() {
		c := faulty(t)
		fault.Endpoint = "POST /api/v2/notificationRules"
		injection := c.sim.Inject(fault)
		if fault.Kind == finapitest.FaultNoAnswer {
			c.postUntil(func() bool { return c.ruleMade() == fault.AfterEffect && injection.Hits() == 1 })
		} else {
			c.try(c.request("POST", c.sim.AccessURL()+"/api/v2/notificationRules", object{"triggerEvent": "NEW_TRANSACTIONS"}))
		}
		if injection.Hits() != 1 {
			t.Errorf("%v: %d hits, want 1", fault, injection.Hits())
		}
		injection.Remove()
		if made := fault.Kind != finapitest.FaultDeadToken && c.ruleMade(); made != fault.AfterEffect {
			t.Errorf("%v: the rule was made: %v", fault, made)
		}
	}
}

func (c *client) ruleMade() bool {
	c.t.Helper()
	return len(objects(c.access("GET", "/api/v2/notificationRules", nil).want(200).json()["notificationRules"])) == 1
}

// postUntil makes a rule, and gives up waiting for the answer when that is the case.
func (c *client) postUntil(enough func() bool) {
	c.t.Helper()
	ctx, giveUp := context.WithCancel(c.t.Context())
	given := make(chan struct{})
	req := c.request("POST", c.sim.AccessURL()+"/api/v2/notificationRules", object{"triggerEvent": "NEW_TRANSACTIONS"}).WithContext(ctx)
	go func() {
		defer close(given)
		c.try(req)
	}()
	for tries := 0; !enough() && tries < 10_000; tries++ { // each takes some round trips
	}
	giveUp()
	<-given
}

// statuses are those that a sequence of equal calls gets.
func (c *client) statuses(n int) string {
	c.t.Helper()
	var got []string
	for range n {
		got = append(got, c.try(c.request("GET", c.sim.AccessURL()+"/api/v2/accounts", nil)))
	}
	return strings.Join(got, " ")
}

func TestAFaultHappensToWhomItShallAndAsOften(t *testing.T) {
	t.Parallel()
	const bad, good = "502 HTML", "200"
	for name, tt := range map[string]struct {
		fault finapitest.Fault
		want  string
	}{
		"every time":             {finapitest.Fault{}, "502 502 502 502"},
		"to this endpoint":       {finapitest.Fault{Endpoint: accountsEndpoint}, "502 502 502 502"},
		"to any method":          {finapitest.Fault{Endpoint: "/api/v2/accounts"}, "502 502 502 502"},
		"not to another method":  {finapitest.Fault{Endpoint: "DELETE /api/v2/accounts"}, "200 200 200 200"},
		"not to a longer path":   {finapitest.Fault{Endpoint: "/api/v2/accounts/{id}"}, "200 200 200 200"},
		"not to the other host":  {finapitest.Fault{Endpoint: "GET /api/webForms"}, "200 200 200 200"},
		"twice":                  {finapitest.Fault{Times: 2}, "502 502 200 200"},
		"later":                  {finapitest.Fault{Skip: 1}, "200 502 502 502"},
		"once, later":            {finapitest.Fault{Skip: 2, Times: 1}, "200 200 502 200"},
		"hardly ever":            {finapitest.Fault{Chance: math.SmallestNonzeroFloat64}, "200 200 200 200"},
		"by chance":              {finapitest.Fault{Chance: 0.5, Seed: 7}, "200 200 502 502"},
		"by another chance":      {finapitest.Fault{Chance: 0.5, Seed: 8}, "200 502 200 502"},
		"by chance, once at all": {finapitest.Fault{Chance: 0.5, Seed: 8, Times: 1}, "200 502 200 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := faulty(t)
			tt.fault.Kind = finapitest.FaultBadGateway
			injection := c.sim.Inject(tt.fault)
			got := strings.ReplaceAll(c.statuses(4), bad, "502")
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if want := strings.Count(tt.want, "502"); injection.Hits() != want {
				t.Errorf("%d hits, want %d", injection.Hits(), want)
			}
			injection.Remove()
			if got := c.statuses(1); got != good {
				t.Errorf("after its removal: %s", got)
			}
		})
	}
}

func TestATemplateFitsWhateverItsParametersAreCalled(t *testing.T) {
	t.Parallel()
	c := faulty(t)
	byUser := c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultLocked, Endpoint: "POST /api/v2/users/verify/{userId}"})
	c.try(c.request("POST", c.sim.AccessURL()+"/api/v2/users/verify/kunde", nil))
	byID := c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultLocked, Endpoint: "GET /api/v2/accounts/{id}"})
	c.try(c.request("GET", c.sim.AccessURL()+"/api/v2/accounts/dailyBalances", nil)) // a path of its own
	c.try(c.request("GET", c.sim.AccessURL()+"/api/v2/accounts/1", nil))
	if byUser.Hits() != 1 || byID.Hits() != 1 {
		t.Errorf("%d and %d hits, want one of each", byUser.Hits(), byID.Hits())
	}
}

func TestTheFirstOfSeveralFaultsHappensAndTheInterceptorComesBefore(t *testing.T) {
	t.Parallel()
	c := faulty(t)
	first := c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultBadGateway, Times: 1})
	second := c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultUnavailable, RetryAfter: "7"})
	if got, want := c.statuses(2), "502 HTML 503 HTML"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := c.access("GET", "/api/v2/accounts", nil).want(503).header.Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After is %q, want 7", got)
	}
	c.sim.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusTeapot)
		return true
	})
	c.access("GET", "/api/v2/accounts", nil).want(http.StatusTeapot)
	if first.Hits() != 1 || second.Hits() != 2 {
		t.Errorf("%d and %d hits, want 1 and 2", first.Hits(), second.Hits())
	}
}

func TestTheCustomersPagesAreNeverFaulty(t *testing.T) {
	t.Parallel()
	c := faulty(t)
	form := c.forms("POST", "/api/webForms/bankConnectionImport", object{"bank": object{"id": finapitest.SparkasseID}}).want(201).json()
	c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultBadGateway})
	if got := c.try(c.request("GET", form["url"].(string), nil)); got != "200 HTML" {
		t.Errorf("got %s", got)
	}
}

func TestFaultsAtTheTokenEndpointAreThoseOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	for kind, want := range map[finapitest.FaultKind]string{
		finapitest.FaultUnauthorized: "invalid_client", finapitest.FaultLocked: "LOCKED",
	} {
		c := faulty(t)
		c.sim.Inject(finapitest.Fault{Kind: kind, Endpoint: "/api/v2/oauth/token"})
		c.token = ""
		if got := c.access("POST", "/api/v2/oauth/token", object{}).code(); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
	c := faulty(t)
	dead := c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultDeadToken, Endpoint: "/api/v2/oauth/token"})
	c.token = ""
	c.access("POST", "/api/v2/oauth/token", object{})
	if dead.Hits() != 0 {
		t.Error("a call without a token had a dead one")
	}
}

func TestADeadTokenIsTheOnlyOneThatDies(t *testing.T) {
	t.Parallel()
	c := faulty(t)
	other := customer(t, c.sim, "andere")
	c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultDeadToken, Times: 1})
	if code := c.access("GET", "/api/v2/accounts", nil).want(401).code(); code != "invalid_token" {
		t.Errorf("got %s", code)
	}
	c.access("GET", "/api/v2/accounts", nil).want(401)
	other.access("GET", "/api/v2/accounts", nil).want(200)
}

func TestRequestsShowWhatTheClientGot(t *testing.T) {
	t.Parallel()
	c := faulty(t)
	c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultConnectionReset, AfterEffect: true, Times: 1, Endpoint: "DELETE /api/v2/users"})
	c.try(c.request("DELETE", c.sim.AccessURL()+"/api/v2/users", nil))
	seen := c.sim.Requests()
	if len(seen) != 1 || seen[0].Status != 0 {
		t.Errorf("got %+v, want one request without an answer", seen)
	}
	c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultConnectionRefused})
	c.try(c.request("GET", c.sim.AccessURL()+"/api/v2/users", nil))
	if n := len(c.sim.Requests()); n != 1 {
		t.Errorf("the simulator saw %d requests, want only the one that was sent", n)
	}
}

func TestTheTransportLeavesOtherHostsAlone(t *testing.T) {
	t.Parallel()
	c, other := faulty(t), finapitest.New(t, finapitest.WithEmptyWorld())
	c.sim.Inject(finapitest.Fault{Kind: finapitest.FaultConnectionRefused})
	if got := c.try(c.request("GET", other.AccessURL()+"/api/v2/accounts", nil)); got != "401" {
		t.Errorf("got %s", got)
	}
	if got := c.try(c.request("GET", c.sim.WebFormURL()+"/api/tasks", nil)); got != "refused" {
		t.Errorf("got %s", got)
	}
}

func TestClosingEndsWhatWouldNeverEnd(t *testing.T) {
	t.Parallel()
	for _, kind := range []finapitest.FaultKind{finapitest.FaultNoAnswer, finapitest.FaultSlowDrip, finapitest.FaultEndlessBody} {
		sim := finapitest.New(t, finapitest.WithEmptyWorld())
		c := vendor(t, sim)
		sim.Inject(finapitest.Fault{Kind: kind})
		ended := make(chan error, 1)
		began := make(chan struct{})
		sim.Intercept(func(http.ResponseWriter, *http.Request) bool {
			close(began)
			return false
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req := c.request("GET", sim.AccessURL()+"/api/v2/banks", nil).WithContext(ctx)
		go func() {
			resp, err := c.http.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			ended <- err
		}()
		<-began
		sim.Close()
		if err := <-ended; err == nil || ctx.Err() != nil {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

func TestASkewedClockIsWrongAndMovesTheSimulators(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	ahead, behind := sim.Clock().Skewed(time.Hour), sim.Clock().Skewed(-time.Hour)
	if err := ahead.Sleep(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	now := sim.Clock().Now()
	got := []time.Duration{ahead.Now().Sub(now), behind.Now().Sub(now), now.Sub(finapitest.New(t).Clock().Now())}
	if !slices.Equal(got, []time.Duration{time.Hour, -time.Hour, time.Minute}) {
		t.Errorf("got %v", got)
	}
}
