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

// An ERP behind a network gets each event as JSON, with a key that it takes only once.
func ExampleFill() {
	ctx := context.Background()
	withBooks(func(bank *bank, store *sqlstore.Store) error {
		bank.book(2)
		feed := bank.feed(store)
		if err := sqlstore.Fill(ctx, feed); err != nil {
			return err
		}
		inbox := store.Inbox(feed.Ledger())
		lost := true // the first answer of the ERP does not arrive
		taken := map[string]bool{}
		for {
			items, err := inbox.Next(ctx, 1)
			if err != nil || len(items) == 0 {
				return err
			}
			body, err := finapi.MarshalEvent(items[0].Event)
			if err != nil {
				return err
			}
			fmt.Printf("POST %.16s... with a new key: %t\n", body, !taken[items[0].Key]) // as the Idempotency-Key
			taken[items[0].Key] = true
			if lost {
				lost = false
				continue
			}
			if _, err := inbox.Ack(ctx, nil, items[0].Seq); err != nil {
				return err
			}
		}
	})
	// Output:
	// POST {"kind":"booked"... with a new key: true
	// POST {"kind":"booked"... with a new key: false
	// POST {"kind":"booked"... with a new key: true
}

// An ERP in the same database books and acknowledges in one transaction, when it likes.
func ExampleStore_Inbox() {
	ctx := context.Background()
	withBooks(func(bank *bank, store *sqlstore.Store) error {
		bank.book(3)
		feed := bank.feed(store)
		if err := sqlstore.Fill(ctx, feed); err != nil {
			return err
		}
		inbox := store.Inbox(feed.Ledger())
		items, err := inbox.Next(ctx, 100)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := bookItem(ctx, store.DB(), inbox, item); err != nil {
				return err
			}
		}
		left, err := inbox.Next(ctx, 100)
		fmt.Println(len(items), "booked,", len(left), "left")
		return err
	})
	// Output:
	// 3 booked, 0 left
}

// bookItem acknowledges an item and writes it into the ERP's journal, or neither. If another
// worker was faster, the item is in the journal already.
func bookItem(ctx context.Context, db *sql.DB, inbox *sqlstore.Inbox, item sqlstore.Item) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after a commit
	n, err := inbox.Ack(ctx, tx, item.Seq)
	if err != nil || n == 0 {
		return err
	}
	booked, ok := item.Event.(finapi.Booked)
	if !ok {
		return fmt.Errorf("what to do with a %T?", item.Event)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO journal (uid, amount) VALUES (?, ?)`,
		string(booked.UID), booked.Transaction.Amount.String())
	if err != nil {
		return err
	}
	return tx.Commit()
}

// withBooks does something with a simulated bank and with the books of an ERP.
func withBooks(do func(*bank, *sqlstore.Store) error) {
	err := func() error {
		bank, err := startBank()
		if err != nil {
			return err
		}
		defer bank.close()
		dir, err := os.MkdirTemp("", "erp")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		store, err := sqlstore.OpenFile(context.Background(), filepath.Join(dir, "books.db"))
		if err != nil {
			return err
		}
		defer func() { _ = store.Close() }()
		if _, err := store.DB().Exec(`CREATE TABLE journal (uid TEXT PRIMARY KEY, amount TEXT)`); err != nil {
			return err
		}
		return do(bank, store)
	}()
	if err != nil {
		fmt.Println(err)
	}
}
