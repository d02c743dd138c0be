package finapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// A token this close to its end is renewed before it is used.
	earlyRenewal = 60 * time.Second
	// The most owners whose tokens are remembered. Forgetting one costs a
	// request, nothing else.
	maxTokenOwners = 10_000
)

// grant asks finAPI for a token. refresh is the refresh token of the former one,
// or empty.
type grant func(ctx context.Context, refresh Secret) (token, error)

// token is an OAuth token. A zero expires means that it never ends.
type token struct {
	value   Secret
	refresh Secret
	expires time.Time
	renew   time.Time
}

// tokenSource holds the token of one owner: of the client or of one user. One
// caller at a time fetches; the others wait for the same token, and each can
// leave with its own context. There is no goroutine and nothing to close.
type tokenSource struct {
	clock Clock
	fetch grant
	// lockable: finAPI may lock the owner after failed log-ins, so a refused
	// password is remembered and never sent again.
	lockable bool
	// gate is a lock that a waiting caller can leave.
	gate chan struct{}

	mu      sync.Mutex
	current token
	// flight counts finished fetches; failure is how the last one failed. A
	// caller that waited meanwhile takes that failure as its own, because trying
	// a wrong password once more for each of them would lock the user.
	flight  uint64
	failure error
	// refused is the failure of a password that finAPI refused. It holds until
	// refusedUntil, or for good if that is zero.
	refused      error
	refusedUntil time.Time
}

func newTokenSource(clock Clock, fetch grant) *tokenSource {
	return &tokenSource{clock: clock, fetch: fetch, gate: make(chan struct{}, 1)}
}

// token returns a token that should live for life and a little longer. finAPI
// hands out the same token again while it lives, so a shorter one can come back;
// it is used all the same.
func (s *tokenSource) token(ctx context.Context, life time.Duration) (Secret, error) {
	value, flight, ok := s.cached(life)
	if ok {
		return value, nil
	}
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
	defer func() { <-s.gate }()
	if value, err, done := s.landed(flight, life); done {
		return value, err
	}
	return s.fly(ctx)
}

// cached returns the token at hand if it is good enough, and the number of the
// flight that a caller who has to wait would be waiting for.
func (s *tokenSource) cached(life time.Duration) (Secret, uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, now := s.current, s.clock.Now()
	ok := !t.value.IsZero() && (t.expires.IsZero() || now.Before(t.renew) && now.Add(life).Before(t.expires))
	return t.value, s.flight, ok
}

// landed tells whether somebody else's flight, on which the caller waited, has
// brought a token or a failure.
func (s *tokenSource) landed(waitedFor uint64, life time.Duration) (Secret, error, bool) {
	value, flight, ok := s.cached(life)
	if !ok && flight != waitedFor {
		// The flight brought what finAPI has. Another would bring the same.
		value, _, ok = s.cached(0)
	}
	if ok {
		return value, nil, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil && (s.refusedUntil.IsZero() || s.clock.Now().Before(s.refusedUntil)) {
		return Secret{}, s.refused, true
	}
	if flight != waitedFor && s.failure != nil {
		return Secret{}, s.failure, true
	}
	return Secret{}, nil, false
}

// fly fetches. The caller holds the gate.
func (s *tokenSource) fly(ctx context.Context) (Secret, error) {
	s.mu.Lock()
	refresh := s.current.refresh
	s.mu.Unlock()
	t, err := s.fetch(ctx, refresh)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if s.lockable && badPassword(err) {
			s.refuse(err)
		}
		if ctx.Err() == nil { // else the others did not give up
			s.flight, s.failure = s.flight+1, err
		}
		return Secret{}, err
	}
	s.flight, s.failure, s.refused, s.current = s.flight+1, nil, nil, t
	return t.value, nil
}

// refuse remembers that a password is not to be sent again. An answer without a
// readable code may come from something in between, so it counts for a minute.
func (s *tokenSource) refuse(err error) {
	s.refused, s.refusedUntil = err, time.Time{}
	if IsError(err, CodeHTTP) {
		s.refusedUntil = s.clock.Now().Add(time.Minute)
	}
}

func (s *tokenSource) remembersRefusal() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused != nil
}

// drop forgets a token that the server refused, unless another caller has
// brought a newer one meanwhile.
func (s *tokenSource) drop(value Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.value.Equal(value) {
		s.current.value = Secret{}
	}
}

// forget returns the token at hand, or the one to renew it with if that is all that
// still lives, and forgets both.
func (s *tokenSource) forget() Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	former, expires := s.current.value, s.current.expires
	if former.IsZero() || !expires.IsZero() && !s.clock.Now().Before(expires) {
		former = s.current.refresh
	}
	s.current = token{}
	return former
}

