package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// promises are those of [finapi.Store], each checked on an empty store.
var promises = []struct {
	name  string
	check func(s checker)
}{
	{"an unknown ledger has the zero mark and no rows", checker.unknownLedger},
	{"a commit is found again as it was, and raises the version by one", checker.foundAgain},
	{"a later commit replaces the whole mark", checker.replacesMark},
	{"a commit with another version is a conflict and changes nothing", checker.conflictChangesNothing},
	{"a commit that fails changes nothing", checker.failureChangesNothing},
	{"a commit without rows is one, too", checker.commitsWithoutRows},
	{"a row is found under every id that it ever had, at its source", checker.aliasesForEver},
	{"if two rows claim an id, the later commit has it", checker.laterClaimWins},
	{"a row replaces the one with its UID, also within one commit", checker.replacesRow},
	{"a query returns what matches any of its fields, each row once", checker.anyField},
	{"a query can end with a day", checker.untilADay},
	{"rows in review are found, and only as long as they are", checker.reviews},
	{"a decision stays, or goes with the row that replaces it", checker.decisions},
	{"texts are compared as they are", checker.exactTexts},
	{"a commit may be as large as a bank's whole history", checker.largeCommit},
	{"a query may be as long as a bank's whole history", checker.longQuery},
	{"ledgers and environments are kept apart", checker.ledgersApart},
	{"the users and accounts of a ledger are kept apart", checker.sourcesApart},
	{"of commits at once with one version, one succeeds", checker.oneWinner},
	{"of 16 workers on one ledger, none loses anything", checker.manyWorkers},
	{"of 16 workers on as many ledgers, none loses or takes anything", checker.manyLedgers},
	{"a context that is done ends every call, and nothing is committed", checker.endedContext},
	{"a context that ends in the middle leaves all or nothing", checker.endingContext},
}

func (s checker) unknownLedger() {
	s.wantMark(books, finapi.Mark{})
	s.wantRows(books, everything())
}

func (s checker) foundAgain() {
	mark := finapi.Mark{
		Source: source, IBAN: "de12999000010001234567", Currency: "EUR", Type: finapi.Checking,
		Imported:  time.Date(2026, 11, 20, 6, 0, 8, 123_456_789, time.FixedZone("", 3600)),
		Updated:   time.Date(2026, 3, 29, 1, 59, 59, 0, time.UTC),
		Completed: time.Date(2026, 11, 21, 0, 0, 0, 1, time.FixedZone("", -5*3600-1800)),
		Bookings:  3, Deferred: 2, Incomplete: true, Unproved: true, First: november(1),
		CutOver: november(2), Sums: finapi.Sums{"EUR": {Amount: decimal.New(-123_456_789, -3), Rows: 7}, "USD": {Rows: 1}},
		Balance: &finapi.BalanceProof{
			Opening: decimal.New(1, 12), Difference: decimal.New(-5, -1), Told: decimal.New(7, 0), Day: november(20), At: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC),
		},
	}
	rows := []finapi.Row{fullRow(), row("b", 2, "equal", 2), row("c", 3, "equal", 0)}
	s.commit(books, finapi.Change{Mark: mark, Rows: rows})
	mark.Version = 1
	s.wantMark(books, mark)
	s.wantRows(books, since(0), rows...)
}

func (s checker) replacesMark() {
	full := finapi.Mark{
		Source: source, IBAN: "de12999000010001234567", Currency: "EUR", Type: finapi.Checking,
		Imported: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC), Swept: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC),
		Bookings: 3,
	}
	s.commit(books, finapi.Change{Mark: full})
	other := finapi.Source{User: source.User, Account: 9999}
	s.commit(books, finapi.Change{Mark: finapi.Mark{Version: 1, Source: other}})
	s.wantMark(books, finapi.Mark{Version: 2, Source: other})
}

func (s checker) conflictChangesNothing() {
	s.conflict(books, finapi.Change{Mark: finapi.Mark{Version: 1}})
	s.wantMark(books, finapi.Mark{})
	s.commit(books, change(0, row("a", 1, "f", 1)))
	s.commit(books, change(1))
	for _, version := range []int64{-1, 0, 1, 3} {
		stale := change(version, row("a", 9, "g", 29), row("b", 1, "g", 29))
		stale.Mark.IBAN = "changed"
		s.conflict(books, stale)
	}
	s.wantMark(books, finapi.Mark{Version: 2, Source: source})
	s.wantRows(books, since(0), row("a", 1, "f", 1))
	s.wantRows(books, byIDs(1), row("a", 1, "f", 1))
	s.wantRows(books, byIDs(9))
	s.wantRows(books, byPrints("g"))
}

