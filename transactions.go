package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"

	"github.com/shopspring/decimal"
)

// TransactionID identifies a booked transaction at finAPI. It lives as long as
// finAPI's row does: after a repair, or when the bank is connected anew, the same
// booking comes back under another id. A [Feed] knows how to tell.
type TransactionID int64

// Transaction is one booked transaction of an account, as the bank delivered it.
// Pending transactions are never among them.
//
// Texts are "" where finAPI has none.
type Transaction struct {
	ID      TransactionID `json:"id"`
	Account AccountID     `json:"account"`
	// Parent is the transaction that this one was split from by an application;
	// 0 for all that come from the bank.
	Parent TransactionID `json:"parent,omitempty"`
	// Children are the parts that an application split this transaction into.
	Children []TransactionID `json:"children,omitempty"`
	// Amount is exact. Its sign is the direction; 0 is possible.
	Amount Money `json:"amount"`
	// BookingDate is the day on which the bank booked. Banks correct it sometimes.
	BookingDate Date `json:"bookingDate"`
	// ValueDate is the day from which the money counts for interest.
	ValueDate Date `json:"valueDate,omitzero"`
	// FinapiBookingDate is finAPI's own; for bookings in the future it moves on
	// every update. Do not build on it.
	FinapiBookingDate Date `json:"-"`
	// Imported is when finAPI stored the row.
	Imported    time.Time   `json:"imported"`
	Purpose     string      `json:"purpose,omitempty"`
	Counterpart Counterpart `json:"counterpart,omitzero"`
	// EndToEndReference was set by the payer. It is not unique, and often
	// NOTPROVIDED.
	EndToEndReference string `json:"endToEndReference,omitempty"`
	// Type is a text in the bank's language, such as "Überweisung".
	Type string `json:"type,omitempty"`
	// TypeCodeZKA is the German business transaction code, such as "166".
	TypeCodeZKA string `json:"typeCodeZka,omitempty"`
	// TypeCodeSWIFT is the SWIFT transaction type.
	TypeCodeSWIFT string `json:"typeCodeSwift,omitempty"`
	// SEPAPurposeCode is the ISO 20022 external purpose code, such as SALA.
	SEPAPurposeCode string `json:"sepaPurposeCode,omitempty"`
	// BankTransactionCode is the ISO 20022 code of domain, family and subfamily.
	BankTransactionCode string `json:"bankTransactionCode,omitempty"`
	// BankTransactionCodeText explains the code in the language of
	// [WithLanguage], so it is not part of the booking.
	BankTransactionCodeText string `json:"-"`
	Primanota               string `json:"primanota,omitempty"`
	// Compensation, Original and Fee are parts of some card and foreign payments;
	// nil where there is none.
	Compensation *Money `json:"compensation,omitempty"`
	Original     *Money `json:"original,omitempty"`
	Fee          *Money `json:"fee,omitempty"`
	// DifferentDebtor and DifferentCreditor name on whose behalf was paid.
	DifferentDebtor   string `json:"differentDebtor,omitempty"`
	DifferentCreditor string `json:"differentCreditor,omitempty"`
	// PotentialDuplicate is finAPI's suspicion that it imported a booking twice.
	// It is a hint: equal payments on one day are real.
	PotentialDuplicate bool `json:"potentialDuplicate,omitempty"`
	// AdjustingEntry marks a row that finAPI made up because balance and bookings
	// disagree. It is not a booking, but a sign of a gap.
	AdjustingEntry bool `json:"adjustingEntry,omitempty"`
	// New stays true until a client marks the row as seen. It says nothing about
	// whether the ERP has it.
	New bool `json:"-"`
	// Category is finAPI's guess what was paid for; nil if there is none (yet). It
	// comes later than the row and can change.
	Category *Category `json:"-"`
	// Labels were given by an application.
	Labels []string `json:"-"`
}

// Counterpart is the other side of a transaction, as far as the bank tells.
type Counterpart struct {
	Name              string `json:"name,omitempty"`
	IBAN              string `json:"iban,omitempty"`
	BIC               string `json:"bic,omitempty"`
	AccountNumber     string `json:"accountNumber,omitempty"`
	BLZ               string `json:"blz,omitempty"`
	BankName          string `json:"bankName,omitempty"`
	MandateReference  string `json:"mandateReference,omitempty"`
	CustomerReference string `json:"customerReference,omitempty"`
	CreditorID        string `json:"creditorId,omitempty"`
	DebtorID          string `json:"debtorId,omitempty"`
}

// Category is finAPI's guess what a transaction was for. Its id changes between
// releases of finAPI; go by the name.
type Category struct {
	ID         int64
	Name       string
	ParentName string
	Custom     bool
}

