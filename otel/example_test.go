package finapiotel_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	finapiotel "github.com/finapi-go/finapi/otel"
)

// The hooks make a span of each operation, otelhttp one of each exchange below it.
func ExampleNewHooks() {
	ctx := context.Background()
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()

	// A program exports to its collector instead; see OpenTelemetry's own manual.
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))

	hooks, err := finapiotel.NewHooks(finapiotel.Config{Tracers: tracers, Meters: meters})
	if err != nil {
		log.Fatal(err)
	}
	pool := http.DefaultTransport.(*http.Transport).Clone()
	defer pool.CloseIdleConnections()
	transport := otelhttp.NewTransport(
		pool,
		otelhttp.WithTracerProvider(tracers), otelhttp.WithMeterProvider(meters),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()), // finAPI needs no trace ids
	)
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()),
		finapi.WithHooks(hooks), finapi.WithTransport(transport))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Bank(ctx, finapitest.AmnisID); err != nil {
		log.Fatal(err)
	}
	names := map[string]string{}
	for _, s := range spans.GetSpans() {
		names[s.SpanContext.SpanID().String()] = s.Name
	}
	for _, s := range spans.GetSpans() {
		if parent := names[s.Parent.SpanID().String()]; strings.Contains(parent, "banks") {
			fmt.Printf("%s, and within it %s\n", parent, s.Name)
		}
	}
	// Output: GET /api/v2/banks/{id}, and within it HTTP GET
}
