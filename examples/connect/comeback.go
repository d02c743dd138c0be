package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/finapi-go/finapi"
)

// pending is the data of the page of a form that finAPI has not finished: it loads itself
// again.
type pending struct{}

func (pending) again() int { return 3 }

// returned answers a customer who came back from a form, with what finAPI says of it.
func (a *app) returned(w http.ResponseWriter, r *http.Request, back finapi.Return) {
	v, err := a.visit(w, r)
	if err == nil {
		err = a.cameBack(v, back)
	}
	if err != nil {
		a.fail(v, err)
	}
}

func (a *app) cameBack(v *visit, back finapi.Return) error {
	switch o := back.Outcome; o.Result {
	case finapi.ResultConnected:
		return a.connected(v, back)
	case finapi.ResultRenewed:
		return a.syncAfter(v, back.User, o.Connection, say("told.renewed"))
	case finapi.ResultPending:
		a.show(v, http.StatusOK, "comeback", "title.pending", pending{})
		return nil
	default:
		return a.failed(v, back)
	}
}

// failed leads to the connected accounts, where the customer is told what went wrong. The
// way back is used up, but that page can be loaded again.
func (a *app) failed(v *visit, back finapi.Return) error {
	level, lines := failure(back)
	id, err := a.books.tell(v.ctx(), v.tenant(), a.now(), level, lines...)
	if err != nil {
		return err
	}
	return v.to(withTold("/accounts", id))
}

// connected waits until the accounts are there, and leads on to their choice.
func (a *app) connected(v *visit, back finapi.Return) error {
	lines := []line{say("told.connected")}
	level := levelGood
	if back.Outcome.Problem != nil { // something may be missing
		level = levelWarn
		lines = append(lines, problemLines(back.Outcome.Problem)...)
	}
	id, err := a.books.tell(v.ctx(), v.tenant(), a.now(), level, lines...)
	if err != nil {
		return err
	}
	connection := back.Outcome.Connection
	return a.follow(v, subject("import", connection), "work.importing", func(ctx context.Context) result {
		_, err := back.User.WaitReady(ctx, connection)
		return result{next: withTold(pathOf("connections", int64(connection), "choose"), id), err: err}
	})
}

// failure says how a form ended that brought nothing.
func failure(back finapi.Return) (level string, lines []line) {
	level, key := levelBad, "told.connect."
	if back.Consent.Renewal {
		key = "told.renew."
	}
	switch back.Outcome.Result {
	case finapi.ResultAborted, finapi.ResultCancelled:
		level, key = levelInfo, key+"aborted" // as the customer wished
	case finapi.ResultExpired:
		level, key = levelWarn, key+"expired"
	default:
		key += "failed"
	}
	return level, append([]line{say(key)}, problemLines(back.Outcome.Problem)...)
}

// problemLines say who must act and how. The advice is kept as the code of the error, so
// that it reads in either language.
func problemLines(e *finapi.Error) []line {
	if e == nil {
		return nil
	}
	if bankRefused(e) {
		return []line{say("told.refused"), say("told.bank", e.CustomerText()), say("how.refused")}
	}
	lines := []line{{Key: "told.who", Args: []arg{{Key: whoOf(e.Actor)}}}}
	if e.Actor == finapi.ActorVendor {
		lines = append(lines, say("told.passon", string(e.Code)))
	}
	lines = append(lines, line{Key: remedyKey, Args: []arg{{Text: string(e.Code)}, {Text: string(e.Actor)}}})
	if words := e.CustomerText(); words != "" {
		lines = append(lines, say("told.bank", words))
	}
	return lines
}

// troubleLines are problemLines of any error.
func troubleLines(err error) []line {
	var e *finapi.Error
	if errors.As(err, &e) {
		return problemLines(e)
	}
	return []line{{Key: "told.who", Args: []arg{{Key: "who.vendor"}}}, say("trouble.internal")}
}

// remedyKey marks a line that is the SDK's advice on a code and not a text of the
// catalogue.
const remedyKey = "remedy"

// calledBack notes the end of a form of which finAPI has told: the customer may have
// closed the browser.
func (a *app) calledBack(ctx context.Context, back finapi.Return) error {
	tenant, err := a.books.tenantOf(ctx, back.User.ID())
	if err != nil || tenant == "" {
		return err
	}
	lines := []line{say("told.formended")}
	if back.Outcome.Problem != nil {
		lines = append(lines, problemLines(back.Outcome.Problem)...)
	}
	_, err = a.books.tell(ctx, tenant, a.now(), levelInfo, lines...)
	return err
}

// refused answers one who came back without a good state. Whoever comes twice has
// pressed reload or the back button; everything else is an address that is forged, or
// another customer's, or is used after signing out.
func (a *app) refused(w http.ResponseWriter, r *http.Request, err error) {
	v, failure := a.visit(w, r)
	switch {
	case failure != nil:
		a.fail(v, failure)
	case finapi.IsError(err, finapi.CodeReturnReplayed):
		a.show(v, http.StatusOK, "again", "title.again", nil)
	case finapi.IsError(err, finapi.CodeReturnRefused):
		a.show(v, http.StatusForbidden, "refused", "title.refused", nil)
	default:
		a.fail(v, err)
	}
}
