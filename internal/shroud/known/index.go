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
	again []int    // of one that repeats: how many of its blocks are at its beginning too, from each on
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
	if p.must <= block && len(p.more) > 0 {
		p.again = repeated(append([]digest{first}, p.more[:len(sp.text)/block-1]...))
	}
	for _, other := range s.heads[first] {
		if other.size == p.size && slices.Equal(other.more, p.more) {
			return false
		}
	}
	s.heads[first] = append(s.heads[first], p)
	s.longest, s.whole = max(s.longest, p.must), max(s.whole, p.size)
	s.early = s.early || p.must < p.size
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

	floor uint64   // the smallest byte of any place that is kept, in each byte; at most 0x80
	sieve []uint64 // three bits of a word for each hash
	mask  uint64
	at    map[uint32][]anchor // until the index is built
	slots []slot              // from then on, by the hash
	all   []anchor
}

// slot is where the anchors of a hash are; a size of 0 is none.
type slot struct {
	tag, from, size uint32
}

// table puts the anchors into slots, at most every other of which is taken: most hashes that are asked for have none,
// and one look says so.
func (x *index) table() {
	size := 1 << bits.Len(uint(2*len(x.at)))
	x.slots = make([]slot, size)
	for tag, all := range x.at {
		i := place(tag) & (size - 1)
		for x.slots[i].size > 0 {
			i = (i + 1) & (size - 1)
		}
		x.slots[i] = slot{tag, uint32(len(x.all)), uint32(len(all))}
		x.all = append(x.all, all...)
	}
	x.at = nil
}

// place is where the slot of a hash may be. Its last bits are those that the sieve has looked at.
func place(tag uint32) int { return int(bits.RotateLeft32(tag, 20)) }

// anchors are those of a hash.
func (x *index) anchors(tag uint32) []anchor {
	for i := place(tag) & (len(x.slots) - 1); ; i = (i + 1) & (len(x.slots) - 1) {
		switch s := &x.slots[i]; {
		case s.size == 0:
			return nil
		case s.tag == tag:
			return x.all[s.from : s.from+s.size]
		}
	}
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

// everyByte has a 1 in each byte.
const everyByte = 0x0101010101010101

// below says whether a byte of v is below that of floor, which has one of at most 0x80 in each.
func below(v, floor uint64) bool { return (v-floor)&^v&(0x80*everyByte) != 0 }

// lastBit is the third bit. It is asked for after the others: most hashes lack one of those, and a hash that
// passes costs a look into a table that is in no cache.
func lastBit(h uint64) uint64 { return 1 << (h >> 12 & 63) }

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
	smallest := byte(0x80)
	for _, p := range a.of {
		best, least := 0, -1
		for _, from := range x.choices(p) {
			most := 0
			for o := from; o < from+x.step; o++ {
				most = max(most, shared[uint32(x.hash(x.load(p[o:])))])
			}
			if slices.Min(p[from:min(len(p), from+x.step-1+x.width)]) <= ' ' {
				most += len(a.of) * x.step // most places of a text have a blank, and are passed over where no pattern's has
			}
			if least < 0 || most < least {
				best, least = from, most
			}
		}
		smallest = min(smallest, slices.Min(p[best:min(len(p), best+x.step-1+x.width)]))
		for o := best; o < best+x.step; o++ {
			h := x.hash(x.load(p[o:]))
			x.sieve[h>>32&x.mask] |= sieveBits(h) | lastBit(h)
			it := anchor{int32(o), int32(min(block, len(p)))}
			if tag := uint32(h); !slices.Contains(x.at[tag], it) {
				x.at[tag] = append(x.at[tag], it)
			}
		}
		clear(p)
	}
	a.of = nil
	x.floor = uint64(smallest) * everyByte
	x.table()
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
func (c *canon) hits(s *Set, found *hits) {
	for _, x := range []*index{s.far, s.near} {
		to := found.list()
		if len(x.sieve) == 0 {
			continue
		}
		b, sieve, mask, key, odd, floor, step := c.text, x.sieve, x.mask, x.key, x.odd, x.floor, x.step
		if x.width == 8 {
			for i := 0; i <= len(b)-8; i += step {
				v := binary.LittleEndian.Uint64(b[i:])
				if below(v, floor) {
					continue
				}
				hi, lo := bits.Mul64(v^key, odd)
				h := hi ^ lo
				if w, m := sieve[h>>32&mask], sieveBits(h); w&m == m && w&lastBit(h) != 0 {
					s.verify(c, x, i, uint32(h), to)
				}
			}
			continue
		}
		for i := 0; i <= len(b)-4; i += step {
			hi, lo := bits.Mul64(uint64(binary.LittleEndian.Uint32(b[i:]))^key, odd)
			h := hi ^ lo
			if w, m := sieve[h>>32&mask], sieveBits(h); w&m == m && w&lastBit(h) != 0 {
				s.verify(c, x, i, uint32(h), to)
			}
		}
	}
}

// verify adds the patterns that are around a place which may be one of theirs.
func (s *Set) verify(c *canon, x *index, at int, tag uint32, to *[]hit) {
	all := x.anchors(tag)
	for i := len(all) - 1; i >= 0; i-- { // in a text that repeats: in the order of their places
		a := all[i]
		start := at - int(a.offset)
		end := start + int(a.first)
		if start < 0 || end > len(c.text) {
			continue
		}
		heads := c.block(s, start, end).heads
		for i := range heads {
			if p := &heads[i]; s.begins(c.text[start:], p) {
				*to = append(*to, hit{from: c.start(start), at: start, of: c, pattern: p})
			}
		}
	}
}

// begins says whether what must be there of a pattern is at the beginning of a
// text whose first block is the pattern's.
func (s *Set) begins(b []byte, p *pattern) bool {
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