func (s checker) failureChangesNothing() {
	broken := row("b", 2, "f", 1)
	broken.Transaction.Imported = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // has no JSON form
	if err := s.store.Commit(s.Context(), books, change(0, row("a", 1, "f", 1), broken)); err == nil {
		return // a store that keeps more than JSON can
	}
	s.wantMark(books, finapi.Mark{})
	s.wantRows(books, since(0))
	s.commit(books, change(0, row("a", 1, "f", 1)))
}

func (s checker) commitsWithoutRows() {
	for version := range int64(3) {
		s.commit(books, change(version))
	}
	s.wantMark(books, finapi.Mark{Version: 3, Source: source})
	s.wantRows(books, since(0))
}

func (s checker) aliasesForEver() {
	s.commit(books, change(0, row("a", 1, "f", 1)))
	s.commit(books, change(1, row("a", 2, "f", 1)))
	reimported := row("a", 1, "f", 1)
	reimported.Source = finapi.Source{User: source.User, Account: 9999}
	s.commit(books, change(2, reimported))
	s.wantRows(books, byIDs(1), reimported)
	s.wantRows(books, byIDs(2), reimported)
	s.wantRows(books, byIDs(1, 2, 3), reimported)
	s.wantRows(books, finapi.RowQuery{Source: reimported.Source, IDs: []finapi.TransactionID{1}}, reimported)
	for _, at := range []finapi.Source{
		{}, {User: source.User}, {User: "CUSTOMER-17", Account: 4711}, {User: source.User, Account: 1},
	} {
		s.wantRows(books, finapi.RowQuery{Source: at, IDs: []finapi.TransactionID{1, 2}})
	}
	var names []finapi.TransactionID
	for n := range int64(20) {
		names = append(names, finapi.TransactionID(100+n))
		s.commit(books, change(3+n, row("a", names[n], "f", 1)))
	}
	for _, name := range append(names, 1, 2) {
		s.wantRows(books, byIDs(name), row("a", 119, "f", 1))
	}
}

func (s checker) laterClaimWins() {
	a, b, c := row("a", 1, "f", 1), row("b", 1, "g", 2), row("c", 1, "f", 1)
	s.commit(books, change(0, a))
	s.commit(books, change(1, b))
	s.wantRows(books, byIDs(1), b)
	s.commit(books, change(2, a))
	s.wantRows(books, byIDs(1), a)
	s.commit(books, change(3, b, c)) // the later row of one commit
	s.wantRows(books, byIDs(1), c)
	s.wantRows(books, since(0), a, b, c)
}

func (s checker) replacesRow() {
	last := row("a", 3, "h", 3)
	last.State = finapi.RowRemoved
	last.Transaction.Purpose = "new"
	s.commit(books, change(0, row("a", 1, "f", 1), row("b", 9, "f", 1), row("a", 2, "g", 2)))
	s.wantRows(books, byIDs(1), row("a", 2, "g", 2))
	s.commit(books, change(1, last))
	s.wantRows(books, byPrints("f", "g"), row("b", 9, "f", 1))
	s.wantRows(books, byPrints("h"), last)
	for _, former := range []finapi.TransactionID{1, 2, 3} {
		s.wantRows(books, byIDs(former), last)
	}
	s.wantRows(books, since(3), last)
}

func (s checker) anyField() {
	a, b := row("a", 1, "f", 1), row("b", 2, "f", 2)
	c, d := row("c", 3, "g", 3), row("d", 4, "h", 0)
	s.commit(books, change(0, a, b, c, d))
	s.wantRows(books, finapi.RowQuery{})
	s.wantRows(books, finapi.RowQuery{Source: source})
	s.wantRows(books, byIDs(3, 4, 5, 3), c, d)
	s.wantRows(books, byUIDs("a", "d", "x", "a"), a, d)
	s.wantRows(books, byPrints("f", "x", "f"), a, b)
	for day, want := range map[int][]finapi.Row{0: {a, b, c, d}, 1: {a, b, c}, 2: {b, c}, 3: {c}, 4: nil} {
		s.wantRows(books, since(day), want...)
	}
	// Each way to combine the fields: those that are chosen match a to d, one each.
	for chosen := range 1 << 4 {
		q, want := finapi.RowQuery{}, []finapi.Row{}
		if chosen&1 != 0 {
			q, want = byIDs(1), append(want, a)
		}
		if chosen&2 != 0 {
			q.UIDs, want = []finapi.UID{"b"}, append(want, b)
		}
		if chosen&4 != 0 {
			q.Since, want = since(3).Since, append(want, c)
		}
		if chosen&8 != 0 {
			q.Fingerprints, want = []string{"h"}, append(want, d)
		}
		s.wantRows(books, q, want...)
	}
	q := byIDs(1, 2)
	q.UIDs, q.Fingerprints, q.Since = []finapi.UID{"a", "b"}, []string{"f"}, since(2).Since
	s.wantRows(books, q, a, b, c)
}

