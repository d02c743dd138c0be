package main

import "net/http"

// questions are the keys of what customers ask; each has an answer.
var questions = []string{
	"what", "how", "without", "read", "disconnect", "payments", "login", "kept", "supported", "often", "twice", "broken", "missing",
}

func (a *app) showHelp(v *visit) error {
	a.show(v, http.StatusOK, "help", "title.help", questions)
	return nil
}

func (a *app) showHistory(v *visit) error {
	all, err := a.books.history(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	a.show(v, http.StatusOK, "history", "title.history", all)
	return nil
}
