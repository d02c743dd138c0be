package finapiotel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	finapiotel "github.com/finapi-go/finapi/otel"
)

const userName = finapi.UserID("customer-4711")

// watched is a customer at a simulated finAPI whose client is watched.
type watched struct {
	t          *testing.T
	sim        *finapitest.Server
	spans      *tracetest.InMemoryExporter
	reader     *sdkmetric.ManualReader
	user       *finapi.User
	connection finapi.ConnectionID
	account    finapi.Account
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{
		t: t, sim: finapitest.New(t, finapitest.WithEmptyWorld()), spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader(),
	}
	hooks, err := finapiotel.NewHooks(finapiotel.Config{
		Tracers: sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans)),
		Meters:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader)),
	})
	must(t, err)
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: w.sim.ClientID(), Secret: finapi.NewSecret(w.sim.ClientSecret())},
		finapi.WithBaseURLs(w.sim.AccessURL(), w.sim.WebFormURL()), finapi.WithClock(w.sim.Clock()), finapi.WithHooks(hooks))
	must(t, err)
	w.user, err = client.CreateUser(t.Context(), finapi.NewUser{ID: userName, Password: finapi.NewSecret("a-password-0815")})
	must(t, err)
	consent, err := w.user.StartConsent(t.Context(), finapi.ConsentRequest{Bank: finapitest.AmnisID})
	must(t, err)
	must(t, w.sim.Approve(consent.URL))
	consent, err = w.user.WaitConsent(t.Context(), consent.ID)
	must(t, err)
	w.connection = consent.Connection
	accounts, err := w.user.Accounts(t.Context(), finapi.AccountQuery{Connection: w.connection})
	must(t, err)
	w.account = accounts[0]
	w.spans.Reset()
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong result (-want +got):\n%s", diff)
	}
}

func (w *watched) book(amount int64) {
	w.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{
		Amount: decimal.NewFromInt(amount), Purpose: "Geheim", CounterpartName: "Erika Musterfrau",
	})
}

func (w *watched) refresh(customer *finapi.CustomerDevice) error {
	_, err := w.user.Refresh(w.t.Context(), finapi.RefreshRequest{Connection: w.connection, Customer: customer})
	return err
}

func (w *watched) sync(store finapi.Store) error {
	for _, err := range w.user.Feed(w.account.ID, "ledger-of-erika", store).Sync(w.t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}

// failOnce lets the next request to a path end with a status.
func (w *watched) failOnce(path string, status int) {
	done := false
	w.sim.Intercept(func(rw http.ResponseWriter, r *http.Request) bool {
		if done || r.URL.Path != path {
			return false
		}
		done = true
		rw.WriteHeader(status)
		return true
	})
}

// ended returns the spans as "name kind status {attributes}", without request ids.
func (w *watched) ended() []string {
	var shown []string
	for _, s := range w.spans.GetSpans() {
		attributes := slices.DeleteFunc(slices.Clone(s.Attributes), func(a attribute.KeyValue) bool { return a.Key == "finapi.request_id" })
		shown = append(shown, fmt.Sprintf("%s %s %s {%s}", s.Name, s.SpanKind, s.Status.Code, labels(attribute.NewSet(attributes...))))
	}
	return shown
}

func labels(set attribute.Set) string {
	var parts []string
	for _, a := range set.ToSlice() {
		parts = append(parts, string(a.Key)+"="+a.Value.String())
	}
	return strings.Join(parts, " ")
}

// metrics returns each series of a metric as "{labels}" with its count.
func (w *watched) metrics(name string) map[string]int64 {
	w.t.Helper()
	var all metricdata.ResourceMetrics
	must(w.t, w.reader.Collect(context.Background(), &all))
	series := map[string]int64{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					series[labels(p.Attributes)] = int64(p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					series[labels(p.Attributes)] = p.Value
				}
			}
		}
	}
	return series
}

// sum returns what a histogram without labels adds up to.
func (w *watched) sum(name string) float64 {
	w.t.Helper()
	var all metricdata.ResourceMetrics
	must(w.t, w.reader.Collect(context.Background(), &all))
	var sum float64
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if data, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == name {
				for _, p := range data.DataPoints {
					sum += p.Sum
				}
			}
		}
	}
	return sum
}

func TestARequestThatIsRepeatedIsTwoSpansAndOneRetry(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.failOnce(fmt.Sprintf("/api/v2/accounts/%d", w.account.ID), http.StatusServiceUnavailable)
	_, err := w.user.Account(t.Context(), w.account.ID)
	must(t, err)
	same(t, []string{
		"GET /api/v2/accounts/{id} client Error {error.type=SDK_HTTP_STATUS http.request.method=GET http.response.status_code=503 url.template=/api/v2/accounts/{id}}",
		"GET /api/v2/accounts/{id} client Unset {http.request.method=GET http.request.resend_count=1 http.response.status_code=200 url.template=/api/v2/accounts/{id}}",
	}, w.ended())
	same(t, map[string]int64{"http.request.method=GET url.template=/api/v2/accounts/{id}": 1}, w.metrics("finapi.request.retries"))
	durations := w.metrics("finapi.request.duration")
	same(t, int64(1), durations["error.type=SDK_HTTP_STATUS http.request.method=GET http.response.status_code=503 url.template=/api/v2/accounts/{id}"])
	same(t, int64(1), durations["http.request.method=GET http.response.status_code=200 url.template=/api/v2/accounts/{id}"])
}

