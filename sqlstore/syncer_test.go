package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/sqlstore"
)

// office is an ERP whose tenant has one connection, synchronised by itself.
type office struct {
	*bank
	t           *testing.T
	store       *sqlstore.Store
	connections *sqlstore.Connections
	syncer      *sqlstore.Syncer
	connection  finapi.ConnectionID

	mu      sync.Mutex
	reports []sqlstore.Report // as they were committed, or not
}

// Find is the list of tenants.
func (o *office) Find(_ context.Context, tenant string) (*finapi.User, error) {
	if tenant != "tenant-17" {
		return nil, nil //nolint:nilnil // as sqlstore.Users says it
	}
	return o.user, nil
}

func (o *office) ledger(_ context.Context, _ string, a *finapi.Account) (finapi.LedgerID, error) {
	if a.ID == o.account {
		return books.Ledger, nil
	}
	return "", nil
}

func (o *office) report(_ context.Context, _ *sql.Tx, r sqlstore.Report) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, r)
	return nil
}

func newOffice(t *testing.T, d database, change ...func(*sqlstore.SyncerConfig)) *office {
	t.Helper()
	o := &office{bank: newBank(t), t: t, store: d.openWithJournal(t)}
	client, err := capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: o.sim.ClientID(), Secret: finapi.NewSecret(o.sim.ClientSecret())},
		finapi.WithBaseURLs(o.sim.AccessURL(), o.sim.WebFormURL()), finapi.WithTransport(o.transport),
		finapi.WithClock(o.sim.Clock()), finapi.WithBudget(o.store.Budget()),
	)
	o.must(err)
	o.user = client.User(o.user.ID(), o.user.Password())
	found, err := o.user.Connections(t.Context())
	o.must(err)
	o.connection = found[0].ID
	o.connections, err = o.store.Connections(finapi.Sandbox, o.sim.Clock())
	o.must(err)
	o.syncer = o.newSyncer(change...)
	o.must(o.connections.Enrol(t.Context(), nil, o.enrolment()))
	return o
}

func (o *office) newSyncer(change ...func(*sqlstore.SyncerConfig)) *sqlstore.Syncer {
	o.t.Helper()
	config := sqlstore.SyncerConfig{
		Connections: o.connections, Users: o, Ledger: o.ledger, Report: o.report,
		Apply: func(ctx context.Context, tx *sql.Tx, _ sqlstore.Place, batch []finapi.Event) error {
			return enter(ctx, tx, batch)
		},
	}
	for _, c := range change {
		c(&config)
	}
	syncer, err := sqlstore.NewSyncer(config)
	o.must(err)
	return syncer
}

func (o *office) enrolment() sqlstore.Enrolment {
	return sqlstore.Enrolment{Connection: o.connection, Tenant: "tenant-17", Bank: finapi.BankID(finapitest.AmnisID)}
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// pay makes n payments at the bank, which finAPI does not know of yet.
func (o *office) pay(n int) {
	for range n {
		o.bookings++
		o.sim.BankAccounts("amnis")[0].Book(finapitest.Booking{
			Amount: decimal.New(int64(-o.bookings), -2), Purpose: fmt.Sprintf("Rechnung %d", 1000+o.bookings),
		})
	}
}

// run runs what is due, and checks how many connections that were.
func (o *office) run(want int) {
	o.t.Helper()
	ran, err := o.syncer.RunDue(o.t.Context(), 4)
	o.must(err)
	if ran != want {
		o.t.Errorf("%d connections ran, want %d; %+v", ran, want, o.status())
	}
}

// night lets a day pass, as long as it takes until the next regular time is over, while
// somebody looks every twelve minutes.
func (o *office) night() {
	o.t.Helper()
	for range 24 * 5 {
		o.sim.Clock().Advance(12 * time.Minute)
		_, err := o.syncer.RunDue(o.t.Context(), 1)
		o.must(err)
	}
}

func (o *office) status() sqlstore.ConnectionStatus {
	o.t.Helper()
	status, err := o.connections.Status(o.t.Context(), o.connection)
	o.must(err)
	return status
}

func (o *office) take(s *sqlstore.Syncer) sqlstore.Task {
	o.t.Helper()
	tasks, err := s.Take(o.t.Context(), 1)
	o.must(err)
	if len(tasks) != 1 {
		o.t.Fatalf("%d connections were taken, want 1; %+v", len(tasks), o.status())
	}
	return tasks[0]
}

// die begins with the connection and is killed when it has asked the bank.
func (o *office) die() {
	o.t.Helper()
	s := o.newSyncer(func(c *sqlstore.SyncerConfig) {
		c.Ledger = func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) {
			runtime.Goexit()
			return "", nil
		}
	})
	task, dead := o.take(s), make(chan struct{})
	go func() {
		defer close(dead)
		_ = s.Run(o.t.Context(), task)
	}()
	<-dead
	o.expire()
}

