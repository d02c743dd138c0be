package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"go.uber.org/goleak"

	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/contract"
	"github.com/finapi-go/finapi/internal/record/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Values of the planted customer, which no file may hold.
const (
	holder   = "Zacharias Quittenbaum"
	account  = "Quittenbaums Haushaltskasse"
	iban     = "DE02120300000000202051"
	partner  = "Xaver Üblacker Uhren e.K."
	purpose  = "Rechnung 2026-0815 Taschenuhr für Tante Wilhelmine"
	mandate  = "MNDT-QUITTE-0815"
	customer = "KD-20260815"
	endToEnd = "E2E-QUITTE-4711"
	creditor = "DE98ZZZ09999999999"
)

func planted() []string {
	return []string{
		holder, account, iban, partner, purpose, mandate, customer, endToEnd, creditor, "Quittenbaum", "Wilhelmine", "NL91ABNA0417164300",
		"recorder-", "beispiel.example", "+49 30 55501234", "202051", "UHRENDE1XXX",
	}
}

// plantedSim is a simulator with one customer whose values are recognisable.
func plantedSim(t *testing.T, options ...finapitest.Option) *finapitest.Server {
	t.Helper()
	world := finapitest.EmptyWorld()
	world.Accounts = []finapitest.AccountSpec{
		{BankID: finapitest.TestBankID, Name: account, IBAN: iban, Holder: holder, Currency: "EUR", Type: "Checking"},
		{BankID: finapitest.TestBankID, Name: account + " II", IBAN: "DE89370400440532013000", Holder: holder, Currency: "EUR", Type: "Savings"},
	}
	sim := finapitest.New(t, append([]finapitest.Option{finapitest.WithWorld(world)}, options...)...)
	book, err := sim.BankAccount(iban)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 18 {
		book.Book(finapitest.Booking{
			Amount: decimal.New(int64(i)*100-735, -2), Purpose: purpose, CounterpartName: partner, CounterpartIBAN: "NL91ABNA0417164300",
			CounterpartBIC: "UHRENDE1XXX", MandateReference: mandate, CustomerReference: customer, EndToEndReference: endToEnd,
			CreditorID: creditor, DifferentDebtor: holder, Type: "Lastschrift von " + partner,
		})
	}
	book.AddPending(finapitest.Booking{Amount: decimal.New(-100, -2), Purpose: purpose, CounterpartName: partner, EndToEndReference: endToEnd})
	return sim
}

// recording is a finished run.
type recording struct {
	dir    string
	code   int
	err    error
	report string
	sim    *finapitest.Server
}

// recordSim records a simulator. The function may change the configuration.
func recordSim(ctx context.Context, t *testing.T, sim *finapitest.Server, change func(*config)) *recording {
	t.Helper()
	var report bytes.Buffer
	cfg := &config{out: &report, wait: time.Hour, now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), dir: filepath.Join(t.TempDir(), "recorded")}
	if err := cfg.find(); err != nil {
		t.Fatal(err)
	}
	cfg.rulebook, cfg.target = theContract(t), simulator(sim)
	defer cfg.target.close()
	if change != nil {
		change(cfg)
	}
	r := &recording{dir: cfg.dir, sim: sim}
	r.code, r.err = record(ctx, cfg)
	r.report = report.String()
	return r
}

func (r *recording) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files reads all files.
func (r *recording) files(t *testing.T) map[string]string {
	t.Helper()
	found, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range found {
		all[f.Name()] = string(r.read(t, f.Name()))
	}
	return all
}

func (r *recording) wantWritten(t *testing.T, code int) {
	t.Helper()
	if r.code != code || r.err != nil {
		t.Fatalf("got status %d and error %v, want status %d; the report:\n%s", r.code, r.err, code, r.report)
	}
}

func (r *recording) wantNothing(t *testing.T) {
	t.Helper()
	if r.code != exitNothing || r.err == nil {
		t.Errorf("got status %d and error %v, want status %d", r.code, r.err, exitNothing)
	}
	if found, err := os.ReadDir(r.dir); err == nil && len(found) > 0 {
		t.Errorf("%d files were written", len(found))
	}
}

