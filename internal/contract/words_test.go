package contract_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// own lists what the SDK's source holds that looks like a word of the contract
// and is none: words, and types whose constants never travel. Each must occur.
func own() map[string]string {
	return map[string]string{
		"REDACTED":        "stands for a secret in logs",
		"NoticeKind":      "a kind of the feed's events",
		"OperationKind":   "what hooks watch",
		"Pass":            "how the feed reads",
		"RowState":        "what the store keeps",
		"Result":          "how a form ended, for the ERP",
		"Reason":          "why the feed has decided",
		"EvidenceKind":    "what speaks for or against a double",
		"Frequency":       "how often a schedule synchronises",
		"DueReason":       "why a schedule says when",
		"DecisionVerdict": "what a person decided",
		"BindingState":    "how sure a ledger is",
		"state":           "comes back to the ERP in its own URL",
		"kind":            "of an event, in the JSON for the ERP",
		"event":           "in the JSON for the ERP",
		"change":          "of closed books, in the JSON for the ERP",
		"until":           "when the books are closed, in the JSON for the ERP",
		"ACCESS_EXCEEDED": "Berlin Group's word in a bank's text",
	}
}

// wordCheck compares the words in the SDK's source with those of the contract,
// without compiling anything.
type wordCheck struct {
	words   vocabulary
	schemas []map[string]bool // the fields of each object of the contract
	enums   map[string][]any  // of query and form parameters
	orders  []*regexp.Regexp  // of the parameters named order
	own     map[string]string
	used    map[string]bool // of own

	files    *token.FileSet
	problems []string
}

func newWordCheck(tb testing.TB) *wordCheck {
	tb.Helper()
	c := &wordCheck{words: words(tb), own: own(), used: map[string]bool{}, enums: map[string][]any{}}
	seen := map[*openapi3.Schema]bool{}
	for _, doc := range documentsByHost(tb) {
		if language := doc.Components.Parameters["AcceptLanguage"]; language != nil {
			for _, value := range language.Value.Extensions["x-finapi-known-values"].([]any) {
				c.words.values[fmt.Sprint(value)] = true
			}
		}
		for _, ref := range doc.Components.Schemas {
			c.objects(ref, seen)
		}
		for _, item := range doc.Paths.Map() {
			for _, definition := range item.Operations() {
				for _, parameter := range definition.Parameters {
					if items := parameter.Value.Schema.Value.Items; parameter.Value.Name == "order" && items != nil {
						c.orders = append(c.orders, regexp.MustCompile(items.Value.Pattern))
					}
					c.enums[parameter.Value.Name] = append(c.enums[parameter.Value.Name], plain(parameter.Value.Schema.Value).Enum...)
				}
				if definition.RequestBody == nil {
					continue
				}
				for _, media := range definition.RequestBody.Value.Content {
					for name, property := range media.Schema.Value.Properties {
						c.enums[name] = append(c.enums[name], property.Value.Enum...)
					}
				}
			}
		}
	}
	return c
}

func (c *wordCheck) objects(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || seen[ref.Value] {
		return
	}
	seen[ref.Value] = true
	c.objects(ref.Value.Items, seen)
	fields := map[string]bool{}
	for name, property := range ref.Value.Properties {
		fields[name] = true
		c.objects(property, seen)
	}
	if len(fields) > 0 {
		c.schemas = append(c.schemas, fields)
	}
}

// source judges one file.
func (c *wordCheck) source(name string, text []byte) error {
	c.files = token.NewFileSet()
	file, err := parser.ParseFile(c.files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, c.visit)
	return nil
}

func (c *wordCheck) add(n ast.Node, word, format string, args ...any) {
	if _, ok := c.own[word]; ok {
		c.used[word] = true
		return
	}
	at := c.files.Position(n.Pos())
	c.problems = append(c.problems, fmt.Sprintf("%s:%d: %s", filepath.Base(at.Filename), at.Line, fmt.Sprintf(format, args...)))
}

