package finapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A state is what a customer's browser, or finAPI's callback, brings back from a form
// to prove that the ERP sent it there: an expiry, a random number, the form and the
// user, with a signature. It is readable and not secret, but cannot be forged.

// stateLife is how long a state is good: as long as a form, and some time for a
// customer who reads its last page.
const stateLife = formLife + 20*time.Minute

// minKey is the size of a signing key.
const minKey = 32

// Who may bring a state.
const (
	byBrowser  = "b"
	byCallback = "c"
)

// returnState is what a state says. Form is "" in the state of a callback, which is
// made before there is a form.
type returnState struct {
	kind    string
	expires time.Time
	nonce   string
	form    ConsentID
	user    UserID
}

// stateKeys sign with the first and verify with all of them.
type stateKeys []Secret

func (k stateKeys) check() error {
	if len(k) == 0 {
		return invalid("ReturnConfig.Keys", "must hold a key")
	}
	for _, key := range k {
		if len(key.Reveal()) < minKey {
			return invalid("ReturnConfig.Keys", "must hold keys of 32 bytes or more")
		}
	}
	return nil
}

func (k stateKeys) sign(s returnState) string {
	// Neither ids nor numbers hold a bar.
	text := strings.Join([]string{
		s.kind, strconv.FormatInt(s.expires.Unix(), 36), s.nonce, string(s.form), string(s.user),
	}, "|")
	return encode([]byte(text)) + "." + encode(signature(k[0], text))
}

// verify returns what a state says if one of the keys has signed it.
func (k stateKeys) verify(state string) (returnState, bool) {
	body, sum, _ := strings.Cut(state, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return returnState{}, false
	}
	claimed, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil {
		return returnState{}, false
	}
	for _, key := range k {
		if hmac.Equal(claimed, signature(key, string(text))) {
			return parseState(string(text))
		}
	}
	return returnState{}, false
}

func parseState(text string) (returnState, bool) {
	parts := strings.Split(text, "|")
	if len(parts) != 5 {
		return returnState{}, false
	}
	seconds, err := strconv.ParseInt(parts[1], 36, 64)
	if err != nil {
		return returnState{}, false
	}
	return returnState{
		kind: parts[0], expires: time.Unix(seconds, 0), nonce: parts[2], form: ConsentID(parts[3]), user: UserID(parts[4]),
	}, true
}

// purpose keeps a signature from being of use elsewhere, if a vendor uses one key for
// several things.
const purpose = "finapi return state 1|"

func signature(key Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(purpose + text))
	return mac.Sum(nil)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func nonce() string { return rand.Text()[:16] }

// States remembers which states were used, so that each works once. All programs
// behind one address must share one; sqlstore has one.
type States interface {
	// Use marks a state as used and reports whether it was unused before. Of calls at
	// the same moment, one gets true. It may be forgotten after expires. The name has
	// up to 100 printable ASCII characters.
	Use(ctx context.Context, name string, expires time.Time) (first bool, err error)
}

// MemoryStates are [States] in memory: they are forgotten when the program ends. It
// is safe for concurrent use. The zero MemoryStates is empty and ready.
type MemoryStates struct {
	mu   sync.Mutex
	used map[string]time.Time
	// newest is the latest expiry that was seen: what expired long before it can go.
	newest time.Time
}

// Use implements [States].
func (s *MemoryStates) Use(ctx context.Context, name string, expires time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, used := s.used[name]; used {
		return false, nil
	}
	if s.used == nil {
		s.used = map[string]time.Time{}
	}
	if expires.After(s.newest) {
		s.newest = expires
		s.clear(expires.Add(-2 * stateLife))
	}
	s.used[name] = expires
	return true, nil
}

// clear forgets what expired before a time. The caller holds the lock.
func (s *MemoryStates) clear(before time.Time) {
	for name, expires := range s.used {
		if expires.Before(before) {
			delete(s.used, name)
		}
	}
}