// wantUserDeleted requires that the user was deleted.
func (r *recording) wantUserDeleted(t *testing.T) {
	t.Helper()
	deleted := slices.ContainsFunc(r.sim.Requests(), func(q finapitest.Request) bool {
		return q.Method == http.MethodDelete && q.Path == "/api/v2/users" && q.Status == http.StatusOK
	})
	if !deleted {
		t.Errorf("the user was not deleted; the report:\n%s", r.report)
	}
}

var indexRow = regexp.MustCompile("(?m)^\\| `(\\w+\\.json)` \\| (\\w+) (\\S+) \\| (\\d+) \\|")

func TestARunRecordsACompleteSetThatKeepsTheContract(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), nil)
	r.wantWritten(t, exitGood)
	r.wantUserDeleted(t)
	files := r.files(t)
	rows := indexRow.FindAllStringSubmatch(files[indexName], -1)
	if len(rows) != len(files)-1 {
		t.Errorf("the index names %d files, and there are %d besides", len(rows), len(files)-1)
	}
	rulebook := theContract(t)
	for _, row := range rows {
		body, operation := files[row[1]], operationOf(t, rulebook, row[2], row[3])
		status, _ := strconv.Atoi(row[4]) // the pattern admits numbers only
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is no JSON", row[1])
		}
		if row[1] == "access_post_oauth_token_400.json" {
			continue // its shape is not settled
		}
		answer := &contract.Response{Status: status, Body: []byte(body), Header: http.Header{
			"Content-Type": {"application/json"}, "X-Request-Id": {"x"},
		}}
		for _, v := range rulebook.CheckResponse(operation, answer, contract.Strict) {
			t.Errorf("%s: %s", row[1], v)
		}
	}
	for _, name := range completeSet() {
		if files[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

func completeSet() []string {
	return []string{
		"access_post_oauth_token_200.json", "access_post_oauth_token_400.json", "access_get_client_configuration_200.json",
		"access_get_banks_200.json", "access_get_banks_id_200.json", "access_get_banks_id_404.json", "access_post_users_201.json",
		"access_post_users_422.json", "access_get_users_200.json", "access_patch_users_200.json", "access_get_users_verification_status_200.json",
		"access_get_bank_connections_200.json", "access_get_bank_connections_id_200.json", "access_get_bank_connections_id_404.json",
		"access_patch_bank_connections_id_200.json", "access_get_accounts_200.json", "access_get_accounts_200_2.json",
		"access_get_accounts_id_200.json", "access_get_accounts_id_404.json", "access_patch_accounts_id_200.json",
		"access_get_accounts_daily_balances_200.json", "access_get_transactions_200_2.json", "access_get_transactions_200_3.json",
		"access_get_transactions_200_4.json", "access_get_transactions_id_200.json", "access_get_transactions_id_404.json",
		"access_patch_transactions_200.json", "access_get_pending_transactions_200.json", "access_get_pending_transactions_id_200.json",
		"access_post_notification_rules_201.json", "access_post_notification_rules_400.json", "access_get_notification_rules_200.json",
		"access_get_notification_rules_id_200.json", "access_delete_bank_connections_id_ais_consent_200.json",
		"webform_post_web_forms_bank_connection_import_201.json", "webform_post_web_forms_bank_connection_import_404.json",
		"webform_get_web_forms_200.json", "webform_get_web_forms_id_200.json", "webform_get_web_forms_id_404.json",
		"webform_post_web_forms_id_cancel_200.json", "webform_post_tasks_background_update_201.json",
		"webform_get_tasks_200.json", "webform_get_tasks_id_200.json", "webform_get_tasks_id_404.json",
	}
}

var loaded = sync.OnceValues(func() (*contract.Contract, error) {
	return contract.Load(filepath.Join("..", "..", "testdata", "contract"))
})

func theContract(t *testing.T) *contract.Contract {
	t.Helper()
	rulebook, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return rulebook
}

func operationOf(t *testing.T, rulebook *contract.Contract, method, path string) *contract.Operation {
	t.Helper()
	for _, o := range rulebook.Operations() {
		if o.Method == method && o.Path == path {
			return o
		}
	}
	t.Fatalf("no operation %s %s", method, path)
	return nil
}

func TestNoFileHoldsASecret(t *testing.T) {
	t.Parallel()
	sim := plantedSim(t)
	r := recordSim(t.Context(), t, sim, nil)
	r.wantWritten(t, exitGood)
	secrets := append(planted(), sim.ClientID(), sim.ClientSecret())
	for name, body := range r.files(t) {
		for _, secret := range secrets {
			if strings.Contains(strings.ToLower(body), strings.ToLower(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(r.report, secret) {
			t.Errorf("the report holds %q", secret)
		}
	}
}

// values returns the literals of a field in all files, in their order.
func values(files map[string]string, field string) []string {
	var all []string
	pattern := regexp.MustCompile(`"` + field + `":("[^"]*"|\d+)`)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, match := range pattern.FindAllStringSubmatch(files[name], -1) {
			all = append(all, match[1])
		}
	}
	return all
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func TestEqualValuesAreEqualInEveryFile(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), nil)
	r.wantWritten(t, exitGood)
	files := r.files(t)
	for field, want := range map[string]int{"iban": 2, "accountHolderName": 1, "accountName": 2, "counterpartName": 1, "counterpartIban": 1, "purpose": 1, "bankConnectionId": 1} {
		found := distinct(values(files, field))
		if len(found) != want {
			t.Errorf("%s has the values %v, want %d different ones", field, found, want)
		}
	}
	if a, b := distinct(values(files, "accountHolderName")), distinct(values(files, "differentDebitor")); !slices.Equal(a, b) {
		t.Errorf("one name became %v and %v", a, b)
	}
	accounts := distinct(values(map[string]string{"": files["access_get_accounts_200_2.json"]}, "id"))
	for _, id := range values(files, "accountId") {
		if !slices.Contains(accounts, id) {
			t.Errorf("the account %s of a transaction is not among %v", id, accounts)
		}
	}
}

func TestIDsStayInOrderAndIBANsValid(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), nil)
	r.wantWritten(t, exitGood)
	files := r.files(t)
	last := 0
	for _, name := range []string{"access_get_transactions_200_2.json", "access_get_transactions_200_3.json", "access_get_transactions_200_4.json"} {
		var page struct {
			Transactions []struct {
				ID int `json:"id"`
			} `json:"transactions"`
		}
		if err := json.Unmarshal([]byte(files[name]), &page); err != nil || len(page.Transactions) != pageRows {
			t.Fatalf("%s: %d rows, %v", name, len(page.Transactions), err)
		}
		for _, row := range page.Transactions {
			if row.ID <= last {
				t.Errorf("%s: the id %d follows %d", name, row.ID, last)
			}
			last = row.ID
		}
	}
	ibans := append(values(files, "iban"), values(files, "counterpartIban")...)
	for _, literal := range ibans {
		v := &redact.Inventory{}
		if v.Collect("x", []byte(literal)); v.Len() == 0 {
			t.Errorf("%s is no IBAN", literal)
		}
	}
	if len(ibans) < 10 {
		t.Errorf("only %d IBANs were recorded", len(ibans))
	}
}

func TestNothingIsWrittenIfARuleLetsASecretThrough(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct{ file, kind string }{
		"accountHolderName":           {"access_get_accounts_200_2.json", "name"},
		"counterpartName":             {"access_get_transactions_200_2.json", "name"},
		"counterpartyName":            {"access_get_pending_transactions_200.json", "name"},
		"iban":                        {"access_get_accounts_id_200.json", "IBAN"},
		"counterpartIban":             {"access_get_transactions_id_200.json", "IBAN"},
		"access_token":                {"access_post_oauth_token_200.json", "token"},
		"refresh_token":               {"access_post_oauth_token_200_2.json", "token"},
		"password":                    {"access_post_users_201.json", "password"},
		"email":                       {"access_get_users_200.json", "e-mail address"},
		"users.id":                    {"access_post_users_201.json", "user id"},
		"purpose":                     {"access_get_transactions_200_2.json", "text of a booking"},
		"transactions.type":           {"access_get_transactions_200_2.json", "name"},
		"counterpartMandateReference": {"access_get_transactions_200_2.json", "reference"},
		"accountId":                   {"access_get_transactions_200_2.json", "id of"},
		"url":                         {"webform_get_web_forms_id_200.json", "id of a form or an update"},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			r := recordSim(t.Context(), t, plantedSim(t), func(c *config) {
				rule := redact.Keep(`(?s).*`)
				if field == "accountId" {
					rule = redact.KeepNumbers()
				}
				c.rules = redact.DefaultRules().With(field, rule)
			})
			r.wantNothing(t)
			r.wantUserDeleted(t)
			if want := c.file + " still holds a secret: " + c.kind; r.err == nil || !strings.Contains(r.err.Error(), want) {
				t.Errorf("got error %v, want it to say: %s", r.err, want)
			}
			for _, secret := range planted() {
				if r.err != nil && secret != "recorder-" && strings.Contains(r.err.Error()+r.report, secret) {
					t.Errorf("the message quotes %q", secret)
				}
			}
		})
	}
}

