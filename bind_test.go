package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

// bound is a store with ledgers that were synchronised with accounts.
func bound(tb testing.TB, marks map[finapi.LedgerID]finapi.Mark) *finapi.MemoryStore {
	tb.Helper()
	store := &finapi.MemoryStore{}
	for ledger, mark := range marks {
		must(tb, store.Commit(tb.Context(), finapi.LedgerKey{Environment: "sandbox", Ledger: ledger}, finapi.Change{Mark: mark}))
	}
	return store
}

func TestAnAccountFindsItsLedgerOrAsks(t *testing.T) {
	t.Parallel()
	const iban, other = "DE89370400440532013000", "DE02120300000000202051"
	mark := func(account finapi.AccountID, iban string, currency finapi.Currency, kind finapi.AccountType) finapi.Mark {
		return finapi.Mark{Source: finapi.Source{User: userName, Account: account}, IBAN: iban, Currency: currency, Type: kind}
	}
	account := func(id finapi.AccountID, iban string, currency finapi.Currency, kind finapi.AccountType) finapi.Account {
		return finapi.Account{ID: id, IBAN: iban, Currency: currency, Type: kind}
	}
	const folded, foldedOther = "de89370400440532013000", "de02120300000000202051"
	cases := []struct {
		name     string
		marks    map[finapi.LedgerID]finapi.Mark
		alive    []finapi.AccountID // at finAPI, besides the accounts themselves
		accounts []finapi.Account
		want     []string
	}{
		{
			"the account that it was synchronised with",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(7, "", "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, iban, "CHF", finapi.Savings)},
			[]string{"bound 1200"},
		},
		{
			"connected anew",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(1, folded, "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, "DE89 3704 0044 0532 0130 00", "EUR", finapi.Checking)},
			[]string{"recognised 1200"},
		},
		{
			"connected a second time",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(1, folded, "EUR", finapi.Checking)},
			[]finapi.AccountID{1},
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking)},
			[]string{"unbound"},
		},
		{
			"another currency or type",
			map[finapi.LedgerID]finapi.Mark{
				"1200": mark(1, folded, "EUR", finapi.Checking), "1210": mark(2, folded, "CHF", finapi.Savings),
			},
			nil,
			[]finapi.Account{account(7, iban, "CHF", finapi.Checking)},
			[]string{"unbound"},
		},
		{
			"one IBAN for the currencies of a sub-account",
			map[finapi.LedgerID]finapi.Mark{
				"1200": mark(1, folded, "EUR", finapi.Checking), "1210": mark(2, folded, "CHF", finapi.Checking),
			},
			nil,
			[]finapi.Account{account(7, iban, "CHF", finapi.Checking), account(8, iban, "EUR", finapi.Checking)},
			[]string{"recognised 1210", "recognised 1200"},
		},
		{
			"two accounts with everything alike",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(1, folded, "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking), account(8, iban, "EUR", finapi.Checking)},
			[]string{"ambiguous [1200]", "ambiguous [1200]"},
		},
		{
			"two ledgers with everything alike",
			map[finapi.LedgerID]finapi.Mark{
				"1200": mark(1, folded, "EUR", finapi.Checking), "1201": mark(2, folded, "EUR", finapi.Checking),
			},
			nil,
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking)},
			[]string{"ambiguous [1200 1201]"},
		},
		{
			"a card without an IBAN",
			map[finapi.LedgerID]finapi.Mark{"1360": mark(1, "", "EUR", finapi.CreditCard), "1200": mark(2, folded, "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, "", "EUR", finapi.CreditCard)},
			[]string{"ambiguous [1360]"},
		},
		{
			"an IBAN that the bank tells only now",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(1, "", "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking)},
			[]string{"ambiguous [1200]"},
		},
		{
			"the ledger of another IBAN",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(1, foldedOther, "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking), account(8, other, "EUR", finapi.Checking)},
			[]string{"unbound", "recognised 1200"},
		},
		{
			"a ledger that was bound is not given away",
			map[finapi.LedgerID]finapi.Mark{"1200": mark(7, folded, "EUR", finapi.Checking)},
			nil,
			[]finapi.Account{account(8, iban, "EUR", finapi.Checking), account(7, iban, "EUR", finapi.Checking)},
			[]string{"unbound", "bound 1200"},
		},
		{"no ledger at all", nil, nil, []finapi.Account{account(7, iban, "EUR", finapi.Checking)}, []string{"unbound"}},
		{
			"a ledger of another user",
			map[finapi.LedgerID]finapi.Mark{"1200": {Source: finapi.Source{User: "former", Account: 7}, IBAN: folded, Currency: "EUR", Type: finapi.Checking}},
			nil,
			[]finapi.Account{account(7, iban, "EUR", finapi.Checking)},
			[]string{"recognised 1200"},
		},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			var here []string
			for _, id := range tt.alive {
				here = append(here, accountJSON(id))
			}
			for _, a := range tt.accounts {
				here = append(here, accountJSON(a.ID))
			}
			server.on("GET /api/v2/accounts", reply{body: `{"accounts":[` + strings.Join(here, ",") + `]}`})
			ledgers := []finapi.LedgerID{"1200", "1201", "1210", "1360"}
			bindings, err := server.user().Bind(t.Context(), bound(t, tt.marks), ledgers, tt.accounts)
			must(t, err)
			var got []string
			for i, b := range bindings {
				line := string(b.State)
				if b.Ledger != "" {
					line += " " + string(b.Ledger)
				}
				if len(b.Candidates) > 0 {
					line += " " + fmt.Sprint(b.Candidates)
				}
				got = append(got, line)
				if b.Reason == "" || b.Account.ID != tt.accounts[i].ID {
					t.Errorf("binding %d is %+v", i, b)
				}
			}
			same(t, tt.want, got)
		})
	}
}

func accountJSON(id finapi.AccountID) string {
	return `{"id":` + fmt.Sprint(id) + `,"bankConnectionId":1,"accountType":"Checking","interfaces":[]}`
}

func TestBindReturnsWhatFails(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	_, err := server.user().Bind(t.Context(), nil, nil, nil)
	mustRefuse(t, err, "Store")
	server.on("GET /api/v2/accounts", reply{status: 403}, fixtureReply(t, "accounts.json"))
	_, err = server.user().Bind(t.Context(), &finapi.MemoryStore{}, nil, nil)
	mustFail(t, err, finapi.CodeHTTP)
	broken := errors.New("the disk is full")
	_, err = server.user().Bind(t.Context(), &brokenStore{err: broken}, []finapi.LedgerID{"1200"}, nil)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type brokenStore struct {
	finapi.MemoryStore
	err error
}

func (s *brokenStore) Mark(context.Context, finapi.LedgerKey) (finapi.Mark, error) {
	return finapi.Mark{}, s.err
}

func TestARecognisedAccountGoesOnWithoutADouble(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	_, err := e.user.Disconnect(t.Context(), finapi.Disconnection{Connection: e.account.Connection})
	must(t, err)
	e.connect()
	bindings, err := e.user.Bind(t.Context(), e.store, []finapi.LedgerID{ledger}, []finapi.Account{e.account})
	must(t, err)
	same(t, finapi.Recognised, bindings[0].State)
	same(t, finapi.LedgerID(ledger), bindings[0].Ledger)
	same(t, "map[Relinked:6 account_rebound:1]", kinds(e.mustSync()))
	bindings, err = e.user.Bind(t.Context(), e.store, []finapi.LedgerID{ledger}, []finapi.Account{e.account})
	must(t, err)
	same(t, finapi.Bound, bindings[0].State)
}
