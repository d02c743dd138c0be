package finapitest

import "time"

// clientConfigurationBody is what the client may know about itself.
type clientConfigurationBody struct {
	PFMServices             bool            `json:"pfmServicesEnabled"`
	AutomaticBatchUpdate    bool            `json:"isAutomaticBatchUpdateEnabled"`
	DevelopmentMode         bool            `json:"isDevelopmentModeEnabled"`
	NonEuroAccounts         bool            `json:"isNonEuroAccountsSupported"`
	AutoCategorization      bool            `json:"isAutoCategorizationEnabled"`
	MandatorLicense         string          `json:"mandatorLicense"`
	PreferredConsentType    string          `json:"preferredConsentType"`
	NotificationCallbackURL *string         `json:"userNotificationCallbackUrl"`
	SynchronizationURL      *string         `json:"userSynchronizationCallbackUrl"`
	RefreshTokenSeconds     int             `json:"refreshTokensValidityPeriod"`
	UserTokenSeconds        int             `json:"userAccessTokensValidityPeriod"`
	ClientTokenSeconds      int             `json:"clientAccessTokensValidityPeriod"`
	MaxUserLoginAttempts    int             `json:"maxUserLoginAttempts"`
	TransactionImportLimit  int             `json:"transactionImportLimitation"`
	UserAutoVerification    bool            `json:"isUserAutoVerificationEnabled"`
	MandatorAdmin           bool            `json:"isMandatorAdmin"`
	WebScraping             bool            `json:"isWebScrapingEnabled"`
	AIS                     bool            `json:"aisEnabled"`
	Payments                bool            `json:"paymentsEnabled"`
	StandalonePayments      bool            `json:"isStandalonePaymentsEnabled"`
	AvailableBankGroups     []string        `json:"availableBankGroups"`
	Products                []string        `json:"products"`
	EnabledProducts         map[string]bool `json:"enabledProducts"`
	FinTSRegistration       *string         `json:"finTSProductRegistrationNumber"`
	AISViaWebForm           bool            `json:"aisViaWebForm"`
	PISViaWebForm           bool            `json:"pisViaWebForm"`
	PISStandaloneViaWebForm bool            `json:"pisStandaloneViaWebForm"`
	BetaBanks               bool            `json:"betaBanksEnabled"`
	CategoryRestrictionsOn  bool            `json:"categoryRestrictionsEnabled"`
	CategoryRestrictions    []category      `json:"categoryRestrictions"`
	AccountTypeRestrictions []string        `json:"accountTypeRestrictions"`
}

func (s *Server) getClientConfiguration(*call) (answer, error) {
	set := s.settings
	products := []string{"ACCESS"}
	if set.WebForm {
		products = append(products, "WEB_FORM")
	}
	return ok(clientConfigurationBody{
		PFMServices: set.PFMServices, AutomaticBatchUpdate: set.AutomaticBatchUpdate, DevelopmentMode: set.DevelopmentMode, NonEuroAccounts: set.NonEuroAccounts,
		AutoCategorization: true, MandatorLicense: "UNLICENSED", NotificationCallbackURL: optional(set.NotificationURL), PreferredConsentType: "RECURRING",
		RefreshTokenSeconds: seconds(set.RefreshTokenLife), UserTokenSeconds: seconds(set.UserTokenLife),
		ClientTokenSeconds: seconds(set.ClientTokenLife), MaxUserLoginAttempts: set.MaxLoginAttempts,
		UserAutoVerification: set.UserAutoVerification, AIS: true, AvailableBankGroups: []string{"DE", "AT", "CH", "LI"},
		Products: products, EnabledProducts: enabledProducts(set.WebForm), AISViaWebForm: true, PISViaWebForm: true,
		PISStandaloneViaWebForm: true, CategoryRestrictions: []category{}, AccountTypeRestrictions: []string{},
	}), nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

func enabledProducts(webForm bool) map[string]bool {
	return map[string]bool{
		"access": true, "webForm": webForm, "customerDashboard": false, "dataIntelligence": false, "giroIdent": false,
		"schufaApi": false, "diLabelling": false, "contractManager": false, "giroCheck": false, "kreditCheck": false,
		"kreditCheckB2B": false, "debitFlex": false, "transparencyRegister": false,
	}
}
