package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	. "github.com/finapi-go/finapi/internal/contract"
)

// tally counts mutations by what was mutated and how.
type tally struct {
	caught, total map[string]int
	missed        []string
}

func newTally() *tally { return &tally{caught: map[string]int{}, total: map[string]int{}} }

func (y *tally) count(group, kind string, caught bool, what string) {
	key := group + ": " + kind
	y.total[key]++
	if caught {
		y.caught[key]++
	} else {
		y.missed = append(y.missed, key+": "+what)
	}
}

func (y *tally) sum() (caught, total int) {
	for key, n := range y.total {
		total += n
		caught += y.caught[key]
	}
	return caught, total
}

// report prints the table and fails for what was missed.
func (y *tally) report(t *testing.T) {
	t.Helper()
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-70s %7s %7s\n", "mutation", "caught", "of")
	for _, key := range slices.Sorted(maps.Keys(y.total)) {
		fmt.Fprintf(&table, "%-70s %7d %7d\n", key, y.caught[key], y.total[key])
	}
	caught, total := y.sum()
	fmt.Fprintf(&table, "%-70s %7d %7d\n", "all", caught, total)
	t.Log(table.String())
	for i, what := range y.missed {
		if i == 30 {
			t.Errorf("and %d more", len(y.missed)-i)
			break
		}
		t.Errorf("nobody noticed the mutation: %s", what)
	}
}

// documentsByHost are the documents as they are, without this package's changes,
// so that a mistake in those cannot hide itself.
func documentsByHost(tb testing.TB) map[Host]*openapi3.T {
	tb.Helper()
	documents := map[Host]*openapi3.T{}
	for host, name := range map[Host]string{Access: "finapi-access-v2.yaml", WebForm: "finapi-webform-2.yaml"} {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(testdata, "contract", name))
		if err != nil {
			tb.Fatal(err)
		}
		documents[host] = doc
	}
	return documents
}

func definitionOf(documents map[Host]*openapi3.T, o *Operation) *openapi3.Operation {
	return documents[o.Host].Paths.Value(o.Path).GetOperation(o.Method)
}

// plain follows a nullable reference.
func plain(s *openapi3.Schema) *openapi3.Schema {
	for len(s.AllOf) == 1 {
		s = s.AllOf[0].Value
	}
	return s
}

// mutant is one change of a JSON value.
type mutant struct {
	kind, pointer string
	// do makes the change and returns what takes it back.
	do func() (undo func())
}

// mutants lists changes of a value that break its schema, whatever the rest holds.
func mutants(schema *openapi3.Schema, value any, pointer string, set func(any)) []mutant {
	schema = plain(schema)
	replace := func(kind string, by any) mutant {
		return mutant{kind, pointer, func() func() {
			set(by)
			return func() { set(value) }
		}}
	}
	switch value := value.(type) {
	case nil:
		return []mutant{replace("null becomes an object", map[string]any{"mutated": true})}
	case bool:
		return []mutant{replace("truth value becomes a text", "yes")}
	case json.Number:
		all := []mutant{replace("number becomes a text", value.String())}
		if schema.Type.Is("integer") {
			all = append(all, replace("integer becomes a fraction", json.Number("1.5")))
		}
		return all
	case string:
		all := []mutant{replace("text becomes a number", json.Number("4711"))}
		if len(schema.Enum) > 0 {
			all = append(all, replace("enum value is renamed", value+"_MUTATED"))
		}
		switch schema.Format {
		case "date":
			all = append(all, replace("day does not exist", "2026-02-30"))
		case "date-time":
			all = append(all, replace("time loses its offset", "2026-02-03T04:05:06.000"))
		}
		return all
	case []any:
		all := []mutant{replace("list becomes an object", map[string]any{})}
		for i, item := range value {
			all = append(all, mutants(schema.Items.Value, item, fmt.Sprintf("%s/%d", pointer, i), func(by any) { value[i] = by })...)
		}
		return all
	case map[string]any:
		return append(objectMutants(schema, value, pointer), replace("object becomes a list", []any{}))
	}
	return nil
}

func objectMutants(schema *openapi3.Schema, object map[string]any, pointer string) []mutant {
	if len(schema.Properties) == 0 {
		return nil // a free map: any key will do
	}
	var all []mutant
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value, at := object[key], pointer+"/"+key
		all = append(all, mutant{"field is renamed", at, func() func() {
			delete(object, key)
			object[key+"X"] = value
			return func() {
				delete(object, key+"X")
				object[key] = value
			}
		}})
		if slices.Contains(schema.Required, key) {
			all = append(all, mutant{"required field is dropped", at, func() func() {
				delete(object, key)
				return func() { object[key] = value }
			}})
		}
		if property := schema.Properties[key]; property != nil {
			all = append(all, mutants(property.Value, value, at, func(by any) { object[key] = by })...)
		}
	}
	return all
}

