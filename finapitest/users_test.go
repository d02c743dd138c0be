package finapitest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi/finapitest"
)

func TestThePasswordIsShownOnlyWhenTheUserIsCreated(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	v := vendor(t, sim)
	made := v.access("POST", "/api/v2/users", object{"id": "kunde", "password": "geheim-kunde", "email": "k@example.com"}).want(201).json()
	if made["password"] != "geheim-kunde" {
		t.Errorf("created user is %v", made)
	}
	c := login(t, sim, "kunde")
	if u := c.access("GET", "/api/v2/users", nil).want(200).json(); u["password"] != "XXXXX" || u["email"] != "k@example.com" {
		t.Errorf("user is %v", u)
	}
	u := c.access("PATCH", "/api/v2/users", object{"email": "", "phone": "+49 30 1"}).want(200).json()
	if u["email"] != nil || u["phone"] != "+49 30 1" {
		t.Errorf("edited user is %v", u)
	}
	if u := v.access("POST", "/api/v2/users", object{}).want(201).json(); len(u["id"].(string)) != 36 || u["password"] == "" {
		t.Errorf("generated user is %v", u)
	}
}

func TestUserIDsAreUniqueWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	v := vendor(t, finapitest.New(t, finapitest.WithEmptyWorld()))
	v.access("POST", "/api/v2/users", object{"id": "Kunde", "password": "123456"}).want(201)
	if code := v.access("POST", "/api/v2/users", object{"id": "kUNDE", "password": "123456"}).want(422).code(); code != "ENTITY_EXISTS" {
		t.Errorf("code is %s", code)
	}
}

func TestIllegalUsersAreRefused(t *testing.T) {
	t.Parallel()
	v := vendor(t, finapitest.New(t, finapitest.WithEmptyWorld()))
	for name, body := range map[string]object{
		"id with umlaut": {"id": "jürgen"},
		"long id":        {"id": strings.Repeat("a", 37)},
		"short password": {"password": "12345"},
		"long phone":     {"phone": strings.Repeat("1", 51)},
		"unknown field":  {"name": "Jürgen"},
		"wrong type":     {"id": 5},
	} {
		t.Run(name, func(t *testing.T) { v.on(t).access("POST", "/api/v2/users", body).want(400) })
	}
	v.access("POST", "/api/v2/users", object{"isAutoUpdateEnabled": true}).want(422)
}

func TestADeletedUserLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	c := customer(t, sim, "kunde")
	_, link := c.startForm(object{"bank": object{"id": finapitest.AmnisID}})
	if err := sim.Approve(link); err != nil {
		t.Fatal(err)
	}
	c.access("DELETE", "/api/v2/users", nil).want(423) // the import is running
	sim.Clock().Advance(10 * time.Second)
	c.access("DELETE", "/api/v2/users", nil).want(200)
	c.access("GET", "/api/v2/users", nil).want(401)
	c.grant(map[string]string{"grant_type": "password", "username": "kunde", "password": "geheim-kunde"}).want(400)
	if n := len(sim.Accounts()); n != 0 {
		t.Errorf("%d accounts are left", n)
	}
}
