package known

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
)

// block is the size of the pieces that values are hashed in.
const block = 64

// farFrom is the size from which on a value is found by eight of its bytes.
const farFrom = 11

// digest is a keyed hash of a block of a value.
type digest [16]byte

func (s *Set) digest(b []byte) digest {
	var in [len(s.key) + block]byte
	n := copy(in[:], s.key[:])
	n += copy(in[n:], b)
	sum := sha256.Sum256(in[:n])
	clear(in[:])
	return digest(sum[:16])
}

// pattern is a spelling of a value of which only hashes are kept.
type pattern struct {
	size  int
	must  int      // what of it must be there
	more  []digest // of the blocks after the first
	label int
	as    string
	edge  edge
}

// add keeps a spelling, unless the same text is kept already.
func (s *Set) add(sp spelling, label int) bool {
	p := pattern{size: len(sp.text), must: min(len(sp.text), head), label: label, as: sp.as, edge: sp.edge}
	if repeats(sp.text) {
		p.must = min(p.must, block) // else it would be looked for at every place of what repeats too
	}
	first := s.digest(sp.text[:min(block, len(sp.text))])
	for at := block; at < len(sp.text); at += block {
		p.more = append(p.more, s.digest(sp.text[at:min(at+block, len(sp.text))]))
	}
	for _, other := range s.heads[first] {
		if other.size == p.size && slices.Equal(other.more, p.more) {
			return false
		}
	}
	s.heads[first] = append(s.heads[first], p)
	s.longest = max(s.longest, p.must)
	return true
}

// repeats says whether a text begins again within its first block.
func repeats(b []byte) bool {
	const n = 8
	for at := 1; at < block && at+n <= len(b); at++ {
		if string(b[at:at+n]) == string(b[:n]) {
			return true
		}
	}
	return false
}

// index finds the places where patterns may be: it looks at a few bytes of
// the text at every step, and knows hashes of such bytes of each pattern, at
// as many neighbouring places as a step is wide.
type index struct {
	width    int // of what is looked at
	step     int // between the places that are looked at
	key, odd uint64

	sieve []uint64 // two bits of a word for each hash
	mask  uint64
	at    map[uint32][]anchor
}

// anchor says where in a pattern certain bytes are, and the size of its first block.
type anchor struct{ offset, first int32 }

func newIndex(width int, key, odd uint64) *index {
	return &index{width: width, step: 1, key: key, odd: odd | 1, at: map[uint32][]anchor{}}
}

func (x *index) hash(v uint64) uint64 {
	hi, lo := bits.Mul64(v^x.key, x.odd)
	return hi ^ lo
}

func (x *index) load(b []byte) uint64 {
	if x.width == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

func sieveBits(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) }

// anchors collects the patterns of an index until it is built.
type anchors struct {
	to *index
	of [][]byte
}

// maxStep bounds how many places of each pattern are kept.
const maxStep = 8

// build chooses for each pattern the places that the fewest others share, keeps
// their hashes and wipes the patterns.
func (a *anchors) build() {
	x := a.to
	if len(a.of) == 0 {
		return
	}
	shortest := len(a.of[0])
	for _, p := range a.of {
		shortest = min(shortest, len(p))
	}
	x.step = min(shortest-x.width+1, maxStep)
	shared := map[uint32]int{}
	for _, p := range a.of {
		for _, from := range x.choices(p) {
			for o := from; o < from+x.step; o++ {
				shared[uint32(x.hash(x.load(p[o:])))]++
			}
		}
	}
	words := uint64(1) << bits.Len(uint(len(a.of)*x.step*16/64))
	x.sieve, x.mask = make([]uint64, words), words-1
	for _, p := range a.of {
		best, least := 0, -1
		for _, from := range x.choices(p) {
			most := 0
			for o := from; o < from+x.step; o++ {
				most = max(most, shared[uint32(x.hash(x.load(p[o:])))])
			}
			if least < 0 || most < least {
				best, least = from, most
			}
		}
		for o := best; o < best+x.step; o++ {
			h := x.hash(x.load(p[o:]))
			x.sieve[h>>32&x.mask] |= sieveBits(h)
			it := anchor{int32(o), int32(min(block, len(p)))}
			if tag := uint32(h); !slices.Contains(x.at[tag], it) {
				x.at[tag] = append(x.at[tag], it)
			}
		}
		clear(p)
	}
	a.of = nil
}

// choices are the places in a pattern's first block where anchors may begin.
func (x *index) choices(p []byte) []int {
	last := min(len(p), block) - x.width - x.step + 1
	if last <= 0 {
		return []int{0}
	}
	return []int{last, last * 2 / 3, last / 3, 0}
}

// hits adds all places of a text where a pattern of the set is.
func (c *canon) hits(s *Set, to *[]hit) {
	for _, x := range []*index{s.far, s.near} {
		if len(x.sieve) == 0 {
			continue
		}
		b, sieve, mask, key, odd := c.text, x.sieve, x.mask, x.key, x.odd
		if x.width == 8 {
			for i := 0; i+8 <= len(b); i += x.step {
				hi, lo := bits.Mul64(binary.LittleEndian.Uint64(b[i:])^key, odd)
				h := hi ^ lo
				if m := sieveBits(h); sieve[h>>32&mask]&m == m {
					s.verify(c, x, i, uint32(h), to)
				}
			}
			continue
		}
		for i := 0; i+4 <= len(b); i += x.step {
			hi, lo := bits.Mul64(uint64(binary.LittleEndian.Uint32(b[i:]))^key, odd)
			h := hi ^ lo
			if m := sieveBits(h); sieve[h>>32&mask]&m == m {
				s.verify(c, x, i, uint32(h), to)
			}
		}
	}
}

// verify adds the patterns that are around a place which may be one of theirs.
func (s *Set) verify(c *canon, x *index, at int, tag uint32, to *[]hit) {
	for _, a := range x.at[tag] {
		start := at - int(a.offset)
		end := start + int(a.first)
		if start < 0 || end > len(c.text) {
			continue
		}
		for _, p := range s.heads[s.digest(c.text[start:end])] {
			if s.begins(c.text[start:], p) {
				*to = append(*to, hit{from: c.start(start), at: start, of: c, pattern: p})
			}
		}
	}
}

// begins says whether what must be there of a pattern is at the beginning of a
// text whose first block is the pattern's.
func (s *Set) begins(b []byte, p pattern) bool {
	size := min(block, p.size)
	for _, d := range p.more {
		if size >= p.must {
			break
		}
		next := min(block, p.size-size)
		if size+next > len(b) || s.digest(b[size:size+next]) != d {
			return false
		}
		size += next
	}
	return true
}

// covers is how much of a pattern that begins here is there; open, when what
// follows may be more of it.
func (s *Set) covers(b []byte, p pattern, last bool) (size int, open bool) {
	size = min(block, p.size)
	for _, d := range p.more {
		next := min(block, p.size-size)
		if size+next > len(b) {
			return size, !last
		}
		if s.digest(b[size:size+next]) != d {
			return size, false
		}
		size += next
	}
	return size, false
}
