package finapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// This file decides what finAPI's rows mean for a ledger that has got some of
// them before. It is pure: no network, no database, no clock.
//
// Three rules carry it. Coexistence beats resemblance: two ids that are listed
// together are two bookings, however equal they look. Absence needs proof: only
// a complete listing or a look-up by id shows that a row is gone. Counts are
// conserved: rows are paired one to one, so a pair of equal bookings stays two.

// evidence is what is known when rows are matched.
type evidence struct {
	source Source
	// listed are finAPI's rows, with their currency filled in.
	listed []Transaction
	// memory are the remembered rows that may concern them.
	memory []Row
	// complete: listed holds every row of the source that was booked on or after
	// from. A zero from means the whole history.
	complete bool
	from     Date
	// reimported: rows of another source are gone, because the account at finAPI
	// that they came from is.
	reimported bool
	// removeAll: most bookings may be removed at once.
	removeAll bool
	// cutOver is the first day whose bookings the ledger wants; zero for all.
	cutOver Date
	// absent and present are the answers of look-ups by id.
	absent, present map[TransactionID]bool
}

// verdict is what one row means.
type verdict struct {
	kind verdictKind
	// tx is the listed row; zero for a removed one.
	tx Transaction
	// row is the remembered row; zero for a new one.
	row        Row
	reason     Reason
	text       string // of a notice, if it says more than the rule
	evidence   []Evidence
	fields     []string
	material   bool
	candidates []UID
	// twins are candidates that are new themselves.
	twins []TransactionID
	// odd: a more thorough pass should look at it.
	odd bool
}

type verdictKind uint8

// The order is the order in which a ledger learns of them.
const (
	isRelinked verdictKind = iota
	isRemoved
	isModified
	isBooked
	isReview
	isRecorded
	isUpdated // known, and nothing to tell
	isDropped // gone, and nothing to tell
	isAdjusting
	isResolved
	isConflict
	isDeferred
	isMassDisappearance
)

// plan is the outcome of matching. Questions are ids whose absence or presence
// has to be looked up for a better plan.
type plan struct {
	verdicts  []verdict
	questions []TransactionID
}

// match decides. Called again with the answers to its questions, it decides more.
func match(e *evidence) plan {
	m := newMatcher(e)
	m.identify()
	m.relinkStrong()
	if e.reimported || m.massVanished() {
		m.relinkWeak()
	}
	m.judgeNew()
	m.judgeVanished()
	slices.SortStableFunc(m.plan.verdicts, func(a, b verdict) int {
		return cmp.Or(
			cmp.Compare(min(a.kind, isBooked), min(b.kind, isBooked)),
			a.day().Compare(b.day()), cmp.Compare(a.tx.ID, b.tx.ID),
		)
	})
	return m.plan
}

// words are those of a notice.
func (v *verdict) words() string { return cmp.Or(v.text, v.reason.Text(English)) }

func (v *verdict) day() Date {
	if v.kind == isRemoved {
		return v.row.Transaction.BookingDate
	}
	return v.tx.BookingDate
}

type matcher struct {
	*evidence
	plan plan
	// open are the listed rows that no remembered row stands for yet.
	open []Transaction
	// free are the remembered rows that no listed row stands for yet.
	free map[UID]*Row
	// displaced are rows whose id now shows another booking.
	displaced map[UID]bool
	// prints are the fingerprints of the listed rows.
	prints map[TransactionID]string
	strays map[stray]bool
	asked  map[TransactionID]bool
}

func newMatcher(e *evidence) *matcher {
	m := &matcher{
		evidence: e, free: map[UID]*Row{}, displaced: map[UID]bool{},
		prints: map[TransactionID]string{}, strays: map[stray]bool{}, asked: map[TransactionID]bool{},
	}
	for i := range e.memory {
		row := &e.memory[i]
		if !strings.HasPrefix(row.Fingerprint, fingerprintVersion) {
			row.Fingerprint = fingerprint(&row.Transaction) // of an older version of this package
		}
		m.free[row.UID] = row
	}
	for i := range e.listed {
		m.prints[e.listed[i].ID] = fingerprint(&e.listed[i])
	}
	return m
}

func (m *matcher) say(v verdict) { m.plan.verdicts = append(m.plan.verdicts, v) }