var (
	capitals = regexp.MustCompile(`^[A-Z][A-Z0-9]*_[A-Z0-9_]+(_X)?$|^[A-Z]{4,}[A-Z0-9]*(_X)?$`)
	keyWord  = regexp.MustCompile(`^[a-z][A-Za-z_]*$`)
)

func (c *wordCheck) visit(n ast.Node) bool {
	keys, values := parameters(n)
	for i, key := range keys {
		c.parameter(key, values[i])
	}
	if keys := tableKeys(n); len(keys) > 0 {
		var names []string
		for _, key := range keys {
			name, _ := stringOf(key)
			names = append(names, name)
		}
		c.together(n, names)
	}
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.TypeSpec:
		return !ast.IsExported(n.Name.Name) // the SDK's own JSON, for stores and logs
	case *ast.StructType:
		c.structure(n)
	case *ast.ValueSpec:
		c.constants(n)
		c.sortKeys(n)
	case *ast.CompositeLit:
		if nameOf(n.Type) == "requirement" {
			return false // a text for errors
		}
	case *ast.BasicLit:
		if text, err := strconv.Unquote(n.Value); err == nil && capitals.MatchString(text) && !strings.HasPrefix(text, "SDK_") && !c.words.values[text] {
			c.add(n, text, "%q is not a value of any enum of the contract", text)
		}
	}
	return true
}

// structure wants all fields of a struct in one object of the contract.
func (c *wordCheck) structure(s *ast.StructType) {
	var names []string
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		if tag := tagPattern.FindStringSubmatch(field.Tag.Value); tag != nil && tag[1] != "-" {
			names = append(names, tag[1])
		}
	}
	if len(names) > 0 {
		c.together(s, names)
	}
}

// tableKeys returns the keys of a table of internal/wire.
func tableKeys(n ast.Node) (keys []*ast.BasicLit) {
	table, ok := n.(*ast.CallExpr)
	if !ok || !ofWire(table, "NewObject") {
		return nil
	}
	for _, argument := range table.Args {
		field, ok := argument.(*ast.CallExpr)
		if !ok || len(field.Args) == 0 || !ofWire(field, "Text", "Int", "Bool", "Value", "Ignored") {
			continue
		}
		if key, ok := field.Args[0].(*ast.BasicLit); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// ofWire reports whether a call is of one of these functions of internal/wire.
func ofWire(call *ast.CallExpr, names ...string) bool {
	fun := call.Fun
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	selector, ok := fun.(*ast.SelectorExpr)
	return ok && nameOf(selector.X) == "wire" && slices.Contains(names, selector.Sel.Name)
}

// together wants all names to be fields of one object of the contract.
func (c *wordCheck) together(at ast.Node, names []string) {
	best, missing := -1, []string(nil)
	for _, fields := range c.schemas {
		absent := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return fields[name] })
		if n := len(names) - len(absent); n > best {
			best, missing = n, absent
		}
	}
	for _, name := range missing {
		c.add(at, name, "no object of the contract has the field %q together with the others %v", name, names)
	}
}

// constants wants the values of typed constants in the contract, if one of the
// type is there: the type is finAPI's then.
func (c *wordCheck) constants(spec *ast.ValueSpec) {
	if nameOf(spec.Type) == "" {
		return
	}
	for i, value := range spec.Values {
		text, err := stringOf(value)
		if err != nil || strings.HasPrefix(text, "SDK_") || c.words.values[text] {
			continue
		}
		c.add(spec, nameOf(spec.Type), "the constant %s = %q is not a value of any enum of the contract", spec.Names[i].Name, text)
	}
}

