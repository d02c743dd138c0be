package finapi

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/internal/measure"
)

// exactly tells apart what prints alike: 1.5 from 1.50, and an instant from the same in
// another zone.
var exactly = cmp.Options{
	cmp.AllowUnexported(transactionPage{}, number{}),
	cmp.Comparer(func(a, b decimal.Decimal) bool {
		return a.Exponent() == b.Exponent() && a.Coefficient().Cmp(b.Coefficient()) == 0
	}),
	cmp.Comparer(func(a, b time.Time) bool {
		_, here := a.Zone()
		_, there := b.Zone()
		return a.Equal(b) && here == there && a.Location().String() == b.Location().String()
	}),
}

// readBothWays reports whether the fast reader accepts a page. If it does, encoding/json
// must have read the same, or refuse it for the same reason.
func readBothWays(t *testing.T, body []byte) bool {
	t.Helper()
	var fast, slow transactionPage
	if !fast.readFast(body) {
		if diff := cmp.Diff(transactionPage{}, fast, exactly); diff != "" {
			t.Errorf("declined, but changed (-before +after):\n%s", diff)
		}
		return false
	}
	if err := json.Unmarshal(body, &slow); err != nil {
		t.Fatalf("accepted, but encoding/json says: %v", err)
	}
	fastErr, slowErr := fast.check(), slow.check()
	if diff := cmp.Diff(fmt.Sprint(slowErr), fmt.Sprint(fastErr)); diff != "" {
		t.Fatalf("the verdicts differ (-encoding/json +fast):\n%s", diff)
	}
	slow.Transactions = nil
	if diff := cmp.Diff(slow, fast, exactly); diff != "" {
		t.Fatalf("the pages differ (-encoding/json +fast):\n%s", diff)
	}
	return true
}

// row is a page with one whole row that has the given members besides. Later members
// may repeat earlier ones.
func row(members string) string {
	return `{"transactions":[{"id":1,"accountId":2,"amount":-3.50,"bankBookingDate":"2026-11-20",` + members + `}],` +
		`"paging":{"page":1,"perPage":500,"pageCount":1,"totalCount":1},"income":0,"spending":-3.5,"balance":-3.5}`
}

// plainPages are bodies that the fast reader must accept, and oddPages are those it must leave
// to encoding/json, whatever that says.
var plainPages = map[string]string{
	"white space":              strings.NewReplacer(",", " ,\n", ":", " :\t", "{", "{ ", "}", " }\r\n").Replace(row(`"isNew":true`)),
	"nulls":                    row(`"parentId":null,"valueDate":null,"purpose":null,"category":null,"labels":null,"children":null,"feeAmount":null,"isNew":null,"importDate":null`),
	"empty lists":              row(`"labels":[],"children":[],"category":{"children":[]}`),
	"empty objects":            row(`"category":{},"paypalData":{},"certisData":{}`),
	"umlauts":                  row(`"purpose":"Müller & Söhne, 5 € – 日本"`),
	"simple escapes":           row(`"purpose":"\"a\\b\/c\b\f\n\r\t\u00e4\u20AC"`),
	"a NUL that is escaped":    row(`"purpose":"\u0000"`),
	"keys of tomorrow":         row(`"tomorrow":{"a":[1,2.5e3,"x",{"y":null}],"b":"\u12ab"},"later":true`),
	"keys in another order":    `{"paging":{"totalCount":1,"pageCount":1,"page":1},"transactions":[{"bankBookingDate":"2026-11-20","amount":1,"accountId":2,"id":1}]}`,
	"no rows":                  `{"transactions":[],"paging":{"page":1,"perPage":500,"pageCount":0,"totalCount":0}}`,
	"a leap day":               row(`"valueDate":"2024-02-29"`),
	"18 digits":                row(`"feeAmount":-1234567890123456.78,"parentId":123456789012345678`),
	"zeros":                    row(`"feeAmount":-0.00,"originalAmount":0,"compensationAmount":-0`),
	"currency before amount":   row(`"originalCurrency":"USD","originalAmount":4.20,"feeCurrency":"CHF","feeAmount":1`),
	"currency without amount":  row(`"originalCurrency":"USD","feeCurrency":"CHF"`),
	"amounts without currency": row(`"originalAmount":4.20,"feeAmount":1,"paypalData":{"fee":-0.35,"net":null}`),
	"UTC":                      row(`"importDate":"2026-08-13T06:00:11Z"`),
	"no colon in the zone":     row(`"importDate":"2026-08-13T06:00:11.1+0000"`),
	"half an hour":             row(`"importDate":"2026-08-13T06:00:11.123456789-03:30"`),
	"no page":                  `{"transactions":[]}`,
	"null as rows":             `{"transactions":null,"paging":{"page":1,"pageCount":1,"totalCount":1}}`,
	"nothing":                  `{}`,
}

