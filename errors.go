package finapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Error is what this package returns for every refusal: by finAPI, by the
// network on the way to it, or by the package itself because an input was bad.
// Get it with [errors.As], or ask [IsError] about it.
//
// The text of an Error names the endpoint, the status and the code. It never
// holds an id, an IBAN, a query or a body, so it can be logged.
//
//nolint:recvcheck // an Error that is no pointer prints as silently, but is no error
type Error struct {
	// Status is the HTTP status, or 0 if there was no answer, because nothing
	// was sent or because the connection failed.
	Status int
	// Code says what is wrong. It is finAPI's own code, or one of the codes of
	// this package, which begin with SDK_. "" means that the answer named none.
	Code Code
	// Actor says who has to act so that it works next time.
	Actor Actor
	// Field names the bad input of a [CodeInvalidInput]; otherwise "".
	Field string
	// Message is the text that came with the code: finAPI's or the bank's, in
	// German unless [WithLanguage] says otherwise. It may quote personal data,
	// which is why the text, the JSON and the log form of an Error leave it out.
	Message string
	// RequestID is what finAPI's support asks for; "" if nothing was sent.
	RequestID string
	// Endpoint is the method and path template, such as "GET /api/v2/accounts/{id}".
	Endpoint string
	// RetryAfter is how long the server asked to wait, or how long a limit of this
	// package lasts; 0 if neither is known.
	RetryAfter time.Duration
	// Since is when the failures began that led to a [CodeHostDown]; zero for all other
	// codes.
	Since time.Time
	// Details are all errors of the answer, if it named several.
	Details []ErrorDetail

	cause error
	// quoted: Message is finAPI's or the bank's, so the text must not show it.
	quoted bool
}

// ErrorDetail is one of the errors in an answer of finAPI.
type ErrorDetail struct {
	// Code is finAPI's code; "" in Web Form's answers to a bad request.
	Code Code
	// Field is the field that Web Form refused; "" in all other answers.
	Field string
	// Message is finAPI's or the bank's text. It may quote personal data.
	Message string
	// ForCustomer is true if finAPI says that the message is meant to be shown
	// to the customer (its type BUSINESS), and false if it is for developers.
	ForCustomer bool
}

// Actor says who has to act after an error.
type Actor string

// The actors. The set is open: treat an unknown one like [ActorFinAPI].
const (
	// ActorCustomer: the bank's customer must do something at the bank or in the
	// consent form, such as log in again.
	ActorCustomer Actor = "customer"
	// ActorVendor: the ERP vendor must change a configuration or a program.
	ActorVendor Actor = "vendor"
	// ActorBank: the bank is the cause; waiting usually helps.
	ActorBank Actor = "bank"
	// ActorFinAPI: finAPI, or the network on the way to it, is the cause;
	// waiting usually helps. If it does not, finAPI's support needs
	// [Error.RequestID].
	ActorFinAPI Actor = "finAPI"
)

// IsError reports whether err is or wraps an [*Error] with one of the codes, or
// any [*Error] if no code is given.
func IsError(err error, codes ...Code) bool {
	var e *Error
	return errors.As(err, &e) && (len(codes) == 0 || slices.Contains(codes, e.Code))
}

// Error describes the error without personal data.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("finapi: ")
	if e.Endpoint != "" {
		b.WriteString(e.Endpoint + ": ")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, "status %d ", e.Status)
	}
	b.WriteString(string(e.Code))
	switch {
	case e.Code == CodeInvalidInput:
		fmt.Fprintf(&b, ": %s %s", e.Field, e.Message)
	case ofNetwork(e.Code) && e.cause != nil:
		b.WriteString(": " + e.cause.Error())
	case ownCode(e.Code) && e.Message != "" && !e.quoted:
		b.WriteString(": " + e.Message)
	}
	if e.Retry() == RetryLater {
		b.WriteString(" [try again later")
	} else {
		fmt.Fprintf(&b, " [%s must act", e.Actor)
	}
	if e.RequestID != "" {
		b.WriteString("; request " + e.RequestID)
	}
	b.WriteString("]")
	return b.String()
}

// secrets are the secrets of one request.
type secrets []string

func (in *call) secrets(token Secret) secrets {
	all := secrets{token.Reveal(), in.secret.Reveal()}
	for _, name := range []string{"client_secret", "password", "refresh_token", "token"} {
		all = append(all, in.form.Get(name))
	}
	return slices.DeleteFunc(all, func(secret string) bool { return secret == "" })
}

