package main

import (
	"sync"

	"github.com/finapi-go/finapi/internal/contract"
)

// exchange is a request with its answer.
type exchange struct {
	step      string
	provoked  bool // the request is wrong on purpose
	operation *contract.Operation
	request   *contract.Request
	answer    *contract.Response // nil if none came
	// violations are those of the request and of the answer as they were.
	violations []contract.Violation
	// redacted is the body as it may be shown; nil if it is empty or no JSON.
	redacted []byte
	// headers are those of the answer as they may be shown.
	headers []string
}

// capture gathers everything that is sent. It is what the contract's transport
// reports to.
type capture struct {
	mu        sync.Mutex
	step      string
	provoked  bool
	exchanges []*exchange
}

// begin names what follows.
func (c *capture) begin(step string, provoked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step, c.provoked = step, provoked
}

func (c *capture) report(o *contract.Operation, request *contract.Request, answer *contract.Response, violations []contract.Violation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exchanges = append(c.exchanges, &exchange{
		step: c.step, provoked: c.provoked, operation: o, request: request, answer: answer, violations: violations,
	})
}

// root names the body of an answer for the rules of redaction: by the last word
// of the path, or "error".
func (e *exchange) root() string {
	switch {
	case e.answer.Status >= 400:
		return "error"
	case e.operation == nil:
		return "unknown"
	}
	return lastWord(e.operation.Path)
}
