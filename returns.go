package finapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ReturnConfig says how customers and finAPI's callbacks come back from forms.
type ReturnConfig struct {
	// URL is the handler's public address, to which forms send the customer's browser:
	// https, or http on a loopback address.
	URL string
	// Callback is the handler's public address for finAPI's callbacks: https; often the
	// same as URL. "" means that finAPI does not call back.
	Callback string
	// Keys sign the states, 32 random bytes or more each, the same in all programs
	// behind the address. The first one signs. To change it, put the new key in front
	// and drop the old one an hour later.
	Keys []Secret
	// States remembers the used states. nil means a [MemoryStates] of the handler's own,
	// which is enough for one process.
	States States
	// SignedIn returns the finAPI user of the customer who is signed in to the ERP in
	// this request; nil if nobody is. Its errors are logged and go to Refused.
	SignedIn func(*http.Request) (*User, error)
	// User opens the finAPI user of a callback. It may be nil if Callback is "".
	User func(context.Context, UserID) (*User, error)
	// Returned answers the browser of a customer who came back. It gets what the form
	// says now, not what the URL says. Answer with a redirect, so that a reload of the
	// page does not come back a second time. If the outcome is [ResultPending], finAPI
	// is not done yet: show a page that loads the same address again after some
	// seconds.
	Returned func(http.ResponseWriter, *http.Request, Return)
	// Refused answers the browser of one who came back without a good state. err is an
	// [*Error] with [CodeReturnRefused], with [CodeReturnReplayed] after a reload of the
	// page, or what went wrong while the form was read. nil shows [Error.Remedy] as plain
	// text.
	Refused func(w http.ResponseWriter, r *http.Request, err error)
	// CalledBack gets the outcome of a form from a callback. It may be nil. It is not
	// called again if it fails, because finAPI does not repeat callbacks.
	CalledBack func(context.Context, Return) error
}

// Return is somebody's coming back from a form.
type Return struct {
	// User is the customer that the form belongs to.
	User *User
	// Consent is the form as finAPI described it just now.
	Consent Consent
	// Outcome is what came of it.
	Outcome Outcome
}

// ReturnHandler receives customers who come back from a form, and finAPI's callbacks.
// Both are hints from outside: anybody can send a browser to the address, and the
// callback is not signed. So the handler accepts only states that it signed itself,
// for this user and this form, not expired and not used before; then it reads the form
// from finAPI and hands on what finAPI says.
//
// What is refused is logged at level warn with the reason, without ids, through
// [WithLogger].
type ReturnHandler struct {
	client *Client
	config ReturnConfig
	keys   signingKeys
}

// NewReturnHandler makes a handler. Mount it under the path of its URL.
func (c *Client) NewReturnHandler(config ReturnConfig) (*ReturnHandler, error) {
	h := &ReturnHandler{client: c, config: config, keys: config.Keys}
	switch {
	case !webURL(config.URL, true):
		return nil, invalid("ReturnConfig.URL", "must be https, or http on a loopback address")
	case config.Callback != "" && !webURL(config.Callback, false):
		return nil, invalid("ReturnConfig.Callback", "must be an https URL")
	case hasQuery(config.URL, "state", "outcome"):
		return nil, invalid("ReturnConfig.URL", "must not have a parameter state or outcome: the handler adds them")
	case hasQuery(config.Callback, "state"):
		return nil, invalid("ReturnConfig.Callback", "must not have a parameter state: the handler adds it")
	case config.SignedIn == nil:
		return nil, invalid("ReturnConfig.SignedIn", "must not be nil")
	case config.Returned == nil:
		return nil, invalid("ReturnConfig.Returned", "must not be nil")
	case config.Callback != "" && config.User == nil:
		return nil, invalid("ReturnConfig.User", "must not be nil if there are callbacks")
	}
	if err := h.keys.check("ReturnConfig.Keys"); err != nil {
		return nil, err
	}
	if h.config.States == nil {
		h.config.States = new(MemoryStates)
	}
	return h, nil
}

