package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// The addresses of finAPI's sandbox.
const (
	sandboxAccess  = "https://sandbox.finapi.io"
	sandboxWebForm = "https://webform-sandbox.finapi.io"
)

// target is what is recorded.
type target struct {
	simulated       bool
	credentials     finapi.Credentials
	access, webForm string
	clock           finapi.Clock
	base            http.RoundTripper
	// visit gets a form approved, or asks a person for it.
	visit func(ctx context.Context, url string) error
	close func()
}

func (t *target) name() string {
	if t.simulated {
		return "simulator"
	}
	return finapi.Sandbox.String()
}

// newTarget is the sandbox if there are credentials, else a simulator.
func newTarget(env func(string) string, cfg *config) (*target, error) {
	id, secret := env("FINAPI_CLIENT_ID"), env("FINAPI_CLIENT_SECRET")
	if name := env("FINAPI_ENV"); name != "" && name != finapi.Sandbox.String() {
		return nil, errors.New("FINAPI_ENV must be sandbox: nothing else is ever recorded")
	}
	if (id == "") != (secret == "") {
		return nil, errors.New("FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET belong together: set both, or none for the simulator")
	}
	if id != "" {
		return sandbox(id, secret, cfg), nil
	}
	sim, err := finapitest.Start()
	if err != nil {
		return nil, err
	}
	t := simulator(sim)
	release := t.close
	t.close = func() { release(); sim.Close() }
	return t, nil
}

func sandbox(id, secret string, cfg *config) *target {
	transport, release := ownTransport()
	return &target{
		credentials: finapi.Credentials{ID: id, Secret: finapi.NewSecret(secret)},
		access:      sandboxAccess, webForm: sandboxWebForm, clock: finapi.SystemClock(), base: transport, close: release,
		visit: func(_ context.Context, url string) error { return askPerson(cfg.out, url, cfg.wait) },
	}
}

func simulator(sim *finapitest.Server) *target {
	transport, release := ownTransport()
	return &target{
		simulated:   true,
		credentials: finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		access:      sim.AccessURL(), webForm: sim.WebFormURL(), clock: sim.Clock(), base: transport, close: release,
		visit: func(_ context.Context, url string) error { return sim.Approve(url) },
	}
}

// ownTransport returns a transport whose connections end with the run.
func ownTransport() (http.RoundTripper, func()) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport, func() {}
	}
	own := transport.Clone()
	return own, own.CloseIdleConnections
}

func askPerson(out io.Writer, url string, wait time.Duration) error {
	_, err := fmt.Fprintf(out, "\nOpen this page within %v, log in at the test bank and approve:\n\n    %s\n\n", wait, url)
	return err
}
