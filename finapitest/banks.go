package finapitest

import (
	"slices"
	"strings"
)

// bankBody is a bank in answers. Absent texts are left out, except where
// finAPI is known to write null.
type bankBody struct {
	ID         int64               `json:"id"`
	Name       string              `json:"name"`
	BIC        *string             `json:"bic"`
	BLZ        string              `json:"blz"`
	Location   *string             `json:"location"`
	City       *string             `json:"city"`
	IsTestBank bool                `json:"isTestBank"`
	Popularity int                 `json:"popularity"`
	Interfaces []bankInterfaceBody `json:"interfaces"`
	BankGroup  *idName             `json:"bankGroup,omitempty"`
	IsBeta     bool                `json:"isBeta"`
}

type idName struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type bankInterfaceBody struct {
	BankingInterface            string           `json:"bankingInterface"`
	TPPAuthenticationGroup      *idName          `json:"tppAuthenticationGroup"`
	LoginCredentials            []loginFieldBody `json:"loginCredentials"`
	Properties                  []string         `json:"properties"`
	LoginHint                   *string          `json:"loginHint"`
	Health                      int              `json:"health"`
	LastCommunicationAttempt    *string          `json:"lastCommunicationAttempt"`
	LastSuccessfulCommunication *string          `json:"lastSuccessfulCommunication"`
	IsAisSupported              bool             `json:"isAisSupported"`
	IsPisSupported              bool             `json:"isPisSupported"`
	PaymentCapabilities         bankPayments     `json:"paymentCapabilities"`
	AisAccountTypes             []string         `json:"aisAccountTypes"`
}

type loginFieldBody struct {
	Label       string `json:"label"`
	IsSecret    bool   `json:"isSecret"`
	IsVolatile  bool   `json:"isVolatile"`
	IsMandatory bool   `json:"isMandatory"`
}

// bankPayments are capabilities that a reader has no use for; finAPI demands
// the keys.
type bankPayments struct {
	SepaDirectDebit                  bool `json:"sepaDirectDebit"`
	SepaMoneyTransfer                bool `json:"sepaMoneyTransfer"`
	SepaInstantMoneyTransfer         bool `json:"sepaInstantMoneyTransfer"`
	SepaCollectiveMoneyTransfer      bool `json:"sepaCollectiveMoneyTransfer"`
	SepaFutureDatedMoneyTransfer     bool `json:"sepaFutureDatedMoneyTransfer"`
	SepaStandingOrder                bool `json:"sepaStandingOrder"`
	DomesticMoneyTransfer            bool `json:"domesticMoneyTransfer"`
	DomesticCollectiveMoneyTransfer  bool `json:"domesticCollectiveMoneyTransfer"`
	DomesticFutureDatedMoneyTransfer bool `json:"domesticFutureDatedMoneyTransfer"`
}

func bankParams() params {
	return paged(params{
		"ids":                        idList(1000),
		"search":                     text(),
		"supportedBankingInterfaces": listOf(interfaceFinTS, interfaceScraper, interfaceXS2A),
		"location":                   {legal: isCountry, list: true},
		"tppAuthenticationGroupIds":  idList(1000),
		"isTestBank":                 flag(),
	}, fieldNames(bankOrder(nil))...)
}

func isCountry(s string) bool {
	return len(s) == 2 && s == strings.ToUpper(s)
}

func bankOrder(popularity func(*Bank) int) map[string]func(a, b *Bank) int {
	return map[string]func(a, b *Bank) int{
		"id":         by(func(b *Bank) int64 { return b.ID }),
		"name":       by(func(b *Bank) string { return b.Name }),
		"blz":        by(func(b *Bank) string { return b.BLZ }),
		"bic":        by(func(b *Bank) string { return b.BIC }),
		"popularity": by(popularity),
	}
}

// popularity counts the client's own connections.
func (s *Server) popularity(b *Bank) int {
	n := 0
	for _, c := range s.connections {
		if c.bank == b {
			n++
		}
	}
	return n
}

