package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/storetest"
)

func TestTheMemoryStoreKeepsItsPromises(t *testing.T) {
	t.Parallel()
	open := func(*testing.T) finapi.Store { return &finapi.MemoryStore{} }
	reopen := func(_ *testing.T, store finapi.Store) finapi.Store { return store }
	storetest.Run(t, open, storetest.Reopen(reopen))
}

// broken breaks one promise of a Store that keeps the others.
type broken struct {
	finapi.MemoryStore
	mu sync.Mutex

	key    func(finapi.LedgerKey) finapi.LedgerKey
	query  func(*finapi.RowQuery)
	change func(*broken, *finapi.Change)
	rows   func(finapi.RowQuery, []finapi.Row) []finapi.Row
	err    func(error) error
	ctx    func(context.Context) context.Context
	half   bool
}

func (b *broken) Mark(ctx context.Context, key finapi.LedgerKey) (finapi.Mark, error) {
	if b.key != nil {
		key = b.key(key)
	}
	if b.ctx != nil {
		ctx = b.ctx(ctx)
	}
	return b.MemoryStore.Mark(ctx, key)
}

func (b *broken) Rows(ctx context.Context, key finapi.LedgerKey, q finapi.RowQuery) ([]finapi.Row, error) {
	if b.key != nil {
		key = b.key(key)
	}
	if b.query != nil {
		b.query(&q)
	}
	rows, err := b.MemoryStore.Rows(ctx, key, q)
	if b.rows != nil {
		rows = b.rows(q, rows)
	}
	return rows, err
}

func (b *broken) Commit(ctx context.Context, key finapi.LedgerKey, c finapi.Change) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.key != nil {
		key = b.key(key)
	}
	if b.change != nil {
		b.change(b, &c)
	}
	if b.half && len(c.Rows) > 5 && ctx.Err() == nil {
		// The first half is there already when the context ends.
		mark, err := b.MemoryStore.Mark(ctx, key)
		if err == nil && mark.Version == c.Mark.Version {
			_ = b.MemoryStore.Commit(ctx, key, finapi.Change{Mark: c.Mark, Rows: c.Rows[:len(c.Rows)/2]})
			return context.DeadlineExceeded
		}
	}
	err := b.MemoryStore.Commit(ctx, key, c)
	if b.err != nil {
		err = b.err(err)
	}
	return err
}

