package sqlstore_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// This file states what finapi.Store promises. It knows nothing of SQL, so that
// it can check any Store.

func TestStoresKeepTheirPromise(t *testing.T) {
	stores := map[string]func(t *testing.T) finapi.Store{
		"in memory": func(*testing.T) finapi.Store { return &finapi.MemoryStore{} },
		"in a file": func(t *testing.T) finapi.Store {
			t.Helper()
			return openStore(t)
		},
		"in the ERP's database": func(t *testing.T) finapi.Store {
			t.Helper()
			db := openPlain(t)
			store, err := sqlstore.New(t.Context(), db, sqlstore.SQLite)
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testStore(t, open)
		})
	}
}

func TestAStoreAnswersLikeAModel(t *testing.T) {
	t.Parallel()
	// Nothing here depends on the disk, so that nothing waits for it.
	db := openPlain(t, "_pragma=synchronous(OFF)", "_pragma=journal_mode(WAL)")
	store, err := sqlstore.New(t.Context(), db, sqlstore.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	testModel(t, store)
}

var (
	books  = finapi.LedgerKey{Environment: "sandbox", Ledger: "tenant-17/1200"}
	source = finapi.Source{User: "customer-17", Account: 4711}
)

// testStore checks that the stores that open returns, each of them empty, keep
// the promises of finapi.Store.
func testStore(t *testing.T, open func(t *testing.T) finapi.Store) {
	t.Helper()
	t.Run("an unknown ledger has the zero mark and no rows", func(t *testing.T) {
		store := open(t)
		wantMark(t, store, books, finapi.Mark{})
		all := finapi.RowQuery{Since: &finapi.Date{}, UIDs: []finapi.UID{"a"}, IDs: []finapi.TransactionID{1}}
		wantRows(t, store, books, all)
	})
	t.Run("a commit is found again as it was, and raises the version by one", func(t *testing.T) {
		store := open(t)
		mark := finapi.Mark{
			Source: source, IBAN: "de12999000010001234567", Currency: "EUR", Type: finapi.Checking,
			Imported:  time.Date(2026, 11, 20, 6, 0, 8, 123_456_789, time.FixedZone("", 3600)),
			Updated:   time.Date(2026, 3, 29, 1, 59, 59, 0, time.UTC),
			Completed: time.Date(2026, 11, 21, 0, 0, 0, 1, time.FixedZone("", -5*3600-1800)),
			Bookings:  3,
		}
		rows := []finapi.Row{fullRow(), row("b", 2, "equal", "2026-11-02"), row("c", 3, "equal", "")}
		commit(t, store, books, finapi.Change{Mark: mark, Rows: rows})
		mark.Version = 1
		wantMark(t, store, books, mark)
		wantRows(t, store, books, finapi.RowQuery{Since: &finapi.Date{}}, rows...)
	})
	t.Run("a commit with another version is a conflict and changes nothing", func(t *testing.T) {
		store := open(t)
		conflict(t, store, books, finapi.Change{Mark: finapi.Mark{Version: 1}})
		wantMark(t, store, books, finapi.Mark{})
		commit(t, store, books, change(0, row("a", 1, "f", "2026-11-01")))
		commit(t, store, books, change(1))
		for _, version := range []int64{-1, 0, 1, 3} {
			stale := change(version, row("a", 9, "g", "2026-12-01"), row("b", 1, "g", "2026-12-01"))
			stale.Mark.IBAN = "changed"
			conflict(t, store, books, stale)
		}
		wantMark(t, store, books, finapi.Mark{Version: 2, Source: source})
		wantRows(t, store, books, finapi.RowQuery{Since: &finapi.Date{}}, row("a", 1, "f", "2026-11-01"))
		wantRows(t, store, books, byIDs(1), row("a", 1, "f", "2026-11-01"))
		wantRows(t, store, books, byIDs(9))
	})
	t.Run("of commits at once with one version, one succeeds", func(t *testing.T) {
		store := open(t)
		for version := range int64(4) { // the first commit of a ledger and later ones
			wantOneWinner(t, store, version)
		}
	})
	t.Run("a row is found under every id that it ever had, at its source", func(t *testing.T) {
		store := open(t)
		commit(t, store, books, change(0, row("a", 1, "f", "2026-11-01")))
		renamed := row("a", 2, "f", "2026-11-01")
		commit(t, store, books, change(1, renamed))
		reimported := row("a", 1, "f", "2026-11-01")
		reimported.Source = finapi.Source{User: source.User, Account: 9999}
		commit(t, store, books, change(2, reimported))
		wantRows(t, store, books, byIDs(1), reimported)
		wantRows(t, store, books, byIDs(2), reimported)
		wantRows(t, store, books, byIDs(1, 2, 3), reimported)
		for _, at := range []finapi.Source{
			{User: source.User, Account: 9999}, {User: source.User, Account: 4711},
		} {
			wantRows(t, store, books, finapi.RowQuery{Source: at, IDs: []finapi.TransactionID{1}}, reimported)
		}
		for _, at := range []finapi.Source{
			{}, {User: source.User}, {User: "CUSTOMER-17", Account: 4711}, {User: source.User, Account: 1},
		} {
			wantRows(t, store, books, finapi.RowQuery{Source: at, IDs: []finapi.TransactionID{1, 2}})
		}
	})
	t.Run("if two rows claim an id, the later commit has it", func(t *testing.T) {
		store := open(t)
		a, b := row("a", 1, "f", "2026-11-01"), row("b", 1, "g", "2026-11-02")
		commit(t, store, books, change(0, a))
		commit(t, store, books, change(1, b))
		wantRows(t, store, books, byIDs(1), b)
		commit(t, store, books, change(2, a))
		wantRows(t, store, books, byIDs(1), a)
		c := row("c", 1, "f", "2026-11-01")
		commit(t, store, books, change(3, b, c)) // the later row of one commit
		wantRows(t, store, books, byIDs(1), c)
		wantRows(t, store, books, finapi.RowQuery{Since: &finapi.Date{}}, a, b, c)
	})
	t.Run("a row replaces the one with its UID, also within one commit", func(t *testing.T) {
		store := open(t)
		last := row("a", 3, "h", "2026-11-03")
		last.State = finapi.RowRemoved
		commit(t, store, books, change(0, row("a", 1, "f", "2026-11-01"), row("a", 2, "g", "2026-11-02")))
		commit(t, store, books, change(1, last))
		wantRows(t, store, books, finapi.RowQuery{Fingerprints: []string{"f", "g"}})
		wantRows(t, store, books, finapi.RowQuery{Fingerprints: []string{"h"}}, last)
		wantRows(t, store, books, byIDs(2), last)
		since := finapi.Date{Year: 2026, Month: 11, Day: 3}
		wantRows(t, store, books, finapi.RowQuery{Since: &since}, last)
	})
	t.Run("a query returns what matches any of its fields, each row once", func(t *testing.T) {
		store := open(t)
		a, b := row("a", 1, "f", "2026-11-01"), row("b", 2, "f", "2026-11-02")
		c, d := row("c", 3, "g", "2026-11-03"), row("d", 4, "h", "")
		commit(t, store, books, change(0, a, b, c, d))
		wantRows(t, store, books, finapi.RowQuery{})
		wantRows(t, store, books, finapi.RowQuery{Source: source})
		wantRows(t, store, books, finapi.RowQuery{UIDs: []finapi.UID{"a", "d", "x", "a"}}, a, d)
		wantRows(t, store, books, finapi.RowQuery{Fingerprints: []string{"f", "x"}}, a, b)
		for day, want := range map[int][]finapi.Row{1: {a, b, c}, 2: {b, c}, 3: {c}, 4: nil} {
			since := finapi.Date{Year: 2026, Month: 11, Day: day}
			wantRows(t, store, books, finapi.RowQuery{Since: &since}, want...)
		}
		wantRows(t, store, books, finapi.RowQuery{Since: &finapi.Date{}}, a, b, c, d)
		since := finapi.Date{Year: 2026, Month: 11, Day: 2}
		wantRows(t, store, books, finapi.RowQuery{
			Source: source, IDs: []finapi.TransactionID{1, 2}, UIDs: []finapi.UID{"a", "b"},
			Fingerprints: []string{"f"}, Since: &since,
		}, a, b, c)
	})
	t.Run("a query may be as long as a bank's whole history", func(t *testing.T) {
		store := open(t)
		var rows []finapi.Row
		q := finapi.RowQuery{Source: source}
		for n := range 300 {
			r := row(finapi.UID(fmt.Sprintf("uid-%d", n)), finapi.TransactionID(n+1), fmt.Sprintf("f%d", n), "2026-11-01")
			rows = append(rows, r)
		}
		for n := range 40_000 {
			q.IDs = append(q.IDs, finapi.TransactionID(n+1))
			q.UIDs = append(q.UIDs, finapi.UID(fmt.Sprintf("uid-%d", n)))
			q.Fingerprints = append(q.Fingerprints, fmt.Sprintf("f%d", n))
		}
		commit(t, store, books, change(0, rows...))
		wantRows(t, store, books, q, rows...)
	})
	t.Run("ledgers and environments are kept apart", func(t *testing.T) {
		store := open(t)
		other := finapi.LedgerKey{Environment: "sandbox", Ledger: "tenant-18/1200"}
		live := finapi.LedgerKey{Environment: "live", Ledger: books.Ledger}
		commit(t, store, books, change(0, row("a", 1, "f", "2026-11-01")))
		for _, key := range []finapi.LedgerKey{other, live} {
			wantMark(t, store, key, finapi.Mark{})
			wantRows(t, store, key, everything("a"))
			commit(t, store, key, change(0, row("a", 1, "g", "2026-11-02")))
			wantRows(t, store, key, everything("a"), row("a", 1, "g", "2026-11-02"))
		}
		wantRows(t, store, books, everything("a"), row("a", 1, "f", "2026-11-01"))
	})
	t.Run("a context that is done ends every call, and nothing is committed", func(t *testing.T) {
		store := open(t)
		commit(t, store, books, change(0, row("a", 1, "f", "2026-11-01")))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, errMark := store.Mark(ctx, books)
		_, errRows := store.Rows(ctx, books, everything("a"))
		errCommit := store.Commit(ctx, books, change(1, row("b", 2, "f", "2026-11-01")))
		for call, err := range map[string]error{"Mark": errMark, "Rows": errRows, "Commit": errCommit} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", call, err)
			}
		}
		wantMark(t, store, books, finapi.Mark{Version: 1, Source: source})
		wantRows(t, store, books, finapi.RowQuery{Since: &finapi.Date{}}, row("a", 1, "f", "2026-11-01"))
	})
}

