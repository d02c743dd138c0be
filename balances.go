package finapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// DailyBalance is what finAPI computes an account held at the end of a day, or
// several accounts together. It is computed backwards from the current balance
// and ignores currencies, so it is an estimate, not a bank statement.
//
// A day can change later, whenever an update changes the balance or brings late
// rows.
type DailyBalance struct {
	// Date is the day, by [Transaction.FinapiBookingDate].
	Date Date
	// Balance is at the end of the day; Income and Spending are the sums of the
	// day's transactions, Spending with a negative sign. They have no currency: if
	// the accounts have several, the sums mean nothing. They are 0, never missing, if
	// there was nothing.
	Balance, Income, Spending decimal.Decimal
	// Adjustments are sums that finAPI made up because balance and bookings
	// disagree. Anything but zero means that something is missing or double.
	Adjustments decimal.Decimal
	// Transactions are the day's rows; empty if there are none.
	Transactions []TransactionID
	// Reliable is the last time at which all accounts had a balance. Only days
	// before it can be trusted; if it is zero, none can.
	Reliable time.Time
}

// DailyBalanceQuery says which days to compute.
type DailyBalanceQuery struct {
	// Accounts are the accounts whose balances are added up; empty means all of
	// the customer's except securities accounts.
	Accounts []AccountID
	// From and To bound the days, both included, 366 at the most. A zero To means
	// today; a zero From means a month before To.
	From, To Date
	// Projection continues into the future with what is known of it. The default is
	// not to, unlike finAPI's.
	Projection bool
	// PageSize is how many days are fetched at a time, 1 to 500; 0 means 500.
	PageSize int
}

func (q *DailyBalanceQuery) values() (url.Values, error) {
	err := cmp.Or(
		checkIDs("DailyBalanceQuery.Accounts", q.Accounts), checkRange("DailyBalanceQuery.From", q.From, q.To),
	)
	if err != nil {
		return nil, err
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.DaysSince(q.From) >= 366 {
		return nil, invalid("DailyBalanceQuery.To", "must be 366 days at the most with From")
	}
	v := url.Values{"order": {"date,asc"}}
	setIDs(v, "accountIds", q.Accounts)
	setDate(v, "startDate", q.From)
	setDate(v, "endDate", q.To)
	v.Set("withProjection", strconv.FormatBool(q.Projection)) // finAPI's default is true
	return v, nil
}

// DailyBalances iterates over the days in their order. It needs finAPI's PFM
// services; see [Configuration.PFMServices]. Without them it is refused with
// [CodeUnauthorized] or [CodeForbidden], and an account that is not the customer's
// with [CodeUnknownEntity].
//
// Days that come or go while it reads lose nothing and double nothing: it ends
// either complete or with a [CodeIncomplete]. The iterator yields an error once
// and ends.
func (u *User) DailyBalances(ctx context.Context, q DailyBalanceQuery) iter.Seq2[DailyBalance, error] {
	size, err := pageSize(q.PageSize)
	if err != nil {
		return failed[DailyBalance](err)
	}
	query, err := q.values()
	if err != nil {
		return failed[DailyBalance](err)
	}
	p := pager[DailyBalance]{
		endpoint: epDailyBalances,
		window:   u.client.pageWindow,
		id:       func(b *DailyBalance) int64 { return int64(b.Date.DaysSince(Date{Year: 1, Month: 1, Day: 1})) + 1 },
		fetch: func(ctx context.Context, number int, body *bytes.Buffer) (page[DailyBalance], error) {
			var answer dailyBalancePage
			err := u.do(ctx, call{endpoint: epDailyBalances, query: pageQuery(query, number, size), into: &answer, buffer: body})
			if err != nil {
				return page[DailyBalance]{}, err
			}
			return newPage(answer.Paging, answer.days()), nil
		},
	}
	return p.each(ctx)
}

type dailyBalancePage struct {
	Reliable instant              `json:"latestCommonBalanceTimestamp"`
	Balances []dailyBalanceAnswer `json:"dailyBalances"`
	Paging   *paging              `json:"paging"`
}

func (p *dailyBalancePage) check() error {
	return cmp.Or(p.Paging.check(), require(requirement{"dailyBalances", p.Balances != nil}))
}

func (p *dailyBalancePage) days() []DailyBalance {
	days := unwrap(p.Balances, dailyBalanceAnswer.value)
	for i := range days {
		days[i].Reliable = p.Reliable.Time
	}
	return days
}

type dailyBalanceAnswer struct{ DailyBalance }

func (a dailyBalanceAnswer) value() DailyBalance { return a.DailyBalance }

func (a *dailyBalanceAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		Date         day             `json:"date"`
		Balance      number          `json:"balance"`
		Income       number          `json:"income"`
		Spending     number          `json:"spending"`
		Adjustments  number          `json:"internalAdjustingEntries"`
		Transactions []TransactionID `json:"transactions"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if err := require(requirement{"date", !raw.Date.IsZero()}, requirement{"balance", raw.Balance.set}); err != nil {
		return err
	}
	a.DailyBalance = DailyBalance{
		Date: raw.Date.Date, Balance: raw.Balance.value, Income: raw.Income.value, Spending: raw.Spending.value,
		Adjustments: raw.Adjustments.value, Transactions: raw.Transactions,
	}
	return nil
}
