package finapi

import (
	"fmt"
	"strings"
)

// Reason names the rule by which the feed has decided. The set is open.
type Reason string

// The reasons.
const (
	// ReasonNew: an id that was never seen before, and nothing that it may be again.
	ReasonNew Reason = "new"
	// ReasonMoved: the bank moved a recorded booking behind the ledger's cut-over.
	ReasonMoved Reason = "moved_behind_cut_over"
	// ReasonRelinked: an equal booking whose id is gone has come back under a new one.
	ReasonRelinked Reason = "same_booking_new_id"
	// ReasonReimported: the account was imported anew, and day and amount agree one to one.
	ReasonReimported Reason = "same_day_and_amount_after_import"
	// ReasonFlagged: finAPI suspects that it imported a booking twice.
	ReasonFlagged Reason = "flagged_by_finapi"
	// ReasonLikeVanished: a booking of the same amount has vanished; this may be its new
	// form.
	ReasonLikeVanished Reason = "like_a_vanished_one"
	// ReasonBeforeCutOver: booked before the ledger's cut-over, so recorded only.
	ReasonBeforeCutOver Reason = "before_cut_over"
	// ReasonChanged: a known id shows other contents.
	ReasonChanged Reason = "changed_by_the_bank"
	// ReasonLookedUp: not in a complete listing, and a look-up of its id finds nothing.
	ReasonLookedUp Reason = "gone_and_looked_up"
	// ReasonReplaced: its id shows another booking.
	ReasonReplaced Reason = "id_shows_another"
	// ReasonLeftOut: the account was imported anew without it.
	ReasonLeftOut Reason = "left_out_by_import"
	// ReasonUnproven: it may be an equal booking under a new id, and nobody knows yet.
	ReasonUnproven Reason = "unproven"
	// ReasonMass: so many vanished at once that the feed does not believe it.
	ReasonMass Reason = "mass_disappearance"
	// ReasonAdjusting: finAPI made up a row to make the balance fit.
	ReasonAdjusting Reason = "adjusting_entry"
	// ReasonConfirmed and ReasonDiscarded: a person has decided about a review.
	ReasonConfirmed Reason = "confirmed_by_a_person"
	ReasonDiscarded Reason = "discarded_by_a_person"
)

// reasonTexts say the reasons in words, without anything personal: English, German.
var reasonTexts = map[Reason][2]string{
	ReasonNew:           {"an id that was never seen before", "eine ID, die noch nie vorkam"},
	ReasonMoved:         {"the bank moved it behind the ledger's cut-over", "die Bank hat sie hinter den Stichtag des Ledgers verschoben"},
	ReasonRelinked:      {"the same booking under a new id; the old id is gone", "dieselbe Buchung unter neuer ID; die alte gibt es nicht mehr"},
	ReasonReimported:    {"the account was imported anew; day and amount agree", "das Konto wurde neu importiert; Tag und Betrag stimmen überein"},
	ReasonFlagged:       {"finAPI suspects that it imported a booking twice", "finAPI vermutet, dass es eine Buchung doppelt importiert hat"},
	ReasonLikeVanished:  {"a booking of the same amount has vanished; this may be its new form", "eine Buchung mit gleichem Betrag ist verschwunden; dies kann ihre neue Form sein"},
	ReasonBeforeCutOver: {"booked before the ledger's cut-over", "vor dem Stichtag des Ledgers gebucht"},
	ReasonChanged:       {"the bank changed a booking that the ledger has", "die Bank hat eine Buchung geändert, die das Ledger schon hat"},
	ReasonLookedUp:      {"a complete listing without it, and a look-up of its id", "sie fehlt in einer vollständigen Liste und ist auch unter ihrer ID nicht zu finden"},
	ReasonReplaced:      {"its id shows another booking", "ihre ID zeigt eine andere Buchung"},
	ReasonLeftOut:       {"the account was imported anew without it", "das Konto wurde ohne sie neu importiert"},
	ReasonUnproven:      {"an equal booking may have got a new id", "eine gleiche Buchung hat vielleicht eine neue ID bekommen"},
	ReasonMass:          {"many bookings have vanished at once; none was removed", "viele Buchungen sind auf einmal verschwunden; keine wurde entfernt"},
	ReasonAdjusting:     {"finAPI made up a row to make the balance fit", "finAPI hat eine Zeile erfunden, damit der Saldo stimmt"},
	ReasonConfirmed:     {"a person says that it is a booking of its own", "ein Mensch sagt, dass es eine eigene Buchung ist"},
	ReasonDiscarded:     {"a person says that it is a double", "ein Mensch sagt, dass es eine Dublette ist"},
}

// Text says the reason in words, without anything personal. It comes in German and
// English; every other language gives English.
func (r Reason) Text(l Language) string { return in(l, reasonTexts[r]) }

// in chooses from an English and a German text.
func in(l Language, texts [2]string) string {
	if l == German {
		return texts[1]
	}
	return texts[0]
}

// Evidence is a fact that speaks for or against a double.
type Evidence struct {
	Kind EvidenceKind `json:"kind"`
	// Double is true if it speaks for a double, and false if it speaks for a booking of
	// its own. None of them is proof.
	Double bool `json:"double"`
}

