package finapi

import (
	"cmp"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/internal/wire"
)

// transactionPage decodes a page of transactions in two ways: with readFast what finAPI
// usually writes, and with encoding/json, into the exported fields, all else.
type transactionPage struct {
	Transactions []transactionAnswer `json:"transactions"`
	Paging       *paging             `json:"paging"`
	Income       number              `json:"income"`
	Spending     number              `json:"spending"`
	rows         []Transaction       // what both ways lead to; nil if there are none
	at           time.Time           // when it was sent
}

func (p *transactionPage) answeredAt(t time.Time) { p.at = t }

// sum is what the rows of all pages add up to.
func (p *transactionPage) sum() *decimal.Decimal {
	if !p.Income.set || !p.Spending.set {
		return nil
	}
	sum := p.Income.value.Add(p.Spending.value)
	return &sum
}

// check also turns what encoding/json has read into rows.
func (p *transactionPage) check() error {
	if p.Transactions != nil {
		p.rows = unwrap(p.Transactions, func(t transactionAnswer) Transaction { return t.Transaction })
	}
	return cmp.Or(p.Paging.check(), require(requirement{"transactions", p.rows != nil}))
}

// readFast reads a page in one pass. It reports false, and changes nothing, if
// encoding/json must decide.
func (p *transactionPage) readFast(body []byte) bool {
	r := wire.NewReader(body)
	var got transactionPage
	pageObject.Read(r, &got)
	if !r.Accepted() {
		return false
	}
	*p = got
	return true
}

// The tables below have the keys in finAPI's order, which makes them faster.

var pageObject = wire.NewObject(
	wire.Value("transactions", func(r *wire.Reader, p *transactionPage) { p.rows = readTransactions(r) }),
	wire.Value("paging", func(r *wire.Reader, p *transactionPage) {
		p.Paging = new(paging)
		pagingObject.Read(r, p.Paging)
	}),
	wire.Value("income", func(r *wire.Reader, p *transactionPage) { p.Income = readNumber(r) }),
	wire.Value("spending", func(r *wire.Reader, p *transactionPage) { p.Spending = readNumber(r) }),
	wire.Ignored[transactionPage]("balance"),
)

var pagingObject = wire.NewObject(
	wire.Value("page", func(r *wire.Reader, p *paging) { p.Page = readInt(r) }),
	wire.Ignored[paging]("perPage"),
	wire.Value("pageCount", func(r *wire.Reader, p *paging) { p.PageCount = readInt(r) }),
	wire.Value("totalCount", func(r *wire.Reader, p *paging) {
		total := r.Int()
		p.TotalCount = &total
	}),
)

// few is for how many elements memory is taken where most lists have one or none.
const few = 4

// transactionRow is a transaction while it is read.
type transactionRow struct {
	*Transaction
	hasAmount bool
	// The currencies of amounts that may come later, or not at all.
	originalCurrency, feeCurrency Currency
}

func readTransactions(r *wire.Reader) []Transaction {
	row := new(transactionRow) // one for all rows
	return wire.Array(r, MaxPageSize, func(r *wire.Reader, t *Transaction) {
		*row = transactionRow{Transaction: t}
		transactionObject.Read(r, row)
		if !row.finish() {
			r.Decline()
		}
	})
}

// finish tells the amounts their currencies, and reports whether the row is whole.
func (t *transactionRow) finish() bool {
	setCurrency(t.Compensation, t.Amount.Currency)
	setCurrency(t.Original, t.originalCurrency)
	setCurrency(t.Fee, t.feeCurrency)
	if t.PayPal != nil {
		setCurrency(t.PayPal.Fee, t.Amount.Currency)
		setCurrency(t.PayPal.Net, t.Amount.Currency)
	}
	return t.ID > 0 && t.Account > 0 && t.hasAmount && !t.BookingDate.IsZero()
}

func setCurrency(m *Money, currency Currency) {
	if m != nil {
		m.Currency = currency
	}
}

