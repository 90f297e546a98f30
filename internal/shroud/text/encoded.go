package text

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	shortestBase64 = 12 // characters: nine bytes
	shortestHex    = 8  // pairs
	shortestText   = 12 // readable bytes among others that are not
	mimeLine       = 40 // characters: a line of base64 that the next one continues
)

// base64s is all that is base64 in a view and readable, or packed by gzip.
func base64s(v *View, left int) (*View, bool) {
	s, cut := v.Text, false
	b := builder{of: v}
	clean := make([]byte, 0, 64)
	for i := shortestBase64 - 1; i < len(s); i += shortestBase64 {
		// A run that is long enough covers one place in so many.
		if !base64Char(s[i]) {
			continue
		}
		start := i
		for start > 0 && base64Char(s[start-1]) && i-start < shortestBase64 {
			start--
		}
		end := base64End(s, start)
		i = max(i, end-1)
		if end-start < shortestBase64 {
			continue
		}
		clean = standard(clean[:0], s[start:end])
		for offset := range 4 {
			// What stands before it without a gap shifts it.
			if offset > 0 && len(clean) < offset+shortestBase64 {
				break
			}
			raw := clean[offset:]
			if len(raw)%4 == 1 {
				raw = raw[:len(raw)-1]
			}
			decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(raw)))
			n, err := base64.RawStdEncoding.Decode(decoded, raw)
			if err != nil {
				break
			}
			whole, more := b.decoded(decoded[:n], start, end, left)
			cut = cut || more
			if whole {
				break
			}
		}
	}
	return b.decodedView("base64"), cut
}

// base64End is where a run of base64 ends that may go on in further lines.
func base64End(s string, start int) int {
	line := start
	for i := start; ; {
		for i < len(s) && base64Char(s[i]) {
			i++
		}
		next := i
		for next < len(s) && next < i+2 && (s[next] == '\n' || s[next] == '\r') {
			next++
		}
		if next == i || i-line < mimeLine || next == len(s) || !base64Char(s[next]) {
			for i < len(s) && s[i] == '=' && i-line < 1<<20 {
				i++
			}
			return i
		}
		line, i = next, next
	}
}

// standard appends base64 without line breaks and padding, in one alphabet.
func standard(to []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '-':
			to = append(to, '+')
		case '_':
			to = append(to, '/')
		case '\n', '\r', '=':
		default:
			to = append(to, c)
		}
	}
	return to
}

// decoded takes in what was decoded from a stretch, as far as it is readable.
// whole says that all of it is; cut, that not all of it was unpacked.
func (b *builder) decoded(data []byte, start, end, left int) (whole, cut bool) {
	if len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b {
		data, cut = unpack(data, left-len(b.text))
	}
	data = narrow(data)
	if readable(data) {
		b.part(start)
		b.instead(data, start, end)
		return true, cut
	}
	for i := 0; i < len(data); {
		n := i
		for n < len(data) && printable(data[n]) {
			n++
		}
		if n-i >= shortestText {
			b.part(start)
			b.instead(data[i:n], start, end)
		}
		i = n + 1
	}
	return false, cut
}

func (b *builder) decodedView(via string) *View {
	if len(b.runs) == 0 {
		return nil
	}
	return b.view(via)
}

// readable says whether all of it is text.
func readable(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if !printable(b[i]) {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) && !unicode.In(r, unicode.Cf, unicode.M, unicode.Z) {
			return false
		}
		i += size
	}
	return len(b) > 0
}

func printable(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' }

// narrow takes the zeros out of Latin text in UTF-16, as PowerShell encodes it.
func narrow(b []byte) []byte {
	if len(b) < 8 || b[1] != 0 || b[3] != 0 || b[5] != 0 || b[7] != 0 || b[0] == 0 {
		return b
	}
	out := make([]byte, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		out = append(out, b[i])
	}
	return out
}

// unpack undoes gzip up to a size, and says whether there was more. What is
// broken is as good as its beginning.
func unpack(b []byte, limit int) ([]byte, bool) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b, false
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(max(limit, 0))+1))
	if len(out) > limit {
		return out[:max(limit, 0)], true
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && len(out) == 0 {
		return b, false
	}
	return out, false
}

// hexes is all that is hexadecimal in a view and readable, pairs with one kind
// of gap between them too.
func hexes(v *View, left int) (*View, bool) {
	s, cut := v.Text, false
	b := builder{of: v}
	digits := make([]byte, 0, 64)
	for i := 0; i+2*shortestHex <= len(s); {
		if !hexDigit(s[i]) || !hexDigit(s[i+1]) {
			i++
			if i < len(s) && !hexDigit(s[i]) {
				i++
			}
			continue
		}
		var end int
		digits, end = pairs(digits[:0], s, i)
		for offset := range 2 {
			if len(digits) < 2*shortestHex+offset {
				break
			}
			odd := digits[offset:]
			decoded := make([]byte, len(odd)/2)
			n, _ := hex.Decode(decoded, odd[:len(odd)&^1])
			whole, more := b.decoded(decoded[:n], i, end, left)
			cut = cut || more
			if whole {
				break
			}
		}
		i = end
	}
	return b.decodedView("hex"), cut
}

// pairs appends the digits of a run of hexadecimal pairs, and says where it ends.
func pairs(to []byte, s string, i int) ([]byte, int) {
	for i < len(s) && hexDigit(s[i]) {
		to = append(to, s[i])
		i++
	}
	if len(to) != 2 {
		return to, i
	}
	// Pairs with gaps: 69 67, 69:67, =69=67, 0x69, 0x67.
	for {
		next := i
		for next < len(s) && next < i+2 && strings.IndexByte(" :,-=\n", s[next]) >= 0 {
			next++
		}
		if next > i && next+1 < len(s) && s[next] == '0' && s[next+1]|0x20 == 'x' {
			next += 2
		}
		if next == i || next+1 >= len(s) || !hexDigit(s[next]) || !hexDigit(s[next+1]) || next+2 < len(s) && hexDigit(s[next+2]) {
			return to, i
		}
		to = append(to, s[next], s[next+1])
		i = next + 2
	}
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func base64Char(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}
