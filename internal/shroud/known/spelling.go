package known

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
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
	one, raw := canonical(value, true, true), canonical(value, false, true)
	out := []spelling{{text: bytes.Clone(one.text), as: "plain"}, {text: bytes.Clone(raw.text), as: "plain"}, {text: unpercent(raw.text), as: "plain"}}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			out = append(out, aligned(encoding, value, shift))
		}
	}
	lower := hex.AppendEncode(nil, value)
	out = append(out, spelling{text: lower, as: "hex"}, spelling{text: bytes.ToUpper(lower), as: "hex"})
	// Escaped once, what was escaped twice still is.
	s := string(value)
	quoted, _ := json.Marshal(s)
	for _, escaped := range []string{string(quoted[1 : len(quoted)-1]), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)} {
		out = append(out, spelling{text: []byte(escaped), as: "escaped"}, spelling{text: unpercent([]byte(escaped)), as: "escaped"})
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

// unpercent undoes the escapes of URLs alone: in a text whose escapes are undone
// once, those of a value are too, and its backslashes are not.
func unpercent(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] == '%' {
			if is, size, _ := escape(b[i:]); size > 0 {
				out = append(out, is.bytes()...)
				i += size
				continue
			}
		}
		out = append(out, b[i])
		i++
	}
	return out
}
