package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// AccountID identifies an account at finAPI. It is new after the account's
// connection was deleted and made again.
type AccountID int64

// Account is a bank account that the customer has consented to.
type Account struct {
	ID AccountID
	// Connection is the connection that it came with. It never changes.
	Connection ConnectionID
	// Name is what the bank or the customer calls the account; "" if none.
	Name string
	// IBAN is "" for accounts without one, such as cards. It can come and go.
	IBAN string
	// Number is the national account number. It can change, for example by
	// leading zeros.
	Number string
	// SubNumber tells accounts of one number apart; "" if there are none.
	SubNumber string
	// Holder is the account holder's name; "" if the bank does not tell.
	Holder string
	// HolderID is the bank's id of the holder; XXXXX for vendors without a licence,
	// "" if the bank does not tell.
	HolderID string
	// Currency is "" if the bank does not tell.
	Currency Currency
	// Type is the bank's or finAPI's view, which [User.EditAccount] can change.
	Type AccountType
	// Balance is nil if finAPI has none: because the download was skipped or
	// failed, because the account is not in EUR and the vendor has not booked
	// that, or because accounts of the type have none. Some banks include pending
	// transactions.
	Balance *Money
	// Overdraft is how much of the limit is used, in the account's currency as all
	// amounts here; nil if not known.
	Overdraft *Money
	// OverdraftLimit is how far the account may go below zero; nil if not known.
	OverdraftLimit *Money
	// AvailableFunds is nil unless the bank tells.
	AvailableFunds *Money
	// Seized is true if the account is seized.
	Seized bool
	// New stays true until a client marks the account as seen; see
	// [User.EditAccount].
	New bool
	// Interfaces are the account's states, one per interface to the bank.
	Interfaces []AccountInterface
}

// AccountInterface is the state of an account on one interface to the bank.
type AccountInterface struct {
	// Interface names the way.
	Interface BankingInterface
	// Status is the outcome of the last download that way.
	Status AccountStatus
	// LastSuccess is when data last came this way; zero if never. It is the
	// nearest that there is to a date of the balance.
	LastSuccess time.Time
	// LastAttempt is when finAPI last tried; zero if never.
	LastAttempt time.Time
	// Readable is true if the interface can download the account's data (finAPI:
	// the capability DATA_DOWNLOAD). It can change with an update.
	Readable bool
}

// AccountStatus is the outcome of the last download of an account. The set is
// open.
type AccountStatus string

// The states of an account.
const (
	// AccountUpdated: all is well.
	AccountUpdated AccountStatus = "UPDATED"
	// AccountFixed: as updated, but balance and bookings disagreed, and finAPI
	// added an adjusting entry.
	AccountFixed AccountStatus = "UPDATED_FIXED"
	// AccountDownloading: a download is going on.
	AccountDownloading AccountStatus = "DOWNLOAD_IN_PROGRESS"
	// AccountFailed: the download failed; the old data is still there.
	AccountFailed AccountStatus = "DOWNLOAD_FAILED"
	// AccountDeprecated: the bank no longer shows the account under this identity.
	AccountDeprecated AccountStatus = "DEPRECATED"
)

// AccountType is a kind of account. The set is open.
type AccountType string

// The kinds of accounts, as finAPI Access spells them.
const (
	Checking        AccountType = "Checking"
	Savings         AccountType = "Savings"
	CreditCard      AccountType = "CreditCard"
	SecurityAccount AccountType = "Security"
	Loan            AccountType = "Loan"
	Membership      AccountType = "Membership"
	BuildingSavings AccountType = "Bausparen"
)

// webFormTypes is how Web Form spells what Access calls otherwise.
var webFormTypes = map[AccountType]string{
	Checking: "CHECKING", Savings: "SAVINGS", CreditCard: "CREDIT_CARD", SecurityAccount: "SECURITY",
	Loan: "LOAN", Membership: "MEMBERSHIP", BuildingSavings: "BAUSPAREN",
}

// Status returns the state of the interface that owns the account's data: the
// one that finAPI prefers. It is "" if the account has no interface.
func (a *Account) Status() AccountStatus {
	return a.owner().Status
}

