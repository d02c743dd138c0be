package measure_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/finapi-go/finapi/internal/measure"
)

func TestAPageIsAsTheOneThatTheTargetsWereMeasuredWith(t *testing.T) {
	t.Parallel()
	page := measure.Page(1, measure.PageSize, 40*measure.PageSize)
	if a := len(page) / measure.PageSize; a < 1290 || a > 1330 {
		t.Errorf("a row has %d bytes, want about 1,308", a)
	}
	var body struct {
		Transactions []json.RawMessage `json:"transactions"`
	}
	if err := json.Unmarshal(page, &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Transactions) != measure.PageSize {
		t.Fatalf("the page has %d rows, want %d", len(body.Transactions), measure.PageSize)
	}
	for _, row := range body.Transactions {
		var fields map[string]any
		if err := json.Unmarshal(row, &fields); err != nil {
			t.Fatal(err)
		}
		if len(fields) != 43 {
			t.Fatalf("a row has %d fields, want 43:\n%s", len(fields), row)
		}
	}
	if escaped := measure.Escaped(page); bytes.Count(escaped, []byte(`\n\"`)) != measure.PageSize || !json.Valid(escaped) {
		t.Error("the escaped page has not one line break in each row")
	}
}
