package main

import (
	"context"
	"net/http"
	"time"

	"github.com/finapi-go/finapi"
)

// forgetting is the data of the page before deleting everything. It names only what there
// is to delete.
type forgetting struct {
	holdings
	// Banks says that banks may be connected, User that the tenant has a user at finAPI.
	Banks, User bool
	// Wrong is the key of a text that says what is missing; "" if nothing is.
	Wrong string
}

func (a *app) showForget(v *visit) error { return a.askForget(v, http.StatusOK, "") }

func (a *app) askForget(v *visit, status int, wrong string) error {
	held, err := a.books.held(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	f := &forgetting{holdings: held, User: user != nil, Wrong: wrong}
	if user != nil {
		connections, err := user.Connections(v.ctx())
		f.Banks = err != nil || len(connections) > 0 // finAPI may be out of order
	}
	a.show(v, status, "forget", "title.forget", f)
	return nil
}

// Nothing reports whether there is nothing to delete.
func (f *forgetting) Nothing() bool { return !f.User && f.holdings == holdings{} }

// forget deletes all that finAPI and the ERP keep of the customer's bank accounts, and
// tells what was deleted and how that was proved. Bookings that the law wants kept belong
// into books that an ERP does not delete; this example has none.
func (a *app) forget(v *visit) error {
	if v.r.PostFormValue("sure") == "" {
		return a.askForget(v, http.StatusUnprocessableEntity, "forget.unsure")
	}
	tenant, device := v.tenant(), a.site.device(v.r)
	return a.follow(v, "everything", "work.forgetting", func(ctx context.Context) result {
		level, lines, err := a.forgetAll(ctx, tenant, device)
		if err != nil {
			return result{err: err}
		}
		id, err := a.books.tell(ctx, tenant, a.now(), level, lines...)
		return result{next: withTold("/accounts", id), err: err}
	})
}

func (a *app) forgetAll(ctx context.Context, tenant string, device *finapi.CustomerDevice) (level string, lines []line, err error) {
	user, err := a.users.Find(ctx, tenant)
	if err != nil {
		return "", nil, err
	}
	level = levelGood
	if user != nil {
		// One by one, to know what each bank makes of it.
		connections, err := user.Connections(ctx)
		if err != nil && !finapi.IsError(err, finapi.CodeUserLocked) {
			return "", nil, err
		}
		for _, c := range connections {
			done, err := user.Disconnect(ctx, finapi.Disconnection{Connection: c.ID, Customer: device})
			if err != nil {
				return "", nil, err
			}
			lines = append(lines, goneLines(c.Bank.Name, &done)...)
			if partingLevel(&done) == levelWarn {
				level = levelWarn
			}
		}
	}
	forgotten, err := a.users.Forget(ctx, tenant)
	if err != nil {
		return "", nil, err
	}
	asked := a.now()
	held, err := a.books.forget(ctx, tenant, a.client.Environment().String())
	return level, forgottenLines(lines, forgotten, asked, held), err
}

// forgottenLines are the record of a deletion, after what became of the banks. They say
// only what happened: what was not there was not deleted, and if there was no user, finAPI
// was not asked.
func forgottenLines(gone []line, forgotten bool, asked time.Time, held holdings) []line {
	if !forgotten && held == (holdings{}) {
		return []line{say("told.forgotten.nothing")}
	}
	lines := append([]line{say("told.forgotten")}, gone...)
	if forgotten {
		lines = append(lines, say("told.forgotten.proof", asked), say("told.forgotten.access"))
	} else {
		lines = append(lines, say("told.forgotten.nobody"))
	}
	if held.Ledgers > 0 {
		lines = append(lines, say("told.forgotten.ledgers", held.Ledgers))
	}
	if held.Messages > 0 {
		lines = append(lines, say("told.forgotten.messages", held.Messages))
	}
	return lines
}
