package main

import (
	"context"
	"net/http"

	"github.com/finapi-go/finapi"
)

// forgetting is the data of the page before deleting everything.
type forgetting struct {
	Ledgers int
	// Wrong is the key of a text that says what is missing; "" if nothing is.
	Wrong string
}

func (a *app) showForget(v *visit) error { return a.askForget(v, http.StatusOK, "") }

func (a *app) askForget(v *visit, status int, wrong string) error {
	ledgers, err := a.books.ledgers(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	a.show(v, status, "forget", "title.forget", &forgetting{Ledgers: len(ledgers), Wrong: wrong})
	return nil
}

// forget deletes all that finAPI and the ERP keep of the customer's bank accounts, and
// tells how it was proved. Bookings that the law wants kept belong into books that an
// ERP does not delete; this example has none.
func (a *app) forget(v *visit) error {
	if v.r.PostFormValue("sure") == "" {
		return a.askForget(v, http.StatusUnprocessableEntity, "forget.unsure")
	}
	tenant, device := v.tenant(), a.site.device(v.r)
	return a.follow(v, "everything", "work.forgetting", func(ctx context.Context) result {
		lines, err := a.forgetAll(ctx, tenant, device)
		if err != nil {
			return result{err: err}
		}
		id, err := a.books.tell(ctx, tenant, a.now(), levelGood, lines...)
		return result{next: withTold("/accounts", id), err: err}
	})
}

func (a *app) forgetAll(ctx context.Context, tenant string, device *finapi.CustomerDevice) ([]line, error) {
	user, err := a.users.Find(ctx, tenant)
	if err != nil {
		return nil, err
	}
	lines := []line{say("told.forgotten")}
	if user != nil {
		// One by one, to know what each bank makes of it.
		connections, err := user.Connections(ctx)
		if err != nil && !finapi.IsError(err, finapi.CodeUserLocked) {
			return nil, err
		}
		for _, c := range connections {
			done, err := user.Disconnect(ctx, finapi.Disconnection{Connection: c.ID, Customer: device})
			if err != nil {
				return nil, err
			}
			lines = append(lines, say("told.gone", c.Bank.Name))
			if !done.AtEveryBank() {
				lines = append(lines, say("told.gone.notbank"))
			}
		}
	}
	if _, err := a.users.Forget(ctx, tenant); err != nil {
		return nil, err
	}
	if err := a.books.forget(ctx, tenant, a.client.Environment().String()); err != nil {
		return nil, err
	}
	return append(lines, say("told.forgotten.proof", a.now()), say("told.forgotten.erp")), nil
}
