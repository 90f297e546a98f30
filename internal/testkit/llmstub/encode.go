package llmstub

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
)

// fields are the names and values of an object, in their order.
type fields []any

// event is one of a stream before it is written.
type event struct {
	name string
	data fields
}

// Event is one of a stream.
type Event struct {
	Name string // "": without
	Data []byte
}

// Style is how JSON is written: providers differ.
type Style struct {
	Spaced bool // a space after each comma and colon
	ASCII  bool // other characters as \u
	Lines  bool // a line for each value of the outermost object
}

// encode writes a value.
func (s Style) encode(v any) []byte { return s.value(nil, v, 0) }

func (s Style) value(out []byte, v any, depth int) []byte {
	switch v := v.(type) {
	case fields:
		out = append(out, '{')
		for i := 0; i < len(v); i += 2 {
			out = s.comma(out, i > 0, depth)
			out = append(s.value(out, v[i], depth+1), ':')
			if s.Spaced {
				out = append(out, ' ')
			}
			out = s.value(out, v[i+1], depth+1)
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for i, e := range v {
			out = s.comma(out, i > 0, depth+1)
			out = s.value(out, e, depth+1)
		}
		return append(out, ']')
	case json.RawMessage:
		return append(out, v...)
	case string:
		return s.text(out, v)
	case int:
		return strconv.AppendInt(out, int64(v), 10)
	}
	b, err := json.Marshal(v) // null, true, fractions
	if err != nil {
		panic(err)
	}
	return append(out, b...)
}

func (s Style) comma(out []byte, need bool, depth int) []byte {
	if need {
		out = append(out, ',')
		if s.Spaced {
			out = append(out, ' ')
		}
	}
	if s.Lines && depth == 0 {
		out = append(out, '\n')
	}
	return out
}

func (s Style) text(out []byte, text string) []byte {
	out = append(out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', byte(c))
		case c == '\n':
			out = append(out, `\n`...)
		case c < ' ' || c > 126 && s.ASCII && c <= 0xffff:
			out = escape(out, c)
		case c > 0xffff && s.ASCII:
			a, b := utf16.EncodeRune(c)
			out = escape(escape(out, a), b)
		default:
			out = append(out, string(c)...)
		}
	}
	return append(out, '"')
}

func escape(out []byte, c rune) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[c>>12&15], digits[c>>8&15], digits[c>>4&15], digits[c&15])
}

// parsed is JSON as it stands, or a text where it is none.
func parsed(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return fields{"text", text}
}

// JSON is an object of texts, in the order of their names.
func (s Style) JSON(of map[string]string) string {
	var out fields
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, name, of[name])
	}
	return string(s.encode(out))
}
