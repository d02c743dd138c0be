package finapi

import (
	"regexp"
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
	// CodeNetwork: the connection failed, broke off or took too long; see
	// [Error.Unwrap].
	CodeNetwork Code = "SDK_NETWORK"
	// CodeBadCertificate: the certificate of whoever answered could not be verified, so
	// nothing was sent. Calls that only read were repeated. [Error.Unwrap] says what is
	// wrong with it, [errors.As] finds the error of crypto/x509, which may quote it.
	CodeBadCertificate Code = "SDK_BAD_CERTIFICATE"
	// CodeHostDown: one of finAPI's hosts has failed for a while, so nothing was sent; see
	// [Circuit], [Error.Since] and [Error.RetryAfter].
	CodeHostDown Code = "SDK_HOST_DOWN"
	// CodeUnreadable: the answer was HTML, empty or not as documented.
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
	// CodeConsentFailed: the consent form ended without a connection, and without a
	// reason.
	CodeConsentFailed Code = "SDK_CONSENT_FAILED"
	// CodeConsentExpired: the customer did not finish the form within its 20 minutes,
	// or closed it.
	CodeConsentExpired Code = "SDK_CONSENT_EXPIRED"
	// CodeConsentAborted: the customer left the form by its abort button.
	CodeConsentAborted Code = "SDK_CONSENT_ABORTED"
	// CodeConsentCancelled: the form was ended with [Forms.Cancel].
	CodeConsentCancelled Code = "SDK_CONSENT_CANCELLED"
	// CodeAlreadyConnected: the customer has a connection to this bank, and finAPI
	// could not notice if the same accounts were connected twice.
	CodeAlreadyConnected Code = "SDK_ALREADY_CONNECTED"
	// CodeReturnRefused: whoever came back from a form did not bring a state that is
	// good for this; see [ReturnHandler].
	CodeReturnRefused Code = "SDK_RETURN_REFUSED"
	// CodeReturnReplayed: the state is good, but was used before, as by a reload of the
	// page.
	CodeReturnReplayed Code = "SDK_RETURN_REPLAYED"
	// CodeUpdateLimit: the bank allows no further update without the customer for now;
	// see [Budget] and [Error.RetryAfter].
	CodeUpdateLimit Code = "SDK_UPDATE_LIMIT"
	// CodeNotInReview: the booking does not wait for a person's decision, or was decided
	// otherwise before.
	CodeNotInReview Code = "SDK_NOT_IN_REVIEW"
	// CodeNotForgotten: finAPI still has a user that was deleted.
	CodeNotForgotten Code = "SDK_NOT_FORGOTTEN"
	// CodeProgramFailed: the ERP's own code or its database failed while a connection was
	// synchronised by itself; what it was is in the program's log.
	CodeProgramFailed Code = "SDK_PROGRAM_FAILED"
	// CodeSealBroken: sealed access data do not open with the key and for the tenant
	// that were given.
	CodeSealBroken Code = "SDK_SEAL_BROKEN"
)

