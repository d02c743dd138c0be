package finapitest

import (
	"fmt"
	"strings"
	"time"
)

// The methods in this file change finAPI's store behind its API. An unknown id
// is a mistake in the test: it fails the test that the simulator was started
// for with [New], and is ignored otherwise.

func (s *Server) misuse(what string, id any) { s.mistaken(fmt.Sprintf("unknown %s %v", what, id)) }

// mistaken reports a mistake in the test.
func (s *Server) mistaken(mistake string) {
	if s.tb != nil {
		s.tb.Helper()
		s.tb.Error("finapitest: " + mistake)
	}
}

// Accounts returns all accounts that finAPI holds, of all users, by id.
func (s *Server) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Account
	for _, c := range s.connections {
		for _, a := range c.accounts {
			all = append(all, a.Account)
		}
	}
	return all
}

// Transactions returns the booked rows that finAPI holds of an account, by id.
// It is empty for an unknown account.
func (s *Server) Transactions(accountID int64) []Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(accountID)
	if a == nil {
		return nil
	}
	rows := make([]Transaction, len(a.rows))
	for i, t := range a.rows {
		rows[i] = t.clone()
	}
	return rows
}

// EditAccount changes an account in finAPI's store: its status, balance, IBAN
// and so on. Id and connection cannot be changed. The function must not call
// the simulator.
func (s *Server) EditAccount(accountID int64, edit func(*Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(accountID)
	if a == nil {
		s.misuse("account", accountID)
		return
	}
	id, connectionID := a.ID, a.BankConnectionID
	edit(&a.Account)
	a.ID, a.BankConnectionID = id, connectionID
}

// SetAccountStatus sets the status of an account, such as DOWNLOAD_FAILED or
// DEPRECATED. A deprecated account is left out of later updates.
func (s *Server) SetAccountStatus(accountID int64, status string) {
	s.EditAccount(accountID, func(a *Account) { a.Status = status })
}

// SetAccountIBAN changes the IBAN of an account; an empty one becomes null.
func (s *Server) SetAccountIBAN(accountID int64, iban string) {
	s.EditAccount(accountID, func(a *Account) { a.IBAN = iban })
}

// Reissue deletes all rows of an account and stores them again with new ids
// and a new import date, as finAPI does to repair a bank's mistake.
func (s *Server) Reissue(accountID int64) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(accountID)
	if a == nil {
		s.misuse("account", accountID)
		return
	}
	old := a.rows
	a.rows = nil
	renamed := map[int64]*Transaction{}
	for _, t := range old {
		renamed[t.ID] = s.addAgain(a, *t, now)
	}
	for _, t := range a.rows { // split rows keep together
		if parent := renamed[t.ParentID]; parent != nil {
			t.ParentID = parent.ID
		}
		for i, child := range t.Children {
			if r := renamed[child]; r != nil {
				t.Children[i] = r.ID
			}
		}
	}
}

// ReissueTransaction gives one row a new id and a new import date and returns
// the new id.
func (s *Server) ReissueTransaction(id int64) (newID int64) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, t := s.transaction(id)
	if t == nil {
		s.misuse("transaction", id)
		return 0
	}
	a.remove(id)
	return s.addAgain(a, *t, now).ID
}

// addAgain stores a row as if it were new.
func (s *Server) addAgain(a *account, t Transaction, now time.Time) *Transaction {
	t = t.clone()
	t.ImportDate, t.IsNew = now, true
	return s.add(a, t)
}

// DeleteTransaction removes a row from finAPI's store. Later updates do not
// bring it back.
func (s *Server) DeleteTransaction(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, t := s.transaction(id)
	if t == nil {
		s.misuse("transaction", id)
		return
	}
	a.remove(id)
}

// FlagDuplicate sets or clears the mark of a potential duplicate.
func (s *Server) FlagDuplicate(id int64, on bool) {
	s.EditTransaction(id, func(t *Transaction) { t.IsPotentialDuplicate = on })
}

// EditTransaction changes a row in finAPI's store. Its id and account cannot
// be changed. The function must not call the simulator.
func (s *Server) EditTransaction(id int64, edit func(*Transaction)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, t := s.transaction(id)
	if t == nil {
		s.misuse("transaction", id)
		return
	}
	accountID := t.AccountID
	edit(t)
	t.ID, t.AccountID = id, accountID
}

// InsertTransaction puts a row into finAPI's store, past the bank, and returns
// its id. The id is always new; dates that are left open become today's. The
// balance stays as it is.
func (s *Server) InsertTransaction(accountID int64, t Transaction) (id int64) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(accountID)
	if a == nil {
		s.misuse("account", accountID)
		return 0
	}
	t = t.clone()
	t.Booking = t.dated(DateOf(now))
	if t.FinAPIBookingDate == "" {
		t.FinAPIBookingDate = t.BookingDate
	}
	if t.ImportDate.IsZero() {
		t.ImportDate = now
	}
	return s.add(a, t).ID
}

// DeleteConnection removes a connection with its accounts and rows, as another
// application of the same mandator may do.
func (s *Server) DeleteConnection(connectionID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connection(connectionID)
	if c == nil {
		s.misuse("connection", connectionID)
		return
	}
	s.dropConnection(c)
}

// ExpireConsent ends the consents of a connection at once: the next update
// needs the customer. Reading goes on as if nothing had happened.
func (s *Server) ExpireConsent(connectionID int64) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connection(connectionID)
	if c == nil {
		s.misuse("connection", connectionID)
		return
	}
	for _, i := range c.interfaces {
		if i.Consent != nil {
			i.Consent.ExpiresAt = now
		}
		i.UserActionRequired = true
	}
}

// LockUser locks a user, as too many failed logins do: their tokens die and
// the token endpoint answers 423.
func (s *Server) LockUser(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[strings.ToLower(userID)]
	if u == nil {
		s.misuse("user", userID)
		return
	}
	s.lock(u)
}

// UnlockUser unlocks a user, as a change of the password does.
func (s *Server) UnlockUser(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[strings.ToLower(userID)]
	if u == nil {
		s.misuse("user", userID)
		return
	}
	u.locked, u.failedLogins = false, 0
}
