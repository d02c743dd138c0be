package sqlstore

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/finapi-go/finapi"
)

// Dialect is the SQL that a database speaks. The zero Dialect is none.
type Dialect string

// SQLite is the dialect of SQLite 3.37 (2021) and later, whatever its driver.
const SQLite Dialect = "sqlite"

// dialects is the room for another database: its statements in a file like
// sqlite.go, and its schema in a folder of migrations that has its name.
var dialects = map[Dialect]*statements{
	SQLite: &sqliteStatements,
}

// statements are all that a [Store] ever sends. The comments name the parameters
// in their order.
type statements struct {
	// lock begins a transaction in which nobody else can migrate.
	lock string
	// hasMigrations counts the tables named finapi_migration: 1 or 0.
	hasMigrations string
	// migrated returns the newest version of the schema that was applied.
	migrated string

	// mark: environment, ledger. Returns the version and the mark.
	mark string
	// begin: environment, ledger, mark. Adds a ledger and returns its id, or
	// returns nothing if it is there already.
	begin string
	// bump: environment, ledger, mark, version. Raises the version and returns the
	// ledger's id, or returns nothing if the version is another one.
	bump string
	// putRow: ledger's id, UID, user, account, transaction, state, fingerprint,
	// booking date, data. Adds or replaces a row and returns its id.
	putRow string
	// putAlias: ledger's id, user, account, transaction, row's id.
	putAlias string
	// rows: environment, ledger, user, account, and the lists of transactions, of
	// UIDs and of fingerprints as JSON arrays, and the first booking date; NULL
	// for none. Returns each row that matches one of them once.
	rows string

	// forget removes all of a ledger: environment, ledger. In this order.
	forget [3]string
}

func (d Dialect) statements() (*statements, error) {
	s, ok := dialects[d]
	if !ok {
		return nil, invalid("Dialect", "must be one of the dialects of this package")
	}
	return s, nil
}

// Every file of a dialect is NNNN_name.sql and ends by recording NNNN.
//
//go:embed migrations
var migrations embed.FS

// Migrations returns the schema as SQL files, for vendors whose own tool has to
// apply it. Apply them in the order of their names, each in a transaction. [New]
// notices what was applied, by whomever.
//
// A dialect that this package does not know is an error.
func Migrations(dialect Dialect) (fs.FS, error) {
	if _, err := dialect.statements(); err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations/"+string(dialect))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: find the migrations: %w", err)
	}
	return files, nil
}

// invalid is the error for a bad input.
func invalid(field, reason string) error {
	return &finapi.Error{
		Code: finapi.CodeInvalidInput, Actor: finapi.ActorVendor, Field: field, Message: reason,
	}
}