// TransactionQuery says which booked transactions to list. The zero
// TransactionQuery lists all of the customer's.
type TransactionQuery struct {
	// Accounts restricts to these accounts; empty means all of the customer's.
	Accounts []AccountID
	// IDs restricts to these rows, 1000 at the most.
	IDs []TransactionID
	// From and To bound the booking date; both days are included. A zero Date
	// bounds nothing.
	From, To Date
	// ImportedFrom and ImportedTo bound the day on which finAPI stored the row,
	// presumably counted in German time; both days are included.
	ImportedFrom, ImportedTo Date
	// Search matches finAPI's texts of the row; each of its words must occur.
	Search string
	// PageSize is how many rows are fetched at a time, 1 to 500; 0 means 500.
	PageSize int
}

func (q *TransactionQuery) values() (url.Values, error) {
	err := cmp.Or(
		checkIDs("TransactionQuery.Accounts", q.Accounts),
		checkIDs("TransactionQuery.IDs", q.IDs),
		checkRange("TransactionQuery.From", q.From, q.To),
		checkRange("TransactionQuery.ImportedFrom", q.ImportedFrom, q.ImportedTo),
	)
	if err != nil {
		return nil, err
	}
	// The bank's own view: parts that an application made stay out of it.
	v := url.Values{"view": {"bankView"}}
	if len(q.Accounts) > 0 {
		v["accountIds"] = texts(q.Accounts)
	}
	if len(q.IDs) > 0 {
		v["ids"] = texts(q.IDs)
	}
	for key, date := range map[string]Date{
		"minBankBookingDate": q.From, "maxBankBookingDate": q.To,
		"minImportDate": q.ImportedFrom, "maxImportDate": q.ImportedTo,
	} {
		if !date.IsZero() {
			v.Set(key, date.String())
		}
	}
	if q.Search != "" {
		v.Set("search", q.Search)
	}
	return v, nil
}

func checkRange(field string, from, to Date) error {
	switch {
	case !from.IsZero() && !from.Valid() || !to.IsZero() && !to.Valid():
		return invalid(field, "must be real days")
	case !from.IsZero() && !to.IsZero() && to.Before(from):
		return invalid(field, "must not be after the end of its range")
	}
	return nil
}

// Transactions iterates over the booked transactions that match q, in the order
// in which finAPI stored them. It reads finAPI's store, not the bank; see
// [User.Refresh].
//
// Rows that come or go while it reads lose nothing and double nothing: it ends
// either complete or with a [CodeIncomplete]. Each range starts afresh and holds
// one page. The iterator yields an error once and ends; breaking out sends no
// further request.
//
// An ERP that books should use [User.Feed] instead, which also knows what it has
// delivered before.
func (u *User) Transactions(ctx context.Context, q TransactionQuery) iter.Seq2[Transaction, error] {
	p, err := u.transactionPager(q)
	if err != nil {
		return failed[Transaction](err)
	}
	return p.each(ctx)
}

func (u *User) transactionPager(q TransactionQuery) (*pager[Transaction], error) {
	size, err := pageSize(q.PageSize)
	if err != nil {
		return nil, err
	}
	query, err := q.values()
	if err != nil {
		return nil, err
	}
	return &pager[Transaction]{
		endpoint: epTransactions,
		id:       func(t *Transaction) int64 { return int64(t.ID) },
		amount:   func(t *Transaction) decimal.Decimal { return t.Amount.Amount },
		fetch: func(ctx context.Context, number int) (page[Transaction], error) {
			var answer transactionPage
			err := u.do(ctx, call{endpoint: epTransactions, query: pageQuery(query, number, size), into: &answer})
			if err != nil {
				return page[Transaction]{}, err
			}
			got := newPage(answer.Paging, unwrap(answer.Transactions, transactionAnswer.value))
			got.sum = answer.sum()
			return got, nil
		},
	}, nil
}

type transactionPage struct {
	Transactions []transactionAnswer `json:"transactions"`
	Paging       *paging             `json:"paging"`
	Income       number              `json:"income"`
	Spending     number              `json:"spending"`
}

// sum is what the rows of all pages add up to.
func (p *transactionPage) sum() *decimal.Decimal {
	if !p.Income.set || !p.Spending.set {
		return nil
	}
	sum := p.Income.value.Add(p.Spending.value)
	return &sum
}

func (p *transactionPage) check() error {
	return cmp.Or(p.Paging.check(), require(requirement{"transactions", p.Transactions != nil}))
}

// transactionAnswer decodes finAPI's form of a transaction.
type transactionAnswer struct{ Transaction }

func (t transactionAnswer) value() Transaction { return t.Transaction }

