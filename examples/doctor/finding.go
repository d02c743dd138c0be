package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/finapi-go/finapi"
)

// state says how a check came out.
type state string

const (
	fine    state = "ok"
	notice  state = "info"    // nothing is wrong
	warning state = "warn"    // something may not work, or not as most vendors want it
	failing state = "fail"    // no customer should come before this is put right
	skipped state = "skipped" // not looked at
)

// legend tells what the states mean for the reader. It is true for every finding.
const legend = `fail: connect no customers before this is put right (if it is about a bank or a currency, none with that).
warn: clear this up before you connect customers; something may not work, or not as you want.
info: nothing is wrong; good to know. skipped: not looked at.`

// finding is the outcome of a check.
type finding struct {
	Group string `json:"group"`
	Check string `json:"check"`
	State state  `json:"state"`
	// Seen is what finAPI said, without secrets and personal data.
	Seen  string `json:"seen"`
	Means string `json:"means"`
	// Who has to do what Do says: vendor, customer, bank, finAPI or nobody.
	Who finapi.Actor `json:"who"`
	Do  string       `json:"do"`
}

const nobody finapi.Actor = "nobody"

func ok(seen, means string) finding {
	return finding{State: fine, Seen: seen, Means: means, Who: nobody, Do: "Nobody has to act."}
}

func info(seen, means, do string) finding {
	return finding{State: notice, Seen: seen, Means: means, Who: finapi.ActorVendor, Do: do}
}

func warn(seen, means, do string) finding {
	return finding{State: warning, Seen: seen, Means: means, Who: finapi.ActorVendor, Do: do}
}

func fail(seen, means, do string) finding {
	return finding{State: failing, Seen: seen, Means: means, Who: finapi.ActorVendor, Do: do}
}

const support = "finAPI's support"

// ask is the advice to write to finAPI.
func ask(words string) string { return "write to " + support + `: "` + words + `"` }

// issue is the advice to write to those who make this SDK.
const issue = "open an issue for this SDK (github.com/finapi-go/finapi/issues)"

func skip(because, do string) finding {
	return finding{
		State: skipped, Seen: "not looked at, because " + because, Means: "Nothing is known about this yet.",
		Who: finapi.ActorVendor, Do: do,
	}
}

func interrupted() finding {
	return skip("the run was interrupted", "Run doctor again and let it finish.")
}

// waitFor skips a check that makes no sense before another one comes out well. It
// waits for whom that one waits for. Where is where to find that one: above or below.
func waitFor(cause *finding, where string) finding {
	if cause.State == skipped {
		return *cause
	}
	f := skip(fmt.Sprintf("%q fails", cause.Check), fmt.Sprintf("do what %q %s says", cause.Check, where))
	switch {
	case cause.Who != finapi.ActorVendor:
		f.Who, f.Do = cause.Who, fmt.Sprintf("has to act first, see %q %s. Run doctor again after that.", cause.Check, where)
	case strings.Contains(cause.Do, support):
		f.Do += "; if that means writing to " + support + ", wait until they have acted. Then run doctor again."
	default:
		f.Do += ", then run doctor again."
	}
	return f
}

// sentence lets a text begin with a capital letter.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// check is one thing that doctor looks at.
type check struct {
	group, name string
	// needs are checks before it without which it makes no sense.
	needs []string
	// write: it changes something at finAPI.
	write bool
	// always: it runs even if all before it failed.
	always bool
	run    func(context.Context, *visit) finding
}

const (
	reaching  = "Reaching finAPI"
	theClient = "Your client, which is your access to finAPI"
	settings  = "What finAPI has set up for you"
	testUser  = "A test user"
	theBank   = "The bank"
	testForm  = "A test form"
	clearing  = "Clearing up"
)

// checks is the list of all, in the order in which they are looked at.
func checks() []check {
	const (
		access, login, set, user, found, form = "access host", "credentials", "client settings", "user log-in", "bank listed", "open form"
	)
	return []check{
		{group: reaching, name: access, run: accessHost},
		{group: reaching, name: "web form host", run: webFormHost},

		{group: theClient, name: login, needs: []string{access}, run: credentials},
		{group: theClient, name: "clock", needs: []string{access}, run: clockSkew},
		{group: theClient, name: "API version", needs: []string{login}, run: apiVersion},
		{group: theClient, name: "kind of client", needs: []string{login}, run: kindOfClient},
		{group: theClient, name: set, needs: []string{login}, run: clientSettings},

		{group: settings, name: "licence", needs: []string{set}, run: licence},
		{group: settings, name: "web form product", needs: []string{set}, run: webFormProduct},
		{group: settings, name: "reading accounts", needs: []string{set}, run: readingAccounts},
		{group: settings, name: "kept consents", needs: []string{set}, run: keptConsents},
		{group: settings, name: "other currencies", needs: []string{set}, run: otherCurrencies},
		{group: settings, name: "hidden categories", needs: []string{set}, run: hiddenCategories},
		{group: settings, name: "account types", needs: []string{set}, run: accountTypes},
		{group: settings, name: "history", needs: []string{set}, run: history},
		{group: settings, name: "countries", needs: []string{set}, run: countries},
		{group: settings, name: "token lives", needs: []string{set}, run: tokenLives},
		{group: settings, name: "failed log-ins", needs: []string{set}, run: failedLogins},
		{group: settings, name: "new users", needs: []string{set}, run: newUsers},
		{group: settings, name: "automatic updates", needs: []string{set}, run: automaticUpdates},
		{group: settings, name: "PFM services", needs: []string{set}, run: pfmServices},

		{group: testUser, name: "create user", needs: []string{set}, write: true, run: createUser},
		{group: testUser, name: user, needs: []string{"create user"}, write: true, run: userLogin},
		{group: testUser, name: "reading transactions", needs: []string{user}, write: true, run: readTransactions},

		{group: theBank, name: "bank list", needs: []string{set}, run: bankList},
		{group: theBank, name: found, needs: []string{"bank list"}, run: bankListed},
		{group: theBank, name: "bank supported", needs: []string{found}, run: bankSupported},
		{group: theBank, name: "bank health", needs: []string{"bank supported"}, run: bankHealth},
		{group: theBank, name: "bank log-in", needs: []string{"bank supported"}, run: bankLogin},

		{group: testForm, name: form, needs: []string{user, "web form host"}, write: true, run: openForm},
		{group: testForm, name: "read form", needs: []string{form}, write: true, run: readForm},
		{group: testForm, name: "cancel form", needs: []string{form}, write: true, run: cancelForm},
		{group: testForm, name: "delete form", needs: []string{form}, write: true, run: deleteForm},

		{group: clearing, name: "wrong password", needs: []string{user}, write: true, run: wrongPassword},
		{group: clearing, name: "log out", needs: []string{user}, write: true, run: logOut},
		{group: clearing, name: "delete user", write: true, always: true, run: deleteUser},
	}
}