// differenceLines are the lines of the report about differences that are news.
func (r *recording) differenceLines() []string {
	var lines []string
	_, list, _ := strings.Cut(r.report, "differences from the contract")
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); strings.Contains(line, " times, first in the step ") && !strings.HasPrefix(line, "known: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestDifferencesFromTheContractAreReported(t *testing.T) {
	t.Parallel()
	configuration, err := os.ReadFile(filepath.Join("..", "..", "testdata", "fixtures", "client_configuration.json"))
	if err != nil {
		t.Fatal(err)
	}
	const operation, step = "GET /api/v2/clientConfiguration: answer ", ` (1 times, first in the step "configuration")`
	edit := func(old, text string) string { return strings.Replace(string(configuration), old, text, 1) }
	for name, c := range map[string]struct {
		status int
		body   string
		want   []string
	}{
		"a new field": {200, edit(`"aisEnabled"`, `"owner": "Zacharias Quittenbaum", "aisEnabled"`), []string{
			operation + "200 body at /owner: the contract has no such field" + step,
		}},
		"a renamed field": {200, edit(`"aisEnabled"`, `"aisOn"`), []string{
			operation + "200 body at /aisEnabled: the field is required, but missing" + step,
			operation + "200 body at /aisOn: the contract has no such field" + step,
		}},
		"a new value of an enum": {200, edit(`"UNLICENSED"`, `"SUPER_LICENSED"`), []string{
			operation + "200 body at /mandatorLicense: the value SUPER_LICENSED is not one of the contract's" + step,
		}},
		"a status that is not declared": {418, `{}`, []string{operation + "418: the contract does not declare the status" + step}},
		"an answer without a request id": {200, string(configuration), []string{
			operation + "200 at X-Request-Id: the header is missing" + step,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := plantedSim(t)
			sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/api/v2/clientConfiguration" {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				if !strings.Contains(name, "request id") {
					w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
				return true
			})
			r := recordSim(t.Context(), t, sim, nil)
			r.wantWritten(t, exitLook)
			if diff := gocmp.Diff(c.want, r.differenceLines()); diff != "" {
				t.Errorf("wrong differences (-want +got):\n%s\nin:\n%s", diff, r.report)
			}
			if strings.Contains(r.report, "Quittenbaum") {
				t.Error("the report quotes a value")
			}
			if index := string(r.read(t, indexName)); !strings.Contains(index, c.want[0]) {
				t.Error("the index does not tell the difference")
			}
		})
	}
}

func TestAnAnswerThatIsNoJSONIsNotKept(t *testing.T) {
	t.Parallel()
	sim := plantedSim(t)
	sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/v2/accounts/dailyBalances" {
			return false
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte("<html>" + holder))
		return true
	})
	r := recordSim(t.Context(), t, sim, nil)
	r.wantWritten(t, exitLook)
	for name, body := range r.files(t) {
		if strings.Contains(body, holder) || strings.Contains(name, "daily") {
			t.Errorf("%s was kept", name)
		}
	}
	if index := string(r.read(t, indexName)); !strings.Contains(index, "(not JSON, 27 bytes, not kept)") {
		t.Errorf("the index does not tell:\n%s", index)
	}
}
