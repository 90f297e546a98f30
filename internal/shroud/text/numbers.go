package text

import "encoding/base32"

const (
	leastNumbers   = 12 // characters that are written as numbers, in a row
	shortestBase32 = 24 // characters: fifteen bytes
	binaryDigits   = 8
)

// numbers are all characters in a view that are written as their codes: 73 103 110, [73, 103, 110], or eight binary
// digits each.
func numbers(v *View, _ int) (*View, bool) {
	s := v.Text
	b := builder{of: v}
	codes := make([]byte, 0, 64)
	for i := 0; i < len(s); {
		if !digit(s[i]) {
			i++
			continue
		}
		start := i
		codes, i = characters(codes[:0], s, i)
		if len(codes) >= leastNumbers && (start == 0 || !base64Char(s[start-1])) {
			b.part(start)
			b.instead(codes, start, i)
		}
		for i < len(s) && digit(s[i]) { // what is left of a number is none
			i++
		}
	}
	return b.decodedView("decimal"), false
}

// characters appends those whose codes stand in a row, and says where that ends: after a digit at least.
func characters(to []byte, s string, i int) ([]byte, int) {
	binary := 0
	for binary < binaryDigits && i+binary < len(s) && (s[i+binary] == '0' || s[i+binary] == '1') {
		binary++
	}
	end := i
	for {
		code, n := decimal(s[i:])
		if binary == binaryDigits {
			code, n = octet(s[i:])
		}
		if n == 0 || !printable(code) {
			return to, max(end, i+min(n, 1))
		}
		to = append(to, code)
		i += n
		end = i
		gap := 0
		for gap < 2 && i+gap < len(s) && (s[i+gap] == ' ' || s[i+gap] == ',' || s[i+gap] == ';' || s[i+gap] == '\n') {
			gap++
		}
		if i += gap; i >= len(s) || gap == 0 && binary < binaryDigits {
			return to, end
		}
	}
}

// decimal is a number of two or three digits at the beginning, and how long it is, or 0 where there is none.
func decimal(s string) (code byte, size int) {
	n := 0
	for size < len(s) && digit(s[size]) {
		if size == 3 {
			return 0, 0
		}
		n = n*10 + int(s[size]-'0')
		size++
	}
	if n > 0x7e {
		return 0, 0
	}
	return byte(n), size
}

// octet is the same of eight binary digits.
func octet(s string) (code byte, size int) {
	if len(s) < binaryDigits {
		return 0, 0
	}
	for ; size < binaryDigits; size++ {
		if s[size] != '0' && s[size] != '1' {
			return 0, 0
		}
		code = code<<1 | s[size]&1
	}
	return code, size
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// base32s is all that is base32 in a view and readable.
func base32s(v *View, left int) (*View, bool) {
	s, cut := v.Text, false
	b := builder{of: v}
	for i := shortestBase32 - 1; i < len(s); i += shortestBase32 {
		if !base32Char(s[i]) {
			continue
		}
		start, end := i, i
		for start > 0 && base32Char(s[start-1]) && i-start < shortestBase32 {
			start--
		}
		for end < len(s) && base32Char(s[end]) {
			end++
		}
		i = max(i, end-1)
		raw := s[start:end]
		if len(raw) < shortestBase32 {
			continue
		}
		// As many letters as whole bytes need.
		raw = raw[:len(raw)/8*8+[...]int{0, 0, 2, 2, 4, 5, 5, 7}[len(raw)%8]]
		decoded := make([]byte, base32.StdEncoding.WithPadding(base32.NoPadding).DecodedLen(len(raw)))
		n, err := base32.StdEncoding.WithPadding(base32.NoPadding).Decode(decoded, []byte(raw))
		if err != nil {
			continue
		}
		for end < len(s) && s[end] == '=' && end-start-len(raw) < 8 {
			end++
		}
		_, more := b.decoded(decoded[:n], start, end, left)
		cut = cut || more
	}
	return b.decodedView("base32"), cut
}

func base32Char(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '2' && c <= '7' }