// mutateBody applies every mutation to a body, one at a time, but not more than
// most of them, spread evenly.
func mutateBody(t *testing.T, y *tally, group, name string, schema *openapi3.Schema, body []byte, most int, check func([]byte) []Violation) {
	t.Helper()
	var value any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if violations := check(body); len(violations) > 0 {
		t.Fatalf("%s is not sound before it is mutated: %v", name, violations[0])
	}
	holder := value
	all := mutants(schema, value, "", func(by any) { holder = by })
	step := max(1, len(all)/most)
	for i := 0; i < len(all); i += step {
		m := all[i]
		undo := m.do()
		mutated, err := json.Marshal(holder)
		undo()
		if err != nil {
			t.Fatal(err)
		}
		y.count(group, m.kind, len(check(mutated)) > 0, name+" at "+m.pointer)
	}
}

func TestTheContractTestsNoticeMutatedFixtures(t *testing.T) {
	t.Parallel()
	contract, documents, deviations, y := theContract(t), documentsByHost(t), knownDeviations(), newTally()
	for file, claim := range claims() {
		if claim.outside != "" || deviations[file] != nil {
			continue
		}
		mutateBody(t, y, "fixtures", file, schemaOfClaim(t, documents, claim), readFile(t, filepath.Join(testdata, file)), 100,
			func(body []byte) []Violation {
				violations, err := claim.check(contract, body)
				if err != nil {
					t.Fatal(err)
				}
				return violations
			})
	}
	y.report(t)
}

func schemaOfClaim(t *testing.T, documents map[Host]*openapi3.T, c claim) *openapi3.Schema {
	t.Helper()
	if c.schema != "" {
		return documents[c.host].Components.Schemas[c.schema].Value
	}
	for _, o := range theContract(t).Operations() {
		if o.Host == c.host && (o.String() == c.call || c.call == "any" && o.Declares(c.status)) {
			return definitionOf(documents, o).Responses.Status(c.status).Value.Content["application/json"].Schema.Value
		}
	}
	t.Fatalf("no schema for %+v", c)
	return nil
}

// A deviation that is listed must not hide another one next to it.
func TestTheContractTestsNoticeMutatedFilesThatDeviate(t *testing.T) {
	t.Parallel()
	contract, documents, y := theContract(t), documentsByHost(t), newTally()
	for file, want := range knownDeviations() {
		claim := claims()[file]
		mutateBody(t, y, "files that deviate", file, schemaOfClaim(t, documents, claim), readFile(t, filepath.Join(testdata, file)), 100,
			func(body []byte) []Violation {
				violations, err := claim.check(contract, body)
				if err != nil {
					t.Fatal(err)
				}
				if slices.Equal(inShort(violations), want) {
					return nil
				}
				return []Violation{{Operation: file}}
			})
	}
	y.report(t)
}

func TestTheContractTestsNoticeMutatedAnswersOfTheSimulator(t *testing.T) {
	t.Parallel()
	contract, documents, y := theContract(t), documentsByHost(t), newTally()
	const enough = 8000 // bytes: larger answers only repeat
	largest := map[string]*Response{}
	operations := map[string]*Operation{}
	for _, e := range theTraffic(t).exchanges {
		if e.Source != "simulator" || e.Intercepted || !api(e) {
			continue
		}
		o, ok := contract.Route(e.Request().Host, e.Method, e.Path)
		if !ok || !o.Declares(e.Status) || len(e.AnswerBody) == 0 {
			continue
		}
		response, err := e.Response()
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("%v %d", o, e.Status)
		known := largest[key]
		if known != nil && (len(response.Body) > enough || len(known.Body) >= len(response.Body)) || len(contract.CheckResponse(o, response, Strict)) > 0 {
			continue // no better than the one that is there
		}
		largest[key], operations[key] = response, o
	}
	for key, response := range largest {
		o := operations[key]
		schema := definitionOf(documents, o).Responses.Status(response.Status).Value.Content["application/json"].Schema.Value
		mutateBody(t, y, "answers of the simulator", key, schema, response.Body, 100, func(body []byte) []Violation {
			return contract.CheckResponse(o, &Response{Status: response.Status, Header: response.Header, Body: body}, Strict)
		})
		for kind, mutated := range map[string]*Response{
			"status is another":          {Status: http.StatusTeapot, Header: response.Header, Body: response.Body},
			"body is missing":            {Status: response.Status, Header: response.Header},
			"body is cut off":            {Status: response.Status, Header: response.Header, Body: response.Body[:len(response.Body)/2]},
			"content type is HTML":       {Status: response.Status, Header: with(response.Header, "Content-Type", "text/html"), Body: response.Body},
			"request id is missing":      {Status: response.Status, Header: with(response.Header, "X-Request-Id", ""), Body: response.Body},
			"something follows it":       {Status: response.Status, Header: response.Header, Body: append(slices.Clone(response.Body), "{}"...)},
			"success is called an error": {Status: 700 - response.Status, Header: response.Header, Body: response.Body},
		} {
			y.count("answers of the simulator", kind, len(contract.CheckResponse(o, mutated, Strict)) > 0, key)
		}
	}
	if len(largest) < 50 {
		t.Errorf("only %d kinds of answers were found in the traffic", len(largest))
	}
	y.report(t)
}

