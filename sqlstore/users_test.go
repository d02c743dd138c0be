package sqlstore_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/sqlstore"
)

// keyset is an AEAD like those of Tink: it seals with its first key and opens with all.
type keyset []cipher.AEAD

func newKey(tb testing.TB) cipher.AEAD {
	tb.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func (k keyset) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	return k[0].Seal(nil, nil, plaintext, associatedData), nil
}

func (k keyset) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	for _, key := range k {
		if plain, err := key.Open(nil, nil, ciphertext, associatedData); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("no key opens it")
}

// client is the vendor's client at the simulated finAPI.
func (b *bank) client(tb testing.TB) *finapi.Client {
	tb.Helper()
	client, err := capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithTransport(b.transport), finapi.WithClock(b.sim.Clock()),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

func tenants(tb testing.TB, store *sqlstore.Store, client *finapi.Client, keys keyset) *sqlstore.Users {
	tb.Helper()
	users, err := store.Users(client, keys)
	if err != nil {
		tb.Fatal(err)
	}
	return users
}

func wantCode(tb testing.TB, err error, code finapi.Code) {
	tb.Helper()
	if !finapi.IsError(err, code) {
		tb.Errorf("got %v, want the code %s", err, code)
	}
}

func TestATenantsUserIsMadeOnceAndOpensEverAfter(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		keys := keyset{newKey(t)}
		ids := make([]finapi.UserID, 8)
		var wait sync.WaitGroup
		for n := range ids { // many processes meet a new tenant at once
			wait.Go(func() {
				user, err := tenants(t, store, b.client(t), keys).Open(t.Context(), "tenant-1")
				if err != nil {
					t.Error(err)
					return
				}
				ids[n] = user.ID()
				if _, err := user.Connections(t.Context()); err != nil {
					t.Errorf("the user cannot be used: %v", err)
				}
			})
		}
		wait.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Errorf("the tenant has the users %v, want one", ids)
				break
			}
		}
		other, err := tenants(t, store, b.client(t), keys).Open(t.Context(), "tenant-2")
		if err != nil || other.ID() == ids[0] {
			t.Errorf("another tenant got the user %v, %v", other, err)
		}
	})
}

func TestLookingForATenantCreatesNothing(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		users := tenants(t, store, b.client(t), keyset{newKey(t)})
		if user, err := users.Find(t.Context(), "tenant-1"); err != nil || user != nil {
			t.Errorf("found %v, %v, want no user", user, err)
		}
		if got := count(t, store.DB(), "finapi_user"); got != 0 {
			t.Errorf("%d users are stored, want none", got)
		}
		user, err := users.Open(t.Context(), "tenant-1")
		if err != nil {
			t.Fatal(err)
		}
		if found, err := users.Find(t.Context(), "tenant-1"); err != nil || found == nil || found.ID() != user.ID() {
			t.Errorf("found %v, %v, want the tenant's user", found, err)
		}
	})
}

func TestNoUserIsCreatedWhosePasswordIsLost(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		keys := keyset{newKey(t)}
		client := b.client(t)
		users := tenants(t, store, client, keys)
		ctx, cancel := context.WithCancel(t.Context())
		// The process dies between storing the access and creating the user at finAPI: the
		// client cannot even get a token.
		dead, err := capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret("wrong")},
			finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithTransport(b.transport), finapi.WithClock(b.sim.Clock()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tenants(t, store, dead, keys).Open(ctx, "tenant-1"); err == nil {
			t.Fatal("a user was created without a token")
		}
		cancel()
		if got := count(t, store.DB(), "finapi_user"); got != 1 {
			t.Fatalf("%d users are stored, want the one that is not created yet", got)
		}
		if user, err := users.Find(t.Context(), "tenant-1"); err != nil || user != nil {
			t.Errorf("found %v, %v: finAPI does not have the user yet", user, err)
		}
		user, err := users.Open(t.Context(), "tenant-1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := user.Connections(t.Context()); err != nil {
			t.Errorf("the user cannot be used: %v", err)
		}
		// It dies after finAPI has created the user: nobody has noted that.
		if _, err := store.DB().Exec(`UPDATE finapi_user SET created = 0`); err != nil {
			t.Fatal(err)
		}
		again, err := users.Open(t.Context(), "tenant-1")
		if err != nil || again.ID() != user.ID() {
			t.Errorf("got the user %v, %v, want the same one", again, err)
		}
	})
}

