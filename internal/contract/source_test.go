package contract_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	. "github.com/finapi-go/finapi/internal/contract"
)

var mutations = flag.String("mutations", "sample", "source mutations to try: sample, all, or a regular expression on their names")

// sampleSize is how many source mutations an ordinary run tries.
const sampleSize = 16

// slowTests need more time than they are worth here, where each mutation runs all others, or
// the whole repository.
const slowTests = "Model|Scenario|Random|Example|Thousand|WhateverHappens|OfTheDocs|TheDocsName"

// vocabulary holds the words of the contract.
type vocabulary struct{ fields, parameters, values map[string]bool }

func words(tb testing.TB) vocabulary {
	tb.Helper()
	v := vocabulary{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	seen := map[*openapi3.Schema]bool{}
	for _, doc := range documentsByHost(tb) {
		for _, ref := range doc.Components.Schemas {
			v.add(ref, seen)
		}
		for _, item := range doc.Paths.Map() {
			for _, definition := range item.Operations() {
				for _, parameter := range definition.Parameters {
					if parameter.Value.In == openapi3.ParameterInQuery {
						v.parameters[parameter.Value.Name] = true
					}
					v.add(parameter.Value.Schema, seen)
				}
				if definition.RequestBody == nil {
					continue
				}
				if form := definition.RequestBody.Value.Content["application/x-www-form-urlencoded"]; form != nil {
					for name := range form.Schema.Value.Properties {
						v.parameters[name] = true
					}
					v.add(form.Schema, seen)
				}
			}
		}
	}
	return v
}

func (v vocabulary) add(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || seen[ref.Value] {
		return
	}
	seen[ref.Value] = true
	for _, value := range ref.Value.Enum {
		v.values[fmt.Sprint(value)] = true
	}
	v.add(ref.Value.Items, seen)
	for _, part := range ref.Value.AllOf {
		v.add(part, seen)
	}
	for name, property := range ref.Value.Properties {
		v.fields[name] = true
		v.add(property, seen)
	}
}

// sourceMutation changes one word in one place of the SDK's source.
type sourceMutation struct {
	kind, file string
	line       int
	word       string
	start, end int // offsets of what is replaced
	by         string
}

func (m *sourceMutation) String() string {
	return fmt.Sprintf("%s %s (%s:%d)", m.kind, m.word, m.file, m.line)
}

// apply returns the source of the file with the change.
func (m *sourceMutation) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.by), source[m.end:])
}

// finder looks for the words that the SDK shares with the contract.
type finder struct {
	words vocabulary
	files *token.FileSet
	name  string
	seen  map[*ast.BasicLit]bool
	found []*sourceMutation
}

func (f *finder) add(kind, word string, literal *ast.BasicLit, by string) {
	at := f.files.Position(literal.Pos())
	f.seen[literal] = true
	f.found = append(f.found, &sourceMutation{
		kind: kind, file: f.name, line: at.Line, word: word, start: at.Offset, end: at.Offset + len(literal.Value), by: by,
	})
}

var tagPattern = regexp.MustCompile(`json:"([^",]+)`)

// Visit finds JSON tags, keys of tables, of queries and forms, and values of enums. What is
// not a word of the contract is the SDK's own business.
func (f *finder) Visit(n ast.Node) ast.Visitor {
	keys, _ := parameters(n)
	for _, key := range keys {
		if name, ok := parameterName(key); ok && f.words.parameters[name] {
			f.add("query or form key", name, key.(*ast.BasicLit), strconv.Quote(name+"X"))
		}
	}
	for _, key := range tableKeys(n) {
		name, _ := stringOf(key)
		f.add("key of a table", name, key, strconv.Quote(name+"X"))
	}
	switch n := n.(type) {
	case *ast.ImportSpec:
		return nil
	case *ast.TypeSpec:
		if ast.IsExported(n.Name.Name) {
			return nil // the SDK's own JSON, for stores and logs
		}
	case *ast.Field:
		if n.Tag == nil {
			return f
		}
		if tag := tagPattern.FindStringSubmatch(n.Tag.Value); tag != nil && f.words.fields[tag[1]] {
			f.add("JSON tag", tag[1], n.Tag, strings.Replace(n.Tag.Value, tag[1], tag[1]+"X", 1))
		}
		return f
	case *ast.CompositeLit:
		if nameOf(n.Type) == "requirement" {
			return nil // a text for errors
		}
	case *ast.ValueSpec:
		f.sortKeys(n)
	case *ast.BasicLit:
		if n.Kind != token.STRING {
			return nil
		}
		if text, err := strconv.Unquote(n.Value); err == nil && f.words.values[text] && !f.seen[n] {
			f.add("enum value", text, n, strconv.Quote(text+"_X"))
		}
	}
	return f
}

