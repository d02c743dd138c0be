package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// suspect lets finAPI import a booking a second time and flag it, and returns its id.
func (e *erp) suspect(change ...func(*finapitest.Transaction)) int64 {
	e.t.Helper()
	twin := e.rows()[0]
	twin.IsPotentialDuplicate = true
	twin.ImportDate = e.sim.Clock().Now()
	for _, c := range change {
		c(&twin)
	}
	return e.sim.InsertTransaction(int64(e.account.ID), twin)
}

// genuine makes a suspected row a real booking: the bank's balance holds it.
func (e *erp) genuine(amount string) {
	e.t.Helper()
	e.sim.EditAccount(int64(e.account.ID), func(a *finapitest.Account) {
		balance := a.Balance.Add(number(amount))
		a.Balance = &balance
	})
}

func (e *erp) feed(options ...finapi.FeedOption) *finapi.Feed {
	return e.user.Feed(e.account.ID, ledger, e.store, options...)
}

func (e *erp) status() finapi.Status {
	e.t.Helper()
	status, err := e.feed().Status(e.t.Context())
	must(e.t, err)
	return status
}

// keep commits decisions to the feed's memory.
func (e *erp) keep(ctx context.Context, b finapi.Batch) error {
	return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
}

// row returns what the ledger remembers of a booking.
func (e *erp) row(uid finapi.UID) finapi.Row {
	e.t.Helper()
	rows, err := e.store.Rows(e.t.Context(), e.feed().Ledger(), finapi.RowQuery{UIDs: []finapi.UID{uid}})
	must(e.t, err)
	if len(rows) != 1 {
		e.t.Fatalf("the ledger knows %d rows of %s", len(rows), uid)
	}
	return rows[0]
}

