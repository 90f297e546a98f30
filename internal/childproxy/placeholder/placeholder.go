// Package placeholder makes texts that stand for secrets in the configuration of a program,
// and finds them again in what the program sends.
//
// Its promise: a placeholder looks to a program like the credential that it wants, says
// nothing of the secret, is another one in each run, and is found in the clear, in base64, in
// hexadecimal and behind escapes of URLs. It computes from its arguments and the system's randomness alone.
package placeholder

import (
	"crypto/rand"
	"strings"
)

// markSize is how many letters all placeholders of a run have in common. They are found by
// them: of 60 bits, a text has them hardly by chance.
const markSize = 12

// Set is the placeholders of one run.
type Set struct {
	mark    string
	spelled []string // the mark in all its spellings
	longest int      // of spelled
	of      map[string]int
	inOrder []string
}

// New starts a run.
func New() *Set {
	s := &Set{mark: draw(markSize, upper), of: map[string]int{}}
	s.spelled = spellings(s.mark)
	for _, w := range s.spelled {
		s.longest = max(s.longest, len(w))
	}
	return s
}

// Mint makes the placeholder of the secret with a number.
func (s *Set) Mint(kind Kind, number int) string {
	for {
		text := kind.draw(s.mark)
		if _, taken := s.of[text]; taken {
			continue
		}
		s.of[text] = number
		s.inOrder = append(s.inOrder, text)
		return text
	}
}

// Hit is a placeholder in a text.
type Hit struct {
	Start, End int
	Number     int // of its secret
}

// Find returns the placeholders that stand in a text in the clear. It is false when there is
// a part of one beside them.
func (s *Set) Find(text string) (hits []Hit, whole bool) {
	for _, p := range s.inOrder {
		for from := 0; ; {
			at := strings.Index(text[from:], p)
			if at < 0 {
				break
			}
			hits = append(hits, Hit{from + at, from + at + len(p), s.of[p]})
			from += at + len(p)
		}
	}
	return hits, len(hits) == strings.Count(text, s.mark)
}

// Holds reports whether a text holds a placeholder or a part of one, in any spelling that is
// looked for.
func (s *Set) Holds(text string) bool {
	for range 3 { // escaped, and escaped again
		for _, w := range s.spelled {
			if strings.Contains(text, w) {
				return true
			}
		}
		plain := unescape(text)
		if plain == text {
			return false
		}
		text = plain
	}
	return false
}

// unescape undoes %XX of URLs and \u00XX of JSON where they are well written.
func unescape(text string) string {
	if !strings.ContainsAny(text, `%\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		digits, size := "", 0
		switch {
		case text[i] == '%' && i+3 <= len(text):
			digits, size = text[i+1:i+3], 3
		case text[i] == '\\' && i+6 <= len(text) && text[i+1] == 'u' && text[i+2:i+4] == "00":
			digits, size = text[i+4:i+6], 6
		}
		hi, ok := hexDigit(digits, 0)
		lo, ok2 := hexDigit(digits, 1)
		if !ok || !ok2 {
			b.WriteByte(text[i])
			continue
		}
		b.WriteByte(hi<<4 | lo)
		i += size - 1
	}
	return b.String()
}

func hexDigit(s string, at int) (byte, bool) {
	if at >= len(s) {
		return 0, false
	}
	switch c := s[at]; {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

const (
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	alnum  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	digits = "0123456789"
)

// draw returns random letters of an alphabet.
func draw(n int, alphabet string) string {
	out := make([]byte, 0, n)
	var one [1]byte
	for len(out) < n {
		_, _ = rand.Read(one[:]) // it never fails
		if int(one[0]) < 256-256%len(alphabet) {
			out = append(out, alphabet[int(one[0])%len(alphabet)])
		}
	}
	return string(out)
}