var oddPages = map[string]string{
	"an exponent":                      row(`"feeAmount":1e2`),
	"19 digits":                        row(`"feeAmount":1234567890123456789`),
	"an id with a point":               row(`"parentId":1.0`),
	"a leading zero":                   row(`"feeAmount":01`),
	"no digit before the point":        row(`"feeAmount":.5`),
	"no digit after the point":         row(`"feeAmount":5.`),
	"a plus":                           row(`"feeAmount":+5`),
	"a number as text":                 row(`"feeAmount":"5"`),
	"a text as number":                 row(`"purpose":5`),
	"one as true":                      row(`"isNew":1`),
	"a truncated literal":              row(`"isNew":tru`),
	"a key twice":                      row(`"isNew":true,"isNew":false`),
	"a key in capitals":                row(`"PURPOSE":"x"`),
	"a key with a long s":              row(`"iſNew":true`),
	"a key with an escape":             row(`"is\u004eew":true`),
	"a surrogate pair":                 row(`"purpose":"\ud83d\ude00"`),
	"half a surrogate pair":            row(`"purpose":"\ud83d"`),
	"not UTF-8":                        row("\"purpose\":\"\xff\""),
	"not UTF-8, with an escape":        row("\"purpose\":\"\\n\xff\""),
	"a control character":              row("\"purpose\":\"a\nb\""),
	"an escape that is none":           row(`"purpose":"\x"`),
	"an escape that is none, unwanted": row(`"tomorrow":"\x"`),
	"an escape inside of an escape":    row(`"purpose":"\u123\\"`),
	"an escape that ends early":        row(`"purpose":"\u12"`),
	"a day that does not exist":        row(`"valueDate":"2026-02-30"`),
	"an empty day":                     row(`"valueDate":""`),
	"a day in another form":            row(`"valueDate":"20.11.2026"`),
	"the year zero":                    row(`"valueDate":"0000-01-01"`),
	"a second too many":                row(`"importDate":"2026-08-13T06:00:60Z"`),
	"a space for the T":                row(`"importDate":"2026-08-13 06:00:11Z"`),
	"no zone":                          row(`"importDate":"2026-08-13T06:00:11"`),
	"a zone too far":                   row(`"importDate":"2026-08-13T06:00:11+15:00"`),
	"a comma for the point":            row(`"importDate":"2026-08-13T06:00:11,5Z"`),
	"ten digits of a second":           row(`"importDate":"2026-08-13T06:00:11.1234567891Z"`),
	"an object as list":                row(`"labels":{}`),
	"a list as object":                 row(`"category":[]`),
	"null in a list":                   row(`"children":[null]`),
	"a null row":                       `{"transactions":[null],"paging":{"page":1,"pageCount":1,"totalCount":1}}`,
	"a row without an id":              `{"transactions":[{"accountId":2,"amount":1,"bankBookingDate":"2026-11-20"}],"paging":{}}`,
	"a row without an amount":          `{"transactions":[{"id":1,"accountId":2,"amount":null,"bankBookingDate":"2026-11-20"}],"paging":{}}`,
	"a row without an account":         `{"transactions":[{"id":1,"accountId":0,"amount":1,"bankBookingDate":"2026-11-20"}],"paging":{}}`,
	"a row without a day":              `{"transactions":[{"id":1,"accountId":2,"amount":1}],"paging":{}}`,
	"a trailing comma":                 `{"transactions":[],}`,
	"a missing comma":                  `{"transactions":[] "paging":{}}`,
	"a leading comma":                  `{,"transactions":[]}`,
	"a missing colon":                  `{"transactions" []}`,
	"something after the end":          `{"transactions":[]}x`,
	"a NUL after the end":              "{}\x00",
	"an end too early":                 `{"transactions":[{"id":1`,
	"an end after a backslash":         `{"transactions":[{"purpose":"\`,
	"values deep in each other":        row(`"tomorrow":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)),
	"a list":                           `[]`,
	"null":                             `null`,
	"a page of a proxy":                `<html><body>502</body></html>`,
	"an empty body":                    ``,
}

func TestWhatFinAPIWritesIsReadFast(t *testing.T) {
	t.Parallel()
	for name, body := range plainPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !readBothWays(t, []byte(body)) {
				t.Errorf("declined:\n%s", body)
			}
		})
	}
}

func TestWhatIsUnusualIsLeftToEncodingJSON(t *testing.T) {
	t.Parallel()
	for name, body := range oddPages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if readBothWays(t, []byte(body)) {
				t.Errorf("accepted:\n%s", body)
			}
		})
	}
}

func TestEveryPageOfTheFixturesIsReadFast(t *testing.T) {
	t.Parallel()
	for name, body := range pageFixtures(t) {
		// The first has an amount with an exponent.
		want := name != "transactions_page.json"
		if got := readBothWays(t, body); got != want {
			t.Errorf("%s: read fast %t, want %t", name, got, want)
		}
	}
}

func TestAPageOfEmptyRowsCostsLittleMemory(t *testing.T) { // not parallel: it counts allocations
	body := []byte(`{"transactions":[` + strings.Repeat("{},", 100_000) + `{}]}`)
	_, allocated, err := measure.Allocated(func() error {
		_, err := DecodePage(body)
		return err
	})
	if err == nil {
		t.Error("rows without an id were taken")
	}
	if most := float64(10 * len(body)); allocated > most {
		t.Errorf("a body of %d bytes took %.0f bytes of memory, want %.0f at the most", len(body), allocated, most)
	}
}

func pageFixtures(tb testing.TB) map[string][]byte {
	tb.Helper()
	pages := map[string][]byte{}
	for _, pattern := range []string{"testdata/fixtures/transactions_page*.json", "testdata/recorded/v2_transactions_page*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			tb.Fatalf("no fixture %s: %v", pattern, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				tb.Fatal(err)
			}
			pages[filepath.Base(file)] = body
		}
	}
	return pages
}

// FuzzPageDecoder checks that the fast reader of pages and encoding/json never disagree.
func FuzzPageDecoder(f *testing.F) {
	for _, body := range pageFixtures(f) {
		f.Add(body)
	}
	for _, bodies := range []map[string]string{plainPages, oddPages} {
		for _, body := range bodies {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { readBothWays(t, body) })
}
