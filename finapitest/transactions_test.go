package finapitest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

// smallBooks puts a handful of rows on two accounts and imports them.
func smallBooks(t *testing.T) (*finapitest.Server, *client) {
	t.Helper()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	accounts := sim.BankAccounts("amnis")
	original := francs("-79.99")
	accounts[0].Book(finapitest.Booking{Amount: francs("-12.30"), Purpose: "Miete Büro", CounterpartName: "Müller AG", BookingDate: "2026-02-01"})
	accounts[0].Book(finapitest.Booking{Amount: francs("1000"), Purpose: "RE 1 Grüße", CounterpartName: "Zoë", CounterpartIBAN: "DE00", BookingDate: "2026-02-10"})
	accounts[0].Book(finapitest.Booking{Amount: francs("0"), Purpose: "Nullbuchung", BookingDate: "2026-02-20", ValueDate: "2026-02-18"})
	accounts[1].Book(finapitest.Booking{Amount: francs("-5.005"), Currency: "CHF", Purpose: "Parkhaus", BookingDate: "2026-02-15", OriginalAmount: &original, OriginalCurrency: "EUR"})
	c := customer(t, sim, "kunde")
	c.connect(finapitest.AmnisID)
	return sim, c
}

func purposes(rows []object) []string {
	list := []string{}
	for _, r := range rows {
		list = append(list, r["purpose"].(string))
	}
	return list
}

