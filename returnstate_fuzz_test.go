package finapi

import (
	"strings"
	"testing"
	"time"
)

var stateKeys = signingKeys{NewSecret(strings.Repeat("n", minKey)), NewSecret(strings.Repeat("o", minKey))}

// FuzzReturnState signs a state, changes its text, and asks whether it is good still. Who is
// told so can be sent to another customer's consent.
func FuzzReturnState(f *testing.F) {
	f.Add(byBrowser, int64(1_795_000_000), "ABCDEFGHIJKLMNOP", "8c1d7c2e-3f51-4d0b-9a3f-5d6f4b1f0a10", "customer-1", "", 0)
	f.Fuzz(func(t *testing.T, kind string, expires int64, once, form, user, other string, at int) {
		state := returnState{kind: kind, expires: time.Unix(expires, 0), nonce: once, form: ConsentID(form), user: UserID(user)}
		signed := state.sign(stateKeys)
		got, ok := verifyState(stateKeys, signed)
		bars := strings.Contains(kind+once+form+user, "|") // which nothing in a state has
		if ok == bars || ok && got != state {
			t.Errorf("%+v came back as %+v, %v", state, got, ok)
		}
		if got, ok := verifyState(stateKeys[1:], signed); ok {
			t.Errorf("without its key it is good, as %+v", got)
		}
		if text, ok := stateKeys.verify("another purpose|", signed); ok {
			t.Errorf("it is good for another purpose, as %q", text)
		}
		for _, changed := range []string{other, spliced(signed, other, at)} {
			if got, ok := verifyState(stateKeys, changed); ok && changed != signed {
				t.Errorf("%q is good, as %+v, though %q was signed", changed, got, signed)
			}
		}
	})
}

// spliced puts a text into another one, in place of as much of it.
func spliced(text, part string, at int) string {
	at = int(uint(at) % uint(len(text)+1))
	return text[:at] + part + text[min(len(text), at+len(part)):]
}
