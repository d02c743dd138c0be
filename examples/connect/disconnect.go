package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/finapi-go/finapi"
)

// parting is the data of the page before disconnecting.
type parting struct {
	Connection finapi.Connection
	Ledgers    []ledger
}

func (a *app) showDisconnect(v *visit) error {
	_, connection, err := a.connection(v)
	if err != nil {
		return err
	}
	all, err := a.books.ledgers(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	p := &parting{Connection: connection}
	for _, l := range all {
		if l.Connection == connection.ID {
			p.Ledgers = append(p.Ledgers, l)
		}
	}
	a.show(v, http.StatusOK, "disconnect", "title.disconnect", p)
	return nil
}

// disconnect ends the access, and tells exactly what was removed and what stays.
func (a *app) disconnect(v *visit) error {
	user, connection, err := a.connection(v)
	if err != nil {
		return err
	}
	tenant, device := v.tenant(), a.site.device(v.r)
	return a.follow(v, subject("disconnect", connection.ID), "work.disconnecting", func(ctx context.Context) result {
		done, err := user.Disconnect(ctx, finapi.Disconnection{Connection: connection.ID, Customer: device})
		if err != nil {
			return result{err: err}
		}
		if err := a.books.part(ctx, tenant, connection.ID, connection.Bank.Name); err != nil {
			return result{err: err}
		}
		id, err := a.books.tell(ctx, tenant, a.now(), partingLevel(&done), partingLines(connection.Bank.Name, &done)...)
		return result{next: withTold("/accounts", id), err: err}
	})
}

// partingLevel is a warning if the consent may live on at the bank.
func partingLevel(d *finapi.Disconnected) string {
	switch {
	case d.Before:
		return levelInfo
	case d.AtEveryBank():
		return levelGood
	}
	return levelWarn
}

// partingLines say what was removed at finAPI and at the bank, and what stays. Of a
// refusal only the bank's words are shown: the connection is gone, so advice on how to
// mend it would be wrong.
func partingLines(bank string, d *finapi.Disconnected) []line {
	if d.Before {
		return []line{say("told.gone.before", bank), say("told.gone.stays")}
	}
	lines := goneLines(bank, d)
	for _, c := range d.Consents {
		if c.Problem != nil && c.Problem.CustomerText() != "" {
			lines = append(lines, say("told.bank", c.Problem.CustomerText()))
		}
	}
	return append(lines, say("told.gone.stays"), say("told.gone.back"))
}

// goneLines say what was removed at finAPI and at the bank. Where finAPI had no consent,
// the bank was not asked to end one.
func goneLines(bank string, d *finapi.Disconnected) []line {
	if d.Before {
		return []line{say("told.gone.before", bank)}
	}
	lines := []line{say("told.gone", bank)}
	if len(d.Accounts) > 0 {
		lines = append(lines, say("told.gone.accounts", len(d.Accounts)))
	}
	asked := slices.DeleteFunc(slices.Clone(d.Consents), func(c finapi.ConsentEnded) bool { return c.ConsentDeleted == finapi.ConsentDeleted{} })
	switch {
	case len(asked) == 0:
		return append(lines, say("told.gone.notasked"))
	case d.AtEveryBank():
		return append(lines, say("told.gone.bank"))
	}
	return append(lines, say("told.gone.notbank"))
}

// partedError says that a page is older than the end of the connection that it is about.
type partedError struct{ bank string }

func (*partedError) Error() string { return "the bank was disconnected before" }

// parted tells the customer that there is nothing left to do with a connection.
func (a *app) parted(v *visit, bank string) error {
	id, err := a.books.tell(v.ctx(), v.tenant(), a.now(), levelInfo, say("told.gone.before", bank), say("told.gone.stays"))
	if err != nil {
		return err
	}
	return v.to(withTold("/accounts", id))
}
