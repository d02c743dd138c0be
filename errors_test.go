package finapi_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/finapi-go/finapi"
)

const bodyRequestID = "selfgen-5f0f3c1e-6b0a-4f0e-9f38-6c1d5a0b7e21"

// refused returns the error that a status and a body give.
func refused(tb testing.TB, status int, body string) *finapi.Error {
	tb.Helper()
	server := newStub(tb)
	server.on(connectionRoute, reply{status: status, body: body})
	_, err := server.user(once()).Connection(tb.Context(), 3540249)
	return anyFailure(tb, err)
}

func TestEveryErrorOfTheFixturesIsRead(t *testing.T) {
	t.Parallel()
	access := func(status int, code finapi.Code, actor finapi.Actor, message string, business bool) finapi.Error {
		return finapi.Error{
			Status: status, Code: code, Actor: actor, Message: message, RequestID: bodyRequestID,
			Details: []finapi.ErrorDetail{{Code: code, Message: message, ForCustomer: business}},
		}
	}
	short := func(status int, code finapi.Code, actor finapi.Actor, message string) finapi.Error {
		return finapi.Error{Status: status, Code: code, Actor: actor, Message: message}
	}
	const vendor, customer, bank, server = finapi.ActorVendor, finapi.ActorCustomer, finapi.ActorBank, finapi.ActorFinAPI
	cases := map[string]finapi.Error{
		"error_400_bad_request.json":         access(400, "BAD_REQUEST", vendor, "Der Parameter 'view' fehlt.", false),
		"error_400_too_many_ids.json":        access(400, "TOO_MANY_IDS", vendor, "Es dürfen höchstens 1000 IDs angegeben werden.", false),
		"error_403_unauthorized_access.json": access(403, "UNAUTHORIZED_ACCESS", vendor, "Sie sind für diesen Zugriff nicht berechtigt.", false),
		"error_403_version_mismatch.json":    access(403, "FORBIDDEN", vendor, "API Version mismatch: client is limited to scope /api/v1", false),
		"error_404_unknown_entity.json":      access(404, "UNKNOWN_ENTITY", vendor, "Es existiert keine Bankverbindung mit der ID 3540249.", false),
		"error_422_entity_exists.json":       access(422, "ENTITY_EXISTS", vendor, "Ein Benutzer mit dieser ID existiert bereits.", true),
		"error_422_invalid_consent.json":     access(422, "INVALID_CONSENT", customer, "Die Einwilligung konnte bei der Bank nicht gelöscht werden.", true),
		"error_422_no_message.json":          access(422, "ILLEGAL_ENTITY_STATE", vendor, "", false),
		"error_423_locked.json": access(
			423, "LOCKED", server, "Die Bankverbindung wird gerade aktualisiert. Bitte warten Sie, bis der Status READY ist.", true,
		),
		"error_422_bank_server_rejection.json": access(
			422, "BANK_SERVER_REJECTION", customer, "Ihr Zugang ist gesperrt. Bitte wenden Sie sich an Ihre Bank.", true,
		),
		"error_500_unexpected.json":       access(500, "UNEXPECTED_ERROR", server, "Es ist ein unerwarteter Fehler aufgetreten.", false),
		"error_501_unsupported_bank.json": access(501, "UNSUPPORTED_BANK", bank, "Die Bank wird derzeit nicht unterstützt.", true),
		"error_510_redirect.json": access(
			510, "ADDITIONAL_AUTHENTICATION_REQUIRED", customer, "Es ist eine zusätzliche Authentifizierung erforderlich.", true,
		),
		"error_unknown_code.json": access(429, "QUOTA_EXCEEDED", server, "Neuer Fehler.", false),
		"error_502_proxy.html":    short(502, finapi.CodeHTTP, server, ""),
		"empty":                   short(504, finapi.CodeHTTP, server, ""),
		"web_form_error_401.json": short(401, "UNAUTHORIZED", vendor, "The access token is invalid or has expired."),
		"web_form_error_403.json": short(403, "FORBIDDEN", vendor, "Access Denied"),
		"web_form_error_404.json": short(404, "NOT_FOUND", vendor, "The web form could not be found."),
		"web_form_error_500.json": short(500, "INTERNAL_SERVER_ERROR", server, "An unexpected error occurred."),
		"oauth_error_invalid_token.json": short(
			401, finapi.CodeInvalidToken, vendor, "Invalid access token: 7d1f0c52-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
		),
		"oauth_error_invalid_client.json": short(401, "invalid_client", vendor, "Bad client credentials"),
		"oauth_error_invalid_grant.json":  short(400, "invalid_grant", vendor, "Bad credentials"),
		"web_form_error_422_bank_not_supported.json": short(
			422, "BANK_NOT_SUPPORTED", bank, "The bank with id 901002 is not supported.",
		),
		"web_form_error_422_redirect_url.json": short(
			422, "INVALID_REDIRECT_URL", vendor, "The redirect URL must not be set, as the mandator's license is UNLICENSED.",
		),
		"web_form_error_423_locked.json": short(423, "LOCKED", server, "The bank connection is currently being updated."),
		"web_form_error_400_fields.json": {
			Status: 400, Code: finapi.CodeHTTP, Actor: vendor, Message: "must match the pattern of an https URL",
			Details: []finapi.ErrorDetail{
				{Field: "callbacks.finalised", Message: "must match the pattern of an https URL"},
				{Field: "maxDaysForDownload", Message: "must be less than or equal to 3650"},
			},
		},
		"error_422_several.json": {
			Status: 422, Code: "ILLEGAL_FIELD_VALUE", Actor: vendor, Message: "Das Feld 'email' hat keinen gültigen Wert.",
			RequestID: bodyRequestID, Details: []finapi.ErrorDetail{
				{Code: "ILLEGAL_FIELD_VALUE", Message: "Das Feld 'email' hat keinen gültigen Wert."},
				{Code: "ENTITY_EXISTS", Message: "Ein Benutzer mit dieser ID existiert bereits.", ForCustomer: true},
			},
		},
		"recorded/oauth_error_invalid_token_spec.json": short(
			401, finapi.CodeInvalidToken, vendor, "Invalid access token: cccbce46-xxxx-xxxx-xxxx-xxxxxxxxxx",
		),
		"recorded/v1_error_web_form_required_2025-05.json": {
			Status: 451, Code: finapi.CodeWebFormRequired, Actor: customer, Message: "23894699",
			RequestID: "selfgen-363b8655-63e2-4c95-97d0-d9ef84699802",
			Details:   []finapi.ErrorDetail{{Code: finapi.CodeWebFormRequired, Message: "23894699", ForCustomer: true}},
		},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fixture(t, name)
			server := newStub(t)
			answer := reply{status: want.Status, body: body}
			server.always(connectionRoute, answer)
			_, err := server.user(once()).Connection(t.Context(), 3540249)
			got := anyFailure(t, err)
			if want.RequestID == "" {
				if !strings.HasPrefix(got.RequestID, "finapi-go-") {
					t.Errorf("got the request id %q, want the one that was sent", got.RequestID)
				}
				want.RequestID = got.RequestID
			}
			want.Endpoint = "GET /api/v2/bankConnections/{id}"
			if diff := gocmp.Diff(&want, got, cmpopts.IgnoreUnexported(finapi.Error{})); diff != "" {
				t.Errorf("wrong error (-want +got):\n%s", diff)
			}
			if want.Message != "" && strings.Contains(got.Error(), want.Message) {
				t.Errorf("the text quotes the message: %v", got)
			}
		})
	}
}

