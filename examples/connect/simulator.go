package main

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// This file is for the simulator only. On the real service none of it is served.

// simulate starts a finAPI on this machine, at the time at which a kept file was left. Its
// ids are new each time, as they are when a bank is connected anew.
func (a *app) simulate(ctx context.Context, simulation []finapitest.Option) (*finapitest.Server, error) {
	left, err := a.books.setting(ctx, "simulated time")
	if err != nil {
		return nil, err
	}
	runs, err := a.books.setting(ctx, "simulated runs")
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(cmp.Or(runs, "0"), 10, 64)
	if err != nil {
		return nil, err
	}
	if err := a.books.set(ctx, "simulated runs", strconv.FormatInt(n+1, 10)); err != nil {
		return nil, err
	}
	if simulation == nil {
		simulation = []finapitest.Option{finapitest.WithRunningClock()}
	}
	sim, err := finapitest.Start(append(simulation, finapitest.WithIDOffset(n*100_000))...)
	if err != nil || left == "" {
		return sim, err
	}
	then, err := time.Parse(time.RFC3339, left)
	if err == nil {
		sim.Clock().Advance(then.Sub(sim.Clock().Now()))
	}
	return sim, err
}

// startAfresh forgets the users of an earlier simulator, which this one does not know.
// The ledgers stay: connecting a bank again goes on in them.
func (a *app) startAfresh(ctx context.Context) error {
	for _, t := range tenants {
		if _, err := a.users.Forget(ctx, t.ID); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DELETE FROM customer`, `DELETE FROM chosen`, `UPDATE ledger SET account = NULL, connection = NULL`,
	} {
		if _, err := a.books.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// tricks are what the page "Simulator" can do, in its order.
var tricks = []struct {
	Name string
	do   func(*app, context.Context, *finapi.User, []finapi.Connection) error
}{
	{"day", func(a *app, ctx context.Context, _ *finapi.User, _ []finapi.Connection) error { return a.pass(ctx, 1) }},
	{"weeks", func(a *app, ctx context.Context, _ *finapi.User, _ []finapi.Connection) error { return a.pass(ctx, 80) }},
	{"lapse", (*app).lapse},
	{"revoke", (*app).revoke},
	{"refuse", (*app).refuse},
	{"keep", (*app).keep},
	{"duplicate", (*app).duplicate},
	{"pending", (*app).addPending},
	{"outage", func(a *app, _ context.Context, _ *finapi.User, _ []finapi.Connection) error {
		a.outage(true)
		return nil
	}},
	{"repair", func(a *app, _ context.Context, _ *finapi.User, _ []finapi.Connection) error {
		a.outage(false)
		return nil
	}},
}

// simulation is the data of the page "Simulator".
type simulation struct {
	Now    time.Time
	Tricks []string
}

func (a *app) showSimulator(v *visit) error {
	s := &simulation{Now: a.now()}
	for _, t := range tricks {
		s.Tricks = append(s.Tricks, t.Name)
	}
	a.show(v, http.StatusOK, "simulator", "title.simulator", s)
	return nil
}

func (a *app) useSimulator(v *visit) error {
	name := v.r.PostFormValue("trick")
	if name == "repair" { // first, because nothing else works without finAPI
		a.outage(false)
		a.sim.Clock().Advance(2 * time.Minute) // for so long the SDK may leave alone what has failed
	}
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	var connections []finapi.Connection
	if user != nil {
		if connections, err = user.Connections(v.ctx()); err != nil {
			return err
		}
	}
	for _, t := range tricks {
		if t.Name != name {
			continue
		}
		if err := t.do(a, v.ctx(), user, connections); err != nil {
			return err
		}
		id, err := a.books.tell(v.ctx(), v.tenant(), a.now(), levelInfo, say("simulator."+name+".done"))
		if err != nil {
			return err
		}
		return v.to(withTold("/simulator", id))
	}
	return errNotFound
}

func (a *app) pass(ctx context.Context, days int) error {
	a.sim.Clock().Advance(time.Duration(days) * 24 * time.Hour)
	return a.books.set(ctx, "simulated time", a.now().Format(time.RFC3339))
}

func (a *app) lapse(_ context.Context, _ *finapi.User, connections []finapi.Connection) error {
	for _, c := range connections {
		a.sim.ExpireConsent(int64(c.ID))
	}
	return nil
}

// revoke is the customer taking the consents back at the bank, of which finAPI learns with
// the next update.
func (a *app) revoke(_ context.Context, _ *finapi.User, connections []finapi.Connection) error {
	for _, c := range connections {
		a.sim.RevokeConsent(int64(c.ID))
	}
	return nil
}

// refuse lets the bank refuse the next update.
func (a *app) refuse(_ context.Context, _ *finapi.User, connections []finapi.Connection) error {
	for _, c := range connections {
		a.sim.FailUpdates(int64(c.ID), 1, finapitest.UpdateFailure{
			Message: "Das Online-Banking wird gerade gewartet. Bitte versuchen Sie es in einer Stunde erneut.",
		})
	}
	return nil
}

// keep lets the banks keep the consents when they are asked to end them.
func (a *app) keep(_ context.Context, _ *finapi.User, connections []finapi.Connection) error {
	for _, c := range connections {
		a.sim.SetConsentDeletion(int64(c.ID), "NOT_DELETED")
	}
	return nil
}

// duplicate has finAPI store the newest booking once more and suspect it.
func (a *app) duplicate(_ context.Context, _ *finapi.User, connections []finapi.Connection) error {
	for _, c := range connections {
		for _, account := range c.Accounts {
			rows := a.sim.Transactions(int64(account))
			if len(rows) == 0 {
				continue
			}
			double := rows[len(rows)-1]
			double.IsPotentialDuplicate, double.ImportDate = true, a.now()
			a.sim.FlagDuplicate(a.sim.InsertTransaction(int64(account), double), true)
			return nil
		}
	}
	return nil
}

// addPending announces a payment that the bank has not booked.
func (a *app) addPending(ctx context.Context, user *finapi.User, connections []finapi.Connection) error {
	if len(connections) == 0 {
		return nil
	}
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: connections[0].ID})
	if err != nil || len(accounts) == 0 {
		return err
	}
	account, err := a.sim.BankAccount(accounts[0].IBAN)
	if err != nil {
		return err
	}
	account.AddPending(finapitest.Booking{
		Amount: decimal.New(-4990, -2), CounterpartName: "Kartenzahlung", Purpose: "Noch nicht gebucht",
	})
	return nil
}

// outage lets all calls to finAPI fail, or ends that.
func (a *app) outage(on bool) {
	if !on {
		a.sim.Intercept(nil)
		return
	}
	a.sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/api/") { // the pages go on
			return false
		}
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return true
	})
}
