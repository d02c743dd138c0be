package finapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

const (
	createRoute = "POST /api/v2/users"
	deleteRoute = "DELETE /api/v2/users"
)

// echoUser answers like finAPI: with the id that was sent.
func echoUser(r *request) reply {
	var sent map[string]any
	_ = json.Unmarshal([]byte(r.body), &sent)
	return reply{status: 201, body: fmt.Sprintf(`{"id":%q,"password":%q,"isAutoUpdateEnabled":false}`, sent["id"], sent["password"])}
}

func TestAUserIsCreatedAndOpened(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(createRoute, reply{status: 201, body: fixture(t, "user_created.json")})
	user, err := server.client().CreateUser(t.Context(), finapi.NewUser{
		ID: "mandant-4711", Password: finapi.NewSecret(password), Email: "buchhaltung@beispiel.example", Phone: "+49 99 012345678",
		AutoUpdate: true,
	})
	must(t, err)
	same(t, finapi.UserID("mandant-4711"), user.ID())
	same(t, password, user.Password().Reveal()) // the one that was sent, not an XXXXX of the answer
	var body map[string]any
	must(t, json.Unmarshal([]byte(server.asked(createRoute)[0].body), &body))
	same(t, map[string]any{
		"id": "mandant-4711", "password": password, "email": "buchhaltung@beispiel.example", "phone": "+49 99 012345678",
		"isAutoUpdateEnabled": true,
	}, body)
	same(t, "client_credentials", server.asked(tokenRoute)[0].grant())
	must(t, accounts(t.Context(), user))
	same(t, "mandant-4711", server.asked(tokenRoute)[1].form.Get("username"))
}

func TestTheSDKChoosesAnUnguessableIDAndPassword(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.handle(createRoute, echoUser)
	client := server.client()
	ids, passwords := map[finapi.UserID]bool{}, map[string]bool{}
	for range 20 {
		user, err := client.CreateUser(t.Context(), finapi.NewUser{})
		must(t, err)
		if len(user.ID()) < 20 || len(user.ID()) > 36 || len(user.Password().Reveal()) < 20 {
			t.Errorf("the id has %d and the password %d characters", len(user.ID()), len(user.Password().Reveal()))
		}
		ids[user.ID()], passwords[user.Password().Reveal()] = true, true
	}
	if len(ids) != 20 || len(passwords) != 20 {
		t.Errorf("20 users have %d ids and %d passwords", len(ids), len(passwords))
	}
	var body map[string]any
	must(t, json.Unmarshal([]byte(server.asked(createRoute)[0].body), &body))
	same(t, 3, len(body)) // neither e-mail nor phone
}

func TestABadUserIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	good := finapi.NewSecret(password)
	cases := []struct {
		name  string
		user  finapi.NewUser
		field string
	}{
		{"an id that is too long", finapi.NewUser{ID: finapi.UserID(strings.Repeat("x", 37)), Password: good}, "UserID"},
		{"an id with a blank", finapi.NewUser{ID: "a b", Password: good}, "UserID"},
		{"an id with a slash", finapi.NewUser{ID: "a/b", Password: good}, "UserID"},
		{"an id with an umlaut", finapi.NewUser{ID: "ä", Password: good}, "UserID"},
		{"an id with a line break", finapi.NewUser{ID: "ab\n", Password: good}, "UserID"},
		{"a password that is too short", finapi.NewUser{ID: "x", Password: finapi.NewSecret("12345")}, "Password"},
		{"a password that is too long", finapi.NewUser{ID: "x", Password: finapi.NewSecret(strings.Repeat("ä", 129))}, "Password"},
		{"an e-mail that is too long", finapi.NewUser{Email: strings.Repeat("x", 321)}, "Email"},
		{"a phone number that is too long", finapi.NewUser{Phone: strings.Repeat("1", 51)}, "Phone"},
	}
	for _, tt := range cases {
		server := newStub(t)
		_, err := server.client().CreateUser(t.Context(), tt.user)
		mustRefuse(t, err, tt.field)
		if len(server.requests) != 0 {
			t.Errorf("%s was sent", tt.name)
		}
	}
}

