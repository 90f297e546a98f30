package known

// Hex is written in either case, also in both at once, and with colons, dashes or blanks between its pairs.
// A canon of pairs is the stretches of a text that are such hex, in lower case and without what stands between,
// and nothing else. What the other canon finds, hex in one case, is not looked for again.

// leastHex is the size of the shortest value in hex.
const leastHex = 2 * Shortest

// maxGap is how many letters there are between two pairs at most: a line break with indentation.
const maxGap = 20

// letters of hex and of what stands between its pairs.
const (
	isHex = 1 << iota
	isGap
	isUpper
	isLower
)

// hexLetter says what each letter is.
type hexLetters [256]byte

func newHexLetters() (is hexLetters) {
	for c := range is {
		switch {
		case c >= '0' && c <= '9':
			is[c] = isHex
		case c >= 'a' && c <= 'f':
			is[c] = isHex | isLower
		case c >= 'A' && c <= 'F':
			is[c] = isHex | isUpper
		case c == ' ' || c == ':' || c == '-' || c == '\n' || c == '\r' || c == '\t':
			is[c] = isGap
		}
	}
	return is
}

// takePairs makes a canon of pairs, and returns from where on what follows may change it: a stretch
// that goes on to the end of src, but for what must have been seen of it. That is len(src) when nothing follows.
func (c *canon) takePairs(is *hexLetters, src []byte, last bool, longest int) (sure int) {
	c.begin()
	c.text, c.read = c.own[:0], len(src)
	sure = len(src)
	for i := leastHex - 1; ; i += leastHex { // one of which lies in each stretch that is long enough
		at := min(i, len(src)-1)
		if at < 0 {
			break
		}
		if is[src[at]] != 0 {
			from, to, seen := at, at, byte(0)
			for from > 0 && is[src[from-1]] != 0 {
				from--
				seen |= is[src[from]]
			}
			for to < len(src) && is[src[to]] != 0 {
				seen |= is[src[to]]
				to++
			}
			began, more := len(c.text), to == len(src) && !last
			c.stretch(is, src, from, to, seen, more)
			switch n := len(c.text) - longest; {
			case !more && len(c.text) > began:
				c.text = append(c.text, make([]byte, block)...) // a value does not go on in the next
			case !more:
			case n > began: // what stands in the last letters may be the beginning of a value
				sure = c.start(n)
			case len(c.text) > began:
				sure = from
			default:
				sure = max(from, to-2*longest-maxGap)
			}
			i = to
		}
		if i >= len(src) {
			break
		}
	}
	c.own = c.text
	return sure
}

// stretch takes in one stretch, of whose letters is known what they are (seen), unless it is too short or plain
// hex. Where more of it may follow, it ends before a gap that may be one between pairs.
func (c *canon) stretch(is *hexLetters, src []byte, from, to int, seen byte, more bool) {
	if to-from < leastHex || seen&isHex == 0 || seen&isGap == 0 && seen&(isUpper|isLower) != isUpper|isLower {
		return
	}
	if more {
		to = settled(is, src, from, to)
	}
	open := -1 // where a run begins
	for i := from; i < to; {
		if n := gap(is, src[:to], from, i); n > 0 {
			i += n
			open = -1
			continue
		}
		if open < 0 {
			open = i
			c.runs = append(c.runs, run{len(c.text), i, -1})
		}
		b := src[i]
		if is[b]&isUpper != 0 {
			b |= 0x20
		}
		c.text = append(c.text, b)
		i++
	}
}

// settled is where a stretch ends of which more may follow, without a gap at its end, or before the last letter, that is
// not too long to be one between pairs.
func settled(is *hexLetters, src []byte, from, to int) int {
	end := to
	if end-from > 1 && is[src[end-1]]&isHex != 0 && is[src[end-2]]&isGap != 0 {
		end--
	}
	gaps := end
	for gaps > from && is[src[gaps-1]]&isGap != 0 {
		gaps--
	}
	if gaps == end || end-gaps > maxGap {
		return to
	}
	return gaps
}

// gap is how long what stands between two pairs is at a place, or 0 where none does. One digit before it is
// enough: what comes before a value must not matter, since a stream may begin with it.
func gap(is *hexLetters, src []byte, from, i int) int {
	if is[src[i]]&isGap == 0 || i == from || is[src[i-1]]&isHex == 0 {
		return 0
	}
	n := 1
	for n < maxGap && i+n < len(src) && is[src[i+n]]&isGap != 0 {
		n++
	}
	if i+n+1 >= len(src) || is[src[i+n]]&is[src[i+n+1]]&isHex == 0 {
		return 0
	}
	return n
}
