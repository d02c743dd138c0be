package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// erp is an ERP with one ledger, which books what a feed says.
type erp struct {
	t       *testing.T
	sim     *finapitest.Server
	client  *finapi.Client
	user    *finapi.User
	account finapi.Account
	store   *finapi.MemoryStore
	booked  map[finapi.UID]decimal.Decimal
	down    atomic.Bool // no request reaches finAPI
}

// RoundTrip is the way to finAPI.
func (e *erp) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.down.Load() {
		return nil, errors.New("no route to host")
	}
	return http.DefaultTransport.RoundTrip(r)
}

const ledger = "tenant-17/1200"

// newERP connects amnis, whose history is empty unless the world says otherwise.
func newERP(t *testing.T, options ...finapitest.Option) *erp {
	t.Helper()
	options = append([]finapitest.Option{finapitest.WithTokenLife(0), finapitest.WithEmptyWorld()}, options...)
	e := &erp{t: t, sim: finapitest.New(t, options...), store: &finapi.MemoryStore{}, booked: map[finapi.UID]decimal.Decimal{}}
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: e.sim.ClientID(), Secret: finapi.NewSecret(e.sim.ClientSecret())},
		finapi.WithBaseURLs(e.sim.AccessURL(), e.sim.WebFormURL()), finapi.WithClock(e.sim.Clock()), finapi.WithTransport(e))
	must(t, err)
	e.client = client
	e.user, err = client.CreateUser(t.Context(), finapi.NewUser{})
	must(t, err)
	for i := range 6 {
		e.bank().Book(finapitest.Booking{
			Amount: decimal.New(int64(-100*(i+1)), -2), Purpose: fmt.Sprintf("Rechnung %d", i),
			BookingDate: finapitest.DateOf(e.sim.Clock().Now()).AddDays(-i),
		})
	}
	e.connect()
	return e
}

func (e *erp) bank() *finapitest.BankAccount { return e.sim.BankAccounts("amnis")[0] }

// connect connects the bank and takes its first account.
func (e *erp) connect() {
	e.t.Helper()
	consent, err := e.user.StartConsent(e.t.Context(), finapi.ConsentRequest{Bank: finapitest.AmnisID, Again: true})
	must(e.t, err)
	must(e.t, e.sim.Approve(consent.URL))
	consent, err = e.user.WaitConsent(e.t.Context(), consent.ID)
	must(e.t, err)
	accounts, err := e.user.Accounts(e.t.Context(), finapi.AccountQuery{Connection: consent.Connection})
	must(e.t, err)
	e.account = accounts[0]
}

// sync books what the feed says and returns its events.
func (e *erp) sync(options ...finapi.FeedOption) ([]finapi.Event, error) {
	e.t.Helper()
	var events []finapi.Event
	for event, err := range e.user.Feed(e.account.ID, ledger, e.store, options...).Sync(e.t.Context()) {
		if err != nil {
			return events, err
		}
		events = append(events, event)
		switch v := event.(type) {
		case finapi.Booked:
			e.book(v.UID, v.Transaction)
		case finapi.Review:
			e.book(v.UID, v.Transaction)
		case finapi.Modified:
			e.booked[v.UID] = v.New.Amount.Amount
		case finapi.Removed:
			delete(e.booked, v.UID)
		}
	}
	return events, nil
}

func (e *erp) book(uid finapi.UID, tx finapi.Transaction) {
	if _, twice := e.booked[uid]; twice {
		e.t.Errorf("%s was booked twice", uid)
	}
	e.booked[uid] = tx.Amount.Amount
}

func (e *erp) mustSync(options ...finapi.FeedOption) []finapi.Event {
	e.t.Helper()
	events, err := e.sync(options...)
	must(e.t, err)
	return events
}

// balanced compares the ledger with finAPI's rows.
func (e *erp) balanced() {
	e.t.Helper()
	var ledger, bank decimal.Decimal
	for _, amount := range e.booked {
		ledger = ledger.Add(amount)
	}
	rows := e.rows()
	for _, row := range rows {
		bank = bank.Add(row.Amount)
	}
	if !ledger.Equal(bank) || len(rows) != len(e.booked) {
		e.t.Errorf("the ledger holds %d bookings of %s, finAPI %d of %s", len(e.booked), ledger, len(rows), bank)
	}
}

