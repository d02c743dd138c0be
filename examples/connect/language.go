package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// catalogues are all texts of the application. A test checks that both have the same
// keys and that no template has a text of its own.
var catalogues = map[finapi.Language]map[string]string{finapi.German: german, finapi.English: english}

// languageCookie remembers the customer's choice for a year.
const languageCookie = "lang"

// languageOf takes the language that the customer has chosen, or the browser's.
func languageOf(r *http.Request) finapi.Language {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if l := finapi.Language(cookie.Value); catalogues[l] != nil {
			return l
		}
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// preferred reads a header such as "de-CH,de;q=0.9,en;q=0.8". finAPI's customers are
// German ones, so German is the default.
func preferred(header string) finapi.Language {
	best, weight := finapi.German, -1
	for entry := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(entry), ";")
		base, _, _ := strings.Cut(tag, "-")
		l := finapi.Language(strings.ToLower(base))
		if q := quality(params); catalogues[l] != nil && q > weight {
			best, weight = l, q
		}
	}
	return best
}

// quality reads "q=0.8" as 800. Whatever is not readable counts as nothing.
func quality(params string) int {
	text, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
	if !ok {
		return 1000
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(whole + (fraction + "000")[:3])
	if err != nil || n < 0 || n > 1000 {
		return 0
	}
	return n
}

// chooseLanguage remembers a language and shows the same page again.
func (a *app) chooseLanguage(v *visit, choice string) error {
	if l := finapi.Language(choice); catalogues[l] != nil {
		http.SetCookie(v.w, a.site.cookie(languageCookie, choice, 365*24*time.Hour))
	}
	query := v.r.URL.Query()
	query.Del("lang")
	return v.to(pathWith(v.r.URL.Path, query.Encode()))
}

// pathWith builds a path of this site: never one that begins with two slashes, which
// browsers take for another host.
func pathWith(path, query string) string {
	path = "/" + strings.TrimLeft(path, "/\\")
	if query == "" {
		return path
	}
	return path + "?" + query
}

// tongue writes in one language.
type tongue struct {
	lang finapi.Language
	zone *time.Location
}

// text is a text of the catalogue with its arguments. A key that ends in ".one" is for a
// first argument that is 1.
func (t tongue) text(key string, args ...any) string {
	texts := catalogues[t.lang]
	if len(args) > 0 {
		if _, ok := texts[key+".one"]; ok && args[0] == 1 {
			key += ".one"
		}
	}
	text, ok := texts[key]
	if !ok {
		return "?" + key + "?"
	}
	if len(args) == 0 {
		return text
	}
	written := make([]any, len(args))
	for i, a := range args {
		written[i] = t.write(a)
	}
	return fmt.Sprintf(text, written...)
}

// notice is the text about something that a feed noticed. The SDK may add kinds.
func (t tongue) notice(kind finapi.NoticeKind) string {
	key := "notice." + string(kind)
	if _, ok := catalogues[t.lang][key]; !ok {
		key = "notice.other"
	}
	return t.text(key)
}

// write makes a text of a value.
func (t tongue) write(a any) string {
	switch a := a.(type) {
	case finapi.Money:
		return t.money(a)
	case *finapi.Money:
		return t.money(*a)
	case finapi.Date:
		return t.date(a)
	case time.Time:
		return t.moment(a)
	case int:
		return t.count(a)
	}
	return fmt.Sprint(a)
}

// line writes what was told.
func (t tongue) line(l line) string {
	if l.Key == remedyKey && len(l.Args) == 2 {
		e := finapi.Error{Code: finapi.Code(l.Args[0].Text), Actor: finapi.Actor(l.Args[1].Text)}
		return t.advice(&e)
	}
	args := make([]any, len(l.Args))
	for i, a := range l.Args {
		switch {
		case a.Number != nil:
			args[i] = *a.Number
		case !a.Day.IsZero():
			args[i] = a.Day
		case !a.Time.IsZero():
			args[i] = a.Time
		case a.Key != "":
			args[i] = t.text(a.Key)
		default:
			args[i] = a.Text
		}
	}
	return t.text(l.Key, args...)
}
