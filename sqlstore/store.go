package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/finapi-go/finapi"
)

// Store is a [finapi.Store] in an SQL database. Make one with [OpenFile] or
// [New]. It is safe for concurrent use, by any number of processes.
type Store struct {
	db      *sql.DB
	dialect Dialect
	sql     *statements
	owned   bool // by the Store, which closes it
	turns   turns
}

var _ finapi.Store = (*Store)(nil)

// OpenFile opens the SQLite database in a file and brings its schema up to date.
// If there is no such file, it creates one that only its owner can read. [Store.DB]
// is the place for the ERP's own tables.
//
// What was committed survives the end of the process and a power failure. What
// writes through the Store does so in turn, and waits for its turn until its context ends, as
// long as others get theirs. For other programs and for what writes past the Store it waits up
// to 10 seconds, and then fails. The file must be on a
// local disk, not on a network share. Next to it appear two more files, with the
// endings -wal and -shm, which belong to it: back up the database with SQLite's
// VACUUM INTO, not by copying the file.
func OpenFile(ctx context.Context, path string) (*Store, error) {
	if path == "" || path == ":memory:" {
		return nil, invalid("path", "must name a file")
	}
	source, err := sqliteSource(path)
	if err == nil {
		err = createPrivate(path)
	}
	if err != nil {
		return nil, failed(ctx, "create the database file", err)
	}
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, failed(ctx, "open the database file", err)
	}
	if err := enterWAL(ctx, db); err != nil {
		return nil, errors.Join(failed(ctx, "open the database file", err), db.Close())
	}
	s, err := New(ctx, db, SQLite)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.owned = true
	return s, nil
}

// New keeps the memory in a database that the ERP has open already. It brings the
// schema up to date, once if several processes start at the same time; see [Migrations] for doing that otherwise. The ERP keeps the
// database open as long as the Store is used, and closes it.
//
// A database that a newer version of this package has migrated is refused.
//
// A SQLite database should have been opened with a busy timeout, because else what
// writes past the Store at the same time makes it fail instead of wait, and in WAL mode with the
// setting synchronous=FULL. Make one Store for it in a program, because those who write through the
// same one take turns. A PostgreSQL database has to be opened with pgx. If db may have only one
// connection, by SetMaxOpenConns(1), what reads inside of an apply past its transaction, also by the
// methods of the Store, waits for itself until its context ends.
func New(ctx context.Context, db *sql.DB, dialect Dialect) (*Store, error) {
	if db == nil {
		return nil, invalid("db", "must not be nil")
	}
	texts, err := dialect.statements()
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: dialect, sql: texts}
	if dialect == SQLite {
		s.turns.inTurn(2 * sqlitePatience) // who has the turn may wait for another program, and then write
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// DB returns the database that the memory is in.
func (s *Store) DB() *sql.DB { return s.db }

// Close closes the database if [OpenFile] opened it, and does nothing after
// [New].
func (s *Store) Close() error {
	if !s.owned {
		return nil
	}
	return s.db.Close()
}

// Mark implements [finapi.Store].
func (s *Store) Mark(ctx context.Context, ledger finapi.LedgerKey) (finapi.Mark, error) {
	var version int64
	var isFilled bool
	var data []byte
	err := s.db.QueryRowContext(ctx, s.sql.memory.mark, ledger.Environment, string(ledger.Ledger)).Scan(&version, &isFilled, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return finapi.Mark{}, nil
	}
	var mark finapi.Mark
	if err == nil {
		err = json.Unmarshal(data, &mark)
	}
	if err != nil {
		return finapi.Mark{}, failed(ctx, "read the mark", err)
	}
	mark.Version, mark.Filled = version, isFilled
	return mark, nil
}

// Rows implements [finapi.Store].
func (s *Store) Rows(ctx context.Context, ledger finapi.LedgerKey, q finapi.RowQuery) ([]finapi.Row, error) {
	found, err := s.rows(ctx, ledger, &q)
	if err != nil {
		return nil, failed(ctx, "read the rows", err)
	}
	return found, nil
}

func (s *Store) rows(ctx context.Context, ledger finapi.LedgerKey, q *finapi.RowQuery) ([]finapi.Row, error) {
	args := []any{ledger.Environment, string(ledger.Ledger), string(q.Source.User), int64(q.Source.Account)}
	for _, list := range []any{numbers(q.IDs), texts(q.UIDs), texts(q.Fingerprints)} {
		arg, err := s.sql.memory.list(list)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	var since any // NULL is before no day
	if q.Since != nil {
		since = day(*q.Since)
	}
	until := lastDay
	if !q.Until.IsZero() {
		until = day(q.Until)
	}
	rows, err := s.db.QueryContext(ctx, s.sql.memory.rows, append(args, since, until, q.Reviews)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var found []finapi.Row
	for rows.Next() {
		row, err := readRow(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// numbers and texts leave out the names of the types, which drivers need not know.
func numbers[T ~int64](list []T) []int64 {
	numbers := make([]int64, len(list))
	for i := range list {
		numbers[i] = int64(list[i])
	}
	return numbers
}

func texts[T ~string](list []T) []string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = string(list[i])
	}
	return texts
}

func readRow(rows *sql.Rows) (finapi.Row, error) {
	var row finapi.Row
	var data, decision []byte
	err := rows.Scan(
		&row.UID, &row.Source.User, &row.Source.Account, &row.ID, &row.State, &row.Fingerprint, &data, &decision,
	)
	if err == nil {
		err = json.Unmarshal(data, &row.Transaction)
	}
	if err == nil && decision != nil {
		err = json.Unmarshal(decision, &row.Decision)
	}
	return row, err
}

// lastDay is after all days.
const lastDay = 99_999_999

// day is a date as the tables have it: 20261231, or 0 for none. The numbers are in
// the order of the days.
func day(d finapi.Date) int { return d.Year*10_000 + int(d.Month)*100 + d.Day }

// Commit implements [finapi.Store]. A ledger that [Fill] fills is refused with a
// [finapi.CodeInvalidInput], because its inbox would miss what is committed here. So is what
// could not be read back as it was: a text that is not UTF-8 or holds a NUL, a day that does not
// exist, an amount of more than 64 digits.
func (s *Store) Commit(ctx context.Context, ledger finapi.LedgerKey, change finapi.Change) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := s.write(ctx, tx, ledger, &change, synchronised)
		return err
	})
}

// Forget deletes all that is remembered of a ledger. Without its memory, a feed
// knows of no booking, and the next synchronisation books everything again: so
// forget a ledger only together with the ledger itself, and only when nobody
// synchronises it any more. Its inbox goes, too. Forgetting a ledger that is not known does nothing.
func (s *Store) Forget(ctx context.Context, ledger finapi.LedgerKey) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range s.sql.memory.forget {
			if _, err := tx.ExecContext(ctx, statement, ledger.Environment, string(ledger.Ledger)); err != nil {
				return failed(ctx, "forget the ledger", err)
			}
		}
		return nil
	})
}

