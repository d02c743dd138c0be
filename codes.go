package finapi

import (
	"net/http"
	"strings"
)

// Code says what went wrong. Codes without the prefix SDK_ are finAPI's. The set
// is open: finAPI adds codes, and an unknown one never makes an answer
// unreadable.
type Code string

// The codes of this package itself.
const (
	// CodeInvalidInput: an input was refused before anything was sent.
	CodeInvalidInput Code = "SDK_INVALID_INPUT"
	// CodeNetwork: the connection failed or took too long; see [Error.Unwrap].
	CodeNetwork Code = "SDK_NETWORK"
	// CodeUnreadable: the answer was HTML, empty, cut off or not as documented.
	CodeUnreadable Code = "SDK_UNREADABLE_ANSWER"
	// CodeTooLarge: the answer was larger than this package reads.
	CodeTooLarge Code = "SDK_ANSWER_TOO_LARGE"
	// CodeRedirected: the server wanted to send the call elsewhere. Redirects are
	// not followed, because they could carry a token to another host.
	CodeRedirected Code = "SDK_REDIRECTED"
	// CodeIncomplete: rows kept moving while they were listed, or the server's
	// count did not fit its rows, so that something may be missing.
	CodeIncomplete Code = "SDK_INCOMPLETE_LISTING"
	// CodeUserLocked: finAPI locked the user after failed log-ins. Only a change
	// of the user's password unlocks it.
	CodeUserLocked Code = "SDK_USER_LOCKED"
	// CodeHTTP: a status without a readable code.
	CodeHTTP Code = "SDK_HTTP_STATUS"
	// CodeStaleData: the account's data is not in a state that can be synchronised,
	// because the last download failed, is still running, or the bank no longer
	// knows the account.
	CodeStaleData Code = "SDK_STALE_DATA"
	// CodeConflict: another worker synchronised the same ledger at the same time.
	// Nothing was lost or doubled; synchronise again.
	CodeConflict Code = "SDK_CONFLICT"
	// CodeLedgerBound: the ledger belongs to another bank account.
	CodeLedgerBound Code = "SDK_LEDGER_BOUND"
	// CodeForeignURL: finAPI's answer named a form on a host that is not finAPI's.
	CodeForeignURL Code = "SDK_FOREIGN_URL"
	// CodeConsentFailed: the consent form ended without a connection.
	CodeConsentFailed Code = "SDK_CONSENT_FAILED"
)

// finAPI's codes that a program may want to branch on.
const (
	CodeInvalidGrant        Code = "invalid_grant"
	CodeInvalidClient       Code = "invalid_client"
	CodeInvalidToken        Code = "INVALID_TOKEN"
	CodeBankServerRejection Code = "BANK_SERVER_REJECTION"
	CodeEntityExists        Code = "ENTITY_EXISTS"
	CodeForbidden           Code = "FORBIDDEN"
	CodeIllegalEntityState  Code = "ILLEGAL_ENTITY_STATE"
	CodeLocked              Code = "LOCKED"
	CodeNoAccountsForTypes  Code = "NO_ACCOUNTS_FOR_TYPE_LIST"
	CodeNotFound            Code = "NOT_FOUND"
	CodeUnauthorized        Code = "UNAUTHORIZED_ACCESS"
	CodeUnexpected          Code = "UNEXPECTED_ERROR"
	CodeUnknownEntity       Code = "UNKNOWN_ENTITY"
	CodeUnsupportedBank     Code = "UNSUPPORTED_BANK"
	CodeUserNotVerified     Code = "USER_NOT_VERIFIED"
	CodeWebFormRequired     Code = "WEB_FORM_REQUIRED"
)

// actors tells who acts on a code whatever its status. Codes that are missing
// here are judged by their status.
var actors = map[Code]Actor{
	CodeInvalidInput:  ActorVendor,
	CodeLedgerBound:   ActorVendor,
	CodeUserLocked:    ActorVendor,
	CodeStaleData:     ActorBank,
	CodeConsentFailed: ActorCustomer,

	"ADDITIONAL_AUTHENTICATION_REQUIRED": ActorCustomer,
	CodeBankServerRejection:              ActorCustomer,
	"INVALID_CONSENT":                    ActorCustomer,
	"INVALID_TWO_STEP_PROCEDURE":         ActorCustomer,
	"LOGIN_FIELDS_MISMATCH":              ActorCustomer,
	"MISSING_CREDENTIALS":                ActorCustomer,
	"MISSING_TWO_STEP_PROCEDURE":         ActorCustomer,
	"NO_EXISTING_CHALLENGE":              ActorCustomer,
	CodeNoAccountsForTypes:               ActorCustomer,
	"WEB_FORM_ABORTED":                   ActorCustomer,
	CodeWebFormRequired:                  ActorCustomer,
	"INTERRUPTED":                        ActorCustomer,

	CodeUnsupportedBank:  ActorBank,
	"BANK_NOT_SUPPORTED": ActorBank,

	CodeLocked:                   ActorFinAPI,
	CodeUnexpected:               ActorFinAPI,
	"INTERNAL_ERROR":             ActorFinAPI,
	"INTERNAL_SERVER_ERROR":      ActorFinAPI,
	"UNEXPECTED_ACCESS_RESPONSE": ActorFinAPI,
}

// actorOf tells who must act. What has no rule and no success status below 500
// is the vendor's: a wrong input, a missing right, a wrong configuration.
func actorOf(code Code, status int) Actor {
	if actor, ok := actors[code]; ok {
		return actor
	}
	if status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout {
		return ActorVendor
	}
	if status == 0 && !ownCode(code) {
		return ActorVendor // a code of a form or task, such as MANDATOR_MISCONFIGURATION
	}
	return ActorFinAPI
}

// codeOfStatus names an answer that brought no code of its own.
func codeOfStatus(status int) Code {
	if status >= 300 && status < 400 {
		return CodeRedirected
	}
	return CodeHTTP
}

func ownCode(c Code) bool { return strings.HasPrefix(string(c), "SDK_") }

// clean drops a code that does not look like one of finAPI's, so that no body
// text gets into an error's text by way of its code.
func (c Code) clean() Code {
	if len(c) > 64 || ownCode(c) {
		return ""
	}
	for _, r := range string(c) {
		if r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return ""
		}
	}
	return c
}
