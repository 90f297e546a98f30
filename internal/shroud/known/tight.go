package known

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// Most texts hold no value of several lines. Whether one may hold some is found out in the text without all that
// stands between lines, which is made much faster where nobody has to tell from which place of the source a byte is.

// leastTight is how long a text is at least of which more may follow and that is looked at so first: of a shorter one
// the end, which is looked at again, is most.
const leastTight = 16 << 10

// kept has 1 for each byte that stands in a flat text wherever it is.
type kept [256]uint8

func newKept() (k kept) {
	for c := range k {
		if !mayStand(byte(c), 0) || c == '<' {
			k[c] = 1
		}
	}
	return k
}

// tight is the text without all that stands between lines, and where in it each of the pieces begins that the text is
// taken in by.
func (k *kept) tight(to *canon, b []byte) (out []byte, begins []int) {
	out = to.room(len(b))[:len(b)]
	n, next := 0, specials{src: b, of: `\<`}
	for i := 0; i < len(b); {
		if i >= piece*len(begins) {
			begins = append(begins, n)
		}
		plain := min(next.from(i), piece*len(begins))
		for _, c := range b[i:min(plain, len(b))] {
			out[n] = c
			n += int(k[c])
		}
		if i = plain; i >= len(b) || i == piece*len(begins) {
			continue
		}
		size := between(b, i)
		if size == 0 {
			out[n] = b[i]
			n, size = n+1, 1
		}
		i += size
		for size = 1; b[i-1] == '\\' && i < len(b) && size > 0; i += size { // and a letter after it
			size = between(b, i)
		}
	}
	to.own, to.text = out, out[:n]
	return to.text, begins
}

// piece is the size of the pieces.
const piece = 1 << 10

// places are the first and the last place of a text where some pattern may be.
func (x *index) places(b []byte) (first, last int, some bool) {
	if len(x.sieve) == 0 {
		return 0, 0, false
	}
	for i := 0; i <= len(b)-8; i += x.step {
		v := binary.LittleEndian.Uint64(b[i:])
		hi, lo := bits.Mul64(v^x.key, x.odd)
		h := hi ^ lo
		if w, m := x.sieve[h>>32&x.mask], sieveBits(h); w&m == m && w&lastBit(h) != 0 && len(x.anchors(uint32(h))) > 0 {
			if !some {
				first, some = i, true
			}
			last = i
		}
	}
	return first, last, some
}

// takeLines makes the flat text of what may hold a value of several lines, and returns from which place of the source on what
// follows may change what is found in it.
func (w *scanner) takeLines(s *Set, last bool) (sure int) {
	c := &w.text
	if s.flat.gaps || !last && len(c.text) < leastTight {
		return w.flat.takeFlat(c, last, s.flat.longest)
	}
	sure = c.read
	if !last {
		ok := false
		if sure, ok = w.tail(s); !ok {
			return w.flat.takeFlat(c, last, s.flat.longest)
		}
	}
	b, begins := s.kept.tight(&w.tight, c.text)
	first, end, some := s.flat.far.places(b)
	if !some {
		w.flat.wipe()
		return sure
	}
	from := max(0, sort.SearchInts(begins, first-block)-1) * piece // the pattern begins in its first block
	for i := from; i > max(0, from-longestTag); i-- {
		if c.text[i-1] == '<' {
			from = i - 1
		}
	}
	to := min(len(c.text), sort.SearchInts(begins, end+s.flat.whole+block)*piece+longestTag)
	at := w.flat.takePart(c, from, to, last, s.flat.longest)
	if to == len(c.text) {
		sure = min(sure, at)
	}
	return sure
}

// tail is a place from which on a text has as much as any value of several lines takes before it is found. It is not ok
// where that is far from the end.
func (w *scanner) tail(s *Set) (place int, ok bool) {
	c, most := &w.text, s.flat.longest+longestTag
	var at []int // the last bytes that are in a flat text
	for i := max(1, len(c.text)-4*most); i < len(c.text); {
		if size := between(c.text, i); size > 0 {
			i += size
			continue
		}
		at = append(at, i)
		i++
	}
	if len(at) < most {
		return 0, false
	}
	return c.start(at[len(at)-most]), true
}
