package detect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

const (
	longBase64 = 40  // characters that a decoded stretch has at least
	blobBase64 = 512 // characters from which on it is long whatever is in it
	manyEscape = 4   // escapes in a row
)

// encodings are stretches of the original that are written so that people
// don't read them: those that say something, and long ones.
func (d *Detector) encodings(r *text.Reading) []finding.Finding {
	var found []finding.Finding
	note := func(pattern string, at text.Span) {
		found = append(found, finding.Finding{Threat: finding.Encoding, Pattern: pattern, Severity: finding.Medium, Span: at, Score: 0.5})
	}
	for _, v := range r.Views[1:] {
		pattern, on := "", false
		switch v.Via[len(v.Via)-1] {
		case "base64":
			pattern, on = "base64_long", d.o.Encoding.Base64
		case "hex":
			pattern, on = "hex_escape", d.o.Encoding.Hex
		}
		if on {
			long(v, func(at text.Span) { note(pattern, at) })
		}
	}
	src := r.Views[0].Text
	if d.o.Encoding.Base64 {
		blobs(src, func(at text.Span) { note("base64_long", at) })
	}
	if r.Cut {
		note("nested", text.Span{End: len(src)})
	}
	escapes(src, func(kind byte, at text.Span) {
		switch {
		case kind == 'u' && d.o.Encoding.Unicode:
			note("unicode_escape", at)
		case kind == 'x' && d.o.Encoding.Hex:
			note("hex_escape", at)
		}
	})
	return found
}

// long are the stretches of the original that were decoded to text for the most part.
func long(v *text.View, found func(text.Span)) {
	var at text.Span
	size := 0
	flush := func() {
		if at.End-at.Start >= longBase64 && size*4 >= at.End-at.Start { // hex has half of the bytes
			found(at)
		}
	}
	from := 0
	for line := range strings.SplitSeq(v.Text, "\n") {
		if here := v.Origin(from, from+len(line)); here != at {
			flush()
			at, size = here, 0
		}
		size += len(line)
		from += len(line) + 1
	}
	flush()
}

// blobs are long runs of base64 that are no image of a page.
func blobs(s string, found func(text.Span)) {
	for i := blobBase64 - 1; i < len(s); i += blobBase64 {
		start, end := i, i
		for start > 0 && base64Char(s[start-1]) && i-start < blobBase64 {
			start--
		}
		for end < len(s) && base64Char(s[end]) {
			end++
		}
		if end-start >= blobBase64 && !strings.HasSuffix(s[:start], ";base64,") {
			found(text.Span{Start: start, End: end})
		}
		i = max(i, end)
	}
}

func base64Char(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// escapes are runs of escapes that stand for ASCII, which needs none.
func escapes(s string, found func(kind byte, at text.Span)) {
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '\\')
		if n < 0 {
			return
		}
		i += n
		start, count, kind := i, 0, byte(0)
		for {
			k, size := asciiEscape(s[i:])
			if size == 0 || count > 0 && k != kind {
				break
			}
			kind = k
			count++
			i += size
		}
		if count >= manyEscape {
			found(kind, text.Span{Start: start, End: i})
		}
		if count == 0 {
			i++
		}
	}
}

// asciiEscape is the size of the \xHH or \u00HH at the beginning, if it stands for ASCII.
func asciiEscape(s string) (kind byte, size int) {
	switch {
	case len(s) >= 4 && s[:2] == `\x` && s[2] >= '0' && s[2] <= '7' && hexDigit(s[3]):
		return 'x', 4
	case len(s) >= 6 && s[:4] == `\u00` && s[4] >= '0' && s[4] <= '7' && hexDigit(s[5]):
		return 'u', 6
	}
	return 0, 0
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func quote(s string) string { return regexp.QuoteMeta(s) }

func isASCII(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c >= 0x80 })
}
