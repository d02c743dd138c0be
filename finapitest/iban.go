package finapitest

import (
	"fmt"
	"strings"
)

// makeIBAN builds an IBAN with the right check digits from a country code and
// the national account identification.
func makeIBAN(country, bban string) string {
	return fmt.Sprintf("%s%02d%s", country, 98-mod97(bban+country+"00"), bban)
}

// mod97 is the remainder that ISO 7064 uses, with letters counted from 10.
func mod97(s string) int {
	rest := 0
	for _, c := range strings.ToUpper(s) {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest
}

// qrReference appends the check digit to a Swiss QR reference of 26 digits.
func qrReference(digits string) string {
	table := [10]int{0, 9, 4, 6, 8, 2, 7, 1, 3, 5}
	carry := 0
	for _, c := range digits {
		carry = table[(carry+int(c-'0'))%10]
	}
	return fmt.Sprintf("%s%d", digits, (10-carry)%10)
}
