// Package envbundle reads secrets of the type env_bundle: the lines of a dotenv file.
//
// Its promise: no part of a value is taken for a name, and no copy of a part of the text is
// made; what can't be read is refused with the number of its line.
package envbundle

import (
	"bytes"
	"crypto/sha256"
)

// Type is the type of secrets that are read so.
const Type = "env_bundle"

// Variable is a name and its value: parts of the text that Read read.
type Variable struct{ Key, Value []byte }

// What is wrong with a line of an env_bundle.
const (
	noName    = "what stands before = is no name of a variable: letters, digits and _ . -, not beginning with a digit"
	noEnd     = "the quote that begins the value does not end, or text follows where it ends lines later"
	noPEMEnd  = "the -----BEGIN of the value has no -----END"
	mustQuote = "there seems to be the end of a value of several lines: put such a value in quotes"
)

// Read reads an env_bundle as dotenv files are meant: lines KEY=VALUE, of which of a
// key that comes twice the last counts. "export" before a key, blank lines, lines that begin
// with # and lines without = say nothing, nor does # after a blank. A value in quotes may
// have several lines, and so may an armored key (RFC 7468) without quotes.
//
// No part of a value becomes a key: where it could, why says what is wrong with which line.
// The text is changed, since no copy of a part of it is made.
func Read(text []byte) (all []Variable, line int, why string) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	at := map[[sha256.Size]byte]int{} // by key: what is no key in earnest may be a part of a secret
	loose := false                    // the line before had no =
	for line = 1; len(text) > 0; {
		first, rest := cutLine(text)
		key, value, ok := bytes.Cut(bytes.TrimSpace(first), []byte("="))
		if key = bytes.TrimSpace(key); len(key) > 0 && key[0] == '#' || !ok || len(key) == 0 {
			loose = !ok && len(key) > 0 && key[0] != '#'
			text, line = rest, line+1
			continue
		}
		if after, ok := bytes.CutPrefix(key, []byte("export")); ok && len(after) > 0 && (after[0] == ' ' || after[0] == '\t') {
			key = bytes.TrimSpace(after)
		}
		switch {
		case !isName(key):
			return nil, line, noName
		case loose && len(bytes.Trim(value, "=")) == 0:
			return nil, line, mustQuote
		}
		loose = false
		value = bytes.TrimLeft(value, " \t")
		from := text[bytes.IndexByte(first, '=')+1:]
		lines := 1
		switch {
		case len(value) > 0 && (value[0] == '"' || value[0] == '\''):
			value, rest, lines = quoted(from, value)
			why = noEnd
		case bytes.HasPrefix(value, []byte("-----BEGIN ")):
			value, rest, lines = armored(from)
			why = noPEMEnd
		default:
			value = bare(value)
		}
		if lines == 0 {
			return nil, line, why
		}
		text, line = rest, line+lines
		sum := sha256.Sum256(key)
		if i, twice := at[sum]; twice {
			all[i].Value = value
			continue
		}
		at[sum] = len(all)
		all = append(all, Variable{key, value})
	}
	return all, 0, ""
}

// cutLine returns the first line without its end, and what follows.
func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	return line, rest
}

func isName(key []byte) bool {
	for i, c := range key {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '-') {
			return false
		}
	}
	return len(key) > 0
}

// bare is a value without quotes: up to a comment.
func bare(value []byte) []byte {
	for i, c := range value {
		if c == '#' && i > 0 && (value[i-1] == ' ' || value[i-1] == '\t') {
			return bytes.TrimSpace(value[:i])
		}
	}
	return value
}

// quoted reads the value in quotes that text begins with after blanks, whose first line is
// line. lines is how many it has, 0 when its quote has no end. A value of one line that only
// begins and ends with quotes of its own is taken as it stands, so that nothing is guessed
// away.
func quoted(text, line []byte) (value, rest []byte, lines int) {
	text = bytes.TrimLeft(text, " \t")
	quote := text[0]
	end := 1
	for end < len(text) && text[end] != quote {
		if quote == '"' && text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(text) {
		return nil, nil, 0
	}
	inner := text[1:end]
	lines = 1 + bytes.Count(inner, []byte("\n"))
	after, rest := cutLine(text[end+1:])
	after = bytes.TrimSpace(after)
	switch {
	case len(after) > 0 && after[0] != '#' && lines == 1:
		return line, rest, 1
	case len(after) > 0 && after[0] != '#':
		return nil, nil, 0
	case quote == '"':
		inner = unescape(inner)
	}
	return inner, rest, lines
}

// armored reads a value up to the line with its -----END.
func armored(text []byte) (value, rest []byte, lines int) {
	end := bytes.Index(text, []byte("-----END "))
	if end < 0 {
		return nil, nil, 0
	}
	last, rest := cutLine(text[end:])
	value = text[:end+len(last)]
	return bytes.TrimSpace(value), rest, 1 + bytes.Count(value, []byte("\n"))
}

// unescape resolves \n, \" and \\ in place; other backslashes stay.
func unescape(s []byte) []byte {
	b := s[:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case 'n':
				c, i = '\n', i+1
			case '"', '\\':
				c, i = s[i+1], i+1
			}
		}
		b = append(b, c)
	}
	return b
}

// Value returns the value of a variable, a part of the text, which is changed.
func Value(text []byte, name string) (value []byte, found bool) {
	all, _, why := Read(text)
	if why != "" {
		return nil, false
	}
	for _, v := range all {
		if string(v.Key) == name {
			return v.Value, true
		}
	}
	return nil, false
}
