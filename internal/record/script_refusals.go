package main

import (
	"context"

	"github.com/finapi-go/finapi"
)

// Ids that name nothing. The numbers are large, but fit into 32 bits. That of the
// bank is another, because ids of banks are not redacted.
const (
	unknownID   = 2_147_000_001
	unknownBank = 2_147_000_002
	unknownForm = "00000000-0000-4000-8000-000000000001"
)

// refusals provokes errors: unknown ids, and values that do not exist.
func (s *script) refusals(ctx context.Context) {
	u := s.user
	for _, r := range []struct {
		name string
		call func(context.Context) error
	}{
		{"an unknown connection", func(ctx context.Context) error { return only(u.Connection(ctx, unknownID)) }},
		{"an unknown account", func(ctx context.Context) error { return only(u.Account(ctx, unknownID)) }},
		{"an unknown transaction", func(ctx context.Context) error { return only(u.Transaction(ctx, unknownID)) }},
		{"an unknown pending transaction", func(ctx context.Context) error { return only(u.PendingTransaction(ctx, unknownID)) }},
		{"an unknown rule", func(ctx context.Context) error { return only(u.Rules().Get(ctx, unknownID)) }},
		{"an unknown form", func(ctx context.Context) error { return only(u.Consent(ctx, unknownForm)) }},
		{"an unknown task", func(ctx context.Context) error { return only(u.Tasks().Get(ctx, unknownForm)) }},
		{"update of an unknown connection", func(ctx context.Context) error {
			return only(u.Refresh(ctx, finapi.RefreshRequest{Connection: unknownID}))
		}},
		{"a rule for an event that does not exist", func(ctx context.Context) error {
			return only(u.Rules().Create(ctx, finapi.Rule{Event: "NO_SUCH_EVENT"}))
		}},
		{"a form for an unknown bank", func(ctx context.Context) error {
			return only(u.StartConsent(ctx, finapi.ConsentRequest{Bank: unknownBank}))
		}},
	} {
		s.provoke(ctx, r.name, r.call)
	}
}