// ask puts a question once.
func (m *matcher) ask(id TransactionID) {
	if !m.asked[id] {
		m.asked[id] = true
		m.plan.questions = append(m.plan.questions, id)
	}
}

// identify settles the rows that finAPI lists under the id they are known by.
func (m *matcher) identify() {
	known := m.owners()
	m.findStrays(known)
	for _, tx := range m.listed {
		if tx.Parent != 0 {
			continue // a part that an application made of a booking
		}
		row := known[tx.ID]
		if row == nil || !sameKind(row, &tx) {
			m.open = append(m.open, tx)
			continue
		}
		fields, material := difference(&row.Transaction, &tx)
		if m.another(row, &tx, fields) {
			m.displaced[row.UID] = true
			m.open = append(m.open, tx)
			m.say(verdict{kind: isConflict, tx: tx, row: *row, reason: ReasonReplaced, text: "the id shows another booking than before"})
			continue
		}
		delete(m.free, row.UID)
		if row.State == RowRecorded && !tx.BookingDate.Before(m.cutOver) {
			m.sayMoved(row, tx)
			continue
		}
		m.sayModified(row, tx, fields, material)
	}
}

// owners returns the remembered row of each listed id. Two can claim one: if an id showed
// another booking while nobody could prove that the former one is gone, both came from there.
// The id is that of the row which it shows or resembles, and the other one is displaced.
func (m *matcher) owners() map[TransactionID]*Row {
	claims := map[TransactionID][]*Row{}
	for _, row := range m.free {
		if row.Source == m.source && row.State != RowRemoved {
			claims[row.ID] = append(claims[row.ID], row)
		}
	}
	owners := map[TransactionID]*Row{}
	for i := range m.listed {
		tx := &m.listed[i]
		rows := claims[tx.ID]
		if len(rows) == 0 {
			continue
		}
		slices.SortFunc(rows, func(a, b *Row) int {
			return cmp.Or(cmp.Compare(m.unlike(a, tx), m.unlike(b, tx)), cmp.Compare(a.UID, b.UID))
		})
		owners[tx.ID] = rows[0]
		for _, row := range rows[1:] {
			m.displaced[row.UID] = true
		}
	}
	return owners
}

// unlike is the smaller, the more a row is what is listed under its id: its kind weighs more than
// its fingerprint, and that more than all fields together.
func (m *matcher) unlike(row *Row, tx *Transaction) int {
	fields, _ := difference(&row.Transaction, tx)
	switch {
	case !sameKind(row, tx):
		return 1000
	case row.Fingerprint != m.prints[tx.ID]:
		return 100 + len(fields)
	}
	return len(fields)
}

// sayMoved tells of a booking that the bank has dated behind the ledger's cut-over.
func (m *matcher) sayMoved(row *Row, tx Transaction) {
	v := verdict{kind: isBooked, tx: tx, reason: ReasonMoved}
	if tx.PotentialDuplicate {
		v = m.review(tx, ReasonFlagged, m.resembling(&tx))
	}
	v.row = *row
	m.say(v)
}

// sayModified tells what the bank changed of a booking that the ledger has.
func (m *matcher) sayModified(row *Row, tx Transaction, fields []string, material bool) {
	if row.Decision != nil && !material { // finAPI's suspicion is settled
		fields = slices.DeleteFunc(fields, func(field string) bool { return field == fieldSuspicion })
	}
	switch {
	case len(fields) == 0:
	case row.State.delivered():
		m.say(verdict{kind: isModified, tx: tx, row: *row, reason: ReasonChanged, fields: fields, material: material})
	default:
		m.say(verdict{kind: isUpdated, tx: tx, row: *row})
	}
}

// another reports whether a known id stands for another booking now: because all
// that makes a booking differs, or because the former booking is listed under an
// id that was not its own before.
func (m *matcher) another(row *Row, tx *Transaction, fields []string) bool {
	all := slices.Contains(fields, fieldAmount) && slices.Contains(fields, fieldBooked) &&
		slices.Contains(fields, fieldPurpose)
	return all || m.prints[tx.ID] != row.Fingerprint && m.strays[stray{row.Fingerprint, tx.AdjustingEntry}]
}

// stray is the contents of a listed row that is not what the ledger knows under its id.
type stray struct {
	print  string
	madeUp bool // by finAPI, so that it is no booking
}