// testModel checks that an empty store answers like a model, whatever is committed.
func testModel(t *testing.T, store finapi.Store) {
	t.Helper()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++ // a fresh ledger in the same store
		likeModel(t, store, finapi.LedgerKey{Environment: "sandbox", Ledger: finapi.LedgerID(fmt.Sprint(n))})
	})
}

// likeModel does the same at random to the store and to a model that is too
// simple to be wrong.
func likeModel(t *rapid.T, store finapi.Store, key finapi.LedgerKey) {
	model := &finapi.MemoryStore{}
	sources := rapid.SampledFrom([]finapi.Source{source, {User: "u", Account: 1}, {User: "u", Account: 2}})
	ids := rapid.Map(rapid.IntRange(1, 12), func(n int) finapi.TransactionID { return finapi.TransactionID(n) })
	uids := rapid.Map(rapid.IntRange(1, 12), func(n int) finapi.UID { return finapi.UID(fmt.Sprintf("finapi/ä'%d", n)) })
	prints := rapid.SampledFrom([]string{"1:a", "1:b", "1:c", ""})
	days := rapid.Map(rapid.IntRange(0, 5), func(n int) finapi.Date {
		if n == 0 {
			return finapi.Date{}
		}
		return finapi.Date{Year: 2025, Month: 12, Day: 29}.AddDays(n)
	})
	states := rapid.SampledFrom([]finapi.RowState{finapi.RowBooked, finapi.RowReview, finapi.RowRemoved, finapi.RowNoticed})
	texts := rapid.StringOf(rapid.RuneFrom([]rune{'a', 'Ä', '\'', '"', '\\', '\x00', '\u2028', '😀', '<', '\n'}))
	rows := rapid.Custom(func(t *rapid.T) finapi.Row {
		r := finapi.Row{
			UID: uids.Draw(t, "uid"), Source: sources.Draw(t, "source"), ID: ids.Draw(t, "id"),
			State: states.Draw(t, "state"), Fingerprint: prints.Draw(t, "fingerprint"),
		}
		r.Transaction = finapi.Transaction{
			ID: r.ID, BookingDate: days.Draw(t, "day"), Purpose: texts.Draw(t, "purpose"),
			Amount: finapi.Money{
				Amount:   decimal.New(rapid.Int64().Draw(t, "units"), int32(rapid.IntRange(-12, 12).Draw(t, "exponent"))),
				Currency: "EUR",
			},
		}
		return r
	})
	ctx := context.Background()
	t.Repeat(map[string]func(*rapid.T){
		"commit": func(t *rapid.T) {
			mark, err := model.Mark(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			mark.Version += rapid.SampledFrom([]int64{0, 0, 0, 0, 1, -1}).Draw(t, "off")
			mark.Bookings++
			mark.Source = sources.Draw(t, "bound to")
			c := finapi.Change{Mark: mark, Rows: rapid.SliceOfN(rows, 0, 6).Draw(t, "rows")}
			want, got := model.Commit(ctx, key, c), store.Commit(ctx, key, c)
			if finapi.IsError(want, finapi.CodeConflict) != finapi.IsError(got, finapi.CodeConflict) ||
				(want == nil) != (got == nil) {
				t.Fatalf("Commit: got %v, want %v", got, want)
			}
		},
		"query": func(t *rapid.T) {
			q := finapi.RowQuery{
				Source: sources.Draw(t, "source"), IDs: rapid.SliceOfN(ids, 0, 4).Draw(t, "ids"),
				UIDs:         rapid.SliceOfN(uids, 0, 4).Draw(t, "uids"),
				Fingerprints: rapid.SliceOfN(prints, 0, 2).Draw(t, "fingerprints"),
			}
			if rapid.Bool().Draw(t, "has since") {
				since := days.Draw(t, "since")
				q.Since = &since
			}
			want, errWant := model.Rows(ctx, key, q)
			got, errGot := store.Rows(ctx, key, q)
			if errWant != nil || errGot != nil {
				t.Fatal(errWant, errGot)
			}
			if diff := gocmp.Diff(plain(want), plain(got)); diff != "" {
				t.Fatalf("Rows (-want +got):\n%s", diff)
			}
		},
		"": func(t *rapid.T) {
			want, errWant := model.Mark(ctx, key)
			got, errGot := store.Mark(ctx, key)
			if errWant != nil || errGot != nil || want != got {
				t.Fatalf("Mark: got %+v, %v, want %+v, %v", got, errGot, want, errWant)
			}
		},
	})
}

func wantOneWinner(t *testing.T, store finapi.Store, version int64) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for n := range errs {
		wg.Go(func() {
			uid := finapi.UID(fmt.Sprintf("%d/%d", version, n))
			errs[n] = store.Commit(t.Context(), books, change(version, row(uid, finapi.TransactionID(n+1), "f", "2026-11-01")))
		})
	}
	wg.Wait()
	won := 0
	for n, err := range errs {
		switch {
		case err == nil:
			won++
		case !finapi.IsError(err, finapi.CodeConflict):
			t.Errorf("worker %d: got %v, want success or a conflict", n, err)
		}
	}
	if won != 1 {
		t.Errorf("version %d: %d commits succeeded, want 1", version, won)
	}
	rows, err := store.Rows(t.Context(), books, finapi.RowQuery{Since: &finapi.Date{}})
	if err != nil || len(rows) != int(version)+1 {
		t.Errorf("version %d: got %d rows, %v, want one of each commit", version, len(rows), err)
	}
}