func TestTheWaitForATurnIsMeasured(t *testing.T) {
	t.Parallel()
	w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	request := finapi.Operation{Kind: finapi.OperationRequest, Name: "GET /api/v2/accounts", Attempt: 1}
	end(t, w, request, finapi.OperationEnd{Waited: 7 * time.Second, Duration: time.Second})
	same(t, map[string]int64{"": 1}, w.metrics("finapi.request.wait"))
	same(t, 7.0, w.sum("finapi.request.wait"))
}

func TestARequestThatACircuitRefusesIsARequestWithThatCode(t *testing.T) {
	t.Parallel()
	w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	request := finapi.Operation{Kind: finapi.OperationRequest, Name: "GET /api/v2/accounts", Attempt: 1}
	end(t, w, request, finapi.OperationEnd{Err: &finapi.Error{Code: finapi.CodeHostDown}, Code: finapi.CodeHostDown})
	same(t, map[string]int64{"error.type=SDK_HOST_DOWN http.request.method=GET url.template=/api/v2/accounts": 1}, w.metrics("finapi.request.duration"))
}

func TestARefreshIsASpanAroundItsRequests(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	must(t, w.refresh(nil))
	w.sim.ExpireConsent(int64(w.connection))
	err := w.refresh(&finapi.CustomerDevice{IP: "192.0.2.1"})
	var action *finapi.ActionRequired
	if !errors.As(err, &action) {
		t.Fatalf("got %v, want an ActionRequired", err)
	}
	same(t, map[string]int64{
		"finapi.attended=false": 1,
		"error.type=" + string(finapi.CodeWebFormRequired) + " finapi.attended=true": 1,
	}, w.metrics("finapi.refresh.duration"))

	spans := w.spans.GetSpans()
	refreshes := map[trace.SpanID]bool{}
	for _, s := range spans {
		if s.Name == "finapi refresh" {
			refreshes[s.SpanContext.SpanID()] = true
			same(t, trace.SpanKindInternal, s.SpanKind)
		}
	}
	same(t, 2, len(refreshes))
	for _, s := range spans {
		if s.SpanKind == trace.SpanKindClient && !refreshes[s.Parent.SpanID()] {
			t.Errorf("the request %s is not within a refresh", s.Name)
		}
	}
}

func TestASyncIsCountedByItsPassOutcomeAndEvents(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.book(-1)
	w.book(-2)
	must(t, w.refresh(nil))
	w.spans.Reset()
	store := new(finapi.MemoryStore)
	must(t, w.sync(store))
	last := w.ended()
	same(t, "finapi sync internal Unset {finapi.sync.booked=2 finapi.sync.deferred=0 finapi.sync.held=0 finapi.sync.known=0 finapi.sync.locked=0 "+
		"finapi.sync.modified=0 finapi.sync.pass=sweep finapi.sync.relinked=0 finapi.sync.removed=0 finapi.sync.review=0}", last[len(last)-1])

	w.sim.SetAccountStatus(int64(w.account.ID), "DOWNLOAD_FAILED")
	if err := w.sync(store); !finapi.IsError(err, finapi.CodeStaleData) {
		t.Errorf("got %v, want stale data", err)
	}
	w.sim.SetAccountStatus(int64(w.account.ID), "UPDATED")
	w.failOnce(fmt.Sprintf("/api/v2/accounts/%d", w.account.ID), http.StatusForbidden)
	if err := w.sync(store); err == nil {
		t.Error("a sync that cannot read must fail")
	}
	for range w.user.Feed(w.account.ID, "another", new(finapi.MemoryStore)).Sync(t.Context()) {
		break
	}
	same(t, map[string]int64{
		"finapi.sync.outcome=complete finapi.sync.pass=sweep":                            1,
		"finapi.sync.outcome=incomplete finapi.sync.pass=fast":                           1,
		"error.type=SDK_HTTP_STATUS finapi.sync.outcome=failed finapi.sync.pass=unknown": 1,
		"finapi.sync.outcome=left finapi.sync.pass=unknown":                              1,
	}, w.metrics("finapi.sync.duration"))
	same(t, map[string]int64{"error.type=SDK_STALE_DATA": 1}, w.metrics("finapi.sync.incomplete"))
	same(t, map[string]int64{"finapi.sync.event=booked": 2}, w.metrics("finapi.sync.events"))
}

