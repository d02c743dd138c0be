package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func TestEveryStateOfAConnectionHasItsWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ends := now.AddDate(0, 0, 10)
	for name, c := range map[string]struct {
		state finapi.ConnectionState
		level string
		text  string
	}{
		"in order":                    {finapi.ConnectionState{LastSuccess: now}, levelGood, "Up to date"},
		"a distant end":               {finapi.ConnectionState{LastSuccess: now, Expires: now.AddDate(0, 0, 60)}, levelGood, "Up to date"},
		"not refreshed for a week":    {finapi.ConnectionState{LastSuccess: now.AddDate(0, 0, -7)}, levelGood, "Up to date"},
		"not refreshed for longer":    {finapi.ConnectionState{LastSuccess: now.AddDate(0, 0, -30)}, levelInfo, "Last refreshed 30 days ago; refresh to see what is new"},
		"an end that is near":         {finapi.ConnectionState{LastSuccess: now, Expires: ends}, levelWarn, "The consent runs out in 10 days"},
		"the last day but one":        {finapi.ConnectionState{LastSuccess: now, Expires: now.AddDate(0, 0, 1)}, levelWarn, "The consent runs out in 1 day"},
		"the last hours":              {finapi.ConnectionState{LastSuccess: now, Expires: now.Add(time.Hour)}, levelWarn, "The consent runs out within a day"},
		"being read":                  {finapi.ConnectionState{Busy: true, ConsentMissing: true}, levelInfo, "Being read from the bank; this page reloads by itself"},
		"no consent":                  {finapi.ConnectionState{ConsentMissing: true, ActionRequired: true}, levelBad, "The consent has run out or was taken back; nothing new is read"},
		"a confirmation is wanted":    {finapi.ConnectionState{ActionRequired: true}, levelBad, "The bank wants you to confirm; nothing new is read"},
		"the bank refused":            {finapi.ConnectionState{Problem: &finapi.Error{Code: finapi.CodeBankServerRejection, Actor: finapi.ActorCustomer}}, levelWarn, "The bank refused the last refresh; the data are older"},
		"the bank failed":             {finapi.ConnectionState{Problem: &finapi.Error{Actor: finapi.ActorBank}}, levelWarn, "The bank did not answer at the last refresh; the data are older"},
		"finAPI failed, an end near":  {finapi.ConnectionState{Problem: &finapi.Error{Actor: finapi.ActorFinAPI}, Expires: ends}, levelWarn, "The last refresh failed; the data are older"},
		"something is wrongly set up": {finapi.ConnectionState{Problem: &finapi.Error{Actor: finapi.ActorVendor}}, levelWarn, "The last refresh failed; the data are older"},
	} {
		level, state := inWords(&c.state, now)
		if text := inEnglish.line(state); level != c.level || text != c.text {
			t.Errorf("%s: %s %q, want %s %q", name, level, text, c.level, c.text)
		}
	}
}

func TestEveryActorIsNamed(t *testing.T) {
	t.Parallel()
	for actor, want := range map[finapi.Actor]string{
		finapi.ActorCustomer: "You, at your bank", finapi.ActorVendor: "Your software's vendor", finapi.ActorBank: "Your bank",
		finapi.ActorFinAPI: "finAPI, the service between bank and software", "somebody new": "finAPI, the service between bank and software",
	} {
		if got := inEnglish.text(whoOf(actor)); got != want {
			t.Errorf("the actor %s is called %q, want %q", actor, got, want)
		}
	}
}

func TestEveryTroubleSaysWhoMustActHowAndWhen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       error
		who, when string
		vendor    bool
	}{
		"the bank wants the customer": {&finapi.ActionRequired{}, "who.customer", "again.actor", false},
		"finAPI is too slow":          {fmt.Errorf("work: %w", context.DeadlineExceeded), "who.finapi", "again.later", false},
		"the program ends":            {context.Canceled, "who.finapi", "again.later", false},
		"an error of the program":     {errors.New("no such table"), "who.vendor", "again.later", true},
		"the client is set up wrongly": {
			&finapi.Error{Code: finapi.CodeUnauthorized, Actor: finapi.ActorVendor}, "who.vendor", "again.actor", true,
		},
		"the bank refused": {
			&finapi.Error{Code: finapi.CodeBankServerRejection, Actor: finapi.ActorCustomer}, "who.customer", "again.actor", false,
		},
		"the bank refused and said why": {
			&finapi.Error{Code: finapi.CodeBankServerRejection, Actor: finapi.ActorCustomer, Details: []finapi.ErrorDetail{{Message: "Wartung", ForCustomer: true}}},
			"who.refused", "again.refused", false,
		},
		"the network fails": {&finapi.Error{Code: finapi.CodeNetwork, Actor: finapi.ActorFinAPI}, "who.finapi", "again.later", false},
	} {
		for _, lang := range []finapi.Language{finapi.German, finapi.English} {
			got := troubleOf(c.err, lang)
			if got.Who != c.who || got.When != c.when || got.Vendor != c.vendor || got.How == "" {
				t.Errorf("%s: %+v, want %s %s", name, got, c.who, c.when)
			}
		}
	}
	if got := troubleOf(errors.New("secret detail"), finapi.English); strings.Contains(got.How, "secret") {
		t.Error("the customer reads the text of an error that is for developers")
	}
}

func TestEveryControlOfTheSimulatorDoesWhatItSays(t *testing.T) {
	t.Parallel()
	c := signedIn(t, startApp(t), "muster")
	for _, bank := range []bool{false, true} {
		if bank {
			c.connect(amnis).chooseAll()
		}
		for _, trick := range tricks {
			c.get("/simulator")
			c.post("/simulator", "trick", trick.Name).reads(200, inEnglish.text("simulator."+trick.Name+".done"))
		}
	}
	c.get("/simulator")
	c.post("/simulator", "trick", "something else").reads(404)
}

func TestACallbackIsKeptForACustomerWhoHasClosedTheBrowser(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	c := signedIn(t, a, "muster")
	form := c.start(amnis)
	if err := a.sim.Reject(form, "Bitte rufen Sie uns an."); err != nil {
		t.Fatal(err)
	}
	user, err := a.users.Find(t.Context(), "muster")
	if err != nil || user == nil {
		t.Fatalf("the user is not kept: %v", err)
	}
	forms, err := finapi.Collect(user.Forms().List(t.Context()))
	if err != nil || len(forms) != 1 {
		t.Fatalf("%d forms, %v", len(forms), err)
	}
	consent, err := user.Consent(t.Context(), forms[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.calledBack(t.Context(), finapi.Return{User: user, Consent: consent, Outcome: consent.Outcome()}); err != nil {
		t.Fatal(err)
	}
	c.get("/history").reads(200, "A form at finAPI has ended.", "The bank refused.", "“Bitte rufen Sie uns an.”")
	stranger := a.client.User("somebody", finapi.NewSecret("x"))
	if err := a.calledBack(t.Context(), finapi.Return{User: stranger, Consent: consent, Outcome: consent.Outcome()}); err != nil {
		t.Errorf("a callback for a user that is gone fails: %v", err)
	}
}