// StartConsent does what [User.StartConsent] does, with ways back that lead to the
// handler. Return, State and Callback of the request must be empty.
func (h *ReturnHandler) StartConsent(ctx context.Context, u *User, r ConsentRequest) (Consent, error) {
	if err := cmp.Or(checkPresent(u), checkNoWays("ConsentRequest", r.Return, r.State, r.Callback)); err != nil {
		return Consent{}, err
	}
	return u.startConsent(ctx, &r, h.waysBack(u, r.Support))
}

// RenewConsent does what [User.RenewConsent] does, with ways back that lead to the
// handler. Return, State and Callback of the request must be empty.
func (h *ReturnHandler) RenewConsent(ctx context.Context, u *User, r RenewRequest) (Consent, error) {
	if err := cmp.Or(checkPresent(u), checkNoWays("RenewRequest", r.Return, r.State, r.Callback)); err != nil {
		return Consent{}, err
	}
	return u.renewConsent(ctx, &r, h.waysBack(u, r.Support))
}

// Refresh does what [User.Refresh] does. If the bank wants the customer, the URL of the
// [*ActionRequired] has ways back that lead to the handler.
func (h *ReturnHandler) Refresh(ctx context.Context, u *User, r RefreshRequest) (Connection, error) {
	if err := checkPresent(u); err != nil {
		return Connection{}, err
	}
	connection, err := u.Refresh(ctx, r)
	var action *ActionRequired
	if errors.As(err, &action) && action.URL != "" {
		with, failed := h.waysBack(u, "").addTo(action.URL, action.Consent)
		if failed != nil {
			return connection, failed
		}
		action.URL = with
	}
	return connection, err
}

func checkPresent(u *User) error {
	if u == nil {
		return invalid("user", "must not be nil")
	}
	return nil
}

func checkNoWays(request string, ways ...string) error {
	if slices.ContainsFunc(ways, func(way string) bool { return way != "" }) {
		return invalid(request+".Return", "must be empty, like State and Callback: the handler sets them")
	}
	return nil
}

// waysBack signs a state for the form; the callback's state, which is made before
// there is a form, is for the user only.
func (h *ReturnHandler) waysBack(u *User, support string) waysBack {
	once, expires := nonce(), h.client.clock.Now().Add(stateLife)
	return waysBack{
		back: h.config.URL, callback: h.config.Callback, support: support,
		state: func(form ConsentID) string {
			s := returnState{kind: byBrowser, expires: expires, nonce: once, form: form, user: u.id}
			if form == "" {
				s.kind = byCallback
			}
			return s.sign(h.keys)
		},
	}
}

