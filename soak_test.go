package finapi_test

import (
	"context"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
	"github.com/finapi-go/finapi/internal/soak"
)

var (
	soakDays = flag.Int("soak-days", 30, "days of TestManyDaysOfFaultsLoseAndDoubleNothing; try 365")
	soakSeed = flag.Uint64("soak-seed", 1, "what happens on these days")
)

// TestManyDaysOfFaultsLoseAndDoubleNothing lets an ERP work at a finAPI at which everything
// goes wrong, and compares its books with the bank's.
//
//	go test -run TestManyDaysOfFaults -soak-days=365 -soak-seed=7 -v
func TestManyDaysOfFaultsLoseAndDoubleNothing(t *testing.T) {
	if os.Getenv(capture.Variable) != "" {
		t.Skip("left out while internal/contract records: the soak sends nothing that other tests do not send")
	}
	t.Log(soak.Run(t, &memoryBooks{}, soak.Config{Days: *soakDays, Seed: *soakSeed}))
}

// memoryBooks are the books of an ERP that lives as long as the test.
type memoryBooks struct {
	store  finapi.MemoryStore
	budget finapi.MemoryBudget
	lines  []soak.Line
}

func (b *memoryBooks) Store() finapi.Store           { return &b.store }
func (b *memoryBooks) Budget() finapi.Budget         { return &b.budget }
func (b *memoryBooks) Restart() error                { return nil }
func (b *memoryBooks) Journal() ([]soak.Line, error) { return b.lines, nil }

func (b *memoryBooks) Deliver(ctx context.Context, feed *finapi.Feed, check func() error) error {
	return feed.Deliver(ctx, func(ctx context.Context, batch finapi.Batch) error {
		if err := check(); err != nil {
			return err
		}
		if err := b.store.Commit(ctx, feed.Ledger(), batch.Change); err != nil {
			return err
		}
		for _, p := range soak.Postings(feed.Ledger().Ledger, batch.Events) {
			b.post(p)
		}
		return nil
	})
}

func (b *memoryBooks) post(p soak.Posting) {
	switch {
	case p.Remove:
		b.lines = slices.DeleteFunc(b.lines, func(l soak.Line) bool { return l.UID == p.UID })
	case p.Change:
		for i := range b.lines {
			if b.lines[i].UID == p.UID {
				b.lines[i].Content = p.Content
			}
		}
	default:
		b.lines = append(b.lines, p.Line)
	}
}

func (b *memoryBooks) Confirm(ctx context.Context, feed *finapi.Feed, uid finapi.UID) error {
	return feed.Confirm(ctx, uid, "person", func(ctx context.Context, batch finapi.Batch) error {
		return b.store.Commit(ctx, feed.Ledger(), batch.Change)
	})
}
