package text

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape undoes the escapes of URLs, programming languages and HTML where
// they stand. It returns nil when there are none.
func unescape(v *View) *View {
	s := v.Text
	b := builder{of: v}
	from := 0
	for i := 0; i < len(s); {
		n := strings.IndexAny(s[i:], `%\&`)
		if n < 0 {
			break
		}
		i += n
		with, size := escape(s[i:])
		if size == 0 {
			i++
			continue
		}
		b.same(from, i)
		b.instead(with, i, i+size)
		i += size
		from = i
	}
	if len(b.runs) == 0 {
		return nil
	}
	b.same(from, len(s))
	return b.view("escapes")
}

// escape is what the escape at the beginning of s stands for, and its size, or 0.
func escape(s string) ([]byte, int) {
	switch s[0] {
	case '%':
		if len(s) > 5 && s[1]|0x20 == 'u' {
			return codeUnit(s, 2, 4)
		}
		if c, ok := hexOf(s, 1, 2); ok {
			return []byte{byte(c)}, 3
		}
	case '\\':
		return backslash(s)
	case '&':
		return entity(s)
	}
	return nil, 0
}

func backslash(s string) ([]byte, int) {
	if len(s) < 2 {
		return nil, 0
	}
	switch c := s[1]; c {
	case 'x':
		if len(s) > 2 && s[2] == '{' {
			return braced(s)
		}
		if c, ok := hexOf(s, 2, 2); ok {
			return []byte{byte(c)}, 4
		}
	case 'u':
		if len(s) > 2 && s[2] == '{' {
			return braced(s)
		}
		return codeUnit(s, 2, 4)
	case 'U':
		return codeUnit(s, 2, 8)
	case 'n', 'r':
		return []byte{'\n'}, 2
	case 't':
		return []byte{'\t'}, 2
	case '"', '/', '\'':
		return []byte{c}, 2
	case '0', '1', '2', '3':
		if len(s) >= 4 {
			if c, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				return []byte{byte(c)}, 4
			}
		}
	}
	return nil, 0
}

// braced is \u{...} and \x{...}.
func braced(s string) ([]byte, int) {
	end := strings.IndexByte(s[:min(len(s), 12)], '}')
	if end < 4 {
		return nil, 0
	}
	c, ok := hexOf(s, 3, end-3)
	if !ok {
		return nil, 0
	}
	return character(rune(c)), end + 1
}

// codeUnit is a character of a fixed number of digits; two halves of a
// character belong together.
func codeUnit(s string, at, digits int) ([]byte, int) {
	c, ok := hexOf(s, at, digits)
	if !ok {
		return nil, 0
	}
	size := at + digits
	if digits == 4 && utf16.IsSurrogate(rune(c)) && len(s) >= 2*size && s[size:size+at] == s[:at] {
		if low, ok := hexOf(s, size+at, digits); ok {
			if r := utf16.DecodeRune(rune(c), rune(low)); r != utf8.RuneError {
				return character(r), 2 * size
			}
		}
	}
	return character(rune(c)), size
}

func hexOf(s string, at, digits int) (uint32, bool) {
	if len(s) < at+digits {
		return 0, false
	}
	c, err := strconv.ParseUint(s[at:at+digits], 16, 32)
	return uint32(c), err == nil
}

func character(r rune) []byte {
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	return utf8.AppendRune(nil, r)
}

// longestEntity is how far an entity's end is looked for.
const longestEntity = 34

func entity(s string) ([]byte, int) {
	end := strings.IndexByte(s[:min(len(s), longestEntity)], ';')
	if end < 0 && len(s) > 2 && s[1] == '#' { // HTML takes numbers without an end
		end = 2
		for end < min(len(s), 10) && (hexDigit(s[end]) || s[end]|0x20 == 'x') {
			end++
		}
		end--
	}
	if end < 2 {
		return nil, 0
	}
	was := s[:end+1]
	if is := html.UnescapeString(was); is != was && !strings.HasPrefix(is, "&") {
		return []byte(is), end + 1
	}
	return nil, 0
}
