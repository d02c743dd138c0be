package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write the file NOTICE anew instead of comparing it")

// root is the folder of the repository.
const root = "../.."

// platforms are those for which it is looked up what is linked: some modules are linked
// on one of them only.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// sections are those of NOTICE. Each lists what none before it lists.
var sections = []section{
	{"Linked into every program that imports github.com/finapi-go/finapi", []string{"."}, ".", false},
	{"Linked into programs that also import github.com/finapi-go/finapi/sqlstore", []string{"sqlstore"}, ".", false},
	{"Linked into programs that also import github.com/finapi-go/finapi/fleet", []string{"fleet"}, ".", false},
	{"Linked into programs that also import github.com/finapi-go/finapi/otel", []string{"otel"}, ".", false},
	{"Linked into the examples", []string{"examples"}, "./...", false},
	{"Used by tests and by the checks of the project only", modules, "./...", true},
}

var modules = []string{".", "sqlstore", "fleet", "otel", "examples", "internal/contract", "internal/record"}

type section struct {
	heading  string
	dirs     []string
	packages string
	tests    bool
}

func TestTheNoticeNamesEveryModuleThatIsLinkedAndNoOther(t *testing.T) {
	t.Parallel()
	file := filepath.Join(root, "NOTICE")
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	preamble, _, ok := strings.Cut(string(have), sections[0].heading)
	if !ok {
		t.Fatalf("NOTICE has no section %q", sections[0].heading)
	}
	want := preamble + whatIsLinked(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range missing(string(have), want) {
		t.Errorf("NOTICE lacks: %s", line)
	}
	for _, line := range missing(want, string(have)) {
		t.Errorf("NOTICE has, but nothing links it so: %s", line)
	}
	if string(have) != want {
		t.Error("NOTICE is not what it has to be: run\n\tgo test ./internal/supply -run TestTheNotice -update")
	}
}

func TestEveryModuleOfTheRepositoryIsLookedAtForTheNotice(t *testing.T) {
	t.Parallel()
	work, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(work), "use (")
	list, _, _ = strings.Cut(list, ")")
	for module := range strings.FieldsSeq(list) {
		if !slices.Contains(modules, filepath.Clean(module)) {
			t.Errorf("the module %s of go.work is in no section of NOTICE", module)
		}
	}
}

// whatIsLinked returns the sections of NOTICE as they have to be.
func whatIsLinked(t *testing.T) string {
	t.Helper()
	found := make([]map[string]string, len(sections))
	var group sync.WaitGroup
	for i, s := range sections {
		group.Go(func() { found[i] = s.linked(t) })
	}
	group.Wait()
	listed := map[string]bool{}
	var text strings.Builder
	for i, s := range sections {
		if i > 0 {
			fmt.Fprintln(&text)
		}
		fmt.Fprintf(&text, "%s:\n\n", s.heading)
		for _, module := range slices.Sorted(maps.Keys(found[i])) {
			if !listed[module] {
				fmt.Fprintln(&text, line(t, module, found[i][module]))
			}
			listed[module] = true
		}
	}
	return text.String()
}

func line(t *testing.T, module, dir string) string {
	t.Helper()
	text, err := licenceOf(module, dir)
	if err != nil {
		t.Error(err)
	}
	lists, err := filepath.Glob(filepath.Join(dir, "*"+thirdParty+"*"))
	if err != nil {
		t.Error(err)
	}
	for _, list := range lists {
		text += ", and its " + filepath.Base(list)
	}
	return fmt.Sprintf("  %-62s %s", module, text)
}

// linked returns the modules that a section is about, besides those of the project, each
// with the folder that holds it.
func (s *section) linked(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range s.dirs {
		for _, platform := range platforms {
			for line := range strings.Lines(s.list(t, dir, platform)) {
				if path, folder, _ := strings.Cut(strings.TrimSpace(line), "\t"); path != "" && !ours(path) {
					found[path] = folder
				}
			}
		}
	}
	return found
}

func (s *section) list(t *testing.T, dir, platform string) string {
	t.Helper()
	system, processor, _ := strings.Cut(platform, "/")
	command := exec.CommandContext(t.Context(), "go", "list", "-deps", fmt.Sprintf("-test=%t", s.tests),
		"-f", "{{with .Module}}{{.Path}}\t{{.Dir}}{{end}}", s.packages)
	command.Dir = filepath.Join(root, dir)
	command.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Errorf("what %s links cannot be looked up: %v\n%s", dir, err, complaint.String())
	}
	return string(out)
}

// missing returns the lines of b that a does not have.
func missing(a, b string) []string {
	have := map[string]bool{}
	for line := range strings.Lines(a) {
		have[line] = true
	}
	var lines []string
	for line := range strings.Lines(b) {
		if !have[line] {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
