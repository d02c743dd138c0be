package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// ConsentID identifies a consent form, which finAPI calls a web form.
type ConsentID string

// Consent is one visit of the customer to finAPI's form, where the customer
// chooses the bank, logs in there and approves what may be read. The ERP and
// this package never see the log-in.
type Consent struct {
	ID ConsentID
	// URL is where to send the customer. It opens once and lives until Expires.
	// Only [User.StartConsent] and [User.RenewConsent] return it with the ways back;
	// [User.Consent] returns the bare form.
	URL     string
	Status  ConsentStatus
	Created time.Time
	// Expires is the end of the form's life, about 20 minutes after Created. It
	// says nothing about the consent at the bank; see [Connection.Expires].
	Expires time.Time
	// Connection is what came of it: the connection to read from, or 0 if there is
	// none (yet). A form that ended badly can leave a connection all the same.
	Connection ConnectionID
	// Renewal is true if the form renews the access of a connection that is there,
	// and false if it connects a bank.
	Renewal bool
	// ErrorCode says why a form ended with an error; otherwise "".
	ErrorCode Code
	// ErrorMessage is a text for the customer, often the bank's; otherwise "".
	ErrorMessage string
}

// ConsentStatus is the state of a form. The set is open.
type ConsentStatus string

// The states of a form.
const (
	ConsentNotOpened  ConsentStatus = "NOT_YET_OPENED"
	ConsentInProgress ConsentStatus = "IN_PROGRESS"
	ConsentCompleted  ConsentStatus = "COMPLETED"
	ConsentFailed     ConsentStatus = "COMPLETED_WITH_ERROR"
	ConsentExpired    ConsentStatus = "EXPIRED"
	ConsentAborted    ConsentStatus = "ABORTED"
	ConsentCancelled  ConsentStatus = "CANCELLED"
)

// Done reports whether the form has ended, well or badly. A status that this
// version does not know counts as still open.
func (c *Consent) Done() bool {
	switch c.Status {
	case ConsentCompleted, ConsentFailed, ConsentExpired, ConsentAborted, ConsentCancelled:
		return true
	case ConsentNotOpened, ConsentInProgress:
	}
	return false
}

// ConsentRequest says what to ask the customer for.
type ConsentRequest struct {
	// Bank is the bank to connect. Give Bank or Search, or neither to let the
	// customer choose in the form.
	Bank BankID
	// Search presets the bank by a text that must match exactly one.
	Search string
	// Name is a name for the connection, up to 64 characters; optional.
	Name string
	// AccountTypes restricts what is imported; empty means all types.
	AccountTypes []AccountType
	// Interfaces restricts the ways to the bank. [XS2A] alone keeps the form
	// short, but not every bank has it. Empty means all.
	Interfaces []BankingInterface
	// MaxDays is how many days of history to import, 14 to 3650; 0 means as many
	// as there are. It cannot be changed later.
	MaxDays int
	// Return is where the form sends the customer afterwards: https, or http on a
	// loopback address. The query parameters "state" and "outcome" are added to
	// it; outcome is success, error or abort. Both are hints from the customer's
	// browser: read the consent before believing them. "" lets the form close
	// itself.
	Return string
	// State comes back in Return and Callback. Make it unguessable and bind it to
	// the customer's session.
	State string
	// Support is a link for a customer who needs help; optional.
	Support string
	// Callback is an https URL that finAPI posts to when the form ends; optional.
	// The call is not signed and may not come, so it is a hint, too.
	Callback string
	// Profile chooses a look of the form that was set up at finAPI; optional.
	Profile string
	// RealBanksOnly hides finAPI's made-up banks.
	RealBanksOnly bool
	// Again connects a bank to which the user has a connection already, for example
	// because the customer has a second log-in there. At a bank with
	// [Bank.Redirects], finAPI cannot notice that the same accounts come twice, so
	// without it such a request is refused with [CodeAlreadyConnected].
	Again bool
}

// StartConsent opens a form for the customer. Send the customer to its URL, then
// follow it with [User.WaitConsent], or read it with [User.Consent] when the
// customer comes back.
//
// To renew a consent that runs out use [User.RenewConsent], not this: a second
// import of the same bank gives every account and every transaction a new id. If
// ConsentRequest.Bank sends customers to its own pages and is connected already,
// the request is refused with [CodeAlreadyConnected], unless
// [ConsentRequest.Again] is set.
//
// The call is never repeated by itself.
func (u *User) StartConsent(ctx context.Context, r ConsentRequest) (Consent, error) {
	return u.startConsent(ctx, &r, r.waysBack())
}

