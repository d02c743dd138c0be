package fleet_test //nolint:testableexamples // the example needs a server and finAPI

import (
	"context"
	"database/sql"
	"log"
	"os/signal"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/fleet"
	"github.com/finapi-go/finapi/sqlstore"
)

// A worker of an ERP that runs on many machines. Each runs this program; start and stop as
// many as you like. See examples/fleet for one that runs.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	pool, err := pgxpool.New(ctx, "postgres://erp@db.example/books")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	store, err := sqlstore.New(ctx, stdlib.OpenDBFromPool(pool), sqlstore.PostgreSQL)
	if err != nil {
		log.Fatal(err)
	}
	client, err := finapi.NewClient(finapi.Live,
		finapi.Credentials{ID: "client", Secret: finapi.NewSecret("secret")}, finapi.WithBudget(store.Budget()))
	if err != nil {
		log.Fatal(err)
	}
	users, err := store.Users(client, keyFromTheVault())
	if err != nil {
		log.Fatal(err)
	}
	connections, err := store.Connections(client.Environment(), nil)
	if err != nil {
		log.Fatal(err)
	}
	syncer, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: connections, Users: users, Ledger: chosenByTheTenant, Apply: intoTheBooks,
		Limits: sqlstore.Limits{PerBank: 10, PerMandator: 200},
	})
	if err != nil {
		log.Fatal(err)
	}
	f, err := fleet.New(ctx, fleet.Config{Pool: pool, Syncer: syncer, Workers: 50})
	if err != nil {
		log.Fatal(err)
	}
	if err := f.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// What follows is the ERP's.

func keyFromTheVault() finapi.AEAD { return nil }

func chosenByTheTenant(context.Context, string, *finapi.Account) (finapi.LedgerID, error) {
	return "tenant-17/1200", nil
}

func intoTheBooks(context.Context, *sql.Tx, sqlstore.Place, []finapi.Event) error { return nil }
