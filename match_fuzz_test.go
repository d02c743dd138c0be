package finapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzMatch plays a history, three bytes a step: what the bank and finAPI do to the rows of an
// account, and when the ledger is synchronised. After each matching the rules of match.go
// must hold, whatever happened before, and in the end the ledger must know each row of the bank
// once and no other.
func FuzzMatch(f *testing.F) {
	f.Fuzz(func(t *testing.T, history []byte) {
		const most = 60 // steps, so that no history takes long
		h := newMatchHistory(t)
		for step := range slices.Chunk(history[:min(len(history), 3*most)], 3) {
			if len(step) == 3 {
				h.step(step[0], int(step[1]), int(step[2]))
			}
		}
		h.settle()
	})
}

// matchHistory is an account, what finAPI lists of it, and what the ledger remembers.
type matchHistory struct {
	t      *testing.T
	source Source
	rows   []Transaction // finAPI's, by ascending id
	memory map[UID]Row
	nextID TransactionID
	uids   int
	// reimported: the account came anew, and no complete synchronisation was since.
	reimported bool
}

func newMatchHistory(t *testing.T) *matchHistory {
	t.Helper()
	return &matchHistory{t: t, source: home, memory: map[UID]Row{}}
}

func (h *matchHistory) step(what byte, a, b int) {
	const syncs = 3
	steps := []func(a, b int){
		h.book, h.reissue, h.reword, h.takeBack, h.suspect, h.adjust, h.split, h.correct, h.exchangeIDs, h.shiftIDs, h.reimport, h.decide,
	}
	switch n := int(what) % (len(steps) + syncs); n - len(steps) {
	case 0:
		h.sync(false, Date{Year: 2026, Month: 3, Day: 1 + a%6}, false)
	case 1:
		h.sync(true, Date{Year: 2026, Month: 3, Day: 1 + a%6}, false)
	case 2:
		h.sync(true, Date{}, b%4 == 0)
	default:
		steps[n](a, b)
	}
}

// pick returns one of the rows that are no parts of others; nil if there is none.
func (h *matchHistory) pick(a int) *Transaction {
	if len(h.rows) == 0 || h.rows[a%len(h.rows)].Parent != 0 {
		return nil
	}
	return &h.rows[a%len(h.rows)]
}

func (h *matchHistory) book(a, b int) {
	h.nextID++
	h.rows = append(h.rows, listed(
		h.nextID, 1+a%6, []string{"-2.50", "10", "0"}[b%3], []string{"PARKHAUS", "Miete", ""}[b/3%3],
		withReference([]string{"", "NOTPROVIDED", "R1", "R2"}[b/9%4]), withIBAN([]string{"", "DE1", "DE2"}[b/36%3]),
		func(tx *Transaction) { tx.Account = h.source.Account },
	))
}

// renumber gives a row a new id, and puts it behind the others.
func (h *matchHistory) renumber(at int) {
	h.nextID++
	tx := h.rows[at]
	for i := range h.rows {
		if h.rows[i].Parent == tx.ID {
			h.rows[i].Parent = h.nextID
		}
	}
	tx.ID = h.nextID
	h.rows = append(slices.Delete(h.rows, at, at+1), tx)
}

func (h *matchHistory) reissue(a, _ int) {
	if len(h.rows) > 0 {
		h.renumber(a % len(h.rows))
	}
}

func (h *matchHistory) reword(a, b int) {
	if tx := h.pick(a); tx != nil {
		tx.Purpose = []string{"PARK HAUS", "Miete März", "Miete Maerz", "parkhaus"}[b%4]
	}
}

func (h *matchHistory) takeBack(a, _ int) {
	if tx := h.pick(a); tx != nil {
		id := tx.ID
		h.rows = slices.DeleteFunc(h.rows, func(tx Transaction) bool { return tx.ID == id || tx.Parent == id })
	}
}

func (h *matchHistory) suspect(a, b int) {
	if tx := h.pick(a); tx != nil && !tx.AdjustingEntry {
		tx.PotentialDuplicate = b%2 == 0
	}
}

func (h *matchHistory) adjust(a, b int) {
	h.book(a, b)
	h.rows[len(h.rows)-1].AdjustingEntry = true
}

func (h *matchHistory) split(a, b int) {
	if tx := h.pick(a); tx != nil {
		parent := tx.ID
		h.book(a, b)
		h.rows[len(h.rows)-1].Parent = parent
	}
}

