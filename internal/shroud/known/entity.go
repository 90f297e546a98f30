package known

import (
	"strconv"
	"unicode/utf8"
)

// maxDigits is how many digits a character's number in HTML has at most: seven are enough for all of them, with
// the zeros that programs write before.
const maxDigits = 7

// maxEscape is how many bytes of a text stand for one character of a value at most: &#x0000041; or two of \uXXXX.
const maxEscape = 12

// entity is what a character reference of HTML stands for: a number, or a name that programs escape with.
func entity(b []byte) (c char, size int, whole bool) {
	if len(b) > 1 && b[1] == '#' {
		return numbered(b)
	}
	end := 1
	for end < len(b) && end < maxEscape && b[end] != ';' {
		if !alphanumeric(b[end]) {
			return c, 0, true
		}
		end++
	}
	if end == len(b) {
		return c, 0, end == maxEscape
	}
	if b[end] != ';' {
		return c, 0, true
	}
	if r := referenced(string(b[1:end])); r > 0 {
		return runeOf(r), end + 1, true
	}
	return c, 0, true
}

// numbered is entity for a number. Browsers read it without a semicolon, too.
func numbered(b []byte) (c char, size int, whole bool) {
	begin, base := 2, 10
	if len(b) > 2 && b[2]|0x20 == 'x' {
		begin, base = 3, 16
	}
	end := begin
	for end < len(b) && end < maxEscape && (b[end] >= '0' && b[end] <= '9' || base == 16 && hexDigit(b[end])) {
		end++
	}
	whole = end < len(b) || end == maxEscape
	if end-begin > maxDigits || end <= begin {
		return c, 0, whole
	}
	n, err := strconv.ParseInt(string(b[begin:end]), base, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return c, 0, whole
	}
	if end < len(b) && b[end] == ';' {
		end++
	}
	return runeOf(rune(n)), end, whole
}

// referenced is the character of a name, or 0.
func referenced(name string) rune {
	switch name {
	case "amp", "AMP":
		return '&'
	case "lt", "LT":
		return '<'
	case "gt", "GT":
		return '>'
	case "quot", "QUOT":
		return '"'
	case "apos":
		return '\''
	}
	return 0
}

func alphanumeric(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
