package sqlstore_test

import (
	"io/fs"
	"sync"
	"testing"

	"github.com/finapi-go/finapi/sqlstore"
)

func TestMigrationsRunOnceIfManyStartAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		for name, kind := range strictKinds {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := kind(t)
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						store, err := d.start(t.Context())
						if err != nil {
							t.Errorf("got %v, want that all can start", err)
							return
						}
						if err := d.close(store); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				wantMigrations(t, d)
			})
		}
	}
}

// wantMigrations checks that every migration is recorded once.
func wantMigrations(t *testing.T, d database) {
	t.Helper()
	if got := count(t, d.open(t).DB(), "finapi_migration"); got != 4 {
		t.Errorf("%d migrations are recorded, want 4", got)
	}
}

func TestTheVendorsToolCanMigrate(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		files, err := sqlstore.Migrations(d.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		names, err := fs.Glob(files, "*.sql")
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(string(text)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		// Nothing may be written any more.
		db.SetMaxOpenConns(1)
		readOnly := map[sqlstore.Dialect]string{
			sqlstore.SQLite: `PRAGMA query_only = 1`, sqlstore.PostgreSQL: `SET default_transaction_read_only = on`,
		}
		if _, err := db.Exec(readOnly[d.Dialect]); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.New(t.Context(), db, d.Dialect); err != nil {
			t.Errorf("got %v, want that nothing is left to migrate", err)
		}
	})
}

func TestMigrationsRunAllOrNothing(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		db := d.connect(t)
		if _, err := db.Exec(`CREATE TABLE finapi_alias (something TEXT)`); err != nil { // in the way
			t.Fatal(err)
		}
		if _, err := sqlstore.New(t.Context(), db, d.Dialect); err == nil {
			t.Fatal("got no error")
		}
		if got := d.tables(t, db); got != "finapi_alias" {
			t.Errorf("got the tables %s, want only finapi_alias", got)
		}
		if _, err := db.Exec(`DROP TABLE finapi_alias`); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.New(t.Context(), db, d.Dialect); err != nil {
			t.Errorf("with nothing in the way: %v", err)
		}
	})
}

func TestAnOlderProgramRefusesANewerSchema(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		if _, err := d.open(t).DB().Exec(`INSERT INTO finapi_migration (version) VALUES (1000)`); err != nil {
			t.Fatal(err)
		}
		_, err := sqlstore.New(t.Context(), d.connect(t), d.Dialect)
		const want = "sqlstore: the schema has version 1000, but this program only knows version 4; use the newer program"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestAmountsAreStoredAsText(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		commit(t, store, books, change(0, row("a", 1)))
		kindOf := map[sqlstore.Dialect]string{
			sqlstore.SQLite:     `json_type(data, '$.amount.amount')`,
			sqlstore.PostgreSQL: `json_typeof(data->'amount'->'amount')`,
		}
		var kind, amount string
		err := store.DB().QueryRow(`SELECT `+kindOf[d.Dialect]+`, data->'amount'->>'amount' FROM finapi_row`).Scan(&kind, &amount)
		if want := map[string]bool{"text": true, "string": true}; err != nil || !want[kind] || amount != "-12.3" {
			t.Errorf("got %s %s, %v, want the text -12.3", kind, amount, err)
		}
	})
}
