package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/finapi-go/finapi"
)

// pageRows is the size of pages, so small that there are several.
const pageRows = 5

// script makes the calls that are recorded. A step that fails is noted, and the
// next is made all the same.
type script struct {
	cfg     *config
	client  *finapi.Client
	capture *capture
	wanted  finapi.NewUser
	user    *finapi.User

	configuration finapi.Configuration
	bank          finapi.BankID
	connection    finapi.Connection
	accounts      []finapi.Account

	steps    int
	failures []string
	remains  bool // the user could not be deleted
}

// run makes all calls. Whatever happens, the user is deleted at the end.
func (s *script) run(ctx context.Context) {
	s.wanted = newUser()
	s.vendor(ctx)
	defer s.cleanUp(ctx)
	if !s.createUser(ctx) {
		return
	}
	s.profile(ctx)
	s.refusals(ctx)
	s.forms(ctx)
	if s.connect(ctx) {
		s.read(ctx)
		s.rules(ctx)
		s.update(ctx)
		s.end(ctx)
	}
	s.wrongPassword(ctx)
	s.step(ctx, "log out", s.user.Logout)
}

// newUser invents the user. Its values are as recognisable as those of a person,
// so that redaction has something to do.
func newUser() finapi.NewUser {
	tail := strings.ToLower(rand.Text())
	return finapi.NewUser{
		ID: finapi.UserID("recorder-" + tail[:16]), Password: finapi.NewSecret(rand.Text()),
		Email: "recorder." + tail[16:] + "@beispiel.example", Phone: "+49 30 55501234",
	}
}

// step makes one call. It returns false if the call failed or was not made.
func (s *script) step(ctx context.Context, name string, call func(context.Context) error) bool {
	if ctx.Err() != nil {
		return false
	}
	s.steps++
	s.capture.begin(name, false)
	err := call(ctx)
	if err != nil {
		s.fail(name, err)
	}
	return err == nil
}

// provoke makes a call that finAPI has to refuse.
func (s *script) provoke(ctx context.Context, name string, call func(context.Context) error) {
	if ctx.Err() != nil {
		return
	}
	s.steps++
	s.capture.begin(name, true)
	err := call(ctx)
	var refusal *finapi.Error
	switch {
	case err == nil:
		s.fail(name, errors.New("it was not refused"))
	case !errors.As(err, &refusal) || refusal.Status < 400:
		s.fail(name, err)
	}
}

// fail notes a failure without the id of the request, which goes to the person
// only. The texts of the SDK's errors hold nothing personal.
func (s *script) fail(name string, err error) {
	fmt.Fprintf(s.cfg.out, "  failed: %s: %v\n", name, err)
	text := err.Error()
	if refusal := (*finapi.Error)(nil); errors.As(err, &refusal) {
		text = fmt.Sprintf("%s: status %d %s", refusal.Endpoint, refusal.Status, refusal.Code)
	}
	s.failures = append(s.failures, name+": "+strings.TrimPrefix(text, ": "))
}

// take reads the first n rows of a listing.
func take[T any](rows iter.Seq2[T, error], n int) ([]T, error) {
	var out []T
	for row, err := range rows {
		if err != nil {
			return out, err
		}
		if out = append(out, row); len(out) == n {
			break
		}
	}
	return out, nil
}

// only drops the result of a call.
func only[T any](_ T, err error) error { return err }
