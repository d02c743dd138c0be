package finapi_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// faultOperation is an operation of the SDK that is tried under every fault.
type faultOperation struct {
	name string
	// endpoint is where the fault happens: the operation's only one, or one on its way.
	endpoint string
	// cold lets the operation fetch its own tokens.
	cold bool
	// arrange makes what the operation works on, before each try; nil for nothing.
	arrange func(w *faultWorld) error
	call    func(ctx context.Context, w *faultWorld, c *finapi.Client, u *finapi.User) error
	// after looks at what there is when the fault has gone; nil for nothing.
	after func(w *faultWorld) error
}

func faultOperations() []faultOperation {
	var all []faultOperation
	for _, some := range [][]faultOperation{
		tokenOperations(), userOperations(), bankOperations(), accountOperations(), transactionOperations(), ruleOperations(),
		formOperations(), longOperations(), feedOperations(),
	} {
		all = append(all, some...)
	}
	return all
}

func tokenOperations() []faultOperation {
	return []faultOperation{
		{
			name: "log-in of the vendor", endpoint: "POST /api/v2/oauth/token", cold: true,
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, _ *finapi.User) error {
				_, err := c.Configuration(ctx)
				return err
			},
		},
		{
			name: "log-in of a user", endpoint: "POST /api/v2/oauth/token", cold: true,
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Profile(ctx)
				return err
			},
		},
		{
			name: "renewal of a user's token", endpoint: "POST /api/v2/oauth/token",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				w.sim.ExpireTokens()
				_, err := u.Profile(ctx)
				return err
			},
		},
		{
			name: "User.Logout", endpoint: "POST /api/v2/oauth/revoke",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error { return u.Logout(ctx) },
		},
		{
			name: "Client.Configuration", endpoint: "GET /api/v2/clientConfiguration",
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, _ *finapi.User) error {
				_, err := c.Configuration(ctx)
				return err
			},
		},
	}
}

// newcomers creates a user who waits for verification.
func newcomers(w *faultWorld) error {
	w.sim.EditClient(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false })
	defer w.sim.EditClient(func(c *finapitest.ClientSettings) { c.UserAutoVerification = true })
	user, err := w.client.CreateUser(w.ctx(), finapi.NewUser{})
	if err == nil {
		w.newcomer = user.ID()
	}
	return err
}

// anew makes a new customer for what takes everything away.
func anew(w *faultWorld) error {
	w.newCustomer()
	return nil
}

func userOperations() []faultOperation {
	return []faultOperation{
		{
			name: "Client.CreateUser", endpoint: "POST /api/v2/users",
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, _ *finapi.User) error {
				_, err := c.CreateUser(ctx, finapi.NewUser{})
				return err
			},
		},
		{
			name: "User.Profile", endpoint: "GET /api/v2/users",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Profile(ctx)
				return err
			},
		},
		{
			name: "User.EditProfile", endpoint: "PATCH /api/v2/users",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditProfile(ctx, finapi.ProfileChange{Phone: ptr("+49 99 1")})
				return err
			},
		},
		{
			name: "User.Delete", endpoint: "DELETE /api/v2/users", arrange: anew,
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error { return u.Delete(ctx) },
		},
		{
			name: "Client.UserVerified", endpoint: "GET /api/v2/users/verificationStatus",
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, u *finapi.User) error {
				_, err := c.UserVerified(ctx, u.ID())
				return err
			},
		},
		{
			name: "Client.VerifyUser", endpoint: "POST /api/v2/users/verify/{userId}", arrange: newcomers,
			call: func(ctx context.Context, w *faultWorld, c *finapi.Client, _ *finapi.User) error {
				return c.VerifyUser(ctx, w.newcomer)
			},
		},
	}
}

