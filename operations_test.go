package finapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

func ptr[T any](value T) *T { return &value }

// theDevice is a customer who is present.
func theDevice() *finapi.CustomerDevice {
	return &finapi.CustomerDevice{IP: "192.0.2.7", OS: "Linux 6.12", UserAgent: "Mozilla/5.0 (X11)"}
}

// theDeviceHeaders is theDevice as finAPI Access wants it.
func theDeviceHeaders() map[string]string {
	return map[string]string{
		"Psu-Ip-Address": "192.0.2.7", "Psu-Device-Os": "Linux 6.12", "Psu-User-Agent": "Mozilla/5.0 (X11)",
	}
}

// writing is a public method that changes something, with the request that it must
// send. Creating a user, starting forms and updates have tests of their own.
type writing struct {
	name, route string
	fixture     string // of the answer; "" for an answer without a body
	query       string // raw
	body        string // exact; "" for none
	form        bool   // the body is a form, else JSON
	customer    map[string]string
	token       string // whose token is used: "client" or "user"
	once        bool   // never sent a second time
	call        func(context.Context, *finapi.Client, *finapi.User) error
}

func (w writing) answer(tb testing.TB) reply {
	tb.Helper()
	if w.fixture == "" {
		return reply{}
	}
	return fixtureReply(tb, w.fixture)
}

const (
	renameRoute        = "PATCH /api/v2/bankConnections/3540249"
	dropRoute          = "DELETE /api/v2/bankConnections/3540249"
	deleteConsentRoute = "DELETE /api/v2/bankConnections/3540249/aisConsent"
	accountPath        = "/api/v2/accounts/3587742"
	ruleRoute          = "POST /api/v2/notificationRules"
	mockRoute          = "POST /api/v2/tests/mockBatchUpdate"
	revokeRoute        = "POST /api/v2/oauth/revoke"
)

func writings() []writing {
	return slices.Concat(userWritings(), connectionWritings(), accountWritings(), transactionWritings(), otherWritings())
}

