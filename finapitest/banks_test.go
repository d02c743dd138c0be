package finapitest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func bankNames(v object) []string {
	var names []string
	for _, b := range objects(v["banks"]) {
		names = append(names, b["name"].(string))
	}
	return names
}

func TestBanksAreFoundByEachFilter(t *testing.T) {
	t.Parallel()
	c := vendor(t, finapitest.New(t, finapitest.WithEmptyWorld()))
	for query, want := range map[string][]string{
		"search=AMNIS":                           {"amnis"},
		"search=sparkasse+beispielstadt":         {"Stadtsparkasse Beispielstadt"},
		"search=DE02990500000100204711":          {"Stadtsparkasse Beispielstadt"},
		"isTestBank=true":                        {"finAPI Test Bank", "finAPI Test Redirect Bank"},
		"isTestBank=true&order=name,desc":        {"finAPI Test Redirect Bank", "finAPI Test Bank"},
		"ids=280002,9000117":                     {"finAPI Test Redirect Bank", "amnis"},
		"location=LI&isTestBank=false":           {"Liechtensteinische Beispielbank"},
		"supportedBankingInterfaces=WEB_SCRAPER": nil,
		"search=bank&perPage=1&page=2&order=blz&location=CH&isTestBank=false": {"Kantonalbank Beispiel"},
	} {
		t.Run(query, func(t *testing.T) {
			if diff := cmp.Diff(want, bankNames(c.on(t).access("GET", "/api/v2/banks?"+query, nil).want(200).json())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllPagesOfBanksTogetherAreTheDirectory(t *testing.T) {
	t.Parallel()
	c := vendor(t, finapitest.New(t, finapitest.WithEmptyWorld()))
	seen := map[string]bool{}
	for page := 1; page <= 4; page++ {
		v := c.access("GET", fmt.Sprintf("/api/v2/banks?perPage=10&page=%d", page), nil).want(200).json()
		for _, name := range bankNames(v) {
			seen[name] = true
		}
		if n := idOf(t, v["paging"].(object)["pageCount"]); n != 4 {
			t.Errorf("%d pages", n)
		}
	}
	if len(seen) != 38 {
		t.Errorf("%d banks", len(seen))
	}
}

func TestABankWithoutAnInterfaceOrWithoutAISIsNotSupported(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	listed := c.access("GET", fmt.Sprint("/api/v2/banks/", finapitest.UnsupportedBankID), nil).want(200).json()
	if n := len(listed["interfaces"].([]any)); n != 0 {
		t.Errorf("%d interfaces", n)
	}
	for _, id := range []int64{finapitest.UnsupportedBankID, finapitest.NoAISBankID} {
		body := object{"bank": object{"id": id}}
		if code := c.forms("POST", "/api/webForms/bankConnectionImport", body).want(422).code(); code != "BANK_NOT_SUPPORTED" {
			t.Errorf("code is %s", code)
		}
	}
	c.access("GET", "/api/v2/banks/1", nil).want(404)
}
