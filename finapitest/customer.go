package finapitest

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"
)

// Approve does what the customer does on the form: open the link, log in at
// the bank, agree. It takes the link with or without the query for the way
// back. A link opens once; the error says why it does not, or why the form
// ended without a connection.
func (s *Server) Approve(formURL string) error {
	return s.visit(formURL, func(f *webForm, now time.Time) error { return s.agree(f, now) })
}

// ApproveAt is Approve for a form without a preset bank: the customer chooses
// the bank with the given id.
func (s *Server) ApproveAt(formURL string, bankID int64) error {
	return s.visit(formURL, func(f *webForm, now time.Time) error {
		f.bank = s.bank(bankID)
		return s.agree(f, now)
	})
}

// Abort opens the form and leaves it by its abort button.
func (s *Server) Abort(formURL string) error {
	return s.visit(formURL, func(f *webForm, _ time.Time) error {
		s.endForm(f, formAborted)
		return nil
	})
}

// Reject opens the form and lets the bank refuse, as it does for a wrong
// login. The form ends with COMPLETED_WITH_ERROR and the bank's message.
func (s *Server) Reject(formURL, message string) error {
	return s.visit(formURL, func(f *webForm, _ time.Time) error {
		s.failForm(f, resultRejected, message)
		return nil
	})
}

// visit opens a form's link and lets the customer act on it.
func (s *Server) visit(formURL string, act func(*webForm, time.Time) error) error {
	u, err := url.Parse(formURL)
	if err != nil {
		return fmt.Errorf("finapitest: form link: %w", err)
	}
	s.clock.catchUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.form(path.Base(u.Path))
	if f == nil {
		return fmt.Errorf("finapitest: no form at %s", u.Path)
	}
	if err := s.open(f); err != nil {
		return err
	}
	return act(f, s.clock.Now())
}

// agree approves the form and reports how it ended if not well.
func (s *Server) agree(f *webForm, now time.Time) error {
	s.approve(f, now)
	if f.status != formCompleted {
		return fmt.Errorf("finapitest: form ended with %s: %s", f.errorCode, f.errorMessage)
	}
	return nil
}

// errFormUsed is the reason why a link does not open.
var errFormUsed = errors.New("finapitest: the form link was opened before or is no longer valid")

// open follows the link of a form. A second visit interrupts a form on which
// the customer is still busy.
func (s *Server) open(f *webForm) error {
	switch f.status {
	case formNotOpened:
		f.status = formOpen
		return nil
	case formOpen:
		s.failForm(f, "INTERRUPTED", "The form was opened again.")
	}
	return fmt.Errorf("%w: its status is %s", errFormUsed, f.status)
}

// approve ends a form as the customer wishes it: with a connection.
func (s *Server) approve(f *webForm, now time.Time) {
	if code, message := s.obstacle(f, now); code != "" {
		s.failForm(f, code, message)
		return
	}
	if f.task != nil {
		s.approveUpdate(f, now)
		return
	}
	f.connectionID = s.startImport(f.owner, f.bank, &f.request, now).id
	s.endForm(f, formCompleted)
}

// obstacle is the error code of a form that cannot end well, with its text.
func (s *Server) obstacle(f *webForm, now time.Time) (code, message string) {
	switch {
	case !s.alive(f.token, now):
		return "INVALID_TOKEN", "The user's access token is not valid any more."
	case f.bank == nil || f.request.interfaceFor(f.bank) == nil:
		return "UNDETERMINED_BANK", "No supported bank was chosen."
	case f.task != nil && s.connection(f.connectionID) == nil:
		return "INTERNAL_ERROR", "The bank connection is gone."
	case len(s.ground.held(f.bank.ID)) == 0:
		return resultRejected, "The customer has no online banking at this bank."
	case f.task == nil && len(s.offered(f)) == 0:
		return "NO_ACCOUNTS_FOR_TYPE_LIST", "No account is of a requested type."
	case f.task == nil && s.importedBefore(f):
		return "ENTITY_EXISTS", "This login is imported already."
	}
	return "", ""
}

// importedBefore is finAPI's check for the same bank and login. It is not
// possible for banks with a redirect.
func (s *Server) importedBefore(f *webForm) bool {
	if orElse(f.request.SkipDuplicateDetection, false) || slices.Contains(f.request.interfaceFor(f.bank).Properties, "REDIRECT_APPROACH") {
		return false
	}
	return slices.ContainsFunc(s.connectionsOf(f.owner), func(x *connection) bool { return x.bank == f.bank })
}

// offered are the accounts that the customer shares by approving.
func (s *Server) offered(f *webForm) []*BankAccount {
	if f.bank == nil {
		return nil
	}
	types := f.request.accessTypes()
	return slices.DeleteFunc(s.ground.held(f.bank.ID), func(a *BankAccount) bool {
		return len(types) > 0 && !slices.Contains(types, a.spec.Type)
	})
}

// approveUpdate renews the consent and finishes the update that needed it.
func (s *Server) approveUpdate(f *webForm, now time.Time) {
	x := f.task.connection
	x.renewConsent(now.Add(s.cfg.consentLife))
	x.busy = true
	s.clock.schedule(now.Add(s.cfg.updateDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.busy = false
		s.update(f.task, now)
	})
	s.endForm(f, formCompleted)
}
