package finapi

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"net/url"
	"slices"
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
	// PayPal and Certis are what only PayPal and Czech banks give; else nil.
	PayPal *PayPal `json:"payPal,omitempty"`
	Certis *Certis `json:"certis,omitempty"`
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
	// Labels were given by an application; nil if there are none. They can change.
	Labels []Label `json:"-"`
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
	// ID is finAPI's.
	ID int64
	// Name is finAPI's, or an application's if it is Custom.
	Name string
	// ParentID and ParentName are 0 and "" for a main category.
	ParentID   int64
	ParentName string
	// Custom is true if an application made the category.
	Custom bool
	// Children are the ids of the subcategories; empty or nil if there are none.
	Children []int64
}

// Label is what an application has given to a transaction.
type Label struct {
	// ID is finAPI's.
	ID int64
	// Name is the application's. It can change.
	Name string
}

// PayPal is what PayPal says of a transaction.
type PayPal struct {
	// InvoiceNumber is "" if not told.
	InvoiceNumber string `json:"invoiceNumber,omitempty"`
	// Fee and Net are in the transaction's currency; nil if not told.
	Fee *Money `json:"fee,omitempty"`
	Net *Money `json:"net,omitempty"`
}

// Certis are the symbols of Czech banks, up to 10 digits each; "" where missing.
type Certis struct {
	Variable string `json:"variable,omitempty"`
	Constant string `json:"constant,omitempty"`
	Specific string `json:"specific,omitempty"`
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
	// FinapiFrom and FinapiTo bound [Transaction.FinapiBookingDate].
	FinapiFrom, FinapiTo Date
	// Search matches finAPI's texts of the row; each of its words must occur.
	// Counterpart and Purpose match in those fields only.
	Search, Counterpart, Purpose string
	// MinAmount and MaxAmount bound the amount with its sign, both included; nil
	// bounds nothing. Two decimals at the most.
	MinAmount, MaxAmount *decimal.Decimal
	// Direction restricts to [Incoming] or [Outgoing]; "" means both.
	Direction Direction
	// New, PotentialDuplicate and AdjustingEntry restrict to rows with (true) or
	// without (false) the mark; nil means both.
	New, PotentialDuplicate, AdjustingEntry *bool
	// Categories restricts to these categories and those below them, or only to
	// these if ExactCategories; 0 stands for rows without a category.
	Categories      []int64
	ExactCategories bool
	// Labels restricts to rows with one of these labels, 1000 at the most.
	Labels []int64
	// Parts lists the parts that applications split bookings into instead of the
	// bookings. A ledger must not use it.
	Parts bool
	// OrderBy sorts otherwise than by id; later keys decide where earlier ones are
	// equal. It is for showing rows to people: a listing in another order cannot
	// notice every row that moves while it is read. finAPI knows these keys: id, parentId, accountId, valueDate,
	// bankBookingDate, finapiBookingDate, amount, purpose, counterpartName,
	// counterpartAccountNumber, counterpartIban, counterpartBlz, counterpartBic,
	// type, primanota, category.id, category.name, isPotentialDuplicate, isNew and
	// importDate.
	OrderBy []Order
	// PageSize is how many rows are fetched at a time, 1 to 500; 0 means 500.
	PageSize int
}

// Direction says whether money came in or went out.
type Direction string

// The directions. Zero counts as incoming.
const (
	Incoming Direction = "income"
	Outgoing Direction = "spending"
)

// transactionOrder are the keys that finAPI sorts transactions by.
var transactionOrder = []string{
	"id", "parentId", "accountId", "valueDate", "bankBookingDate", "finapiBookingDate", "amount", "purpose",
	"counterpartName", "counterpartAccountNumber", "counterpartIban", "counterpartBlz", "counterpartBic", "type",
	"primanota", "category.id", "category.name", "isPotentialDuplicate", "isNew", "importDate",
}

func (q *TransactionQuery) check() error {
	return cmp.Or(
		checkIDs("TransactionQuery.Accounts", q.Accounts),
		checkIDs("TransactionQuery.IDs", q.IDs),
		checkRange("TransactionQuery.From", q.From, q.To),
		checkRange("TransactionQuery.ImportedFrom", q.ImportedFrom, q.ImportedTo),
		checkRange("TransactionQuery.FinapiFrom", q.FinapiFrom, q.FinapiTo),
		checkBounds("TransactionQuery.MinAmount", q.MinAmount, q.MaxAmount),
		checkOrder("TransactionQuery.OrderBy", q.OrderBy, transactionOrder),
		checkIDs("TransactionQuery.Labels", q.Labels),
		q.checkCategories(),
		q.checkDirection(),
	)
}

// checkCategories lets 0 pass, unlike checkIDs.
func (q *TransactionQuery) checkCategories() error {
	if len(q.Categories) > maxIDs || slices.ContainsFunc(q.Categories, func(id int64) bool { return id < 0 }) {
		return invalid("TransactionQuery.Categories", "must be 1000 ids at the most, none of them negative")
	}
	return nil
}

func (q *TransactionQuery) checkDirection() error {
	if q.Direction == "" || q.Direction == Incoming || q.Direction == Outgoing {
		return nil
	}
	return invalid("TransactionQuery.Direction", "must be Incoming, Outgoing or empty")
}

