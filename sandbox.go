package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// MockUpdate makes finAPI's sandbox believe that a bank has news, which a test
// cannot arrange otherwise. On the live service it is refused.
type MockUpdate struct {
	// Connection is what to update.
	Connection ConnectionID
	// Interface must be one of the connection's.
	Interface BankingInterface
	// LoginError simulates that the bank refused the log-in. The accounts keep their
	// data then.
	LoginError bool
	// Accounts are the accounts with their news. Accounts of the connection that
	// are not listed become deprecated, all of them if this is empty. Securities
	// accounts cannot be simulated.
	Accounts []MockAccount
}

// MockAccount is the news of one account.
type MockAccount struct {
	// Account is one of the connection's accounts.
	Account AccountID
	// Balance is the new balance in the account's currency. If it is not the former
	// one plus the rows, finAPI makes up an adjusting entry.
	Balance decimal.Decimal
	// Transactions are new bookings, 1000 at the most. finAPI ignores rows that are
	// older than 10 days before the account's last update or older than 89 days, and
	// those of the same day and amount as one that it has.
	Transactions []MockTransaction
}

// MockTransaction is a booking to simulate. "" and zero leave a value out.
type MockTransaction struct {
	// Amount has the direction as its sign. Its currency is the account's if "".
	Amount Money
	// Purpose has up to 2000 characters.
	Purpose string
	// Name, IBAN, BIC and BLZ are the counterpart's. Name has up to 80 characters.
	Name, IBAN, BIC, BLZ string
	// BookingDate is today if zero.
	BookingDate Date
	// ValueDate is left to finAPI if zero.
	ValueDate Date
	// Type is a text in the bank's language, up to 270 characters.
	Type string
}

// MockBatchUpdate simulates a nightly batch update of connections. It works
// asynchronously: wait with [User.WaitReady], then see [ConnectionInterface.LastAuto]
// for the outcome. It needs the sandbox, [Configuration.DevelopmentMode] and
// [Configuration.PFMServices], and a connection with stored credentials of a user
// without auto update. notify triggers the user's notification rules.
//
// A real update afterwards may find data that do not fit together, and make up an
// adjusting entry. The call is never repeated by itself.
func (u *User) MockBatchUpdate(ctx context.Context, notify bool, updates ...MockUpdate) error {
	if len(updates) == 0 {
		return invalid("updates", "must not be empty")
	}
	body := mockBody{Notify: notify}
	for i := range updates {
		if err := updates[i].check(); err != nil {
			return err
		}
		body.Updates = append(body.Updates, updates[i].body())
	}
	return u.do(ctx, call{endpoint: epMockBatchUpdate, body: body})
}

func (m *MockUpdate) check() error {
	if m.Connection <= 0 {
		return invalid("MockUpdate.Connection", "must be the id of a connection")
	}
	if m.Interface == "" {
		return invalid("MockUpdate.Interface", "must not be empty")
	}
	for i := range m.Accounts {
		if m.Accounts[i].Account <= 0 {
			return invalid("MockAccount.Account", "must be the id of an account")
		}
		if len(m.Accounts[i].Transactions) > 1000 {
			return invalid("MockAccount.Transactions", "must be 1000 at the most")
		}
		for j := range m.Accounts[i].Transactions {
			if err := m.Accounts[i].Transactions[j].check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *MockTransaction) check() error {
	switch {
	case utf8.RuneCountInString(t.Purpose) > 2000:
		return invalid("MockTransaction.Purpose", "must have 2000 characters at the most")
	case utf8.RuneCountInString(t.Name) > 80:
		return invalid("MockTransaction.Name", "must have 80 characters at the most")
	case utf8.RuneCountInString(t.Type) > 270:
		return invalid("MockTransaction.Type", "must have 270 characters at the most")
	}
	return cmp.Or(
		checkRange("MockTransaction.BookingDate", t.BookingDate, Date{}), checkRange("MockTransaction.ValueDate", t.ValueDate, Date{}),
	)
}

type mockBody struct {
	Updates []mockUpdateBody `json:"mockBankConnectionUpdates"`
	Notify  bool             `json:"triggerNotifications"`
}

type mockUpdateBody struct {
	Connection ConnectionID      `json:"bankConnectionId"`
	Interface  BankingInterface  `json:"bankingInterface"`
	LoginError bool              `json:"simulateBankLoginError"`
	Accounts   []mockAccountBody `json:"mockAccountsData,omitempty"`
}

type mockAccountBody struct {
	Account      AccountID             `json:"accountId"`
	Balance      json.Number           `json:"accountBalance"`
	Transactions []mockTransactionBody `json:"newTransactions,omitempty"`
}

type mockTransactionBody struct {
	Amount      json.Number `json:"amount"`
	Currency    Currency    `json:"currency,omitempty"`
	Purpose     string      `json:"purpose,omitempty"`
	Name        string      `json:"counterpart,omitempty"`
	IBAN        string      `json:"counterpartIban,omitempty"`
	BIC         string      `json:"counterpartBic,omitempty"`
	BLZ         string      `json:"counterpartBlz,omitempty"`
	BookingDate string      `json:"bookingDate,omitempty"`
	ValueDate   string      `json:"valueDate,omitempty"`
	Type        string      `json:"type,omitempty"`
}

func (m *MockUpdate) body() mockUpdateBody {
	b := mockUpdateBody{Connection: m.Connection, Interface: m.Interface, LoginError: m.LoginError}
	for i := range m.Accounts {
		account := mockAccountBody{
			Account: m.Accounts[i].Account, Balance: json.Number(canonical(m.Accounts[i].Balance)),
		}
		for _, t := range m.Accounts[i].Transactions {
			account.Transactions = append(account.Transactions, mockTransactionBody{
				Amount: json.Number(canonical(t.Amount.Amount)), Currency: t.Amount.Currency, Purpose: t.Purpose,
				Name: t.Name, IBAN: t.IBAN, BIC: t.BIC, BLZ: t.BLZ,
				BookingDate: t.BookingDate.String(), ValueDate: t.ValueDate.String(), Type: t.Type,
			})
		}
		b.Accounts = append(b.Accounts, account)
	}
	return b
}
