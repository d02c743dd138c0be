package finapi

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// host is one of finAPI's two services.
type host uint8

const (
	access host = iota
	webForm
)

// tokenKind is the kind of token that an endpoint takes.
type tokenKind uint8

const (
	noToken tokenKind = iota
	clientToken
	userToken
	anyToken
)

// endpoint is one call that this package is able to make.
type endpoint struct {
	method    string
	template  string
	host      host
	tokenKind tokenKind
	// safe: the call may be sent twice, because it changes nothing or because
	// the second time changes nothing more.
	safe bool
	// writes: the call changes something at finAPI.
	writes bool
	// patience is how long one attempt may take.
	patience time.Duration
}

// String returns the method and the template, without any id.
func (e *endpoint) String() string { return e.method + " " + e.template }

type endpointID uint8

const (
	epToken endpointID = iota
	epRevoke
	epConfiguration
	epCreateUser
	epUser
	epEditUser
	epDeleteUser
	epVerificationStatus
	epVerifyUser
	epBanks
	epBank
	epConnections
	epConnection
	epEditConnection
	epDeleteConnection
	epDeleteConsent
	epAccounts
	epAccount
	epEditAccount
	epDeleteAccount
	epDailyBalances
	epTransactions
	epTransaction
	epEditTransactions
	epEditTransaction
	epDeleteTransaction
	epPendingTransactions
	epPendingTransaction
	epRules
	epRule
	epCreateRule
	epDeleteRule
	epMockBatchUpdate
	epStartConsent
	epConsents
	epConsent
	epCancelConsent
	epDeleteForm
	epStartUpdate
	epTasks
	epTask
)

const (
	usual = 60 * time.Second
	// Asking a bank can be slow: an integration saw calls of up to 180 s.
	bankCall = 180 * time.Second
)

