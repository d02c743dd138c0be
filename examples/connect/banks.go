package main

import (
	"net/http"
	"strings"

	"github.com/finapi-go/finapi"
)

// mostBanks is how many banks the search shows. Whoever gets as many should write more.
const mostBanks = 20

// bankSearch is the data of the page on which the customer looks for a bank.
type bankSearch struct {
	Words   string
	Found   []bankFound
	More    bool
	Trouble *trouble
}

// bankFound is a bank of the list. Why is the key of the text that says why it is not
// supported; "" if it is.
type bankFound struct {
	finapi.Bank
	Why string
}

func (a *app) showBanks(v *visit) error {
	s := &bankSearch{Words: printable(strings.TrimSpace(v.r.URL.Query().Get("search")), 100)}
	if s.Words != "" {
		s.Trouble = troubleIf(a.find(v, s), v.lang)
	}
	a.show(v, http.StatusOK, "banks", "title.banks", s)
	return nil
}

// troubleIf is for pages that show what they have in spite of an error.
func troubleIf(err error, l finapi.Language) *trouble {
	if err == nil {
		return nil
	}
	return troubleOf(err, l)
}

func (a *app) find(v *visit, s *bankSearch) error {
	query := finapi.BankQuery{
		Search: s.Words, PageSize: mostBanks + 1, OrderBy: []finapi.Order{{By: "popularity", Descending: true}, {By: "name"}},
	}
	for bank, err := range a.client.Banks(v.ctx(), query) {
		if err != nil {
			return err
		}
		if len(s.Found) == mostBanks {
			s.More = true
			return nil
		}
		s.Found = append(s.Found, bankFound{bank, whyNot(&bank)})
	}
	return nil
}

func whyNot(b *finapi.Bank) string {
	switch {
	case b.Supported():
		return ""
	case len(b.Interfaces) == 0:
		return "bank.no.interface"
	}
	return "bank.no.reading"
}

// bankPage is the data of the page that the customer reads before connecting a bank.
type bankPage struct {
	Bank bankFound
	// Connected are the customer's connections to the bank.
	Connected []finapi.Connection
	// Refused says that the bank is connected and the customer has not asked for another
	// log-in.
	Refused bool
}

func (a *app) showBank(v *visit) error { return a.beforeConnecting(v, http.StatusOK, false) }

// beforeConnecting says what will be read before anything is asked of the customer.
func (a *app) beforeConnecting(v *visit, status int, refused bool) error {
	bank, err := a.bank(v)
	if err != nil {
		return err
	}
	data := &bankPage{Bank: bankFound{bank, whyNot(&bank)}, Refused: refused}
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	if user != nil {
		connections, err := user.Connections(v.ctx())
		if err != nil {
			return err
		}
		for _, c := range connections {
			if c.Bank.ID == bank.ID {
				data.Connected = append(data.Connected, c)
			}
		}
	}
	a.show(v, status, "bank", "title.bank", data)
	return nil
}

func (a *app) bank(v *visit) (finapi.Bank, error) {
	id, err := number(v.r.PathValue("id"))
	if err != nil {
		return finapi.Bank{}, err
	}
	bank, err := a.client.Bank(v.ctx(), finapi.BankID(id))
	if finapi.IsError(err, finapi.CodeUnknownEntity) {
		err = errNotFound
	}
	return bank, err
}

// connect opens the form and sends the customer there.
func (a *app) connect(v *visit) error {
	bank, err := a.bank(v)
	if err != nil {
		return err
	}
	if !bank.Supported() {
		return a.beforeConnecting(v, http.StatusUnprocessableEntity, false)
	}
	user, err := a.newUser(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	consent, err := a.returns.StartConsent(v.ctx(), user, finapi.ConsentRequest{
		Bank: bank.ID, Again: v.r.PostFormValue("again") != "", Support: a.site.origin + "/help",
		RealBanksOnly: a.client.Environment() == finapi.Live,
	})
	if finapi.IsError(err, finapi.CodeAlreadyConnected) {
		return a.beforeConnecting(v, http.StatusConflict, true)
	}
	if err != nil {
		return err
	}
	return v.to(consent.URL)
}
