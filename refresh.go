package finapi

import (
	"context"
	"net"
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
type CustomerDevice struct {
	// IP is the customer's address as the ERP sees it, up to 64 characters.
	IP string
	// OS is the customer's operating system, up to 1024 characters.
	OS string
	// UserAgent is the customer's browser, up to 1024 characters.
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
	for !task.done() {
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
	if r.Customer == nil {
		return nil
	}
	if len(r.Customer.IP) > 64 || net.ParseIP(r.Customer.IP) == nil {
		return invalid("CustomerDevice.IP", "must be an IP address")
	}
	if len(r.Customer.OS) > 1024 || len(r.Customer.UserAgent) > 1024 {
		return invalid("CustomerDevice", "must hold texts of 1024 characters at the most")
	}
	return nil
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
func (u *User) startUpdate(ctx context.Context, r *RefreshRequest) (updateTask, error) {
	start := call{endpoint: epStartUpdate, body: r.body(), life: formLife}
	var task updateTask
	start.into = &task
	err := u.do(ctx, start)
	if !IsError(err, CodeLocked) {
		return task, err
	}
	if _, err := u.WaitReady(ctx, r.Connection); err != nil {
		return task, err
	}
	err = u.do(ctx, start)
	return task, err
}

func (u *User) task(ctx context.Context, id string) (updateTask, error) {
	var task updateTask
	err := u.do(ctx, call{endpoint: epTask, ids: []string{id}, into: &task})
	return task, err
}

// outcome turns a finished task into what the caller has to know.
func (u *User) outcome(task *updateTask, connection ConnectionID) error {
	if form := task.Payload.Form; task.Status == taskFormRequired && form != nil {
		if err := u.client.checkFormURL(epTask, form.URL); err != nil {
			return err
		}
		return &ActionRequired{Connection: connection, Consent: form.ID, URL: form.URL}
	}
	code := task.Payload.ErrorCode.clean()
	if task.Status == taskCompleted && code == "" {
		return nil
	}
	if code == "" {
		code = CodeUnreadable
	}
	return &Error{
		Code: code, Actor: actorOf(code, 0), Message: task.Payload.ErrorMessage, Endpoint: endpoints[epTask].String(),
		quoted: true,
	}
}

const (
	taskNotStarted   = "NOT_YET_STARTED"
	taskInProgress   = "IN_PROGRESS"
	taskFormRequired = "WEB_FORM_REQUIRED"
	taskCompleted    = "COMPLETED"
)

// updateTask is finAPI's account of an update that was asked for.
type updateTask struct {
	ID      string `json:"id"`
	Status  string `json:"status"`
	Payload struct {
		Form *struct {
			ID  ConsentID `json:"id"`
			URL string    `json:"url"`
		} `json:"webForm"`
		ErrorCode    Code   `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
	} `json:"payload"`
}

func (t *updateTask) done() bool {
	return t.Status != taskNotStarted && t.Status != taskInProgress
}

func (t *updateTask) check() error {
	return require(requirement{"id", formIDPattern.MatchString(t.ID)}, requirement{"status", t.Status != ""})
}