// row is a remembered row; a day of "" is none.
func row(uid finapi.UID, id finapi.TransactionID, fingerprint, day string) finapi.Row {
	var date finapi.Date
	if err := date.UnmarshalText([]byte(day)); err != nil {
		panic(err)
	}
	return finapi.Row{
		UID: uid, Source: source, ID: id, State: finapi.RowBooked, Fingerprint: fingerprint,
		Transaction: finapi.Transaction{
			ID: id, Account: source.Account, BookingDate: date,
			Amount:   finapi.Money{Amount: decimal.RequireFromString("-12.30"), Currency: "EUR"},
			Imported: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC),
		},
	}
}

// fullRow has a value in every field that is remembered.
func fullRow() finapi.Row {
	money := func(text string, currency finapi.Currency) finapi.Money {
		return finapi.Money{Amount: decimal.RequireFromString(text), Currency: currency}
	}
	compensation, original, fee := money("-3.00", "EUR"), money("1e12", "JPY"), money("0", "")
	r := row("finapi/sandbox/tenant-17/1200/4711.1", 1, "1:00ff", "2026-11-01")
	r.State = finapi.RowReview
	r.Transaction = finapi.Transaction{
		ID: 1, Account: source.Account, Parent: 2, Children: []finapi.TransactionID{3, 9_007_199_254_740_993},
		Amount:      money("-123456789012345678901234567890.000000000000000000000000000001", "CHF"),
		BookingDate: finapi.Date{Year: 2024, Month: 2, Day: 29}, ValueDate: finapi.Date{Year: 9999, Month: 12, Day: 31},
		Imported: time.Date(2026, 10, 25, 2, 30, 0, 987_654_321, time.FixedZone("", 7200)),
		Purpose:  "Miete \"11/26\"\n<Groß & Klein>\u2028\x00 😀 ' \\",
		Counterpart: finapi.Counterpart{
			Name: "Musterversicherung a.G.", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX", AccountNumber: "0099",
			BLZ: "99900002", BankName: "Beispielbank", MandateReference: "M-1", CustomerReference: "K-1",
			CreditorID: "DE98ZZZ09999999999", DebtorID: "D-1",
		},
		EndToEndReference: "NOTPROVIDED", Type: "Überweisung", TypeCodeZKA: "166", TypeCodeSWIFT: "NTRF",
		SEPAPurposeCode: "SALA", BankTransactionCode: "PMNT-RDDT-ESDD", Primanota: "9310",
		Compensation: &compensation, Original: &original, Fee: &fee,
		DifferentDebtor: "Debtor", DifferentCreditor: "Creditor", PotentialDuplicate: true, AdjustingEntry: true,
	}
	return r
}

