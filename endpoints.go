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
	epCreateUser
	epDeleteUser
	epBanks
	epBank
	epConnections
	epConnection
	epAccounts
	epAccount
	epTransactions
	epStartConsent
	epConsent
	epStartUpdate
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
	epToken:        {http.MethodPost, "/api/v2/oauth/token", access, noToken, true, true, usual},
	epCreateUser:   {http.MethodPost, "/api/v2/users", access, clientToken, false, true, usual},
	epDeleteUser:   {http.MethodDelete, "/api/v2/users", access, userToken, false, true, bankCall},
	epBanks:        {http.MethodGet, "/api/v2/banks", access, anyToken, true, false, usual},
	epBank:         {http.MethodGet, "/api/v2/banks/{id}", access, anyToken, true, false, usual},
	epConnections:  {http.MethodGet, "/api/v2/bankConnections", access, userToken, true, false, usual},
	epConnection:   {http.MethodGet, "/api/v2/bankConnections/{id}", access, userToken, true, false, usual},
	epAccounts:     {http.MethodGet, "/api/v2/accounts", access, userToken, true, false, usual},
	epAccount:      {http.MethodGet, "/api/v2/accounts/{id}", access, userToken, true, false, usual},
	epTransactions: {http.MethodGet, "/api/v2/transactions", access, userToken, true, false, usual},
	epStartConsent: {http.MethodPost, "/api/webForms/bankConnectionImport", webForm, userToken, false, true, usual},
	epConsent:      {http.MethodGet, "/api/webForms/{id}", webForm, userToken, true, false, usual},
	epStartUpdate:  {http.MethodPost, "/api/tasks/backgroundUpdate", webForm, userToken, false, true, bankCall},
	epTask:         {http.MethodGet, "/api/tasks/{id}", webForm, userToken, true, false, usual},
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