// write stores a change and returns the id of the ledger. Its first statement is the
// fence: it takes the lock for writing, and nothing else is written if the ledger has
// moved on or goes the other way.
func (s *Store) write(
	ctx context.Context, tx *sql.Tx, ledger finapi.LedgerKey, change *finapi.Change, filled bool,
) (feed int64, err error) {
	if err := checkChange(ledger, change); err != nil {
		return 0, err
	}
	feed, err = s.fence(ctx, tx, ledger, &change.Mark, filled)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, cmp.Or(checkWay(ctx, tx, ledger, filled), finapi.Conflict())
	}
	if err == nil && len(change.Rows) > 0 {
		err = s.put(ctx, tx, feed, change.Rows)
	}
	if err != nil {
		return 0, failed(ctx, "store the change", err)
	}
	return feed, nil
}

// fence returns the id of the ledger, or [sql.ErrNoRows] if its version is not
// the mark's or its way is another one.
func (s *Store) fence(
	ctx context.Context, tx *sql.Tx, ledger finapi.LedgerKey, mark *finapi.Mark, filled bool,
) (id int64, err error) {
	data, err := toJSON("Mark", mark)
	if err != nil {
		return 0, err
	}
	statement, args := s.sql.memory.bump, []any{ledger.Environment, string(ledger.Ledger), data, filled, mark.Version}
	if mark.Version == 0 {
		statement, args = s.sql.memory.begin, args[:4]
	}
	err = tx.QueryRowContext(ctx, statement, args...).Scan(&id)
	return id, err
}

func (s *Store) put(ctx context.Context, tx *sql.Tx, feed int64, rows []finapi.Row) error {
	entries, sources := make([]entry, len(rows)), map[finapi.Source]int64{}
	for i := range rows {
		row := &rows[i]
		source, known := sources[row.Source]
		if !known {
			user, account := string(row.Source.User), int64(row.Source.Account)
			err := tx.QueryRowContext(ctx, s.sql.memory.source, feed, user, account).Scan(&source)
			if err != nil {
				return err
			}
			sources[row.Source] = source
		}
		var err error
		if entries[i], err = newEntry(row, source); err != nil {
			return err
		}
	}
	for len(entries) > 0 {
		n := distinct(entries)
		if err := s.sql.memory.put(ctx, tx, feed, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// newEntry is a row as the tables have it; source is the id of its source.
func newEntry(row *finapi.Row, source int64) (entry, error) {
	data, err := toJSON("Row.Transaction", &row.Transaction)
	if err != nil {
		return entry{}, err
	}
	e := entry{
		uid: string(row.UID), source: source, transaction: int64(row.ID), day: day(row.Transaction.BookingDate),
		state: string(row.State), fingerprint: row.Fingerprint, data: data,
	}
	if row.Decision != nil {
		decision, err := toJSON("Row.Decision", row.Decision)
		if err != nil {
			return entry{}, err
		}
		e.decision = &decision
	}
	return e, nil
}

// failed says what failed. If the context has ended, that is the reason, whatever
// the database made of it. If another transaction was in the way, that is a
// conflict.
func failed(ctx context.Context, doing string, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("sqlstore: %s: %w: %w", doing, ended, err)
	}
	if lostRace(err) {
		return finapi.Conflict()
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}

// lostRace reports whether the database has given up a transaction in favour of
// another one, and wants it to be tried again.
func lostRace(err error) bool {
	const serializationFailure, deadlockDetected = "40001", "40P01"
	var e interface{ SQLState() string }
	return errors.As(err, &e) && (e.SQLState() == serializationFailure || e.SQLState() == deadlockDetected)
}