func (u *User) startConsent(ctx context.Context, r *ConsentRequest, ways waysBack) (Consent, error) {
	if err := cmp.Or(r.validate(), ways.check("ConsentRequest.")); err != nil {
		return Consent{}, err
	}
	if err := u.checkFirst(ctx, r); err != nil {
		return Consent{}, err
	}
	var answer consentAnswer
	// The form works with the token that opened it, for as long as it lives.
	err := u.do(ctx, call{endpoint: epStartConsent, body: r.body(ways), into: &answer, life: formLife})
	if err != nil {
		return Consent{}, err
	}
	consent := answer.Consent
	if err := u.client.checkFormURL(epStartConsent, consent.URL); err != nil {
		return Consent{}, err
	}
	consent.URL, err = ways.addTo(consent.URL, consent.ID)
	return consent, err
}

// checkFirst refuses a second import that nobody but the customer could notice.
func (u *User) checkFirst(ctx context.Context, r *ConsentRequest) error {
	if r.Bank == 0 || r.Again {
		return nil
	}
	connections, err := u.Connections(ctx)
	if err != nil {
		return err
	}
	for i := range connections {
		if bank := &connections[i].Bank; bank.ID == r.Bank && bank.Redirects() {
			return &Error{
				Code: CodeAlreadyConnected, Actor: actorOf(CodeAlreadyConnected, noStatus), Endpoint: endpoints[epStartConsent].String(),
				Message: "the customer has a connection to this bank",
			}
		}
	}
	return nil
}

const formLife = 20 * time.Minute

// Consent reads a form. An unknown id, or one of another user, is refused with
// [CodeNotFound]. A form that is not on a host of finAPI's is returned without its URL, and
// refused with [CodeForeignURL].
func (u *User) Consent(ctx context.Context, id ConsentID) (Consent, error) {
	if !formIDPattern.MatchString(string(id)) {
		return Consent{}, errFormID()
	}
	var answer consentAnswer
	if err := u.do(ctx, call{endpoint: epConsent, ids: []string{string(id)}, into: &answer}); err != nil {
		return Consent{}, err
	}
	if err := u.client.checkFormURL(epConsent, answer.URL); err != nil {
		answer.URL = ""
		return answer.Consent, err
	}
	return answer.Consent, nil
}

// WaitConsent waits until the customer is done with the form, and then until the
// connection is ready, so that accounts and transactions are there. It returns
// [Consent.Err] if no connection came of it, or if the renewal failed. It waits for
// as long as ctx allows; the form itself ends after about 20 minutes.
func (u *User) WaitConsent(ctx context.Context, id ConsentID) (Consent, error) {
	consent, err := u.waitForm(ctx, id)
	if err != nil {
		return consent, err
	}
	_, err = u.WaitReady(ctx, consent.Connection)
	return consent, err
}

func (u *User) waitForm(ctx context.Context, id ConsentID) (Consent, error) {
	for {
		consent, err := u.Consent(ctx, id)
		if err != nil {
			return consent, err
		}
		if consent.Done() {
			return consent, consent.Err()
		}
		if u.overdue(&consent) {
			consent.Status = ConsentExpired
			return consent, consent.Err()
		}
		if err := u.client.clock.Sleep(ctx, pollEvery); err != nil {
			return consent, err
		}
	}
}

// overdue ends the wait for a form that finAPI never calls ended, because its
// status is a new one or got stuck.
func (u *User) overdue(c *Consent) bool {
	const grace = 10 * time.Minute
	return !c.Expires.IsZero() && u.client.clock.Now().After(c.Expires.Add(grace))
}

var formIDPattern = regexp.MustCompile(`^[0-9A-Za-z-]{36}$`)

