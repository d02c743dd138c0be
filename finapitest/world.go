package finapitest

import (
	"slices"
	"sync"
	"time"
)

// World is what exists outside finAPI: the banks and the accounts that the
// customer has there. A simulator only reads it.
type World struct {
	// Banks is the directory that GET /banks lists.
	Banks []Bank
	// Accounts are the customer's accounts. Who approves a form for a bank
	// shares the accounts held there.
	Accounts []AccountSpec

	// script makes what the banks book day by day; nil for nothing at all.
	script func(start time.Time) script
}

// AccountSpec describes an account that the customer has at a bank. It is
// opened with a balance of zero.
type AccountSpec struct {
	// BankID is the id of the bank in the directory.
	BankID int64
	// Name is the account's name, as the bank shows it.
	Name string
	// IBAN may be empty, as with card accounts.
	IBAN string
	// Number is the account number; it defaults to the end of the IBAN.
	Number string
	// Holder is the name of the account holder.
	Holder string
	// Currency is the ISO code of the account's currency.
	Currency string
	// Type is an Access account type such as Checking or Savings.
	Type string
	// Interfaces are those through which the bank shows the account; empty means
	// all that the bank has.
	Interfaces []string
}

func (a AccountSpec) shownBy(bankingInterface string) bool {
	return len(a.Interfaces) == 0 || slices.Contains(a.Interfaces, bankingInterface)
}

// script tells what the banks book.
type script interface {
	// firstDay is the day of the oldest booking.
	firstDay() Date
	// day returns what becomes known on that day, deterministically and
	// independently of the other days.
	day(d Date) []event
}

// event is a row that a bank books on an account.
type event struct {
	iban    string
	row     Booking
	visible time.Time // from when on the bank shows it as booked
	pending *Booking  // how the bank shows it before, if it does
	from    time.Time // since when it is pending
}

// DefaultWorld returns the world that the package comment describes.
func DefaultWorld() World {
	return World{
		Banks:    defaultBanks(),
		Accounts: defaultAccounts(),
		script:   func(start time.Time) script { return newDiary(start) },
	}
}

// EmptyWorld returns the banks and accounts of the default world without any
// bookings.
func EmptyWorld() World {
	return World{Banks: defaultBanks(), Accounts: defaultAccounts()}
}

const (
	holder = "Seeblick Handel & Verwaltung GmbH"

	amnisEUR      = "amnis EUR"
	amnisCHF      = "amnis CHF"
	amnisUSD      = "amnis USD"
	sparChecking  = "spar checking"
	sparSavings   = "spar savings"
	testChecking  = "test checking"
	redirectGiro  = "redirect giro"
	swissClearing = "30999" // invented: no bank has this clearing number
	sparBLZ       = "99050000"
)

// ibanOf returns the IBAN of one of the default accounts.
func ibanOf(account string) string { return defaultIBANs()[account] }

var defaultIBANs = sync.OnceValue(func() map[string]string {
	return map[string]string{
		amnisEUR:     swiss(swissClearing, "000071490017"),
		amnisCHF:     swiss(swissClearing, "000071490025"),
		amnisUSD:     swiss(swissClearing, "000071490033"),
		sparChecking: german(sparBLZ, "0100204711"),
		sparSavings:  german(sparBLZ, "3100204711"),
		testChecking: "DE77533700080111111100", // finAPI's own, seen on the sandbox
		redirectGiro: german("53370008", "0222222200"),
	}
})

func defaultAccounts() []AccountSpec {
	return []AccountSpec{
		{BankID: AmnisID, Name: "amnis Konto EUR", IBAN: ibanOf(amnisEUR), Holder: holder, Currency: "EUR", Type: "Checking"},
		{BankID: AmnisID, Name: "amnis Konto CHF", IBAN: ibanOf(amnisCHF), Holder: holder, Currency: "CHF", Type: "Checking"},
		{BankID: AmnisID, Name: "amnis Konto USD", IBAN: ibanOf(amnisUSD), Holder: holder, Currency: "USD", Type: "Checking"},
		{BankID: SparkasseID, Name: "Sichteinlagen", IBAN: ibanOf(sparChecking), Holder: holder, Currency: "EUR", Type: "Checking"},
		{BankID: SparkasseID, Name: "Spareinlagen", IBAN: ibanOf(sparSavings), Holder: holder, Currency: "EUR", Type: "Savings"},
		{BankID: TestBankID, Name: "Main-TestAccount", IBAN: ibanOf(testChecking), Holder: "Tommy Sternen-Himmel", Currency: "EUR", Type: "Checking"},
		{BankID: TestRedirectBankID, Name: "Redirect-TestAccount", IBAN: ibanOf(redirectGiro), Holder: "Tommy Sternen-Himmel", Currency: "EUR", Type: "Checking"},
	}
}
