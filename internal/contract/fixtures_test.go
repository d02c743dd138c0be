package contract_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/finapi-go/finapi/internal/contract"
)

const (
	root     = "../.."
	testdata = root + "/testdata"
)

var loaded = sync.OnceValues(func() (*Contract, error) { return Load(testdata + "/contract") })

func theContract(tb testing.TB) *Contract {
	tb.Helper()
	c, err := loaded()
	if err != nil {
		tb.Fatalf("the contract cannot be loaded: %v", err)
	}
	return c
}

// claim says what a file of testdata is, according to its README.
type claim struct {
	host Host
	// call is the method and the template of the operation that the file answers.
	// "any" stands for all operations of the host that declare the status.
	call   string
	status int
	// schema is set instead for what is no answer to an operation.
	schema string
	// outside says why the contract does not apply at all.
	outside string
}

func answerTo(host Host, call string, status int) claim {
	return claim{host: host, call: call, status: status}
}

func anyAnswer(host Host, status int) claim   { return claim{host: host, call: "any", status: status} }
func schemaOf(host Host, schema string) claim { return claim{host: host, schema: schema} }
func outside(reason string) claim             { return claim{outside: reason} }

// claims lists every file of testdata/fixtures and testdata/recorded.
func claims() map[string]claim {
	return map[string]claim{
		"fixtures/oauth_token_client.json":                           answerTo(Access, "POST /api/v2/oauth/token", 200),
		"fixtures/oauth_token_user.json":                             answerTo(Access, "POST /api/v2/oauth/token", 200),
		"fixtures/oauth_token_never_expires.json":                    answerTo(Access, "POST /api/v2/oauth/token", 200),
		"fixtures/oauth_token_refreshed.json":                        answerTo(Access, "POST /api/v2/oauth/token", 200),
		"fixtures/oauth_token_nearly_expired.json":                   answerTo(Access, "POST /api/v2/oauth/token", 200),
		"fixtures/oauth_error_invalid_client.json":                   answerTo(Access, "POST /api/v2/oauth/token", 401),
		"fixtures/oauth_error_invalid_token.json":                    anyAnswer(Access, 401),
		"fixtures/oauth_error_invalid_grant.json":                    answerTo(Access, "POST /api/v2/oauth/token", 400),
		"fixtures/oauth_error_bad_user_credentials.json":             answerTo(Access, "POST /api/v2/oauth/token", 400),
		"fixtures/oauth_error_invalid_refresh_token.json":            answerTo(Access, "POST /api/v2/oauth/token", 400),
		"fixtures/oauth_error_user_not_verified.json":                answerTo(Access, "POST /api/v2/oauth/token", 403),
		"fixtures/oauth_error_user_locked.json":                      answerTo(Access, "POST /api/v2/oauth/token", 423),
		"fixtures/user_created.json":                                 answerTo(Access, "POST /api/v2/users", 201),
		"fixtures/user_created_generated.json":                       answerTo(Access, "POST /api/v2/users", 201),
		"fixtures/user.json":                                         answerTo(Access, "GET /api/v2/users", 200),
		"fixtures/user_verification_status.json":                     answerTo(Access, "GET /api/v2/users/verificationStatus", 200),
		"fixtures/user_verification_status_waiting.json":             answerTo(Access, "GET /api/v2/users/verificationStatus", 200),
		"fixtures/users_deleted.json":                                answerTo(Access, "POST /api/v2/mandatorAdmin/deleteUsers", 200),
		"fixtures/client_configuration.json":                         answerTo(Access, "GET /api/v2/clientConfiguration", 200),
		"fixtures/client_configuration_licensed.json":                answerTo(Access, "GET /api/v2/clientConfiguration", 200),
		"fixtures/banks_page.json":                                   answerTo(Access, "GET /api/v2/banks", 200),
		"fixtures/banks_page_amnis.json":                             answerTo(Access, "GET /api/v2/banks", 200),
		"fixtures/banks_page_empty.json":                             answerTo(Access, "GET /api/v2/banks", 200),
		"fixtures/bank.json":                                         answerTo(Access, "GET /api/v2/banks/{id}", 200),
		"fixtures/bank_unknown_values.json":                          answerTo(Access, "GET /api/v2/banks/{id}", 200),
		"fixtures/web_form_created.json":                             answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 201),
		"fixtures/web_form_not_yet_opened.json":                      answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_in_progress.json":                         answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_completed.json":                           answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_completed_no_connection.json":             answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_completed_with_error.json":                answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_completed_with_error_entity_exists.json":  answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_expired.json":                             answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_expired_with_connection.json":             answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_aborted.json":                             answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_cancelled.json":                           answerTo(WebForm, "POST /api/webForms/{id}/cancel", 200),
		"fixtures/web_form_update_completed.json":                    answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_form_live_host.json":                           answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 201),
		"fixtures/web_form_unknown_values.json":                      answerTo(WebForm, "GET /api/webForms/{id}", 200),
		"fixtures/web_forms_page.json":                               answerTo(WebForm, "GET /api/webForms", 200),
		"fixtures/task_created.json":                                 answerTo(WebForm, "POST /api/tasks/backgroundUpdate", 201),
		"fixtures/task_in_progress.json":                             answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/task_completed.json":                               answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/task_completed_after_web_form.json":                answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/task_web_form_required.json":                       answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/task_completed_with_error.json":                    answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/task_completed_with_error_internal.json":           answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"fixtures/tasks_page.json":                                   answerTo(WebForm, "GET /api/tasks", 200),
		"fixtures/callback_web_form.json":                            schemaOf(WebForm, "WebFormCompletedCallback"),
		"fixtures/callback_task_finalised.json":                      schemaOf(WebForm, "TaskCallback"),
		"fixtures/callback_task_web_form_required.json":              schemaOf(WebForm, "TaskCallback"),
		"fixtures/bank_connections.json":                             answerTo(Access, "GET /api/v2/bankConnections", 200),
		"fixtures/bank_connections_empty.json":                       answerTo(Access, "GET /api/v2/bankConnections", 200),
		"fixtures/bank_connection_ready.json":                        answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_in_progress.json":                  answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_consent_null.json":                 answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_consent_no_expiry.json":            answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_consent_expired.json":              answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_consent_expired_present.json":      answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_user_action_required.json":         answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_update_failed.json":                answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_owners.json":                       answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_minimal.json":                      answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/bank_connection_unknown_values.json":               answerTo(Access, "GET /api/v2/bankConnections/{id}", 200),
		"fixtures/consent_deleted.json":                              answerTo(Access, "DELETE /api/v2/bankConnections/{id}/aisConsent", 200),
		"fixtures/consent_deleted_local_only.json":                   answerTo(Access, "DELETE /api/v2/bankConnections/{id}/aisConsent", 200),
		"fixtures/consent_not_existing.json":                         answerTo(Access, "DELETE /api/v2/bankConnections/{id}/aisConsent", 200),
		"fixtures/identifiers.json":                                  answerTo(Access, "DELETE /api/v2/bankConnections", 200),
		"fixtures/accounts.json":                                     answerTo(Access, "GET /api/v2/accounts", 200),
		"fixtures/accounts_empty.json":                               answerTo(Access, "GET /api/v2/accounts", 200),
		"fixtures/account.json":                                      answerTo(Access, "GET /api/v2/accounts/{id}", 200),
		"fixtures/account_chf.json":                                  answerTo(Access, "GET /api/v2/accounts/{id}", 200),
		"fixtures/account_unknown_values.json":                       answerTo(Access, "GET /api/v2/accounts/{id}", 200),
		"fixtures/daily_balances_page.json":                          answerTo(Access, "GET /api/v2/accounts/dailyBalances", 200),
		"fixtures/daily_balances_page_unreliable.json":               answerTo(Access, "GET /api/v2/accounts/dailyBalances", 200),
		"fixtures/transactions_page.json":                            answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transactions_page_user_view.json":                  answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transactions_page_empty.json":                      answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transactions_page_1_of_2.json":                     answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transactions_page_2_of_2.json":                     answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transactions_page_unknown_values.json":             answerTo(Access, "GET /api/v2/transactions", 200),
		"fixtures/transaction.json":                                  answerTo(Access, "GET /api/v2/transactions/{id}", 200),
		"fixtures/transaction_not_duplicate.json":                    answerTo(Access, "PATCH /api/v2/transactions/{id}", 200),
		"fixtures/transactions_edited.json":                          answerTo(Access, "PATCH /api/v2/transactions", 200),
		"fixtures/pending_transactions_page.json":                    answerTo(Access, "GET /api/v2/pendingTransactions", 200),
		"fixtures/pending_transactions_page_empty.json":              answerTo(Access, "GET /api/v2/pendingTransactions", 200),
		"fixtures/pending_transaction.json":                          answerTo(Access, "GET /api/v2/pendingTransactions/{id}", 200),
		"fixtures/notification_rules.json":                           answerTo(Access, "GET /api/v2/notificationRules", 200),
		"fixtures/notification_rules_empty.json":                     answerTo(Access, "GET /api/v2/notificationRules", 200),
		"fixtures/notification_rule.json":                            answerTo(Access, "POST /api/v2/notificationRules", 201),
		"fixtures/notification_rule_unknown_values.json":             answerTo(Access, "GET /api/v2/notificationRules/{id}", 200),
		"fixtures/error_400_bad_request.json":                        answerTo(Access, "GET /api/v2/transactions", 400),
		"fixtures/error_400_too_many_ids.json":                       answerTo(Access, "GET /api/v2/transactions", 400),
		"fixtures/error_403_version_mismatch.json":                   anyAnswer(Access, 403),
		"fixtures/error_403_unauthorized_access.json":                anyAnswer(Access, 403),
		"fixtures/error_404_unknown_entity.json":                     answerTo(Access, "GET /api/v2/bankConnections/{id}", 404),
		"fixtures/error_422_several.json":                            answerTo(Access, "POST /api/v2/users", 422),
		"fixtures/error_422_entity_exists.json":                      answerTo(Access, "POST /api/v2/users", 422),
		"fixtures/error_422_invalid_consent.json":                    answerTo(Access, "DELETE /api/v2/bankConnections/{id}/aisConsent", 422),
		"fixtures/error_422_bank_server_rejection.json":              schemaOf(Access, "ErrorMessage"),
		"fixtures/error_422_no_message.json":                         answerTo(Access, "PATCH /api/v2/users", 422),
		"fixtures/error_423_locked.json":                             answerTo(Access, "DELETE /api/v2/bankConnections/{id}", 423),
		"fixtures/error_500_unexpected.json":                         anyAnswer(Access, 500),
		"fixtures/error_501_unsupported_bank.json":                   schemaOf(Access, "ErrorMessage"),
		"fixtures/error_510_redirect.json":                           schemaOf(Access, "ErrorMessage"),
		"fixtures/error_unknown_code.json":                           schemaOf(Access, "ErrorMessage"),
		"fixtures/web_form_error_401.json":                           anyAnswer(WebForm, 401),
		"fixtures/web_form_error_403.json":                           anyAnswer(WebForm, 403),
		"fixtures/web_form_error_404.json":                           answerTo(WebForm, "GET /api/webForms/{id}", 404),
		"fixtures/web_form_error_422_bank_not_supported.json":        answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_redirect_url.json":              answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_423_locked.json":                    answerTo(WebForm, "POST /api/tasks/backgroundUpdate", 423),
		"fixtures/error_422_every_code.json":                         anyAnswer(Access, 422),
		"fixtures/web_form_error_422_not_allowed.json":               answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_bank_not_unique.json":           answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_entity_exists.json":             answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_mandator_misconfiguration.json": answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_not_supported.json":             answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_form_error_422_payment_not_supported.json":     answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 422),
		"fixtures/web_forms_page_every_error_code.json":              answerTo(WebForm, "GET /api/webForms", 200),
		"fixtures/tasks_page_every_error_code.json":                  answerTo(WebForm, "GET /api/tasks", 200),
		"fixtures/web_form_error_500.json":                           answerTo(WebForm, "POST /api/tasks/backgroundUpdate", 500),
		"fixtures/web_form_error_400_fields.json":                    answerTo(WebForm, "POST /api/webForms/bankConnectionImport", 400),
		"fixtures/callback_user_deleted.json":                        outside("described in prose only; the contract has no schema for it"),
		"fixtures/notification_new_transactions.json":                outside("a notification, which the contract does not describe"),
		"fixtures/notification_login_error.json":                     outside("a notification, which the contract does not describe"),
		"fixtures/notification_unknown_values.json":                  outside("a notification, which the contract does not describe"),
		"fixtures/error_502_proxy.html":                              outside("not JSON: a proxy's page"),
		"fixtures/empty":                                             outside("0 bytes: finAPI's answer to most deletes, a proxy's to some errors"),

		"recorded/oauth_client_token_docs.json":                        answerTo(Access, "POST /api/v2/oauth/token", 200),
		"recorded/oauth_user_token_spec.json":                          answerTo(Access, "POST /api/v2/oauth/token", 200),
		"recorded/oauth_error_invalid_token_spec.json":                 anyAnswer(Access, 401),
		"recorded/v2_accounts_sandbox_2026-08.json":                    answerTo(Access, "GET /api/v2/accounts", 200),
		"recorded/v2_transactions_page_sandbox_2026-08.json":           answerTo(Access, "GET /api/v2/transactions", 200),
		"recorded/v2_error_bad_request_spec.json":                      anyAnswer(Access, 400),
		"recorded/v2_error_direct_import_unlicensed_2026-08.json":      schemaOf(Access, "ErrorMessage"),
		"recorded/v2_error_510_challenge_spec.json":                    schemaOf(Access, "ErrorMessage"),
		"recorded/webform_created_docs_2021-03.json":                   schemaOf(WebForm, "WebForm"),
		"recorded/webform_completed_docs_2021-03.json":                 schemaOf(WebForm, "WebForm"),
		"recorded/webform_task_spec_2.906.json":                        answerTo(WebForm, "GET /api/tasks/{id}", 200),
		"recorded/callback_task_spec_2.906.json":                       schemaOf(WebForm, "TaskCallback"),
		"recorded/callback_webform_finalised_spec_2.906.json":          schemaOf(WebForm, "WebFormCompletedCallback"),
		"recorded/v1_bank_connection_import_2018-06.json":              outside("Access V1, which the SDK does not speak"),
		"recorded/v1_error_web_form_required_2025-05.json":             outside("Access V1, which the SDK does not speak"),
		"recorded/notification_new_transactions_testfixture_2019.json": outside("a notification, which the contract does not describe"),
	}
}

