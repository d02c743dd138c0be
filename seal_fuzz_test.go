package finapi_test

import (
	"testing"

	"github.com/finapi-go/finapi"
)

// FuzzSealed seals a user, and opens it again, for another tenant, in the other environment, and
// after a change: only the first may work.
func FuzzSealed(f *testing.F) {
	f.Add("customer-1", password, "tenant-1", "tenant-2", "\x00", 0)
	key := newGCM(f)
	client := newStub(f).client()
	live, err := finapi.NewClient(finapi.Live, goodCredentials())
	must(f, err)
	f.Fuzz(func(t *testing.T, id, password, tenant, other, part string, at int) {
		user := client.User(finapi.UserID(id), finapi.NewSecret(password))
		sealed, err := user.Seal(key, tenant)
		if err != nil {
			if e := failure(t, err, finapi.CodeInvalidInput); e.Field == "" {
				t.Errorf("%v names no field", err)
			}
			return
		}
		opened, err := client.OpenSealed(key, tenant, sealed)
		must(t, err)
		if string(opened.ID()) != id || opened.Password().Reveal() != password {
			t.Errorf("%q with %q came back as %q with %q", id, password, opened.ID(), opened.Password().Reveal())
		}
		if other != tenant {
			wantClosed(t, client, key, other, sealed)
		}
		wantClosed(t, live, key, tenant, sealed)
		changed := append([]byte{}, sealed...)
		if n := copy(changed[int(uint(at)%uint(len(changed))):], part); n > 0 && string(changed) != string(sealed) {
			wantClosed(t, client, key, tenant, changed)
		}
		wantClosed(t, client, key, tenant, []byte(part))
		if at > 0 {
			wantClosed(t, client, key, tenant, sealed[:at%len(sealed)])
		}
	})
}

// wantClosed checks that something does not open.
func wantClosed(t *testing.T, client *finapi.Client, key finapi.AEAD, tenant string, sealed []byte) {
	t.Helper()
	user, err := client.OpenSealed(key, tenant, sealed)
	if user != nil || !finapi.IsError(err, finapi.CodeSealBroken, finapi.CodeInvalidInput) {
		t.Errorf("%q opened for %q as %v, %v", sealed, tenant, user, err)
	}
}

// FuzzSealedText opens what the key has sealed, but this package has not: any text.
func FuzzSealedText(f *testing.F) {
	f.Add("customer-1\n" + password)
	key := newGCM(f)
	client := newStub(f).client()
	f.Fuzz(func(t *testing.T, text string) {
		user, err := opensWith(t, client, key, text)
		if err != nil {
			mustFail(t, err, finapi.CodeSealBroken)
			return
		}
		same(t, text, string(user.ID())+"\n"+user.Password().Reveal())
		if _, err := user.Seal(key, "tenant-1"); err != nil {
			t.Errorf("%q was opened as a user that cannot be: %v", text, err)
		}
	})
}
