package finapitest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi/finapitest"
)

// A bank account books independently of finAPI; the simulator's clock decides
// which day it is.
func ExampleBankAccount_Book() {
	sim, err := finapitest.Start(finapitest.WithEmptyWorld())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sim.Close()

	account := sim.BankAccounts("amnis")[0]
	account.Book(finapitest.Booking{Amount: decimal.RequireFromString("1190.00"), Purpose: "RE 2026-0117"})
	sim.Clock().Advance(24 * time.Hour)
	account.Book(finapitest.Booking{Amount: decimal.RequireFromString("-2.50"), Purpose: "PARKHAUS AM MARKT"})

	for _, b := range account.Bookings() {
		fmt.Println(b.BookingDate, b.Amount.StringFixed(2), b.Purpose)
	}
	fmt.Println("balance", account.Balance())
	// Output:
	// 2026-03-02 1190.00 RE 2026-0117
	// 2026-03-03 -2.50 PARKHAUS AM MARKT
	// balance 1187.5
}

// finAPI gives a token, but its answer is lost on the way. The second try gets it.
func ExampleServer_Inject() {
	sim, err := finapitest.Start(finapitest.WithEmptyWorld())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sim.Close()

	lost := sim.Inject(finapitest.Fault{
		Kind:        finapitest.FaultConnectionReset,
		Endpoint:    "POST /api/v2/oauth/token",
		AfterEffect: true,
		Times:       1,
	})
	credentials := url.Values{"grant_type": {"client_credentials"}, "client_id": {sim.ClientID()}, "client_secret": {sim.ClientSecret()}}
	for try := 1; try <= 2; try++ {
		resp, err := http.PostForm(sim.AccessURL()+"/api/v2/oauth/token", credentials)
		if err != nil {
			fmt.Println("try", try, "failed; faults so far:", lost.Hits())
			continue
		}
		_ = resp.Body.Close()
		fmt.Println("try", try, "got", resp.Status)
	}
	// Output:
	// try 1 failed; faults so far: 1
	// try 2 got 200 OK
}

// A test that tries everything that can go wrong, once each.
func ExampleEveryFault() {
	before, after := 0, 0
	for _, fault := range finapitest.EveryFault() {
		// Here, a test lets it happen and looks at what its program makes of it:
		//
		//	fault.Endpoint, fault.Times = "GET /api/v2/transactions", 1
		//	sim.Inject(fault)
		if fault.AfterEffect {
			after++
		} else {
			before++
		}
	}
	fmt.Println(before, "before and", after, "after the effect")
	// Output: 20 before and 12 after the effect
}