func (h *matchHistory) correct(a, b int) {
	if tx := h.pick(a); tx != nil {
		other := listed(1, 1+b%6, []string{"-2.50", "10", "0", "-2.51"}[b/6%4], "")
		tx.BookingDate, tx.Amount = other.BookingDate, other.Amount
	}
}

// exchangeIDs lets two bookings change their ids. What finAPI has made up keeps its own.
func (h *matchHistory) exchangeIDs(a, b int) {
	x, y := h.pick(a), h.pick(b)
	if x != nil && y != nil && !x.AdjustingEntry && !y.AdjustingEntry {
		x.ID, y.ID = y.ID, x.ID
		slices.SortFunc(h.rows, func(a, b Transaction) int { return int(a.ID - b.ID) })
	}
}

// shiftIDs gives every booking the id of the next one.
func (h *matchHistory) shiftIDs(_, _ int) {
	h.nextID++
	next := h.nextID
	for i := range slices.Backward(h.rows) {
		if tx := &h.rows[i]; tx.Parent == 0 && !tx.AdjustingEntry {
			tx.ID, next = next, tx.ID
		}
	}
	slices.SortFunc(h.rows, func(a, b Transaction) int { return int(a.ID - b.ID) })
}

func (h *matchHistory) reimport(_, _ int) {
	h.source.Account++
	h.reimported = true
	for range h.rows {
		h.renumber(0)
	}
	for i := range h.rows {
		h.rows[i].Account = h.source.Account
	}
}

// decide lets a person say what a row is that waits.
func (h *matchHistory) decide(a, b int) {
	var waiting []UID
	for uid, row := range h.memory {
		if row.State.waits() {
			waiting = append(waiting, uid)
		}
	}
	if len(waiting) == 0 {
		return
	}
	slices.Sort(waiting)
	row := h.memory[waiting[a%len(waiting)]]
	row.State, row.Decision = RowBooked, &Decision{Verdict: Confirmed}
	if b%2 == 0 {
		row.State, row.Decision = RowDiscarded, &Decision{Verdict: Discarded}
	}
	h.memory[row.UID] = row
}

// sync reads, matches, and remembers what comes of it. A reading that is not complete has the
// bookings since a day.
func (h *matchHistory) sync(complete bool, from Date, removeAll bool) {
	h.t.Helper()
	e := &evidence{
		source: h.source, complete: complete, from: from, reimported: h.reimported, removeAll: removeAll,
		cutOver: Date{Year: 2026, Month: 3, Day: 2}, absent: map[TransactionID]bool{}, present: map[TransactionID]bool{},
	}
	if h.reimported {
		e.complete, e.from = true, Date{} // the feed reads all of a new account
	}
	for _, tx := range h.rows {
		if !tx.BookingDate.Before(e.from) {
			e.listed = append(e.listed, tx)
		}
	}
	e.memory = slices.SortedFunc(maps.Values(h.memory), func(a, b Row) int { return strings.Compare(string(a.UID), string(b.UID)) })
	p := h.match(e)
	h.answer(e, p.questions)
	p = h.match(e)
	if !e.from.IsZero() && slices.ContainsFunc(p.verdicts, func(v verdict) bool { return v.kind == isConflict }) {
		h.sync(true, Date{}, removeAll) // the feed looks at everything then
		return
	}
	h.remember(e, p)
	h.reimported = h.reimported && slices.ContainsFunc(p.verdicts, func(v verdict) bool { return v.kind == isMassDisappearance })
}

// answer looks questions up, as the feed does: another booking under an id proves nothing.
func (h *matchHistory) answer(e *evidence, questions []TransactionID) {
	for _, id := range questions {
		at := slices.IndexFunc(h.rows, func(tx Transaction) bool { return tx.ID == id })
		asked := slices.IndexFunc(e.memory, func(row Row) bool { return row.ID == id })
		switch {
		case asked < 0:
			h.t.Fatalf("it asks for %d, which nobody remembers", id)
		case at < 0 || e.memory[asked].Source != h.source:
			e.absent[id] = true
		case fingerprint(&h.rows[at]) == e.memory[asked].Fingerprint:
			e.present[id] = true
		}
	}
}

func (h *matchHistory) remember(e *evidence, p plan) {
	s := reading{feed: &Feed{}, facts: *e, uids: map[TransactionID]UID{}}
	for _, v := range p.verdicts {
		if v.isNew() {
			h.uids++
			s.uids[v.tx.ID] = UID(fmt.Sprintf("%04d", h.uids))
		}
	}
	for i := range p.verdicts {
		if done := s.effect(&p.verdicts[i]); done.row != nil {
			h.memory[done.row.UID] = *done.row
		}
	}
}