// findStrays needs the owners of all ids first.
func (m *matcher) findStrays(known map[TransactionID]*Row) {
	for i := range m.listed {
		tx := &m.listed[i]
		mark := m.prints[tx.ID]
		if row := known[tx.ID]; tx.Parent == 0 && (row == nil || row.Fingerprint != mark) {
			m.strays[stray{mark, tx.AdjustingEntry}] = true
		}
	}
}

// fate is what is known of a remembered row that is not listed.
type fate uint8

const (
	unknown fate = iota
	there
	missing // not in a complete listing
	gone    // proved otherwise
)

func (m *matcher) fate(row *Row) fate {
	switch {
	case m.displaced[row.UID]:
		return gone
	case row.Source != m.source && m.reimported:
		return gone
	case m.absent[row.ID]:
		return gone
	case m.present[row.ID] || row.Source == m.source && m.prints[row.ID] != "":
		return there
	case row.Source == m.source && m.complete && !row.Transaction.BookingDate.Before(m.from):
		return missing
	}
	return unknown
}

// relinkStrong pairs rows of equal fingerprint where the old id is gone. Pairs
// whose references agree go first.
func (m *matcher) relinkStrong() {
	candidates := m.group(func(row *Row) string { return row.Fingerprint })
	for _, agree := range []func(a, b *Transaction) bool{sameInAll, sameReferences, noVeto} {
		m.pairOff(candidates, fingerprint, agree, ReasonRelinked)
	}
	m.deferDoubtful(candidates)
}

// group sorts the free rows that a listed row may stand for by a key.
func (m *matcher) group(key func(*Row) string) map[string][]*Row {
	groups := map[string][]*Row{}
	for _, row := range m.free {
		if row.State != RowRemoved {
			groups[key(row)] = append(groups[key(row)], row)
		}
	}
	for _, rows := range groups {
		slices.SortFunc(rows, func(a, b *Row) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.UID, b.UID)) })
	}
	return groups
}

// pairOff relinks open rows to vanished rows of the same key, one to one.
func (m *matcher) pairOff(
	candidates map[string][]*Row, key func(*Transaction) string, agree func(a, b *Transaction) bool, reason Reason,
) {
	m.open = slices.DeleteFunc(m.open, func(tx Transaction) bool {
		for _, row := range candidates[key(&tx)] {
			fits := sameKind(row, &tx) && agree(&row.Transaction, &tx) && !m.suspicious(row, &tx)
			if m.free[row.UID] != nil && m.fate(row) >= missing && fits {
				delete(m.free, row.UID)
				m.say(verdict{kind: isRelinked, tx: tx, row: *row, reason: reason})
				fields, material := difference(&row.Transaction, &tx)
				m.sayModified(row, tx, fields, material)
				return true
			}
		}
		return false
	})
}

// deferDoubtful holds back open rows that would be relinked if an old id were
// gone, as long as nobody knows whether it is.
func (m *matcher) deferDoubtful(candidates map[string][]*Row) {
	spoken := map[UID]bool{} // one doubtful row holds back one open row
	m.open = slices.DeleteFunc(m.open, func(tx Transaction) bool {
		for _, row := range candidates[fingerprint(&tx)] {
			doubtful := m.free[row.UID] != nil && !spoken[row.UID] && m.fate(row) == unknown
			if doubtful && sameKind(row, &tx) && noVeto(&row.Transaction, &tx) {
				spoken[row.UID] = true
				m.ask(row.ID)
				m.say(verdict{kind: isDeferred, tx: tx, row: *row, reason: ReasonUnproven})
				return true
			}
		}
		return false
	})
}

// massVanished reports whether so many known rows are not listed that finAPI must
// have fetched the account anew, or something is wrong.
func (m *matcher) massVanished() bool {
	vanished := 0
	for _, row := range m.free {
		if row.State != RowRemoved && row.State != RowDiscarded && m.fate(row) >= missing {
			vanished++
		}
	}
	return mass(vanished, m.found()+vanished)
}

// mass: three rows and more than half of them are no correction by the bank.
func mass(vanished, all int) bool { return vanished >= 3 && vanished*2 > all }

