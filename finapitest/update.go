package finapitest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Status of an account, and of the last update of a connection.
const (
	statusUpdated    = "UPDATED"
	statusFixed      = "UPDATED_FIXED"
	statusInProgress = "DOWNLOAD_IN_PROGRESS"
	statusFailed     = "DOWNLOAD_FAILED"
	statusDeprecated = "DEPRECATED"

	resultOK       = "OK"
	resultRejected = "BANK_SERVER_REJECTION"
)

// updateWindow is how far an update reaches back from the last successful one.
// What the bank books with an older date is never imported.
const updateWindow = 10

// startImport creates the connection that the customer has approved. The
// accounts are there at once, their rows when the download has finished.
func (s *Server) startImport(u *user, b *Bank, req *importRequest, now time.Time) *connection {
	c := &connection{
		id: next(&s.ids.connection), owner: u, bank: b, name: req.connectionName(), iface: req.interfaceFor(b).Name,
		maxDays: req.maxDays(), types: req.accessTypes(), busy: true,
	}
	c.renewConsent(now.Add(s.cfg.consentLife))
	for _, held := range s.ground.held(b.ID) {
		if c.wants(held.spec.Type) {
			c.accounts = append(c.accounts, s.newAccount(c, held))
		}
	}
	s.connections = append(s.connections, c)
	s.clock.schedule(now.Add(s.cfg.importDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.download(c, req.downloadRequest, now)
	})
	return c
}

func (c *connection) wants(accountType string) bool {
	return len(c.types) == 0 || slices.Contains(c.types, accountType)
}

// renewConsent stores a consent for the interfaces that use one.
func (c *connection) renewConsent(expires time.Time) {
	c.userAction = false
	if c.iface == interfaceXS2A {
		c.consent = &consent{present: true, expires: expires}
	}
}

func (s *Server) newAccount(c *connection, source *BankAccount) *account {
	spec := source.spec
	return &account{
		source:   source,
		imported: map[*bankRow]bool{},
		skipped:  map[*bankRow]bool{},
		Account: Account{
			ID: next(&s.ids.account), BankConnectionID: c.id, Name: spec.Name, IBAN: spec.IBAN, Number: spec.Number,
			Holder: spec.Holder, Currency: spec.Currency, Type: spec.Type, Interface: c.iface,
			Status: statusInProgress, IsNew: true,
		},
	}
}

// download ends a successful import or update: what the bank shows goes into
// finAPI's store.
func (s *Server) download(c *connection, req downloadRequest, now time.Time) {
	c.busy = false
	c.lastManual = &updateResult{result: resultOK, at: now}
	s.ground.proceed(now)
	for _, a := range c.accounts {
		if a.source != nil && a.Status != statusDeprecated {
			s.downloadAccount(a, c.maxDays, req, now)
		}
	}
}

// downloadAccount copies what is new at the bank, replaces the pending rows
// and refreshes the balance.
func (s *Server) downloadAccount(a *account, maxDays int, req downloadRequest, now time.Time) {
	a.Status = statusUpdated
	if s.hasData(a) && !orElse(req.SkipPositions, false) {
		a.moveFutureDates(DateOf(now))
		s.importRows(a, a.windowStart(maxDays, now), now)
		s.replacePending(a, now)
	}
	if s.hasData(a) && !orElse(req.SkipBalances, false) {
		balance := a.source.balanceAt(now)
		a.Balance = &balance
	}
	a.LastSuccessfulUpdate, a.LastUpdateAttempt = now, now
}

// hasData is false for current accounts in foreign currencies when the client
// does not support them: finAPI lists them empty.
func (s *Server) hasData(a *account) bool {
	return s.settings.NonEuroAccounts || a.Currency == "EUR" || a.Type != "Checking"
}

