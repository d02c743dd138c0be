package finapi

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"           //nolint:depguard // standard library, which go.uber.org/goleak in the list hides from depguard
	"go/parser"        //nolint:depguard // the same
	gotoken "go/token" //nolint:depguard // the same
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
)

var updateDocs = flag.Bool("update", false, "write docs/errors.md anew")

const (
	accessContract  = "testdata/contract/finapi-access-v2.yaml"
	webFormContract = "testdata/contract/finapi-webform-2.yaml"
)

func TestNoCodeOfTheContractIsForgotten(t *testing.T) {
	t.Parallel()
	// What the roots of the two documents say on all codes, and the text of each operation on some.
	named := map[Code]contractCode{}
	readCodes(t, named, accessContract, 39)
	readCodes(t, named, webFormContract, 13)
	enums := map[string][]Code{
		"Access, ErrorCode":             enumOf(t, accessContract, 39, "schemas", "ErrorCode"),
		"Web Form, Error.code":          enumOf(t, webFormContract, 13, "schemas", "Error", "code"),
		"Web Form, Payload.errorCode":   enumOf(t, webFormContract, 11, "schemas", "Payload", "errorCode"),
		"Web Form, TaskPayload (tasks)": enumOf(t, webFormContract, 5, "schemas", "TaskPayload", "errorCode"),
	}
	for enum, codes := range enums {
		for _, code := range codes {
			if _, ok := remedies[code]; !ok {
				t.Errorf("%s: %s is not in the table", enum, code)
			}
			if strings.Contains(enum, "Payload") {
				c := named[code]
				c.documented = append(c.documented, noStatus)
				named[code] = c
			} else if _, ok := named[code]; !ok {
				t.Errorf("%s: %s is in no x-finapi-error-codes", enum, code)
			}
		}
	}
	for code, want := range named {
		got := contractCode{documented: remedies[code].documented, guessed: remedies[code].guessed}
		if diff := gocmp.Diff(want.sorted(), got.sorted()); diff != "" {
			t.Errorf("%s does not come with the statuses of the contract (-want +got):\n%s", code, diff)
		}
	}
	for code := range remedies {
		if _, ok := named[code]; !ok && !ownCode(code) && strings.ToUpper(string(code)) == string(code) {
			t.Errorf("%s is in the table, but not in the contract", code)
		}
	}
}

type contractCode struct{ documented, guessed []int }

func (c *contractCode) sorted() [2][]int {
	return [2][]int{
		slices.Compact(slices.Sorted(slices.Values(c.documented))),
		slices.Compact(slices.Sorted(slices.Values(c.guessed))),
	}
}

func (c *contractCode) add(status int, guess bool) {
	if guess {
		c.guessed = append(c.guessed, status)
	} else {
		c.documented = append(c.documented, status)
	}
}

// readCodes scans a document for x-finapi-error-codes: the map at its root, which
// must have so many codes, and the lists below the answers of the operations.
func readCodes(t *testing.T, into map[Code]contractCode, file string, count int) {
	t.Helper()
	atRoot := map[Code]*contractCode{}
	var code Code            // of the map at the root
	var statuses []int       // of that code
	answer, listed := 0, -1  // the answer that is read, and how deep its list of codes is
	inRoot, found := true, 0 // found counts the codes in lists
	for line := range strings.Lines(readText(t, file)) {
		text := strings.TrimSpace(line)
		depth := len(line) - len(strings.TrimLeft(line, " "))
		key, value, _ := strings.Cut(text, ":")
		item, isItem := strings.CutPrefix(text, "- ")
		if depth == 0 && !isItem {
			inRoot = key == "x-finapi-error-codes"
		}
		switch {
		case inRoot && depth == 2:
			code, statuses = Code(key), nil
			atRoot[code] = &contractCode{}
		case inRoot && depth == 4 && isItem:
			statuses = append(statuses, statusOf(t, item))
		case inRoot && key == "source":
			for _, status := range statuses {
				atRoot[code].add(status, strings.TrimSpace(value) == "guess")
			}
		case len(key) == 5 && strings.HasPrefix(key, "'") && value == "":
			answer = statusOf(t, strings.Trim(key, "'"))
		case !inRoot && strings.HasPrefix(key, "x-finapi-error-codes"):
			listed = depth
		case isItem && depth == listed:
			c := into[Code(item)]
			c.add(answer, false)
			into[Code(item)] = c
			found++
		default:
			listed = -1
		}
	}
	if len(atRoot) != count || found == 0 {
		t.Fatalf("%s: read %d codes at the root and %d in lists, want %d and some", file, len(atRoot), found, count)
	}
	for code, c := range atRoot {
		all := into[code]
		all.documented = append(all.documented, c.documented...)
		all.guessed = append(all.guessed, c.guessed...)
		into[code] = all
	}
}

