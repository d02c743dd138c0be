package finapitest

import (
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// addPages serves what the customer sees: a page that works without scripts.
func (s *Server) addPages(mux *http.ServeMux) {
	mux.HandleFunc("GET /wf/{id}", s.page(s.showForm))
	mux.HandleFunc("POST /wf/{id}/bank", s.page(s.chooseBank))
	mux.HandleFunc("POST /wf/{id}/approve", s.page(s.approvePage))
	mux.HandleFunc("POST /wf/{id}/abort", s.page(s.abortPage))
}

// view is what a page shows. A target redirects instead.
type view struct {
	Status   int
	Title    string
	Message  string
	Target   string // where the browser goes at once
	Link     string // where the customer may click to go on
	Support  string
	Form     bool // show the form itself
	Update   bool
	Action   string // of the form's buttons, without the last part
	Query    template.URL
	Bank     string
	Accounts []AccountSpec
	Search   string
	Banks    []*Bank
}

// wayBack holds the addresses that the application has added to the link.
type wayBack struct{ done, failed, aborted, support string }

func newWayBack(q url.Values) wayBack {
	return wayBack{
		done: webAddress(q.Get("redirectUrl")), failed: webAddress(q.Get("errorRedirectUrl")),
		aborted: webAddress(q.Get("abortRedirectUrl")), support: webAddress(q.Get("customerSupportUrl")),
	}
}

// webAddress returns an address only if a browser can safely be sent there.
func webAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.String()
}

// page finds the form of a request and renders what the step returns.
func (s *Server) page(step func(*http.Request, *webForm, wayBack, time.Time) view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.clock.catchUp()
		if err := r.ParseForm(); err != nil {
			http.Error(w, "bad form", http.StatusBadRequest)
			return
		}
		render(w, r, s.step(r, step))
	}
}

func (s *Server) step(r *http.Request, step func(*http.Request, *webForm, wayBack, time.Time) view) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := newWayBack(r.URL.Query())
	f := s.form(r.PathValue("id"))
	if f == nil {
		return failure(http.StatusNotFound, "This link does not exist.", back)
	}
	return step(r, f, back, s.clock.Now())
}

// failure is the page after an error: the customer may click, but is not sent
// anywhere.
func failure(status int, message string, back wayBack) view {
	return view{Status: status, Title: "That did not work", Message: message, Link: back.failed, Support: back.support}
}

const usedLink = "This link has been used before or is no longer valid. Please start again in your application."

func (s *Server) showForm(r *http.Request, f *webForm, back wayBack, _ time.Time) view {
	if err := s.open(f); err != nil {
		return failure(http.StatusGone, usedLink, back) // guess: the status of the page
	}
	return s.formView(r, f, back)
}

func (s *Server) formView(r *http.Request, f *webForm, back wayBack) view {
	v := view{
		Status: http.StatusOK, Title: "Connect your bank account", Form: true, Update: f.task != nil,
		Action: "/wf/" + f.id, Support: back.support,
	}
	if r.URL.RawQuery != "" {
		v.Query = template.URL("?" + r.URL.Query().Encode()) //nolint:gosec // encoded again just now
	}
	if f.bank == nil {
		v.Search = r.PostFormValue("search")
		v.Banks = s.choices(f, v.Search)
		return v
	}
	v.Bank = f.bank.Name
	for _, a := range s.offered(f) {
		v.Accounts = append(v.Accounts, a.spec)
	}
	return v
}

// choices are the banks among which the customer chooses.
func (s *Server) choices(f *webForm, search string) []*Bank {
	var banks []*Bank
	for _, b := range s.searchBanks(search) {
		if f.request.interfaceFor(b) != nil && (!b.IsTestBank || orElse(f.request.AllowTestBank, true)) {
			banks = append(banks, b)
		}
	}
	return banks
}

func (s *Server) chooseBank(r *http.Request, f *webForm, back wayBack, _ time.Time) view {
	if f.status != formOpen {
		return failure(http.StatusGone, usedLink, back)
	}
	for _, b := range s.choices(f, "") {
		if r.PostFormValue("bank") == b.BLZ+"/"+b.Name && f.task == nil {
			f.bank = b
		}
	}
	return s.formView(r, f, back)
}

func (s *Server) approvePage(_ *http.Request, f *webForm, back wayBack, now time.Time) view {
	if f.status != formOpen {
		return failure(http.StatusGone, usedLink, back)
	}
	s.approve(f, now)
	if f.status != formCompleted {
		return failure(http.StatusOK, f.errorMessage, back)
	}
	return view{
		Status: http.StatusOK, Title: "Thank you", Message: "Your accounts are connected. You may close this window.",
		Target: back.done,
	}
}

func (s *Server) abortPage(_ *http.Request, f *webForm, back wayBack, _ time.Time) view {
	if f.status != formOpen {
		return failure(http.StatusGone, usedLink, back)
	}
	s.endForm(f, formAborted)
	return view{
		Status: http.StatusOK, Title: "Aborted", Message: "Nothing was connected. You may close this window.",
		Target: back.aborted,
	}
}

func render(w http.ResponseWriter, r *http.Request, v view) {
	if v.Target != "" {
		http.Redirect(w, r, v.Target, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(v.Status)
	_ = formTemplate().Execute(w, v) // a browser that is gone is no concern
}

var formTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("form").Parse(formHTML))
})

const formHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem; color: #1b1f24; }
fieldset, li { border: 1px solid #d5dae0; border-radius: 6px; padding: .6rem .9rem; margin: .4rem 0; list-style: none; }
ul { padding: 0; }
form { display: inline; }
button { font: inherit; padding: .5rem 1.4rem; border-radius: 6px; border: 1px solid #0b62c4; background: #0b62c4; color: #fff; }
button.quiet { background: #fff; color: #0b62c4; }
small { color: #59636e; }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
{{- with .Message}}
<p>{{.}}</p>
{{- end}}
{{- if .Form}}
{{- if .Bank}}
<p>{{if .Update}}Please confirm again that{{else}}If you agree,{{end}} finAPI may read these accounts at <strong>{{.Bank}}</strong>: their balances and bookings. It cannot make payments.</p>
<ul>
{{- range .Accounts}}
<li>{{.Name}} · {{.Currency}}<br><small>{{.IBAN}}</small></li>
{{- end}}
</ul>
<form method="post" action="{{.Action}}/approve{{.Query}}"><button type="submit">Approve</button></form>
{{- else}}
<p>Please choose your bank.</p>
<form method="post" action="{{.Action}}/bank{{.Query}}">
<input type="search" name="search" aria-label="Bank" value="{{.Search}}"> <button type="submit" class="quiet">Search</button>
</form>
<form method="post" action="{{.Action}}/bank{{.Query}}">
<fieldset>
{{- range .Banks}}
<label><input type="radio" name="bank" value="{{.BLZ}}/{{.Name}}"> {{.Name}} <small>{{.City}}</small></label><br>
{{- end}}
</fieldset>
<button type="submit">Continue</button>
</form>
{{- end}}
<form method="post" action="{{.Action}}/abort{{.Query}}"><button type="submit" class="quiet">Abort</button></form>
<p><small>This page belongs to a simulator of finAPI. No bank is involved.</small></p>
{{- end}}
{{- with .Link}}
<p><a href="{{.}}">Back to the application</a></p>
{{- end}}
{{- with .Support}}
<p><a href="{{.}}">Support</a></p>
{{- end}}
</body>
</html>
`
