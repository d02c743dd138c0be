package contract_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/finapi-go/finapi/internal/contract"
)

// row is a row of the SDK's table of endpoints.
type row struct {
	name             string // such as epBank
	method, template string
	host             Host
	token            string // as in x-finapi-token
	writes           bool
}

func (r row) String() string { return r.method + " " + r.template }

// methods, hosts and tokens translate the table's words.
var (
	methods = map[string]string{
		"MethodGet": "GET", "MethodPost": "POST", "MethodPut": "PUT", "MethodPatch": "PATCH", "MethodDelete": "DELETE",
	}
	hosts  = map[string]Host{"access": Access, "webForm": WebForm}
	tokens = map[string]string{"noToken": "none", "clientToken": "client", "userToken": "user", "anyToken": "client-or-user"}
)

// parseTable reads the rows and the list of what was left out on purpose out of
// endpoints.go.
func parseTable(source []byte) (rows []row, leftOut []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), "endpoints.go", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	fields := fieldsOf(file, "endpoint")
	if len(fields) == 0 {
		return nil, nil, fmt.Errorf("endpoints.go has no struct named endpoint")
	}
	for _, element := range elementsOf(file, "endpoints") {
		r, err := parseRow(element, fields)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, r)
	}
	for _, element := range elementsOf(file, "leftOut") {
		text, err := stringOf(element)
		if err != nil {
			return nil, nil, fmt.Errorf("leftOut: %w", err)
		}
		leftOut = append(leftOut, text)
	}
	if len(rows) == 0 || len(leftOut) == 0 {
		return nil, nil, fmt.Errorf("endpoints.go has %d rows in endpoints and %d in leftOut: the form of the table has changed", len(rows), len(leftOut))
	}
	return rows, leftOut, nil
}

// fieldsOf returns the names of the fields of a struct in their order.
func fieldsOf(file *ast.File, structure string) (names []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != structure {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
				}
			}
		}
		return false
	})
	return names
}

// elementsOf returns the elements of the composite literal that a variable is set
// to.
func elementsOf(file *ast.File, variable string) []ast.Expr {
	var elements []ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || spec.Names[0].Name != variable || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.CompositeLit); ok {
			elements = literal.Elts
		}
		return false
	})
	return elements
}

func parseRow(element ast.Expr, fields []string) (row, error) {
	var r row
	if pair, ok := element.(*ast.KeyValueExpr); ok {
		r.name, element = nameOf(pair.Key), pair.Value
	}
	literal, ok := element.(*ast.CompositeLit)
	if !ok {
		return r, fmt.Errorf("the row %s is not a composite literal", r.name)
	}
	values := map[string]ast.Expr{}
	for i, value := range literal.Elts {
		if pair, ok := value.(*ast.KeyValueExpr); ok {
			values[nameOf(pair.Key)] = pair.Value
		} else if i < len(fields) {
			values[fields[i]] = value
		}
	}
	var known [3]bool
	r.method, known[0] = methods[nameOf(values["method"])]
	r.host, known[1] = hosts[cmpOr(nameOf(values["host"]), "access")]
	r.token, known[2] = tokens[cmpOr(nameOf(values["tokenKind"]), "noToken")]
	r.writes = nameOf(values["writes"]) == "true"
	var err error
	if r.template, err = stringOf(values["template"]); err != nil || slices.Contains(known[:], false) {
		return r, fmt.Errorf("the row %s has a method, template, host or token kind that this test cannot read", r.name)
	}
	return r, nil
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// nameOf returns the last part of an identifier, or "".
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func stringOf(e ast.Expr) (string, error) {
	if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		return strconv.Unquote(literal.Value)
	}
	return "", fmt.Errorf("not a literal text")
}

// excludedOperation is a line of excluded-operations.txt.
type excludedOperation struct{ category, host, method, template string }

func excludedOperations(tb testing.TB) []excludedOperation {
	tb.Helper()
	var all []excludedOperation
	for line := range strings.Lines(string(readFile(tb, testdata+"/contract/excluded-operations.txt"))) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); !strings.HasPrefix(line, "#") && len(columns) >= 4 {
			all = append(all, excludedOperation{columns[0], columns[1], columns[2], columns[3]})
		}
	}
	if len(all) < 50 {
		tb.Fatalf("excluded-operations.txt has %d operations only: its format has changed", len(all))
	}
	return all
}

// compareTable says in which ways the table and the contract disagree.
func compareTable(contract *Contract, excluded []excludedOperation, rows []row, leftOut []string) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	inContract := map[string]*Operation{}
	for _, o := range contract.Operations() {
		inContract[o.String()] = o
	}
	inTable := map[string]bool{}
	for _, r := range rows {
		if inTable[r.String()] {
			add("%v is in the table twice", r)
		}
		inTable[r.String()] = true
		for _, x := range excluded {
			if x.method == r.method && shape(x.template) == shape(r.template) {
				add("%v (%s) must never be called: it is excluded as %s", r, r.name, x.category)
			}
		}
		o := inContract[r.String()]
		if o == nil {
			add("%v (%s) is not in the contract", r, r.name)
			continue
		}
		if o.Host != r.host {
			add("%v: the table sends it to the %v host, the contract to the %v host", r, r.host, o.Host)
		}
		if o.Token != r.token {
			add("%v: the table gives it the token %q, the contract %q", r, r.token, o.Token)
		}
		if o.Write != r.writes {
			add("%v: the table says writes = %v, the contract %v", r, r.writes, o.Write)
		}
	}
	for i, name := range leftOut {
		switch {
		case inContract[name] == nil:
			add("leftOut holds %s, which is not in the contract", name)
		case inTable[name]:
			add("leftOut holds %s, which is in the table", name)
		case slices.Contains(leftOut[:i], name):
			add("leftOut holds %s twice", name)
		}
	}
	for _, o := range contract.Operations() {
		if !inTable[o.String()] && !slices.Contains(leftOut, o.String()) {
			add("%v (%s) is neither in the table nor in leftOut", o, o.Tier)
		}
	}
	return problems
}

// shape makes templates comparable whatever their variables are called.
func shape(template string) string {
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func TestTheEndpointTableAndTheContractAgree(t *testing.T) {
	t.Parallel()
	rows, leftOut, err := parseTable(readFile(t, root+"/endpoints.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range compareTable(theContract(t), excludedOperations(t), rows, leftOut) {
		t.Error(problem)
	}
	t.Logf("%d endpoints and %d operations left out on purpose make up the contract's %d operations",
		len(rows), len(leftOut), len(theContract(t).Operations()))
}

func TestTheContractHoldsNoExcludedOperation(t *testing.T) {
	t.Parallel()
	contract := theContract(t)
	for _, x := range excludedOperations(t) {
		for _, o := range contract.Operations() {
			if o.Method == x.method && shape(o.Path) == shape(x.template) {
				t.Errorf("%v is in the contract, but excluded as %s", o, x.category)
			}
		}
	}
}