func (e *erp) rows() []finapitest.Transaction { return e.sim.Transactions(int64(e.account.ID)) }

func kinds(events []finapi.Event) string {
	counts := map[string]int{}
	for _, event := range events {
		name := strings.TrimPrefix(fmt.Sprintf("%T", event), "finapi.")
		if notice, ok := event.(finapi.Notice); ok {
			name = string(notice.Kind)
		}
		counts[name]++
	}
	delete(counts, "Synced")
	return fmt.Sprint(counts)
}

func synced(t *testing.T, events []finapi.Event) finapi.Synced {
	t.Helper()
	if len(events) > 0 {
		if end, ok := events[len(events)-1].(finapi.Synced); ok {
			return end
		}
	}
	t.Fatalf("the synchronisation did not end with Synced: %s", kinds(events))
	return finapi.Synced{}
}

func TestASecondSyncBooksNothingAndTakesThreeRequests(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.ResetRequests()
	events := e.mustSync()
	same(t, "map[]", kinds(events))
	if n := len(e.sim.Requests()); n > 3 {
		t.Errorf("%d requests, want 3 at the most", n)
	}
	same(t, 6, synced(t, events).Known)
	e.balanced()
}

// The next tests are about rows that come back under a new id *and* changed, which
// no fingerprint can recognise. They may come as reviews, never as new bookings.
func TestARowWithANewIDAndAnotherWordingIsAReviewAtOnce(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*finapitest.Transaction){
		"another text":      func(tx *finapitest.Transaction) { tx.Purpose += " SVWZ+" },
		"another day":       func(tx *finapitest.Transaction) { tx.BookingDate = tx.BookingDate.AddDays(1) },
		"another reference": func(tx *finapitest.Transaction) { tx.EndToEndReference = "NEU" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t)
			first := e.rows()[2].ID
			e.sim.EditTransaction(first, func(tx *finapitest.Transaction) { tx.EndToEndReference = "ALT" })
			e.mustSync()
			id := e.sim.ReissueTransaction(first)
			e.sim.EditTransaction(id, change)
			events := e.mustSync()
			for _, event := range events {
				if _, ok := event.(finapi.Booked); ok {
					t.Errorf("it was booked as new: %s", kinds(events))
				}
			}
			e.balanced()
		})
	}
}

func TestAllRowsWithNewIDsAndOtherWordingsAreRelinkedAtOnce(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.Reissue(int64(e.account.ID))
	for _, row := range e.rows() {
		e.sim.EditTransaction(row.ID, func(tx *finapitest.Transaction) { tx.Purpose += " SVWZ+" })
	}
	events := e.mustSync()
	same(t, "map[Modified:6 Relinked:6]", kinds(events))
	e.balanced()
}

func TestOldRowsWithNewIDsAndOtherWordingsAreNotDoubledEither(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	for i := range 20 { // far behind what a complete pass looks at
		e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{Booking: finapitest.Booking{
			Amount: decimal.New(int64(1000+i), -2), Purpose: fmt.Sprintf("alt %d", i),
			BookingDate: finapitest.DateOf(e.sim.Clock().Now()).AddDays(-300 - i),
		}})
	}
	e.mustSync()
	e.balanced()
	e.sim.Reissue(int64(e.account.ID))
	for _, row := range e.rows() {
		e.sim.EditTransaction(row.ID, func(tx *finapitest.Transaction) { tx.Purpose += " SVWZ+" })
	}
	e.mustSync()
	e.balanced()
}

func TestARelinkedRowThatChangedTellsBoth(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.sim.ReissueTransaction(e.rows()[0].ID)
	e.sim.EditTransaction(id, func(tx *finapitest.Transaction) { tx.CounterpartIBAN = "DE75512108001245126199" })
	events := e.mustSync()
	same(t, "map[Modified:1 Relinked:1]", kinds(events))
	for _, event := range events {
		if m, ok := event.(finapi.Modified); ok && !m.Material {
			t.Error("another counterpart's account is material")
		}
	}
	e.balanced()
}

func TestALedgerGoesOnAfterTheIBANWasMissingForAWhile(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.SetAccountIBAN(int64(e.account.ID), "")
	e.mustSync()
	must(t, e.user.DeleteConnection(t.Context(), e.account.Connection, nil))
	e.connect()
	same(t, "map[Relinked:6 account_rebound:1]", kinds(e.mustSync()))
	e.balanced()
}