func (f *finder) sortKeys(spec *ast.ValueSpec) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 || !sortLists.MatchString(spec.Names[0].Name) {
		return
	}
	if list, ok := spec.Values[0].(*ast.CompositeLit); ok {
		for _, element := range list.Elts {
			if text, err := stringOf(element); err == nil {
				f.add("sort key", text, element.(*ast.BasicLit), strconv.Quote(text+"X"))
			}
		}
	}
}

// sourceMutations finds all mutations in the root package.
func sourceMutations(t *testing.T, dir string) []*sourceMutation {
	t.Helper()
	f := &finder{words: words(t), files: token.NewFileSet(), seen: map[*ast.BasicLit]bool{}}
	for name, text := range sdkSources(t, dir) {
		f.name = name
		file, err := parser.ParseFile(f.files, name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Walk(f, file)
	}
	slices.SortFunc(f.found, func(a, b *sourceMutation) int { return strings.Compare(a.String(), b.String()) })
	return f.found
}

// chosen returns the mutations that this run tries.
func chosen(t *testing.T, all []*sourceMutation) []*sourceMutation {
	t.Helper()
	switch *mutations {
	case "all":
		return all
	case "sample":
		some := make([]*sourceMutation, 0, sampleSize)
		for i := range sampleSize {
			some = append(some, all[(2*i+1)*len(all)/(2*sampleSize)])
		}
		return some
	}
	pattern, err := regexp.Compile(*mutations)
	if err != nil {
		t.Fatalf("-mutations: %v", err)
	}
	return slices.DeleteFunc(slices.Clone(all), func(m *sourceMutation) bool { return !pattern.MatchString(m.String()) })
}

// copyModule copies the root module without the modules nested in it.
func copyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil || relative == "." {
			return err
		}
		top, _, nested := strings.Cut(filepath.ToSlash(relative), "/")
		wanted := slices.Contains([]string{"testdata", "finapitest", "internal", "docs", "go.mod", "go.sum"}, top) || !nested && strings.HasSuffix(top, ".go")
		if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
			wanted = false // a module of its own
		}
		switch {
		case !wanted && entry.IsDir():
			return filepath.SkipDir
		case !wanted:
			return nil
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, relative), 0o750)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, relative), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// laboratory is a copy of the module in which mutations are tried.
type laboratory struct {
	dir      string
	contract *Contract
	words    *wordCheck
}

func newLaboratory(t *testing.T) *laboratory {
	t.Helper()
	return &laboratory{dir: copyModule(t), contract: theContract(t), words: newWordCheck(t)}
}

// run builds the tests and runs them: first those in the file's own test file,
// which are the likeliest to fail, then all. It returns who noticed: "the
// compiler", "the SDK's tests", "the contract" or "".
func (l *laboratory) run(file string) (noticed, how string, err error) {
	binary := filepath.Join(l.dir, "mutant.test")
	if out, err := l.command("go", "test", "-c", "-vet=off", "-gcflags=-N -l", "-ldflags=-w -s", "-o", binary, ".").CombinedOutput(); err != nil {
		return "the compiler", string(out), nil
	}
	log, err := os.MkdirTemp(l.dir, "traffic-")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = os.RemoveAll(log) }()
	for _, only := range []string{l.testsBeside(file), "."} {
		if only == "" {
			continue
		}
		command := l.command(binary, "-test.failfast", "-test.timeout=120s", "-test.skip="+slowTests, "-test.run="+only)
		command.Env = append(command.Env, TrafficVariable+"="+log)
		if out, err := command.CombinedOutput(); err != nil {
			return "the SDK's tests", string(out), nil
		}
	}
	j := newJudgement(l.contract)
	var judgeErr error
	if err := ReadTraffic(log, func(e *Exchange) { judgeErr = errorsOr(judgeErr, j.judge(e)) }); err != nil {
		return "", "", err
	}
	if bad, _ := j.unexcused(exceptions()); len(bad) > 0 {
		return "the contract", bad[0].String(), nil
	}
	return "", "", judgeErr
}