// relinkWeak pairs rows of equal day and amount after a re-import, where every
// row got a new id and banks may word it anew. It wants equal counts, because
// otherwise one of the rows is really new and nobody can tell which.
func (m *matcher) relinkWeak() {
	vanished := m.group(func(row *Row) string { return weakKey(&row.Transaction) })
	open := map[string]int{}
	for i := range m.open {
		open[weakKey(&m.open[i])]++
	}
	for key, rows := range vanished {
		rows = slices.DeleteFunc(rows, func(row *Row) bool { return m.free[row.UID] == nil || m.fate(row) < missing })
		vanished[key] = rows
		if len(rows) != open[key] {
			delete(vanished, key)
		}
	}
	m.pairOff(vanished, weakKey, noVeto, ReasonReimported)
}

// judgeNew decides about the listed rows that remain.
func (m *matcher) judgeNew() {
	byAmount := m.group(func(row *Row) string { return amountKey(&row.Transaction) })
	for _, tx := range m.open {
		vanished := append(m.vanishedLike(&tx, byAmount[amountKey(&tx)]), m.deletedDoubles(&tx)...)
		switch {
		case tx.AdjustingEntry:
			m.say(verdict{kind: isAdjusting, tx: tx, reason: ReasonAdjusting})
		case tx.BookingDate.Before(m.cutOver):
			m.say(verdict{kind: isRecorded, tx: tx, reason: ReasonBeforeCutOver})
		case tx.PotentialDuplicate:
			m.say(m.review(tx, ReasonFlagged, m.resembling(&tx)))
		case len(vanished) > 0:
			v := m.review(tx, ReasonLikeVanished, vanished)
			v.odd = true
			m.say(v)
		default:
			m.say(verdict{kind: isBooked, tx: tx, reason: ReasonNew})
		}
	}
}

// deletedDoubles returns equal rows that a person found to be doubles and finAPI has deleted:
// when the bank is connected anew, it can bring them again.
func (m *matcher) deletedDoubles(tx *Transaction) []likeness {
	if !m.reimported {
		return nil
	}
	var like []likeness
	for _, row := range m.free {
		if row.State == RowRemoved && row.discarded() && row.Fingerprint == m.prints[tx.ID] {
			like = append(like, newLikeness(row))
		}
	}
	return like
}

// vanishedLike returns the vanished rows that tx may be the new form of, and asks
// about those of which nobody knows.
func (m *matcher) vanishedLike(tx *Transaction, rows []*Row) []likeness {
	var like []likeness
	for _, row := range rows {
		if !sameKind(row, tx) || !alike(&row.Transaction, tx) {
			continue
		}
		switch m.fate(row) {
		case unknown:
			m.ask(row.ID)
		case missing, gone:
			like = append(like, newLikeness(row))
		case there:
		}
	}
	return like
}

// suspicious reports whether a row that finAPI flags may be a double of another listed
// one, so that it must not take the place of a vanished booking unseen.
func (m *matcher) suspicious(row *Row, tx *Transaction) bool {
	if !tx.PotentialDuplicate || row.Transaction.PotentialDuplicate {
		return false
	}
	return slices.ContainsFunc(m.listed, func(other Transaction) bool {
		return other.ID != tx.ID && !other.PotentialDuplicate && !other.AdjustingEntry && other.Parent == 0 &&
			other.Amount.Equal(tx.Amount) && alike(&other, tx)
	})
}

// alike reports whether one booking of an amount may be another one of it with a
// new id: booked on the same day, or worded the same within a few days.
func alike(a, b *Transaction) bool {
	days := a.BookingDate.DaysSince(b.BookingDate)
	return days == 0 || days >= -nearby && days <= nearby && fold(a.Purpose) == fold(b.Purpose)
}

// nearby is how many days apart a double and its original may be booked.
const nearby = 5

