package contract

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Request is a request as it was sent.
type Request struct {
	Host   Host
	Method string
	Path   string // escaped
	Query  string // raw
	Header http.Header
	Body   []byte
}

// Response is the answer to a request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// finding gathers the violations of one message.
type finding struct {
	contract  *Contract
	operation string
	all       []Violation
}

func (f *finding) add(part, pointer, format string, args ...any) {
	f.all = append(f.all, Violation{f.operation, part, pointer, fmt.Sprintf(format, args...)})
}

func (f *finding) schema(part, pointer string, schema *openapi3.Schema, value any) {
	f.all = append(f.all, schemaViolations(f.operation, part, pointer, schema.VisitJSON(value, f.contract.options...))...)
}

// CheckRequest judges a request. The operation is nil if the contract has none
// for it, which is a violation, too.
func (c *Contract) CheckRequest(r *Request) (*Operation, []Violation) {
	o, ok := c.Route(r.Host, r.Method, r.Path)
	if !ok {
		return nil, []Violation{{r.Method + " " + r.Path, "request path", "", "the contract of the " + r.Host.String() + " host has no such operation"}}
	}
	f := &finding{contract: c, operation: o.String()}
	definition := o.definition[Strict]
	f.path(o, definition, r.Path)
	f.query(definition, r.Query)
	f.header(o, definition, r.Header)
	f.requestBody(definition, r)
	return o, f.all
}

func (f *finding) path(o *Operation, definition *openapi3.Operation, path string) {
	for name, value := range o.pathValues(path) {
		parameter := definition.Parameters.GetByInAndName(openapi3.ParameterInPath, name)
		if parameter == nil {
			f.add("request path", name, "the contract does not declare the variable")
			continue
		}
		f.text("request path", name, parameter.Schema.Value, value)
	}
}

// text judges a value that stands as plain text in a path, query, header or form.
func (f *finding) text(part, name string, schema *openapi3.Schema, text string) {
	value, err := parse(schema, text)
	if err != nil {
		f.add(part, name, "%v", err)
		return
	}
	f.schema(part, name, schema, value)
}

func parse(schema *openapi3.Schema, text string) (any, error) {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer", text)
		}
		return n, nil
	case schema.Type.Is(openapi3.TypeNumber):
		if !isJSONNumber(text) {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return jsonNumber(text), nil
	case schema.Type.Is(openapi3.TypeBoolean):
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return text == "true", nil
	}
	return text, nil
}

func (f *finding) query(definition *openapi3.Operation, raw string) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		f.add("request query", "", "it cannot be read: %v", err)
		return
	}
	for name, values := range query {
		parameter := definition.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
		if parameter == nil {
			f.add("request query", name, "the contract has no such parameter")
			continue
		}
		f.queryValues(parameter, values)
	}
	for _, ref := range definition.Parameters {
		if p := ref.Value; p.In == openapi3.ParameterInQuery && p.Required && !query.Has(p.Name) {
			f.add("request query", p.Name, "the parameter is required, but missing")
		}
	}
}

// queryValues judges all values of a parameter. A list is sent by repeating the
// parameter, so a comma never separates.
func (f *finding) queryValues(parameter *openapi3.Parameter, values []string) {
	schema := parameter.Schema.Value
	if !schema.Type.Is(openapi3.TypeArray) {
		if len(values) > 1 {
			f.add("request query", parameter.Name, "the parameter takes one value, but was sent %d times", len(values))
		}
		for _, value := range values {
			f.text("request query", parameter.Name, schema, value)
		}
		return
	}
	list := make([]any, 0, len(values))
	for i, text := range values {
		value, err := parse(schema.Items.Value, text)
		if err != nil {
			f.add("request query", parameter.Name+"/"+strconv.Itoa(i), "%v", err)
			return
		}
		list = append(list, value)
	}
	f.schema("request query", parameter.Name, schema, list)
}

// Headers with a meaning of finAPI's own, beyond what the operation declares.
const (
	headerOverride = "X-Http-Method-Override"
	headerLanguage = "Accept-Language"
)

