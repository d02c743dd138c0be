package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/contract"
)

// replay answers with what was recorded.
type replay struct {
	rulebook *contract.Contract
	files    map[string]string
	// numbers are those of the files that are not the first of their operation.
	numbers map[string]string
}

func (p *replay) RoundTrip(r *http.Request) (*http.Response, error) {
	host := contract.Access
	if strings.Contains(r.URL.Host, "webform") {
		host = contract.WebForm
	}
	o, ok := p.rulebook.Route(host, r.Method, r.URL.EscapedPath())
	if !ok {
		return nil, fmt.Errorf("no operation %s %s", r.Method, r.URL.Path)
	}
	name := (&exchange{operation: o, answer: &contract.Response{Status: http.StatusOK}}).fileName()
	body, ok := p.files[name+p.numbers[name]+".json"]
	if !ok {
		return nil, fmt.Errorf("no file %s", name)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString(body)), Request: r}, nil
}

func TestTheSDKReadsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), nil)
	r.wantWritten(t, exitGood)
	player := &replay{rulebook: theContract(t), files: r.files(t), numbers: map[string]string{
		"access_get_bank_connections_200": "_2", "access_get_accounts_200": "_2", "access_get_transactions_200": "_2",
	}}
	client, err := finapi.NewClient(finapi.Sandbox, finapi.Credentials{ID: "id", Secret: finapi.NewSecret("secret")}, finapi.WithTransport(player))
	if err != nil {
		t.Fatal(err)
	}
	user := client.User("user", finapi.NewSecret("password"))
	ctx := t.Context()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{})
	if err != nil || len(accounts) != 2 || accounts[0].Balance == nil || accounts[0].Holder == "" || accounts[0].Holder != accounts[1].Holder {
		t.Errorf("got the accounts %+v, %v", accounts, err)
	}
	rows, err := take(user.Transactions(ctx, finapi.TransactionQuery{PageSize: pageRows}), pageRows)
	if err != nil || len(rows) != pageRows || rows[0].Account != accounts[0].ID || rows[0].Amount.Amount.String() != "-7.35" {
		t.Errorf("got the transactions %+v, %v", rows, err)
	}
	for name, call := range map[string]func(context.Context) error{
		"configuration": func(ctx context.Context) error { return only(client.Configuration(ctx)) },
		"banks": func(ctx context.Context) error {
			return only(take(client.Banks(ctx, finapi.BankQuery{PageSize: pageRows}), 1))
		},
		"bank":        func(ctx context.Context) error { return only(client.Bank(ctx, 1)) },
		"profile":     func(ctx context.Context) error { return only(user.Profile(ctx)) },
		"connections": func(ctx context.Context) error { return only(user.Connections(ctx)) },
		"connection":  func(ctx context.Context) error { return only(user.Connection(ctx, 1)) },
		"account":     func(ctx context.Context) error { return only(user.Account(ctx, 1)) },
		"transaction": func(ctx context.Context) error { return only(user.Transaction(ctx, 1)) },
		"pending row": func(ctx context.Context) error { return only(user.PendingTransaction(ctx, 1)) },
		"pending rows": func(ctx context.Context) error {
			return only(take(user.PendingTransactions(ctx, finapi.PendingQuery{PageSize: pageRows}), 1))
		},
		"balances": func(ctx context.Context) error {
			return only(take(user.DailyBalances(ctx, finapi.DailyBalanceQuery{PageSize: pageRows}), 1))
		},
		"rules": func(ctx context.Context) error { return only(user.Rules().List(ctx, finapi.RuleQuery{})) },
		"rule":  func(ctx context.Context) error { return only(user.Rules().Get(ctx, 1)) },
		"forms": func(ctx context.Context) error { return only(take(user.Forms().List(ctx), 1)) },
		"tasks": func(ctx context.Context) error { return only(take(user.Tasks().List(ctx), 1)) },
		"task":  func(ctx context.Context) error { return only(user.Tasks().Get(ctx, unknownForm)) },
	} {
		if err := call(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
