package finapi_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/measure"
)

// BenchmarkDecode reads a page of 500 transactions, as the SDK does and as encoding/json does
// into the same types. The limit is json.Valid, which keeps nothing. The costs are processor
// time.
func BenchmarkDecode(b *testing.B) {
	page := measure.Page(1, measure.PageSize, measure.PageSize)
	for name, body := range map[string][]byte{"plain": page, "escaped": measure.Escaped(page)} {
		b.Run(name, func(b *testing.B) {
			costs := measure.Rounds(b, measure.CPUTime,
				measure.Contender{Name: "sdk", Run: times(5, func() error { return decodes(finapi.DecodePage, body) })},
				measure.Contender{Name: "encoding/json", Run: times(5, func() error { return decodes(finapi.DecodePageByEncodingJSON, body) })},
				measure.Contender{Name: "json.Valid", Run: times(5, func() error { return valid(body) })},
			)
			b.ReportMetric(costs.Ratio("encoding/json", "sdk"), "encoding-json/sdk")
			b.ReportMetric(costs.Ratio("sdk", "json.Valid"), "sdk/json.Valid")
			b.ReportMetric(costs.Milliseconds("sdk")/5, "ms/page")
			allocs, bytes, err := measure.Allocated(times(10, func() error { return decodes(finapi.DecodePage, body) }))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(allocs/10/measure.PageSize, "allocs/row")
			b.ReportMetric(bytes/10/measure.PageSize, "B/row")
		})
	}
}

// times is work done n times.
func times(n int, work func() error) func() error {
	return func() error {
		for range n {
			if err := work(); err != nil {
				return err
			}
		}
		return nil
	}
}

func decodes(decode func([]byte) ([]finapi.Transaction, error), page []byte) error {
	rows, err := decode(page)
	if err == nil && len(rows) != measure.PageSize {
		err = errors.New("a page has another number of rows")
	}
	return err
}

func valid(page []byte) error {
	if !json.Valid(page) {
		return errors.New("a page is not JSON")
	}
	return nil
}
