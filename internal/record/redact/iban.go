package redact

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

var (
	ibanForm     = regexp.MustCompile(`^[A-Za-z]{2}\d\d[0-9A-Za-z]{11,30}$`)
	creditorForm = regexp.MustCompile(`^[A-Z]{2}\d\d[0-9A-Z]{3}[0-9A-Z]{1,28}$`)
)

// mod97 is the remainder of ISO 7064, with letters counted from 10.
func mod97(text string) int {
	rest := 0
	for _, c := range strings.ToUpper(text) {
		switch {
		case '0' <= c && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case 'A' <= c && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest
}

func checkDigits(country, rest string) string {
	return fmt.Sprintf("%02d", 98-mod97(rest+country+"00"))
}

// isIBAN reports whether a text, with or without spaces, is an IBAN with the
// right check digits.
func isIBAN(text string) bool {
	iban := strings.ReplaceAll(text, " ", "")
	return ibanForm.MatchString(iban) && mod97(iban[4:]+iban[:4]) == 1
}

// iban invents an IBAN of the same country, length and spacing.
func (r *Redactor) iban(text string) string {
	return spaced(text, r.invent("text", strings.ReplaceAll(text, " ", ""), scrambleIBAN))
}

// scrambleIBAN invents an IBAN whose bank code begins with 99 or XX, which no
// bank has.
func scrambleIBAN(random *rand.Rand, iban string) string {
	rest := []rune(scrambleAll(random, iban[4:]))
	for i := range 2 {
		switch {
		case '0' <= rest[i] && rest[i] <= '9':
			rest[i] = '9'
		case 'a' <= rest[i]:
			rest[i] = 'x'
		default:
			rest[i] = 'X'
		}
	}
	return iban[:2] + checkDigits(iban[:2], string(rest)) + string(rest)
}

// scrambleAll is scramble without a place for leading zeros.
func scrambleAll(random *rand.Rand, text string) string {
	return scramble(random, "1"+text)[1:]
}

// spaced puts spaces where another text has them.
func spaced(like, text string) string {
	var out strings.Builder
	i := 0
	for _, c := range like {
		if c == ' ' {
			out.WriteByte(' ')
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// isCreditorID reports whether a text is a SEPA creditor identifier. Its business
// code, at the fifth to seventh place, does not count for the check digits.
func isCreditorID(text string) bool {
	return creditorForm.MatchString(text) && mod97(text[7:]+text[:4]) == 1
}

func scrambleCreditorID(random *rand.Rand, text string) string {
	rest := scrambleAll(random, text[7:])
	return text[:2] + checkDigits(text[:2], rest) + text[4:7] + rest
}
