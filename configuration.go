package finapi

import (
	"context"
	"encoding/json"
	"slices"
)

// Configuration is what finAPI has set up for the vendor. It explains most of
// what does not work as expected: ask for it before asking finAPI's support. It
// changes only when finAPI or the vendor changes the set-up. Texts are "" and lists
// empty where nothing is set.
type Configuration struct {
	// License is what the vendor may do; without one of its own, the consent form
	// is compulsory.
	License License
	// ReadsThroughForm is true if imports and updates go through finAPI's form
	// (finAPI: aisViaWebForm).
	ReadsThroughForm bool
	// ReadsEnabled is true if accounts can be read at all (finAPI: aisEnabled).
	ReadsEnabled bool
	// PFMServices is true if daily balances, notification rules and the sandbox's
	// mock updates are booked.
	PFMServices bool
	// NonEuroAccounts is false if current accounts in other currencies than EUR
	// come without balance and transactions.
	NonEuroAccounts bool
	// BatchUpdate is true if finAPI updates users' connections by itself.
	BatchUpdate bool
	// UserAutoVerification is false if new users must be verified before they can
	// be used; see [Client.VerifyUser].
	UserAutoVerification bool
	// DevelopmentMode allows [User.MockBatchUpdate] in the sandbox.
	DevelopmentMode bool
	// WebScraping is true if banks may be read through their web pages.
	WebScraping bool
	// AutoCategorization is true if finAPI guesses what transactions were for.
	AutoCategorization bool
	// CategoryRestrictions is true if finAPI hides transactions of some categories
	// from the vendor: then a ledger cannot be complete.
	CategoryRestrictions bool
	// Categories are those whose transactions the vendor sees, if there are
	// restrictions.
	Categories []Category
	// AccountTypes restricts what can be imported; empty means all types.
	AccountTypes []AccountType
	// BetaBanks is true if banks in trial are listed.
	BetaBanks bool
	// MandatorAdmin is true for the wrong kind of client: it can administer, not
	// read.
	MandatorAdmin bool
	// ConsentType is RECURRING if consents are kept for later updates, or ONETIME.
	// The set is open.
	ConsentType string
	// BankGroups are the groups of banks that the vendor has booked, mostly named
	// after countries; see [Bank.Group].
	BankGroups []string
	// Products are finAPI's names of the products that are switched on, such as
	// webForm, sorted. The set is open.
	Products []string
	// MaxLogins is how many failed log-ins lock a user; 0 means that none does.
	MaxLogins int
	// ImportDays limits how many days of history are imported; 0 means no limit.
	ImportDays int
	// The lives of tokens in seconds; 0 means that they never end.
	ClientTokenLife, UserTokenLife, RefreshTokenLife int
	// NotificationURL is where finAPI posts what [Rules] ask for, SynchronisationURL
	// where it tells of users that were deleted; "" if not set.
	NotificationURL, SynchronisationURL string
	// CORSOrigins are the pages that may embed the consent form.
	CORSOrigins []string
	// FinTSProductID is the vendor's own registration; "" if it has none.
	FinTSProductID string
}

// License is what the vendor may do by law. The set is open.
type License string

// The licences that concern reading. finAPI knows others besides. Unlicensed vendors
// read through finAPI's licence, and therefore through its form.
const (
	Unlicensed    License = "UNLICENSED"
	ReadLicense   License = "AISP"
	FullyLicensed License = "FULLY_LICENSED"
)

// Configuration returns what finAPI has set up for the vendor. It holds no secret.
func (c *Client) Configuration(ctx context.Context) (Configuration, error) {
	var answer configurationAnswer
	err := c.do(ctx, c.tokens, call{endpoint: epConfiguration, into: &answer})
	return answer.Configuration, err
}

type configurationAnswer struct{ Configuration }

func (a *configurationAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		License              License          `json:"mandatorLicense"`
		ReadsThroughForm     bool             `json:"aisViaWebForm"`
		ReadsEnabled         bool             `json:"aisEnabled"`
		PFMServices          bool             `json:"pfmServicesEnabled"`
		NonEuroAccounts      bool             `json:"isNonEuroAccountsSupported"`
		BatchUpdate          bool             `json:"isAutomaticBatchUpdateEnabled"`
		UserAutoVerification bool             `json:"isUserAutoVerificationEnabled"`
		DevelopmentMode      bool             `json:"isDevelopmentModeEnabled"`
		WebScraping          bool             `json:"isWebScrapingEnabled"`
		AutoCategorization   bool             `json:"isAutoCategorizationEnabled"`
		CategoryRestrictions bool             `json:"categoryRestrictionsEnabled"`
		Categories           []categoryAnswer `json:"categoryRestrictions"`
		AccountTypes         []AccountType    `json:"accountTypeRestrictions"`
		BetaBanks            bool             `json:"betaBanksEnabled"`
		MandatorAdmin        bool             `json:"isMandatorAdmin"`
		ConsentType          string           `json:"preferredConsentType"`
		BankGroups           []string         `json:"availableBankGroups"`
		Products             map[string]bool  `json:"enabledProducts"`
		MaxLogins            int              `json:"maxUserLoginAttempts"`
		ImportDays           int              `json:"transactionImportLimitation"`
		ClientTokenLife      int              `json:"clientAccessTokensValidityPeriod"`
		UserTokenLife        int              `json:"userAccessTokensValidityPeriod"`
		RefreshTokenLife     int              `json:"refreshTokensValidityPeriod"`
		NotificationURL      string           `json:"userNotificationCallbackUrl"`
		SynchronisationURL   string           `json:"userSynchronizationCallbackUrl"`
		CORSOrigins          []string         `json:"corsAllowedOrigins"`
		FinTSProductID       string           `json:"finTSProductRegistrationNumber"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if err := require(requirement{"mandatorLicense", raw.License != ""}); err != nil {
		return err
	}
	a.Configuration = Configuration{
		License: raw.License, ReadsThroughForm: raw.ReadsThroughForm, ReadsEnabled: raw.ReadsEnabled,
		PFMServices: raw.PFMServices, NonEuroAccounts: raw.NonEuroAccounts, BatchUpdate: raw.BatchUpdate,
		UserAutoVerification: raw.UserAutoVerification, DevelopmentMode: raw.DevelopmentMode,
		WebScraping: raw.WebScraping, AutoCategorization: raw.AutoCategorization,
		CategoryRestrictions: raw.CategoryRestrictions, Categories: unwrap(raw.Categories, categoryAnswer.value),
		AccountTypes: raw.AccountTypes, BetaBanks: raw.BetaBanks, MandatorAdmin: raw.MandatorAdmin,
		ConsentType: raw.ConsentType, BankGroups: raw.BankGroups, Products: switchedOn(raw.Products),
		MaxLogins: raw.MaxLogins, ImportDays: raw.ImportDays, ClientTokenLife: raw.ClientTokenLife,
		UserTokenLife: raw.UserTokenLife, RefreshTokenLife: raw.RefreshTokenLife,
		NotificationURL: raw.NotificationURL, SynchronisationURL: raw.SynchronisationURL,
		CORSOrigins: raw.CORSOrigins, FinTSProductID: raw.FinTSProductID,
	}
	return nil
}

func switchedOn(products map[string]bool) []string {
	var names []string
	for name, on := range products {
		if on {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
