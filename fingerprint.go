package finapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode"
)

// fingerprintVersion changes whenever equal rows would get another fingerprint.
// Stores keep the rows themselves, so that it can be computed anew.
const fingerprintVersion = "1:"

// fingerprint returns a text that two rows share if they can be the same booking
// under two ids. It is for recognising a row that finAPI gave a new id, and for
// nothing else: equal fingerprints do not make a double.
//
// It holds what banks do not change: booking date, amount, currency and purpose.
// Names, bank texts, value dates and ids stay out, because they drift.
//
// It begins with the day, so that in the index of a database the fingerprints of
// one synchronisation lie together. Random ones would touch a page each. Behind it,
// 96 bits of a hash are plenty to tell the bookings of one day apart.
func fingerprint(t *Transaction) string {
	return fingerprintVersion + t.BookingDate.String() + ":" + digest(
		t.BookingDate.String(), canonical(t.Amount.Amount), string(t.Amount.Currency), fold(t.Purpose),
	)
}

// digest returns 96 bits of a hash of the fields, as a text.
func digest(fields ...string) string {
	h := sha256.New()
	for _, field := range fields {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(field)))
		h.Write(length[:])
		h.Write([]byte(field))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// weakKey is what even a rewritten booking keeps.
func weakKey(t *Transaction) string {
	return t.BookingDate.String() + "|" + amountKey(t)
}

func amountKey(t *Transaction) string {
	return canonical(t.Amount.Amount) + "|" + string(t.Amount.Currency)
}

// foldings are the ways in which banks write one text differently: with and
// without umlauts, composed or not, in wide letters or ligatures. What remains is
// close to Unicode's NFKC, whose tables this module does without.
var foldings = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "ẞ", "ss",
	"a\u0308", "ae", "o\u0308", "oe", "u\u0308", "ue",
	"à", "a", "â", "a", "á", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e",
	"ì", "i", "í", "i", "î", "i", "ï", "i", "ñ", "n", "ò", "o", "ó", "o", "ô", "o",
	"ù", "u", "ú", "u", "û", "u", "ﬁ", "fi", "ﬂ", "fl",
)

// fold brings a text into a form that equal texts share.
func fold(text string) string {
	text = foldings.Replace(strings.ToLower(text))
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
			return -1
		case r >= '！' && r <= '～': // wide forms of ASCII
			return unicode.ToLower(r - '！' + '!')
		}
		return r
	}, text)
}

// reference returns an end-to-end reference that means something, or "".
func reference(text string) string {
	text = fold(text)
	if text == "notprovided" {
		return ""
	}
	return text
}
