package sqlstore

import (
	"context"
	"database/sql"
)

// This file is all that is particular to PostgreSQL.
//
// It assumes READ COMMITTED, PostgreSQL's default: the fence waits for the row of
// the ledger, and then sees the version that the other worker has left. Under
// REPEATABLE READ and SERIALIZABLE, PostgreSQL ends the transaction instead, which
// is a conflict, too; see [lostRace].

var postgresSchema = schemaStatements{
	// A snapshot that is older than the lock would not show what others have done.
	lock: `BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7378413912862851689)`,
	// to_regclass would still say what it has said before the lock.
	exists: `SELECT count(*) FROM pg_catalog.pg_class
		WHERE relname = 'finapi_migration' AND pg_catalog.pg_table_is_visible(oid)`,
	version: `SELECT coalesce(max(version), 0) FROM finapi_migration`,
}

var postgresMemory = memoryStatements{
	mark: `SELECT version, filled, mark FROM finapi_feed WHERE environment = $1 AND ledger = $2`,
	begin: `
INSERT INTO finapi_feed (environment, ledger, mark, filled, version) VALUES ($1, $2, $3, $4, 1)
ON CONFLICT DO NOTHING
RETURNING id`,
	bump: `
UPDATE finapi_feed SET version = version + 1, mark = $3
WHERE environment = $1 AND ledger = $2 AND filled = $4 AND version = $5
RETURNING id`,
	// The update changes nothing, but without one, nothing would be returned.
	source: `
INSERT INTO finapi_source (feed_id, user_id, account_id) VALUES ($1, $2, $3)
ON CONFLICT (feed_id, user_id, account_id) DO UPDATE SET account_id = excluded.account_id
RETURNING id`,
	put: postgresPut,
	// A LATERAL with OFFSET 0 is PostgreSQL's word for: one look into the index for
	// each. Left to itself, the planner reads whole tables when its statistics are
	// old, as they are while a table fills.
	rows: `
WITH feed AS MATERIALIZED (
	SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2
), wanted AS MATERIALIZED (
	SELECT a.row_id AS id FROM feed
	JOIN finapi_source s ON s.feed_id = feed.id AND s.user_id = $3 AND s.account_id = $4
	CROSS JOIN unnest($5::bigint[]) AS w (id)
	CROSS JOIN LATERAL (
		SELECT row_id FROM finapi_alias WHERE source_id = s.id AND transaction_id = w.id OFFSET 0
	) AS a
	UNION
	SELECT r.id FROM feed CROSS JOIN unnest($6::text[]) AS w (uid)
	CROSS JOIN LATERAL (SELECT id FROM finapi_row WHERE feed_id = feed.id AND uid = w.uid OFFSET 0) AS r
	UNION
	SELECT r.id FROM feed CROSS JOIN unnest($7::text[]) AS w (fingerprint)
	CROSS JOIN LATERAL (
		SELECT id FROM finapi_row WHERE feed_id = feed.id AND fingerprint = w.fingerprint OFFSET 0
	) AS r
	UNION
	SELECT r.id FROM feed
	CROSS JOIN LATERAL (SELECT id FROM finapi_row WHERE feed_id = feed.id AND booking_date BETWEEN $8 AND $9 OFFSET 0) AS r
	UNION
	SELECT r.id FROM feed
	CROSS JOIN LATERAL (SELECT id FROM finapi_row WHERE $10 AND feed_id = feed.id AND state IN ('review', 'suspected') OFFSET 0) AS r
)
SELECT r.uid, s.user_id, s.account_id, r.transaction_id, r.state, r.fingerprint, r.data, r.decision
FROM wanted
CROSS JOIN LATERAL (SELECT * FROM finapi_row WHERE finapi_row.id = wanted.id OFFSET 0) AS r
JOIN finapi_source s ON s.id = r.source_id`,
	list: func(list any) (any, error) { return list, nil }, // pgx makes arrays of slices
	forget: []string{
		`SELECT FROM finapi_feed WHERE environment = $1 AND ledger = $2 FOR UPDATE`,
		`DELETE FROM finapi_inbox WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2)`,
		`DELETE FROM finapi_alias WHERE source_id IN (SELECT s.id FROM finapi_source s
			JOIN finapi_feed f ON f.id = s.feed_id WHERE environment = $1 AND ledger = $2)`,
		`DELETE FROM finapi_row WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2)`,
		`DELETE FROM finapi_source WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2)`,
		`DELETE FROM finapi_feed WHERE environment = $1 AND ledger = $2`,
	},
}

