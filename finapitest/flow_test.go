package finapitest_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

func TestCustomerConnectsABankAndEveryBookingAddsUpToTheBalance(t *testing.T) {
	t.Parallel()
	c := customer(t, finapitest.New(t), "kunde")
	c.connect(finapitest.AmnisID)

	total := 0
	for _, a := range c.accounts() {
		rows := c.transactions("&accountIds=" + jsonString(a["id"]))
		sum := decimal.Zero
		for _, r := range rows {
			sum = sum.Add(amountOf(t, r["amount"]))
		}
		if balance := amountOf(t, a["balance"]); !sum.Equal(balance) {
			t.Errorf("account %v: rows add up to %s, balance is %s", a["id"], sum, balance)
		}
		total += len(rows)
		if first := rows[0]["bankBookingDate"].(string); first > "2024-09-02" {
			t.Errorf("history begins on %s, want 18 months", first)
		}
	}
	if total < 1200 {
		t.Errorf("%d rows, want at least 1200", total)
	}
}

func TestNextDayBringsNewBookingsOnlyWithAnUpdate(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithTokenLife(0))
	c := customer(t, sim, "kunde")
	connection := c.connect(finapitest.AmnisID)
	count := func() int64 {
		v := c.access("GET", "/api/v2/transactions?view=bankView&perPage=1", nil).want(200).json()
		return idOf(t, v["paging"].(object)["totalCount"])
	}
	before := count()
	sim.Clock().Advance(24 * time.Hour)
	if n := count(); n != before {
		t.Errorf("%d rows without an update, want %d", n, before)
	}
	if task := c.update(connection, nil); task["status"] != "COMPLETED" {
		t.Fatalf("task ended with %v", task)
	}
	fresh := c.transactions("&minImportDate=2026-03-03")
	if int64(len(fresh)) != count()-before || len(fresh) < 5 || len(fresh) > 20 {
		t.Errorf("%d new rows, want a handful", len(fresh))
	}
}