func bankOperations() []faultOperation {
	return []faultOperation{
		{
			name: "Client.Banks", endpoint: "GET /api/v2/banks",
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, _ *finapi.User) error {
				return drained(c.Banks(ctx, finapi.BankQuery{Search: "amnis"}))
			},
		},
		{
			name: "Client.Bank", endpoint: "GET /api/v2/banks/{id}",
			call: func(ctx context.Context, _ *faultWorld, c *finapi.Client, _ *finapi.User) error {
				_, err := c.Bank(ctx, finapitest.AmnisID)
				return err
			},
		},
		{
			name: "User.Connections", endpoint: "GET /api/v2/bankConnections",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Connections(ctx)
				return err
			},
		},
		{
			name: "User.Connection", endpoint: "GET /api/v2/bankConnections/{id}",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Connection(ctx, w.connection)
				return err
			},
		},
		{
			name: "User.RenameConnection", endpoint: "PATCH /api/v2/bankConnections/{id}",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.RenameConnection(ctx, w.connection, "Hausbank")
				return err
			},
		},
		{
			name: "User.DeleteConnection", endpoint: "DELETE /api/v2/bankConnections/{id}", arrange: anew,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteConnection(ctx, w.connection, theDevice())
			},
		},
		{
			name: "User.DeleteConsent", endpoint: "DELETE /api/v2/bankConnections/{id}/aisConsent", arrange: anew,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: w.connection, Interface: finapi.XS2A})
				return err
			},
		},
	}
}

func accountOperations() []faultOperation {
	return []faultOperation{
		{
			name: "User.Accounts", endpoint: "GET /api/v2/accounts",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Accounts(ctx, finapi.AccountQuery{})
				return err
			},
		},
		{
			name: "User.Account", endpoint: "GET /api/v2/accounts/{id}",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Account(ctx, w.account.ID)
				return err
			},
		},
		{
			name: "User.EditAccount", endpoint: "PATCH /api/v2/accounts/{id}",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditAccount(ctx, w.account.ID, finapi.AccountChange{New: ptr(false)})
				return err
			},
		},
		{
			name: "User.DeleteAccount", endpoint: "DELETE /api/v2/accounts/{id}", arrange: anew,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteAccount(ctx, w.account.ID, nil)
			},
		},
		{
			name: "User.DailyBalances", endpoint: "GET /api/v2/accounts/dailyBalances",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return drained(u.DailyBalances(ctx, finapi.DailyBalanceQuery{}))
			},
		},
	}
}

// flagged makes a row that finAPI takes for a double.
func flagged(w *faultWorld) error {
	w.row = w.book()
	w.sim.FlagDuplicate(int64(w.row), true)
	return nil
}

func transactionOperations() []faultOperation {
	return []faultOperation{
		{
			name: "User.Transactions", endpoint: "GET /api/v2/transactions",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				rows, err := finapi.Collect(u.Transactions(ctx, finapi.TransactionQuery{PageSize: 2}))
				if want := len(w.sim.Transactions(int64(w.account.ID))); err == nil && len(rows) != want {
					return fmt.Errorf("%d rows came, not %d", len(rows), want)
				}
				return err
			},
		},
		{
			name: "User.Transaction", endpoint: "GET /api/v2/transactions/{id}",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Transaction(ctx, w.row)
				return err
			},
		},
		{
			name: "User.MarkTransactions", endpoint: "PATCH /api/v2/transactions",
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.MarkTransactions(ctx, false, w.row)
				return err
			},
		},
		{
			name: "User.ConfirmTransaction", endpoint: "PATCH /api/v2/transactions/{id}", arrange: flagged,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.ConfirmTransaction(ctx, w.row)
				return err
			},
		},
		{
			name: "User.DeleteTransaction", endpoint: "DELETE /api/v2/transactions/{id}", arrange: flagged,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteTransaction(ctx, w.row)
			},
		},
		{
			name: "User.PendingTransactions", endpoint: "GET /api/v2/pendingTransactions",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return drained(u.PendingTransactions(ctx, finapi.PendingQuery{}))
			},
		},
		{
			name: "User.PendingTransaction", endpoint: "GET /api/v2/pendingTransactions/{id}",
			arrange: func(w *faultWorld) error {
				rows, err := finapi.Collect(w.user.PendingTransactions(w.ctx(), finapi.PendingQuery{}))
				if err == nil {
					w.row = finapi.TransactionID(rows[0].ID)
				}
				return err
			},
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.PendingTransaction(ctx, int64(w.row))
				return err
			},
		},
	}
}

