package finapitest

import "slices"

type accountBody struct {
	ID               int64                  `json:"id"`
	BankConnectionID int64                  `json:"bankConnectionId"`
	AccountName      *string                `json:"accountName"`
	IBAN             *string                `json:"iban"`
	AccountNumber    string                 `json:"accountNumber"`
	SubAccountNumber *string                `json:"subAccountNumber,omitempty"`
	HolderName       *string                `json:"accountHolderName"`
	HolderID         *string                `json:"accountHolderId,omitempty"`
	Currency         *string                `json:"accountCurrency"`
	AccountType      string                 `json:"accountType"`
	Balance          *money                 `json:"balance"`
	Overdraft        *money                 `json:"overdraft"`
	OverdraftLimit   *money                 `json:"overdraftLimit"`
	AvailableFunds   *money                 `json:"availableFunds,omitempty"`
	IsNew            bool                   `json:"isNew"`
	Interfaces       []accountInterfaceBody `json:"interfaces"`
	IsSeized         bool                   `json:"isSeized"`
}

type accountInterfaceBody struct {
	BankingInterface     string          `json:"bankingInterface"`
	Status               string          `json:"status"`
	Capabilities         []string        `json:"capabilities"`
	PaymentCapabilities  accountPayments `json:"paymentCapabilities"`
	LastSuccessfulUpdate *string         `json:"lastSuccessfulUpdate"`
	LastUpdateAttempt    *string         `json:"lastUpdateAttempt"`
}

// accountPayments are capabilities that a reader has no use for; finAPI
// demands the keys.
type accountPayments struct {
	SepaInstantMoneyTransfer              bool `json:"sepaInstantMoneyTransfer"`
	SepaFutureMoneyTransfer               bool `json:"sepaFutureMoneyTransfer"`
	SepaFutureCollectiveMoneyTransfer     bool `json:"sepaFutureCollectiveMoneyTransfer"`
	DomesticMoneyTransfer                 bool `json:"domesticMoneyTransfer"`
	DomesticCollectiveMoneyTransfer       bool `json:"domesticCollectiveMoneyTransfer"`
	DomesticFutureMoneyTransfer           bool `json:"domesticFutureMoneyTransfer"`
	DomesticFutureCollectiveMoneyTransfer bool `json:"domesticFutureCollectiveMoneyTransfer"`
}

func (a *account) body() accountBody {
	body := accountBody{
		ID: a.ID, BankConnectionID: a.BankConnectionID, AccountName: optional(a.Name), IBAN: optional(a.IBAN),
		AccountNumber: a.Number, HolderName: optional(a.Holder), HolderID: optional(hidden), Currency: optional(a.Currency),
		AccountType: a.Type, Balance: optionalMoney(a.Balance), IsNew: a.IsNew, IsSeized: a.IsSeized,
	}
	own := accountInterface{a.Interface, a.Status, a.LastSuccessfulUpdate, a.LastUpdateAttempt}
	body.Interfaces = []accountInterfaceBody{own.body()}
	for _, i := range a.others {
		body.Interfaces = append(body.Interfaces, i.body())
	}
	return body
}

func (i accountInterface) body() accountInterfaceBody {
	return accountInterfaceBody{
		BankingInterface: i.name, Status: i.status, Capabilities: []string{"DATA_DOWNLOAD"},
		LastSuccessfulUpdate: stamped(i.lastSuccessfulUpdate), LastUpdateAttempt: stamped(i.lastUpdateAttempt),
	}
}

func accountParams() params {
	return params{
		"ids":                     idList(1000),
		"search":                  text(),
		"accountTypes":            listOf(accountTypes()...),
		"bankConnectionIds":       idList(0),
		"minLastSuccessfulUpdate": day(),
		"maxLastSuccessfulUpdate": day(),
		"minBalance":              amount(),
		"maxBalance":              amount(),
	}
}