func TestAnAccountThatCannotBeRecognisedIsRefusedUntilTheERPSaysItIsTheOne(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.sim.SetAccountIBAN(int64(e.account.ID), "")
	e.mustSync()
	must(t, e.user.DeleteConnection(t.Context(), e.account.Connection, nil))
	e.connect()
	_, err := e.sync()
	mustFail(t, err, finapi.CodeLedgerBound)
	same(t, "map[Relinked:6 account_rebound:1]", kinds(e.mustSync(finapi.WithRebind())))
	same(t, "map[]", kinds(e.mustSync())) // needed once
	e.balanced()
}

func TestASecondConnectionOfTheSameAccountIsRefused(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.connect()
	_, err := e.sync()
	mustFail(t, err, finapi.CodeLedgerBound)
	same(t, 6, len(e.booked))
}

func TestAnotherUsersOlderCopyRemovesNothing(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	other := &erp{t: t, sim: e.sim, client: e.client, store: e.store, booked: e.booked}
	var err error
	other.user, err = e.client.CreateUser(t.Context(), finapi.NewUser{})
	must(t, err)
	other.connect()
	e.sim.Clock().Advance(24 * time.Hour)
	e.bank().Book(finapitest.Booking{
		Amount: decimal.New(-777, -2), Purpose: "neu", BookingDate: finapitest.DateOf(e.sim.Clock().Now()),
	})
	_, err = e.user.Refresh(t.Context(), finapi.RefreshRequest{Connection: e.account.Connection})
	must(t, err)
	e.mustSync()
	same(t, "map[Relinked:6 account_rebound:1 balance_mismatch:1]", kinds(other.mustSync()))
	same(t, 7, len(e.booked))
	e.mustSync()
	e.balanced()
}

func TestAMassDisappearanceIsToldUntilItIsBelieved(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	for _, row := range e.rows()[:4] {
		e.sim.DeleteTransaction(row.ID)
	}
	for range 2 {
		e.sim.Clock().Advance(25 * time.Hour)
		events := e.mustSync()
		same(t, "map[mass_disappearance:1]", kinds(events))
		if synced(t, events).Complete {
			t.Error("the synchronisation calls itself complete")
		}
		if notice, _ := events[0].(finapi.Notice); len(notice.Bookings) != 4 {
			t.Errorf("the notice names the bookings %v, want 4", notice.Bookings)
		}
	}
	same(t, "map[Removed:4 balance_mismatch:1]", kinds(e.mustSync(finapi.WithMassRemovals(), finapi.WithPass(finapi.PassComplete))))
	e.balanced()
}

func TestABookingThatMovesBehindTheCutOverIsBooked(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	today := finapi.DateOf(e.sim.Clock().Now())
	cutOver := finapi.WithCutOver(today.AddDays(-1))
	e.mustSync(cutOver)
	same(t, 2, len(e.booked))
	e.sim.EditTransaction(e.rows()[3].ID, func(tx *finapitest.Transaction) {
		tx.BookingDate = finapitest.Date(today.String())
	})
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Booked:1]", kinds(e.mustSync(cutOver)))
	same(t, 3, len(e.booked))
}

func TestAnAccountThatIsNotAtRestDeliversWhatIsSafeAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"DOWNLOAD_FAILED", "DOWNLOAD_IN_PROGRESS", "DEPRECATED"} {
		e := newERP(t)
		e.sim.SetAccountStatus(int64(e.account.ID), status)
		events, err := e.sync()
		mustFail(t, err, finapi.CodeStaleData)
		same(t, "map[Booked:6 stale_data:1]", kinds(events))
		e.sim.SetAccountStatus(int64(e.account.ID), "UPDATED")
		same(t, "map[]", kinds(e.mustSync()))
		e.balanced()
	}
}

func TestALoopThatEndsAtSyncedHasCommittedEverything(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	for event, err := range e.user.Feed(e.account.ID, ledger, e.store).Sync(t.Context()) {
		must(t, err)
		if _, end := event.(finapi.Synced); end {
			break
		}
	}
	events := e.mustSync()
	same(t, finapi.PassFast, synced(t, events).Pass)
	same(t, "map[]", kinds(events))
}

