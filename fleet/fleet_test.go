package fleet_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/fleet"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/internal/pgtest"
	"github.com/finapi-go/finapi/sqlstore"
)

// vendor is an ERP vendor with some tenants, each with a connection of three accounts.
type vendor struct {
	t     *testing.T
	dsn   string
	sim   *finapitest.Server
	users map[string]*finapi.User
	// reported gets a word for each run that is about to be noted.
	reported chan struct{}
}

func newVendor(t *testing.T, server *pgtest.Server, tenants int) *vendor {
	t.Helper()
	v := &vendor{
		t: t, dsn: server.Database(t), sim: finapitest.New(t, finapitest.WithTokenLife(0)),
		users: map[string]*finapi.User{}, reported: make(chan struct{}, 100*tenants),
	}
	p := v.process()
	v.must(p.exec(`CREATE TABLE journal (uid text NOT NULL)`))
	v.must(p.exec(`CREATE TABLE run (connection bigint, due timestamptz, UNIQUE (connection, due))`))
	for i := range tenants {
		tenant := fmt.Sprintf("tenant-%d", i)
		user, err := p.client.CreateUser(t.Context(), finapi.NewUser{})
		v.must(err)
		consent, err := user.StartConsent(t.Context(), finapi.ConsentRequest{Bank: finapi.BankID(finapitest.AmnisID)})
		v.must(err)
		v.must(v.sim.Approve(consent.URL))
		consent, err = user.WaitConsent(t.Context(), consent.ID)
		v.must(err)
		v.users[tenant] = user
		v.must(p.connections.Enrol(t.Context(), nil, sqlstore.Enrolment{
			Connection: consent.Connection, Tenant: tenant, Bank: finapi.BankID(finapitest.AmnisID),
		}))
	}
	return v
}

func (v *vendor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// process is one of the vendor's programs.
type process struct {
	*vendor
	pool        *pgxpool.Pool
	store       *sqlstore.Store
	client      *finapi.Client
	connections *sqlstore.Connections
}

func (v *vendor) process() *process {
	v.t.Helper()
	p := &process{vendor: v}
	var err error
	p.pool, err = pgxpool.New(v.t.Context(), v.dsn)
	v.must(err)
	v.t.Cleanup(p.pool.Close)
	db := stdlib.OpenDBFromPool(p.pool)
	v.t.Cleanup(func() { _ = db.Close() })
	p.store, err = sqlstore.New(v.t.Context(), db, sqlstore.PostgreSQL)
	v.must(err)
	transport := &http.Transport{}
	v.t.Cleanup(transport.CloseIdleConnections)
	p.client, err = capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: v.sim.ClientID(), Secret: finapi.NewSecret(v.sim.ClientSecret())},
		finapi.WithBaseURLs(v.sim.AccessURL(), v.sim.WebFormURL()), finapi.WithTransport(transport),
		finapi.WithClock(v.sim.Clock()), finapi.WithBudget(p.store.Budget()),
	)
	v.must(err)
	p.connections, err = p.store.Connections(finapi.Sandbox, v.sim.Clock())
	v.must(err)
	return p
}

func (p *process) exec(statement string, args ...any) error {
	_, err := p.store.DB().Exec(statement, args...)
	return err
}

// Find is the list of tenants.
func (p *process) Find(_ context.Context, tenant string) (*finapi.User, error) {
	user := p.users[tenant]
	return p.client.User(user.ID(), user.Password()), nil
}

