package finapitest

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
}

// best returns the interface that finAPI uses first: XS2A, then FinTS, then
// scraping.
func (b *Bank) best() *BankInterface {
	for _, name := range []string{interfaceXS2A, interfaceFinTS, interfaceScraper} {
		for i := range b.Interfaces {
			if b.Interfaces[i].Name == name && b.Interfaces[i].AISSupported {
				return &b.Interfaces[i]
			}
		}
	}
	return nil
}

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
