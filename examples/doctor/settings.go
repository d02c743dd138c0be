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
	kind := clean(string(c.License))
	switch {
	case own:
		return warn("you have a licence of your own ("+kind+")",
			"From vendors with a licence, finAPI wants an address with each consent form to which the bank sends the customer back (redirectUrl). This SDK "+
				"never sends one, so perhaps no customer can consent.",
			"if you have no such licence, "+ask("Please set our client to UNLICENSED: we have no licence of our own.")+
				" If you have one, "+v.lookAt("open form")+". If that fails, "+issue+", and "+ask("Can our client use Web Form 2.0 without giving a redirectUrl?"))
	case !c.ReadsThroughForm:
		return warn("finAPI's licence is used ("+kind+"), but consents through finAPI's form are switched off (aisViaWebForm is false)",
			"Without a licence of your own, customers can consent in finAPI's form only, so probably no account can be connected.",
			ask("Please enable account information through Web Form 2.0 (aisViaWebForm) for our client."))
	}
	return ok("finAPI's licence is used ("+kind+"), and consents go through finAPI's form",
		"You need no licence of your own: customers consent in finAPI's form, which is what this SDK makes use of.")
}

func webFormProduct(_ context.Context, v *visit) finding {
	if slices.Contains(v.config.Products, "webForm") {
		return ok("finAPI's consent form (Web Form 2.0) is switched on", "Customers can consent in finAPI's form.")
	}
	return fail("finAPI's consent form (Web Form 2.0) is not among the products that are switched on",
		"No customer can consent: opening a form is refused with status 403.",
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
	switch v.config.ConsentType {
	case "RECURRING":
		return ok("consents are kept ("+kind+")", "After the customer has consented once, updates work without the customer until the consent ends.")
	case "ONETIME":
		return fail("consents are used once ("+kind+")", "Every update needs the customer at the bank again, so no feed can run by itself.",
			ask("Please set preferredConsentType to RECURRING for our client."))
	}
	return warn("finAPI says something unknown ("+kind+")", "This SDK does not know the word. If consents were used only once, every update would need the customer at the bank again.",
		ask("Is our client's preferredConsentType like RECURRING: do updates work without the customer?"))
}

func otherCurrencies(_ context.Context, v *visit) finding {
	if v.config.NonEuroAccounts {
		return ok("accounts in all currencies are read", "Accounts in CHF, USD and so on come with balance and transactions.")
	}
	return fail("euro accounts only (isNonEuroAccountsSupported is false)",
		"If a customer has current accounts in other currencies, as at amnis, they are listed, but come without balance and transactions, and without any error.",
		"even if all accounts are in euro today, "+ask("Please enable accounts in other currencies than EUR (isNonEuroAccountsSupported) for our client."))
}

func hiddenCategories(_ context.Context, v *visit) finding {
	if !v.config.CategoryRestrictions {
		return ok("none", "finAPI hides no transactions, so a ledger can be complete.")
	}
	return fail(fmt.Sprintf("on (categoryRestrictionsEnabled; categories that stay visible: %d)", len(v.config.Categories)),
		"finAPI hides transactions by their category. The bookings never add up to the balance, and nobody is told which are missing.",
		ask("Please remove the category restrictions (categoryRestrictionsEnabled) from our client; we keep books and need every transaction."))
}

func accountTypes(_ context.Context, v *visit) finding {
	types := v.config.AccountTypes
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = clean(string(t))
	}
	seen := "only " + list(names) + " (accountTypeRestrictions)"
	switch {
	case len(types) == 0:
		return ok("all types", "Every account that the bank shows can be imported.")
	case !slices.Contains(types, finapi.Checking):
		return fail(seen, "Current accounts (Checking), which bank feeds are mostly about, cannot be imported.",
			ask("Please add Checking to our client's account types (accountTypeRestrictions), or remove the restriction."))
	}
	return warn(seen, "Accounts of other types are never imported, and customers are not told why.",
		"if your customers also book savings, cards or loans, "+ask("Please remove the restriction of account types (accountTypeRestrictions) from our client."))
}

func history(_ context.Context, v *visit) finding {
	days := v.config.ImportDays
	if days == 0 {
		return ok("not limited by finAPI", "The first import goes back as far as the bank allows.")
	}
	return warn(fmt.Sprintf("%d days at the most (transactionImportLimitation)", days),
		"The first import of an account reaches back no further, whatever the bank has.",
		"if that is not what you ordered, "+ask("Please lift our client's transactionImportLimitation."))
}