// only returns the one event of a type among some.
func only[T finapi.Event](tb testing.TB, events []finapi.Event) T {
	tb.Helper()
	var found []T
	for _, event := range events {
		if e, ok := event.(T); ok {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("got %d events of the kind, want one of %v", len(found), kinds(events))
	}
	return found[0]
}

func TestAReviewTellsWhatSpeaksForADoubleAndWhatAgainst(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect(func(row *finapitest.Transaction) { row.Purpose = "Rechnung 7" })
	review := only[finapi.Review](t, e.mustSync())
	same(t, finapi.ReasonFlagged, review.Reason)
	same(t, 1, len(review.Candidates))
	same(t, []finapi.Evidence{
		{Kind: finapi.EvidenceTwin, Double: true},
		{Kind: finapi.EvidenceText, Double: false},
	}, review.Evidence)
	want := "For a person to decide: -6.00 EUR on 2026-02-25 (finAPI's id " + fmt.Sprint(review.Transaction.ID) + "). " +
		"Why: finAPI suspects that it imported a booking twice. For a double: the ledger has a booking of the same day and amount. " +
		"For a booking of its own: the purposes differ."
	same(t, want, finapi.Explain(review))
}

func TestAReviewNamesTheBookingThatComesWithIt(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	id := e.suspect()
	events := e.mustSync() // the first one: original and double in one listing
	review := only[finapi.Review](t, events)
	same(t, finapi.TransactionID(id), review.Transaction.ID)
	same(t, 1, len(review.Candidates))
	original := e.row(review.Candidates[0])
	same(t, review.Transaction.Amount, original.Transaction.Amount)
	same(t, review.Transaction.BookingDate, original.Transaction.BookingDate)
	same(t, finapi.RowBooked, original.State)
	same(t, []finapi.Evidence{
		{Kind: finapi.EvidenceTwin, Double: true},
		{Kind: finapi.EvidenceText, Double: true},
	}, review.Evidence)
}

func TestAReviewSaysIfItMayBeADoubleUnderANewID(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.suspect()
	discarded := only[finapi.Review](t, e.mustSync()).UID
	e.sim.FlagDuplicate(id, false) // so that finAPI keeps it
	must(t, e.feed().Discard(t.Context(), discarded, "person-7", e.keep))
	e.sim.EditTransaction(e.sim.ReissueTransaction(id), func(tx *finapitest.Transaction) { tx.Purpose = "anders" })
	e.sim.Clock().Advance(25 * time.Hour)
	review := only[finapi.Review](t, e.mustSync())
	same(t, finapi.ReasonLikeVanished, review.Reason)
	same(t, []finapi.UID{discarded}, review.Candidates)
	if !slices.Contains(review.Evidence, finapi.Evidence{Kind: finapi.EvidenceDiscarded, Double: true}) {
		t.Errorf("nothing says that the one which vanished was a double: %v", review.Evidence)
	}
}

func TestAConfirmedReviewIsABookingAndFinAPIsFlagIsCleared(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.suspect()
	e.genuine("-6")
	review := only[finapi.Review](t, e.mustSync())
	open, err := e.feed().Reviews(t.Context())
	must(t, err)
	if len(open) != 1 || open[0].UID != review.UID || len(open[0].Candidates) != 1 || len(open[0].Evidence) == 0 {
		t.Fatalf("the queue is %+v", open)
	}
	same(t, false, clean(e.status()))

	var events []finapi.Event
	apply := func(ctx context.Context, b finapi.Batch) error {
		events = append(events, b.Events...)
		return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
	}
	must(t, e.feed().Confirm(t.Context(), review.UID, "person-7", apply))
	booked := only[finapi.Booked](t, events)
	same(t, review.UID, booked.UID)
	same(t, finapi.ReasonConfirmed, booked.Reason)
	for _, row := range e.rows() {
		if row.ID == id && row.IsPotentialDuplicate {
			t.Error("finAPI's flag is still set")
		}
	}
	same(t, &finapi.Decision{Verdict: finapi.Confirmed, By: "person-7", At: e.sim.Clock().Now(), AtFinAPI: "cleared"}, e.row(review.UID).Decision)
	same(t, finapi.RowBooked, e.row(review.UID).State)

	events = nil
	must(t, e.feed().Confirm(t.Context(), review.UID, "person-8", apply)) // the same again
	same(t, 0, len(events))
	mustFail(t, e.feed().Discard(t.Context(), review.UID, "person-8", apply), finapi.CodeNotInReview)
	same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	open, err = e.feed().Reviews(t.Context())
	must(t, err)
	same(t, 0, len(open))
}

func clean(s finapi.Status) bool { return s.Clean() }

func TestADiscardedReviewIsTakenBackAndNeverComesAgain(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	var events []finapi.Event
	must(t, e.feed().Discard(t.Context(), review.UID, "person-7", func(ctx context.Context, b finapi.Batch) error {
		events = append(events, b.Events...)
		return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
	}))
	removed := only[finapi.Removed](t, events)
	same(t, review.UID, removed.UID)
	same(t, finapi.ReasonDiscarded, removed.Reason)
	same(t, 6, len(e.rows())) // deleted at finAPI
	same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	same(t, true, clean(e.status()))
}

func TestADoubleThatFinAPIKeepsStaysDiscardedUnderEveryID(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	e.sim.FlagDuplicate(id, false) // finAPI does not let it be deleted any more
	must(t, e.feed().Discard(t.Context(), review.UID, "person-7", e.keep))
	same(t, "kept", e.row(review.UID).Decision.AtFinAPI)
	same(t, finapi.RowDiscarded, e.row(review.UID).State)
	same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	e.sim.ReissueTransaction(id)
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Relinked:1]", kinds(e.mustSync()))
	e.sim.Reissue(int64(e.account.ID))
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Relinked:7]", kinds(e.mustSync()))
	same(t, "person-7", e.row(review.UID).Decision.By)
}

func TestADoubleThatGotAnotherIDBeforeItWasDiscardedIsRecognised(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	e.sim.FlagDuplicate(e.sim.ReissueTransaction(id), false)
	must(t, e.feed().Discard(t.Context(), review.UID, "person-7", e.keep))
	same(t, "gone", e.row(review.UID).Decision.AtFinAPI)
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Relinked:1]", kinds(e.mustSync()))
}

// decisions collects what apply gets of a decision.
func (e *erp) decisions(uid finapi.UID, verdict finapi.DecisionVerdict, options ...finapi.FeedOption) []finapi.Event {
	e.t.Helper()
	var events []finapi.Event
	must(e.t, e.feed(options...).Decide(e.t.Context(), uid, verdict, "person-7", func(ctx context.Context, b finapi.Batch) error {
		events = append(events, b.Events...)
		return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
	}))
	return events
}

