package finapitest

import (
	"net/http"
	"slices"
)

type transactionEdit struct {
	IsNew               *bool   `json:"isNew"`
	IsDuplicate         *bool   `json:"isPotentialDuplicate"`
	CategoryID          *int64  `json:"categoryId"`
	TrainCategorization *bool   `json:"trainCategorization"`
	LabelIDs            []int64 `json:"labelIds"`
}

type transactionsEdit struct {
	transactionEdit
	IDs        []int64 `json:"ids"`
	AccountIDs []int64 `json:"accountIds"`
}

// maxEditIDs is the limit of ids when several transactions are changed.
const maxEditIDs = 100

func (e transactionEdit) verify() error {
	if e.IsDuplicate != nil && *e.IsDuplicate {
		return unprocessable(codeIllegalValue, "isPotentialDuplicate kann nur auf false gesetzt werden.", "isPotentialDuplicate can only be set to false.")
	}
	if e.CategoryID != nil && *e.CategoryID != 0 && categoryByID(*e.CategoryID) == nil {
		return unprocessable(codeUnknownEntity, "Kategorie existiert nicht.", "Category does not exist.")
	}
	if len(e.LabelIDs) > 0 {
		return unprocessable(codeUnknownEntity, "Label existiert nicht.", "Label does not exist.")
	}
	return nil
}

// apply reports whether the row changed.
func (e transactionEdit) apply(t *Transaction) bool {
	old := t.clone()
	t.IsNew = orElse(e.IsNew, t.IsNew)
	t.IsPotentialDuplicate = orElse(e.IsDuplicate, t.IsPotentialDuplicate)
	t.CategoryID = orElse(e.CategoryID, t.CategoryID)
	return t.IsNew != old.IsNew || t.IsPotentialDuplicate != old.IsPotentialDuplicate || t.CategoryID != old.CategoryID
}

func (s *Server) editTransaction(c *call) (answer, error) {
	_, t, err := s.ownTransaction(c)
	if err != nil {
		return answer{}, err
	}
	var body transactionEdit
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if err := body.verify(); err != nil {
		return answer{}, err
	}
	body.apply(t)
	return ok(t.body()), nil
}

// editTransactions is PATCH /api/v2/transactions. It answers with the ids of
// the rows that changed.
func (s *Server) editTransactions(c *call) (answer, error) {
	var body transactionsEdit
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if err := body.verify(); err != nil {
		return answer{}, err
	}
	if len(body.IDs) > maxEditIDs {
		return answer{}, &refusal{status: http.StatusBadRequest, code: "TOO_MANY_IDS", de: "Höchstens 100 Ids sind erlaubt.", en: "At most 100 ids are allowed."}
	}
	list := identifierList{Identifiers: []int64{}}
	for _, t := range s.chosen(c.user(), body) {
		if body.apply(t) {
			list.Identifiers = append(list.Identifiers, t.ID)
		}
	}
	slices.Sort(list.Identifiers)
	return ok(list), nil
}

// chosen returns the user's rows that a change addresses: by ids, by accounts,
// or all.
func (s *Server) chosen(u *user, body transactionsEdit) []*Transaction {
	var rows []*Transaction
	for _, a := range s.accountsOf(u) {
		if body.AccountIDs != nil && !slices.Contains(body.AccountIDs, a.ID) {
			continue
		}
		for _, t := range a.rows {
			if body.IDs == nil || slices.Contains(body.IDs, t.ID) {
				rows = append(rows, t)
			}
		}
	}
	return rows
}