// windowStart is the oldest booking date that a download takes.
func (a *account) windowStart(maxDays int, now time.Time) Date {
	switch {
	case !a.LastSuccessfulUpdate.IsZero():
		return DateOf(a.LastSuccessfulUpdate).AddDays(-updateWindow)
	case maxDays > 0:
		return DateOf(now).AddDays(-maxDays)
	}
	return "" // before all dates: the whole history
}

// importRows takes the rows from the start of the window on. Rows that an
// update finds too late for its window are lost; finAPI evens them out with an
// adjusting entry, since its balance would not fit any more.
func (s *Server) importRows(a *account, from Date, now time.Time) {
	first := a.LastSuccessfulUpdate.IsZero()
	var gap decimal.Decimal
	for _, row := range a.source.bookedBy(now) {
		switch {
		case a.imported[row] || a.skipped[row]:
		case row.booked.BookingDate >= from:
			a.imported[row] = true
			s.add(a, importRow(row.booked, now))
		default:
			a.skipped[row] = true
			if !first {
				gap = gap.Add(row.booked.Amount)
			}
		}
	}
	if !gap.IsZero() {
		s.add(a, adjustingEntry(gap, a.Currency, now))
		a.Status = statusFixed
	}
}

// importRow is a row of the bank as finAPI stores it.
func importRow(b Booking, now time.Time) Transaction {
	t := Transaction{Booking: b, FinAPIBookingDate: b.BookingDate, ImportDate: now, IsNew: true, CategoryID: categorise(b)}
	if today := DateOf(now); b.BookingDate > today {
		t.FinAPIBookingDate = today // a booking of the future is in the balance already
	}
	return t
}

// moveFutureDates brings finAPI's own booking date of rows that the bank dated
// into the future forward, until the bank's date is reached.
func (a *account) moveFutureDates(today Date) {
	for _, t := range a.rows {
		if t.FinAPIBookingDate < t.BookingDate {
			t.FinAPIBookingDate = min(today, t.BookingDate)
		}
	}
}

// adjustingEntry is a row that finAPI invents.
func adjustingEntry(amount decimal.Decimal, currency string, now time.Time) Transaction {
	today := DateOf(now)
	return Transaction{
		Booking: Booking{
			Amount: amount, Currency: currency, BookingDate: today, ValueDate: today,
			Purpose: "Zwischensaldo", // guess: the text is known from help pages only
		},
		FinAPIBookingDate: today, ImportDate: now, IsNew: true, IsAdjustingEntry: true,
	}
}

// replacePending throws the old pending rows away: finAPI gives new ids each
// time.
func (s *Server) replacePending(a *account, now time.Time) {
	a.pending = nil
	for _, b := range a.source.pendingAt(now) {
		a.pending = append(a.pending, pendingTransaction{id: next(&s.ids.pending), account: a, imported: now, Booking: b})
	}
}

// failUpdate ends an update that the bank refused: the old data stay.
func (s *Server) failUpdate(c *connection, message string, now time.Time) {
	c.busy = false
	c.lastManual = &updateResult{result: resultRejected, message: message, kind: "BUSINESS", at: now}
	for _, a := range c.accounts {
		a.LastUpdateAttempt = now
	}
}

// addNewAccounts imports accounts of the login that finAPI does not hold yet.
func (s *Server) addNewAccounts(c *connection) {
	for _, held := range s.ground.held(c.bank.ID) {
		known := slices.ContainsFunc(c.accounts, func(a *account) bool { return a.source == held && a.Status != statusDeprecated })
		if !known && c.wants(held.spec.Type) {
			c.accounts = append(c.accounts, s.newAccount(c, held))
		}
	}
	slices.SortFunc(c.accounts, func(a, b *account) int { return cmp.Compare(a.ID, b.ID) })
}

// needsCustomer reports whether an update cannot go on without the customer.
func (c *connection) needsCustomer(now time.Time) bool {
	return c.userAction || (c.consent != nil && (!c.consent.present || !now.Before(c.consent.expires)))
}
