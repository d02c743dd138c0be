package finapitest

import (
	"slices"
	"time"
)

// Connection is a bank connection as finAPI holds it.
type Connection struct {
	ID     int64
	BankID int64
	// UserID is the finAPI user who owns it.
	UserID string
	Name   string
	// Busy is true while the connection is being imported or updated.
	Busy bool
	// Interfaces are the ways to the bank, XS2A first.
	Interfaces []ConnectionInterface
}

// ConnectionInterface is a way to the bank within a connection, as finAPI knows
// it.
type ConnectionInterface struct {
	// Name is XS2A, FINTS_SERVER or WEB_SCRAPER.
	Name string
	// Consent is nil when the interface uses none.
	Consent *Consent
	// UserActionRequired tells that the next update needs the customer.
	UserActionRequired bool
	// LastManualUpdate and LastAutoUpdate are nil before the first one.
	LastManualUpdate, LastAutoUpdate *UpdateResult
}

// Consent is the customer's permission, as finAPI remembers it. The bank may
// know better.
type Consent struct {
	// Present is false for a consent that finAPI has no more.
	Present bool
	// ExpiresAt is zero when finAPI does not know the end.
	ExpiresAt time.Time
	// SupportsImportNewAccounts is false when accounts that the customer opens
	// later need a new consent.
	SupportsImportNewAccounts bool
}

// UpdateResult tells how an update went.
type UpdateResult struct {
	// Result is OK, BANK_SERVER_REJECTION or INTERNAL_SERVER_ERROR.
	Result string
	// ErrorMessage and ErrorType, which is BUSINESS or TECHNICAL, are empty when
	// the result is OK.
	ErrorMessage, ErrorType string
	Timestamp               time.Time
}

// Connections returns all connections that finAPI holds, of all users, by id.
func (s *Server) Connections() []Connection {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Connection
	for _, x := range s.connections {
		c := Connection{ID: x.id, BankID: x.bank.ID, UserID: x.owner.id, Name: x.name, Busy: x.busy(now)}
		for _, i := range x.interfaces {
			c.Interfaces = append(c.Interfaces, i.clone())
		}
		all = append(all, c)
	}
	return all
}

// EditInterface changes what finAPI knows of one interface of a connection: the
// end of its consent, how the last update went and so on. Its name cannot be
// changed. The function must not call the simulator.
func (s *Server) EditInterface(connectionID int64, bankingInterface string, edit func(*ConnectionInterface)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.connection(connectionID)
	if x == nil {
		s.misuse("connection", connectionID)
		return
	}
	i := x.through(bankingInterface)
	if i == nil {
		s.misuse("interface of the connection", bankingInterface)
		return
	}
	edit(&i.ConnectionInterface)
	i.Name = bankingInterface
}

// connectionInterface is an interface with what only the bank knows of it.
type connectionInterface struct {
	ConnectionInterface
	revoked bool // the customer has taken the consent back at the bank
}

func (i *connectionInterface) clone() ConnectionInterface {
	c := i.ConnectionInterface
	c.Consent, c.LastManualUpdate, c.LastAutoUpdate = copied(c.Consent), copied(c.LastManualUpdate), copied(c.LastAutoUpdate)
	return c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// through returns the connection's interface of that name, or nil.
func (c *connection) through(name string) *connectionInterface {
	for _, i := range c.interfaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// names are the connection's interfaces that the check accepts.
func (c *connection) names(accept func(*connectionInterface) bool) []string {
	var names []string
	for _, i := range c.interfaces {
		if accept(i) {
			names = append(names, i.Name)
		}
	}
	return names
}

// needsCustomer reports whether an update cannot go on without the customer.
func (i *connectionInterface) needsCustomer(now time.Time) bool {
	k := i.Consent
	return i.UserActionRequired || i.revoked || (k != nil && (!k.Present || k.expired(now)))
}

func (k *Consent) expired(now time.Time) bool {
	return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}

// loseConsent lets finAPI know that there is no consent any more.
func (i *connectionInterface) loseConsent() {
	if i.Consent != nil {
		i.Consent = &Consent{}
	}
	i.UserActionRequired = true
}

// renewConsents stores new consents for the interfaces that use one.
func (c *connection) renewConsents(names []string, expires time.Time) {
	for _, i := range c.interfaces {
		if !slices.Contains(names, i.Name) {
			continue
		}
		i.UserActionRequired, i.revoked = false, false
		if i.Name == interfaceXS2A {
			i.Consent = &Consent{Present: true, ExpiresAt: expires, SupportsImportNewAccounts: !c.bank.through(i.Name).FixedAccounts}
		}
	}
}

// importsNewAccounts reports whether an update may add accounts through the
// interface.
func (i *connectionInterface) importsNewAccounts() bool {
	return i.Consent == nil || i.Consent.SupportsImportNewAccounts
}
