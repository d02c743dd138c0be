package finapi

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// maxBlock is how many ids a block of an idSet holds.
const maxBlock = 128

// idSet is a set of ids in a few bytes each, so that a reader who must know what it has
// handed out does not hold the history. It is fastest if the ids ascend. The zero idSet
// is empty.
type idSet struct {
	blocks []idBlock // ascending, none of them empty
}

// idBlock is a run of ascending ids: the first, and how far each is from the one before.
type idBlock struct {
	first, last int64
	n           int
	steps       []byte
}

// add puts an id into the set, and reports whether it is new there.
func (s *idSet) add(id int64) bool {
	i := s.find(id)
	if i < 0 {
		s.blocks = []idBlock{newBlock([]int64{id})}
		return true
	}
	b := &s.blocks[i]
	switch {
	case id > b.last && b.n < maxBlock:
		b.append(id)
		return true
	case id > b.last && i+1 < len(s.blocks): // it is before the first of the next block
		s.replace(i+1, append([]int64{id}, s.blocks[i+1].ids()...))
		return true
	case id > b.last:
		s.blocks = append(s.blocks, newBlock([]int64{id}))
		return true
	}
	if b.has(id) {
		return false
	}
	ids := b.ids()
	at, _ := slices.BinarySearch(ids, id)
	s.replace(i, slices.Insert(ids, at, id))
	return true
}

// find returns the block in which an id is or would be; -1 if there is no block.
func (s *idSet) find(id int64) int {
	if last := len(s.blocks) - 1; last < 0 || id >= s.blocks[last].first {
		return last
	}
	i, exactly := slices.BinarySearchFunc(s.blocks, id, func(b idBlock, id int64) int { return cmp.Compare(b.first, id) })
	if exactly {
		return i
	}
	return max(0, i-1)
}

// replace gives block i other ids, and splits it if they are too many.
func (s *idSet) replace(i int, ids []int64) {
	if len(ids) <= maxBlock {
		s.blocks[i] = newBlock(ids)
		return
	}
	half := len(ids) / 2
	s.blocks = slices.Replace(s.blocks, i, i+1, newBlock(ids[:half]), newBlock(ids[half:]))
}

// newBlock makes a block of at least one id.
func newBlock(ids []int64) idBlock {
	b := idBlock{first: ids[0], last: ids[0], n: 1}
	for _, id := range ids[1:] {
		b.append(id)
	}
	return b
}

func (b *idBlock) append(id int64) {
	b.steps = binary.AppendVarint(b.steps, id-b.last)
	b.last = id
	b.n++
}

// has reports whether an id is in the block, without unpacking it.
func (b *idBlock) has(id int64) bool {
	at := b.first
	for rest := b.steps; at < id && len(rest) > 0; {
		step, n := binary.Varint(rest)
		rest = rest[n:]
		at += step
	}
	return at == id
}

func (b *idBlock) ids() []int64 {
	ids := make([]int64, 1, b.n+1)
	ids[0] = b.first
	for rest := b.steps; len(rest) > 0; {
		step, n := binary.Varint(rest)
		rest = rest[n:]
		ids = append(ids, ids[len(ids)-1]+step)
	}
	return ids
}
