package sqlstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/sqlstore"
)

const (
	childTask     = "SQLSTORE_TEST_CHILD"    // what the child has to do
	childDatabase = "SQLSTORE_TEST_DATABASE" // in which database, as JSON
	childBank     = "SQLSTORE_TEST_BANK"     // from which account, as JSON

	syncForEver = "sync for ever"
	openOnce    = "open once"
)

// child is what the test program does when it is started as an ERP.
func child(task string) int {
	var err error
	switch ctx := context.Background(); task {
	case syncForEver:
		err = keepSyncing(ctx)
	case deliverForEver:
		err = keepDelivering(ctx)
	case openOnce:
		err = openAndClose(ctx)
	default:
		err = fmt.Errorf("unknown task %q", task)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func openAndClose(ctx context.Context) error {
	d, store, err := childStore(ctx)
	if err != nil {
		return err
	}
	return d.close(store)
}

// childStore opens the database that the child has been told of.
func childStore(ctx context.Context) (database, *sqlstore.Store, error) {
	var d database
	if err := json.Unmarshal([]byte(os.Getenv(childDatabase)), &d); err != nil {
		return d, nil, err
	}
	store, err := d.start(ctx)
	return d, store, err
}

// childFeed opens the feed that the child has been told of.
func childFeed(store *sqlstore.Store) (*finapi.Feed, error) {
	var at reach
	if err := json.Unmarshal([]byte(os.Getenv(childBank)), &at); err != nil {
		return nil, err
	}
	client, err := capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: at.Client, Secret: finapi.NewSecret(at.Secret)},
		finapi.WithBaseURLs(at.Access, at.WebForm),
	)
	if err != nil {
		return nil, err
	}
	return client.User(at.User, finapi.NewSecret(at.Password)).Feed(at.Account, books.Ledger, store), nil
}

// command starts the test program as an ERP.
func command(t *testing.T, task string, d database, bank string) *exec.Cmd {
	t.Helper()
	where, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), childTask+"="+task, childDatabase+"="+string(where), childBank+"="+bank)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestProcessesThatStartAtOnceCanAllOpenANewDatabase(t *testing.T) {
	t.Parallel()
	for range 5 {
		for name, kind := range kinds {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := kind(t)
				var started []*exec.Cmd
				for range 6 {
					cmd := command(t, openOnce, d, "")
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					started = append(started, cmd)
				}
				for _, cmd := range started {
					if err := cmd.Wait(); err != nil {
						t.Errorf("a process could not open the database: %v", err)
					}
				}
				wantMigrations(t, d)
			})
		}
	}
}

// reach is how a program gets at an account of a bank.
type reach struct {
	Access   string           `json:"access"`
	WebForm  string           `json:"webForm"`
	Client   string           `json:"client"`
	Secret   string           `json:"secret"`
	User     finapi.UserID    `json:"user"`
	Password string           `json:"password"`
	Account  finapi.AccountID `json:"account"`
}

func (b *bank) reach(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(reach{
		Access: b.sim.AccessURL(), WebForm: b.sim.WebFormURL(), Client: b.sim.ClientID(), Secret: b.sim.ClientSecret(),
		User: b.user.ID(), Password: b.user.Password().Reveal(), Account: b.account,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keepSyncing is an ERP that is to be killed. It says on its standard output when
// it is in the middle of a transaction, when it is about to commit, and when all is
// read.
func keepSyncing(ctx context.Context) error {
	_, store, err := childStore(ctx)
	if err != nil {
		return err
	}
	feed, err := childFeed(store)
	if err != nil {
		return err
	}
	for {
		err := sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			fmt.Println("begun")
			if err := enter(ctx, tx, batch); err != nil {
				return err
			}
			fmt.Println("entered")
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("synced")
	}
}

var kills = flag.Int("kills", 30, "how often the ERP is killed, on each database")

func TestKillingTheERPLosesAndDoublesNothing(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b := newBank(t)
		if err := d.close(d.openWithJournal(t)); err != nil {
			t.Fatal(err)
		}
		b.book(1000)
		for life := range *kills {
			killed(t, b, d, 1+life%7)
			checkBooks(t, d)
			b.book(50)
		}
		survivor := d.open(t)
		before := len(journal(t, survivor.DB()))
		if before == 0 {
			t.Errorf("after %d kills nothing was booked: the kills came too early", *kills)
		}
		syncAll(t, b.feed(survivor))
		wantBookedOnce(t, b, survivor)
		t.Logf("%d of %d bookings came from processes that were killed", before, b.bookings)
	})
}

// killed starts the ERP and kills it a moment after it has said something for the
// n-th time.
func killed(t *testing.T, b *bank, d database, n int) {
	t.Helper()
	cmd := command(t, syncForEver, d, b.reach(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			t.Error("the child ended by itself")
			break
		}
	}
	// Anywhere in the next statements, the commit or the reading after it.
	time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
	if err := cmd.Process.Kill(); err != nil { // SIGKILL
		t.Error(err)
	}
	_ = cmd.Wait() // says that it was killed
}

// checkBooks checks what a killed process left: a whole database in which the
// journal and the memory agree.
func checkBooks(t *testing.T, d database) {
	t.Helper()
	db := d.connect(t)
	defer func() { _ = db.Close() }()
	if d.Dialect == sqlstore.SQLite {
		var integrity string
		if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&integrity); err != nil || integrity != "ok" {
			t.Fatalf("integrity_check: %s, %v", integrity, err)
		}
	}
	var doubles, strangers int
	err := db.QueryRow(`SELECT
		(SELECT count(*) - count(DISTINCT uid) FROM journal),
		(SELECT count(*) FROM (SELECT uid FROM journal EXCEPT SELECT uid FROM finapi_row) AS only_journal) +
		(SELECT count(*) FROM (SELECT uid FROM finapi_row EXCEPT SELECT uid FROM journal) AS only_memory)
	`).Scan(&doubles, &strangers)
	if err != nil || doubles != 0 || strangers != 0 {
		t.Fatalf("%d doubles, %d bookings only in the journal or only in the memory, %v", doubles, strangers, err)
	}
}