func statusOf(t *testing.T, text string) int {
	t.Helper()
	status, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%q is no status", text)
	}
	return status
}

// enumOf follows keys that are nested in this order, and returns the enum there.
func enumOf(t *testing.T, file string, count int, keys ...string) []Code {
	t.Helper()
	var out []Code
	keys = append(keys, "enum")
	depth := -1
	for line := range strings.Lines(readText(t, file)) {
		text := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch item, isItem := strings.CutPrefix(text, "- "); {
		case len(keys) > 0 && text == keys[0]+":" && indent > depth:
			keys, depth = keys[1:], indent
		case len(keys) > 0:
		case !isItem || indent < depth:
			if len(out) != count {
				t.Fatalf("%s: the enum has %d values, want %d: %v", file, len(out), count, out)
			}
			return out
		case item != "null":
			out = append(out, Code(item))
		}
	}
	t.Fatalf("%s: no enum was found", file)
	return nil
}

func TestEveryConstantIsInTheTableAndEveryCodeHasAConstant(t *testing.T) {
	t.Parallel()
	constants := codeConstants(t)
	if len(constants) < 60 {
		t.Fatalf("only %d constants were found", len(constants))
	}
	for name, code := range constants {
		if _, ok := remedies[code]; !ok {
			t.Errorf("%s is not in the table", name)
		}
	}
	known := slices.Sorted(maps.Values(constants))
	if len(slices.Compact(slices.Clone(known))) != len(known) {
		t.Error("two constants have the same value")
	}
	var without []Code
	for code := range remedies {
		if !slices.Contains(known, code) {
			without = append(without, code)
		}
	}
	slices.Sort(without)
	want := []Code{
		"COLLECTIVE_MONEY_TRANSFER_NOT_SUPPORTED",
		"IBAN_ONLY_DIRECT_DEBIT_NOT_SUPPORTED",
		"IBAN_ONLY_MONEY_TRANSFER_NOT_SUPPORTED",
		"PAYMENT_NOT_SUPPORTED",
		"invalid_request",
		"invalid_scope",
		"unauthorized_client",
		"unsupported_grant_type",
	}
	if diff := gocmp.Diff(want, without); diff != "" {
		t.Errorf("other codes lack a constant than those that should (-want +got):\n%s", diff)
	}
}

// codeConstants finds the constants of type Code in the package.
func codeConstants(t *testing.T) map[string]Code {
	t.Helper()
	constants := map[string]Code{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !isIdent(spec.Type, "Code") || len(spec.Values) != len(spec.Names) {
				return true
			}
			for i, name := range spec.Names {
				if value, ok := spec.Values[i].(*ast.BasicLit); ok && name.IsExported() {
					text, err := strconv.Unquote(value.Value)
					if err != nil {
						t.Fatal(err)
					}
					constants[name.Name] = Code(text)
				}
			}
			return true
		})
	}
	return constants
}

// sources parses the package without its tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if files["codes.go"] == nil {
		t.Fatal("the sources were not found")
	}
	return files
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

func TestTheErrorsOfThePackageNameTheActorOfTheTable(t *testing.T) {
	t.Parallel()
	constants, found := codeConstants(t), 0
	names := map[string]Actor{
		"ActorCustomer": ActorCustomer, "ActorVendor": ActorVendor, "ActorBank": ActorBank, "ActorFinAPI": ActorFinAPI,
	}
	for name, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok || !isIdent(literal.Type, "Error") {
				return true
			}
			var code Code
			var actor Actor
			for _, element := range literal.Elts {
				pair, _ := element.(*ast.KeyValueExpr)
				value, ok := pair.Value.(*ast.Ident)
				switch {
				case ok && isIdent(pair.Key, "Code"):
					code = constants[value.Name]
				case ok && isIdent(pair.Key, "Actor"):
					actor = names[value.Name]
				}
			}
			if code == "" || actor == "" {
				return true // it asks actorOf
			}
			found++
			if want := remedies[code].actor; actor != want {
				t.Errorf("%s: an error with %s is of %s, want %s", name, code, actor, want)
			}
			return true
		})
	}
	if found < 5 {
		t.Errorf("only %d errors were found", found)
	}
}

