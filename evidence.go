package finapi

import "slices"

// This file gathers what speaks for and against a double, for the person who decides
// about a [Review]. It decides nothing itself.

// review is the verdict that a person must decide, with the evidence.
func (m *matcher) review(tx Transaction, reason Reason, candidates []UID) verdict {
	return verdict{
		kind: isReview, tx: tx, reason: reason, candidates: candidates,
		evidence: append(m.compare(&tx, candidates), m.adjusted(&tx)...),
	}
}

// compare holds a row against the bookings that it may be a double of, by the one that it
// resembles most.
func (m *matcher) compare(tx *Transaction, candidates []UID) []Evidence {
	var best []Evidence
	most := -1
	for i := range m.memory {
		row := &m.memory[i]
		if !slices.Contains(candidates, row.UID) {
			continue
		}
		facts := resemblance(tx, &row.Transaction)
		doubles := 0
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
