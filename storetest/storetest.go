package storetest

import (
	"testing"

	"github.com/finapi-go/finapi"
)

// Run checks all that [finapi.Store] promises, in subtests whose names are the
// promises. Each subtest calls open, which must return an empty Store that lives
// until the subtest ends. It must be safe for concurrent use.
//
// A Store has to remember of a row's transaction what [finapi.Transaction] has in
// JSON, and of times the instant, not the zone. Rows may come in any order. Among
// commits at the same time, more than the late ones may be conflicts, if they
// succeed when they are tried again.
func Run(t *testing.T, open func(t *testing.T) finapi.Store, options ...Option) {
	t.Helper()
	s := suite{open: open}
	for _, option := range options {
		option(&s)
	}
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) { p.check(checker{t, s.open(t)}) })
	}
	t.Run("whatever is committed, it answers like a model", func(t *testing.T) { likeModel(t, s.open(t)) })
	if s.reopen != nil {
		t.Run("what was committed is there after opening it again", func(t *testing.T) {
			checker{t, s.open(t)}.survives(s.reopen)
		})
	}
}

// Option adds to what [Run] checks.
type Option func(*suite)

// Reopen also checks that the memory outlives the Store. The function ends a Store
// that open has returned, and returns another one with the same memory.
func Reopen(reopen func(t *testing.T, store finapi.Store) finapi.Store) Option {
	return func(s *suite) { s.reopen = reopen }
}

type suite struct {
	open   func(t *testing.T) finapi.Store
	reopen func(t *testing.T, store finapi.Store) finapi.Store
}

// checker is a test with the Store that it checks.
type checker struct {
	*testing.T
	store finapi.Store
}
