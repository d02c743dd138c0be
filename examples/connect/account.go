package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// accountPage is the data of the page of one account.
type accountPage struct {
	View     accountView
	Chart    *chart
	Period   string
	Periods  []string
	Reviews  []review
	Notices  []notice
	Bookings []booking
	// Total is how many bookings the search finds, Pages on how many pages they are.
	Total, Page, Pages int
	// Form is what the customer wrote, Wrong the key of a text if it is not readable.
	Form  url.Values
	Wrong string
	// Agrees says that the bookings add up to the bank's balance; Difference is by how much
	// they do not.
	Known      bool
	Agrees     bool
	Difference finapi.Money
}

// periods are what the chart can show, in days; "all" for everything.
var periods = []string{"30", "90", "365", "all"}

func (a *app) showAccount(v *visit) error {
	data, err := a.accountPage(v)
	if err != nil {
		return err
	}
	a.show(v, http.StatusOK, "account", "title.account", data)
	return nil
}

func (a *app) accountPage(v *visit) (*accountPage, error) {
	view, err := a.accountView(v)
	if err != nil {
		return nil, err
	}
	p := &accountPage{View: view, Form: v.r.URL.Query(), Periods: periods, Period: "365"}
	s := p.search(tongue{lang: v.lang})
	if p.Bookings, p.Total, err = a.books.bookings(v.ctx(), view.ID, &s); err != nil {
		return nil, err
	}
	p.Page, p.Pages = s.Page, max(1, (p.Total+pageSize-1)/pageSize)
	if p.Reviews, err = a.books.reviews(v.ctx(), view.ID); err != nil {
		return nil, err
	}
	if p.Notices, err = a.books.notices(v.ctx(), view.ID); err != nil {
		return nil, err
	}
	days, err := a.books.movements(v.ctx(), view.ID)
	if err != nil {
		return nil, err
	}
	p.draw(days)
	p.prove(days)
	return p, nil
}

func (a *app) accountView(v *visit) (accountView, error) {
	id, err := number(v.r.PathValue("id"))
	if err != nil {
		return accountView{}, err
	}
	l, err := a.books.ledger(v.ctx(), v.tenant(), id)
	if err != nil {
		return accountView{}, err
	}
	view := accountView{ledger: l}
	last, err := a.books.lastBalance(v.ctx(), id)
	if last != nil {
		view.Balance, view.Day = &finapi.Money{Amount: last.Amount, Currency: l.Currency}, last.Day
	}
	return view, err
}

// search reads what the customer is looking for.
func (p *accountPage) search(t tongue) search {
	s := search{Words: printable(p.Form.Get("words"), 200), Page: 1}
	if n, err := strconv.Atoi(p.Form.Get("page")); err == nil && n > 1 && n < 1_000_000 {
		s.Page = n
	}
	if text := strings.TrimSpace(p.Form.Get("amount")); text != "" {
		amount, ok := t.parseAmount(text)
		if !ok {
			p.Wrong = "search.amount.wrong"
		}
		s.Amount = decimal.NullDecimal{Decimal: amount, Valid: ok}
	}
	for _, day := range []struct {
		text string
		into *finapi.Date
	}{{p.Form.Get("from"), &s.From}, {p.Form.Get("to"), &s.To}} {
		if day.text == "" {
			continue
		}
		d, err := finapi.ParseDate(day.text)
		if err != nil {
			p.Wrong = "search.date.wrong"
		}
		*day.into = d
	}
	return s
}

// draw draws the chart of the period that the customer wants to see.
func (p *accountPage) draw(days []movement) {
	for _, known := range periods {
		if p.Form.Get("period") == known {
			p.Period = known
		}
	}
	if !p.View.Opening.Valid {
		return
	}
	var from finapi.Date
	if n, err := strconv.Atoi(p.Period); err == nil {
		from = p.View.Day.AddDays(-n)
	}
	p.Chart = newChart(days, p.View.Opening.Decimal, p.View.Currency, from, p.View.Day)
}

// prove compares the bookings with the bank's balance, exactly.
func (p *accountPage) prove(days []movement) {
	if !p.View.Opening.Valid || p.View.Balance == nil {
		return
	}
	p.Known = true
	difference := p.View.Balance.Amount.Sub(p.View.Opening.Decimal.Add(sum(days)))
	p.Agrees = difference.IsZero()
	p.Difference = finapi.Money{Amount: difference, Currency: p.View.Currency}
}

// Link is the path of the same page with another parameter.
func (p *accountPage) Link(name, value string) string {
	query := url.Values{}
	for key, values := range p.Form {
		if key != "told" && key != "lang" {
			query[key] = values
		}
	}
	query.Set(name, value)
	return pathOf("accounts", p.View.ID) + "?" + query.Encode()
}

// PageLink is the path of another page of the bookings.
func (p *accountPage) PageLink(n int) string { return p.Link("page", strconv.Itoa(n)) + "#bookings" }

// decideReview books a possible double, or discards it, as a person has decided. finAPI
// hears of it, too, and neither brings it again.
func (a *app) decideReview(v *visit) error {
	view, err := a.accountView(v)
	if err != nil {
		return err
	}
	verdict, key := finapi.Confirmed, "told.review.booked"
	if v.r.PostFormValue("decision") == "discard" {
		verdict, key = finapi.Discarded, "told.review.discarded"
	}
	err = a.decide(v.ctx(), &view.ledger, finapi.UID(v.r.PostFormValue("uid")), verdict)
	if finapi.IsError(err, finapi.CodeNotInReview) {
		err = errNotFound
	}
	if err != nil {
		return err
	}
	id, err := a.books.tell(v.ctx(), v.tenant(), a.now(), levelGood, say(key))
	if err != nil {
		return err
	}
	return v.to(withTold(pathOf("accounts", view.ID), id))
}