// end makes the hooks see an operation that ends as it is told.
func end(t *testing.T, w *watched, op finapi.Operation, e finapi.OperationEnd) {
	t.Helper()
	hooks, err := finapiotel.NewHooks(finapiotel.Config{
		Tracers: sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans)),
		Meters:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader)),
	})
	must(t, err)
	_, ended := hooks.Start(t.Context(), op)
	ended(e)
}

func TestTheTypeOfAnErrorIsACodeOrOneOfFewWords(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]finapi.OperationEnd{
		"LOCKED":   {Err: errors.New("x"), Code: "LOCKED"},
		"canceled": {Err: fmt.Errorf("finapi: %w", context.Canceled)},
		"timeout":  {Err: fmt.Errorf("finapi: %w", context.DeadlineExceeded)},
		"_OTHER":   {Err: errors.New("no ledger for Erika")},
	} {
		w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
		end(t, w, finapi.Operation{Kind: finapi.OperationSync, Name: "sync", Attempt: 1}, e)
		same(t, map[string]int64{"error.type=" + want + " finapi.sync.outcome=failed finapi.sync.pass=unknown": 1}, w.metrics("finapi.sync.duration"))
		span := w.spans.GetSpans()[0]
		same(t, sdktrace.Status{Code: codes.Error, Description: want}, span.Status)
	}
	w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	end(t, w, finapi.Operation{Kind: finapi.OperationRefresh, Name: "refresh"}, finapi.OperationEnd{Err: errors.New("x"), Code: "OTHER"})
	same(t, map[string]int64{"error.type=_OTHER finapi.attended=false": 1}, w.metrics("finapi.refresh.duration"))
}

func TestASyncThatHadToDeferIsIncompleteWithoutAnError(t *testing.T) {
	t.Parallel()
	w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	end(t, w, finapi.Operation{Kind: finapi.OperationSync, Name: "sync"}, finapi.OperationEnd{Synced: &finapi.Synced{Pass: finapi.PassFast, Deferred: 1}})
	same(t, map[string]int64{"error.type=deferred": 1}, w.metrics("finapi.sync.incomplete"))
	same(t, map[string]int64{"finapi.sync.event=deferred": 1}, w.metrics("finapi.sync.events"))
}

func TestAnUnknownKindIsASpanOnly(t *testing.T) {
	t.Parallel()
	w := &watched{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	end(t, w, finapi.Operation{Kind: "new", Name: "new"}, finapi.OperationEnd{})
	same(t, []string{"finapi new internal Unset {}"}, w.ended())
	var all metricdata.ResourceMetrics
	must(t, w.reader.Collect(t.Context(), &all))
	same(t, 0, len(all.ScopeMetrics))
}

func TestNeitherSpansNorMetricsHoldPersonalData(t *testing.T) {
	t.Parallel()
	w := newWatched(t)
	w.book(-1)
	must(t, w.refresh(&finapi.CustomerDevice{IP: "192.0.2.77", OS: "Erika-OS"}))
	must(t, w.sync(new(finapi.MemoryStore)))
	err := w.user.Feed(w.account.ID, "another", new(finapi.MemoryStore)).Deliver(t.Context(), func(context.Context, finapi.Batch) error {
		return errors.New("no ledger for Erika")
	})
	if err == nil {
		t.Fatal("the delivery must fail")
	}
	_, _ = w.user.Account(t.Context(), 4711471147114711)
	var all metricdata.ResourceMetrics
	must(t, w.reader.Collect(t.Context(), &all))
	var told strings.Builder
	for _, s := range w.spans.GetSpans() {
		fmt.Fprintf(&told, "%s %s %v\n", s.Name, s.Status.Description, s.Events)
		for _, a := range s.Attributes {
			if a.Key != "finapi.request_id" { // random
				fmt.Fprintf(&told, "%s=%s\n", a.Key, a.Value.String())
			}
		}
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
				for _, p := range h.DataPoints {
					fmt.Fprintln(&told, labels(p.Attributes))
				}
			}
		}
	}
	for _, secret := range []string{
		string(userName), w.account.IBAN, fmt.Sprint(w.account.ID), fmt.Sprint(w.connection), "4711471147114711", "Erika", "erika", "Geheim", "192.0.2",
	} {
		if strings.Contains(told.String(), secret) {
			t.Errorf("%q was told", secret)
		}
	}
}

// refusing is a provider whose meter makes no instruments.
type refusing struct {
	noop.MeterProvider
}

type refusingMeter struct{ noop.Meter }

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("no more instruments")
}

func TestAMeterThatRefusesIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := finapiotel.NewHooks(finapiotel.Config{Meters: refusing{}}); err == nil {
		t.Error("want an error")
	}
	if _, err := finapiotel.NewHooks(finapiotel.Config{}); err != nil { // the global providers
		t.Error(err)
	}
}
