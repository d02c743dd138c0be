package finapitest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// userBody is a user in answers.
type userBody struct {
	ID           string  `json:"id"`
	Password     string  `json:"password"`
	Email        *string `json:"email"`
	Phone        *string `json:"phone"`
	IsAutoUpdate bool    `json:"isAutoUpdateEnabled"`
}

// hidden stands for values that finAPI does not show.
const hidden = "XXXXX"

func (u *user) body() userBody {
	return userBody{ID: u.id, Password: hidden, Email: optional(u.email), Phone: optional(u.phone), IsAutoUpdate: u.autoUpdate}
}

// optional returns nil, which is null in JSON, for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type userCreate struct {
	ID           *string `json:"id"`
	Password     *string `json:"password"`
	Email        *string `json:"email"`
	Phone        *string `json:"phone"`
	IsAutoUpdate bool    `json:"isAutoUpdateEnabled"`
}

var (
	userIDPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9\-_.+@]{1,36}$`) })
	labelPattern  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("^[A-Za-z0-9¡-ʯ &(){}\\[\\].:,;?!+\\-_$@#~`^€]*$")
	})
)

// createUser is POST /api/v2/users.
func (s *Server) createUser(c *call) (answer, error) {
	var body userCreate
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if err := body.verify(); err != nil {
		return answer{}, err
	}
	if body.ID != nil && s.users[strings.ToLower(*body.ID)] != nil {
		return answer{}, unprocessable(codeEntityExists, "Ein Benutzer mit dieser Id existiert bereits.", "A user with this id exists already.")
	}
	if body.IsAutoUpdate && !s.settings.AutomaticBatchUpdate {
		return answer{}, noAutoUpdate()
	}
	u := s.newUser(body)
	shown := u.body()
	shown.Password = u.password // the only time that finAPI shows it
	return created(shown), nil
}

func (s *Server) newUser(body userCreate) *user {
	u := &user{
		id: orElse(body.ID, newUUID()), number: next(&s.ids.user), password: orElse(body.Password, newUUID()),
		email: orElse(body.Email, ""), phone: orElse(body.Phone, ""), autoUpdate: body.IsAutoUpdate,
		verified: s.settings.UserAutoVerification,
	}
	s.users[strings.ToLower(u.id)] = u
	return u
}

func orElse[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func noAutoUpdate() *refusal {
	return unprocessable(codeIllegalState, "Automatische Aktualisierungen sind für diesen Client nicht freigeschaltet.", "Automatic updates are not enabled for this client.")
}

func (b userCreate) verify() error {
	if b.ID != nil && !userIDPattern().MatchString(*b.ID) {
		return badValue("id", *b.ID)
	}
	if b.Password != nil && !lengthIn(*b.Password, 6, 128) {
		return badValue("password", hidden)
	}
	if b.Email != nil && !label(*b.Email, 1, 320) {
		return badValue("email", *b.Email)
	}
	if b.Phone != nil && !label(*b.Phone, 1, 50) {
		return badValue("phone", *b.Phone)
	}
	return nil
}

func lengthIn(s string, low, high int) bool {
	n := utf8.RuneCountInString(s)
	return n >= low && n <= high
}

// label reports whether s is a free text that finAPI accepts.
func label(s string, low, high int) bool {
	return lengthIn(s, low, high) && labelPattern().MatchString(s)
}

func (s *Server) getUser(c *call) (answer, error) { return ok(c.user().body()), nil }

type userUpdate struct {
	Email        *string `json:"email"`
	Phone        *string `json:"phone"`
	IsAutoUpdate *bool   `json:"isAutoUpdateEnabled"`
}

// editUser is PATCH /api/v2/users. An empty text clears a field.
func (s *Server) editUser(c *call) (answer, error) {
	var body userUpdate
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	u := c.user()
	if body.Email != nil && !label(*body.Email, 0, 320) {
		return answer{}, badValue("email", *body.Email)
	}
	if body.Phone != nil && !label(*body.Phone, 0, 50) {
		return answer{}, badValue("phone", *body.Phone)
	}
	if orElse(body.IsAutoUpdate, false) && !s.settings.AutomaticBatchUpdate {
		return answer{}, noAutoUpdate()
	}
	u.email, u.phone = orElse(body.Email, u.email), orElse(body.Phone, u.phone)
	u.autoUpdate = orElse(body.IsAutoUpdate, u.autoUpdate)
	return ok(u.body()), nil
}

// deleteUser is DELETE /api/v2/users: the user of the token, with everything.
func (s *Server) deleteUser(c *call) (answer, error) {
	if slices.ContainsFunc(s.connectionsOf(c.user()), func(x *connection) bool { return x.busy(c.now) }) {
		return answer{}, locked()
	}
	s.dropUser(c.user())
	return empty(), nil
}

func (s *Server) dropUser(u *user) {
	for _, x := range s.connectionsOf(u) {
		s.dropConnection(x)
	}
	s.forms = slices.DeleteFunc(s.forms, func(f *webForm) bool { return f.owner == u })
	s.tasks = slices.DeleteFunc(s.tasks, func(t *task) bool { return t.owner == u })
	s.rules = slices.DeleteFunc(s.rules, func(r *notificationRule) bool { return r.owner == u })
	s.tokens.dropUser(u)
	delete(s.users, strings.ToLower(u.id))
}

type verificationStatus struct {
	UserID   string `json:"userId"`
	Verified bool   `json:"isUserVerified"`
}

func (s *Server) getVerificationStatus(c *call) (answer, error) {
	u := s.users[strings.ToLower(c.query.text("userId"))]
	if u == nil {
		return answer{}, notFound("User")
	}
	return ok(verificationStatus{u.id, u.verified}), nil
}

func (s *Server) verifyUser(c *call) (answer, error) {
	u := s.users[strings.ToLower(c.r.PathValue("id"))]
	if u == nil {
		return answer{}, notFound("User")
	}
	if u.verified {
		return answer{}, unprocessable("USER_ALREADY_VERIFIED", "Der Benutzer ist bereits verifiziert.", "The user is verified already.")
	}
	u.verified = true
	return empty(), nil
}

// deleteUnverifiedUser is the client's way to remove a user who never became
// active.
func (s *Server) deleteUnverifiedUser(c *call) (answer, error) {
	u := s.users[strings.ToLower(c.r.PathValue("id"))]
	if u == nil {
		return answer{}, notFound("User")
	}
	if u.verified {
		return answer{}, &refusal{
			// guess: the code for a user who is verified.
			status: http.StatusUnprocessableEntity, code: "USER_ALREADY_VERIFIED",
			de: "Der Benutzer ist verifiziert.", en: "The user is verified.",
		}
	}
	s.dropUser(u)
	return empty(), nil
}
