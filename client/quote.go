package client

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// appendQuoted appends the inside of a JSON string that means text, which is UTF-8.
func appendQuoted(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range text {
		switch {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// quotedLen is how many bytes appendQuoted appends.
func quotedLen(text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			n++
		case c < ' ':
			n += 5
		}
	}
	return n
}

// unquoted returns what a JSON string means, in one buffer. The text is well formed, as
// encoding/json makes sure of before it hands it over; it is not ok when it is no string.
func unquoted(text []byte) (b []byte, ok bool) {
	if len(text) < 2 || text[0] != '"' {
		return nil, false
	}
	text = text[1 : len(text)-1]
	size := len(text)
	if !utf8.Valid(text) {
		size *= utf8.UTFMax // what is no UTF-8 is replaced by a longer character
	}
	b = make([]byte, 0, size)
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		if c == '\\' {
			c, n = escaped(text[i:])
		}
		b = utf8.AppendRune(b, c)
		i += n
	}
	return b, true
}

// escaped reads the escape that text begins with.
func escaped(text []byte) (c rune, n int) {
	switch text[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		c = unit(text)
		if utf16.IsSurrogate(c) {
			if both := utf16.DecodeRune(c, unit(text[6:])); both != utf8.RuneError {
				return both, 12
			}
			return utf8.RuneError, 6
		}
		return c, 6
	}
	return rune(text[1]), 2
}

// unit is the number in the \uXXXX that text begins with, or -1.
func unit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