func madeRule(w *faultWorld) error {
	rule, err := w.user.Rules().Create(w.ctx(), finapi.Rule{Event: finapi.EventNewTransactions})
	w.rule = rule.ID
	return err
}

func ruleOperations() []faultOperation {
	return []faultOperation{
		{
			name: "Rules.List", endpoint: "GET /api/v2/notificationRules",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Rules().List(ctx, finapi.RuleQuery{})
				return err
			},
		},
		{
			name: "Rules.Get", endpoint: "GET /api/v2/notificationRules/{id}", arrange: madeRule,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Rules().Get(ctx, w.rule)
				return err
			},
		},
		{
			name: "Rules.Create", endpoint: "POST /api/v2/notificationRules",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Rules().Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions})
				return err
			},
		},
		{
			name: "Rules.Delete", endpoint: "DELETE /api/v2/notificationRules/{id}", arrange: madeRule,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.Rules().Delete(ctx, w.rule)
			},
		},
		{
			name: "User.MockBatchUpdate", endpoint: "POST /api/v2/tests/mockBatchUpdate", arrange: calm,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.MockBatchUpdate(ctx, false, finapi.MockUpdate{
					Connection: w.connection, Interface: finapi.XS2A,
					Accounts: []finapi.MockAccount{{Account: w.account.ID, Balance: w.account.Balance.Amount}},
				})
			},
		},
	}
}

// calm waits until nothing goes on any more.
func calm(w *faultWorld) error {
	_, err := w.user.WaitReady(w.ctx(), w.connection)
	return err
}

func openForm(w *faultWorld) error {
	consent, err := w.user.StartConsent(w.ctx(), finapi.ConsentRequest{Bank: finapitest.SparkasseID})
	w.form = consent.ID
	return err
}

func updated(w *faultWorld) error {
	if _, err := w.user.Refresh(w.ctx(), finapi.RefreshRequest{Connection: w.connection, Customer: theDevice()}); err != nil {
		return err
	}
	tasks, err := finapi.Collect(w.user.Tasks().List(w.ctx()))
	if err == nil {
		w.task = tasks[0].ID
	}
	return err
}

func formOperations() []faultOperation {
	return []faultOperation{
		{
			name: "User.StartConsent", endpoint: "POST /api/webForms/bankConnectionImport",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.SparkasseID})
				return err
			},
		},
		{
			name: "Forms.List", endpoint: "GET /api/webForms",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return drained(u.Forms().List(ctx))
			},
		},
		{
			name: "User.Consent", endpoint: "GET /api/webForms/{id}", arrange: openForm,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Consent(ctx, w.form)
				return err
			},
		},
		{
			name: "Forms.Cancel", endpoint: "POST /api/webForms/{id}/cancel", arrange: openForm,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Forms().Cancel(ctx, w.form)
				return err
			},
		},
		{
			name: "Forms.Delete", endpoint: "DELETE /api/webForms/{id}", arrange: openForm,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return u.Forms().Delete(ctx, w.form)
			},
		},
		{
			name: "Tasks.List", endpoint: "GET /api/tasks",
			call: func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error {
				return drained(u.Tasks().List(ctx))
			},
		},
		{
			name: "Tasks.Get", endpoint: "GET /api/tasks/{id}", arrange: updated,
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Tasks().Get(ctx, w.task)
				return err
			},
		},
	}
}

