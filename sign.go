package finapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// minKey is the size of a signing key.
const minKey = 32

// signingKeys sign with the first and verify with all of them. What they sign is
// readable and not secret, but cannot be forged.
type signingKeys []Secret

// check names the field of the configuration that the keys come from.
func (k signingKeys) check(field string) error {
	if len(k) == 0 {
		return invalid(field, "must hold a key")
	}
	for _, key := range k {
		if len(key.Reveal()) < minKey {
			return invalid(field, "must hold keys of 32 bytes or more")
		}
	}
	return nil
}

// sign returns the text with its signature. The purpose keeps a signature from being
// of use elsewhere, if a vendor uses one key for several things.
func (k signingKeys) sign(purpose, text string) string {
	return encode([]byte(text)) + "." + encode(signature(k[0], purpose+text))
}

// verify returns the text if one of the keys has signed it for the purpose.
func (k signingKeys) verify(purpose, signed string) (text string, ok bool) {
	body, sum, _ := strings.Cut(signed, ".")
	plain, isText := decoded(body)
	claimed, isSum := decoded(sum)
	if !isText || !isSum {
		return "", false
	}
	for _, key := range k {
		if hmac.Equal(claimed, signature(key, purpose+string(plain))) {
			return string(plain), true
		}
	}
	return "", false
}

func signature(key Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decoded reads what encode writes, and nothing else: the decoder by itself passes over
// line breaks, so that one text could be signed in many forms.
func decoded(text string) (data []byte, ok bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return data, err == nil && encode(data) == text
}
