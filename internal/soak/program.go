package soak

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/watch"
)

// program is an ERP from its start to its end.
type program struct {
	client    *finapi.Client
	clock     *watch.Clock
	transport *watch.Transport
	timeout   time.Duration
}

// startProgram starts a program on a machine whose clock is wrong by skew.
func startProgram(tb testing.TB, sim *finapitest.Server, budget finapi.Budget, timeout, skew time.Duration) *program {
	tb.Helper()
	p := &program{timeout: timeout, clock: &watch.Clock{Clock: sim.Clock().Skewed(skew)}, transport: watch.NewTransport()}
	var err error
	p.client, err = finapi.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(p.clock), finapi.WithBudget(budget),
		finapi.WithHTTPClient(&http.Client{Transport: sim.Transport(shortPages{p.transport}), Timeout: timeout}),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// shortPages lets finAPI put few rows on a page, so that a walk has many of them, and faults
// strike in its middle.
type shortPages struct{ next http.RoundTripper }

// RoundTrip asks for fewer rows than the SDK does.
func (s shortPages) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	if r.URL.Path == transactionsPath {
		query.Set("perPage", strconv.Itoa(rowsOfPage))
		r = r.Clone(r.Context())
		r.URL.RawQuery = query.Encode()
	}
	return s.next.RoundTrip(r)
}

// close ends the program. No connection may be left of it.
func (p *program) close(tb testing.TB) {
	tb.Helper()
	if !p.transport.AllClosed(anyHang) {
		tb.Fatal("a connection was left open")
	}
}

// try is the ERP's work: it connects the bank if need be, asks for news, and enters them.
// check is called before each commit; nil never fails.
func (r *run) try(check func() error) {
	deadline, stop := context.WithTimeout(r.tb.Context(), anyHang)
	defer stop()
	ctx, giveUp := context.WithCancel(deadline)
	defer giveUp()
	clock := r.program.clock
	clock.Limit, clock.GiveUp = clock.Now().Add(patience), giveUp
	if check == nil {
		check = func() error { return nil }
	}
	user := r.program.client.User(r.id, r.password)
	err := r.work(ctx, user, check)
	if errors.Is(deadline.Err(), context.DeadlineExceeded) {
		r.tb.Fatal("the program hangs")
	}
	r.judge(err)
	if errors.Is(err, errCrash) {
		r.restart(r.program.timeout)
	}
}

// judge lets only those errors pass that an ERP is prepared for.
func (r *run) judge(err error) {
	var action *finapi.ActionRequired
	switch {
	case err == nil, errors.Is(err, errCrash), errors.Is(err, context.Canceled), errors.As(err, &action), finapi.IsError(err):
	default:
		r.tb.Errorf("the program failed by %v", err)
	}
}

func (r *run) work(ctx context.Context, user *finapi.User, check func() error) error {
	if r.leaving {
		if err := r.disconnect(ctx, user); err != nil {
			return err
		}
	}
	if r.connection == 0 {
		if err := r.connect(ctx, user); err != nil {
			return err
		}
	}
	err := r.refresh(ctx, user)
	return errors.Join(err, r.enter(ctx, user, check)) // what is there is entered in any case
}

// disconnect ends the connection. It may take some tries.
func (r *run) disconnect(ctx context.Context, user *finapi.User) error {
	done, err := user.Disconnect(ctx, finapi.Disconnection{Connection: r.connection})
	if done.Gone {
		r.leaving, r.world.leaving, r.connection, r.form = false, false, 0, finapi.Consent{}
		r.world.reconnects++
		return nil
	}
	return err
}

// connect sends the customer through a form. Where it was interrupted, it goes on.
func (r *run) connect(ctx context.Context, user *finapi.User) error {
	if r.form.ID == "" {
		form, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
		if err != nil {
			return err
		}
		r.form = form
	}
	if r.form.URL != "" {
		if !r.approve(r.form.URL) {
			r.form = finapi.Consent{}
			return nil
		}
		r.form.URL = "" // the customer is done
	}
	done, err := user.WaitConsent(ctx, r.form.ID)
	if done.Done() && done.Connection == 0 {
		r.form = finapi.Consent{}
	}
	if err == nil {
		r.connection = done.Connection
	}
	return err
}

// approve sends the customer to a form. It may be too late, or the form's token has died.
func (r *run) approve(form string) bool { return r.sim.Approve(form) == nil }

// refresh asks the bank, and sends the customer to it if the bank wants that.
func (r *run) refresh(ctx context.Context, user *finapi.User) error {
	_, err := user.Refresh(ctx, finapi.RefreshRequest{Connection: r.connection})
	var action *finapi.ActionRequired
	if !errors.As(err, &action) {
		return err
	}
	device := &finapi.CustomerDevice{IP: "192.0.2.7", OS: "Linux", UserAgent: "Firefox"}
	form, err := user.RenewConsent(ctx, finapi.RenewRequest{Connection: r.connection, Customer: device})
	if err != nil || form.URL == "" {
		return err
	}
	if !r.approve(form.URL) {
		return nil // the next try opens another form
	}
	r.report.Renewals++
	_, err = user.WaitConsent(ctx, form.ID)
	return err
}

// enter synchronises the ledgers of all accounts, and decides what waits for a person.
func (r *run) enter(ctx context.Context, user *finapi.User, check func() error) error {
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: r.connection})
	for i := range accounts {
		err = errors.Join(err, r.enterAccount(ctx, user, &accounts[i], check))
	}
	return err
}

func (r *run) enterAccount(ctx context.Context, user *finapi.User, account *finapi.Account, check func() error) error {
	feed := user.Feed(account.ID, finapi.LedgerID(account.IBAN), r.books.Store())
	err := r.books.Deliver(ctx, feed, check)
	if err != nil {
		return err
	}
	reviews, err := feed.Reviews(ctx)
	for i := range reviews {
		err = errors.Join(err, r.books.Confirm(ctx, feed, reviews[i].UID))
	}
	if err != nil {
		return err
	}
	return r.note(ctx, feed, account)
}

// note remembers which ledgers have all that finAPI has.
func (r *run) note(ctx context.Context, feed *finapi.Feed, account *finapi.Account) error {
	status, err := feed.Status(ctx)
	if err != nil {
		return err
	}
	// A try takes an hour at most and the program's clock is wrong by an hour at most, so
	// half the time between tries tells this try from the one before.
	fresh := r.sim.Clock().Now().Sub(status.Completed) < 24*time.Hour/triesADay/2
	if status.Reviews == 0 && status.Deferred == 0 && !status.Incomplete && fresh {
		if r.clean == nil {
			r.clean = map[finapi.AccountID]bool{}
		}
		r.clean[account.ID] = true
	}
	return nil
}

// allClean reports whether all ledgers have all that finAPI has, of today.
func (r *run) allClean() bool { return len(r.clean) == len(r.world.banks) }