// fleet makes the process one of a fleet.
func (p *process) fleet(change ...func(*sqlstore.SyncerConfig, *fleet.Config)) *fleet.Fleet {
	p.t.Helper()
	sc := sqlstore.SyncerConfig{
		Connections: p.connections, Users: p, Hold: time.Second,
		Ledger: func(_ context.Context, tenant string, a *finapi.Account) (finapi.LedgerID, error) {
			return finapi.LedgerID(fmt.Sprintf("%s/%d", tenant, a.ID)), nil
		},
		Apply: func(ctx context.Context, tx *sql.Tx, _ sqlstore.Place, batch []finapi.Event) error {
			for _, event := range batch {
				if booked, ok := event.(finapi.Booked); ok {
					if _, err := tx.ExecContext(ctx, `INSERT INTO journal VALUES ($1)`, string(booked.UID)); err != nil {
						return err
					}
				}
			}
			return nil
		},
		Report: func(ctx context.Context, tx *sql.Tx, r sqlstore.Report) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO run VALUES ($1, $2)`, int64(r.Connection), r.Due.At)
			p.reported <- struct{}{}
			return err
		},
	}
	fc := fleet.Config{Pool: p.pool, Workers: 4, Every: 100 * time.Millisecond}
	for _, c := range change {
		c(&sc, &fc)
	}
	var err error
	fc.Syncer, err = sqlstore.NewSyncer(sc)
	p.must(err)
	f, err := fleet.New(p.t.Context(), fc)
	p.must(err)
	return f
}

// together runs fleets until do returns, and waits for their end.
func (v *vendor) together(do func(), fleets ...*fleet.Fleet) {
	v.t.Helper()
	ctx, stop := context.WithCancel(v.t.Context())
	ended := make(chan error)
	for _, f := range fleets {
		go func() { ended <- f.Run(ctx) }()
	}
	do()
	stop()
	for range fleets {
		if err := <-ended; err != nil {
			v.t.Errorf("a fleet ended with %v", err)
		}
	}
}

// wait waits for so many runs.
func (v *vendor) wait(runs int) {
	v.t.Helper()
	for range runs {
		select {
		case <-v.reported:
		case <-v.t.Context().Done():
			v.t.Fatal("the runs did not come")
		}
	}
}

// wantDone checks that each connection ran and each booking is in the journal once.
func (v *vendor) wantDone() {
	v.t.Helper()
	p := v.process()
	var entries, bookings, runs, want int
	v.must(p.store.DB().QueryRow(`SELECT count(*), count(DISTINCT uid) FROM journal`).Scan(&entries, &bookings))
	v.must(p.store.DB().QueryRow(`SELECT count(DISTINCT connection) FROM run`).Scan(&runs))
	for _, user := range v.users {
		for _, err := range user.Transactions(v.t.Context(), finapi.TransactionQuery{}) {
			v.must(err)
			want++
		}
	}
	if entries != want || bookings != want || runs != len(v.users) {
		v.t.Errorf("the journal has %d entries of %d bookings, want %d; %d connections ran, want %d", entries, bookings, want, runs, len(v.users))
	}
	backlog, err := p.connections.Backlog(v.t.Context())
	if err != nil || backlog.Due != 0 || backlog.Taken != 0 || backlog.Connections != len(v.users) {
		v.t.Errorf("the backlog is %+v, %v, want nothing to do", backlog, err)
	}
}

func TestAFleetSynchronisesWhatIsDueOnce(t *testing.T) {
	t.Parallel()
	v := newVendor(t, &postgres, 8)
	v.together(func() { v.wait(8) }, v.process().fleet(), v.process().fleet())
	v.wantDone()
}

func TestAWorkerThatIsToEndGivesBackWhatItCannotFinish(t *testing.T) {
	t.Parallel()
	v := newVendor(t, &postgres, 2)
	begun := make(chan struct{}, 2)
	slow := v.process().fleet(func(sc *sqlstore.SyncerConfig, fc *fleet.Config) {
		sc.Hold, fc.Grace = time.Hour, 10*time.Millisecond
		sc.Ledger = func(ctx context.Context, _ string, _ *finapi.Account) (finapi.LedgerID, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return "", ctx.Err()
		}
	})
	v.together(func() { <-begun; <-begun }, slow)
	v.together(func() { v.wait(2) }, v.process().fleet())
	v.wantDone()
}

func TestWhenPostgreSQLCrashesWorkGoesOnAfterItsRestart(t *testing.T) {
	t.Parallel()
	server := &pgtest.Server{} // of its own, and with commits that reach the disk
	t.Cleanup(func() { server.Around(nothing{}).Run() })
	const tenants = 20
	v := newVendor(t, server, tenants)
	look := v.process()
	v.together(func() {
		v.wait(3)
		server.Restart(t)
		for look.runs() < tenants && t.Context().Err() == nil {
		}
	}, v.process().fleet(), v.process().fleet())
	v.wantDone()
}

type nothing struct{}

func (nothing) Run() int { return 0 }

// runs counts the connections that ran; 0 if the database does not answer.
func (p *process) runs() (n int) {
	_ = p.store.DB().QueryRow(`SELECT count(DISTINCT connection) FROM run`).Scan(&n)
	return n
}

func TestAFleetDoesNotRunTwiceAtATime(t *testing.T) {
	t.Parallel()
	v := newVendor(t, &postgres, 1)
	f := v.process().fleet()
	v.together(func() {
		v.wait(1)
		var e *finapi.Error
		if err := f.Run(t.Context()); !errors.As(err, &e) || e.Field != "Fleet" {
			t.Errorf("got %v, want to be refused", err)
		}
	}, f)
}

func TestBadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	v := newVendor(t, &postgres, 0)
	p := v.process()
	syncer, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: p.connections, Users: p,
		Ledger: func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) { return "", nil },
	})
	v.must(err)
	for field, config := range map[string]fleet.Config{
		"Config.Pool":    {Syncer: syncer},
		"Config.Syncer":  {Pool: p.pool},
		"Config.Workers": {Pool: p.pool, Syncer: syncer, Workers: -1},
		"Config.Every":   {Pool: p.pool, Syncer: syncer, Every: time.Millisecond},
		"Config.Grace":   {Pool: p.pool, Syncer: syncer, Grace: -1},
		"Config.Schema":  {Pool: p.pool, Syncer: syncer, Schema: strings.Repeat("a", 47)},
	} {
		_, err := fleet.New(t.Context(), config)
		var e *finapi.Error
		if !errors.As(err, &e) || e.Code != finapi.CodeInvalidInput || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestAFleetThatCannotMakeItsTablesSaysSo(t *testing.T) {
	t.Parallel()
	v := newVendor(t, &postgres, 0)
	p := v.process()
	config := func(schema string) fleet.Config {
		s, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{
			Connections: p.connections, Users: p,
			Ledger: func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) { return "a", nil },
			Apply:  func(context.Context, *sql.Tx, sqlstore.Place, []finapi.Event) error { return nil },
		})
		v.must(err)
		return fleet.Config{Pool: p.pool, Syncer: s, Schema: schema}
	}
	const said = "fleet: bring River's tables up to date: "
	for _, schema := range []string{"a\x00b", "pg_mine"} {
		if f, err := fleet.New(t.Context(), config(schema)); f != nil || err == nil || !strings.HasPrefix(err.Error(), said) {
			t.Errorf("with the schema %q got %v, %v", schema, f, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := fleet.New(ended, config("")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context has ended", err)
	}
	if _, err := fleet.New(t.Context(), config("")); err != nil {
		t.Errorf("what failed before is in the way: %v", err)
	}
}
