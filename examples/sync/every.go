package main

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/sqlstore"
)

// tenant is the ERP's name for its customer, of whom there is one here.
const tenant = "the customer"

// itself is the connection that is synchronised by itself. It is also the clock that
// Syncer.Loop waits on between two looks for what is due: what the last look has run
// is committed by then, and can be shown.
type itself struct {
	finapi.Clock
	service     *service
	user        *finapi.User
	connection  finapi.ConnectionID
	connections *sqlstore.Connections
	books       *books
	out         *output
	runs        int
	shown       time.Time // when the last run ended that was shown
}

// keepSyncing synchronises the connection when it is due, until ctx ends. That is all
// an ERP on one machine needs, besides its pages.
func keepSyncing(
	ctx context.Context, every time.Duration, s *service, user *finapi.User, c finapi.Connection, books *books, out *output,
) error {
	i := &itself{Clock: s.slow(out), service: s, user: user, connection: c.ID, books: books, out: out}
	syncer, err := i.syncer(s.environment)
	if err != nil {
		return err
	}
	if err := i.enrol(ctx, c); err != nil {
		return err
	}
	out.say("From now on it is synchronised by itself, daily by night. The program looks every %s for what is due; Ctrl-C ends it.", every)
	if s.sim != nil {
		out.say("A simulated day takes a few seconds.")
		if err := books.keepSimulation(ctx, i.Now()); err != nil {
			return err
		}
	}
	err = syncer.Loop(ctx, every, 1)
	out.clear()
	if ctx.Err() == nil {
		return err
	}
	if err := i.keepTime(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	out.say("Stopped. Nothing is lost: what is kept with -db goes on with the next run.")
	return nil
}

func (i *itself) syncer(environment finapi.Environment) (*sqlstore.Syncer, error) {
	var err error
	if i.connections, err = i.books.store.Connections(environment, i); err != nil {
		return nil, err
	}
	return sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: i.connections,
		Users:       i,
		Ledger: func(ctx context.Context, _ string, a *finapi.Account) (finapi.LedgerID, error) {
			return i.books.ledger(ctx, a)
		},
		Apply: func(ctx context.Context, tx *sql.Tx, at sqlstore.Place, batch []finapi.Event) error {
			for _, event := range batch {
				if err := book(ctx, tx, at.Ledger, event); err != nil {
					return err
				}
			}
			return i.out.events(i.runs+1, at.Ledger, batch)
		},
	})
}

// Find opens the customer's finAPI user for the syncer. An ERP with many customers
// takes sqlstore.Users instead.
func (i *itself) Find(_ context.Context, name string) (*finapi.User, error) {
	if name != tenant {
		return nil, nil //nolint:nilnil // as the syncer wants it for a stranger
	}
	return i.user, nil
}

// enrol puts the connection on the list. A kept ledger may have others on it, which the
// customer has replaced by this one.
func (i *itself) enrol(ctx context.Context, c finapi.Connection) error {
	others, err := i.connections.OfTenant(ctx, tenant)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Connection != c.ID {
			if err := i.connections.Withdraw(ctx, nil, other.Connection); err != nil {
				return err
			}
		}
	}
	return i.connections.Enrol(ctx, nil, sqlstore.Enrolment{Connection: c.ID, Tenant: tenant, Bank: c.Bank.ID})
}

// Sleep is called between two looks.
func (i *itself) Sleep(ctx context.Context, d time.Duration) error {
	status, err := i.connections.Status(ctx, i.connection)
	if err != nil {
		return err
	}
	if last := status.Last; last != nil && last.Ended.After(i.shown) {
		i.shown = last.Ended
		if err := i.show(ctx, last); err != nil {
			return err
		}
	}
	if i.service.sim != nil && status.Next.BlockedBy == finapi.ActorCustomer {
		if err := i.renew(ctx); err != nil {
			return err
		}
	}
	return i.Clock.Sleep(ctx, d)
}

// show prints what became of a run and what is next.
func (i *itself) show(ctx context.Context, r *sqlstore.Report) error {
	backlog, err := i.connections.Backlog(ctx)
	if err != nil {
		return err
	}
	if err := i.keepTime(ctx); err != nil {
		return err
	}
	i.out.clear()
	i.runs++
	i.out.ran(i.runs, r)
	i.out.say("  next: %s; backlog: %d of %d connections due, %d in work", r.Next, backlog.Due, backlog.Connections, backlog.Taken)
	return nil
}

// keepTime keeps where the simulator's clock stands, for the next run with the same
// ledger.
func (i *itself) keepTime(ctx context.Context) error {
	if i.service.sim == nil {
		return nil
	}
	return i.books.keepTime(ctx, i.Now())
}

// renew is what the simulated customer does when the bank wants to see them. An ERP
// tells its customer, who clicks.
func (i *itself) renew(ctx context.Context) error {
	i.out.clear()
	i.out.say("The bank wants to see the customer. The simulated one renews the consent.")
	there := &finapi.CustomerDevice{IP: "203.0.113.17"}
	consent, err := i.user.RenewConsent(ctx, finapi.RenewRequest{Connection: i.connection, Customer: there})
	if err != nil {
		return err
	}
	if consent.URL != "" { // else the bank has changed its mind
		if err := i.service.sim.Approve(consent.URL); err != nil {
			return err
		}
		if _, err := i.user.WaitConsent(ctx, consent.ID); err != nil {
			return err
		}
	}
	_, err = i.connections.Tell(ctx, i.connection, sqlstore.HintCustomerActed)
	return err
}

// ran prints the line that sums a run up.
func (o *output) ran(n int, r *sqlstore.Report) {
	if f := r.Failure; f != nil {
		o.say("sync %d: failed with %s at %s. %s", n, cmp.Or(f.Code, "an error of the program's own"),
			r.Ended.Format("2006-01-02 15:04"), f.Remedy(finapi.English))
		return
	}
	var total finapi.Synced
	for _, a := range r.Accounts {
		if a.Synced != nil {
			total = add(total, *a.Synced)
		}
	}
	o.synced(n, &total)
}

// slow is the clock for long waits: the machine's, or a simulated one on which a day
// takes a few seconds.
func (s *service) slow(out *output) finapi.Clock {
	if s.sim == nil {
		return realClock{out}
	}
	return hurriedClock{s.sim.Clock(), out}
}

// hurriedClock is the simulator's clock, on which a minute takes 2 ms.
type hurriedClock struct {
	*finapitest.Clock
	out *output
}

func (c hurriedClock) Sleep(ctx context.Context, d time.Duration) error {
	c.out.waitingFor = c.Now().Format("Monday, 2 January 2006, 15:04")
	c.out.tick()
	if err := finapi.SystemClock().Sleep(ctx, d/30_000); err != nil {
		return err
	}
	return c.Clock.Sleep(ctx, d)
}
