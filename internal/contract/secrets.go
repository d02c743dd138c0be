package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"index/suffixarray"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Secrets are texts that must not turn up where they do not belong, with where each was
// found. They are gathered from traffic, so that no test has to name them.
type Secrets struct {
	// Credentials open something: passwords, tokens, keys.
	Credentials map[string]string
	// Personal are data of customers: names, IBANs, texts.
	Personal map[string]string
}

// NewSecrets returns none.
func NewSecrets() *Secrets {
	return &Secrets{Credentials: map[string]string{}, Personal: map[string]string{}}
}

// credentialFields and personalFields are the names of fields of forms and of JSON.
var (
	credentialFields = []string{"access_token", "refresh_token", "token", "password", "client_secret"}
	personalFields   = []string{
		"iban", "accountIban", "counterpartIban", "accountNumber", "counterpartAccountNumber", "accountHolderName", "accountName",
		"counterpartName", "purpose", "endToEndReference", "mandateReference", "counterpartMandateReference", "customerReference",
		"counterpartCustomerReference", "returnReason", "email", "phone", "callbackHandle", "error_description",
	}
	personalHeaders = []string{"Psu-Ip-Address", "Psu-Device-Os", "Psu-User-Agent"}
)

// shortest is the length from which a text says something when it is found.
const shortest = 7

// dumped is how many bytes of a secret a dump of a goroutine shows, if it is passed as an array: of one call Go shows
// ten values at most, and a receiver and a context are three. Of a text only the address is shown.
const dumped = 7

// Gather adds the secrets of an exchange.
func (s *Secrets) Gather(e *Exchange) {
	from := e.Method + " " + e.Path
	if token, ok := strings.CutPrefix(e.Header.Get("Authorization"), "Bearer "); ok && token != "REDACTED" {
		s.credential(token, from)
	}
	for _, name := range personalHeaders {
		s.personal(e.Header.Get(name), from)
	}
	if strings.HasPrefix(e.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && strings.HasPrefix(e.Path, "/api/") {
		form, _ := url.ParseQuery(string(e.Body)) // what cannot be read was not a form of the SDK
		for _, name := range credentialFields {
			s.credential(form.Get(name), from)
		}
	}
	s.GatherJSON(e.Body, from)
	if answer, err := e.Response(); err == nil { // else a test sent it so that nobody can read it
		s.GatherJSON(answer.Body, from)
	}
}

// GatherJSON adds the secrets of a JSON text, whatever its shape; what is no JSON has none.
func (s *Secrets) GatherJSON(data []byte, from string) {
	var value any
	if json.Unmarshal(data, &value) == nil {
		s.walk("", value, from)
	}
}

func (s *Secrets) walk(field string, value any, from string) {
	switch value := value.(type) {
	case string:
		switch {
		case slices.Contains(credentialFields, field):
			s.credential(value, from)
		case slices.Contains(personalFields, field):
			s.personal(value, from)
		}
	case []any:
		for _, v := range value {
			s.walk(field, v, from)
		}
	case map[string]any:
		for name, v := range value {
			s.walk(name, v, from)
		}
	}
}

func (s *Secrets) credential(text, from string) {
	if utf8.RuneCountInString(text) >= shortest && !slices.Contains(credentialFields, text) { // a test's password can be "password"
		s.Credentials[text] = from
	}
}

func (s *Secrets) personal(text, from string) {
	if utf8.RuneCountInString(text) >= shortest {
		s.Personal[text] = from
	}
}

// Leak is a secret that was found where it must not be.
type Leak struct {
	Secret, Form string
	From         string // where the secret comes from
	Around       string // the text around it
}

func (l Leak) String() string {
	return fmt.Sprintf("%q of %s was said %s: …%s…", l.Secret, l.From, l.Form, l.Around)
}

// Leaks looks for secrets in a text: as they are, and in the forms that printing gives them.
func Leaks(text []byte, secrets map[string]string) []Leak {
	index, found := suffixarray.New(text), []Leak(nil)
	for secret, from := range secrets {
		for form, as := range forms(secret) {
			at := index.Lookup([]byte(as), 1)
			if len(at) == 0 {
				continue
			}
			around := text[max(0, at[0]-120):min(len(text), at[0]+len(as)+60)]
			found = append(found, Leak{secret, form, from, string(bytes.ToValidUTF8(around, []byte("?")))})
			break
		}
	}
	slices.SortFunc(found, func(a, b Leak) int { return strings.Compare(a.Secret, b.Secret) })
	return found
}

func forms(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		quoted = []byte(`""`) // a text can always be written
	}
	return map[string]string{
		"as it is":      secret,
		"as JSON":       string(quoted[1 : len(quoted)-1]),
		"quoted":        strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"in hex":        hex.EncodeToString([]byte(secret)),
		"as bytes":      strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]"),
		"in base64":     base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"in a URL":      url.QueryEscape(secret),
		"in a dump":     strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(secret)[:min(dumped, len(secret))]), "[]byte{"), "}"),
		"in URL base64": base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// changing is what differs each time that the same is said. Bytes in hex, of two digits at most, are no addresses.
var changing = regexp.MustCompile(`finapi-go-[A-Z2-7]{26}|\btime[="]+:?"?[-0-9T:.Z+]+|\bduration[="]+:?"?[0-9.a-zµ]+|0x[0-9a-f]{3,}`)

// Distinct returns each line once, leaving out what differs each time.
func Distinct(text []byte) []byte {
	seen, out := map[string]bool{}, []byte(nil)
	for line := range bytes.Lines(text) {
		plain := changing.ReplaceAll(line, nil)
		if key := string(plain); !seen[key] {
			seen[key] = true
			out = append(out, plain...)
		}
	}
	return out
}