func TestOfAHeldReviewNothingComesBeforeItIsConfirmed(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	held := finapi.WithHeldReviews()
	e.mustSync(held)
	first, second := e.suspect(), e.suspect(func(tx *finapitest.Transaction) { tx.Purpose = "Garage" })
	e.mustSync(held)
	e.sim.EditTransaction(first, func(tx *finapitest.Transaction) { tx.Purpose = "Parkhaus am Markt" })
	e.sim.DeleteTransaction(second)
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[]", kinds(e.mustSync(held, finapi.WithPass(finapi.PassSweep))))
	open, err := e.feed().Reviews(t.Context())
	must(t, err)
	same(t, 1, len(open))
	same(t, "map[]", kinds(e.decisions(open[0].UID, finapi.Discarded, held)))
}

func TestADecisionAboutAClosedPeriodIsReportedAndNotApplied(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	day := review.Transaction.BookingDate
	locked := only[finapi.Locked](t, e.decisions(review.UID, finapi.Confirmed, finapi.WithLockedUntil(day)))
	same(t, review.UID, locked.Change.(finapi.Booked).UID)
}

func TestHeldReviewsWaitUntilAPersonHasDecided(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	held := finapi.WithHeldReviews()
	e.mustSync(held)
	e.suspect()
	e.suspect()
	e.genuine("-6") // one of them
	events := e.mustSync(held)
	same(t, "map[]", kinds(events))
	same(t, 2, only[finapi.Synced](t, events).Held)
	same(t, 2, e.status().Reviews)
	same(t, false, clean(e.status()))
	open, err := e.feed().Reviews(t.Context())
	must(t, err)
	for i, verdict := range []finapi.DecisionVerdict{finapi.Confirmed, finapi.Discarded} {
		must(t, e.feed().Decide(t.Context(), open[i].UID, verdict, "person-7", e.keep))
	}
	same(t, 0, e.status().Reviews)
	same(t, "map[]", kinds(e.mustSync(held, finapi.WithPass(finapi.PassSweep))))
}

func TestADecisionThatCannotBeMadeChangesNothing(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	ctx := t.Context()
	mustRefuse(t, e.feed().Decide(ctx, review.UID, "perhaps", "p", e.keep), "verdict")
	mustRefuse(t, e.feed().Confirm(ctx, review.UID, " ", e.keep), "by")
	mustRefuse(t, e.feed().Confirm(ctx, review.UID, strings.Repeat("x", 101), e.keep), "by")
	mustRefuse(t, e.user.Feed(0, ledger, e.store).Confirm(ctx, review.UID, "p", e.keep), "AccountID")
	mustRefuse(t, e.feed().Confirm(ctx, "unknown", "p", e.keep), "uid")
	for uid := range e.booked {
		if uid != review.UID {
			mustFail(t, e.feed().Discard(ctx, uid, "p", e.keep), finapi.CodeNotInReview)
			break
		}
	}
	crash := errors.New("the process died")
	err := e.feed().Discard(ctx, review.UID, "p", func(context.Context, finapi.Batch) error { return crash })
	if !errors.Is(err, crash) {
		t.Errorf("got %v", err)
	}
	same(t, 1, e.status().Reviews)
	same(t, 7, len(e.rows())) // not deleted at finAPI, either
	must(t, e.feed().Discard(ctx, review.UID, "p", e.keep))
	same(t, 0, e.status().Reviews)
	_, err = e.user.Feed(0, ledger, e.store).Reviews(ctx)
	mustRefuse(t, err, "AccountID")
	_, err = e.user.Feed(0, ledger, e.store).Status(ctx)
	mustRefuse(t, err, "AccountID")
	_, err = e.user.Feed(0, ledger, e.store).Plan(ctx)
	mustRefuse(t, err, "AccountID")
}

