package finapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/shopspring/decimal"
)

// This file turns what was decided about rows into events for the ledger and
// into what the store has to remember of them.

// effect is what one verdict means: an event, and a row to remember; each can be
// missing. was is the row before; nil for a new one.
type effect struct {
	event Event
	row   *Row
	was   *Row
	held  bool // a review that waits in the queue instead of being delivered
}

// finish turns the verdicts into effects, and proves the balance that results.
func (s *reading) finish(ctx context.Context) error {
	s.done = s.effects()
	mark := s.counted(s.mark, s.done, map[UID]*Row{})
	notice, err := s.prove(ctx, &mark)
	if err != nil {
		return err
	}
	s.proof = mark.Balance
	if s.mark.Balance != nil && s.proof != nil && s.proof != s.mark.Balance {
		s.weigh(s.proof.Difference)
	}
	if notice != nil {
		s.done = append(s.done, effect{event: *notice})
	}
	return nil
}

// weigh adds to reviews what the balance proof says of them: the strongest sign that
// there is.
func (s *reading) weigh(difference decimal.Decimal) {
	for i := range s.done {
		if review, ok := s.done[i].event.(Review); ok {
			review.Evidence = append(review.Evidence, weigh(&review.Transaction, difference)...)
			s.done[i].event = review
		}
	}
}

// counted returns the mark with the sum as the effects leave it. seen are the rows as
// earlier effects left them, because one row can be in several.
func (s *reading) counted(mark Mark, effects []effect, seen map[UID]*Row) Mark {
	for i := range effects {
		e := &effects[i]
		if e.row == nil {
			continue
		}
		was := e.was
		if before, ok := seen[e.row.UID]; ok {
			was = before
		}
		mark.count(was, e.row)
		seen[e.row.UID] = e.row
	}
	return mark
}

// batches cuts the effects into parts that are committed one after the other.
// Only the last one moves the mark, so a crash between them repeats reading, not
// booking.
func (s *reading) batches(size int) []Batch {
	effects, seen := s.done, map[UID]*Row{}
	var batches []Batch
	mark := s.mark
	if mark.Version == 0 {
		s.identifyIn(&mark)
	}
	for len(effects) > 0 {
		part := effects[:min(size, len(effects))]
		effects = effects[len(part):]
		mark = s.counted(mark, part, seen)
		batches = append(batches, makeBatch(mark, part))
		mark.Version++
	}
	sum := s.summary(batches)
	mark.Balance, mark.Deferred, mark.Incomplete = s.proof, sum.Deferred, !sum.Complete
	if s.shortfall == nil {
		s.advance(&mark)
	}
	return append(batches, makeBatch(mark, []effect{{event: sum}}))
}

func makeBatch(mark Mark, effects []effect) Batch {
	batch := Batch{Change: Change{Mark: mark}}
	for _, e := range effects {
		if e.event != nil {
			batch.Events = append(batch.Events, e.event)
		}
		if e.row != nil {
			batch.Change.Rows = append(batch.Change.Rows, *e.row)
		}
	}
	return batch
}

// identifyIn notes which bank account the ledger belongs to. When a ledger goes on
// with a new account, only a reading that was whole may say so: until then, rows
// of the former account still wait for their counterparts.
func (s *reading) identifyIn(mark *Mark) {
	mark.Source, mark.CutOver = s.facts.source, s.facts.cutOver
	// What finAPI has once told is not forgotten when it is silent for a while.
	mark.IBAN = cmp.Or(fold(s.account.IBAN), mark.IBAN)
	mark.Currency = cmp.Or(s.account.Currency, mark.Currency)
	mark.Type = cmp.Or(s.account.Type, mark.Type)
}

