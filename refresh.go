package finapi

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RefreshRequest says which connection to update, and whether the customer is
// there.
type RefreshRequest struct {
	Connection ConnectionID
	// Customer describes the customer's device if the customer is present and has
	// asked for the update. Banks allow only 4 updates a day without the customer;
	// with the customer they are not counted. A scheduler must leave it nil.
	Customer *CustomerDevice
	// NewAccounts says what to do about accounts that the customer has opened since
	// the consent. "" means [SkipNewAccounts].
	NewAccounts NewAccounts
}

// CustomerDevice is what a bank may want to know about a customer who is present.
// finAPI takes an IPv6 address for updates only: when something is deleted, it is
// left out.
type CustomerDevice struct {
	// IP is the customer's address as the ERP sees it, up to 64 characters.
	IP string
	// OS is the customer's operating system, up to 1024 characters without control
	// characters; "" if not known.
	OS string
	// UserAgent is the customer's browser, up to 1024 characters without control
	// characters; "" if not known.
	UserAgent string
}

// NewAccounts says what an update does about new accounts.
type NewAccounts string

// The ways to treat new accounts.
const (
	// SkipNewAccounts leaves them out.
	SkipNewAccounts NewAccounts = "SKIP"
	// AllowedNewAccounts imports them if the consent covers them.
	AllowedNewAccounts NewAccounts = "CONDITIONAL"
	// ForceNewAccounts imports them, with a new consent if need be.
	ForceNewAccounts NewAccounts = "FORCED"
)

// Refresh has finAPI fetch news from the bank, waits until they are stored, and
// returns the connection. Without it, everything that is read is finAPI's copy
// of the last update: it grows old without any error.
//
// If the bank wants the customer, Refresh returns an [*ActionRequired]. While the
// customer is present, it has the URL to send the customer to; follow its form with
// [User.WaitConsent]. Without the customer, Refresh does not start an update of which
// finAPI says that it needs the customer, because the form would be dead before
// anybody sees it: call [User.RenewConsent] when the customer clicks. The connection,
// its accounts and their transactions keep their ids then.
//
// Updates without the customer are counted; see [Budget]. When there were too many,
// Refresh refuses with [CodeUpdateLimit] before anything reaches the bank, and
// [Error.RetryAfter] tells when the next one may start.
//
// Refresh waits while another update of the connection goes on. If that is one which
// was asked for by Refresh, perhaps by a program that has ended meanwhile, its outcome
// is returned and no second one is started. The call that starts the update is never
// repeated by itself, because each one counts towards the bank's limit; if its answer
// is lost on the way, Refresh looks whether the update was started.
func (u *User) Refresh(ctx context.Context, r RefreshRequest) (Connection, error) {
	if err := r.validate("RefreshRequest."); err != nil {
		return Connection{}, err
	}
	ctx, end := u.client.begin(ctx, Operation{
		Kind: OperationRefresh, Name: string(OperationRefresh), Attempt: 1, Attended: r.Customer != nil,
	})
	connection, err := u.refresh(ctx, &r)
	end(OperationEnd{Err: err})
	return connection, err
}

func (u *User) refresh(ctx context.Context, r *RefreshRequest) (Connection, error) {
	connection, err := u.Connection(ctx, r.Connection)
	if err != nil {
		return Connection{}, err
	}
	if r.Customer == nil && connection.Ready() && connection.ActionRequired() {
		return connection, &ActionRequired{Connection: r.Connection}
	}
	return u.update(ctx, &connection, r.body())
}

func (r *RefreshRequest) validate(prefix string) error {
	if r.Connection <= 0 {
		return invalid(prefix+"Connection", "must be the id of a connection")
	}
	switch r.NewAccounts {
	case "", SkipNewAccounts, AllowedNewAccounts, ForceNewAccounts:
	default:
		return invalid(prefix+"NewAccounts", "must be one of the known modes")
	}
	return r.Customer.check()
}

func (c *CustomerDevice) check() error {
	switch {
	case c == nil:
		return nil
	case len(c.IP) > 64 || net.ParseIP(c.IP) == nil:
		return invalid("CustomerDevice.IP", "must be an IP address")
	}
	return cmp.Or(checkDeviceText("CustomerDevice.OS", c.OS), checkDeviceText("CustomerDevice.UserAgent", c.UserAgent))
}

// checkDeviceText refuses what would not fit into a header.
func checkDeviceText(field, text string) error {
	if utf8.RuneCountInString(text) > 1024 {
		return invalid(field, "must have 1024 characters at the most")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return invalid(field, "must hold no control characters")
	}
	return nil
}

// header tells finAPI Access about the customer. It takes IPv4 addresses only. What
// is not known is left out.
func (c *CustomerDevice) header(h http.Header) {
	if c == nil {
		return
	}
	if ip := net.ParseIP(c.IP).To4(); ip != nil {
		h.Set("PSU-IP-Address", ip.String())
	}
	if c.OS != "" {
		h.Set("PSU-Device-OS", c.OS)
	}
	if c.UserAgent != "" {
		h.Set("PSU-User-Agent", c.UserAgent)
	}
}

type updateBody struct {
	Connection  ConnectionID   `json:"bankConnectionId"`
	NewAccounts NewAccounts    `json:"importNewAccountsMode"`
	Manage      []string       `json:"manageSavedSettings,omitempty"`
	Callbacks   *formCallbacks `json:"callbacks,omitempty"`
	Customer    *userMetadata  `json:"userMetadata,omitempty"`
}

type userMetadata struct {
	IP        string `json:"ipAddress"`
	OS        string `json:"deviceOs"`
	UserAgent string `json:"userAgent"`
}

func (r *RefreshRequest) body() updateBody {
	b := updateBody{Connection: r.Connection, NewAccounts: r.NewAccounts}
	if b.NewAccounts == "" {
		b.NewAccounts = SkipNewAccounts
	}
	if c := r.Customer; c != nil {
		b.Customer = &userMetadata{IP: c.IP, OS: c.OS, UserAgent: c.UserAgent}
	}
	return b
}