// with returns a copy of a header with another value; "" removes it.
func with(header http.Header, name, value string) http.Header {
	header = header.Clone()
	header.Set(name, value)
	if value == "" {
		header.Del(name)
	}
	return header
}

func TestTheContractTestsNoticeMutatedRequestsOfTheSDK(t *testing.T) {
	t.Parallel()
	contract, documents, y := theContract(t), documentsByHost(t), newTally()
	seen := map[string]bool{}
	for _, e := range theTraffic(t).exchanges {
		request := e.Request()
		o, violations := contract.CheckRequest(request)
		if o == nil || len(violations) > 0 || !strings.HasPrefix(e.Header.Get("User-Agent"), "finapi-go") && e.Source != "stub" {
			continue
		}
		query, _ := url.ParseQuery(e.Query)
		form := url.Values{}
		if o.Path == "/api/v2/oauth/token" {
			form, _ = url.ParseQuery(string(e.Body))
		}
		key := fmt.Sprint(o, slices.Sorted(maps.Keys(query)), slices.Sorted(maps.Keys(form)), len(e.Body) > 0)
		if seen[key] {
			continue
		}
		seen[key] = true
		mutateRequest(t, y, contract, definitionOf(documents, o), o, request)
	}
	if len(seen) < 20 {
		t.Errorf("only %d kinds of requests were found in the traffic", len(seen))
	}
	y.report(t)
}

func mutateRequest(t *testing.T, y *tally, contract *Contract, definition *openapi3.Operation, o *Operation, original *Request) {
	t.Helper()
	try := func(kind, what string, change func(*Request)) {
		mutated := *original
		mutated.Header = original.Header.Clone()
		change(&mutated)
		_, violations := contract.CheckRequest(&mutated)
		y.count("requests of the SDK", kind, len(violations) > 0, fmt.Sprintf("%v %s", o, what))
	}
	try("method is another", "", func(r *Request) { r.Method = "PUT" })
	try("path is longer", "", func(r *Request) { r.Path += "/x/y" })
	try("path is of another version", "", func(r *Request) { r.Path = strings.Replace(r.Path, "/api/", "/api/v1/", 1) })
	try("host is the other one", "", func(r *Request) { r.Host = Access + WebForm - r.Host })
	try("method is overridden", "", func(r *Request) { r.Header.Set("X-HTTP-Method-Override", "DELETE") })
	try("request id is too long", "", func(r *Request) { r.Header.Set("X-Request-Id", strings.Repeat("x", 256)) })
	try("language is unknown", "", func(r *Request) { r.Header.Set("Accept-Language", "fr") })
	try("authorization is the wrong way round", "", func(r *Request) {
		if o.Token == "none" {
			r.Header.Set("Authorization", "Bearer x")
		} else {
			r.Header.Set("Authorization", "Basic x")
		}
	})
	if definition.RequestBody == nil {
		try("body is sent where none belongs", "", func(r *Request) { r.Body = []byte("{}") })
	} else {
		try("content type is another", "", func(r *Request) { r.Header.Set("Content-Type", "text/plain") })
		try("body is missing", "", func(r *Request) { r.Body = nil })
	}
	if definition.Parameters.GetByInAndName("header", "PSU-IP-Address") == nil {
		try("customer's address is sent where none belongs", "", func(r *Request) { r.Header.Set("PSU-IP-Address", "192.0.2.1") })
	}
	mutateQuery(try, definition, original)
	mutateRequestBody(t, y, try, contract, definition, original)
}