func TestARowThatIsCopiedToAnotherTenantDoesNotOpen(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		client, keys := b.client(t), keyset{newKey(t)}
		users := tenants(t, store, client, keys)
		for _, tenant := range []string{"victim", "thief"} {
			if _, err := users.Open(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		_, err := store.DB().Exec(`UPDATE finapi_user SET sealed = (SELECT sealed FROM finapi_user WHERE tenant = 'victim') WHERE tenant = 'thief'`)
		if err != nil {
			t.Fatal(err)
		}
		user, err := users.Open(t.Context(), "thief")
		wantCode(t, err, finapi.CodeSealBroken)
		if user != nil {
			t.Error("the victim's user was opened for the thief")
		}
		_, err = users.Forget(t.Context(), "thief")
		wantCode(t, err, finapi.CodeSealBroken)
	})
}

func TestWithoutTheKeyNothingOpens(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		client := b.client(t)
		user, err := tenants(t, store, client, keyset{newKey(t)}).Open(t.Context(), "tenant-1")
		if err != nil {
			t.Fatal(err)
		}
		stranger := tenants(t, store, client, keyset{newKey(t)})
		_, err = stranger.Open(t.Context(), "tenant-1")
		wantCode(t, err, finapi.CodeSealBroken)
		_, err = stranger.ByID(t.Context(), user.ID())
		wantCode(t, err, finapi.CodeSealBroken)
		var dump strings.Builder
		rows, err := store.DB().Query(`SELECT environment || tenant || user_hash || sealed FROM finapi_user`)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			dump.WriteString(text)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{string(user.ID()), user.Password().Reveal()} {
			if strings.Contains(dump.String(), secret) {
				t.Error("the table shows the user's id or password")
			}
		}
	})
}

func TestTheKeyIsChangedWhileTheProgramWorks(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		client := b.client(t)
		older, newer := newKey(t), newKey(t)
		var want []finapi.UserID
		for n := range 3 {
			user, err := tenants(t, store, client, keyset{older}).Open(t.Context(), fmt.Sprint("tenant-", n))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, user.ID())
		}
		both := tenants(t, store, client, keyset{newer, older})
		for range 2 { // it can be repeated
			if n, err := both.Reseal(t.Context()); err != nil || n != 3 {
				t.Fatalf("resealed %d users, %v, want 3", n, err)
			}
		}
		for n, id := range want {
			user, err := tenants(t, store, client, keyset{newer}).Open(t.Context(), fmt.Sprint("tenant-", n))
			if err != nil || user.ID() != id {
				t.Errorf("with the new key alone, tenant %d opens as %v, %v", n, user, err)
			}
			_, err = tenants(t, store, client, keyset{older}).Open(t.Context(), fmt.Sprint("tenant-", n))
			wantCode(t, err, finapi.CodeSealBroken)
		}
		_, err := tenants(t, store, client, keyset{older}).Reseal(t.Context())
		wantCode(t, err, finapi.CodeSealBroken)
	})
}

func TestTheUserOfACallbackIsFoundByItsID(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		users := tenants(t, store, b.client(t), keyset{newKey(t)})
		user, err := users.Open(t.Context(), "tenant-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []finapi.UserID{user.ID(), finapi.UserID(strings.ToLower(string(user.ID())))} {
			found, err := users.ByID(t.Context(), id)
			if err != nil || found == nil || found.ID() != user.ID() || !found.Password().Equal(user.Password()) {
				t.Errorf("found %v, %v", found, err)
			}
		}
		for id, want := range map[finapi.UserID]string{user.ID(): "tenant-1", "nobody": ""} {
			if got, err := users.TenantOf(t.Context(), id); err != nil || got != want {
				t.Errorf("%s is of the tenant %q, %v, want %q", id, got, err, want)
			}
		}
		if found, err := users.ByID(t.Context(), "nobody"); err != nil || found != nil {
			t.Errorf("found %v, %v for an id that is no tenant's", found, err)
		}
	})
}

