package redact

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what a secret is, in the words of a message to the person who records.
type Kind string

// The kinds of secrets.
const (
	ClientID     Kind = "client id"
	ClientSecret Kind = "client secret"
	Token        Kind = "token"
	Password     Kind = "password"
	UserID       Kind = "user id"
	Email        Kind = "e-mail address"
	Phone        Kind = "phone number"
	IBAN         Kind = "IBAN"
	Name         Kind = "name"
	Number       Kind = "account or customer number"
	Reference    Kind = "reference"
	Text         Kind = "text of a booking"
	FormID       Kind = "id of a form or an update"
	RequestID    Kind = "request id"
	ID           Kind = "id of a connection, an account or a row"
)

// hard kinds are searched for whatever else they resemble.
var hard = map[Kind]bool{
	ClientID: true, ClientSecret: true, Token: true, Password: true, UserID: true, Email: true, IBAN: true, FormID: true,
}

// sensitive are the fields whose texts are secrets. The list has nothing to do
// with [Rules], so that a rule that is wrong is noticed.
var sensitive = map[string]Kind{
	"access_token": Token, "refresh_token": Token, "password": Password, "email": Email, "phone": Phone,
	"iban": IBAN, "counterpartIban": IBAN, "counterpartyIban": IBAN,
	"accountName": Name, "accountHolderName": Name, "counterpartName": Name, "counterpartyName": Name,
	"differentDebitor": Name, "differentDebtor": Name, "differentCreditor": Name, "firstName": Name, "lastName": Name,
	"street": Name, "procedureName": Name,
	"accountNumber": Number, "accountHolderId": Number, "counterpartAccountNumber": Number,
	"counterpartyAccountNumber": Number, "counterpartCustomerReference": Number, "counterpartyCustomerReference": Number,
	"counterpartMandateReference": Reference, "counterpartyMandateReference": Reference, "counterpartCreditorId": Reference,
	"counterpartyCreditorId": Reference, "counterpartDebitorId": Reference, "counterpartyDebtorId": Reference,
	"endToEndReference": Reference, "endToEndId": Reference, "invoiceNumber": Reference, "callbackHandle": Reference,
	"purpose": Text, "cleanedPurpose": Text, "requestId": RequestID, "authContext": Reference, "hash": Token,
	"id": ID, "accountId": ID, "bankConnectionId": ID, "accountIds": ID, "parentId": ID, "children": ID,
	"identifiers": ID, "transactions": ID,
}

type secret struct {
	kind Kind
	text string
	// forms are what to look for: in lower case, and as it is.
	folded, exact []string
}

// Inventory holds what must not be in the files. The zero Inventory is empty and
// ready.
type Inventory struct {
	secrets []*secret
	known   map[string]bool
	public  []string
}

// Add adds a secret. Values that stand for none, such as XXXXX, are left out.
func (v *Inventory) Add(kind Kind, text string) {
	text = strings.TrimSpace(text)
	if constants[text] || v.known[text] || tooShort(kind, text) || !strings.ContainsFunc(text, scrambled) {
		return
	}
	if v.known == nil {
		v.known = map[string]bool{}
	}
	v.known[text] = true
	s := &secret{kind: kind, text: text}
	s.folded, s.exact = forms(text)
	v.secrets = append(v.secrets, s)
}

// Len returns how many secrets there are.
func (v *Inventory) Len() int { return len(v.secrets) }

// tooShort reports whether a text would be found everywhere.
func tooShort(kind Kind, text string) bool {
	n := utf8.RuneCountInString(text)
	switch kind {
	case Text:
		return n < 12 || !strings.ContainsFunc(text, unicode.IsSpace)
	case Name, Password, Token, ClientID, ClientSecret, UserID, Email:
		return n < 4
	default:
		return n < 6
	}
}

var (
	ibanHead    = regexp.MustCompile(`\b[A-Za-z]{2}\d\d`)
	ibanGroup   = regexp.MustCompile(`^ ?[0-9A-Za-z]+`)
	emailInText = regexp.MustCompile(`[^@\s"<>(),;:]+@[^@\s"<>(),;:]+\.[^@\s"<>(),;:.]+`)
)

// Collect adds what is sensitive in a body that a server sent. A body that is no
// JSON is searched as a text.
func (v *Inventory) Collect(root string, body []byte) {
	_, err := walk(root, body, func(s scalar) []byte {
		v.collect(s)
		return nil
	})
	if err != nil {
		v.findings(string(body))
	}
}

func (v *Inventory) collect(s scalar) {
	text, ok := s.value.(string)
	switch {
	case s.name:
		v.Publish(s.field)
	case !ok:
		if number, isNumber := s.value.(json.Number); isNumber && sensitive[s.field] != "" && !directory[s.container] {
			v.Add(sensitive[s.field], number.String())
		}
		return
	case directory[s.container]:
		v.Publish(text)
		return
	case uuidForm.MatchString(text):
		v.Add(FormID, text)
	case sensitive[s.field] != "":
		v.Add(sensitive[s.field], text)
	}
	v.findings(text)
}

// directory are the objects of finAPI's public directory of banks.
var directory = map[string]bool{
	"bank": true, "banks": true, "bankGroup": true, "tppAuthenticationGroup": true, "loginCredentials": true,
}

// findings adds the IBANs and e-mail addresses inside a text.
func (v *Inventory) findings(text string) {
	for _, head := range ibanHead.FindAllStringIndex(text, -1) {
		if iban := ibanAt(text[head[0]:]); iban != "" {
			v.Add(IBAN, iban)
			v.Add(IBAN, strings.ReplaceAll(iban, " ", ""))
		}
	}
	for _, match := range emailInText.FindAllString(text, -1) {
		v.Add(Email, match)
	}
}

// ibanAt returns the IBAN that a text begins with, group by group, or "".
func ibanAt(text string) string {
	const longest = 34 + 8 // with spaces
	for end := 0; end <= longest; {
		group := ibanGroup.FindString(text[end:])
		if group == "" {
			return ""
		}
		if end += len(group); isIBAN(text[:end]) {
			return text[:end]
		}
	}
	return ""
}

// Publish adds a text that is public, such as the name of a bank. A soft secret
// that is part of it, such as the name of a counterpart that is a bank, is not
// searched for.
func (v *Inventory) Publish(text string) {
	text = strings.ToLower(text)
	if text != "" && (len(v.public) == 0 || v.public[len(v.public)-1] != text) {
		v.public = append(v.public, text)
	}
}

// isPublic reports whether a secret is none.
func (v *Inventory) isPublic(s *secret) bool {
	if hard[s.kind] {
		return false
	}
	text := strings.ToLower(s.text)
	for _, public := range v.public {
		if strings.Contains(public, text) {
			return true
		}
	}
	return false
}