func mutateQuery(try func(kind, what string, change func(*Request)), definition *openapi3.Operation, original *Request) {
	query, _ := url.ParseQuery(original.Query)
	edit := func(kind, name string, change func(url.Values)) {
		try(kind, name, func(r *Request) {
			changed := url.Values{}
			for key, values := range query {
				changed[key] = slices.Clone(values)
			}
			change(changed)
			r.Query = changed.Encode()
		})
	}
	for name, values := range query {
		parameter := definition.Parameters.GetByInAndName("query", name)
		schema := parameter.Schema.Value
		edit("query parameter is renamed", name, func(v url.Values) {
			v.Del(name)
			v[name+"X"] = values
		})
		if parameter.Required {
			edit("required query parameter is dropped", name, func(v url.Values) { v.Del(name) })
		}
		item := schema
		if schema.Type.Is("array") {
			item = schema.Items.Value
		} else {
			edit("query parameter is sent twice", name, func(v url.Values) { v.Add(name, values[0]) })
		}
		if !item.Type.Is("string") || len(item.Enum) > 0 || item.Pattern != "" || item.Format != "" {
			edit("query value is of another kind", name, func(v url.Values) { v[name] = []string{"mutated!"} })
		}
		if schema.Type.Is("array") && (!item.Type.Is("string") || len(item.Enum) > 0) {
			edit("list is joined by commas", name, func(v url.Values) { v[name] = []string{values[0] + "," + values[0]} })
		}
	}
	edit("query parameter is invented", "", func(v url.Values) { v.Set("invented", "1") })
}

func mutateRequestBody(t *testing.T, y *tally, try func(kind, what string, change func(*Request)), contract *Contract, definition *openapi3.Operation, original *Request) {
	t.Helper()
	if len(original.Body) == 0 {
		return
	}
	if media := definition.RequestBody.Value.Content["application/json"]; media != nil {
		mutateBody(t, y, "bodies of the SDK", original.Path, media.Schema.Value, original.Body, 100, func(body []byte) []Violation {
			mutated := *original
			mutated.Body = body
			_, violations := contract.CheckRequest(&mutated)
			return violations
		})
		return
	}
	form, _ := url.ParseQuery(string(original.Body))
	for name, values := range form {
		edit := func(kind string, change func(url.Values)) {
			changed := maps.Clone(form)
			change(changed)
			try(kind, name, func(r *Request) { r.Body = []byte(changed.Encode()) })
		}
		edit("form field is renamed", func(v url.Values) {
			delete(v, name)
			v[name+"X"] = values
		})
		if name != "token_type_hint" {
			edit("form field is dropped", func(v url.Values) { delete(v, name) })
		}
		edit("form field is sent twice", func(v url.Values) { v[name] = append(slices.Clone(values), values[0]) })
		if name == "grant_type" || name == "token_type_hint" {
			edit("form value is another", func(v url.Values) { v[name] = []string{"mutated"} })
		}
	}
}

func TestTheContractTestsNoticeMutationsOfTheEndpointTable(t *testing.T) {
	t.Parallel()
	contract, excluded, y := theContract(t), excludedOperations(t), newTally()
	rows, leftOut, err := parseTable(readFile(t, root+"/endpoints.go"))
	if err != nil {
		t.Fatal(err)
	}
	try := func(kind, what string, rows []row, leftOut []string) {
		y.count("endpoint table", kind, len(compareTable(contract, excluded, rows, leftOut)) > 0, what)
	}
	for i, r := range rows {
		edit := func(kind string, change func(*row)) {
			mutated := slices.Clone(rows)
			change(&mutated[i])
			try(kind, r.String(), mutated, leftOut)
		}
		edit("path is changed", func(r *row) { r.template += "s" })
		edit("version is changed", func(r *row) { r.template = strings.Replace(r.template, "/api/", "/api/v1/", 1) })
		edit("host is the other one", func(r *row) { r.host = Access + WebForm - r.host })
		edit("write flag is flipped", func(r *row) { r.writes = !r.writes })
		for _, method := range methods {
			if method != r.method {
				edit("method is another", func(r *row) { r.method = method })
			}
		}
		for _, kind := range tokens {
			if kind != r.token {
				edit("token is another", func(r *row) { r.token = kind })
			}
		}
		try("row is removed", r.String(), slices.Delete(slices.Clone(rows), i, i+1), leftOut)
		try("row is there twice", r.String(), append(slices.Clone(rows), r), leftOut)
		try("row is called left out", r.String(), rows, append(slices.Clone(leftOut), r.String()))
	}
	for i, name := range leftOut {
		try("left-out operation is forgotten", name, rows, slices.Delete(slices.Clone(leftOut), i, i+1))
	}
	for _, x := range excluded {
		host := Access
		if x.host == WebForm.String() {
			host = WebForm
		}
		added := row{name: "epMutant", method: x.method, template: x.template, host: host, token: "user", writes: x.method != "GET"}
		try("excluded operation is added", added.String(), append(slices.Clone(rows), added), leftOut)
	}
	y.report(t)
}
