package finapitest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// FormEnd is how a web form ends.
type FormEnd struct {
	// Status is COMPLETED, COMPLETED_WITH_ERROR, EXPIRED, ABORTED or CANCELLED.
	Status string
	// ErrorCode is one of the contract's codes. Only COMPLETED_WITH_ERROR has one,
	// and even that may lack it.
	ErrorCode string
	// ErrorMessage is a text for the customer, such as the bank's; often empty.
	ErrorMessage string
	// Connected leaves a connection behind, which every status can: an import has
	// imported, an update has renewed the consent. Without it an import has no
	// connection, and an update's connection still needs the customer.
	Connected bool
}

// EndForm ends a form as a test wishes, whether the customer has opened it or
// not. It takes the link with or without the query for the way back. It is an
// error if there is no such form, if it has ended before, if the contract has no
// such end, or if Connected lacks a bank or accounts to connect.
func (s *Server) EndForm(formURL string, end FormEnd) error {
	if err := end.verify(); err != nil {
		return err
	}
	return s.withForm(formURL, func(f *webForm, now time.Time) error {
		if f.final() {
			return fmt.Errorf("finapitest: the form has ended already: its status is %s", f.status)
		}
		if end.Connected {
			if f.task == nil && len(s.offered(f)) == 0 {
				return errors.New("finapitest: the form has no bank with accounts to connect")
			}
			f.progress.authorised = s.wanted(f)
			s.connectAuthorised(f, now)
		}
		f.errorCode, f.errorMessage = end.ErrorCode, end.ErrorMessage
		if end.Status == formCancelled {
			f.status = formCancelled // no callback follows
			return nil
		}
		s.endForm(f, end.Status)
		return nil
	})
}

func (e FormEnd) verify() error {
	switch {
	case !slices.Contains([]string{formCompleted, formFailed, formExpired, formAborted, formCancelled}, e.Status):
		return fmt.Errorf("finapitest: Status %q is not the end of a form", e.Status)
	case e.ErrorCode == "":
		return nil
	case e.Status != formFailed:
		return fmt.Errorf("finapitest: ErrorCode goes with Status %s only", formFailed)
	case !slices.Contains(formErrorCodes(), e.ErrorCode):
		return fmt.Errorf("finapitest: ErrorCode %q is not in the contract", e.ErrorCode)
	}
	return nil
}

// Error codes of forms and tasks that the simulator has reasons of its own for.
const (
	codeInterrupted   = "INTERRUPTED"
	codeInternalError = "INTERNAL_ERROR"
	codeInvalidToken  = "INVALID_TOKEN"
	codeMisconfigured = "MANDATOR_MISCONFIGURATION"
	codeNoAccounts    = "NO_ACCOUNTS_FOR_TYPE_LIST"
	codeNoBank        = "UNDETERMINED_BANK"
)

func formErrorCodes() []string {
	return append(taskErrorCodes(), codeEntityExists, codeInterrupted, codeNoAccounts, codeNoBank, "UNSUPPORTED_FEATURE", "UNSUPPORTED_ORDER")
}

func taskErrorCodes() []string {
	return []string{resultRejected, codeInternalError, codeInvalidToken, "UNEXPECTED_ACCESS_RESPONSE", codeMisconfigured}
}

// UpdateFailure is how an update fails.
type UpdateFailure struct {
	// ErrorCode is the task's: BANK_SERVER_REJECTION, which is the default,
	// INTERNAL_ERROR, UNEXPECTED_ACCESS_RESPONSE, INVALID_TOKEN or
	// MANDATOR_MISCONFIGURATION.
	ErrorCode string
	// Message is the task's errorMessage and that of the connection's last update.
	Message string
	// Type is the errorType of the connection's last update: BUSINESS, which is the
	// default for BANK_SERVER_REJECTION, or TECHNICAL, the default otherwise.
	Type string
}

// FailUpdates lets the next n updates of a connection fail: tasks, which end with
// COMPLETED_WITH_ERROR, and the downloads after the customer has approved the
// form of a task. What finAPI holds stays as it is; INVALID_TOKEN and
// MANDATOR_MISCONFIGURATION leave even the connection's last update as it was
// (guess: they never reach the bank). Later calls replace earlier ones; n = 0 lets
// all updates go well again.
func (s *Server) FailUpdates(connectionID int64, n int, failure UpdateFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failure = failure.withDefaults()
	x := s.connection(connectionID)
	switch {
	case x == nil:
		s.misuse("connection", connectionID)
	case !slices.Contains(taskErrorCodes(), failure.ErrorCode):
		s.misuse("error code of a task", failure.ErrorCode)
	case failure.Type != business && failure.Type != technical:
		s.misuse("type of an error", failure.Type)
	default:
		x.failures = slices.Repeat([]UpdateFailure{failure}, max(n, 0))
	}
}

func (f UpdateFailure) withDefaults() UpdateFailure {
	f.ErrorCode = cmp.Or(f.ErrorCode, resultRejected)
	if f.Type == "" && f.ErrorCode == resultRejected {
		f.Type = business
	}
	f.Type = cmp.Or(f.Type, technical)
	return f
}

// result is the failure as the connection shows it.
func (f UpdateFailure) result(now time.Time) UpdateResult {
	r := UpdateResult{Result: resultInternal, ErrorMessage: f.Message, ErrorType: f.Type, Timestamp: now}
	if f.ErrorCode == resultRejected {
		r.Result = resultRejected
	}
	return r
}

// failNext fails an update through some interfaces, if a failure is in store.
func (s *Server) failNext(c *connection, interfaces []string, now time.Time) (failure UpdateFailure, fails bool) {
	if len(c.failures) == 0 {
		return UpdateFailure{}, false
	}
	failure, c.failures = c.failures[0], c.failures[1:]
	if failure.ErrorCode != codeInvalidToken && failure.ErrorCode != codeMisconfigured {
		s.failUpdate(c, interfaces, failure.result(now))
	}
	return failure, true
}

// KeepBusy keeps a connection busy for d from now on: until then its update
// status is IN_PROGRESS, and updating, editing and deleting it, its accounts or
// its user is refused with 423. Zero frees it at once, unless an import or update
// is running. A very long d makes a connection that is stuck at finAPI.
func (s *Server) KeepBusy(connectionID int64, d time.Duration) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.connection(connectionID)
	if x == nil {
		s.misuse("connection", connectionID)
		return
	}
	x.keptBusy = now.Add(d)
}
