package finapitest

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"time"
)

// tokenKind is the kind of token that an endpoint needs.
type tokenKind int

const (
	tokenNone tokenKind = iota
	tokenClient
	tokenUser
	tokenAny
)

// token is an access token. user is nil for the client's own.
type token struct {
	value   string
	user    *user
	expires time.Time // zero: never
	refresh *refreshToken
}

type refreshToken struct {
	value   string
	user    *user
	expires time.Time
}

func (t *token) alive(now time.Time) bool {
	return t != nil && (t.expires.IsZero() || now.Before(t.expires))
}

func (t *refreshToken) alive(now time.Time) bool {
	return t != nil && (t.expires.IsZero() || now.Before(t.expires))
}

// seconds is what expires_in says: 0 for a token that never expires.
func (t *token) seconds(now time.Time) int {
	if t.expires.IsZero() {
		return 0
	}
	// A token whose last second has begun would read as one without expiry.
	return max(1, int(t.expires.Sub(now)/time.Second))
}

// tokenStore holds the tokens that were given out.
type tokenStore struct {
	access  map[string]*token
	refresh map[string]*refreshToken
	current map[*user]*token // the newest of each owner; nil is the client
}

func newTokenStore() tokenStore {
	return tokenStore{access: map[string]*token{}, refresh: map[string]*refreshToken{}, current: map[*user]*token{}}
}

// renewable returns the owner's token while it lives: finAPI hands out the
// same one again.
func (ts *tokenStore) renewable(owner *user, now time.Time) *token {
	if t := ts.current[owner]; t.alive(now) {
		return t
	}
	return nil
}

// issue makes a new access token.
func (ts *tokenStore) issue(owner *user, life time.Duration, refresh *refreshToken, now time.Time) *token {
	t := &token{value: newTokenValue(), user: owner, expires: expiry(life, now), refresh: refresh}
	ts.access[t.value] = t
	ts.current[owner] = t
	return t
}

func (ts *tokenStore) issueRefresh(owner *user, life time.Duration, now time.Time) *refreshToken {
	t := &refreshToken{value: newTokenValue(), user: owner, expires: expiry(life, now)}
	ts.refresh[t.value] = t
	return t
}

func expiry(life time.Duration, now time.Time) time.Time {
	if life == 0 {
		return time.Time{}
	}
	return now.Add(life)
}

func (ts *tokenStore) dropAccess(t *token) {
	delete(ts.access, t.value)
	if ts.current[t.user] == t {
		delete(ts.current, t.user)
	}
}

// dropRefresh kills a refresh token and all access tokens of its grant.
func (ts *tokenStore) dropRefresh(r *refreshToken) {
	delete(ts.refresh, r.value)
	for _, t := range ts.access {
		if t.refresh == r {
			ts.dropAccess(t)
		}
	}
}

// dropUser kills all tokens of a user.
func (ts *tokenStore) dropUser(u *user) {
	for _, t := range ts.access {
		if t.user == u {
			ts.dropAccess(t)
		}
	}
	maps.DeleteFunc(ts.refresh, func(_ string, r *refreshToken) bool { return r.user == u })
}

// newTokenValue is a random text of 128 characters, the length of finAPI's.
func newTokenValue() string {
	var b [96]byte
	rand.Read(b[:]) // documented never to fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// authorise finds the token of a request and checks that it is of the kind
// that the endpoint needs.
func (s *Server) authorise(c *call, kind tokenKind) error {
	if kind == tokenNone {
		return nil
	}
	value, given := bearer(c.r)
	if !given {
		return missingToken()
	}
	t := s.tokens.access[value]
	if !t.alive(c.now) {
		return invalidToken(value)
	}
	c.token = t
	if (kind == tokenUser && t.user == nil) || (kind == tokenClient && t.user != nil) {
		return &refusal{
			status: http.StatusForbidden, code: codeUnauthorized,
			de: "Der Zugriff ist mit diesem Token nicht erlaubt.", en: "Access is not allowed with this token.",
		}
	}
	return nil
}

// bearer returns the token of a request.
func bearer(r *http.Request) (value string, given bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// expireToken makes one access token expire at once.
func (s *Server) expireToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens.access[value]; t != nil {
		s.tokens.dropAccess(t)
	}
}

// ExpireTokens makes all access tokens expire at once. Refresh tokens live on.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens.access)
	clear(s.tokens.current)
}
