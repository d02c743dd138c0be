package finapi_test

import (
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

func TestTheStateOfAConnectionSaysWhoMustAct(t *testing.T) {
	t.Parallel()
	now := instant("2026-11-22T09:00:00Z")
	data := func(way finapi.BankingInterface, at string) finapi.Account {
		return finapi.Account{Connection: 3540249, Interfaces: []finapi.AccountInterface{{Interface: way, LastSuccess: instant(at)}}}
	}
	type sum struct {
		Missing, Action, Busy    bool
		Expires, Success, Stale  string
		Code                     finapi.Code
		Actor                    finapi.Actor
		CustomerText             string
		InterfaceProblems        []finapi.Code
		InterfacesWithLastErrors int
	}
	cases := []struct {
		fixture  string
		accounts []finapi.Account
		want     sum
	}{
		{"bank_connection_ready.json", nil, sum{
			Expires: "2027-02-14T09:21:33Z", Success: "2026-11-20T05:00:09Z", InterfaceProblems: []finapi.Code{"", ""},
		}},
		{"bank_connection_in_progress.json", nil, sum{Busy: true, Expires: "2027-02-14T09:21:33Z", InterfaceProblems: []finapi.Code{""}}},
		{"bank_connection_consent_null.json", nil, sum{Success: "2026-11-20T05:00:09Z", InterfaceProblems: []finapi.Code{""}}},
		{"bank_connection_user_action_required.json", nil, sum{
			Action: true, Expires: "2027-02-14T09:21:33Z", Success: "2026-11-20T05:00:09Z", Stale: "2026-11-20T05:00:09Z",
			Code: finapi.CodeWebFormRequired, Actor: finapi.ActorCustomer,
			CustomerText:      "Bitte melden Sie sich im Onlinebanking Ihrer Bank an und bestätigen Sie den Zugriff.",
			InterfaceProblems: []finapi.Code{finapi.CodeWebFormRequired, ""}, InterfacesWithLastErrors: 1,
		}},
		// finAPI still calls the consent present, because nobody has tried it since it ran out.
		{"bank_connection_consent_expired_present.json", nil, sum{
			Missing: true, Expires: "2026-08-22T08:21:33Z", Success: "2026-08-22T04:00:04Z", Stale: "2026-08-22T04:00:04Z",
			Code: finapi.CodeWebFormRequired, Actor: finapi.ActorCustomer, InterfaceProblems: []finapi.Code{finapi.CodeWebFormRequired},
		}},
		{
			"bank_connection_update_failed.json",
			[]finapi.Account{
				data(finapi.XS2A, "2026-11-18T06:00:00Z"), data(finapi.XS2A, "2026-11-19T06:00:00Z"), data(finapi.FinTS, "2026-11-21T06:00:00Z"),
				{Connection: 1, Interfaces: []finapi.AccountInterface{{Interface: finapi.XS2A, LastSuccess: instant("2026-11-21T06:00:00Z")}}},
			},
			sum{
				Expires: "2027-02-14T09:21:33Z", Success: "2026-11-19T06:00:00Z", Stale: "2026-11-19T06:00:00Z",
				Code: finapi.CodeInternalServerError, Actor: finapi.ActorFinAPI,
				InterfaceProblems: []finapi.Code{finapi.CodeInternalServerError}, InterfacesWithLastErrors: 1,
			},
		},
	}
	stamp := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	for _, tt := range cases {
		t.Run(tt.fixture, func(t *testing.T) {
			t.Parallel()
			connection := readConnection(t, tt.fixture)
			state := connection.State(tt.accounts, now)
			got := sum{
				Missing: state.ConsentMissing, Action: state.ActionRequired, Busy: state.Busy, Expires: stamp(state.Expires),
				Success: stamp(state.LastSuccess), Stale: stamp(state.StaleSince),
			}
			if p := state.Problem; p != nil {
				got.Code, got.Actor, got.CustomerText = p.Code, p.Actor, p.CustomerText()
			}
			for _, way := range state.Interfaces {
				code := finapi.Code("")
				if way.Problem != nil {
					code = way.Problem.Code
				}
				got.InterfaceProblems = append(got.InterfaceProblems, code)
				if way.LastError != nil {
					got.InterfacesWithLastErrors++
				}
			}
			same(t, tt.want, got)
		})
	}
}

func TestWhatTheCustomerCanDoComesBeforeWhatOthersMustDo(t *testing.T) {
	t.Parallel()
	failed := func(result string) *finapi.UpdateResult {
		return &finapi.UpdateResult{Result: result, Time: instant("2026-11-20T06:00:00Z")}
	}
	connection := finapi.Connection{Interfaces: []finapi.ConnectionInterface{
		{Interface: finapi.XS2A, LastManual: failed("INTERNAL_SERVER_ERROR")},
		{Interface: finapi.FinTS, ActionRequired: true, LastManual: failed("OK")},
		{Interface: finapi.WebScraper, LastManual: failed("BANK_SERVER_REJECTION")},
	}}
	state := connection.State(nil, instant("2026-11-20T07:00:00Z"))
	same(t, finapi.CodeWebFormRequired, state.Problem.Code)
	same(t, finapi.CodeBankServerRejection, state.Interfaces[2].Problem.Code)
	same(t, instant("2026-11-20T06:00:00Z"), state.StaleSince)
}

func TestTheResultOfAnUpdateIsAProblemUnlessItIsOK(t *testing.T) {
	t.Parallel()
	var none *finapi.UpdateResult
	if p := none.Problem(); p != nil {
		t.Errorf("no update gives %v", p)
	}
	cases := map[string]struct {
		code  finapi.Code
		actor finapi.Actor
	}{
		"BANK_SERVER_REJECTION": {finapi.CodeBankServerRejection, finapi.ActorCustomer},
		"INTERNAL_SERVER_ERROR": {finapi.CodeInternalServerError, finapi.ActorFinAPI},
		"A_RESULT_OF_TOMORROW":  {"A_RESULT_OF_TOMORROW", finapi.ActorVendor},
	}
	for result, want := range cases {
		p := (&finapi.UpdateResult{Result: result, Message: "IBAN DE12"}).Problem()
		same(t, want.code, p.Code)
		same(t, want.actor, p.Actor)
	}
	exceeded := &finapi.UpdateResult{Result: "BANK_SERVER_REJECTION", Message: "ACCESS_EXCEEDED", ForCustomer: true}
	same(t, finapi.CodeUpdateLimit, exceeded.Problem().Code)
}

func TestTheCalendarListsWhatRunsOut(t *testing.T) {
	t.Parallel()
	server := newStub(t) // it is 2026-11-20 there
	one := func(id, consent, action string) string {
		return `{"id":` + id + `,"updateStatus":"READY","bank":{"id":1,"name":"Bank ` + id + `"},"interfaces":[` +
			`{"bankingInterface":"FINTS_SERVER","aisConsent":null,"userActionRequired":false},` +
			`{"bankingInterface":"XS2A","aisConsent":` + consent + `,"userActionRequired":` + action + `}]}`
	}
	until := func(day string) string {
		return `{"status":"PRESENT","expiresAt":"` + day + `T10:00:00.000+01:00","supportsImportNewAccounts":true}`
	}
	server.always("GET /api/v2/bankConnections", reply{body: `{"connections":[` +
		one("1", until("2026-12-10"), "false") + "," + // in 20 days
		one("2", until("2026-12-01"), "false") + "," + // in 11 days
		one("3", until("2026-11-22"), "false") + "," + // in 2 days
		one("4", until("2026-11-19"), "false") + "," + // yesterday
		one("5", `{"status":"NOT_PRESENT","expiresAt":null,"supportsImportNewAccounts":false}`, "true") + "," +
		one("6", `{"status":"PRESENT","expiresAt":null,"supportsImportNewAccounts":false}`, "false") + "," + // no known end
		one("7", until("2027-05-01"), "true") + // the bank wants the customer
		`]}`})
	calendar := func(days int) (lines []string) {
		ends, err := server.user().ConsentCalendar(t.Context(), days)
		must(t, err)
		for _, e := range ends {
			line := e.Bank + " " + string(e.Interface) + " " + e.Ends.Format(time.DateOnly)
			if e.Lapsed {
				line += " lapsed"
			}
			lines = append(lines, line)
		}
		return lines
	}
	lapsed := []string{"Bank 5 XS2A 0001-01-01 lapsed", "Bank 4 XS2A 2026-11-19 lapsed", "Bank 7 XS2A 2027-05-01 lapsed"}
	same(t, append(lapsed, "Bank 3 XS2A 2026-11-22", "Bank 2 XS2A 2026-12-01"), calendar(14))
	same(t, lapsed, calendar(0))
	for _, days := range []int{-1, 3651} {
		_, err := server.user().ConsentCalendar(t.Context(), days)
		mustRefuse(t, err, "days")
	}
	server.on("GET /api/v2/bankConnections", reply{status: 403})
	_, err := server.user().ConsentCalendar(t.Context(), 14)
	mustFail(t, err, finapi.CodeHTTP)
}
