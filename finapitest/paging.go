package finapitest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

const (
	defaultPerPage = 20
	maxPerPage     = 500
)

// paging is the object of that name in answers.
type paging struct {
	Page       int `json:"page"`
	PerPage    int `json:"perPage"`
	PageCount  int `json:"pageCount"`
	TotalCount int `json:"totalCount"`
}

// paging returns where the requested page lies in a list of the given length.
func (q query) paging(total int) (paging, error) {
	p := paging{Page: q.int("page", 1), PerPage: q.int("perPage", defaultPerPage), TotalCount: total}
	if p.Page < 1 {
		return p, badValue("page", q.text("page"))
	}
	if p.PerPage < 1 || p.PerPage > maxPerPage {
		// guess: one integrator reports that finAPI clamps the size instead.
		return p, &refusal{
			status: http.StatusBadRequest, code: codeIllegalPageSize,
			de: "Die Seitengröße muss zwischen 1 und 500 liegen.", en: "The page size must be between 1 and 500.",
		}
	}
	p.PageCount = (total + p.PerPage - 1) / p.PerPage
	return p, nil
}

// cut returns the part of the list that is on the page.
func cut[T any](all []T, p paging) []T {
	from := min((p.Page-1)*p.PerPage, len(all))
	if p.Page > p.PageCount {
		from = len(all)
	}
	return all[from:min(from+p.PerPage, len(all))]
}

// sortBy orders a list by the order parameters, then by those given as the
// default. Fields are compared by the functions given.
func sortBy[T any](all []T, q query, fields map[string]func(a, b T) int, otherwise string) {
	orders := append(slices.Clone(q["order"]), otherwise)
	slices.SortStableFunc(all, func(a, b T) int {
		for _, o := range orders {
			field, direction, _ := strings.Cut(o, ",")
			c := fields[field](a, b)
			if direction == "desc" {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// fieldNames returns the names by which a list can be sorted.
func fieldNames[T any](fields map[string]func(a, b T) int) []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	return names
}

// by compares by a key.
func by[T any, K cmp.Ordered](key func(T) K) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(key(a), key(b)) }
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// allTerms reports whether every word of the search occurs in one of the
// texts, in any case.
func allTerms(search string, texts ...string) bool {
	all := strings.Join(texts, "\n")
	for term := range strings.FieldsSeq(search) {
		if !containsFold(all, term) {
			return false
		}
	}
	return true
}
