package finapitest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// batchNews is what a batch update brought for one user.
type batchNews struct {
	rows   map[*account]int // how many are new
	failed []*connection    // where the bank refused the log-in
}

// note counts what an update of a connection adds. guess: adjusting entries count, too.
func (n *batchNews) note(x *connection, update func()) {
	before := map[*account]int{}
	for _, a := range x.accounts {
		before[a] = len(a.rows)
	}
	update()
	for _, a := range x.accounts {
		if added := len(a.rows) - before[a]; added > 0 {
			n.rows[a] += added
		}
	}
}

func newBatchNews() *batchNews { return &batchNews{rows: map[*account]int{}} }

// BatchUpdate runs finAPI's nightly update at once: for each user with automatic
// updates, what the banks show comes into finAPI's store, and notification rules for
// NEW_TRANSACTIONS and BANK_LOGIN_ERROR are triggered. Nobody is there, so a connection
// that needs the customer fails as if the bank had refused the log-in, which is a guess.
// It does nothing unless [ClientSettings.AutomaticBatchUpdate] is on.
func (s *Server) BatchUpdate() {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.settings.AutomaticBatchUpdate {
		return
	}
	s.ground.proceed(now)
	for _, u := range slices.SortedFunc(maps.Values(s.users), func(a, b *user) int { return cmp.Compare(a.number, b.number) }) {
		if u.autoUpdate {
			s.batchUser(u, now)
		}
	}
}

func (s *Server) batchUser(u *user, now time.Time) {
	news := newBatchNews()
	for _, x := range s.connectionsOf(u) {
		if !x.busy(now) {
			s.batchConnection(x, news, now)
		}
	}
	s.notify(u, news)
}

func (s *Server) batchConnection(x *connection, news *batchNews, now time.Time) {
	x.unattended = append(x.unattended, now) // guess: the bank counts it like any other
	for _, i := range x.interfaces {
		if i.needsCustomer(now) {
			i.loseConsent()
			x.refuseAuto(i, now)
			if !slices.Contains(news.failed, x) {
				news.failed = append(news.failed, x)
			}
			continue
		}
		i.LastAutoUpdate = &UpdateResult{Result: resultOK, Timestamp: now}
		news.note(x, func() {
			for _, a := range x.accounts {
				s.downloadThrough(i.Name, a, x.maxDays, downloadRequest{}, now)
			}
		})
	}
}

// refuseAuto notes a batch update at which the bank refused the log-in.
func (c *connection) refuseAuto(i *connectionInterface, now time.Time) {
	const refused = "Die Zugangsdaten sind nicht korrekt."
	i.LastAutoUpdate = &UpdateResult{Result: resultRejected, ErrorMessage: refused, ErrorType: business, Timestamp: now}
	for _, a := range c.accounts {
		a.attempted(i.Name, now)
	}
}

// notificationBody is what finAPI posts to the client's address because of a rule. It
// is in no contract; what it says of new transactions is taken from public material.
// guess: an entry per bank connection, under this name, says where a log-in failed.
type notificationBody struct {
	RuleID          int64                   `json:"notificationRuleId"`
	TriggerEvent    string                  `json:"triggerEvent"`
	CallbackHandle  *string                 `json:"callbackHandle"`
	NewTransactions []newTransactionsNotice `json:"newTransactions,omitempty"`
	LoginErrors     []loginErrorNotice      `json:"bankLoginErrors,omitempty"`
}

type newTransactionsNotice struct {
	AccountID      int64   `json:"accountId"`
	AccountName    string  `json:"accountName"`
	AccountNumber  string  `json:"accountNumber"`
	AccountIBAN    *string `json:"accountIban"`
	BankName       string  `json:"bankName"`
	ConnectionName string  `json:"bankConnectionName"`
	Count          int     `json:"newTransactionsCount"`
	Details        string  `json:"details,omitempty"`
}

type loginErrorNotice struct {
	ConnectionID   int64  `json:"bankConnectionId"`
	BankName       string `json:"bankName"`
	ConnectionName string `json:"bankConnectionName"`
}

// encrypted stands for a text that only the client's decryption key opens. How finAPI
// encrypts is not known well enough to be simulated.
const encrypted = "ZW5jcnlwdGVkIGJ5IHRoZSBzaW11bGF0b3I="

// notify posts what the user's rules ask for: once per rule, whatever the answer. The
// other events are never triggered.
func (s *Server) notify(u *user, news *batchNews) {
	for _, r := range s.rulesOf(u) {
		body := notificationBody{RuleID: r.ID, TriggerEvent: r.TriggerEvent, CallbackHandle: r.CallbackHandle}
		switch r.TriggerEvent {
		case "NEW_TRANSACTIONS":
			body.NewTransactions = s.newTransactions(u, r, news)
		case "BANK_LOGIN_ERROR":
			body.LoginErrors = loginErrors(r, news)
		}
		if len(body.NewTransactions)+len(body.LoginErrors) > 0 {
			s.callbacks.send(s.settings.NotificationURL, body)
		}
	}
}

func (s *Server) newTransactions(u *user, r *notificationRule, news *batchNews) []newTransactionsNotice {
	var list []newTransactionsNotice
	for _, x := range s.connectionsOf(u) {
		for _, a := range x.accounts {
			if news.rows[a] == 0 || !r.concerns("accountIds", a.ID) {
				continue
			}
			notice := newTransactionsNotice{
				AccountID: a.ID, AccountName: encrypted, AccountNumber: encrypted, BankName: x.bank.Name,
				ConnectionName: encrypted, Count: news.rows[a],
			}
			if a.IBAN != "" {
				notice.AccountIBAN = optional(encrypted)
			}
			if r.IncludeDetails {
				notice.Details = encrypted
			}
			list = append(list, notice)
		}
	}
	return list
}

func loginErrors(r *notificationRule, news *batchNews) []loginErrorNotice {
	var list []loginErrorNotice
	for _, x := range news.failed {
		if r.concerns("bankConnectionIds", x.id) {
			list = append(list, loginErrorNotice{ConnectionID: x.id, BankName: x.bank.Name, ConnectionName: encrypted})
		}
	}
	return list
}

// concerns reports whether an id is among those of a parameter. Without the parameter
// all are.
func (r *notificationRule) concerns(param string, id int64) bool {
	list, ok := r.Params[param]
	return !ok || slices.Contains(strings.Split(strings.ReplaceAll(list, " ", ""), ","), strconv.FormatInt(id, 10))
}
