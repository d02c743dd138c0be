package sqlstore_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/measure"
	"github.com/finapi-go/finapi/sqlstore"
)

const (
	batchSize = 500
	perDay    = 20
)

// batchOf is the n-th batch of a ledger that gets 20 bookings a day. Texts and ids
// are as long as banks send them.
func batchOf(n int) []finapi.Row {
	rows := make([]finapi.Row, batchSize)
	for i := range rows {
		number := n*len(rows) + i
		id := finapi.TransactionID(1_234_000_000 + number)
		r := row(finapi.UID(fmt.Sprintf("finapi/live/tenant-17/1200/2345678.%d", id)), id)
		r.Source = finapi.Source{User: "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", Account: 2_345_678}
		tx := &r.Transaction
		tx.BookingDate = finapi.Date{Year: 2000, Month: 1, Day: 1}.AddDays(number / perDay)
		tx.ValueDate = tx.BookingDate
		// As long as those of the feed, and as random behind the day.
		r.Fingerprint = fmt.Sprintf("1:%s:%016x", tx.BookingDate, uint64(number+1)*0x9e3779b97f4a7c15)
		tx.Purpose = fmt.Sprintf("Rechnung 2026-%06d vom 12.11.2026, Kundennummer 302460, vielen Dank", number)
		tx.Counterpart = finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX",
		}
		tx.EndToEndReference = fmt.Sprintf("E2E-%d", id)
		tx.Type = "Überweisung"
		rows[i] = r
	}
	return rows
}

