package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// service is finAPI: the real one, or a simulator.
type service struct {
	client           *finapi.Client
	again            func() (*finapi.Client, error) // a second client, which has no token yet
	environment      finapi.Environment
	access, webForms *url.URL
	usual            bool // the hosts are those of the environment
	wire             *wire
	clock            finapi.Clock
	sim              *finapitest.Server // nil on the real service
}

func (s *service) close() {
	s.wire.close()
	if s.sim != nil {
		s.sim.Close()
	}
}

// hosts are the addresses that the SDK uses by itself, Access and Web Form.
var hosts = map[finapi.Environment][2]string{
	finapi.Sandbox: {"https://sandbox.finapi.io", "https://webform-sandbox.finapi.io"},
	finapi.Live:    {"https://live.finapi.io", "https://webform-live.finapi.io"},
}

// open chooses by the environment variables. Every error is a wrong call.
func (m *machine) open(o options) (*service, error) {
	id, secret, name := m.env("FINAPI_CLIENT_ID"), m.env("FINAPI_CLIENT_SECRET"), m.env("FINAPI_ENV")
	switch {
	case id == "" && secret == "" && (name != "" || o.access != "" || o.webForms != ""):
		return nil, errors.New("FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET are not set, but FINAPI_ENV, -access-url or -web-form-url is; " +
			"set both, or none of them to examine a simulator")
	case id == "" && secret == "":
		return m.simulate()
	case id == "":
		return nil, errors.New("FINAPI_CLIENT_ID is not set, but FINAPI_CLIENT_SECRET is; set both")
	case secret == "":
		return nil, errors.New("FINAPI_CLIENT_SECRET is not set, but FINAPI_CLIENT_ID is; set both")
	}
	environment, known := map[string]finapi.Environment{"": finapi.Sandbox, "sandbox": finapi.Sandbox, "live": finapi.Live}[name]
	if !known {
		return nil, errors.New("FINAPI_ENV must be sandbox or live")
	}
	s := &service{environment: environment, clock: m.clock, usual: o.access == "" && o.webForms == ""}
	access, webForms := hosts[environment][0], hosts[environment][1]
	if o.access != "" {
		access = o.access
	}
	if o.webForms != "" {
		webForms = o.webForms
	}
	return s, s.connect(finapi.Credentials{ID: id, Secret: finapi.NewSecret(secret)}, access, webForms)
}

func (m *machine) simulate() (*service, error) {
	sim, err := finapitest.Start()
	if err != nil {
		return nil, err
	}
	s := &service{environment: finapi.Sandbox, clock: sim.Clock(), sim: sim}
	credentials := finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())}
	return s, s.connect(credentials, sim.AccessURL(), sim.WebFormURL())
}

func (s *service) connect(credentials finapi.Credentials, access, webForms string) error {
	s.wire = newWire(s.clock)
	s.again = func() (*finapi.Client, error) {
		return finapi.NewClient(s.environment, credentials,
			finapi.WithBaseURLs(access, webForms), finapi.WithTransport(s.wire), finapi.WithClock(s.clock),
			finapi.WithLanguage(finapi.English), finapi.WithUserAgent("finapi-example-doctor"),
			finapi.WithRetry(finapi.Retry{Attempts: 3, Base: time.Second, Max: 10 * time.Second}),
			finapi.WithCircuit(finapi.Circuit{})) // each finding is about what was tried
	}
	var err error
	if s.client, err = s.again(); err != nil {
		return inWords(err)
	}
	if s.access, err = url.Parse(access); err != nil {
		return errors.New("-access-url is not a URL")
	}
	if s.webForms, err = url.Parse(webForms); err != nil {
		return errors.New("-web-form-url is not a URL")
	}
	return nil
}

// inWords names what the reader has set instead of the SDK's field.
func inWords(err error) error {
	var e *finapi.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Field {
	case "Credentials.ID":
		return fmt.Errorf("FINAPI_CLIENT_ID %s", e.Message)
	case "Credentials.Secret":
		return fmt.Errorf("FINAPI_CLIENT_SECRET %s", e.Message)
	case "WithBaseURLs":
		return fmt.Errorf("-access-url and -web-form-url: each %s", e.Message)
	}
	return err
}
