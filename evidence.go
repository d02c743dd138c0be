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
	say := func(kind EvidenceKind, double bool, yes, no string) {
		text := no
		if double {
			text = yes
		}
		facts = append(facts, Evidence{Kind: kind, Double: double, Text: text})
	}
	if a.Amount.Equal(b.Amount) {
		say(EvidenceTwin, a.BookingDate == b.BookingDate,
			"the ledger has a booking of the same day and amount", "the ledger has a booking of the same amount, on another day")
	}
	say(EvidenceText, fold(a.Purpose) == fold(b.Purpose), "the purposes are the same", "the purposes differ")
	if x, y := fold(a.Counterpart.IBAN), fold(b.Counterpart.IBAN); x != "" && y != "" {
		say(EvidenceCounterpart, x == y, "the counterpart's account is the same", "the counterparts' accounts differ")
	}
	if x, y := reference(a.EndToEndReference), reference(b.EndToEndReference); x != "" && y != "" {
		say(EvidenceReference, x == y, "the end-to-end references are the same", "the end-to-end references differ")
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
			return []Evidence{{
				Kind: EvidenceAdjusting, Double: true,
				Text: "finAPI made up a row of the opposite amount, because its balance does not fit with this one",
			}}
		}
	}
	return nil
}
