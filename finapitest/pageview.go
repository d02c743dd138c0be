package finapitest

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"sync"
)

// view is what a page shows. A target redirects instead.
type view struct {
	language
	status int
	page   string // name of the template
	target string // where the browser goes at once

	Title   string
	Action  string // what the addresses of the page's forms begin with
	Problem string // what the customer has to correct
	Steps   bool   // the form goes on, so that its language can be switched
	Support string

	Search string
	Banks  []*Bank

	Bank         string
	Update       bool // the consent is renewed
	Redirect     bool // the bank has pages of its own
	AccountTypes string
	History      int // days; 0 means as many as there are
	Expires      string

	UserLabel, PasswordLabel string
	Decoupled                bool // the second step happens in the bank's app
	Accounts                 []accountChoice

	Message     string
	BankMessage string
	Link        string // where the customer may click to go on
}

// accountChoice is an account on a page, with what names it in a form's field.
type accountChoice struct {
	Value string
	AccountSpec
}

//go:embed pages/*.html
var pageFiles embed.FS

var pageTemplates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "pages/*.html"))
})

func render(w http.ResponseWriter, r *http.Request, v view) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // addresses of forms are secrets
	if v.target != "" {
		http.Redirect(w, r, v.target, http.StatusSeeOther)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang())
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(v.status)
	_ = pageTemplates().ExecuteTemplate(w, v.page, v) // a browser that is gone is no concern
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
