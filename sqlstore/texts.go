package sqlstore

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/finapi-go/finapi"
)

// This file refuses what a database cannot give back as it was. SQLite would store such a text and
// not find it again, and PostgreSQL refuses it without naming the field.

// checkText refuses what is not UTF-8, or holds a NUL.
func checkText(field, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return invalid(field, "must be UTF-8 without NUL")
	}
	return nil
}

// checkChange checks the texts that have a column of their own, and what people have put in.
func checkChange(ledger finapi.LedgerKey, change *finapi.Change) error {
	err := cmp.Or(
		checkText("LedgerKey.Environment", ledger.Environment), checkText("LedgerKey.Ledger", string(ledger.Ledger)),
		checkText("Mark.Source.User", string(change.Mark.Source.User)),
	)
	for i := 0; err == nil && i < len(change.Rows); i++ {
		row := &change.Rows[i]
		err = cmp.Or(
			checkText("Row.UID", string(row.UID)), checkText("Row.Source.User", string(row.Source.User)),
			checkText("Row.State", string(row.State)), checkText("Row.Fingerprint", row.Fingerprint),
		)
		if err == nil && row.Decision != nil {
			err = checkText("Decision.By", row.Decision.By)
		}
	}
	return err
}

// toJSON writes a value as JSON. What has no such form is refused by the name of the field.
func toJSON(field string, value any) (string, error) {
	data, err := json.Marshal(value)
	var named *finapi.Error
	if err != nil && !errors.As(err, &named) {
		err = invalid(field, "must hold nothing that JSON cannot, such as a year after 9999")
	}
	return string(data), err
}
