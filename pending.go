package finapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"
)

// PendingTransaction is something that a bank announces and has not booked. It is
// for showing, never for booking: it can change or vanish, and the booking that
// comes of it has another id and often another amount, day and text.
//
// Texts are "" where finAPI has none.
type PendingTransaction struct {
	// ID is new after every update. It has nothing to do with a [TransactionID].
	ID int64
	// Account is the account on which it is announced.
	Account AccountID
	// Imported is when finAPI stored the row, which it replaces on every update.
	Imported time.Time
	// ValueDate is the day of import if the bank gave none.
	ValueDate Date
	// BookingDate is zero if the bank gave none.
	BookingDate Date
	// Amount has the currency "" if it is the account's. Its sign is the direction.
	Amount Money
	// Purpose is the remittance information.
	Purpose string
	// Counterpart is the other side, as far as the bank tells.
	Counterpart Counterpart
	// EndToEndReference was set by the payer.
	EndToEndReference string
	// The bank's codes; see [Transaction].
	Type, TypeCodeZKA, TypeCodeSWIFT, SEPAPurposeCode string
	BankTransactionCode, BankTransactionCodeText      string
	Primanota                                         string
	// Compensation, Original and Fee are parts of some card and foreign payments;
	// nil where there is none.
	Compensation, Original, Fee *Money
	// DifferentDebtor and DifferentCreditor name on whose behalf is paid.
	DifferentDebtor, DifferentCreditor string
	// PayPal and Certis are what only PayPal and Czech banks give; else nil.
	PayPal *PayPal
	Certis *Certis
}

// PendingQuery says which pending transactions to list. The zero PendingQuery
// lists all of the customer's.
type PendingQuery struct {
	// Accounts restricts to these accounts.
	Accounts []AccountID
	// IDs restricts to these rows, 1000 at the most.
	IDs []int64
	// PageSize is how many rows are fetched at a time, 1 to 500; 0 means 500.
	PageSize int
}

// PendingTransactions iterates over what banks announce, ordered by id. A ledger
// must not book it. It reads what the last update brought; see [User.Refresh]. Rows
// that come or go while it reads lose nothing and double nothing: it ends either
// complete or with a [CodeIncomplete]. The iterator yields an error once and ends.
func (u *User) PendingTransactions(ctx context.Context, q PendingQuery) iter.Seq2[PendingTransaction, error] {
	size, err := pageSize(q.PageSize)
	err = cmp.Or(err, checkIDs("PendingQuery.Accounts", q.Accounts), checkIDs("PendingQuery.IDs", q.IDs))
	if err != nil {
		return failed[PendingTransaction](err)
	}
	query := url.Values{}
	setIDs(query, "accountIds", q.Accounts)
	setIDs(query, "ids", q.IDs)
	p := pager[PendingTransaction]{
		endpoint: epPendingTransactions,
		window:   u.client.pageWindow,
		id:       func(t *PendingTransaction) int64 { return t.ID },
		fetch: func(ctx context.Context, number int, body *bytes.Buffer) (page[PendingTransaction], error) {
			var answer pendingPage
			err := u.do(ctx, call{endpoint: epPendingTransactions, query: pageQuery(query, number, size), into: &answer, buffer: body})
			if err != nil {
				return page[PendingTransaction]{}, err
			}
			return newPage(answer.Paging, unwrap(answer.Pending, pendingAnswer.value)), nil
		},
	}
	return p.each(ctx)
}

// PendingTransaction returns one pending transaction. One that has been booked or
// has vanished is refused with [CodeUnknownEntity].
func (u *User) PendingTransaction(ctx context.Context, id int64) (PendingTransaction, error) {
	if err := checkIDs("PendingTransaction", []int64{id}); err != nil {
		return PendingTransaction{}, err
	}
	var answer pendingAnswer
	err := u.do(ctx, call{endpoint: epPendingTransaction, ids: []string{text(id)}, into: &answer})
	return answer.PendingTransaction, err
}

type pendingPage struct {
	Pending []pendingAnswer `json:"pendingTransactions"`
	Paging  *paging         `json:"paging"`
}

func (p *pendingPage) check() error {
	return cmp.Or(p.Paging.check(), require(requirement{"pendingTransactions", p.Pending != nil}))
}

// pendingAnswer decodes finAPI's form, whose names differ from those of booked
// transactions.
type pendingAnswer struct{ PendingTransaction }

func (a pendingAnswer) value() PendingTransaction { return a.PendingTransaction }

func (a *pendingAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID                int64     `json:"id"`
		Account           AccountID `json:"accountId"`
		Imported          instant   `json:"importDate"`
		ValueDate         day       `json:"valueDate"`
		BookingDate       day       `json:"bankBookingDate"`
		Purpose           string    `json:"purpose"`
		Name              string    `json:"counterpartyName"`
		AccountNumber     string    `json:"counterpartyAccountNumber"`
		IBAN              string    `json:"counterpartyIban"`
		BLZ               string    `json:"counterpartyBlz"`
		BIC               string    `json:"counterpartyBic"`
		BankName          string    `json:"counterpartyBankName"`
		MandateReference  string    `json:"counterpartyMandateReference"`
		CustomerReference string    `json:"counterpartyCustomerReference"`
		CreditorID        string    `json:"counterpartyCreditorId"`
		DebtorID          string    `json:"counterpartyDebtorId"`
		EndToEndReference string    `json:"endToEndId"`
		DifferentDebtor   string    `json:"differentDebtor"`
		DifferentCreditor string    `json:"differentCreditor"`
		amountFields
		codeFields
		sourceFields
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := require(
		requirement{"id", raw.ID > 0}, requirement{"accountId", raw.Account > 0}, requirement{"amount", raw.Amount.set},
	)
	if err != nil {
		return err
	}
	a.PendingTransaction = PendingTransaction{
		ID: raw.ID, Account: raw.Account, Imported: raw.Imported.Time, ValueDate: raw.ValueDate.Date,
		BookingDate: raw.BookingDate.Date, Amount: Money{Amount: raw.Amount.value, Currency: raw.Currency},
		Purpose: raw.Purpose, EndToEndReference: raw.EndToEndReference,
		Counterpart: Counterpart{
			Name: raw.Name, IBAN: raw.IBAN, BIC: raw.BIC, AccountNumber: raw.AccountNumber, BLZ: raw.BLZ,
			BankName: raw.BankName, MandateReference: raw.MandateReference, CustomerReference: raw.CustomerReference,
			CreditorID: raw.CreditorID, DebtorID: raw.DebtorID,
		},
		Type: raw.Type, TypeCodeZKA: raw.TypeCodeZKA, TypeCodeSWIFT: raw.TypeCodeSWIFT,
		SEPAPurposeCode: raw.SEPAPurposeCode, BankTransactionCode: raw.BankCode,
		BankTransactionCodeText: raw.BankCodeText, Primanota: raw.Primanota,
		Compensation: raw.compensation(), Original: raw.original(), Fee: raw.fee(),
		DifferentDebtor: raw.DifferentDebtor, DifferentCreditor: raw.DifferentCreditor,
		PayPal: raw.payPal(raw.Currency), Certis: raw.certis(),
	}
	return nil
}
