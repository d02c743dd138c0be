package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/internal/record/redact"
)

func TestASecretIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	const holder, iban = "Ärzte-Haus Grünwald & Söhne", "DE02120300000000202051"
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, body := range map[string]string{
		"as it is":                   `{"x":"` + holder + `"}`,
		"inside a longer text":       `{"x":"an ` + holder + `, Berlin"}`,
		"in upper case":              `{"x":"` + strings.ToUpper(holder) + `"}`,
		"escaped in JSON":            `{"x":"\u00c4rzte-Haus Gr\u00fcnwald \u0026 S\u00f6hne"}`,
		"as a key":                   `{"` + holder + `":1}`,
		"escaped in a query":         `{"x":"https://a.example/?q=` + url.QueryEscape(holder) + `"}`,
		"escaped in a path":          `{"x":"https://a.example/` + strings.ToLower(url.PathEscape(holder)) + `"}`,
		"in base64":                  `{"x":"` + b64(holder) + `"}`,
		"in base64 after one byte":   `{"x":"` + b64("a"+holder+"z") + `"}`,
		"in base64 after two bytes":  `{"x":"` + b64("ab"+holder+"yz") + `"}`,
		"in base64 of URLs":          `{"x":"` + base64.RawURLEncoding.EncodeToString([]byte("ab"+holder)) + `"}`,
		"in hexadecimal digits":      `{"x":"` + hex.EncodeToString([]byte(holder)) + `"}`,
		"in a text that is no JSON":  `<p>` + holder + `</p>`,
		"an IBAN":                    `{"x":"` + iban + `"}`,
		"an IBAN in lower case":      `{"x":"` + strings.ToLower(iban) + `"}`,
		"an IBAN in groups":          `{"x":"DE02 1203 0000 0000 2020 51"}`,
		"an IBAN with a word around": `{"x":"IBAN` + iban + `BIC"}`,
		"a short name as a word":     `{"x":"Frau Anna Z."}`,
		"a number as a word":         `{"x":"KD 471100 von 2"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &redact.Inventory{}
			v.Add(redact.Name, holder)
			v.Add(redact.IBAN, iban)
			v.Add(redact.Name, "Anna")
			v.Add(redact.Number, "471100")
			leaks := v.Search("a.json", []byte(body))
			if len(leaks) != 1 {
				t.Errorf("found %v in %s, want one leak", leaks, body)
			}
		})
	}
}

func TestWhatOnlyLooksLikeASecretIsNotFound(t *testing.T) {
	t.Parallel()
	v := &redact.Inventory{}
	v.Add(redact.Name, "Anna")
	v.Add(redact.Number, "471100")
	v.Add(redact.Name, "KI")
	v.Add(redact.Password, "XXXXX")
	v.Add(redact.Number, "0000000000")
	v.Add(redact.Name, "Volksbank Musterland")
	v.Publish("Volksbank Musterland eG")
	body := `{"a":"Banane, Susanna","id":14711002,"kind":"KI","password":"XXXXX","n":"0000000000","bank":"Volksbank Musterland eG"}`
	if leaks := v.Search("a.json", []byte(body)); len(leaks) != 0 {
		t.Errorf("found %v", leaks)
	}
}

func TestAHardSecretIsFoundEvenIfItIsPublic(t *testing.T) {
	t.Parallel()
	v := &redact.Inventory{}
	v.Add(redact.ClientSecret, "finapi-secret")
	v.Publish("the finapi-secret bank")
	want := []redact.Leak{{File: "finapi-secret.json", Kind: redact.ClientSecret}}
	if diff := gocmp.Diff(want, v.Search("finapi-secret.json", []byte(`{}`))); diff != "" {
		t.Errorf("wrong leaks (-want +got):\n%s", diff)
	}
}

func TestAnInventoryFindsIBANsAndAddressesInAnyField(t *testing.T) {
	t.Parallel()
	v := &redact.Inventory{}
	v.Collect("x", []byte(`{"neu":"bitte an DE02 1203 0000 0000 2020 51 oder erika@web.de","bank":{"name":"Hausbank"}}`))
	for body, want := range map[string]int{
		`{"a":"DE02120300000000202051"}`: 1, `{"a":"ERIKA@WEB.DE"}`: 1, `{"a":"Hausbank"}`: 0, `{"a":"DE02120300000000202052"}`: 0,
	} {
		if leaks := v.Search("a.json", []byte(body)); len(leaks) != want {
			t.Errorf("found %v in %s, want %d", leaks, body, want)
		}
	}
}
