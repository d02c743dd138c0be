package finapitest

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
)

func transactionParams() params {
	return paged(params{
		"view":                   oneOf("bankView", "userView").required(),
		"ids":                    idList(1000),
		"search":                 text(),
		"counterpart":            text(),
		"purpose":                text(),
		"accountIds":             idList(0),
		"minBankBookingDate":     day(),
		"maxBankBookingDate":     day(),
		"minFinapiBookingDate":   day(),
		"maxFinapiBookingDate":   day(),
		"minAmount":              amount(),
		"maxAmount":              amount(),
		"direction":              oneOf("all", "income", "spending"),
		"labelIds":               idList(0),
		"categoryIds":            idList(0),
		"includeChildCategories": flag(),
		"isNew":                  flag(),
		"isPotentialDuplicate":   flag(),
		"isAdjustingEntry":       flag(),
		"minImportDate":          day(),
		"maxImportDate":          day(),
	}, fieldNames(transactionOrder())...)
}

// filter is the query of a list of transactions, read once.
type filter struct {
	q                      query
	ids, accounts, sorts   []int64
	minAmount, maxAmount   *decimal.Decimal
	isNew, flagged, adjust *bool
	bankView, withChildren bool
}

func newFilter(q query) filter {
	ids := q.ids("ids")
	slices.Sort(ids)
	return filter{
		q: q, ids: ids, accounts: q.ids("accountIds"), sorts: q.ids("categoryIds"),
		minAmount: q.amount("minAmount"), maxAmount: q.amount("maxAmount"),
		isNew: q.flag("isNew"), flagged: q.flag("isPotentialDuplicate"), adjust: q.flag("isAdjustingEntry"),
		bankView: q.text("view") == "bankView", withChildren: q.text("includeChildCategories") != "false",
	}
}

func (f filter) wantsAccount(id int64) bool {
	return !f.q.has("accountIds") || slices.Contains(f.accounts, id)
}

func (f filter) matches(t *Transaction) bool {
	return f.inView(t) && f.wantsID(t.ID) && f.hasText(t) && f.inTime(t) && f.hasAmount(t) && f.hasMarks(t)
}

// inView tells the original of a split row from its parts.
func (f filter) inView(t *Transaction) bool {
	if f.bankView {
		return t.ParentID == 0
	}
	return len(t.Children) == 0
}

func (f filter) wantsID(id int64) bool {
	if !f.q.has("ids") {
		return true
	}
	_, wanted := slices.BinarySearch(f.ids, id)
	return wanted
}

func (f filter) hasText(t *Transaction) bool {
	counterpart := []string{
		t.CounterpartName, t.CounterpartIBAN, t.CounterpartAccount, t.CounterpartBIC, t.CounterpartBLZ, t.CounterpartBankName,
	}
	return (!f.q.has("search") || allTerms(f.q.text("search"), append(counterpart, t.Purpose, t.Type)...)) &&
		(!f.q.has("counterpart") || allTerms(f.q.text("counterpart"), counterpart...)) &&
		(!f.q.has("purpose") || allTerms(f.q.text("purpose"), t.Purpose))
}

// inTime checks the limits of days. The day of an import is the German local
// day (guess: the documentation does not name the time zone).
func (f filter) inTime(t *Transaction) bool {
	q := f.q
	return within(t.BookingDate, q.date("minBankBookingDate"), q.date("maxBankBookingDate")) &&
		within(t.FinAPIBookingDate, q.date("minFinapiBookingDate"), q.date("maxFinapiBookingDate")) &&
		((!q.has("minImportDate") && !q.has("maxImportDate")) ||
			within(DateOf(t.ImportDate), q.date("minImportDate"), q.date("maxImportDate")))
}

func (f filter) hasAmount(t *Transaction) bool {
	switch f.q.text("direction") {
	case "income":
		if t.Amount.IsNegative() {
			return false
		}
	case "spending":
		if !t.Amount.IsNegative() {
			return false
		}
	}
	return between(t.Amount, f.minAmount, f.maxAmount)
}

func between(d decimal.Decimal, low, high *decimal.Decimal) bool {
	return (low == nil || d.GreaterThanOrEqual(*low)) && (high == nil || d.LessThanOrEqual(*high))
}

func (f filter) hasMarks(t *Transaction) bool {
	return like(f.isNew, t.IsNew) && like(f.flagged, t.IsPotentialDuplicate) && like(f.adjust, t.IsAdjustingEntry) &&
		(!f.q.has("categoryIds") || inCategories(t.CategoryID, f.sorts, f.withChildren)) &&
		!f.q.has("labelIds") // no simulated row carries a label
}

// like reports whether a flag has the wanted value, if one is wanted.
func like(wanted *bool, has bool) bool { return wanted == nil || *wanted == has }

// transactionOrder holds the fields by which transactions can be sorted.
func transactionOrder() map[string]func(a, b *Transaction) int {
	type row = *Transaction
	return map[string]func(a, b row) int{
		"id":                       by(func(t row) int64 { return t.ID }),
		"parentId":                 by(func(t row) int64 { return t.ParentID }),
		"accountId":                by(func(t row) int64 { return t.AccountID }),
		"valueDate":                by(func(t row) Date { return t.ValueDate }),
		"bankBookingDate":          by(func(t row) Date { return t.BookingDate }),
		"finapiBookingDate":        by(func(t row) Date { return t.FinAPIBookingDate }),
		"amount":                   func(a, b row) int { return a.Amount.Cmp(b.Amount) },
		"purpose":                  by(func(t row) string { return t.Purpose }),
		"counterpartName":          by(func(t row) string { return t.CounterpartName }),
		"counterpartAccountNumber": by(func(t row) string { return t.CounterpartAccount }),
		"counterpartIban":          by(func(t row) string { return t.CounterpartIBAN }),
		"counterpartBlz":           by(func(t row) string { return t.CounterpartBLZ }),
		"counterpartBic":           by(func(t row) string { return t.CounterpartBIC }),
		"type":                     by(func(t row) string { return t.Type }),
		"primanota":                by(func(t row) string { return t.Primanota }),
		"category.id":              by(func(t row) int64 { return t.CategoryID }),
		"category.name":            by(func(t row) string { return categoryName(t.CategoryID) }),
		"isPotentialDuplicate":     func(a, b row) int { return compareBool(a.IsPotentialDuplicate, b.IsPotentialDuplicate) },
		"isNew":                    func(a, b row) int { return compareBool(a.IsNew, b.IsNew) },
		"importDate":               func(a, b row) int { return a.ImportDate.Compare(b.ImportDate) },
	}
}

func categoryName(id int64) string {
	if c := categoryByID(id); c != nil {
		return c.Name
	}
	return ""
}

// pendingParams and pendingOrder belong to GET /pendingTransactions.
func pendingParams() params {
	return paged(params{"ids": idList(1000), "accountIds": idList(0)}, fieldNames(pendingOrder())...)
}

func pendingOrder() map[string]func(a, b *pendingTransaction) int {
	type row = *pendingTransaction
	return map[string]func(a, b row) int{
		"id":              by(func(t row) int64 { return t.id }),
		"accountId":       func(a, b row) int { return cmp.Compare(a.account.ID, b.account.ID) },
		"valueDate":       by(func(t row) Date { return t.ValueDate }),
		"bankBookingDate": by(func(t row) Date { return t.BookingDate }),
		"importDate":      func(a, b row) int { return a.imported.Compare(b.imported) },
		"amount":          func(a, b row) int { return a.Amount.Cmp(b.Amount) },
	}
}