func TestACodeThatIsATextIsDropped(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"IBAN DE12 9990", "a-b", "x\\ny", strings.Repeat("X", 65), "ä", "../x", "<b>", "SDK_INVALID_INPUT",
		"CH8830999000071490017", "Max_Mustermann", "a4711",
	} {
		for _, body := range []string{
			`{"code":"` + code + `"}`, `{"error":"` + code + `"}`, `{"errors":[{"code":"` + code + `"}]}`,
		} {
			if e := refused(t, 422, body); e.Code != finapi.CodeHTTP {
				t.Errorf("%s gave the code %q", body, e.Code)
			}
		}
	}
	same(t, finapi.Code(strings.Repeat("X", 64)), refused(t, 422, `{"code":"`+strings.Repeat("X", 64)+`"}`).Code)
}

func TestAnErrorTellsNothingPersonal(t *testing.T) {
	t.Parallel()
	body := `{"errors":[{"code":"UNKNOWN_ENTITY","type":"BUSINESS","message":"IBAN DE12999000010001234567, Bankverbindung 3540249"}]}`
	server := newStub(t)
	server.always(connectionRoute, reply{status: 404, body: body, header: http.Header{"X-Request-Id": {"selfgen-1"}}})
	_, err := server.user().Connection(t.Context(), 3540249)
	e := failure(t, err, finapi.CodeUnknownEntity)
	same(t, "finapi: GET /api/v2/bankConnections/{id}: status 404 UNKNOWN_ENTITY [vendor must act; request selfgen-1]", e.Error())
	for _, how := range []string{"%v", "%s", "%+v", "%q"} {
		nothingPersonal(t, how, fmt.Sprintf(how, e))
	}
	asXML, err := xml.Marshal(e)
	must(t, err)
	nothingPersonal(t, "the XML", string(asXML))
	asJSON, err := json.Marshal(e)
	must(t, err)
	nothingPersonal(t, "the JSON", string(asJSON))
	var fields map[string]any
	must(t, json.Unmarshal(asJSON, &fields))
	same(t, map[string]any{
		"endpoint": "GET /api/v2/bankConnections/{id}", "status": 404.0, "code": "UNKNOWN_ENTITY", "actor": "vendor",
		"field": "", "request_id": "selfgen-1",
	}, fields)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "error", e, "wrapped", fmt.Errorf("sync: %w", e))
	slog.New(slog.NewTextHandler(&log, nil)).Error("x", "error", e, "wrapped", fmt.Errorf("sync: %w", e))
	nothingPersonal(t, "the log", log.String())
	if !strings.Contains(log.String(), "UNKNOWN_ENTITY") || !strings.Contains(log.String(), "selfgen-1") {
		t.Errorf("the log lacks the code or the request id: %s", &log)
	}
}

