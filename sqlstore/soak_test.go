package sqlstore_test

import (
	"context"
	"database/sql"
	"flag"
	"os"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/internal/soak"
	"github.com/finapi-go/finapi/sqlstore"
)

var (
	soakDays = flag.Int("soak-days", 15, "days of TestManyDaysOfFaultsLoseAndDoubleNothing; try 365")
	soakSeed = flag.Uint64("soak-seed", 1, "what happens on these days")
)

// TestManyDaysOfFaultsLoseAndDoubleNothing lets an ERP with a database work at a finAPI at
// which everything goes wrong, and compares its books with the bank's.
//
//	go test -run TestManyDaysOfFaults -soak-days=365 -soak-seed=7 -v
func TestManyDaysOfFaultsLoseAndDoubleNothing(t *testing.T) {
	if os.Getenv(capture.Variable) != "" {
		t.Skip("left out while internal/contract records: the soak sends nothing that other tests do not send")
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			books := &databaseBooks{database: kind(t)}
			if err := books.begin(t); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := books.database.close(books.store); err != nil {
					t.Error(err)
				}
			})
			t.Log(soak.Run(t, books, soak.Config{Days: *soakDays, Seed: *soakSeed}))
		})
	}
}

// databaseBooks are the books of an ERP in a database.
type databaseBooks struct {
	database database
	store    *sqlstore.Store
}

func (b *databaseBooks) begin(t *testing.T) (err error) {
	t.Helper()
	if b.store, err = b.database.start(t.Context()); err != nil {
		return err
	}
	_, err = b.store.DB().Exec(`CREATE TABLE soaked (ledger TEXT NOT NULL, uid TEXT NOT NULL, content TEXT NOT NULL)`)
	return err
}

func (b *databaseBooks) Store() finapi.Store   { return b.store }
func (b *databaseBooks) Budget() finapi.Budget { return b.store.Budget() }

func (b *databaseBooks) Restart() (err error) {
	if err := b.database.close(b.store); err != nil {
		return err
	}
	b.store, err = b.database.start(context.Background())
	return err
}

func (b *databaseBooks) Deliver(ctx context.Context, feed *finapi.Feed, check func() error) error {
	return sqlstore.Sync(ctx, feed, func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
		for _, p := range soak.Postings(feed.Ledger().Ledger, batch) {
			if err := postLine(ctx, tx, p); err != nil {
				return err
			}
		}
		return check()
	})
}

func postLine(ctx context.Context, tx *sql.Tx, p soak.Posting) (err error) {
	switch {
	case p.Remove:
		_, err = tx.ExecContext(ctx, `DELETE FROM soaked WHERE uid = $1`, string(p.UID))
	case p.Change:
		_, err = tx.ExecContext(ctx, `UPDATE soaked SET content = $2 WHERE uid = $1`, string(p.UID), p.Content)
	default:
		_, err = tx.ExecContext(ctx, `INSERT INTO soaked (ledger, uid, content) VALUES ($1, $2, $3)`,
			string(p.Ledger), string(p.UID), p.Content)
	}
	return err
}

func (b *databaseBooks) Confirm(ctx context.Context, feed *finapi.Feed, uid finapi.UID) error {
	return sqlstore.Decide(ctx, feed, uid, finapi.Confirmed, "person", func(context.Context, *sql.Tx, []finapi.Event) error {
		return nil // it is in the journal already
	})
}

func (b *databaseBooks) Journal() (lines []soak.Line, err error) {
	rows, err := b.store.DB().Query(`SELECT ledger, uid, content FROM soaked`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l soak.Line
		if err := rows.Scan(&l.Ledger, &l.UID, &l.Content); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, rows.Err()
}