// knownDeviations lists the files that leave the contract, with everything in
// which they do. A line is the pointer and the problem; operation and part are
// left out, because they follow from the claim.
func knownDeviations() map[string][]string {
	return map[string][]string{
		// A server newer than the contract, on purpose.
		"fixtures/account_unknown_values.json": {
			`/accountType: the value CryptoWallet is not one of the contract's`,
			`/interfaces/0/capabilities/1: the value READ_CARDS is not one of the contract's`,
			`/interfaces/0/status: the value PAUSED is not one of the contract's`,
			`/productName: the contract has no such field`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/bank_connection_unknown_values.json": {
			`/interfaces/0/aisConsent/status: the value SUSPENDED is not one of the contract's`,
			`/interfaces/0/consentScope: the contract has no such field`,
			`/interfaces/0/lastManualUpdate/result: the value RATE_LIMITED is not one of the contract's`,
			`/interfaces/1/lastManualUpdate/result: the value RATE_LIMITED is not one of the contract's`,
			`/updateStatus: the value QUEUED is not one of the contract's`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/bank_unknown_values.json": {
			`/interfaces/0/aisAccountTypes/3: the value Wallet is not one of the contract's`,
			`/interfaces/0/bankingInterface: the value OPEN_FINANCE is not one of the contract's`,
			`/interfaces/0/properties/2: the value PASSKEY_APPROACH is not one of the contract's`,
			`/sustainabilityRating: the contract has no such field`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/error_unknown_code.json": {
			`/errors/0/code: the value QUOTA_EXCEEDED is not one of the contract's`,
			`/errors/0/type: the value REGULATORY is not one of the contract's`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/notification_rule_unknown_values.json": {
			`/channel: the contract has no such field`,
			`/params/days: value must be a string`,
			`/params/nothing: Value is not nullable`,
			`/triggerEvent: the value CONSENT_EXPIRES_SOON is not one of the contract's`,
		},
		// The OAuth shape, where the contract has ErrorMessage; which one a server sends is not settled.
		"fixtures/oauth_error_invalid_grant.json": {
			`/authContext: the field is required, but missing`,
			`/date: the field is required, but missing`,
			`/endpoint: the field is required, but missing`,
			`/error: the contract has no such field`,
			`/error_description: the contract has no such field`,
			`/errors: the field is required, but missing`,
			`/requestId: the field is required, but missing`,
		},
		// CleanedPurpose was seen on the sandbox, but is in no document.
		"fixtures/transaction.json": {
			`/cleanedPurpose: the contract has no such field`,
		},
		// CleanedPurpose was seen on the sandbox, but is in no document.
		"fixtures/transactions_page.json": {
			`/transactions/0/cleanedPurpose: the contract has no such field`,
		},
		// CleanedPurpose was seen on the sandbox, but is in no document.
		"fixtures/transactions_page_1_of_2.json": {
			`/transactions/0/cleanedPurpose: the contract has no such field`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/transactions_page_unknown_values.json": {
			`/asOf: the contract has no such field`,
			`/paging/nextCursor: the contract has no such field`,
			`/transactions/0/category/colour: the contract has no such field`,
			`/transactions/0/currency: the value XXQ is not one of the contract's`,
			`/transactions/0/enrichment: the contract has no such field`,
			`/transactions/0/originalCurrency: the value ZZX is not one of the contract's`,
			`/transactions/0/sustainability: the contract has no such field`,
		},
		// A server newer than the contract, on purpose.
		"fixtures/web_form_unknown_values.json": {
			`/payload/consentId: the contract has no such field`,
			`/payload/errorCode: the value BANK_ON_HOLIDAY is not one of the contract's`,
			`/status: the value WAITING_FOR_BANK is not one of the contract's`,
			`/theme: the contract has no such field`,
		},
		// The author of the recording left out fields.
		"recorded/v2_accounts_sandbox_2026-08.json": {
			`/accounts/0/interfaces/0/capabilities: the field is required, but missing`,
			`/accounts/0/interfaces/0/paymentCapabilities: the field is required, but missing`,
			`/accounts/0/interfaces/1/capabilities: the field is required, but missing`,
			`/accounts/0/interfaces/1/paymentCapabilities: the field is required, but missing`,
			`/accounts/0/isNew: the field is required, but missing`,
		},
		// The author of the recording left out fields.
		"recorded/v2_error_direct_import_unlicensed_2026-08.json": {
			`/authContext: the field is required, but missing`,
			`/requestId: the field is required, but missing`,
		},
		// CleanedPurpose was seen on the sandbox, but is in no document.
		"recorded/v2_transactions_page_sandbox_2026-08.json": {
			`/transactions/0/cleanedPurpose: the contract has no such field`,
			`/transactions/0/importDate: the field is required, but missing`,
			`/transactions/0/isAdjustingEntry: the field is required, but missing`,
		},
	}
}

