package main

import (
	"context"
	"net/http"

	"github.com/finapi-go/finapi"
)

// tenant is a customer of the ERP: a company.
type tenant struct{ ID, Name string }

// tenants are the customers of this ERP. The page for signing in lets anybody be either
// of them: it stands in for the ERP's own log-in, and nobody should copy it.
var tenants = []tenant{{"muster", "Muster GmbH"}, {"beispiel", "Beispiel AG"}}

// nameOf is what a tenant is called; "" if there is no such tenant.
func nameOf(id string) string {
	for _, t := range tenants {
		if t.ID == id {
			return t.Name
		}
	}
	return ""
}

// TenantName is what the customer who is signed in is called.
func (p *page) TenantName() string { return nameOf(p.Tenant) }

func (a *app) showSignIn(v *visit) error {
	if v.tenant() != "" {
		return v.to("/accounts")
	}
	if v.session == nil { // its form needs a token, too
		s, err := a.openSession(v.ctx(), v.w, "")
		if err != nil {
			return err
		}
		v.session = s
	}
	a.show(v, http.StatusOK, "signin", "title.signin", tenants)
	return nil
}

func (a *app) signIn(v *visit) error {
	id := v.r.PostFormValue("tenant")
	if nameOf(id) == "" {
		return v.to("/signin")
	}
	if err := a.closeSession(v.ctx(), v.w, v.session); err != nil {
		return err
	}
	if _, err := a.openSession(v.ctx(), v.w, id); err != nil {
		return err
	}
	return v.to("/accounts")
}

func (a *app) signOut(v *visit) error {
	if err := a.closeSession(v.ctx(), v.w, v.session); err != nil {
		return err
	}
	return v.to("/signin")
}

// signedInUser tells the handler of the ways back who is signed in; nil if nobody is,
// or nobody who has begun to connect a bank.
func (a *app) signedInUser(r *http.Request) (*finapi.User, error) {
	s, err := a.session(r)
	if err != nil || s == nil || s.tenant == "" {
		return nil, err
	}
	return a.users.Find(r.Context(), s.tenant)
}

// newUser opens the tenant's finAPI user, and creates it before the first time.
func (a *app) newUser(ctx context.Context, tenant string) (*finapi.User, error) {
	user, err := a.users.Open(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return user, a.books.noteUser(ctx, tenant, user.ID())
}