type bankList struct {
	Banks  []bankBody `json:"banks"`
	Paging paging     `json:"paging"`
}

func (s *Server) listBanks(c *call) (answer, error) {
	var found []*Bank
	for i := range s.banks {
		if s.banks[i].matches(c.query) {
			found = append(found, &s.banks[i])
		}
	}
	p, err := c.query.paging(len(found))
	if err != nil {
		return answer{}, err
	}
	sortBy(found, c.query, bankOrder(s.popularity), "id")
	list := bankList{Banks: []bankBody{}, Paging: p}
	for _, b := range cut(found, p) {
		list.Banks = append(list.Banks, s.bankBody(b))
	}
	return ok(list), nil
}

func (b *Bank) matches(q query) bool {
	switch {
	case q.has("ids") && !slices.Contains(q.ids("ids"), b.ID):
		return false
	case !b.found(q.text("search")):
		return false
	case q.has("supportedBankingInterfaces") && !b.reachedBy(q.texts("supportedBankingInterfaces")):
		return false
	case q.has("location") && b.Location != "" && !slices.Contains(q.texts("location"), b.Location):
		return false // banks without a location always come along
	case q.has("tppAuthenticationGroupIds"):
		return false // no simulated bank belongs to a group
	}
	wanted := q.flag("isTestBank")
	return wanted == nil || *wanted == b.IsTestBank
}

// found reports whether the bank matches a search in name, BLZ, BIC or city,
// or by the BLZ within a German IBAN.
func (b *Bank) found(search string) bool {
	if iban := strings.ToUpper(search); len(iban) == 22 && strings.HasPrefix(iban, "DE") {
		return iban[4:12] == b.BLZ
	}
	return allTerms(search, b.Name, b.BLZ, b.BIC, b.City)
}

func (b *Bank) reachedBy(interfaces []string) bool {
	return slices.ContainsFunc(b.Interfaces, func(i BankInterface) bool { return slices.Contains(interfaces, i.Name) })
}

func (s *Server) getBank(c *call) (answer, error) {
	id, err := c.pathID("bank")
	if err != nil {
		return answer{}, err
	}
	b := s.bank(id)
	if b == nil {
		return answer{}, notFound("Bank")
	}
	return ok(s.bankBody(b)), nil
}

func (s *Server) bankBody(b *Bank) bankBody {
	body := bankBody{
		ID: b.ID, Name: b.Name, BIC: optional(b.BIC), BLZ: b.BLZ, Location: optional(b.Location), City: optional(b.City),
		IsTestBank: b.IsTestBank, Popularity: s.popularity(b), Interfaces: []bankInterfaceBody{}, IsBeta: b.IsBeta,
	}
	if b.Location != "" {
		body.BankGroup = &idName{ID: 1, Name: "Group " + b.Location}
	}
	for _, i := range b.Interfaces {
		body.Interfaces = append(body.Interfaces, s.interfaceBody(i))
	}
	return body
}

func (s *Server) interfaceBody(i BankInterface) bankInterfaceBody {
	started := stamped(s.cfg.start)
	body := bankInterfaceBody{
		BankingInterface: i.Name, LoginCredentials: []loginFieldBody{}, Properties: emptyNotNil(i.Properties),
		Health: i.Health, IsAisSupported: i.AISSupported, IsPisSupported: true,
		LastCommunicationAttempt: started, LastSuccessfulCommunication: started,
		PaymentCapabilities: bankPayments{SepaMoneyTransfer: true}, AisAccountTypes: emptyNotNil(i.AccountTypes),
	}
	for _, f := range i.LoginFields {
		body.LoginCredentials = append(body.LoginCredentials, loginFieldBody{Label: f, IsSecret: f == "PIN", IsMandatory: true})
	}
	return body
}

// emptyNotNil makes sure that a list is written as [] and not as null.
func emptyNotNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