// ServeHTTP receives a browser by GET and a callback by POST.
func (h *ReturnHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet: // not HEAD, which must not use a state up
		h.browser(w, r)
	case http.MethodPost:
		h.callback(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}

// stateOf verifies the state of a request.
func (h *ReturnHandler) stateOf(query url.Values, kind string) (returnState, error) {
	state, ok := verifyState(h.keys, query.Get("state"))
	switch {
	case !ok:
		return state, refusedReturn("its state is not signed by this handler")
	case state.kind != kind:
		return state, refusedReturn("its state is for another way back")
	case h.client.clock.Now().After(state.expires):
		return state, refusedReturn("its state has expired")
	}
	return state, nil
}

func refusedReturn(reason string) error {
	return &Error{Code: CodeReturnRefused, Actor: actorOf(CodeReturnRefused, noStatus), Message: reason}
}

var textsUnread = [2]string{
	"The consent could not be read. Please reload the page.",
	"Die Zustimmung konnte nicht gelesen werden. Bitte laden Sie die Seite neu.",
}

func (h *ReturnHandler) browser(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the state
	back, err := h.cameBack(r)
	if err == nil {
		h.config.Returned(w, r, back)
		return
	}
	h.log(r.Context(), "finapi return", err)
	if h.config.Refused != nil {
		h.config.Refused(w, r, err)
		return
	}
	text, status := in(h.client.language, textsUnread), http.StatusBadGateway
	if e := (*Error)(nil); errors.As(err, &e) {
		text = e.Remedy(h.client.language)
	}
	if IsError(err, CodeReturnRefused, CodeReturnReplayed) {
		status = http.StatusForbidden
	}
	http.Error(w, text, status)
}

// cameBack reads the form of a browser's state.
func (h *ReturnHandler) cameBack(r *http.Request) (Return, error) {
	state, err := h.stateOf(r.URL.Query(), byBrowser)
	if err != nil {
		return Return{}, err
	}
	user, err := h.config.SignedIn(r)
	switch {
	case err != nil:
		return Return{}, err
	case user == nil:
		return Return{}, refusedReturn("nobody is signed in")
	case !state.of(user):
		return Return{}, refusedReturn("its state belongs to another user")
	}
	return h.read(r.Context(), user, state, state.form)
}

// of reports whether a state is a user's. finAPI does not tell upper and lower case
// apart.
func (s *returnState) of(u *User) bool { return strings.EqualFold(string(u.id), string(s.user)) }

// read asks finAPI about the form, and uses up the state once the form has ended.
func (h *ReturnHandler) read(ctx context.Context, user *User, state returnState, form ConsentID) (Return, error) {
	consent, err := user.Consent(ctx, form)
	if IsError(err, CodeNotFound, CodeUnknownEntity) {
		return Return{}, refusedReturn("its form is not one of the user's")
	}
	if err != nil {
		return Return{}, err
	}
	back := Return{User: user, Consent: consent, Outcome: consent.Outcome()}
	if !consent.Done() {
		return back, nil
	}
	first, err := h.config.States.Use(ctx, state.kind+"|"+state.nonce+"|"+string(form), state.expires)
	if err == nil && !first {
		err = &Error{
			Code: CodeReturnReplayed, Actor: actorOf(CodeReturnReplayed, noStatus), Message: "its state was used before",
		}
	}
	return back, err
}

// maxCallback is far more than a callback's body has.
const maxCallback = 64 << 10

// callback answers with success whatever comes of it, because finAPI ignores the
// answer, and nobody else has a right to know.
func (h *ReturnHandler) callback(w http.ResponseWriter, r *http.Request) {
	defer w.WriteHeader(http.StatusNoContent)
	ctx := r.Context()
	back, err := h.calledBack(r)
	if err == nil && back.Consent.Done() && h.config.CalledBack != nil {
		err = h.config.CalledBack(ctx, back)
	}
	if err != nil {
		h.log(ctx, "finapi callback", err)
	}
}

func (h *ReturnHandler) calledBack(r *http.Request) (Return, error) {
	state, err := h.stateOf(r.URL.Query(), byCallback)
	if err != nil {
		return Return{}, err
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxCallback))
	form := calledForm(data)
	if err != nil || !formIDPattern.MatchString(string(form)) {
		return Return{}, refusedReturn("its body names no form")
	}
	user, err := h.config.User(r.Context(), state.user)
	switch {
	case err != nil:
		return Return{}, err
	case user == nil || !state.of(user):
		return Return{}, refusedReturn("its user is not known any more")
	}
	return h.read(r.Context(), user, state, form)
}

// calledForm returns the form that a callback's body names: that of a form, or of a
// task whose form has ended. It is "" if there is none.
func calledForm(data []byte) ConsentID {
	var form struct {
		ID ConsentID `json:"webFormId"`
	}
	var task struct {
		Form struct {
			ID ConsentID `json:"id"`
		} `json:"webForm"`
	}
	if json.Unmarshal(data, &form) != nil || json.Unmarshal(data, &task) != nil {
		return ""
	}
	return cmp.Or(form.ID, task.Form.ID)
}

// log tells of a refusal with its reason, and of a failure with its error.
func (h *ReturnHandler) log(ctx context.Context, what string, err error) {
	var e *Error
	if errors.As(err, &e) && (e.Code == CodeReturnRefused || e.Code == CodeReturnReplayed) {
		h.client.logger.LogAttrs(ctx, slog.LevelWarn, what+" refused", slog.String("reason", e.Message))
		return
	}
	h.client.logger.LogAttrs(ctx, slog.LevelWarn, what+" failed", slog.Any("error", err))
}