func TestADecisionCountsAlsoIfFinAPICannotBeTold(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[finapi.DecisionVerdict]struct {
		atFinAPI string
		rows     int
	}{finapi.Confirmed: {"cleared", 7}, finapi.Discarded: {"deleted", 6}} {
		e := newERP(t)
		e.mustSync()
		e.suspect()
		if verdict == finapi.Confirmed {
			e.genuine("-6")
		}
		review := only[finapi.Review](t, e.mustSync())
		var events []finapi.Event
		apply := func(ctx context.Context, b finapi.Batch) error {
			events = append(events, b.Events...)
			if len(events) == 1 && len(b.Events) == 1 {
				e.down.Store(true)
			}
			return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
		}
		decide := func() error { return e.feed().Decide(t.Context(), review.UID, verdict, "person-7", apply) }
		mustFail(t, decide(), finapi.CodeNetwork)
		same(t, 1, len(events))
		same(t, 0, e.status().Reviews)
		same(t, "", e.row(review.UID).Decision.AtFinAPI)
		e.down.Store(false)
		same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep)))) // it does not come again
		must(t, decide())                                                      // and finAPI is told now
		same(t, 1, len(events))
		same(t, want.atFinAPI, e.row(review.UID).Decision.AtFinAPI)
		same(t, want.rows, len(e.rows()))
		same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	}
}

func TestADoubleIsDeletedAtFinAPIOnlyIfNobodyHasConfirmedItMeanwhile(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	e.genuine("-6")
	review := only[finapi.Review](t, e.mustSync())
	err := e.feed().Discard(t.Context(), review.UID, "first", func(ctx context.Context, b finapi.Batch) error {
		must(t, e.feed().Confirm(ctx, review.UID, "second", e.keep)) // who was faster
		return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
	})
	mustFail(t, err, finapi.CodeNotInReview)
	same(t, 7, len(e.rows()))
	same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
}

func TestTwoPersonsWhoDecideAtOnceDoNotBothDecide(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	events := 0
	err := e.feed().Confirm(t.Context(), review.UID, "first", func(ctx context.Context, b finapi.Batch) error {
		// Meanwhile the other one is faster.
		must(t, e.feed().Confirm(ctx, review.UID, "second", e.keep))
		events++
		return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
	})
	must(t, err) // decided the same way, by the second person
	same(t, 1, events)
	same(t, "second", e.row(review.UID).Decision.By)
}

func TestAVendorWithoutPFMServicesDecidesInTheLedgerAlone(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	e.sim.EditClient(func(c *finapitest.ClientSettings) { c.PFMServices = false })
	must(t, e.feed().Confirm(t.Context(), review.UID, "p", e.keep))
	same(t, "kept", e.row(review.UID).Decision.AtFinAPI)
}

func TestAPlanShowsWhatASyncWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	plan, err := e.feed().Plan(t.Context())
	must(t, err)
	same(t, "map[Booked:6]", kinds(plan))
	again, err := e.feed().Plan(t.Context())
	must(t, err)
	same(t, "map[Booked:6]", kinds(again))
	same(t, finapi.Status{Unproved: true}, e.status())
	same(t, kinds(plan), kinds(e.mustSync()))
	plan, err = e.feed().Plan(t.Context())
	must(t, err)
	same(t, "map[]", kinds(plan))
}

func TestChangesOfAClosedPeriodAreReportedAndNotApplied(t *testing.T) {
	t.Parallel()
	e := newERP(t) // six bookings, of 2 March back to 25 February
	closed := finapi.WithLockedUntil(date(2026, 2, 28))
	events := e.mustSync(closed)
	same(t, "map[Booked:2 Locked:4]", kinds(events))
	locked := 0
	for _, event := range events {
		if l, ok := event.(finapi.Locked); ok {
			locked++
			booked := l.Change.(finapi.Booked)
			if booked.Transaction.BookingDate.After(date(2026, 2, 28)) || l.Until != date(2026, 2, 28) {
				t.Errorf("%v is locked until %v", booked.Transaction.BookingDate, l.Until)
			}
			if !strings.HasPrefix(finapi.Explain(l), "Not applied, because the books are closed until 2026-02-28. Booked: ") {
				t.Errorf("it is explained as %q", finapi.Explain(l))
			}
		}
	}
	same(t, 4, only[finapi.Synced](t, events).Locked)
	same(t, 6, e.status().Bookings)
	same(t, "map[]", kinds(e.mustSync(closed, finapi.WithPass(finapi.PassSweep)))) // told once

	rows := e.rows()
	e.sim.EditTransaction(rows[0].ID, func(row *finapitest.Transaction) { row.Amount = number("-9") })
	e.sim.EditTransaction(rows[5].ID, func(row *finapitest.Transaction) { row.Amount = number("-8") })
	e.sim.DeleteTransaction(rows[1].ID)
	got := kinds(e.mustSync(closed, finapi.WithPass(finapi.PassSweep)))
	same(t, "map[Locked:2 Modified:1 balance_mismatch:1]", got)
	_, err := finapi.Collect(e.feed(finapi.WithLockedUntil(finapi.Date{})).Sync(t.Context()))
	mustRefuse(t, err, "WithLockedUntil")
}

