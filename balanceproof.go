package finapi

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// This file proves from end to end that nothing is missing and nothing is double: what
// the bank's balance has grown by must be what the ledger has got.

// Sum is what rows of one currency add up to.
type Sum struct {
	Amount decimal.Decimal `json:"amount"`
	Rows   int             `json:"rows"`
}

// Sums are what rows add up to, in each of their currencies.
type Sums map[Currency]Sum

// plus returns the sums with an amount added; factor is 1 or -1.
func (s Sums) plus(m Money, factor int) Sums {
	sums := maps.Clone(s)
	if sums == nil {
		sums = Sums{}
	}
	sum := sums[m.Currency]
	sum.Rows += factor
	sum.Amount = sum.Amount.Add(m.Amount.Mul(decimal.NewFromInt(int64(factor))))
	sums[m.Currency] = sum
	if sum.Rows == 0 {
		delete(sums, m.Currency)
	}
	return sums
}

// only reports whether there is no other currency.
func (s Sums) only(c Currency) bool {
	_, has := s[c]
	return len(s) == 0 || has && len(s) == 1
}

// BalanceProof is the comparison of the bank's balance with the ledger's rows. It is
// made after each complete pass on an account at rest.
type BalanceProof struct {
	// Opening is what the account held before the first row that the ledger knows. It is
	// reckoned at the first proof, which therefore proves nothing yet, and which waits
	// until no review is open.
	Opening decimal.Decimal `json:"opening"`
	// Day is the day of the last proof that came out even.
	Day Date `json:"day,omitzero"`
	// Difference is what the bank has and the ledger has not, at the last proof; zero if
	// it came out even. finAPI and many banks do not tell whether pending bookings are in
	// a balance, so a difference that is just these is none. Open reviews are counted as
	// bookings.
	Difference decimal.Decimal `json:"difference"`
	// Told is the difference that the last [NoticeBalanceMismatch] told, until it has gone;
	// zero if there was none. What open reviews explain is not told, because they wait for
	// a person anyway.
	Told decimal.Decimal `json:"told"`
	// At is when the last proof was made.
	At time.Time `json:"at"`
}

// inBalance reports whether the bank's balance holds a row: whether it is a booking,
// once.
func (s RowState) inBalance() bool { return s.delivered() || s == RowRecorded }

// count changes what is counted as it does when a row becomes another. was is nil for a new
// row.
func (m *Mark) count(was, is *Row) {
	day := is.Transaction.BookingDate
	if was != nil && was.State.inBalance() {
		day = was.Transaction.BookingDate // a row that the bank dates back was in the sum before
		m.add(&was.Transaction, day, -1)
	}
	if is.State.inBalance() {
		m.add(&is.Transaction, day, 1)
	}
	if was != nil && was.State.delivered() {
		m.Bookings--
	}
	if is.State.delivered() {
		m.Bookings++
	}
}

func (m *Mark) add(t *Transaction, day Date, factor int) {
	m.Sums = m.Sums.plus(t.Amount, factor)
	if m.Balance != nil && m.older(day) {
		proof := *m.Balance
		proof.Opening = proof.Opening.Sub(t.Amount.Amount.Mul(decimal.NewFromInt(int64(factor))))
		m.Balance = &proof
	}
}

// decided keeps the last proof up to date with a decision about a row that was in it: before
// is the mark without the decision.
func (m *Mark) decided(before *Mark, row *Row) {
	if m.Balance == nil || row.Transaction.Imported.After(m.Balance.At) {
		return
	}
	proof, c := *m.Balance, row.Transaction.Amount.Currency
	proof.Difference = proof.Difference.Sub(m.Sums[c].Amount.Sub(before.Sums[c].Amount)).Sub(proof.Opening.Sub(before.Balance.Opening))
	m.Balance = &proof
}

