package main

import (
	"context"
	"crypto/rand"

	"github.com/finapi-go/finapi"
)

// read reads what came of the connection.
func (s *script) read(ctx context.Context) {
	s.step(ctx, "connections", func(ctx context.Context) error { return only(s.user.Connections(ctx)) })
	s.step(ctx, "rename the connection", func(ctx context.Context) error {
		return only(s.user.RenameConnection(ctx, s.connection.ID, "Renamed connection"))
	})
	s.step(ctx, "accounts", func(ctx context.Context) (err error) {
		s.accounts, err = s.user.Accounts(ctx, finapi.AccountQuery{Connection: s.connection.ID})
		return err
	})
	if len(s.accounts) > 0 {
		s.readAccount(ctx, s.accounts[0].ID)
	}
	s.readTransactions(ctx)
	s.readPending(ctx)
}

func (s *script) readAccount(ctx context.Context, id finapi.AccountID) {
	s.step(ctx, "one account", func(ctx context.Context) error { return only(s.user.Account(ctx, id)) })
	s.step(ctx, "mark an account as seen", func(ctx context.Context) error {
		seen := false
		return only(s.user.EditAccount(ctx, id, finapi.AccountChange{New: &seen}))
	})
	s.step(ctx, "daily balances", func(ctx context.Context) error {
		return only(take(s.user.DailyBalances(ctx, finapi.DailyBalanceQuery{Accounts: []finapi.AccountID{id}, PageSize: pageRows}), 2*pageRows))
	})
}

func (s *script) readTransactions(ctx context.Context) {
	var rows []finapi.Transaction
	s.step(ctx, "transactions", func(ctx context.Context) (err error) {
		rows, err = take(s.user.Transactions(ctx, finapi.TransactionQuery{PageSize: pageRows}), 3*pageRows)
		return err
	})
	s.step(ctx, "transactions, the newest first", func(ctx context.Context) error {
		newest := []finapi.Order{{By: "bankBookingDate", Descending: true}, {By: "id", Descending: true}}
		return only(take(s.user.Transactions(ctx, finapi.TransactionQuery{OrderBy: newest, PageSize: 2 * pageRows}), 2*pageRows))
	})
	s.step(ctx, "transactions in parts", func(ctx context.Context) error {
		return only(take(s.user.Transactions(ctx, finapi.TransactionQuery{Parts: true, PageSize: pageRows}), pageRows))
	})
	if len(rows) == 0 {
		return
	}
	s.step(ctx, "one transaction", func(ctx context.Context) error { return only(s.user.Transaction(ctx, rows[0].ID)) })
	s.step(ctx, "mark transactions as seen", func(ctx context.Context) error {
		return only(s.user.MarkTransactions(ctx, false, rows[0].ID))
	})
}

func (s *script) readPending(ctx context.Context) {
	var rows []finapi.PendingTransaction
	s.step(ctx, "pending transactions", func(ctx context.Context) (err error) {
		rows, err = take(s.user.PendingTransactions(ctx, finapi.PendingQuery{PageSize: pageRows}), pageRows)
		return err
	})
	if len(rows) > 0 {
		s.step(ctx, "one pending transaction", func(ctx context.Context) error {
			return only(s.user.PendingTransaction(ctx, rows[0].ID))
		})
	}
}

// rules makes a notification rule, reads and deletes it.
func (s *script) rules(ctx context.Context) {
	rules := s.user.Rules()
	var rule finapi.Rule
	created := s.step(ctx, "create a rule", func(ctx context.Context) (err error) {
		rule, err = rules.Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions, Handle: rand.Text(), Params: s.ruleParams()})
		return err
	})
	s.step(ctx, "list rules", func(ctx context.Context) error { return only(rules.List(ctx, finapi.RuleQuery{})) })
	if !created {
		return
	}
	s.step(ctx, "one rule", func(ctx context.Context) error { return only(rules.Get(ctx, rule.ID)) })
	s.step(ctx, "delete the rule", func(ctx context.Context) error { return rules.Delete(ctx, rule.ID) })
}
