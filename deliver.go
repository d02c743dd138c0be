package finapi

import "cmp"

// This file turns what was decided about rows into events for the ledger and
// into what the store has to remember of them.

// effect is what one verdict means: an event, and a row to remember; each can be
// missing.
type effect struct {
	event Event
	row   *Row
}

// batches cuts the effects into parts that are committed one after the other.
// Only the last one moves the mark, so a crash between them repeats reading, not
// booking.
func (s *reading) batches(size int) []Batch {
	effects := s.effects()
	var batches []Batch
	mark := s.mark
	if mark.Version == 0 {
		s.identifyIn(&mark)
	}
	for len(effects) > 0 {
		part := effects[:min(size, len(effects))]
		effects = effects[len(part):]
		batches = append(batches, makeBatch(mark, part))
		mark.Bookings += newBookings(part)
		mark.Version++
	}
	if s.shortfall == nil {
		s.advance(&mark)
	}
	last := makeBatch(mark, []effect{{event: s.summary(batches)}})
	return append(batches, last)
}

func makeBatch(mark Mark, effects []effect) Batch {
	batch := Batch{Change: Change{Mark: mark}}
	batch.Change.Mark.Bookings += newBookings(effects)
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

func newBookings(effects []effect) int {
	n := 0
	for _, e := range effects {
		switch e.event.(type) {
		case Booked, Review:
			n++
		}
	}
	return n
}

// identifyIn notes which bank account the ledger belongs to. When a ledger goes on
// with a new account, only a reading that was whole may say so: until then, rows
// of the former account still wait for their counterparts.
func (s *reading) identifyIn(mark *Mark) {
	mark.Source = s.facts.source
	// What finAPI has once told is not forgotten when it is silent for a while.
	mark.IBAN = cmp.Or(fold(s.account.IBAN), mark.IBAN)
	mark.Currency = cmp.Or(s.account.Currency, mark.Currency)
	mark.Type = cmp.Or(s.account.Type, mark.Type)
}

// advance moves the mark after a reading that was whole.
func (s *reading) advance(mark *Mark) {
	for i := range s.facts.listed {
		if at := s.facts.listed[i].Imported; at.After(mark.Imported) {
			mark.Imported = at
		}
	}
	if s.open() {
		mark.Imported = s.mark.Imported // so that they are looked at again
		return
	}
	s.identifyIn(mark)
	now := s.feed.user.client.clock.Now()
	mark.Updated = s.account.Updated()
	if s.pass != PassFast {
		mark.Completed = now
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
	return sum
}

// effects lists all that happened, in the order in which the ledger learns of it.
func (s *reading) effects() []effect {
	effects := make([]effect, 0, len(s.plan.verdicts)+len(s.notices))
	for i := range s.plan.verdicts {
		effects = append(effects, s.effect(&s.plan.verdicts[i]))
	}
	if s.shortfall != nil {
		s.notice(s.shortfallKind(), "the listing is not complete; what is safe was delivered")
	}
	if gap := s.gap(); gap != nil {
		s.notices = append(s.notices, *gap)
	}
	for _, n := range s.notices {
		effects = append(effects, effect{event: n})
	}
	return effects
}

func (s *reading) shortfallKind() NoticeKind {
	if IsError(s.shortfall, CodeStaleData) {
		return NoticeStale
	}
	return NoticeIncomplete
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
	tx := v.tx
	switch v.kind {
	case isBooked:
		uid := cmp.Or(v.row.UID, s.uids[tx.ID])
		return effect{Booked{UID: uid, Transaction: tx, Reason: v.reason}, s.remember(uid, tx, RowBooked)}
	case isReview:
		uid := s.uids[tx.ID]
		event := Review{UID: uid, Transaction: tx, Reason: v.reason, Candidates: v.candidates}
		return effect{event, s.remember(uid, tx, RowReview)}
	case isRecorded:
		return effect{row: s.remember(s.uids[tx.ID], tx, RowRecorded)}
	case isAdjusting:
		event := Notice{Kind: NoticeAdjustingEntry, Text: v.reason, From: tx.BookingDate, To: tx.BookingDate, Transaction: &tx}
		return effect{event, s.remember(s.uids[tx.ID], tx, RowNoticed)}
	case isRelinked:
		event := Relinked{UID: v.row.UID, Old: v.row.ID, New: tx.ID, Reason: v.reason}
		return effect{event, s.remember(v.row.UID, tx, v.row.State)}
	case isModified:
		event := Modified{UID: v.row.UID, Old: v.row.Transaction, New: tx, Fields: v.fields, Material: v.material}
		return effect{event, s.remember(v.row.UID, tx, v.row.State)}
	case isRemoved:
		row := v.row
		row.State = RowRemoved
		return effect{Removed{UID: row.UID, Transaction: row.Transaction, ConfirmedBy: v.reason}, &row}
	case isResolved:
		row := v.row
		row.State = RowRemoved
		return effect{Notice{
			Kind: NoticeAdjustingEntryResolved, Text: "a row that finAPI had made up has gone",
			From: tx.BookingDate, To: tx.BookingDate, Transaction: &tx,
		}, &row}
	case isConflict, isDeferred, isMassDisappearance:
	}
	return effect{event: Notice{
		Kind: noticeKinds[v.kind], Text: v.reason, From: tx.BookingDate, To: tx.BookingDate, Transaction: rowOf(v),
		Bookings: v.candidates,
	}}
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