// parameters finds where a query or a form is put together: calls of Set, Add and
// the like, calls of the SDK's own setText and the like, indexes, and literals of
// maps. The values are those that stand next to the key as literals.
func parameters(n ast.Node) (keys []ast.Expr, values [][]ast.Expr) {
	switch n := n.(type) {
	case *ast.CallExpr:
		at := -1
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			if slices.Contains([]string{"Set", "Add", "Has", "Get", "Del"}, f.Sel.Name) {
				at = 0
			}
		case *ast.Ident:
			if strings.HasPrefix(f.Name, "set") {
				at = 1
			}
		}
		if at >= 0 && len(n.Args) > at {
			return []ast.Expr{n.Args[at]}, [][]ast.Expr{n.Args[at+1:]}
		}
	case *ast.IndexExpr:
		return []ast.Expr{n.Index}, [][]ast.Expr{nil}
	case *ast.CompositeLit:
		if _, isMap := n.Type.(*ast.MapType); !isMap && nameOf(n.Type) != "Values" {
			return nil, nil
		}
		for _, element := range n.Elts {
			pair, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			list := []ast.Expr{pair.Value}
			if literal, ok := pair.Value.(*ast.CompositeLit); ok {
				list = literal.Elts
			}
			keys, values = append(keys, pair.Key), append(values, list)
		}
	}
	return keys, values
}

// parameterName returns the name in a place that parameters has found.
func parameterName(e ast.Expr) (string, bool) {
	text, err := stringOf(e)
	return text, err == nil && keyWord.MatchString(text)
}

func (c *wordCheck) parameter(key ast.Expr, values []ast.Expr) {
	name, ok := parameterName(key)
	if !ok {
		return
	}
	if !c.words.parameters[name] {
		c.add(key, name, "%q is not a parameter of the contract", name)
	}
	for _, value := range values {
		text, err := stringOf(value)
		if err == nil && len(c.enums[name]) > 0 && !slices.Contains(c.enums[name], any(text)) {
			c.add(value, text, "%q is not a value of %s in the contract", text, name)
		}
	}
}

// sortLists are the variables with what a listing can be sorted by.
var sortLists = regexp.MustCompile(`Order$`)

// sortKeys wants all sort keys of a list to be keys of one listing.
func (c *wordCheck) sortKeys(spec *ast.ValueSpec) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 || !sortLists.MatchString(spec.Names[0].Name) {
		return
	}
	list, ok := spec.Values[0].(*ast.CompositeLit)
	if !ok {
		return
	}
	best, missing := -1, []string(nil)
	for _, pattern := range c.orders {
		var absent []string
		for _, element := range list.Elts {
			if text, err := stringOf(element); err != nil || !pattern.MatchString(text) {
				absent = append(absent, text)
			}
		}
		if n := len(list.Elts) - len(absent); n > best {
			best, missing = n, absent
		}
	}
	for _, name := range missing {
		c.add(spec, name, "%s: no listing of the contract is sorted by %q and the others", spec.Names[0].Name, name)
	}
}

// sdkSources returns the files that speak to finAPI. What the SDK does with
// errors is left out: their codes are an open set, and come from prose as well.
func sdkSources(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	sources := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		base := filepath.Base(name)
		if strings.HasSuffix(base, "_test.go") || slices.Contains([]string{"codes.go", "errors.go", "remedies.go"}, base) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		sources[base] = text
	}
	return sources
}

func TestEveryWordOnTheWireIsOfTheContract(t *testing.T) {
	t.Parallel()
	c := newWordCheck(t)
	for name, text := range sdkSources(t, root) {
		if err := c.source(name, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, problem := range slices.Sorted(slices.Values(c.problems)) {
		t.Error(problem)
	}
	for _, word := range slices.Sorted(maps.Keys(c.own)) {
		if !c.used[word] {
			t.Errorf("own lists %q (%s), which is in the source no more", word, c.own[word])
		}
	}
}

// Every word that the SDK shares with the contract is changed, one at a time, in
// memory.
func TestTheContractTestsNoticeMutatedWordsOfTheSDK(t *testing.T) {
	t.Parallel()
	y := newTally()
	sources, c := sdkSources(t, root), newWordCheck(t)
	for _, m := range sourceMutations(t, root) {
		c.problems = nil
		if err := c.source(m.file, m.apply(sources[m.file])); err != nil {
			t.Fatal(err)
		}
		y.count("words of the SDK", m.kind, len(c.problems) > 0, m.String())
	}
	y.report(t)
}
