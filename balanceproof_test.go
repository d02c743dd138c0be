package finapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// day lets a day pass, with an update by the bank in the morning.
func (e *erp) day() {
	e.t.Helper()
	e.sim.Clock().Advance(25 * time.Hour)
	_, err := e.user.Refresh(e.t.Context(), finapi.RefreshRequest{Connection: e.account.Connection})
	must(e.t, err)
}

// charge lets the bank book.
func (e *erp) charge(amount, purpose string) {
	e.t.Helper()
	e.bank().Book(finapitest.Booking{Amount: number(amount), Purpose: purpose})
}

func (e *erp) mismatch() finapi.Notice {
	e.t.Helper()
	notice := only[finapi.Notice](e.t, e.mustSync())
	if notice.Kind != finapi.NoticeBalanceMismatch {
		e.t.Fatalf("got the notice %s: %s", notice.Kind, notice.Text)
	}
	return notice
}

func TestTheBalanceIsProvedAfterEachCompletePass(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	for i := range 3 {
		e.charge("-12.34", "Miete")
		e.charge("100.01", "Gutschrift")
		e.day()
		same(t, "map[Booked:2]", kinds(e.mustSync()))
		proof := e.status().Balance
		same(t, "0", proof.Difference.String())
		same(t, date(2026, 3, 3+i), proof.Day)
		same(t, true, clean(e.status()))
	}
}

func TestABookingThatIsMissingIsNamedWithItsDaysAndAmount(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	same(t, "map[]", kinds(e.mustSync()))
	// The bank's balance falls, and no booking comes.
	e.sim.Clock().Advance(25 * time.Hour)
	_, err := e.user.Refresh(t.Context(), finapi.RefreshRequest{Connection: e.account.Connection})
	must(t, err)
	e.sim.EditAccount(int64(e.account.ID), func(a *finapitest.Account) {
		balance := a.Balance.Sub(number("17.5"))
		a.Balance = &balance
	})
	notice := e.mismatch()
	same(t, moneyPtr("-17.5", "EUR"), notice.Amount)
	same(t, date(2026, 3, 3), notice.From)
	same(t, date(2026, 3, 4), notice.To)
	same(t, 0, len(notice.Bookings))
	same(t, false, clean(e.status()))
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[]", kinds(e.mustSync())) // told once

	// The booking comes after all.
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-17.5"), Currency: "EUR", Purpose: "spät", BookingDate: "2026-03-04"},
	})
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Booked:1 balance_restored:1]", kinds(e.mustSync()))
	same(t, true, clean(e.status()))
}

func TestADoubleIsNamedByTheBalance(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	e.charge("-40", "Strom")
	e.day()
	booked := only[finapi.Booked](t, e.mustSync())
	rows := e.rows()
	twin := rows[len(rows)-1]
	twin.Purpose, twin.ImportDate = "Strom SVWZ+ März", e.sim.Clock().Now()
	e.sim.InsertTransaction(int64(e.account.ID), twin) // finAPI imports it again, and does not notice
	e.sim.Clock().Advance(25 * time.Hour)
	events := e.mustSync()
	double := only[finapi.Booked](t, events)
	notice := only[finapi.Notice](t, events)
	same(t, finapi.NoticeBalanceMismatch, notice.Kind)
	same(t, moneyPtr("40", "EUR"), notice.Amount)
	same(t, []finapi.UID{booked.UID, double.UID}, notice.Bookings)
	if !strings.Contains(finapi.Explain(notice), "may be a double") {
		t.Errorf("it is explained as %q", finapi.Explain(notice))
	}
}

func TestAReviewThatIsADoubleIsNoMismatchBesides(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	e.sim.Clock().Advance(25 * time.Hour)
	events := e.mustSync()
	same(t, "map[Review:1]", kinds(events)) // no further alarm: it waits for a person anyway
	review := only[finapi.Review](t, events)
	same(t, finapi.Evidence{Kind: finapi.EvidenceBalance, Double: true}, review.Evidence[len(review.Evidence)-1])
	must(t, e.feed().Discard(t.Context(), review.UID, "p", e.keep))
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[]", kinds(e.mustSync()))
	same(t, true, clean(e.status()))
}

func TestAFlaggedRowThatTheBalanceHoldsIsSaidToBeGenuine(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect()
	e.genuine("-6")
	e.sim.Clock().Advance(25 * time.Hour)
	review := only[finapi.Review](t, e.mustSync())
	same(t, finapi.Evidence{Kind: finapi.EvidenceBalance}, review.Evidence[len(review.Evidence)-1])
}

func TestTheBalanceSaysNothingAboutABookingOfZero(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.suspect(func(tx *finapitest.Transaction) { tx.Amount = number("0") })
	e.sim.Clock().Advance(25 * time.Hour)
	for _, evidence := range only[finapi.Review](t, e.mustSync()).Evidence {
		if evidence.Kind == finapi.EvidenceBalance {
			t.Errorf("it is weighed by the balance: %+v", evidence)
		}
	}
}