// finAPI Access's codes. finAPI Web Form shares some of them. Its codes for
// orders, which this package cannot give, have no constant; see docs/errors.md.
const (
	// CodeAdditionalAuthentication: the bank wants the customer to confirm the access.
	CodeAdditionalAuthentication Code = "ADDITIONAL_AUTHENTICATION_REQUIRED"
	// CodeBadRequest: the call is malformed.
	CodeBadRequest Code = "BAD_REQUEST"
	// CodeBankServerRejection: the bank refused, for example because of wrong access
	// data, or because the customer cancelled there. A form or an update can end with
	// it, too.
	CodeBankServerRejection Code = "BANK_SERVER_REJECTION"
	// CodeEntityExists: the user exists already. From a form: the bank was connected
	// before with the same access data.
	CodeEntityExists Code = "ENTITY_EXISTS"
	// CodeForbidden: finAPI has not enabled this for the vendor's client.
	CodeForbidden Code = "FORBIDDEN"
	// CodeIllegalEntityState: a setting of the client, or the state of the object,
	// does not allow the call.
	CodeIllegalEntityState Code = "ILLEGAL_ENTITY_STATE"
	// CodeIllegalFieldValue: a field has a value that is not allowed.
	CodeIllegalFieldValue Code = "ILLEGAL_FIELD_VALUE"
	// CodeIllegalPageSize: a page cannot have that many rows.
	CodeIllegalPageSize Code = "ILLEGAL_PAGE_SIZE"
	// CodeInvalidAccountTypes: the client may not ask for these types of accounts.
	CodeInvalidAccountTypes Code = "INVALID_ACCOUNT_TYPES"
	// CodeInvalidConsent: the consent is not valid, or the bank did not end it.
	CodeInvalidConsent Code = "INVALID_CONSENT"
	// CodeInvalidFilterOptions: the filters of a search do not fit together.
	CodeInvalidFilterOptions Code = "INVALID_FILTER_OPTIONS"
	// CodeInvalidToken: the token is missing, has expired or was revoked. A form or
	// an update ends with it if its token died on the way. What OAuth spells
	// invalid_token has this code, too.
	CodeInvalidToken Code = "INVALID_TOKEN"
	// CodeInvalidTwoStepProcedure: the bank does not know the method to confirm the
	// access that was chosen.
	CodeInvalidTwoStepProcedure Code = "INVALID_TWO_STEP_PROCEDURE"
	// CodeLocked: finAPI is busy with the connection.
	CodeLocked Code = "LOCKED"
	// CodeLoginFieldsMismatch: the access data do not fit what the bank asks for.
	CodeLoginFieldsMismatch Code = "LOGIN_FIELDS_MISMATCH"
	// CodeMethodNotAllowed: the address does not know the method.
	CodeMethodNotAllowed Code = "METHOD_NOT_ALLOWED"
	// CodeMissingCredentials: finAPI has not stored the customer's access data.
	CodeMissingCredentials Code = "MISSING_CREDENTIALS"
	// CodeMissingField: a required field is missing.
	CodeMissingField Code = "MISSING_FIELD"
	// CodeMissingTwoStepProcedure: no method to confirm the access was chosen.
	CodeMissingTwoStepProcedure Code = "MISSING_TWO_STEP_PROCEDURE"
	// CodeNoAccountsForTypes: the customer's log-in shows no account of the types that
	// were asked for.
	CodeNoAccountsForTypes Code = "NO_ACCOUNTS_FOR_TYPE_LIST"
	// CodeNoCertificate: finAPI lacks the certificate of a vendor with a licence of
	// its own.
	CodeNoCertificate Code = "NO_CERTIFICATE"
	// CodeNoExistingChallenge: the confirmation that was answered does not exist
	// (any more).
	CodeNoExistingChallenge Code = "NO_EXISTING_CHALLENGE"
	// CodeNoPSUMetadata: the bank wants the customer's device to be named; see
	// [RefreshRequest.Customer].
	CodeNoPSUMetadata Code = "NO_PSU_METADATA"
	// CodeNoTPPClientCredentials: finAPI lacks the access data that the bank gave a
	// vendor with a licence of its own.
	CodeNoTPPClientCredentials Code = "NO_TPP_CLIENT_CREDENTIALS" //nolint:gosec // a code, not a credential
	// CodeTooManyIDs: one call named too many ids.
	CodeTooManyIDs Code = "TOO_MANY_IDS"
	// CodeUnauthorized: the token is good, but not for this call. For a token that is
	// not good see [CodeInvalidToken] and [CodeUnauthenticated].
	CodeUnauthorized Code = "UNAUTHORIZED_ACCESS"
	// CodeUnexpected: finAPI failed.
	CodeUnexpected Code = "UNEXPECTED_ERROR"
	// CodeUnknownEntity: an id names nothing of this user's. In Web Form it is
	// [CodeNotFound].
	CodeUnknownEntity Code = "UNKNOWN_ENTITY"
	// CodeUnsupportedBank: finAPI does not reach the bank at present.
	CodeUnsupportedBank Code = "UNSUPPORTED_BANK"
	// CodeUnsupportedFeature: the bank does not offer what was asked for. A form can
	// end with it, too.
	CodeUnsupportedFeature Code = "UNSUPPORTED_FEATURE"
	// CodeUnsupportedMediaType: finAPI does not read bodies of this type.
	CodeUnsupportedMediaType Code = "UNSUPPORTED_MEDIA_TYPE"
	// CodeUnsupportedOrder: rows cannot be sorted like this, or the bank does not
	// take such an order. A form can end with it, too.
	CodeUnsupportedOrder Code = "UNSUPPORTED_ORDER"
	// CodeUserAlreadyVerified: the user was verified before.
	CodeUserAlreadyVerified Code = "USER_ALREADY_VERIFIED"
	// CodeUserNotVerified: the user cannot log in before it is verified.
	CodeUserNotVerified Code = "USER_NOT_VERIFIED"
	// CodeWebFormAborted: the customer left a form of finAPI's first version.
	CodeWebFormAborted Code = "WEB_FORM_ABORTED"
	// CodeWebFormRequired: the customer must go through a form of finAPI's first
	// version. Its present form is announced by an [*ActionRequired] instead.
	CodeWebFormRequired Code = "WEB_FORM_REQUIRED"
)

