package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/sqlstore"
)

// bank is a simulated finAPI with one customer, who has consented to one account.
type bank struct {
	sim       *finapitest.Server
	transport *http.Transport
	user      *finapi.User
	account   finapi.AccountID
	bookings  int
}

// newBank is a bank with one empty account.
func newBank(tb testing.TB) *bank {
	tb.Helper()
	b, err := startBank()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.close)
	return b
}

func startBank() (*bank, error) {
	sim, err := finapitest.Start(finapitest.WithEmptyWorld())
	if err != nil {
		return nil, err
	}
	b := &bank{sim: sim, transport: &http.Transport{}}
	if err := b.connect(context.Background()); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bank) close() {
	b.transport.CloseIdleConnections()
	b.sim.Close()
}

func (b *bank) connect(ctx context.Context) error {
	client, err := capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithTransport(b.transport),
		finapi.WithClock(b.sim.Clock()),
	)
	if err != nil {
		return err
	}
	if b.user, err = client.CreateUser(ctx, finapi.NewUser{ID: "customer-17"}); err != nil {
		return err
	}
	consent, err := b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapi.BankID(finapitest.AmnisID)})
	if err != nil {
		return err
	}
	if err := b.sim.Approve(consent.URL); err != nil {
		return err
	}
	if consent, err = b.user.WaitConsent(ctx, consent.ID); err != nil {
		return err
	}
	accounts, err := b.user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		return err
	}
	b.account = accounts[0].ID
	return nil
}

// book makes n payments and brings them to finAPI.
func (b *bank) book(n int) {
	b.sim.Clock().Advance(time.Minute)
	for range n {
		b.bookings++
		b.sim.InsertTransaction(int64(b.account), finapitest.Transaction{Booking: finapitest.Booking{
			Amount: decimal.New(int64(-b.bookings), -2), Purpose: fmt.Sprintf("Rechnung %d", 1000+b.bookings),
		}})
	}
	b.sim.EditAccount(int64(b.account), func(a *finapitest.Account) { a.LastSuccessfulUpdate = b.sim.Clock().Now() })
}

// feed opens a feed from the account to the ledger that the tests use.
func (b *bank) feed(store finapi.Store) *finapi.Feed {
	return b.user.Feed(b.account, books.Ledger, store)
}

var (
	books  = finapi.LedgerKey{Environment: "sandbox", Ledger: "tenant-17/1200"}
	source = finapi.Source{User: "customer-17", Account: 4711}
)

// row is a remembered row.
func row(uid finapi.UID, id finapi.TransactionID) finapi.Row {
	return finapi.Row{
		UID: uid, Source: source, ID: id, State: finapi.RowBooked, Fingerprint: "f",
		Transaction: finapi.Transaction{
			ID: id, Account: source.Account, BookingDate: finapi.Date{Year: 2026, Month: 11, Day: 1},
			Amount:   finapi.Money{Amount: decimal.RequireFromString("-12.30"), Currency: "EUR"},
			Imported: time.Date(2026, 11, 20, 6, 0, 8, 0, time.UTC),
		},
	}
}

func change(version int64, rows ...finapi.Row) finapi.Change {
	return finapi.Change{Mark: finapi.Mark{Version: version, Source: source}, Rows: rows}
}

func commit(tb testing.TB, store finapi.Store, key finapi.LedgerKey, c finapi.Change) {
	tb.Helper()
	if err := store.Commit(tb.Context(), key, c); err != nil {
		tb.Fatalf("Commit: %v", err)
	}
}

// journal returns the UIDs in the ERP's journal, in order.
func journal(tb testing.TB, db *sql.DB) []string {
	tb.Helper()
	rows, err := db.Query(`SELECT uid FROM journal ORDER BY uid`)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var uids []string
	for rows.Next() {
		var uid string
		if err := rows.Scan(&uid); err != nil {
			tb.Fatal(err)
		}
		uids = append(uids, uid)
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return uids
}

// wantBookedOnce checks that the journal and the memory hold every booking of the
// bank once.
func wantBookedOnce(tb testing.TB, b *bank, store *sqlstore.Store) {
	tb.Helper()
	uids := journal(tb, store.DB())
	if once := slices.Compact(slices.Clone(uids)); len(uids) != b.bookings || len(once) != len(uids) {
		tb.Errorf("the journal holds %d entries of %d bookings, want %d", len(uids), len(once), b.bookings)
	}
	rows, err := store.Rows(tb.Context(), books, finapi.RowQuery{Since: &finapi.Date{}})
	if err != nil {
		tb.Fatal(err)
	}
	var remembered []string
	for _, r := range rows {
		remembered = append(remembered, string(r.UID))
	}
	slices.Sort(remembered)
	if !slices.Equal(remembered, uids) {
		tb.Errorf("the memory holds %d bookings, the journal %d: not the same ones", len(remembered), len(uids))
	}
	for _, uid := range uids {
		if !strings.HasPrefix(uid, "finapi/sandbox/tenant-17/1200/") {
			tb.Fatalf("got the UID %q", uid)
		}
	}
}