// endpoints is the closed table of what this package is able to send. There is
// no other way to build a request, so what is not here cannot happen: no money
// can be moved, no bank credential can be sent. TestTheSDKIsReadOnly reads it.
var endpoints = [...]endpoint{
	epToken:               {http.MethodPost, "/api/v2/oauth/token", access, noToken, true, true, usual},
	epRevoke:              {http.MethodPost, "/api/v2/oauth/revoke", access, clientToken, true, true, usual},
	epConfiguration:       {http.MethodGet, "/api/v2/clientConfiguration", access, clientToken, true, false, usual},
	epCreateUser:          {http.MethodPost, "/api/v2/users", access, clientToken, false, true, usual},
	epUser:                {http.MethodGet, "/api/v2/users", access, userToken, true, false, usual},
	epEditUser:            {http.MethodPatch, "/api/v2/users", access, userToken, true, true, usual},
	epDeleteUser:          {http.MethodDelete, "/api/v2/users", access, userToken, false, true, bankCall},
	epVerificationStatus:  {http.MethodGet, "/api/v2/users/verificationStatus", access, clientToken, true, false, usual},
	epVerifyUser:          {http.MethodPost, "/api/v2/users/verify/{userId}", access, clientToken, false, true, usual},
	epBanks:               {http.MethodGet, "/api/v2/banks", access, anyToken, true, false, usual},
	epBank:                {http.MethodGet, "/api/v2/banks/{id}", access, anyToken, true, false, usual},
	epConnections:         {http.MethodGet, "/api/v2/bankConnections", access, userToken, true, false, usual},
	epConnection:          {http.MethodGet, "/api/v2/bankConnections/{id}", access, userToken, true, false, usual},
	epEditConnection:      {http.MethodPatch, "/api/v2/bankConnections/{id}", access, userToken, true, true, usual},
	epDeleteConnection:    {http.MethodDelete, "/api/v2/bankConnections/{id}", access, userToken, false, true, bankCall},
	epDeleteConsent:       {http.MethodDelete, "/api/v2/bankConnections/{id}/aisConsent", access, userToken, false, true, bankCall},
	epAccounts:            {http.MethodGet, "/api/v2/accounts", access, userToken, true, false, usual},
	epAccount:             {http.MethodGet, "/api/v2/accounts/{id}", access, userToken, true, false, usual},
	epEditAccount:         {http.MethodPatch, "/api/v2/accounts/{id}", access, userToken, true, true, usual},
	epDeleteAccount:       {http.MethodDelete, "/api/v2/accounts/{id}", access, userToken, false, true, bankCall},
	epDailyBalances:       {http.MethodGet, "/api/v2/accounts/dailyBalances", access, userToken, true, false, usual},
	epTransactions:        {http.MethodGet, "/api/v2/transactions", access, userToken, true, false, usual},
	epTransaction:         {http.MethodGet, "/api/v2/transactions/{id}", access, userToken, true, false, usual},
	epEditTransactions:    {http.MethodPatch, "/api/v2/transactions", access, userToken, true, true, usual},
	epEditTransaction:     {http.MethodPatch, "/api/v2/transactions/{id}", access, userToken, true, true, usual},
	epDeleteTransaction:   {http.MethodDelete, "/api/v2/transactions/{id}", access, userToken, false, true, usual},
	epPendingTransactions: {http.MethodGet, "/api/v2/pendingTransactions", access, userToken, true, false, usual},
	epPendingTransaction:  {http.MethodGet, "/api/v2/pendingTransactions/{id}", access, userToken, true, false, usual},
	epRules:               {http.MethodGet, "/api/v2/notificationRules", access, userToken, true, false, usual},
	epRule:                {http.MethodGet, "/api/v2/notificationRules/{id}", access, userToken, true, false, usual},
	epCreateRule:          {http.MethodPost, "/api/v2/notificationRules", access, userToken, false, true, usual},
	epDeleteRule:          {http.MethodDelete, "/api/v2/notificationRules/{id}", access, userToken, false, true, usual},
	epMockBatchUpdate:     {http.MethodPost, "/api/v2/tests/mockBatchUpdate", access, userToken, false, true, usual},
	epStartConsent:        {http.MethodPost, "/api/webForms/bankConnectionImport", webForm, userToken, false, true, usual},
	epConsents:            {http.MethodGet, "/api/webForms", webForm, userToken, true, false, usual},
	epConsent:             {http.MethodGet, "/api/webForms/{id}", webForm, userToken, true, false, usual},
	epCancelConsent:       {http.MethodPost, "/api/webForms/{id}/cancel", webForm, userToken, false, true, usual},
	epDeleteForm:          {http.MethodDelete, "/api/webForms/{id}", webForm, userToken, false, true, usual},
	epStartUpdate:         {http.MethodPost, "/api/tasks/backgroundUpdate", webForm, userToken, false, true, bankCall},
	epTasks:               {http.MethodGet, "/api/tasks", webForm, userToken, true, false, usual},
	epTask:                {http.MethodGet, "/api/tasks/{id}", webForm, userToken, true, false, usual},
}

// leftOut are the operations of finAPI's contract that this package does without
// on purpose. The bulk deletions could empty a customer's data by one mistake;
// [User.Delete] covers the honest need. The administration of a mandator takes
// another kind of client. The others are for categories, labels and securities,
// which no ledger books.
var leftOut = []string{
	"DELETE /api/v2/accounts",
	"DELETE /api/v2/bankConnections",
	"DELETE /api/v2/notificationRules",
	"DELETE /api/v2/transactions",
	"GET /api/v2/mandatorAdmin/getUserList",
	"POST /api/v2/mandatorAdmin/deleteUsers",
	"GET /api/v2/categories",
	"GET /api/v2/categories/cashFlows",
	"GET /api/v2/categories/{id}",
	"GET /api/v2/labels",
	"GET /api/v2/labels/{id}",
	"GET /api/v2/securities",
	"GET /api/v2/securities/{id}",
	"DELETE /api/v2/users/{userId}",
}

// path fills the template with ids. Ids are escaped, so none can reach another
// endpoint.
func (e *endpoint) path(ids []string) (string, error) {
	path := e.template
	for _, id := range ids {
		if id == "" || id == "." || id == ".." {
			return "", invalid("id", "must not be empty")
		}
		start, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		path = path[:start] + url.PathEscape(id) + path[end+1:]
	}
	return path, nil
}
