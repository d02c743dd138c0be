package finapi

// Outcome is how a form ended, seen from the ERP: what there is to read from now,
// and what went wrong, with who must act.
type Outcome struct {
	// Result is the form's end in one word.
	Result Result
	// Connection is the connection to read from; 0 if there is none. After a renewal
	// it is the one that was there before, also if the renewal failed.
	Connection ConnectionID
	// Problem says what went wrong, who must act and how; nil if nothing did. With
	// [ResultConnected] it is a warning: a connection came of a form that did not end
	// well, so that some account or interface of the bank may be missing.
	Problem *Error
}

// Result is how a form ended. The set is open.
type Result string

// The results.
const (
	// ResultPending: the customer is not done yet.
	ResultPending Result = "pending"
	// ResultConnected: a bank was connected.
	ResultConnected Result = "connected"
	// ResultRenewed: the access of a connection was renewed.
	ResultRenewed Result = "renewed"
	// ResultFailed: the bank or finAPI refused, or nothing came of it.
	ResultFailed Result = "failed"
	// ResultExpired: the customer did not finish in time, or closed the page.
	ResultExpired Result = "expired"
	// ResultAborted: the customer chose not to go on.
	ResultAborted Result = "aborted"
	// ResultCancelled: the form was ended with [Forms.Cancel].
	ResultCancelled Result = "cancelled"
)

// Outcome judges the form by its status, its error and its connection. finAPI's
// status speaks of the form only: one that expired or was aborted can have brought a
// connection, and one that was completed can have brought none.
func (c *Consent) Outcome() Outcome {
	if !c.Done() {
		return Outcome{Result: ResultPending, Connection: c.Connection}
	}
	o := Outcome{Connection: c.Connection, Problem: c.problem()}
	switch {
	case !c.Renewal && c.Connection != 0:
		o.Result = ResultConnected
	case c.Renewal && o.Problem == nil:
		o.Result = ResultRenewed
	default:
		o.Result = results[c.Status]
	}
	return o
}

// results are those of forms that brought nothing.
var results = map[ConsentStatus]Result{
	ConsentCompleted: ResultFailed, ConsentFailed: ResultFailed, ConsentExpired: ResultExpired,
	ConsentAborted: ResultAborted, ConsentCancelled: ResultCancelled,
}

// Err returns why a form that has ended brought no connection, or did not renew the
// one it was for, as an [*Error] that says who must act. Else it is nil.
func (c *Consent) Err() error {
	switch o := c.Outcome(); o.Result {
	case ResultPending, ResultConnected, ResultRenewed:
		return nil
	default:
		return o.Problem
	}
}

// problem is what went wrong with a form that has ended, or nil.
func (c *Consent) problem() *Error {
	code, message, quoted := c.ErrorCode, c.ErrorMessage, true
	if code == "" {
		switch {
		case c.Status == ConsentCompleted && c.Connection != 0:
			return nil
		case endCodes[c.Status] != "":
			code = endCodes[c.Status]
		default:
			code = CodeConsentFailed
		}
		if message == "" {
			message, quoted = "the form ended as "+string(Code(c.Status).clean()), false
		}
	}
	e := &Error{Code: code, Actor: actorOf(code, noStatus), Message: message, Endpoint: endpoints[epConsent].String()}
	if quoted {
		e.quote(code == CodeBankServerRejection)
	}
	return e
}

var endCodes = map[ConsentStatus]Code{
	ConsentExpired: CodeConsentExpired, ConsentAborted: CodeConsentAborted, ConsentCancelled: CodeConsentCancelled,
}
