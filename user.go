package finapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// UserID names a finAPI user: 1 to 36 characters of 0-9, A-Z, a-z and -_.+@,
// unique per vendor. Upper and lower case make no difference to finAPI.
type UserID string

// User acts for one customer of the ERP, who is one user at finAPI. It is a
// cheap handle: nothing is sent before its first use. A User is safe for
// concurrent use, and handles of the same user share their token.
type User struct {
	client   *Client
	id       UserID
	password Secret
	tokens   *tokenSource
}

// User opens the finAPI user of one customer. It sends nothing; a malformed id or
// password is refused at the first use, a wrong one by finAPI then, as
// [CodeInvalidGrant].
//
// A password that finAPI refused is not sent again, because repeated failures
// can lock the user. Open the user with the right password instead.
func (c *Client) User(id UserID, password Secret) *User {
	open := func() *tokenSource {
		s := newTokenSource(c.clock, c.userGrants(id, password))
		s.lockable = true
		return s
	}
	u := &User{client: c, id: id, password: password}
	if checkUser(id, password) != nil {
		u.tokens = open() // never used, and never shared with a user whose id only looks the same
		return u
	}
	u.tokens = c.users.source(id, password, open)
	return u
}

// ID returns the id that the user was opened with.
func (u *User) ID() UserID { return u.id }

// Password returns the user's password at finAPI. After [Client.CreateUser] the
// ERP must keep it, sealed: without it, nothing of the customer can be read.
func (u *User) Password() Secret { return u.password }

// Format prints the user's handle without its password, for every verb.
func (u *User) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "finapi.User(%s, %v)", u.id, u.client.environment)
}

// NewUser describes a finAPI user to create.
type NewUser struct {
	// ID is the user's id; see [UserID]. "" lets the SDK choose a random one.
	// Never use a name or an e-mail address of the customer.
	ID UserID
	// Password has 6 to 128 characters. The zero Secret lets the SDK choose a
	// random one, which is best: no person ever needs it.
	Password Secret
	// Email is optional, up to 320 characters.
	Email string
	// Phone is optional, up to 50 characters.
	Phone string
	// AutoUpdate lets finAPI's nightly batch update the user's connections, if
	// the vendor has booked it. The default is false.
	AutoUpdate bool
}

// CreateUser creates a finAPI user and opens it. One user per customer of the ERP
// keeps the customers' data apart.
//
// The call is never repeated by itself. If it fails on the network, the user may
// exist all the same; whoever has chosen the id and the password can then open
// it. An id that exists is refused with [CodeEntityExists].
func (c *Client) CreateUser(ctx context.Context, user NewUser) (*User, error) {
	if user.ID == "" {
		user.ID = UserID(rand.Text())
	}
	if user.Password.IsZero() {
		user.Password = NewSecret(rand.Text())
	}
	if err := user.validate(); err != nil {
		return nil, err
	}
	body := struct {
		ID         UserID `json:"id"`
		Password   string `json:"password"`
		Email      string `json:"email,omitempty"`
		Phone      string `json:"phone,omitempty"`
		AutoUpdate bool   `json:"isAutoUpdateEnabled"`
	}{user.ID, user.Password.Reveal(), user.Email, user.Phone, user.AutoUpdate}
	answer := createdUser{wanted: user.ID}
	if err := c.do(ctx, c.tokens, call{endpoint: epCreateUser, body: body, secret: user.Password, into: &answer}); err != nil {
		return nil, err
	}
	c.users.forget(user.ID, user.Password) // a refusal from before it existed
	return c.User(user.ID, user.Password), nil
}

type createdUser struct {
	ID     UserID `json:"id"`
	wanted UserID
}

func (u *createdUser) check() error {
	return require(requirement{"id", strings.EqualFold(string(u.ID), string(u.wanted))})
}

// Delete deletes the user at finAPI with everything that belongs to it:
// connections, consents, accounts and transactions. It cannot be undone. While a
// connection of the user is being updated, finAPI refuses with [CodeLocked].
func (u *User) Delete(ctx context.Context) error {
	if err := u.do(ctx, call{endpoint: epDeleteUser}); err != nil {
		return err
	}
	u.client.users.forget(u.id, u.password)
	return nil
}

// do sends a call with the user's token.
func (u *User) do(ctx context.Context, in call) error {
	if err := checkUser(u.id, u.password); err != nil {
		return err
	}
	return u.client.do(ctx, u.tokens, in)
}

var userIDPattern = regexp.MustCompile(`^[0-9A-Za-z\-_.+@]{1,36}$`)

func checkUser(id UserID, password Secret) error {
	if !userIDPattern.MatchString(string(id)) {
		return errUserID()
	}
	if n := len([]rune(password.Reveal())); n < 6 || n > 128 {
		return invalid("Password", "must have 6 to 128 characters")
	}
	return nil
}

func errUserID() error {
	return invalid("UserID", "must be 1 to 36 characters of 0-9, A-Z, a-z and -_.+@")
}

