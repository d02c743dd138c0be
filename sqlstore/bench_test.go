package sqlstore_test

import (
	"fmt"
	"testing"

	"github.com/finapi-go/finapi"
)

// batchOf is 200 rows of a ledger's n-th batch, as long as banks send them.
func batchOf(n int) []finapi.Row {
	rows := make([]finapi.Row, 200)
	for i := range rows {
		id := finapi.TransactionID(n*len(rows) + i + 1)
		r := row(
			finapi.UID(fmt.Sprintf("finapi/sandbox/tenant-17/1200/4711.%d", id)), id,
			fmt.Sprintf("1:%016x%016x", uint64(id)*0x9e3779b97f4a7c15, id), "2000-01-01",
		)
		r.Transaction.BookingDate = r.Transaction.BookingDate.AddDays(n)
		r.Transaction.ValueDate = r.Transaction.BookingDate
		r.Transaction.Purpose = fmt.Sprintf("Rechnung 2026-%06d vom 12.11.2026, Kundennummer 302460, vielen Dank", id)
		r.Transaction.Counterpart = finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX",
		}
		r.Transaction.EndToEndReference = fmt.Sprintf("E2E-%d", id)
		r.Transaction.Type = "Überweisung"
		rows[i] = r
	}
	return rows
}

// BenchmarkCommit200 commits full batches to one ledger, which grows.
func BenchmarkCommit200(b *testing.B) {
	store := openStore(b)
	for n := 0; b.Loop(); n++ {
		if err := store.Commit(b.Context(), books, change(int64(n), batchOf(n)...)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRows asks a ledger of 20,000 rows for what a daily synchronisation
// needs, and for all.
func BenchmarkRows(b *testing.B) {
	store := openStore(b)
	const batches = 100
	for n := range batches {
		if err := store.Commit(b.Context(), books, change(int64(n), batchOf(n)...)); err != nil {
			b.Fatal(err)
		}
	}
	few := finapi.RowQuery{Source: source}
	for _, r := range batchOf(batches - 1) {
		few.IDs = append(few.IDs, r.ID)
		few.Fingerprints = append(few.Fingerprints, r.Fingerprint)
	}
	for name, c := range map[string]struct {
		query finapi.RowQuery
		want  int
	}{
		"200":   {few, 200},
		"20000": {finapi.RowQuery{Since: &finapi.Date{}}, 20_000},
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
}
