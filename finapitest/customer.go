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
	return s.withForm(formURL, func(f *webForm, now time.Time) error {
		if err := s.open(f, now); err != nil {
			return err
		}
		return act(f, now)
	})
}

// withForm finds the form of a link.
func (s *Server) withForm(formURL string, act func(*webForm, time.Time) error) error {
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
func (s *Server) open(f *webForm, now time.Time) error {
	switch f.status {
	case formNotOpened:
		f.status = formOpen
		return nil
	case formOpen:
		s.breakOff(f, codeInterrupted, "The form was opened again.", now)
	}
	return fmt.Errorf("%w: its status is %s", errFormUsed, f.status)
}

// approve ends a form as the customer wishes it: with a connection.
func (s *Server) approve(f *webForm, now time.Time) {
	f.progress.authorised = s.wanted(f)
	s.finish(f, now)
}

// finish ends a form for which the customer has done all that is needed.
func (s *Server) finish(f *webForm, now time.Time) {
	if code, message := s.obstacle(f, now); code != "" {
		s.failForm(f, code, message)
		return
	}
	s.connectAuthorised(f, now)
	s.endForm(f, formCompleted)
}

// connectAuthorised imports or updates through the interfaces that the customer
// has authorised so far, if there are any.
func (s *Server) connectAuthorised(f *webForm, now time.Time) bool {
	done := f.progress.authorised
	switch {
	case len(done) == 0:
		return false
	case f.task != nil:
		s.renew(f, now)
	default:
		f.connectionID = s.startImport(f, done, s.shared(f), now).id
	}
	return true
}

// wanted are the names of the interfaces that the customer is to authorise.
func (s *Server) wanted(f *webForm) []string {
	if f.task != nil {
		return f.interfaces
	}
	var names []string
	if f.bank != nil {
		for _, i := range f.request.interfacesFor(f.bank) {
			names = append(names, i.Name)
		}
	}
	if !s.cfg.everyInterface {
		return names[:min(1, len(names))]
	}
	return names
}

// obstacle is the error code of a form that cannot end well, with its text.
func (s *Server) obstacle(f *webForm, now time.Time) (code, message string) {
	switch {
	case !s.alive(f.token, now):
		return codeInvalidToken, "The user's access token is not valid any more."
	case f.bank == nil || f.request.interfaceFor(f.bank) == nil:
		return codeNoBank, "No supported bank was chosen."
	case f.task != nil && s.connection(f.connectionID) == nil:
		return codeInternalError, "The bank connection is gone."
	case len(s.ground.held(f.bank.ID)) == 0:
		return resultRejected, "The customer has no online banking at this bank."
	case f.task == nil && len(s.offered(f)) == 0:
		return codeNoAccounts, "No account is of a requested type."
	case f.task == nil && s.importedBefore(f):
		return codeEntityExists, "This login is imported already."
	}
	return "", ""
}

// importedBefore is finAPI's check for the same bank and login. It is not
// possible for banks with a redirect.
func (s *Server) importedBefore(f *webForm) bool {
	if orElse(f.request.SkipDuplicateDetection, false) || f.request.interfaceFor(f.bank).redirects() {
		return false
	}
	return slices.ContainsFunc(s.connectionsOf(f.owner), func(x *connection) bool { return x.bank == f.bank })
}

// offered are the accounts that the customer can share: those of the requested
// types that an interface in question shows.
func (s *Server) offered(f *webForm) []*BankAccount {
	if f.bank == nil {
		return nil
	}
	interfaces, types := f.progress.authorised, f.request.accessTypes()
	if len(interfaces) == 0 {
		interfaces = s.wanted(f)
	}
	return slices.DeleteFunc(s.ground.held(f.bank.ID), func(a *BankAccount) bool {
		return (len(types) > 0 && !slices.Contains(types, a.spec.Type)) || !slices.ContainsFunc(interfaces, a.spec.shownBy)
	})
}

// shared are the accounts that the customer has chosen among those offered, or
// all of them.
func (s *Server) shared(f *webForm) []*BankAccount {
	if f.progress.chosen != nil {
		return f.progress.chosen
	}
	return s.offered(f)
}

// renew stores the new consents and finishes the update that needed them.
func (s *Server) renew(f *webForm, now time.Time) {
	x, done := f.task.connection, f.progress.authorised
	x.renewConsents(done, now.Add(s.cfg.consentLife))
	x.updating = true
	s.clock.schedule(now.Add(s.cfg.updateDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.updating = false
		if _, fails := s.failNext(x, done, now); !fails {
			s.update(f.task, now)
		}
	})
}
