package finapi

import (
	"context"
	"encoding/json"
	"time"
)

// ConnectionID identifies a bank connection at finAPI. It stays the same when a
// consent is renewed, and is new when the bank is connected anew.
type ConnectionID int64

// Connection is a customer's access to one bank, with the consent that allows it.
type Connection struct {
	ID ConnectionID
	// Name is a name that was given at the start; often "".
	Name string
	Bank Bank
	// Accounts are the accounts that were imported.
	Accounts []AccountID
	// UpdateStatus is [ConnectionReady], or [ConnectionBusy] while data is being
	// downloaded. Meanwhile balances and transactions may be missing.
	UpdateStatus ConnectionStatus
	// CategorizationStatus is PENDING, IN_PROGRESS or READY. It matters only to
	// those who read categories.
	CategorizationStatus string
	// Interfaces are the ways to the bank, each with its own consent.
	Interfaces []ConnectionInterface
}

// ConnectionStatus tells whether a connection is at rest. The set is open.
type ConnectionStatus string

// The states of a connection.
const (
	ConnectionReady ConnectionStatus = "READY"
	ConnectionBusy  ConnectionStatus = "IN_PROGRESS"
)

// ConnectionInterface is one way to the bank with its consent.
type ConnectionInterface struct {
	Interface BankingInterface
	// Consent is nil if this interface works without one, such as FinTS.
	Consent *BankConsent
	// ActionRequired is true if the next update needs the customer. If it is
	// false, an update may need the customer all the same.
	ActionRequired bool
	// MaxDays is how many days of history are downloaded; 0 means no limit.
	MaxDays int
	// LastManual is the outcome of the last update that was asked for; nil if
	// there was none.
	LastManual *UpdateResult
	// LastAuto is the outcome of the last update by finAPI's nightly batch; nil if
	// there was none.
	LastAuto *UpdateResult
}

// BankConsent is the permission that the customer gave at the bank.
type BankConsent struct {
	// Present says that finAPI holds a consent. The bank may have revoked it.
	Present bool
	// Expires is when it ends; zero if finAPI does not know.
	Expires time.Time
}

// UpdateResult is the outcome of an update of a connection.
type UpdateResult struct {
	// Result is OK, BANK_SERVER_REJECTION or INTERNAL_SERVER_ERROR. OK means that
	// the login worked, not that each account was read. The set is open.
	Result string
	// Message is the bank's text; "" if there was no error. It may quote personal
	// data.
	Message string
	Time    time.Time
}

// Ready reports whether no update is going on, so that what is read is whole.
func (c *Connection) Ready() bool { return c.UpdateStatus == ConnectionReady }

// ActionRequired reports whether some interface waits for the customer.
func (c *Connection) ActionRequired() bool {
	for _, i := range c.Interfaces {
		if i.ActionRequired {
			return true
		}
	}
	return false
}

// Expires returns when the first of the consents ends. It is the zero time if
// finAPI knows no end.
func (c *Connection) Expires() time.Time {
	var first time.Time
	for _, i := range c.Interfaces {
		if i.Consent == nil || i.Consent.Expires.IsZero() {
			continue
		}
		if first.IsZero() || i.Consent.Expires.Before(first) {
			first = i.Consent.Expires
		}
	}
	return first
}

// Connections returns the customer's connections, in finAPI's order. finAPI does
// not page them.
func (u *User) Connections(ctx context.Context) ([]Connection, error) {
	var answer connectionList
	if err := u.do(ctx, call{endpoint: epConnections, into: &answer}); err != nil {
		return nil, err
	}
	return unwrap(answer.Connections, connectionAnswer.value), nil
}

// Connection returns one connection. An unknown id, or one of another user, is
// refused with [CodeUnknownEntity].
func (u *User) Connection(ctx context.Context, id ConnectionID) (Connection, error) {
	if err := checkIDs("ConnectionID", []ConnectionID{id}); err != nil {
		return Connection{}, err
	}
	var answer connectionAnswer
	err := u.do(ctx, call{endpoint: epConnection, ids: []string{text(id)}, into: &answer})
	return answer.Connection, err
}

const (
	// pollEvery follows finAPI's advice: every couple of seconds, at most once a
	// second.
	pollEvery = 2 * time.Second
	// After a download, a connection that is still busy is asked less often.
	pollReady = 3 * time.Second
)

// WaitReady waits until the connection is at rest and returns it. It waits for as
// long as ctx allows: the first import of a long history takes minutes.
func (u *User) WaitReady(ctx context.Context, id ConnectionID) (Connection, error) {
	for {
		connection, err := u.Connection(ctx, id)
		if err != nil || connection.Ready() {
			return connection, err
		}
		if err := u.client.clock.Sleep(ctx, pollReady); err != nil {
			return connection, err
		}
	}
}

type connectionList struct {
	Connections []connectionAnswer `json:"connections"`
}

func (l *connectionList) check() error {
	return require(requirement{"connections", l.Connections != nil})
}

// connectionAnswer decodes finAPI's form of a connection.
type connectionAnswer struct{ Connection }

func (c connectionAnswer) value() Connection { return c.Connection }

func (c *connectionAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID                   ConnectionID                `json:"id"`
		Name                 string                      `json:"name"`
		Bank                 bankAnswer                  `json:"bank"`
		Accounts             []AccountID                 `json:"accountIds"`
		UpdateStatus         ConnectionStatus            `json:"updateStatus"`
		CategorizationStatus string                      `json:"categorizationStatus"`
		Interfaces           []connectionInterfaceAnswer `json:"interfaces"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := require(requirement{"id", raw.ID > 0}, requirement{"updateStatus", raw.UpdateStatus != ""})
	if err != nil {
		return err
	}
	c.Connection = Connection{
		ID: raw.ID, Name: raw.Name, Bank: raw.Bank.Bank, Accounts: raw.Accounts,
		UpdateStatus: raw.UpdateStatus, CategorizationStatus: raw.CategorizationStatus,
		Interfaces: unwrap(raw.Interfaces, connectionInterfaceAnswer.value),
	}
	return nil
}

type connectionInterfaceAnswer struct {
	Interface BankingInterface `json:"bankingInterface"`
	Consent   *struct {
		Status  string  `json:"status"`
		Expires instant `json:"expiresAt"`
	} `json:"aisConsent"`
	ActionRequired bool                `json:"userActionRequired"`
	MaxDays        int                 `json:"maxDaysForDownload"`
	LastManual     *updateResultAnswer `json:"lastManualUpdate"`
	LastAuto       *updateResultAnswer `json:"lastAutoUpdate"`
}

type updateResultAnswer struct {
	Result  string  `json:"result"`
	Message string  `json:"errorMessage"`
	Time    instant `json:"timestamp"`
}

func (a connectionInterfaceAnswer) value() ConnectionInterface {
	i := ConnectionInterface{
		Interface: a.Interface, ActionRequired: a.ActionRequired, MaxDays: a.MaxDays,
		LastManual: a.LastManual.value(), LastAuto: a.LastAuto.value(),
	}
	if a.Consent != nil {
		i.Consent = &BankConsent{Present: a.Consent.Status == "PRESENT", Expires: a.Consent.Expires.Time}
	}
	return i
}

func (a *updateResultAnswer) value() *UpdateResult {
	if a == nil {
		return nil
	}
	return &UpdateResult{Result: a.Result, Message: a.Message, Time: a.Time.Time}
}
