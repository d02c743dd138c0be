package main

import (
	"net/url"
	"strings"

	"github.com/finapi-go/finapi/internal/record/redact"
)

// takeInventory gathers every secret that the run knew or saw.
func takeInventory(cfg *config, s *script) *redact.Inventory {
	inventory := &redact.Inventory{}
	inventory.Add(redact.ClientID, cfg.target.credentials.ID)
	inventory.Add(redact.ClientSecret, cfg.target.credentials.Secret.Reveal())
	inventory.Add(redact.UserID, string(s.wanted.ID))
	inventory.Add(redact.Password, s.wanted.Password.Reveal())
	inventory.Add(redact.Email, s.wanted.Email)
	inventory.Add(redact.Phone, s.wanted.Phone)
	for _, e := range s.capture.exchanges {
		e.addRequest(inventory)
		if e.hasBody() {
			inventory.Collect(e.root(), e.answer.Body)
		}
	}
	return inventory
}

// formKinds are the fields of the token endpoint's forms.
var formKinds = map[string]redact.Kind{
	"client_id": redact.ClientID, "client_secret": redact.ClientSecret, "username": redact.UserID,
	"password": redact.Password, "refresh_token": redact.Token, "token": redact.Token,
}

func (e *exchange) addRequest(inventory *redact.Inventory) {
	if e.request == nil {
		return
	}
	for _, value := range e.request.Header.Values("Authorization") {
		inventory.Add(redact.Token, strings.TrimPrefix(value, "Bearer "))
	}
	inventory.Add(redact.RequestID, e.request.Header.Get("X-Request-Id"))
	if len(e.request.Body) == 0 {
		return
	}
	if !strings.HasPrefix(e.request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		inventory.Collect("request", e.request.Body)
		return
	}
	form, err := url.ParseQuery(string(e.request.Body))
	if err != nil {
		return // the SDK writes forms that can be read
	}
	for name, kind := range formKinds {
		for _, value := range form[name] {
			inventory.Add(kind, value)
		}
	}
}

func (e *exchange) hasBody() bool { return e.answer != nil && len(e.answer.Body) > 0 }
