package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// service is finAPI: the real one, or a simulator.
type service struct {
	client      *finapi.Client
	environment finapi.Environment
	secret      string
	sim         *finapitest.Server // nil on the real service
}

func (s *service) close() {
	if s.sim != nil {
		s.sim.Close()
	}
}

// openService chooses by the environment.
func openService(ctx context.Context, env func(string) string, books *books, out *output) (*service, error) {
	id, secret := env("FINAPI_CLIENT_ID"), env("FINAPI_CLIENT_SECRET")
	if id == "" && secret == "" {
		return simulate(ctx, books, out)
	}
	environment := finapi.Sandbox
	switch env("FINAPI_ENV") {
	case "", "sandbox":
	case "live":
		environment = finapi.Live
	default:
		return nil, errors.New("FINAPI_ENV must be sandbox or live")
	}
	client, err := finapi.NewClient(environment,
		finapi.Credentials{ID: id, Secret: finapi.NewSecret(secret)},
		finapi.WithUserAgent("finapi-example-sync"), finapi.WithLanguage(finapi.English),
		finapi.WithBudget(books.store.Budget()), finapi.WithClock(realClock{out}))
	if err != nil {
		return nil, err
	}
	out.say("Using finAPI's %s environment.", environment)
	return &service{client: client, environment: environment, secret: secret}, nil
}

// simulate starts a finAPI on this machine, at the day where the kept ledger, if
// there is one, was left. Its ids are new each time, as they are when a bank is
// connected anew.
func simulate(ctx context.Context, books *books, out *output) (*service, error) {
	left, runs, err := books.simulation(ctx)
	if err != nil {
		return nil, err
	}
	sim, err := finapitest.Start(finapitest.WithIDOffset(runs * 100_000))
	if err != nil {
		return nil, err
	}
	if later := left.Sub(sim.Clock().Now()); later > 0 {
		sim.Clock().Advance(later)
	}
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithLanguage(finapi.English),
		finapi.WithBudget(books.store.Budget()), finapi.WithClock(simulatedClock{sim.Clock(), out}))
	if err != nil {
		sim.Close()
		return nil, err
	}
	out.say("Simulating finAPI, two banks and a customer on this machine. It is %s there.",
		sim.Clock().Now().Format("Monday, 2 January 2006"))
	return &service{client: client, environment: finapi.Sandbox, secret: sim.ClientSecret(), sim: sim}, nil
}

// openUser opens the customer's finAPI user, and creates it before the first
// time. Its password is derived from the vendor's secret, so that there is no
// second secret to keep. A vendor with many customers stores random passwords,
// sealed.
func openUser(ctx context.Context, s *service, books *books) (*finapi.User, error) {
	id, err := books.user(ctx, "example-"+rand.Text()[:20])
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, []byte(s.secret), nil, "finAPI user "+id, 24)
	if err != nil {
		return nil, err
	}
	password := finapi.NewSecret(base64.RawURLEncoding.EncodeToString(key))
	user, err := s.client.CreateUser(ctx, finapi.NewUser{ID: finapi.UserID(id), Password: password})
	if finapi.IsError(err, finapi.CodeEntityExists) {
		return s.client.User(finapi.UserID(id), password), nil
	}
	return user, err
}

// connect finds the bank and gets the customer's consent, or refreshes the
// connection that an earlier run has made.
func connect(ctx context.Context, s *service, user *finapi.User, name string, out *output) (finapi.Connection, error) {
	bank, err := findBank(ctx, s.client, name)
	if err != nil {
		return finapi.Connection{}, err
	}
	connections, err := user.Connections(ctx)
	if err != nil {
		return finapi.Connection{}, err
	}
	for _, c := range connections {
		if c.Bank.ID == bank.ID {
			out.say("%s is connected already; asking it for news.", bank.Name)
			defer out.wait("asking the bank")()
			return user.Refresh(ctx, finapi.RefreshRequest{Connection: c.ID})
		}
	}
	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: bank.ID})
	if err != nil {
		return finapi.Connection{}, err
	}
	if err := s.visitForm(consent.URL, out); err != nil {
		return finapi.Connection{}, err
	}
	defer out.wait("waiting for the consent and the first import")()
	if consent, err = user.WaitConsent(ctx, consent.ID); err != nil {
		return finapi.Connection{}, err
	}
	return user.Connection(ctx, consent.Connection)
}

// visitForm sends the customer to the form. The simulator's customer approves at
// once.
func (s *service) visitForm(url string, out *output) error {
	if s.sim == nil {
		out.say("Open this link, log in at the bank and approve. It opens once and lives 20 minutes:\n\n  %s\n", url)
		return nil
	}
	out.say("The simulated customer opens the consent form, logs in at the bank and approves.")
	return s.sim.Approve(url)
}

func findBank(ctx context.Context, client *finapi.Client, name string) (finapi.Bank, error) {
	for bank, err := range client.Banks(ctx, finapi.BankQuery{Search: name}) {
		if err != nil {
			return finapi.Bank{}, err
		}
		if bank.Supported() {
			return bank, nil
		}
	}
	return finapi.Bank{}, fmt.Errorf("finAPI knows no bank %q whose accounts it can read", name)
}

// tomorrow lets a day pass in the simulator, and asks the bank for news.
func tomorrow(
	ctx context.Context, s *service, user *finapi.User, id finapi.ConnectionID, books *books, out *output,
) (finapi.Connection, error) {
	if s.sim != nil {
		s.sim.Clock().Advance(24 * time.Hour)
		out.say("A day passes. The bank has booked.")
	}
	done := out.wait("asking the bank")
	connection, err := user.Refresh(ctx, finapi.RefreshRequest{Connection: id})
	done()
	if err == nil && s.sim != nil {
		err = books.keepSimulation(ctx, s.sim.Clock().Now())
	}
	return connection, err
}
