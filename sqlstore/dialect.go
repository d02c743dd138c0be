package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/finapi-go/finapi"
)

// Dialect is the SQL that a database speaks. The zero Dialect is none.
type Dialect string

// The dialects.
const (
	// SQLite is the dialect of SQLite 3.37 (2021) and later, whatever its driver.
	SQLite Dialect = "sqlite"
	// PostgreSQL is the dialect of PostgreSQL 12 and later, by the driver
	// github.com/jackc/pgx/v5/stdlib.
	PostgreSQL Dialect = "postgresql"
)

// dialects is the room for another database: its statements in a file like
// sqlite.go, and its schema in a folder of migrations that has its name.
var dialects = map[Dialect]*statements{
	SQLite:     {schema: sqliteSchema, memory: sqliteMemory, inbox: sqliteInbox, connections: sqliteConnections},
	PostgreSQL: {schema: postgresSchema, memory: postgresMemory, inbox: postgresInbox, connections: postgresConnections},
}

// statements are all that a [Store] ever sends, in a group for each thing that it
// does. The comments name the parameters in their order.
type statements struct {
	schema      schemaStatements
	memory      memoryStatements
	inbox       inboxStatements
	connections connectionStatements
}

// schemaStatements find out which migrations are missing.
type schemaStatements struct {
	// lock begins a transaction in which nobody else can migrate.
	lock string
	// exists counts the tables named finapi_migration: 1 or 0.
	exists string
	// version returns the newest version of the schema that was applied.
	version string
}

// memoryStatements are those of a [finapi.Store].
type memoryStatements struct {
	// mark: environment, ledger. Returns the version, whether the ledger is filled, and the
	// mark.
	mark string
	// begin: environment, ledger, mark, whether it is filled. Adds a ledger and returns
	// its id, or returns nothing if it is there already.
	begin string
	// bump: environment, ledger, mark, whether it is filled, version. Raises the version
	// and returns the ledger's id, or returns nothing if one of the last two is otherwise.
	bump string
	// source: ledger's id, user, account. Returns the source's id, and adds the
	// source if it is new.
	source string
	// put adds or replaces rows of a ledger, which are [distinct], and adds their
	// aliases. Databases differ too much in how they take many rows fast.
	put func(ctx context.Context, tx *sql.Tx, feed int64, rows []entry) error
	// rows: environment, ledger, user, account, and the lists of transactions, of
	// UIDs and of fingerprints, the first booking date, NULL for none, and the last one,
	// and whether rows in review match. Returns each row that matches one of them once.
	rows string
	// list turns a list into what the statement rows takes.
	list func(list any) (any, error)
	// forget removes all of a ledger: environment, ledger. In this order; the first
	// one locks the ledger.
	forget []string
}

// inboxStatements are those of an [Inbox] that the dialects do not have in common.
type inboxStatements struct {
	// put appends events of a ledger in their order.
	put func(ctx context.Context, tx *sql.Tx, feed int64, letters []letter) error
	// ack: environment, ledger, and the list of numbers. Empties open items.
	ack string
}

// entry is a row as the tables have it.
type entry struct {
	uid         string
	source      int64 // its id
	transaction int64
	day         int
	state       string
	fingerprint string
	data        string
	decision    *string // nil for none
}

// distinct returns how many of the rows, from the first on, neither share a UID nor
// an alias. Such rows can be put in any order, and a statement with all of them
// writes nothing twice, which databases refuse.
func distinct(rows []entry) int {
	type alias struct{ source, transaction int64 }
	uids, aliases := map[string]bool{}, map[alias]bool{}
	for i := range rows {
		uid, at := rows[i].uid, alias{rows[i].source, rows[i].transaction}
		if uids[uid] || aliases[at] {
			return i
		}
		uids[uid], aliases[at] = true, true
	}
	return len(rows)
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
