package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/finapi-go/finapi"
)

// countsUsers is what -write may cost.
const countsUsers = "finAPI's licence counts users, so finAPI may count this one, although it is deleted at the end."

// visit is one run: what is known so far, and the findings.
type visit struct {
	*service
	opts     options
	reach    reacher
	progress io.Writer
	today    time.Time
	findings []finding

	config    finapi.Configuration
	configErr error
	sameToken string // what asking twice for a token has shown
	otherHost string // how the other name of the live form host answers

	banks     []finapi.Bank
	banksErr  error // of the vendor's own token
	bank      *finapi.Bank
	ibanFound string
	ibanNot   string // why it could not be tried

	trial trial
}

// examine runs all checks. Whatever happens, the throw-away user is deleted.
func (v *visit) examine(ctx context.Context) {
	defer func() { _ = v.removeUser(ctx) }() // if a check panics; else the last one has done it
	for _, c := range checks() {
		f := v.look(ctx, &c)
		f.Group, f.Check, f.Do = c.group, c.name, sentence(f.Do)
		v.findings = append(v.findings, f)
	}
}

func (v *visit) look(ctx context.Context, c *check) finding {
	if c.write && !v.opts.write {
		if v.sim != nil {
			return skip("-write is not given", "run doctor again with -write; in the simulation it costs nothing.")
		}
		return skip("-write is not given", "run doctor again with -write, if it may make a throw-away user at finAPI. "+countsUsers)
	}
	if !c.always {
		if ctx.Err() != nil {
			return interrupted()
		}
		if cause := v.blocked(c); cause != nil {
			return waitFor(cause, "above")
		}
	}
	f := c.run(ctx, v)
	if ctx.Err() != nil && !c.always && (f.State == failing || f.State == warning) {
		return interrupted()
	}
	return f
}

// blocked returns the finding because of which a check cannot run, or nil.
func (v *visit) blocked(c *check) *finding {
	for _, need := range c.needs {
		if f := v.found(need); f != nil && (f.State == failing || f.State == skipped) {
			return f
		}
	}
	return nil
}

// found returns the finding of a check, or nil if it is still to come.
func (v *visit) found(check string) *finding {
	i := slices.IndexFunc(v.findings, func(f finding) bool { return f.Check == check })
	if i < 0 {
		return nil
	}
	return &v.findings[i]
}

func (v *visit) count(s state) int {
	n := 0
	for i := range v.findings {
		if v.findings[i].State == s {
			n++
		}
	}
	return n
}

// where names what is examined.
func (v *visit) where() string {
	if v.sim != nil {
		return "simulation"
	}
	return v.environment.String()
}

// here tells where it is true, unless that is where the customers are: the sandbox
// has a list of banks of its own.
func (v *visit) here(what string) string {
	if v.environment == finapi.Live {
		return sentence(what)
	}
	return "In the " + v.where() + ", " + what
}

// lookAt is the advice to find out in a later check that needs -write.
func (v *visit) lookAt(check string) string {
	if v.opts.write {
		return fmt.Sprintf("look at %q below", check)
	}
	return fmt.Sprintf("run doctor with -write (finAPI may count its throw-away user) and look at %q", check)
}

// trouble says in which way the settings could not be read.
type trouble int

const (
	none trouble = iota
	noToken
	wrongVersion
	wrongKind
	otherTrouble
)

func (v *visit) trouble() trouble {
	var e *finapi.Error
	switch {
	case v.configErr == nil:
		return none
	case !errors.As(v.configErr, &e):
		return noToken // interrupted before or after; nothing is known
	case versionSign(v.configErr) != "":
		return wrongVersion
	case atToken(v.configErr):
		return noToken
	case e.Status == http.StatusForbidden:
		return wrongKind
	}
	return otherTrouble
}