// expire ends all holds, as time does when nobody says that they are at work.
func (o *office) expire() {
	o.t.Helper()
	_, err := o.store.DB().Exec(`UPDATE finapi_connection SET taken = 1 WHERE taken > 0`)
	o.must(err)
}

// whys are the reasons of all runs.
func (o *office) whys() string {
	var whys []string
	for _, r := range o.reports {
		why := string(r.Due.Why)
		if r.Failure != nil {
			why += "!" + string(r.Failure.Actor)
		}
		whys = append(whys, why)
	}
	return strings.Join(whys, " ")
}

func (o *office) wantWhys(want string) {
	o.t.Helper()
	if got := o.whys(); got != want {
		o.t.Errorf("the runs were %q, want %q", got, want)
	}
}

func TestAnEnrolledConnectionIsReadAtOnceAndThenEveryNight(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(3)
		o.run(1)
		o.run(0)
		wantBookedOnce(t, o.bank, o.store)
		for range 2 {
			o.pay(2)
			o.night()
			wantBookedOnce(t, o.bank, o.store)
		}
		o.wantWhys("news scheduled scheduled")
		if last := o.reports[2]; len(last.Accounts) != 1 || last.Accounts[0].Synced == nil || last.Accounts[0].Synced.Booked != 2 {
			t.Errorf("the last report is %+v", last)
		}
		if s := o.status(); s.Last == nil || !s.Last.Ended.Equal(o.reports[2].Ended) || s.Taken || s.Failures != 0 || s.LastSuccess.IsZero() {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestADueTimeTellsInWordsWhatTheScheduleDoes(t *testing.T) {
	at := time.Date(2026, time.March, 3, 1, 43, 0, 0, time.UTC)
	for due, want := range map[sqlstore.DueTime]string{
		{At: at, Why: finapi.DueScheduled}:                         "due 2026-03-03 01:43 UTC: the regular synchronisation",
		{Why: finapi.DueCustomer, BlockedBy: finapi.ActorCustomer}: "not due: the customer must act first",
	} {
		if got := due.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASyncerCanFillInboxes(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d, func(c *sqlstore.SyncerConfig) { c.Apply = nil })
		o.book(3)
		o.run(1)
		items, err := o.store.Inbox(books).Next(t.Context(), 10)
		o.must(err)
		if len(items) != 3 {
			t.Errorf("the inbox holds %d items, want 3", len(items))
		}
	})
}

func TestWhoWasSilentForTooLongDoesNotWriteAnyMore(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(3)
		other := o.newSyncer()
		slow := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Ledger = func(ctx context.Context, tenant string, a *finapi.Account) (finapi.LedgerID, error) {
				o.expire()                            // the machine sleeps here, and another one takes over
				o.must(other.Run(ctx, o.take(other))) //nolint:contextcheck // take ends with the test
				o.book(1)
				return o.ledger(ctx, tenant, a)
			}
		})
		o.must(slow.Run(t.Context(), o.take(slow)))
		o.wantWhys("news")
		if got := count(t, o.store.DB(), "journal"); got != 3 {
			t.Errorf("the journal has %d bookings, want the 3 that there were when the other one took over", got)
		}
	})
}

func TestWhoeverIsAboutToCommitIsNotReplacedAndHoldsUpNobody(t *testing.T) {
	only := map[string]func(testing.TB) database{"PostgreSQL": newServerDatabase}
	onEach(t, only, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(3)
		slow := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Ledger = func(ctx context.Context, tenant string, a *finapi.Account) (finapi.LedgerID, error) {
				o.expire()
				return o.ledger(ctx, tenant, a)
			}
			c.Apply = func(ctx context.Context, tx *sql.Tx, _ sqlstore.Place, batch []finapi.Event) error {
				if tasks, err := o.syncer.Take(t.Context(), 1); err != nil || len(tasks) != 0 { //nolint:contextcheck // as somebody else
					t.Errorf("%v, %v were taken while somebody commits", tasks, err)
				}
				return enter(ctx, tx, batch)
			}
		})
		o.must(slow.Run(t.Context(), o.take(slow)))
		o.wantWhys("news")
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestATaskThatSomebodyElseHasTakenDoesNothing(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(1)
		late := o.take(o.syncer)
		if more, err := o.syncer.Take(t.Context(), 1); err != nil || len(more) != 0 {
			t.Fatalf("what somebody has was taken again: %v, %v", more, err)
		}
		if !o.status().Taken {
			t.Error("the status does not say that somebody has it")
		}
		o.expire()
		task := o.take(o.syncer)
		o.must(o.syncer.Run(t.Context(), late))
		o.wantWhys("")
		o.must(o.syncer.Run(t.Context(), task))
		o.must(o.syncer.Run(t.Context(), task)) // once more
		o.wantWhys("news")
	})
}