func TestTransactionsAreFoundByEachFilter(t *testing.T) {
	t.Parallel()
	sim, c := smallBooks(t)
	rows := sim.Transactions(sim.Accounts()[0].ID)
	sim.FlagDuplicate(rows[1].ID, true)
	sim.EditTransaction(rows[2].ID, func(tx *finapitest.Transaction) { tx.IsNew = false })
	first := fmt.Sprint(rows[0].ID)
	for query, want := range map[string][]string{
		"":                    {"Miete Büro", "RE 1 Grüße", "Nullbuchung", "Parkhaus"},
		"&ids=" + first:       {"Miete Büro"},
		"&ids=1&ids=" + first: {"Miete Büro"},
		"&accountIds=" + fmt.Sprint(sim.Accounts()[1].ID):                  {"Parkhaus"},
		"&search=M%C3%9CLLER+miete":                                        {"Miete Büro"},
		"&counterpart=de00":                                                {"RE 1 Grüße"},
		"&purpose=gr%C3%BC":                                                {"RE 1 Grüße"},
		"&minBankBookingDate=2026-02-15":                                   {"Nullbuchung", "Parkhaus"},
		"&maxBankBookingDate=2026-02-10":                                   {"Miete Büro", "RE 1 Grüße"},
		"&minFinapiBookingDate=2026-02-10&maxFinapiBookingDate=2026-02-15": {"RE 1 Grüße", "Parkhaus"},
		"&minAmount=-5.01&maxAmount=0":                                     {"Nullbuchung", "Parkhaus"},
		"&direction=income":                                                {"RE 1 Grüße", "Nullbuchung"},
		"&direction=spending":                                              {"Miete Büro", "Parkhaus"},
		"&isNew=false":                                                     {"Nullbuchung"},
		"&isPotentialDuplicate=true":                                       {"RE 1 Grüße"},
		"&isAdjustingEntry=true":                                           {},
		"&minImportDate=2026-03-03":                                        {},
		"&minImportDate=2026-03-02&maxImportDate=2026-03-02":               {"Miete Büro", "RE 1 Grüße", "Nullbuchung", "Parkhaus"},
		"&labelIds=1":                                                      {},
		"&categoryIds=0":                                                   {"RE 1 Grüße", "Nullbuchung"},
		"&categoryIds=376":                                                 {"Miete Büro"},
		"&categoryIds=376&includeChildCategories=false":                    {},
		"&order=amount,desc":                                               {"RE 1 Grüße", "Nullbuchung", "Parkhaus", "Miete Büro"},
		"&order=isNew&order=bankBookingDate,desc":                          {"Nullbuchung", "Parkhaus", "RE 1 Grüße", "Miete Büro"},
	} {
		t.Run(query, func(t *testing.T) {
			if diff := cmp.Diff(want, purposes(c.on(t).transactions(query))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPageCarriesTheTotalsOfAllPagesExactly(t *testing.T) {
	t.Parallel()
	_, c := smallBooks(t)
	v := c.access("GET", "/api/v2/transactions?view=bankView&perPage=3&page=2", nil).want(200).json()
	if n := len(v["transactions"].([]any)); n != 1 {
		t.Errorf("%d rows on the last page", n)
	}
	delete(v, "transactions")
	want := object{
		"paging": object{"page": jsonNumber("2"), "perPage": jsonNumber("3"), "pageCount": jsonNumber("2"), "totalCount": jsonNumber("4")},
		"income": jsonNumber("1000.0"), "spending": jsonNumber("-17.305"), "balance": jsonNumber("982.695"),
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	v = c.access("GET", "/api/v2/transactions?view=bankView&page=9", nil).want(200).json()
	if n := len(v["transactions"].([]any)); n != 0 {
		t.Errorf("%d rows behind the last page", n)
	}
	v = c.access("GET", "/api/v2/transactions?view=bankView&ids=1", nil).want(200).json()
	if n := idOf(t, v["paging"].(object)["pageCount"]); n != 0 {
		t.Errorf("%d pages of nothing", n)
	}
}

func TestATransactionIsReadChangedAndDeletedWithinTheRules(t *testing.T) {
	t.Parallel()
	sim, c := smallBooks(t)
	other := customer(t, sim, "fremd")
	row := sim.Transactions(sim.Accounts()[0].ID)[0]
	path := fmt.Sprint("/api/v2/transactions/", row.ID)
	other.access("GET", path, nil).want(404)
	c.access("DELETE", path, nil).want(422)
	c.access("PATCH", path, object{"isPotentialDuplicate": true}).want(422)
	sim.FlagDuplicate(row.ID, true)
	if v := c.access("PATCH", path, object{"isPotentialDuplicate": false, "isNew": false}).want(200).json(); v["isPotentialDuplicate"] != false || v["isNew"] != false {
		t.Errorf("row is %v", v)
	}
	v := c.access("PATCH", "/api/v2/transactions", object{"isNew": false}).want(200).json()
	if n := len(v["identifiers"].([]any)); n != 3 {
		t.Errorf("%d rows changed, want those that were new", n)
	}
	c.access("PATCH", "/api/v2/transactions", object{"ids": make([]int, 101), "isNew": false}).want(400)
	sim.FlagDuplicate(row.ID, true)
	c.access("DELETE", path, nil).want(200)
	c.access("GET", path, nil).want(404)
}

func TestSplitRowsAreSeenAsOneOrAsTheirParts(t *testing.T) {
	t.Parallel()
	sim, c := smallBooks(t)
	account := sim.Accounts()[0].ID
	parent := sim.Transactions(account)[0].ID
	part := finapitest.Transaction{ParentID: parent, Booking: finapitest.Booking{Amount: francs("-6.15"), Purpose: "Teil"}}
	ids := []int64{sim.InsertTransaction(account, part), sim.InsertTransaction(account, part)}
	sim.EditTransaction(parent, func(tx *finapitest.Transaction) { tx.Children = ids })
	bank := purposes(c.transactions(""))
	v := c.access("GET", "/api/v2/transactions?view=userView", nil).want(200).json()
	user := purposes(objects(v["transactions"]))
	if diff := cmp.Diff([]string{"Miete Büro", "RE 1 Grüße", "Nullbuchung", "Parkhaus"}, bank); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"RE 1 Grüße", "Nullbuchung", "Parkhaus", "Teil", "Teil"}, user); diff != "" {
		t.Error(diff)
	}
}

func TestRowsThatAreIssuedAgainKeepTheirContent(t *testing.T) {
	t.Parallel()
	sim, _ := smallBooks(t)
	account := sim.Accounts()[0].ID
	before := sim.Transactions(account)
	sim.Clock().Advance(time.Hour)
	sim.Reissue(account)
	after := sim.Transactions(account)
	for i := range after {
		if after[i].ID <= before[len(before)-1].ID || !after[i].ImportDate.After(before[i].ImportDate) {
			t.Errorf("row %d is %+v", i, after[i])
		}
		if diff := cmp.Diff(before[i].Booking, after[i].Booking); diff != "" {
			t.Error(diff)
		}
	}
	id := sim.ReissueTransaction(after[0].ID)
	rows := sim.Transactions(account)
	if len(rows) != len(before) || rows[len(rows)-1].ID != id || rows[len(rows)-1].Purpose != "Miete Büro" {
		t.Errorf("rows are %+v", rows)
	}
	sim.DeleteTransaction(id)
	if n := len(sim.Transactions(account)); n != len(before)-1 {
		t.Errorf("%d rows", n)
	}
}

func TestAccountsAreFilteredChangedAndTakenAwayWithTheirConnection(t *testing.T) {
	t.Parallel()
	sim, c := smallBooks(t)
	all := sim.Accounts()
	sim.SetAccountIBAN(all[2].ID, "")
	sim.SetAccountStatus(all[2].ID, "DOWNLOAD_FAILED")
	for query, want := range map[string]int{
		"": 3, "?ids=" + fmt.Sprint(all[0].ID): 1, "?search=usd": 1, "?accountTypes=Checking": 3, "?accountTypes=Savings": 0,
		"?bankConnectionIds=1": 0, "?minBalance=0": 2, "?maxBalance=-1": 1,
		"?minLastSuccessfulUpdate=2026-03-02": 3, "?maxLastSuccessfulUpdate=2026-03-01": 0,
	} {
		v := c.access("GET", "/api/v2/accounts"+query, nil).want(200).json()
		if n := len(v["accounts"].([]any)); n != want {
			t.Errorf("%s: %d accounts, want %d", query, n, want)
		}
	}
	path := fmt.Sprint("/api/v2/accounts/", all[2].ID)
	a := c.access("PATCH", path, object{"accountName": "Dollar", "isNew": false}).want(200).json()
	if a["accountName"] != "Dollar" || a["iban"] != nil || objects(a["interfaces"])[0]["status"] != "DOWNLOAD_FAILED" {
		t.Errorf("account is %v", a)
	}
	c.access("PATCH", path, object{"accountType": "CHECKING"}).want(400)
	for _, a := range all {
		c.access("DELETE", fmt.Sprint("/api/v2/accounts/", a.ID), nil).want(200)
	}
	if v := c.access("GET", "/api/v2/bankConnections", nil).want(200).json(); len(v["connections"].([]any)) != 0 {
		t.Errorf("connections are %v", v)
	}
}

func TestDailyBalancesAreComputedBackwardsFromToday(t *testing.T) {
	t.Parallel()
	sim, c := smallBooks(t)
	path := fmt.Sprintf("/api/v2/accounts/dailyBalances?accountIds=%d&perPage=100", sim.Accounts()[0].ID)
	days := objects(c.access("GET", path+"&startDate=2026-01-31&endDate=2026-02-11", nil).want(200).json()["dailyBalances"])
	got := map[string]string{}
	for _, d := range days {
		got[d["date"].(string)] = jsonString(d["balance"])
	}
	for day, want := range map[string]string{"2026-01-31": "0.0", "2026-02-01": "-12.3", "2026-02-09": "-12.3", "2026-02-10": "987.7", "2026-02-11": "987.7"} {
		if got[day] != want {
			t.Errorf("%s: %s, want %s", day, got[day], want)
		}
	}
	c.access("GET", path+"&startDate=2025-01-01", nil).want(400)
	c.access("GET", "/api/v2/accounts/dailyBalances?accountIds=1", nil).want(404)
}

func TestNotificationRulesAreKept(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t, finapitest.WithEmptyWorld()), "kunde")
	rule := c.access("POST", "/api/v2/notificationRules", object{"triggerEvent": "NEW_TRANSACTIONS", "callbackHandle": "h"}).want(201).json()
	path := "/api/v2/notificationRules/" + jsonString(rule["id"])
	if diff := cmp.Diff(rule, c.access("GET", path, nil).want(200).json()); diff != "" {
		t.Error(diff)
	}
	c.access("POST", "/api/v2/notificationRules", object{"triggerEvent": "NEVER"}).want(400)
	c.access("DELETE", path, nil).want(200)
	c.access("GET", path, nil).want(404)
}

func TestABookingOfTheFutureMovesFinAPIsDateForward(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	sim.BankAccounts("amnis")[0].Book(finapitest.Booking{Amount: decimal.New(1, 0), BookingDate: "2026-03-04"})
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	for _, want := range []string{"2026-03-02", "2026-03-03", "2026-03-04", "2026-03-04"} {
		if got := c.transactions("")[0]["finapiBookingDate"]; got != want {
			t.Errorf("date is %v, want %s", got, want)
		}
		sim.Clock().Advance(24 * time.Hour)
		c.update(connection, nil)
	}
}
