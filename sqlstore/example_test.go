package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// book writes one batch into the ERP's journal. It runs in the transaction that
// also stores the memory of the feed.
func book(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
	for _, event := range batch {
		switch e := event.(type) {
		case finapi.Booked:
			_, err := tx.ExecContext(ctx, `INSERT INTO journal (uid, amount, text) VALUES (?, ?, ?)`,
				string(e.UID), e.Transaction.Amount.String(), e.Transaction.Purpose)
			if err != nil {
				return err
			}
		case finapi.Synced:
			fmt.Printf("%d new, %d known before\n", e.Booked, e.Known)
		default: // Review, Modified, Removed, Notice: for a person to look at
			return fmt.Errorf("what to do with a %T?", e)
		}
	}
	return nil
}

// keepBooks synchronises an account of a customer with the books in a file.
func keepBooks(ctx context.Context, user *finapi.User, account finapi.AccountID, path string) error {
	store, err := sqlstore.OpenFile(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	const schema = `CREATE TABLE IF NOT EXISTS journal (uid TEXT PRIMARY KEY, amount TEXT, text TEXT)`
	if _, err := store.DB().ExecContext(ctx, schema); err != nil {
		return err
	}
	return sqlstore.Sync(ctx, user.Feed(account, "tenant-17/1200", store), book)
}

func Example() {
	bank, err := startBank() // a simulated bank, and a customer who has consented
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bank.close()
	dir, err := os.MkdirTemp("", "erp")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	for _, payments := range []int{3, 0, 2} {
		bank.book(payments)
		err := keepBooks(context.Background(), bank.user, bank.account, filepath.Join(dir, "books.db"))
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// 3 new, 0 known before
	// 0 new, 3 known before
	// 2 new, 3 known before
}
