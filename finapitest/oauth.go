package finapitest

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// accessToken is the answer of the token endpoint.
type accessToken struct {
	AccessToken  string  `json:"access_token"`
	TokenType    string  `json:"token_type"`
	RefreshToken *string `json:"refresh_token,omitempty"`
	ExpiresIn    int     `json:"expires_in"`
	Scope        string  `json:"scope"`
}

func (t *token) answer(now time.Time) answer {
	a := accessToken{AccessToken: t.value, TokenType: "bearer", ExpiresIn: t.seconds(now), Scope: "all"}
	if t.refresh != nil {
		a.RefreshToken = &t.refresh.value
	}
	return ok(a)
}

// grantToken is POST /api/v2/oauth/token. Errors of the credentials have the
// OAuth shape; which shape finAPI gives to 400, 403 and 423 here is not clear.
func (s *Server) grantToken(c *call) (answer, error) {
	form, err := c.form("grant_type", "client_id", "client_secret", "username", "password", "refresh_token")
	if err != nil {
		return answer{}, err
	}
	if form.Get("client_id") != s.ClientID() || form.Get("client_secret") != s.ClientSecret() {
		return answer{}, oauthRefusal(http.StatusUnauthorized, "invalid_client", "Bad client credentials")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return s.grantClient(c)
	case "password":
		return s.grantPassword(c, form.Get("username"), form.Get("password"))
	case "refresh_token":
		return s.grantRefresh(c, form.Get("refresh_token"))
	}
	return answer{}, oauthRefusal(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type: "+form.Get("grant_type"))
}

func (s *Server) grantClient(c *call) (answer, error) {
	t := s.tokens.renewable(nil, c.now)
	if t == nil {
		t = s.tokens.issue(nil, s.settings.ClientTokenLife, nil, c.now)
	}
	return t.answer(c.now), nil
}

func (s *Server) grantPassword(c *call, name, password string) (answer, error) {
	u := s.users[strings.ToLower(name)]
	if u != nil && u.locked {
		return answer{}, userLocked()
	}
	if u == nil || u.password != password {
		return answer{}, s.failLogin(u)
	}
	if !u.verified {
		return answer{}, &refusal{
			status: http.StatusForbidden, code: "USER_NOT_VERIFIED",
			de: "Der Benutzer ist nicht verifiziert.", en: "The user is not verified.",
		}
	}
	u.failedLogins = 0
	t := s.tokens.renewable(u, c.now)
	if t == nil {
		t = s.tokens.issue(u, s.settings.UserTokenLife, s.refreshOf(u, c.now), c.now)
	}
	return t.answer(c.now), nil
}

// refreshOf returns the user's living refresh token, or a new one.
func (s *Server) refreshOf(u *user, now time.Time) *refreshToken {
	for _, r := range s.tokens.refresh {
		if r.user == u && r.alive(now) {
			return r
		}
	}
	return s.tokens.issueRefresh(u, s.settings.RefreshTokenLife, now)
}

// failLogin counts a failed login and locks the user when the client is set up
// so. The answer is the same for an unknown user.
func (s *Server) failLogin(u *user) error {
	if u != nil {
		u.failedLogins++
		if limit := s.settings.MaxLoginAttempts; limit > 0 && u.failedLogins >= limit {
			s.lock(u)
			return userLocked() // guess: the attempt that locks is told so already
		}
	}
	// guess: the error's name and text; the shape is that of RFC 6749.
	return oauthRefusal(http.StatusBadRequest, "invalid_grant", "Bad credentials")
}

// lock bars a user and kills all their tokens.
func (s *Server) lock(u *user) {
	u.locked = true
	s.tokens.dropUser(u)
}

func userLocked() *refusal {
	return &refusal{
		status: http.StatusLocked, code: codeLocked,
		de: "Der Benutzer ist gesperrt.", en: "The user is locked.",
	}
}

// grantRefresh gives a new access token; the older ones live on until they
// expire.
func (s *Server) grantRefresh(c *call, value string) (answer, error) {
	r := s.tokens.refresh[value]
	if !r.alive(c.now) {
		return answer{}, oauthRefusal(http.StatusBadRequest, "invalid_grant", "Invalid refresh token: "+value)
	}
	return s.tokens.issue(r.user, s.settings.UserTokenLife, r, c.now).answer(c.now), nil
}

// revokeToken is POST /api/v2/oauth/revoke. It answers the same for a token
// that it does not know.
func (s *Server) revokeToken(c *call) (answer, error) {
	form, err := c.form("token", "token_type_hint")
	if err != nil {
		return answer{}, err
	}
	value := form.Get("token")
	if value == "" {
		return answer{}, badValue("token", value)
	}
	t, r := s.tokens.access[value], s.tokens.refresh[value]
	switch form.Get("token_type_hint") {
	case "access_token":
		if t != nil {
			s.tokens.dropAccess(t)
		}
	case "refresh_token":
		if r != nil {
			s.tokens.dropRefresh(r)
		}
	case "":
		s.revokeAll(t, r)
	default:
		return answer{}, badValue("token_type_hint", form.Get("token_type_hint"))
	}
	return empty(), nil
}

// revokeAll kills everything that is related to a token.
func (s *Server) revokeAll(t *token, r *refreshToken) {
	if t != nil {
		s.tokens.dropAccess(t)
		r = t.refresh
	}
	if r != nil {
		s.tokens.dropRefresh(r)
	}
}

// form reads a form body and refuses fields that are not named.
func (c *call) form(fields ...string) (url.Values, error) {
	if media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); media != "application/x-www-form-urlencoded" {
		return nil, &refusal{
			status: http.StatusUnsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE",
			de: "Der Content-Type muss application/x-www-form-urlencoded sein.",
			en: "The content type must be application/x-www-form-urlencoded.",
		}
	}
	known := params{}
	for _, name := range fields {
		known[name] = text()
	}
	values, err := known.parse(string(c.body))
	return url.Values(values), err
}