// longOperations are those that are made of several calls.
func longOperations() []faultOperation {
	refresh := func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
		_, err := u.Refresh(ctx, finapi.RefreshRequest{Connection: w.connection})
		return err
	}
	disconnect := func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
		done, err := u.Disconnect(ctx, finapi.Disconnection{Connection: w.connection})
		if err == nil && !done.Gone {
			return errors.New("the connection was said to be disconnected, but not to be gone")
		}
		return err
	}
	forget := func(ctx context.Context, _ *faultWorld, _ *finapi.Client, u *finapi.User) error { return u.Forget(ctx) }
	return []faultOperation{
		{name: "User.Refresh, its start", endpoint: "POST /api/tasks/backgroundUpdate", arrange: calm, call: refresh},
		{name: "User.Refresh, its task", endpoint: "GET /api/tasks/{id}", arrange: calm, call: refresh},
		{
			name: "User.WaitConsent", endpoint: "GET /api/webForms/{id}",
			arrange: func(w *faultWorld) error {
				consent, err := w.user.StartConsent(w.ctx(), finapi.ConsentRequest{Bank: finapitest.AmnisID, Again: true})
				if err != nil {
					return err
				}
				w.form = consent.ID
				return w.sim.Approve(consent.URL)
			},
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				_, err := u.WaitConsent(ctx, w.form)
				return err
			},
		},
		{
			name: "User.RenewConsent", endpoint: "POST /api/tasks/backgroundUpdate",
			arrange: func(w *faultWorld) error {
				err := calm(w)
				w.sim.ExpireConsent(int64(w.connection))
				return err
			},
			call: func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) error {
				consent, err := u.RenewConsent(ctx, finapi.RenewRequest{Connection: w.connection, Customer: theDevice()})
				if err == nil && consent.URL == "" {
					return errors.New("there is no form to send the customer to")
				}
				return err
			},
		},
		{name: "User.Disconnect, the consent", endpoint: "DELETE /api/v2/bankConnections/{id}/aisConsent", arrange: anew, call: disconnect},
		{name: "User.Disconnect, the connection", endpoint: "DELETE /api/v2/bankConnections/{id}", arrange: anew, call: disconnect},
		{name: "User.Forget", endpoint: "DELETE /api/v2/users", arrange: anew, call: forget},
		{name: "User.Forget, its proof", endpoint: "GET /api/v2/users/verificationStatus", arrange: anew, call: forget},
	}
}

// feedOperations synchronise a ledger. When the fault has gone, the next synchronisation
// must leave it with every booking once.
func feedOperations() []faultOperation {
	fresh := func(w *faultWorld) error {
		w.store, w.ledger = &finapi.MemoryStore{}, map[finapi.UID]int{}
		return nil
	}
	sync := func(ctx context.Context, w *faultWorld, _ *finapi.Client, u *finapi.User) (err error) {
		for event, failed := range u.Feed(w.account.ID, "ledger", w.store).Sync(ctx) {
			if booked, ok := event.(finapi.Booked); ok {
				w.ledger[booked.UID]++
			}
			err = failed
		}
		return err
	}
	again := func(w *faultWorld) error {
		if err := sync(w.ctx(), w, w.client, w.user); err != nil {
			return err
		}
		if want := len(w.sim.Transactions(int64(w.account.ID))); len(w.ledger) != want {
			return fmt.Errorf("%d bookings came, not %d", len(w.ledger), want)
		}
		for _, times := range w.ledger {
			if times != 1 {
				return fmt.Errorf("a booking came %d times", times)
			}
		}
		return nil
	}
	return []faultOperation{
		{name: "Feed.Sync, the account", endpoint: "GET /api/v2/accounts/{id}", arrange: fresh, call: sync, after: again},
		{name: "Feed.Sync, the rows", endpoint: "GET /api/v2/transactions", arrange: fresh, call: sync, after: again},
	}
}
