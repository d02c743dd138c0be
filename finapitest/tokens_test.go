package finapitest_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi/finapitest"
)

func TestALivingTokenIsHandedOutAgainWithTheTimeThatItHasLeft(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := newClient(t, sim)
	grant := map[string]string{"grant_type": "client_credentials"}
	first := c.grant(grant).want(200).json()
	if _, given := first["refresh_token"]; given {
		t.Error("a client's grant carries a refresh token")
	}
	sim.Clock().Advance(10 * time.Minute)
	second := c.grant(grant).want(200).json()
	if first["access_token"] != second["access_token"] || idOf(t, second["expires_in"]) != 3000 {
		t.Errorf("second grant is %v", second)
	}
	sim.Clock().Advance(50 * time.Minute)
	if third := c.grant(grant).want(200).json(); third["access_token"] == first["access_token"] {
		t.Error("an expired token is handed out again")
	}
}

func TestATokenLifeOfZeroMeansForever(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithTokenLife(0))
	c := vendor(t, sim)
	if n := c.grant(map[string]string{"grant_type": "client_credentials"}).json()["expires_in"]; idOf(t, n) != 0 {
		t.Errorf("expires_in is %v", n)
	}
	sim.Clock().Advance(1000 * time.Hour)
	c.access("GET", "/api/v2/banks", nil).want(200)
}

func TestTheTokenEndpointTellsClientAndUserMistakesApart(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	for _, tt := range []struct {
		name   string
		form   map[string]string
		status int
		code   string
	}{
		{"client", map[string]string{"grant_type": "client_credentials", "client_secret": "no"}, 401, "invalid_client"},
		{"user", map[string]string{"grant_type": "password", "username": "kunde", "password": "no"}, 400, "invalid_grant"},
		{"unknown user", map[string]string{"grant_type": "password", "username": "nobody", "password": "no"}, 400, "invalid_grant"},
		{"refresh", map[string]string{"grant_type": "refresh_token", "refresh_token": "no"}, 400, "invalid_grant"},
		{"grant", map[string]string{"grant_type": "magic"}, 400, "unsupported_grant_type"},
		{"field", map[string]string{"grant_type": "client_credentials", "scope": "all"}, 400, "BAD_REQUEST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := c.on(t).grant(tt.form).want(tt.status); r.code() != tt.code {
				t.Errorf("code %s, want %s", r.code(), tt.code)
			}
		})
	}
}

func TestARefreshGivesANewTokenAndRevokingTheGrantKillsBoth(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	first := c.grant(map[string]string{"grant_type": "password", "username": "KUNDE", "password": "geheim-kunde"}).want(200).json()
	refresh := first["refresh_token"].(string)
	second := c.grant(map[string]string{"grant_type": "refresh_token", "refresh_token": refresh}).want(200).json()
	if first["access_token"] == second["access_token"] {
		t.Error("the refresh gave the old token")
	}
	v := vendor(t, sim)
	v.postForm(sim.AccessURL()+"/api/v2/oauth/revoke", url.Values{"token": {"a-token-that-nobody-has"}}).want(200)
	v.postForm(sim.AccessURL()+"/api/v2/oauth/revoke", url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}}).want(200)
	for _, token := range []any{first["access_token"], second["access_token"]} {
		c.token = token.(string)
		c.access("GET", "/api/v2/users", nil).want(401)
	}
}

func TestAnExpiredTokenIsRefusedInTheOAuthShape(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	sim.Clock().Advance(time.Hour)
	want := object{"error": "invalid_token", "error_description": "Invalid access token: " + c.token}
	if diff := cmp.Diff(want, c.access("GET", "/api/v2/accounts", nil).want(401).json()); diff != "" {
		t.Error(diff)
	}
	if code := c.forms("GET", "/api/webForms", nil).want(401).code(); code != "UNAUTHORIZED" {
		t.Errorf("code on the Web Form host is %s", code)
	}
}

func TestTheWrongKindOfTokenIsForbidden(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	v, c := vendor(t, sim), customer(t, sim, "kunde")
	if code := v.access("GET", "/api/v2/accounts", nil).want(403).code(); code != "UNAUTHORIZED_ACCESS" {
		t.Errorf("code is %s", code)
	}
	c.access("POST", "/api/v2/users", object{}).want(403)
	c.access("GET", "/api/v2/clientConfiguration", nil).want(403)
	c.access("GET", "/api/v2/banks", nil).want(200)
	v.access("GET", "/api/v2/banks", nil).want(200)
	if code := v.forms("GET", "/api/webForms", nil).want(403).code(); code != "FORBIDDEN" {
		t.Errorf("code on the Web Form host is %s", code)
	}
}

func TestTooManyFailedLoginsLockTheUser(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld(), finapitest.WithClient(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 3 }))
	c := customer(t, sim, "kunde")
	wrong := map[string]string{"grant_type": "password", "username": "kunde", "password": "wrong!"}
	right := map[string]string{"grant_type": "password", "username": "kunde", "password": "geheim-kunde"}
	c.grant(wrong).want(400)
	c.grant(wrong).want(400)
	c.grant(wrong).want(423)
	c.grant(right).want(423)
	c.access("GET", "/api/v2/users", nil).want(401)
	sim.UnlockUser("Kunde")
	c.grant(right).want(200)
}

func TestAnUnverifiedUserGetsNoToken(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	sim.EditClient(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false })
	v := vendor(t, sim)
	v.access("POST", "/api/v2/users", object{"id": "neu", "password": "geheim-neu"}).want(201)
	grant := map[string]string{"grant_type": "password", "username": "neu", "password": "geheim-neu"}
	if code := v.grant(grant).want(403).code(); code != "USER_NOT_VERIFIED" {
		t.Errorf("code is %s", code)
	}
	v.access("POST", "/api/v2/users/verify/neu", nil).want(200)
	status := v.access("GET", "/api/v2/users/verificationStatus?userId=neu", nil).want(200).json()
	if status["isUserVerified"] != true {
		t.Errorf("status is %v", status)
	}
	v.grant(grant).want(200)
	v.access("DELETE", "/api/v2/users/neu", nil).want(422)
}
