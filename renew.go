package finapi

import (
	"cmp"
	"context"
	"errors"
)

// RenewRequest says for which connection the customer should give the consent anew,
// and where the customer goes afterwards.
type RenewRequest struct {
	// Connection is the connection to renew. It keeps its id, as do its accounts and
	// their transactions.
	Connection ConnectionID
	// Customer describes the device of the customer, who is present; nil if it is not
	// known. Then the update counts as one without the customer.
	Customer *CustomerDevice
	// NewAccounts says what to do about accounts that the customer has opened since
	// the consent. "" means [SkipNewAccounts].
	NewAccounts NewAccounts
	// Force shows the form although the consent still holds: to renew it before it runs
	// out, or to let the customer change the stored log-in (finAPI: manageSavedSettings).
	Force bool
	// Return, State, Support and Callback are as in [ConsentRequest]. finAPI calls back
	// when the update has ended.
	Return, State, Support, Callback string
}

// RenewConsent opens a form on which the customer renews the access of a
// connection: because the consent runs out, or because [User.Refresh] returned an
// [*ActionRequired]. Call it when the customer clicks, since the form lives 20
// minutes only. Follow it like the form of [User.StartConsent].
//
// finAPI asks the bank first. If the bank gives its news without the customer, there
// is nothing to renew: the consent that is returned is completed and has no URL, and
// the news are stored.
//
// A connection that is busy is waited for. The call is never repeated by itself.
func (u *User) RenewConsent(ctx context.Context, r RenewRequest) (Consent, error) {
	return u.renewConsent(ctx, &r, r.waysBack())
}

func (u *User) renewConsent(ctx context.Context, r *RenewRequest, ways waysBack) (Consent, error) {
	refresh := RefreshRequest{Connection: r.Connection, Customer: r.Customer, NewAccounts: r.NewAccounts}
	if err := cmp.Or(refresh.validate("RenewRequest."), ways.check("RenewRequest.")); err != nil {
		return Consent{}, err
	}
	body := refresh.body()
	if r.Force {
		body.Manage = []string{"CREDENTIALS"}
	}
	if ways.callback != "" {
		body.Callbacks = &formCallbacks{Finalised: ways.callbackURL()}
	}
	connection, err := u.Connection(ctx, r.Connection)
	if err != nil {
		return Consent{}, err
	}
	_, err = u.update(ctx, &connection, body)
	var action *ActionRequired
	switch {
	case err == nil:
		return Consent{Status: ConsentCompleted, Connection: r.Connection, Renewal: true}, nil
	case !errors.As(err, &action) || action.Consent == "":
		return Consent{}, err
	}
	consent, err := u.Consent(ctx, action.Consent)
	if err != nil {
		return Consent{}, err
	}
	consent.URL, err = ways.addTo(consent.URL, consent.ID)
	return consent, err
}

func (r *RenewRequest) waysBack() waysBack {
	return waysBack{back: r.Return, callback: r.Callback, support: r.Support, state: plainState(r.State)}
}
