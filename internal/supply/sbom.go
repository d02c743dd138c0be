package main

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
)

// project is the beginning of the paths of all modules of this repository.
const project = "github.com/finapi-go/finapi"

// The types below are the part of CycloneDX 1.6 that is written here. There is neither a
// time nor a serial number, so that the same program gives the same bytes.
type (
	bom struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Component  component  `json:"component"`
		Properties []property `json:"properties,omitempty"`
	}
	component struct {
		Type     string    `json:"type"`
		Ref      string    `json:"bom-ref"`
		Name     string    `json:"name"`
		Version  string    `json:"version,omitempty"`
		Hashes   []hash    `json:"hashes,omitempty"`
		Licences []licence `json:"licenses,omitempty"`
		PURL     string    `json:"purl,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licence struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

// billOfMaterials lists what a program was built of. The folder is the module cache.
func billOfMaterials(info *debug.BuildInfo, cache string) (*bom, error) {
	b := &bom{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{Component: component{Type: "application", Ref: info.Path, Name: info.Path, Version: released(info.Main.Version)}},
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "GOARCH", "GOOS": // the list depends on them
			b.Metadata.Properties = append(b.Metadata.Properties, property{"cdx:gomod:build:env:" + s.Key, s.Value})
		}
	}
	b.Components = append(b.Components, standardLibrary(info.GoVersion))
	for _, module := range info.Deps {
		c, err := moduleComponent(module, cache)
		if err != nil {
			return nil, err
		}
		b.Components = append(b.Components, c)
	}
	slices.SortFunc(b.Components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	return b, nil
}

func (b *bom) write(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(b)
}

// standardLibrary is Go's own part of each program, under the name that databases of
// vulnerabilities know it by.
func standardLibrary(version string) component {
	version, _, _ = strings.Cut(version, " ") // experiments follow
	version = "v" + strings.TrimPrefix(version, "go")
	return component{
		Type: "library", Ref: "stdlib", Name: "stdlib", Version: version,
		Licences: []licence{{"BSD-3-Clause"}}, PURL: "pkg:golang/stdlib@" + version,
	}
}

func moduleComponent(module *debug.Module, cache string) (component, error) {
	c := component{Type: "library", Ref: module.Path, Name: module.Path}
	if module.Replace != nil {
		module = module.Replace
	}
	version := released(module.Version)
	if version == "" { // a folder, not a module that was downloaded
		if !ours(c.Name) {
			return c, fmt.Errorf("%s was built from a folder, so nobody knows its version: build without replacing it", c.Name)
		}
		c.PURL, c.Licences = "pkg:golang/"+c.Name, []licence{{"Apache-2.0"}}
		return c, nil
	}
	digest, err := digestOf(module.Sum)
	if err != nil {
		return c, fmt.Errorf("%s: %w", module.Path, err)
	}
	text, err := licenceOf(module.Path, filepath.Join(cache, filepath.FromSlash(escaped(module.Path)+"@"+escaped(version))))
	if err != nil {
		return c, err
	}
	c.Version, c.PURL = version, "pkg:golang/"+module.Path+"@"+strings.ReplaceAll(version, "+", "%2B")
	c.Hashes, c.Licences = []hash{{"SHA-256", digest}}, []licence{{text}}
	return c, nil
}

// ours reports whether a module is one of this repository.
func ours(path string) bool { return path == project || strings.HasPrefix(path, project+"/") }

// released returns a module's version, and "" for one that was built from a folder.
func released(version string) string {
	if version == "(devel)" {
		return ""
	}
	return version
}

// digestOf turns the checksum of go.sum into hexadecimal digits. It is the SHA-256 of the
// list of the module's files with their own SHA-256, which Go calls h1.
func digestOf(sum string) (string, error) {
	text, ok := strings.CutPrefix(sum, "h1:")
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != 32 {
		return "", errors.New("the program does not have its checksum, so it was not verified")
	}
	return hex.EncodeToString(raw), nil
}

// escaped spells a path or a version as the module cache does: an exclamation mark and a
// small letter for each capital one.
func escaped(path string) string {
	var b strings.Builder
	for _, r := range path {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
