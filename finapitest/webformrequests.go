package finapitest

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// importRequest is the body of POST /api/webForms/bankConnectionImport.
type importRequest struct {
	Bank *struct {
		ID     *int64  `json:"id"`
		Search *string `json:"search"`
	} `json:"bank"`
	BankConnectionName *string `json:"bankConnectionName"`
	MaxDaysForDownload *int    `json:"maxDaysForDownload"`
	AllowTestBank      *bool   `json:"allowTestBank"`
	Callbacks          *struct {
		Finalised *string `json:"finalised"`
	} `json:"callbacks"`
	downloadRequest
}

// downloadRequest is what imports and updates have in common.
type downloadRequest struct {
	SkipBalances           *bool    `json:"skipBalancesDownload"`
	SkipPositions          *bool    `json:"skipPositionsDownload"`
	SkipDuplicateDetection *bool    `json:"skipDuplicateDetection"`
	LoadOwnerData          *bool    `json:"loadOwnerData"`
	AccountTypes           []string `json:"accountTypes"`
	AllowedInterfaces      []string `json:"allowedInterfaces"`
	ProfileID              *string  `json:"profileId"`
	RedirectURL            *string  `json:"redirectUrl"`
}

// nullable are the paths of the fields that may be null.
func (r *importRequest) nullable() []string {
	return append(r.downloadRequest.nullable(),
		"bank", "bank.id", "bank.search", "bankConnectionName", "maxDaysForDownload", "allowTestBank", "callbacks", "callbacks.finalised",
	)
}

func (*downloadRequest) nullable() []string {
	return []string{
		"skipBalancesDownload", "skipPositionsDownload", "loadOwnerData", "accountTypes", "allowedInterfaces", "profileId", "redirectUrl",
	}
}

func (r *importRequest) connectionName() string { return orElse(r.BankConnectionName, "") }
func (r *importRequest) maxDays() int           { return orElse(r.MaxDaysForDownload, 0) }

func (r *importRequest) callback() string {
	if r.Callbacks == nil {
		return ""
	}
	return orElse(r.Callbacks.Finalised, "")
}

// interfaceFor is the interface of the bank that an import uses, or nil when
// the request allows none of them.
func (r *downloadRequest) interfaceFor(b *Bank) *BankInterface {
	if usable := r.interfacesFor(b); len(usable) > 0 {
		return usable[0]
	}
	return nil
}

// interfacesFor are the bank's interfaces that the request allows, best first.
func (r *downloadRequest) interfacesFor(b *Bank) []*BankInterface {
	return slices.DeleteFunc(b.byPriority(), func(i *BankInterface) bool { return !r.allows(i.Name) })
}

func (r *downloadRequest) allows(bankingInterface string) bool {
	return len(r.AllowedInterfaces) == 0 || slices.Contains(r.AllowedInterfaces, bankingInterface)
}

// webFormTypes maps the Web Form host's account types to those of Access.
func webFormTypes() map[string]string {
	return map[string]string{
		"CHECKING": "Checking", "SAVINGS": "Savings", "CREDIT_CARD": "CreditCard", "SECURITY": "Security", "LOAN": "Loan",
		"MEMBERSHIP": "Membership", "BAUSPAREN": "Bausparen",
	}
}

// accessTypes are the requested account types as Access writes them.
func (r *downloadRequest) accessTypes() []string {
	var types []string
	for _, t := range r.AccountTypes {
		types = append(types, webFormTypes()[t])
	}
	return types
}

func (r *importRequest) verify() error {
	switch {
	case r.Bank != nil && r.Bank.ID != nil && r.Bank.Search != nil:
		return fieldProblem("bank", "id and search exclude each other")
	case r.BankConnectionName != nil && !lengthIn(*r.BankConnectionName, 1, 64):
		return fieldProblem("bankConnectionName", "length must be between 1 and 64")
	case !validDays(r.maxDays()):
		return fieldProblem("maxDaysForDownload", "must be 0 or between 14 and 3650")
	}
	if err := verifyCallback("callbacks.finalised", r.callback()); err != nil {
		return err
	}
	return r.downloadRequest.verify()
}

func validDays(n int) bool { return n == 0 || (n >= 14 && n <= 3650) }

const maxURL = 2048

func verifyCallback(field, address string) error {
	if address == "" || (utf8.RuneCountInString(address) <= maxURL && callbackAddress().MatchString(address)) {
		return nil
	}
	return fieldProblem(field, "must be an https URL")
}

func (r *downloadRequest) verify() error {
	for _, t := range r.AccountTypes {
		if webFormTypes()[t] == "" {
			return fieldProblem("accountTypes", "unknown value "+t)
		}
	}
	for _, i := range r.AllowedInterfaces {
		if !slices.Contains([]string{interfaceXS2A, interfaceFinTS, interfaceScraper}, i) {
			return fieldProblem("allowedInterfaces", "unknown value "+i)
		}
	}
	switch {
	case r.ProfileID != nil && len(*r.ProfileID) != 36:
		return fieldProblem("profileId", "length must be 36")
	case orElse(r.SkipBalances, false) && !orElse(r.SkipPositions, false):
		return fieldProblem("skipBalancesDownload", "needs skipPositionsDownload")
	case r.RedirectURL != nil:
		// This is the bank's way back, which only licensed mandators may give;
		// the application's way back goes into the query of the form's link.
		const text = "redirectUrl must not be given: the mandator's license is UNLICENSED"
		return unprocessable("INVALID_REDIRECT_URL", text, text)
	}
	return nil
}

// bankOf finds the bank that the request names, or nil when the customer is to
// choose it on the form.
func (s *Server) bankOf(r *importRequest) (*Bank, error) {
	if r.Bank == nil || (r.Bank.ID == nil && r.Bank.Search == nil) {
		return nil, nil
	}
	found, err := s.namedBank(r)
	if err != nil {
		return nil, err
	}
	if r.interfaceFor(found) == nil || (found.IsTestBank && !orElse(r.AllowTestBank, true)) {
		return nil, unprocessable("BANK_NOT_SUPPORTED", "Die Bank wird nicht unterstützt.", "The bank is not supported.")
	}
	return found, nil
}

func (s *Server) namedBank(r *importRequest) (*Bank, error) {
	if r.Bank.ID != nil {
		if b := s.bank(*r.Bank.ID); b != nil {
			return b, nil
		}
		return nil, notFound("Bank")
	}
	found := s.searchBanks(*r.Bank.Search)
	switch len(found) {
	case 0:
		return nil, notFound("Bank") // guess
	case 1:
		return found[0], nil
	}
	return nil, &refusal{
		status: http.StatusUnprocessableEntity, code: "BANK_NOT_UNIQUE",
		de: "Die Bank ist nicht eindeutig.", en: "The bank is not unique.",
	}
}

// searchBanks returns the banks that match a customer's words.
func (s *Server) searchBanks(search string) []*Bank {
	var found []*Bank
	for i := range s.banks {
		if s.banks[i].found(strings.TrimSpace(search)) {
			found = append(found, &s.banks[i])
		}
	}
	return found
}
