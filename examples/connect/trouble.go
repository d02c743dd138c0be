package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/finapi-go/finapi"
)

// trouble is what a page says about something that went wrong: who must act and how.
type trouble struct {
	// Who and When are keys of texts: who must act, and when to try again.
	Who, When string
	// How is the SDK's advice.
	How string
	// Bank are the bank's own words for the customer; "" if it said nothing.
	Bank string
	// Code and RequestID are for the support.
	Code, RequestID string
	// Vendor says that the advice is for the software's vendor, to be passed on.
	Vendor bool
}

// troubleOf explains an error of the SDK in a language. Of other errors nothing is said
// that could be of use to nobody but the developer.
func troubleOf(err error, l finapi.Language) *trouble {
	var action *finapi.ActionRequired
	if errors.As(err, &action) {
		code := finapi.CodeWebFormRequired
		return &trouble{Who: "who.customer", When: "again.actor", How: code.Remedy(l), Code: string(code)}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) { // a work took too long, or the program ends
		return &trouble{Who: "who.finapi", When: "again.later", How: (tongue{lang: l}).text("trouble.slow")}
	}
	var e *finapi.Error
	if !errors.As(err, &e) {
		return &trouble{Who: "who.vendor", When: "again.later", How: (tongue{lang: l}).text("trouble.internal"), Vendor: true}
	}
	t := &trouble{
		Who: whoOf(e.Actor), When: "again.actor", How: e.Remedy(l), Bank: e.CustomerText(), Code: string(e.Code), RequestID: e.RequestID,
		Vendor: e.Actor == finapi.ActorVendor,
	}
	if e.Retry() == finapi.RetryLater {
		t.When = "again.later"
	}
	return t
}

func whoOf(actor finapi.Actor) string {
	switch actor {
	case finapi.ActorCustomer:
		return "who.customer"
	case finapi.ActorVendor:
		return "who.vendor"
	case finapi.ActorBank:
		return "who.bank"
	case finapi.ActorFinAPI:
	}
	return "who.finapi"
}

// fail answers with an error page that says who must act and how.
func (a *app) fail(v *visit, err error) {
	if errors.Is(err, context.Canceled) && v.r.Context().Err() != nil {
		return // the browser is gone
	}
	status, page := http.StatusInternalServerError, "problem"
	var data any
	switch {
	case errors.Is(err, errNotFound):
		status, page = http.StatusNotFound, "missing"
	case errors.Is(err, errForeignForm):
		status, page = http.StatusForbidden, "stale"
	case errors.Is(err, errBadForm):
		status, page = http.StatusBadRequest, "stale"
	default:
		// The SDK's errors hold nothing personal.
		a.log.WarnContext(v.ctx(), "request failed", "path", v.r.Pattern, "error", err)
		if finapi.IsError(err) {
			status = http.StatusBadGateway
		}
		data = troubleOf(err, v.lang)
	}
	a.show(v, status, page, "title."+page, data)
}
