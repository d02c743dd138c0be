package finapi

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"
)

// This file writes query parameters. A value that is not set is left out.

// Order is a key to sort a listing by.
type Order struct {
	// By names a property as finAPI spells it; see the query for those it knows.
	By string
	// Descending sorts from the greatest to the least. The default is the other way.
	Descending bool
}

func checkOrder(field string, orders []Order, known []string) error {
	for _, o := range orders {
		if !slices.Contains(known, o.By) {
			return invalid(field, "must name properties that finAPI sorts by")
		}
	}
	return nil
}

func setOrder(v url.Values, orders []Order) {
	for _, o := range orders {
		direction := "asc"
		if o.Descending {
			direction = "desc"
		}
		v.Add("order", o.By+","+direction)
	}
}

func setIDs[T identifier](v url.Values, key string, ids []T) {
	if len(ids) > 0 {
		v[key] = texts(ids)
	}
}

func setText(v url.Values, key, value string) {
	if value != "" {
		v.Set(key, value)
	}
}

func setDate(v url.Values, key string, date Date) { setText(v, key, date.String()) }

func setFlag(v url.Values, key string, flag *bool) {
	if flag != nil {
		v.Set(key, strconv.FormatBool(*flag))
	}
}

func setAmount(v url.Values, key string, amount *decimal.Decimal) {
	if amount != nil {
		v.Set(key, canonical(*amount))
	}
}

func checkRange(field string, from, to Date) error {
	switch {
	case !from.IsZero() && !from.Valid() || !to.IsZero() && !to.Valid():
		return invalid(field, "must be real days")
	case !from.IsZero() && !to.IsZero() && to.Before(from):
		return invalid(field, "must not be after the end of its range")
	}
	return nil
}

// checkBounds refuses amounts that finAPI does not take as limits.
func checkBounds(field string, low, high *decimal.Decimal) error {
	const decimals = 2
	for _, bound := range []*decimal.Decimal{low, high} {
		if bound != nil && !bound.Equal(bound.Truncate(decimals)) {
			return invalid(field, "must have two decimals at the most")
		}
	}
	if low != nil && high != nil && high.LessThan(*low) {
		return invalid(field, "must not be above the end of its range")
	}
	return nil
}