func TestWhoStopsGivesTheConnectionBackAtOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(1)
		ctx, cancel := context.WithCancel(t.Context())
		stopping := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Ledger = func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) {
				cancel()
				return books.Ledger, nil
			}
		})
		if err := stopping.Run(ctx, o.take(stopping)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was cancelled", err)
		}
		o.wantWhys("")
		o.run(1)
		o.wantWhys("news")
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestARunThatTakesTooLongIsGivenUp(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		endless := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Patience = time.Millisecond
			c.Ledger = func(ctx context.Context, _ string, _ *finapi.Account) (finapi.LedgerID, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}
		})
		o.must(endless.Run(t.Context(), o.take(endless)))
		if s := o.status(); s.Last == nil || s.Last.Failure == nil || s.Failures != 1 || s.Taken {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestWhoTakesOverDoesNotAskTheBankAgain(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		o.pay(2)
		for o.status().Next.At.After(o.sim.Clock().Now()) {
			o.sim.Clock().Advance(10 * time.Minute)
			_, err := o.store.DB().Exec(`UPDATE finapi_scheduler SET looked = $1`, o.sim.Clock().Now().UnixMilli())
			o.must(err)
		}
		o.die()
		o.run(1)
		o.wantWhys("news scheduled")
		wantBookedOnce(t, o.bank, o.store)
		var started string
		o.must(o.store.DB().QueryRow(`SELECT started FROM finapi_budget`).Scan(&started))
		if n := strings.Count(started, "T"); n != 1 {
			t.Errorf("the bank was asked %d times, want once: %s", n, started)
		}
	})
}

func TestWhatFailsInTheERPIsTriedAgainAtOnceAndThenLater(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		bug := errors.New("division by zero")
		o := newOffice(t, d, func(c *sqlstore.SyncerConfig) {
			c.Apply = func(context.Context, *sql.Tx, sqlstore.Place, []finapi.Event) error { return bug }
		})
		o.book(1)
		ran, err := o.syncer.RunDue(t.Context(), 1)
		if ran != 3 || !errors.Is(err, bug) {
			t.Errorf("%d ran with %v, want three tries and the ERP's error", ran, err)
		}
		o.wantWhys("news!vendor")
		if s := o.status(); s.Failures != 1 || s.Taken || !s.Next.At.After(o.sim.Clock().Now()) {
			t.Errorf("the status is %+v", s)
		}
		o.syncer = o.newSyncer() // repaired
		o.night()
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestARunThatCannotBeReportedIsRepeated(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(2)
		full := errors.New("the outbox is full")
		broken := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Report = func(context.Context, *sql.Tx, sqlstore.Report) error { return full }
		})
		if err := broken.Run(t.Context(), o.take(broken)); !errors.Is(err, full) {
			t.Errorf("got %v, want the ERP's error", err)
		}
		if o.status().Last != nil {
			t.Error("the run was noted without its report")
		}
		o.expire()
		o.run(1)
		o.wantWhys("news")
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestAPanicInReportIsAnErrorOfRunAndTheRunIsRepeated(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(2)
		broken := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Report = func(context.Context, *sql.Tx, sqlstore.Report) error { panic("nil map") }
		})
		if err := broken.Run(t.Context(), o.take(broken)); err == nil || !strings.Contains(err.Error(), "nil map") {
			t.Errorf("got %v, want the panic as an error", err)
		}
		if o.status().Last != nil {
			t.Error("the run was noted without its report")
		}
		o.expire()
		o.run(1)
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestWhatStandsInTheWayDecidesWhenItIsTriedAgain(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		t.Run("the customer", func(t *testing.T) {
			o := newOffice(t, d)
			o.run(1)
			o.sim.RevokeConsent(int64(o.connection))
			o.night()
			o.night()
			o.wantWhys("news scheduled!customer")
			if s := o.status(); !s.Next.At.IsZero() || s.Next.BlockedBy != finapi.ActorCustomer || s.Last.Failure.Remedy(finapi.German) == "" {
				t.Errorf("the status is %+v", s)
			}
			known, err := o.connections.Tell(t.Context(), o.connection, sqlstore.HintCustomerActed)
			if err != nil || !known {
				t.Fatalf("got %t, %v", known, err)
			}
			o.run(1)
			o.wantWhys("news scheduled!customer news")
		})
	})
}

