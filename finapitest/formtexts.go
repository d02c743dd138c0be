package finapitest

import (
	"net/http"
	"strings"
	"time"
)

// stepPage shows the page of the step that the customer is at.
func (s *Server) stepPage(f *webForm, now time.Time) view {
	p := &f.progress
	v := p.view(http.StatusOK)
	v.page, v.Title, v.Steps, v.Action = string(p.step), p.title(f), true, "/wf/"+f.id
	v.Update = f.task != nil
	switch p.step {
	case stepBanks:
		v.Banks = s.choices(f, "")
		return v
	case stepAccounts:
		for _, a := range s.offered(f) {
			v.Accounts = append(v.Accounts, accountChoice{s.choiceOf(a), a.spec})
		}
	case stepTerms, stepLogin, stepConfirm:
		next := s.nextInterface(f)
		v.Redirect, v.Decoupled = next.redirects(), next.decoupled()
		v.Expires = s.consentEnd(next.Name, p.language, now)
		v.UserLabel, v.PasswordLabel = loginLabels(next, p.language)
	case stepMore, stepAtBank:
	}
	v.Bank = f.bank.Name
	v.AccountTypes, v.History = typeNames(f.request.accessTypes(), p.language), f.request.maxDays()
	return v
}

// consentEnd is the last day of a consent that is given now, or empty if the
// interface uses none.
func (s *Server) consentEnd(bankingInterface string, l language, now time.Time) string {
	if bankingInterface != interfaceXS2A {
		return ""
	}
	return l.date(now.Add(s.cfg.consentLife))
}

func (p *progress) view(status int) view {
	return view{language: p.language, status: status, Support: p.back.support}
}

func (p *progress) title(f *webForm) string {
	in := p.language.In
	switch p.step {
	case stepLogin:
		return in("Anmeldung bei ", "Log in at ") + f.bank.Name
	case stepConfirm:
		return in("Freigabe bei ", "Confirmation at ") + f.bank.Name
	case stepMore:
		return in("Weitere Konten", "More accounts")
	case stepAccounts:
		return in("Konten auswählen", "Choose accounts")
	case stepBanks, stepTerms, stepAtBank:
	}
	if f.task != nil {
		return in("Zustimmung erneuern", "Renew your consent")
	}
	return in("Bankkonto verbinden", "Connect your bank account")
}

// loginLabels are the bank's names for what the customer logs in with.
func loginLabels(i *BankInterface, l language) (user, password string) {
	if len(i.LoginFields) == 2 {
		return i.LoginFields[0], i.LoginFields[1]
	}
	return l.In("Benutzername", "User name"), l.In("Passwort", "Password")
}

func typeNames(types []string, l language) string {
	names := map[string]string{
		"Checking": l.In("Girokonten", "current accounts"), "Savings": l.In("Sparkonten", "savings accounts"),
		"CreditCard": l.In("Kreditkarten", "credit cards"), "Security": l.In("Depots", "securities accounts"),
		"Loan": l.In("Darlehen", "loans"), "Membership": l.In("Mitgliedskonten", "membership accounts"),
		"Bausparen": l.In("Bausparverträge", "building society accounts"),
	}
	var all []string
	for _, t := range types {
		all = append(all, names[t])
	}
	return strings.Join(all, ", ")
}

// message is a page that tells something and goes on nowhere by itself.
func (p *progress) message(status int, title, text string) view {
	v := p.view(status)
	v.page, v.Title, v.Message = "message", title, text
	return v
}

// ended is the page of a form that has ended before the customer was through. The
// customer may click, but is not sent anywhere.
func (p *progress) ended(f *webForm, status int) view {
	title, text := f.ending(p.language)
	v := p.message(status, title, text)
	v.Link = p.back.failed
	if f.errorCode == resultRejected {
		v.BankMessage = f.errorMessage
	}
	return v
}

// ending says why a form goes on no more.
func (f *webForm) ending(l language) (title, text string) {
	again := l.In(" Bitte beginnen Sie in Ihrer Anwendung von vorn.", " Please start again in your application.")
	switch f.status {
	case formExpired:
		return l.In("Der Link ist abgelaufen", "The link has expired"), l.In("Der Link galt 20 Minuten.", "The link was valid for 20 minutes.") + again
	case formAborted, formCancelled:
		return l.In("Der Vorgang wurde abgebrochen", "This was cancelled"), strings.TrimSpace(again)
	case formFailed:
		return f.failure(l, again)
	}
	return l.In("Der Link wurde schon benutzt", "The link has been used"), l.In("Der Link öffnet sich nur einmal.", "The link opens only once.") + again
}

func (f *webForm) failure(l language, again string) (title, text string) {
	switch f.errorCode {
	case resultRejected:
		return l.In("Die Bank hat abgelehnt", "The bank has refused"), strings.TrimSpace(again)
	case codeInterrupted:
		return l.In("Der Vorgang wurde unterbrochen", "This was interrupted"),
			l.In("Die Seite wurde neu geladen oder ein zweites Mal geöffnet.", "The page was reloaded or opened a second time.") + again
	case codeEntityExists:
		return l.In("Schon verbunden", "Connected already"), l.In("Dieser Zugang ist bereits verbunden.", "This log-in is connected already.")
	case codeNoAccounts:
		return l.In("Kein passendes Konto", "No such account"),
			l.In("Keines Ihrer Konten bei dieser Bank ist von der Art, die Ihre Anwendung lesen möchte.", "None of your accounts at this bank is of a kind that your application would like to read.")
	}
	return l.In("Ein unerwarteter Fehler ist aufgetreten", "An unexpected error has occurred"), l.In("Es liegt nicht an Ihnen.", "It is not your fault.") + again
}
