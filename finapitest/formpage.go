package finapitest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// progress is how far the customer has come on a form's pages.
type progress struct {
	step       formStep
	language   language
	back       wayBack
	visit      *bankVisit     // the last one to the bank's own pages
	authorised []string       // interfaces through which the bank has let finAPI in
	chosen     []*BankAccount // nil when all are imported
}

// formStep is a page of finAPI's form. All but one name their template.
type formStep string

const (
	stepBanks    formStep = "banks"    // choose a bank
	stepTerms    formStep = "terms"    // see what is asked for, and accept the terms
	stepLogin    formStep = "login"    // log in, at a bank without pages of its own
	stepConfirm  formStep = "confirm"  // strong authentication at such a bank
	stepAtBank   formStep = "at bank"  // no page: the customer is at the bank's
	stepMore     formStep = "more"     // fetch more accounts, or finish
	stepAccounts formStep = "accounts" // choose accounts
)

// addFormPages serves finAPI's form: pages that work without scripts.
func (s *Server) addFormPages(mux *http.ServeMux) {
	anyStep := []formStep{stepBanks, stepTerms, stepLogin, stepConfirm, stepMore, stepAccounts}
	for path, act := range map[string]pageHandler{
		"GET /wf/{id}":           s.openPage,
		"POST /wf/{id}/language": s.at(s.switchLanguage, anyStep...),
		"POST /wf/{id}/abort":    s.at(s.abortPage, anyStep...),
		"POST /wf/{id}/bank":     s.at(s.chooseBank, stepBanks),
		"POST /wf/{id}/approve":  s.at(s.acceptTerms, stepTerms),
		"POST /wf/{id}/login":    s.at(s.logIn, stepLogin),
		"POST /wf/{id}/confirm":  s.at(s.confirm, stepConfirm),
		"GET /wf/{id}/return":    s.at(s.returnFromBank, stepAtBank),
		"POST /wf/{id}/more":     s.at(s.fetchMore, stepMore),
		"POST /wf/{id}/finish":   s.at(s.finishLogins, stepMore),
		"POST /wf/{id}/accounts": s.at(s.chooseAccounts, stepAccounts),
	} {
		mux.HandleFunc(path, s.page(s.formOfPage, act))
	}
}

// pageHandler answers what the customer does on a page.
type pageHandler func(*http.Request, *webForm, time.Time) view

// page finds the form that a request is about and renders what the handler
// returns.
func (s *Server) page(find func(*http.Request) *webForm, act pageHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.clock.catchUp()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "bad form", http.StatusBadRequest)
			return
		}
		render(w, r, s.act(r, find, act))
	}
}

func (s *Server) act(r *http.Request, find func(*http.Request) *webForm, act pageHandler) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := find(r)
	if f == nil {
		p := newProgress(r)
		return p.message(http.StatusNotFound, p.language.In("Link unbekannt", "Unknown link"),
			p.language.In("Diesen Link gibt es nicht.", "This link does not exist."))
	}
	return act(r, f, s.clock.Now())
}

func (s *Server) formOfPage(r *http.Request) *webForm { return s.form(r.PathValue("id")) }

// newProgress is that of a customer who follows a link.
func newProgress(r *http.Request) progress {
	return progress{language: preferredLanguage(r.Header.Get("Accept-Language")), back: newWayBack(r.URL.Query())}
}

// openPage is the link itself, which opens once.
func (s *Server) openPage(r *http.Request, f *webForm, now time.Time) view {
	if err := s.open(f, now); err != nil {
		again := newProgress(r)
		return again.ended(f, http.StatusGone) // guess: the status of the page
	}
	f.progress = newProgress(r)
	f.progress.step = stepTerms
	if f.bank == nil {
		f.progress.step = stepBanks
	}
	return s.stepPage(f, now)
}

// at lets a handler act on a form that is open at one of the steps. Anything else
// comes from a page that was reloaded or left by the back button, which ends the
// form.
func (s *Server) at(act pageHandler, steps ...formStep) pageHandler {
	return func(r *http.Request, f *webForm, now time.Time) view {
		if f.status == formOpen && !slices.Contains(steps, f.progress.step) {
			s.breakOff(f, codeInterrupted, "The page was reloaded at a wrong step.", now)
		}
		if f.status != formOpen {
			return f.progress.ended(f, http.StatusGone)
		}
		return act(r, f, now)
	}
}

func (s *Server) switchLanguage(r *http.Request, f *webForm, now time.Time) view {
	f.progress.language = preferredLanguage(r.PostFormValue("lang"))
	return s.stepPage(f, now)
}

func (s *Server) chooseBank(r *http.Request, f *webForm, now time.Time) view {
	for _, b := range s.choices(f, "") {
		if r.PostFormValue("bank") == b.BLZ+"/"+b.Name {
			f.bank = b
			f.progress.step = stepTerms
			return s.stepPage(f, now)
		}
	}
	v := s.stepPage(f, now)
	v.Search = r.PostFormValue("search")
	v.Banks = s.choices(f, v.Search)
	return v
}

