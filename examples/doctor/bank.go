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
			return refused(err, "finAPI's list of banks cannot be read, neither by your client alone nor for a customer. So no customer can choose a bank in your program.")
		}
	} else if v.banksErr != nil {
		f := refused(v.banksErr, "finAPI's list of banks cannot be read, so no customer can choose a bank in your program.")
		if statusIs(v.banksErr, http.StatusForbidden) {
			f.Means = "Your client alone cannot read finAPI's list of banks; perhaps it can for a customer. Without the list, no customer can choose a bank in your program."
			f.Do = "run doctor again with -write, which tries it for a throw-away user. " + countsUsers
		}
		return f
	}
	if v.opts.bank != "" {
		var err error
		if v.banks, err = first(search(ctx, finapi.BankQuery{Search: v.opts.bank}), 50); err != nil {
			return refused(err, "finAPI's list of banks cannot be searched, so no customer can choose a bank in your program.")
		}
	}
	v.tryIBAN(ctx, search)
	if refusal != "" {
		return warn("readable for a customer's user, but not by your client alone: "+refusal, "Your program can show the list of banks only after it has created the customer's user at finAPI.",
			"have your developers read the list in the user's name (User.Banks instead of Client.Banks), or "+
				ask("Our client gets status 403 for GET /api/v2/banks with its own token. Please allow it."))
	}
	return ok("readable by your client alone", "Your program can let customers choose a bank before they have a user.")
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
	case err != nil:
		v.ibanNot = "the search for the bank of the example IBAN fails: " + statusOf(err)
	default:
		v.ibanNot = "the bank of the example IBAN is not listed"
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
		return skip("no bank is named", "run doctor again and name a bank of your customers with -bank.")
	}
	if len(v.banks) == 0 {
		return v.notListed()
	}
	best := slices.MaxFunc(v.banks, func(a, b finapi.Bank) int { return v.fitness(&a) - v.fitness(&b) })
	v.bank = &best
	seen := nameOf(&best)
	if others := v.otherBanks(); others != "" {
		seen += "; the name fits other banks, too: " + others + ". To look at one of them, give its name with -bank"
	} else if !v.opts.bankNamed {
		seen += "; doctor took it because you named no bank with -bank"
	}
	if best.Test {
		return ok(seen, "The bank is for trying things out; no real customer has an account there.")
	}
	return ok(seen, v.here("customers can find the bank in your program."))
}

func (v *visit) notListed() finding {
	name := clean(v.opts.bank)
	if !v.opts.bankNamed {
		return skip(fmt.Sprintf("finAPI lists no bank %q, and you named no bank with -bank", name),
			"run doctor again and name a bank of your customers with -bank. If it is "+name+", -bank "+name+" tells what to do.")
	}
	seen, do := fmt.Sprintf("finAPI lists no bank %q", name), "check the spelling that you gave with -bank. If it is right, "
	question := ask("Do you offer account information for " + name + " in our countries, and what must we book for it?")
	if v.environment == finapi.Live {
		return fail(seen, "Customers cannot connect this bank.", do+question)
	}
	return fail(seen+" in the "+v.where(), v.here("nobody can connect this bank. Live has a list of its own."),
		do+"look whether live lists the bank: run doctor with your live credentials and FINAPI_ENV=live. If you have none yet, "+question)
}

// otherBanks names some of the banks that the name fits, but for the chosen one.
func (v *visit) otherBanks() string {
	var names []string
	for i := range v.banks {
		if v.banks[i].ID != v.bank.ID {
			names = append(names, nameOf(&v.banks[i]))
		}
	}
	const most = 3
	if len(names) > most {
		return list(names[:most]) + " and others"
	}
	return list(names)
}

