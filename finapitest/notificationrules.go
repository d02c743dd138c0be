package finapitest

import "slices"

// notificationRule asks for a call after a batch update; see notify.
type notificationRule struct {
	owner *user
	notificationRuleBody
}

type notificationRuleBody struct {
	ID             int64             `json:"id"`
	TriggerEvent   string            `json:"triggerEvent"`
	Params         map[string]string `json:"params"`
	CallbackHandle *string           `json:"callbackHandle"`
	IncludeDetails bool              `json:"includeDetails"`
}

type notificationRuleCreate struct {
	TriggerEvent   string            `json:"triggerEvent"`
	Params         map[string]string `json:"params"`
	CallbackHandle *string           `json:"callbackHandle"`
	IncludeDetails bool              `json:"includeDetails"`
}

func triggerEvents() []string {
	return []string{
		"NEW_ACCOUNT_BALANCE", "NEW_TRANSACTIONS", "BANK_LOGIN_ERROR", "FOREIGN_MONEY_TRANSFER", "LOW_ACCOUNT_BALANCE",
		"HIGH_TRANSACTION_AMOUNT", "CATEGORY_CASH_FLOW", "NEW_TERMS_AND_CONDITIONS",
	}
}

func ruleParams() params {
	return params{"ids": idList(1000), "triggerEvent": oneOf(triggerEvents()...), "includeDetails": flag()}
}

func (s *Server) rulesOf(u *user) []*notificationRule {
	var owned []*notificationRule
	for _, r := range s.rules {
		if r.owner == u {
			owned = append(owned, r)
		}
	}
	return owned
}

type notificationRuleList struct {
	Rules []notificationRuleBody `json:"notificationRules"`
}

func (s *Server) listRules(c *call) (answer, error) {
	list := notificationRuleList{Rules: []notificationRuleBody{}}
	for _, r := range s.rulesOf(c.user()) {
		if (!c.query.has("ids") || slices.Contains(c.query.ids("ids"), r.ID)) &&
			(!c.query.has("triggerEvent") || c.query.text("triggerEvent") == r.TriggerEvent) &&
			like(c.query.flag("includeDetails"), r.IncludeDetails) {
			list.Rules = append(list.Rules, r.notificationRuleBody)
		}
	}
	return ok(list), nil
}

func (s *Server) createRule(c *call) (answer, error) {
	var body notificationRuleCreate
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if !slices.Contains(triggerEvents(), body.TriggerEvent) {
		return answer{}, badValue("triggerEvent", body.TriggerEvent)
	}
	if body.Params == nil {
		body.Params = map[string]string{}
	}
	r := &notificationRule{owner: c.user(), notificationRuleBody: notificationRuleBody{
		ID: int64(len(s.rules)) + 1, TriggerEvent: body.TriggerEvent, Params: body.Params,
		CallbackHandle: body.CallbackHandle, IncludeDetails: body.IncludeDetails,
	}}
	if n := len(s.rules); n > 0 {
		r.ID = s.rules[n-1].ID + 1
	}
	s.rules = append(s.rules, r)
	return created(r.notificationRuleBody), nil
}

func (s *Server) ownRule(c *call) (*notificationRule, error) {
	id, err := c.pathID("notification rule")
	if err != nil {
		return nil, err
	}
	for _, r := range s.rulesOf(c.user()) {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, notFound("Notification rule")
}

func (s *Server) getRule(c *call) (answer, error) {
	r, err := s.ownRule(c)
	if err != nil {
		return answer{}, err
	}
	return ok(r.notificationRuleBody), nil
}

func (s *Server) deleteRule(c *call) (answer, error) {
	r, err := s.ownRule(c)
	if err != nil {
		return answer{}, err
	}
	s.rules = slices.DeleteFunc(s.rules, func(x *notificationRule) bool { return x == r })
	return empty(), nil
}

func (s *Server) deleteRules(c *call) (answer, error) {
	list := identifierList{Identifiers: []int64{}}
	for _, r := range s.rulesOf(c.user()) {
		list.Identifiers = append(list.Identifiers, r.ID)
	}
	s.rules = slices.DeleteFunc(s.rules, func(r *notificationRule) bool { return r.owner == c.user() })
	return ok(list), nil
}
