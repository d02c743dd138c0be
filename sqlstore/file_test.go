package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

func TestAFileThatIsOpenedAgainGoesOn(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	path := filepath.Join(t.TempDir(), "Bücher & #1%20?.db")
	d := database{Dialect: sqlstore.SQLite, Source: path}
	for life := range 3 {
		var store *sqlstore.Store
		if life == 0 {
			store = d.openWithJournal(t)
		} else {
			store = d.open(t)
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
	store := newFile(t).open(t)
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
	db := newERPFile(t).connect(t)
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

func TestAFileStaysSmall(t *testing.T) {
	t.Parallel()
	store := newFile(t).open(t)
	size := func() (size, json int) {
		const query = `SELECT sum(pgsize), (SELECT coalesce(sum(octet_length(data)), 0) FROM finapi_row) FROM dbstat`
		if err := store.DB().QueryRow(query).Scan(&size, &json); err != nil {
			t.Fatal(err)
		}
		return size, json
	}
	empty, _ := size()
	const batches = 20
	for n := range batches {
		commit(t, store, books, change(int64(n), batchOf(n)...))
	}
	full, json := size()
	if got := (full - empty - json) / (batches * batchSize); got >= 250 {
		t.Errorf("%d bytes a row besides the transaction in JSON, want less than 250", got)
	}
}
