package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/finapi-go/finapi"
)

// trial is what -write has made at finAPI.
type trial struct {
	user     *finapi.User
	created  bool // finAPI said so; if not, the user may exist all the same
	verified bool // by this program
	loggedIn bool
	refused  bool // finAPI refused to create it, so there is none
	removed  bool // its deletion was tried, and err is how that failed
	err      error
	form     finapi.Consent

	// What was seen, for the answers.
	transactions, missing, listing, formRead, cancelled, again, deleted string
}

func createUser(ctx context.Context, v *visit) finding {
	id, password := finapi.UserID("finapi-doctor-"+rand.Text()[:20]), finapi.NewSecret(rand.Text())
	v.trial.user = v.client.User(id, password)
	user, err := v.client.CreateUser(ctx, finapi.NewUser{ID: id, Password: password})
	if err != nil {
		v.trial.refused = definite(err)
		return refused(err, "Your program cannot create a user at finAPI for a new customer, so no customer can be connected.")
	}
	v.trial.user, v.trial.created = user, true
	return ok("created a throw-away user", "Your program can create a user at finAPI for each customer.")
}

// definite reports whether finAPI said no, so that nothing can have happened.
func definite(err error) bool {
	var e *finapi.Error
	return errors.As(err, &e) && e.Status >= 400 && e.Status < 500 &&
		e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

func userLogin(ctx context.Context, v *visit) finding {
	const means = "Your program can log in at finAPI for a customer."
	_, err := v.trial.user.Profile(ctx)
	if err != nil && atToken(err) && statusIs(err, http.StatusForbidden) {
		if verify := v.client.VerifyUser(ctx, v.trial.user.ID()); verify != nil {
			return refused(verify, "New users at finAPI wait for verification, and your client may not verify them. So nothing can be read for a customer.")
		}
		v.trial.verified = true
		_, err = v.trial.user.Profile(ctx)
	}
	if err != nil {
		return refused(err, "Your program cannot log in at finAPI for a new customer, so nothing can be read.")
	}
	v.trial.loggedIn = true
	if v.trial.verified {
		return ok("works after the user was verified (Client.VerifyUser)", means)
	}
	return ok("works", means)
}

// nothing is an id that belongs to nobody's throw-away user.
const nothing = 1

func readTransactions(ctx context.Context, v *visit) finding {
	u := v.trial.user
	_, err := finapi.Collect(u.Transactions(ctx, finapi.TransactionQuery{PageSize: 1}))
	v.trial.transactions = statusOf(err)
	if err != nil {
		f := refused(err, "Your program cannot list transactions, so no feed works.")
		if statusIs(err, http.StatusForbidden) {
			f.Do = ask("Our client may not list transactions (GET /api/v2/transactions, status 403). Please enable what it needs for that. Is it PFM services?")
		}
		return f
	}
	_, err = u.Transaction(ctx, nothing)
	v.trial.missing = statusOf(err)
	rows, err := finapi.Collect(u.Transactions(ctx, finapi.TransactionQuery{IDs: []finapi.TransactionID{nothing}}))
	v.trial.listing = statusOf(err)
	if err == nil && len(rows) == 0 {
		v.trial.listing = "left out"
	}
	return ok("the listing answers (it is empty, as it should be)", "Your program can list transactions.")
}

func openForm(ctx context.Context, v *visit) finding {
	request := finapi.ConsentRequest{}
	if v.bank != nil && v.bank.Supported() {
		request.Bank = v.bank.ID
	}
	var notForBank error
	form, err := v.trial.user.StartConsent(ctx, request)
	if request.Bank != 0 && (statusIs(err, http.StatusUnprocessableEntity) || statusIs(err, http.StatusNotFound)) {
		notForBank = err
		form, err = v.trial.user.StartConsent(ctx, finapi.ConsentRequest{})
	}
	if err != nil {
		return v.noForm(err)
	}
	v.trial.form = form
	seen := "opened a form at " + v.wire.seen().formHost
	if notForBank != nil {
		return warn(seen+", but not for "+clean(v.bank.Name)+": "+seenOf(notForBank),
			"Customers can consent, but they have to choose the bank in finAPI's form, and perhaps they cannot choose this one.",
			ask("Why is no form opened for "+clean(v.bank.Name)+fmt.Sprintf(" (bank id %d) in our client: %s?", v.bank.ID, statusOf(notForBank)))+v.ifNotYours())
	}
	if request.Bank != 0 {
		seen += " for " + clean(v.bank.Name)
	}
	return ok(seen+"; no customer goes there", "Your program can send customers to finAPI's form.")
}

func (v *visit) noForm(err error) finding {
	const means = "No customer can consent, so no account can be connected."
	f := refused(err, means)
	switch {
	case finapi.IsError(err, finapi.CodeForeignURL):
		host := v.wire.seen().formHost
		f.Seen = "finAPI opened a form at " + host + ", which the SDK does not know as finAPI's"
		f.Means = "No customer can consent, because the SDK sends nobody to an unknown host."
		f.Who, f.Do = finapi.ActorVendor, ask("Is "+host+" yours? Our forms are opened there.")+
			" If they say yes, run doctor again with -web-form-url "+host+", have your developers set it, too (WithBaseURLs), and "+issue+
			". If they say no, or are not sure, connect no customer, and "+ask("Please find out why our client's forms are opened at "+host+".")
	case finapi.IsError(err, finapi.CodeInvalidRedirectURL):
		f.Means = means + " From vendors with a licence, finAPI wants an address to which the bank sends the customer back (redirectUrl), and this SDK never sends one."
		f.Who, f.Do = finapi.ActorVendor, issue+", and "+ask("Can our client use Web Form 2.0 without giving a redirectUrl?")
	case statusIs(err, http.StatusForbidden):
		f.Who, f.Do = finapi.ActorVendor, ask("Our client may not open a form (POST /api/webForms/bankConnectionImport, status 403). Please enable Web Form 2.0 for it.")
	}
	return f
}

func readForm(ctx context.Context, v *visit) finding {
	form, err := v.trial.user.Consent(ctx, v.trial.form.ID)
	if err != nil {
		return refused(err, "Your program cannot find out whether a customer has consented, so no account gets connected.")
	}
	v.trial.formRead = clean(string(form.Status)) + ", lives " + short(form.Expires.Sub(form.Created).Round(time.Second))
	if form.Expires.IsZero() || form.Created.IsZero() {
		v.trial.formRead = clean(string(form.Status)) + ", does not say how long it lives"
	}
	return ok("status "+v.trial.formRead, "Your program can find out how far a customer is in the form.")
}

func cancelForm(ctx context.Context, v *visit) finding {
	form, err := v.trial.user.Forms().Cancel(ctx, v.trial.form.ID)
	v.trial.cancelled = statusOf(err)
	if err != nil {
		f := refused(err, "A form that a customer gave up stays open for its 20 minutes. No feed depends on this.")
		f.State = warning
		return f
	}
	v.trial.cancelled = "accepted, the form is " + clean(string(form.Status))
	_, err = v.trial.user.Forms().Cancel(ctx, v.trial.form.ID)
	v.trial.again = statusOf(err)
	return ok("the form's status is "+clean(string(form.Status)), "Your program can end a form before the customer does.")
}

func deleteForm(ctx context.Context, v *visit) finding {
	if err := v.trial.user.Forms().Delete(ctx, v.trial.form.ID); err != nil {
		f := refused(err, "What finAPI keeps of a form cannot be deleted by itself; it goes when the user is deleted. No feed depends on this.")
		f.State = warning
		return f
	}
	_, err := v.trial.user.Consent(ctx, v.trial.form.ID)
	v.trial.deleted = statusOf(err)
	if err == nil {
		return warn("finAPI accepted the deletion, but the form can still be read", "If a customer's data have to go, deleting forms is not enough.",
			"have your program delete the customer's user at finAPI when data have to go (developers: User.Delete); that takes the forms with it.")
	}
	return ok("the form is gone", "Your program can delete what finAPI keeps of a form.")
}

// wrongPassword shows how finAPI refuses one. It is sent once.
func wrongPassword(ctx context.Context, v *visit) finding {
	if n := v.config.MaxLogins; n == 1 || n == 2 {
		return skip("so few failed log-ins lock a user out", `nothing. If you want to see this, do what "failed log-ins" above says, then run doctor again.`)
	}
	_, err := v.client.User(v.trial.user.ID(), finapi.NewSecret(rand.Text())).Profile(ctx)
	shape := v.wire.seen().password
	switch {
	case err == nil:
		return finding{
			State: failing, Seen: "finAPI accepts a wrong password", Means: "Customers' data are not protected from each other.",
			Who: finapi.ActorFinAPI, Do: "has to put this right. You: connect no customer before, and " + ask("Our client's users can log in with a wrong password."),
		}
	case finapi.IsError(err, finapi.CodeInvalidGrant):
		return ok(fmt.Sprintf("finAPI refuses it (status %d, %s)", shape.status, shape.fields), "The SDK recognises a wrong password and does not send it again before the program is started anew.")
	}
	return warn("an unexpected answer: "+seenOf(err), "The SDK may not recognise a wrong password, and send it again until finAPI locks the user out.",
		issue+" and paste the block at the end of this output there.")
}

func logOut(ctx context.Context, v *visit) finding {
	if err := v.trial.user.Logout(ctx); err != nil {
		f := refused(err, "Your program cannot end a log-in at finAPI (token) by itself; it lives until it expires. No feed depends on this.")
		f.State = warning
		return f
	}
	return ok("finAPI ended the log-in (it revoked the token)", "Your program can end a customer's log-in at finAPI.")
}

func deleteUser(ctx context.Context, v *visit) finding {
	switch {
	case v.trial.user == nil && ctx.Err() != nil:
		return interrupted()
	case v.trial.user == nil, v.trial.refused:
		return waitFor(v.found("create user"), "above")
	}
	if err := v.removeUser(ctx); err != nil {
		return v.userStays(err)
	}
	if !v.trial.created {
		return ok("none is left", "Creating the throw-away user went unanswered; if finAPI created it all the same, it is deleted now.")
	}
	return ok("the throw-away user is gone, with all it had", "Nothing of this run is left at finAPI, and your program can delete a customer's data there.")
}

func (v *visit) userStays(err error) finding {
	id, why := string(v.trial.user.ID()), answered(err)
	if errors.Is(err, errStillThere) {
		why = "you accept DELETE /api/v2/users, but the user can still log in"
	}
	f := refused(err, "So your program may be unable to delete a customer's data at finAPI, too, as the law (GDPR) demands. Reading works without. "+
		"The throw-away user "+id+" is still at finAPI; it holds no data.")
	f.Do = ask("Please delete our user " + id + ", and tell us why we cannot: " + why + ".")
	if f.Who == finapi.ActorFinAPI {
		f.Do = "has to put this right. You: " + f.Do
	}
	return f
}

const (
	formPatience = 20 * time.Second
	userPatience = 60 * time.Second
)

var errStillThere = errors.New("finAPI accepted the deletion, but the user can still log in")

// removeUser deletes the user and its forms, also after an interruption, and
// proves it. It works once; later calls tell how that went.
func (v *visit) removeUser(ctx context.Context) error {
	t := &v.trial
	if t.user == nil || t.refused || t.removed {
		return t.err
	}
	t.removed = true
	if ctx.Err() != nil {
		fmt.Fprintln(v.progress, "Interrupted. Deleting the throw-away user first; this takes a minute or two at the most.")
	}
	ctx = context.WithoutCancel(ctx)
	v.removeForms(ctx)
	ctx, cancel := context.WithTimeout(ctx, userPatience)
	defer cancel()
	if !t.created {
		t.err = v.removeDoubtful(ctx)
		return t.err
	}
	t.err = v.remove(ctx, t.user)
	if t.err != nil {
		return t.err
	}
	if _, err := v.client.User(t.user.ID(), t.user.Password()).Profile(ctx); err == nil {
		t.err = errStillThere
	}
	return t.err
}

// remove tries some times.
func (v *visit) remove(ctx context.Context, u *finapi.User) error {
	err := u.Delete(ctx)
	for try := 0; err != nil && !definitelyAbsent(err) && try < 3; try++ {
		if atToken(err) && statusIs(err, http.StatusForbidden) {
			_ = v.client.VerifyUser(ctx, u.ID()) // who is not verified cannot log in, not even to be deleted
		}
		if v.clock.Sleep(ctx, 2*time.Second) != nil {
			break
		}
		err = u.Delete(ctx)
	}
	return err
}

func definitelyAbsent(err error) bool { return finapi.IsError(err, finapi.CodeInvalidGrant) }

// removeDoubtful deletes a user whose creation went unanswered. finAPI may still be
// at it, so it looks twice; each time with a new client, because one does not send a
// password again that was refused.
func (v *visit) removeDoubtful(ctx context.Context) error {
	for range 2 {
		if err := v.clock.Sleep(ctx, 3*time.Second); err != nil {
			return err
		}
		client, err := v.again()
		if err != nil {
			return err
		}
		if err := v.remove(ctx, client.User(v.trial.user.ID(), v.trial.user.Password())); !definitelyAbsent(err) {
			return err
		}
	}
	return nil
}

// removeForms cancels and deletes what may have been opened, even if no answer told
// so. What it cannot remove goes with the user.
func (v *visit) removeForms(ctx context.Context) {
	if !v.trial.loggedIn {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, formPatience)
	defer cancel()
	for form, err := range v.trial.user.Forms().List(ctx) {
		if err != nil {
			return
		}
		if !form.Done() {
			_, _ = v.trial.user.Forms().Cancel(ctx, form.ID)
		}
		_ = v.trial.user.Forms().Delete(ctx, form.ID)
	}
}
