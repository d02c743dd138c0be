package finapi_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

func TestASecretIsShownToNobody(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	client := server.client()
	user := client.User(userName, finapi.NewSecret(password))
	secret := finapi.NewSecret(password)
	type holder struct {
		Public  finapi.Secret
		hidden  finapi.Secret
		Pointer *finapi.Secret
		List    []finapi.Secret
		Map     map[string]finapi.Secret
		Any     any
		Client  *finapi.Client
		User    *finapi.User
	}
	held := holder{
		Public: secret, hidden: secret, Pointer: &secret, List: []finapi.Secret{secret}, Map: map[string]finapi.Secret{"a": secret},
		Any: secret, Client: client, User: user,
	}
	values := map[string]any{
		"a secret": secret, "a pointer to a secret": &secret, "a struct of secrets": held, "a pointer to it": &held,
		"a client": client, "a user": user, "credentials": goodCredentials(),
		"a new user": finapi.NewUser{ID: "x", Password: secret}, "a list": []any{secret, client, user},
	}
	for what, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "%p", "%T"} {
			text := fmt.Sprintf(verb, value)
			hidesSecrets(t, what+" as "+verb, text)
		}
		asJSON, err := json.Marshal(value)
		must(t, err)
		hidesSecrets(t, what+" as JSON", string(asJSON))
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
		hidesSecrets(t, what+" in a log", log.String())
	}
	asXML, err := xml.Marshal(secret)
	must(t, err)
	same(t, "<Secret>REDACTED</Secret>", string(asXML))
}

func hidesSecrets(t *testing.T, what, text string) {
	t.Helper()
	for _, s := range []string{password, "client-secret-4711"} {
		for _, form := range []string{s, fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), fmt.Sprintf("%d", []byte(s))} {
			if strings.Contains(text, form) {
				t.Errorf("%s shows a secret: %s", what, text)
			}
		}
	}
}

func TestASecretIsPrintedAsREDACTED(t *testing.T) {
	t.Parallel()
	secret := finapi.NewSecret(password)
	for _, text := range []string{
		secret.String(), secret.GoString(), fmt.Sprint(secret), fmt.Sprintf("%#v", secret), fmt.Sprintf("%d", secret),
		secret.LogValue().String(),
	} {
		same(t, "REDACTED", text)
	}
	same(t, "finapi.Client(sandbox)", fmt.Sprintf("%+v", newStub(t).client()))
	same(t, "finapi.User(customer-1, sandbox)", fmt.Sprintf("%#v", newStub(t).user()))
}

func TestASecretKnowsItsText(t *testing.T) {
	t.Parallel()
	var none finapi.Secret
	a, b := finapi.NewSecret("a"), finapi.NewSecret("b")
	same(t, "a", a.Reveal())
	same(t, "", none.Reveal())
	same(t, []bool{true, true, false}, []bool{none.IsZero(), finapi.NewSecret("").IsZero(), a.IsZero()})
	same(t, []bool{true, false, false, true}, []bool{a.Equal(finapi.NewSecret("a")), a.Equal(b), a.Equal(none), none.Equal(finapi.NewSecret(""))})
}
