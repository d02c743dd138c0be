package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/finapi-go/finapi"
)

func accountField(id finapi.AccountID) string { return strconv.FormatInt(int64(id), 10) }

// refresh asks the bank for news, with the customer present, and books them. If the bank
// wants the customer, a page says so and leads there.
func (a *app) refresh(v *visit) error {
	user, connection, err := a.connection(v)
	if err != nil {
		return err
	}
	tenant, id := v.tenant(), connection.ID
	request := finapi.RefreshRequest{Connection: id, Customer: a.site.device(v.r)}
	return a.follow(v, subject("refresh", id), "work.asking", func(ctx context.Context) result {
		_, err := a.returns.Refresh(ctx, user, request)
		var action *finapi.ActionRequired
		switch {
		case errors.As(err, &action) && action.URL != "":
			return result{form: action.URL}
		case err != nil:
			return result{err: err}
		}
		return a.syncAll(ctx, tenant, user, id, say("told.refreshed"))
	})
}

// renew sends the customer to the bank. If the consent still holds, finAPI would find
// nothing to renew, so the form is asked for.
func (a *app) renew(v *visit) error {
	user, connection, err := a.connection(v)
	if err != nil {
		return err
	}
	state := connection.State(nil, a.now())
	tenant, id := v.tenant(), connection.ID
	request := finapi.RenewRequest{
		Connection: id, Customer: a.site.device(v.r), Support: a.site.origin + "/help",
		Force: !state.ConsentMissing && !state.ActionRequired,
	}
	return a.follow(v, subject("renew", id), "work.asking", func(ctx context.Context) result {
		consent, err := a.returns.RenewConsent(ctx, user, request)
		switch {
		case err != nil:
			return result{err: err}
		case consent.URL != "":
			return result{next: consent.URL}
		}
		return a.syncAll(ctx, tenant, user, id, say("told.notneeded"))
	})
}

// subject is what a work does to a connection.
func subject(what string, id finapi.ConnectionID) string {
	return what + " " + strconv.FormatInt(int64(id), 10)
}

// syncAfter waits until the connection is ready, books what is new, and tells it after
// the lines.
func (a *app) syncAfter(v *visit, user *finapi.User, id finapi.ConnectionID, lines ...line) error {
	tenant := v.tenant()
	return a.follow(v, subject("read", id), "work.reading", func(ctx context.Context) result {
		if _, err := user.WaitReady(ctx, id); err != nil {
			return result{err: err}
		}
		return a.syncAll(ctx, tenant, user, id, lines...)
	})
}

// follow starts a work and sends the customer to its page, or at once to its result if
// it is quick.
func (a *app) follow(v *visit, about, what string, do func(context.Context) result) error {
	w := a.works.start(v.tenant(), about, what, do)
	w.wait(v.ctx(), 2*time.Second)
	if w.isDone() && w.result.err == nil && w.result.form == "" {
		return v.to(w.result.next)
	}
	return v.to("/work/" + w.id)
}

// working is the data of the page of a work.
type working struct {
	What string
	// Form is where the customer has to go, because the bank wants it.
	Form string
	done bool
}

func (w *working) again() int {
	if w.done {
		return 0
	}
	return 2
}

func (a *app) showWork(v *visit) error {
	w := a.works.find(v.tenant(), v.r.PathValue("id"))
	switch {
	case w == nil:
		return errNotFound
	case !w.isDone():
		a.show(v, http.StatusOK, "work", "title.work", &working{What: w.what})
	case w.result.err != nil:
		a.explain(v, w.result.err) // it is in the log already
	case w.result.form != "":
		a.show(v, http.StatusOK, "work", "title.confirm", &working{What: w.what, Form: w.result.form, done: true})
	default:
		return v.to(w.result.next)
	}
	return nil
}
