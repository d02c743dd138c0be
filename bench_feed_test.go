package finapi_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/measure"
)

// BenchmarkNothingNew synchronises ledgers that remember more and more bookings, when the bank has
// no news and lists what it booked in the last days. It reports the requests, and the
// processor time of this process, without finAPI's. [finapi.MemoryStore] looks at all it has, being for
// tests; sqlstore has a benchmark of the same name.
func BenchmarkNothingNew(b *testing.B) {
	server := measure.Serve(b)
	for _, remembered := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(remembered), func(b *testing.B) {
			const listed = 60
			client, transport, err := clientOf(server, measure.Listing(server.HTTP1, 0, listed), 4)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(transport.CloseIdleConnections)
			store := &finapi.MemoryStore{}
			feed := client.User(userName, finapi.NewSecret(password)).Feed(measure.Account, ledger, store)
			synchronise := func(ctx context.Context) error {
				_, err := finapi.Collect(feed.Sync(ctx))
				return err
			}
			if err := synchronise(b.Context()); err != nil {
				b.Fatal(err)
			}
			remember(b, store, feed.Ledger(), remembered-listed)
			measure.NothingNew(b, synchronise)
		})
	}
}

// remember adds bookings of former years to a ledger, 20 a day.
func remember(b *testing.B, store finapi.Store, key finapi.LedgerKey, n int) {
	b.Helper()
	mark, err := store.Mark(b.Context(), key)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]finapi.Row, n)
	for i := range rows {
		id := finapi.TransactionID(i + 1)
		day := finapi.Date{Year: 2025, Month: 12, Day: 31}.AddDays(-i / 20)
		rows[i] = finapi.Row{
			UID: finapi.UID(fmt.Sprintf("finapi/sandbox/%s/3587742.%d", key.Ledger, id)), Source: mark.Source, ID: id, State: finapi.RowBooked,
			Fingerprint: fmt.Sprintf("1:%s:%016x", day, uint64(id)*0x9e3779b97f4a7c15),
			Transaction: finapi.Transaction{
				ID: id, Account: mark.Source.Account, BookingDate: day, Amount: moneyOf(i), Purpose: fmt.Sprintf("Rechnung %d", id),
			},
		}
	}
	if err := store.Commit(b.Context(), key, finapi.Change{Mark: mark, Rows: rows}); err != nil {
		b.Fatal(err)
	}
}

func moneyOf(cents int) finapi.Money {
	return finapi.Money{Amount: decimal.New(int64(-cents), -2), Currency: "EUR"}
}