// ifNotYours is what to do about trouble with a bank that the reader has not named.
func (v *visit) ifNotYours() string {
	if v.opts.bankNamed {
		return ""
	}
	return " If " + clean(v.bank.Name) + " is no bank of your customers, name another with -bank."
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
		return fail("finAPI lists "+clean(v.bank.Name)+", but cannot read accounts there", v.here("no customer can connect this bank."),
			ask("When will "+clean(v.bank.Name)+" be available for account information?")+v.ifNotYours())
	}
	names := make([]string, len(ways))
	for i := range ways {
		names[i] = wayName(ways[i].Interface)
	}
	if v.bank.Beta {
		return warn("accounts can be read through "+list(names)+", but the bank is in trial at finAPI (isBeta)",
			"finAPI may end the support of this bank without notice, and drop its data.",
			"offer the bank to customers as a trial only, and "+ask("When will "+clean(v.bank.Name)+" leave the beta phase?")+v.ifNotYours())
	}
	return ok("accounts can be read through "+list(names), v.here("customers can connect this bank."))
}

// wayName explains the name of an interface.
func wayName(i finapi.BankingInterface) string {
	name := clean(string(i))
	switch i {
	case finapi.XS2A:
		return name + " (what the law makes banks offer)"
	case finapi.FinTS:
		return name + " (the German banks' own interface)"
	case finapi.WebScraper:
		return name + " (finAPI reads the bank's web pages)"
	}
	return name
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
	var success time.Time // the last one
	best, quiet, known := 0, true, false
	for _, way := range v.ways() {
		seen = append(seen, fmt.Sprintf("%s %d %%", clean(string(way.Interface)), way.Health))
		best = max(best, way.Health)
		known = known || way.Health > 0 || !way.LastAttempt.IsZero()
		quiet = quiet && !way.LastSuccess.IsZero() && way.LastAttempt.Sub(way.LastSuccess) > 24*time.Hour
		if way.LastSuccess.After(success) {
			success = way.LastSuccess
		}
	}
	if !known {
		return v.healthUnknown()
	}
	share := "of finAPI's latest contacts with the bank, these worked: " + list(seen)
	better := fmt.Sprintf("doctor shows %d %% or more here", poorHealth)
	switch {
	case best < badHealth:
		f := v.ailing(share, "finAPI hardly reaches the bank: most customers cannot connect it, and most updates fail.", better)
		f.State = failing
		return f
	case quiet:
		return v.ailing(share+"; but the latest one failed, and none has worked since "+success.Format(time.DateOnly),
			"The percentage goes further back. Perhaps nothing works at present: then nobody can connect the bank, and no update brings bookings.",
			"doctor no longer shows this")
	case best < poorHealth:
		return v.ailing(share, "finAPI has trouble with the bank: some updates of your customers will fail.", better)
	}
	return ok(share, "finAPI reaches the bank, so updates will mostly work.")
}

func (v *visit) healthUnknown() finding {
	do := "before your customers connect the bank, connect an account of your own there, or begin with one customer who knows that it is a trial."
	if v.environment != finapi.Live {
		do = "look again in the live environment. If it is the same there, " + do
	}
	return info("finAPI tells nothing about its contacts with the bank", "Perhaps nobody has connected this bank yet, so it may hold surprises.", do)
}

func (v *visit) ailing(seen, means, better string) finding {
	f := warn(seen, means, "has to settle this with finAPI. You: connect no customers of this bank before "+better+". Those who are connected need do nothing, "+
		"but may get their bookings late. If it is no better in three days, "+ask("Is there a known problem with "+clean(v.bank.Name)+"?")+v.ifNotYours())
	f.Who = finapi.ActorBank
	return f
}

func bankLogin(_ context.Context, v *visit) finding {
	if v.bank.Redirects() {
		return info("customers log in on the bank's own pages (redirect)",
			"If a customer connects the same bank a second time, finAPI cannot notice, and the same accounts come twice.",
			"have your program offer to update a bank that the customer has connected already, instead of connecting it anew "+
				"(developers: User.StartConsent refuses it with CodeAlreadyConnected; offer User.RenewConsent then).")
	}
	return info("customers type the bank's access data into finAPI's form",
		"If the customer lets the form store the access data, finAPI can update the accounts without the customer.",
		"tell customers so where your program lets them connect a bank.")
}