// choices are the banks among which the customer chooses.
func (s *Server) choices(f *webForm, search string) []*Bank {
	return slices.DeleteFunc(s.searchBanks(search), func(b *Bank) bool {
		return f.request.interfaceFor(b) == nil || (b.IsTestBank && !orElse(f.request.AllowTestBank, true))
	})
}

func (s *Server) acceptTerms(r *http.Request, f *webForm, now time.Time) view {
	if r.PostFormValue("terms") == "" {
		v := s.stepPage(f, now)
		v.Problem = v.In("Ohne Ihre Zustimmung zu den Bedingungen geht es nicht weiter.", "You cannot go on without accepting the terms.")
		return v
	}
	return s.fetchMore(r, f, now)
}

// fetchMore sends the customer to the next log-in: on the bank's pages if it has
// some, otherwise on the form.
func (s *Server) fetchMore(_ *http.Request, f *webForm, now time.Time) view {
	if next := s.nextInterface(f); next.redirects() {
		f.progress.step, f.progress.visit = stepAtBank, &bankVisit{id: newUUID(), through: next.Name}
		return view{target: f.progress.visit.path()}
	}
	f.progress.step = stepLogin
	return s.stepPage(f, now)
}

// nextInterface is the one that the customer has to log in for now.
func (s *Server) nextInterface(f *webForm) *BankInterface {
	return f.bank.through(s.wanted(f)[len(f.progress.authorised)])
}

func (s *Server) logIn(r *http.Request, f *webForm, now time.Time) view {
	login := s.checkLogin(r, f)
	switch {
	case login.refusal != "":
		return s.rejected(f, login.refusal, now)
	case login.complete:
		return s.granted(f, now)
	}
	f.progress.step = stepConfirm
	return s.stepPage(f, now)
}

func (s *Server) confirm(r *http.Request, f *webForm, now time.Time) view {
	if !s.nextInterface(f).decoupled() && r.PostFormValue("tan") != demoTAN {
		return s.rejected(f, wrongTAN, now)
	}
	return s.granted(f, now)
}

// returnFromBank is where the bank sends the browser in any case. What the
// customer did there shows only now, when finAPI calls the bank again.
func (s *Server) returnFromBank(_ *http.Request, f *webForm, now time.Time) view {
	if v := f.progress.visit; !v.approved {
		return s.rejected(f, v.outcome(), now)
	}
	return s.granted(f, now)
}

// rejected ends the form with the bank's message.
func (s *Server) rejected(f *webForm, message string, now time.Time) view {
	s.breakOff(f, resultRejected, message, now)
	return f.progress.ended(f, http.StatusOK)
}

// granted goes on after the bank has let finAPI in through an interface.
func (s *Server) granted(f *webForm, now time.Time) view {
	p := &f.progress
	wanted := s.wanted(f)
	p.authorised = append(p.authorised, wanted[len(p.authorised)])
	if len(p.authorised) < len(wanted) {
		p.step = stepMore
		return s.stepPage(f, now)
	}
	return s.finishLogins(nil, f, now)
}

func (s *Server) finishLogins(_ *http.Request, f *webForm, now time.Time) view {
	if s.cfg.chooseAccounts && f.task == nil && len(s.offered(f)) > 0 {
		f.progress.step = stepAccounts
		return s.stepPage(f, now)
	}
	return s.finishPage(f, now)
}

func (s *Server) chooseAccounts(r *http.Request, f *webForm, now time.Time) view {
	for _, a := range s.offered(f) {
		if slices.Contains(r.PostForm["account"], s.choiceOf(a)) {
			f.progress.chosen = append(f.progress.chosen, a)
		}
	}
	if f.progress.chosen == nil {
		v := s.stepPage(f, now)
		v.Problem = v.In("Bitte wählen Sie mindestens ein Konto.", "Please choose at least one account.")
		return v
	}
	return s.finishPage(f, now)
}

// choiceOf is what names an account in the form's fields: not every account has
// an IBAN.
func (s *Server) choiceOf(a *BankAccount) string {
	return strconv.Itoa(slices.Index(s.ground.accounts, a))
}

func (s *Server) finishPage(f *webForm, now time.Time) view {
	s.finish(f, now)
	if f.status != formCompleted {
		return f.progress.ended(f, http.StatusOK)
	}
	l := f.progress.language
	v := f.progress.message(http.StatusOK, l.In("Vielen Dank", "Thank you"),
		l.In("Ihre Konten sind verbunden. Sie können dieses Fenster schließen.", "Your accounts are connected. You may close this window."))
	v.target = f.progress.back.done
	return v
}

// abortPage is the form's own button. A form for an update that has renewed a
// consent already counts as completed.
func (s *Server) abortPage(_ *http.Request, f *webForm, now time.Time) view {
	status := formAborted
	if s.connectAuthorised(f, now) && f.task != nil {
		status = formCompleted
	}
	s.endForm(f, status)
	l := f.progress.language
	v := f.progress.message(http.StatusOK, l.In("Abgebrochen", "Cancelled"),
		l.In("Sie haben abgebrochen. Sie können dieses Fenster schließen.", "You have cancelled. You may close this window."))
	v.target = f.progress.back.aborted
	return v
}
