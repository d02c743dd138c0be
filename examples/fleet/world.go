package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/sqlstore"
)

// world is finAPI, the banks and the customers, all simulated, and what the ERP's pages
// do for the customers.
type world struct {
	opts        *options
	erp         *erp
	sim         *finapitest.Server
	finapi      endpoint
	key         []byte
	users       *sqlstore.Users
	connections *sqlstore.Connections
	customers   []*customer

	requests atomic.Int64 // that finAPI has got
	mu       sync.Mutex
	updates  map[string]time.Time // when an update was asked for, by the id of the request
}

// customer is one of the ERP's tenants.
type customer struct {
	tenant     string
	bank       int64
	ibans      []string
	rows       int // booked so far, on each account
	connection finapi.ConnectionID
	failing    bool // the bank fails in the first night
	gone       bool // the customer takes the consent back before the first night
}

// evening is when the show begins, at 20:00 in Germany.
var evening = time.Date(2026, time.March, 2, 19, 0, 0, 0, time.UTC)

const (
	firstBank = 1_000_001
	// historyRows and nightRows are how much a bank books on each account.
	historyRows, nightRows = 20, 3
)

func newWorld(o *options, e *erp) (*world, error) {
	w := &world{opts: o, erp: e, key: make([]byte, 32), updates: map[string]time.Time{}}
	_, _ = rand.Read(w.key) // never fails
	directory := finapitest.World{}
	for i := range o.tenants {
		c := newCustomer(i, o)
		w.customers = append(w.customers, c)
		directory.Banks = append(directory.Banks, finapitest.Bank{
			ID: c.bank, Name: fmt.Sprintf("Bank %d", i+1), Location: "DE", City: "Berlin",
			Interfaces: []finapitest.BankInterface{{
				Name: "XS2A", Properties: []string{"REDIRECT_APPROACH"}, AISSupported: true, Health: 99,
			}},
		})
		for n, iban := range c.ibans {
			directory.Accounts = append(directory.Accounts, finapitest.AccountSpec{
				BankID: c.bank, Name: fmt.Sprintf("Account %d", n+1), IBAN: iban, Holder: c.tenant, Currency: "EUR", Type: "Checking",
			})
		}
	}
	var err error
	w.sim, err = finapitest.Start(
		finapitest.WithWorld(directory), finapitest.WithTime(evening), finapitest.WithRunningClock(),
		finapitest.WithImportDuration(200*time.Millisecond), finapitest.WithUpdateDuration(time.Second),
	)
	if err != nil {
		return nil, err
	}
	w.sim.Intercept(w.count)
	w.finapi = endpoint{w.sim.AccessURL(), w.sim.WebFormURL(), w.sim.ClientID(), w.sim.ClientSecret()}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// open opens what the ERP's pages use.
func (w *world) open() error {
	client, err := w.finapi.client(hastyClock{w.sim.Clock()}, w.erp.store.Budget())
	if err != nil {
		return err
	}
	key, err := newSeal(w.key)
	if err != nil {
		return err
	}
	if w.users, err = w.erp.store.Users(client, key); err != nil {
		return err
	}
	w.connections, err = w.erp.store.Connections(finapi.Sandbox, w.sim.Clock())
	return err
}

func (w *world) close() { w.sim.Close() }

func newCustomer(i int, o *options) *customer {
	c := &customer{
		tenant: fmt.Sprintf("customer-%d", i+1), bank: firstBank + int64(i),
		failing: i < share(o.tenants, o.failing), gone: i >= o.tenants-share(o.tenants, o.gone),
	}
	if c.failing {
		c.gone = false
	}
	for n := range 3 {
		c.ibans = append(c.ibans, iban(i, n))
	}
	return c
}

// share is so many per cent, rounded up.
func share(of, percent int) int { return (of*percent + 99) / 100 }

// iban is the IBAN of a customer's n-th account, at a bank code that nobody has.
func iban(customer, n int) string {
	account := fmt.Sprintf("99999999%08d%02d", customer+1, n+1)
	rest := 0
	for _, digit := range account + "131400" { // DE00
		rest = (rest*10 + int(digit-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-rest, account)
}

// hastyClock is the simulator's clock for those who do not wait politely between two looks
// at a form.
type hastyClock struct{ *finapitest.Clock }

func (hastyClock) Sleep(ctx context.Context, d time.Duration) error {
	return finapi.SystemClock().Sleep(ctx, min(d, 100*time.Millisecond))
}

// count counts finAPI's requests, and notes when updates were asked for.
func (w *world) count(_ http.ResponseWriter, r *http.Request) (handled bool) {
	w.requests.Add(1)
	if r.URL.Path == updatePath {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.updates[r.Header.Get(requestID)] = w.sim.Clock().Now()
	}
	return false
}

const (
	updatePath = "/api/tasks/backgroundUpdate"
	requestID  = "X-Request-Id"
)

// populate has all customers connect their banks, which have booked for some weeks.
func (w *world) populate(ctx context.Context) error {
	if err := w.book(historyRows); err != nil {
		return err
	}
	return w.each(ctx, func(*customer) bool { return true }, w.connect)
}

// each does something for the customers that are meant, several at a time.
func (w *world) each(ctx context.Context, meant func(*customer) bool, do func(context.Context, *customer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	room := make(chan struct{}, 20)
	for _, c := range w.customers {
		if !meant(c) {
			continue
		}
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			if ctx.Err() != nil {
				return
			}
			if err := do(ctx, c); err != nil {
				cancel(fmt.Errorf("%s: %w", c.tenant, err))
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// connect does what an ERP does when a customer connects a bank: see examples/connect.
func (w *world) connect(ctx context.Context, c *customer) error {
	user, err := w.users.Open(ctx, c.tenant)
	if err != nil {
		return err
	}
	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapi.BankID(c.bank)})
	if err != nil {
		return err
	}
	if err := w.sim.Approve(consent.URL); err != nil {
		return err
	}
	if consent, err = user.WaitConsent(ctx, consent.ID); err != nil {
		return err
	}
	c.connection = consent.Connection
	return w.enrol(ctx, c)
}

// enrol puts the connection on the list, and its accounts into the chart, at once.
func (w *world) enrol(ctx context.Context, c *customer) error {
	tx, err := w.erp.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing after a commit
	for n, iban := range c.ibans {
		_, err := tx.ExecContext(ctx, `INSERT INTO chart (tenant, iban, ledger) VALUES ($1, $2, $3)`, c.tenant, iban, c.ledger(n))
		if err != nil {
			return err
		}
	}
	err = w.connections.Enrol(ctx, tx, sqlstore.Enrolment{
		Connection: c.connection, Tenant: c.tenant, Bank: finapi.BankID(c.bank),
		Schedule: finapi.Schedule{Window: "02:00-02:30"},
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

// ledger is the ledger of the n-th account, as the customer has chosen it.
func (c *customer) ledger(n int) string { return fmt.Sprintf("%s/%d", c.tenant, 1200+10*n) }

// book has the banks book rows on each account.
func (w *world) book(rows int) error {
	for _, c := range w.customers {
		for n, iban := range c.ibans {
			account, err := w.sim.BankAccount(iban)
			if err != nil {
				return err
			}
			for i := range rows {
				account.Book(c.row(n, c.rows+i))
			}
		}
		c.rows += rows
	}
	return nil
}

// row is a booking that there is once in the world.
func (c *customer) row(account, n int) finapitest.Booking {
	cents := int64(7919*(n+1)%100_000 - 40_000)
	return finapitest.Booking{
		Amount: decimal.New(cents, -2), Purpose: fmt.Sprintf("Invoice %s/%d/%04d", c.tenant, account+1, n+1), CounterpartName: "Nobody Ltd.",
	}
}

// breakDown has banks fail, and customers take their consent back.
func (w *world) breakDown() {
	for _, c := range w.customers {
		switch {
		case c.failing:
			w.sim.FailUpdates(int64(c.connection), 1_000, finapitest.UpdateFailure{ErrorCode: "INTERNAL_ERROR", Message: "Wartungsarbeiten"})
		case c.gone:
			w.sim.RevokeConsent(int64(c.connection))
		}
	}
}

// heal has banks work again, and customers renew their consent.
func (w *world) heal(ctx context.Context) error {
	for _, c := range w.customers {
		if c.failing {
			w.sim.FailUpdates(int64(c.connection), 0, finapitest.UpdateFailure{})
		}
	}
	return w.each(ctx, func(c *customer) bool { return c.gone }, w.renew)
}

// renew does what an ERP does when a customer comes to renew the consent.
func (w *world) renew(ctx context.Context, c *customer) error {
	user, err := w.users.Open(ctx, c.tenant)
	if err != nil {
		return err
	}
	consent, err := user.RenewConsent(ctx, finapi.RenewRequest{
		Connection: c.connection, Customer: &finapi.CustomerDevice{IP: "203.0.113.17"},
	})
	if err != nil {
		return err
	}
	if err := w.sim.Approve(consent.URL); err != nil {
		return err
	}
	if _, err := user.WaitConsent(ctx, consent.ID); err != nil {
		return err
	}
	_, err = w.connections.Tell(ctx, c.connection, sqlstore.HintCustomerActed)
	return err
}

// looked is when a worker last looked for what is due, by the simulation's clock.
func (w *world) looked(ctx context.Context) (time.Time, error) {
	var looked sql.NullInt64
	err := w.erp.db.QueryRowContext(ctx, `SELECT max(looked) FROM finapi_scheduler`).Scan(&looked)
	return time.UnixMilli(looked.Int64), err
}
