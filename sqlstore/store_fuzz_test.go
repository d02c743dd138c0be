package sqlstore_test

import (
	"database/sql"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// newMemory is a SQLite database in memory, which is quick.
func newMemory(tb testing.TB) *sqlstore.Store {
	tb.Helper()
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection has a database of its own
	tb.Cleanup(func() { _ = db.Close() })
	store, err := sqlstore.New(tb.Context(), db, sqlstore.SQLite)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// committed is what a store is given, from whatever source.
type committed struct {
	ledger, uid, user, fingerprint, state, purpose, by string
	id, account, amount                                int64
	exponent, year, month, day                         int
	imported                                           int64
}

// harmless is a row as finAPI gives it.
func harmless() committed {
	return committed{
		ledger: "tenant-1/1200", uid: "finapi/sandbox/tenant-1/1200/1.1", user: "customer-1", fingerprint: "1:2026-11-20:a", state: "booked",
		purpose: "Miete", by: "person", id: 1, account: 1, amount: -1234, exponent: -2, year: 2026, month: 11, day: 20, imported: 1_795_000_000,
	}
}

// inJSON is a text as it comes out of an answer: whatever finAPI sends, it is UTF-8 then.
func inJSON(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func (r committed) row() finapi.Row {
	day := finapi.Date{Year: r.year, Month: time.Month(r.month), Day: r.day}
	return finapi.Row{
		UID: finapi.UID(r.uid), Source: finapi.Source{User: finapi.UserID(r.user), Account: finapi.AccountID(r.account)},
		ID: finapi.TransactionID(r.id), State: finapi.RowState(r.state), Fingerprint: r.fingerprint,
		Decision: &finapi.Decision{Verdict: finapi.Confirmed, By: r.by, At: time.Unix(r.imported, 0).UTC()},
		Transaction: finapi.Transaction{
			ID: finapi.TransactionID(r.id), Account: finapi.AccountID(r.account), BookingDate: day, ValueDate: day,
			Purpose: inJSON(r.purpose), Amount: finapi.Money{Amount: decimal.New(r.amount, int32(r.exponent)), Currency: "EUR"},
			Imported: time.Unix(r.imported, 0).UTC(),
		},
	}
}

// keptOrRefused commits, and looks for it in every way: it is there as it was, or it was refused
// with the name of a field and nothing is there.
func (r committed) keptOrRefused(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	ctx, row := t.Context(), r.row()
	key := finapi.LedgerKey{Environment: "sandbox", Ledger: finapi.LedgerID(r.ledger)}
	mark := finapi.Mark{Source: row.Source, IBAN: inJSON(r.purpose), CutOver: row.Transaction.BookingDate}
	if err := store.Commit(ctx, key, finapi.Change{Mark: mark, Rows: []finapi.Row{row}}); err != nil {
		wantNamedField(t, err)
		return
	}
	defer func() {
		if err := store.Forget(ctx, key); err != nil {
			t.Error(err)
		}
	}()
	got, err := store.Mark(ctx, key)
	if mark.Version = 1; err != nil || !gocmp.Equal(mark, got) {
		t.Errorf("the mark %+v came back as %+v, %v", mark, got, err)
	}
	for name, q := range map[string]finapi.RowQuery{
		"id":          {Source: row.Source, IDs: []finapi.TransactionID{row.ID}},
		"UID":         {UIDs: []finapi.UID{row.UID}},
		"fingerprint": {Fingerprints: []string{row.Fingerprint}},
		"day":         {Since: &row.Transaction.BookingDate, Until: row.Transaction.BookingDate},
	} {
		found, err := store.Rows(ctx, key, q)
		if err != nil {
			t.Fatalf("by its %s: %v", name, err)
		}
		if diff := gocmp.Diff([]finapi.Row{row}, found); diff != "" {
			t.Errorf("by its %s it came back as (-committed +found):\n%s", name, diff)
		}
	}
}

func wantNamedField(t *testing.T, err error) {
	t.Helper()
	var e *finapi.Error
	if !errors.As(err, &e) || e.Code != finapi.CodeInvalidInput || e.Field == "" {
		t.Errorf("got %v, want an error that names a field", err)
	}
}

// FuzzStore commits a row of anything to a SQLite database in memory.
func FuzzStore(f *testing.F) {
	h := harmless()
	f.Add(h.ledger, h.uid, h.user, h.fingerprint, h.state, h.purpose, h.by, h.id, h.account, h.amount, h.exponent, h.year, h.month, h.day, h.imported)
	store := newMemory(f)
	f.Fuzz(func(
		t *testing.T, ledger, uid, user, fingerprint, state, purpose, by string, id, account, amount int64,
		exponent, year, month, day int, imported int64,
	) {
		committed{
			ledger, uid, user, fingerprint, state, purpose, by, id, account, amount, exponent, year, month, day, imported,
		}.keptOrRefused(t, store)
	})
}

func TestWhatAStoreTakesItGivesBackAndWhatNotItRefusesByName(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		hostile := []string{"", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "'; DROP TABLE finapi_row; --", `{"a":[`, `\u0000`, strings.Repeat("ä", 3000)}
		for _, text := range hostile {
			for _, put := range []func(*committed, string){
				func(r *committed, text string) { r.ledger = text }, func(r *committed, text string) { r.uid = text },
				func(r *committed, text string) { r.user = text }, func(r *committed, text string) { r.fingerprint = text },
				func(r *committed, text string) { r.state = text }, func(r *committed, text string) { r.purpose = text },
				func(r *committed, text string) { r.by = text },
			} {
				r := harmless()
				put(&r, text)
				r.keptOrRefused(t, store)
			}
		}
		for _, change := range []func(*committed){
			func(r *committed) { r.id = math.MinInt64 }, func(r *committed) { r.id, r.account = math.MaxInt64, math.MaxInt64 },
			func(r *committed) { r.year, r.month, r.day = 0, 0, 0 }, func(r *committed) { r.month = 13 },
			func(r *committed) { r.year = 1_000_000 }, func(r *committed) { r.year, r.month, r.day = 9999, 12, 31 },
			func(r *committed) { r.exponent = 31 }, func(r *committed) { r.exponent = -1_000_000 },
			func(r *committed) { r.imported = math.MaxInt64 }, func(r *committed) { r.imported = -62_135_596_801 },
		} {
			r := harmless()
			change(&r)
			r.keptOrRefused(t, store)
		}
	})
}

// FuzzEnrolment enrols a connection for anybody, tells a hint, and withdraws it.
func FuzzEnrolment(f *testing.F) {
	f.Add("tenant-1", "mandator", int64(3540249), int64(901001), "news", int64(1_795_000_000))
	store := newMemory(f)
	f.Fuzz(func(t *testing.T, tenant, mandator string, id, bank int64, hint string, now int64) {
		enrolledOrRefused(t, store, sqlstore.Enrolment{
			Connection: finapi.ConnectionID(id), Tenant: tenant, Mandator: mandator, Bank: finapi.BankID(bank),
		}, sqlstore.Hint(hint), time.Unix(now%250_000_000_000, 0)) // the machine's clock ends in the year 9999, too
	})
}

// frozen is a clock that stands still.
type frozen struct {
	finapi.Clock
	now time.Time
}

func (f frozen) Now() time.Time { return f.now }

func enrolledOrRefused(t *testing.T, store *sqlstore.Store, e sqlstore.Enrolment, hint sqlstore.Hint, now time.Time) {
	t.Helper()
	ctx := t.Context()
	connections, err := store.Connections(finapi.Sandbox, frozen{now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := connections.Enrol(ctx, nil, e); err != nil {
		wantNamedField(t, err)
		return
	}
	if known, err := connections.Tell(ctx, e.Connection, hint); err != nil {
		wantNamedField(t, err)
	} else if !known {
		t.Errorf("%d is not known, though it was enrolled", e.Connection)
	}
	found, err := connections.OfTenant(ctx, e.Tenant)
	if err != nil || len(found) != 1 || !gocmp.Equal(e, found[0].Enrolment) {
		t.Errorf("%+v came back as %+v, %v", e, found, err)
	}
	if _, err := connections.Support(ctx, e.Connection); err != nil {
		t.Errorf("there is no support bundle: %v", err)
	}
	if err := connections.Withdraw(ctx, nil, e.Connection); err != nil {
		t.Error(err)
	}
}

func TestAnEnrolmentComesBackAsItWasOrIsRefusedByName(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		store := d.open(t)
		for _, text := range []string{"", " ", "\x00", "a\x00b", "\xff\xfe", "'; DROP TABLE finapi_connection; --", strings.Repeat("ä", 200), strings.Repeat("ä", 201)} {
			now := time.Unix(1_795_000_000, 0)
			enrolledOrRefused(t, store, sqlstore.Enrolment{Connection: 1, Tenant: text, Bank: 1}, sqlstore.HintNews, now)
			enrolledOrRefused(t, store, sqlstore.Enrolment{Connection: 1, Tenant: "t", Mandator: text, Bank: 1}, sqlstore.HintOpened, now)
			enrolledOrRefused(t, store, sqlstore.Enrolment{Connection: math.MaxInt64, Tenant: "t", Bank: math.MaxInt64}, sqlstore.Hint(text), now)
		}
	})
}