func TestNoExportedNameSpeaksOfOrders(t *testing.T) {
	t.Parallel()
	found := 0
	check := func(file string, names ...*ast.Ident) {
		for _, name := range names {
			if !name.IsExported() {
				continue
			}
			found++
			for _, word := range []string{"payment", "transfer", "standingorder", "standing_order"} {
				if strings.Contains(strings.ToLower(name.Name), word) {
					t.Errorf("%s: %s contains %q", file, name.Name, word)
				}
			}
		}
	}
	for name, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BlockStmt:
				return false // only what others can see
			case *ast.FuncDecl:
				check(name, n.Name)
			case *ast.TypeSpec:
				check(name, n.Name)
			case *ast.ValueSpec:
				check(name, n.Names...)
			case *ast.Field:
				check(name, n.Names...)
			}
			return true
		})
	}
	if found < 300 {
		t.Errorf("only %d names were found", found)
	}
}

func allAdvice() map[string]advice {
	all := map[string]advice{"a customer who is asked": customerIsAsked}
	for code, a := range remedies {
		all[string(code)] = a
	}
	for status, a := range remediesByStatus {
		all[fmt.Sprintf("status %d", status)] = a
	}
	for actor, a := range remediesByActor {
		all["actor "+string(actor)] = a
	}
	return all
}

func TestEveryRemedyIsOneShortSentenceInEachLanguage(t *testing.T) {
	t.Parallel()
	for name, a := range allAdvice() {
		for _, sentence := range []string{a.english, a.german} {
			if n := utf8.RuneCountInString(sentence); n < 20 || n > 160 {
				t.Errorf("%s: %d characters, want 20 to 160: %s", name, n, sentence)
			}
			if i := strings.IndexAny(sentence, ".!?\n"); i != len(sentence)-1 || sentence[i] != '.' {
				t.Errorf("%s: not one sentence that ends with a period: %s", name, sentence)
			}
			if strings.Contains(sentence, "  ") || strings.TrimSpace(sentence) != sentence {
				t.Errorf("%s: blanks that do not belong there: %q", name, sentence)
			}
		}
		if a.english == a.german {
			t.Errorf("%s: German is English", name)
		}
		for _, spelling := range []string{"fuer", "ueber", "prue", "waehl", "oeffn", "koenn", "moecht", "spaet", "bestae", "aender", "zulaess"} {
			if strings.Contains(strings.ToLower(a.german), spelling) {
				t.Errorf("%s: %q without its umlaut: %s", name, spelling, a.german)
			}
		}
	}
}

func TestEveryRemedySpeaksToWhoMustAct(t *testing.T) {
	t.Parallel()
	jargon := []string{
		"token", "client", "call", "http", "api ", "id", "ids", "psu", "tpp", "mandator", "sca", "xs2a", "status", "request", "url", "json", "sdk",
		"aufruf", "parameter", "feed", "ledger", "feld", "support", "code",
	}
	for name, a := range allAdvice() {
		switch a.actor {
		case ActorVendor:
			if strings.Contains(strings.ToLower(a.english), "please") || strings.Contains(strings.ToLower(a.german), "bitte") {
				t.Errorf("%s: speaks to the vendor as if to a customer: %s", name, a.english)
			}
		case ActorCustomer, ActorBank, ActorFinAPI:
			for _, sentence := range []string{a.english, a.german} {
				words := strings.FieldsFunc(strings.ToLower(sentence), func(r rune) bool { return strings.ContainsRune(" ,;:.", r) })
				for _, word := range jargon {
					if slices.Contains(words, word) {
						t.Errorf("%s: a customer need not know %q: %s", name, word, sentence)
					}
				}
			}
			if !strings.Contains(a.english, "please") && !strings.Contains(a.english, "Please") || !strings.Contains(strings.ToLower(a.german), "bitte") {
				t.Errorf("%s: does not ask kindly: %s %s", name, a.english, a.german)
			}
		default:
			t.Errorf("%s: nobody acts", name)
		}
	}
}

func TestEveryRuleFitsItsActor(t *testing.T) {
	t.Parallel()
	fits := map[Actor][]RetryRule{
		ActorCustomer: {RetryAfterActor},
		ActorVendor:   {RetryNever, RetryWithNewToken, RetryAfterActor},
		ActorBank:     {RetryLater, RetryAfterActor},
		ActorFinAPI:   {RetryLater, RetryAfterActor},
	}
	for name, a := range allAdvice() {
		if !slices.Contains(fits[a.actor], a.retry) {
			t.Errorf("%s: %s acts, and the rule is %q", name, a.actor, a.retry)
		}
		if a.retry == RetryWithNewToken && name != "status 401" && !slices.Contains(append(a.guessed, a.documented...), 401) {
			t.Errorf("%s: a new token helps only after a 401", name)
		}
	}
}

