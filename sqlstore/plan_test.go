package sqlstore_test

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

func TestNoStatementReadsATableOfSQLiteFromEndToEnd(t *testing.T) {
	t.Parallel()
	store := newFile(t).open(t)
	for name, statement := range sqlstore.Statements(sqlstore.SQLite) {
		for _, step := range sqlitePlan(t, store.DB(), statement) {
			if strings.Contains(step, "SCAN") && strings.Contains(step, "finapi_") {
				t.Errorf("%s: %s\nin %s", name, step, statement)
			}
		}
	}
}

func TestReadingTheWindowTouchesNothingElseInSQLite(t *testing.T) {
	t.Parallel()
	store := newFile(t).open(t)
	steps := strings.Join(sqlitePlan(t, store.DB(), sqlstore.Statements(sqlstore.SQLite)["rows"]), "\n")
	for _, want := range []string{
		"SEARCH finapi_alias USING PRIMARY KEY (source_id=? AND transaction_id=?)",
		"SEARCH finapi_row USING COVERING INDEX sqlite_autoindex_finapi_row_1 (feed_id=? AND uid=?)",
		"SEARCH finapi_row USING COVERING INDEX finapi_row_fingerprint (feed_id=? AND fingerprint=?)",
		"SEARCH finapi_row USING COVERING INDEX finapi_row_booking_date (feed_id=? AND booking_date>? AND booking_date<?)",
		"SEARCH finapi_row USING INDEX finapi_row_review (feed_id=?)",
		"SEARCH r USING INTEGER PRIMARY KEY (rowid=?)",
		"SEARCH s USING INTEGER PRIMARY KEY (rowid=?)",
	} {
		if !strings.Contains(steps, want) {
			t.Errorf("no step %q in:\n%s", want, steps)
		}
	}
}

func sqlitePlan(t *testing.T, db *sql.DB, statement string) (steps []string) {
	t.Helper()
	rows, err := db.Query(`EXPLAIN QUERY PLAN `+statement, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

var remembered = flag.Int("remembered", 10_000, "how many rows the ledger has whose reading is examined")

// window are the ids and fingerprints of the last 100 rows of a ledger of n, and
// their days.
func window(n int) (q finapi.RowQuery, size int) {
	const days = 5 // of 20 rows each
	last := batchOf(n/batchSize - 1)
	q.Source = last[0].Source
	for _, r := range last[batchSize-days*perDay:] {
		q.IDs, q.Fingerprints = append(q.IDs, r.ID), append(q.Fingerprints, r.Fingerprint)
	}
	since := last[batchSize-days*perDay].Transaction.BookingDate
	q.Since = &since
	return q, days * perDay
}

// fill remembers n rows of one ledger, and some of others.
func fill(tb testing.TB, store *sqlstore.Store, n int) {
	tb.Helper()
	for batch := range n / batchSize {
		commit(tb, store, books, change(int64(batch), batchOf(batch)...))
	}
	for tenant := range 10 {
		key := finapi.LedgerKey{Environment: "sandbox", Ledger: finapi.LedgerID(fmt.Sprintf("tenant-%d/other", tenant))}
		commit(tb, store, key, change(0, batchOf(n/batchSize-1)...))
	}
}

// A synchronisation that finds nothing new reads what it has listed, and no more,
// however much the ledger and the database remember. Statistics may be missing.
func TestReadingTheWindowTouchesNothingElseInPostgreSQL(t *testing.T) {
	t.Parallel()
	db := newServerDatabase(t).open(t)
	fill(t, db, *remembered)
	q, size := window(*remembered)
	for _, statistics := range []string{`SELECT 1`, `ANALYZE`} {
		if _, err := db.DB().Exec(statistics); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			top := postgresPlan(t, db.DB(), mode, q)
			touched := 0
			top.walk(func(n planNode) {
				if strings.HasPrefix(n.Relation, "finapi_") {
					touched += n.Loops * int(n.Rows+n.Filtered+n.Rechecked)
				}
				if n.Type == "Seq Scan" && (n.Relation == "finapi_row" || n.Relation == "finapi_alias") {
					t.Errorf("after %s, with %s: %s is read from end to end", statistics, mode, n.Relation)
				}
			})
			// Each row by its id, by its fingerprint, by its day, and then the row itself
			// and its source.
			if limit := 5*size + 100; touched > limit {
				t.Errorf("after %s, with %s: %d rows are touched for a window of %d, want at most %d",
					statistics, mode, touched, size, limit)
			}
		}
	}
}

type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Rows      float64    `json:"Actual Rows"`
	Loops     int        `json:"Actual Loops"`
	Filtered  float64    `json:"Rows Removed by Filter"`
	Rechecked float64    `json:"Rows Removed by Index Recheck"`
	Plans     []planNode `json:"Plans"`
}

func (n planNode) walk(visit func(planNode)) {
	visit(n)
	for _, below := range n.Plans {
		below.walk(visit)
	}
}

// postgresPlan runs the query as a prepared statement, as drivers do.
func postgresPlan(t *testing.T, db *sql.DB, mode string, q finapi.RowQuery) planNode {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ids, prints := make([]string, len(q.IDs)), make([]string, len(q.IDs))
	for i := range q.IDs {
		ids[i], prints[i] = fmt.Sprint(q.IDs[i]), q.Fingerprints[i]
	}
	day := q.Since.Year*10_000 + int(q.Since.Month)*100 + q.Since.Day
	for _, statement := range []string{
		`SET plan_cache_mode = ` + mode,
		`PREPARE reading (text, text, text, bigint, bigint[], text[], text[], integer, integer, boolean) AS ` +
			sqlstore.Statements(sqlstore.PostgreSQL)["rows"],
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { _, _ = conn.ExecContext(t.Context(), `DEALLOCATE reading`) }()
	var text []byte
	err = conn.QueryRowContext(t.Context(), fmt.Sprintf(
		`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE reading ('%s', '%s', '%s', %d, '{%s}', NULL, '{%s}', %d, 99999999, false)`,
		books.Environment, books.Ledger, q.Source.User, q.Source.Account,
		strings.Join(ids, ","), strings.Join(prints, ","), day,
	)).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	var plans []struct {
		Plan planNode `json:"Plan"`
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}