func userWritings() []writing {
	return []writing{
		{
			name: "everything of a profile", route: "PATCH /api/v2/users", fixture: "user.json", token: "user",
			body: `{"email":"buchhaltung@beispiel.example","phone":"+49 99 1","isAutoUpdateEnabled":true}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditProfile(ctx, finapi.ProfileChange{
					Email: ptr("buchhaltung@beispiel.example"), Phone: ptr("+49 99 1"), AutoUpdate: ptr(true),
				})
				return err
			},
		},
		{
			name: "a text that is cleared", route: "PATCH /api/v2/users", fixture: "user.json", token: "user", body: `{"phone":""}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditProfile(ctx, finapi.ProfileChange{Phone: ptr("")})
				return err
			},
		},
		{
			name: "a switch that is turned off", route: "PATCH /api/v2/users", fixture: "user.json", token: "user",
			body: `{"isAutoUpdateEnabled":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditProfile(ctx, finapi.ProfileChange{AutoUpdate: ptr(false)})
				return err
			},
		},
		{
			name: "a user that is verified", route: "POST /api/v2/users/verify/a+b@c.example", token: "client", once: true,
			call: func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
				return c.VerifyUser(ctx, "a+b@c.example")
			},
		},
	}
}

func connectionWritings() []writing {
	return []writing{
		{
			name: "a new name", route: renameRoute, fixture: "bank_connection_ready.json", token: "user", body: `{"name":"Hausbank \u0026 Co"}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.RenameConnection(ctx, 3540249, "Hausbank & Co")
				return err
			},
		},
		{
			name: "a name that is cleared", route: renameRoute, fixture: "bank_connection_ready.json", token: "user", body: `{"name":""}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.RenameConnection(ctx, 3540249, "")
				return err
			},
		},
		{
			name: "a connection without the customer", route: dropRoute, token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteConnection(ctx, 3540249, nil)
			},
		},
		{
			name: "a connection with the customer", route: dropRoute, token: "user", once: true, customer: theDeviceHeaders(),
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteConnection(ctx, 3540249, theDevice())
			},
		},
		{
			name: "a consent without the customer", route: deleteConsentRoute, fixture: "consent_deleted.json", token: "user", once: true,
			query: "bankingInterface=XS2A&forceDeletion=false",
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: 3540249, Interface: finapi.XS2A})
				return err
			},
		},
		{
			name: "a consent by force with the customer", route: deleteConsentRoute, fixture: "consent_deleted.json", token: "user",
			query: "bankingInterface=FINTS_SERVER&forceDeletion=true", once: true, customer: theDeviceHeaders(),
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.DeleteConsent(ctx, finapi.ConsentDeletion{
					Connection: 3540249, Interface: finapi.FinTS, Force: true, Customer: theDevice(),
				})
				return err
			},
		},
	}
}

func accountWritings() []writing {
	return []writing{
		{
			name: "everything of an account", route: "PATCH " + accountPath, fixture: "account.json", token: "user",
			body: `{"accountName":"Giro","accountType":"Checking","isNew":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditAccount(ctx, 3587742, finapi.AccountChange{
					Name: ptr("Giro"), Type: ptr(finapi.Checking), New: ptr(false),
				})
				return err
			},
		},
		{
			name: "a mark of an account", route: "PATCH " + accountPath, fixture: "account.json", token: "user", body: `{"isNew":true}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.EditAccount(ctx, 3587742, finapi.AccountChange{New: ptr(true)})
				return err
			},
		},
		{
			name: "an account without the customer", route: "DELETE " + accountPath, token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteAccount(ctx, 3587742, nil)
			},
		},
		{
			name: "an account with the customer", route: "DELETE " + accountPath, token: "user", once: true, customer: theDeviceHeaders(),
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteAccount(ctx, 3587742, theDevice())
			},
		},
	}
}

func transactionWritings() []writing {
	return []writing{
		{
			name: "rows that are marked as seen", route: "PATCH /api/v2/transactions", fixture: "transactions_edited.json", token: "user",
			body: `{"ids":[1860779451,9007199254740993],"isNew":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.MarkTransactions(ctx, false, 1860779451, 9007199254740993)
				return err
			},
		},
		{
			name: "a row that is marked as new", route: "PATCH /api/v2/transactions", fixture: "transactions_edited.json", token: "user",
			body: `{"ids":[1860779451],"isNew":true}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.MarkTransactions(ctx, true, 1860779451)
				return err
			},
		},
		{
			name: "a row that is no duplicate", route: "PATCH /api/v2/transactions/1860779451", fixture: "transaction_not_duplicate.json",
			token: "user", body: `{"isPotentialDuplicate":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.ConfirmTransaction(ctx, 1860779451)
				return err
			},
		},
		{
			name: "a row", route: "DELETE /api/v2/transactions/1860779451", token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.DeleteTransaction(ctx, 1860779451)
			},
		},
	}
}

func otherWritings() []writing {
	return []writing{
		{
			name: "a rule with everything", route: ruleRoute, fixture: "notification_rule.json", token: "user", once: true,
			body: `{"triggerEvent":"NEW_TRANSACTIONS","params":{"accountIds":"3587742,3587743","maxTransactionsCount":"10"},` +
				`"callbackHandle":"b3f1c0de-mandant-4711","includeDetails":true}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				rule := theRule()
				rule.ID = 0
				_, err := u.Rules().Create(ctx, rule)
				return err
			},
		},
		{
			name: "a rule with nothing but its event", route: ruleRoute, fixture: "notification_rule.json", token: "user", once: true,
			body: `{"triggerEvent":"NEW_TRANSACTIONS","includeDetails":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Rules().Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions})
				return err
			},
		},
		{
			name: "a rule that is deleted", route: "DELETE /api/v2/notificationRules/5511", token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error { return u.Rules().Delete(ctx, 5511) },
		},
		{
			name: "a form that is cancelled", route: "POST /api/webForms/" + formID + "/cancel", fixture: "web_form_cancelled.json",
			token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Forms().Cancel(ctx, formID)
				return err
			},
		},
		{
			name: "a form that is deleted", route: "DELETE /api/webForms/" + formID, token: "user", once: true,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.Forms().Delete(ctx, formID)
			},
		},
		{
			name: "a login error", route: mockRoute, token: "user", once: true,
			body: `{"mockBankConnectionUpdates":[{"bankConnectionId":3540249,"bankingInterface":"FINTS_SERVER",` +
				`"simulateBankLoginError":true}],"triggerNotifications":false}`,
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.MockBatchUpdate(ctx, false, finapi.MockUpdate{Connection: 3540249, Interface: finapi.FinTS, LoginError: true})
			},
		},
		{
			name: "a logout", route: revokeRoute, token: "client", form: true, body: "token=token-1",
			call: func(ctx context.Context, _ *finapi.Client, u *finapi.User) error { return u.Logout(ctx) },
		},
	}
}

func TestEveryWriteIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	for _, w := range writings() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			accounts := ready(server)
			server.on(w.route, w.answer(t))
			client := server.client()
			user := client.User(userName, finapi.NewSecret(password))
			must(t, accounts(t.Context(), user)) // so that the user's token is token-1
			must(t, w.call(t.Context(), client, user))
			r := server.asked(w.route)[0]
			same(t, w.query, r.url.RawQuery)
			same(t, w.body, r.body)
			same(t, w.contentType(), r.header.Get("Content-Type"))
			same(t, w.customer, deviceHeaders(r.header))
			same(t, map[string]string{"user": "token-1", "client": "token-2"}[w.token], r.token())
			same(t, "", r.header.Get("X-Http-Method-Override"))
		})
	}
}

func (w writing) contentType() string {
	switch {
	case w.form:
		return "application/x-www-form-urlencoded"
	case w.body != "":
		return "application/json"
	}
	return ""
}

// deviceHeaders are the headers about the customer; nil if there is none.
func deviceHeaders(h http.Header) map[string]string {
	var found map[string]string
	for name := range h {
		if strings.HasPrefix(name, "Psu-") {
			if found == nil {
				found = map[string]string{}
			}
			found[name] = h.Get(name)
		}
	}
	return found
}

func TestAWriteThatCannotBeRepeatedSafelyIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, w := range writings() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			accounts := ready(server)
			server.on(w.route, reply{status: 503}, w.answer(t))
			client := server.client()
			user := client.User(userName, finapi.NewSecret(password))
			must(t, accounts(t.Context(), user))
			err := w.call(t.Context(), client, user)
			if failed := err != nil; failed != w.once {
				t.Errorf("the error is %v, but sent once only is %v", err, w.once)
			}
		})
	}
}

func TestAWriteThatIsRefusedIsAnErrorAndReturnsNothing(t *testing.T) {
	t.Parallel()
	locked := reply{status: 423, body: fixture(t, "error_423_locked.json")}
	for _, w := range writings() {
		server := newStub(t)
		accounts := ready(server)
		server.on(w.route, locked)
		client := server.client()
		user := client.User(userName, finapi.NewSecret(password))
		must(t, accounts(t.Context(), user))
		if err := w.call(t.Context(), client, user); !finapi.IsError(err, finapi.CodeLocked) {
			t.Errorf("%s: got %v", w.name, err)
		}
		server.wantCalls(w.route, 1)
	}
}

func TestAWriteWhoseAnswerIsNotOneIsUnreadable(t *testing.T) {
	t.Parallel()
	for _, w := range writings() {
		if w.fixture == "" {
			continue // finAPI sends no content
		}
		for _, body := range []string{"", "{}", "[]", "null", "<html>", `{"identifiers":null}`, `{"id":null}`} {
			server := newStub(t)
			server.on(w.route, reply{body: body})
			client := server.client()
			err := w.call(t.Context(), client, client.User(userName, finapi.NewSecret(password)))
			if !finapi.IsError(err, finapi.CodeUnreadable) {
				t.Errorf("%s: %q gave %v", w.name, body, err)
			}
		}
	}
}

