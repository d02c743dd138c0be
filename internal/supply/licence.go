package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// licences are the licences that a dependency may have, by SPDX's identifiers, each with
// words that stand in its text and in no other's; in small letters and without punctuation.
var licences = []struct{ id, words, not string }{
	{"Apache-2.0", "apache license version 2.0 january 2004", ""},
	{"Apache-2.0", "licensed under the apache license version 2.0", ""},
	{"BSD-2-Clause", "redistribution and use in source and binary forms with or without modification are permitted", endorsement},
	{"BSD-3-Clause", endorsement, ""},
	{"ISC", "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted", ""},
	{"MIT", "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files", ""},
	{"MPL-2.0", "mozilla public license version 2.0 1. definitions", ""},
	// SPDX names the public domain of SQLite after the blessing in its sources.
	{"blessing", "all of the code and documentation in sqlite has been dedicated to the public domain by the authors", ""},
}

const (
	endorsement = "may be used to endorse or promote products derived from this software without specific prior written permission"
	// copyleft stands in every licence of GNU, which no dependency may have.
	copyleft = "everyone is permitted to copy and distribute verbatim copies of this license document"
)

// noLicence are files that are called so and license no code.
var noLicence = []string{
	"modernc.org/memory/LICENSE-LOGO", // where the logo is from
}

// licenceOf reads the licence of a module in the folder that holds it, as an expression of
// SPDX such as "Apache-2.0 AND BSD-3-Clause". A text that is not known is an error, because
// a person has to read it then.
func licenceOf(module, dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("%s: its licence cannot be read: %w", module, err)
	}
	var all []string
	for _, entry := range entries {
		if !isLicence(entry.Name()) || slices.Contains(noLicence, module+"/"+entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name())) //nolint:gosec // the module cache is Go's
		if err != nil {
			return "", fmt.Errorf("%s: its licence cannot be read: %w", module, err)
		}
		ids := recognise(string(text))
		if len(ids) == 0 {
			return "", fmt.Errorf("%s: its file %s is no licence that is known here; read it", module, entry.Name())
		}
		all = append(all, ids...)
	}
	if len(all) == 0 {
		return "", fmt.Errorf("%s: it has no file with a licence", module)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " AND "), nil
}

// isLicence reports whether a file is called like a licence. A list of what others have
// put into a module is none: it also names what no program links.
func isLicence(name string) bool {
	name = strings.ToUpper(name)
	return !strings.Contains(name, thirdParty) &&
		(strings.HasPrefix(name, "LICENSE") || strings.HasPrefix(name, "LICENCE") || strings.HasPrefix(name, "COPYING"))
}

const thirdParty = "3RD-PARTY"

// recognise returns the licences in a text; none if there is one among them that is not
// allowed.
func recognise(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	text = strings.Join(words, " ")
	if strings.Contains(text, copyleft) {
		return nil
	}
	var ids []string
	for _, l := range licences {
		if strings.Contains(text, l.words) && (l.not == "" || !strings.Contains(text, l.not)) {
			ids = append(ids, l.id)
		}
	}
	return ids
}