func TestABankThatFailsIsAskedAgainLaterAndNotTooOften(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		o.sim.FailUpdates(int64(o.connection), 1000, finapitest.UpdateFailure{ErrorCode: "INTERNAL_ERROR"})
		o.pay(1)
		for range 3 {
			o.night()
		}
		failed := strings.Count(o.whys(), "!")
		if failed < 4 || failed > 3*4 {
			t.Errorf("%d failures in three days, want 4 or more and no more than 4 a day: %s", failed, o.whys())
		}
		o.sim.FailUpdates(int64(o.connection), 0, finapitest.UpdateFailure{})
		o.night()
		wantBookedOnce(t, o.bank, o.store)
		if s := o.status(); s.Failures != 0 || s.Last.Failure != nil {
			t.Errorf("the status is %+v", s)
		}
	})
}

// outage is a way to finAPI that can be cut.
type outage struct {
	http.RoundTripper
	cut  bool
	sent int
}

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	o.sent++
	if o.cut {
		return nil, errors.New("connection refused")
	}
	return o.RoundTripper.RoundTrip(r)
}

func TestAHostThatIsLeftAloneIsFinAPIsTroubleAndIsTriedAgainLater(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		way := &outage{RoundTripper: o.transport}
		client, err := finapi.NewClient(
			finapi.Sandbox, finapi.Credentials{ID: o.sim.ClientID(), Secret: finapi.NewSecret(o.sim.ClientSecret())},
			finapi.WithBaseURLs(o.sim.AccessURL(), o.sim.WebFormURL()), finapi.WithTransport(way),
			finapi.WithClock(o.sim.Clock()), finapi.WithBudget(o.store.Budget()),
			finapi.WithCircuit(finapi.Circuit{Failures: 2, Base: time.Hour, Max: time.Hour}),
		)
		o.must(err)
		o.user = client.User(o.user.ID(), o.user.Password())
		o.pay(3)
		way.cut = true
		if _, err := client.Configuration(t.Context()); err == nil {
			t.Fatal("the way is not cut")
		}
		way.sent = 0
		_, err = o.connections.Tell(t.Context(), o.connection, sqlstore.HintNews)
		o.must(err)
		o.sim.Clock().Advance(10 * time.Minute)
		o.run(1)
		s := o.status()
		if f := s.Last.Failure; f == nil || f.Code != finapi.CodeHostDown || f.Actor != finapi.ActorFinAPI {
			t.Fatalf("the failure is %+v, want %s of finAPI's", f, finapi.CodeHostDown)
		}
		if way.sent != 0 {
			t.Errorf("%d requests were sent to a host that is left alone", way.sent)
		}
		if wait := s.Next.At.Sub(o.sim.Clock().Now()); s.Last.MustAct() != "" || wait < 20*time.Minute || wait > 24*time.Hour {
			t.Errorf("it is tried again in %v and %q must act, want it after the pause and nobody", wait, s.Last.MustAct())
		}
		backlog, err := o.connections.Backlog(t.Context())
		o.must(err)
		if len(backlog.Blocked) != 0 || backlog.Failing != 1 {
			t.Errorf("the backlog is %+v, want one that fails and nobody who must act", backlog)
		}
		way.cut = false
		o.night()
		wantBookedOnce(t, o.bank, o.store)
		if s := o.status(); s.Failures != 0 || s.Last.Failure != nil {
			t.Errorf("after the outage the status is %+v", s)
		}
	})
}