func TestAnUpgradeOfTheFingerprintDeliversNothingAgain(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	ctx, key := t.Context(), e.feed().Ledger()
	since := finapi.Date{}
	rows, err := e.store.Rows(ctx, key, finapi.RowQuery{Since: &since})
	must(t, err)
	mark, err := e.store.Mark(ctx, key)
	must(t, err)
	for i := range rows {
		rows[i].Fingerprint = "0:" + fmt.Sprint(i) // as an older version of this package made them
	}
	must(t, e.store.Commit(ctx, key, finapi.Change{Mark: mark, Rows: rows}))
	same(t, "map[]", kinds(e.mustSync()))
	same(t, "map[]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	e.sim.ReissueTransaction(e.rows()[0].ID)
	same(t, "map[Relinked:1]", kinds(e.mustSync())) // by a fast pass
	e.sim.Reissue(int64(e.account.ID))
	same(t, "map[Relinked:6]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	e.balanced()
}

func TestALateBookingDoesNotBringTheYearsBetween(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	asked := &askingStore{MemoryStore: e.store}
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-5"), Currency: "EUR", Purpose: "spät", BookingDate: "2024-03-01"},
	})
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-6"), Currency: "EUR", Purpose: "neu", BookingDate: "2026-03-02"},
	})
	_, err := finapi.Collect(e.user.Feed(e.account.ID, ledger, asked).Sync(t.Context()))
	must(t, err)
	same(t, []string{"2024-02-25 2024-03-06", "2026-02-25 2026-03-07"}, asked.spans)
}

// askingStore notes the days that it is asked for.
type askingStore struct {
	*finapi.MemoryStore
	spans []string
}

func (s *askingStore) Rows(ctx context.Context, ledger finapi.LedgerKey, q finapi.RowQuery) ([]finapi.Row, error) {
	if q.Since != nil {
		s.spans = append(s.spans, q.Since.String()+" "+q.Until.String())
	}
	return s.MemoryStore.Rows(ctx, ledger, q)
}

func TestABookingThatFinAPIFlagsLaterWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[finapi.DecisionVerdict]string{finapi.Confirmed: "[]", finapi.Discarded: "[finapi.Removed]"} {
		e := newERP(t)
		e.mustSync()
		id := e.rows()[2].ID
		e.sim.FlagDuplicate(id, true)
		modified := only[finapi.Modified](t, e.mustSync(finapi.WithPass(finapi.PassSweep)))
		same(t, []string{"isPotentialDuplicate"}, modified.Fields)
		open, err := e.feed().Reviews(t.Context())
		must(t, err)
		if len(open) != 1 || open[0].UID != modified.UID {
			t.Fatalf("in review are %+v, want %s", open, modified.UID)
		}
		same(t, false, clean(e.status()))
		got := []string{}
		must(t, e.feed().Decide(t.Context(), modified.UID, verdict, "p", func(ctx context.Context, b finapi.Batch) error {
			for _, event := range b.Events {
				got = append(got, fmt.Sprintf("%T", event))
			}
			return e.store.Commit(ctx, e.feed().Ledger(), b.Change)
		}))
		same(t, want, fmt.Sprint(got))
		if verdict == finapi.Confirmed {
			e.sim.FlagDuplicate(id, true) // again: a person has decided already
		}
		_, err = e.sync(finapi.WithPass(finapi.PassSweep))
		must(t, err)
		same(t, 0, e.status().Reviews)
	}
}

// reconnect connects the bank anew, after the former connection was deleted.
func (e *erp) reconnect() {
	e.t.Helper()
	must(e.t, e.user.DeleteConnection(e.t.Context(), e.account.Connection, nil))
	e.connect()
}

func TestAnApplyThatCommitsNothingIsRefusedBeforeFinAPIIsTold(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	forgetful := func(context.Context, finapi.Batch) error { return nil }
	mustRefuse(t, e.feed().Discard(t.Context(), review.UID, "person-7", forgetful), "apply")
	mustRefuse(t, e.feed().Discard(t.Context(), review.UID, "person-7", nil), "apply")
	mustRefuse(t, e.feed().Discard(t.Context(), "a\x00b", "person-7", e.keep), "uid")
	mustRefuse(t, e.feed().Discard(t.Context(), review.UID, "per\nson", e.keep), "by")
	same(t, 7, len(e.rows()))
	same(t, 1, e.status().Reviews)
}

