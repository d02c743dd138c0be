package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// importer builds a program that does nothing but import the SDK.
func importer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "importer.go"), filepath.Join(dir, "importer")
	if err := os.WriteFile(source, []byte("package main\n\nimport _ \""+project+"\"\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, source)
	build.Dir = root
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the importer: %v\n%s", err, out)
	}
	return program
}

func bomOf(t *testing.T, program string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), []string{program}, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheBillOfMaterialsOfAnImporter(t *testing.T) {
	t.Parallel()
	program := importer(t)
	data := bomOf(t, program)
	t.Run("names what it links, with versions, checksums and licences", func(t *testing.T) {
		t.Parallel()
		var got bom
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if subject := got.Metadata.Component.Name; subject != "importer" {
			t.Errorf("it is about %q, want importer", subject)
		}
		var lines []string
		for _, c := range got.Components {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", c.Name, c.Version, hashOf(c), c.Licences[0].Expression))
		}
		want := []string{
			locked(t, "github.com/cenkalti/backoff/v4") + " MIT",
			"github.com/finapi-go/finapi   Apache-2.0",
			locked(t, "github.com/hashicorp/go-cleanhttp") + " MPL-2.0",
			locked(t, "github.com/shopspring/decimal") + " MIT",
			"stdlib v" + strings.TrimPrefix(runtime.Version(), "go") + "  BSD-3-Clause",
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(lines, "\n\t"), strings.Join(want, "\n\t"))
		}
	})
	t.Run("is the same each time", func(t *testing.T) {
		t.Parallel()
		if again := bomOf(t, program); !bytes.Equal(data, again) {
			t.Errorf("first\n%s\nand then\n%s", data, again)
		}
	})
	t.Run("keeps the format", func(t *testing.T) {
		t.Parallel()
		if problem := inFormat(data); problem != "" {
			t.Errorf("%s in\n%s", problem, data)
		}
	})
	t.Run("would be noticed if it left the format", func(t *testing.T) {
		t.Parallel()
		for was, is := range map[string]string{
			`"CycloneDX"`: `"SPDX"`, `"specVersion": "1.6"`: `"specVersion": 1.6`, `"version": 1,`: `"version": 0,`,
			`"application"`: `"program"`, `"SHA-256"`: `"h1"`, `"content": "`: `"content": "x`, `"expression"`: `"text"`,
			`"bom-ref": "stdlib"`: `"bom-ref": "github.com/shopspring/decimal"`, `"name": "stdlib"`: `"name": ""`,
			`"pkg:golang/stdlib`: `"stdlib`, `"metadata"`: `"meta"`, `"components"`: `"modules"`,
		} {
			changed := bytes.Replace(data, []byte(was), []byte(is), 1)
			if bytes.Equal(changed, data) {
				t.Errorf("%s does not occur", was)
			}
			if inFormat(changed) == "" {
				t.Errorf("%s instead of %s was not noticed", is, was)
			}
		}
	})
}

// locked returns a module's version and checksum as go.sum has them.
func locked(t *testing.T, module string) string {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(module) + ` (v\S+) h1:(\S+)$`).FindStringSubmatch(
		strings.ReplaceAll(string(sums), "/go.mod", "?go.mod"))
	if match == nil || strings.Contains(match[1], "?") {
		t.Fatalf("go.sum has no checksum of %s", module)
	}
	digest, err := base64.StdEncoding.DecodeString(match[2])
	if err != nil {
		t.Fatal(err)
	}
	return module + " " + match[1] + " " + hex.EncodeToString(digest)
}

func hashOf(c component) string {
	if len(c.Hashes) == 0 {
		return ""
	}
	return c.Hashes[0].Content
}

// inFormat returns what a document does that the schema of CycloneDX 1.6 does not allow,
// as far as such a document uses it; "" if nothing.
func inFormat(data []byte) string {
	var b bom
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&b); err != nil {
		return err.Error()
	}
	switch {
	case b.Format != "CycloneDX" || b.Spec != "1.6":
		return "it is not CycloneDX 1.6"
	case b.Version < 1:
		return "the version is not 1 or more"
	}
	seen := map[string]bool{}
	for _, c := range append(b.Components, b.Metadata.Component) {
		if problem := componentInFormat(&c); problem != "" {
			return c.Ref + ": " + problem
		}
		if seen[c.Ref] {
			return c.Ref + " is there twice"
		}
		seen[c.Ref] = true
	}
	return ""
}

var (
	sha256Digits = regexp.MustCompile(`^[0-9a-f]{64}$`)
	packageURL   = regexp.MustCompile(`^pkg:golang/[a-z0-9./_-]+(@v[0-9A-Za-z.%-]+)?$`)
	expression   = regexp.MustCompile(`^[A-Za-z0-9.-]+( AND [A-Za-z0-9.-]+)*$`)
)

func componentInFormat(c *component) string {
	switch {
	case c.Type != "application" && c.Type != "library":
		return "the type is unknown"
	case c.Name == "" || c.Ref == "":
		return "the name or the reference is missing"
	case c.PURL != "" && !packageURL.MatchString(c.PURL):
		return "the package URL is none"
	case len(c.Licences) > 1:
		return "more than one expression for the licence"
	}
	for _, l := range c.Licences {
		if !expression.MatchString(l.Expression) {
			return "the licence is no expression"
		}
	}
	for _, h := range c.Hashes {
		if h.Algorithm != "SHA-256" || !sha256Digits.MatchString(h.Content) {
			return "the hash is none"
		}
	}
	return ""
}

func TestWhatIsNotKnownOfAModuleIsAnErrorAndNotLeftOut(t *testing.T) {
	t.Parallel()
	const sum = "h1:" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	cases := map[string]struct {
		module  debug.Module
		problem string
	}{
		"a module that is not in the cache": {debug.Module{Path: "example.com/Gone", Version: "v1.0.0", Sum: sum}, "example.com/!gone@v1.0.0"},
		"a module without a checksum":       {debug.Module{Path: "example.com/a", Version: "v1.0.0"}, "checksum"},
		"a foreign module from a folder": {
			debug.Module{Path: "example.com/a", Version: "v1.0.0", Replace: &debug.Module{Path: "../a", Version: "(devel)"}}, "from a folder",
		},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := billOfMaterials(&debug.BuildInfo{GoVersion: "go1.26.0", Deps: []*debug.Module{&tt.module}}, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("got the error %v, want one with %q", err, tt.problem)
			}
		})
	}
}

func TestWhatIsNoGoProgramIsRefused(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{}, {"a", "b"}, {"sbom_test.go"}, {filepath.Join(t.TempDir(), "gone")}} {
		var out bytes.Buffer
		if err := run(t.Context(), arguments, &out); err == nil || out.Len() > 0 {
			t.Errorf("%q: got the error %v and %d bytes, want an error and none", arguments, err, out.Len())
		}
	}
}