func accountTypes() []string {
	return []string{"Checking", "Savings", "CreditCard", "Security", "Loan", "Membership", "Bausparen"}
}

type accountList struct {
	Accounts []accountBody `json:"accounts"`
}

func (s *Server) listAccounts(c *call) (answer, error) {
	list := accountList{Accounts: []accountBody{}}
	for _, a := range s.accountsOf(c.user()) {
		if a.matches(c.query) {
			list.Accounts = append(list.Accounts, a.body())
		}
	}
	return ok(list), nil
}

func (a *account) matches(q query) bool {
	switch {
	case q.has("ids") && !slices.Contains(q.ids("ids"), a.ID):
		return false
	case !allTerms(q.text("search"), a.Name, a.IBAN, a.Number):
		return false
	case q.has("accountTypes") && !slices.Contains(q.texts("accountTypes"), a.Type):
		return false
	case q.has("bankConnectionIds") && !slices.Contains(q.ids("bankConnectionIds"), a.BankConnectionID):
		return false
	case (q.has("minBalance") || q.has("maxBalance")) && a.Balance == nil:
		return false
	case a.Balance != nil && !between(*a.Balance, q.amount("minBalance"), q.amount("maxBalance")):
		return false
	}
	return a.updatedWithin(q.date("minLastSuccessfulUpdate"), q.date("maxLastSuccessfulUpdate"))
}

func (a *account) updatedWithin(from, to Date) bool {
	if from == "" && to == "" {
		return true
	}
	return !a.LastSuccessfulUpdate.IsZero() && within(DateOf(a.LastSuccessfulUpdate), from, to)
}

// within reports whether a day lies between two limits, of which each may be
// open.
func within(d, from, to Date) bool {
	return (from == "" || d >= from) && (to == "" || d <= to)
}

// ownAccount finds the account in the path.
func (s *Server) ownAccount(c *call) (*account, error) {
	id, err := c.pathID("account")
	if err != nil {
		return nil, err
	}
	if a := s.account(id); a != nil && s.connection(a.BankConnectionID).owner == c.user() {
		return a, nil
	}
	return nil, notFound("Account")
}

func (s *Server) getAccount(c *call) (answer, error) {
	a, err := s.ownAccount(c)
	if err != nil {
		return answer{}, err
	}
	return ok(a.body()), nil
}

type accountEdit struct {
	Name  *string `json:"accountName"`
	Type  *string `json:"accountType"`
	IsNew *bool   `json:"isNew"`
}

func (s *Server) editAccount(c *call) (answer, error) {
	a, err := s.ownAccount(c)
	if err != nil {
		return answer{}, err
	}
	var body accountEdit
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if body.Name != nil && !label(*body.Name, 1, 512) {
		return answer{}, badValue("accountName", *body.Name)
	}
	if body.Type != nil && !slices.Contains(accountTypes(), *body.Type) {
		return answer{}, badValue("accountType", *body.Type)
	}
	a.Name, a.Type, a.IsNew = orElse(body.Name, a.Name), orElse(body.Type, a.Type), orElse(body.IsNew, a.IsNew)
	return ok(a.body()), nil
}

func (s *Server) deleteAccount(c *call) (answer, error) {
	a, err := s.ownAccount(c)
	if err != nil {
		return answer{}, err
	}
	if s.connection(a.BankConnectionID).busy(c.now) {
		return answer{}, locked()
	}
	s.dropAccount(a)
	return empty(), nil
}

func (s *Server) deleteAccounts(c *call) (answer, error) {
	if slices.ContainsFunc(s.connectionsOf(c.user()), func(x *connection) bool { return x.busy(c.now) }) {
		return answer{}, locked()
	}
	list := identifierList{Identifiers: []int64{}}
	for _, a := range s.accountsOf(c.user()) {
		list.Identifiers = append(list.Identifiers, a.ID)
		s.dropAccount(a)
	}
	return ok(list), nil
}
