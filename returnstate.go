package finapi

import (
	"context"
	"crypto/rand"
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

// statePurpose is what a state is signed for.
const statePurpose = "finapi return state 1|"

func (s *returnState) sign(keys signingKeys) string {
	// Neither ids nor numbers hold a bar.
	return keys.sign(statePurpose, strings.Join([]string{
		s.kind, strconv.FormatInt(s.expires.Unix(), 36), s.nonce, string(s.form), string(s.user),
	}, "|"))
}

// verifyState returns what a state says if one of the keys has signed it.
func verifyState(keys signingKeys, state string) (returnState, bool) {
	text, ok := keys.verify(statePurpose, state)
	if !ok {
		return returnState{}, false
	}
	return parseState(text)
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
