package finapi

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "REDACTED"

// Secret holds a text that must not be printed: a client secret, the password
// of a finAPI user, a token. Every way of printing, logging or encoding it gives
// REDACTED, also inside other values and in their unexported fields. Only
// [Secret.Reveal] returns the text.
//
// The zero Secret is empty. Secrets do not compare with ==; use [Secret.Equal].
type Secret struct {
	// A closure, because packages that print by reflection look into strings,
	// slices and pointers, but not into functions.
	reveal func() string
}

// NewSecret wraps a text that must not be printed.
func NewSecret(text string) Secret {
	return Secret{reveal: func() string { return text }}
}

// Reveal returns the secret text. Use it to seal and store the secret, nowhere
// else.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal reports whether both hold the same text, in a time that does not tell
// where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns REDACTED.
func (Secret) String() string { return redacted }

// GoString returns REDACTED.
func (Secret) GoString() string { return redacted }

// Format prints REDACTED for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue logs REDACTED.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText encodes as REDACTED, in JSON, XML and other text formats alike.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