// evidenceTexts say what speaks for a double and what for a booking of its own: English,
// German.
var evidenceTexts = map[Evidence][2]string{
	{EvidenceTwin, true}:         {"the ledger has a booking of the same day and amount", "das Ledger hat eine Buchung mit gleichem Tag und Betrag"},
	{EvidenceTwin, false}:        {"the ledger has a booking of the same amount, on another day", "das Ledger hat eine Buchung mit gleichem Betrag an einem anderen Tag"},
	{EvidenceText, true}:         {"the purposes are the same", "die Verwendungszwecke sind gleich"},
	{EvidenceText, false}:        {"the purposes differ", "die Verwendungszwecke sind verschieden"},
	{EvidenceCounterpart, true}:  {"the counterpart's account is the same", "das Gegenkonto ist dasselbe"},
	{EvidenceCounterpart, false}: {"the counterparts' accounts differ", "die Gegenkonten sind verschieden"},
	{EvidenceReference, true}:    {"the end-to-end references are the same", "die Ende-zu-Ende-Referenzen sind gleich"},
	{EvidenceReference, false}:   {"the end-to-end references differ", "die Ende-zu-Ende-Referenzen sind verschieden"},
	{EvidenceAdjusting, true}: {
		"finAPI made up a row of the opposite amount, because its balance does not fit with this one",
		"finAPI hat eine Zeile mit dem Gegenbetrag erfunden, weil sein Saldo mit dieser hier nicht stimmt",
	},
	{EvidenceVanished, false}: {
		"a booking of the same amount has vanished, and this may be its new form",
		"eine Buchung mit gleichem Betrag ist verschwunden, und dies kann ihre neue Form sein",
	},
	{EvidenceDiscarded, true}: {
		"a row of the same amount that was found to be a double has vanished, and this may be its new form",
		"eine Zeile mit gleichem Betrag, die als Dublette erkannt war, ist verschwunden, und dies kann ihre neue Form sein",
	},
	{EvidenceBalance, true}:  {"the bank's balance fits the ledger without it", "der Saldo der Bank passt ohne sie zum Ledger"},
	{EvidenceBalance, false}: {"the bank's balance fits the ledger with it", "der Saldo der Bank passt mit ihr zum Ledger"},
}

// Text says it in words, without anything personal. It comes in German and English;
// every other language gives English.
func (e Evidence) Text(l Language) string { return in(l, evidenceTexts[e]) }

// EvidenceKind is a kind of [Evidence]. The set is open.
type EvidenceKind string

// The kinds of evidence.
const (
	// EvidenceTwin: another booking of the same day and amount is in the ledger.
	EvidenceTwin EvidenceKind = "same_day_and_amount"
	// EvidenceText: purposes agree, or do not.
	EvidenceText EvidenceKind = "purpose"
	// EvidenceCounterpart: the counterpart's accounts or names agree, or do not.
	EvidenceCounterpart EvidenceKind = "counterpart"
	// EvidenceReference: end-to-end references agree, or do not.
	EvidenceReference EvidenceKind = "end_to_end_reference"
	// EvidenceAdjusting: finAPI made up a row of the opposite amount, because with this one
	// its balance does not fit.
	EvidenceAdjusting EvidenceKind = "adjusting_entry"
	// EvidenceVanished: a booking of the same amount has vanished and came as [Removed], and
	// this may be its new form.
	EvidenceVanished EvidenceKind = "vanished"
	// EvidenceDiscarded: a row that a person had found to be a double has vanished, and this
	// may be its new form.
	EvidenceDiscarded EvidenceKind = "discarded_double"
	// EvidenceBalance: the bank's balance fits the ledger with it, or without it.
	EvidenceBalance EvidenceKind = "balance"
)

// Explain tells an event in a sentence or two of English: what happened and why. It
// holds amounts and days, but no names, IBANs or texts of the bank.
func Explain(event Event) string {
	switch e := event.(type) {
	case Booked:
		return fmt.Sprintf("Booked: %s. Why: %s.", inWords(&e.Transaction), e.Reason.Text(English))
	case Review:
		return explainReview(&e)
	case Modified:
		return fmt.Sprintf("Modified: %s is now %s; changed: %s. Why: %s.",
			inWords(&e.Old), inWords(&e.New), strings.Join(e.Fields, ", "), ReasonChanged.Text(English))
	case Removed:
		return fmt.Sprintf("Removed: %s. Why: %s.", inWords(&e.Transaction), e.Reason.Text(English))
	case Relinked:
		return fmt.Sprintf("Relinked: finAPI's id %d is now %d; nothing to book. Why: %s.", e.Old, e.New, e.Reason.Text(English))
	case Locked:
		return fmt.Sprintf("Not applied, because the books are closed until %s. %s", e.Until, Explain(e.Change))
	case Notice:
		return explainNotice(&e)
	case Synced:
		return fmt.Sprintf("Synchronised (%s): booked %d, for review %d, modified %d, removed %d, relinked %d, deferred %d; known before %d.",
			e.Pass, e.Booked, e.Review, e.Modified, e.Removed, e.Relinked, e.Deferred, e.Known)
	}
	return fmt.Sprintf("%T", event)
}

func explainReview(e *Review) string {
	var b strings.Builder
	fmt.Fprintf(&b, "For a person to decide: %s. Why: %s.", inWords(&e.Transaction), e.Reason.Text(English))
	for _, fact := range e.Evidence {
		says := "For a booking of its own"
		if fact.Double {
			says = "For a double"
		}
		fmt.Fprintf(&b, " %s: %s.", says, fact.Text(English))
	}
	return b.String()
}

func explainNotice(e *Notice) string {
	text := fmt.Sprintf("Notice (%s): %s", e.Kind, e.Text)
	switch {
	case e.From.IsZero():
	case e.From == e.To:
		text += fmt.Sprintf(" (%s)", e.From)
	default:
		text += fmt.Sprintf(" (%s to %s)", e.From, e.To)
	}
	return text + "."
}

func inWords(t *Transaction) string {
	return fmt.Sprintf("%s on %s (finAPI's id %d)", t.Amount, t.BookingDate, t.ID)
}