// match matches, and checks the plan by itself, and that neither the order of what is remembered
// nor chance makes a difference.
func (h *matchHistory) match(e *evidence) plan {
	h.t.Helper()
	p := match(h.shuffled(e, false))
	h.rules(e, &p)
	want := verdicts(p)
	slices.Sort(want)
	for _, reversed := range []bool{false, true} {
		got := verdicts(match(h.shuffled(e, reversed)))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			h.t.Fatalf("matched again, reversed %v, it decides (-first +again):\n%s", reversed, diff)
		}
	}
	return p
}

func (h *matchHistory) shuffled(e *evidence, reversed bool) *evidence {
	again := *e
	again.listed, again.memory = slices.Clone(e.listed), slices.Clone(e.memory)
	if reversed {
		slices.Reverse(again.memory)
	}
	return &again
}

// rules checks what must be true of every plan.
func (h *matchHistory) rules(e *evidence, p *plan) {
	h.t.Helper()
	shown := map[TransactionID]*Transaction{}
	for i := range e.listed {
		shown[e.listed[i].ID] = &e.listed[i]
	}
	displaced, decided, stands := map[UID]bool{}, map[TransactionID]int{}, map[UID]int{}
	for i := range p.verdicts {
		if v := &p.verdicts[i]; v.kind == isConflict {
			displaced[v.row.UID] = true
		}
	}
	mayGo := rivals(e, shown)
	maps.Copy(mayGo, displaced)
	for i := range p.verdicts {
		v := &p.verdicts[i]
		switch v.kind {
		case isRelinked, isRemoved, isDropped, isResolved:
			stands[v.row.UID]++
			h.proved(e, v, shown, mayGo)
		default:
		}
		switch v.kind {
		case isRelinked, isBooked, isReview, isRecorded, isAdjusting, isDeferred:
			decided[v.tx.ID]++
			h.allowed(e, v, shown)
		default:
		}
		if v.kind == isMassDisappearance && e.removeAll {
			h.t.Errorf("a mass disappearance is not believed though it may be")
		}
	}
	h.countedOnce(e, decided, stands, displaced)
	h.notTwice(e, p, shown)
	for _, id := range p.questions {
		if e.absent[id] || e.present[id] {
			h.t.Errorf("it asks for %d again", id)
		}
	}
}

// rivals are rows that claim one listed id, because it once showed another booking and nobody could
// prove that the former one was gone. What the id shows now proves that, but not of the one it shows.
func rivals(e *evidence, shown map[TransactionID]*Transaction) map[UID]bool {
	claims := map[TransactionID][]*Row{}
	for i := range e.memory {
		row := &e.memory[i]
		if row.Source == e.source && row.State != RowRemoved && shown[row.ID] != nil {
			claims[row.ID] = append(claims[row.ID], row)
		}
	}
	mayGo := map[UID]bool{}
	for id, rows := range claims {
		itself := slices.DeleteFunc(slices.Clone(rows), func(row *Row) bool {
			return !sameKind(row, shown[id]) || row.Fingerprint != fingerprint(shown[id])
		})
		for _, row := range rows {
			mayGo[row.UID] = len(rows) > 1 && (len(itself) != 1 || itself[0] != row)
		}
	}
	return mayGo
}

// proved: no remembered row is given up unless it is known to be gone.
func (h *matchHistory) proved(e *evidence, v *verdict, shown map[TransactionID]*Transaction, mayGo map[UID]bool) {
	h.t.Helper()
	row := &v.row
	own := row.Source == e.source
	missing := own && e.complete && !row.Transaction.BookingDate.Before(e.from) && shown[row.ID] == nil && !e.present[row.ID]
	switch {
	case mayGo[row.UID]:
	case own && shown[row.ID] != nil && shown[row.ID].Parent == 0:
		h.t.Errorf("%d is listed, and yet it is %s", row.ID, verdicts(plan{verdicts: []verdict{*v}}))
	case !e.absent[row.ID] && (!missing || v.kind != isRelinked) && (own || !e.reimported):
		h.t.Errorf("nothing proves that %d is gone, and yet it is %s", row.ID, verdicts(plan{verdicts: []verdict{*v}}))
	}
	if row.State == RowRemoved {
		h.t.Errorf("%d was taken back before, and is %s", row.ID, verdicts(plan{verdicts: []verdict{*v}}))
	}
}

