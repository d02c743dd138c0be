package finapitest

import (
	"net/http"
	"time"
)

// refusal is an answer that reports an error, in whichever of finAPI's four
// shapes the host and the case call for.
type refusal struct {
	status int
	code   string
	kind   string // BUSINESS or TECHNICAL; empty means TECHNICAL
	de, en string
	oauth  bool // the OAuth shape of Access
	fields []fieldRefusal
}

type fieldRefusal struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error returns the English text.
func (f *refusal) Error() string { return f.code + ": " + f.en }

func (f *refusal) text(english bool) string {
	if english {
		return f.en
	}
	return f.de
}

// Codes of Access, of which some serve the Web Form host, too.
const (
	codeBadRequest      = "BAD_REQUEST"
	codeMissingField    = "MISSING_FIELD"
	codeEntityExists    = "ENTITY_EXISTS"
	codeIllegalState    = "ILLEGAL_ENTITY_STATE"
	codeIllegalValue    = "ILLEGAL_FIELD_VALUE"
	codeIllegalPageSize = "ILLEGAL_PAGE_SIZE"
	codeLocked          = "LOCKED"
	codeUnauthorized    = "UNAUTHORIZED_ACCESS"
	codeUnknownEntity   = "UNKNOWN_ENTITY"
)

func badRequest(de, en string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeBadRequest, de: de, en: en}
}

func badValue(name, value string) *refusal {
	return badRequest("Ungültiger Wert für '"+name+"': "+value, "Illegal value for '"+name+"': "+value)
}

func unprocessable(code, de, en string) *refusal {
	return &refusal{status: http.StatusUnprocessableEntity, code: code, de: de, en: en}
}

func forbidden(de, en string) *refusal {
	return &refusal{status: http.StatusForbidden, code: codeUnauthorized, de: de, en: en}
}

func notFound(entity string) *refusal {
	return &refusal{
		status: http.StatusNotFound, code: codeUnknownEntity,
		de: entity + " existiert nicht.", en: entity + " does not exist.",
	}
}

func locked() *refusal {
	return &refusal{
		status: http.StatusLocked, code: codeLocked, kind: business,
		de: "Die Bankverbindung wird gerade aktualisiert. Bitte warten Sie, bis ihr Status READY ist.",
		en: "The bank connection is currently being updated. Please wait until its status is READY.",
	}
}

// invalidToken is the answer to a token that is unknown, expired or revoked.
func invalidToken(value string) *refusal {
	text := "Invalid access token: " + value
	return &refusal{status: http.StatusUnauthorized, code: "invalid_token", oauth: true, de: text, en: text}
}

// missingToken is the answer to a request without a token.
// guess: error and text are those of the framework that finAPI's look like.
func missingToken() *refusal {
	const text = "Full authentication is required to access this resource"
	return &refusal{status: http.StatusUnauthorized, code: "unauthorized", oauth: true, de: text, en: text}
}

// oauthRefusal is an error of the token endpoint.
func oauthRefusal(status int, code, text string) *refusal {
	return &refusal{status: status, code: code, oauth: true, de: text, en: text}
}

// fieldProblem is the Web Form host's answer to an illegal body or parameter.
func fieldProblem(field, message string) *refusal {
	text := field + " " + message
	return &refusal{status: http.StatusBadRequest, code: codeBadRequest, de: text, en: text, fields: []fieldRefusal{{field, message}}}
}

// The four shapes of error bodies.
type (
	accessErrors struct {
		Errors      []accessError `json:"errors"`
		Date        string        `json:"date"`
		RequestID   string        `json:"requestId"`
		Endpoint    string        `json:"endpoint"`
		AuthContext string        `json:"authContext"`
	}
	accessError struct {
		Message string    `json:"message"`
		Code    string    `json:"code"`
		Type    string    `json:"type"`
		MSA     *struct{} `json:"multiStepAuthentication"` // always null without direct imports
	}
	oauthError struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	webFormError struct {
		Code        string `json:"code"`
		Description string `json:"description"`
		Timestamp   string `json:"timestamp"`
		Endpoint    string `json:"endpoint"`
	}
	webFormFieldErrors struct {
		Errors    []fieldRefusal `json:"errors"`
		Timestamp string         `json:"timestamp"`
		Endpoint  string         `json:"endpoint"`
	}
)

// accessBody is the refusal as the Access host writes it.
func (f *refusal) accessBody(c *call) any {
	if f.oauth {
		return oauthError{Error: f.code, Description: f.text(c.english)}
	}
	kind := f.kind
	if kind == "" {
		kind = technical
	}
	return accessErrors{
		Errors:      []accessError{{Message: f.text(c.english), Code: f.code, Type: kind}},
		Date:        accessStamp(c.now),
		RequestID:   c.requestID,
		Endpoint:    c.endpoint(),
		AuthContext: c.authContext(),
	}
}

// webFormBody is the refusal as the Web Form host writes it.
func (f *refusal) webFormBody(c *call) any {
	stamp := webFormStamp(c.now)
	if len(f.fields) > 0 {
		return webFormFieldErrors{Errors: f.fields, Timestamp: stamp, Endpoint: c.endpoint()}
	}
	if f.status == http.StatusBadRequest {
		fields := []fieldRefusal{{"request", f.text(c.english)}}
		return webFormFieldErrors{Errors: fields, Timestamp: stamp, Endpoint: c.endpoint()}
	}
	return webFormError{Code: f.webFormCode(), Description: f.text(c.english), Timestamp: stamp, Endpoint: c.endpoint()}
}

// webFormCode is the Web Form host's name for a code of Access.
func (f *refusal) webFormCode() string {
	switch f.status {
	case http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case http.StatusForbidden:
		return "FORBIDDEN"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		return "NOT_ALLOWED" // guess for 415
	}
	return f.code
}

// stamped is a time that a body may lack.
func stamped(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := accessStamp(t)
	return &s
}
