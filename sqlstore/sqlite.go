package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // also the driver of this name
)

// This file is all that is particular to SQLite.

var sqliteSchema = schemaStatements{
	lock:    `BEGIN IMMEDIATE`,
	exists:  `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'finapi_migration'`,
	version: `SELECT coalesce(max(version), 0) FROM finapi_migration`,
}

var sqliteMemory = memoryStatements{
	mark: `SELECT version, filled, mark FROM finapi_feed WHERE environment = ?1 AND ledger = ?2`,
	begin: `
INSERT INTO finapi_feed (environment, ledger, mark, filled, version) VALUES (?1, ?2, ?3, ?4, 1)
ON CONFLICT DO NOTHING
RETURNING id`,
	bump: `
UPDATE finapi_feed SET version = version + 1, mark = ?3
WHERE environment = ?1 AND ledger = ?2 AND filled = ?4 AND version = ?5
RETURNING id`,
	// The update changes nothing, but without one, nothing would be returned.
	source: `
INSERT INTO finapi_source (feed_id, user_id, account_id) VALUES (?1, ?2, ?3)
ON CONFLICT (feed_id, user_id, account_id) DO UPDATE SET account_id = excluded.account_id
RETURNING id`,
	put: sqlitePut,
	rows: `
WITH feed AS (SELECT id FROM finapi_feed WHERE environment = ?1 AND ledger = ?2)
SELECT r.uid, s.user_id, s.account_id, r.transaction_id, r.state, r.fingerprint, r.data, r.decision
FROM finapi_row r JOIN finapi_source s ON s.id = r.source_id
WHERE r.id IN (
	SELECT row_id FROM finapi_alias
	WHERE source_id = (
		SELECT id FROM finapi_source
		WHERE feed_id = (SELECT id FROM feed) AND user_id = ?3 AND account_id = ?4
	) AND transaction_id IN (SELECT value FROM json_each(?5))
	UNION
	SELECT id FROM finapi_row
	WHERE feed_id = (SELECT id FROM feed) AND uid IN (SELECT value FROM json_each(?6))
	UNION
	SELECT id FROM finapi_row
	WHERE feed_id = (SELECT id FROM feed) AND fingerprint IN (SELECT value FROM json_each(?7))
	UNION
	SELECT id FROM finapi_row
	WHERE feed_id = (SELECT id FROM feed) AND booking_date BETWEEN ?8 AND ?9
	UNION
	SELECT id FROM finapi_row
	WHERE ?10 AND feed_id = (SELECT id FROM feed) AND state IN ('review', 'suspected')
)`,
	list: sqliteList,
	forget: []string{
		`UPDATE finapi_feed SET version = version WHERE environment = ?1 AND ledger = ?2`,
		`DELETE FROM finapi_inbox WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = ?1 AND ledger = ?2)`,
		`DELETE FROM finapi_alias WHERE source_id IN (SELECT s.id FROM finapi_source s
			JOIN finapi_feed f ON f.id = s.feed_id WHERE environment = ?1 AND ledger = ?2)`,
		`DELETE FROM finapi_row WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = ?1 AND ledger = ?2)`,
		`DELETE FROM finapi_source WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = ?1 AND ledger = ?2)`,
		`DELETE FROM finapi_feed WHERE environment = ?1 AND ledger = ?2`,
	},
}

// sqliteList makes one JSON array of a list: one statement does for any length,
// and no limit on the number of parameters is in the way.
func sqliteList(list any) (any, error) {
	text, err := json.Marshal(list)
	return string(text), err
}

const (
	sqlitePutRow = `
INSERT INTO finapi_row (feed_id, source_id, transaction_id, booking_date, state, fingerprint, uid, data, decision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (feed_id, uid) DO UPDATE SET
	source_id = excluded.source_id, transaction_id = excluded.transaction_id,
	booking_date = excluded.booking_date, state = excluded.state,
	fingerprint = excluded.fingerprint, data = excluded.data, decision = excluded.decision`
	sqlitePutAliases = `
INSERT INTO finapi_alias (source_id, transaction_id, row_id)
SELECT source_id, transaction_id, id FROM finapi_row
WHERE feed_id = ?1 AND uid IN (SELECT value FROM json_each(?2))
ON CONFLICT DO UPDATE SET row_id = excluded.row_id`
)