func (s checker) untilADay() {
	a, b, c, d := row("a", 1, "f", 1), row("b", 2, "f", 2), row("c", 3, "g", 3), row("d", 4, "h", 0)
	s.commit(books, change(0, a, b, c, d))
	for last, want := range map[int][]finapi.Row{1: {a}, 2: {a, b}, 3: {a, b, c}, 29: {a, b, c}} {
		q := since(1)
		q.Until = november(last)
		s.wantRows(books, q, want...)
	}
	q := since(2)
	q.Until = november(1)
	s.wantRows(books, q)
	q.UIDs = []finapi.UID{"c"}
	s.wantRows(books, q, c)
	q = since(0)
	q.Until = november(1)
	s.wantRows(books, q, a, d) // without a day is before all days
	s.wantRows(books, finapi.RowQuery{Until: november(29)})
}

func (s checker) reviews() {
	booked, waiting, other := row("a", 1, "f", 1), row("b", 2, "f", 2), row("c", 3, "g", 3)
	waiting.State, other.State = finapi.RowReview, finapi.RowSuspected
	elsewhere := books
	elsewhere.Ledger += "/other"
	s.commit(books, change(0, booked, waiting))
	s.commit(elsewhere, change(0, other))
	s.wantRows(books, finapi.RowQuery{Reviews: true}, waiting)
	s.wantRows(books, finapi.RowQuery{Reviews: true, UIDs: []finapi.UID{"a", "b"}}, booked, waiting)
	s.wantRows(elsewhere, finapi.RowQuery{Reviews: true}, other)
	waiting.State = finapi.RowBooked
	s.commit(books, change(1, waiting))
	s.wantRows(books, finapi.RowQuery{Reviews: true})
}

func (s checker) decisions() {
	a, b := row("a", 1, "f", 1), row("b", 2, "f", 2)
	a.State = finapi.RowDiscarded
	a.Decision = &finapi.Decision{Verdict: finapi.Discarded, By: "ä'\"", At: time.Date(2026, 3, 29, 1, 59, 59, 1, time.UTC), AtFinAPI: "deleted"}
	s.commit(books, change(0, a, b))
	s.wantRows(books, byUIDs("a", "b"), a, b)
	s.commit(books, change(1, b))
	s.wantRows(books, byUIDs("a"), a)
	a.Decision = nil
	s.commit(books, change(2, a))
	s.wantRows(books, byUIDs("a"), a)
}