// advance moves the mark after a reading that was whole, unless something could not be
// decided: then it is looked at again.
func (s *reading) advance(mark *Mark) {
	if s.open() {
		return
	}
	for i := range s.facts.listed {
		if at := s.facts.listed[i].Imported; at.After(mark.Imported) {
			mark.Imported = at
		}
	}
	s.identifyIn(mark)
	if mark.First.IsZero() {
		mark.First = s.facts.oldestListed()
	}
	now := s.feed.user.client.clock.Now()
	mark.Updated = s.account.Updated()
	if s.pass != PassFast {
		mark.Completed, mark.Unproved = now, !s.provedNow
	}
	if s.pass == PassSweep {
		mark.Swept = now
	}
}

// open reports whether something could not be decided.
func (s *reading) open() bool {
	for _, v := range s.plan.verdicts {
		if v.kind == isDeferred || v.kind == isMassDisappearance {
			return true
		}
	}
	return false
}

func (s *reading) summary(batches []Batch) Synced {
	sum := Synced{Pass: s.pass, Known: s.mark.Bookings, Complete: s.shortfall == nil && !s.open()}
	for _, b := range batches {
		sum = sum.plus(b.Events)
	}
	for i := range s.done {
		if s.done[i].held {
			sum.Held++
		}
	}
	return sum
}

// effects lists all that happened, in the order in which the ledger learns of it.
func (s *reading) effects() []effect {
	effects := make([]effect, 0, len(s.plan.verdicts)+len(s.notices))
	for i := range s.plan.verdicts {
		e := s.effect(&s.plan.verdicts[i])
		e.event = s.feed.lock(s.feed.hold(e.was, e.event))
		effects = append(effects, e)
	}
	if s.shortfall != nil {
		s.notice(s.shortfallNotice())
	}
	if gap := s.gap(); gap != nil {
		s.notices = append(s.notices, *gap)
	}
	for _, n := range s.notices {
		effects = append(effects, effect{event: n})
	}
	return effects
}

func (s *reading) shortfallNotice() (NoticeKind, string) {
	if IsError(s.shortfall, CodeStaleData) {
		return NoticeStale, "the last download failed or is not finished; what is safe was delivered"
	}
	return NoticeIncomplete, "the listing is not complete; what is safe was delivered"
}

// gap tells that more time has passed since the last update than any update of
// finAPI's reaches back.
func (s *reading) gap() *Notice {
	if s.mark.Updated.IsZero() || s.shortfall != nil || s.facts.reimported {
		return nil
	}
	from, to := DateOf(s.mark.Updated), DateOf(s.account.Updated()).AddDays(-reachDays)
	if !from.Before(to) {
		return nil
	}
	return &Notice{
		Kind: NoticeGap, From: from, To: to,
		Text: "the last synchronisation is longer ago than an update of finAPI's reaches back; " +
			"if there was no update meanwhile, bookings are missing for good",
	}
}

func (s *reading) effect(v *verdict) effect {
	e := s.meaning(v)
	if e.row != nil && v.row.UID != "" {
		e.was = &v.row
	}
	return e
}

