package finapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// BankID identifies a bank at finAPI. Ids differ between the environments, and
// in the sandbox they change; keep them, but be ready to search again.
type BankID int64

// Bank is a bank that finAPI knows.
type Bank struct {
	ID BankID
	// Name is the bank's, for showing.
	Name string
	// BIC is "" if finAPI knows none.
	BIC string
	// BLZ is the national bank code. It is not unique.
	BLZ string
	// Country is an ISO 3166 code such as DE; "" for a bank without a location.
	Country string
	// City is where it is; "" if finAPI does not know.
	City string
	// Test marks a made-up bank of finAPI's, for trying things out.
	Test bool
	// Beta marks a bank whose support may end without notice.
	Beta bool
	// Popularity counts the connections that all of the vendor's customers have.
	Popularity int
	// Interfaces are the ways by which finAPI reaches the bank. It is empty if it
	// cannot; see [Bank.Supported].
	Interfaces []BankInterface
	// LogoURL and IconURL are addresses of pictures; "" if there is none.
	LogoURL, IconURL string
	// Group is the group of banks that the vendor has to book, mostly named after a
	// country; "" if not known.
	Group string
}

// Supported reports whether accounts of the bank can be read through finAPI.
func (b *Bank) Supported() bool {
	return slices.ContainsFunc(b.Interfaces, func(i BankInterface) bool { return i.Readable })
}

// Redirects reports whether the customer logs in on the bank's own pages. At
// such a bank finAPI cannot notice that the same accounts are connected twice.
func (b *Bank) Redirects() bool {
	return slices.ContainsFunc(b.Interfaces, func(i BankInterface) bool {
		return slices.Contains(i.Properties, "REDIRECT_APPROACH")
	})
}

// BankInterface is one way by which finAPI reaches a bank.
type BankInterface struct {
	// Interface names the way.
	Interface BankingInterface
	// Readable is true if accounts can be read this way (finAPI: isAisSupported).
	Readable bool
	// Properties are finAPI's, such as REDIRECT_APPROACH. The set is open.
	Properties []string
	// AccountTypes is a hint which accounts can be expected; empty if finAPI gives
	// none.
	AccountTypes []AccountType
	// Health is the share of technically successful contacts of late, 0 to 100,
	// over all of finAPI's users.
	Health int
	// LastSuccess and LastAttempt are when finAPI last reached, and last tried to
	// reach, the bank; zero if not known.
	LastSuccess, LastAttempt time.Time
	// LoginHint is a text for the customer in the bank's language; often "".
	LoginHint string
	// LoginFields are what the customer types in finAPI's form; nil if the customer
	// logs in at the bank. The ERP never sees their values.
	LoginFields []LoginField
	// AuthenticationGroup names the group of banks that share one registration;
	// its id is 0 if there is none.
	AuthenticationGroup AuthenticationGroup
}

// LoginField is a field of a bank's log-in.
type LoginField struct {
	// Label is in the bank's language.
	Label string
	// Secret fields are hidden while they are typed; Volatile ones change each
	// time, such as a TAN; Mandatory ones must not be empty.
	Secret, Volatile, Mandatory bool
}

// AuthenticationGroup is a group of banks that share a registration of the
// provider.
type AuthenticationGroup struct {
	// ID is finAPI's; 0 if there is no group.
	ID int64
	// Name is for showing.
	Name string
}

// BankingInterface is a way of access to a bank. The set is open.
type BankingInterface string

// The interfaces, in finAPI's order of preference.
const (
	XS2A       BankingInterface = "XS2A"         // the bank's PSD2 interface
	FinTS      BankingInterface = "FINTS_SERVER" // the German home banking standard
	WebScraper BankingInterface = "WEB_SCRAPER"  // the bank's web pages
)

// BankQuery says which banks to list. The zero BankQuery lists all.
type BankQuery struct {
	// Search matches name, BIC, bank code and city; each of its words must occur.
	Search string
	// IDs restricts to these banks, 1000 at the most.
	IDs []BankID
	// Interfaces restricts to banks with at least one of these.
	Interfaces []BankingInterface
	// Countries restricts to ISO 3166 codes such as DE. Banks without a location
	// are always listed besides.
	Countries []string
	// Test restricts to made-up banks (true) or to real ones (false).
	Test *bool
	// AuthenticationGroups restricts to banks of these groups, 1000 at the most.
	AuthenticationGroups []int64
	// OrderBy sorts otherwise than by id: by id, name, blz, bic or popularity. Later
	// keys decide where earlier ones are equal.
	OrderBy []Order
	// PageSize is how many banks are fetched at a time, 1 to 500; 0 means 500.
	PageSize int
}

var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

func (q *BankQuery) values() (url.Values, error) {
	err := cmp.Or(
		checkIDs("BankQuery.IDs", q.IDs),
		checkIDs("BankQuery.AuthenticationGroups", q.AuthenticationGroups),
		checkOrder("BankQuery.OrderBy", q.OrderBy, []string{"id", "name", "blz", "bic", "popularity"}),
	)
	if err != nil {
		return nil, err
	}
	v := url.Values{}
	setText(v, "search", q.Search)
	setIDs(v, "ids", q.IDs)
	setIDs(v, "tppAuthenticationGroupIds", q.AuthenticationGroups)
	for _, i := range q.Interfaces {
		v.Add("supportedBankingInterfaces", string(i))
	}
	for _, country := range q.Countries {
		if !countryPattern.MatchString(country) {
			return nil, invalid("BankQuery.Countries", "must hold codes of two capital letters")
		}
		v.Add("location", country)
	}
	setFlag(v, "isTestBank", q.Test)
	setOrder(v, q.OrderBy)
	return v, nil
}