func (s checker) exactTexts() {
	key := finapi.LedgerKey{Environment: "sandbox", Ledger: `Mandant "17"/ä'\ 😀 % _ $1 ?1`}
	texts := []string{"a", "A", "ä", "a\u0308", "a ", "'", `"`, `\`, "{}", ",", "NULL", "%", "_", "$1", "?1", "😀", "\u2028", "\n", ""}
	var rows []finapi.Row
	for n, text := range texts {
		r := row(finapi.UID("finapi/"+text), finapi.TransactionID(n+1), text, 1)
		r.Source.User, r.State, r.Transaction.Purpose = finapi.UserID(text), finapi.RowState(text), text
		rows = append(rows, r)
	}
	s.commit(key, change(0, rows...))
	for n, r := range rows {
		s.wantRows(key, byUIDs(r.UID), r)
		s.wantRows(key, byPrints(texts[n]), r)
		s.wantRows(key, finapi.RowQuery{Source: r.Source, IDs: []finapi.TransactionID{r.ID}}, r)
	}
	other := key
	other.Ledger = `MANDANT "17"/ä'\ 😀 % _ $1 ?1`
	s.wantMark(other, finapi.Mark{})
}

func (s checker) largeCommit() {
	rows := numbered(1, 5000)
	s.commit(books, change(0, rows...))
	s.wantRows(books, since(0), rows...)
	for i := range rows {
		rows[i].State = finapi.RowRemoved
	}
	s.commit(books, change(1, rows...))
	s.wantRows(books, since(0), rows...)
}

func (s checker) longQuery() {
	rows := numbered(4701, 300) // at the end, where a query that is cut short would miss them
	s.commit(books, change(0, rows...))
	ask := func(length int) (q finapi.RowQuery) {
		q.Source = source
		for _, r := range numbered(1, length) {
			q.IDs, q.UIDs, q.Fingerprints = append(q.IDs, r.ID), append(q.UIDs, r.UID), append(q.Fingerprints, r.Fingerprint)
		}
		return q
	}
	q := ask(5000)
	s.wantRows(books, finapi.RowQuery{Source: source, IDs: q.IDs}, rows...)
	s.wantRows(books, finapi.RowQuery{UIDs: q.UIDs}, rows...)
	s.wantRows(books, finapi.RowQuery{Fingerprints: q.Fingerprints}, rows...)
	s.wantRows(books, ask(40_000), rows...)
}

// everything matches the rows of [checker.ledgersApart] in every way.
func everything() finapi.RowQuery {
	q := byIDs(1)
	q.UIDs, q.Fingerprints, q.Since = []finapi.UID{"a"}, []string{"f", "g"}, since(0).Since
	return q
}

func (s checker) ledgersApart() {
	s.commit(books, change(0, row("a", 1, "f", 1)))
	for _, key := range []finapi.LedgerKey{
		{Environment: "sandbox", Ledger: "tenant-18/1200"},
		{Environment: "live", Ledger: books.Ledger},
		{Environment: "sandbox", Ledger: "TENANT-17/1200"},
		{Environment: "sandbox", Ledger: "tenant-17/1200 "},
	} {
		s.wantMark(key, finapi.Mark{})
		s.wantRows(key, everything())
		s.commit(key, change(0, row("a", 1, "g", 2)))
		s.wantRows(key, everything(), row("a", 1, "g", 2))
	}
	s.wantMark(books, finapi.Mark{Version: 1, Source: source})
	s.wantRows(books, everything(), row("a", 1, "f", 1))
}

func (s checker) sourcesApart() {
	var rows []finapi.Row
	for n, at := range []finapi.Source{
		source, {User: "customer-18", Account: 4711}, {User: "customer-17", Account: 4712}, {User: "customer-17", Account: 47},
	} {
		r := row(finapi.UID(fmt.Sprint(n)), 1, "f", 1) // the same id at each of them
		r.Source = at
		rows = append(rows, r)
	}
	s.commit(books, change(0, rows...))
	for _, r := range rows {
		s.wantRows(books, finapi.RowQuery{Source: r.Source, IDs: []finapi.TransactionID{1}}, r)
	}
	s.wantRows(books, byPrints("f"), rows...)
}

func (s checker) oneWinner() {
	for version := range int64(4) { // the first commit of a ledger and later ones
		errs := atOnce(16, func(n int) error {
			uid := finapi.UID(fmt.Sprintf("%d/%d", version, n))
			return s.store.Commit(s.Context(), books, change(version, row(uid, finapi.TransactionID(n+1), "f", 1)))
		})
		won := 0
		for n, err := range errs {
			switch {
			case err == nil:
				won++
			case !finapi.IsError(err, finapi.CodeConflict):
				s.Errorf("worker %d: got %v, want success or a conflict", n, err)
			}
		}
		if won != 1 {
			s.Errorf("version %d: %d commits succeeded, want 1", version, won)
		}
		rows, err := s.store.Rows(s.Context(), books, since(0))
		if err != nil || len(rows) != int(version)+1 {
			s.Errorf("version %d: got %d rows, %v, want one of each commit", version, len(rows), err)
		}
	}
}

// rounds is how often each of the workers commits.
const rounds = 5

// work commits rows of a worker's own, one after the other, and counts them in the
// mark. Others may win for a while.
func (s checker) work(key finapi.LedgerKey, rows []finapi.Row) error {
	const patience = 1000
	for tries := 0; len(rows) > 0; tries++ {
		mark, err := s.store.Mark(s.Context(), key)
		if err != nil {
			return err
		}
		mark.Bookings++
		err = s.store.Commit(s.Context(), key, finapi.Change{Mark: mark, Rows: rows[:1]})
		switch {
		case err == nil:
			rows = rows[1:]
		case !finapi.IsError(err, finapi.CodeConflict) || tries == patience:
			return err
		}
	}
	return nil
}

func (s checker) manyWorkers() {
	const workers = 16
	all := numbered(1, workers*rounds)
	errs := atOnce(workers, func(n int) error { return s.work(books, all[n*rounds:(n+1)*rounds]) })
	if err := errors.Join(errs...); err != nil {
		s.Errorf("got %v, want that each worker succeeds in the end", err)
	}
	s.wantMark(books, finapi.Mark{Version: workers * rounds, Bookings: workers * rounds})
	s.wantRows(books, since(0), all...)
}

func (s checker) manyLedgers() {
	key := func(n int) finapi.LedgerKey {
		return finapi.LedgerKey{Environment: "sandbox", Ledger: finapi.LedgerID(fmt.Sprintf("tenant-%d/1200", n))}
	}
	errs := atOnce(16, func(n int) error { return s.work(key(n), numbered(1, rounds)) })
	for n, err := range errs {
		if err != nil {
			s.Errorf("worker %d: got %v, want success in the end", n, err)
		}
		s.wantMark(key(n), finapi.Mark{Version: rounds, Bookings: rounds})
		s.wantRows(key(n), since(0), numbered(1, rounds)...)
	}
}

func atOnce(workers int, work func(n int) error) []error {
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for n := range errs {
		wg.Go(func() { errs[n] = work(n) })
	}
	wg.Wait()
	return errs
}

func (s checker) endedContext() {
	s.commit(books, change(0, row("a", 1, "f", 1)))
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, errMark := s.store.Mark(ctx, books)
	_, errRows := s.store.Rows(ctx, books, everything())
	errCommit := s.store.Commit(ctx, books, change(1, row("b", 2, "f", 1)))
	for call, err := range map[string]error{"Mark": errMark, "Rows": errRows, "Commit": errCommit} {
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: got %v, want context.Canceled", call, err)
		}
	}
	s.wantMark(books, finapi.Mark{Version: 1, Source: source})
	s.wantRows(books, since(0), row("a", 1, "f", 1))
}