func TestWhatTheVendorMustRepairEndsAsADeadLetter(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		id := o.connection + 1
		o.must(o.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{Connection: id, Tenant: "nobody", Bank: 1}))
		for range 5 {
			o.night()
		}
		dead, err := o.connections.BlockedBy(t.Context(), finapi.ActorVendor, 0, 10)
		o.must(err)
		if len(dead) != 1 || dead[0].Connection != id || dead[0].Next.Why != finapi.DueDeadLetter || dead[0].Failures != 3 {
			t.Fatalf("dead letters are %+v", dead)
		}
		backlog, err := o.connections.Backlog(t.Context())
		o.must(err)
		if !maps.Equal(backlog.Blocked, map[finapi.Actor]int{finapi.ActorVendor: 1}) || backlog.Connections != 2 || backlog.Due != 0 || backlog.Taken != 0 {
			t.Errorf("the backlog is %+v", backlog)
		}
		if _, err := o.connections.Tell(t.Context(), id, sqlstore.HintRepaired); err != nil {
			t.Fatal(err)
		}
		if of, err := o.connections.OfTenant(t.Context(), "nobody"); err != nil || len(of) != 1 || of[0].Next.At.IsZero() {
			t.Errorf("after the repair it is %+v, %v, want it due", of, err)
		}
		rest, err := o.connections.BlockedBy(t.Context(), finapi.ActorVendor, id, 10)
		if err != nil || len(rest) != 0 {
			t.Errorf("behind the last dead letter are %v, %v", rest, err)
		}
	})
}

func TestWhatKillsItsWorkersIsLeftAloneForAWhile(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		for range 4 {
			o.take(o.syncer) // and waits for too long in a queue, which is not its fault
			o.expire()
		}
		for range 3 {
			o.die()
		}
		tasks, err := o.syncer.Take(t.Context(), 1)
		o.must(err)
		if s := o.status(); len(tasks) != 0 || s.Failures != 1 || !s.Next.At.After(o.sim.Clock().Now()) {
			t.Errorf("%d were taken, and the status is %+v", len(tasks), s)
		}
		o.night()
		if o.status().Failures != 0 {
			t.Errorf("it was not tried again: %+v", o.status())
		}
	})
}

func TestAfterAnOutageNotAllBeginAtOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		const n = 60
		for i := range n {
			o.must(o.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{
				Connection: o.connection + 1 + finapi.ConnectionID(i), Tenant: "nobody", Bank: finapi.BankID(i + 1),
			}))
		}
		tasks, err := o.syncer.Take(t.Context(), n) // the first reading, which nobody does
		o.must(err)
		if len(tasks) != n {
			t.Fatalf("%d were taken, want %d", len(tasks), n)
		}
		o.sim.Clock().Advance(30 * time.Hour)
		o.expire()
		taken := map[int]int{}
		for i := range 5 {
			tasks, err := o.syncer.Take(t.Context(), n+1)
			o.must(err)
			taken[i] = len(tasks)
			o.sim.Clock().Advance(30 * time.Minute)
		}
		if taken[0] != 0 || slices.Max(slices.Collect(maps.Values(taken))) > n/2 {
			t.Errorf("taken in half an hour each: %v, want none at once and never most of them", taken)
		}
	})
}

func TestNoMoreAreTakenThanTheLimitsAllow(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		for i := range 40 {
			o.must(o.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{
				Connection: o.connection + 1 + finapi.ConnectionID(i), Tenant: "nobody",
				Bank: finapi.BankID(1 + i%4), Mandator: string(rune('a' + i%2)),
			}))
		}
		s := o.newSyncer(func(c *sqlstore.SyncerConfig) { c.Limits = sqlstore.Limits{PerBank: 3, PerMandator: 5} })
		first, err := s.Take(t.Context(), 100)
		o.must(err)
		second, err := s.Take(t.Context(), 100)
		o.must(err)
		if len(first) != 10 || len(second) != 0 {
			t.Errorf("taken were %d and then %d, want 5 of each mandator and then none", len(first), len(second))
		}
		perBank := map[finapi.BankID]int{}
		for _, task := range first {
			status, err := o.connections.Status(t.Context(), task.Connection)
			o.must(err)
			perBank[status.Bank]++
		}
		for id, n := range perBank {
			if n > 3 {
				t.Errorf("of bank %d, %d were taken, want 3 at the most", id, n)
			}
		}
		o.must(s.Run(t.Context(), first[0]))
		if third, err := s.Take(t.Context(), 100); err != nil || len(third) != 1 {
			t.Errorf("after one has ended, %d were taken, %v, want 1", len(third), err)
		}
	})
}

func TestBanksThatAreBusyDoNotHideTheOthers(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		for i := range 30 {
			o.must(o.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{
				Connection: o.connection + 1 + finapi.ConnectionID(i), Tenant: "nobody", Bank: finapi.BankID(1 + i/29),
			}))
		}
		s := o.newSyncer(func(c *sqlstore.SyncerConfig) { c.Limits = sqlstore.Limits{PerBank: 2, PerMandator: 3} })
		tasks, err := s.Take(t.Context(), 100)
		o.must(err)
		if len(tasks) != 3 {
			t.Errorf("%d were taken, want two of the first bank and the one of the other", len(tasks))
		}
	})
}

