// Package finapiotel turns what a finAPI client does into OpenTelemetry's spans and
// metrics.
//
//	hooks, err := finapiotel.NewHooks(finapiotel.Config{})
//	client, err := finapi.NewClient(finapi.Live, credentials, finapi.WithHooks(hooks))
//
// Each attempt of a request, each refresh and each synchronisation becomes a span; they
// nest. The names and labels are listed in docs/observability.md. All labels of metrics
// come from small, fixed sets. Neither spans nor metrics hold personal data, ids of
// customers, or texts of errors.
//
// A transport of otelhttp below it adds a span for the exchange itself, but also writes
// down each URL, with the ids of accounts and bookings; see docs/observability.md before
// you use it.
package finapiotel
