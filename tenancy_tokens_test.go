package finapi

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// placesOf returns the users who share each place for a token.
func placesOf(users ...*User) map[*tokenSource]int {
	shared := map[*tokenSource]int{}
	for _, u := range users {
		shared[u.tokens]++
	}
	return shared
}

func tenancyClient(t *testing.T, environment Environment) *Client {
	t.Helper()
	c, err := NewClient(environment, Credentials{ID: "id", Secret: NewSecret("secret")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNoTwoCustomersShareAPlaceForTheirToken(t *testing.T) {
	t.Parallel()
	sandbox, again, live := tenancyClient(t, Sandbox), tenancyClient(t, Sandbox), tenancyClient(t, Live)
	var users []*User
	for i := range 1000 {
		id := UserID(fmt.Sprintf("tenant-%d", i))
		users = append(users,
			sandbox.User(id, NewSecret("password-1")), sandbox.User(id, NewSecret("password-2")),
			again.User(id, NewSecret("password-1")), live.User(id, NewSecret("password-1")))
	}
	if n := len(placesOf(users...)); n != 4000 {
		t.Errorf("4000 different users, passwords and clients have %d places", n)
	}
	if n := len(sandbox.users.sources); n != 2000 {
		t.Errorf("the client knows %d places, want 2000", n)
	}
	if n := len(placesOf(sandbox.User("tenant-1", NewSecret("password-1")), sandbox.User("TENANT-1", NewSecret("password-1")), users[4])); n != 1 {
		t.Errorf("one user, whom finAPI knows by upper and lower case alike, has %d places", n)
	}
}

// TestAMalformedUserSharesAPlaceWithNobody tries ids and passwords that would give the same key,
// or whose letters fold to those of another.
func TestAMalformedUserSharesAPlaceWithNobody(t *testing.T) {
	t.Parallel()
	c := tenancyClient(t, Sandbox)
	malformed := []*User{
		c.User("a\x00password", NewSecret("-of-b")), c.User("a\x00", NewSecret("password-of-b")), c.User("\u212aim", NewSecret("password")),
		c.User("a ", NewSecret("password")), c.User("", NewSecret("password")), c.User("a", NewSecret("short")), c.User("a\n", NewSecret("password")),
		c.User("a", NewSecret("")), c.User("\u00e4", NewSecret("password")), c.User("a\u0308", NewSecret("password")),
	}
	good := []*User{
		c.User("a", NewSecret("password\x00-of-b")), c.User("a", NewSecret("\x00password-of-b")), c.User("kim", NewSecret("password")),
		c.User("a", NewSecret("password")), c.User("b", NewSecret("password")),
	}
	all := append(malformed, good...) //nolint:gocritic // both are needed
	if n := len(placesOf(all...)); n != len(all) {
		t.Errorf("%d users have %d places", len(all), n)
	}
	if n := len(c.users.sources); n != len(good) {
		t.Errorf("the client remembers %d places, want those of the %d good users", n, len(good))
	}
	for _, u := range malformed {
		if err := u.do(t.Context(), call{endpoint: epUser}); !IsError(err, CodeInvalidInput) {
			t.Errorf("%q: got %v, want a refusal", u.id, err)
		}
	}
}

// TestARefusedPasswordIsOnesOwn: one customer's failure is no other's.
func TestARefusedPasswordIsOnesOwn(t *testing.T) {
	t.Parallel()
	c := tenancyClient(t, Sandbox)
	refusal := &Error{Code: CodeInvalidGrant, Status: 400}
	for i := range 1000 {
		u := c.User(UserID(fmt.Sprintf("tenant-%d", i)), NewSecret("password"))
		u.tokens.fetch = func(context.Context, Secret) (token, error) {
			if i%2 == 0 {
				return token{}, refusal
			}
			return token{value: NewSecret("token of " + string(u.id))}, nil
		}
	}
	for range 3 {
		for i := range 1000 {
			u := c.User(UserID(fmt.Sprintf("tenant-%d", i)), NewSecret("password"))
			value, err := u.tokens.token(t.Context(), 0)
			if i%2 == 0 && !errors.Is(err, refusal) || i%2 == 1 && (err != nil || value.Reveal() != "token of "+string(u.id)) {
				t.Errorf("%s got %v and %v", u.id, value.Reveal(), err)
			}
		}
	}
}
