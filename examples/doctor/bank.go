package main

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// exampleIBAN is the example of the IBAN registry; exampleBLZ is its bank code.
const (
	exampleIBAN = "DE89370400440532013000"
	exampleBLZ  = "37040044"
)

// bankList searches for the bank with the vendor's token, and with the test user's
// if finAPI refuses that.
func bankList(ctx context.Context, v *visit) finding {
	search := v.client.Banks
	_, v.banksErr = first(search(ctx, finapi.BankQuery{PageSize: 1}), 1)
	var refusal string
	if statusIs(v.banksErr, http.StatusForbidden) && v.trial.loggedIn {
		refusal, search = seenOf(v.banksErr), v.trial.user.Banks
		if _, err := first(search(ctx, finapi.BankQuery{PageSize: 1}), 1); err != nil {
			return refused(err, "Neither your own token nor a user's may read finAPI's list of banks.")
		}
	} else if v.banksErr != nil {
		f := refused(v.banksErr, "finAPI's list of banks cannot be read with your own token.")
		if statusIs(v.banksErr, http.StatusForbidden) {
			f.Do = "Run doctor again with -write, which tries it with a user's token; your program can call User.Banks instead of Client.Banks."
		}
		return f
	}
	if v.opts.bank != "" {
		var err error
		if v.banks, err = first(search(ctx, finapi.BankQuery{Search: v.opts.bank}), 50); err != nil {
			return refused(err, "finAPI's list of banks cannot be searched.")
		}
	}
	v.tryIBAN(ctx, search)
	if refusal != "" {
		return warn(refusal+"; a user's token is accepted", "The list of banks cannot be read with your own token.",
			"Call User.Banks instead of Client.Banks in your program.")
	}
	return ok("readable with your own token", "Your program can let customers choose a bank before they have a user.")
}

// tryIBAN finds out whether the search for banks takes an IBAN.
func (v *visit) tryIBAN(ctx context.Context, search func(context.Context, finapi.BankQuery) iter.Seq2[finapi.Bank, error]) {
	byCode, err := first(search(ctx, finapi.BankQuery{Search: exampleBLZ, PageSize: 1}), 1)
	byIBAN, ibanErr := first(search(ctx, finapi.BankQuery{Search: exampleIBAN, PageSize: 1}), 1)
	switch {
	case ibanErr != nil:
		v.ibanFound = "no: " + statusOf(ibanErr)
	case len(byIBAN) > 0:
		v.ibanFound = "yes"
	case err == nil && len(byCode) > 0:
		v.ibanFound = "no: a bank is found by its code, but not by an IBAN with that code"
	default:
		v.ibanFound = ""
	}
}

// first reads up to so many rows.
func first(rows iter.Seq2[finapi.Bank, error], most int) ([]finapi.Bank, error) {
	var banks []finapi.Bank
	for bank, err := range rows {
		if err != nil {
			return banks, err
		}
		if banks = append(banks, bank); len(banks) == most {
			break
		}
	}
	return banks, nil
}

func bankListed(_ context.Context, v *visit) finding {
	if v.opts.bank == "" {
		return skip("no bank is named", "Name a bank of your customers with -bank.")
	}
	name := clean(v.opts.bank)
	if len(v.banks) == 0 {
		return fail("finAPI lists no bank "+name, "Customers of this bank cannot be connected.",
			"Check the spelling; the sandbox lists few real banks, so try live, too. If the name is right, "+
				ask("Is "+name+" available for account information in our countries, and what must we book for it?"))
	}
	best := slices.MaxFunc(v.banks, func(a, b finapi.Bank) int { return v.fitness(&a) - v.fitness(&b) })
	v.bank = &best
	seen := nameOf(&best)
	if others := len(v.banks) - 1; others > 0 {
		seen += fmt.Sprintf("; the name also fits %d others", others)
	}
	return ok(seen, "Customers find the bank in finAPI's list.")
}

// fitness prefers the bank of exactly this name, then one that can be read.
func (v *visit) fitness(b *finapi.Bank) int {
	n := 0
	if strings.EqualFold(b.Name, v.opts.bank) {
		n += 2
	}
	if b.Supported() {
		n++
	}
	return n
}

func nameOf(b *finapi.Bank) string {
	name := clean(b.Name)
	if b.Country != "" {
		name += " (" + clean(b.Country) + ")"
	}
	if b.Test {
		name += ", made up by finAPI"
	}
	if b.Beta {
		name += ", in trial at finAPI"
	}
	return name
}

func bankSupported(_ context.Context, v *visit) finding {
	ways := v.ways()
	if len(ways) == 0 {
		return fail("finAPI cannot read accounts there", "The bank is listed, but no customer can connect it.",
			ask("When will "+clean(v.bank.Name)+" be available for account information?"))
	}
	names := make([]string, len(ways))
	for i := range ways {
		names[i] = clean(string(ways[i].Interface))
	}
	if v.bank.Beta {
		return warn("through "+list(names)+", in trial (isBeta)", "finAPI may end the support of this bank without notice.",
			ask("When will "+clean(v.bank.Name)+" leave the beta phase?"))
	}
	return ok("through "+list(names), "Accounts of the bank can be read.")
}

// ways are the interfaces that can read accounts.
func (v *visit) ways() []finapi.BankInterface {
	if v.bank == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.bank.Interfaces), func(i finapi.BankInterface) bool { return !i.Readable })
}

const (
	poorHealth = 80 // per cent of contacts that work
	badHealth  = 50
)

func bankHealth(_ context.Context, v *visit) finding {
	var seen []string
	best, quiet, known := 0, true, false
	for _, way := range v.ways() {
		seen = append(seen, fmt.Sprintf("%s %d %%", clean(string(way.Interface)), way.Health))
		best = max(best, way.Health)
		known = known || way.Health > 0 || !way.LastAttempt.IsZero()
		quiet = quiet && !way.LastSuccess.IsZero() && way.LastAttempt.Sub(way.LastSuccess) > 24*time.Hour
	}
	if !known {
		return info("not known", "finAPI tells nothing about its contacts with the bank; perhaps there were none yet.",
			"Connect an account of your own at the bank before your customers do.")
	}
	f := ok(list(seen)+" of the contacts of late worked", "finAPI reaches the bank.")
	if best < poorHealth || quiet {
		f = finding{
			State: warning, Seen: f.Seen, Means: "finAPI has trouble with the bank; some updates of your customers will fail.",
			Who: finapi.ActorBank, Do: "The bank and finAPI have to settle this. Let your program try again later; if it lasts for days, " +
				ask("Is there a known problem with "+clean(v.bank.Name)+"?"),
		}
	}
	if best < badHealth {
		f.State = failing
	}
	if quiet {
		f.Seen += "; none for more than a day"
	}
	return f
}

func bankLogin(_ context.Context, v *visit) finding {
	if v.bank.Redirects() {
		return info("on the bank's own pages (redirect)", "finAPI cannot notice when a customer connects the same accounts twice.",
			"Before User.StartConsent, let your program look at User.Connections and offer User.Refresh for a bank that is connected already.")
	}
	return info("in finAPI's form", "If the customer lets finAPI keep the access data, updates need the customer less often.",
		"Tell customers to let the form store their access data, if they want updates without them.")
}
