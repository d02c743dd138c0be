package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi/internal/record/redact"
)

var rules = sync.OnceValue(redact.DefaultRules)

func redactor() *redact.Redactor {
	return redact.New(rules(), []byte("a key of the test"), nil)
}

// redacted sends one body through both passes.
func redacted(tb rapid.TB, root, body string) string {
	tb.Helper()
	r := redactor()
	if err := r.Observe(root, []byte(body)); err != nil {
		tb.Fatal(err)
	}
	out, err := r.Body(root, []byte(body))
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

func TestWhatBecomesOfAField(t *testing.T) {
	t.Parallel()
	const stays = "stays"
	for name, c := range map[string]struct{ root, body, want string }{
		"an amount keeps its literal":                    {"transactions", `{"amount":-1.50e2,"balance":0.0}`, stays},
		"null, true and false stay":                      {"x", `{"a":null,"b":true,"purpose":false,"iban":null}`, stays},
		"white space and the order of fields stay":       {"x", "{ \"b\" :\n null,\t\"a\":\r\n[ ] }\n", stays},
		"a code stays":                                   {"error", `{"errors":[{"code":"UNKNOWN_ENTITY","type":"TECHNICAL"}]}`, stays},
		"a code that is none goes":                       {"error", `{"code":"Erika M"}`, `{"code":"[A-Z][a-z]{4} [A-Z]"}`},
		"a time stays":                                   {"x", `{"importDate":"2026-03-02T09:00:00.000+01:00","createdAt":"2026-03-02T09:00:00.000+0000"}`, stays},
		"a time that is none goes":                       {"x", `{"importDate":"gestern"}`, `{"importDate":"[a-z]{7}"}`},
		"a name goes, its form stays":                    {"x", `{"accountHolderName":"Dr. Müller-Lüd 7"}`, `{"accountHolderName":"[A-Z][a-z]\. [A-Z].[a-z]{4}-[A-Z].[a-z] [1-9]"}`},
		"a text that finAPI adds goes":                   {"transactions", `{"transactions":[{"cleanedPurpose":"Miete"}]}`, `{"transactions":\[{"cleanedPurpose":"[A-Z][a-z]{4}"}\]}`},
		"a number that finAPI adds goes":                 {"x", `{"customerNumber":4711.05e1}`, `{"customerNumber":[1-9]\d{3}\.0[1-9]e1}`},
		"a zero stays":                                   {"x", `{"new":0,"other":0.00,"id":0}`, stays},
		"a bank is public":                               {"banks", `{"banks":[{"id":280001,"name":"finAPI Test Bank","bic":"TESTDE00","city":"Köln"}]}`, stays},
		"the bank of a connection is public, its id not": {"bankConnections", `{"id":77,"name":"Ich","bank":{"id":5,"name":"Bank"}}`, `{"id":[1-9]\d,"name":"[A-Z][a-z]{2}","bank":{"id":5,"name":"Bank"}}`},
		"the type of a booking goes":                     {"transactions", `{"type":"MUELLER"}`, `{"type":"[A-Z]{7}"}`},
		"the type of a form stays":                       {"webForms", `{"type":"BANK_CONNECTION_IMPORT"}`, stays},
		"hidden values stay":                             {"users", `{"id":"XXXXX","password":"XXXXX","email":""}`, stays},
		"an e-mail address gets a domain of nobody":      {"users", `{"email":"erika.m@web.de"}`, `{"email":"[a-z]{5}\.[a-z]@[a-z]{3}\.example"}`},
		"a day of birth becomes another":                 {"x", `{"dateOfBirth":"1981-02-03"}`, `{"dateOfBirth":"19\d\d-\d\d-\d\d"}`},
		"a form's host stays":                            {"webForms", `{"url":"https://webform-sandbox.finapi.io/wf/8c1d7c2e-3f51-4d0b-9a3f-5d6f4b1f0a10"}`, `{"url":"https://webform-sandbox\.finapi\.io/wf/[0-9a-f]{8}-[0-9a-f-]{27}"}`},
		"any other host goes, with its path and query":   {"x", `{"url":"https://erp.firma.de/kunde/4?key=abc"}`, `{"url":"https://[a-z]{3}\.[a-z]{5}\.[a-z]{2}\.example/[a-z]{5}/[1-9]\?key=[a-z]{3}"}`},
		"an endpoint loses its ids":                      {"error", `{"endpoint":"GET /api/v2/accounts/123456"}`, `{"endpoint":"GET /api/v2/accounts/[1-9]\d{5}"}`},
		"an endpoint keeps the id of a bank":             {"error", `{"endpoint":"GET /api/v2/banks/280001"}`, stays},
		"a request id shows who made it":                 {"error", `{"requestId":"selfgen-5f0f3c1e-6b0a-4f0e-9f38-6c1d5a0b7e21"}`, `{"requestId":"selfgen-[0-9a-f]{8}-[0-9a-f-]{27}"}`},
		"a key that is data goes":                        {"x", `{"DE02120300000000202051":null}`, `{"DE\d\d99\d+":null}`},
		"escapes of what stays remain":                   {"banks", `{"banks":[{"name":"B\u00e4nk \"A\""}]}`, stays},
		"a BIC keeps its country and head office":        {"x", `{"counterpartBic":"COBADEFFXXX"}`, `{"counterpartBic":"[A-Z]{4}DE[A-Z]{2}XXX"}`},
		"ids in a rule's parameters are ids":             {"x", `{"params":{"accountIds":"12345,23456"}}`, `{"params":{"accountIds":"[1-9]\d{4},[1-9]\d{4}"}}`},
		"a creditor id keeps its business code":          {"x", `{"counterpartCreditorId":"DE98ZZZ09999999999"}`, `{"counterpartCreditorId":"DE\d\dZZZ\d{11}"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := redacted(t, c.root, c.body)
			if c.want == stays {
				if got != c.body {
					t.Errorf("got %s, want it unchanged: %s", got, c.body)
				}
				return
			}
			if !regexp.MustCompile(`^` + strings.NewReplacer("{\"", "\\{\"", "\"}", "\"\\}").Replace(c.want) + `$`).MatchString(got) {
				t.Errorf("got %s, want something like %s", got, c.want)
			}
			if got == c.body {
				t.Errorf("%s was not redacted", got)
			}
		})
	}
}

func TestABodyThatIsNoJSONIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{"a":1`, `{} {}`, `{"a":}`} {
		if _, err := redactor().Body("x", []byte(body)); err == nil {
			t.Errorf("%q was taken", body)
		}
	}
}

// documents draws JSON of any form, with literals and spaces that an encoder
// would not write.
func documents() *rapid.Generator[string] {
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n"})
	number := rapid.SampledFrom([]string{"0", "-0", "0.0", "1e2", "1E+2", "-135.89", "100.00", "9007199254740993", "12345678901234567890", "3587742"})
	key := rapid.SampledFrom([]string{"id", "amount", "purpose", "iban", "status", "date", "bank", "name", "neu", "accounts", "Erika 4711 22", "a\\u0062"})
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"UPDATED", "XXXXX", "2026-03-02", "DE02120300000000202051", "Miete", "a@b.de", "\\u00fc\\n", "\\/", "ü€😀", "42"}),
		rapid.StringMatching(`[a-zA-Z0-9 ,.-]{0,12}`),
	)
	var value *rapid.Generator[string]
	value = rapid.Custom(func(t *rapid.T) string {
		pad := func(s string) string { return space.Draw(t, "space") + s + space.Draw(t, "space") }
		kind := rapid.IntRange(0, 7).Draw(t, "kind")
		n := rapid.IntRange(0, 3).Draw(t, "members")
		var parts []string
		switch kind {
		case 0, 1:
			for range n {
				parts = append(parts, pad(`"`+key.Draw(t, "key")+`"`)+":"+value.Draw(t, "value"))
			}
			return pad("{" + strings.Join(parts, ",") + space.Draw(t, "space") + "}")
		case 2:
			for range n {
				parts = append(parts, value.Draw(t, "value"))
			}
			return pad("[" + strings.Join(parts, ",") + space.Draw(t, "space") + "]")
		case 3:
			return pad(number.Draw(t, "number"))
		case 4:
			return pad(rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word"))
		}
		return pad(`"` + text.Draw(t, "text") + `"`)
	})
	return value
}