// older reports whether a day is before all that the ledger ever knew, and before all that
// an update of finAPI's can bring. What is booked there was in the balance all the time.
func (m *Mark) older(day Date) bool {
	return day.Before(m.First) && !m.Updated.IsZero() && day.Before(DateOf(m.Updated).AddDays(-updateDays))
}

// updateDays is how far an update looks back behind the last one.
const updateDays = 10

// prove compares the bank's balance with the sum after a complete pass, and returns what
// the ledger should know of it; nil if nothing.
func (s *reading) prove(ctx context.Context, mark *Mark) (*Notice, error) {
	if s.provedNow = s.provable(mark); !s.provedNow {
		return nil, nil
	}
	balance := s.account.Balance
	today := DateOf(s.account.Updated())
	if mark.Balance == nil {
		return nil, s.reckonOpening(ctx, mark, today)
	}
	proof := *mark.Balance
	proof.Difference = balance.Amount.Sub(proof.Opening).Sub(mark.Sums[balance.Currency].Amount)
	proof.At = s.account.Updated()
	notice, err := s.judge(ctx, &proof, today)
	if err != nil {
		return nil, err
	}
	if proof.Difference.IsZero() {
		proof.Day = today
	}
	mark.Balance = &proof
	return notice, nil
}

// judge says whether a difference is one, and whether the ledger knows of it.
func (s *reading) judge(ctx context.Context, proof *BalanceProof, today Date) (*Notice, error) {
	if proof.Difference.Equal(proof.Told) {
		return nil, nil
	}
	if !proof.Difference.IsZero() {
		pending, err := s.pendingSum(ctx)
		if err != nil {
			return nil, err
		}
		if pending.Equal(proof.Difference) {
			proof.Difference = decimal.Zero
		}
	}
	waiting, err := s.waiting(ctx)
	if err != nil || explained(proof.Difference, waiting) {
		return nil, err
	}
	notice := s.balanceNotice(proof, today)
	proof.Told = proof.Difference
	return notice, nil
}

// explained reports whether a difference is that one of the reviews is a double, or that
// all are.
func explained(difference decimal.Decimal, reviews []Row) bool {
	sum := decimal.Zero
	for i := range reviews {
		amount := reviews[i].Transaction.Amount.Amount
		sum = sum.Add(amount)
		if !difference.IsZero() && difference.Equal(amount.Neg()) {
			return true
		}
	}
	return !difference.IsZero() && difference.Equal(sum.Neg())
}

// provable reports whether everything was read, and there is something to compare.
func (s *reading) provable(mark *Mark) bool {
	whole := s.pass != PassFast && s.shortfall == nil && !s.open()
	balance := s.account.Balance
	return whole && balance != nil && mark.Sums.only(balance.Currency)
}

// reckonOpening makes the first proof, unless a review is open.
func (s *reading) reckonOpening(ctx context.Context, mark *Mark, today Date) error {
	waiting, err := s.waiting(ctx)
	if err == nil && len(waiting) == 0 {
		opening := s.account.Balance.Amount.Sub(mark.Sums[s.account.Balance.Currency].Amount)
		mark.Balance = &BalanceProof{Opening: opening, Day: today, At: s.account.Updated()}
	}
	return err
}

func (s *reading) balanceNotice(proof *BalanceProof, today Date) *Notice {
	if proof.Difference.Equal(proof.Told) {
		return nil
	}
	if proof.Difference.IsZero() {
		return &Notice{Kind: NoticeBalanceRestored, Text: "the bank's balance and the ledger agree again", From: proof.Day, To: today}
	}
	amount := Money{Amount: proof.Difference, Currency: s.account.Balance.Currency}
	n := &Notice{Kind: NoticeBalanceMismatch, Amount: &amount, From: proof.Day, To: today, Bookings: s.doublesOf(proof.Difference, proof.Day)}
	discarded := s.discardedOf(proof.Difference)
	switch {
	case len(discarded) > 0:
		n.Bookings = discarded
		n.Text = "the bank's balance has what a person has discarded as a double; it may have been a booking of its own"
	case len(n.Bookings) > 0:
		n.Text = "the ledger has more than the bank's balance; one of the bookings named may be a double"
	case s.madeUp(proof.Difference):
		n.Text = "the bank's balance has what no booking explains; finAPI made up a row of the same amount, so a booking is missing there"
	case proof.Difference.IsNegative():
		n.Text = "the ledger has more than the bank's balance, or a booking that lowers it is missing"
	default:
		n.Text = "the bank's balance has more than the ledger, so a booking is missing or one that lowers it is double"
	}
	return n
}

