package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// ConnectionID identifies a bank connection at finAPI. It stays the same when a
// consent is renewed, and is new when the bank is connected anew.
type ConnectionID int64

// Connection is a customer's access to one bank, with the consent that allows it.
type Connection struct {
	ID ConnectionID
	// Name is a name that was given at the start or by [User.RenameConnection];
	// often "".
	Name string
	// Bank is the bank as finAPI knows it now.
	Bank Bank
	// Accounts are the accounts that were imported. Updates can add some.
	Accounts []AccountID
	// UpdateStatus is [ConnectionReady], or [ConnectionBusy] while data is being
	// downloaded. Meanwhile balances and transactions may be missing.
	UpdateStatus ConnectionStatus
	// CategorizationStatus is PENDING, IN_PROGRESS or READY. It matters only to
	// those who read categories. The set is open.
	CategorizationStatus string
	// Interfaces are the ways to the bank, each with its own consent.
	Interfaces []ConnectionInterface
	// Owners are the owners of the accounts, if the bank tells and they were asked
	// for when it was connected; often nil. This package does not ask.
	Owners []Owner
}

// Owner is an account owner. Texts are "" and dates zero where the bank is silent.
type Owner struct {
	FirstName, LastName, Salutation, Title, Email string
	Birth                                         Date
	Street, HouseNumber, PostCode, City, Country  string
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
	// Interface names the way.
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
	// StoredFields are the labels of the bank's log-in fields, whose values finAPI
	// may keep; nil if there are none. Their values never reach the ERP.
	StoredFields []string
	// Procedures are the customer's ways of strong authentication at the bank, nil if
	// finAPI knows none, and DefaultProcedure is the id of the preferred one; "" if
	// there is none.
	Procedures       []Procedure
	DefaultProcedure string
}

// Procedure is a way of strong authentication at a bank.
type Procedure struct {
	// ID is the bank's own, such as "942".
	ID string
	// Name is in the bank's language.
	Name string
	// Kind is TEXT, PHOTO or the like; "" if not known. The set is open.
	Kind string
	// Implicit procedures need no choice of the customer.
	Implicit bool
}

// BankConsent is the permission that the customer gave at the bank.
type BankConsent struct {
	// Present says that finAPI holds a consent. The bank may have revoked it.
	Present bool
	// Expires is when it ends; zero if finAPI does not know.
	Expires time.Time
	// NewAccounts is true if the consent covers accounts that the customer opens
	// later (finAPI: supportsImportNewAccounts).
	NewAccounts bool
}