// BenchmarkCommit commits batches of 500 new rows to one ledger, which grows. In
// turn with it, it writes the same rows as JSON to a file, and waits for the disk:
// that is the least that a commit can take. It reports medians.
func BenchmarkCommit(b *testing.B) {
	for name, kind := range kinds {
		b.Run(name, func(b *testing.B) {
			d := kind(b)
			store := d.open(b)
			file, err := os.Create(filepath.Join(b.TempDir(), "rows"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			costs := measure.Costs{}
			took := func(what string, d time.Duration) { costs[what] = append(costs[what], d) }
			batches, bytes := 0, 0
			for b.Loop() {
				b.StopTimer()
				rows := batchOf(batches)
				b.StartTimer()
				start := time.Now()
				if err := store.Commit(b.Context(), books, change(int64(batches), rows...)); err != nil {
					b.Fatal(err)
				}
				took("commit", time.Since(start))
				b.StopTimer()
				batches++

				start = time.Now()
				text := encoded(b, rows)
				encode := time.Since(start)
				bytes += len(text)
				write := toDisk(b, file, text)
				took("encode", encode)
				took("fsync-json", write)
				took("limit", encode+write)
				b.StartTimer()
			}
			rows := float64(batches * batchSize)
			b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
			for _, what := range []string{"commit", "encode", "fsync-json"} {
				b.ReportMetric(costs.Milliseconds(what), "ms/"+what)
			}
			b.ReportMetric(costs.Ratio("commit", "limit"), "commit/limit")
			b.ReportMetric(float64(size(b, d, store))/rows, "B/row")
			b.ReportMetric(float64(bytes)/rows, "json-B/row")
		})
	}
}

func encoded(b *testing.B, rows []finapi.Row) []byte {
	b.Helper()
	var text []byte
	for i := range rows {
		data, err := json.Marshal(&rows[i].Transaction)
		if err != nil {
			b.Fatal(err)
		}
		text = append(text, data...)
	}
	return text
}

func toDisk(b *testing.B, file *os.File, text []byte) time.Duration {
	b.Helper()
	start := time.Now()
	_, err := file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// size is what the database takes on the disk, in bytes, without its log.
func size(b *testing.B, d database, store *sqlstore.Store) (bytes int) {
	b.Helper()
	query := `SELECT sum(pgsize) FROM dbstat`
	if d.Dialect == sqlstore.PostgreSQL {
		query = `SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
			WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`
	}
	if err := store.DB().QueryRow(query).Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkRows asks a ledger for what a synchronisation needs that finds nothing
// new, and for all.
func BenchmarkRows(b *testing.B) {
	for name, kind := range kinds {
		b.Run(name, func(b *testing.B) {
			d := kind(b)
			store := d.open(b)
			fill(b, store, *remembered)
			few, size := window(*remembered)
			for name, c := range map[string]struct {
				query finapi.RowQuery
				want  int
			}{
				"window": {few, size},
				"all":    {finapi.RowQuery{Since: &finapi.Date{}}, *remembered},
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						rows, err := store.Rows(b.Context(), books, c.query)
						if err != nil || len(rows) != c.want {
							b.Fatal(len(rows), err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkNothingNew synchronises a ledger of many rows when the bank has no news and lists
// what it booked in the last days. It reports the requests, and the processor time of this
// process: with SQLite's, without PostgreSQL's and finAPI's. What it allocates in all bounds
// what it can hold at a time.
func BenchmarkNothingNew(b *testing.B) {
	const listed = 60
	server := measure.Serve(b)
	base := measure.Listing(server.HTTP1, 0, listed)
	for name, kind := range kinds {
		b.Run(fmt.Sprintf("%s/%d", name, *remembered), func(b *testing.B) {
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: server.Trusted()}}
			b.Cleanup(transport.CloseIdleConnections)
			client, err := finapi.NewClient(finapi.Sandbox, finapi.Credentials{ID: "client", Secret: finapi.NewSecret("secret")},
				finapi.WithBaseURLs(base, base), finapi.WithTransport(transport))
			if err != nil {
				b.Fatal(err)
			}
			store := kind(b).openWithJournal(b)
			feed := client.User("customer-17", finapi.NewSecret("password")).Feed(measure.Account, books.Ledger, store)
			synchronise := func(ctx context.Context) error { return sqlstore.Sync(ctx, feed, enter) }
			if err := synchronise(b.Context()); err != nil {
				b.Fatal(err)
			}
			mark, err := store.Mark(b.Context(), feed.Ledger())
			if err != nil {
				b.Fatal(err)
			}
			for n := range *remembered / batchSize { // of the years before
				if err := store.Commit(b.Context(), feed.Ledger(), finapi.Change{Mark: mark, Rows: batchOf(n)}); err != nil {
					b.Fatal(err)
				}
				mark.Version++
			}
			measure.NothingNew(b, synchronise)
		})
	}
}

// BenchmarkTake hands out what is due of many connections: all of them overdue, as after an
// outage of the machine room, at 1,000 banks. Each turn takes 500 and gives them back.
//
//	go test -run '^$' -bench Take -benchtime 20x .
func BenchmarkTake(b *testing.B) {
	for name, kind := range kinds {
		for _, n := range []int{10_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchmarkTake(b, kind(b).open(b), n) })
		}
	}
}

func benchmarkTake(b *testing.B, store *sqlstore.Store, n int) {
	b.Helper()
	_, err := store.DB().Exec(`
INSERT INTO finapi_connection (environment, connection, tenant, mandator, bank, schedule, history, due, why, blocked_by, asks, failures, fence, taken, lost)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
SELECT 'sandbox', i, 'tenant-' || i, '', i % 1000, '{}', '{"lastSuccess":"2026-11-24T01:00:00Z"}', 1 + i, 'scheduled', '', 1, 0, 0, 0, 0 FROM n`, n)
	if err != nil {
		b.Fatal(err)
	}
	clock := finapitest.New(b).Clock()
	connections, err := store.Connections(finapi.Sandbox, clock)
	if err != nil {
		b.Fatal(err)
	}
	none := func(context.Context, string, *finapi.Account) (finapi.LedgerID, error) { return "", nil }
	syncer, err := sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: connections, Users: nobody{}, Ledger: none, Limits: sqlstore.Limits{PerMandator: 500},
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		tasks, err := syncer.Take(b.Context(), 500)
		if err != nil || len(tasks) != 500 {
			b.Fatalf("%d were taken, %v, want 500", len(tasks), err)
		}
		b.StopTimer()
		if _, err := store.DB().Exec(`UPDATE finapi_connection SET taken = 0, lost = 0 WHERE taken > 0`); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/take")
}

// nobody is a list of tenants without one.
type nobody struct{}

func (nobody) Find(context.Context, string) (*finapi.User, error) { return nil, nil } //nolint:nilnil // as sqlstore.Users says it
