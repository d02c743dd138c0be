package finapitest

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

// transactionBody is a booked row in answers. As at finAPI, some absent values
// are written as null and some are left out.
type transactionBody struct {
	ID                  int64      `json:"id"`
	ParentID            *int64     `json:"parentId"`
	AccountID           int64      `json:"accountId"`
	ValueDate           Date       `json:"valueDate"`
	BankBookingDate     Date       `json:"bankBookingDate"`
	FinapiBookingDate   Date       `json:"finapiBookingDate"`
	Amount              money      `json:"amount"`
	Currency            *string    `json:"currency"`
	Purpose             *string    `json:"purpose"`
	CounterpartName     *string    `json:"counterpartName"`
	CounterpartAccount  *string    `json:"counterpartAccountNumber,omitempty"`
	CounterpartIBAN     *string    `json:"counterpartIban"`
	CounterpartBLZ      *string    `json:"counterpartBlz,omitempty"`
	CounterpartBIC      *string    `json:"counterpartBic"`
	CounterpartBank     *string    `json:"counterpartBankName"`
	MandateReference    *string    `json:"counterpartMandateReference,omitempty"`
	CustomerReference   *string    `json:"counterpartCustomerReference,omitempty"`
	CreditorID          *string    `json:"counterpartCreditorId,omitempty"`
	DebitorID           *string    `json:"counterpartDebitorId,omitempty"`
	Type                *string    `json:"type"`
	TypeCodeZka         *string    `json:"typeCodeZka"`
	TypeCodeSwift       *string    `json:"typeCodeSwift,omitempty"`
	SepaPurposeCode     *string    `json:"sepaPurposeCode,omitempty"`
	BankTransactionCode *string    `json:"bankTransactionCode,omitempty"`
	BankTransactionText *string    `json:"bankTransactionCodeDescription,omitempty"`
	Primanota           *string    `json:"primanota,omitempty"`
	Category            *category  `json:"category"`
	Labels              []struct{} `json:"labels"`
	IsDuplicate         bool       `json:"isPotentialDuplicate"`
	IsAdjustingEntry    bool       `json:"isAdjustingEntry"`
	IsNew               bool       `json:"isNew"`
	ImportDate          string     `json:"importDate"`
	Children            []int64    `json:"children,omitempty"`
	EndToEndReference   *string    `json:"endToEndReference"`
	CompensationAmount  *money     `json:"compensationAmount,omitempty"`
	OriginalAmount      *money     `json:"originalAmount"`
	OriginalCurrency    *string    `json:"originalCurrency"`
	FeeAmount           *money     `json:"feeAmount,omitempty"`
	FeeCurrency         *string    `json:"feeCurrency,omitempty"`
	DifferentDebitor    *string    `json:"differentDebitor,omitempty"`
	DifferentCreditor   *string    `json:"differentCreditor,omitempty"`
}

func (t *Transaction) body() transactionBody {
	body := transactionBody{
		ID: t.ID, AccountID: t.AccountID, ValueDate: t.ValueDate, BankBookingDate: t.BookingDate,
		FinapiBookingDate: t.FinAPIBookingDate, Amount: money(t.Amount), Currency: optional(t.Currency),
		Purpose: optional(t.Purpose), CounterpartName: optional(t.CounterpartName),
		CounterpartAccount: optional(t.CounterpartAccount), CounterpartIBAN: optional(t.CounterpartIBAN),
		CounterpartBLZ: optional(t.CounterpartBLZ), CounterpartBIC: optional(t.CounterpartBIC),
		CounterpartBank: optional(t.CounterpartBankName), MandateReference: optional(t.MandateReference),
		CustomerReference: optional(t.CustomerReference), CreditorID: optional(t.CreditorID), DebitorID: optional(t.DebtorID),
		Type: optional(t.Type), TypeCodeZka: optional(t.TypeCodeZKA), TypeCodeSwift: optional(t.TypeCodeSWIFT),
		SepaPurposeCode: optional(t.SEPAPurposeCode), BankTransactionCode: optional(t.BankTransactionCode),
		BankTransactionText: optional(t.BankTransactionCodeText), Primanota: optional(t.Primanota),
		Category: categoryByID(t.CategoryID), Labels: []struct{}{}, IsDuplicate: t.IsPotentialDuplicate,
		IsAdjustingEntry: t.IsAdjustingEntry, IsNew: t.IsNew, ImportDate: accessStamp(t.ImportDate),
		Children: slices.Clone(t.Children), EndToEndReference: optional(t.EndToEndReference),
		CompensationAmount: optionalMoney(t.CompensationAmount), OriginalAmount: optionalMoney(t.OriginalAmount),
		OriginalCurrency: optional(t.OriginalCurrency), FeeAmount: optionalMoney(t.FeeAmount),
		FeeCurrency: optional(t.FeeCurrency), DifferentDebitor: optional(t.DifferentDebtor),
		DifferentCreditor: optional(t.DifferentCreditor),
	}
	if t.ParentID != 0 {
		parent := t.ParentID
		body.ParentID = &parent
	}
	return body
}

