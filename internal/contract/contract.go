package contract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// Host is one of finAPI's two services.
type Host uint8

// The two services.
const (
	Access Host = iota
	WebForm
)

// String returns "access" or "webform", as excluded-operations.txt writes them.
func (h Host) String() string {
	if h == WebForm {
		return "webform"
	}
	return "access"
}

var documents = [...]string{Access: "finapi-access-v2.yaml", WebForm: "finapi-webform-2.yaml"}

// Mode says how an answer is judged.
type Mode uint8

const (
	// Open is for answers of finAPI itself, which may hold fields that are newer
	// than the contract.
	Open Mode = iota
	// Strict is for answers of our own making: an unknown field is a mistake, and
	// the answer must carry a request id.
	Strict
)

// Operation is one call of the contract.
type Operation struct {
	Host   Host
	Method string
	// Path is the template, such as /api/v2/banks/{id}.
	Path string
	// Tier is "core" or "extra".
	Tier string
	// Token is "none", "client", "user", "client-or-user" or
	// "mandator-admin-client".
	Token string
	// Write says that the call changes something at finAPI.
	Write bool

	segments []string
	// by Mode; requests are always judged by the strict one.
	definition [2]*openapi3.Operation
}

// String returns the method and the template.
func (o *Operation) String() string { return o.Method + " " + o.Path }

// Declares reports whether the contract knows an answer with this status.
func (o *Operation) Declares(status int) bool {
	return o.definition[Strict].Responses.Status(status) != nil
}

// Contract is finAPI's contract, ready to be checked against.
type Contract struct {
	operations []*Operation
	schemas    [2][2]openapi3.Schemas // by Mode and Host
	languages  []string
	options    []openapi3.SchemaValidationOption
}

