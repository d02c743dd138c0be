package redact

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Leak is a secret that was found.
type Leak struct {
	// File is the name of the file.
	File string
	// Kind is what was found there. The secret itself is never told.
	Kind Kind
}

// Search looks for all secrets in a file and in its name: as they are, in any
// case, escaped as in JSON or in a URL, and in base64 and hexadecimal digits. It
// returns what it found, each kind once.
func (v *Inventory) Search(file string, body []byte) []Leak {
	texts := append([]string{file, string(body)}, unescapedTexts(body)...)
	hay := strings.Join(texts, "\n")
	folded := strings.ToLower(hay)
	var leaks []Leak
	for _, s := range v.secrets {
		leak := Leak{file, s.kind}
		if !slices.Contains(leaks, leak) && s.in(hay, folded) && !v.isPublic(s) {
			leaks = append(leaks, leak)
		}
	}
	return leaks
}

// Holds reports whether a text holds a secret. The invented values must not, or
// they would be taken for one.
func (v *Inventory) Holds(text string) bool {
	folded := strings.ToLower(text)
	for _, s := range v.secrets {
		if s.in(text, folded) {
			return true
		}
	}
	return false
}

// unescapedTexts returns the texts of a JSON body as they read. Of other bodies it
// returns nothing.
func unescapedTexts(body []byte) []string {
	var texts []string
	_, _ = walk("", body, func(s scalar) []byte { // an error ends the list
		if text, ok := s.value.(string); ok && strings.Contains(string(s.literal), `\`) {
			texts = append(texts, text)
		}
		return nil
	})
	return texts
}

func (s *secret) in(hay, folded string) bool {
	whole := s.whole()
	for _, form := range s.folded {
		if contains(folded, form, whole) {
			return true
		}
	}
	for _, form := range s.exact {
		if strings.Contains(hay, form) {
			return true
		}
	}
	return false
}

// whole reports whether the secret counts only as a word or number of its own:
// Anna is no secret in Banana, nor is 123456 one in an id.
func (s *secret) whole() bool {
	digits := strings.IndexFunc(s.text, func(c rune) bool { return c < '0' || c > '9' }) < 0
	return digits || utf8.RuneCountInString(s.text) < 6
}

func contains(hay, needle string, whole bool) bool {
	for from := 0; ; {
		i := strings.Index(hay[from:], needle)
		if i < 0 {
			return false
		}
		start := from + i
		if !whole || !wordAround(hay[:start], hay[start+len(needle):]) {
			return true
		}
		from = start + 1
	}
}

func wordAround(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(after)
	word := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
	return word(last) || word(first)
}

// forms returns how a secret may be written: in lower case, and exactly.
func forms(text string) (folded, exact []string) {
	low := strings.ToLower(text)
	folded = []string{
		low, strings.ToLower(url.QueryEscape(text)), strings.ToLower(url.PathEscape(text)),
		strings.ToLower(hex.EncodeToString([]byte(text))), hex.EncodeToString([]byte(low)),
	}
	if isIBAN(text) {
		folded = append(folded, grouped(strings.ReplaceAll(low, " ", "")))
	}
	for _, variant := range []string{text, low, strings.ToUpper(text)} {
		exact = append(exact, base64Forms(variant)...)
	}
	slices.Sort(folded)
	slices.Sort(exact)
	return slices.Compact(folded), slices.Compact(exact)
}

// grouped writes an IBAN as people do.
func grouped(iban string) string {
	var out strings.Builder
	for i, c := range iban {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	return out.String()
}

// shortestBase64 keeps parts of words from being found by accident.
const shortestBase64 = 8

// base64Forms returns the part of the encoding that does not depend on what
// stands around the text, for each place where it can begin.
func base64Forms(text string) []string {
	var all []string
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString([]byte(strings.Repeat("\x00", before) + text))
			first := (before*8 + 5) / 6
			last := (before + len(text)) * 8 / 6
			if last-first >= shortestBase64 {
				all = append(all, encoded[first:last])
			}
		}
	}
	return all
}