func TestOnlyWhatIsKnownOfTheCustomerIsToldToTheBank(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		device finapi.CustomerDevice
		want   map[string]string
	}{
		{"an IPv6 address, which finAPI does not take", finapi.CustomerDevice{IP: "2001:db8::7", OS: "iOS", UserAgent: "Safari"}, map[string]string{
			"Psu-Device-Os": "iOS", "Psu-User-Agent": "Safari",
		}},
		{"an IPv4 address in the clothes of IPv6", finapi.CustomerDevice{IP: "::ffff:192.0.2.7", OS: "iOS", UserAgent: "Safari"}, map[string]string{
			"Psu-Ip-Address": "192.0.2.7", "Psu-Device-Os": "iOS", "Psu-User-Agent": "Safari",
		}},
		{"an address alone", finapi.CustomerDevice{IP: "192.0.2.7"}, map[string]string{"Psu-Ip-Address": "192.0.2.7"}},
		{"texts beyond ASCII", finapi.CustomerDevice{IP: "192.0.2.7", OS: "Größe", UserAgent: "東京"}, map[string]string{
			"Psu-Ip-Address": "192.0.2.7", "Psu-Device-Os": "Größe", "Psu-User-Agent": "東京",
		}},
		{"texts of the greatest length", finapi.CustomerDevice{
			IP: "192.0.2.7", OS: strings.Repeat("ä", 1024), UserAgent: strings.Repeat("x", 1024),
		}, map[string]string{
			"Psu-Ip-Address": "192.0.2.7", "Psu-Device-Os": strings.Repeat("ä", 1024), "Psu-User-Agent": strings.Repeat("x", 1024),
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on(dropRoute, reply{})
			must(t, server.user().DeleteConnection(t.Context(), 3540249, &tt.device))
			same(t, tt.want, deviceHeaders(server.asked(dropRoute)[0].header))
		})
	}
}

func TestADeviceThatIsNoneIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		device finapi.CustomerDevice
		field  string
	}{
		{finapi.CustomerDevice{}, "CustomerDevice.IP"},
		{finapi.CustomerDevice{IP: "erp.example"}, "CustomerDevice.IP"},
		{finapi.CustomerDevice{IP: "192.0.2.7:443"}, "CustomerDevice.IP"},
		{finapi.CustomerDevice{IP: "192.0.2.7\r\nX-Evil: 1"}, "CustomerDevice.IP"},
		{finapi.CustomerDevice{IP: "fe80::1%eth0"}, "CustomerDevice.IP"},
		{finapi.CustomerDevice{IP: "192.0.2.7", OS: strings.Repeat("x", 1025)}, "CustomerDevice.OS"},
		{finapi.CustomerDevice{IP: "192.0.2.7", OS: "a\r\nX-Evil: 1"}, "CustomerDevice.OS"},
		{finapi.CustomerDevice{IP: "192.0.2.7", OS: "a\x00"}, "CustomerDevice.OS"},
		{finapi.CustomerDevice{IP: "192.0.2.7", UserAgent: strings.Repeat("x", 1025)}, "CustomerDevice.UserAgent"},
		{finapi.CustomerDevice{IP: "192.0.2.7", UserAgent: "a\tb"}, "CustomerDevice.UserAgent"},
		{finapi.CustomerDevice{IP: "192.0.2.7", UserAgent: "a\u0085b"}, "CustomerDevice.UserAgent"},
	}
	server := newStub(t)
	user := server.user()
	for _, tt := range cases {
		mustRefuse(t, user.DeleteConnection(t.Context(), 1, &tt.device), tt.field)
		mustRefuse(t, user.DeleteAccount(t.Context(), 1, &tt.device), tt.field)
		_, err := user.DeleteConsent(t.Context(), finapi.ConsentDeletion{Connection: 1, Interface: finapi.XS2A, Customer: &tt.device})
		mustRefuse(t, err, tt.field)
		_, err = user.Refresh(t.Context(), finapi.RefreshRequest{Connection: 1, Customer: &tt.device})
		mustRefuse(t, err, tt.field)
	}
	if len(server.requests) != 0 {
		t.Error("a bad device was sent")
	}
}

// refusal is a call with a bad input, and the field that the error must name.
type refusal struct {
	name, field string
	call        func(context.Context, *finapi.Client, *finapi.User) error
}

func TestABadInputIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, tt := range slices.Concat(badIDs(), badTexts(), badRules()) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			client := server.client()
			mustRefuse(t, tt.call(t.Context(), client, client.User(userName, finapi.NewSecret(password))), tt.field)
			if len(server.requests) != 0 {
				t.Error("it was sent")
			}
		})
	}
}

