package main

import (
	"context"
	"database/sql"
	"maps"
	"net/http"
	"slices"

	"github.com/finapi-go/finapi"
)

// choice is the data of the page on which the customer chooses the accounts to read.
type choice struct {
	Connection finapi.Connection
	Accounts   []accountChoice
	// Wrong is the key of a text that says what is wrong with the form; "" if nothing is.
	Wrong string
	busy  bool
}

func (c *choice) Busy() bool { return c.busy }

func (c *choice) again() int {
	if c.busy {
		return 3
	}
	return 0
}

// accountChoice is one account with the ledgers that could take its bookings.
type accountChoice struct {
	finapi.Account
	Picked bool
	// Ledger is the one that is proposed; 0 proposes a new one.
	Ledger  int64
	Ledgers []ledger
	// Elsewhere says that another connection reads the same account already.
	Elsewhere bool
	// Known says that Ledger took this account's bookings before.
	Known bool
	// Bound is the ledger that takes this account's bookings now; nil if none does. It
	// stays: in another one, all of them would be booked once more.
	Bound *ledger
}

func (a *app) showChoice(v *visit) error {
	c, err := a.choiceOf(v)
	if err != nil {
		return err
	}
	a.show(v, http.StatusOK, "choose", "title.choose", c)
	return nil
}

func (a *app) choiceOf(v *visit) (*choice, error) {
	user, connection, err := a.connection(v)
	if err != nil {
		return nil, err
	}
	c := &choice{Connection: connection, busy: !connection.Ready()}
	if c.busy {
		return c, nil
	}
	all, err := user.Accounts(v.ctx(), finapi.AccountQuery{})
	if err != nil {
		return nil, err
	}
	ledgers, err := a.books.ledgers(v.ctx(), v.tenant())
	if err != nil {
		return nil, err
	}
	chosen, err := a.books.hasChosen(v.ctx(), v.tenant())
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Connection == connection.ID {
			c.Accounts = append(c.Accounts, propose(&all[i], all, ledgers, chosen[connection.ID]))
		}
	}
	return c, nil
}

// propose presets the choice for one account: what it was before, or the ledger that
// took the same account's bookings before the bank was connected anew.
func propose(account *finapi.Account, all []finapi.Account, ledgers []ledger, chosen bool) accountChoice {
	p := accountChoice{Account: *account, Picked: !chosen}
	var before []ledger
	for _, l := range ledgers {
		switch {
		case l.Account == account.ID:
			p.Picked, p.Ledger, p.Bound = true, l.ID, &l
		case l.Currency != account.Currency:
		case alive(l.Account, all):
			p.Elsewhere = p.Elsewhere || l.takes(account)
		default:
			p.Ledgers = append(p.Ledgers, l)
			if l.takes(account) {
				before = append(before, l)
			}
		}
	}
	if p.Bound == nil && len(before) == 1 {
		p.Ledger, p.Known = before[0].ID, true
	}
	if p.Elsewhere && p.Bound == nil {
		p.Picked = false
	}
	return p
}

// alive reports whether finAPI still has an account.
func alive(id finapi.AccountID, all []finapi.Account) bool {
	return slices.ContainsFunc(all, func(a finapi.Account) bool { return a.ID == id })
}

// choose binds the picked accounts to their ledgers, and reads them.
func (a *app) choose(v *visit) error {
	c, err := a.choiceOf(v)
	if err != nil {
		return err
	}
	picked, wrong := pickedIn(v.r, c)
	if wrong != "" {
		c.Wrong = wrong
		a.show(v, http.StatusUnprocessableEntity, "choose", "title.choose", c)
		return nil
	}
	if err := a.bindAll(v, c, picked); err != nil {
		return err
	}
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	told := say("told.chosen", len(picked))
	if v.r.PostFormValue("delete") == "" {
		return a.syncAfter(v, user, c.Connection.ID, told)
	}
	tenant, id, device := v.tenant(), c.Connection.ID, a.site.device(v.r)
	return a.follow(v, subject("keep", id), "work.reading", func(ctx context.Context) result {
		deleted, err := user.KeepAccounts(ctx, id, slices.Collect(maps.Keys(picked)), device)
		if err != nil {
			return result{err: err}
		}
		return a.syncAll(ctx, tenant, user, id, told, say("told.deleted", len(deleted)))
	})
}

// pickedIn reads which account goes to which ledger. wrong is the key of a text that
// says what is wrong with the form.
func pickedIn(r *http.Request, c *choice) (picked map[finapi.AccountID]*ledger, wrong string) {
	picked = map[finapi.AccountID]*ledger{}
	used := map[int64]bool{}
	for i := range c.Accounts {
		one := &c.Accounts[i]
		field := accountField(one.ID)
		one.Picked = r.PostFormValue("read-"+field) != ""
		if !one.Picked {
			continue
		}
		former, known := one.ledgerIn(r.PostFormValue("ledger-" + field))
		switch {
		case !known:
			return nil, "choose.unknown"
		case former != nil && used[former.ID]:
			return nil, "choose.twice"
		case former != nil:
			used[former.ID], one.Ledger = true, former.ID
		default:
			one.Ledger = 0
		}
		picked[one.ID] = former
	}
	if len(picked) == 0 {
		return nil, "choose.none"
	}
	return picked, ""
}

// ledgerIn reads which ledger an account goes to: nil is a new one. It reports false if
// the ledger is none of those that were offered.
func (c *accountChoice) ledgerIn(text string) (former *ledger, known bool) {
	if c.Bound != nil {
		return c.Bound, true // whatever an old page says
	}
	id, err := number(text)
	if err != nil {
		return nil, true
	}
	i := slices.IndexFunc(c.Ledgers, func(l ledger) bool { return l.ID == id })
	if i < 0 {
		return nil, false
	}
	return &c.Ledgers[i], true
}

// Same reports whether a ledger took the account's bookings before.
func (c *accountChoice) Same(l ledger) bool { return l.takes(&c.Account) }

// bindAll keeps the choice.
func (a *app) bindAll(v *visit, c *choice, picked map[finapi.AccountID]*ledger) error {
	tenant, connection := v.tenant(), c.Connection.ID
	return a.books.inTransaction(v.ctx(), func(tx *sql.Tx) error {
		if err := releaseIn(v.ctx(), tx, tenant, connection); err != nil {
			return err
		}
		for i := range c.Accounts {
			account := &c.Accounts[i].Account
			former, ok := picked[account.ID]
			if !ok {
				continue
			}
			if err := bindIn(v.ctx(), tx, tenant, former, c.Connection.Bank.Name, account); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(v.ctx(), `INSERT INTO chosen (tenant, connection) VALUES (?, ?)`, tenant, int64(connection))
		return err
	})
}