func TestAnEventWhoseLoopBodyDidNotFinishComesAgainWithItsUID(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	var first []finapi.UID
	for event, err := range e.user.Feed(e.account.ID, ledger, e.store).Sync(t.Context()) {
		must(t, err)
		if booked, ok := event.(finapi.Booked); ok {
			first = append(first, booked.UID)
		}
		if len(first) == 3 {
			break // crashes in the third
		}
	}
	events := e.mustSync()
	same(t, "map[Booked:4]", kinds(events))
	if booked, _ := events[0].(finapi.Booked); booked.UID != first[2] {
		t.Errorf("the third booking came again as %q, before as %q", booked.UID, first[2])
	}
}

func TestABatchThatFailsLeavesNothingAndComesAgain(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	feed := e.user.Feed(e.account.ID, ledger, e.store)
	broken := errors.New("disk full")
	err := feed.Deliver(t.Context(), func(context.Context, finapi.Batch) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the ERP's own error", err)
	}
	mark, err := e.store.Mark(t.Context(), feed.Ledger())
	must(t, err)
	same(t, int64(0), mark.Version)
	same(t, "map[Booked:6]", kinds(e.mustSync()))
}

func TestBadInputOfAFeedIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	store := &finapi.MemoryStore{}
	for field, feed := range map[string]*finapi.Feed{
		"AccountID":   e.user.Feed(0, ledger, store),
		"LedgerID":    e.user.Feed(e.account.ID, "  ", store),
		"Store":       e.user.Feed(e.account.ID, ledger, nil),
		"WithPass":    e.user.Feed(e.account.ID, ledger, store, finapi.WithPass("deep")),
		"WithCutOver": e.user.Feed(e.account.ID, ledger, store, finapi.WithCutOver(finapi.Date{Year: 2025, Month: 2, Day: 30})),
		"options":     e.user.Feed(e.account.ID, ledger, store, nil),
	} {
		e.sim.ResetRequests()
		for _, err := range feed.Sync(t.Context()) {
			refusal := failure(t, err, finapi.CodeInvalidInput)
			same(t, field, refusal.Field)
		}
		if n := len(e.sim.Requests()); n > 0 {
			t.Errorf("%s: %d requests were sent", field, n)
		}
	}
	for _, name := range []finapi.LedgerID{"a\xff", "a\u0085", "\u200b", finapi.LedgerID(strings.Repeat("ü", 201))} {
		for _, err := range e.user.Feed(e.account.ID, name, store).Sync(t.Context()) {
			mustFail(t, err, finapi.CodeInvalidInput)
		}
	}
	must(t, e.user.Feed(e.account.ID, finapi.LedgerID(strings.Repeat("ü", 200)), store).Deliver(t.Context(),
		func(context.Context, finapi.Batch) error { return nil }))
	mustFail(t, e.user.Feed(e.account.ID, ledger, store).Deliver(t.Context(), nil), finapi.CodeInvalidInput)
}

func TestAnUnknownAccountIsToldByItsCode(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	for _, err := range e.user.Feed(99, ledger, e.store).Sync(t.Context()) {
		mustFail(t, err, finapi.CodeUnknownEntity)
	}
}

func TestEqualBookingsOfOneDayStayTwoWhenOneGetsANewID(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	today := finapitest.DateOf(e.sim.Clock().Now())
	for range 2 {
		e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{Booking: finapitest.Booking{
			Amount: decimal.New(-250, -2), Purpose: "PARKHAUS AM MARKT", BookingDate: today,
		}})
	}
	e.mustSync()
	rows := e.rows()
	e.sim.ReissueTransaction(rows[len(rows)-1].ID)
	same(t, "map[Relinked:1]", kinds(e.mustSync()))
	e.balanced()
	slices.Reverse(rows)
	same(t, 8, len(e.booked))
}

