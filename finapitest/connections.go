package finapitest

import (
	"slices"
	"time"
)

type connectionBody struct {
	ID                   int64                     `json:"id"`
	Bank                 bankBody                  `json:"bank"`
	Name                 *string                   `json:"name"`
	UpdateStatus         string                    `json:"updateStatus"`
	CategorizationStatus string                    `json:"categorizationStatus"`
	Interfaces           []connectionInterfaceBody `json:"interfaces"`
	AccountIDs           []int64                   `json:"accountIds"`
	Owners               *[]struct{}               `json:"owners"`
}

type connectionInterfaceBody struct {
	BankingInterface          string            `json:"bankingInterface"`
	LoginCredentials          []labelled        `json:"loginCredentials"`
	DefaultTwoStepProcedureID *string           `json:"defaultTwoStepProcedureId"`
	TwoStepProcedures         []struct{}        `json:"twoStepProcedures"`
	AisConsent                *consentBody      `json:"aisConsent"`
	LastManualUpdate          *updateResultBody `json:"lastManualUpdate"`
	LastAutoUpdate            *updateResultBody `json:"lastAutoUpdate,omitempty"`
	UserActionRequired        bool              `json:"userActionRequired"`
	MaxDaysForDownload        int               `json:"maxDaysForDownload"`
}

type labelled struct {
	Label string  `json:"label"`
	Value *string `json:"value"`
}

type consentBody struct {
	Status                    string  `json:"status"`
	ExpiresAt                 *string `json:"expiresAt"`
	SupportsImportNewAccounts bool    `json:"supportsImportNewAccounts"`
}

type updateResultBody struct {
	Result       string  `json:"result"`
	ErrorMessage *string `json:"errorMessage"`
	ErrorType    *string `json:"errorType"`
	Timestamp    string  `json:"timestamp"`
}

func (s *Server) connectionBody(c *connection, now time.Time) connectionBody {
	body := connectionBody{
		ID: c.id, Bank: s.bankBody(c.bank), Name: optional(c.name), UpdateStatus: "READY", CategorizationStatus: "READY",
		Interfaces: []connectionInterfaceBody{}, AccountIDs: []int64{},
	}
	for _, i := range c.interfaces {
		body.Interfaces = append(body.Interfaces, i.body(c.maxDays))
	}
	if c.busy(now) {
		body.UpdateStatus, body.CategorizationStatus = "IN_PROGRESS", "PENDING"
	}
	for _, a := range c.accounts {
		body.AccountIDs = append(body.AccountIDs, a.ID)
	}
	return body
}

func (i *connectionInterface) body(maxDays int) connectionInterfaceBody {
	return connectionInterfaceBody{
		BankingInterface: i.Name, LoginCredentials: []labelled{}, TwoStepProcedures: []struct{}{}, AisConsent: i.Consent.body(),
		LastManualUpdate: i.LastManualUpdate.body(), LastAutoUpdate: i.LastAutoUpdate.body(),
		UserActionRequired: i.UserActionRequired, MaxDaysForDownload: maxDays,
	}
}

func (r *UpdateResult) body() *updateResultBody {
	if r == nil {
		return nil
	}
	return &updateResultBody{r.Result, optional(r.ErrorMessage), optional(r.ErrorType), accessStamp(r.Timestamp)}
}

func (k *Consent) body() *consentBody {
	switch {
	case k == nil:
		return nil
	case !k.Present:
		return &consentBody{Status: "NOT_PRESENT"}
	}
	return &consentBody{Status: "PRESENT", ExpiresAt: stamped(k.ExpiresAt), SupportsImportNewAccounts: k.SupportsImportNewAccounts}
}

type connectionList struct {
	Connections []connectionBody `json:"connections"`
}

func (s *Server) listConnections(c *call) (answer, error) {
	list := connectionList{Connections: []connectionBody{}}
	for _, x := range s.connectionsOf(c.user()) {
		if !c.query.has("ids") || slices.Contains(c.query.ids("ids"), x.id) {
			list.Connections = append(list.Connections, s.connectionBody(x, c.now))
		}
	}
	return ok(list), nil
}

// ownConnection finds the connection in the path. Those of other users do not
// exist for the caller.
func (s *Server) ownConnection(c *call) (*connection, error) {
	id, err := c.pathID("bank connection")
	if err != nil {
		return nil, err
	}
	if x := s.connection(id); x != nil && x.owner == c.user() {
		return x, nil
	}
	return nil, notFound("Bank connection")
}

func (s *Server) getConnection(c *call) (answer, error) {
	x, err := s.ownConnection(c)
	if err != nil {
		return answer{}, err
	}
	return ok(s.connectionBody(x, c.now)), nil
}

type connectionEdit struct {
	Name                      *string    `json:"name"`
	BankingInterface          *string    `json:"bankingInterface"`
	LoginCredentials          []labelled `json:"loginCredentials"`
	DefaultTwoStepProcedureID *string    `json:"defaultTwoStepProcedureId"`
}

// editConnection is PATCH /bankConnections/{id}. An unlicensed client may
// change the name only.
func (s *Server) editConnection(c *call) (answer, error) {
	x, err := s.ownConnection(c)
	if err != nil {
		return answer{}, err
	}
	var body connectionEdit
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if x.busy(c.now) {
		return answer{}, locked()
	}
	if body.LoginCredentials != nil || body.DefaultTwoStepProcedureID != nil {
		return answer{}, onlyWebForm()
	}
	if body.Name != nil {
		if !label(*body.Name, 0, 64) {
			return answer{}, badValue("name", *body.Name)
		}
		x.name = *body.Name
	}
	return ok(s.connectionBody(x, c.now)), nil
}

// onlyWebForm is what a client without a licence of its own is told, in the
// recorded words.
func onlyWebForm() *refusal {
	return unprocessable(codeIllegalState,
		"Für diesen Client sind direkte API-Aufrufe nicht zulässig. Bitte führen Sie den Aufruf über das finAPI Web Form durch.",
		"Direct API calls are not allowed for this client. Please use the finAPI Web Form.")
}

func (s *Server) deleteConnection(c *call) (answer, error) {
	x, err := s.ownConnection(c)
	if err != nil {
		return answer{}, err
	}
	if x.busy(c.now) {
		return answer{}, locked()
	}
	s.dropConnection(x)
	return empty(), nil
}

// identifierList is the answer of operations on several entities.
type identifierList struct {
	Identifiers []int64 `json:"identifiers"`
}

func (s *Server) deleteConnections(c *call) (answer, error) {
	owned := s.connectionsOf(c.user())
	if slices.ContainsFunc(owned, func(x *connection) bool { return x.busy(c.now) }) {
		return answer{}, locked()
	}
	list := identifierList{Identifiers: []int64{}}
	for _, x := range owned {
		list.Identifiers = append(list.Identifiers, x.id)
		s.dropConnection(x)
	}
	return ok(list), nil
}
