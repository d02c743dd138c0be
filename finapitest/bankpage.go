package finapitest

import (
	"net/http"
	"time"
)

// Log-ins of finAPI's test banks, which all simulated banks take.
const (
	demoLogin    = "demo"
	demoLoginSCA = "demo_no_msa" // without a second step
	demoTAN      = "123456"
)

// guess: messages of a bank, which finAPI never translates.
const (
	wrongLogin = "Benutzername oder Passwort ist falsch."
	wrongTAN   = "Die TAN ist falsch."
	noBanking  = "Für diesen Zugang gibt es kein Online-Banking."
	notGranted = "Die Freigabe wurde nicht erteilt."
)

// login is what a bank says to user name and password.
type login struct {
	refusal  string // empty when they are right
	complete bool   // no second step is needed
}

func (s *Server) checkLogin(r *http.Request, f *webForm) login {
	user, password := r.PostFormValue("username"), r.PostFormValue("password")
	switch {
	case user != password || (user != demoLogin && user != demoLoginSCA):
		return login{refusal: wrongLogin}
	case len(s.ground.held(f.bank.ID)) == 0:
		return login{refusal: noBanking}
	}
	return login{complete: user == demoLoginSCA}
}

// bankVisit is the customer's way through the pages of a bank that finAPI
// redirects to.
type bankVisit struct {
	id       string
	through  string // the interface for which finAPI asks
	loggedIn bool
	approved bool
	refusal  string // why the bank let nobody in
}

func (v *bankVisit) path() string { return "/bank/" + v.id }

// outcome is the bank's message to finAPI if the customer has not approved.
func (v *bankVisit) outcome() string {
	if v.refusal != "" {
		return v.refusal
	}
	return notGranted
}

// addBankPages serves the pages of the banks. They share the listener of the Web
// Form host, but no address.
func (s *Server) addBankPages(mux *http.ServeMux) {
	for path, act := range map[string]pageHandler{
		"GET /bank/{visit}":          s.showBank,
		"POST /bank/{visit}/login":   s.logInAtBank,
		"POST /bank/{visit}/approve": s.approveAtBank,
		"POST /bank/{visit}/cancel":  s.leaveBank,
	} {
		mux.HandleFunc(path, s.page(s.formOfVisit, act))
	}
}

// formOfVisit returns the form from which the customer came to the bank.
func (s *Server) formOfVisit(r *http.Request) *webForm {
	for _, f := range s.forms {
		if v := f.progress.visit; v != nil && v.id == r.PathValue("visit") {
			return f
		}
	}
	return nil
}

// showBank is the page that fits how far the customer has come. Unlike finAPI's
// form, the bank lets it be reloaded.
func (s *Server) showBank(_ *http.Request, f *webForm, now time.Time) view {
	p := &f.progress
	v := p.view(http.StatusOK)
	v.Action, v.Bank, v.Link = p.visit.path(), f.bank.Name, "/wf/"+f.id+"/return"
	switch {
	case p.visit.refusal != "":
		v.page, v.Title, v.BankMessage = "bank-refused", v.In("Das hat nicht geklappt", "That did not work"), p.visit.refusal
	case p.visit.loggedIn:
		v.page, v.Title = "bank-confirm", v.In("Zugriff freigeben", "Approve the access")
		v.Expires = s.consentEnd(p.visit.through, p.language, now)
		for _, a := range s.shownAtBank(f) {
			v.Accounts = append(v.Accounts, accountChoice{s.choiceOf(a), a.spec})
		}
	default:
		v.page, v.Title = "bank-login", v.In("Anmelden", "Log in")
	}
	return v
}

// shownAtBank are the accounts that the bank will open to finAPI.
func (s *Server) shownAtBank(f *webForm) []*BankAccount {
	var shown []*BankAccount
	for _, a := range s.ground.held(f.bank.ID) {
		if a.spec.shownBy(f.progress.visit.through) {
			shown = append(shown, a)
		}
	}
	return shown
}

func (s *Server) logInAtBank(r *http.Request, f *webForm, now time.Time) view {
	v := f.progress.visit
	login := s.checkLogin(r, f)
	v.loggedIn, v.refusal = login.refusal == "", login.refusal
	if login.complete {
		return s.approveAtBank(r, f, now)
	}
	return s.showBank(r, f, now)
}

func (s *Server) approveAtBank(r *http.Request, f *webForm, now time.Time) view {
	v := f.progress.visit
	v.approved = v.loggedIn
	return s.leaveBank(r, f, now)
}

// leaveBank sends the browser back to finAPI, by the same address whether the
// customer has approved or cancelled.
func (s *Server) leaveBank(_ *http.Request, f *webForm, _ time.Time) view {
	return view{target: "/wf/" + f.id + "/return"}
}
