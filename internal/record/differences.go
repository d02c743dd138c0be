package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/finapi-go/finapi/internal/contract"
)

// difference is a way in which traffic left the contract, with how often it did.
// It quotes no value that was not redacted.
type difference struct {
	where, what string
	step        string // the first
	times       int
	known       bool
}

// compare gathers the differences of all exchanges, each once.
func compare(rulebook *contract.Contract, exchanges []*exchange) []difference {
	var all []difference
	for _, e := range exchanges {
		for _, d := range e.differences(rulebook) {
			same := func(other difference) bool { return other.where == d.where && other.what == d.what }
			if i := slices.IndexFunc(all, same); i >= 0 {
				all[i].times++
				continue
			}
			d.step, d.times, d.known = e.step, 1, oauthError(d)
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b difference) int { return cmp.Or(cmp.Compare(a.where, b.where), cmp.Compare(a.what, b.what)) })
	return all
}

// differences are those of one exchange, without those that redaction made and
// with the texts of the redacted body.
func (e *exchange) differences(rulebook *contract.Contract) []difference {
	after := e.afterRedaction(rulebook)
	var all []difference
	for _, v := range e.violations {
		request := strings.HasPrefix(v.Part, "request")
		if request && e.provoked {
			continue
		}
		all = append(all, difference{where: e.where(v), what: problem(v, after)})
	}
	for _, v := range after {
		if !slices.ContainsFunc(e.violations, func(other contract.Violation) bool { return place(v) == place(other) }) {
			all = append(all, difference{where: e.where(v), what: "only after redaction: " + v.Problem})
		}
	}
	return all
}

// afterRedaction judges the body as it is kept.
func (e *exchange) afterRedaction(rulebook *contract.Contract) []contract.Violation {
	if e.operation == nil || e.answer == nil || e.redacted == nil {
		return nil
	}
	answer := *e.answer
	answer.Body = e.redacted
	return rulebook.CheckResponse(e.operation, &answer, contract.Strict)
}

func (e *exchange) where(v contract.Violation) string {
	operation := v.Operation
	if e.operation == nil {
		operation = "an operation that the contract does not have"
	}
	return strings.TrimSpace(operation + ": " + place(v))
}

// place is where in a message, without the numbers of rows.
func place(v contract.Violation) string {
	if v.Pointer == "" {
		return v.Part
	}
	segments := strings.Split(v.Pointer, "/")
	for i, segment := range segments {
		switch {
		case rowNumber.MatchString(segment):
			segments[i] = "*"
		case !plainName.MatchString(segment):
			segments[i] = "…"
		}
	}
	return v.Part + " at " + strings.Join(segments, "/")
}

var (
	rowNumber = regexp.MustCompile(`^\d+$`)
	plainName = regexp.MustCompile(`^(?:[A-Za-z_-]+\d{0,3})*$`)
)

// problem is what is wrong, in the words of the redacted body if it is about a
// value.
func problem(v contract.Violation, after []contract.Violation) string {
	if !strings.HasSuffix(v.Part, " body") && !strings.HasPrefix(v.Part, "request") || strings.HasPrefix(v.Problem, "the field is required") ||
		strings.HasPrefix(v.Problem, "the contract has no such") {
		return v.Problem
	}
	for _, other := range after {
		if v.Part == other.Part && place(v) == place(other) {
			return other.Problem
		}
	}
	return "it is not as the contract says"
}

// oauthError reports whether this is about the body of a 400 of the token
// endpoint, which the contract is known to describe wrongly, or not for all cases:
// its own notes say that the shape is probably that of OAuth.
func oauthError(d difference) bool {
	return strings.HasPrefix(d.where, "POST /api/v2/oauth/token: answer 400 body")
}
