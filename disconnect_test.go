package finapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

const (
	endConsent = "DELETE /api/v2/bankConnections/3540249/aisConsent"
	endAccess  = "DELETE /api/v2/bankConnections/3540249"
)

func theDisconnection() finapi.Disconnection { return finapi.Disconnection{Connection: 3540249} }

// unknown is finAPI's answer to an id that it does not know.
func unknown(tb testing.TB) reply {
	tb.Helper()
	return reply{status: http.StatusNotFound, body: fixture(tb, "error_404_unknown_entity.json")}
}

func TestDisconnectTellsWhatWasRemovedAndWhatWasNot(t *testing.T) {
	t.Parallel()
	refusal := reply{status: 422, body: fixture(t, "error_422_invalid_consent.json")}
	cases := []struct {
		name    string
		consent []reply
		want    finapi.ConsentDeleted
		problem finapi.Code
		atBank  bool
	}{
		{"the bank plays along", []reply{fixtureReply(t, "consent_deleted.json")}, finapi.ConsentDeleted{AtFinAPI: "DELETED", AtBank: "DELETED"}, "", true},
		{"the bank cannot", []reply{fixtureReply(t, "consent_deleted_local_only.json")}, finapi.ConsentDeleted{AtFinAPI: "DELETED", AtBank: "NOT_SUPPORTED"}, "", false},
		{"there was none at the bank", []reply{fixtureReply(t, "consent_not_existing.json")}, finapi.ConsentDeleted{AtFinAPI: "NOT_EXIST", AtBank: "NOT_EXIST"}, "", true},
		{
			"the bank refuses",
			[]reply{refusal, {body: `{"local":"DELETED","remote":"NOT_DELETED"}`}},
			finapi.ConsentDeleted{AtFinAPI: "DELETED", AtBank: "NOT_DELETED"},
			finapi.CodeInvalidConsent, false,
		},
	}
	for _, tt := range cases {
		server := newStub(t)
		server.on(connectionRoute, fixtureReply(t, "bank_connection_ready.json"), unknown(t))
		server.on(endConsent, tt.consent...)
		server.on(endAccess, reply{})
		done, err := server.user().Disconnect(t.Context(), theDisconnection())
		must(t, err)
		if !done.Gone || done.Before || len(done.Accounts) == 0 || len(done.Consents) != 1 {
			t.Fatalf("%s: got %+v", tt.name, done)
		}
		ended := done.Consents[0]
		same(t, finapi.XS2A, ended.Interface) // FinTS has no consent
		same(t, tt.want, ended.ConsentDeleted)
		same(t, tt.atBank, done.AtEveryBank())
		if code := codeOf(ended.Problem); code != tt.problem {
			t.Errorf("%s: the problem is %q, want %q", tt.name, code, tt.problem)
		}
		forced := []string{"false", "true"}
		for i, sent := range server.asked(endConsent) {
			same(t, forced[i], sent.query.Get("forceDeletion"))
		}
	}
}

func TestWhatTheBankMadeOfAnEarlierCallIsNotKnown(t *testing.T) {
	t.Parallel()
	without := strings.Replace(fixture(t, "bank_connection_ready.json"), `"status": "PRESENT"`, `"status": "NOT_PRESENT"`, 1)
	if without == fixture(t, "bank_connection_ready.json") {
		t.Fatal("the fixture has no consent that could be missing")
	}
	server := newStub(t)
	server.on(connectionRoute, reply{body: without}, unknown(t))
	server.on(endAccess, reply{})
	done, err := server.user().Disconnect(t.Context(), theDisconnection())
	must(t, err)
	same(t, true, done.Gone)
	same(t, []finapi.ConsentEnded{{Interface: finapi.XS2A}}, done.Consents)
	same(t, false, done.AtEveryBank())
	server.wantCalls(endConsent, 0)
}

func codeOf(e *finapi.Error) finapi.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

func TestADisconnectThatIsRepeatedIsNoError(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	done, err := b.user.Disconnect(t.Context(), finapi.Disconnection{Connection: b.connection, Customer: theDevice()})
	must(t, err)
	same(t, true, done.Gone)
	same(t, true, done.AtEveryBank())
	same(t, []finapi.AccountID{b.accounts[0].ID, b.accounts[1].ID, b.accounts[2].ID}, done.Accounts)
	again, err := b.user.Disconnect(t.Context(), finapi.Disconnection{Connection: b.connection})
	must(t, err)
	same(t, finapi.Disconnected{Gone: true, Before: true}, again)
	same(t, false, again.AtEveryBank())
	connections, err := b.user.Connections(t.Context())
	must(t, err)
	same(t, 0, len(connections))
}

