package finapiotel

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/finapi-go/finapi"
)

const scope = "github.com/finapi-go/finapi/otel"

// Config says where spans and metrics go. The zero Config sends them to the program's
// global providers.
type Config struct {
	// Tracers makes the spans; nil means the global provider.
	Tracers trace.TracerProvider
	// Meters takes the metrics; nil means the global provider.
	Meters metric.MeterProvider
}

// NewHooks returns hooks for [finapi.WithHooks]. It fails only if the provider of the
// metrics refuses an instrument. The hooks are safe for any number of clients.
func NewHooks(config Config) (finapi.Hooks, error) {
	if config.Tracers == nil {
		config.Tracers = otel.GetTracerProvider()
	}
	if config.Meters == nil {
		config.Meters = otel.GetMeterProvider()
	}
	instruments, err := newInstruments(config.Meters.Meter(scope, metric.WithInstrumentationVersion(finapi.Version)))
	if err != nil {
		return finapi.Hooks{}, err
	}
	tracer := config.Tracers.Tracer(scope, trace.WithInstrumentationVersion(finapi.Version))
	start := func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		ctx, span := tracer.Start(ctx, spanName(&op), trace.WithSpanKind(spanKind(&op)), trace.WithAttributes(asked(&op)...))
		return ctx, func(end finapi.OperationEnd) {
			instruments.record(ctx, &op, &end)
			span.SetAttributes(answered(&end)...)
			if end.Err != nil {
				span.SetStatus(codes.Error, problem(&end)) // the text could be the ERP's own
			}
			span.End()
		}
	}
	return finapi.Hooks{Start: start}, nil
}

// spanName has few values, as names of spans must.
func spanName(op *finapi.Operation) string {
	if op.Kind == finapi.OperationRequest {
		return op.Name
	}
	return "finapi " + op.Name
}

func spanKind(op *finapi.Operation) trace.SpanKind {
	if op.Kind == finapi.OperationRequest {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
}

// The attributes that OpenTelemetry has no convention for.
const (
	attendedKey  = attribute.Key("finapi.attended")
	requestIDKey = attribute.Key("finapi.request_id")
	passKey      = attribute.Key("finapi.sync.pass")
	outcomeKey   = attribute.Key("finapi.sync.outcome")
	eventKey     = attribute.Key("finapi.sync.event")
	knownKey     = attribute.Key("finapi.sync.known")
)

// asked is what is known of an operation at its start.
func asked(op *finapi.Operation) []attribute.KeyValue {
	switch op.Kind {
	case finapi.OperationRequest:
		attributes := route(op)
		if op.Attempt > 1 {
			attributes = append(attributes, semconv.HTTPRequestResendCount(op.Attempt-1))
		}
		return attributes
	case finapi.OperationRefresh:
		return []attribute.KeyValue{attendedKey.Bool(op.Attended)}
	default:
		return nil
	}
}

// route is a request's method and template.
func route(op *finapi.Operation) []attribute.KeyValue {
	method, template, _ := strings.Cut(op.Name, " ")
	return []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(method), semconv.URLTemplate(template)}
}

// answered is what is known of an operation at its end.
func answered(end *finapi.OperationEnd) []attribute.KeyValue {
	attributes := slices.Concat(status(end), errorType(end))
	if end.RequestID != "" {
		attributes = append(attributes, requestIDKey.String(end.RequestID))
	}
	if s := end.Synced; s != nil {
		attributes = append(attributes, passKey.String(string(s.Pass)), knownKey.Int(s.Known))
		for _, c := range counts(s) {
			attributes = append(attributes, attribute.Int("finapi.sync."+c.event, c.n))
		}
	}
	return attributes
}

func status(end *finapi.OperationEnd) []attribute.KeyValue {
	if end.Status == 0 {
		return nil
	}
	return []attribute.KeyValue{semconv.HTTPResponseStatusCode(end.Status)}
}
