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
	resultInternal = "INTERNAL_SERVER_ERROR"

	business  = "BUSINESS"
	technical = "TECHNICAL"
)

// updateWindow is how far an update reaches back from the last successful one.
// What the bank books with an older date is never imported.
const updateWindow = 10

// startImport creates the connection that the customer has approved. The
// accounts are there at once, their rows when the download has finished.
func (s *Server) startImport(f *webForm, interfaces []string, shared []*BankAccount, now time.Time) *connection {
	req := f.request.downloadRequest
	c := &connection{
		id: next(&s.ids.connection), owner: f.owner, bank: f.bank, name: f.request.connectionName(), maxDays: f.request.maxDays(),
		types: req.accessTypes(), updating: true,
	}
	for _, name := range interfaces {
		c.interfaces = append(c.interfaces, &connectionInterface{ConnectionInterface: ConnectionInterface{Name: name}})
	}
	c.renewConsents(interfaces, now.Add(s.cfg.consentLife))
	for _, held := range shared {
		c.accounts = append(c.accounts, s.newAccount(c, held))
	}
	s.connections = append(s.connections, c)
	s.clock.schedule(now.Add(s.cfg.importDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		c.updating = false
		s.download(c, interfaces, req, now)
	})
	return c
}

func (c *connection) wants(accountType string) bool {
	return len(c.types) == 0 || slices.Contains(c.types, accountType)
}

// newAccount puts an account into the store that some interface of the
// connection shows.
func (s *Server) newAccount(c *connection, source *BankAccount) *account {
	spec := source.spec
	ways := c.names(func(i *connectionInterface) bool { return spec.shownBy(i.Name) })
	a := &account{
		source:   source,
		imported: map[*bankRow]bool{},
		skipped:  map[*bankRow]bool{},
		Account: Account{
			ID: next(&s.ids.account), BankConnectionID: c.id, Name: spec.Name, IBAN: spec.IBAN, Number: spec.Number,
			Holder: spec.Holder, Currency: spec.Currency, Type: spec.Type, Interface: ways[0],
			Status: statusInProgress, IsNew: true,
		},
	}
	for _, name := range ways[1:] {
		a.others = append(a.others, accountInterface{name: name, status: statusInProgress})
	}
	return a
}

// download ends a successful import or update through some interfaces of a
// connection: what the bank shows goes into finAPI's store.
func (s *Server) download(c *connection, interfaces []string, req downloadRequest, now time.Time) {
	s.ground.proceed(now)
	for _, name := range interfaces {
		c.through(name).LastManualUpdate = &UpdateResult{Result: resultOK, Timestamp: now}
		for _, a := range c.accounts {
			s.downloadThrough(name, a, c.maxDays, req, now)
		}
	}
}

// downloadThrough brings an account up to date, if the interface shows it.
//
// guess: an interface with less priority brings no rows even while the one with
// the highest fails.
func (s *Server) downloadThrough(name string, a *account, maxDays int, req downloadRequest, now time.Time) {
	switch {
	case a.source == nil:
	case a.source.closed:
		a.deprecate(name) // the bank does not show it any more
	case a.Status == statusDeprecated:
	case a.Interface == name:
		s.downloadAccount(a, maxDays, req, now)
	default:
		a.updated(name, now)
	}
}

// updated notes a good update through another interface than the account's own.
func (a *account) updated(name string, now time.Time) {
	for i := range a.others {
		if o := &a.others[i]; o.name == name && o.status != statusDeprecated {
			o.status, o.lastSuccessfulUpdate, o.lastUpdateAttempt = statusUpdated, now, now
		}
	}
}

// attempted notes an update that failed.
func (a *account) attempted(name string, now time.Time) {
	if a.Interface == name {
		a.LastUpdateAttempt = now
	}
	for i := range a.others {
		if a.others[i].name == name {
			a.others[i].lastUpdateAttempt = now
		}
	}
}

// deprecate notes that the bank does not show the account through an interface
// any more. The old data stay.
func (a *account) deprecate(name string) {
	if a.Interface == name {
		a.Status = statusDeprecated
	}
	for i := range a.others {
		if a.others[i].name == name {
			a.others[i].status = statusDeprecated
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

// failUpdate ends an update that failed: the old data stay.
func (s *Server) failUpdate(c *connection, interfaces []string, result UpdateResult) {
	for _, name := range interfaces {
		r := result
		c.through(name).LastManualUpdate = &r
		for _, a := range c.accounts {
			a.attempted(name, result.Timestamp)
		}
	}
}

// addNewAccounts imports accounts of the login that finAPI does not hold yet, as
// far as the interfaces show them.
func (s *Server) addNewAccounts(c *connection, interfaces []string) {
	for _, held := range s.ground.held(c.bank.ID) {
		known := slices.ContainsFunc(c.accounts, func(a *account) bool { return a.source == held && a.Status != statusDeprecated })
		if !known && c.wants(held.spec.Type) && slices.ContainsFunc(interfaces, held.spec.shownBy) {
			c.accounts = append(c.accounts, s.newAccount(c, held))
		}
	}
	slices.SortFunc(c.accounts, func(a, b *account) int { return cmp.Compare(a.ID, b.ID) })
}