type transactionList struct {
	Transactions []transactionBody `json:"transactions"`
	Paging       paging            `json:"paging"`
	Income       money             `json:"income"`
	Spending     money             `json:"spending"`
	Balance      money             `json:"balance"`
}

// listTransactions is GET /api/v2/transactions. The totals are over all pages.
func (s *Server) listTransactions(c *call) (answer, error) {
	var found []*Transaction
	f := newFilter(c.query)
	for _, a := range s.accountsOf(c.user()) {
		if !f.wantsAccount(a.ID) {
			continue
		}
		for _, t := range a.rows {
			if f.matches(t) {
				found = append(found, t)
			}
		}
	}
	p, err := c.query.paging(len(found))
	if err != nil {
		return answer{}, err
	}
	sortTransactions(found, c.query)
	return ok(newTransactionList(found, p)), nil
}

// sortTransactions takes a short cut for the order that most callers use.
func sortTransactions(found []*Transaction, q query) {
	if order := q.text("order"); order == "" || order == "id" || order == "id,asc" {
		slices.SortFunc(found, func(a, b *Transaction) int { return cmp.Compare(a.ID, b.ID) })
		return
	}
	sortBy(found, q, transactionOrder(), "id")
}

func newTransactionList(found []*Transaction, p paging) transactionList {
	sum := totalsOf(found)
	list := transactionList{
		Transactions: []transactionBody{}, Paging: p, Income: money(sum.income), Spending: money(sum.spending),
		Balance: money(sum.income.Add(sum.spending)),
	}
	for _, t := range cut(found, p) {
		list.Transactions = append(list.Transactions, t.body())
	}
	return list
}

type totals struct{ income, spending decimal.Decimal }

func totalsOf(rows []*Transaction) totals {
	var sum totals
	for _, t := range rows {
		if t.Amount.IsNegative() {
			sum.spending = sum.spending.Add(t.Amount)
		} else {
			sum.income = sum.income.Add(t.Amount)
		}
	}
	return sum
}

// ownTransaction finds the row in the path.
func (s *Server) ownTransaction(c *call) (*account, *Transaction, error) {
	id, err := c.pathID("transaction")
	if err != nil {
		return nil, nil, err
	}
	a, t := s.transaction(id)
	if t == nil || s.connection(a.BankConnectionID).owner != c.user() {
		return nil, nil, notFound("Transaction")
	}
	return a, t, nil
}

func (s *Server) getTransaction(c *call) (answer, error) {
	_, t, err := s.ownTransaction(c)
	if err != nil {
		return answer{}, err
	}
	return ok(t.body()), nil
}

// deleteTransaction removes a row that finAPI allows to remove: any of a test
// bank, else flagged duplicates and adjusting entries.
func (s *Server) deleteTransaction(c *call) (answer, error) {
	a, t, err := s.ownTransaction(c)
	if err != nil {
		return answer{}, err
	}
	if !s.connection(a.BankConnectionID).bank.IsTestBank && !t.IsPotentialDuplicate && !t.IsAdjustingEntry {
		return answer{}, unprocessable(codeIllegalState, "Dieser Umsatz kann nicht gelöscht werden.", "This transaction cannot be deleted.")
	}
	a.remove(t.ID)
	return empty(), nil
}
