package finapiotel

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/finapi-go/finapi"
)

// instruments are the metrics. Their names are finAPI's own, because those of the
// conventions are taken by otelhttp, which needs labels that are not known here.
type instruments struct {
	requests, waits, refreshes, syncs metric.Float64Histogram
	retries, events, shortfall        metric.Int64Counter
}

// newInstruments gives the histograms buckets up to what an operation can take: a call
// that reaches the bank 180 seconds, an update minutes.
func newInstruments(meter metric.Meter) (*instruments, error) {
	var failures []error
	histogram := func(name, description string, buckets ...float64) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(buckets...))
		failures = append(failures, err)
		return h
	}
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		failures = append(failures, err)
		return c
	}
	i := &instruments{
		requests: histogram("finapi.request.duration", "How long attempts of requests to finAPI take.",
			0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
		waits: histogram("finapi.request.wait", "How long requests to finAPI wait for their turn before they are sent.",
			0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 180),
		refreshes: histogram("finapi.refresh.duration", "How long updates of connections take, with the wait for the data.",
			1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
		syncs: histogram("finapi.sync.duration", "How long synchronisations take, with the ERP's own work.",
			0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
		retries:   counter("finapi.request.retries", "{request}", "Requests that repeat another one of the same call."),
		events:    counter("finapi.sync.events", "{event}", "Events of synchronisations that came to their end."),
		shortfall: counter("finapi.sync.incomplete", "{sync}", "Synchronisations that came to their end without being complete."),
	}
	return i, errors.Join(failures...)
}

func (i *instruments) record(ctx context.Context, op *finapi.Operation, end *finapi.OperationEnd) {
	seconds := end.Duration.Seconds()
	switch op.Kind {
	case finapi.OperationRequest:
		where := route(op)
		if op.Attempt > 1 {
			i.retries.Add(ctx, 1, metric.WithAttributes(where...))
		}
		labels := slices.Concat(where, status(end), errorType(end))
		i.requests.Record(ctx, seconds, metric.WithAttributes(labels...))
		i.waits.Record(ctx, end.Waited.Seconds())
	case finapi.OperationRefresh:
		labels := append(asked(op), errorType(end)...)
		i.refreshes.Record(ctx, seconds, metric.WithAttributes(labels...))
	case finapi.OperationSync:
		i.recordSync(ctx, seconds, end)
	}
}

func (i *instruments) recordSync(ctx context.Context, seconds float64, end *finapi.OperationEnd) {
	came := outcome(end)
	labels := []attribute.KeyValue{passKey.String(pass(end)), outcomeKey.String(came)}
	if came == failed {
		labels = append(labels, errorType(end)...)
	}
	i.syncs.Record(ctx, seconds, metric.WithAttributes(labels...))
	if came == incomplete {
		i.shortfall.Add(ctx, 1, metric.WithAttributes(semconv.ErrorTypeKey.String(shortfall(end))))
	}
	if end.Synced == nil {
		return
	}
	for _, c := range counts(end.Synced) {
		if c.n > 0 {
			i.events.Add(ctx, int64(c.n), metric.WithAttributes(eventKey.String(c.event)))
		}
	}
}