func (s *reading) meaning(v *verdict) effect {
	tx := v.tx
	switch v.kind {
	case isBooked:
		uid := cmp.Or(v.row.UID, s.uids[tx.ID])
		return effect{event: Booked{UID: uid, Transaction: tx, Reason: v.reason}, row: s.remember(uid, tx, RowBooked)}
	case isReview:
		uid := cmp.Or(v.row.UID, s.uids[tx.ID])
		row := s.remember(uid, tx, RowReview)
		if s.feed.holdReviews {
			return effect{row: row, held: true}
		}
		return effect{row: row, event: Review{
			UID: uid, Transaction: tx, Reason: v.reason, Candidates: s.candidates(v), Evidence: v.evidence,
		}}
	case isRecorded:
		return effect{row: s.remember(s.uids[tx.ID], tx, RowRecorded)}
	case isAdjusting:
		event := Notice{Kind: NoticeAdjustingEntry, Text: v.words(), From: tx.BookingDate, To: tx.BookingDate, Transaction: &tx}
		return effect{event: event, row: s.remember(s.uids[tx.ID], tx, RowNoticed)}
	case isRelinked:
		event := Relinked{UID: v.row.UID, Old: v.row.ID, New: tx.ID, Reason: v.reason}
		return effect{event: event, row: s.rememberAs(&v.row, tx)}
	case isModified:
		event := Modified{UID: v.row.UID, Old: v.row.Transaction, New: tx, Fields: v.fields, Material: v.material}
		return effect{event: event, row: s.rememberAs(&v.row, tx)}
	case isUpdated:
		return effect{row: s.rememberAs(&v.row, tx)}
	case isRemoved:
		row := v.row
		row.State = RowRemoved
		return effect{event: Removed{UID: row.UID, Transaction: row.Transaction, Reason: v.reason}, row: &row}
	case isDropped:
		row := v.row
		row.State = RowRemoved
		return effect{row: &row}
	case isResolved:
		row := v.row
		row.State = RowRemoved
		return effect{row: &row, event: Notice{
			Kind: NoticeAdjustingEntryResolved, Text: "a row that finAPI had made up has gone",
			From: tx.BookingDate, To: tx.BookingDate, Transaction: &tx,
		}}
	case isConflict, isDeferred, isMassDisappearance:
	}
	return effect{event: Notice{
		Kind: noticeKinds[v.kind], Text: v.words(), From: tx.BookingDate, To: tx.BookingDate, Transaction: rowOf(v),
		Bookings: v.candidates,
	}}
}

// candidates names what a review may be a double of, also what comes with it.
func (s *reading) candidates(v *verdict) []UID {
	uids := v.candidates
	for _, id := range v.twins {
		uids = append(uids, s.uids[id])
	}
	slices.Sort(uids)
	return uids
}

// lock wraps a change of a closed period, so that it is reported and not applied.
func (f *Feed) lock(event Event) Event {
	if f.lockedUntil.IsZero() {
		return event
	}
	for _, day := range daysOf(event) {
		if !day.After(f.lockedUntil) {
			return Locked{Change: event, Until: f.lockedUntil}
		}
	}
	return event
}

// hold keeps back what happens to a review that the ledger never got. was is what the row
// was before; nil if it is new.
func (f *Feed) hold(was *Row, event Event) Event {
	if !f.holdReviews || was == nil || was.State != RowReview {
		return event
	}
	switch event.(type) {
	case Modified, Removed, Relinked:
		return nil
	}
	return event
}

// daysOf returns the days on whose books an event has an effect.
func daysOf(event Event) []Date {
	switch e := event.(type) {
	case Booked:
		return []Date{e.Transaction.BookingDate}
	case Review:
		return []Date{e.Transaction.BookingDate}
	case Modified:
		return []Date{e.Old.BookingDate, e.New.BookingDate}
	case Removed:
		return []Date{e.Transaction.BookingDate}
	}
	return nil
}

var noticeKinds = map[verdictKind]NoticeKind{
	isConflict:          NoticeIdentityConflict,
	isDeferred:          NoticeDeferred,
	isMassDisappearance: NoticeMassDisappearance,
}

func rowOf(v *verdict) *Transaction {
	if v.tx.ID == 0 {
		return nil
	}
	tx := v.tx
	return &tx
}

func (s *reading) remember(uid UID, tx Transaction, state RowState) *Row {
	return &Row{
		UID: uid, Source: s.facts.source, ID: tx.ID, State: state, Fingerprint: fingerprint(&tx), Transaction: tx,
	}
}

// rememberAs keeps what a row is to the ledger, with its new contents. A booking that
// finAPI flags only now waits for a person, unless one has decided before; if the id shows
// another day or amount by now, what was decided may have been about another booking.
func (s *reading) rememberAs(row *Row, tx Transaction) *Row {
	now := s.remember(row.UID, tx, row.State)
	now.Decision = row.Decision
	_, material := difference(&row.Transaction, &tx)
	settled := row.Decision != nil && !material
	if row.State == RowBooked && !settled && tx.PotentialDuplicate && !row.Transaction.PotentialDuplicate {
		now.State = RowSuspected
	}
	return now
}
