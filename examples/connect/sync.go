package main

import (
	"context"
	"database/sql"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// syncAll books what is new on the chosen accounts of a connection, and tells the
// customer. One account's failure is not another's.
func (a *app) syncAll(
	ctx context.Context, tenant string, user *finapi.User, id finapi.ConnectionID, lines ...line,
) result {
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: id})
	if err != nil {
		return result{err: err}
	}
	ledgers, err := a.books.ledgers(ctx, tenant)
	if err != nil {
		return result{err: err}
	}
	var total finapi.Synced
	level := levelGood
	for i := range accounts {
		for j := range ledgers {
			if ledgers[j].Account != accounts[i].ID {
				continue
			}
			synced, err := a.sync(ctx, user, &ledgers[j], &accounts[i])
			if ctx.Err() != nil {
				return result{err: ctx.Err()}
			}
			if err != nil {
				a.log.WarnContext(ctx, "an account was not read", "error", err)
				level = levelWarn
				lines = append(lines, say("told.account.failed", ledgers[j].Name))
				lines = append(lines, troubleLines(err)...)
			}
			total.Booked += synced.Booked
			total.Known += synced.Known
			total.Review += synced.Review
			total.Modified += synced.Modified
			total.Removed += synced.Removed
		}
	}
	if total.Review > 0 {
		level = levelWarn
	}
	lines = append(lines, syncedLines(&total)...)
	toldID, err := a.books.tell(ctx, tenant, a.now(), level, lines...)
	return result{next: withTold("/accounts", toldID), err: err}
}

// syncedLines sum up what was booked.
func syncedLines(s *finapi.Synced) []line {
	lines := []line{say("told.booked", s.Booked)}
	for _, more := range []struct {
		key string
		n   int
	}{{"told.known", s.Known}, {"told.review", s.Review}, {"told.modified", s.Modified}, {"told.removed", s.Removed}} {
		if more.n > 0 {
			lines = append(lines, say(more.key, more.n))
		}
	}
	return lines
}

// sync books what is new on one account. The bookings and the feed's memory commit
// together, so that a crash neither loses nor doubles one.
func (a *app) sync(ctx context.Context, user *finapi.User, l *ledger, account *finapi.Account) (finapi.Synced, error) {
	var synced finapi.Synced
	var options []finapi.FeedOption
	if l.Rebind {
		options = append(options, finapi.WithRebind())
	}
	feed := user.Feed(account.ID, l.name(), a.books.store, options...)
	err := sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		for _, event := range batch {
			if end, ok := event.(finapi.Synced); ok {
				synced = end
			}
		}
		return a.bookAll(ctx, tx, l, batch)
	})
	if err == nil && l.Rebind {
		err = a.books.rebound(ctx, l.ID, account.IBAN)
	}
	if err != nil || account.Balance == nil {
		return synced, err
	}
	return synced, a.keepBalance(ctx, l, account, synced.Complete)
}

func (a *app) bookAll(ctx context.Context, tx *sql.Tx, l *ledger, batch []finapi.Event) error {
	for _, event := range batch {
		if err := book(ctx, tx, l, event, a.now()); err != nil {
			return err
		}
	}
	return nil
}

// decide settles a review. The feed is that of the account that the ledger was last bound
// to, because a bank that was disconnected leaves its reviews. An ERP names the person who
// decides; here only the company is known.
func (a *app) decide(ctx context.Context, l *ledger, uid finapi.UID, verdict finapi.DecisionVerdict) error {
	key := finapi.LedgerKey{Environment: a.client.Environment().String(), Ledger: l.name()}
	mark, err := a.books.store.Mark(ctx, key)
	if err != nil {
		return err
	}
	user, err := a.newUser(ctx, l.Tenant)
	if err != nil {
		return err
	}
	feed := user.Feed(mark.Source.Account, l.name(), a.books.store)
	return sqlstore.Decide(ctx, feed, uid, verdict, l.Tenant, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		return a.bookAll(ctx, tx, l, batch)
	})
}

// keepBalance takes down what the bank says, and once what the account held before its
// first booking.
func (a *app) keepBalance(ctx context.Context, l *ledger, account *finapi.Account, complete bool) error {
	at := account.Updated()
	if at.IsZero() {
		at = a.now()
	}
	day := finapi.DateOf(at.In(a.zone))
	if err := a.books.snapshot(ctx, l.ID, day, account.Balance.Amount); err != nil || l.Opening.Valid || !complete {
		return err
	}
	days, err := a.books.movements(ctx, l.ID)
	if err != nil {
		return err
	}
	return a.books.keepOpening(ctx, l.ID, account.Balance.Amount.Sub(sum(days)))
}