// check judges a body by what its file is claimed to be.
func (c claim) check(contract *Contract, body []byte) ([]Violation, error) {
	if c.schema != "" {
		return contract.CheckSchema(c.host, c.schema, body, Strict), nil
	}
	response := &Response{Status: c.status, Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, "X-Request-Id": {"selfgen-1"},
	}}
	var all []Violation
	found := 0
	for _, o := range contract.Operations() {
		if o.Host != c.host || c.call != "any" && c.call != o.String() || c.call == "any" && !o.Declares(c.status) {
			continue
		}
		found++
		all = append(all, contract.CheckResponse(o, response, Strict)...)
	}
	if found == 0 {
		return nil, fmt.Errorf("the table claims it to be the answer %d to %s, which the contract does not have", c.status, c.call)
	}
	return all, nil
}

// inShort leaves out what follows from the claim.
func inShort(violations []Violation) []string {
	short := map[string]bool{}
	for _, v := range violations {
		text := v.Pointer + ": " + v.Problem
		if !strings.HasSuffix(v.Part, "body") {
			text = v.Part + ": " + text
		}
		short[text] = true
	}
	return slices.Sorted(maps.Keys(short))
}

// files lists the files of the two folders.
func testFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, folder := range []string{"fixtures", "recorded"} {
		entries, err := os.ReadDir(filepath.Join(testdata, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() {
				continue // a recording, which internal/record has checked while it wrote it
			}
			names = append(names, folder+"/"+entry.Name())
		}
	}
	return names
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestEveryFixtureKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract, table, deviations := theContract(t), claims(), knownDeviations()
	checked := 0
	for _, file := range testFiles(t) {
		claim, listed := table[file]
		delete(table, file)
		if !listed {
			t.Errorf("testdata/%s is not in the table of this test: say in claims() which answer it is", file)
			continue
		}
		body := readFile(t, filepath.Join(testdata, file))
		if claim.outside != "" {
			continue
		}
		checked++
		violations, err := claim.check(contract, body)
		if err != nil {
			t.Errorf("testdata/%s: %v", file, err)
			continue
		}
		got, want := inShort(violations), deviations[file]
		delete(deviations, file)
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("testdata/%s leaves the contract:\n\t%s", file, line)
			}
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("testdata/%s no longer leaves the contract here, so the line has to go from knownDeviations():\n\t%s", file, line)
			}
		}
	}
	for file := range table {
		t.Errorf("claims() lists testdata/%s, which does not exist", file)
	}
	for file := range deviations {
		t.Errorf("knownDeviations() lists testdata/%s, which does not exist or is outside the contract", file)
	}
	t.Log(strconv.Itoa(checked) + " files were held against the contract")
}
