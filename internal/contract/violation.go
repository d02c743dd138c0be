package contract

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Violation is one way in which a message leaves the contract.
type Violation struct {
	// Operation is the method and the template, such as "GET /api/v2/banks/{id}",
	// the method and the path if there is no such operation, or the name of a
	// schema.
	Operation string
	// Part is where in the message: "request path", "request query", "request
	// header", "request body", "answer 200" or "answer 200 body".
	Part string
	// Pointer is a JSON pointer into the body, or the name of the parameter or the
	// header. It is "" if the part as a whole is meant.
	Pointer string
	// Problem says what is wrong.
	Problem string
}

// String tells everything in one line.
func (v Violation) String() string {
	where := v.Part
	if v.Pointer != "" {
		where = strings.TrimSpace(where + " at " + v.Pointer)
	}
	return fmt.Sprintf("%s: %s: %s", v.Operation, where, v.Problem)
}

// Problems of bodies in which a name is wrong.
const (
	unknownField = "the contract has no such field"
	missingField = "the field is required, but missing"
)

// schemaViolations turns kin-openapi's errors into a flat list.
func schemaViolations(operation, part, pointer string, err error) []Violation {
	var several openapi3.MultiError
	var schemaErr *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &several):
		var all []Violation
		for _, e := range several {
			all = append(all, schemaViolations(operation, part, pointer, e)...)
		}
		return all
	case errors.As(err, &schemaErr):
		problem := schemaErr.Reason
		for _, key := range schemaErr.JSONPointer() {
			pointer += "/" + pointerToken(key)
		}
		switch schemaErr.SchemaField {
		case "required":
			problem = missingField
		case "properties":
			if name, ok := quoted(schemaErr.Reason); ok {
				pointer, problem = pointer+"/"+pointerToken(name), unknownField
			}
		case "enum":
			problem = fmt.Sprintf("the value %v is not one of the contract's", schemaErr.Value)
		default:
		}
		return []Violation{{operation, part, pointer, problem}}
	}
	return []Violation{{operation, part, pointer, err.Error()}}
}

func pointerToken(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// quoted returns the name in a text such as: property "a" is unsupported.
func quoted(text string) (string, bool) {
	start, end := strings.IndexByte(text, '"'), strings.LastIndexByte(text, '"')
	if start < 0 || end == start {
		return "", false
	}
	name, err := strconv.Unquote(text[start : end+1])
	return name, err == nil
}
