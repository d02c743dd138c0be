package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/finapi-go/finapi/internal/record/redact"
)

// keptHeaders are the headers whose values tell something about the API. Of all
// others only the names are kept.
var keptHeaders = map[string]bool{
	"Content-Type": true, "Content-Language": true, "Retry-After": true, "Deprecation": true, "Sunset": true,
	"Cache-Control": true, "X-Ratelimit-Limit": true, "Ratelimit-Limit": true, "Ratelimit-Policy": true, "Allow": true,
}

const requestIDHeader = "X-Request-Id"

// redactHeaders lists the headers of an answer as they may be shown.
func (e *exchange) redactHeaders(r *redact.Redactor) {
	for name, values := range e.answer.Header {
		shown := r.Name(name)
		switch {
		case keptHeaders[name]:
			shown += ": " + strings.Join(values, ", ")
		case name == requestIDHeader && values[0] == e.request.Header.Get(name):
			shown += ": the one of the request"
		case name == requestIDHeader:
			shown += ": another than that of the request"
		}
		e.headers = append(e.headers, strings.Join(strings.Fields(shown), " "))
	}
}

// headerLines counts the headers of all answers.
func headerLines(exchanges []*exchange) []string {
	counts := map[string]int{}
	for _, e := range exchanges {
		for _, header := range e.headers {
			counts[header]++
		}
	}
	var lines []string
	for header, count := range counts {
		lines = append(lines, fmt.Sprintf("%s (%d times)", header, count))
	}
	slices.Sort(lines)
	return lines
}
