package redact

import (
	"math"
	"math/rand/v2"
	"slices"
)

// idMap maps ids to invented ones. All ids of a run share it, so an account has
// the same new id wherever it is named. The order of ids is kept, since listings
// are ordered by id, and so is their size: the number of digits, and whether they
// fit into 32 bits or into the 53 of a JavaScript number.
type idMap struct {
	seen    map[int64]bool
	mapped  map[int64]int64
	settled bool
}

func newIDMap() idMap { return idMap{seen: map[int64]bool{}, mapped: map[int64]int64{}} }

func (m *idMap) observe(id int64) {
	if id > 0 {
		m.seen[id] = true
	}
}

// get returns the new id. Zero stays zero, since it means that there is none.
func (m *idMap) get(id int64) int64 { return m.mapped[id] }

// settle invents the new ids.
func (m *idMap) settle(random *rand.Rand, forbidden func(int64) bool) {
	m.settled = true
	bounds := idBounds()
	for i := range len(bounds) - 1 {
		low, high := bounds[i], bounds[i+1]
		var old []int64
		for id := range m.seen {
			if low <= id && id < high || id == math.MaxInt64 && high == id {
				old = append(old, id)
			}
		}
		slices.Sort(old)
		for j, id := range m.draw(random, low, high, len(old), forbidden) {
			m.mapped[old[j]] = id
		}
	}
}

// idBounds are where sizes change.
func idBounds() []int64 {
	bounds := []int64{1 << 31, 1 << 53, math.MaxInt64}
	for n := int64(1); ; n *= 10 {
		bounds = append(bounds, n)
		if n > math.MaxInt64/10 {
			break
		}
	}
	slices.Sort(bounds)
	return bounds
}

// draw returns n different ids, in order, from low to below high. Where there is
// room it takes none that was seen or is forbidden.
func (m *idMap) draw(random *rand.Rand, low, high int64, n int, forbidden func(int64) bool) []int64 {
	taken := map[int64]bool{}
	for tries := 0; len(taken) < n; tries++ {
		id := low + random.Int64N(high-low)
		picky := tries < 100*n
		if !taken[id] && (!picky || !m.seen[id] && !forbidden(id)) {
			taken[id] = true
		}
	}
	ids := make([]int64, 0, n)
	for id := range taken {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
