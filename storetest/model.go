package storetest

import (
	"context"
	"fmt"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
)

// likeModel does the same at random to the store and to a model that is too
// simple to be wrong.
func likeModel(t *testing.T, store finapi.Store) {
	t.Helper()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++ // a fresh ledger in the same store
		m := model{
			store: store, model: &finapi.MemoryStore{},
			key: finapi.LedgerKey{Environment: "sandbox", Ledger: finapi.LedgerID(fmt.Sprint(n))},
		}
		t.Repeat(map[string]func(*rapid.T){"commit": m.commit, "query": m.query, "": m.mark})
	})
}

type model struct {
	store, model finapi.Store
	key          finapi.LedgerKey
}

var (
	someSource = rapid.SampledFrom([]finapi.Source{source, {User: "u", Account: 1}, {User: "u", Account: 2}})
	someID     = rapid.Map(rapid.IntRange(1, 12), func(n int) finapi.TransactionID { return finapi.TransactionID(n) })
	someUID    = rapid.Map(rapid.IntRange(1, 12), func(n int) finapi.UID { return finapi.UID(fmt.Sprintf("finapi/ä'%d", n)) })
	somePrint  = rapid.SampledFrom([]string{"1:a", "1:b", "1:c", ""})
	someDay    = rapid.Map(rapid.IntRange(0, 5), func(n int) finapi.Date {
		if n == 0 {
			return finapi.Date{}
		}
		return finapi.Date{Year: 2025, Month: 12, Day: 29}.AddDays(n)
	})
	someState = rapid.SampledFrom([]finapi.RowState{finapi.RowBooked, finapi.RowReview, finapi.RowSuspected, finapi.RowRemoved, finapi.RowNoticed})
	someText  = rapid.StringOf(rapid.RuneFrom([]rune{'a', 'Ä', '\'', '"', '\\', '\x00', '\u2028', '😀', '<', '\n'}))
	someRow   = rapid.Custom(func(t *rapid.T) finapi.Row {
		r := finapi.Row{
			UID: someUID.Draw(t, "uid"), Source: someSource.Draw(t, "source"), ID: someID.Draw(t, "id"),
			State: someState.Draw(t, "state"), Fingerprint: somePrint.Draw(t, "fingerprint"),
		}
		units, exponent := rapid.Int64().Draw(t, "units"), rapid.Int32Range(-12, 12).Draw(t, "exponent")
		r.Transaction = finapi.Transaction{
			ID: r.ID, BookingDate: someDay.Draw(t, "day"), Purpose: someText.Draw(t, "purpose"),
			Amount: finapi.Money{Amount: decimal.New(units, exponent), Currency: "EUR"},
		}
		return r
	})
)

func (m *model) commit(t *rapid.T) {
	ctx := context.Background()
	mark, err := m.model.Mark(ctx, m.key)
	if err != nil {
		t.Fatal(err)
	}
	mark.Version += rapid.SampledFrom([]int64{0, 0, 0, 0, 1, -1}).Draw(t, "off")
	mark.Bookings++
	mark.Source = someSource.Draw(t, "bound to")
	c := finapi.Change{Mark: mark, Rows: rapid.SliceOfN(someRow, 0, 6).Draw(t, "rows")}
	want, got := m.model.Commit(ctx, m.key, c), m.store.Commit(ctx, m.key, c)
	if finapi.IsError(want, finapi.CodeConflict) != finapi.IsError(got, finapi.CodeConflict) ||
		(want == nil) != (got == nil) {
		t.Fatalf("Commit: got %v, want %v", got, want)
	}
}

func (m *model) query(t *rapid.T) {
	ctx := context.Background()
	q := finapi.RowQuery{
		Source: someSource.Draw(t, "source"), IDs: rapid.SliceOfN(someID, 0, 4).Draw(t, "ids"),
		UIDs:         rapid.SliceOfN(someUID, 0, 4).Draw(t, "uids"),
		Fingerprints: rapid.SliceOfN(somePrint, 0, 2).Draw(t, "fingerprints"),
	}
	if rapid.Bool().Draw(t, "has since") {
		first := someDay.Draw(t, "since")
		q.Since, q.Until = &first, someDay.Draw(t, "until")
	}
	q.Reviews = rapid.Bool().Draw(t, "reviews")
	want, errWant := m.model.Rows(ctx, m.key, q)
	got, errGot := m.store.Rows(ctx, m.key, q)
	if errWant != nil || errGot != nil {
		t.Fatal(errWant, errGot)
	}
	if diff := gocmp.Diff(plain(t, want), plain(t, got)); diff != "" {
		t.Fatalf("Rows (-want +got):\n%s", diff)
	}
}

func (m *model) mark(t *rapid.T) {
	ctx := context.Background()
	want, errWant := m.model.Mark(ctx, m.key)
	got, errGot := m.store.Mark(ctx, m.key)
	if errWant != nil || errGot != nil || !gocmp.Equal(want, got) {
		t.Fatalf("Mark: got %+v, %v, want %+v, %v", got, errGot, want, errWant)
	}
}