func TestARowThatFinAPIMadeUpNamesTheGap(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	// Booked with a date that no update reaches any more.
	e.bank().Book(finapitest.Booking{Amount: number("-33"), Purpose: "zu spät", BookingDate: "2026-02-10"})
	e.day()
	events := e.mustSync()
	same(t, "map[adjusting_entry:1 balance_mismatch:1]", kinds(events))
	for _, event := range events {
		if n, ok := event.(finapi.Notice); ok && n.Kind == finapi.NoticeBalanceMismatch {
			same(t, moneyPtr("-33", "EUR"), n.Amount)
			if !strings.Contains(n.Text, "finAPI made up a row of the same amount") {
				t.Errorf("the notice says %q", n.Text)
			}
		}
	}
}

func TestPendingBookingsInABalanceAreNoMismatch(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.bank().AddPending(finapitest.Booking{Amount: number("-80"), Purpose: "Reservierung"})
	e.day()
	e.sim.EditAccount(int64(e.account.ID), func(a *finapitest.Account) { // this bank counts it already
		balance := a.Balance.Sub(number("80"))
		a.Balance = &balance
	})
	same(t, "map[]", kinds(e.mustSync()))
	same(t, "0", e.status().Balance.Difference.String())
}

func TestOlderHistoryThatComesLaterIsNoMismatch(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-500"), Currency: "EUR", Purpose: "aus dem Vorjahr", BookingDate: "2025-12-30"},
	})
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, "map[Booked:1]", kinds(e.mustSync()))
	same(t, "0", e.status().Balance.Difference.String())
}

func TestWithoutABalanceOrInSeveralCurrenciesNothingIsProved(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.sim.EditAccount(int64(e.account.ID), func(a *finapitest.Account) { a.Balance = nil })
	e.mustSync()
	if proof := e.status().Balance; proof != nil {
		t.Errorf("without a balance, the proof is %+v", proof)
	}
	e = newERP(t)
	e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-5"), Currency: "USD", Purpose: "abroad", BookingDate: "2026-03-01"},
	})
	e.mustSync()
	if proof := e.status().Balance; proof != nil {
		t.Errorf("with two currencies, the proof is %+v", proof)
	}
}

func TestTheSumIsTheSameWhateverHappensToTheRows(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	cut := finapi.WithCutOver(date(2026, 2, 27))
	e.mustSync(cut)
	sum := func() string {
		mark, err := e.store.Mark(t.Context(), e.feed().Ledger())
		must(t, err)
		return mark.Sums["EUR"].Amount.String()
	}
	same(t, "-21", sum()) // recorded rows are in the balance, too
	rows := e.rows()
	e.sim.EditTransaction(rows[0].ID, func(row *finapitest.Transaction) { row.Amount = number("-2") }) // recorded, -6 before
	e.sim.EditTransaction(rows[5].ID, func(row *finapitest.Transaction) { row.Amount = number("-8") }) // -1 before
	e.sim.ReissueTransaction(rows[2].ID)
	sweep := finapi.WithPass(finapi.PassSweep)
	e.mustSync(cut, sweep)
	same(t, "-24", sum())
	e.sim.DeleteTransaction(rows[5].ID) // -8
	e.sim.DeleteTransaction(rows[1].ID) // recorded, -5
	same(t, "map[Removed:1 balance_mismatch:1]", kinds(e.mustSync(cut, sweep)))
	same(t, "-11", sum())
}

func TestABookingThatTheBankDatesBackIsNoMismatch(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	e.sim.EditTransaction(e.rows()[0].ID, func(tx *finapitest.Transaction) { tx.BookingDate = tx.BookingDate.AddDays(-40) })
	e.day()
	same(t, "map[Modified:1]", kinds(e.mustSync(finapi.WithPass(finapi.PassSweep))))
	same(t, true, clean(e.status()))
}

func TestABookingInAnotherCurrencyStopsTheProofOnlyAsLongAsItIsThere(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	e.day()
	e.mustSync()
	id := e.sim.InsertTransaction(int64(e.account.ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-5"), Currency: "USD", Purpose: "fremd"},
	})
	e.day()
	same(t, "map[Booked:1]", kinds(e.mustSync()))
	same(t, true, e.status().Unproved)
	e.sim.DeleteTransaction(id)
	e.day()
	same(t, "map[Removed:1]", kinds(e.mustSync()))
	same(t, false, e.status().Unproved)
	e.genuine("-17.5") // the bank books what finAPI does not list
	e.sim.Clock().Advance(25 * time.Hour)
	same(t, moneyPtr("-17.5", "EUR"), e.mismatch().Amount)
}
