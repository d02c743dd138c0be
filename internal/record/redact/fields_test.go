package redact_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// redactedFields are the fields of the contract that have no rule, because they
// have to be redacted.
const redactedFields = `
	access_token accountBalance accountHolderId accountHolderName accountName accountNumber accountTypes
	allowedInterfaces answerFieldLabel authContext bank bankConnectionCount bankConnectionName
	bankTransactionCodeDescription bookingDate callbackHandle categoryId challengeMessage constantSymbol
	countAllTransactions countIncomeTransactions countSpendingTransactions counterpart counterpartAccountNumber
	counterpartBankName counterpartBlz counterpartCreditorId counterpartCustomerReference counterpartDebitorId
	counterpartIban counterpartMandateReference counterpartName counterpartyAccountNumber counterpartyBankName
	counterpartyBlz counterpartyCreditorId counterpartyCustomerReference counterpartyDebtorId counterpartyIban
	counterpartyMandateReference counterpartyName country defaultTwoStepProcedureId deletedUsers deletionDate description
	deviceOs differentCreditor differentDebitor differentDebtor email endToEndId endToEndReference entryQuote
	entryQuoteCurrency errorMessage error_description finTSProductRegistrationNumber finalised firstName hash houseNumber
	iban ids importNewAccountsMode invoiceNumber ipAddress isin lastActiveDate lastName latestBankConnectionDeletionDate
	latestBankConnectionImportDate manageSavedSettings marketValue marketValueCurrency maxBankConnectionCount message
	minBankConnectionCount month nonDeletedUsers opticalData parentName password phone photoTanData photoTanMimeType
	postCode primanota procedureId procedureName profileId profitOrLoss purpose quantityNominal quantityNominalType quote
	quoteCurrency quoteDate quoteType redirectContext redirectContextField refresh_token registrationDate requestId
	salutation search specificSymbol street subAccountNumber taskId title totalBalance totalIncome totalSpending typeId
	userAgent userId userIds value variableSymbol webFormId webFormRequired wkn
`

// contractFields returns the fields of all schemas that hold texts or numbers.
func contractFields(t *testing.T) []string {
	t.Helper()
	fields := map[string]bool{}
	for _, file := range []string{"finapi-access-v2.yaml", "finapi-webform-2.yaml"} {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join("..", "..", "..", "testdata", "contract", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, schema := range doc.Components.Schemas {
			for name, property := range schema.Value.Properties {
				if holdsValues(property.Value) {
					fields[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(fields))
}

func holdsValues(s *openapi3.Schema) bool {
	if s.Items != nil {
		return holdsValues(s.Items.Value)
	}
	if len(s.AllOf) > 0 {
		return holdsValues(s.AllOf[0].Value)
	}
	return s.Type.Is("string") || s.Type.Is("number") || s.Type.Is("integer")
}

func TestEveryFieldOfTheContractWasDecidedOn(t *testing.T) {
	t.Parallel()
	decided := map[string]bool{}
	for field := range rules() {
		decided[field[strings.LastIndexByte(field, '.')+1:]] = true
	}
	ruled := maps.Clone(decided)
	for field := range strings.FieldsSeq(redactedFields) {
		if ruled[field] {
			t.Errorf("%s has a rule and is listed as redacted, too", field)
		}
		decided[field] = true
	}
	for _, field := range contractFields(t) {
		if !decided[field] {
			t.Errorf("the contract has the field %s: give it a rule, or list it as redacted", field)
		}
	}
}