// finAPI Web Form's codes that Access does not have.
const (
	// CodeBankNotSupported: the bank cannot be connected.
	CodeBankNotSupported Code = "BANK_NOT_SUPPORTED"
	// CodeBankNotUnique: a search text matches several banks.
	CodeBankNotUnique Code = "BANK_NOT_UNIQUE"
	// CodeInternalServerError: finAPI failed.
	CodeInternalServerError Code = "INTERNAL_SERVER_ERROR"
	// CodeInvalidRedirectURL: the bank's way back is wrong, or must not be given.
	CodeInvalidRedirectURL Code = "INVALID_REDIRECT_URL"
	// CodeMandatorMisconfiguration: the vendor's client is set up wrongly at finAPI.
	// A form or an update can end with it, too.
	CodeMandatorMisconfiguration Code = "MANDATOR_MISCONFIGURATION"
	// CodeNotAllowed: the address does not know the method.
	CodeNotAllowed Code = "NOT_ALLOWED"
	// CodeNotFound: an id names nothing of this user's. In Access it is
	// [CodeUnknownEntity].
	CodeNotFound Code = "NOT_FOUND"
	// CodeNotSupported: finAPI does not support the call.
	CodeNotSupported Code = "NOT_SUPPORTED"
	// CodeUnauthenticated: the token is missing, has expired or was revoked. In Access
	// it is [CodeInvalidToken].
	CodeUnauthenticated Code = "UNAUTHORIZED"
)

// Codes with which only a form or an update ends: see [Consent.ErrorCode] and
// [User.Refresh]. Some of the codes above come from there, too.
const (
	// CodeInternalError: finAPI failed.
	CodeInternalError Code = "INTERNAL_ERROR"
	// CodeInterrupted: the customer reloaded the form or opened it a second time.
	CodeInterrupted Code = "INTERRUPTED"
	// CodeUndeterminedBank: [ConsentRequest.Search] matched no bank, or several.
	CodeUndeterminedBank Code = "UNDETERMINED_BANK"
	// CodeUnexpectedAccessResponse: finAPI's form did not understand finAPI Access.
	CodeUnexpectedAccessResponse Code = "UNEXPECTED_ACCESS_RESPONSE"
)

// OAuth's codes. They come when a token is asked for.
const (
	// CodeInvalidClient: the vendor's client id or its secret is wrong.
	CodeInvalidClient Code = "invalid_client"
	// CodeInvalidGrant: the user's id or password is wrong. It is sent once only.
	CodeInvalidGrant Code = "invalid_grant"
)

// codeOfStatus names an answer that brought no code of its own.
func codeOfStatus(status int) Code {
	if status >= 300 && status < 400 {
		return CodeRedirected
	}
	return CodeHTTP
}

// ofNetwork reports whether the network or the host failed before there was a whole answer.
func ofNetwork(c Code) bool { return c == CodeNetwork || c == CodeBadCertificate }

func ownCode(c Code) bool { return strings.HasPrefix(string(c), "SDK_") }

// codePattern is how finAPI, and OAuth, spell their codes. None has digits, which numbers of
// accounts and passwords have.
var codePattern = regexp.MustCompile(`^([A-Z_]{1,64}|[a-z_]{1,64})$`)

// clean drops a code that does not look like one of finAPI's, so that no body
// text gets into an error's text by way of its code.
func (c Code) clean() Code {
	if ownCode(c) || !codePattern.MatchString(string(c)) {
		return ""
	}
	return c
}
