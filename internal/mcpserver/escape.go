package mcpserver

import (
	"unicode/utf8"
)

// quoting says how a text becomes a JSON string.
type quoting bool

const (
	asText    quoting = false // as JavaScript writes it
	asMessage quoting = true  // as the library does, which escapes < > & besides
)

// length is how many bytes append appends.
func (q quoting) length(text []byte) (n int) {
	var b [12]byte
	for len(text) > 0 {
		size := runeAt(text)
		n += len(q.one(b[:0], text[:size]))
		text = text[size:]
	}
	return n
}

// append appends the inside of a JSON string that means text. It leaves no copy of it
// elsewhere when dst has room.
func (q quoting) append(dst, text []byte) []byte {
	for len(text) > 0 {
		size := runeAt(text)
		dst = q.one(dst, text[:size])
		text = text[size:]
	}
	return dst
}

func runeAt(text []byte) int {
	if text[0] < utf8.RuneSelf {
		return 1
	}
	_, size := utf8.DecodeRune(text)
	return size
}

// one appends one character.
func (q quoting) one(dst, c []byte) []byte {
	if len(c) > 1 {
		switch string(c) { // compared, not copied
		case "\u2028":
			return append(dst, `\u2028`...)
		case "\u2029":
			return append(dst, `\u2029`...)
		}
		return append(dst, c...)
	}
	switch b := c[0]; {
	case b == '"', b == '\\':
		return append(dst, '\\', b)
	case b == '\b':
		return append(dst, `\b`...)
	case b == '\f':
		return append(dst, `\f`...)
	case b == '\n':
		return append(dst, `\n`...)
	case b == '\r':
		return append(dst, `\r`...)
	case b == '\t':
		return append(dst, `\t`...)
	case b < ' ', bool(q) && (b == '<' || b == '>' || b == '&'):
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
	case b >= utf8.RuneSelf:
		return append(dst, `\ufffd`...) // no UTF-8
	default:
		return append(dst, b)
	}
}