func TestABusyConnectionIsWaitedForOrRefused(t *testing.T) {
	t.Parallel()
	locked := reply{status: 423, body: fixture(t, "error_423_locked.json")}
	ready := fixtureReply(t, "bank_connection_ready.json")
	server := newStub(t)
	server.on(connectionRoute, ready, fixtureReply(t, "bank_connection_in_progress.json"), ready, ready, unknown(t))
	server.on(endConsent, locked, fixtureReply(t, "consent_deleted.json"))
	server.on(endAccess, locked, reply{}) // finAPI categorises
	done, err := server.user().Disconnect(t.Context(), theDisconnection())
	must(t, err)
	same(t, true, done.Gone)
	same(t, []time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second}, server.clock.sleeps())

	server = newStub(t)
	server.on(connectionRoute, ready)
	server.on(endConsent, locked)
	done, err = server.user().Disconnect(t.Context(), finapi.Disconnection{Connection: 3540249, NoWait: true})
	mustFail(t, err, finapi.CodeLocked)
	same(t, finapi.Disconnected{}, done)
	same(t, 0, len(server.clock.sleeps()))

	server = newStub(t)
	server.always(connectionRoute, ready)
	server.always(endConsent, locked)
	ctx, cancel := context.WithCancel(t.Context())
	server.clock.onSleep = cancel
	if _, err = server.user().Disconnect(ctx, theDisconnection()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestADisconnectThatFailsHalfWayTellsHowFarItCame(t *testing.T) {
	t.Parallel()
	broken := reply{status: 500, body: fixture(t, "error_500_unexpected.json")}
	ready := fixtureReply(t, "bank_connection_ready.json")
	server := newStub(t)
	server.on(connectionRoute, ready)
	server.on(endConsent, fixtureReply(t, "consent_deleted.json"))
	server.on(endAccess, broken)
	done, err := server.user().Disconnect(t.Context(), theDisconnection())
	mustFail(t, err, finapi.CodeUnexpected)
	same(t, finapi.Disconnected{Consents: []finapi.ConsentEnded{
		{Interface: finapi.XS2A, ConsentDeleted: finapi.ConsentDeleted{AtFinAPI: "DELETED", AtBank: "DELETED"}},
	}}, done)

	server = newStub(t)
	server.on(connectionRoute, ready)
	server.on(endConsent, broken)
	done, err = server.user().Disconnect(t.Context(), theDisconnection())
	mustFail(t, err, finapi.CodeUnexpected)
	same(t, finapi.Disconnected{}, done)

	server = newStub(t)
	server.on(connectionRoute, ready, ready) // deleted, says finAPI, and still there
	server.on(endConsent, fixtureReply(t, "consent_deleted.json"))
	server.on(endAccess, reply{})
	done, err = server.user().Disconnect(t.Context(), theDisconnection())
	mustFail(t, err, finapi.CodeNotForgotten)
	same(t, false, done.Gone)
}

func TestTwoWhoDisconnectAtOnceBothSucceed(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(connectionRoute, fixtureReply(t, "bank_connection_ready.json"), unknown(t))
	server.on(endConsent, unknown(t))
	server.on(endAccess, unknown(t))
	done, err := server.user().Disconnect(t.Context(), theDisconnection())
	must(t, err)
	same(t, true, done.Gone)
}

func TestABadDisconnectionIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	_, err := server.user().Disconnect(t.Context(), finapi.Disconnection{})
	mustRefuse(t, err, "Disconnection.Connection")
	_, err = server.user().Disconnect(t.Context(), finapi.Disconnection{Connection: 1, Customer: &finapi.CustomerDevice{}})
	mustRefuse(t, err, "CustomerDevice.IP")
	same(t, 0, len(server.requests))
	server.on(connectionRoute, reply{status: 403})
	_, err = server.user().Disconnect(t.Context(), theDisconnection())
	mustFail(t, err, finapi.CodeHTTP)
}