func TestAMalformedUserIsRefusedAtItsFirstUse(t *testing.T) {
	t.Parallel()
	users := map[string]struct {
		id       finapi.UserID
		password finapi.Secret
	}{
		"UserID":   {"", finapi.NewSecret(password)},
		"Password": {userName, finapi.Secret{}},
	}
	for field, u := range users {
		server := newStub(t)
		client := server.client()
		user := client.User(u.id, u.password)
		for _, r := range readings() {
			if !strings.HasPrefix(r.name, "User.") {
				continue
			}
			mustRefuse(t, r.call(t.Context(), client, user), field)
		}
		mustRefuse(t, user.Delete(t.Context()), field)
		_, err := user.StartConsent(t.Context(), finapi.ConsentRequest{})
		mustRefuse(t, err, field)
		_, err = user.Refresh(t.Context(), finapi.RefreshRequest{Connection: 1})
		mustRefuse(t, err, field)
		if len(server.requests) != 0 {
			t.Errorf("a malformed %s was sent", field)
		}
	}
}

func TestAUserThatExistsIsAnError(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(createRoute, reply{status: 422, body: fixture(t, "error_422_entity_exists.json")})
	user, err := server.client().CreateUser(t.Context(), finapi.NewUser{ID: userName})
	if e := failure(t, err, finapi.CodeEntityExists); e.Actor != finapi.ActorVendor || user != nil {
		t.Errorf("got actor %s, user %v", e.Actor, user)
	}
}

func TestTheAnswerMustBeAboutTheUserThatWasAskedFor(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		fixture(t, "user_created_generated.json"), `{}`, `null`, `[]`, ``, `{"id":null}`, `{"id":7}`,
	} {
		server := newStub(t)
		server.on(createRoute, reply{status: 201, body: body})
		_, err := server.client().CreateUser(t.Context(), finapi.NewUser{ID: userName})
		mustFail(t, err, finapi.CodeUnreadable)
	}
	server := newStub(t)
	server.on(createRoute, reply{status: 201, body: `{"id":"CUSTOMER-1"}`})
	user, err := server.client().CreateUser(t.Context(), finapi.NewUser{ID: userName})
	must(t, err)
	same(t, userName, user.ID())
}

