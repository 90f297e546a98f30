package known

import (
	"bytes"
	"strings"
)

// Names is a set of values for names of headers: letters there are in either case, few other characters are allowed, and
// what a value is written in (hex, base64, escapes) may be folded and have anything between its letters.
func Names(values []Value) *Set { return made(values, folded) }

// Named reports whether a name has a value in it that Names was given.
func Named(s *Set, name string) bool {
	if s.longest == 0 {
		return false
	}
	src := []byte(name)
	read := canonical(src, all, true).text
	readings := []string{small(src), lettersOf(src)}
	if !bytes.Equal(read, src) {
		readings = append(readings, small(read), lettersOf(read))
	}
	return len(s.Find(strings.Join(readings, "\x00"))) > 0
}

// folded are the spellings of a value in small letters, and those without what is no letter and no digit. The caller
// owns and wipes them.
func folded(value []byte) (out []spelling) {
	for _, sp := range spellings(value) {
		for i, c := range sp.text {
			sp.text[i] = smallLetter(c)
		}
		letters := make([]byte, 0, len(sp.text))
		for _, c := range sp.text {
			if letterOrDigit(c) {
				letters = append(letters, c)
			}
		}
		if len(letters) >= Shortest && len(letters) < len(sp.text) {
			out = append(out, spelling{text: letters, as: sp.as})
		} else {
			clear(letters)
		}
		out = append(out, spelling{text: sp.text, as: sp.as})
	}
	return out
}

func small(b []byte) string {
	out := bytes.Clone(b)
	for i, c := range out {
		out[i] = smallLetter(c)
	}
	return string(out)
}

func lettersOf(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		if c = smallLetter(c); letterOrDigit(c) {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func smallLetter(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// letterOrDigit is of small letters. Bytes of other alphabets count, as they stand in values.
func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 }
