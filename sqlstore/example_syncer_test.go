package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/sqlstore"
)

// directory of one tenant, as [sqlstore.Users] keeps many.
type onlyTenant struct{ user *finapi.User }

func (o onlyTenant) Find(context.Context, string) (*finapi.User, error) { return o.user, nil }

// An ERP on one machine: what a customer has consented to is synchronised by itself.
func ExampleSyncer() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "books")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := sqlstore.OpenFile(ctx, filepath.Join(dir, "books.db"))
	if err != nil {
		log.Fatal(err) //nolint:gocritic // an example may leave its directory behind
	}
	defer func() { _ = store.Close() }()
	if _, err := store.DB().Exec(`CREATE TABLE journal (uid TEXT PRIMARY KEY, amount TEXT)`); err != nil {
		log.Fatal(err)
	}
	b, err := startBank() // a simulated finAPI with a customer's account
	if err != nil {
		log.Fatal(err)
	}
	defer b.close()
	b.book(3)

	connections, err := store.Connections(finapi.Sandbox, b.sim.Clock()) // really: nil, for the machine's clock
	if err != nil {
		log.Fatal(err)
	}
	account, err := b.user.Account(ctx, b.account)
	if err != nil {
		log.Fatal(err)
	}
	err = connections.Enrol(ctx, nil, sqlstore.Enrolment{
		Connection: account.Connection, Tenant: "tenant-17", Bank: finapi.BankID(finapitest.AmnisID),
		Schedule: finapi.Schedule{Every: finapi.Daily, Window: "01:00-05:00"},
	})
	if err != nil {
		log.Fatal(err)
	}
	syncer, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: connections,
		Users:       onlyTenant{b.user}, // really: store.Users(client, aead)
		Ledger: func(_ context.Context, tenant string, a *finapi.Account) (finapi.LedgerID, error) {
			if a.ID != b.account {
				return "", nil // the customer does not want it in the books
			}
			return finapi.LedgerID(tenant + "/1200"), nil
		},
		Apply: func(ctx context.Context, tx *sql.Tx, _ sqlstore.Place, batch []finapi.Event) error {
			return enter(ctx, tx, batch) // the ERP's rows
		},
		Report: func(_ context.Context, _ *sql.Tx, r sqlstore.Report) error {
			for _, a := range r.Accounts {
				if a.Synced != nil { // else see a.Failure
					fmt.Printf("%s: %d booked into %s\n", r.Due.Why, a.Synced.Booked, a.Ledger)
				}
			}
			if r.MustAct() == finapi.ActorCustomer {
				fmt.Println("tell", r.Tenant, "to renew the consent")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := syncer.RunDue(ctx, 4); err != nil { // really: go syncer.Loop(ctx, time.Minute, 4)
		log.Fatal(err)
	}

	status, err := connections.Status(ctx, account.Connection)
	if err != nil {
		log.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("again at", status.Next.At.In(berlin).Format("15:04"))

	b.sim.Clock().Advance(time.Hour)
	b.book(1) // finAPI's own nightly update, of which it tells
	if _, err := connections.TellTenant(ctx, "tenant-17", sqlstore.HintNews); err != nil {
		log.Fatal(err)
	}
	if _, err := syncer.RunDue(ctx, 4); err != nil {
		log.Fatal(err)
	}
	backlog, err := connections.Backlog(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("connections:", backlog.Connections, "due:", backlog.Due)
	// Output:
	// news: 3 booked into tenant-17/1200
	// again at 02:43
	// news: 1 booked into tenant-17/1200
	// connections: 1 due: 0
}
