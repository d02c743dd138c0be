package finapitest_test

import (
	"fmt"
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