// UpdateResult is the outcome of an update of a connection.
type UpdateResult struct {
	// Result is OK, BANK_SERVER_REJECTION or INTERNAL_SERVER_ERROR. OK means that
	// the login worked, not that each account was read. The set is open.
	Result string
	// Message is the bank's text; "" if there was no error. It may quote personal
	// data.
	Message string
	// ForCustomer is true if finAPI says that the message is meant to be shown to
	// the customer.
	ForCustomer bool
	// Time is when it ended.
	Time time.Time
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

// RenameConnection changes the connection's name, up to 64 characters, "" for
// none, and returns the connection. While it is busy, finAPI refuses with
// [CodeLocked].
func (u *User) RenameConnection(ctx context.Context, id ConnectionID, name string) (Connection, error) {
	if err := checkIDs("ConnectionID", []ConnectionID{id}); err != nil {
		return Connection{}, err
	}
	if len([]rune(name)) > 64 {
		return Connection{}, invalid("name", "must have 64 characters at the most")
	}
	// finAPI also takes log-in credentials here. This package has no way to send any.
	body := struct {
		Name string `json:"name"`
	}{name}
	var answer connectionAnswer
	err := u.do(ctx, call{endpoint: epEditConnection, ids: []string{text(id)}, body: body, into: &answer})
	return answer.Connection, err
}

// DeleteConnection deletes a connection at finAPI with its accounts, transactions
// and balances, and tries to end the consent at the bank. While the connection is
// busy, finAPI refuses with [CodeLocked]. customer may be nil; it tells the bank
// that the customer is present. An unknown id is refused with [CodeUnknownEntity].
//
// It cannot be undone: connecting the bank anew gives every account and every
// transaction a new id. The call is never repeated by itself.
func (u *User) DeleteConnection(ctx context.Context, id ConnectionID, customer *CustomerDevice) error {
	if err := cmp.Or(checkIDs("ConnectionID", []ConnectionID{id}), customer.check()); err != nil {
		return err
	}
	return u.do(ctx, call{endpoint: epDeleteConnection, ids: []string{text(id)}, customer: customer})
}

// ConsentDeletion says which consent to end.
type ConsentDeletion struct {
	// Connection is the connection that the consent belongs to.
	Connection ConnectionID
	// Interface is the one whose consent to end; see [Connection.Interfaces].
	Interface BankingInterface
	// Force deletes finAPI's copy of the consent even if the bank does not play
	// along.
	Force bool
	// Customer tells the bank that the customer is present; nil if not.
	Customer *CustomerDevice
}

// ConsentDeleted says what became of a consent, at finAPI and at the bank. The
// results are DELETED, NOT_EXIST, NOT_SUPPORTED and NOT_DELETED. The set is open.
type ConsentDeleted struct {
	// AtFinAPI is what became of finAPI's copy.
	AtFinAPI string
	// AtBank is what became of the consent itself, which many banks do not let finAPI
	// end.
	AtBank string
}

// DeleteConsent ends the consent of one interface. Accounts and transactions stay
// at finAPI, but the next [User.Refresh] needs the customer. If the bank refuses and
// Force is not set, finAPI refuses with [CodeInvalidConsent]. While the connection is
// busy, it refuses with [CodeLocked]. The call is never repeated by itself.
func (u *User) DeleteConsent(ctx context.Context, d ConsentDeletion) (ConsentDeleted, error) {
	err := cmp.Or(checkIDs("ConsentDeletion.Connection", []ConnectionID{d.Connection}), d.Customer.check())
	if err != nil {
		return ConsentDeleted{}, err
	}
	if d.Interface == "" {
		return ConsentDeleted{}, invalid("ConsentDeletion.Interface", "must not be empty")
	}
	query := url.Values{"bankingInterface": {string(d.Interface)}, "forceDeletion": {strconv.FormatBool(d.Force)}}
	var answer consentDeletedAnswer
	err = u.do(ctx, call{
		endpoint: epDeleteConsent, ids: []string{text(d.Connection)}, query: query, into: &answer, customer: d.Customer,
	})
	return ConsentDeleted{AtFinAPI: answer.Local, AtBank: answer.Remote}, err
}

type consentDeletedAnswer struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

func (a *consentDeletedAnswer) check() error {
	return require(requirement{"local", a.Local != ""}, requirement{"remote", a.Remote != ""})
}

type ownerAnswer struct {
	FirstName   string `json:"firstName"`
	LastName    string `json:"lastName"`
	Salutation  string `json:"salutation"`
	Title       string `json:"title"`
	Email       string `json:"email"`
	Birth       day    `json:"dateOfBirth"`
	Street      string `json:"street"`
	HouseNumber string `json:"houseNumber"`
	PostCode    string `json:"postCode"`
	City        string `json:"city"`
	Country     string `json:"country"`
}

func (o ownerAnswer) value() Owner {
	return Owner{
		FirstName: o.FirstName, LastName: o.LastName, Salutation: o.Salutation, Title: o.Title, Email: o.Email,
		Birth: o.Birth.Date, Street: o.Street, HouseNumber: o.HouseNumber, PostCode: o.PostCode, City: o.City,
		Country: o.Country,
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
		Owners               []ownerAnswer               `json:"owners"`
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
	for _, o := range raw.Owners {
		c.Owners = append(c.Owners, o.value())
	}
	return nil
}

type connectionInterfaceAnswer struct {
	Interface BankingInterface `json:"bankingInterface"`
	Consent   *struct {
		Status      string  `json:"status"`
		Expires     instant `json:"expiresAt"`
		NewAccounts bool    `json:"supportsImportNewAccounts"`
	} `json:"aisConsent"`
	ActionRequired bool                `json:"userActionRequired"`
	MaxDays        int                 `json:"maxDaysForDownload"`
	LastManual     *updateResultAnswer `json:"lastManualUpdate"`
	LastAuto       *updateResultAnswer `json:"lastAutoUpdate"`
	Stored         []struct {
		Label string `json:"label"`
	} `json:"loginCredentials"`
	Default    string `json:"defaultTwoStepProcedureId"`
	Procedures []struct {
		ID       string `json:"procedureId"`
		Name     string `json:"procedureName"`
		Kind     string `json:"procedureChallengeType"`
		Implicit bool   `json:"implicitExecute"`
	} `json:"twoStepProcedures"`
}

type updateResultAnswer struct {
	Result  string  `json:"result"`
	Message string  `json:"errorMessage"`
	Type    string  `json:"errorType"`
	Time    instant `json:"timestamp"`
}

func (a connectionInterfaceAnswer) value() ConnectionInterface {
	i := ConnectionInterface{
		Interface: a.Interface, ActionRequired: a.ActionRequired, MaxDays: a.MaxDays,
		LastManual: a.LastManual.value(), LastAuto: a.LastAuto.value(), DefaultProcedure: a.Default,
	}
	if a.Consent != nil {
		i.Consent = &BankConsent{
			Present: a.Consent.Status == "PRESENT", Expires: a.Consent.Expires.Time, NewAccounts: a.Consent.NewAccounts,
		}
	}
	for _, field := range a.Stored {
		i.StoredFields = append(i.StoredFields, field.Label)
	}
	for _, p := range a.Procedures {
		i.Procedures = append(i.Procedures, Procedure(p))
	}
	return i
}

func (a *updateResultAnswer) value() *UpdateResult {
	if a == nil {
		return nil
	}
	return &UpdateResult{
		Result: a.Result, Message: a.Message, ForCustomer: a.Type == "BUSINESS", Time: a.Time.Time,
	}
}
