package finapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
)

// NotificationConfig says what becomes of finAPI's notifications.
type NotificationConfig struct {
	// Keys sign the handles of the rules, 32 random bytes or more each, the same in all
	// programs behind the address. The first one signs. To change it, put the new key in
	// front, make the users' rules anew, and drop the old one then.
	Keys []Secret
	// Notified gets each notification whose handle the handler has signed. It runs while
	// finAPI waits, so it should only note what is due. It may be called several times
	// for one event, and not at all for another. If it fails, finAPI is answered with
	// 500, and the error is logged; finAPI does not repeat the call.
	Notified func(context.Context, Notification) error
}

// Notification is a hint that finAPI's nightly batch update has changed something for a
// user. It says what to look at, not what is there to see: read the accounts or the
// connection anew. The news of [EventNewTransactions] are in finAPI's store already, so
// [Feed.Sync] is enough, without a [User.Refresh].
type Notification struct {
	// Event is what the rule waited for. The set is open.
	Event RuleEvent
	// Rule is the rule's id; 0 if the call named none.
	Rule RuleID
	// User is whose rule it is.
	User UserID
	// Accounts and Connections are those that the call named, in ascending order, each
	// once; both can be empty.
	Accounts    []AccountID
	Connections []ConnectionID
	// NewTransactions is how many bookings are new in all accounts together, as far as
	// the call told.
	NewTransactions int
}

// NotificationHandler receives the calls that finAPI makes because of notification
// rules; see [Rules]. They come to [Configuration.NotificationURL], one address for all
// users, and are not signed: anybody can post to it. So the handler accepts only handles
// that it signed itself. Such a handle names the user, and no table of handles is needed.
// It comes in each call and does not expire, so whoever has seen one can call again: all
// that this does is to make the user due.
//
// It answers 204 to what was handed on, 400 to what is no notification, 403 to a handle
// that is not its own, and 413 to more than 4 MiB. The encrypted parts of a notification
// are neither read nor logged. What is refused is logged at level warn with the reason,
// through [WithLogger].
type NotificationHandler struct {
	client   *Client
	keys     signingKeys
	notified func(context.Context, Notification) error
}

// NewNotificationHandler makes a handler. Mount it under the path of the vendor's
// address for notifications, and make the rules with
// [NotificationHandler.CreateRule].
func (c *Client) NewNotificationHandler(config NotificationConfig) (*NotificationHandler, error) {
	h := &NotificationHandler{client: c, keys: config.Keys, notified: config.Notified}
	if h.notified == nil {
		return nil, invalid("NotificationConfig.Notified", "must not be nil")
	}
	if err := h.keys.check("NotificationConfig.Keys"); err != nil {
		return nil, err
	}
	return h, nil
}

// CreateRule does what [Rules.Create] does, with a handle that leads to the user. The
// Handle of the rule must be empty. The handle holds the user's id at finAPI in plain
// text.
func (h *NotificationHandler) CreateRule(ctx context.Context, u *User, rule Rule) (Rule, error) {
	if err := checkPresent(u); err != nil {
		return Rule{}, err
	}
	if rule.Handle != "" {
		return Rule{}, invalid("Rule.Handle", "must be empty: the handler sets it")
	}
	rule.Handle = h.keys.sign(handlePurpose, h.environment()+string(u.id))
	return u.Rules().Create(ctx, rule)
}

// handlePurpose is what a handle is signed for.
const handlePurpose = "finapi notification handle 1|"

// environment is the first part of a handle, so that one of the sandbox is of no use on
// the live service.
func (h *NotificationHandler) environment() string { return h.client.environment.String() + "|" }

// ServeHTTP receives a notification by POST.
func (h *NotificationHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	ctx := r.Context()
	n, err := h.read(w, r)
	if err != nil {
		var refused *refusedCallError
		status := http.StatusBadRequest
		if errors.As(err, &refused) {
			status = refused.status
		}
		h.client.logger.LogAttrs(ctx, slog.LevelWarn, "finapi notification refused", slog.String("reason", err.Error()))
		w.WriteHeader(status)
		return
	}
	if err := h.notified(ctx, n); err != nil {
		h.client.logger.LogAttrs(ctx, slog.LevelWarn, "finapi notification failed", slog.Any("error", err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// refusedCallError is why a call is not handed on. It quotes nothing of the call.
type refusedCallError struct {
	status int
	reason string
}

func (e *refusedCallError) Error() string { return e.reason }

// maxNotification is far more than a notification has: finAPI leaves the details out
// where there are many.
const maxNotification = 4 << 20

func (h *NotificationHandler) read(w http.ResponseWriter, r *http.Request) (Notification, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotification))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Notification{}, &refusedCallError{http.StatusRequestEntityTooLarge, "its body is too large"}
	case err != nil:
		return Notification{}, &refusedCallError{http.StatusBadRequest, "its body could not be read"}
	}
	body := fieldsOf(data)
	n := Notification{Event: RuleEvent(body.text("triggerEvent")), Rule: RuleID(body.id("notificationRuleId"))}
	if n.Event == "" {
		return Notification{}, &refusedCallError{http.StatusBadRequest, "its body is no notification"}
	}
	said, ok := h.keys.verify(handlePurpose, body.text("callbackHandle"))
	id, here := strings.CutPrefix(said, h.environment())
	if !ok || !here {
		return Notification{}, &refusedCallError{http.StatusForbidden, "its handle is not signed by this handler"}
	}
	n.User = UserID(id)
	n.takeAll(body)
	return n, nil
}

// fields are the parts of a JSON object, not decoded yet. Most of a notification stays
// like that, because it is encrypted.
type fields map[string]json.RawMessage

// fieldsOf is nil if the data are no object.
func fieldsOf(data []byte) fields {
	var f fields
	if json.Unmarshal(data, &f) != nil {
		return nil
	}
	return f
}

// text is "" if there is none.
func (f fields) text(name string) string {
	var text string
	if json.Unmarshal(f[name], &text) != nil {
		return ""
	}
	return text
}

// id is 0 if there is none.
func (f fields) id(name string) int64 {
	var id int64
	if json.Unmarshal(f[name], &id) != nil {
		return 0
	}
	return max(id, 0)
}

// takeAll reads what the notification names. finAPI describes a list newTransactions
// with an entry per account; how the other events look is not known.
// guess: they use the same names, in the body itself or in an object or list of it.
func (n *Notification) takeAll(body fields) {
	n.take(body)
	for _, part := range body {
		var list []json.RawMessage
		if json.Unmarshal(part, &list) != nil {
			list = []json.RawMessage{part}
		}
		for _, entry := range list {
			n.take(fieldsOf(entry))
		}
	}
	slices.Sort(n.Accounts)
	slices.Sort(n.Connections)
	n.Accounts, n.Connections = slices.Compact(n.Accounts), slices.Compact(n.Connections)
}

func (n *Notification) take(entry fields) {
	if id := entry.id("accountId"); id > 0 {
		n.Accounts = append(n.Accounts, AccountID(id))
	}
	if id := entry.id("bankConnectionId"); id > 0 {
		n.Connections = append(n.Connections, ConnectionID(id))
	}
	if count := entry.id("newTransactionsCount"); count <= int64(math.MaxInt32-n.NewTransactions) {
		n.NewTransactions += int(count)
	}
}
