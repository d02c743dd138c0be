package finapitest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// BankAccount is an account as the bank keeps it. What happens here reaches
// finAPI with the next import or update only.
type BankAccount struct {
	server *Server
	spec   AccountSpec
	rows   []*bankRow
	closed bool
}

// bankRow is a row at the bank. Its pointer is its identity: finAPI imports a
// row once.
type bankRow struct {
	booked  Booking
	visible time.Time // the bank shows it as booked from here on
	never   bool      // it stays pending for now
	pending *Booking
	from    time.Time // the bank shows it as pending from here on
}

func (r *bankRow) bookedBy(t time.Time) bool {
	return !r.never && !r.visible.After(t)
}

func (r *bankRow) pendingAt(t time.Time) bool {
	return r.pending != nil && !r.from.After(t) && !r.bookedBy(t)
}

// BankAccounts returns the customer's accounts at the banks whose name
// contains the given text, in any case, also closed ones. The empty text means
// all banks.
func (s *Server) BankAccounts(bank string) []*BankAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*BankAccount
	for _, a := range s.ground.accounts {
		if b := s.bank(a.spec.BankID); b != nil && containsFold(b.Name, bank) {
			found = append(found, a)
		}
	}
	return found
}

// BankAccount returns the customer's account with the given IBAN.
func (s *Server) BankAccount(iban string) (*BankAccount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.ground.accounts {
		if a.spec.IBAN == iban {
			return a, nil
		}
	}
	return nil, fmt.Errorf("finapitest: no bank account with IBAN %s", iban)
}

// OpenAccount lets the customer open another account at a bank of the directory.
// finAPI sees it with the next import, or with an update that asks for new
// accounts. It is an error if no bank has the id or an account has the IBAN.
func (s *Server) OpenAccount(spec AccountSpec) (*BankAccount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bank(spec.BankID) == nil {
		return nil, fmt.Errorf("finapitest: no bank with id %d", spec.BankID)
	}
	if spec.IBAN != "" && s.ground.byIBAN[spec.IBAN] != nil {
		return nil, errors.New("finapitest: an account with this IBAN exists already")
	}
	return s.ground.open(s, spec), nil
}

// Close closes the account at the bank. The next update of a connection finds it
// missing and calls it DEPRECATED; what finAPI holds of it stays.
func (a *BankAccount) Close() {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.closed = true
}

// Spec returns the account's description.
func (a *BankAccount) Spec() AccountSpec { return a.spec }

// IBAN returns the account's IBAN.
func (a *BankAccount) IBAN() string { return a.spec.IBAN }

// Book adds a booked row, which the bank shows at once. A booking date in the
// past makes it a late row.
func (a *BankAccount) Book(b Booking) {
	a.BookAt(a.server.clock.Now(), b)
}

// BookAt adds a booked row that the bank shows from the given time on.
func (a *BankAccount) BookAt(visible time.Time, b Booking) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.rows = append(a.rows, &bankRow{booked: b.dated(DateOf(visible)), visible: visible})
}

// AddPending adds a pending row. It does not count in the balance.
func (a *BankAccount) AddPending(b Booking) *PendingRow {
	now := a.server.clock.Now()
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	b = b.dated(DateOf(now))
	row := &bankRow{booked: b, pending: &b, from: now, never: true}
	a.rows = append(a.rows, row)
	return &PendingRow{account: a, row: row}
}

// Balance returns the balance that the bank shows now: the sum of the rows
// booked so far.
func (a *BankAccount) Balance() decimal.Decimal {
	now := a.server.clock.Now()
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.server.ground.proceed(now)
	return a.balanceAt(now)
}

// Bookings returns what the bank shows as booked now, by booking date.
func (a *BankAccount) Bookings() []Booking {
	now := a.server.clock.Now()
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.server.ground.proceed(now)
	var shown []Booking
	for _, r := range a.bookedBy(now) {
		shown = append(shown, r.booked)
	}
	return shown
}

// bookedBy returns the rows that the bank shows at t, by booking date; rows of
// a day keep the order in which the bank booked them.
func (a *BankAccount) bookedBy(t time.Time) []*bankRow {
	var shown []*bankRow
	for _, r := range a.rows {
		if r.bookedBy(t) {
			shown = append(shown, r)
		}
	}
	slices.SortStableFunc(shown, func(x, y *bankRow) int {
		return cmp.Compare(x.booked.BookingDate, y.booked.BookingDate)
	})
	return shown
}

func (a *BankAccount) pendingAt(t time.Time) []Booking {
	var shown []Booking
	for _, r := range a.rows {
		if r.pendingAt(t) {
			shown = append(shown, *r.pending)
		}
	}
	return shown
}

func (a *BankAccount) balanceAt(t time.Time) decimal.Decimal {
	var sum decimal.Decimal
	for _, r := range a.rows {
		if r.bookedBy(t) {
			sum = sum.Add(r.booked.Amount)
		}
	}
	return sum
}

// PendingRow is a row that the bank has not booked yet.
type PendingRow struct {
	account *BankAccount
	row     *bankRow
}

// Book turns the pending row into a booked one, with the content that the bank
// now gives it.
func (p *PendingRow) Book(b Booking) {
	now := p.account.server.clock.Now()
	p.account.server.mu.Lock()
	defer p.account.server.mu.Unlock()
	p.row.booked = b.dated(DateOf(now))
	p.row.visible, p.row.never = now, false
}

// Cancel takes the pending row away without booking it.
func (p *PendingRow) Cancel() {
	p.account.server.mu.Lock()
	defer p.account.server.mu.Unlock()
	p.row.pending, p.row.never = nil, true
}

// ground is the world on which the simulator stands: the banks' books, written
// ahead day by day as time passes.
type ground struct {
	accounts []*BankAccount
	byIBAN   map[string]*BankAccount
	script   script
	next     Date // the first day that is not written yet
}

func newGround(s *Server, w World, start time.Time) *ground {
	g := &ground{byIBAN: map[string]*BankAccount{}}
	for _, spec := range w.Accounts {
		g.open(s, spec)
	}
	if w.script != nil {
		g.script = w.script(start)
		g.next = g.script.firstDay()
	}
	return g
}

func (g *ground) open(s *Server, spec AccountSpec) *BankAccount {
	if spec.Number == "" {
		spec.Number = lastOf(spec.IBAN, 10)
	}
	a := &BankAccount{server: s, spec: spec}
	g.accounts = append(g.accounts, a)
	g.byIBAN[spec.IBAN] = a
	return a
}

// proceed writes the books up to the end of the day after now, so that rows
// which are pending now are known, too.
func (g *ground) proceed(now time.Time) {
	if g.script == nil {
		return
	}
	for last := DateOf(now).AddDays(1); g.next <= last; g.next = g.next.AddDays(1) {
		for _, e := range g.script.day(g.next) {
			if a := g.byIBAN[e.iban]; a != nil {
				a.rows = append(a.rows, &bankRow{booked: e.row.dated(g.next), visible: e.visible, pending: e.pending, from: e.from})
			}
		}
	}
}

// held returns the accounts that the customer has at a bank now.
func (g *ground) held(bankID int64) []*BankAccount {
	var held []*BankAccount
	for _, a := range g.accounts {
		if a.spec.BankID == bankID && !a.closed {
			held = append(held, a)
		}
	}
	return held
}

func lastOf(s string, n int) string {
	return s[max(0, len(s)-n):]
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}