const (
	maxEmail = 320
	maxPhone = 50
)

func (n *NewUser) validate() error {
	if err := checkUser(n.ID, n.Password); err != nil {
		return err
	}
	if len([]rune(n.Email)) > maxEmail {
		return invalid("Email", "must have 320 characters at the most")
	}
	if len([]rune(n.Phone)) > maxPhone {
		return invalid("Phone", "must have 50 characters at the most")
	}
	return nil
}

// Profile is what finAPI keeps of a user besides the bank data. The password is
// not among it.
type Profile struct {
	ID UserID
	// Email and Phone are "" if not set.
	Email, Phone string
	// AutoUpdate lets finAPI's nightly batch update the user's connections.
	AutoUpdate bool
}

// Profile returns what finAPI keeps of the user. It changes with
// [User.EditProfile] only.
func (u *User) Profile(ctx context.Context) (Profile, error) {
	var answer profileAnswer
	err := u.do(ctx, call{endpoint: epUser, into: &answer})
	return answer.value(), err
}

// ProfileChange says what to change. A nil field stays as it is.
type ProfileChange struct {
	// Email has up to 320 and Phone up to 50 characters. A pointer to "" clears them.
	Email, Phone *string
	// AutoUpdate lets finAPI's nightly batch update the user's connections. finAPI's
	// contract names false as its default, so that it is safer to give it in every
	// change of a user for whom it is on.
	AutoUpdate *bool
}

// EditProfile changes what finAPI keeps of the user and returns it. Switching
// AutoUpdate on is refused with [CodeIllegalEntityState] if the vendor has not
// booked it.
func (u *User) EditProfile(ctx context.Context, change ProfileChange) (Profile, error) {
	if change.Email != nil && len([]rune(*change.Email)) > maxEmail {
		return Profile{}, invalid("Email", "must have 320 characters at the most")
	}
	if change.Phone != nil && len([]rune(*change.Phone)) > maxPhone {
		return Profile{}, invalid("Phone", "must have 50 characters at the most")
	}
	body := struct {
		Email      *string `json:"email,omitempty"`
		Phone      *string `json:"phone,omitempty"`
		AutoUpdate *bool   `json:"isAutoUpdateEnabled,omitempty"`
	}{change.Email, change.Phone, change.AutoUpdate}
	var answer profileAnswer
	err := u.do(ctx, call{endpoint: epEditUser, body: body, into: &answer})
	return answer.value(), err
}

type profileAnswer struct {
	ID         UserID `json:"id"`
	Email      string `json:"email"`
	Phone      string `json:"phone"`
	AutoUpdate bool   `json:"isAutoUpdateEnabled"`
}

func (a *profileAnswer) check() error { return require(requirement{"id", a.ID != ""}) }

func (a *profileAnswer) value() Profile {
	return Profile{ID: a.ID, Email: a.Email, Phone: a.Phone, AutoUpdate: a.AutoUpdate}
}

// UserVerified reports whether a user can be used. Users wait for verification if
// the vendor's set-up says so; see [Configuration.UserAutoVerification]. Until then,
// their calls are refused with [CodeUserNotVerified]. A user that does not exist is
// refused with [CodeUnknownEntity].
func (c *Client) UserVerified(ctx context.Context, id UserID) (bool, error) {
	if !userIDPattern.MatchString(string(id)) {
		return false, errUserID()
	}
	var answer verificationAnswer
	query := url.Values{"userId": {string(id)}}
	err := c.do(ctx, c.tokens, call{endpoint: epVerificationStatus, query: query, into: &answer})
	return answer.Verified != nil && *answer.Verified, err
}

type verificationAnswer struct {
	Verified *bool `json:"isUserVerified"`
}

func (a *verificationAnswer) check() error {
	return require(requirement{"isUserVerified", a.Verified != nil})
}

// VerifyUser makes a user usable that waits for verification. One that does not
// wait is refused with [CodeUserAlreadyVerified], one that does not exist with
// [CodeUnknownEntity].
func (c *Client) VerifyUser(ctx context.Context, id UserID) error {
	if !userIDPattern.MatchString(string(id)) {
		return errUserID()
	}
	return c.do(ctx, c.tokens, call{endpoint: epVerifyUser, ids: []string{string(id)}})
}

// Logout makes finAPI forget the user's token, also for other handles of the user.
// The handles stay usable: the next call logs in again. Nothing is sent if there is
// no token. Open forms and updates that are going on work with the token, so they
// fail. If Logout itself fails, finAPI may know the token until it expires, but this
// package does not use it any more.
func (u *User) Logout(ctx context.Context) error {
	token := u.tokens.forget()
	if token.IsZero() {
		return nil
	}
	// Without a hint finAPI ends all tokens of the same log-in.
	form := url.Values{"token": {token.Reveal()}}
	return u.client.do(ctx, u.client.tokens, call{endpoint: epRevoke, form: form})
}
