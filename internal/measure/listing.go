package measure

import (
	"fmt"
	"strconv"
	"strings"
)

// The listing is of one account. Its ids ascend by one.
const (
	Account  = 3_587_742
	PageSize = 500

	firstID = 1_860_779_443
)

// Page returns a page of a listing of transactions, as finAPI writes it: compact JSON with
// the keys in the order of the contract, all 43 of a transaction, null where the bank says
// nothing. A full page is about 650 kB.
func Page(number, size, total int) []byte {
	from, to := min((number-1)*size, total), min(number*size, total)
	page := append(make([]byte, 0, 1400*(to-from)+300), `{"transactions":[`...)
	for n := from; n < to; n++ {
		if n > from {
			page = append(page, ',')
		}
		page = appendRow(page, n)
	}
	income, spending := sums(total)
	return fmt.Appendf(page, `],"paging":{"page":%d,"perPage":%d,"pageCount":%d,"totalCount":%d},"income":%s,"spending":%s,"balance":%s}`,
		number, size, max(1, (total+size-1)/size), total, euros(income), euros(spending), euros(income+spending))
}

// Escaped returns a page with a line break and quotation marks in each purpose.
func Escaped(page []byte) []byte {
	return []byte(strings.ReplaceAll(string(page), ` Vielen Dank`, `\n\"Vielen Dank\"`))
}

// cents is the amount of the n-th row: every fifth comes in, and every page has the same.
func cents(n int) int {
	amount := 1_99 + n%PageSize*7919%250_000
	if n%5 == 0 {
		return amount
	}
	return -amount
}

// sums are what the first rows of the listing add up to.
func sums(rows int) (income, spending int) {
	for n := range min(rows, PageSize) {
		times := (rows - n + PageSize - 1) / PageSize
		if amount := cents(n); amount > 0 {
			income += amount * times
		} else {
			spending += amount * times
		}
	}
	return income, spending
}

func euros(cents int) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

// party is somebody whom the account pays, or who pays it.
type party struct{ name, bank, blz, bic, category string }

var parties = []party{
	{"Müller & Söhne Büromöbel GmbH", "Beispielbank AG", "99900002", "BSPLDE99XXX", "Bürobedarf und Möbel"},
	{"Stadtwerke Großköllnbach AöR", "Sparkasse Großköllnbach", "99900017", "SPKGDE99XXX", "Strom, Gas und Fernwärme"},
	{"Musterversicherung a.G.", "Genossenschaftsbank Übersee eG", "99900035", "GENODE99ÜBS", "Versicherungen"},
	{"Jürgen Größer Gebäudereinigung e.K.", "Volksbank Schönau-Süd eG", "99900044", "VOSÜDE99XXX", "Reinigung und Gebäude"},
	{"Beispiel Telekommunikation GmbH", "Beispielbank AG", "99900002", "BSPLDE99XXX", "Telefon, Internet, Mobilfunk"},
}

// appendRow writes the n-th row. Rows alternate between direct debits, transfers and card
// payments, which leave out different fields.
func appendRow(page []byte, n int) []byte {
	p := &parties[n%len(parties)]
	debit, card := n%3 == 0, n%10 == 9
	random := uint64(n+1) * 0x9e3779b97f4a7c15 //nolint:gosec // n counts rows
	day := fmt.Sprintf("2026-%02d-%02d", 1+n/28%9, 1+n%28)
	text := func(key, value string) {
		page = append(append(page, `,"`...), key...)
		page = append(append(append(page, `":"`...), value...), '"')
	}
	only := func(is bool, key, format string, args ...any) {
		if is {
			text(key, fmt.Sprintf(format, args...))
			return
		}
		page = append(append(append(page, `,"`...), key...), `":null`...)
	}
	raw := func(key, value string) {
		page = append(append(append(append(page, `,"`...), key...), `":`...), value...)
	}
	page = strconv.AppendInt(append(page, `{"id":`...), int64(firstID+n), 10)
	raw("parentId", "null")
	raw("accountId", strconv.Itoa(Account))
	text("valueDate", day)
	text("bankBookingDate", day)
	text("finapiBookingDate", day)
	raw("amount", euros(cents(n)))
	text("currency", "EUR")
	text("purpose", fmt.Sprintf("Rechnung 2026-%07d vom %s, Kunde 302460-%d, Lager Nürnberg. Vielen Dank", random%1e7, day, n%97))
	text("counterpartName", p.name)
	only(debit, "counterpartAccountNumber", "%010d", random%1e10)
	only(!card, "counterpartIban", "DE21%s%010d", p.blz, random%1e10)
	only(debit, "counterpartBlz", "%s", p.blz)
	only(!card, "counterpartBic", "%s", p.bic)
	only(!card, "counterpartBankName", "%s", p.bank)
	only(debit, "counterpartMandateReference", "MNDT-2019-%06d", random%5000)
	only(debit, "counterpartCustomerReference", "KD-302460-%05d", n%97)
	only(debit, "counterpartCreditorId", "DE98ZZZ%011d", 99*(n%50))
	only(false, "counterpartDebitorId", "")
	only(true, "type", "%s", map[bool]string{true: "SEPA-Basislastschrift", false: "Überweisungsauftrag"}[debit])
	text("typeCodeZka", "105")
	only(debit, "typeCodeSwift", "NDDT")
	only(debit, "sepaPurposeCode", "INSU")
	only(debit, "bankTransactionCode", "PMNT-RDDT-ESDD")
	only(debit, "bankTransactionCodeDescription", "Empfangene SEPA-Lastschrift")
	text("primanota", "9310")
	category := "null"
	if n%5 != 4 {
		category = fmt.Sprintf(`{"id":%d,"name":%q,"parentId":372,"parentName":"Betrieb","isCustom":false,"children":[%d,%d]}`,
			400+n%5, p.category, 600+n%5, 700+n%5)
	}
	raw("category", category)
	raw("labels", map[bool]string{true: `[{"id":2,"name":"Büro Süd"}]`, false: `[]`}[n%4 == 0])
	raw("isPotentialDuplicate", "false")
	raw("isAdjustingEntry", "false")
	raw("isNew", strconv.FormatBool(n%2 == 0))
	text("importDate", fmt.Sprintf("2026-09-30T06:%02d:11.482+02:00", n%60))
	raw("children", "null")
	raw("paypalData", "null")
	raw("certisData", "null")
	only(!card, "endToEndReference", "E2E-%016x", random)
	raw("compensationAmount", "null")
	raw("originalAmount", map[bool]string{true: "-132.89", false: "null"}[card])
	only(card, "originalCurrency", "USD")
	raw("feeAmount", map[bool]string{true: "-1.50", false: "null"}[card])
	only(card, "feeCurrency", "EUR")
	only(n%9 == 0, "differentDebitor", "Beispiel Holding GmbH")
	only(false, "differentCreditor", "")
	return append(page, '}')
}