// Updated returns when the data of the account last came from the bank, or the
// zero time if it never did. finAPI gives no date for the balance itself.
func (a *Account) Updated() time.Time {
	return a.owner().LastSuccess
}

// settled reports whether the data is complete and no download is going on.
func (a *Account) settled() bool {
	status := a.Status()
	busy := slices.ContainsFunc(a.Interfaces, func(i AccountInterface) bool { return i.Status == AccountDownloading })
	return !busy && (status == AccountUpdated || status == AccountFixed)
}

func (a *Account) owner() AccountInterface {
	for _, preferred := range []BankingInterface{XS2A, FinTS, WebScraper} {
		for _, i := range a.Interfaces {
			if i.Interface == preferred {
				return i
			}
		}
	}
	if len(a.Interfaces) > 0 {
		return a.Interfaces[0]
	}
	return AccountInterface{}
}

// AccountQuery says which accounts to list. The zero AccountQuery lists all.
type AccountQuery struct {
	// IDs restricts to these accounts, 1000 at the most.
	IDs []AccountID
	// Connection restricts to the accounts of one connection; 0 means any.
	Connection ConnectionID
	// Types restricts to these kinds.
	Types []AccountType
	// Search matches names, numbers and IBANs.
	Search string
	// UpdatedFrom and UpdatedTo bound the day of the last successful update; both
	// days are included. A zero Date bounds nothing.
	UpdatedFrom, UpdatedTo Date
	// MinBalance and MaxBalance bound the balance, both included, whatever its
	// currency; nil bounds nothing. Two decimals at the most.
	MinBalance, MaxBalance *decimal.Decimal
}

func (q *AccountQuery) values() (url.Values, error) {
	err := cmp.Or(
		checkIDs("AccountQuery.IDs", q.IDs),
		checkRange("AccountQuery.UpdatedFrom", q.UpdatedFrom, q.UpdatedTo),
		checkBounds("AccountQuery.MinBalance", q.MinBalance, q.MaxBalance),
	)
	if err != nil {
		return nil, err
	}
	if q.Connection < 0 {
		return nil, invalid("AccountQuery.Connection", "must not be negative")
	}
	v := url.Values{}
	setIDs(v, "ids", q.IDs)
	if q.Connection > 0 {
		v.Set("bankConnectionIds", text(q.Connection))
	}
	for _, t := range q.Types {
		v.Add("accountTypes", string(t))
	}
	setText(v, "search", q.Search)
	setDate(v, "minLastSuccessfulUpdate", q.UpdatedFrom)
	setDate(v, "maxLastSuccessfulUpdate", q.UpdatedTo)
	setAmount(v, "minBalance", q.MinBalance)
	setAmount(v, "maxBalance", q.MaxBalance)
	return v, nil
}

// Accounts returns the customer's accounts with their balances, in finAPI's
// order. finAPI does not page them. What it returns is what finAPI stored at the
// last update, not what the bank says now; see [User.Refresh].
func (u *User) Accounts(ctx context.Context, q AccountQuery) ([]Account, error) {
	query, err := q.values()
	if err != nil {
		return nil, err
	}
	var answer accountList
	if err := u.do(ctx, call{endpoint: epAccounts, query: query, into: &answer}); err != nil {
		return nil, err
	}
	return unwrap(answer.Accounts, accountAnswer.value), nil
}

// Account returns one account. An unknown id, or one of another user, is refused
// with [CodeUnknownEntity].
func (u *User) Account(ctx context.Context, id AccountID) (Account, error) {
	if err := checkIDs("AccountID", []AccountID{id}); err != nil {
		return Account{}, err
	}
	var answer accountAnswer
	err := u.do(ctx, call{endpoint: epAccount, ids: []string{text(id)}, into: &answer})
	return answer.Account, err
}

// AccountChange says what to change. A nil field stays as it is.
type AccountChange struct {
	// Name has 1 to 512 characters.
	Name *string
	// Type is one of the known kinds.
	Type *AccountType
	// New marks the account as seen (false) or as new again (true).
	New *bool
}

