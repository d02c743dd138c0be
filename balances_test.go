package finapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

const balancesRoute = "GET /api/v2/accounts/dailyBalances"

func TestDailyBalancesAreReadExactly(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(balancesRoute, fixtureReply(t, "daily_balances_page.json"))
	reliable := instant("2026-11-20T06:00:08+01:00")
	same(t, []finapi.DailyBalance{
		{Date: date(2026, 11, 18), Balance: number("17114.40"), Transactions: []finapi.TransactionID{}, Reliable: reliable},
		{
			Date: date(2026, 11, 19), Balance: number("16978.51"), Income: number("1190"), Spending: number("-1325.89"),
			Transactions: []finapi.TransactionID{1860779443, 9007199254740993}, Reliable: reliable,
		},
		{
			Date: date(2026, 11, 20), Balance: number("-0.01"), Adjustments: number("-16978.52"),
			Transactions: []finapi.TransactionID{}, Reliable: reliable,
		},
	}, allRows(t, server.user().DailyBalances(t.Context(), finapi.DailyBalanceQuery{})))
}

func number(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestNoDayIsReliableIfFinAPIKnowsNoTimeAtWhichAllAccountsHadABalance(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(balancesRoute, fixtureReply(t, "daily_balances_page_unreliable.json"))
	for day, err := range server.user().DailyBalances(t.Context(), finapi.DailyBalanceQuery{}) {
		must(t, err)
		same(t, time.Time{}, day.Reliable)
	}
}

func TestADailyBalanceQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query finapi.DailyBalanceQuery
		want  map[string][]string
	}{
		{"the zero query, without the projection that is finAPI's default", finapi.DailyBalanceQuery{}, map[string][]string{
			"order": {"date,asc"}, "page": {"1"}, "perPage": {"500"}, "withProjection": {"false"},
		}},
		{"everything", finapi.DailyBalanceQuery{
			Accounts: []finapi.AccountID{1, 2147483649}, From: date(2025, 11, 20), To: date(2026, 11, 20), Projection: true, PageSize: 31,
		}, map[string][]string{
			"accountIds": {"1", "2147483649"}, "startDate": {"2025-11-20"}, "endDate": {"2026-11-20"}, "withProjection": {"true"},
			"order": {"date,asc"}, "page": {"1"}, "perPage": {"31"},
		}},
		{"a single day", finapi.DailyBalanceQuery{From: date(2026, 1, 2), To: date(2026, 1, 2)}, map[string][]string{
			"startDate": {"2026-01-02"}, "endDate": {"2026-01-02"}, "withProjection": {"false"},
			"order": {"date,asc"}, "page": {"1"}, "perPage": {"500"},
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on(balancesRoute, fixtureReply(t, "daily_balances_page.json"))
			allRows(t, server.user().DailyBalances(t.Context(), tt.query))
			same(t, tt.want, server.sentQuery(balancesRoute))
		})
	}
}

func TestABadDailyBalanceQueryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		query finapi.DailyBalanceQuery
		field string
	}{
		{"an unknown account", finapi.DailyBalanceQuery{Accounts: []finapi.AccountID{1, 0}}, "DailyBalanceQuery.Accounts"},
		{"too many accounts", finapi.DailyBalanceQuery{Accounts: make([]finapi.AccountID, 1001)}, "DailyBalanceQuery.Accounts"},
		{"an inverted range", finapi.DailyBalanceQuery{From: date(2026, 1, 2), To: date(2026, 1, 1)}, "DailyBalanceQuery.From"},
		{"a day that does not exist", finapi.DailyBalanceQuery{From: date(2026, 2, 30)}, "DailyBalanceQuery.From"},
		{"367 days", finapi.DailyBalanceQuery{From: date(2025, 1, 1), To: date(2026, 1, 2)}, "DailyBalanceQuery.To"},
		{"a page that is too large", finapi.DailyBalanceQuery{PageSize: 501}, "PageSize"},
	} {
		server := newStub(t)
		mustRefuse(t, drained(server.user().DailyBalances(t.Context(), tt.query)), tt.field)
		if len(server.requests) != 0 {
			t.Errorf("%s was sent", tt.name)
		}
	}
}

func TestDaysOfSeveralPagesAreOneListing(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	page := func(number, total int, day string) reply {
		return reply{body: fmt.Sprintf(`{"dailyBalances":[{"date":%q,"balance":1,"income":0,"spending":0,"internalAdjustingEntries":0,`+
			`"transactions":[]}],"paging":{"page":%d,"perPage":1,"pageCount":%d,"totalCount":%d}}`, day, number, total, total)}
	}
	// Midnight passes between the pages, and a day comes at the front.
	server.on(balancesRoute, page(1, 2, "2026-11-19"), page(2, 3, "2026-11-20"), page(1, 2, "2026-11-19"), page(2, 2, "2026-11-20"))
	var days []finapi.Date
	for day, err := range server.user().DailyBalances(t.Context(), finapi.DailyBalanceQuery{PageSize: 1}) {
		must(t, err)
		days = append(days, day.Date)
	}
	same(t, []finapi.Date{date(2026, 11, 19), date(2026, 11, 20)}, days)
}

func TestADayWithoutADateOrABalanceIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"balance":1}`, `{"date":"2026-11-20"}`, `{"date":"2026-11-31","balance":1}`, `{"date":"2026-11-20","balance":"1"}`} {
		server := newStub(t)
		server.on(balancesRoute, reply{body: `{"dailyBalances":[` + row + `],` + onePage + `}`})
		mustFail(t, drained(server.user().DailyBalances(t.Context(), finapi.DailyBalanceQuery{})), finapi.CodeUnreadable)
	}
}
