package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/finapi-go/finapi"
)

// visit is a request with what the pages need to know about it.
type visit struct {
	w http.ResponseWriter
	r *http.Request
	// session is that of the browser; nil if it has none.
	session *session
	lang    finapi.Language
}

// errNotFound says that there is no such thing for this tenant. Whether another tenant
// has it makes no difference.
var errNotFound = errors.New("not found")

// action answers a visit. What it returns becomes an error page.
type action func(*visit) error

// open is for everybody: the page for signing in and the help.
func (a *app) open(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := a.visit(w, r)
		if err == nil {
			err = a.checked(v, do)
		}
		if err != nil {
			a.fail(v, err) //nolint:contextcheck // a visit has the context of its request
		}
	}
}

// private is for customers who are signed in.
func (a *app) private(do action) http.HandlerFunc {
	return a.open(func(v *visit) error {
		if v.tenant() == "" {
			http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
			return nil
		}
		return do(v)
	})
}

func (a *app) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{w: w, r: r, lang: languageOf(r)}
	s, err := a.session(r)
	v.session = s
	return v, err
}

// checked lets a form act only if it is one of the application's own, for this session.
func (a *app) checked(v *visit, do action) error {
	if choice := v.r.URL.Query().Get("lang"); choice != "" && v.r.Method == http.MethodGet {
		return a.chooseLanguage(v, choice)
	}
	if v.r.Method != http.MethodPost {
		return do(v)
	}
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	if v.session == nil {
		http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
		return nil
	}
	if !a.sameSite(v.r) || !csrfHolds(v.session, v.r) {
		return errForeignForm
	}
	return do(v)
}

var (
	errBadForm     = errors.New("the form cannot be read")
	errForeignForm = errors.New("the form is not one of this session")
)

func (v *visit) ctx() context.Context { return v.r.Context() }

// tenant is who is signed in; "" if nobody is.
func (v *visit) tenant() string {
	if v.session == nil {
		return ""
	}
	return v.session.tenant
}

// to sends the browser on, so that a reload repeats nothing.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// number reads an id from the path or the form. One that is none is not found.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, errNotFound
	}
	return n, nil
}

// connection reads one of the tenant's connections. Another tenant's is not found; one
// that the tenant had is a [partedError].
func (a *app) connection(v *visit) (*finapi.User, finapi.Connection, error) {
	id, err := number(v.r.PathValue("id"))
	if err != nil {
		return nil, finapi.Connection{}, err
	}
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return nil, finapi.Connection{}, err
	}
	if user == nil {
		return nil, finapi.Connection{}, errNotFound
	}
	connection, err := user.Connection(v.ctx(), finapi.ConnectionID(id))
	if finapi.IsError(err, finapi.CodeUnknownEntity, finapi.CodeNotFound) {
		err = a.missing(v, finapi.ConnectionID(id))
	}
	return user, connection, err
}

// missing says why there is no such connection.
func (a *app) missing(v *visit, id finapi.ConnectionID) error {
	bank, err := a.books.bankOf(v.ctx(), v.tenant(), id)
	switch {
	case err != nil:
		return err
	case bank != "":
		return &partedError{bank: bank}
	}
	return errNotFound
}