var testPattern = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testsBeside returns a pattern for the tests in the test file of a source file.
func (l *laboratory) testsBeside(file string) string {
	text, err := os.ReadFile(filepath.Join(l.dir, strings.TrimSuffix(file, ".go")+"_test.go"))
	if err != nil || file == "" {
		return ""
	}
	var names []string
	for _, match := range testPattern.FindAllSubmatch(text, -1) {
		names = append(names, string(match[1]))
	}
	if len(names) == 0 {
		return ""
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

func errorsOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func (l *laboratory) command(name string, arguments ...string) *exec.Cmd {
	command := exec.Command(name, arguments...)
	command.Dir = l.dir
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	return command
}

// try applies a mutation, runs the tests and takes it back.
func (l *laboratory) try(m *sourceMutation) (noticed, how string, err error) {
	name := filepath.Join(l.dir, m.file)
	source, err := os.ReadFile(name)
	if err != nil {
		return "", "", err
	}
	mutated := m.apply(source)
	if bytes.Equal(mutated, source) {
		return "", "", fmt.Errorf("%v changes nothing", m)
	}
	if err := os.WriteFile(name, mutated, 0o600); err != nil {
		return "", "", err
	}
	noticed, how, err = l.run(m.file)
	err = errorsOr(err, os.WriteFile(name, source, 0o600))
	if err == nil && noticed == "" {
		l.words.problems = nil
		if err = l.words.source(m.file, mutated); len(l.words.problems) > 0 {
			return "the list of words only", l.words.problems[0], err
		}
	}
	return noticed, how, err
}

// firstFailure returns the name of the first test that failed.
func firstFailure(output string) string {
	names := regexp.MustCompile(`--- FAIL: (\S+)`).FindAllStringSubmatch(output, -1)
	if len(names) == 0 {
		return tail(output, 1)
	}
	longest := ""
	for _, name := range names {
		if strings.HasPrefix(name[1], longest) {
			longest = name[1]
		}
	}
	return longest
}

// TestTheTestsNoticeMutationsOfTheSDK changes one word of the SDK at a time, in a
// copy, and wants a test to fail: one of the SDK's own, or TestTheTraffic... or
// TestEveryWord... of this package. With -mutations=all it tries every word.
func TestTheTestsNoticeMutationsOfTheSDK(t *testing.T) {
	start := time.Now()
	laboratories := []*laboratory{newLaboratory(t), newLaboratory(t)}
	if noticed, how, err := laboratories[0].run(""); err != nil || noticed != "" {
		t.Fatalf("the unchanged SDK must pass before it is mutated, but %s notice something: %v\n%s", noticed, err, tail(how, 30))
	}
	all := sourceMutations(t, laboratories[0].dir)
	some := chosen(t, all)
	if len(all) < 100 || len(some) == 0 {
		t.Fatalf("%d mutations were found and %d chosen: the search is broken", len(all), len(some))
	}
	outcomes := make([]string, len(some))
	var mu sync.Mutex
	var group sync.WaitGroup
	next, counts := 0, map[string]int{}
	for _, l := range laboratories {
		group.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(some) {
					return
				}
				noticed, how, err := l.try(some[i])
				mu.Lock()
				switch {
				case err != nil:
					t.Errorf("%v: %v", some[i], err)
				case noticed == "the compiler":
					t.Errorf("%v does not compile, so it proves nothing:\n%s", some[i], how)
				case noticed == "":
					t.Errorf("nobody noticed the mutation: %v", some[i])
					outcomes[i] = "NOBODY"
				default:
					outcomes[i] = noticed + ": " + strings.SplitN(firstFailure(how), "\n", 2)[0]
				}
				counts[noticed]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	var table strings.Builder
	for i, m := range some {
		fmt.Fprintf(&table, "\n%-75s %.110s", m, outcomes[i])
	}
	t.Logf("%d of %d mutations tried in %v; who noticed: %v%s", len(some), len(all), time.Since(start).Round(time.Second), sortedCounts(counts), table.String())
}

func sortedCounts(counts map[string]int) (out []string) {
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%s %d", cmpOr(key, "nobody"), counts[key]))
	}
	return out
}
