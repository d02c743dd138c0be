package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"time"
)

// session is a browser's. The tenant is "" before signing in.
type session struct {
	hash   string
	tenant string
	// csrf is the token that every form of the session must bring.
	csrf string
}

// sessionLife is how long a session lasts. An ERP has rules of its own.
const sessionLife = 8 * time.Hour

// cookieName is that of the session's cookie. With https it is bound to this very host
// and never travels in clear. On plain http, which newSite allows on loopback addresses
// only, the prefix and the attribute Secure are left out: Chromium accepts them there, but
// not every browser does.
func (s site) cookieName() string {
	if s.secure {
		return "__Host-session"
	}
	return "session"
}

// cookie makes one of the application's cookies. Lax lets the browser bring it when the
// customer comes back from the bank, but not with a form of somebody else's page.
func (s site) cookie(name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure on https; see cookieName
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: s.secure,
		SameSite: http.SameSiteLaxMode,
	}
}

// openSession makes a session for a tenant and hands its id to the browser. Signing in
// always makes a new one, so that nobody can prepare a session for somebody else.
func (a *app) openSession(ctx context.Context, w http.ResponseWriter, tenant string) (*session, error) {
	id := rand.Text()
	s := &session{hash: hashed(id), tenant: tenant, csrf: rand.Text()}
	now := time.Now()
	if _, err := a.books.db.ExecContext(ctx, `DELETE FROM session WHERE expires < ?`, now.Unix()); err != nil {
		return nil, err
	}
	_, err := a.books.db.ExecContext(ctx, `INSERT INTO session (hash, tenant, csrf, expires) VALUES (?, ?, ?, ?)`,
		s.hash, s.tenant, s.csrf, now.Add(sessionLife).Unix())
	if err != nil {
		return nil, err
	}
	http.SetCookie(w, a.site.cookie(a.site.cookieName(), id, sessionLife))
	return s, nil
}

// session returns the session of a request; nil if it has none.
func (a *app) session(r *http.Request) (*session, error) {
	cookie, err := r.Cookie(a.site.cookieName())
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // as the comment says: no cookie, no session
	}
	s := &session{hash: hashed(cookie.Value)}
	err = a.books.db.QueryRowContext(r.Context(), `SELECT tenant, csrf FROM session WHERE hash = ? AND expires >= ?`,
		s.hash, time.Now().Unix()).Scan(&s.tenant, &s.csrf)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as the comment says
	}
	return s, err
}

func (a *app) closeSession(ctx context.Context, w http.ResponseWriter, s *session) error {
	http.SetCookie(w, a.site.cookie(a.site.cookieName(), "", -time.Second))
	_, err := a.books.db.ExecContext(ctx, `DELETE FROM session WHERE hash = ?`, s.hash)
	return err
}

func hashed(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}