// badIDs tries ids that finAPI never gives.
func badIDs() []refusal {
	type (
		ctx  = context.Context
		user = *finapi.User
	)
	takes := []struct {
		name, field string
		call        func(ctx, user, int64) error
	}{
		{"renaming a connection", "ConnectionID", func(c ctx, u user, id int64) error {
			_, err := u.RenameConnection(c, finapi.ConnectionID(id), "x")
			return err
		}},
		{"deleting a connection", "ConnectionID", func(c ctx, u user, id int64) error {
			return u.DeleteConnection(c, finapi.ConnectionID(id), nil)
		}},
		{"deleting a consent", "ConsentDeletion.Connection", func(c ctx, u user, id int64) error {
			_, err := u.DeleteConsent(c, finapi.ConsentDeletion{Connection: finapi.ConnectionID(id), Interface: finapi.XS2A})
			return err
		}},
		{"editing an account", "AccountID", func(c ctx, u user, id int64) error {
			_, err := u.EditAccount(c, finapi.AccountID(id), finapi.AccountChange{New: ptr(true)})
			return err
		}},
		{"deleting an account", "AccountID", func(c ctx, u user, id int64) error {
			return u.DeleteAccount(c, finapi.AccountID(id), nil)
		}},
		{"reading a transaction", "TransactionID", func(c ctx, u user, id int64) error {
			_, err := u.Transaction(c, finapi.TransactionID(id))
			return err
		}},
		{"confirming a transaction", "TransactionID", func(c ctx, u user, id int64) error {
			_, err := u.ConfirmTransaction(c, finapi.TransactionID(id))
			return err
		}},
		{"deleting a transaction", "TransactionID", func(c ctx, u user, id int64) error {
			return u.DeleteTransaction(c, finapi.TransactionID(id))
		}},
		{"marking transactions", "ids", func(c ctx, u user, id int64) error {
			_, err := u.MarkTransactions(c, false, 1, finapi.TransactionID(id))
			return err
		}},
		{"reading a pending transaction", "PendingTransaction", func(c ctx, u user, id int64) error {
			_, err := u.PendingTransaction(c, id)
			return err
		}},
		{"reading a rule", "RuleID", func(c ctx, u user, id int64) error {
			_, err := u.Rules().Get(c, finapi.RuleID(id))
			return err
		}},
		{"deleting a rule", "RuleID", func(c ctx, u user, id int64) error { return u.Rules().Delete(c, finapi.RuleID(id)) }},
		{"mocking a connection", "MockUpdate.Connection", func(c ctx, u user, id int64) error {
			return u.MockBatchUpdate(c, false, finapi.MockUpdate{Connection: finapi.ConnectionID(id), Interface: finapi.XS2A})
		}},
		{"mocking an account", "MockAccount.Account", func(c ctx, u user, id int64) error {
			return u.MockBatchUpdate(c, false, finapi.MockUpdate{
				Connection: 1, Interface: finapi.XS2A, Accounts: []finapi.MockAccount{{Account: finapi.AccountID(id)}},
			})
		}},
	}
	var all []refusal
	for _, take := range takes {
		for label, id := range map[string]int64{"zero": 0, "negative": -1} {
			all = append(all, refusal{
				take.name + " with an id that is " + label, take.field,
				func(c context.Context, _ *finapi.Client, u *finapi.User) error { return take.call(c, u, id) },
			})
		}
	}
	return all
}

// badTexts tries texts that finAPI does not take.
func badTexts() []refusal {
	long := func(n int) *string { return ptr(strings.Repeat("ä", n)) }
	profile := func(change finapi.ProfileChange) func(context.Context, *finapi.Client, *finapi.User) error {
		return func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.EditProfile(ctx, change)
			return err
		}
	}
	account := func(change finapi.AccountChange) func(context.Context, *finapi.Client, *finapi.User) error {
		return func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.EditAccount(ctx, 1, change)
			return err
		}
	}
	all := []refusal{
		{"an e-mail address that is too long", "Email", profile(finapi.ProfileChange{Email: long(321)})},
		{"a phone number that is too long", "Phone", profile(finapi.ProfileChange{Phone: long(51)})},
		{"an account without a name", "AccountChange.Name", account(finapi.AccountChange{Name: ptr("")})},
		{"an account's name that is too long", "AccountChange.Name", account(finapi.AccountChange{Name: long(513)})},
		{"an account without a type", "AccountChange.Type", account(finapi.AccountChange{Type: ptr(finapi.AccountType(""))})},
		{"a connection's name that is too long", "name", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.RenameConnection(ctx, 1, *long(65))
			return err
		}},
		{"a consent without an interface", "ConsentDeletion.Interface", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: 1})
			return err
		}},
		{"no rows to mark", "ids", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.MarkTransactions(ctx, false)
			return err
		}},
		{"more than 100 rows to mark", "ids", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.MarkTransactions(ctx, false, make([]finapi.TransactionID, 101)...)
			return err
		}},
	}
	for _, id := range []finapi.UserID{"", "a b", "ä", "a/b", finapi.UserID(strings.Repeat("x", 37))} {
		all = append(
			all,
			refusal{"the verification of a user " + string(id), "UserID", func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
				return c.VerifyUser(ctx, id)
			}},
			refusal{"the state of a user " + string(id), "UserID", func(ctx context.Context, c *finapi.Client, _ *finapi.User) error {
				_, err := c.UserVerified(ctx, id)
				return err
			}},
		)
	}
	for _, id := range []string{"", "x", strings.Repeat("x", 37), "../../../api/v2/users/................"} {
		all = append(
			all,
			refusal{"cancelling the form " + id, "ConsentID", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Forms().Cancel(ctx, finapi.ConsentID(id))
				return err
			}},
			refusal{"deleting the form " + id, "ConsentID", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				return u.Forms().Delete(ctx, finapi.ConsentID(id))
			}},
			refusal{"reading the task " + id, "TaskID", func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
				_, err := u.Tasks().Get(ctx, finapi.TaskID(id))
				return err
			}},
		)
	}
	return all
}