// doublesOf names the rows since a day of which one too many would explain a difference:
// reviews first of all, then bookings that have an equal one.
func (s *reading) doublesOf(difference decimal.Decimal, since Date) []UID {
	var uids []UID
	twins := map[string]int{}
	amount := difference.Neg()
	rows := s.known()
	for i := range rows {
		twins[weakKey(&rows[i].Transaction)]++
	}
	for i := range rows {
		row := &rows[i]
		suspect := row.State.waits() || row.State == RowBooked && twins[weakKey(&row.Transaction)] > 1
		if suspect && row.Transaction.Amount.Amount.Equal(amount) && !row.Transaction.BookingDate.Before(since.AddDays(-nearby)) {
			uids = append(uids, row.UID)
		}
	}
	slices.Sort(uids)
	return uids
}

// discardedOf names the doubles of an amount that a person has discarded.
func (s *reading) discardedOf(amount decimal.Decimal) []UID {
	var uids []UID
	for _, row := range s.known() {
		if row.discarded() && row.Transaction.Amount.Amount.Equal(amount) {
			uids = append(uids, row.UID)
		}
	}
	slices.Sort(uids)
	return uids
}

// known are the rows of the pass as the ledger will know them.
func (s *reading) known() []Row {
	now := s.changed()
	rows := slices.Collect(maps.Values(now))
	for i := range s.facts.memory {
		if row := s.facts.memory[i]; now[row.UID].UID == "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// changed are the rows that the pass changes, as they will be; one can be in several
// effects.
func (s *reading) changed() map[UID]Row {
	now := map[UID]Row{}
	for i := range s.done {
		if row := s.done[i].row; row != nil {
			now[row.UID] = *row
		}
	}
	return now
}

// waiting returns the rows that wait for a person after this pass. As long as one does,
// nobody knows whether the balance holds it.
func (s *reading) waiting(ctx context.Context) ([]Row, error) {
	now := s.changed()
	var rows []Row
	if s.mark.Version > 0 {
		before, err := s.feed.store.Rows(ctx, s.feed.ledger, RowQuery{Reviews: true})
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(before, func(r Row) bool { return now[r.UID].UID != "" })
	}
	for _, row := range now {
		if row.State.waits() {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// madeUp reports whether finAPI lists an adjusting entry of an amount.
func (s *reading) madeUp(amount decimal.Decimal) bool {
	return slices.ContainsFunc(s.facts.listed, func(t Transaction) bool {
		return t.AdjustingEntry && t.Amount.Amount.Equal(amount)
	})
}

// pendingSum adds up what the bank has not booked yet. Some banks count it in their
// balance.
func (s *reading) pendingSum(ctx context.Context) (decimal.Decimal, error) {
	sum := decimal.Zero
	for row, err := range s.feed.user.PendingTransactions(ctx, PendingQuery{Accounts: []AccountID{s.account.ID}}) {
		if err != nil {
			return sum, err
		}
		sum = sum.Add(row.Amount.Amount)
	}
	return sum, nil
}

// oldestListed returns the earliest booking date of the listing; zero if it is empty.
func (e *evidence) oldestListed() Date {
	var first Date
	for i := range e.listed {
		if d := e.listed[i].BookingDate; first.IsZero() || d.Before(first) {
			first = d
		}
	}
	return first
}