// Load reads the two documents of the contract from a folder.
func Load(dir string) (*Contract, error) {
	c := &Contract{options: []openapi3.SchemaValidationOption{
		openapi3.MultiErrors(),
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("date", layoutValidator("2006-01-02")),
		openapi3.WithStringFormatValidator("date-time", layoutValidator("2006-01-02T15:04:05.000Z07:00")),
		openapi3.WithStringFormatValidator("ipv4", openapi3.NewIPValidator(true)),
	}}
	for host, file := range documents {
		for _, mode := range []Mode{Open, Strict} {
			if err := c.add(Host(host), mode, filepath.Join(dir, file)); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return c, nil
}

func layoutValidator(layout string) openapi3.StringFormatValidator {
	return openapi3.NewCallbackValidator(func(text string) error {
		if _, err := time.Parse(layout, text); err != nil {
			return fmt.Errorf("%q is not written as %s", text, layout)
		}
		return nil
	})
}

func (c *Contract) add(host Host, mode Mode, file string) error {
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return err
	}
	p := preparer{seal: mode == Strict, seen: map[*openapi3.Schema]bool{}}
	for _, ref := range doc.Components.Schemas {
		p.schema(ref)
	}
	c.schemas[mode][host] = doc.Components.Schemas
	for path, item := range doc.Paths.Map() {
		for method, definition := range item.Operations() {
			p.operation(definition)
			o, err := c.operation(host, method, path, definition)
			if err != nil {
				return err
			}
			o.definition[mode] = definition
		}
	}
	if language, ok := doc.Components.Parameters["AcceptLanguage"]; ok {
		known, _ := language.Value.Extensions["x-finapi-known-values"].([]any)
		c.languages = nil
		for _, value := range known {
			c.languages = append(c.languages, fmt.Sprint(value))
		}
	}
	return nil
}

// operation returns the operation with this method and path, new or not.
func (c *Contract) operation(host Host, method, path string, definition *openapi3.Operation) (*Operation, error) {
	for _, o := range c.operations {
		if o.Host == host && o.Method == method && o.Path == path {
			return o, nil
		}
	}
	o := &Operation{Host: host, Method: method, Path: path, segments: strings.Split(path, "/")}
	var tier, token, write bool
	o.Tier, tier = definition.Extensions["x-finapi-tier"].(string)
	o.Token, token = definition.Extensions["x-finapi-token"].(string)
	o.Write, write = definition.Extensions["x-finapi-write"].(bool)
	if !tier || !token || !write {
		return nil, errors.New(o.String() + " lacks x-finapi-tier, x-finapi-token or x-finapi-write")
	}
	c.operations = append(c.operations, o)
	return o, nil
}

// Operations returns all operations, ordered by host, path and method.
func (c *Contract) Operations() []*Operation {
	all := slices.Clone(c.operations)
	slices.SortFunc(all, func(a, b *Operation) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return all
}

// Route finds the operation for a method and an escaped path. A literal segment
// wins over one in braces, so that /accounts/dailyBalances is not an account.
func (c *Contract) Route(host Host, method, path string) (o *Operation, ok bool) {
	best := -1
	segments := strings.Split(path, "/")
	for _, candidate := range c.operations {
		if candidate.Host != host || candidate.Method != method {
			continue
		}
		if literals, fits := candidate.fits(segments); fits && literals > best {
			o, best = candidate, literals
		}
	}
	return o, o != nil
}

// fits counts the literal segments of the template if the path has its form.
func (o *Operation) fits(segments []string) (literals int, ok bool) {
	if len(segments) != len(o.segments) {
		return 0, false
	}
	for i, segment := range o.segments {
		if _, isVariable := variable(segment); isVariable {
			if segments[i] == "" {
				return 0, false
			}
			continue
		}
		if segment != segments[i] {
			return 0, false
		}
		literals++
	}
	return literals, true
}

// variable returns the name in a segment such as {id}.
func variable(segment string) (string, bool) {
	name, ok := strings.CutPrefix(segment, "{")
	return strings.TrimSuffix(name, "}"), ok
}

// pathValues returns the unescaped values of the variables of the template.
func (o *Operation) pathValues(path string) map[string]string {
	values := map[string]string{}
	segments := strings.Split(path, "/")
	for i, segment := range o.segments {
		if name, ok := variable(segment); ok {
			value, err := url.PathUnescape(segments[i])
			if err != nil {
				value = segments[i]
			}
			values[name] = value
		}
	}
	return values
}

// preparer makes schemas stricter than OpenAPI reads them.
type preparer struct {
	seal bool
	seen map[*openapi3.Schema]bool
}

func (p preparer) operation(o *openapi3.Operation) {
	for _, parameter := range o.Parameters {
		p.schema(parameter.Value.Schema)
	}
	if o.RequestBody != nil {
		p.content(o.RequestBody.Value.Content)
	}
	for _, response := range o.Responses.Map() {
		p.content(response.Value.Content)
	}
}

func (p preparer) content(content openapi3.Content) {
	for _, media := range content {
		p.schema(media.Schema)
	}
}

// schema anchors patterns, seals objects against unknown fields, and replaces a
// reference that is nullable through allOf by a nullable copy of what it refers to.
func (p preparer) schema(ref *openapi3.SchemaRef) {
	if ref == nil || p.seen[ref.Value] {
		return
	}
	s := ref.Value
	p.seen[s] = true
	for _, part := range s.AllOf {
		p.schema(part)
	}
	p.schema(s.Items)
	p.schema(s.AdditionalProperties.Schema)
	for _, property := range s.Properties {
		p.schema(property)
	}
	if len(s.AllOf) == 1 && len(s.Properties) == 0 {
		nullable := s.Nullable
		*s = *s.AllOf[0].Value
		s.Nullable = nullable || s.Nullable
	}
	if s.Pattern != "" && !strings.HasPrefix(s.Pattern, "^") {
		s.Pattern = "^(?:" + s.Pattern + ")$"
	}
	if p.seal && len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		closed := false
		s.AdditionalProperties.Has = &closed
	}
}
