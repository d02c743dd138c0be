package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/finapi-go/finapi/internal/pgtest"
	"github.com/finapi-go/finapi/sqlstore"
)

// postgres is the server for the tests that want one.
var postgres pgtest.Server

// database is one that a test keeps books in.
type database struct {
	Dialect sqlstore.Dialect `json:"dialect"`
	Driver  string           `json:"driver"` // "" for what OpenFile does
	Source  string           `json:"source"` // path or URL
}

// kinds make a new database of each kind.
var kinds = map[string]func(testing.TB) database{"SQLite": newFile, "PostgreSQL": newServerDatabase}

func newFile(tb testing.TB) database {
	tb.Helper()
	return database{sqlstore.SQLite, "", filepath.Join(tb.TempDir(), "books.db")}
}

// newERPFile is a SQLite database as an ERP might have it, with few settings.
func newERPFile(tb testing.TB) database {
	tb.Helper()
	path := filepath.ToSlash(filepath.Join(tb.TempDir(), "erp.db"))
	return database{sqlstore.SQLite, "sqlite", "file:" + path + "?_busy_timeout=10000"}
}

func newServerDatabase(tb testing.TB) database {
	tb.Helper()
	return database{sqlstore.PostgreSQL, "pgx", postgres.Database(tb)}
}

func newRepeatableRead(tb testing.TB) database {
	tb.Helper()
	return newServerDatabase(tb).isolated("repeatable read")
}

func newSerializable(tb testing.TB) database {
	tb.Helper()
	return newServerDatabase(tb).isolated("serializable")
}

// strictKinds also make PostgreSQL databases with stricter transactions.
var strictKinds = map[string]func(testing.TB) database{
	"SQLite": newFile, "PostgreSQL": newServerDatabase,
	"PostgreSQL, repeatable read": newRepeatableRead, "PostgreSQL, serializable": newSerializable,
}

// onEach runs a test on a new database of each kind, in parallel to all others.
func onEach(t *testing.T, kinds map[string]func(testing.TB) database, test func(*testing.T, database)) {
	t.Helper()
	t.Parallel()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, kind(t))
		})
	}
}

// isolated is a PostgreSQL database whose transactions have another isolation
// level by themselves.
func (d database) isolated(level string) database {
	return d.with("default_transaction_isolation", level)
}

// with adds a setting to the connections.
func (d database) with(setting, value string) database {
	address, err := url.Parse(d.Source)
	if err != nil {
		panic(err)
	}
	query := address.Query()
	query.Set(setting, value)
	address.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // which pgx reads as a space
	d.Source = address.String()
	return d
}

// connect opens the database without a Store.
func (d database) connect(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open(cmp.Or(d.Driver, "sqlite"), d.Source)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// start opens a Store in the database, as a program does when it starts.
func (d database) start(ctx context.Context) (*sqlstore.Store, error) {
	if d.Driver == "" {
		return sqlstore.OpenFile(ctx, d.Source)
	}
	db, err := sql.Open(d.Driver, d.Source)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(ctx, db, d.Dialect)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return store, nil
}

// close ends what start has opened.
func (d database) close(store *sqlstore.Store) error {
	return errors.Join(store.Close(), store.DB().Close())
}

func (d database) open(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	store, err := d.start(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.close(store); err != nil {
			tb.Error(err)
		}
	})
	return store
}

// openWithJournal also makes a journal as an ERP might have it. Nothing in it keeps
// doubles out: that is the store's work.
func (d database) openWithJournal(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	store := d.open(tb)
	if _, err := store.DB().Exec(`CREATE TABLE journal (uid TEXT NOT NULL, amount TEXT NOT NULL)`); err != nil {
		tb.Fatal(err)
	}
	return store
}

// tables returns the names of all tables, with commas.
func (d database) tables(tb testing.TB, db *sql.DB) (names string) {
	tb.Helper()
	query := `SELECT coalesce(group_concat(name), '') FROM sqlite_schema WHERE type = 'table'`
	if d.Dialect == sqlstore.PostgreSQL {
		query = `SELECT coalesce(string_agg(tablename, ','), '') FROM pg_tables WHERE schemaname = 'public'`
	}
	if err := db.QueryRow(query).Scan(&names); err != nil {
		tb.Fatal(err)
	}
	return names
}

func count(tb testing.TB, db *sql.DB, table string) (n int) {
	tb.Helper()
	if err := db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}