type transactionFields struct {
	ID                TransactionID   `json:"id"`
	Parent            TransactionID   `json:"parentId"`
	Account           AccountID       `json:"accountId"`
	ValueDate         day             `json:"valueDate"`
	BookingDate       day             `json:"bankBookingDate"`
	FinapiBookingDate day             `json:"finapiBookingDate"`
	Amount            number          `json:"amount"`
	Currency          Currency        `json:"currency"`
	Purpose           string          `json:"purpose"`
	Name              string          `json:"counterpartName"`
	AccountNumber     string          `json:"counterpartAccountNumber"`
	IBAN              string          `json:"counterpartIban"`
	BLZ               string          `json:"counterpartBlz"`
	BIC               string          `json:"counterpartBic"`
	BankName          string          `json:"counterpartBankName"`
	MandateReference  string          `json:"counterpartMandateReference"`
	CustomerReference string          `json:"counterpartCustomerReference"`
	CreditorID        string          `json:"counterpartCreditorId"`
	DebtorID          string          `json:"counterpartDebitorId"`
	EndToEndReference string          `json:"endToEndReference"`
	Type              string          `json:"type"`
	TypeCodeZKA       string          `json:"typeCodeZka"`
	TypeCodeSWIFT     string          `json:"typeCodeSwift"`
	SEPAPurposeCode   string          `json:"sepaPurposeCode"`
	BankCode          string          `json:"bankTransactionCode"`
	BankCodeText      string          `json:"bankTransactionCodeDescription"`
	Primanota         string          `json:"primanota"`
	Potential         bool            `json:"isPotentialDuplicate"`
	Adjusting         bool            `json:"isAdjustingEntry"`
	New               bool            `json:"isNew"`
	Imported          instant         `json:"importDate"`
	Children          []TransactionID `json:"children"`
	Compensation      number          `json:"compensationAmount"`
	Original          number          `json:"originalAmount"`
	OriginalCurrency  Currency        `json:"originalCurrency"`
	Fee               number          `json:"feeAmount"`
	FeeCurrency       Currency        `json:"feeCurrency"`
	DifferentDebtor   string          `json:"differentDebitor"`
	DifferentCreditor string          `json:"differentCreditor"`
	Category          *struct {
		ID         int64  `json:"id"`
		Name       string `json:"name"`
		ParentName string `json:"parentName"`
		Custom     bool   `json:"isCustom"`
	} `json:"category"`
	Labels []struct {
		Name string `json:"name"`
	} `json:"labels"`
}

func (t *transactionAnswer) UnmarshalJSON(data []byte) error {
	var raw transactionFields
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := require(
		requirement{"id", raw.ID > 0}, requirement{"accountId", raw.Account > 0},
		requirement{"amount", raw.Amount.set}, requirement{"bankBookingDate", !raw.BookingDate.IsZero()},
	)
	if err != nil {
		return err
	}
	t.Transaction = raw.transaction()
	return nil
}

func (f *transactionFields) transaction() Transaction {
	t := Transaction{
		ID: f.ID, Account: f.Account, Parent: f.Parent, Children: f.Children,
		Amount:      Money{Amount: f.Amount.value, Currency: f.Currency},
		BookingDate: f.BookingDate.Date, ValueDate: f.ValueDate.Date, FinapiBookingDate: f.FinapiBookingDate.Date,
		Imported: f.Imported.Time, Purpose: f.Purpose, EndToEndReference: f.EndToEndReference,
		Counterpart: Counterpart{
			Name: f.Name, IBAN: f.IBAN, BIC: f.BIC, AccountNumber: f.AccountNumber, BLZ: f.BLZ, BankName: f.BankName,
			MandateReference: f.MandateReference, CustomerReference: f.CustomerReference,
			CreditorID: f.CreditorID, DebtorID: f.DebtorID,
		},
		Type: f.Type, TypeCodeZKA: f.TypeCodeZKA, TypeCodeSWIFT: f.TypeCodeSWIFT, SEPAPurposeCode: f.SEPAPurposeCode,
		BankTransactionCode: f.BankCode, BankTransactionCodeText: f.BankCodeText, Primanota: f.Primanota,
		Compensation: f.Compensation.money(f.Currency), Original: f.Original.money(f.OriginalCurrency),
		Fee: f.Fee.money(f.FeeCurrency), DifferentDebtor: f.DifferentDebtor, DifferentCreditor: f.DifferentCreditor,
		PotentialDuplicate: f.Potential, AdjustingEntry: f.Adjusting, New: f.New,
	}
	if f.Category != nil {
		t.Category = &Category{
			ID: f.Category.ID, Name: f.Category.Name, ParentName: f.Category.ParentName, Custom: f.Category.Custom,
		}
	}
	for _, label := range f.Labels {
		t.Labels = append(t.Labels, label.Name)
	}
	return t
}
