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
// If the bank wants the customer, Refresh returns an [*ActionRequired] with the
// URL to send the customer to; follow its form with [User.WaitConsent]. The
// connection, its accounts and their transactions keep their ids then.
//
// Refresh waits while another update of the connection goes on. The call that
// starts the update is never repeated by itself, because each one counts towards
// the bank's limit.
func (u *User) Refresh(ctx context.Context, r RefreshRequest) (Connection, error) {
	if err := r.validate(); err != nil {
		return Connection{}, err
	}
	task, err := u.startUpdate(ctx, &r)
	if err != nil {
		return Connection{}, err
	}
	for !task.Done() {
		if err := u.client.clock.Sleep(ctx, pollEvery); err != nil {
			return Connection{}, err
		}
		if task, err = u.task(ctx, task.ID); err != nil {
			return Connection{}, err
		}
	}
	if err := u.outcome(&task, r.Connection); err != nil {
		return Connection{}, err
	}
	return u.WaitReady(ctx, r.Connection)
}

func (r *RefreshRequest) validate() error {
	if r.Connection <= 0 {
		return invalid("RefreshRequest.Connection", "must be the id of a connection")
	}
	switch r.NewAccounts {
	case "", SkipNewAccounts, AllowedNewAccounts, ForceNewAccounts:
	default:
		return invalid("RefreshRequest.NewAccounts", "must be one of the known modes")
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
	Connection  ConnectionID  `json:"bankConnectionId"`
	NewAccounts NewAccounts   `json:"importNewAccountsMode"`
	Customer    *userMetadata `json:"userMetadata,omitempty"`
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

// startUpdate posts the task. While the connection is busy finAPI refuses
// without acting, so waiting and posting again is safe.
func (u *User) startUpdate(ctx context.Context, r *RefreshRequest) (Task, error) {
	var answer taskAnswer
	start := call{endpoint: epStartUpdate, body: r.body(), life: formLife, into: &answer}
	err := u.do(ctx, start)
	if !IsError(err, CodeLocked) {
		return answer.value(), err
	}
	if _, err := u.WaitReady(ctx, r.Connection); err != nil {
		return Task{}, err
	}
	err = u.do(ctx, start)
	return answer.value(), err
}

// outcome turns a finished task into what the caller has to know.
func (u *User) outcome(task *Task, connection ConnectionID) error {
	if task.Status == TaskFormRequired && task.URL == "" || task.ErrorCode == CodeWebFormRequired {
		return &ActionRequired{Connection: connection} // without a form that could be visited
	}
	if task.Status == TaskFormRequired {
		if err := u.client.checkFormURL(epTask, task.URL); err != nil {
			return err
		}
		return &ActionRequired{Connection: connection, Consent: task.Consent, URL: task.URL}
	}
	if task.Status == TaskCompleted && task.ErrorCode == "" {
		return nil
	}
	code := cmp.Or(task.ErrorCode, CodeUnreadable)
	return &Error{
		Code: code, Actor: actorOf(code, 0), Message: task.ErrorMessage, Endpoint: endpoints[epTask].String(), quoted: true,
	}
}
