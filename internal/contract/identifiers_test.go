package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// This file proves that nothing in the SDK has to do with moving money: no name says so, and
// no request is built but from the table of endpoints. readonly_test.go holds the table against
// all that the tests send.

// sourceOf parses every Go file of the modules that a program links, without their tests.
func sourceOf(t *testing.T, files *token.FileSet) map[string]*ast.File {
	t.Helper()
	parsed := map[string]*ast.File{}
	for _, folder := range []string{"", "internal/wire/", "sqlstore/", "fleet/", "otel/"} {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			name := folder + entry.Name()
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if parsed[name], err = parser.ParseFile(files, filepath.Join(root, name), nil, parser.SkipObjectResolution); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(parsed) < 70 || parsed["client.go"] == nil || parsed["sqlstore/store.go"] == nil || parsed["fleet/fleet.go"] == nil || parsed["otel/hooks.go"] == nil {
		t.Fatalf("only %d files were found", len(parsed))
	}
	return parsed
}

// wordsOf splits an identifier in camel case or snake case into its words, in lower case.
func wordsOf(identifier string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := []rune(identifier)
	for i, r := range runes {
		switch {
		case r == '_' || unicode.IsDigit(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}

// moving matches identifiers, as their words with blanks, that have to do with moving money.
var moving = regexp.MustCompile(`\b(payments?|pays?|payees?|payers?|(money)?transfer(s|red|ring)?|(standing|payment) ?orders?|direct ?debits?|remit\w*|initiat\w*|pis|pisp)\b`)

func movesMoney(identifier string) bool {
	text := strings.ReplaceAll(strings.Join(wordsOf(identifier), " "), "pay pal", "") // a company, of which accounts tell
	return moving.MatchString(text)
}

func TestNoIdentifierHasToDoWithMovingMoney(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	seen := 0
	for _, file := range sourceOf(t, files) {
		ast.Inspect(file, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				seen++
				if movesMoney(name.Name) {
					t.Errorf("%s: the identifier %s", files.Position(name.Pos()), name.Name)
				}
			}
			return true
		})
	}
	if seen < 20_000 {
		t.Errorf("only %d identifiers were seen", seen)
	}
}

func TestAnIdentifierThatMovesMoneyIsRecognised(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Payment", "payments", "CreatePayment", "PaymentID", "sepaPayments", "payment_id", "PAYMENT_ID", "transfer", "MoneyTransfer", "moneytransfer",
		"SEPATransfers", "transferMoney", "StandingOrder", "standingOrders", "standing_order", "standingorder", "PaymentOrder", "DirectDebit",
		"directdebits", "epInitiatePayment", "initiate", "PIS", "payee", "URLTransfer2", "PayNow",
	} {
		if !movesMoney(name) {
			t.Errorf("%s is not recognised", name)
		}
	}
	for _, name := range []string{"Payload", "payloads", "payday", "Transferable", "order", "Orders", "outstanding", "debit", "initial", "Initialised", "piston", "paging", "displayed", "PayPal", "payPalDetails"} {
		if movesMoney(name) {
			t.Errorf("%s is taken for one that moves money", name)
		}
	}
}

// TestRequestsAreBuiltAndSentInOnePlace reads who uses what net/http has for sending. The
// linter forbids the same, with the types at hand.
func TestRequestsAreBuiltAndSentInOnePlace(t *testing.T) {
	t.Parallel()
	builders := []string{"NewRequest", "NewRequestWithContext", "Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport"}
	files := token.NewFileSet()
	var built, sent []string
	for path, file := range sourceOf(t, files) {
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := selector.X.(*ast.Ident)
			switch {
			case of != nil && of.Name == "http" && slices.Contains(builders, selector.Sel.Name):
				built = append(built, path+": http."+selector.Sel.Name)
			case selector.Sel.Name == "RoundTrip", selector.Sel.Name == "Do" && path != "sqlstore/store.go":
				sent = append(sent, path+": "+selector.Sel.Name)
			}
			return true
		})
	}
	if want := []string{"client.go: http.NewRequestWithContext"}; !slices.Equal(want, built) {
		t.Errorf("requests are built at %q, want %q only", built, want)
	}
	if want := []string{"client.go: Do"}; !slices.Equal(want, sent) {
		t.Errorf("requests are sent at %q, want %q only", sent, want)
	}
}

// TestNoTextOfTheSDKIsAPathThatIsNotInTheTable reads all texts, comments included.
func TestNoTextOfTheSDKIsAPathThatIsNotInTheTable(t *testing.T) {
	t.Parallel()
	rows, known, err := parseTable(readFile(t, root+"/endpoints.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		known = append(known, r.String())
	}
	path := regexp.MustCompile(`/api/[A-Za-z0-9]+(/[A-Za-z0-9{}]+)*`)
	found := 0
	for name := range sourceOf(t, token.NewFileSet()) {
		for _, text := range path.FindAllString(string(readFile(t, filepath.Join(root, name))), -1) {
			found++
			if !slices.ContainsFunc(known, func(operation string) bool { return strings.HasSuffix(operation, " "+text) }) {
				t.Errorf("%s names the path %s", name, text)
			}
		}
	}
	if found < len(rows) {
		t.Errorf("only %d paths were found", found)
	}
}
