package main

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// maxForm is far more than any form of the application has.
const maxForm = 256 << 10

// guard stands in front of everything: it fixes the host, sets the headers and refuses
// forms that come from other sites.
func (a *app) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.setHeaders(w.Header())
		if r.Host != a.site.host() {
			a.otherHost(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// otherHost answers under a name that is not the application's, which may be an
// attacker's that leads here. localhost is a name that people type.
func (a *app) otherHost(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(r.Host, ":")
	if name == "localhost" && r.Method == http.MethodGet && !a.site.secure {
		http.Redirect(w, r, a.site.origin+r.URL.RequestURI(), http.StatusTemporaryRedirect) //nolint:gosec // to the own origin
		return
	}
	http.Error(w, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest)
}

// setHeaders forbids browsers whatever the pages do not need. Forms may lead to finAPI's
// forms besides, because Chromium holds the redirect after a form against form-action,
// too.
func (a *app) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' "+
		strings.Join(a.formHosts, " ")+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with that, browsers send the Origin of the application's own forms
	// as null. Other sites learn nothing either way.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if a.site.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// sameSite reports whether a form comes from one of the application's own pages, by
// what the browser says of its origin.
func (a *app) sameSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin":
		return true
	case "":
		// Old browsers do not say. All of them name the origin of a form.
		return r.Header.Get("Origin") == a.site.origin
	}
	return false
}

// csrfHolds reports whether a form brought the token of its session.
func csrfHolds(s *session, r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(s.csrf)) == 1
}
