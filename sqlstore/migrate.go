package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

type migration struct {
	version int
	name    string
	sql     string
}

func (d Dialect) migrations() ([]migration, error) {
	files, err := Migrations(d)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, entry := range entries { // sorted by name, and so by version
		number, _, _ := strings.Cut(entry.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version: version, name: entry.Name(), sql: string(text)})
	}
	return all, nil
}

// migrate brings the schema up to date. Of processes that start at once, one
// does it and the others find it done.
func (s *Store) migrate(ctx context.Context) error {
	all, err := s.dialect.migrations()
	if err != nil {
		return failed(ctx, "read the migrations", err)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return failed(ctx, "open the database", err)
	}
	defer func() { _ = conn.Close() }()
	missing, err := s.missing(ctx, conn, all)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := s.apply(ctx, conn, all); err != nil {
		abandon(ctx, conn)
		return err
	}
	return nil
}

// missing returns the migrations that were not applied yet.
func (s *Store) missing(ctx context.Context, conn *sql.Conn, all []migration) ([]migration, error) {
	var tables, applied int
	err := conn.QueryRowContext(ctx, s.sql.schema.exists).Scan(&tables)
	if err == nil && tables > 0 {
		err = conn.QueryRowContext(ctx, s.sql.schema.version).Scan(&applied)
	}
	if err != nil {
		return nil, failed(ctx, "read the version of the schema", err)
	}
	if newest := all[len(all)-1].version; applied > newest {
		return nil, fmt.Errorf(
			"sqlstore: the schema has version %d, but this program only knows version %d; use the newer program",
			applied, newest,
		)
	}
	for i := range all {
		if all[i].version > applied {
			return all[i:], nil
		}
	}
	return nil, nil
}

// apply applies what is missing in one transaction. It speaks to the connection
// directly, because database/sql cannot say how a transaction has to begin.
func (s *Store) apply(ctx context.Context, conn *sql.Conn, all []migration) error {
	if _, err := conn.ExecContext(ctx, s.sql.schema.lock); err != nil {
		return failed(ctx, "lock the schema", err)
	}
	missing, err := s.missing(ctx, conn, all) // perhaps somebody else was faster
	if err != nil {
		return err
	}
	for _, m := range missing {
		if _, err := conn.ExecContext(ctx, m.sql); err != nil {
			return failed(ctx, "apply "+m.name, err)
		}
	}
	if _, err := conn.ExecContext(ctx, `COMMIT`); err != nil {
		return failed(ctx, "commit the schema", err)
	}
	return nil
}

// abandon throws the connection away, and with it a transaction that may be open.
func abandon(ctx context.Context, conn *sql.Conn) {
	_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
