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
	// How is the SDK's advice, or the application's if that knows better.
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
	in := tongue{lang: l}
	var action *finapi.ActionRequired
	if errors.As(err, &action) {
		return &trouble{Who: "who.customer", When: "again.actor", How: in.text("how.renew"), Code: string(finapi.CodeWebFormRequired)}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) { // a work took too long, or the program ends
		return &trouble{Who: "who.finapi", When: "again.later", How: in.text("trouble.slow")}
	}
	var e *finapi.Error
	if !errors.As(err, &e) {
		return &trouble{Who: "who.vendor", When: "again.later", How: in.text("trouble.internal"), Vendor: true}
	}
	t := &trouble{
		Who: whoOf(e.Actor), When: "again.actor", How: in.advice(e), Bank: e.CustomerText(), Code: string(e.Code), RequestID: e.RequestID,
		Vendor: e.Actor == finapi.ActorVendor,
	}
	switch {
	case bankRefused(e):
		t.Who, t.When, t.How = "who.refused", "again.refused", in.text("how.refused")
	case e.Retry() == finapi.RetryLater:
		t.When = "again.later"
	}
	return t
}

// bankRefused reports whether a bank has refused and said why. It may want something of the
// customer, or may just be out of order: nobody knows that but the bank.
func bankRefused(e *finapi.Error) bool {
	return e.Code == finapi.CodeBankServerRejection && e.CustomerText() != ""
}

// advice is what the one who must act should do. The SDK's names the form; in this
// application, a button leads there.
func (t tongue) advice(e *finapi.Error) string {
	if e.Code == finapi.CodeWebFormRequired {
		return t.text("how.renew")
	}
	return e.Remedy(t.lang)
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
	var parted *partedError
	if errors.As(err, &parted) {
		if err = a.parted(v, parted.bank); err == nil {
			return
		}
	}
	if !isAnswer(err) {
		// The SDK's errors hold nothing personal.
		a.log.WarnContext(v.ctx(), "request failed", "path", v.r.Pattern, "error", err)
	}
	a.explain(v, err)
}

// isAnswer reports whether an error is one of those that say what is wrong with a request.
func isAnswer(err error) bool {
	return errors.Is(err, errNotFound) || errors.Is(err, errForeignForm) || errors.Is(err, errBadForm)
}

// explain shows the error page of an error.
func (a *app) explain(v *visit, err error) {
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
		if finapi.IsError(err) {
			status = http.StatusBadGateway
		}
		data = troubleOf(err, v.lang)
	}
	a.show(v, status, page, "title."+page, data)
}
