package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/finapi-go/finapi"
)

// answer is to one of the open questions about finAPI in docs/fidelity.md.
type answer struct {
	Question  string `json:"question"`
	Answer    string `json:"answer"`
	Certainty string `json:"certainty"`
}

const notTried = "not tried"

// answers tells what this run has shown.
func (v *visit) answers() []answer {
	t, f := &v.trial, v.wire.seen()
	certainty := "seen"
	switch {
	case v.sim != nil:
		certainty = "simulated"
	case !v.genuine():
		certainty = "seen elsewhere"
	}
	var all []answer
	add := func(question, seen, otherwise string) {
		if seen == "" {
			all = append(all, answer{question, otherwise, notTried})
			return
		}
		all = append(all, answer{question, seen, certainty})
	}
	write := "needs -write"
	if v.opts.write {
		write = "could not be tried"
	}
	pfm := write + " with a client without PFM services"
	if v.configErr == nil && v.config.PFMServices {
		pfm = "the client has PFM services"
	}
	add("Host of the form's URL", f.formHost, write)
	add("Does webform.finapi.io answer on live?", v.otherHost, "needs the live environment")
	add("Does GET /banks take the vendor's token?", v.banksAnswer(), "the list of banks was not asked for")
	add("Does the search for banks take an IBAN?", v.ibanFound, cmp.Or(v.ibanNot, "the list of banks could not be searched"))
	if v.opts.bank != "" {
		add("Directory entry of "+clean(v.opts.bank), v.bankAnswer(), v.bankNot())
	}
	add("Is the same token given to who asks again?", v.sameToken, "there was no token")
	add("Wrong user password", v.passwordAnswer(), write)
	add("Revoking a token", statusAnswer(f.revoked), write)
	add("Is GET /transactions refused without PFM services?", v.pfmAnswer(), pfm)
	add("A transaction that does not exist", t.missing, write)
	add("... in a listing by ids", t.listing, write)
	add("A new form", t.formRead, write)
	add("Cancelling a form", t.cancelled, write)
	add("... a second time", t.again, write)
	add("Reading a deleted form", t.deleted, write)
	add("X-Request-Id comes back (Access)", echo(&f, v.access.Host), "there was no answer")
	add("X-Request-Id comes back (Web Form)", echo(&f, v.webForms.Host), write)
	add("429, 503 and Retry-After", waits(&f), "there was no answer")
	add("perPage above 500", "", fmt.Sprintf("the SDK cannot send more than %d", finapi.MaxPageSize))
	return all
}

// genuine reports whether it is finAPI that answers.
func (v *visit) genuine() bool {
	return v.sim == nil && strings.HasSuffix(v.access.Hostname(), ".finapi.io") && strings.HasSuffix(v.webForms.Hostname(), ".finapi.io")
}

func (v *visit) banksAnswer() string {
	f := v.found("bank list")
	switch {
	case f == nil || f.State == skipped:
		return ""
	case v.banksErr == nil:
		return "yes"
	}
	return "no: " + statusOf(v.banksErr)
}

// bankAnswer is what finAPI's directory says, which is the same for every vendor.
func (v *visit) bankAnswer() string {
	if v.bank == nil {
		return ""
	}
	parts := []string{fmt.Sprintf("id %d", v.bank.ID)}
	for _, p := range []struct{ name, value string }{
		{"BIC", v.bank.BIC},
		{"bank code", v.bank.BLZ},
		{"country", v.bank.Country},
		{"group", v.bank.Group},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+clean(p.value))
		}
	}
	for _, way := range v.ways() {
		properties := make([]string, len(way.Properties))
		for i, p := range way.Properties {
			properties[i] = clean(p)
		}
		parts = append(parts, clean(string(way.Interface))+" ["+strings.Join(properties, " ")+"]")
	}
	return strings.Join(parts, ", ")
}

// bankNot tells why nothing is known of the bank.
func (v *visit) bankNot() string {
	if f := v.found("bank list"); f == nil || f.State == failing || f.State == skipped {
		return "the list of banks could not be searched"
	}
	return "finAPI lists no such bank"
}

func (v *visit) passwordAnswer() string {
	p := v.wire.seen().password
	if p.status == 0 {
		return ""
	}
	return fmt.Sprintf("status %d, body %s", p.status, p.fields)
}

func (v *visit) pfmAnswer() string {
	if v.config.PFMServices {
		return ""
	}
	return v.trial.transactions
}

func statusAnswer(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("status %d", status)
}

func echo(f *facts, host string) string {
	if f.answers[host] == 0 {
		return ""
	}
	return fmt.Sprintf("in %d of %d answers", f.echoed[host], f.answers[host])
}

func waits(f *facts) string {
	total := 0
	for _, n := range f.answers {
		total += n
	}
	if total == 0 {
		return ""
	}
	if len(f.waits) == 0 && f.asked == 0 {
		return fmt.Sprintf("none in %d answers", total)
	}
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(f.waits)) {
		parts = append(parts, fmt.Sprintf("%d times %d", f.waits[status], status))
	}
	return list(append(parts, fmt.Sprintf("%d with Retry-After", f.asked)))
}

// sample shows what a run on the real service ends with, so that nobody takes it for
// that.
func (v *visit) sample(w io.Writer) {
	fmt.Fprint(w, "\nOn the real service, a block with answers to questions about finAPI follows, to paste into an issue.\n"+
		"This is a SAMPLE of it from a SIMULATED run. It answers nothing about finAPI: do not paste it anywhere.\n\n")
	for _, a := range v.answers() {
		fmt.Fprintf(w, "  SIMULATED  %s: %s (%s)\n", strings.TrimSuffix(a.Question, "?"), a.Answer, a.Certainty)
	}
}

// markdown prints the answers as something to paste. It holds no secret and no id
// but the bank's, which is the same for everybody.
func (v *visit) markdown(w io.Writer) {
	where := "finAPI's " + v.environment.String()
	if !v.genuine() {
		where = "hosts that are not finAPI's own (-access-url, -web-form-url)"
	}
	fmt.Fprintf(w, "## What finAPI answered\n\nSeen %s on %s, by finapi-go %s (examples/doctor).\n\n| question | answer | certainty |\n|---|---|---|\n",
		v.today.Format("2006-01-02"), where, finapi.Version)
	for _, a := range v.answers() {
		fmt.Fprintf(w, "| %s | %s | %s |\n", cell(a.Question), cell(a.Answer), cell(a.Certainty))
	}
}
