package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

func licence(_ context.Context, v *visit) finding {
	c := &v.config
	own := c.License == finapi.ReadLicense || c.License == finapi.FullyLicensed
	seen := fmt.Sprintf("licence %s, reading through finAPI's form: %s", clean(string(c.License)), yesNo(c.ReadsThroughForm))
	switch {
	case own:
		return warn(seen, "You have a licence of your own. finAPI then wants the bank's way back (redirectUrl) with each form, which this SDK never sends.",
			"Try it with -write. If the form is refused, tell the maintainers of this SDK in an issue, and "+
				ask("Can our client use Web Form 2.0 without giving a redirectUrl?"))
	case !c.ReadsThroughForm:
		return warn(seen, "Without a licence of your own, customers must consent in finAPI's form, but reading through the form is off.",
			ask("Please enable account information through Web Form 2.0 (aisViaWebForm) for our client."))
	}
	return ok(seen, "finAPI's licence covers you: customers consent in finAPI's form, as this SDK does it.")
}

func webFormProduct(_ context.Context, v *visit) finding {
	if slices.Contains(v.config.Products, "webForm") {
		return ok("booked", "Customers can consent in finAPI's form.")
	}
	return fail("not among the products that are switched on", "No customer can consent: opening a form is refused with status 403.",
		ask("Please enable Web Form 2.0 for our client."))
}

func readingAccounts(_ context.Context, v *visit) finding {
	if v.config.ReadsEnabled {
		return ok("switched on", "Accounts, balances and transactions can be read.")
	}
	return fail("switched off (aisEnabled is false)", "No account can be imported or read.",
		ask("Please enable account information services (AIS) for our client."))
}

func keptConsents(_ context.Context, v *visit) finding {
	kind := clean(v.config.ConsentType)
	if v.config.ConsentType == "ONETIME" {
		return fail("consents are used once ("+kind+")", "Every update needs the customer at the bank again, so no feed can run by itself.",
			ask("Please set preferredConsentType to RECURRING for our client."))
	}
	return ok("consents are kept ("+kind+")", "After the customer has consented once, updates work without the customer until the consent ends.")
}

func otherCurrencies(_ context.Context, v *visit) finding {
	if v.config.NonEuroAccounts {
		return ok("accounts in all currencies", "Accounts in CHF, USD and so on come with balance and transactions.")
	}
	return fail("euro accounts only (isNonEuroAccountsSupported is false)",
		"Current accounts in other currencies are listed, but without balance and transactions. amnis and other banks with accounts in several currencies are unusable.",
		ask("Please enable accounts in other currencies than EUR (isNonEuroAccountsSupported) for our client."))
}

func hiddenCategories(_ context.Context, v *visit) finding {
	if !v.config.CategoryRestrictions {
		return ok("none", "finAPI hides no transactions.")
	}
	return fail(fmt.Sprintf("category restrictions are on (%d categories are named)", len(v.config.Categories)),
		"finAPI hides transactions by category. The bookings never add up to the balance, and nobody is told which are missing.",
		ask("Please remove the category restrictions (categoryRestrictionsEnabled) from our client; we keep accounts and need every transaction."))
}

func accountTypes(_ context.Context, v *visit) finding {
	types := v.config.AccountTypes
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = clean(string(t))
	}
	seen := "only " + list(names)
	switch {
	case len(types) == 0:
		return ok("all types", "Every account that the bank shows can be imported.")
	case !slices.Contains(types, finapi.Checking):
		return fail(seen, "Current accounts (Checking), which every ledger needs, cannot be imported.",
			ask("Please add Checking to our client's account types (accountTypeRestrictions), or remove the restriction."))
	}
	return warn(seen, "Accounts of other types are never imported, and customers are not told why.",
		"If your customers also book savings, cards or loans, "+ask("Please remove the restriction of account types (accountTypeRestrictions) from our client."))
}

func history(_ context.Context, v *visit) finding {
	days := v.config.ImportDays
	if days == 0 {
		return ok("not limited by finAPI", "The first import goes back as far as the bank allows.")
	}
	return warn(fmt.Sprintf("%d days at the most (transactionImportLimitation)", days),
		"The first import of an account brings no older transactions, whatever the bank has.",
		"If that is not what you ordered, "+ask("Please lift our client's transactionImportLimitation."))
}

