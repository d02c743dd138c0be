package finapi_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

// gcm is an AEAD of the standard library, with the methods of Tink.
type gcm struct{ cipher.AEAD }

func newGCM(tb testing.TB) gcm {
	tb.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	must(tb, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	must(tb, err)
	return gcm{aead}
}

func (g gcm) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	return g.Seal(nil, nil, plaintext, associatedData), nil
}

func (g gcm) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	return g.Open(nil, nil, ciphertext, associatedData)
}

func TestASealedUserOpensForItsTenantOnly(t *testing.T) {
	t.Parallel()
	client := newStub(t).client()
	key := newGCM(t)
	user := client.User(userName, finapi.NewSecret("ein Paßwort\nmit Zeile"))
	sealed, err := user.Seal(key, "tenant-1")
	must(t, err)
	if strings.Contains(string(sealed), string(userName)) {
		t.Error("the sealed user shows its id")
	}
	opened, err := client.OpenSealed(key, "tenant-1", sealed)
	must(t, err)
	same(t, userName, opened.ID())
	same(t, "ein Paßwort\nmit Zeile", opened.Password().Reveal())

	live, err := finapi.NewClient(finapi.Live, goodCredentials())
	must(t, err)
	changed := append([]byte{}, sealed...)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() (*finapi.User, error){
		"for another tenant":         func() (*finapi.User, error) { return client.OpenSealed(key, "tenant-2", sealed) },
		"in another environment":     func() (*finapi.User, error) { return live.OpenSealed(key, "tenant-1", sealed) },
		"with another key":           func() (*finapi.User, error) { return client.OpenSealed(newGCM(t), "tenant-1", sealed) },
		"after a change":             func() (*finapi.User, error) { return client.OpenSealed(key, "tenant-1", changed) },
		"cut off":                    func() (*finapi.User, error) { return client.OpenSealed(key, "tenant-1", sealed[:10]) },
		"empty":                      func() (*finapi.User, error) { return client.OpenSealed(key, "tenant-1", nil) },
		"with something else inside": func() (*finapi.User, error) { return opensWith(t, client, key, "no line") },
		"with a bad id inside":       func() (*finapi.User, error) { return opensWith(t, client, key, "a b\nsecret-password") },
		"with a short password":      func() (*finapi.User, error) { return opensWith(t, client, key, "id\nx") },
	} {
		user, err := open()
		e := failure(t, err, finapi.CodeSealBroken)
		if user != nil || e.Actor != finapi.ActorVendor {
			t.Errorf("%s: got user %v, actor %s", name, user, e.Actor)
		}
		for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e)} {
			if strings.Contains(text, "tenant") && strings.Contains(text, "-1") || strings.Contains(text, "secret-password") {
				t.Errorf("%s: the text tells too much: %s", name, text)
			}
		}
	}
}

// opensWith opens a text that was sealed like a user.
func opensWith(tb testing.TB, client *finapi.Client, key gcm, text string) (*finapi.User, error) {
	tb.Helper()
	sealed, err := key.Encrypt([]byte(text), []byte("finapi user 1/sandbox/tenant-1"))
	must(tb, err)
	return client.OpenSealed(key, "tenant-1", sealed)
}

func TestBadInputForSealingIsRefused(t *testing.T) {
	t.Parallel()
	client := newStub(t).client()
	user := client.User(userName, finapi.NewSecret(password))
	key := newGCM(t)
	for _, tenant := range []string{"", "  ", strings.Repeat("x", 201)} {
		_, err := user.Seal(key, tenant)
		mustRefuse(t, err, "tenant")
		_, err = client.OpenSealed(key, tenant, nil)
		mustRefuse(t, err, "tenant")
	}
	_, err := user.Seal(nil, "t")
	mustRefuse(t, err, "aead")
	_, err = client.OpenSealed(nil, "t", nil)
	mustRefuse(t, err, "aead")
	_, err = client.User("no id", finapi.NewSecret(password)).Seal(key, "t")
	mustRefuse(t, err, "UserID")
}

type brokenKey struct{ gcm }

func (brokenKey) Encrypt(_, _ []byte) ([]byte, error) {
	return nil, errors.New("the key service is down")
}

func TestAKeyThatDoesNotSealSaysSo(t *testing.T) {
	t.Parallel()
	_, err := newStub(t).user().Seal(brokenKey{newGCM(t)}, "t")
	if e := failure(t, err, finapi.CodeSealBroken); e.Unwrap() == nil {
		t.Error("the cause is lost")
	}
}
