package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// syncAll books what is new on all accounts of a connection.
func syncAll(
	ctx context.Context, round int, s *service, user *finapi.User, id finapi.ConnectionID, books *books, out *output,
) error {
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: id})
	if err != nil {
		return err
	}
	out.accounts(accounts)
	var total finapi.Synced
	var failures []error // one account's failure is not another's
	for i := range accounts {
		synced, err := syncAccount(ctx, round, user, &accounts[i], books, out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("account %q: %w", accounts[i].Name, err))
		}
		total = add(total, synced)
	}
	out.synced(round, &total)
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	return takeDownOpenings(ctx, s, accounts, books)
}

func add(a, b finapi.Synced) finapi.Synced {
	a.Booked += b.Booked
	a.Review += b.Review
	a.Modified += b.Modified
	a.Removed += b.Removed
	a.Known += b.Known
	return a
}

func syncAccount(
	ctx context.Context, round int, user *finapi.User, a *finapi.Account, books *books, out *output,
) (finapi.Synced, error) {
	var synced finapi.Synced
	ledger, err := books.ledger(ctx, a)
	if err != nil {
		return synced, err
	}
	feed := user.Feed(a.ID, ledger, books.store)
	defer out.wait("booking")()
	err = sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		for _, event := range batch {
			if err := book(ctx, tx, ledger, event); err != nil {
				return err
			}
			if end, ok := event.(finapi.Synced); ok {
				synced = end
			}
		}
		return out.events(round, ledger, batch)
	})
	return synced, err
}

// takeDownOpenings notes what each account held before its first transaction. The
// simulated accounts began with nothing, which makes the final check a hard one.
func takeDownOpenings(ctx context.Context, s *service, accounts []finapi.Account, books *books) error {
	for i := range accounts {
		a := &accounts[i]
		if a.Balance == nil {
			continue
		}
		ledger, err := books.ledger(ctx, a)
		if err != nil {
			return err
		}
		opening := decimal.Zero
		if s.sim == nil {
			sum, err := books.sum(ctx, ledger)
			if err != nil {
				return err
			}
			opening = a.Balance.Amount.Sub(sum)
		}
		if _, err := books.opening(ctx, ledger, opening); err != nil {
			return err
		}
	}
	return nil
}

// check proves that the journal says what the bank says.
func check(ctx context.Context, user *finapi.User, id finapi.ConnectionID, books *books, out *output) error {
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: id})
	if err != nil {
		return err
	}
	for i := range accounts {
		a := &accounts[i]
		if a.Balance == nil {
			continue
		}
		ledger, err := books.ledger(ctx, a)
		if err != nil {
			return err
		}
		opening, err := books.opening(ctx, ledger, decimal.Zero)
		if err != nil {
			return err
		}
		sum, err := books.sum(ctx, ledger)
		if err != nil {
			return err
		}
		if got := opening.Add(sum); !got.Equal(a.Balance.Amount) {
			return fmt.Errorf("the journal of %s says %s, the bank says %s", a.Name, got, a.Balance)
		}
	}
	out.say("Checked: the journal equals the bank's balance on each of %d accounts.", len(accounts))
	return nil
}