// EditAccount changes how finAPI describes an account and returns it. It does not
// touch the account at the bank. While the connection is busy, finAPI refuses with
// [CodeLocked].
func (u *User) EditAccount(ctx context.Context, id AccountID, change AccountChange) (Account, error) {
	if err := checkIDs("AccountID", []AccountID{id}); err != nil {
		return Account{}, err
	}
	if n := change.Name; n != nil && (*n == "" || len([]rune(*n)) > 512) {
		return Account{}, invalid("AccountChange.Name", "must have 1 to 512 characters")
	}
	if change.Type != nil && *change.Type == "" {
		return Account{}, invalid("AccountChange.Type", "must not be empty")
	}
	body := struct {
		Name *string      `json:"accountName,omitempty"`
		Type *AccountType `json:"accountType,omitempty"`
		New  *bool        `json:"isNew,omitempty"`
	}{change.Name, change.Type, change.New}
	var answer accountAnswer
	err := u.do(ctx, call{endpoint: epEditAccount, ids: []string{text(id)}, body: body, into: &answer})
	return answer.Account, err
}

// DeleteAccount deletes an account with its transactions at finAPI, not at the
// bank. Deleting the last account of a connection deletes the connection and its
// consent, too. While the connection is busy, finAPI refuses with [CodeLocked].
// customer may be nil; it tells the bank that the customer is present. It cannot be
// undone, and the call is never repeated by itself.
func (u *User) DeleteAccount(ctx context.Context, id AccountID, customer *CustomerDevice) error {
	if err := cmp.Or(checkIDs("AccountID", []AccountID{id}), customer.check()); err != nil {
		return err
	}
	return u.do(ctx, call{endpoint: epDeleteAccount, ids: []string{text(id)}, customer: customer})
}

type accountList struct {
	Accounts []accountAnswer `json:"accounts"`
}

func (l *accountList) check() error { return require(requirement{"accounts", l.Accounts != nil}) }

// accountAnswer decodes finAPI's form of an account.
type accountAnswer struct{ Account }

func (a accountAnswer) value() Account { return a.Account }

func (a *accountAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID             AccountID    `json:"id"`
		Connection     ConnectionID `json:"bankConnectionId"`
		Name           string       `json:"accountName"`
		IBAN           string       `json:"iban"`
		Number         string       `json:"accountNumber"`
		SubNumber      string       `json:"subAccountNumber"`
		Holder         string       `json:"accountHolderName"`
		HolderID       string       `json:"accountHolderId"`
		Currency       Currency     `json:"accountCurrency"`
		Type           AccountType  `json:"accountType"`
		Balance        number       `json:"balance"`
		Overdraft      number       `json:"overdraft"`
		OverdraftLimit number       `json:"overdraftLimit"`
		AvailableFunds number       `json:"availableFunds"`
		Seized         bool         `json:"isSeized"`
		New            bool         `json:"isNew"`
		Interfaces     []struct {
			Interface   BankingInterface `json:"bankingInterface"`
			Status      AccountStatus    `json:"status"`
			LastSuccess instant          `json:"lastSuccessfulUpdate"`
			LastAttempt instant          `json:"lastUpdateAttempt"`
			Abilities   []string         `json:"capabilities"`
		} `json:"interfaces"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := require(
		requirement{"id", raw.ID > 0}, requirement{"bankConnectionId", raw.Connection > 0},
		requirement{"accountType", raw.Type != ""},
	)
	if err != nil {
		return err
	}
	a.Account = Account{
		ID: raw.ID, Connection: raw.Connection, Name: raw.Name, IBAN: raw.IBAN, Number: raw.Number,
		SubNumber: raw.SubNumber, Holder: raw.Holder, HolderID: raw.HolderID, Currency: raw.Currency, Type: raw.Type,
		Balance: raw.Balance.money(raw.Currency), Overdraft: raw.Overdraft.money(raw.Currency),
		OverdraftLimit: raw.OverdraftLimit.money(raw.Currency), AvailableFunds: raw.AvailableFunds.money(raw.Currency),
		Seized: raw.Seized, New: raw.New,
	}
	for _, i := range raw.Interfaces {
		a.Interfaces = append(a.Interfaces, AccountInterface{
			Interface: i.Interface, Status: i.Status, LastSuccess: i.LastSuccess.Time, LastAttempt: i.LastAttempt.Time,
			Readable: slices.Contains(i.Abilities, "DATA_DOWNLOAD"),
		})
	}
	return nil
}