// judgeVanished decides about the remembered rows that remain.
func (m *matcher) judgeVanished() {
	covered, removed := m.found(), []verdict{}
	oldest := m.oldestListed()
	for _, row := range m.free {
		if row.State == RowRemoved {
			continue
		}
		// After a re-import, what is older than the new history proves nothing, nor
		// does what another user's copy lacks. An id that shows another booking proves
		// nothing about what was not listed.
		foreign, day := row.Source != m.source, row.Transaction.BookingDate
		if foreign && (!m.complete || oldest.IsZero() || day.Before(oldest) || row.Source.User != m.source.User) {
			continue
		}
		if m.displaced[row.UID] && (!m.complete || day.Before(m.from)) {
			continue
		}
		switch fate := m.fate(row); {
		case fate == missing:
			m.ask(row.ID)
			covered++
		case fate == gone && !row.State.delivered() && row.State != RowNoticed:
			m.say(verdict{kind: isDropped, tx: row.Transaction, row: *row}) // the ledger does not have it
		case fate == gone:
			covered++
			removed = append(removed, m.removal(row))
		}
	}
	if mass(len(removed), covered) && !m.removeAll {
		m.say(verdict{
			kind: isMassDisappearance, candidates: uidsOf(removed),
			reason: ReasonMass, text: fmt.Sprintf("%d of %d bookings have vanished at once; none was removed", len(removed), covered),
		})
		return
	}
	m.plan.verdicts = append(m.plan.verdicts, removed...)
}

func (m *matcher) removal(row *Row) verdict {
	reason := ReasonLookedUp
	switch {
	case m.displaced[row.UID]:
		reason = ReasonReplaced
	case row.Source != m.source:
		reason = ReasonLeftOut
	}
	kind := isRemoved
	if row.State == RowNoticed {
		kind = isResolved
	}
	return verdict{kind: kind, tx: row.Transaction, row: *row, reason: reason}
}

// found counts the remembered rows that were found again.
func (m *matcher) found() int { return len(m.memory) - len(m.free) }

func uidsOf(verdicts []verdict) []UID {
	uids := make([]UID, len(verdicts))
	for i := range verdicts {
		uids[i] = verdicts[i].row.UID
	}
	slices.Sort(uids)
	return uids
}

// sameKind keeps bookings apart from rows that finAPI made up.
func sameKind(row *Row, tx *Transaction) bool {
	return (row.State == RowNoticed) == tx.AdjustingEntry
}

// noVeto reports whether nothing speaks against two rows being one booking.
func noVeto(a, b *Transaction) bool {
	return agree(reference(a.EndToEndReference), reference(b.EndToEndReference)) &&
		agree(fold(a.Counterpart.IBAN), fold(b.Counterpart.IBAN))
}

// agree: a value that one side lacks vetoes nothing.
func agree(a, b string) bool { return a == "" || b == "" || a == b }

// sameInAll is sameReferences of rows of which finAPI suspects both or neither, so that
// a double is not taken for its original.
func sameInAll(a, b *Transaction) bool {
	return a.PotentialDuplicate == b.PotentialDuplicate && sameReferences(a, b)
}

// sameReferences reports whether everything that tells equal rows apart is equal.
func sameReferences(a, b *Transaction) bool {
	return reference(a.EndToEndReference) == reference(b.EndToEndReference) &&
		fold(a.Counterpart.IBAN) == fold(b.Counterpart.IBAN)
}

// The names of the fields whose change is told, as finAPI spells them.
const (
	fieldAmount   = "amount"
	fieldCurrency = "currency"
	fieldBooked   = "bankBookingDate"
	fieldIBAN     = "counterpartIban"
	fieldPurpose  = "purpose"

	fieldSuspicion = "isPotentialDuplicate"
)

// difference names the fields of a booking that the bank changed, and tells
// whether one of them matters to a ledger. What finAPI or its clients change, and
// how a text is wrapped or spelled, is not a difference.
func difference(was, is *Transaction) (fields []string, material bool) {
	for _, f := range []struct {
		name     string
		differs  bool
		material bool
	}{
		{fieldAmount, !was.Amount.Amount.Equal(is.Amount.Amount), true},
		{fieldCurrency, was.Amount.Currency != is.Amount.Currency, true},
		{fieldBooked, was.BookingDate != is.BookingDate, true},
		{fieldIBAN, fold(was.Counterpart.IBAN) != fold(is.Counterpart.IBAN), true},
		{"valueDate", was.ValueDate != is.ValueDate, false},
		{fieldPurpose, fold(was.Purpose) != fold(is.Purpose), false},
		{"counterpartName", fold(was.Counterpart.Name) != fold(is.Counterpart.Name), false},
		{"endToEndReference", reference(was.EndToEndReference) != reference(is.EndToEndReference), false},
		{fieldSuspicion, was.PotentialDuplicate != is.PotentialDuplicate, false},
	} {
		if f.differs {
			fields = append(fields, f.name)
			material = material || f.material
		}
	}
	return fields, material
}