func TestAConnectionThatWasWithdrawnIsNotWrittenAnyMore(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(2)
		task := o.take(o.syncer)
		leaving := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Ledger = func(ctx context.Context, _ string, _ *finapi.Account) (finapi.LedgerID, error) {
				return books.Ledger, o.connections.Withdraw(ctx, nil, o.connection)
			}
		})
		o.must(leaving.Run(t.Context(), task))
		if got := count(t, o.store.DB(), "journal"); got != 0 {
			t.Errorf("the journal has %d bookings, want none", got)
		}
		if _, err := o.connections.Status(t.Context(), o.connection); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
		}
		if known, err := o.connections.Tell(t.Context(), o.connection, sqlstore.HintNews); known || err != nil {
			t.Errorf("got %t, %v, want that it is not known", known, err)
		}
	})
}

func TestAnEnrolmentCommitsWithTheERPsTransaction(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		tx, err := o.store.DB().BeginTx(t.Context(), nil)
		o.must(err)
		other := o.enrolment()
		other.Connection++
		o.must(o.connections.Enrol(t.Context(), tx, other))
		o.must(tx.Rollback())
		if _, err := o.connections.Status(t.Context(), other.Connection); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
		}
	})
}

func TestAnEnrolmentChangesTheScheduleAndKeepsTheHistory(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		e := o.enrolment()
		e.Schedule.Every = finapi.OnOpen
		o.must(o.connections.Enrol(t.Context(), nil, e))
		s := o.status()
		if s.Next.Why != finapi.DueOnOpen || !s.Next.At.IsZero() || s.Last == nil {
			t.Errorf("the status is %+v", s)
		}
		o.sim.Clock().Advance(time.Hour)
		o.pay(1)
		if _, err := o.connections.Tell(t.Context(), o.connection, sqlstore.HintOpened); err != nil {
			t.Fatal(err)
		}
		o.run(1)
		wantBookedOnce(t, o.bank, o.store)
	})
}

func TestWhatFinAPITellsIsReadAtOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		o.sim.Clock().Advance(time.Hour)
		o.book(2) // finAPI's own update
		if n, err := o.connections.TellTenant(t.Context(), "tenant-17", sqlstore.HintNews); n != 1 || err != nil {
			t.Fatalf("told %d connections, %v, want 1", n, err)
		}
		o.run(1)
		o.wantWhys("news news")
		wantBookedOnce(t, o.bank, o.store)
		o.sim.EditInterface(int64(o.connection), "XS2A", func(i *finapitest.ConnectionInterface) { i.UserActionRequired = true })
		o.sim.Clock().Advance(time.Hour)
		_, err := o.connections.TellTenant(t.Context(), "tenant-17", sqlstore.HintNews)
		o.must(err)
		o.run(1)
		if s := o.status(); s.Next.BlockedBy != finapi.ActorCustomer || !s.Next.At.IsZero() {
			t.Errorf("the status is %+v, want that the customer must act", s)
		}
		if n, err := o.connections.TellTenant(t.Context(), "nobody", sqlstore.HintNews); n != 0 || err != nil {
			t.Errorf("told %d connections of nobody, %v", n, err)
		}
	})
}