func (r *ConsentRequest) validate() error {
	switch {
	case r.Bank < 0:
		return invalid("ConsentRequest.Bank", "must not be negative")
	case r.Bank != 0 && r.Search != "":
		return invalid("ConsentRequest.Search", "must be empty when Bank is given")
	case len([]rune(r.Name)) > 64:
		return invalid("ConsentRequest.Name", "must have 64 characters at the most")
	case r.MaxDays != 0 && (r.MaxDays < 14 || r.MaxDays > 3650):
		return invalid("ConsentRequest.MaxDays", "must be 0 or between 14 and 3650")
	case r.Profile != "" && !formIDPattern.MatchString(r.Profile):
		return invalid("ConsentRequest.Profile", "must have 36 characters")
	}
	for _, t := range r.AccountTypes {
		if webFormTypes[t] == "" {
			return invalid("ConsentRequest.AccountTypes", "must hold known account types only")
		}
	}
	return nil
}

func (r *ConsentRequest) waysBack() waysBack {
	return waysBack{back: r.Return, callback: r.Callback, support: r.Support, state: plainState(r.State)}
}

type consentBody struct {
	Bank          *consentBank       `json:"bank,omitempty"`
	Name          string             `json:"bankConnectionName,omitempty"`
	AccountTypes  []string           `json:"accountTypes,omitempty"`
	Interfaces    []BankingInterface `json:"allowedInterfaces,omitempty"`
	MaxDays       int                `json:"maxDaysForDownload"`
	Callbacks     *formCallbacks     `json:"callbacks,omitempty"`
	Profile       string             `json:"profileId,omitempty"`
	AllowTestBank bool               `json:"allowTestBank"`
}

type consentBank struct {
	ID     BankID `json:"id,omitempty"`
	Search string `json:"search,omitempty"`
}

type formCallbacks struct {
	Finalised string `json:"finalised"`
}

// body leaves out "redirectUrl": in the body it means the bank's way back, which
// only vendors with a licence of their own may set.
func (r *ConsentRequest) body(ways waysBack) consentBody {
	b := consentBody{
		Name: r.Name, Interfaces: r.Interfaces, MaxDays: r.MaxDays, Profile: r.Profile, AllowTestBank: !r.RealBanksOnly,
	}
	if r.Bank != 0 || r.Search != "" {
		b.Bank = &consentBank{ID: r.Bank, Search: r.Search}
	}
	for _, t := range r.AccountTypes {
		b.AccountTypes = append(b.AccountTypes, webFormTypes[t])
	}
	if ways.callback != "" {
		b.Callbacks = &formCallbacks{Finalised: ways.callbackURL()}
	}
	return b
}

// formHosts are finAPI's own hosts for forms. Its documents and its integrations
// name the live one differently.
var formHosts = []string{"webform-sandbox.finapi.io", "webform-live.finapi.io", "webform.finapi.io"}

// checkFormURL refuses to send a customer anywhere but to finAPI.
func (c *Client) checkFormURL(id endpointID, form string) error {
	u, err := url.Parse(form)
	base, _ := url.Parse(c.base[webForm])
	if err == nil && u.User == nil {
		if u.Scheme == base.Scheme && u.Host == base.Host {
			return nil
		}
		if u.Scheme == "https" && slices.Contains(formHosts, u.Host) {
			return nil
		}
	}
	return &Error{
		Code: CodeForeignURL, Actor: ActorFinAPI, Endpoint: endpoints[id].String(),
		Message: "the form is not on a host of finAPI's",
	}
}

// consentAnswer decodes finAPI's form of a consent form.
type consentAnswer struct{ Consent }

func (a *consentAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID      ConsentID     `json:"id"`
		URL     string        `json:"url"`
		Created instant       `json:"createdAt"`
		Expires instant       `json:"expiresAt"`
		Type    string        `json:"type"`
		Status  ConsentStatus `json:"status"`
		Payload struct {
			Connection   ConnectionID `json:"bankConnectionId"`
			ErrorCode    Code         `json:"errorCode"`
			ErrorMessage string       `json:"errorMessage"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	err := require(
		requirement{"id", raw.ID != ""}, requirement{"url", raw.URL != ""}, requirement{"status", raw.Status != ""},
	)
	if err != nil {
		return err
	}
	a.Consent = Consent{
		ID: raw.ID, URL: raw.URL, Status: raw.Status, Created: raw.Created.Time, Expires: raw.Expires.Time,
		Renewal: raw.Type == "BANK_CONNECTION_UPDATE", Connection: raw.Payload.Connection, ErrorCode: raw.Payload.ErrorCode.clean(), ErrorMessage: raw.Payload.ErrorMessage,
	}
	return nil
}
