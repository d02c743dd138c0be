package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Redactor redacts the bodies of one run. It works in two passes: all bodies go
// through [Redactor.Observe] first, then each through [Redactor.Body]. It is for
// one goroutine.
type Redactor struct {
	rules     Rules
	key       []byte
	forbidden func(string) bool
	ids       idMap
	observing bool
	memo      map[string]string
	used      map[string]bool
}

// New returns a redactor. The key makes the invented values; a new random one
// for each run keeps them from being computed again. The invented values hold
// nothing that forbidden reports; it may be nil.
func New(rules Rules, key []byte, forbidden func(string) bool) *Redactor {
	if forbidden == nil {
		forbidden = func(string) bool { return false }
	}
	return &Redactor{
		rules: rules, key: bytes.Clone(key), forbidden: forbidden,
		ids: newIDMap(), memo: map[string]string{}, used: map[string]bool{},
	}
}

// Observe learns the ids in a body, so that their order can be kept. The root is
// the name of the document; see [Redactor.Body].
func (r *Redactor) Observe(root string, body []byte) error {
	r.observing = true
	defer func() { r.observing = false }()
	_, err := walk(root, body, r.replace)
	return err
}

// Body returns a redacted copy of a body. The root names what the body is, such
// as "transactions", for rules about the fields at its top.
func (r *Redactor) Body(root string, body []byte) ([]byte, error) {
	return walk(root, body, r.replace)
}

func (r *Redactor) replace(s scalar) []byte {
	switch value := s.value.(type) {
	case string:
		if s.name {
			return changed(value, r.Name(value))
		}
		return changed(value, r.text(r.rules.of(s), value))
	case json.Number:
		if number := r.number(r.rules.of(s), value.String()); number != value.String() {
			return []byte(number)
		}
	}
	return nil
}

// changed writes a text as JSON, unless it is the one that stands there.
func changed(old, text string) []byte {
	if text == old {
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return []byte(`""`) // cannot happen: strings encode
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

var (
	fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)
	fourDigit = regexp.MustCompile(`\d.*\d.*\d.*\d`)
)

// Name returns the name of a field, or an invented one if it looks like data
// that somebody used as a key.
func (r *Redactor) Name(name string) string {
	if name == "" || fieldName.MatchString(name) && !fourDigit.MatchString(name) {
		return name
	}
	return r.Text(name)
}

// constants are texts that finAPI or the banks write where there is no value.
var constants = map[string]bool{"": true, "XXXXX": true, "NOTPROVIDED": true}

func (r *Redactor) text(rule Rule, value string) string {
	switch {
	case constants[value], rule.keep != nil && rule.keep.MatchString(value):
		return value
	case rule.ids && idList.MatchString(value):
		return r.idsIn(value)
	case rule.form != nil:
		return rule.form(r, value)
	}
	return r.Text(value)
}

var (
	idList  = regexp.MustCompile(`^[1-9]\d{0,18}(?:,[1-9]\d{0,18})*$`)
	integer = regexp.MustCompile(`^(?:0|[1-9]\d{0,18})$`)
)

func (r *Redactor) number(rule Rule, literal string) string {
	switch {
	case rule.numbers:
		return literal
	case rule.ids && integer.MatchString(literal):
		return r.idsIn(literal)
	case r.observing:
		return literal
	}
	mantissa, exponent := literal, ""
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		mantissa, exponent = literal[:i], literal[i:]
	}
	return r.invent("number", mantissa, scramble) + exponent
}

// idsIn maps an id, or several with commas between.
func (r *Redactor) idsIn(text string) string {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		id, err := strconv.ParseInt(part, 10, 64)
		switch {
		case err != nil:
			parts[i] = r.Text(part)
		case r.observing:
			r.ids.observe(id)
		default:
			parts[i] = strconv.FormatInt(r.id(id), 10)
		}
	}
	return strings.Join(parts, ",")
}

func (r *Redactor) id(id int64) int64 {
	if !r.ids.settled {
		r.ids.settle(r.random("ids", ""), func(id int64) bool { return r.forbidden(strconv.FormatInt(id, 10)) })
	}
	return r.ids.get(id)
}