func TestBadInputForConnectionsIsRefused(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		ctx := t.Context()
		refused := func(err error) { t.Helper(); wantCode(t, err, finapi.CodeInvalidInput) }
		_, err := o.store.Connections(0, nil)
		refused(err)
		for _, change := range []func(*sqlstore.Enrolment){
			func(e *sqlstore.Enrolment) { e.Connection = 0 },
			func(e *sqlstore.Enrolment) { e.Tenant = " " },
			func(e *sqlstore.Enrolment) { e.Tenant = strings.Repeat("x", 201) },
			func(e *sqlstore.Enrolment) { e.Tenant = "another" },
			func(e *sqlstore.Enrolment) { e.Bank = 0 },
			func(e *sqlstore.Enrolment) { e.Mandator = strings.Repeat("x", 201) },
			func(e *sqlstore.Enrolment) { e.Schedule.Every = "hourly" },
		} {
			e := o.enrolment()
			change(&e)
			refused(o.connections.Enrol(ctx, nil, e))
		}
		_, err = o.connections.Tell(ctx, o.connection, "perhaps")
		refused(err)
		_, err = o.connections.TellTenant(ctx, "tenant-17", "perhaps")
		refused(err)
		_, err = o.syncer.Take(ctx, 0)
		refused(err)
		_, err = o.connections.BlockedBy(ctx, finapi.ActorBank, 0, 0)
		refused(err)
		_, err = o.connections.Support(ctx, 1)
		refused(err)
		refused(o.syncer.Loop(ctx, time.Hour, 1))
		refused(o.syncer.Loop(ctx, time.Second, 0))
		_, err = o.syncer.RunDue(ctx, 0)
		refused(err)
		for _, change := range []func(*sqlstore.SyncerConfig){
			func(c *sqlstore.SyncerConfig) { c.Connections = nil },
			func(c *sqlstore.SyncerConfig) { c.Users = nil },
			func(c *sqlstore.SyncerConfig) { c.Ledger = nil },
			func(c *sqlstore.SyncerConfig) { c.Hold = time.Millisecond },
			func(c *sqlstore.SyncerConfig) { c.Patience = -1 },
			func(c *sqlstore.SyncerConfig) { c.Limits.PerBank = -1 },
			func(c *sqlstore.SyncerConfig) { c.Limits.PerMandator = -1 },
		} {
			config := o.syncer.SyncerConfig
			change(&config)
			_, err := sqlstore.NewSyncer(config)
			refused(err)
		}
	})
}

func TestALoopGoesOnUntilItsContextEnds(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		ctx, cancel := context.WithCancel(t.Context())
		var o *office
		runs := 0
		o = newOffice(t, d, func(c *sqlstore.SyncerConfig) {
			c.Report = func(context.Context, *sql.Tx, sqlstore.Report) error {
				if runs++; runs == 3 {
					cancel()
				}
				return nil
			}
		})
		o.book(1)
		if err := o.syncer.Loop(ctx, time.Minute, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was cancelled", err)
		}
		if runs != 3 {
			t.Errorf("it ran %d times, want 3", runs)
		}
	})
}

func TestASupportBundleHoldsNothingOfWhatTheBankSays(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.book(3)
		o.run(1)
		o.sim.FailUpdates(int64(o.connection), 1, finapitest.UpdateFailure{Message: "Geheime Nachricht an Frau Muster"})
		o.night()
		bundle, err := o.connections.Support(t.Context(), o.connection)
		o.must(err)
		account, err := o.user.Account(t.Context(), o.account)
		o.must(err)
		for _, secret := range []string{"Muster", "Rechnung", "-0.01", account.IBAN, account.Name, "password"} {
			if secret != "" && strings.Contains(string(bundle), secret) {
				t.Errorf("the bundle holds %q:\n%s", secret, bundle)
			}
		}
		for _, wanted := range []string{`"next"`, `"lastRead"`, `"bookings": 3`, `"ledger": "tenant-17/1200"`} {
			if !strings.Contains(string(bundle), wanted) {
				t.Errorf("the bundle lacks %s:\n%s", wanted, bundle)
			}
		}
	})
}

// renew lets the customer renew the consent at finAPI.
func (o *office) renew() {
	o.t.Helper()
	consent, err := o.user.RenewConsent(o.t.Context(), finapi.RenewRequest{Connection: o.connection})
	o.must(err)
	o.must(o.sim.Approve(consent.URL))
	_, err = o.user.WaitConsent(o.t.Context(), consent.ID)
	o.must(err)
}

// blocked brings the connection to where the customer must act.
func (o *office) blocked() {
	o.t.Helper()
	o.run(1)
	o.sim.RevokeConsent(int64(o.connection))
	o.night()
	if s := o.status(); s.Next.MustAct() != finapi.ActorCustomer || s.Last.MustAct() != finapi.ActorCustomer {
		o.t.Fatalf("the status is %+v, want that the customer must act", s)
	}
}

func TestARenewalDuringARunIsNotForgottenWithIt(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		o.sim.RevokeConsent(int64(o.connection))
		slow := o.newSyncer(func(c *sqlstore.SyncerConfig) {
			c.Users = finding(func(ctx context.Context, tenant string) (*finapi.User, error) {
				o.sim.Clock().Advance(time.Minute)
				_, err := o.connections.Tell(ctx, o.connection, sqlstore.HintCustomerActed)
				o.must(err) // the customer is faster than the run, which still finds the old consent
				return o.Find(ctx, tenant)
			})
		})
		for o.status().Next.At.After(o.sim.Clock().Now()) {
			o.sim.Clock().Advance(10 * time.Minute)
			_, err := slow.Take(t.Context(), 1)
			o.must(err)
			o.expire()
		}
		o.must(slow.Run(t.Context(), o.take(slow)))
		if s := o.status(); s.Next.Why != finapi.DueNews || s.Failures != 0 {
			t.Errorf("the status is %+v, want that it is read at once", s)
		}
	})
}