func TestNoTwoCodesShareASentenceByAccident(t *testing.T) {
	t.Parallel()
	bySentence := map[string][]string{}
	for code, a := range remedies {
		for _, sentence := range []string{a.english, a.german} {
			bySentence[sentence] = append(bySentence[sentence], string(code))
		}
	}
	shared := map[string]int{}
	for _, codes := range bySentence {
		slices.Sort(codes)
		if len(codes) > 1 {
			shared[strings.Join(codes, " ")]++
		}
	}
	// Both languages must share: hence 2.
	want := map[string]int{
		"BANK_NOT_SUPPORTED UNSUPPORTED_BANK": 2,
		"BANK_NOT_UNIQUE UNDETERMINED_BANK":   2,
		"COLLECTIVE_MONEY_TRANSFER_NOT_SUPPORTED IBAN_ONLY_DIRECT_DEBIT_NOT_SUPPORTED IBAN_ONLY_MONEY_TRANSFER_NOT_SUPPORTED PAYMENT_NOT_SUPPORTED": 2,
		"INTERNAL_ERROR INTERNAL_SERVER_ERROR UNEXPECTED_ACCESS_RESPONSE UNEXPECTED_ERROR":                                                          2,
		"METHOD_NOT_ALLOWED NOT_ALLOWED": 2,
		"NOT_FOUND UNKNOWN_ENTITY":       2,
	}
	if diff := gocmp.Diff(want, shared); diff != "" {
		t.Errorf("other codes share a sentence than those that mean the same (-want +got):\n%s", diff)
	}
}

// TestTheActorsAreThoseOfFinAPIsDescriptions compares with a list that was made
// from the descriptions of the codes in finAPI's documents, not from the table.
func TestTheActorsAreThoseOfFinAPIsDescriptions(t *testing.T) {
	t.Parallel()
	golden := map[Actor][]Code{
		// At the bank or in the form.
		ActorCustomer: {
			"BANK_SERVER_REJECTION", "ADDITIONAL_AUTHENTICATION_REQUIRED", "WEB_FORM_REQUIRED", "WEB_FORM_ABORTED", "INVALID_CONSENT",
			"MISSING_CREDENTIALS", "LOGIN_FIELDS_MISMATCH", "MISSING_TWO_STEP_PROCEDURE", "INVALID_TWO_STEP_PROCEDURE",
			"NO_EXISTING_CHALLENGE", "NO_ACCOUNTS_FOR_TYPE_LIST", "INTERRUPTED",
		},
		ActorVendor: {
			"BAD_REQUEST", "MISSING_FIELD", "ILLEGAL_FIELD_VALUE", "ILLEGAL_PAGE_SIZE", "INVALID_FILTER_OPTIONS", "UNSUPPORTED_ORDER",
			"TOO_MANY_IDS", "INVALID_ACCOUNT_TYPES", "METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE", "UNKNOWN_ENTITY", "ENTITY_EXISTS",
			"ILLEGAL_ENTITY_STATE", "UNAUTHORIZED_ACCESS", "FORBIDDEN", "INVALID_TOKEN", "USER_NOT_VERIFIED", "USER_ALREADY_VERIFIED",
			"NO_PSU_METADATA", "UNSUPPORTED_FEATURE", "MANDATOR_MISCONFIGURATION", "UNDETERMINED_BANK",
			// The set-up of a vendor with a licence.
			"NO_CERTIFICATE", "NO_TPP_CLIENT_CREDENTIALS",
			// Orders.
			"COLLECTIVE_MONEY_TRANSFER_NOT_SUPPORTED", "IBAN_ONLY_DIRECT_DEBIT_NOT_SUPPORTED", "IBAN_ONLY_MONEY_TRANSFER_NOT_SUPPORTED",
			"PAYMENT_NOT_SUPPORTED",
			// Web Form, by status: 401, 403, 404, 405, 422.
			"UNAUTHORIZED", "NOT_FOUND", "NOT_ALLOWED", "BANK_NOT_UNIQUE", "INVALID_REDIRECT_URL", "NOT_SUPPORTED",
			// OAuth.
			"invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type",
		},
		ActorBank: {"UNSUPPORTED_BANK", "BANK_NOT_SUPPORTED"},
		// Wait, and then ask finAPI's support.
		ActorFinAPI: {"LOCKED", "UNEXPECTED_ERROR", "INTERNAL_SERVER_ERROR", "INTERNAL_ERROR", "UNEXPECTED_ACCESS_RESPONSE"},
	}
	judged := 0
	for actor, codes := range golden {
		for _, code := range codes {
			judged++
			for _, status := range append([]int{noStatus}, remedies[code].documented...) {
				if got := actorOf(code, status); got != actor {
					t.Errorf("%d %s is of %s, want %s", status, code, got, actor)
				}
			}
		}
	}
	for code := range remedies {
		if ownCode(code) {
			judged++
		}
	}
	if judged != len(remedies) {
		t.Errorf("the list judges %d codes, but the table has %d", judged, len(remedies))
	}
}