func (f *finding) header(o *Operation, definition *openapi3.Operation, header http.Header) {
	const part = "request header"
	if _, sent := header[headerOverride]; sent {
		f.add(part, headerOverride, "it turns a POST into another call and must never be sent")
	}
	declared := map[string]bool{}
	for _, ref := range definition.Parameters {
		p := ref.Value
		if p.In != openapi3.ParameterInHeader {
			continue
		}
		name := http.CanonicalHeaderKey(p.Name)
		declared[name] = true
		for _, value := range header[name] {
			if name != headerOverride {
				f.text(part, name, p.Schema.Value, value)
			}
		}
	}
	for name := range header {
		if strings.HasPrefix(name, "Psu-") && !declared[name] {
			f.add(part, name, "the operation does not take the header")
		}
	}
	if language := header.Get(headerLanguage); language != "" && !slices.Contains(f.contract.languages, language) {
		f.add(part, headerLanguage, "%q is not one of finAPI's languages %v", language, f.contract.languages)
	}
	authorization := header.Get("Authorization")
	switch bearer := strings.HasPrefix(authorization, "Bearer "); {
	case o.Token == "none" && authorization != "":
		f.add(part, "Authorization", "the operation takes no token")
	case o.Token != "none" && !bearer:
		f.add(part, "Authorization", "the operation needs a bearer token")
	}
}

func (f *finding) requestBody(definition *openapi3.Operation, r *Request) {
	const part = "request body"
	if definition.RequestBody == nil {
		if len(r.Body) > 0 {
			f.add(part, "", "the operation takes no body")
		}
		return
	}
	declared := definition.RequestBody.Value
	if len(r.Body) == 0 {
		if declared.Required {
			f.add(part, "", "the body is required, but missing")
		}
		return
	}
	media, schema, ok := contentFor(declared.Content, r.Header)
	if !ok {
		f.add("request header", "Content-Type", "%q is not a content type of the operation", r.Header.Get("Content-Type"))
		return
	}
	if media == mediaForm {
		f.form(part, schema, r.Body)
		return
	}
	f.json(part, schema, r.Body)
}

// contentFor finds the schema for the content type of a message.
func contentFor(content openapi3.Content, header http.Header) (media string, schema *openapi3.Schema, ok bool) {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || content[media] == nil {
		return media, nil, false
	}
	return media, content[media].Schema.Value, true
}

func (f *finding) json(part string, schema *openapi3.Schema, body []byte) {
	value, err := decode(body)
	if err != nil {
		f.add(part, "", "%v", err)
		return
	}
	f.schema(part, "", schema, value)
}

// grants holds what the token endpoint needs besides what the document says.
var grants = map[string][]string{
	"client_credentials": {},
	"password":           {"username", "password"},
	"refresh_token":      {"refresh_token"},
}

func (f *finding) form(part string, schema *openapi3.Schema, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		f.add(part, "", "the form cannot be read: %v", err)
		return
	}
	object := map[string]any{}
	for name, values := range form {
		if len(values) > 1 {
			f.add(part, "/"+pointerToken(name), "the field was sent %d times", len(values))
		}
		object[name] = values[0]
	}
	f.schema(part, "", schema, object)
	grant, ok := grants[form.Get("grant_type")]
	if !ok {
		return // another form, or a wrong grant, which the schema has refused
	}
	for _, name := range []string{"username", "password", "refresh_token"} {
		switch wanted := slices.Contains(grant, name); {
		case wanted && !form.Has(name):
			f.add(part, "/"+name, "%s", missingField)
		case !wanted && form.Has(name):
			f.add(part, "/"+name, "the field does not belong to the grant %s", form.Get("grant_type"))
		}
	}
}

// CheckResponse judges the answer to an operation.
func (c *Contract) CheckResponse(o *Operation, r *Response, mode Mode) []Violation {
	f := &finding{contract: c, operation: o.String()}
	part := "answer " + strconv.Itoa(r.Status)
	declared := o.definition[mode].Responses.Value(strconv.Itoa(r.Status))
	if declared == nil {
		f.add(part, "", "the contract does not declare the status")
		return f.all
	}
	if mode == Strict && r.Header.Get("X-Request-Id") == "" {
		f.add(part, "X-Request-Id", "the header is missing")
	}
	content := declared.Value.Content
	if len(content) == 0 {
		if len(r.Body) > 0 {
			f.add(part+" body", "", "it must be empty")
		}
		return f.all
	}
	_, schema, ok := contentFor(content, r.Header)
	if !ok {
		f.add(part, "Content-Type", "%q is not the content type of the answer", r.Header.Get("Content-Type"))
		return f.all
	}
	f.json(part+" body", schema, r.Body)
	return f.all
}

// CheckSchema judges a JSON body by a schema of the contract, for bodies that are
// not the answer to an operation, such as callbacks.
func (c *Contract) CheckSchema(host Host, name string, body []byte, mode Mode) []Violation {
	f := &finding{contract: c, operation: name}
	ref := c.schemas[mode][host][name]
	if ref == nil {
		f.add("schema", "", "the contract of the %s host has no such schema", host)
		return f.all
	}
	f.json("body", ref.Value, body)
	return f.all
}
