package finapitest

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/shopspring/decimal"
)

// params are the query parameters that an endpoint knows, with the check of
// their values.
type params map[string]check

// check reports whether one value of a parameter is legal. List parameters are
// checked element by element.
type check struct {
	legal func(string) bool
	list  bool
	max   int // of elements in a list; 0 is unlimited
	must  bool
}

func isInt(s string) bool  { _, err := strconv.ParseInt(s, 10, 64); return err == nil }
func isBool(s string) bool { return s == "true" || s == "false" }
func isDate(s string) bool { return Date(s).valid() }
func isText(string) bool   { return true }

// amountPattern allows the two decimals that finAPI documents for limits.
var amountPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?\d+(\.\d{1,2})?$`) })

func isAmount(s string) bool { return amountPattern().MatchString(s) }

func text() check            { return check{legal: isText} }
func flag() check            { return check{legal: isBool} }
func day() check             { return check{legal: isDate} }
func amount() check          { return check{legal: isAmount} }
func idList(limit int) check { return check{legal: isInt, list: true, max: limit} }

func oneOf(values ...string) check {
	return check{legal: func(s string) bool { return slices.Contains(values, s) }}
}

func listOf(values ...string) check {
	c := oneOf(values...)
	c.list = true
	return c
}

func (c check) required() check { c.must = true; return c }

// paged adds the parameters of a paged list that can be sorted by the given
// fields.
func paged(p params, fields ...string) params {
	p["page"] = check{legal: isInt}
	p["perPage"] = check{legal: isInt}
	p["order"] = check{legal: func(s string) bool { return validOrder(s, fields) }}
	return p
}

func validOrder(s string, fields []string) bool {
	field, direction, given := strings.Cut(s, ",")
	return slices.Contains(fields, field) && (!given || direction == "asc" || direction == "desc")
}

// parse checks a query strictly: finAPI ignores parameters that it does not
// know, the simulator refuses them, so that a misspelt filter is found.
func (p params) parse(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("Die Query ist fehlerhaft.", "The query is malformed.")
	}
	for name, given := range values {
		c, known := p[name]
		if !known {
			return nil, badRequest("Unbekannter Parameter '"+name+"'.", "Unknown parameter '"+name+"'.")
		}
		if err := c.verify(name, given); err != nil {
			return nil, err
		}
	}
	for name, c := range p {
		if c.must && values.Get(name) == "" {
			return nil, &refusal{
				status: 400, code: codeMissingField,
				de: "Der Parameter '" + name + "' fehlt.", en: "The parameter '" + name + "' is missing.",
			}
		}
	}
	return query(values), nil
}

func (c check) verify(name string, given []string) error {
	if c.list {
		given = split(given)
	} else if len(given) > 1 && name != "order" {
		return badRequest("Der Parameter '"+name+"' ist mehrfach angegeben.", "The parameter '"+name+"' is given more than once.")
	}
	if c.max > 0 && len(given) > c.max {
		return &refusal{status: 400, code: "TOO_MANY_IDS", de: "Zu viele Werte für '" + name + "'.", en: "Too many values for '" + name + "'."}
	}
	for _, v := range given {
		if !c.legal(v) {
			return badValue(name, v)
		}
	}
	return nil
}

// split takes both forms of lists apart: repeated and comma-separated.
func split(values []string) []string {
	var all []string
	for _, v := range values {
		all = append(all, strings.Split(v, ",")...)
	}
	return all
}

// query holds parameters that were checked.
type query map[string][]string

func (q query) has(name string) bool { return len(q[name]) > 0 }

func (q query) text(name string) string {
	if len(q[name]) == 0 {
		return ""
	}
	return q[name][0]
}

func (q query) texts(name string) []string { return split(q[name]) }

func (q query) date(name string) Date { return Date(q.text(name)) }

func (q query) ids(name string) []int64 {
	var ids []int64
	for _, v := range split(q[name]) {
		id, err := strconv.ParseInt(v, 10, 64)
		if err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// flag returns nil for a parameter that is not given.
func (q query) flag(name string) *bool {
	if !q.has(name) {
		return nil
	}
	v := q.text(name) == "true"
	return &v
}

// amount returns nil for a parameter that is not given.
func (q query) amount(name string) *decimal.Decimal {
	d, err := decimal.NewFromString(q.text(name))
	if err != nil {
		return nil
	}
	return &d
}

func (q query) int(name string, otherwise int) int {
	n, err := strconv.Atoi(q.text(name))
	if err != nil {
		return otherwise
	}
	return n
}
