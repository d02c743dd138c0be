package finapitest

import (
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// maxBalanceDays is the longest range of daily balances.
const maxBalanceDays = 366

type dailyBalanceBody struct {
	Date                    Date    `json:"date"`
	Balance                 money   `json:"balance"`
	Income                  money   `json:"income"`
	Spending                money   `json:"spending"`
	InternalAdjustingAmount money   `json:"internalAdjustingEntries"`
	Transactions            []int64 `json:"transactions"`
}

type dailyBalanceList struct {
	Latest   *string            `json:"latestCommonBalanceTimestamp"`
	Balances []dailyBalanceBody `json:"dailyBalances"`
	Paging   paging             `json:"paging"`
}

func balanceOrder() map[string]func(a, b dailyBalanceBody) int {
	compare := func(key func(dailyBalanceBody) money) func(a, b dailyBalanceBody) int {
		return func(a, b dailyBalanceBody) int { return decimal.Decimal(key(a)).Cmp(decimal.Decimal(key(b))) }
	}
	return map[string]func(a, b dailyBalanceBody) int{
		"date":     by(func(b dailyBalanceBody) Date { return b.Date }),
		"balance":  compare(func(b dailyBalanceBody) money { return b.Balance }),
		"income":   compare(func(b dailyBalanceBody) money { return b.Income }),
		"spending": compare(func(b dailyBalanceBody) money { return b.Spending }),
	}
}

func balanceParams() params {
	return paged(params{
		"accountIds": idList(0), "startDate": day(), "endDate": day(), "withProjection": flag(),
	}, fieldNames(balanceOrder())...)
}

// listDailyBalances computes backwards from the current balances, as finAPI
// does.
func (s *Server) listDailyBalances(c *call) (answer, error) {
	end := c.query.date("endDate")
	if end == "" {
		end = DateOf(c.now)
	}
	start := c.query.date("startDate")
	if start == "" {
		start = Date(end.utc().AddDate(0, -1, 0).Format(dateLayout))
	}
	if start > end || end.daysSince(start) > maxBalanceDays {
		return answer{}, &refusal{
			status: http.StatusBadRequest, code: "INVALID_FILTER_OPTIONS",
			de: "Der Zeitraum ist ungültig oder länger als 366 Tage.", en: "The range is illegal or longer than 366 days.",
		}
	}
	chosen, err := s.balanceAccounts(c)
	if err != nil {
		return answer{}, err
	}
	days := dailyBalances(chosen, start, end)
	p, err := c.query.paging(len(days))
	if err != nil {
		return answer{}, err
	}
	sortBy(days, c.query, balanceOrder(), "date")
	return ok(dailyBalanceList{Latest: latestCommon(chosen), Balances: cut(days, p), Paging: p}), nil
}

// balanceAccounts are the accounts asked for, without securities.
func (s *Server) balanceAccounts(c *call) ([]*account, error) {
	owned := s.accountsOf(c.user())
	for _, id := range c.query.ids("accountIds") {
		if !slices.ContainsFunc(owned, func(a *account) bool { return a.ID == id }) {
			return nil, notFound("Account")
		}
	}
	return slices.DeleteFunc(owned, func(a *account) bool {
		return a.Type == "Security" || (c.query.has("accountIds") && !slices.Contains(c.query.ids("accountIds"), a.ID))
	}), nil
}

// latestCommon is the time up to which all accounts are known, or nil.
func latestCommon(accounts []*account) *string {
	var latest time.Time
	for _, a := range accounts {
		if a.LastSuccessfulUpdate.IsZero() {
			return nil
		}
		if latest.IsZero() || a.LastSuccessfulUpdate.Before(latest) {
			latest = a.LastSuccessfulUpdate
		}
	}
	return stamped(latest)
}

func dailyBalances(accounts []*account, start, end Date) []dailyBalanceBody {
	balance := decimal.Zero // at the end of the range
	byDay := map[Date][]*Transaction{}
	for _, a := range accounts {
		if a.Balance != nil {
			balance = balance.Add(*a.Balance)
		}
		for _, t := range a.rows {
			if t.FinAPIBookingDate > end {
				balance = balance.Sub(t.Amount)
			}
			byDay[t.FinAPIBookingDate] = append(byDay[t.FinAPIBookingDate], t)
		}
	}
	days := []dailyBalanceBody{}
	for d := end; d >= start; d = d.AddDays(-1) {
		sum := totalsOf(byDay[d])
		body := dailyBalanceBody{
			Date: d, Balance: money(balance), Income: money(sum.income), Spending: money(sum.spending), Transactions: []int64{},
		}
		for _, t := range byDay[d] {
			body.Transactions = append(body.Transactions, t.ID)
		}
		days = append(days, body)
		balance = balance.Sub(sum.income).Sub(sum.spending)
	}
	return days
}
