package finapi

import (
	"context"
	"encoding/json"
	"net/url"
)

// Rules manages a user's notification rules: what finAPI tells the vendor about
// after its nightly batch update. finAPI posts to the vendor's one address, see
// [Configuration.NotificationURL]. The calls are not signed and may not come, so
// they are hints; [NotificationHandler] receives them. It needs finAPI's PFM services.
type Rules struct{ user *User }

// Rules opens the user's notification rules. It sends nothing.
func (u *User) Rules() Rules { return Rules{u} }

// RuleID identifies a notification rule. It never changes.
type RuleID int64

// Rule is a notification rule. It cannot be changed, only deleted and made anew.
type Rule struct {
	// ID is given by finAPI; 0 in a rule to make.
	ID RuleID
	// Event is what the rule waits for.
	Event RuleEvent
	// Params depend on the event, such as accountIds as a comma-separated list; nil
	// for none. finAPI checks them.
	Params map[string]string
	// Handle comes back in the notification, so that the vendor can tell whose it
	// is. Make it unguessable, or let [NotificationHandler.CreateRule] make it. 1 to 512 characters, or "" for none.
	Handle string
	// Details puts encrypted details into the notification.
	Details bool
}

// RuleEvent is what a rule waits for. The set is open.
type RuleEvent string

// The events. finAPI's documentation explains the parameters of each.
const (
	EventNewBalance      RuleEvent = "NEW_ACCOUNT_BALANCE"
	EventNewTransactions RuleEvent = "NEW_TRANSACTIONS"
	EventLoginError      RuleEvent = "BANK_LOGIN_ERROR"
	EventForeignMoney    RuleEvent = "FOREIGN_MONEY_TRANSFER"
	EventLowBalance      RuleEvent = "LOW_ACCOUNT_BALANCE"
	EventHighAmount      RuleEvent = "HIGH_TRANSACTION_AMOUNT"
	EventCategoryFlow    RuleEvent = "CATEGORY_CASH_FLOW"
	EventNewTerms        RuleEvent = "NEW_TERMS_AND_CONDITIONS"
)

// RuleQuery says which rules to list. The zero RuleQuery lists all.
type RuleQuery struct {
	// IDs restricts to these rules, 1000 at the most.
	IDs []RuleID
	// Event restricts to rules of this event; "" means all.
	Event RuleEvent
	// Details restricts to rules with (true) or without (false) details; nil means
	// both.
	Details *bool
}

// List returns the user's rules, in finAPI's order. finAPI does not page them.
func (r Rules) List(ctx context.Context, q RuleQuery) ([]Rule, error) {
	if err := checkIDs("RuleQuery.IDs", q.IDs); err != nil {
		return nil, err
	}
	query := url.Values{}
	setIDs(query, "ids", q.IDs)
	setText(query, "triggerEvent", string(q.Event))
	setFlag(query, "includeDetails", q.Details)
	var answer ruleList
	err := r.user.do(ctx, call{endpoint: epRules, query: query, into: &answer})
	return unwrap(answer.Rules, ruleAnswer.value), err
}

// Get returns one rule. An unknown id is refused with [CodeUnknownEntity].
func (r Rules) Get(ctx context.Context, id RuleID) (Rule, error) {
	if err := checkIDs("RuleID", []RuleID{id}); err != nil {
		return Rule{}, err
	}
	var answer ruleAnswer
	err := r.user.do(ctx, call{endpoint: epRule, ids: []string{text(id)}, into: &answer})
	return answer.Rule, err
}

// Create makes a rule and returns it with its id. The rule's own ID must be 0. The
// call is never repeated by itself: if it fails on the network, look with
// [Rules.List] whether the rule is there. While a batch update runs, finAPI refuses
// with [CodeLocked].
func (r Rules) Create(ctx context.Context, rule Rule) (Rule, error) {
	switch {
	case rule.ID != 0:
		return Rule{}, invalid("Rule.ID", "must be 0")
	case rule.Event == "" || len(rule.Event) > 32:
		return Rule{}, invalid("Rule.Event", "must have 1 to 32 characters")
	case len([]rune(rule.Handle)) > 512:
		return Rule{}, invalid("Rule.Handle", "must have 512 characters at the most")
	}
	body := struct {
		Event   RuleEvent         `json:"triggerEvent"`
		Params  map[string]string `json:"params,omitempty"`
		Handle  string            `json:"callbackHandle,omitempty"`
		Details bool              `json:"includeDetails"`
	}{rule.Event, rule.Params, rule.Handle, rule.Details}
	var answer ruleAnswer
	err := r.user.do(ctx, call{endpoint: epCreateRule, body: body, into: &answer})
	return answer.Rule, err
}

// Delete deletes a rule. While a batch update runs, finAPI refuses with
// [CodeLocked]. An unknown id is refused with [CodeUnknownEntity].
func (r Rules) Delete(ctx context.Context, id RuleID) error {
	if err := checkIDs("RuleID", []RuleID{id}); err != nil {
		return err
	}
	return r.user.do(ctx, call{endpoint: epDeleteRule, ids: []string{text(id)}})
}

type ruleList struct {
	Rules []ruleAnswer `json:"notificationRules"`
}

func (l *ruleList) check() error { return require(requirement{"notificationRules", l.Rules != nil}) }

type ruleAnswer struct{ Rule }

func (a ruleAnswer) value() Rule { return a.Rule }

func (a *ruleAnswer) UnmarshalJSON(data []byte) error {
	var raw struct {
		ID      RuleID               `json:"id"`
		Event   RuleEvent            `json:"triggerEvent"`
		Params  map[string]ruleParam `json:"params"`
		Handle  string               `json:"callbackHandle"`
		Details bool                 `json:"includeDetails"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if err := require(requirement{"id", raw.ID > 0}, requirement{"triggerEvent", raw.Event != ""}); err != nil {
		return err
	}
	a.Rule = Rule{ID: raw.ID, Event: raw.Event, Handle: raw.Handle, Details: raw.Details}
	for key, value := range raw.Params {
		if !value.set {
			continue
		}
		if a.Params == nil {
			a.Params = map[string]string{}
		}
		a.Params[key] = value.text
	}
	return nil
}

// ruleParam is a text. Should finAPI ever write something else, its JSON is the
// text.
type ruleParam struct {
	text string
	set  bool
}

func (p *ruleParam) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	p.set = true
	if json.Unmarshal(data, &p.text) != nil {
		p.text = string(data)
	}
	return nil
}
