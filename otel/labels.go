package finapiotel

import (
	"cmp"
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/finapi-go/finapi"
)

// errorType is the label error.type, or nothing if all went well.
func errorType(end *finapi.OperationEnd) []attribute.KeyValue {
	if end.Err == nil {
		return nil
	}
	return []attribute.KeyValue{semconv.ErrorTypeKey.String(problem(end))}
}

// problem is a code that the SDK knows, or one of four other words.
func problem(end *finapi.OperationEnd) string {
	other := semconv.ErrorTypeOther.Value.AsString()
	switch {
	case end.Code == "OTHER": // a code of finAPI that the SDK does not know
		return other
	case end.Code != "":
		return string(end.Code)
	case errors.Is(end.Err, context.Canceled):
		return "canceled"
	case errors.Is(end.Err, context.DeadlineExceeded):
		return "timeout"
	}
	return other
}

// What came of a synchronisation.
const (
	complete   = "complete"
	incomplete = "incomplete" // it came to its end, but something was deferred or not read
	failed     = "failed"
	left       = "left" // the ERP left the loop
)

func outcome(end *finapi.OperationEnd) string {
	switch {
	case end.Synced != nil && end.Synced.Complete && end.Err == nil:
		return complete
	case end.Synced != nil:
		return incomplete
	case end.Err != nil:
		return failed
	}
	return left
}

// shortfall says why a synchronisation is incomplete. One that has read all but had to
// defer something has no error.
func shortfall(end *finapi.OperationEnd) string {
	if end.Err == nil {
		return "deferred"
	}
	return problem(end)
}

// pass is that of a synchronisation; one that did not come to its end does not tell.
func pass(end *finapi.OperationEnd) string {
	if end.Synced == nil {
		return "unknown"
	}
	return cmp.Or(string(end.Synced.Pass), "unknown")
}

type count struct {
	event string
	n     int
}

func counts(s *finapi.Synced) []count {
	return []count{
		{"booked", s.Booked},
		{"review", s.Review},
		{"modified", s.Modified},
		{"removed", s.Removed},
		{"relinked", s.Relinked},
		{"deferred", s.Deferred},
		{"locked", s.Locked},
		{"held", s.Held},
	}
}
