package finapitest

import "slices"

// pendingBody is a pending row in answers. Many names differ from those of a
// booked row.
type pendingBody struct {
	ID                  int64   `json:"id"`
	AccountID           int64   `json:"accountId"`
	ImportDate          string  `json:"importDate"`
	ValueDate           Date    `json:"valueDate"`
	BankBookingDate     *Date   `json:"bankBookingDate"`
	Amount              money   `json:"amount"`
	Currency            *string `json:"currency"`
	Purpose             *string `json:"purpose"`
	CounterpartyName    *string `json:"counterpartyName"`
	CounterpartyIBAN    *string `json:"counterpartyIban"`
	CounterpartyAccount *string `json:"counterpartyAccountNumber,omitempty"`
	CounterpartyBLZ     *string `json:"counterpartyBlz,omitempty"`
	CounterpartyBIC     *string `json:"counterpartyBic"`
	CounterpartyBank    *string `json:"counterpartyBankName,omitempty"`
	MandateReference    *string `json:"counterpartyMandateReference,omitempty"`
	CustomerReference   *string `json:"counterpartyCustomerReference,omitempty"`
	CreditorID          *string `json:"counterpartyCreditorId,omitempty"`
	DebtorID            *string `json:"counterpartyDebtorId,omitempty"`
	EndToEndID          *string `json:"endToEndId"`
	Type                *string `json:"type"`
	TypeCodeZka         *string `json:"typeCodeZka,omitempty"`
	TypeCodeSwift       *string `json:"typeCodeSwift,omitempty"`
	SepaPurposeCode     *string `json:"sepaPurposeCode,omitempty"`
	BankTransactionCode *string `json:"bankTransactionCode,omitempty"`
	Primanota           *string `json:"primanota,omitempty"`
	OriginalAmount      *money  `json:"originalAmount,omitempty"`
	OriginalCurrency    *string `json:"originalCurrency,omitempty"`
	FeeAmount           *money  `json:"feeAmount,omitempty"`
	FeeCurrency         *string `json:"feeCurrency,omitempty"`
	DifferentDebtor     *string `json:"differentDebtor,omitempty"`
	DifferentCreditor   *string `json:"differentCreditor,omitempty"`
}

func (t *pendingTransaction) body() pendingBody {
	body := pendingBody{
		ID: t.id, AccountID: t.account.ID, ImportDate: accessStamp(t.imported), ValueDate: t.ValueDate,
		Amount: money(t.Amount), Currency: optional(t.Currency), Purpose: optional(t.Purpose),
		CounterpartyName: optional(t.CounterpartName), CounterpartyIBAN: optional(t.CounterpartIBAN),
		CounterpartyAccount: optional(t.CounterpartAccount), CounterpartyBLZ: optional(t.CounterpartBLZ),
		CounterpartyBIC: optional(t.CounterpartBIC), CounterpartyBank: optional(t.CounterpartBankName),
		MandateReference: optional(t.MandateReference), CustomerReference: optional(t.CustomerReference),
		CreditorID: optional(t.CreditorID), DebtorID: optional(t.DebtorID), EndToEndID: optional(t.EndToEndReference),
		Type: optional(t.Type), TypeCodeZka: optional(t.TypeCodeZKA), TypeCodeSwift: optional(t.TypeCodeSWIFT),
		SepaPurposeCode: optional(t.SEPAPurposeCode), BankTransactionCode: optional(t.BankTransactionCode),
		Primanota: optional(t.Primanota), OriginalAmount: optionalMoney(t.OriginalAmount),
		OriginalCurrency: optional(t.OriginalCurrency), FeeAmount: optionalMoney(t.FeeAmount),
		FeeCurrency: optional(t.FeeCurrency), DifferentDebtor: optional(t.DifferentDebtor),
		DifferentCreditor: optional(t.DifferentCreditor),
	}
	if t.BookingDate != "" {
		d := t.BookingDate
		body.BankBookingDate = &d
	}
	return body
}

type pendingList struct {
	Pending []pendingBody `json:"pendingTransactions"`
	Paging  paging        `json:"paging"`
}

func (s *Server) pendingOf(u *user) []*pendingTransaction {
	var rows []*pendingTransaction
	for _, a := range s.accountsOf(u) {
		for i := range a.pending {
			rows = append(rows, &a.pending[i])
		}
	}
	return rows
}

func (s *Server) listPending(c *call) (answer, error) {
	rows := slices.DeleteFunc(s.pendingOf(c.user()), func(t *pendingTransaction) bool {
		return (c.query.has("ids") && !slices.Contains(c.query.ids("ids"), t.id)) ||
			(c.query.has("accountIds") && !slices.Contains(c.query.ids("accountIds"), t.account.ID))
	})
	p, err := c.query.paging(len(rows))
	if err != nil {
		return answer{}, err
	}
	sortBy(rows, c.query, pendingOrder(), "id")
	list := pendingList{Pending: []pendingBody{}, Paging: p}
	for _, t := range cut(rows, p) {
		list.Pending = append(list.Pending, t.body())
	}
	return ok(list), nil
}

func (s *Server) getPending(c *call) (answer, error) {
	id, err := c.pathID("pending transaction")
	if err != nil {
		return answer{}, err
	}
	for _, t := range s.pendingOf(c.user()) {
		if t.id == id {
			return ok(t.body()), nil
		}
	}
	return answer{}, notFound("Pending transaction")
}