// finding is a list of tenants.
type finding func(context.Context, string) (*finapi.User, error)

func (f finding) Find(ctx context.Context, tenant string) (*finapi.User, error) {
	return f(ctx, tenant)
}

func TestWhoRenewsIsSynchronisedAgainWhateverTheERPTells(t *testing.T) {
	for name, tell := range map[string]func(*office){
		"Enrol": func(o *office) { o.must(o.connections.Enrol(o.t.Context(), nil, o.enrolment())) },
		"news": func(o *office) {
			_, err := o.connections.Tell(o.t.Context(), o.connection, sqlstore.HintNews)
			o.must(err)
		},
		"opened": func(o *office) {
			_, err := o.connections.Tell(o.t.Context(), o.connection, sqlstore.HintOpened)
			o.must(err)
		},
		"acted again": func(o *office) {
			_, err := o.connections.Tell(o.t.Context(), o.connection, sqlstore.HintCustomerActed)
			o.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, kinds, func(t *testing.T, d database) {
				o := newOffice(t, d)
				o.blocked()
				tell(o) // too early: finAPI still wants the customer
				o.run(1)
				if s := o.status(); name != "acted again" && s.Next.MustAct() != finapi.ActorCustomer {
					t.Errorf("the status is %+v, want that the customer still must act", s)
				}
				o.sim.Clock().Advance(6 * time.Minute) // reading once is enough for five
				o.renew()
				tell(o)
				o.pay(1)
				o.run(1)
				o.night()
				wantBookedOnce(t, o.bank, o.store)
			})
		})
	}
}

func TestAPanicOfTheERPIsAFailureThatEndsAsADeadLetter(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d, func(c *sqlstore.SyncerConfig) {
			c.Apply = func(context.Context, *sql.Tx, sqlstore.Place, []finapi.Event) error { panic("nil map") }
		})
		o.book(1)
		for range 24 * 5 {
			o.sim.Clock().Advance(12 * time.Minute)
			if _, err := o.syncer.RunDue(t.Context(), 1); err != nil && !strings.Contains(err.Error(), "nil map") {
				t.Fatal(err)
			}
		}
		s := o.status()
		if s.Next.Why != finapi.DueDeadLetter || s.Next.MustAct() != finapi.ActorVendor || s.Last.Failure.Code != finapi.CodeProgramFailed {
			t.Errorf("the status is %+v with %+v, want a dead letter", s, s.Last)
		}
		backlog, err := o.connections.Backlog(t.Context())
		o.must(err)
		if backlog.Failing != 1 || backlog.Blocked[finapi.ActorVendor] != 1 {
			t.Errorf("the backlog is %+v", backlog)
		}
	})
}

func TestOpeningThePageLeavesAnUpdateForTheNight(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		for range 6 {
			o.sim.Clock().Advance(10 * time.Minute)
			_, err := o.connections.Tell(t.Context(), o.connection, sqlstore.HintOpened)
			o.must(err)
			o.run(1)
		}
		o.wantWhys("news opened opened opened news news news")
		before := len(o.reports)
		o.night()
		if later := o.reports[before:]; len(later) == 0 || later[0].Due.Why != finapi.DueScheduled || later[0].Failure != nil {
			t.Errorf("the night was %+v, want the regular run", later)
		}
	})
}

func TestATaskOfAnotherEnvironmentIsRefused(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		task := o.take(o.syncer)
		task.Environment = "live"
		wantCode(t, o.syncer.Run(t.Context(), task), finapi.CodeInvalidInput)
	})
}

func TestAnAccountThatTheBankHasClosedDoesNotFailItsConnection(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		o := newOffice(t, d)
		o.run(1)
		o.sim.BankAccounts("amnis")[0].Close()
		o.night()
		s := o.status()
		if s.Failures != 0 || s.Last.Failure != nil || len(s.Last.Accounts) != 1 || s.Last.Accounts[0].Failure == nil {
			t.Errorf("the status is %+v with %+v, want a failure of the account only", s, s.Last)
		}
	})
}