func TestAForgottenTenantIsGoneHereAndAtFinAPI(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		client := b.client(t)
		users := tenants(t, store, client, keyset{newKey(t)})
		user, err := users.Open(t.Context(), "tenant-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{true, false} { // it can be repeated
			forgotten, err := users.Forget(t.Context(), "tenant-1")
			if err != nil || forgotten != want {
				t.Fatalf("Forget gave %v, %v, want %v", forgotten, err, want)
			}
		}
		if got := count(t, store.DB(), "finapi_user"); got != 0 {
			t.Errorf("%d users are stored, want none", got)
		}
		_, err = client.UserVerified(t.Context(), user.ID())
		wantCode(t, err, finapi.CodeUnknownEntity)
		next, err := users.Open(t.Context(), "tenant-1")
		if err != nil || next.ID() == user.ID() {
			t.Errorf("a tenant who comes back got %v, %v, want a new user", next, err)
		}
	})
}

func TestBadInputForUsersIsRefused(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		client := b.client(t)
		_, err := store.Users(nil, keyset{newKey(t)})
		wantCode(t, err, finapi.CodeInvalidInput)
		_, err = store.Users(client, nil)
		wantCode(t, err, finapi.CodeInvalidInput)
		for _, tenant := range []string{"", " ", strings.Repeat("x", 201)} {
			_, err := tenants(t, store, client, keyset{newKey(t)}).Open(t.Context(), tenant)
			wantCode(t, err, finapi.CodeInvalidInput)
		}
		if got := count(t, store.DB(), "finapi_user"); got != 0 {
			t.Errorf("%d users are stored, want none", got)
		}
	})
}

func TestADatabaseThatFailsIsSaidSo(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, store := newBank(t), d.open(t)
		users := tenants(t, store, b.client(t), keyset{newKey(t)})
		if _, err := users.Open(t.Context(), "tenant-1"); err != nil {
			t.Fatal(err)
		}
		if err := store.DB().Close(); err != nil {
			t.Fatal(err)
		}
		_, open := users.Open(t.Context(), "tenant-1")
		_, byID := users.ByID(t.Context(), "x")
		_, tenantOf := users.TenantOf(t.Context(), "x")
		_, reseal := users.Reseal(t.Context())
		_, forget := users.Forget(t.Context(), "tenant-1")
		for what, err := range map[string]error{
			"Open": open, "ByID": byID, "TenantOf": tenantOf, "Reseal": reseal, "Forget": forget,
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "sqlstore: ") {
				t.Errorf("%s: got %v", what, err)
			}
		}
	})
}

// meanwhile does something before the first request that makes a user, and learns which one.
type meanwhile struct {
	http.RoundTripper
	do   func() error
	made finapi.UserID
}

func (m *meanwhile) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/v2/users" || m.made != "" {
		return m.RoundTripper.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var user struct {
		ID finapi.UserID `json:"id"`
	}
	if err := errors.Join(r.Body.Close(), json.Unmarshal(body, &user)); err != nil {
		return nil, err
	}
	m.made = user.ID
	if err := m.do(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return m.RoundTripper.RoundTrip(r)
}

func TestATenantThatIsForgottenWhileItIsOpenedLeavesNoUserBehind(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		for _, openedAgain := range []bool{false, true} {
			forgottenWhileOpened(t, newBank(t), d.open(t), openedAgain)
		}
	})
}

func forgottenWhileOpened(t *testing.T, b *bank, store *sqlstore.Store, openedAgain bool) {
	t.Helper()
	keys := keyset{newKey(t)}
	others := tenants(t, store, b.client(t), keys)
	on := &meanwhile{RoundTripper: b.transport, do: func() error {
		_, err := others.Forget(t.Context(), "tenant-1")
		if err == nil && openedAgain {
			_, err = others.Open(t.Context(), "tenant-1")
		}
		return err
	}}
	client, err := capture.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())},
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithClock(b.sim.Clock()), finapi.WithTransport(on),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tenants(t, store, client, keys).Open(t.Context(), "tenant-1")
	wantCode(t, err, finapi.CodeConflict)
	if _, err := client.UserVerified(t.Context(), on.made); err == nil {
		t.Errorf("finAPI still has the user %s, whose password nobody has", on.made)
	}
	user, err := others.Find(t.Context(), "tenant-1")
	if err != nil || (user != nil) != openedAgain {
		t.Fatalf("afterwards the tenant has the user %v, %v, want one: %v", user, err, openedAgain)
	}
	if !openedAgain {
		return
	}
	if _, err := user.Connections(t.Context()); err != nil || user.ID() == on.made {
		t.Errorf("the new user %v cannot be used: %v", user, err)
	}
}
