package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/sqlstore"
)

// app is the application with all that it works with.
type app struct {
	site    site
	books   *books
	client  *finapi.Client
	users   *sqlstore.Users
	returns *finapi.ReturnHandler
	works   *works
	pages   map[finapi.Language]*pages
	log     *slog.Logger
	sim     *finapitest.Server // nil on the real service
	clock   finapi.Clock       // the time at finAPI, which a simulator can move
	zone    *time.Location
	scratch string // a folder to delete at the end; "" if the file is kept
	// formHosts are the origins of the forms that customers are sent to.
	formHosts []string
}

// open opens the books, and finAPI as the environment says.
func open(ctx context.Context, opts options, env func(string) string, site site, log *slog.Logger) (_ *app, err error) {
	a := &app{site: site, log: log, works: newWorks(log)}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	service := serviceOf(env)
	if opts.db == "" && service == simulator {
		if a.scratch, err = os.MkdirTemp("", "finapi-connect-"); err != nil {
			return nil, err
		}
		opts.db = filepath.Join(a.scratch, "connect.db")
	}
	opts.db = cmp.Or(opts.db, "connect.db")
	if a.books, err = openBooks(ctx, opts.db, service); err != nil {
		return nil, err
	}
	if err := a.connectTo(ctx, service, env, opts.simulator); err != nil {
		return nil, err
	}
	return a, a.prepare(ctx, opts.db)
}

// simulator is the service that is used without credentials.
const simulator = "simulator"

// serviceOf names the service that the environment asks for.
func serviceOf(env func(string) string) string {
	if env("FINAPI_CLIENT_ID") == "" && env("FINAPI_CLIENT_SECRET") == "" {
		return simulator
	}
	return cmp.Or(env("FINAPI_ENV"), "sandbox")
}

func (a *app) connectTo(
	ctx context.Context, service string, env func(string) string, simulation []finapitest.Option,
) error {
	options := []finapi.Option{
		finapi.WithUserAgent("finapi-example-connect"), finapi.WithBudget(a.books.store.Budget()), finapi.WithLogger(a.log),
	}
	credentials := finapi.Credentials{ID: env("FINAPI_CLIENT_ID"), Secret: finapi.NewSecret(env("FINAPI_CLIENT_SECRET"))}
	environment := finapi.Sandbox
	switch service {
	case simulator:
		sim, err := a.simulate(ctx, simulation)
		if err != nil {
			return err
		}
		a.sim, a.clock = sim, sim.Clock()
		a.formHosts = []string{sim.WebFormURL()}
		credentials = finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())}
		options = append(options, finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()))
	case "sandbox":
		a.formHosts = []string{"https://webform-sandbox.finapi.io"}
	case "live":
		environment = finapi.Live
		// finAPI's documents and its integrations name the host differently.
		a.formHosts = []string{"https://webform-live.finapi.io", "https://webform.finapi.io"}
	default:
		return errors.New("FINAPI_ENV must be sandbox or live")
	}
	if a.clock == nil {
		a.clock = finapi.SystemClock()
	}
	client, err := finapi.NewClient(environment, credentials, options...)
	a.client = client
	return err
}

// prepare readies what needs a client.
func (a *app) prepare(ctx context.Context, db string) (err error) {
	keys, err := openKeys(db + ".key")
	if err != nil {
		return err
	}
	if a.users, err = a.books.store.Users(a.client, keys.seal); err != nil {
		return err
	}
	if a.zone, err = time.LoadLocation("Europe/Berlin"); err != nil {
		return err
	}
	if a.pages, err = parsePages(a.zone); err != nil {
		return err
	}
	if a.sim != nil {
		if err := a.startAfresh(ctx); err != nil {
			return err
		}
	}
	a.returns, err = a.client.NewReturnHandler(finapi.ReturnConfig{
		URL: a.site.returnURL(), Callback: a.site.callback(), Keys: keys.states, States: a.books.store.States(),
		SignedIn: a.signedInUser, User: a.users.ByID, Returned: a.returned, Refused: a.refused, CalledBack: a.calledBack,
	})
	return err
}

func (a *app) close() {
	a.works.close() // before what they work with
	if a.sim != nil {
		a.sim.Close()
	}
	if a.books != nil {
		a.books.close()
	}
	if a.scratch != "" {
		_ = os.RemoveAll(a.scratch) //nolint:gosec // made by MkdirTemp
	}
}

// now is the time at finAPI.
func (a *app) now() time.Time { return a.clock.Now() }