// sqlitePut sends a row at a time: SQLite is in the process, so nothing is on the
// way, and one statement with all rows takes longer.
func sqlitePut(ctx context.Context, tx *sql.Tx, feed int64, rows []entry) error {
	put, err := tx.PrepareContext(ctx, sqlitePutRow)
	if err != nil {
		return err
	}
	defer func() { _ = put.Close() }()
	uids := make([]string, len(rows))
	for i := range rows {
		r := &rows[i]
		uids[i] = r.uid
		_, err := put.ExecContext(ctx, feed, r.source, r.transaction, r.day, r.state, r.fingerprint, r.uid, r.data, r.decision)
		if err != nil {
			return err
		}
	}
	list, err := sqliteList(uids)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, sqlitePutAliases, feed, list)
	return err
}

var sqliteInbox = inboxStatements{
	put: sqlitePutLetters,
	ack: `
UPDATE finapi_inbox SET event = NULL, reason = ''
WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = ?1 AND ledger = ?2)
	AND seq IN (SELECT value FROM json_each(?3)) AND event IS NOT NULL`,
}

// sqlitePutLetter: ledger's id, UID, key, event.
const sqlitePutLetter = `
INSERT INTO finapi_inbox (feed_id, uid, event_key, nth, event)
SELECT ?1, ?2, ?3, 1 + count(*), ?4 FROM finapi_inbox WHERE feed_id = ?1 AND event_key = ?3`

// sqlitePutLetters sends an event at a time, as [sqlitePut] does with rows.
func sqlitePutLetters(ctx context.Context, tx *sql.Tx, feed int64, letters []letter) error {
	put, err := tx.PrepareContext(ctx, sqlitePutLetter)
	if err != nil {
		return err
	}
	defer func() { _ = put.Close() }()
	for _, l := range letters {
		if _, err := put.ExecContext(ctx, feed, l.uid, l.key, l.event); err != nil {
			return err
		}
	}
	return nil
}

// SQLite has one writer at a time, so a transaction that writes locks all rows.
var sqliteConnections = newConnectionStatements(`CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`, "", "")

// sqlitePatience is how long writers wait for each other.
const sqlitePatience = 10 * time.Second

// sqliteSettings are those of a database that [OpenFile] opens.
var sqliteSettings = url.Values{
	// A transaction takes the lock for writing when it begins, and waits for it,
	// instead of failing when it first writes after it has read.
	"_txlock":       {"immediate"},
	"_busy_timeout": {strconv.FormatInt(sqlitePatience.Milliseconds(), 10)},
	"_pragma": {
		"foreign_keys(1)",
		// With NORMAL a power failure could take back the last commits. What the ERP
		// told others of them would then be wrong, so each commit reaches the disk.
		"synchronous(FULL)",
		// What is deleted is overwritten: it is somebody's bank data.
		"secure_delete(1)",
	},
}

// sqliteSource turns a path into the driver's data source name.
func sqliteSource(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	slashed := filepath.ToSlash(absolute)
	if !strings.HasPrefix(slashed, "/") { // C:/books.db
		slashed = "/" + slashed
	}
	source := url.URL{Scheme: "file", Path: slashed, RawQuery: sqliteSettings.Encode()}
	return source.String(), nil
}

// creating is held while a database file is created. Closing any handle of a
// file drops the locks that SQLite holds on it in this process, so the handle has
// to be closed before anybody else finds the file.
var creating sync.Mutex

// createPrivate makes an empty file, which is an empty database to SQLite, unless
// the path is taken. SQLite by itself would let everybody read it.
func createPrivate(path string) error {
	creating.Lock()
	defer creating.Unlock()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: naming the file is what the caller is for
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// enterWAL makes a database keep a write-ahead log, in which readers do not wait
// for the writer, nor the writer for them. The file remembers it. SQLite does not
// wait by itself when others open a new file at the same time.
func enterWAL(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, sqlitePatience)
	defer cancel()
	for {
		_, err := db.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
		if !isBusy(err) {
			return err
		}
		timer := time.NewTimer(5 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func isBusy(err error) bool {
	const busy, primary = 5, 0xff // SQLITE_BUSY, and the mask of its extended codes
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&primary == busy
}