// postgresPutAll: ledger's id, and a list for each column.
const postgresPutAll = `
WITH put AS (
	INSERT INTO finapi_row (feed_id, source_id, transaction_id, booking_date, state, fingerprint, uid, data, decision)
	SELECT $1, source_id, transaction_id, booking_date, state, fingerprint, uid, data::json, decision::json
	FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
		AS r (source_id, transaction_id, booking_date, state, fingerprint, uid, data, decision)
	ON CONFLICT (feed_id, uid) DO UPDATE SET
		source_id = excluded.source_id, transaction_id = excluded.transaction_id,
		booking_date = excluded.booking_date, state = excluded.state,
		fingerprint = excluded.fingerprint, data = excluded.data, decision = excluded.decision
	RETURNING id, source_id, transaction_id
)
INSERT INTO finapi_alias (source_id, transaction_id, row_id)
SELECT source_id, transaction_id, id FROM put
ON CONFLICT (source_id, transaction_id) DO UPDATE SET row_id = excluded.row_id`

// postgresPut sends all rows as one statement, because each one is a way to the
// server and back.
func postgresPut(ctx context.Context, tx *sql.Tx, feed int64, rows []entry) error {
	_, err := tx.ExecContext(ctx, postgresPutAll, columns(feed, rows)...)
	return err
}

// columns are the parameters of [postgresPutAll].
func columns(feed int64, rows []entry) []any {
	n := len(rows)
	sources, transactions, days := make([]int64, n), make([]int64, n), make([]int, n)
	states, fingerprints, uids, data := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	decisions := make([]*string, n)
	for i := range rows {
		r := &rows[i]
		sources[i], transactions[i], days[i] = r.source, r.transaction, r.day
		states[i], fingerprints[i], uids[i], data[i] = r.state, r.fingerprint, r.uid, r.data
		decisions[i] = r.decision
	}
	return []any{feed, sources, transactions, days, states, fingerprints, uids, data, decisions}
}

var postgresInbox = inboxStatements{
	put: postgresPutLetters,
	ack: `
UPDATE finapi_inbox SET event = NULL, reason = ''
WHERE feed_id = (SELECT id FROM finapi_feed WHERE environment = $1 AND ledger = $2)
	AND seq = ANY($3::bigint[]) AND event IS NOT NULL`,
}

// postgresPutAllLetters: ledger's id, UIDs, keys, events. The numbers ascend in the order of
// the lists, because PostgreSQL gives them out behind the ORDER BY.
const postgresPutAllLetters = `
INSERT INTO finapi_inbox (feed_id, uid, event_key, nth, event)
SELECT $1::bigint, l.uid, l.event_key,
	(SELECT count(*) FROM finapi_inbox i WHERE i.feed_id = $1 AND i.event_key = l.event_key)
		+ row_number() OVER (PARTITION BY l.event_key ORDER BY l.n),
	l.event::json
FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS l (uid, event_key, event, n)
ORDER BY l.n`

func postgresPutLetters(ctx context.Context, tx *sql.Tx, feed int64, letters []letter) error {
	uids, keys, events := make([]string, len(letters)), make([]string, len(letters)), make([]string, len(letters))
	for i, l := range letters {
		uids[i], keys[i], events[i] = l.uid, l.key, l.event
	}
	_, err := tx.ExecContext(ctx, postgresPutAllLetters, feed, uids, keys, events)
	return err
}

var postgresConnections = newConnectionStatements(`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`, "FOR SHARE", "FOR UPDATE SKIP LOCKED")
