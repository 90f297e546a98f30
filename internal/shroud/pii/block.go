package pii

import "strings"

// Block follows the block of a private key through a text that is seen in stretches: its end may be in
// none of those in which it begins. The zero one follows none.
type Block struct {
	open  bool
	lines bool // some of its lines were there, so that no headers follow
	past  int  // from where the next stretch begins to what was not seen of it
}

// Began takes in what is cut out of a text from a place on, when the text is decided over up to another:
// where that is a private key, it is followed.
func (b *Block) Began(text string, start, end, to int) {
	if !strings.HasPrefix(text[start:], dashes+"BEGIN ") {
		return
	}
	b.lines = !strings.HasSuffix(text[start:end], dashes)
	if b.open = !strings.Contains(text[start+len(dashes):end], dashes+"END "); b.open {
		b.stays(text, end, to)
	}
}

// After is the block as it is followed into another text, after its first bytes.
func (b *Block) After(bytes int) Block {
	out := *b
	out.past += bytes
	return out
}

// Open reports whether a block is followed.
func (b *Block) Open() bool { return b.open }

// Goes returns where the block ends that was followed up to a place, or that place, when the text
// is decided over up to another.
func (b *Block) Goes(text string, from, to int) (end int) {
	if !b.open {
		return from
	}
	at := max(from+b.past, 0)
	if n := strings.Index(text[at:min(len(text), at+longestBlock)], dashes+"END "); n >= 0 {
		if last := title(text, at+n+len(dashes)); last > 0 {
			b.open = false
			return last
		}
	}
	if b.lines && at > 0 && keyChar(text[at-1]) { // a line without white space that was cut in two
		for at < len(text) && keyChar(text[at]) {
			at++
		}
	}
	if !b.lines {
		at, end = headers(text, at)
	}
	if last := lines(text, at); last > at {
		at, b.lines = last, true
	}
	b.stays(text, at, to)
	return max(from, at, end)
}

// stays keeps the block open where nothing else stands between the end of what was seen of it and a place.
func (b *Block) stays(text string, end, to int) {
	b.past = end - to
	if end < to && !b.lines {
		whole, last := headers(text[:to], end)
		b.past, end = whole-to, last
	}
	b.open = end >= to || strings.TrimSpace(text[end:to]) == ""
}

const longestHeader = 200

// headers returns where the lines end that begin here and name something of a block, as RFC 1421 and
// RFC 9580 have them; and where the last of them ends, which may not be whole.
func headers(s string, from int) (whole, last int) {
	for range 8 {
		at := from
		for at < len(s) && at-from < 4 && (s[at] == '\n' || s[at] == '\r') {
			at++
		}
		n := at
		for n < len(s) && (isLetter(s[n]) || s[n] == '-') {
			n++
		}
		if n-at < 3 || n == len(s) || s[n] != ':' {
			break
		}
		end := strings.IndexByte(s[n:min(len(s), n+longestHeader)], '\n')
		if end < 0 {
			if len(s)-n < longestHeader {
				return from, len(s)
			}
			break
		}
		from = n + end
	}
	return from, from
}

func keyChar(c byte) bool { return isDigit(c) || isLetter(c) || c == '+' || c == '/' || c == '=' }
