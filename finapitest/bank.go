package finapitest

import "slices"

// Bank is an entry of finAPI's bank directory.
type Bank struct {
	ID         int64
	Name       string
	BIC        string
	BLZ        string
	Location   string // ISO code of the country; empty means none
	City       string
	IsTestBank bool
	IsBeta     bool
	// Interfaces is empty for a bank that finAPI lists but does not support.
	Interfaces []BankInterface
}

// BankInterface is a way in which finAPI reaches a bank.
type BankInterface struct {
	// Name is XS2A, FINTS_SERVER or WEB_SCRAPER.
	Name string
	// Properties are REDIRECT_APPROACH and the like.
	Properties []string
	// AISSupported tells whether account information can be read.
	AISSupported bool
	// Health is the share of technically successful tries, 0 to 100.
	Health int
	// LoginFields are the labels of what the customer logs in with.
	LoginFields []string
	// AccountTypes is a hint at what the bank delivers.
	AccountTypes []string
	// FixedAccounts tells that a consent names its accounts, so that those which
	// the customer opens later need a new one.
	FixedAccounts bool
}

// byPriority returns the interfaces that can read accounts, in the order in which
// finAPI uses them: XS2A, then FinTS, then scraping.
func (b *Bank) byPriority() []*BankInterface {
	var usable []*BankInterface
	for _, name := range []string{interfaceXS2A, interfaceFinTS, interfaceScraper} {
		if i := b.through(name); i != nil && i.AISSupported {
			usable = append(usable, i)
		}
	}
	return usable
}

// through returns the bank's interface of that name, or nil.
func (b *Bank) through(name string) *BankInterface {
	for i := range b.Interfaces {
		if b.Interfaces[i].Name == name {
			return &b.Interfaces[i]
		}
	}
	return nil
}

func (i *BankInterface) redirects() bool { return slices.Contains(i.Properties, "REDIRECT_APPROACH") }

func (i *BankInterface) decoupled() bool { return slices.Contains(i.Properties, "DECOUPLED_APPROACH") }

const (
	interfaceXS2A    = "XS2A"
	interfaceFinTS   = "FINTS_SERVER"
	interfaceScraper = "WEB_SCRAPER"
)

// bank returns the bank with the given id, or nil.
func (s *Server) bank(id int64) *Bank {
	for i := range s.banks {
		if s.banks[i].ID == id {
			return &s.banks[i]
		}
	}
	return nil
}