var transactionObject = wire.NewObject(
	wire.Int("id", func(t *transactionRow) *TransactionID { return &t.ID }),
	wire.Int("parentId", func(t *transactionRow) *TransactionID { return &t.Parent }),
	wire.Int("accountId", func(t *transactionRow) *AccountID { return &t.Account }),
	wire.Value("valueDate", func(r *wire.Reader, t *transactionRow) { t.ValueDate = readDay(r) }),
	wire.Value("bankBookingDate", func(r *wire.Reader, t *transactionRow) { t.BookingDate = readDay(r) }),
	wire.Value("finapiBookingDate", func(r *wire.Reader, t *transactionRow) { t.FinapiBookingDate = readDay(r) }),
	wire.Value("amount", func(r *wire.Reader, t *transactionRow) {
		t.Amount.Amount, t.hasAmount = readNumber(r).value, true
	}),
	wire.Text("currency", func(t *transactionRow) *Currency { return &t.Amount.Currency }),
	wire.Text("purpose", func(t *transactionRow) *string { return &t.Purpose }),
	wire.Text("counterpartName", func(t *transactionRow) *string { return &t.Counterpart.Name }),
	wire.Text("counterpartAccountNumber", func(t *transactionRow) *string { return &t.Counterpart.AccountNumber }),
	wire.Text("counterpartIban", func(t *transactionRow) *string { return &t.Counterpart.IBAN }),
	wire.Text("counterpartBlz", func(t *transactionRow) *string { return &t.Counterpart.BLZ }),
	wire.Text("counterpartBic", func(t *transactionRow) *string { return &t.Counterpart.BIC }),
	wire.Text("counterpartBankName", func(t *transactionRow) *string { return &t.Counterpart.BankName }),
	wire.Text("counterpartMandateReference", func(t *transactionRow) *string { return &t.Counterpart.MandateReference }),
	wire.Text("counterpartCustomerReference", func(t *transactionRow) *string { return &t.Counterpart.CustomerReference }),
	wire.Text("counterpartCreditorId", func(t *transactionRow) *string { return &t.Counterpart.CreditorID }),
	wire.Text("counterpartDebitorId", func(t *transactionRow) *string { return &t.Counterpart.DebtorID }),
	wire.Text("type", func(t *transactionRow) *string { return &t.Type }),
	wire.Text("typeCodeZka", func(t *transactionRow) *string { return &t.TypeCodeZKA }),
	wire.Text("typeCodeSwift", func(t *transactionRow) *string { return &t.TypeCodeSWIFT }),
	wire.Text("sepaPurposeCode", func(t *transactionRow) *string { return &t.SEPAPurposeCode }),
	wire.Text("bankTransactionCode", func(t *transactionRow) *string { return &t.BankTransactionCode }),
	wire.Text("bankTransactionCodeDescription", func(t *transactionRow) *string { return &t.BankTransactionCodeText }),
	wire.Text("primanota", func(t *transactionRow) *string { return &t.Primanota }),
	wire.Value("category", func(r *wire.Reader, t *transactionRow) {
		t.Category = new(Category)
		categoryObject.Read(r, t.Category)
	}),
	wire.Value("labels", func(r *wire.Reader, t *transactionRow) {
		if labels := wire.Array(r, few, labelObject.Read); len(labels) > 0 {
			t.Labels = labels
		}
	}),
	wire.Bool("isPotentialDuplicate", func(t *transactionRow) *bool { return &t.PotentialDuplicate }),
	wire.Bool("isAdjustingEntry", func(t *transactionRow) *bool { return &t.AdjustingEntry }),
	wire.Bool("isNew", func(t *transactionRow) *bool { return &t.New }),
	wire.Value("importDate", func(r *wire.Reader, t *transactionRow) { t.Imported = readInstant(r) }),
	wire.Value("children", func(r *wire.Reader, t *transactionRow) {
		t.Children = wire.Array(r, few, readID[TransactionID])
	}),
	wire.Value("paypalData", func(r *wire.Reader, t *transactionRow) {
		t.PayPal = new(PayPal)
		payPalObject.Read(r, t.PayPal)
	}),
	wire.Value("certisData", func(r *wire.Reader, t *transactionRow) {
		t.Certis = new(Certis)
		certisObject.Read(r, t.Certis)
	}),
	wire.Text("endToEndReference", func(t *transactionRow) *string { return &t.EndToEndReference }),
	wire.Value("compensationAmount", func(r *wire.Reader, t *transactionRow) { t.Compensation = readMoney(r) }),
	wire.Value("originalAmount", func(r *wire.Reader, t *transactionRow) { t.Original = readMoney(r) }),
	wire.Text("originalCurrency", func(t *transactionRow) *Currency { return &t.originalCurrency }),
	wire.Value("feeAmount", func(r *wire.Reader, t *transactionRow) { t.Fee = readMoney(r) }),
	wire.Text("feeCurrency", func(t *transactionRow) *Currency { return &t.feeCurrency }),
	wire.Text("differentDebitor", func(t *transactionRow) *string { return &t.DifferentDebtor }),
	wire.Text("differentCreditor", func(t *transactionRow) *string { return &t.DifferentCreditor }),
)

var categoryObject = wire.NewObject(
	wire.Int("id", func(c *Category) *int64 { return &c.ID }),
	wire.Text("name", func(c *Category) *string { return &c.Name }),
	wire.Int("parentId", func(c *Category) *int64 { return &c.ParentID }),
	wire.Text("parentName", func(c *Category) *string { return &c.ParentName }),
	wire.Bool("isCustom", func(c *Category) *bool { return &c.Custom }),
	wire.Value("children", func(r *wire.Reader, c *Category) { c.Children = wire.Array(r, few, readID[int64]) }),
)

var labelObject = wire.NewObject(
	wire.Int("id", func(l *Label) *int64 { return &l.ID }),
	wire.Text("name", func(l *Label) *string { return &l.Name }),
)

// The currency of PayPal's amounts comes when the row is whole.
var payPalObject = wire.NewObject(
	wire.Text("invoiceNumber", func(p *PayPal) *string { return &p.InvoiceNumber }),
	wire.Value("fee", func(r *wire.Reader, p *PayPal) { p.Fee = readMoney(r) }),
	wire.Value("net", func(r *wire.Reader, p *PayPal) { p.Net = readMoney(r) }),
)

var certisObject = wire.NewObject(
	wire.Text("variableSymbol", func(c *Certis) *string { return &c.Variable }),
	wire.Text("constantSymbol", func(c *Certis) *string { return &c.Constant }),
	wire.Text("specificSymbol", func(c *Certis) *string { return &c.Specific }),
)
