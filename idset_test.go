package finapi

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAnIDSetKnowsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := make([]int64, rapid.IntRange(0, 3000).Draw(t, "ids"))
		most := rapid.SampledFrom([]int64{10, 3000, 1 << 40, math.MaxInt64}).Draw(t, "most")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for i := range ids {
			ids[i] = random.Int64N(most)
		}
		if ascending := rapid.IntRange(0, len(ids)).Draw(t, "ascending"); ascending > 0 {
			slices.Sort(ids[:ascending])
		}
		var set idSet
		known := map[int64]bool{}
		for _, id := range ids {
			if set.add(id) == known[id] {
				t.Fatalf("id %d: new %t, although it was given before: %t", id, !known[id], known[id])
			}
			known[id] = true
		}
		held := 0
		for i, b := range set.blocks {
			held += b.n
			if b.n > maxBlock || i > 0 && b.first <= set.blocks[i-1].last {
				t.Fatalf("block %d of %d ids begins at %d", i, b.n, b.first)
			}
		}
		if held != len(known) {
			t.Fatalf("%d ids are held, want %d", held, len(known))
		}
	})
}

// TestIDsThatDescendBehindAFullBlockFillTheNextOne: else each of them would have a block of its own,
// and to find its place would take longer and longer.
func TestIDsThatDescendBehindAFullBlockFillTheNextOne(t *testing.T) {
	t.Parallel()
	var set idSet
	for id := range int64(maxBlock) {
		set.add(id)
	}
	const more = 100 * maxBlock
	for id := range int64(more) {
		if !set.add(1_000_000-id) || set.add(1_000_000-id) {
			t.Fatalf("%d is not new, or stays new", 1_000_000-id)
		}
	}
	if n, most := len(set.blocks), 2*more/maxBlock+2; n > most {
		t.Errorf("%d ids take %d blocks, want %d at the most", more+maxBlock, n, most)
	}
}