// Banks iterates over the banks that finAPI knows, ordered by id unless
// [BankQuery.OrderBy] says otherwise. Only countries that the vendor has booked are
// listed.
//
// Each range starts afresh. The iterator yields an error once and ends; breaking
// out sends no further request.
func (c *Client) Banks(ctx context.Context, q BankQuery) iter.Seq2[Bank, error] {
	return c.banks(ctx, c.tokens, q)
}

// Bank returns one bank. An unknown id is refused with [CodeUnknownEntity].
func (c *Client) Bank(ctx context.Context, id BankID) (Bank, error) {
	var answer bankAnswer
	if err := checkIDs("BankID", []BankID{id}); err != nil {
		return Bank{}, err
	}
	err := c.do(ctx, c.tokens, call{endpoint: epBank, ids: []string{text(id)}, into: &answer})
	return answer.Bank, err
}

// Banks does what [Client.Banks] does, with the user's token: an integration has
// seen finAPI refuse the vendor's own token for this call.
func (u *User) Banks(ctx context.Context, q BankQuery) iter.Seq2[Bank, error] {
	if err := checkUser(u.id, u.password); err != nil {
		return failed[Bank](err)
	}
	return u.client.banks(ctx, u.tokens, q)
}

func (c *Client) banks(ctx context.Context, as *tokenSource, q BankQuery) iter.Seq2[Bank, error] {
	size, err := pageSize(q.PageSize)
	if err != nil {
		return failed[Bank](err)
	}
	query, err := q.values()
	if err != nil {
		return failed[Bank](err)
	}
	p := pager[Bank]{
		endpoint: epBanks,
		window:   c.pageWindow,
		sorted:   len(q.OrderBy) > 0,
		id:       func(b *Bank) int64 { return int64(b.ID) },
		fetch: func(ctx context.Context, number int, body *bytes.Buffer) (page[Bank], error) {
			var answer bankPage
			err := c.do(ctx, as, call{endpoint: epBanks, query: pageQuery(query, number, size), into: &answer, buffer: body})
			if err != nil {
				return page[Bank]{}, err
			}
			return newPage(answer.Paging, unwrap(answer.Banks, bankAnswer.value)), nil
		},
	}
	return p.each(ctx)
}

type bankPage struct {
	Banks  []bankAnswer `json:"banks"`
	Paging *paging      `json:"paging"`
}

func (p *bankPage) check() error {
	return cmp.Or(p.Paging.check(), require(requirement{"banks", p.Banks != nil}))
}

// bankAnswer decodes finAPI's form of a bank.
type bankAnswer struct{ Bank }

func (b bankAnswer) value() Bank { return b.Bank }

func (b *bankAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID         BankID `json:"id"`
		Name       string `json:"name"`
		BIC        string `json:"bic"`
		BLZ        string `json:"blz"`
		Country    string `json:"location"`
		City       string `json:"city"`
		Test       bool   `json:"isTestBank"`
		Beta       bool   `json:"isBeta"`
		Popularity int    `json:"popularity"`
		Interfaces []struct {
			Interface    BankingInterface `json:"bankingInterface"`
			Readable     bool             `json:"isAisSupported"`
			Properties   []string         `json:"properties"`
			AccountTypes []AccountType    `json:"aisAccountTypes"`
			Health       int              `json:"health"`
			LastSuccess  instant          `json:"lastSuccessfulCommunication"`
			LastAttempt  instant          `json:"lastCommunicationAttempt"`
			LoginHint    string           `json:"loginHint"`
			LoginFields  []struct {
				Label     string `json:"label"`
				Secret    bool   `json:"isSecret"`
				Volatile  bool   `json:"isVolatile"`
				Mandatory bool   `json:"isMandatory"`
			} `json:"loginCredentials"`
			Group struct {
				ID   int64  `json:"id"`
				Name string `json:"name"`
			} `json:"tppAuthenticationGroup"`
		} `json:"interfaces"`
		Logo struct {
			URL string `json:"url"`
		} `json:"logo"`
		Icon struct {
			URL string `json:"url"`
		} `json:"icon"`
		Group struct {
			Name string `json:"name"`
		} `json:"bankGroup"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if err := require(requirement{"bank.id", raw.ID > 0}, requirement{"bank.name", raw.Name != ""}); err != nil {
		return err
	}
	b.Bank = Bank{
		ID: raw.ID, Name: raw.Name, BIC: raw.BIC, BLZ: raw.BLZ, Country: raw.Country, City: raw.City,
		Test: raw.Test, Beta: raw.Beta, Popularity: raw.Popularity, LogoURL: raw.Logo.URL, IconURL: raw.Icon.URL, Group: raw.Group.Name,
	}
	for _, i := range raw.Interfaces {
		way := BankInterface{
			Interface: i.Interface, Readable: i.Readable, Properties: i.Properties, AccountTypes: i.AccountTypes,
			Health: i.Health, LastSuccess: i.LastSuccess.Time, LastAttempt: i.LastAttempt.Time, LoginHint: i.LoginHint,
			AuthenticationGroup: AuthenticationGroup(i.Group),
		}
		for _, f := range i.LoginFields {
			way.LoginFields = append(way.LoginFields, LoginField(f))
		}
		b.Interfaces = append(b.Interfaces, way)
	}
	return nil
}