func countries(_ context.Context, v *visit) finding {
	groups := make([]string, len(v.config.BankGroups))
	for i, g := range v.config.BankGroups {
		groups[i] = clean(g)
	}
	if len(groups) == 0 {
		return warn("none are named", "Only banks of booked countries can be connected.", ask("Please tell us which bank groups our client has, and enable Germany."))
	}
	return info(list(groups), "Banks of these countries can be connected, banks of others are not listed.",
		"If a country of your customers is missing, "+ask("Please enable the bank group of this country for our client."))
}

// formLife is how long finAPI's form lives. The token that opened it must live as
// long.
const formLife = 20 * time.Minute

func tokenLives(_ context.Context, v *visit) finding {
	c := &v.config
	seen := fmt.Sprintf("user %s, vendor %s, refresh %s", life(c.UserTokenLife), life(c.ClientTokenLife), life(c.RefreshTokenLife))
	switch {
	case c.UserTokenLife > 0 && time.Duration(c.UserTokenLife)*time.Second < formLife:
		return fail(seen, "A consent form lives 20 minutes and dies with the user's token: customers who take their time at the bank end with INVALID_TOKEN.",
			ask("Please set userAccessTokensValidityPeriod to 3600 seconds for our client.")+" You can also set it yourself with the administration client.")
	case c.UserTokenLife == 0 || c.ClientTokenLife == 0:
		return info(seen, "A token that never ends works, but one that is stolen is good until it is revoked.",
			"Set a life of 3600 seconds with the administration client, unless you chose this.")
	}
	return ok(seen, "Tokens live long enough for a form, and the SDK renews them.")
}

func life(seconds int) string {
	if seconds == 0 {
		return "never ends"
	}
	d := time.Duration(seconds) * time.Second
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
	text := d.String() // such as 1h0m0s
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func failedLogins(_ context.Context, v *visit) finding {
	switch n := v.config.MaxLogins; {
	case n == 0:
		return ok("never lock a user", "A wrong password does no harm.")
	case n < 3:
		return warn(fmt.Sprintf("after %d a user is locked (maxUserLoginAttempts)", n),
			"One program with an old password locks a customer out of everything. Only a new password unlocks the user.",
			ask("Please raise maxUserLoginAttempts of our client to 10 or more."))
	default:
		return ok(fmt.Sprintf("after %d a user is locked (maxUserLoginAttempts)", n), "The SDK sends a refused password once only.")
	}
}

func newUsers(_ context.Context, v *visit) finding {
	if v.config.UserAutoVerification {
		return ok("verified automatically", "A new user can be used at once.")
	}
	return warn("wait for verification (isUserAutoVerificationEnabled is false)", "A new user cannot log in before your program has verified it.",
		"Call Client.VerifyUser after each Client.CreateUser, or "+ask("Please enable isUserAutoVerificationEnabled for our client."))
}

func automaticUpdates(_ context.Context, v *visit) finding {
	if v.config.BatchUpdate {
		return info("booked: finAPI updates users' connections each night, if asked per user",
			"Each automatic update counts towards the four a day that banks allow without the customer.",
			"Set NewUser.AutoUpdate, or call User.Refresh once a day from your program. Do not do both.")
	}
	return info("not booked (isAutomaticBatchUpdateEnabled is false)", "finAPI asks the banks for news only when your program says so. Data grows old without any error.",
		"Call User.Refresh for each connection once a day from your program, and leave NewUser.AutoUpdate off: finAPI refuses it.")
}

func pfmServices(_ context.Context, v *visit) finding {
	if v.config.PFMServices {
		return ok("booked", "Daily balances, notification rules and changing transactions work.")
	}
	do := `Run doctor with -write: its check "reading transactions" tells. If that fails, `
	if v.opts.write {
		do = `The check "reading transactions" below tells. If it fails, `
	}
	return warn("not booked (pfmServicesEnabled is false)",
		"Daily balances, notification rules, the sandbox's mock updates and all changes of transactions are refused. "+
			"finAPI's documents leave open whether the listing of transactions is, too, and no feed works without it.",
		do+ask("Please enable PFM services for our client."))
}
