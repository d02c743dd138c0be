package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

// world is what happens at the bank and at finAPI.
type world struct {
	sim    *finapitest.Server
	random *rand.Rand
	banks  []*finapitest.BankAccount

	booked int
	// ghosts are rows that finAPI has and the bank does not; they vanish again.
	ghosts []int64
	// reworded are the true texts of rows that finAPI tells otherwise for a while.
	reworded map[int64]string

	// leaving: the customer will disconnect the bank when all is in order.
	leaving bool

	reconnects, reissued, changed, vanished, flagged int
}

func newWorld(sim *finapitest.Server, random *rand.Rand) *world {
	return &world{sim: sim, random: random, banks: sim.BankAccounts("amnis"), reworded: map[int64]string{}}
}

// calm reports whether finAPI has the bank's rows as they are.
func (w *world) calm() bool { return len(w.ghosts) == 0 && len(w.reworded) == 0 }

// day lets the bank book. If all that was before is read, something happens to rows that
// are known, too: only one thing at a time, because of two at once, nobody could tell what
// has become of which row.
func (w *world) day(known bool) {
	for _, account := range w.banks {
		for range w.random.IntN(5) {
			w.book(account)
		}
	}
	if !known {
		return
	}
	if w.leaving {
		w.restore()
		return
	}
	w.happen(w.random.IntN(6))
}

// happen lets something happen to rows that finAPI has.
func (w *world) happen(action int) {
	switch action {
	case 0:
		w.reissueOne()
	case 1:
		w.reissueAll()
	case 2:
		w.reword()
	case 3:
		w.haunt()
	case 4:
		w.flag()
	case 5:
		w.restore()
	}
}

// book adds one booking, or twins, some of them days late.
func (w *world) book(account *finapitest.BankAccount) {
	today := finapitest.DateOf(w.sim.Clock().Now())
	b := finapitest.Booking{
		Amount:      decimal.New(w.random.Int64N(40_000)-20_000, -2),
		Purpose:     fmt.Sprintf("RE %d", w.random.IntN(1000)),
		BookingDate: today.AddDays(-[]int{0, 0, 0, 1, 2, 5}[w.random.IntN(6)]),
	}
	times := 1
	if w.random.IntN(8) == 0 {
		times = 2
	}
	for range times {
		account.Book(b)
		w.booked++
	}
}

// pick returns a row that finAPI has, or 0.
func (w *world) pick() (account, row int64) {
	accounts := w.sim.Accounts()
	if len(accounts) == 0 {
		return 0, 0
	}
	account = accounts[w.random.IntN(len(accounts))].ID
	rows := w.sim.Transactions(account)
	if len(rows) == 0 {
		return account, 0
	}
	newest := rows[max(0, len(rows)-30):]
	return account, newest[w.random.IntN(len(newest))].ID
}

// plain reports whether nothing is the matter with a row.
func (w *world) plain(row int64) bool {
	_, changed := w.reworded[row]
	return row != 0 && !changed && !slices.Contains(w.ghosts, row)
}

func (w *world) reissueOne() {
	if _, row := w.pick(); w.plain(row) {
		w.sim.ReissueTransaction(row)
		w.reissued++
	}
}

func (w *world) reissueAll() {
	if account, _ := w.pick(); account != 0 && w.calm() {
		w.sim.Reissue(account)
		w.reissued++
	}
}

// reword lets finAPI tell a text otherwise.
func (w *world) reword() {
	_, row := w.pick()
	if !w.plain(row) {
		return
	}
	w.sim.EditTransaction(row, func(t *finapitest.Transaction) {
		w.reworded[row] = t.Purpose
		t.Purpose = fmt.Sprintf("%s SVWZ %d", t.Purpose, w.changed)
	})
	w.changed++
}

// haunt lets finAPI import a row that the bank does not have.
func (w *world) haunt() {
	account, _ := w.pick()
	if account == 0 || len(w.ghosts) == 2 { // more could be taken for a mass disappearance
		return
	}
	w.ghosts = append(w.ghosts, w.sim.InsertTransaction(account, finapitest.Transaction{Booking: finapitest.Booking{
		Amount: decimal.New(1_000_000+int64(w.vanished), -2), Purpose: "VORGEMERKT",
	}}))
	w.vanished++
}

// flag lets finAPI suspect a row.
func (w *world) flag() {
	if _, row := w.pick(); w.plain(row) {
		w.sim.FlagDuplicate(row, true)
		w.flagged++
	}
}

// restore lets the ghosts vanish, and finAPI tell all texts as the bank does.
func (w *world) restore() {
	for _, ghost := range w.ghosts {
		w.sim.DeleteTransaction(ghost)
	}
	for row, text := range w.reworded {
		w.sim.EditTransaction(row, func(t *finapitest.Transaction) { t.Purpose = text })
	}
	w.ghosts = nil
	clear(w.reworded)
}

// books returns how often the bank has each booking, by ledger and content.
func (w *world) books() map[string]int {
	all := map[string]int{}
	for _, account := range w.banks {
		for _, b := range account.Bookings() {
			all[account.IBAN()+" "+content(string(b.BookingDate), b.Amount.String(), b.Purpose)]++
		}
	}
	return all
}