func change(version int64, rows ...finapi.Row) finapi.Change {
	return finapi.Change{Mark: finapi.Mark{Version: version, Source: source}, Rows: rows}
}

func byIDs(ids ...finapi.TransactionID) finapi.RowQuery {
	return finapi.RowQuery{Source: source, IDs: ids}
}

func everything(uid finapi.UID) finapi.RowQuery {
	return finapi.RowQuery{
		Source: source, IDs: []finapi.TransactionID{1}, UIDs: []finapi.UID{uid}, Fingerprints: []string{"f", "g"},
		Since: &finapi.Date{},
	}
}

func commit(t *testing.T, store finapi.Store, key finapi.LedgerKey, c finapi.Change) {
	t.Helper()
	if err := store.Commit(t.Context(), key, c); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func conflict(t *testing.T, store finapi.Store, key finapi.LedgerKey, c finapi.Change) {
	t.Helper()
	if err := store.Commit(t.Context(), key, c); !finapi.IsError(err, finapi.CodeConflict) {
		t.Errorf("Commit with version %d: got %v, want a conflict", c.Mark.Version, err)
	}
}

func wantMark(t *testing.T, store finapi.Store, key finapi.LedgerKey, want finapi.Mark) {
	t.Helper()
	got, err := store.Mark(t.Context(), key)
	if err != nil {
		t.Fatalf("Mark: %v", err)
	}
	if diff := gocmp.Diff(want, got); diff != "" { // compares instants, not zones
		t.Errorf("Mark (-want +got):\n%s", diff)
	}
}

func wantRows(t *testing.T, store finapi.Store, key finapi.LedgerKey, q finapi.RowQuery, want ...finapi.Row) {
	t.Helper()
	got, err := store.Rows(t.Context(), key, q)
	if err != nil {
		t.Fatalf("Rows: %v", err)
	}
	if diff := gocmp.Diff(plain(want), plain(got)); diff != "" {
		t.Errorf("Rows (-want +got):\n%s", diff)
	}
}

// plain brings rows into one order and their transactions into the form that a
// Store has to keep: fields without a JSON form are not remembered.
func plain(rows []finapi.Row) []plainRow {
	out := make([]plainRow, 0, len(rows))
	for _, r := range rows {
		data, err := json.MarshalIndent(r.Transaction, "", " ")
		if err != nil {
			panic(err)
		}
		r.Transaction = finapi.Transaction{}
		out = append(out, plainRow{r, string(data)})
	}
	slices.SortFunc(out, func(a, b plainRow) int { return cmp.Compare(a.Row.UID, b.Row.UID) })
	return out
}

type plainRow struct {
	Row         finapi.Row
	Transaction string
}