func countries(_ context.Context, v *visit) finding {
	groups := make([]string, len(v.config.BankGroups))
	for i, g := range v.config.BankGroups {
		groups[i] = clean(g)
	}
	if len(groups) == 0 {
		return warn("finAPI names none (availableBankGroups is empty)", "Only banks of countries that finAPI has enabled for you can be connected, so perhaps none can.",
			ask("The availableBankGroups of our client are empty. Please enable the banks of (name your customers' countries)."))
	}
	return info("finAPI has enabled banks of "+list(groups), "Banks of these countries can be connected; banks of others are not even listed.",
		"if no country of your customers is missing, nothing. Else "+ask("Please enable the banks of (name the countries) for our client."))
}

// formLife is how long finAPI's form lives. The token that opened it must live as
// long.
const formLife = 20 * time.Minute

// hurriedLife is a guess: in less time, most customers do not get through the form.
const hurriedLife = 5 * time.Minute

func tokenLives(_ context.Context, v *visit) finding {
	c := &v.config
	seen := fmt.Sprintf("a customer's user stays logged in %s, your client %s; renewable %s", life(c.UserTokenLife), life(c.ClientTokenLife), life(c.RefreshTokenLife))
	longer := ask("Please set userAccessTokensValidityPeriod to 3600 seconds for our client.") + " A developer can also set it, with your administration client."
	userLife := time.Duration(c.UserTokenLife) * time.Second
	switch {
	case userLife > 0 && userLife < hurriedLife:
		return fail(seen, "A consent form ends with the log-in (token), so most customers do not get through it in time.", longer)
	case userLife > 0 && userLife < formLife:
		return warn(seen, "A consent form lives 20 minutes, but not longer than the log-in (token): customers who take their time at the bank must start again.", longer)
	case c.UserTokenLife == 0 || c.ClientTokenLife == 0:
		return warn(seen, "A log-in that never ends works, but one that is stolen stays good until it is revoked.",
			"unless you chose this, let a developer set 3600 seconds with your administration client, or "+
				ask("Please set clientAccessTokensValidityPeriod and userAccessTokensValidityPeriod to 3600 seconds for our client."))
	}
	return ok(seen, "Log-ins (tokens) outlive a consent form. The SDK renews them or, later, logs in anew with the user's password; no customer has to do anything.")
}

func life(seconds int) string {
	if seconds == 0 {
		return "for ever"
	}
	return "for " + short(time.Duration(seconds)*time.Second)
}

// short writes a time without its zeros, such as 1h or 30 d.
func short(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
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
	const once = "A program tries a wrong password once each time it is started"
	n := v.config.MaxLogins
	seen := fmt.Sprintf("after %d a user is locked out (maxUserLoginAttempts)", n)
	switch {
	case n == 0:
		return ok("never lock a user out", "If your program uses a wrong password for a customer's user at finAPI, no harm is done.")
	case n < 3:
		return warn(seen, once+", and the tries of all programs count together. Once a customer's user at finAPI is locked out, nothing can be read for that "+
			"customer before a developer has set a new password there.",
			ask("Please raise maxUserLoginAttempts of our client to 10 or more."))
	}
	return ok(seen, once+fmt.Sprintf(", so it takes %d starts with an old password to lock a customer's user out.", n))
}

func newUsers(_ context.Context, v *visit) finding {
	if v.config.UserAutoVerification {
		return ok("verified automatically", "A new customer's user at finAPI can be used at once.")
	}
	return warn("wait for verification (isUserAutoVerificationEnabled is false)",
		"Nothing can be read for a new customer before your program has verified the customer's user at finAPI.",
		ask("Please enable isUserAutoVerificationEnabled for our client.")+
			" Or have your developers verify each user that the program creates (Client.VerifyUser after Client.CreateUser).")
}

func automaticUpdates(_ context.Context, v *visit) finding {
	if v.config.BatchUpdate {
		return info("booked: finAPI asks the banks for new bookings each night, for the customers for whom your program switches that on",
			"Each such update counts towards the four a day that banks allow without the customer.",
			"decide who asks the banks for new bookings: finAPI each night (developers: NewUser.AutoUpdate), or your program once a day (User.Refresh). Do not do both.")
	}
	return info("not booked (isAutomaticBatchUpdateEnabled is false)",
		"finAPI asks the banks for new bookings only when your program tells it to. If the program never does, the data grow old without any error.",
		"have your program ask for new bookings once a day for each customer and bank (developers: User.Refresh; leave NewUser.AutoUpdate off, because finAPI "+
			"would refuse it). Nothing has to be ordered for that.")
}

func pfmServices(_ context.Context, v *visit) finding {
	if v.config.PFMServices {
		return ok("this add-on of finAPI's is booked", "Daily balances, notification rules and changing transactions work.")
	}
	return warn("this add-on of finAPI's is not booked (pfmServicesEnabled is false)",
		"Daily balances, notification rules, the sandbox's mock updates and all changes of transactions are refused. "+
			"finAPI's documents leave open whether reading transactions is refused, too, and no feed works without that.",
		v.lookAt("reading transactions")+". If that fails, "+ask("Please enable PFM services for our client."))
}