// allowed: what a row may become.
func (h *matchHistory) allowed(e *evidence, v *verdict, shown map[TransactionID]*Transaction) {
	h.t.Helper()
	tx := shown[v.tx.ID]
	switch {
	case tx == nil || tx.Parent != 0:
		h.t.Errorf("something is decided about %d, which is not listed as a row of its own", v.tx.ID)
	case v.kind == isBooked && (tx.PotentialDuplicate || tx.AdjustingEntry || tx.BookingDate.Before(e.cutOver)):
		h.t.Errorf("%d must not be booked: %+v", tx.ID, *tx)
	case v.kind == isRelinked && (contradict(&v.row.Transaction, tx) || !v.row.Transaction.Amount.Equal(tx.Amount) || v.row.Transaction.BookingDate != tx.BookingDate):
		h.t.Errorf("%d takes the place of %d, which is another booking", tx.ID, v.row.ID)
	}
}

// contradict: two references, or two counterparts, that say something and differ.
func contradict(a, b *Transaction) bool {
	differ := func(a, b string) bool {
		return a != "" && b != "" && a != "NOTPROVIDED" && b != "NOTPROVIDED" && a != b
	}
	return differ(a.EndToEndReference, b.EndToEndReference) || differ(a.Counterpart.IBAN, b.Counterpart.IBAN)
}

// notTwice: nothing is booked that may be an equal remembered row of which nobody knows whether it
// is there still.
func (h *matchHistory) notTwice(e *evidence, p *plan, shown map[TransactionID]*Transaction) {
	h.t.Helper()
	spoken := map[UID]bool{}
	for i := range p.verdicts {
		if v := &p.verdicts[i]; v.kind == isRelinked || v.kind == isDeferred {
			spoken[v.row.UID] = true
		}
	}
	doubtful := func(row Row) bool {
		return row.Source == e.source && row.State != RowRemoved && !spoken[row.UID] && shown[row.ID] == nil &&
			!e.absent[row.ID] && !e.present[row.ID]
	}
	for i := range p.verdicts {
		v := &p.verdicts[i]
		maybe := slices.IndexFunc(e.memory, func(row Row) bool {
			return row.Fingerprint == fingerprint(&v.tx) && row.State != RowNoticed && !contradict(&row.Transaction, &v.tx) && doubtful(row)
		})
		if v.kind == isBooked && v.row.UID == "" && maybe >= 0 {
			h.t.Errorf("%d is booked, though it may be %d, of which nobody knows whether it is there", v.tx.ID, e.memory[maybe].ID)
		}
	}
}

// countedOnce: each listed row is decided about once, or stands for the one remembered row that
// goes by its id; and no remembered row stands for two.
func (h *matchHistory) countedOnce(e *evidence, decided map[TransactionID]int, stands map[UID]int, displaced map[UID]bool) {
	h.t.Helper()
	for _, tx := range e.listed {
		holders := 0
		for _, row := range e.memory {
			if row.Source == e.source && row.ID == tx.ID && row.State != RowRemoved && !displaced[row.UID] && sameKind(&row, &tx) {
				holders++
			}
		}
		switch {
		case tx.Parent != 0:
		case decided[tx.ID] > 1:
			h.t.Errorf("%d decisions are made about %d", decided[tx.ID], tx.ID)
		case decided[tx.ID] == 0 && holders == 0:
			h.t.Errorf("nothing is decided about %d, and nobody knows it", tx.ID)
		}
	}
	for uid, n := range stands {
		if n > 1 {
			h.t.Errorf("%s stands for, or is, %d things at once", uid, n)
		}
	}
}

// settle synchronises until all is known, and compares.
func (h *matchHistory) settle() {
	h.t.Helper()
	for range 3 {
		h.sync(true, Date{}, true)
	}
	known := map[TransactionID][]string{}
	for uid, row := range h.memory {
		if row.Source == h.source && row.State != RowRemoved {
			known[row.ID] = append(known[row.ID], string(uid)+" "+string(row.State))
		}
	}
	for _, tx := range h.rows {
		if tx.Parent == 0 && len(known[tx.ID]) != 1 {
			h.t.Errorf("the bank has %d, and the ledger knows it as %q", tx.ID, known[tx.ID])
		}
		delete(known, tx.ID)
	}
	if len(known) > 0 {
		h.t.Errorf("the ledger knows %v, which the bank has not", known)
	}
}