func badRules() []refusal {
	create := func(rule finapi.Rule) func(context.Context, *finapi.Client, *finapi.User) error {
		return func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Rules().Create(ctx, rule)
			return err
		}
	}
	list := func(q finapi.RuleQuery) func(context.Context, *finapi.Client, *finapi.User) error {
		return func(ctx context.Context, _ *finapi.Client, u *finapi.User) error {
			_, err := u.Rules().List(ctx, q)
			return err
		}
	}
	return []refusal{
		{"a rule that has an id", "Rule.ID", create(finapi.Rule{ID: 1, Event: finapi.EventNewBalance})},
		{"a rule without an event", "Rule.Event", create(finapi.Rule{})},
		{"a rule's event that is too long", "Rule.Event", create(finapi.Rule{Event: finapi.RuleEvent(strings.Repeat("X", 33))})},
		{"a rule's handle that is too long", "Rule.Handle", create(finapi.Rule{Event: finapi.EventNewBalance, Handle: strings.Repeat("ä", 513)})},
		{"rules with an id that is zero", "RuleQuery.IDs", list(finapi.RuleQuery{IDs: []finapi.RuleID{1, 0}})},
		{"more than 1000 rules", "RuleQuery.IDs", list(finapi.RuleQuery{IDs: make([]finapi.RuleID, 1001)})},
	}
}

func TestTheGreatestInputsAreSent(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	for route, name := range map[string]string{
		"PATCH /api/v2/users": "user.json", "PATCH " + accountPath: "account.json", renameRoute: "bank_connection_ready.json",
		ruleRoute: "notification_rule.json", "PATCH /api/v2/transactions": "transactions_edited.json",
	} {
		server.always(route, fixtureReply(t, name))
	}
	user, ctx := server.user(), t.Context()
	long := func(n int) string { return strings.Repeat("ä", n) }
	_, err := user.EditProfile(ctx, finapi.ProfileChange{Email: ptr(long(320)), Phone: ptr(long(50))})
	must(t, err)
	_, err = user.EditAccount(ctx, 3587742, finapi.AccountChange{Name: ptr(long(512))})
	must(t, err)
	_, err = user.RenameConnection(ctx, 3540249, long(64))
	must(t, err)
	_, err = user.Rules().Create(ctx, finapi.Rule{Event: finapi.EventNewBalance, Handle: long(512)})
	must(t, err)
	ids := make([]finapi.TransactionID, 100)
	for i := range ids {
		ids[i] = finapi.TransactionID(i + 1)
	}
	_, err = user.MarkTransactions(ctx, false, ids...)
	must(t, err)
	var sent struct {
		IDs []int64 `json:"ids"`
	}
	must(t, json.Unmarshal([]byte(server.asked("PATCH /api/v2/transactions")[0].body), &sent))
	same(t, upTo(100), sent.IDs)
}

// sentQuery is the query of the only request to a route.
func (s *stub) sentQuery(route string) map[string][]string {
	s.tb.Helper()
	asked := s.asked(route)
	if len(asked) != 1 {
		s.tb.Fatalf("%s was sent %d times", route, len(asked))
	}
	return map[string][]string(asked[0].query)
}
