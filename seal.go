package finapi

import (
	"bytes"
	"strings"
)

// AEAD encrypts, and notices when something was changed. It is the interface of Tink,
// so a tink.AEAD fits; with a keyset of several keys it also rotates them. Any other
// authenticated encryption that takes associated data will do.
type AEAD interface {
	// Encrypt encrypts plaintext and binds it to associatedData.
	Encrypt(plaintext, associatedData []byte) ([]byte, error)
	// Decrypt decrypts what Encrypt made with the same associatedData, and fails for
	// everything else.
	Decrypt(ciphertext, associatedData []byte) ([]byte, error)
}

// Seal encrypts what opens the user at finAPI, its id and password, for storage. It is
// bound to the tenant, the ERP's own name for the customer, and to the environment: a
// sealed user that was copied to another tenant does not open. The tenant has 1 to 200
// characters.
func (u *User) Seal(aead AEAD, tenant string) ([]byte, error) {
	if err := checkSeal(aead, tenant); err != nil {
		return nil, err
	}
	if err := checkUser(u.id, u.password); err != nil {
		return nil, err
	}
	plain := []byte(string(u.id) + "\n" + u.password.Reveal()) // an id holds no line feed
	defer clear(plain)
	sealed, err := aead.Encrypt(plain, u.client.sealedFor(tenant))
	if err != nil {
		return nil, &Error{
			Code: CodeSealBroken, Actor: actorOf(CodeSealBroken, noStatus), Message: "the key does not encrypt", cause: err,
		}
	}
	return sealed, nil
}

// OpenSealed opens the user that [User.Seal] has sealed for a tenant. It sends nothing.
// What was sealed for another tenant or environment, with a key that aead does not
// have, or was changed since, is refused with a [CodeSealBroken].
func (c *Client) OpenSealed(aead AEAD, tenant string, sealed []byte) (*User, error) {
	if err := checkSeal(aead, tenant); err != nil {
		return nil, err
	}
	plain, err := aead.Decrypt(sealed, c.sealedFor(tenant))
	if err != nil {
		return nil, &Error{
			Code: CodeSealBroken, Actor: actorOf(CodeSealBroken, noStatus), Message: "the sealed user does not open", cause: err,
		}
	}
	defer clear(plain)
	id, password, ok := bytes.Cut(plain, []byte("\n"))
	user := c.User(UserID(id), NewSecret(string(password)))
	if !ok || checkUser(user.id, user.password) != nil {
		return nil, &Error{
			Code: CodeSealBroken, Actor: actorOf(CodeSealBroken, noStatus), Message: "what was sealed is not a user",
		}
	}
	return user, nil
}

// sealedFor is the associated data. Environments hold no slash.
func (c *Client) sealedFor(tenant string) []byte {
	return []byte("finapi user 1/" + c.environment.String() + "/" + tenant)
}

func checkSeal(aead AEAD, tenant string) error {
	if aead == nil {
		return invalid("aead", "must not be nil")
	}
	if strings.TrimSpace(tenant) == "" || len([]rune(tenant)) > 200 {
		return invalid("tenant", "must have 1 to 200 characters")
	}
	return nil
}
