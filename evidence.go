package finapi

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

// This file gathers what speaks for and against a double, for the person who decides
// about a [Review]. It decides nothing itself.

// likeness is a booking that a row may be a double, or the new form, of.
type likeness struct {
	// uid is "" if the booking is new, too; then tx has its id.
	uid UID
	tx  *Transaction
	// vanished: it is not there any more. discarded: it was found to be a double.
	vanished, discarded bool
}

// review is the verdict that a person must decide, with the evidence.
func (m *matcher) review(tx Transaction, reason Reason, like []likeness) verdict {
	v := verdict{kind: isReview, tx: tx, reason: reason, evidence: append(compare(&tx, like), m.adjusted(&tx)...)}
	for _, l := range like {
		if l.uid == "" {
			v.twins = append(v.twins, l.tx.ID)
		} else {
			v.candidates = append(v.candidates, l.uid)
		}
	}
	return v
}

// resembling returns the bookings that tx may be a double of: those of the ledger, and those
// that come with it.
func (m *matcher) resembling(tx *Transaction) []likeness {
	var like []likeness
	near := func(other *Transaction) bool {
		days := other.BookingDate.DaysSince(tx.BookingDate)
		return days >= -nearby && days <= nearby && other.Amount.Equal(tx.Amount)
	}
	for i := range m.memory {
		if row := &m.memory[i]; row.State.delivered() && near(&row.Transaction) {
			like = append(like, likeness{uid: row.UID, tx: &row.Transaction})
		}
	}
	for i := range m.open {
		other := &m.open[i]
		booking := !other.AdjustingEntry && !other.PotentialDuplicate && !other.BookingDate.Before(m.cutOver)
		if booking && near(other) {
			like = append(like, likeness{tx: other})
		}
	}
	slices.SortFunc(like, func(a, b likeness) int { return cmp.Or(cmp.Compare(a.uid, b.uid), cmp.Compare(a.tx.ID, b.tx.ID)) })
	return like
}

// compare holds a row against the bookings that it is like, by the one that it resembles most.
func compare(tx *Transaction, like []likeness) []Evidence {
	var best []Evidence
	most := -1
	for _, l := range like {
		facts, doubles := l.facts(tx), 0
		for _, f := range facts {
			if f.Double {
				doubles++
			}
		}
		if doubles > most {
			best, most = facts, doubles
		}
	}
	return best
}

// facts are what speaks for and against a double of it. What has vanished leaves room for
// another one, unless it was a double itself.
func (l *likeness) facts(tx *Transaction) []Evidence {
	switch {
	case l.discarded:
		return []Evidence{{EvidenceDiscarded, true}}
	case l.vanished:
		return []Evidence{{EvidenceVanished, false}}
	}
	return resemblance(tx, l.tx)
}

// vanishedBefore returns the bookings that the ledger had, and of which tx may be the new form.
func (m *matcher) vanishedBefore(tx *Transaction) []likeness {
	var like []likeness
	for i := range m.memory {
		row := &m.memory[i]
		gone := row.State == RowRemoved || row.State == RowDiscarded
		if gone && row.Transaction.Amount.Equal(tx.Amount) && alike(&row.Transaction, tx) {
			like = append(like, newLikeness(row))
		}
	}
	return like
}

// newLikeness is that of a row that has vanished.
func newLikeness(row *Row) likeness {
	return likeness{uid: row.UID, tx: &row.Transaction, vanished: true, discarded: row.discarded()}
}

// weigh tells what the balance proof says of a review: the strongest sign that there is.
func weigh(tx *Transaction, difference decimal.Decimal) []Evidence {
	switch {
	case tx.Amount.Amount.IsZero(): // the balance is the same with it and without
	case difference.Equal(tx.Amount.Amount.Neg()):
		return []Evidence{{EvidenceBalance, true}}
	case difference.IsZero():
		return []Evidence{{EvidenceBalance, false}}
	}
	return nil
}

func resemblance(a, b *Transaction) []Evidence {
	var facts []Evidence
	say := func(kind EvidenceKind, double bool) { facts = append(facts, Evidence{kind, double}) }
	if a.Amount.Equal(b.Amount) {
		say(EvidenceTwin, a.BookingDate == b.BookingDate)
	}
	say(EvidenceText, fold(a.Purpose) == fold(b.Purpose))
	if x, y := fold(a.Counterpart.IBAN), fold(b.Counterpart.IBAN); x != "" && y != "" {
		say(EvidenceCounterpart, x == y)
	}
	if x, y := reference(a.EndToEndReference), reference(b.EndToEndReference); x != "" && y != "" {
		say(EvidenceReference, x == y)
	}
	return facts
}

// adjusted looks whether finAPI had to even out a row, which it does when its balance does
// not fit. Silence proves nothing: the balance may not have been read yet.
func (m *matcher) adjusted(tx *Transaction) []Evidence {
	for i := range m.listed {
		row := &m.listed[i]
		opposite := row.AdjustingEntry && row.Amount.Amount.Equal(tx.Amount.Amount.Neg())
		if opposite && row.BookingDate.DaysSince(tx.BookingDate) >= -nearby {
			return []Evidence{{EvidenceAdjusting, true}}
		}
	}
	return nil
}
