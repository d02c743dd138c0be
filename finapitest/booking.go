package finapitest

import (
	"github.com/shopspring/decimal"
)

// Booking is the content of a row on an account, as the bank tells it. Empty
// texts are absent.
type Booking struct {
	// Amount is positive for money that comes in.
	Amount decimal.Decimal
	// Currency is that of the amount; finAPI leaves it out when it is empty,
	// which means the account's currency.
	Currency string
	// BookingDate defaults to the current day of the simulator's clock.
	BookingDate Date
	// ValueDate defaults to the booking date.
	ValueDate Date

	Purpose                 string
	CounterpartName         string
	CounterpartIBAN         string
	CounterpartAccount      string
	CounterpartBLZ          string
	CounterpartBIC          string
	CounterpartBankName     string
	MandateReference        string
	CustomerReference       string
	CreditorID              string
	DebtorID                string
	EndToEndReference       string
	Type                    string
	TypeCodeZKA             string
	TypeCodeSWIFT           string
	SEPAPurposeCode         string
	BankTransactionCode     string
	Primanota               string
	DifferentDebtor         string
	DifferentCreditor       string
	OriginalAmount          *decimal.Decimal
	OriginalCurrency        string
	FeeAmount               *decimal.Decimal
	FeeCurrency             string
	CompensationAmount      *decimal.Decimal
	BankTransactionCodeText string
}

// dated fills in the dates that a caller left open.
func (b Booking) dated(today Date) Booking {
	if b.BookingDate == "" {
		b.BookingDate = today
	}
	if b.ValueDate == "" {
		b.ValueDate = b.BookingDate
	}
	return b
}