func TestOnlyWhatMayWorkLaterIsRepeated(t *testing.T) {
	t.Parallel()
	codes := slices.AppendSeq([]Code{"", "A_CODE_OF_TOMORROW"}, maps.Keys(remedies))
	repeated := []int{429, 500, 502, 503, 504}
	for _, code := range codes {
		for status := range 600 {
			e := &Error{Code: code, Status: status}
			want := e.Retry() == RetryLater && (slices.Contains(repeated, status) || code == CodeNetwork || code == CodeBadCertificate)
			if got := temporary(e); got != want {
				t.Errorf("%d %s: repeating is %v, want %v: the rule is %q", status, code, got, want, e.Retry())
			}
		}
	}
	for _, status := range repeated {
		for _, code := range []Code{CodeHTTP, CodeUnexpected, CodeInternalServerError, "A_CODE_OF_TOMORROW"} {
			if !temporary(&Error{Code: code, Status: status}) {
				t.Errorf("%d %s is not repeated", status, code)
			}
		}
		if temporary(&Error{Code: CodeBankServerRejection, Status: status}) {
			t.Errorf("%d %s is repeated, but the customer must act", status, CodeBankServerRejection)
		}
	}
	if temporary(errors.New("other")) {
		t.Error("an error of somebody else is repeated")
	}
}

func TestTheErrorTableInTheDocsIsCurrent(t *testing.T) {
	const file, start, end = "docs/errors.md", "<!-- start of the tables -->\n", "<!-- end of the tables -->\n"
	text := readText(t, file)
	before, rest, ok := strings.Cut(text, start)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks its marks", file)
	}
	want := before + start + "\n" + errorTables() + "\n" + end + after
	if text == want {
		return
	}
	if !*updateDocs {
		t.Fatalf("%s is not what the code says; write it with: go test -run %s -update", file, t.Name())
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func errorTables() string {
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	table := func(title string, first ...string) {
		fmt.Fprintf(&b, "## %s\n\n", title)
		line(append(first, "who acts", "again", "what to do")...)
		b.WriteString(strings.Repeat("|---", len(first)+3) + "|\n")
	}
	row := func(a advice, first ...string) {
		line(append(first, string(a.actor), string(a.retry), a.english+"<br>"+a.german)...)
	}
	codes := func(title string, which func(Code) bool) {
		table(title, "code", "status")
		for _, code := range slices.Sorted(maps.Keys(remedies)) {
			if a := remedies[code]; which(code) {
				row(a, "`"+string(code)+"`", statusesOf(code))
			}
		}
		b.WriteString("\n")
	}
	lower := func(c Code) bool { return strings.ToLower(string(c)) == string(c) }
	codes("Codes of finAPI", func(c Code) bool { return !ownCode(c) && !lower(c) })
	codes("Codes of OAuth", lower)
	codes("Codes of this package", ownCode)
	table("Any other code", "status or actor")
	for _, status := range slices.Sorted(maps.Keys(remediesByStatus)) {
		row(remediesByStatus[status], strconv.Itoa(status))
	}
	for _, actor := range []Actor{ActorCustomer, ActorVendor, ActorBank, ActorFinAPI} {
		row(remediesByActor[actor], "else, "+string(actor))
	}
	return b.String()
}

// statusesOf lists the statuses, the guessed ones with a question mark.
func statusesOf(code Code) string {
	a := remedies[code]
	var out []string
	for _, status := range a.documented {
		if status != noStatus {
			out = append(out, strconv.Itoa(status))
		}
	}
	for _, status := range a.guessed {
		out = append(out, strconv.Itoa(status)+"?")
	}
	if slices.Contains(a.documented, noStatus) {
		out = append(out, "none")
	}
	switch {
	case out == nil && ownCode(code):
		return "any"
	case out == nil:
		return "unknown"
	}
	return strings.Join(out, ", ")
}