var literal = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?\d[0-9.eE+-]*`)

var amount = regexp.MustCompile(`"amount"\s*:\s*-?\d[0-9.eE+-]*`)

// skeleton is a document without its texts and numbers.
func skeleton(body string) string {
	return literal.ReplaceAllStringFunc(body, func(found string) string { return map[bool]string{true: "S", false: "N"}[found[0] == '"'] })
}

func TestEverythingButRedactedValuesStaysByteForByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := documents().Draw(t, "body")
		got := redacted(t, "x", body)
		if diff := gocmp.Diff(skeleton(body), skeleton(got)); diff != "" {
			t.Fatalf("the structure changed (-before +after):\n%s", diff)
		}
		if !json.Valid([]byte(got)) {
			t.Fatalf("no JSON: %s", got)
		}
		before, after := literal.FindAllString(body, -1), literal.FindAllString(got, -1)
		for i, was := range before {
			if is := after[i]; was[0] != '"' && shape(was) != shape(is) {
				t.Fatalf("the number %s became %s", was, is)
			}
		}
		if diff := gocmp.Diff(amount.FindAllString(body, -1), amount.FindAllString(got, -1)); diff != "" {
			t.Fatalf("an amount changed (-before +after):\n%s", diff)
		}
	})
}

// shape is a number with a 9 for each digit.
func shape(number string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	return regexp.MustCompile(`\d`).ReplaceAllString(mantissa, "9") + exponent
}

func TestEqualTextsStayEqualAndDifferentOnesDifferent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringMatching(`[0-9]{1,2}`), rapid.StringMatching(`[A-Za-zäöü ]{1,20}`), rapid.StringMatching(`[a-z]{1,3}@[a-z]{1,3}\.de`),
			rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), rapid.Just("K"), rapid.Just("k"),
		), 1, 60).Draw(t, "texts")
		r := redactor()
		forward, back := map[string]string{}, map[string]string{}
		for _, text := range append(texts, texts...) {
			out := r.Text(text)
			if known, ok := forward[text]; ok && known != out {
				t.Fatalf("%q became %q and %q", text, known, out)
			}
			if other, ok := back[out]; ok && other != text {
				t.Fatalf("%q and %q both became %q", text, other, out)
			}
			if out == text && strings.ContainsFunc(text, func(c rune) bool { return c != ' ' && c != '0' }) {
				t.Fatalf("%q stayed", text)
			}
			forward[text], back[out] = out, text
		}
	})
}

// validIBAN checks with big integers, unlike the code under test.
func validIBAN(iban string) bool {
	var digits strings.Builder
	for _, c := range iban[4:] + iban[:4] {
		digits.WriteString(strconv.FormatInt(int64(strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", c)), 10))
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

func TestAnIBANBecomesAValidOneOfItsCountry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		country := rapid.SampledFrom([]string{"DE", "CH", "GB", "MT"}).Draw(t, "country")
		form := map[string]string{"DE": `\d{18}`, "CH": `\d{5}[0-9A-Z]{12}`, "GB": `[A-Z]{4}\d{14}`, "MT": `[A-Z]{4}\d{5}[0-9A-Z]{18}`}[country]
		rest := rapid.StringMatching(form).Draw(t, "rest")
		var iban string
		for check := range 100 {
			if iban = fmt.Sprintf("%s%02d%s", country, check, rest); validIBAN(iban) {
				break
			}
		}
		got := redactor().Text(iban)
		if !validIBAN(got) || got[:2] != country || len(got) != len(iban) || got == iban {
			t.Fatalf("%s became %s", iban, got)
		}
		if bank := got[4:6]; bank != "99" && bank != "XX" && bank != "9X" && bank != "X9" {
			t.Fatalf("%s may be a bank's", got)
		}
	})
}

func TestAnIBANInGroupsIsTheSameIBAN(t *testing.T) {
	t.Parallel()
	r := redactor()
	whole, grouped := r.Text("DE02120300000000202051"), r.Text("DE02 1203 0000 0000 2020 51")
	if strings.ReplaceAll(grouped, " ", "") != whole || strings.Count(grouped, " ") != 5 {
		t.Errorf("got %s and %s", whole, grouped)
	}
}

func TestIDsKeepTheirOrderAndSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]int64{1, 9, 10, 99, 1<<31 - 1, 1 << 31, 1<<53 - 1, 1 << 53, 1<<63 - 1})
		ids := rapid.SliceOfNDistinct(rapid.OneOf(edge, rapid.Int64Range(1, 200), rapid.Int64Range(1_000_000, 1_000_100), rapid.Int64Min(1)), 1, 80,
			func(id int64) int64 { return id }).Draw(t, "ids")
		slices.Sort(ids)
		body, err := json.Marshal(map[string]any{"identifiers": ids})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Identifiers []int64 `json:"identifiers"`
		}
		if err := json.Unmarshal([]byte(redacted(t, "x", string(body))), &got); err != nil {
			t.Fatal(err)
		}
		for i, id := range got.Identifiers {
			if len(strconv.FormatInt(id, 10)) != len(strconv.FormatInt(ids[i], 10)) || id>>31 == 0 != (ids[i]>>31 == 0) || id>>53 == 0 != (ids[i]>>53 == 0) {
				t.Fatalf("%d became %d", ids[i], id)
			}
			if i > 0 && id <= got.Identifiers[i-1] {
				t.Fatalf("%v became %v", ids, got.Identifiers)
			}
		}
	})
}

func TestAnIDIsTheSameWhereverItStands(t *testing.T) {
	t.Parallel()
	got := redacted(t, "accounts", `{"accounts":[{"id":3587742}],"endpoint":"GET /api/v2/accounts/3587742","params":{"accountIds":"3587742"},"dailyBalances":[{"transactions":[3587742]}]}`)
	found := regexp.MustCompile(`\d{7}`).FindAllString(got, -1)
	if len(found) != 4 || found[0] == "3587742" || len(slices.Compact(found)) != 1 {
		t.Errorf("got %s", got)
	}
}

func TestTwoRunsInventDifferently(t *testing.T) {
	t.Parallel()
	a := redact.New(rules(), []byte("one"), nil).Text("Erika Mustermann")
	b := redact.New(rules(), []byte("two"), nil).Text("Erika Mustermann")
	if a == b {
		t.Errorf("both invented %q", a)
	}
}

func TestNothingInventedHoldsASecret(t *testing.T) {
	t.Parallel()
	forbidden := func(text string) bool { return strings.Contains(text, "7") }
	r := redact.New(rules(), []byte("key"), forbidden)
	for i := range 100 {
		if out := r.Text("KD-" + strconv.Itoa(1000+i)); bytes.ContainsRune([]byte(out), '7') {
			t.Errorf("invented %s", out)
		}
	}
}
