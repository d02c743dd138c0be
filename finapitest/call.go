package finapitest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is a request on its way through the simulator.
type call struct {
	r         *http.Request
	now       time.Time
	body      []byte // read before the store is locked
	requestID string
	english   bool
	token     *token // nil when the endpoint needs none
	query     query
}

// user returns the user who owns the token, or nil for the client's token.
func (c *call) user() *user {
	if c.token == nil {
		return nil
	}
	return c.token.user
}

func (c *call) endpoint() string { return c.r.Method + " " + c.r.URL.Path }

// authContext is "<mandator>/<user>", as seen in recorded errors.
func (c *call) authContext() string {
	if u := c.user(); u != nil {
		return "2063/" + strconv.FormatInt(u.number, 10)
	}
	return "2063/-" // guess: what stands in place of a user
}

// pathID returns the number in the path. A text that is no number cannot be
// the id of anything.
func (c *call) pathID(entity string) (int64, error) {
	id, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	if err != nil {
		// guess: a malformed id is a bad request, not an unknown entity.
		return 0, badValue(entity+" id", c.r.PathValue("id"))
	}
	return id, nil
}

// maxBody bounds request bodies; the longest legal ones carry 1000 ids.
const maxBody = 1 << 20

// decode reads a JSON body into dst and refuses fields that the contract does
// not know, and null in all fields but the nullable ones, which are named by
// their paths, such as "bank.id". The refusal names the field.
func (c *call) decode(dst any, nullable ...string) error {
	if media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); media != "application/json" {
		return &refusal{
			status: http.StatusUnsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE",
			de: "Der Content-Type muss application/json sein.", en: "The content type must be application/json.",
		}
	}
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return bodyProblem(err)
	}
	if dec.More() {
		return fieldProblem("body", "must be one JSON object")
	}
	return c.refuseNulls(nullable)
}

// refuseNulls finds the first null that the contract does not allow. finAPI may
// take null for absent (guess), but no client should count on it.
func (c *call) refuseNulls(nullable []string) error {
	var body any
	if err := json.Unmarshal(c.body, &body); err != nil {
		return bodyProblem(err)
	}
	if path, found := findNull(body, "", nullable); found {
		return fieldProblem(cmp.Or(path, "body"), "must not be null")
	}
	return nil
}

// findNull returns the path of the first null that is not allowed, in the order
// of the names.
func findNull(value any, path string, allowed []string) (where string, found bool) {
	switch value := value.(type) {
	case nil:
		return path, !slices.Contains(allowed, path)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if where, found = findNull(value[name], strings.TrimPrefix(path+"."+name, "."), allowed); found {
				return where, found
			}
		}
	case []any:
		for i, element := range value {
			if where, found = findNull(element, fmt.Sprintf("%s[%d]", path, i), allowed); found {
				return where, found
			}
		}
	}
	return "", false
}

func bodyProblem(err error) *refusal {
	var typeErr *json.UnmarshalTypeError
	if errors.As(err, &typeErr) {
		return fieldProblem(cmp.Or(typeErr.Field, "body"), fmt.Sprintf("must be of type %s", typeErr.Type))
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return fieldProblem(strings.Trim(name, `"`), "is not a known field")
	}
	return fieldProblem("body", "must be a JSON object")
}

// answer is what a handler returns when all is well.
type answer struct {
	status int
	body   any // nil for an empty body
}

func ok(body any) answer      { return answer{http.StatusOK, body} }
func created(body any) answer { return answer{http.StatusCreated, body} }
func empty() answer           { return answer{status: http.StatusOK} }
