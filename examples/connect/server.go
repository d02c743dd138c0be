package main

import "net/http"

// handler serves all pages. What changes something is a POST with the session's token,
// except the way back from a form, which has a signed state.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /style.css", static("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /icon.svg", static("icon.svg", "image/svg+xml"))
	mux.Handle("/return", a.returns)

	mux.HandleFunc("GET /signin", a.open(a.showSignIn))
	mux.HandleFunc("POST /signin", a.open(a.signIn))
	mux.HandleFunc("GET /help", a.open(a.showHelp))
	mux.HandleFunc("GET /{$}", a.private(func(v *visit) error { return v.to("/accounts") }))
	mux.HandleFunc("POST /signout", a.private(a.signOut))

	mux.HandleFunc("GET /accounts", a.private(a.showAccounts))
	mux.HandleFunc("GET /accounts/{id}", a.private(a.showAccount))
	mux.HandleFunc("POST /accounts/{id}/review", a.private(a.decideReview))

	mux.HandleFunc("GET /banks", a.private(a.showBanks))
	mux.HandleFunc("GET /banks/{id}", a.private(a.showBank))
	mux.HandleFunc("POST /banks/{id}/connect", a.private(a.connect))

	mux.HandleFunc("GET /connections/{id}/choose", a.private(a.showChoice))
	mux.HandleFunc("POST /connections/{id}/choose", a.private(a.choose))
	mux.HandleFunc("POST /connections/{id}/refresh", a.private(a.refresh))
	mux.HandleFunc("POST /connections/{id}/renew", a.private(a.renew))
	mux.HandleFunc("GET /connections/{id}/disconnect", a.private(a.showDisconnect))
	mux.HandleFunc("POST /connections/{id}/disconnect", a.private(a.disconnect))
	mux.HandleFunc("GET /work/{id}", a.private(a.showWork))

	mux.HandleFunc("GET /history", a.private(a.showHistory))
	mux.HandleFunc("GET /forget", a.private(a.showForget))
	mux.HandleFunc("POST /forget", a.private(a.forget))

	if a.sim != nil {
		mux.HandleFunc("GET /simulator", a.private(a.showSimulator))
		mux.HandleFunc("POST /simulator", a.private(a.useSimulator))
	}
	mux.HandleFunc("/", a.open(func(*visit) error { return errNotFound }))
	return a.guard(mux)
}