var breaches = map[string]struct {
	store   func() *broken
	noticed string // the promise whose check fails
}{
	"it forgets former ids": {
		func() *broken {
			return &broken{rows: func(q finapi.RowQuery, rows []finapi.Row) []finapi.Row {
				return slices.DeleteFunc(rows, func(r finapi.Row) bool {
					only := len(q.UIDs) == 0 && len(q.Fingerprints) == 0 && q.Since == nil
					return only && !slices.Contains(q.IDs, r.ID)
				})
			}}
		}, "a row is found under every id",
	},
	"it has no fence": {
		func() *broken {
			return &broken{change: func(b *broken, c *finapi.Change) {
				mark, _ := b.MemoryStore.Mark(context.Background(), finapi.LedgerKey{Environment: "sandbox", Ledger: "tenant-17/1200"})
				c.Mark.Version = mark.Version
			}}
		}, "a commit with another version",
	},
	"a conflict is any error": {
		func() *broken {
			return &broken{err: func(err error) error {
				if err != nil {
					return errors.New("lost")
				}
				return nil
			}}
		}, "a commit with another version",
	},
	"it mixes environments": {
		func() *broken {
			return &broken{key: func(k finapi.LedgerKey) finapi.LedgerKey { return finapi.LedgerKey{Ledger: k.Ledger} }}
		}, "ledgers and environments",
	},
	"it compares ledgers without regard to case": {
		func() *broken {
			return &broken{key: func(k finapi.LedgerKey) finapi.LedgerKey {
				k.Ledger = finapi.LedgerID(strings.ToLower(string(k.Ledger)))
				return k
			}}
		}, "ledgers and environments",
	},
	"it trims fingerprints": {
		func() *broken {
			return &broken{
				query: func(q *finapi.RowQuery) {
					for i := range q.Fingerprints {
						q.Fingerprints[i] = strings.TrimSpace(q.Fingerprints[i])
					}
				},
				change: func(_ *broken, c *finapi.Change) {
					c.Rows = slices.Clone(c.Rows)
					for i := range c.Rows {
						c.Rows[i].Fingerprint = strings.TrimSpace(c.Rows[i].Fingerprint)
					}
				},
			}
		}, "texts are compared as they are",
	},
	"it takes the zero date for no date": {
		func() *broken {
			return &broken{query: func(q *finapi.RowQuery) {
				if q.Since != nil && q.Since.IsZero() {
					q.Since = nil
				}
			}}
		}, "a commit is found again",
	},
	"it returns a row for each field that matches": {
		func() *broken {
			return &broken{rows: func(q finapi.RowQuery, rows []finapi.Row) []finapi.Row {
				if len(q.UIDs) > 0 && len(q.IDs) > 0 {
					rows = append(rows, rows...)
				}
				return rows
			}}
		}, "a query returns what matches any",
	},
	"it asks for 1,000 ids at the most": {
		func() *broken {
			return &broken{query: func(q *finapi.RowQuery) { q.IDs = q.IDs[:min(len(q.IDs), 100)] }}
		}, "a query may be as long",
	},
	"it keeps times to the second": {
		func() *broken {
			return &broken{change: func(_ *broken, c *finapi.Change) {
				c.Mark.Imported = c.Mark.Imported.Truncate(1_000_000_000)
			}}
		}, "a commit is found again",
	},
	"it keeps amounts to the cent": {
		func() *broken {
			return &broken{change: func(_ *broken, c *finapi.Change) {
				c.Rows = slices.Clone(c.Rows)
				for i := range c.Rows {
					c.Rows[i].Transaction.Amount.Amount = c.Rows[i].Transaction.Amount.Amount.Round(2)
				}
			}}
		}, "a commit is found again",
	},
	"it does not know where a query ends": {
		func() *broken { return &broken{query: func(q *finapi.RowQuery) { q.Until = finapi.Date{} }} }, "a query can end with a day",
	},
	"it does not know which rows are in review": {
		func() *broken { return &broken{query: func(q *finapi.RowQuery) { q.Reviews = false }} }, "rows in review are found",
	},
	"it forgets decisions": {
		func() *broken {
			return &broken{change: func(_ *broken, c *finapi.Change) {
				c.Rows = slices.Clone(c.Rows)
				for i := range c.Rows {
					c.Rows[i].Decision = nil
				}
			}}
		}, "a decision stays",
	},
	"it does not obey the context": {
		func() *broken { return &broken{ctx: context.WithoutCancel} }, "a context that is done",
	},
	"it commits by halves": {
		func() *broken { return &broken{half: true} }, "a context that ends in the middle",
	},
}

// brokenStore names the breach that a child has to be caught at.
const brokenStore = "STORETEST_BREACH"

func TestEachBrokenPromiseIsNoticed(t *testing.T) {
	if name := os.Getenv(brokenStore); name != "" {
		storetest.Run(t, func(*testing.T) finapi.Store { return breaches[name].store() })
		return
	}
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range breaches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			promise := strings.ReplaceAll(c.noticed, " ", "_")
			child := exec.CommandContext(t.Context(), program, "-test.run", "^TestEachBrokenPromiseIsNoticed$/^"+promise)
			child.Env = append(os.Environ(), brokenStore+"="+name)
			out, err := child.CombinedOutput()
			failed := "--- FAIL: TestEachBrokenPromiseIsNoticed/" + promise
			if err == nil || !strings.Contains(string(out), failed) {
				t.Errorf("got %v and not %q in:\n%s", err, failed, out)
			}
		})
	}
}
