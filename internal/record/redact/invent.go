package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"math/rand/v2"
	"regexp"
	"strings"
	"unicode"
)

// random returns a source that is the same for the same text in one run.
func (r *Redactor) random(class, text string) *rand.Rand {
	mac := hmac.New(sha256.New, r.key)
	_, _ = mac.Write([]byte(class + "\x00" + text)) // documented never to fail
	return rand.New(rand.NewChaCha8([sha256.Size]byte(mac.Sum(nil))))
}

// patience is how often another value is tried before it may become longer, and
// then how often that is tried before it is taken as it is.
const patience = 200

// invent returns the invented value for a text of a class: always the same one,
// never the text itself, never one that another text has got, and none that is
// forbidden.
func (r *Redactor) invent(class, text string, form func(*rand.Rand, string) string) string {
	if r.observing || !strings.ContainsFunc(text, scrambled) {
		return text
	}
	key := class + "\x00" + text
	if known, ok := r.memo[key]; ok {
		return known
	}
	random := r.random(class, text)
	out := form(random, text)
	for tries := 1; r.taken(class, text, out) && tries < 2*patience; tries++ {
		out = form(random, text)
		if tries > patience && class == "text" { // so short that all others are in use
			out += form(random, "x")
		}
	}
	r.memo[key], r.used[class+"\x00"+out] = out, true
	return out
}

func (r *Redactor) taken(class, text, out string) bool {
	return out == text || r.used[class+"\x00"+out] || r.forbidden(out)
}

// scrambled reports whether scramble replaces a character. Zeros stay at the
// front of a number.
func scrambled(c rune) bool { return c != '0' && (unicode.IsLetter(c) || unicode.IsDigit(c)) }

const (
	foreignUpper = "ÄÖÜÉÈÀÇØ"
	foreignLower = "äöüéèàçø"
)

// scramble replaces each letter by a letter and each digit by a digit. Case,
// leading zeros, spaces and signs stay where they are.
func scramble(random *rand.Rand, text string) string {
	var out strings.Builder
	inNumber := false // after a digit that is not a leading zero
	for _, c := range text {
		digit := unicode.IsDigit(c)
		switch {
		case c == '0' && !inNumber:
			out.WriteRune(c)
			continue
		case digit && !inNumber:
			out.WriteByte("123456789"[random.IntN(9)])
		case digit:
			out.WriteByte("0123456789"[random.IntN(10)])
		default:
			out.WriteRune(scrambleLetter(random, c))
		}
		inNumber = digit
	}
	return out.String()
}

func scrambleLetter(random *rand.Rand, c rune) rune {
	switch {
	case 'a' <= c && c <= 'z':
		return 'a' + random.Int32N(26)
	case 'A' <= c && c <= 'Z':
		return 'A' + random.Int32N(26)
	case unicode.IsUpper(c):
		return []rune(foreignUpper)[random.IntN(8)]
	case unicode.IsLetter(c):
		return []rune(foreignLower)[random.IntN(8)]
	}
	return c
}

// scrambleHex replaces hexadecimal digits by others.
func scrambleHex(random *rand.Rand, text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case '0' <= c && c <= '9':
			return rune("0123456789"[random.IntN(10)])
		case 'a' <= c && c <= 'f':
			return 'a' + random.Int32N(6)
		case 'A' <= c && c <= 'F':
			return 'A' + random.Int32N(6)
		}
		return c
	}, text)
}

// scrambleEmail invents an address in a domain that nobody can register.
func scrambleEmail(random *rand.Rand, text string) string {
	at := strings.LastIndexByte(text, '@')
	domain := strings.Split(text[at+1:], ".")
	domain[len(domain)-1] = "example"
	for i, label := range domain[:len(domain)-1] {
		domain[i] = scramble(random, label)
	}
	return scramble(random, text[:at]) + "@" + strings.Join(domain, ".")
}

var (
	uuidForm  = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
)

// requestIDs are how request ids begin, by who made them.
var requestIDs = []string{"selfgen-", "finapi-go-"}

// Text returns the invented text for a text, in the form of what it is: an IBAN,
// a creditor id, a UUID, an e-mail address, a URL, or any text.
func (r *Redactor) Text(text string) string {
	for _, prefix := range requestIDs {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return prefix + r.Text(rest)
		}
	}
	switch {
	case constants[text]:
		return text
	case isIBAN(text):
		return r.iban(text)
	case isCreditorID(text):
		return r.invent("text", text, scrambleCreditorID)
	case uuidForm.MatchString(text):
		return r.invent("text", text, scrambleHex)
	case emailForm.MatchString(text):
		return r.invent("text", text, scrambleEmail)
	case strings.HasPrefix(text, "https://"), strings.HasPrefix(text, "http://"):
		return r.link(text)
	}
	return r.invent("text", text, scramble)
}
