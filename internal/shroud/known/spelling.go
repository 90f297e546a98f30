package known

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// spelling is a way to write a value.
type spelling struct {
	text []byte
	as   string
	edge edge
}

// edge says that the letter of base64 before a spelling, or after it, holds bits of the value.
type edge struct{ before, after bool }

// spellings are the ways in which a value is looked for in a text whose own
// escapes and line breaks are undone. The caller owns and wipes them.
func spellings(value []byte) []spelling {
	value = bytes.TrimSpace(value)
	if len(value) < Shortest {
		return nil
	}
	out := read(value, "plain")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			out = append(out, aligned(encoding, value, shift))
		}
	}
	lower := hex.AppendEncode(nil, value)
	out = append(out, spelling{text: lower, as: "hex"}, spelling{text: bytes.ToUpper(lower), as: "hex"})
	if digits := hexOf(value); digits != nil { // a value that is hex may be written in the other case
		out = append(out, spelling{text: digits, as: "hex"}, spelling{text: bytes.ToUpper(digits), as: "hex"})
	}
	// Escaped once, what was escaped twice still is.
	s := string(value)
	quoted, _ := json.Marshal(s)
	for _, escaped := range []string{string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)} {
		out = append(out, spelling{text: []byte(escaped), as: "escaped"})
		out = append(out, read([]byte(escaped), "escaped")...)
	}
	var kept []spelling
	for _, sp := range out {
		if len(sp.text) < Shortest || slices.ContainsFunc(kept, func(k spelling) bool { return bytes.Equal(k.text, sp.text) }) {
			clear(sp.text)
			continue
		}
		kept = append(kept, sp)
	}
	return kept
}

// hexOf are the digits of a value that is hex itself, in lower case, or nil where it is not.
func hexOf(value []byte) []byte {
	value = bytes.TrimPrefix(bytes.TrimPrefix(value, []byte("0x")), []byte("0X"))
	out := make([]byte, 0, len(value))
	for _, c := range value {
		switch {
		case hexDigit(c):
			out = append(out, c|0x20) // digits have that bit
		case c != ':' && c != '-' && c != ' ':
			clear(out)
			return nil
		}
	}
	if len(out) < leastHex {
		clear(out)
		return nil
	}
	return out
}

// aligned is what of the base64 of a text depends on a value alone, when the
// value begins so many bytes after a group of three.
func aligned(encoding *base64.Encoding, value []byte, shift int) spelling {
	padded := append(make([]byte, shift, shift+len(value)), value...)
	out := encoding.AppendEncode(nil, padded)
	clear(padded)
	from := (shift*8 + 5) / 6
	end := len(padded) * 8 / 6
	core := bytes.Clone(out[from:end])
	clear(out)
	return spelling{core, "base64", edge{before: shift > 0, after: end < len(out)}}
}

// read is a text as it is read where it stands among escapes: those of its own that look like another kind
// than what it was escaped with are undone with them.
func read(text []byte, as string) (out []spelling) {
	for _, undone := range []string{all, "", slashes, percents, entities, slashes + percents, slashes + entities, percents + entities} {
		if !strings.ContainsFunc(undone, func(kind rune) bool { return !bytes.ContainsRune(text, kind) }) { // else it reads as without that kind
			out = append(out, spelling{text: bytes.Clone(canonical(text, undone, true).text), as: as})
		}
	}
	return out
}
