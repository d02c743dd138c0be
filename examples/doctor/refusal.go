package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/finapi-go/finapi"
)

// refused is the finding for a call that failed. It does not take the SDK's own
// advice (Error.Remedy), which is for programs and their customers: whoever runs
// doctor has neither written the call nor a customer yet.
func refused(err error, means string) finding {
	f := fail(seenOf(err), means, issue+" and quote what was seen here.")
	var e *finapi.Error
	if errors.As(err, &e) {
		f.Who, f.Do = adviceOn(e)
	}
	return f
}

func adviceOn(e *finapi.Error) (who finapi.Actor, do string) {
	const again = "run doctor again in some minutes; if it stays like this, "
	switch {
	case e.Code == finapi.CodeNetwork:
		return finapi.ActorVendor, again + "let your network's administrator find out what breaks the connection to finAPI."
	case e.Code == finapi.CodeBadCertificate:
		return finapi.ActorVendor, "let your network's administrator exempt finAPI's hosts from TLS inspection, " +
			"and check that this machine's root certificates and clock are up to date."
	case e.Code == finapi.CodeUnreadable, e.Code == finapi.CodeTooLarge, e.Code == finapi.CodeRedirected:
		return finapi.ActorVendor, "let your network's administrator check whether a proxy or a firewall answers in finAPI's place. If none does, " +
			issue + " and quote what was seen here."
	case e.Status >= http.StatusInternalServerError, e.Status == http.StatusLocked:
		return finapi.ActorFinAPI, "has to put this right. You: " + again + "send " + support + " what was seen here, with the request id."
	case e.Status == http.StatusTooManyRequests:
		return finapi.ActorVendor, again + ask("How many calls may our client make in a minute? It gets status 429.")
	case e.Status == http.StatusForbidden:
		return finapi.ActorVendor, ask("Our client may not call " + e.Endpoint + " (status 403). Please enable what it needs for that.")
	case e.Status == http.StatusUnauthorized:
		return finapi.ActorVendor, again + ask("finAPI refuses the token that it gave us, with status 401, when we call "+e.Endpoint+". Why?")
	case e.Status == http.StatusNotFound:
		return finapi.ActorVendor, again + ask("finAPI does not find what our client has just made there, or does not know the call: "+e.Endpoint+", status 404. Why?")
	}
	return finapi.ActorVendor, issue + " and quote what was seen here: finAPI does not take what this SDK sends."
}

// seenOf describes an error without the server's own words, which could quote
// anything.
func seenOf(err error) string {
	var e *finapi.Error
	if !errors.As(err, &e) {
		return clean(err.Error())
	}
	what := "finAPI refuses the call"
	switch {
	case e.Status == 0 && e.Unwrap() != nil:
		return fmt.Sprintf("no answer from finAPI (%s: %s)", e.Endpoint, clean(e.Unwrap().Error()))
	case e.Status == 0:
		return fmt.Sprintf("the SDK stops at finAPI's answer (%s: %s)", e.Endpoint, e.Code)
	case e.Code == finapi.CodeRedirected:
		what = "the answer points to another address, where the SDK does not go"
	case e.Status < http.StatusMultipleChoices:
		what = "finAPI's answer cannot be read"
	case e.Status >= http.StatusInternalServerError:
		what = "finAPI has a problem of its own"
	}
	return fmt.Sprintf("%s (%s: %s, request id %s)", what, e.Endpoint, statusOf(err), clean(e.RequestID))
}

// statusOf tells status and code only.
func statusOf(err error) string {
	var e *finapi.Error
	switch {
	case err == nil:
		return "accepted"
	case !errors.As(err, &e):
		return "no answer"
	case e.Code == finapi.CodeHTTP || e.Code == "":
		return fmt.Sprintf("status %d without a code", e.Status)
	}
	return fmt.Sprintf("status %d, code %s", e.Status, e.Code)
}

// answered tells finAPI's support of a call that failed.
func answered(err error) string {
	var e *finapi.Error
	if !errors.As(err, &e) || e.Status == 0 {
		return "our calls get no answer"
	}
	return fmt.Sprintf("%s answers us with %s (request id %s)", e.Endpoint, statusOf(err), clean(e.RequestID))
}

func statusIs(err error, status int) bool {
	var e *finapi.Error
	return errors.As(err, &e) && e.Status == status
}

// atToken reports whether an error came from the request for a token.
func atToken(err error) bool {
	var e *finapi.Error
	return errors.As(err, &e) && strings.HasSuffix(e.Endpoint, "/oauth/token")
}