func TestAnIDThatShowsAnotherBookingIsNoProofThatTheOldOneIsThere(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.Clock().Advance(10 * 24 * time.Hour)
	e.charge("-7", "Rechnung 7")
	e.day()
	e.mustSync()
	// The bank has renumbered its rows: the last booking has a new id, and under its old one
	// another booking shows. A fast pass lists the new id only.
	rows := e.rows()
	moved, other := rows[5], rows[4]
	moved.ImportDate = e.sim.Clock().Now()
	e.sim.InsertTransaction(int64(e.account.ID), moved)
	e.sim.EditTransaction(moved.ID, func(row *finapitest.Transaction) {
		row.Booking = other.Booking
	})
	e.sim.DeleteTransaction(other.ID)
	events := e.mustSync()
	same(t, 7, len(e.booked))
	if got := kinds(events); !strings.Contains(got, "identity_conflict:1") || strings.Contains(got, "Booked") {
		t.Errorf("got %s, want a conflict and no booking", got)
	}
	e.balanced()
}

func TestWhileTheAccountIsNotAtRestNothingIsRemovedAndTheMarkStays(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	before, err := e.store.Mark(t.Context(), e.feed().Ledger())
	must(t, err)
	e.sim.Clock().Advance(25 * time.Hour)
	e.sim.DeleteTransaction(e.rows()[0].ID)
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-9"), Currency: "EUR", Purpose: "neu", BookingDate: "2026-03-03"},
	})
	e.sim.SetAccountStatus(int64(e.account.ID), "DOWNLOAD_FAILED")
	events, err := e.sync()
	mustFail(t, err, finapi.CodeStaleData)
	same(t, "map[Booked:1 stale_data:1]", kinds(events))
	after, err := e.store.Mark(t.Context(), e.feed().Ledger())
	must(t, err)
	same(t, before.Imported, after.Imported)
	same(t, before.Completed, after.Completed)
	e.sim.SetAccountStatus(int64(e.account.ID), "UPDATED")
	same(t, "map[Removed:1 balance_mismatch:1]", kinds(e.mustSync()))
}

func TestAfterAnIdentityConflictTheWholeHistoryIsLookedAt(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	same(t, finapi.PassFast, only[finapi.Synced](t, e.mustSync()).Pass)
	e.sim.EditTransaction(e.rows()[0].ID, func(tx *finapitest.Transaction) {
		tx.Amount, tx.Purpose, tx.BookingDate = decimal.New(12345, -2), "Gutschrift", tx.BookingDate.AddDays(-1)
	})
	events := e.mustSync()
	same(t, finapi.PassSweep, only[finapi.Synced](t, events).Pass)
	same(t, "map[Booked:1 Removed:1 balance_mismatch:1 identity_conflict:1]", kinds(events))
}

func TestALedgerRemembersItsCutOver(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	from := finapi.DateOf(e.sim.Clock().Now()).AddDays(-2)
	same(t, "map[Booked:3]", kinds(e.mustSync(finapi.WithCutOver(from))))
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[]", kinds(e.mustSync())) // by a job that does not know of it
	same(t, 3, e.status().Bookings)
	_, err := e.sync(finapi.WithCutOver(from.AddDays(-1)))
	mustRefuse(t, err, "WithCutOver")
	same(t, "map[]", kinds(e.mustSync(finapi.WithCutOver(from))))
}

func TestAFlaggedBookingThatTheBankMovesBehindTheCutOverIsForAPerson(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	from := finapi.DateOf(e.sim.Clock().Now()).AddDays(-2)
	e.mustSync(finapi.WithCutOver(from))
	for _, row := range e.rows() {
		if row.BookingDate < finapitest.DateOf(e.sim.Clock().Now()).AddDays(-4) {
			e.sim.EditTransaction(row.ID, func(tx *finapitest.Transaction) {
				tx.BookingDate, tx.IsPotentialDuplicate = finapitest.DateOf(e.sim.Clock().Now()), true
			})
		}
	}
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Review:1]", kinds(e.mustSync()))
}

func TestAnAccountOfAnotherCurrencyIsRefusedWhateverAPersonSays(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	accounts, err := e.user.Accounts(t.Context(), finapi.AccountQuery{Connection: e.account.Connection})
	must(t, err)
	for _, a := range accounts {
		if a.Currency != e.account.Currency {
			_, err := finapi.Collect(e.user.Feed(a.ID, ledger, e.store, finapi.WithRebind()).Sync(t.Context()))
			mustFail(t, err, finapi.CodeLedgerBound)
		}
	}
	same(t, 6, len(e.booked))
}
