package main

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi"
)

func TestBothLanguagesHaveTheSameTexts(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(german)), slices.Sorted(maps.Keys(english))); diff != "" {
		t.Errorf("keys of the texts (-german +english):\n%s", diff)
	}
}

func TestATextTakesTheSameArgumentsInBothLanguages(t *testing.T) {
	t.Parallel()
	for key := range german {
		if n, m := strings.Count(german[key], "%s"), strings.Count(english[key], "%s"); n != m {
			t.Errorf("%s takes %d arguments in German and %d in English", key, n, m)
		}
	}
}

func TestNoTextIsEmptyOrHoldsHTML(t *testing.T) {
	t.Parallel()
	for lang, texts := range catalogues {
		for key, text := range texts {
			if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "<>") {
				t.Errorf("%s: the text %s is empty or holds HTML: %q", lang, key, text)
			}
		}
	}
}

// templateFiles are the sources of all templates, by name.
func templateFiles(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil || len(names) < 15 {
		t.Fatalf("%d templates, %v", len(names), err)
	}
	all := map[string]string{}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

func TestNoTemplateHasATextOfItsOwn(t *testing.T) {
	t.Parallel()
	actions := regexp.MustCompile(`(?s){{.*?}}`)
	attributes := regexp.MustCompile(`(?:aria-label|title|placeholder|alt|content)="([^"]*\p{L}[^"]*)"`)
	letters := regexp.MustCompile(`\p{L}{2,}`)
	for name, source := range templateFiles(t) {
		source = actions.ReplaceAllString(source, "")
		for _, m := range attributes.FindAllStringSubmatch(source, -1) {
			if !strings.HasPrefix(m[1], "width=device-width") {
				t.Errorf("%s has an attribute with a text of its own: %s", name, m[0])
			}
		}
		for _, word := range letters.FindAllString(plain(source), -1) {
			if word != "Deutsch" && word != "English" { // the languages' own names
				t.Errorf("%s has the text %q, which no catalogue has", name, word)
			}
		}
	}
}

func TestEveryTextIsUsedAndEveryUsedTextExists(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	sources := slices.Collect(maps.Values(templateFiles(t)))
	goFiles, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range goFiles {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "texts_") {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(data))
	}
	quoted := regexp.MustCompile(`"([a-z]+(?:\.[a-z_0-9]+)*\.?)"`)
	var prefixes []string
	for _, source := range sources {
		for _, m := range quoted.FindAllStringSubmatch(source, -1) {
			used[m[1]] = true
			if strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1]) // the rest of the key is made of data
			}
		}
	}
	for key := range english {
		base := strings.TrimSuffix(key, ".one")
		if !used[base] && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(base, p) }) {
			t.Errorf("nothing uses the text %s", key)
		}
	}
	call := regexp.MustCompile(`\bt "([a-z.]+)"`)
	for name, source := range templateFiles(t) {
		for _, m := range call.FindAllStringSubmatch(source, -1) {
			if _, ok := english[m[1]]; !ok {
				t.Errorf("%s uses the text %s, which does not exist", name, m[1])
			}
		}
	}
}

func TestWhatIsMadeOfDataHasAText(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, q := range questions {
		keys = append(keys, "q."+q, "a."+q, "more."+q)
	}
	for _, p := range periods {
		keys = append(keys, "period."+p)
	}
	for _, trick := range tricks {
		keys = append(keys, "simulator."+trick.Name, "simulator."+trick.Name+".text", "simulator."+trick.Name+".done")
	}
	for _, level := range []string{levelGood, levelInfo, levelWarn, levelBad} {
		keys = append(keys, "level."+level)
	}
	for _, kind := range []finapi.NoticeKind{
		finapi.NoticeAdjustingEntry, finapi.NoticeAdjustingEntryResolved, finapi.NoticeGap, finapi.NoticeIncomplete, finapi.NoticeDeferred,
		finapi.NoticeMassDisappearance, finapi.NoticeIdentityConflict, finapi.NoticeStale, finapi.NoticeRebound,
	} {
		keys = append(keys, "notice."+string(kind))
	}
	for _, key := range keys {
		if _, ok := english[key]; !ok {
			t.Errorf("the text %s is missing", key)
		}
	}
}

func TestAnAnswerBeginsWithOneShortSentence(t *testing.T) {
	t.Parallel()
	for lang, texts := range catalogues {
		for _, q := range questions {
			if text := texts["a."+q]; len([]rune(text)) > 100 || strings.Count(text, ".") != 1 {
				t.Errorf("%s: the answer to %q does not begin with one short sentence, but with %q", lang, texts["q."+q], text)
			}
		}
	}
}

func TestAButtonThatATextNamesIsCalledSo(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile(`„([^“%]+)“|“([^”%]+)”`)
	for lang, texts := range catalogues {
		names := slices.Collect(maps.Values(texts))
		for key, text := range texts {
			for _, m := range quoted.FindAllStringSubmatch(text, -1) {
				if name := m[1] + m[2]; !slices.Contains(names, name) {
					t.Errorf("%s: %s names %q, but no button or page is called so", lang, key, name)
				}
			}
		}
	}
}

func TestTheLanguageIsTheBrowsersUntilTheCustomerChooses(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]finapi.Language{
		"": "de", "de-CH,de;q=0.9,en;q=0.8": "de", "en-US,en;q=0.5": "en", "fr-FR,en;q=0.4,de;q=0.3": "en", "fr": "de",
		"en;q=0.1,de;q=0.2": "de", "en;q=0,de;q=0.001": "de", "EN": "en", "en;q=broken": "en", ";;;,,": "de",
	} {
		if got := preferred(header); got != want {
			t.Errorf("Accept-Language %q gives %s, want %s", header, got, want)
		}
	}
	c := visitor(t, startApp(t))
	c.get("/signin").reads(200, "Choose the company")
	c.get("/signin?lang=de").reads(200, "Wählen Sie die Firma")
	c.get("/signin").reads(200, "Wählen Sie die Firma")
	if c.header.Get("Content-Language") != "de" || !strings.Contains(c.html, `<html lang="de">`) {
		t.Error("the German page does not say that it is German")
	}
	c.get("/signin?lang=xx").reads(200, "Wählen Sie die Firma")
}
