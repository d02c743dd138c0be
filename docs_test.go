package finapi_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents are the pages for people, with their text by their path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md", "testdata/*.md"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			pages[file] = contents(t, file)
		}
	}
	return pages
}

func contents(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	return string(data)
}

// A name of a test stands at the beginning of a span of code, perhaps before flags.
var (
	namedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z]\\w*)")
	namedFile = regexp.MustCompile("`(\\w+_test\\.go)`")
	madeTest  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	link      = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// tests returns the names of all tests of all modules, and of the files that they are in.
func tests(t *testing.T) (names map[string]bool) {
	t.Helper()
	names = map[string]bool{}
	must(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		names[entry.Name()] = true
		for _, match := range madeTest.FindAllStringSubmatch(contents(t, path), -1) {
			names[match[1]] = true
		}
		return nil
	}))
	return names
}

// unknownTests returns the tests and files of tests that a text names and that do not exist.
func unknownTests(text string, exist map[string]bool) (unknown []string) {
	for _, named := range []*regexp.Regexp{namedTest, namedFile} {
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			if !exist[match[1]] {
				unknown = append(unknown, match[1])
			}
		}
	}
	return unknown
}

func TestEveryTestThatTheDocsNameExists(t *testing.T) {
	t.Parallel()
	exist := tests(t)
	for page, text := range documents(t) {
		for _, name := range unknownTests(text, exist) {
			t.Errorf("%s names %s, which does not exist", page, name)
		}
	}
	same(t, []string{"TestNobodyWroteThis", "nobody_test.go"}, unknownTests(
		"`TestTheSDKIsReadOnly`, `TestNobodyWroteThis -rules-off=all` in `nobody_test.go` and `docs_test.go`", exist))
}

func TestEveryLinkOfTheDocsLeadsToAFile(t *testing.T) {
	t.Parallel()
	for page, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(match[1]))); err != nil {
				t.Errorf("%s has a link to %s, which does not exist", page, match[1])
			}
		}
	}
}

// claims returns the rows of all tables whose last column is called test.
func claims(text string) (rows []string) {
	claiming := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			claiming = false
		case strings.HasSuffix(line, "| test |"):
			claiming = true
		case claiming && !strings.HasPrefix(line, "|---"):
			rows = append(rows, line)
		}
	}
	return rows
}

func TestEveryClaimOfTheDocsNamesItsTest(t *testing.T) {
	t.Parallel()
	for page, text := range documents(t) {
		for _, row := range claims(text) {
			cells := strings.Split(strings.Trim(row, "|"), " | ")
			if last := cells[len(cells)-1]; !strings.Contains(last, "Test") && !strings.Contains(last, "Fuzz") && !strings.Contains(last, "tests") {
				t.Errorf("%s claims something without a test: %s", page, row)
			}
		}
	}
	if got := len(claims(documents(t)["SECURITY.md"])); got < 20 {
		t.Errorf("SECURITY.md has %d claims with a test: its table is not found any more", got)
	}
}
