package finapi

import (
	"context"
	"errors"
	"time"
)

// Hooks watch what a client does, for metrics and traces. The module otel turns them
// into OpenTelemetry's. Hooks are called on the goroutine that does the work, several
// at once if several work: they must be safe for concurrent use, fast, and must not
// panic, because nobody recovers. The zero Hooks watch nothing.
//
// What they get has no personal data and names no customer; only the text of an error
// that the ERP's own code returned is the ERP's own.
type Hooks struct {
	// Start is called when an operation begins. The operation goes on with the context
	// that is returned, which should come from ctx; nil means ctx. The function that is
	// returned is called once when the operation ends; nil means that nobody wants to
	// know. Operations nest: a refresh and a sync make requests with their context.
	Start func(ctx context.Context, op Operation) (context.Context, func(OperationEnd))
}

// OperationKind says what an operation is. The set is open.
type OperationKind string

// The kinds of operations.
const (
	// OperationRequest is one attempt of one request to finAPI, tokens included. An
	// attempt that a [Circuit] refuses is one with [CodeHostDown], although nothing is
	// sent.
	OperationRequest OperationKind = "request"
	// OperationRefresh is a [User.Refresh] of a connection, from its start until the
	// data are stored.
	OperationRefresh OperationKind = "refresh"
	// OperationSync is a synchronisation of one ledger by [Feed.Sync] or [Feed.Deliver],
	// with the time that the ERP takes for the events.
	OperationSync OperationKind = "sync"
)

// Operation is something that begins. All its values come from small, fixed sets, apart
// from Attempt, so they can be labels of metrics.
type Operation struct {
	Kind OperationKind
	// Name is the method and path template of a request, such as
	// "GET /api/v2/accounts/{id}"; otherwise the kind.
	Name string
	// Attempt counts the requests of one call from 1, also those after a new token. It
	// is 1 for all other kinds.
	Attempt int
	// Attended is true for a refresh with the customer, see [RefreshRequest.Customer].
	Attended bool
}

// OperationEnd is how an operation ended.
type OperationEnd struct {
	// Err is what the caller gets, or what may lead to another attempt; nil if all went
	// well, and also if the caller left the loop of a [Feed.Sync].
	Err error
	// Code is the code of Err, fit for a label: one of this package's constants, or
	// "OTHER" for a code that it does not know. An [*ActionRequired] counts as
	// [CodeWebFormRequired]. "" means that there is no error, or none of finAPI's, such
	// as the end of a context.
	Code Code
	// Status is the HTTP status of a request; 0 if there was no answer, and for all
	// other kinds.
	Status int
	// RequestID is what finAPI's support asks for; "" if nothing was sent, and for all
	// other kinds.
	RequestID string
	// Duration is the time between start and end on the client's clock.
	Duration time.Duration
	// Waited is how long a request waited before it began, because of [WithMaxInFlight]
	// or [WithRateLimit]; 0 for all other kinds.
	Waited time.Duration
	// Synced is the last event of a sync, with its pass and counts; nil if it did not
	// come to its end, and for all other kinds. Err can say then why it is not complete.
	Synced *Synced
}

// WithHooks lets hooks watch the client. Given several times, all of them watch: they
// are started in their order and ended in the opposite one.
func WithHooks(h Hooks) Option {
	return func(s *settings) error {
		switch {
		case h.Start == nil:
		case s.hooks.Start == nil:
			s.hooks.Start = h.start
		default:
			s.hooks = Hooks{Start: s.hooks.around(h)}
		}
		return nil
	}
}

// start fills in what Start may leave nil.
func (h Hooks) start(ctx context.Context, op Operation) (context.Context, func(OperationEnd)) {
	next, end := h.Start(ctx, op)
	if next == nil {
		next = ctx
	}
	if end == nil {
		end = unwatched
	}
	return next, end
}

// around starts the inner hooks within its own.
func (h Hooks) around(inner Hooks) func(context.Context, Operation) (context.Context, func(OperationEnd)) {
	return func(ctx context.Context, op Operation) (context.Context, func(OperationEnd)) {
		ctx, end := h.Start(ctx, op)
		ctx, endInner := inner.start(ctx, op)
		return ctx, func(e OperationEnd) {
			endInner(e)
			end(e)
		}
	}
}

// begin tells the hooks of an operation, and returns how it goes on and how to end it.
func (c *Client) begin(ctx context.Context, op Operation) (context.Context, func(OperationEnd)) {
	if c.hooks.Start == nil {
		return ctx, unwatched
	}
	start := c.clock.Now()
	ctx, end := c.hooks.Start(ctx, op)
	return ctx, func(e OperationEnd) {
		e.Code, e.Duration = labelOf(e.Err), c.clock.Now().Sub(start)
		end(e)
	}
}

func unwatched(OperationEnd) {}

// beginRequest is begin for a request. Its name is not made for nobody.
func (c *Client) beginRequest(ctx context.Context, in *call) (context.Context, func(OperationEnd)) {
	if in.sent == nil {
		return ctx, unwatched
	}
	*in.sent++
	return c.begin(ctx, Operation{Kind: OperationRequest, Name: endpoints[in.endpoint].String(), Attempt: *in.sent})
}

func labelOf(err error) Code {
	var action *ActionRequired
	var e *Error
	switch {
	case errors.As(err, &action):
		return CodeWebFormRequired
	case !errors.As(err, &e):
		return ""
	}
	if _, known := remedies[e.Code]; !known {
		return otherCode
	}
	return e.Code
}
