package finapitest

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// user is a finAPI user. Ids are case-insensitive; the written form is kept.
type user struct {
	id           string
	number       int64 // second half of authContext
	password     string
	email, phone string
	autoUpdate   bool
	verified     bool
	locked       bool
	failedLogins int
}

// connection is a bank connection in finAPI's store.
type connection struct {
	id         int64
	owner      *user
	bank       *Bank
	name       string
	interfaces []*connectionInterface // by priority
	accounts   []*account
	updating   bool      // an import or update is running
	keptBusy   time.Time // busy until then all the same
	maxDays    int
	types      []string    // account types that were asked for; empty means all
	unattended []time.Time // updates without the customer, for the daily limit
	failures   []UpdateFailure
	deletion   string // what the bank answers when a consent is to be deleted; empty means DELETED
}

// busy reports whether finAPI refuses to touch the connection.
func (c *connection) busy(now time.Time) bool {
	return c.updating || now.Before(c.keptBusy)
}

// account is an account in finAPI's store.
type account struct {
	Account
	source   *BankAccount       // nil when the world knows no such account
	others   []accountInterface // those with less priority than its own
	imported map[*bankRow]bool
	skipped  map[*bankRow]bool // older than the update window: never imported
	rows     []*Transaction    // by id
	pending  []pendingTransaction
}

// accountInterface is a further way to an account. It brings no rows, since the
// one with the highest priority does.
type accountInterface struct {
	name, status                            string
	lastSuccessfulUpdate, lastUpdateAttempt time.Time
}

// pendingTransaction is a pending row in finAPI's store. It is replaced on
// every update.
type pendingTransaction struct {
	id       int64
	account  *account
	imported time.Time
	Booking
}

// Account is an account as finAPI holds it.
type Account struct {
	ID               int64
	BankConnectionID int64
	Name             string
	IBAN             string
	Number           string
	Holder           string
	Currency         string
	Type             string
	// Interface is the banking interface that brings its rows. Status and the times
	// of updates are those of this interface.
	Interface string
	// Status is UPDATED, UPDATED_FIXED, DOWNLOAD_IN_PROGRESS, DOWNLOAD_FAILED
	// or DEPRECATED.
	Status string
	// Balance is nil when finAPI has none.
	Balance              *decimal.Decimal
	IsNew                bool
	IsSeized             bool
	LastSuccessfulUpdate time.Time
	LastUpdateAttempt    time.Time
}

// Transaction is a booked row as finAPI holds it.
type Transaction struct {
	// Booking is what the bank told.
	Booking
	ID        int64
	AccountID int64
	// ParentID is set on the parts of a split row, Children on its original.
	ParentID int64
	Children []int64
	// FinAPIBookingDate defaults to the booking date.
	FinAPIBookingDate    Date
	ImportDate           time.Time
	IsNew                bool
	IsPotentialDuplicate bool
	IsAdjustingEntry     bool
	// CategoryID is 0 for a row without a category.
	CategoryID int64
}

func (t *Transaction) clone() Transaction {
	c := *t
	c.Children = slices.Clone(t.Children)
	return c
}

// counters hands out ids near the sizes that were seen on the sandbox.
type counters struct {
	user, connection, account, transaction, pending int64
}

func newCounters(offset int64) counters {
	return counters{
		user: 1959400 + offset, connection: 3540200 + offset, account: 3587700 + offset,
		transaction: 1860779400 + offset, pending: 95_114_000 + offset,
	}
}

// next moves a counter on. Steps vary, since ids of one customer are never
// contiguous at finAPI.
func next(counter *int64) int64 {
	*counter += 1 + *counter%3
	return *counter
}

// connectionsOf returns the user's connections by id.
func (s *Server) connectionsOf(u *user) []*connection {
	var owned []*connection
	for _, c := range s.connections {
		if c.owner == u {
			owned = append(owned, c)
		}
	}
	return owned
}

// accountsOf returns the user's accounts by id.
func (s *Server) accountsOf(u *user) []*account {
	var owned []*account
	for _, c := range s.connectionsOf(u) {
		owned = append(owned, c.accounts...)
	}
	slices.SortFunc(owned, func(a, b *account) int { return cmp.Compare(a.ID, b.ID) })
	return owned
}

func (s *Server) connection(id int64) *connection {
	for _, c := range s.connections {
		if c.id == id {
			return c
		}
	}
	return nil
}

// account returns the account with the given id, whoever owns it, or nil.
func (s *Server) account(id int64) *account {
	for _, c := range s.connections {
		for _, a := range c.accounts {
			if a.ID == id {
				return a
			}
		}
	}
	return nil
}

// transaction returns the row with the given id and its account, or nil.
func (s *Server) transaction(id int64) (*account, *Transaction) {
	for _, c := range s.connections {
		for _, a := range c.accounts {
			if i, ok := a.find(id); ok {
				return a, a.rows[i]
			}
		}
	}
	return nil, nil
}

func (a *account) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(a.rows, id, func(t *Transaction, id int64) int { return cmp.Compare(t.ID, id) })
}

// add stores a row under a new id.
func (s *Server) add(a *account, t Transaction) *Transaction {
	t.ID, t.AccountID = next(&s.ids.transaction), a.ID
	a.rows = append(a.rows, &t) // ids ascend, so the rows stay sorted
	return &t
}

func (a *account) remove(id int64) bool {
	i, ok := a.find(id)
	if ok {
		a.rows = slices.Delete(a.rows, i, i+1)
	}
	return ok
}

// dropConnection removes a connection and all that belongs to it.
func (s *Server) dropConnection(c *connection) {
	c.accounts = nil // its tasks keep the connection, but no rows
	s.connections = slices.DeleteFunc(s.connections, func(x *connection) bool { return x == c })
}

// dropAccount removes an account; the connection goes with its last account.
func (s *Server) dropAccount(a *account) {
	c := s.connection(a.BankConnectionID)
	if c == nil {
		return
	}
	c.accounts = slices.DeleteFunc(c.accounts, func(x *account) bool { return x == a })
	if len(c.accounts) == 0 {
		s.dropConnection(c)
	}
}
