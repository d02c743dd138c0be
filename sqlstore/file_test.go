package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

func TestAFileThatIsOpenedAgainGoesOn(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	path := filepath.Join(t.TempDir(), "Bücher & #1%20?.db")
	for life := range 3 {
		store := openStoreAt(t, path)
		if life == 0 {
			if _, err := store.DB().Exec(`CREATE TABLE journal (uid TEXT NOT NULL, amount TEXT NOT NULL)`); err != nil {
				t.Fatal(err)
			}
		}
		b.book(210)
		syncAll(t, b.feed(store))
		wantBookedOnce(t, b, store)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestAFileIsOpenedWithSafeSettings(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000", "secure_delete": "1",
	} {
		var got string
		if err := store.DB().QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
		}
	}
	t.Run("a writer waits for another one until its context ends", func(t *testing.T) {
		tx, err := store.DB().Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err = store.Commit(ctx, books, change(0))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that a writer waits until the context ends", err)
		}
	})
	t.Run("only the owner can read it", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("Windows has other permissions")
		}
		commit(t, store, books, change(0))
		for _, ending := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(fileOf(t, store) + ending)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("books.db%s has the mode %o, want 600", ending, got)
			}
		}
	})
}

func TestAFileThatCannotBeUsedIsAClearError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear Sir or Madam, ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked.db")
	if err := os.WriteFile(locked, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"no name":             {"", "path must name a file"},
		"no file":             {":memory:", "path must name a file"},
		"no such directory":   {filepath.Join(dir, "none", "books.db"), "create the database file: open "},
		"a directory":         {dir, "unable to open database file"},
		"not a database":      {text, "file is not a database"},
		"a file to read only": {locked, "attempt to write a readonly database"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.path == locked && os.Geteuid() == 0 {
				t.Skip("nothing is read-only for root")
			}
			store, err := sqlstore.OpenFile(t.Context(), c.path)
			if err == nil {
				_ = store.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	db := openPlain(t)
	_, errDB := sqlstore.New(t.Context(), nil, sqlstore.SQLite)
	_, errZero := sqlstore.New(t.Context(), db, "")
	_, errDialect := sqlstore.New(t.Context(), db, "oracle")
	_, errMigrations := sqlstore.Migrations("oracle")
	for field, err := range map[string]error{"db": errDB, "Dialect": errors.Join(errDialect, errZero, errMigrations)} {
		var e *finapi.Error
		if !errors.As(err, &e) || e.Code != finapi.CodeInvalidInput || e.Field != field {
			t.Errorf("got %v, want a refusal of %s", err, field)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlstore.New(ctx, db, sqlstore.SQLite); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestMigrationsRunOnce(t *testing.T) {
	t.Parallel()
	t.Run("if many start at once", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			path := filepath.Join(t.TempDir(), "books.db")
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					store, err := sqlstore.OpenFile(t.Context(), path)
					if err != nil {
						t.Error(err)
						return
					}
					if err := store.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			store := openStoreAt(t, path)
			if got := count(t, store.DB(), "finapi_migration"); got != 2 {
				t.Errorf("%d migrations are recorded, want 2", got)
			}
		}
	})
	t.Run("if the vendor's tool ran them", func(t *testing.T) {
		t.Parallel()
		db := openPlain(t)
		files, err := sqlstore.Migrations(sqlstore.SQLite)
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
		if _, err := db.Exec(`PRAGMA query_only = 1`); err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		if _, err := sqlstore.New(t.Context(), db, sqlstore.SQLite); err != nil {
			t.Error(err)
		}
	})
	t.Run("and all or nothing", func(t *testing.T) {
		t.Parallel()
		db := openPlain(t)
		if _, err := db.Exec(`CREATE TABLE finapi_alias (something TEXT)`); err != nil { // in the way
			t.Fatal(err)
		}
		if _, err := sqlstore.New(t.Context(), db, sqlstore.SQLite); err == nil {
			t.Fatal("got no error")
		}
		if got := tables(t, db); got != "finapi_alias" {
			t.Errorf("got the tables %s, want only finapi_alias", got)
		}
		if _, err := db.Exec(`DROP TABLE finapi_alias`); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlstore.New(t.Context(), db, sqlstore.SQLite); err != nil {
			t.Errorf("with nothing in the way: %v", err)
		}
	})
}

func TestAnOlderProgramRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	db := openPlain(t)
	if _, err := sqlstore.New(t.Context(), db, sqlstore.SQLite); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO finapi_migration (version) VALUES (1000)`); err != nil {
		t.Fatal(err)
	}
	_, err := sqlstore.New(t.Context(), db, sqlstore.SQLite)
	const want = "sqlstore: the schema has version 1000, but this program only knows version 2; use the newer program"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestARowThatCannotBeStoredLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	broken := row("b", 2, "f", "2026-11-01")
	broken.Transaction.Imported = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // has no JSON form
	if err := store.Commit(t.Context(), books, change(0, row("a", 1, "f", "2026-11-01"), broken)); err == nil {
		t.Error("got no error")
	}
	wantMark(t, store, books, finapi.Mark{})
	for _, table := range []string{"finapi_feed", "finapi_row", "finapi_alias"} {
		if got := count(t, store.DB(), table); got != 0 {
			t.Errorf("%s holds %d rows, want none", table, got)
		}
	}
}

func TestAmountsAreStoredAsText(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	commit(t, store, books, change(0, fullRow()))
	var kind, amount string
	err := store.DB().QueryRow(`SELECT json_type(data, '$.amount.amount'), data ->> '$.amount.amount' FROM finapi_row`).
		Scan(&kind, &amount)
	const want = "-123456789012345678901234567890.000000000000000000000000000001"
	if err != nil || kind != "text" || amount != want {
		t.Errorf("got %s %s, %v, want text %s", kind, amount, err, want)
	}
}

func tables(tb testing.TB, db *sql.DB) (names string) {
	tb.Helper()
	const query = `SELECT coalesce(group_concat(name), '') FROM sqlite_schema WHERE type = 'table'`
	if err := db.QueryRow(query).Scan(&names); err != nil {
		tb.Fatal(err)
	}
	return names
}
