package main

import (
	"context"
	"net/http"

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
		if err := a.books.release(ctx, tenant, connection.ID); err != nil {
			return result{err: err}
		}
		level := levelGood
		if !done.AtEveryBank() {
			level = levelWarn
		}
		id, err := a.books.tell(ctx, tenant, a.now(), level, partingLines(connection.Bank.Name, &done)...)
		return result{next: withTold("/accounts", id), err: err}
	})
}

// partingLines say what was removed at finAPI and at the bank, and what stays.
func partingLines(bank string, d *finapi.Disconnected) []line {
	if d.Before {
		return []line{say("told.gone.before", bank), say("told.gone.stays")}
	}
	lines := []line{say("told.gone", bank), say("told.gone.accounts", len(d.Accounts))}
	if d.AtEveryBank() {
		lines = append(lines, say("told.gone.bank"))
	} else {
		lines = append(lines, say("told.gone.notbank"))
	}
	for _, c := range d.Consents {
		if c.Problem != nil {
			lines = append(lines, problemLines(c.Problem)...)
		}
	}
	return append(lines, say("told.gone.stays"), say("told.gone.back"))
}