func TestAfterReconnectingTheLedgerGoesOnWithoutADouble(t *testing.T) {
	t.Parallel()
	e := newERP(t)
	e.mustSync()
	before := len(e.booked)
	_, err := e.user.Disconnect(t.Context(), finapi.Disconnection{Connection: e.account.Connection, Customer: theDevice()})
	must(t, err)
	e.connect()
	same(t, "map[Relinked:6 account_rebound:1]", kinds(e.mustSync()))
	same(t, before, len(e.booked))
	e.balanced()
}

func TestAForgottenUserIsProvedToBeGone(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	b.book("-1")
	must(t, b.user.Forget(t.Context()))
	_, err := b.client.UserVerified(t.Context(), userName)
	mustFail(t, err, finapi.CodeUnknownEntity)
	must(t, b.user.Forget(t.Context())) // it can be repeated
	_, err = b.client.CreateUser(t.Context(), finapi.NewUser{ID: userName, Password: finapi.NewSecret(password)})
	must(t, err)
}

func TestForgetWaitsWhileFinAPIIsBusyAndBelievesNoAnswer(t *testing.T) {
	t.Parallel()
	const verified, remove = "GET /api/v2/users/verificationStatus", "DELETE /api/v2/users"
	known := fixtureReply(t, "user_verification_status.json")
	server := newStub(t)
	server.on(verified, known, known, unknown(t))
	server.on(remove, reply{status: 423, body: fixture(t, "error_423_locked.json")}, reply{})
	must(t, server.user().Forget(t.Context()))
	same(t, []time.Duration{3 * time.Second}, server.clock.sleeps())

	server = newStub(t)
	server.on(verified, known, known)
	server.on(remove, reply{})
	err := server.user().Forget(t.Context())
	mustFail(t, err, finapi.CodeNotForgotten)

	server = newStub(t)
	server.on(verified, known)
	server.on(remove, reply{status: 500})
	mustFail(t, server.user().Forget(t.Context()), finapi.CodeHTTP)

	server = newStub(t)
	server.on(verified, reply{status: 403})
	mustFail(t, server.user().Forget(t.Context()), finapi.CodeHTTP)
	server.wantCalls(remove, 0)

	server = newStub(t)
	server.always(verified, known)
	server.always(remove, reply{status: 423, body: fixture(t, "error_423_locked.json")})
	ctx, cancel := context.WithCancel(t.Context())
	server.clock.onSleep = cancel
	if err := server.user().Forget(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	mustRefuse(t, newStub(t).client().User("no id", finapi.NewSecret(password)).Forget(t.Context()), "UserID")
}

func TestTheAccountsThatWereNotPickedAreDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	all := []finapi.AccountID{b.accounts[0].ID, b.accounts[1].ID, b.accounts[2].ID}
	cases := map[string][]finapi.AccountID{"none": nil, "a stranger": {all[0], all[2] + 1}, "no id": {0}}
	for name, picked := range cases {
		_, err := b.user.KeepAccounts(ctx, b.connection, picked, nil)
		if e := failure(t, err, finapi.CodeInvalidInput); e.Field != "picked" {
			t.Errorf("%s: the error names %s", name, e.Field)
		}
	}
	_, err := b.user.KeepAccounts(ctx, 0, all, nil)
	mustRefuse(t, err, "ConnectionID")
	_, err = b.user.KeepAccounts(ctx, 1, all, nil)
	mustFail(t, err, finapi.CodeUnknownEntity)

	deleted, err := b.user.KeepAccounts(ctx, b.connection, all[1:2], theDevice())
	must(t, err)
	same(t, []finapi.AccountID{all[0], all[2]}, deleted)
	deleted, err = b.user.KeepAccounts(ctx, b.connection, all[1:2], nil)
	must(t, err)
	same(t, []finapi.AccountID(nil), deleted)
	accounts, err := b.user.Accounts(ctx, finapi.AccountQuery{})
	must(t, err)
	same(t, []finapi.Account{b.accounts[1]}, accounts)
}

func TestWhatWasDeletedBeforeADeletionFailsIsTold(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	connection := `{"id":3540249,"updateStatus":"READY","accountIds":[1,2,3]}`
	server.on(connectionRoute, reply{body: connection})
	server.on("DELETE /api/v2/accounts/1", reply{})
	server.on("DELETE /api/v2/accounts/3", reply{status: 423, body: fixture(t, "error_423_locked.json")})
	deleted, err := server.user().KeepAccounts(t.Context(), 3540249, []finapi.AccountID{2}, nil)
	mustFail(t, err, finapi.CodeLocked)
	same(t, []finapi.AccountID{1}, deleted)
}