func TestTheQueueTellsOfWhatVanishedLikeTheReviewDid(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.EditTransaction(e.sim.ReissueTransaction(e.rows()[2].ID), func(tx *finapitest.Transaction) { tx.Purpose = "anders" })
	e.sim.Clock().Advance(25 * time.Hour)
	events := e.mustSync()
	removed, review := only[finapi.Removed](t, events), only[finapi.Review](t, events)
	want := []finapi.Evidence{{Kind: finapi.EvidenceVanished}, {Kind: finapi.EvidenceBalance}} // both for a booking of its own
	same(t, want, review.Evidence)
	same(t, []finapi.UID{removed.UID}, review.Candidates)
	open, err := e.feed().Reviews(t.Context())
	must(t, err)
	same(t, 1, len(open))
	same(t, finapi.ReasonLikeVanished, open[0].Reason)
	same(t, want, open[0].Evidence)
	if len(open[0].Candidates) != 1 || open[0].Candidates[0].UID != removed.UID {
		t.Errorf("the candidates are %+v, want the one that vanished", open[0].Candidates)
	}
}

func TestAfterAWrongDecisionTheLedgerIsNotClean(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	e.sim.EditTransaction(e.sim.ReissueTransaction(e.rows()[2].ID), func(tx *finapitest.Transaction) { tx.Purpose = "anders" })
	e.day()
	review := only[finapi.Review](t, e.mustSync())
	must(t, e.feed().Discard(t.Context(), review.UID, "person-7", e.keep)) // it was none
	same(t, false, clean(e.status()))
	e.day()
	notice := e.mismatch()
	same(t, []finapi.UID{review.UID}, notice.Bookings)
	if !strings.Contains(notice.Text, "discarded") {
		t.Errorf("the notice says %q", notice.Text)
	}
}

func TestAfterARightDecisionTheLedgerIsCleanAtOnce(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	e.suspect()
	e.day()
	review := only[finapi.Review](t, e.mustSync())
	same(t, false, clean(e.status()))
	must(t, e.feed().Discard(t.Context(), review.UID, "person-7", e.keep))
	same(t, true, clean(e.status()))
}

func TestADoubleThatFinAPIHasDeletedIsAskedAboutAgainWhenTheBankIsConnectedAnew(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.charge("-17", "Parken")
	e.day()
	e.mustSync()
	rows := e.rows()
	e.suspect(func(tx *finapitest.Transaction) { *tx = rows[len(rows)-1]; tx.IsPotentialDuplicate = true })
	discarded := only[finapi.Review](t, e.mustSync()).UID
	must(t, e.feed().Discard(t.Context(), discarded, "person-7", e.keep))
	e.bank().Book(finapitest.Booking{Amount: number("-17"), Purpose: "Parken", BookingDate: rows[len(rows)-1].BookingDate}) // the bank lists it twice
	e.reconnect()
	review := only[finapi.Review](t, e.mustSync())
	same(t, []finapi.UID{discarded}, review.Candidates)
	if !slices.Contains(review.Evidence, finapi.Evidence{Kind: finapi.EvidenceDiscarded, Double: true}) {
		t.Errorf("nothing says that it was discarded before: %v", review.Evidence)
	}
}

func TestAConfirmedBookingWhoseIDShowsAnotherOneWaitsAgainIfThatIsFlagged(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	id := e.suspect()
	review := only[finapi.Review](t, e.mustSync())
	must(t, e.feed().Confirm(t.Context(), review.UID, "person-7", e.keep))
	e.sim.EditTransaction(id, func(tx *finapitest.Transaction) {
		tx.BookingDate, tx.Purpose, tx.IsPotentialDuplicate = tx.BookingDate.AddDays(-3), "anders", true
	})
	e.sim.Clock().Advance(25 * time.Hour)
	e.mustSync()
	same(t, 1, e.status().Reviews)
	must(t, e.feed().Confirm(t.Context(), review.UID, "person-8", e.keep))
	same(t, 0, e.status().Reviews)
	same(t, "person-8", e.row(review.UID).Decision.By)
}
