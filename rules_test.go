package finapi_test

import (
	"testing"

	"github.com/finapi-go/finapi"
)

const rulesRoute = "GET /api/v2/notificationRules"

func theRule() finapi.Rule {
	return finapi.Rule{
		ID: 5511, Event: finapi.EventNewTransactions, Params: map[string]string{"accountIds": "3587742,3587743", "maxTransactionsCount": "10"},
		Handle: "b3f1c0de-mandant-4711", Details: true,
	}
}

func TestAllRulesAreRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(rulesRoute, fixtureReply(t, "notification_rules.json"), fixtureReply(t, "notification_rules_empty.json"))
	rules := server.user().Rules()
	got, err := rules.List(t.Context(), finapi.RuleQuery{})
	must(t, err)
	same(t, []finapi.Rule{
		theRule(), {ID: 2147483652, Event: finapi.EventLoginError}, {ID: 9007199254740993, Event: finapi.EventNewTerms},
	}, got)
	got, err = rules.List(t.Context(), finapi.RuleQuery{})
	must(t, err)
	same(t, []finapi.Rule{}, got)
}

func TestOneRuleIsRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(rulesRoute+"/5511", fixtureReply(t, "notification_rule.json"), fixtureReply(t, "notification_rule_unknown_values.json"))
	rules := server.user().Rules()
	got, err := rules.Get(t.Context(), 5511)
	must(t, err)
	same(t, theRule(), got)
	got, err = rules.Get(t.Context(), 5511)
	must(t, err)
	same(t, finapi.Rule{
		ID: 5512, Event: "CONSENT_EXPIRES_SOON", Params: map[string]string{"accountIds": "3587742", "days": "14"},
	}, got)
}

func TestARuleIsReturnedAsFinAPIMadeIt(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(ruleRoute, reply{status: 201, body: fixture(t, "notification_rule.json")})
	got, err := server.user().Rules().Create(t.Context(), finapi.Rule{Event: finapi.EventNewTransactions})
	must(t, err)
	same(t, theRule(), got)
}

func TestARuleQueryIsSentAsFinAPIWantsIt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		query finapi.RuleQuery
		want  map[string][]string
	}{
		{"the zero query", finapi.RuleQuery{}, map[string][]string{}},
		{"everything", finapi.RuleQuery{
			IDs: []finapi.RuleID{1, 9007199254740993}, Event: finapi.EventLowBalance, Details: ptr(false),
		}, map[string][]string{
			"ids": {"1", "9007199254740993"}, "triggerEvent": {"LOW_ACCOUNT_BALANCE"}, "includeDetails": {"false"},
		}},
		{"details", finapi.RuleQuery{Details: ptr(true)}, map[string][]string{"includeDetails": {"true"}}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := newStub(t)
			server.on(rulesRoute, fixtureReply(t, "notification_rules.json"))
			_, err := server.user().Rules().List(t.Context(), tt.query)
			must(t, err)
			same(t, tt.want, server.sentQuery(rulesRoute))
		})
	}
}

func TestARuleWithoutAnIDOrAnEventIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"triggerEvent":"NEW_TRANSACTIONS"}`, `{"id":1}`, `{"id":0,"triggerEvent":"NEW_TRANSACTIONS"}`} {
		server := newStub(t)
		server.on(rulesRoute+"/1", reply{body: body})
		_, err := server.user().Rules().Get(t.Context(), 1)
		mustFail(t, err, finapi.CodeUnreadable)
	}
}