func TestAUserThatIsCreatedAfterAFailedLoginCanLogIn(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.handle(createRoute, echoUser)
	server.on(tokenRoute,
		reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")}, tokenReply(1, 3600, false), tokenReply(2, 3600, true))
	client := server.client()
	mustFail(t, accounts(t.Context(), client.User(userName, finapi.NewSecret(password))), finapi.CodeInvalidGrant)
	user, err := client.CreateUser(t.Context(), finapi.NewUser{ID: userName, Password: finapi.NewSecret(password)})
	must(t, err)
	must(t, accounts(t.Context(), user))
}

func TestAUserIsDeletedWithItsOwnToken(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(deleteRoute, reply{})
	user := server.user()
	must(t, user.Delete(t.Context()))
	same(t, "password", server.asked(tokenRoute)[0].grant())
	same(t, "token-1", server.asked(deleteRoute)[0].token())
	same(t, "", server.asked(deleteRoute)[0].body)
}

func TestAUserThatIsBusyIsNotDeleted(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(deleteRoute, reply{status: 423, body: fixture(t, "error_423_locked.json")})
	mustFail(t, server.user().Delete(t.Context()), finapi.CodeLocked)
}

func TestTheTokenOfADeletedUserIsForgotten(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(deleteRoute, reply{status: 204})
	client := server.client()
	must(t, client.User(userName, finapi.NewSecret(password)).Delete(t.Context()))
	must(t, accounts(t.Context(), client.User(userName, finapi.NewSecret(password))))
	server.wantCalls(tokenRoute, 2)
}

func TestCreatingAUserEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := server.client().CreateUser(ctx, finapi.NewUser{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAProfileIsReadWithoutItsPassword(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/users", fixtureReply(t, "user.json"), reply{body: `{"id":"x","password":"XXXXX","isAutoUpdateEnabled":false}`})
	user := server.user()
	got, err := user.Profile(t.Context())
	must(t, err)
	same(t, finapi.Profile{ID: "mandant-4711", Email: "buchhaltung@beispiel.example", AutoUpdate: true}, got)
	got, err = user.Profile(t.Context())
	must(t, err)
	same(t, finapi.Profile{ID: "x"}, got)
	if strings.Contains(fmt.Sprintf("%+v", got), "XXXXX") {
		t.Error("the profile has the password")
	}
}

func TestAChangedProfileIsReturned(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("PATCH /api/v2/users", fixtureReply(t, "user.json"), reply{status: 422, body: fixture(t, "error_422_no_message.json")})
	user := server.user()
	got, err := user.EditProfile(t.Context(), finapi.ProfileChange{AutoUpdate: ptr(true)})
	must(t, err)
	same(t, finapi.Profile{ID: "mandant-4711", Email: "buchhaltung@beispiel.example", AutoUpdate: true}, got)
	got, err = user.EditProfile(t.Context(), finapi.ProfileChange{AutoUpdate: ptr(true)})
	same(t, 422, anyFailure(t, err).Status)
	same(t, finapi.Profile{}, got)
}

func TestWhetherAUserIsVerifiedIsToldWithTheVendorsToken(t *testing.T) {
	t.Parallel()
	const route = "GET /api/v2/users/verificationStatus"
	server := newStub(t)
	server.on(route, fixtureReply(t, "user_verification_status.json"), fixtureReply(t, "user_verification_status_waiting.json"),
		reply{status: 404, body: fixture(t, "error_404_unknown_entity.json")})
	client := server.client()
	for _, want := range []bool{true, false} {
		got, err := client.UserVerified(t.Context(), "mandant-4711")
		must(t, err)
		same(t, want, got)
	}
	got, err := client.UserVerified(t.Context(), "a+b@c.example")
	mustFail(t, err, finapi.CodeUnknownEntity)
	same(t, false, got)
	same(t, "client_credentials", server.asked(tokenRoute)[0].grant())
	same(t, "userId=mandant-4711", server.asked(route)[0].url.RawQuery)
	same(t, "a+b@c.example", server.asked(route)[2].query.Get("userId"))
}

func TestALogoutEndsTheTokenAndTheNextCallLogsInAgain(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(revokeRoute, reply{})
	user := server.user()
	must(t, accounts(t.Context(), user))
	must(t, user.Logout(t.Context()))
	must(t, user.Logout(t.Context())) // nothing is left to end
	must(t, accounts(t.Context(), user))
	same(t, "token=token-1", server.asked(revokeRoute)[0].body)
	same(t, []string{"password", "client_credentials", "password"}, grants(server))
}

// grants are the kinds of the tokens that were asked for, in their order.
func grants(server *stub) []string {
	var kinds []string
	for _, r := range server.asked(tokenRoute) {
		kinds = append(kinds, r.grant())
	}
	return kinds
}

func TestALogoutOfWhoNeverLoggedInSendsNothing(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	must(t, server.user().Logout(t.Context()))
	must(t, server.client().User("not a user", finapi.Secret{}).Logout(t.Context()))
	same(t, 0, len(server.requests))
}

func TestALogoutAfterTheTokenHasExpiredEndsTheRefreshToken(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(revokeRoute, reply{})
	user := server.user()
	must(t, accounts(t.Context(), user))
	server.clock.advance(2 * time.Hour)
	must(t, user.Logout(t.Context()))
	same(t, "token=refresh-1", server.asked(revokeRoute)[0].body)
}

func TestALogoutAfterTheTokenWasRefusedEndsTheRefreshToken(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 401})
	server.on(revokeRoute, reply{})
	server.on(tokenRoute, tokenReply(1, 3600, true), reply{status: 503}, reply{status: 503}, reply{status: 503}, reply{status: 503}, tokenReply(2, 3600, false))
	user := server.user(finapi.WithRetry(finapi.Retry{Attempts: 4, Base: time.Second, Max: time.Second}))
	if _, err := user.Accounts(t.Context(), finapi.AccountQuery{}); err == nil {
		t.Fatal("no error")
	}
	must(t, user.Logout(t.Context()))
	same(t, "token=refresh-1", server.asked(revokeRoute)[0].body)
}

func TestALogoutThatFailsForgetsTheTokenAllTheSame(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(revokeRoute, reply{status: 403, body: fixture(t, "error_403_unauthorized_access.json")})
	user := server.user()
	must(t, accounts(t.Context(), user))
	mustFail(t, user.Logout(t.Context()), finapi.CodeUnauthorized)
	must(t, accounts(t.Context(), user))
	same(t, []string{"password", "client_credentials", "password"}, grants(server))
}

func TestALogoutDoesNotMakeAWrongPasswordRight(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	accounts := ready(server)
	server.on(tokenRoute, reply{status: 400, body: fixture(t, "oauth_error_invalid_grant.json")})
	user := server.user()
	mustFail(t, accounts(t.Context(), user), finapi.CodeInvalidGrant)
	must(t, user.Logout(t.Context()))
	mustFail(t, accounts(t.Context(), user), finapi.CodeInvalidGrant)
	server.wantCalls(tokenRoute, 1)
}