func (q *TransactionQuery) values() (url.Values, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	// The bank's own view: parts that an application made stay out of it.
	v := url.Values{"view": {"bankView"}}
	if q.Parts {
		v.Set("view", "userView")
	}
	setIDs(v, "accountIds", q.Accounts)
	setIDs(v, "ids", q.IDs)
	setIDs(v, "labelIds", q.Labels)
	setIDs(v, "categoryIds", q.Categories)
	for key, date := range map[string]Date{
		"minBankBookingDate": q.From, "maxBankBookingDate": q.To,
		"minImportDate": q.ImportedFrom, "maxImportDate": q.ImportedTo,
		"minFinapiBookingDate": q.FinapiFrom, "maxFinapiBookingDate": q.FinapiTo,
	} {
		setDate(v, key, date)
	}
	for key, value := range map[string]string{
		"search": q.Search, "counterpart": q.Counterpart, "purpose": q.Purpose, "direction": string(q.Direction),
	} {
		setText(v, key, value)
	}
	setAmount(v, "minAmount", q.MinAmount)
	setAmount(v, "maxAmount", q.MaxAmount)
	setFlag(v, "isNew", q.New)
	setFlag(v, "isPotentialDuplicate", q.PotentialDuplicate)
	setFlag(v, "isAdjustingEntry", q.AdjustingEntry)
	if q.ExactCategories {
		v.Set("includeChildCategories", "false")
	}
	setOrder(v, q.OrderBy)
	return v, nil
}

// Transactions iterates over the booked transactions that match q, in the order
// in which finAPI stored them. It reads finAPI's store, not the bank; see
// [User.Refresh].
//
// Rows that come or go while it reads lose nothing and double nothing: it ends
// either complete or with a [CodeIncomplete]. Each range starts afresh and holds at
// most two windows of pages, see [WithPageWindow], and besides about two bytes for each row that it
// has handed out. The iterator yields an error once and ends; breaking out sends no
// further request and waits until those on their way have ended. Who keeps a row keeps up
// to 4 kB of texts of other rows with it.
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
		window:   u.client.pageWindow,
		sorted:   len(q.OrderBy) > 0,
		id:       func(t *Transaction) int64 { return int64(t.ID) },
		amount:   func(t *Transaction) decimal.Decimal { return t.Amount.Amount },
		imported: func(t *Transaction) time.Time { return t.Imported },
		fetch: func(ctx context.Context, number int, body *bytes.Buffer) (page[Transaction], error) {
			var answer transactionPage
			err := u.do(ctx, call{endpoint: epTransactions, query: pageQuery(query, number, size), into: &answer, buffer: body})
			if err != nil {
				return page[Transaction]{}, err
			}
			got := newPage(answer.Paging, answer.rows)
			got.sum, got.answered = answer.sum(), answer.at
			return got, nil
		},
	}, nil
}

// Transaction returns one booked transaction. An unknown id, or one of another
// user, is refused with [CodeUnknownEntity].
func (u *User) Transaction(ctx context.Context, id TransactionID) (Transaction, error) {
	if err := checkIDs("TransactionID", []TransactionID{id}); err != nil {
		return Transaction{}, err
	}
	var answer transactionAnswer
	err := u.do(ctx, call{endpoint: epTransaction, ids: []string{text(id)}, into: &answer})
	return answer.Transaction, err
}

// MarkTransactions marks rows as seen (isNew false) or as new again, at finAPI and
// for all applications of the vendor. It takes 1 to 100 ids and returns those that
// changed. If finAPI was in trouble and the call was repeated by itself, ids that
// changed at the first try can be missing. It needs finAPI's PFM services. A [Feed]
// does not need it.
func (u *User) MarkTransactions(ctx context.Context, isNew bool, ids ...TransactionID) ([]TransactionID, error) {
	const most = 100
	if len(ids) == 0 || len(ids) > most {
		return nil, invalid("ids", "must be 1 to 100 ids")
	}
	if err := checkIDs("ids", ids); err != nil {
		return nil, err
	}
	body := struct {
		IDs   []TransactionID `json:"ids"`
		IsNew bool            `json:"isNew"`
	}{ids, isNew}
	var answer identifierList
	err := u.do(ctx, call{endpoint: epEditTransactions, body: body, into: &answer})
	return answer.IDs, err
}

type identifierList struct {
	IDs []TransactionID `json:"identifiers"`
}

func (l *identifierList) check() error { return require(requirement{"identifiers", l.IDs != nil}) }

// ConfirmTransaction tells finAPI that a row which it flagged as a potential
// duplicate is a booking of its own, and returns the row. The flag cannot be set
// again. It needs finAPI's PFM services.
func (u *User) ConfirmTransaction(ctx context.Context, id TransactionID) (Transaction, error) {
	if err := checkIDs("TransactionID", []TransactionID{id}); err != nil {
		return Transaction{}, err
	}
	body := struct {
		PotentialDuplicate bool `json:"isPotentialDuplicate"`
	}{false}
	var answer transactionAnswer
	err := u.do(ctx, call{endpoint: epEditTransaction, ids: []string{text(id)}, body: body, into: &answer})
	return answer.Transaction, err
}

// DeleteTransaction deletes a row at finAPI. finAPI allows it for rows that it
// flagged as potential duplicates, for adjusting entries and for rows of its test
// banks; others are refused, and an unknown id with [CodeUnknownEntity]. The call is
// never repeated by itself.
func (u *User) DeleteTransaction(ctx context.Context, id TransactionID) error {
	if err := checkIDs("TransactionID", []TransactionID{id}); err != nil {
		return err
	}
	return u.do(ctx, call{endpoint: epDeleteTransaction, ids: []string{text(id)}})
}
