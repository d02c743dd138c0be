package redact

import (
	"maps"
	"regexp"
	"strings"
)

// Rule says what becomes of the values of a field. The zero Rule redacts texts
// and numbers. Null, true and false stay in any case.
type Rule struct {
	keep    *regexp.Regexp // texts that match stay
	numbers bool           // numbers stay
	ids     bool           // integers, also in texts, are ids
	form    func(*Redactor, string) string
}

// Rules are the rules by field. The key is the name of the field, or the name of
// the object around it, a dot and the name of the field, which wins. What has no
// rule is redacted.
type Rules map[string]Rule

// Keep returns a rule that keeps texts that match a pattern, and redacts the
// rest.
func Keep(pattern string) Rule { return Rule{keep: regexp.MustCompile(`^(?:` + pattern + `)$`)} }

// KeepNumbers returns a rule that keeps numbers, and redacts texts.
func KeepNumbers() Rule { return Rule{numbers: true} }

// formed returns a rule that redacts texts in a certain way.
func formed(form func(*Redactor, string) string) Rule { return Rule{form: form} }

// Patterns of what is no secret whoever it is about.
const (
	upperWord = `[A-Z][A-Z0-9_]{0,63}`
	oauthWord = `[a-z_]{1,32}`
	language  = `[a-z]{2}`
	currency  = `[A-Z]{3}`
	day       = `\d{4}-\d\d-\d\d`
	instant   = day + `T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)`
	picture   = `https://(?:[a-z0-9-]+\.)*finapi\.io/[A-Za-z0-9_./-]*`
)

// DefaultRules returns the rules for finAPI's answers. The caller may change
// them.
func DefaultRules() Rules {
	rules := Rules{}
	rules.enums()
	rules.times()
	rules.amounts()
	rules.counts()
	rules.ids()
	rules.banks()
	rules.forms()
	return rules
}

func (r Rules) set(rule Rule, fields string) {
	for field := range strings.FieldsSeq(fields) {
		r[field] = rule
	}
}

func (r Rules) enums() {
	r.set(Keep(upperWord), `status code type result errorType errorCode local remote updateStatus categorizationStatus
		bankingInterface capabilities properties triggerEvent mandatorLicense preferredConsentType products
		procedureChallengeType twoStepProcedures.procedureChallengeType`)
	r.set(Keep(`Checking|Savings|CreditCard|Security|Loan|Membership|Bausparen|`+upperWord), `accountType aisAccountTypes accountTypeRestrictions`)
	r.set(Keep(currency), `currency accountCurrency originalCurrency feeCurrency`)
	r.set(Keep(`[A-Z]{2}`), `availableBankGroups location`)
	r.set(Keep(oauthWord), `error token_type scope`)
	r.set(Keep(language), `language`)
	r.set(Keep(`[A-Z0-9]{1,4}`), `typeCodeZka typeCodeSwift sepaPurposeCode`)
	r.set(Keep(`[A-Z]{4}[A-Z0-9+-]{0,31}`), `bankTransactionCode`)
	r.set(Keep(`[A-Za-z][A-Za-z0-9_.]{0,63}`), `error.field errors.field`)
	// A bank writes the type of a booking in words of its own.
	r.set(Rule{}, `transactions.type pendingTransactions.type`)
}

func (r Rules) times() {
	r.set(Keep(day), `date valueDate bankBookingDate finapiBookingDate`)
	r.set(Keep(instant), `importDate timestamp createdAt expiresAt lastSuccessfulUpdate lastUpdateAttempt
		lastCommunicationAttempt lastSuccessfulCommunication latestCommonBalanceTimestamp error.date`)
	r["dateOfBirth"] = formed((*Redactor).birthday)
}

func (r Rules) amounts() {
	r.set(KeepNumbers(), `amount balance overdraft overdraftLimit availableFunds originalAmount feeAmount
		compensationAmount income spending internalAdjustingEntries paypalData.fee paypalData.net`)
}

func (r Rules) counts() {
	r.set(KeepNumbers(), `page perPage pageCount totalCount expires_in health popularity maxDaysForDownload
		maxCollectiveOrders maxPurposeLength refreshTokensValidityPeriod userAccessTokensValidityPeriod
		clientAccessTokensValidityPeriod maxUserLoginAttempts transactionImportLimitation`)
}

func (r Rules) ids() {
	r.set(Rule{ids: true}, `id parentId accountId bankConnectionId accountIds identifiers children labelIds categoryIds
		dailyBalances.transactions paymentId standingOrderId params.accountIds params.labelIds params.categoryIds`)
}

// banks keeps finAPI's directory of banks, which is public.
func (r Rules) banks() {
	printed := Keep(`[\pL\pN\pZ\pP\pS]*`)
	public := printed
	public.numbers = true
	for _, object := range []string{"bank", "banks", "tppAuthenticationGroup", "bankGroup"} {
		for _, field := range []string{"id", "name", "bic", "blz", "city"} {
			r[object+"."+field] = public
		}
	}
	r.set(printed, `loginCredentials.label interfaces.loginHint`)
	r.set(Keep(picture), `logo.url icon.url`)
}

func (r Rules) forms() {
	r.set(formed((*Redactor).link), `url redirectUrl userNotificationCallbackUrl userSynchronizationCallbackUrl corsAllowedOrigins`)
	r.set(formed((*Redactor).endpoint), `endpoint`)
	r.set(formed((*Redactor).bic), `counterpartBic counterpartyBic`)
}

// With returns a copy of the rules in which one is another.
func (r Rules) With(field string, rule Rule) Rules {
	changed := maps.Clone(r)
	changed[field] = rule
	return changed
}

func (r Rules) of(s scalar) Rule {
	if rule, ok := r[s.container+"."+s.field]; ok {
		return rule
	}
	return r[s.field]
}
