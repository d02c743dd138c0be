package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// overview is the data of the page "Connected accounts".
type overview struct {
	Connections []connectionView
	// Former are ledgers that take no bookings at present.
	Former   []accountView
	Calendar []finapi.ConsentEnd
	// Trouble is why finAPI could not be asked. What the ERP has is shown all the same.
	Trouble *trouble
	busy    bool
}

func (o *overview) again() int {
	if o.busy {
		return 5
	}
	return 0
}

// connectionView is a connection as the customer sees it.
type connectionView struct {
	ID   finapi.ConnectionID
	Bank string
	// Level and State say in a word how it stands.
	Level string
	State line
	// Trouble says who must act and how; nil if nobody has to.
	Trouble     *trouble
	LastSuccess time.Time
	Expires     time.Time
	DaysLeft    int
	// Choose says that the customer has not yet chosen what is to be read.
	Choose   bool
	Renew    bool // renewing is the next thing to do
	Busy     bool
	Accounts []accountView
	// Unread is how many accounts finAPI has that nobody reads.
	Unread int
}

// accountView is one account of a connection.
type accountView struct {
	ledger
	Balance *finapi.Money
	Day     finapi.Date
	// Reviews is how many bookings wait for a decision.
	Reviews int
	// State is the key of a text about the account's last download; "" if it is well.
	State string
}

// warnDays is how long before the end of a consent the customer is asked to renew it.
const warnDays = 14

func (a *app) showAccounts(v *visit) error {
	o := &overview{}
	ledgers, err := a.views(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	if err := a.look(v, o, ledgers); err != nil {
		a.log.WarnContext(v.ctx(), "finAPI cannot be asked", "error", err)
		o.Trouble = troubleOf(err, v.lang)
		o.Connections, o.Former = nil, ledgers
	}
	a.show(v, http.StatusOK, "accounts", "title.accounts", o)
	return nil
}

// views are the tenant's ledgers with the bank's last balance.
func (a *app) views(ctx context.Context, tenant string) ([]accountView, error) {
	ledgers, err := a.books.ledgers(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var all []accountView
	for i := range ledgers {
		view := accountView{ledger: ledgers[i]}
		last, err := a.books.lastBalance(ctx, view.ID)
		if err != nil {
			return nil, err
		}
		if last != nil {
			view.Balance, view.Day = &finapi.Money{Amount: last.Amount, Currency: view.Currency}, last.Day
		}
		reviews, err := a.books.reviews(ctx, view.ID)
		if err != nil {
			return nil, err
		}
		view.Reviews = len(reviews)
		all = append(all, view)
	}
	return all, nil
}

// look asks finAPI how the tenant's connections stand.
func (a *app) look(v *visit, o *overview, ledgers []accountView) error {
	user, err := a.users.Find(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	if user == nil {
		o.Former = ledgers
		return nil
	}
	connections, err := user.Connections(v.ctx())
	if err != nil {
		return err
	}
	accounts, err := user.Accounts(v.ctx(), finapi.AccountQuery{})
	if err != nil {
		return err
	}
	ends, err := user.ConsentCalendar(v.ctx(), warnDays)
	if err != nil {
		return err
	}
	o.Calendar = firstOfEach(ends)
	chosen, err := a.books.hasChosen(v.ctx(), v.tenant())
	if err != nil {
		return err
	}
	for i := range connections {
		view := a.viewOf(&connections[i], accounts, ledgers, v.lang)
		view.Choose = !chosen[view.ID]
		o.busy = o.busy || view.Busy
		o.Connections = append(o.Connections, view)
	}
	o.Former = former(ledgers, o.Connections)
	return nil
}

// firstOfEach keeps the first line of each connection: the customer renews all ways to a
// bank at once.
func firstOfEach(ends []finapi.ConsentEnd) (first []finapi.ConsentEnd) {
	seen := map[finapi.ConnectionID]bool{}
	for _, end := range ends {
		if !seen[end.Connection] {
			first = append(first, end)
		}
		seen[end.Connection] = true
	}
	return first
}

func (a *app) viewOf(c *finapi.Connection, accounts []finapi.Account, ledgers []accountView, l finapi.Language) connectionView {
	state := c.State(accounts, a.now())
	view := connectionView{
		ID: c.ID, Bank: c.Bank.Name, LastSuccess: state.LastSuccess, Expires: state.Expires, Busy: state.Busy,
		DaysLeft: daysLeft(state.Expires, a.now()), Renew: state.ConsentMissing || state.ActionRequired,
	}
	view.Level, view.State = inWords(&state, a.now())
	if state.Problem != nil {
		view.Trouble = troubleOf(state.Problem, l)
	}
	for i := range accounts {
		if accounts[i].Connection != c.ID {
			continue
		}
		read := false
		for _, one := range ledgers {
			if one.Account == accounts[i].ID {
				one.State = accountState(accounts[i].Status())
				view.Accounts = append(view.Accounts, one)
				read = true
			}
		}
		if !read {
			view.Unread++
		}
	}
	return view
}

// oldDays is after how many days without news the page says so. A customer who looks
// once a week is not to be bothered.
const oldDays = 7

// inWords says how a connection stands.
func inWords(s *finapi.ConnectionState, now time.Time) (level string, state line) {
	left, age := daysLeft(s.Expires, now), int(now.Sub(s.LastSuccess)/(24*time.Hour))
	switch {
	case s.Busy:
		return levelInfo, say("state.busy")
	case s.ConsentMissing:
		return levelBad, say("state.lapsed")
	case s.ActionRequired:
		return levelBad, say("state.action")
	case s.Problem != nil && s.Problem.Code == finapi.CodeBankServerRejection:
		return levelWarn, say("state.refused")
	case s.Problem != nil && s.Problem.Actor == finapi.ActorBank:
		return levelWarn, say("state.bank")
	case s.Problem != nil:
		return levelWarn, say("state.failed")
	case !s.Expires.IsZero() && left == 0:
		return levelWarn, say("state.today")
	case !s.Expires.IsZero() && left <= warnDays:
		return levelWarn, say("state.expiring", left)
	case age > oldDays:
		return levelInfo, say("state.old", age)
	}
	return levelGood, say("state.good")
}

func accountState(s finapi.AccountStatus) string {
	switch s {
	case finapi.AccountFailed:
		return "account.failed"
	case finapi.AccountDeprecated:
		return "account.deprecated"
	case finapi.AccountFixed:
		return "account.fixed"
	case finapi.AccountUpdated, finapi.AccountDownloading:
	}
	return ""
}

// daysLeft is how many days there are until a time, 0 on the last one.
func daysLeft(until, now time.Time) int {
	if until.IsZero() || until.Before(now) {
		return 0
	}
	return int(until.Sub(now) / (24 * time.Hour))
}

// former are the ledgers that none of the connections feeds.
func former(ledgers []accountView, connections []connectionView) []accountView {
	fed := map[int64]bool{}
	for _, c := range connections {
		for _, one := range c.Accounts {
			fed[one.ID] = true
		}
	}
	var rest []accountView
	for _, one := range ledgers {
		if !fed[one.ID] {
			rest = append(rest, one)
		}
	}
	return rest
}

// pathOf is the path of something with an id.
func pathOf(what string, id int64, more ...string) string {
	return "/" + strings.Join(append([]string{what, strconv.FormatInt(id, 10)}, more...), "/")
}

// withTold is a path on whose page the customer is told something.
func withTold(path string, id int64) string {
	return path + "?told=" + strconv.FormatInt(id, 10)
}
