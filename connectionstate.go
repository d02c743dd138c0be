package finapi

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// ConnectionState sums up a connection for people: whether it may be read, for how
// long, how old its data are, and who must act.
type ConnectionState struct {
	// ConsentMissing is true if an interface that works with a consent has none, or one
	// that has run out. If it is false, the bank may still have revoked one: finAPI learns
	// of that at the next update.
	ConsentMissing bool
	// Expires is when the first of the consents ends; zero if finAPI knows no end.
	Expires time.Time
	// ActionRequired is true if the next update needs the customer.
	ActionRequired bool
	// Busy is true while an import or an update goes on.
	Busy bool
	// LastSuccess is when data last came from the bank; zero if never.
	LastSuccess time.Time
	// StaleSince is LastSuccess if no newer data will come before somebody acts, or if
	// the last update failed; else zero. How old is too old in spite of that is for the
	// ERP to say, which knows when it refreshes.
	StaleSince time.Time
	// Problem is why data are stale, with who must act and how; nil if they are not.
	Problem *Error
	// Interfaces are the states of the ways to the bank, in finAPI's order.
	Interfaces []InterfaceState
}

// InterfaceState is the state of one way to the bank. Its fields are as those of
// [ConnectionState].
type InterfaceState struct {
	Interface      BankingInterface
	ConsentMissing bool
	Expires        time.Time
	ActionRequired bool
	LastSuccess    time.Time
	// LastError is the outcome of the last update if it failed; else nil.
	LastError  *UpdateResult
	StaleSince time.Time
	Problem    *Error
}

// State sums the connection up at a time. accounts are the connection's, as
// [User.Accounts] returns them; those of other connections are left out. Without them
// it is not known when data last came if the last update failed.
func (c *Connection) State(accounts []Account, now time.Time) ConnectionState {
	s := ConnectionState{Expires: c.Expires(), Busy: !c.Ready()}
	for i := range c.Interfaces {
		one := c.Interfaces[i].state(accountsOf(accounts, c.ID), now)
		s.Interfaces = append(s.Interfaces, one)
		s.ConsentMissing = s.ConsentMissing || one.ConsentMissing
		s.ActionRequired = s.ActionRequired || one.ActionRequired
		if one.LastSuccess.After(s.LastSuccess) {
			s.LastSuccess = one.LastSuccess
		}
		if s.Problem == nil || one.Problem != nil && one.Problem.Actor == ActorCustomer && s.Problem.Actor != ActorCustomer {
			s.Problem = one.Problem // what the customer can do comes first
		}
	}
	if s.Problem != nil {
		s.StaleSince = s.LastSuccess
	}
	return s
}

func accountsOf(accounts []Account, id ConnectionID) []Account {
	return slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return a.Connection != id })
}

func (i *ConnectionInterface) state(accounts []Account, now time.Time) InterfaceState {
	s := InterfaceState{Interface: i.Interface, ActionRequired: i.ActionRequired}
	if i.Consent != nil {
		s.Expires = i.Consent.Expires
		s.ConsentMissing = !i.Consent.Present || !s.Expires.IsZero() && !now.Before(s.Expires)
	}
	last := i.lastUpdate()
	if last != nil && last.Problem() == nil {
		s.LastSuccess = last.Time
	}
	for _, a := range accounts {
		for _, way := range a.Interfaces {
			if way.Interface == i.Interface && way.LastSuccess.After(s.LastSuccess) {
				s.LastSuccess = way.LastSuccess
			}
		}
	}
	s.Problem = s.problem(last)
	if last.Problem() != nil {
		s.LastError = last
	}
	if s.Problem != nil {
		s.StaleSince = s.LastSuccess
	}
	return s
}

func (s *InterfaceState) problem(last *UpdateResult) *Error {
	failure := last.Problem()
	if !s.ActionRequired && !s.ConsentMissing {
		return failure
	}
	e := &Error{Code: CodeWebFormRequired, Actor: actorOf(CodeWebFormRequired, noStatus), Endpoint: endpoints[epConnection].String()}
	if failure != nil {
		e.Details = failure.Details // the bank may have said what the customer should do
	}
	return e
}

// lastUpdate is the newer one of the last update that was asked for and the last one
// of finAPI's batch; nil if there was none.
func (i *ConnectionInterface) lastUpdate() *UpdateResult {
	if i.LastManual == nil || i.LastAuto != nil && i.LastAuto.Time.After(i.LastManual.Time) {
		return i.LastAuto
	}
	return i.LastManual
}

// Problem says why the update failed, with who must act; nil if it did not, or if there
// was no update.
func (r *UpdateResult) Problem() *Error {
	if r == nil || r.Result == "OK" {
		return nil
	}
	code := Code(r.Result).clean()
	if exceeded(code, r.Message) {
		code = CodeUpdateLimit
	}
	e := &Error{Code: code, Actor: actorOf(code, noStatus), Message: r.Message, Endpoint: endpoints[epConnection].String()}
	e.quote(r.ForCustomer)
	return e
}

// ConsentEnd is a line of the [User.ConsentCalendar].
type ConsentEnd struct {
	Connection ConnectionID
	// Bank is the bank's name.
	Bank      string
	Interface BankingInterface
	// Ends is when the consent ends; zero if it is missing or finAPI does not know.
	Ends time.Time
	// Lapsed is true if nothing can be read from the bank any more before the customer
	// acts.
	Lapsed bool
}

// ConsentCalendar lists the consents that have ended or will within a number of days,
// 0 to 3650, over all connections of the customer: those that have ended first, then
// by their end. Two weeks are a good time to ask the customer for a
// [User.RenewConsent].
func (u *User) ConsentCalendar(ctx context.Context, days int) ([]ConsentEnd, error) {
	if days < 0 || days > 3650 {
		return nil, invalid("days", "must be between 0 and 3650")
	}
	connections, err := u.Connections(ctx)
	if err != nil {
		return nil, err
	}
	now := u.client.clock.Now()
	horizon := now.AddDate(0, 0, days)
	var ends []ConsentEnd
	for i := range connections {
		c := &connections[i]
		for _, way := range c.State(nil, now).Interfaces {
			end := ConsentEnd{
				Connection: c.ID, Bank: c.Bank.Name, Interface: way.Interface, Ends: way.Expires,
				Lapsed: way.ConsentMissing || way.ActionRequired,
			}
			if end.Lapsed || !end.Ends.IsZero() && !end.Ends.After(horizon) {
				ends = append(ends, end)
			}
		}
	}
	slices.SortStableFunc(ends, func(a, b ConsentEnd) int {
		if a.Lapsed != b.Lapsed {
			if a.Lapsed {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Ends.Compare(b.Ends), cmp.Compare(a.Connection, b.Connection))
	})
	return ends, nil
}