// badPassword reports whether finAPI refused a user's name and password, or has
// locked the user. Another try cannot succeed and may lock the user.
func badPassword(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusLocked)
}

// tokenAnswer is finAPI's answer at the token endpoint.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    *int64 `json:"expires_in"` // seconds; 0 = never
}

func (a *tokenAnswer) check() error {
	return require(
		requirement{"access_token", printableToken(a.AccessToken)},
		requirement{"token_type", strings.EqualFold(a.TokenType, "bearer")},
		requirement{"expires_in", a.ExpiresIn != nil && *a.ExpiresIn >= 0},
	)
}

// requestToken asks for a token. A form with a password is sent once only.
func (c *Client) requestToken(ctx context.Context, form url.Values) (token, error) {
	form.Set("client_id", c.credentials.ID)
	form.Set("client_secret", c.credentials.Secret.Reveal())
	var answer tokenAnswer
	asked := c.clock.Now()
	err := c.do(ctx, nil, call{endpoint: epToken, form: form, into: &answer, once: form.Has("password")})
	if err != nil {
		return token{}, sameRefusal(err, form)
	}
	t := token{value: NewSecret(answer.AccessToken), refresh: NewSecret(answer.RefreshToken)}
	if *answer.ExpiresIn > 0 {
		life := time.Duration(min(*answer.ExpiresIn, 1<<31)) * time.Second
		t.expires = asked.Add(life)
		// Short lives are halved; else asking early would mean asking each time.
		t.renew = t.expires.Add(-min(earlyRenewal, life/2))
	}
	return t, nil
}

// sameRefusal gives a refused password one code, whichever of the two shapes
// finAPI has told it in.
func sameRefusal(err error, form url.Values) error {
	var e *Error
	if form.Has("password") && errors.As(err, &e) && e.Status == http.StatusBadRequest && !ownCode(e.Code) {
		e.Code = CodeInvalidGrant
	}
	return err
}

func printableToken(s string) bool {
	notPrintable := func(r rune) bool { return r <= ' ' || r > '~' }
	return s != "" && len(s) <= 8192 && !strings.ContainsFunc(s, notPrintable)
}

func (c *Client) clientGrants() grant {
	return func(ctx context.Context, _ Secret) (token, error) {
		return c.requestToken(ctx, url.Values{"grant_type": {"client_credentials"}})
	}
}

// userGrants refreshes if it can, because that does not send the password and a
// failure cannot lock the user, and falls back to the password.
func (c *Client) userGrants(id UserID, password Secret) grant {
	return func(ctx context.Context, refresh Secret) (token, error) {
		if !refresh.IsZero() {
			t, err := c.requestToken(ctx, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()},
			})
			if err == nil || !refreshRefused(err) {
				return t, err
			}
		}
		return c.requestToken(ctx, url.Values{
			"grant_type": {"password"}, "username": {string(id)}, "password": {password.Reveal()},
		})
	}
}

// refreshRefused reports whether the refresh token itself is dead.
func refreshRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized)
}

// tokenCache finds the token source of a user, so that handles that were opened
// separately share their token.
type tokenCache struct {
	mu      sync.Mutex
	sources map[[sha256.Size]byte]*tokenSource
}

// source returns the source of an owner. Two handles share it only if they know
// the same password.
func (t *tokenCache) source(id UserID, password Secret, open func() *tokenSource) *tokenSource {
	key := ownerKey(id, password)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.sources[key]; ok {
		return s
	}
	if t.sources == nil {
		t.sources = map[[sha256.Size]byte]*tokenSource{}
	}
	t.makeRoom()
	t.sources[key] = open()
	return t.sources[key]
}

// makeRoom forgets owners if there are too many. Those whose password was refused are
// kept as long as they are not too many themselves: it must not be sent again.
func (t *tokenCache) makeRoom() {
	for old, source := range t.sources {
		if len(t.sources) < maxTokenOwners {
			return
		}
		if !source.remembersRefusal() || len(t.sources) >= 2*maxTokenOwners {
			delete(t.sources, old)
		}
	}
}

func (t *tokenCache) forget(id UserID, password Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sources, ownerKey(id, password))
}

// ownerKey hashes, so that no password is kept as a key. finAPI's user ids do
// not distinguish upper and lower case.
func ownerKey(id UserID, password Secret) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.ToLower(string(id)) + "\x00" + password.Reveal()))
}
