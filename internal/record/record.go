package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/contract"
	"github.com/finapi-go/finapi/internal/record/redact"
)

// errInterrupted ends a run whose context is done.
var errInterrupted = errors.New("interrupted: nothing was written")

// record does everything and returns the exit status.
func record(ctx context.Context, cfg *config) (int, error) {
	rulebook, err := cfg.load() //nolint:contextcheck // it reads two files
	if err != nil {
		return exitNothing, err
	}
	if err := cfg.folder(); err != nil {
		return exitNothing, err
	}
	s, err := newScript(cfg, rulebook)
	if err != nil {
		return exitNothing, err
	}
	s.run(ctx)
	if ctx.Err() != nil {
		return exitNothing, errInterrupted
	}
	made, err := process(cfg, rulebook, s)
	if err != nil {
		return exitNothing, err
	}
	if err := write(cfg.dir, cfg.force, made.files); err != nil {
		return exitNothing, err
	}
	return made.summary(cfg, s), nil
}

// newScript opens a client whose traffic is captured.
func newScript(cfg *config, rulebook *contract.Contract) (*script, error) {
	t := cfg.target
	s := &script{cfg: cfg, capture: &capture{}}
	client, err := finapi.NewClient(finapi.Sandbox, t.credentials,
		finapi.WithBaseURLs(t.access, t.webForm), finapi.WithClock(t.clock), finapi.WithUserAgent("finapi-go-recorder/1"),
		finapi.WithPageWindow(1), // pages are recorded in their order
		finapi.WithTransport(&contract.Transport{
			Contract: rulebook, AccessURL: t.access, WebFormURL: t.webForm, Mode: contract.Strict, Base: t.base,
			Report: s.capture.report,
		}))
	s.client = client
	return s, err
}

// product is what a run has made.
type product struct {
	files       []file
	entries     []*entry
	differences []difference
	secrets     int // how many were searched for
}

// process redacts, compares with the contract, and searches what would be
// written for secrets.
func process(cfg *config, rulebook *contract.Contract, s *script) (*product, error) {
	inventory := takeInventory(cfg, s)
	if err := redactAll(cfg, s.capture.exchanges, inventory); err != nil {
		return nil, err
	}
	made := &product{
		entries: newEntries(s.capture.exchanges), differences: compare(rulebook, s.capture.exchanges), secrets: inventory.Len(),
	}
	versions, err := contractVersions(cfg.contract)
	if err != nil {
		return nil, err
	}
	made.files = append(bodies(made.entries), file{indexName, made.index(cfg, s, versions)})
	made.publish(inventory)
	return made, refuse(inventory, made.files)
}

// publish tells what an index says in any case.
func (p *product) publish(inventory *redact.Inventory) {
	inventory.Publish(indexBoilerplate())
	for _, e := range p.entries {
		inventory.Publish(e.step)
		inventory.Publish(e.operation)
	}
}

// redactAll redacts the bodies of all exchanges.
func redactAll(cfg *config, exchanges []*exchange, inventory *redact.Inventory) error {
	rules := cfg.rules
	if rules == nil {
		rules = redact.DefaultRules()
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	redactor := redact.New(rules, key, inventory.Holds)
	for _, e := range exchanges {
		if e.hasBody() {
			_ = redactor.Observe(e.root(), e.answer.Body) // what is no JSON is not kept
		}
	}
	for _, e := range exchanges {
		if e.answer == nil {
			continue
		}
		e.redactHeaders(redactor)
		if body, err := redactor.Body(e.root(), e.answer.Body); err == nil {
			e.redacted = body
		}
	}
	return nil
}

// refuse searches the files and refuses them if a secret remains.
func refuse(inventory *redact.Inventory, files []file) error {
	var all []error
	for _, f := range files {
		for _, leak := range inventory.Search(f.name, f.body) {
			all = append(all, fmt.Errorf("%s still holds a secret: %s", leak.File, leak.Kind))
		}
	}
	if len(all) > 0 {
		return fmt.Errorf("nothing was written, because redaction is not complete:\n%w", errors.Join(all...))
	}
	return nil
}