func TestANetworkErrorKeepsItsCauseButNotItsURL(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset by peer")
	server := newStub(t)
	server.on(connectionRoute, reply{err: cause})
	_, err := server.user(once()).Connection(t.Context(), 3540249)
	e := failure(t, err, finapi.CodeNetwork)
	if !errors.Is(err, cause) || e.Status != 0 || e.Actor != finapi.ActorFinAPI || e.RequestID == "" {
		t.Errorf("got %+v with cause %v", e, errors.Unwrap(e))
	}
	want := "finapi: GET /api/v2/bankConnections/{id}: SDK_NETWORK: connection reset by peer [try again later; request " + e.RequestID + "]"
	same(t, want, e.Error())
}

func TestABadInputIsNotQuoted(t *testing.T) {
	t.Parallel()
	_, err := finapi.NewClient(finapi.Sandbox, finapi.Credentials{ID: "id", Secret: finapi.NewSecret("s3cr3t with blanks")})
	same(t, "finapi: SDK_INVALID_INPUT: Credentials.Secret must be 1 to 255 printable characters without spaces [vendor must act]", err.Error())
}

func TestIsErrorKnowsCodesThroughWrapping(t *testing.T) {
	t.Parallel()
	e := fmt.Errorf("sync: %w", &finapi.Error{Code: finapi.CodeLocked})
	cases := []struct {
		err   error
		codes []finapi.Code
		want  bool
	}{
		{e, nil, true},
		{e, []finapi.Code{finapi.CodeLocked}, true},
		{e, []finapi.Code{finapi.CodeHTTP, finapi.CodeLocked}, true},
		{e, []finapi.Code{finapi.CodeHTTP}, false},
		{errors.New("other"), nil, false},
		{nil, nil, false},
		{nil, []finapi.Code{""}, false},
	}
	for i, tt := range cases {
		if got := finapi.IsError(tt.err, tt.codes...); got != tt.want {
			t.Errorf("case %d: got %v, want %v", i, got, tt.want)
		}
	}
}

func TestAnErrorSaysHowLongToWait(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(connectionRoute, reply{status: 404, header: http.Header{"Retry-After": {"5"}}})
	_, err := server.user().Connection(t.Context(), 3540249)
	same(t, 5*time.Second, anyFailure(t, err).RetryAfter)
}

// FuzzErrorBody checks that whatever a server sends with an error status becomes
// an *Error whose text does not quote it.
func FuzzErrorBody(f *testing.F) {
	for _, name := range []string{
		"error_404_unknown_entity.json", "error_422_several.json", "error_502_proxy.html", "empty", "web_form_error_400_fields.json",
		"web_form_error_403.json", "oauth_error_invalid_client.json", "recorded/v2_error_510_challenge_spec.json",
	} {
		f.Add(404, fixture(f, name))
	}
	f.Add(500, `{"errors":[{"code":null,"message":7}]}`)
	f.Add(301, `{"code":"\u0000"}`)
	f.Add(199, `{"requestId":"\n"}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 300 || status > 999 || status == http.StatusUnauthorized {
			status = 422
		}
		e := refused(t, status, body)
		if e.Status != status || e.Code == "" || e.Actor == "" || e.RequestID == "" || len(e.RequestID) > 255 {
			t.Errorf("got status %d, code %q, actor %q, request id %q", e.Status, e.Code, e.Actor, e.RequestID)
		}
		text := e.Error()
		if strings.ContainsAny(text, "\n\r\x00<>\"") || !utf8.ValidString(text) {
			t.Errorf("the text could forge a line of a log: %q", text)
		}
		if len(e.Message) > 12 && strings.Contains(text, e.Message) && !strings.Contains(e.Endpoint, e.Message) {
			t.Errorf("the text quotes the message: %q", text)
		}
	})
}
