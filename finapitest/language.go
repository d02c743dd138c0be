package finapitest

import (
	"strings"
	"time"
)

// language is a language of the customer's pages.
type language string

const (
	inGerman  language = "de"
	inEnglish language = "en"
)

// Lang returns the code for the page's lang attribute.
func (l language) Lang() string { return string(l) }

// In returns the text in the page's language.
func (l language) In(de, en string) string {
	if l == inEnglish {
		return en
	}
	return de
}

// date writes a day as people read it.
func (l language) date(t time.Time) string {
	return t.In(berlin()).Format(l.In("02.01.2006", "2 January 2006"))
}

// preferredLanguage chooses between the languages of the pages as a browser's
// Accept-Language header wishes. German is finAPI's default.
func preferredLanguage(header string) language {
	chosen, best := inGerman, ""
	for part := range strings.SplitSeq(header, ",") {
		tag, parameter, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		l := language(primary)
		if weight := weightOf(parameter); (l == inGerman || l == inEnglish) && weight > best {
			chosen, best = l, weight
		}
	}
	return chosen
}

// weightOf reads the "q=0.8" of a language; without one it weighs 1. Weights lie
// between 0 and 1, so that their texts compare as the numbers do.
func weightOf(parameter string) string {
	q, given := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
	if !given {
		return "1"
	}
	return strings.TrimRight(q, "0.")
}
