package finapi

import "encoding/json"

// This file decodes finAPI's form of a transaction. Pages of them are first given to the
// faster reader of transactionpage.go.

// transactionAnswer decodes finAPI's form of a transaction.
type transactionAnswer struct{ Transaction }

type transactionFields struct {
	ID                TransactionID   `json:"id"`
	Parent            TransactionID   `json:"parentId"`
	Account           AccountID       `json:"accountId"`
	ValueDate         day             `json:"valueDate"`
	BookingDate       day             `json:"bankBookingDate"`
	FinapiBookingDate day             `json:"finapiBookingDate"`
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
	Potential         bool            `json:"isPotentialDuplicate"`
	Adjusting         bool            `json:"isAdjustingEntry"`
	New               bool            `json:"isNew"`
	Imported          instant         `json:"importDate"`
	Children          []TransactionID `json:"children"`
	DifferentDebtor   string          `json:"differentDebitor"`
	DifferentCreditor string          `json:"differentCreditor"`
	Category          *categoryAnswer `json:"category"`
	Labels            []labelAnswer   `json:"labels"`
	amountFields
	codeFields
	sourceFields
}

// amountFields, codeFields and sourceFields are what booked and pending
// transactions have in common.
type amountFields struct {
	Amount           number   `json:"amount"`
	Currency         Currency `json:"currency"`
	Compensation     number   `json:"compensationAmount"`
	Original         number   `json:"originalAmount"`
	OriginalCurrency Currency `json:"originalCurrency"`
	Fee              number   `json:"feeAmount"`
	FeeCurrency      Currency `json:"feeCurrency"`
}

func (f *amountFields) compensation() *Money { return f.Compensation.money(f.Currency) }
func (f *amountFields) original() *Money     { return f.Original.money(f.OriginalCurrency) }
func (f *amountFields) fee() *Money          { return f.Fee.money(f.FeeCurrency) }

type codeFields struct {
	Type            string `json:"type"`
	TypeCodeZKA     string `json:"typeCodeZka"`
	TypeCodeSWIFT   string `json:"typeCodeSwift"`
	SEPAPurposeCode string `json:"sepaPurposeCode"`
	BankCode        string `json:"bankTransactionCode"`
	BankCodeText    string `json:"bankTransactionCodeDescription"`
	Primanota       string `json:"primanota"`
}

type sourceFields struct {
	PayPal *struct {
		InvoiceNumber string `json:"invoiceNumber"`
		Fee           number `json:"fee"`
		Net           number `json:"net"`
	} `json:"paypalData"`
	Certis *struct {
		Variable string `json:"variableSymbol"`
		Constant string `json:"constantSymbol"`
		Specific string `json:"specificSymbol"`
	} `json:"certisData"`
}

func (f *sourceFields) payPal(currency Currency) *PayPal {
	if f.PayPal == nil {
		return nil
	}
	return &PayPal{
		InvoiceNumber: f.PayPal.InvoiceNumber, Fee: f.PayPal.Fee.money(currency), Net: f.PayPal.Net.money(currency),
	}
}

func (f *sourceFields) certis() *Certis {
	if f.Certis == nil {
		return nil
	}
	return &Certis{Variable: f.Certis.Variable, Constant: f.Certis.Constant, Specific: f.Certis.Specific}
}

type categoryAnswer struct {
	ID         int64   `json:"id"`
	Name       string  `json:"name"`
	ParentID   int64   `json:"parentId"`
	ParentName string  `json:"parentName"`
	Custom     bool    `json:"isCustom"`
	Children   []int64 `json:"children"`
}

func (a categoryAnswer) value() Category {
	return Category(a)
}

type labelAnswer struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

func (a labelAnswer) value() Label { return Label(a) }

func (t *transactionAnswer) UnmarshalJSON(data []byte) error {
	var raw transactionFields
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := raw.check()
	t.Transaction = raw.transaction()
	return err
}

func (f *transactionFields) check() error {
	return require(
		requirement{"id", f.ID > 0}, requirement{"accountId", f.Account > 0},
		requirement{"amount", f.Amount.set}, requirement{"bankBookingDate", !f.BookingDate.IsZero()},
	)
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
		Compensation: f.compensation(), Original: f.original(), Fee: f.fee(),
		DifferentDebtor: f.DifferentDebtor, DifferentCreditor: f.DifferentCreditor,
		PayPal: f.payPal(f.Currency), Certis: f.certis(),
		PotentialDuplicate: f.Potential, AdjustingEntry: f.Adjusting, New: f.New,
	}
	if f.Category != nil {
		category := f.Category.value()
		t.Category = &category
	}
	if len(f.Labels) > 0 {
		t.Labels = unwrap(f.Labels, labelAnswer.value)
	}
	return t
}