func (s checker) endingContext() {
	const tries, size = 40, 50
	succeeded := map[int]bool{}
	for n := range tries {
		mark, err := s.store.Mark(s.Context(), books)
		if err != nil {
			s.Fatalf("Mark: %v", err)
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Duration(n)*100*time.Microsecond)
		err = s.store.Commit(ctx, books, change(mark.Version, numbered(n*size, size)...))
		cancel()
		succeeded[n] = err == nil
		// What was given up can still be in the way of the next.
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !finapi.IsError(err, finapi.CodeConflict) {
			s.Errorf("got %v, want success, a conflict or context.DeadlineExceeded", err)
		}
	}
	// Nothing that began before can be committed after this.
	if err := s.work(books, numbered(tries*size, 1)); err != nil {
		s.Fatalf("Commit: %v", err)
	}
	rows, err := s.store.Rows(s.Context(), books, since(0))
	if err != nil {
		s.Fatalf("Rows: %v", err)
	}
	parts := map[int]int{}
	for _, r := range rows {
		parts[int(r.ID)/size]++
	}
	for n := range tries {
		// An error may come although the commit was through: that is for the fence.
		if got := parts[n]; got != size && (got != 0 || succeeded[n]) {
			s.Errorf("%d of the %d rows of a commit are there, success %v; want all or nothing", got, size, succeeded[n])
		}
	}
	if mark, err := s.store.Mark(s.Context(), books); err != nil || mark.Version != int64(len(parts)) {
		s.Errorf("got version %d, %v, want one for each of the %d commits", mark.Version, err, len(parts))
	}
}

func (s checker) survives(reopen func(*testing.T, finapi.Store) finapi.Store) {
	s.Helper()
	first, second := fullRow(), row("b", 2, "f", 2)
	renamed := first
	renamed.ID = 7
	s.commit(books, change(0, first))
	s.store = reopen(s.T, s.store)
	s.wantMark(books, finapi.Mark{Version: 1, Source: source})
	s.conflict(books, change(0, row("c", 3, "f", 3)))
	s.commit(books, change(1, second, renamed))
	s.store = reopen(s.T, s.store)
	s.wantMark(books, finapi.Mark{Version: 2, Source: source})
	s.wantRows(books, since(0), renamed, second)
	s.wantRows(books, byIDs(1), renamed)
	s.wantRows(books, byIDs(7), renamed)
}