// hide takes the secrets out of a text.
func (s secrets) hide(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// hideIn takes out of an answer's words what they quote of the request: finAPI names a
// token that it does not accept.
func (s secrets) hideIn(err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	e.Code, e.RequestID = Code(s.hide(string(e.Code))), s.hide(e.RequestID)
	if !e.quoted {
		return
	}
	e.Message = s.hide(e.Message)
	for i := range e.Details {
		d := &e.Details[i]
		d.Code, d.Field, d.Message = Code(s.hide(string(d.Code))), s.hide(d.Field), s.hide(d.Message)
	}
}

// Format prints what [Error.Error] tells, for every verb, also of an Error that is no pointer.
func (e Error) Format(f fmt.State, verb rune) { printText(f, verb, e.Error()) }

func printText(f fmt.State, verb rune, text string) {
	switch verb {
	case 's', 'q', 'x', 'X':
		fmt.Fprintf(f, fmt.FormatString(f, verb), text)
	default:
		fmt.Fprint(f, text)
	}
}

// CustomerText returns what the bank or finAPI says for the customer to read, in the
// bank's language; "" if what came is for developers, or if nothing came. Show it beside
// [Error.Remedy]. It may quote personal data, so show it to the customer only.
func (e *Error) CustomerText() string {
	for _, d := range e.Details {
		if d.ForCustomer && d.Message != "" {
			return d.Message
		}
	}
	return ""
}

// quote marks the message as finAPI's or the bank's. guess: the bank's refusal in a form
// or an update is meant for the customer; finAPI says so of an update's result only.
func (e *Error) quote(forCustomer bool) {
	e.quoted = true
	if e.Message != "" {
		e.Details = []ErrorDetail{{Code: e.Code, Message: e.Message, ForCustomer: forCustomer}}
	}
}

// Unwrap returns the cause of a network error, and otherwise nil.
func (e *Error) Unwrap() error { return e.cause }

// LogValue logs what [Error.Error] tells, as separate attributes.
func (e Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("endpoint", e.Endpoint),
		slog.Int("status", e.Status),
		slog.String("code", string(e.Code)),
		slog.String("actor", string(e.Actor)),
		slog.String("request_id", e.RequestID),
	}
	if !e.Since.IsZero() {
		attrs = append(attrs, slog.Time("since", e.Since))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes what [Error.LogValue] logs, and the field of a bad input.
func (e Error) MarshalJSON() ([]byte, error) {
	fields := map[string]any{
		"endpoint": e.Endpoint, "status": e.Status, "code": e.Code,
		"actor": e.Actor, "field": e.Field, "request_id": e.RequestID,
	}
	if !e.Since.IsZero() {
		fields["since"] = e.Since
	}
	return json.Marshal(fields)
}

// MarshalText writes the text of [Error.Error], for XML and other encodings.
func (e Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// otherCode stands in labels for a code that this package does not know.
const otherCode Code = "OTHER"

// invalid is the error for a bad input. The reason must not quote the input,
// which may be a secret or personal.
func invalid(field, reason string) *Error {
	return &Error{Code: CodeInvalidInput, Actor: ActorVendor, Field: field, Message: reason}
}

// ActionRequired is the error that says: nothing goes on before the customer has
// been to the bank again, because the consent ran out or the bank wants a strong
// customer authentication. Get it with [errors.As].
//
//nolint:recvcheck // as for Error
type ActionRequired struct {
	// Connection is the connection that waits for the customer.
	Connection ConnectionID
	// Consent is the form that was opened for the customer. Follow it with
	// [User.WaitConsent]. It is "" if no form could be opened.
	Consent ConsentID
	// URL is where to send the customer. It opens once and lives about 20
	// minutes, so ask for it when the customer clicks, not in a night job.
	URL string
}

// Error describes the situation without the URL, which is as good as a key.
func (*ActionRequired) Error() string {
	return "finapi: the customer must authenticate at the bank again [customer must act]"
}

// Format prints the situation without the URL, for every verb, also of an ActionRequired that
// is no pointer.
func (a ActionRequired) Format(f fmt.State, verb rune) { printText(f, verb, a.Error()) }

// LogValue logs the situation without the URL.
func (a ActionRequired) LogValue() slog.Value { return slog.StringValue(a.Error()) }

// MarshalJSON writes the situation without the URL. Hand the customer the field.
func (a ActionRequired) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"error": a.Error(), "connection": a.Connection})
}

// errorBody holds all four shapes of finAPI's error answers at once.
type errorBody struct {
	// Access, and Web Form's answer to a bad request.
	Errors []struct {
		Code    Code   `json:"code"`
		Type    string `json:"type"`
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
	RequestID string `json:"requestId"`
	// OAuth, and every 401 of Access.
	OAuthError       Code   `json:"error"`
	OAuthDescription string `json:"error_description"`
	// Web Form.
	Code        Code   `json:"code"`
	Description string `json:"description"`
}

// readError turns an answer that is not a success into an [*Error]. A body that
// is empty, HTML or cut off still gives the status and the request id.
func readError(ep *endpoint, status int, body []byte, requestID string) *Error {
	e := &Error{Status: status, RequestID: requestID, Endpoint: ep.String()}
	var raw errorBody
	if json.Unmarshal(body, &raw) == nil {
		e.adopt(&raw)
	}
	if e.Code == "" {
		e.Code = codeOfStatus(status)
	}
	if ep.tokenKind == noToken && status == http.StatusLocked {
		e.Code = CodeUserLocked
	}
	e.Actor = actorOf(e.Code, status)
	return e
}

func (e *Error) adopt(raw *errorBody) {
	e.quoted = true
	for _, d := range raw.Errors {
		e.Details = append(e.Details, ErrorDetail{
			Code: d.Code.clean(), Field: d.Field, Message: d.Message, ForCustomer: d.Type == "BUSINESS",
		})
	}
	switch {
	case len(e.Details) > 0:
		e.Code, e.Message = e.Details[0].Code, e.Details[0].Message
	case raw.OAuthError != "":
		e.Code, e.Message = raw.OAuthError.clean(), raw.OAuthDescription
		if e.Code == "invalid_token" {
			e.Code = CodeInvalidToken // one name for what OAuth and finAPI spell differently
		}
	default:
		e.Code, e.Message = raw.Code.clean(), raw.Description
	}
	if e.RequestID == "" {
		e.RequestID = validRequestID(raw.RequestID)
	}
}
