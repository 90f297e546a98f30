package mcpserver

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// field is one parameter of a tool. Its schema and its check come from the same
// declaration. The library's own check is not used: its errors quote the input.
type field struct {
	name     string
	about    string // for the model
	kind     string // "string", "integer", "boolean", "object", "array" of strings, or "any"
	required bool
	words    []string // the only strings allowed
	format   string   // "uuid" or "date-time"
	minLen   int      // characters, or items
	maxLen   int      // characters; 0 is no limit
	preset   any      // taken when the parameter is absent
}

const maxInteger = 1<<53 - 1 // what every JSON reader keeps exact

// schema describes f to clients.
func (f field) schema() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: f.kind, Description: f.about, Format: f.format}
	if f.kind == "any" {
		s.Type = ""
	}
	text := s
	if f.kind == "array" {
		text = &jsonschema.Schema{Type: "string"}
		s.Items = text
		s.MinItems = positive(f.minLen)
	} else {
		s.MinLength, s.MaxLength = positive(f.minLen), positive(f.maxLen)
	}
	for _, w := range f.words {
		text.Enum = append(text.Enum, w)
	}
	if f.kind == "integer" {
		s.Minimum, s.Maximum = new(float64(0)), new(float64(maxInteger))
	}
	if f.preset != nil {
		s.Default, _ = json.Marshal(f.preset)
	}
	return s
}

func positive(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// input holds the checked arguments of a call.
type input map[string]any

func (in input) text(name string) string   { s, _ := in[name].(string); return s }
func (in input) integer(name string) int64 { n, _ := in[name].(int64); return n }

// number gives an integer, nil when absent.
func (in input) number(name string) *uint64 {
	n, given := in[name].(int64)
	if !given {
		return nil
	}
	return new(uint64(n))
}

func (in input) texts(name string) []string { l, _ := in[name].([]string); return l }

// value gives a value. Over HTTP it came past the library.
func (in input) value(name string) client.Value {
	if b, kept := in[name].([]byte); kept {
		return client.NewValue(b)
	}
	return client.ValueOf(in.text(name))
}

// wipe overwrites a value that came past the library.
func (in input) wipe() {
	if b, kept := in["value"].([]byte); kept {
		clear(b)
	}
}

// object gives the JSON text of an object, nil when absent.
func (in input) object(name string) []byte { o, _ := in[name].([]byte); return o }

// moment gives a time, nil when absent.
func (in input) moment(name string) *time.Time {
	if t, err := time.Parse(time.RFC3339, in.text(name)); err == nil {
		return &t
	}
	return nil
}

// read checks arguments. Parameters that no field names are ignored: newer clients
// send some. Its errors are notices that name parameters of ours only.
func read(fields []field, raw []byte) (input, error) {
	given := map[string]jsontext.Value{}
	if len(bytes.TrimSpace(raw)) > 0 {
		// This reader refuses what others let through changed: bad UTF-8, and
		// names that occur twice.
		if err := json.Unmarshal(raw, &given); err != nil {
			return nil, notice("The arguments must be one JSON object in UTF-8 that names each parameter once.")
		}
	}
	in := input{}
	for _, f := range fields {
		v, ok := given[f.name]
		if !ok || v.Kind() == 'n' {
			if f.required {
				return nil, f.bad("is needed")
			}
			if f.preset != nil {
				in[f.name] = f.preset
			}
			continue
		}
		x, err := f.value(v)
		if err != nil {
			return nil, err
		}
		in[f.name] = x
	}
	return in, nil
}

// bad is the notice that says what is wrong with f, without its value.
func (f field) bad(format string, a ...any) error {
	return notice(fmt.Sprintf("Parameter '"+f.name+"' "+format+".", a...))
}

func (f field) value(v jsontext.Value) (any, error) {
	switch f.kind {
	case "string":
		return f.textValue(v)
	case "integer":
		return f.integerValue(v)
	case "boolean":
		if v.Kind() != 't' && v.Kind() != 'f' {
			return nil, f.bad("must be true or false")
		}
		return v.Kind() == 't', nil
	case "any":
		return []byte(v), nil
	case "object":
		if v.Kind() != '{' {
			return nil, f.bad("must be a JSON object")
		}
		return []byte(v), nil
	}
	var items []string
	if v.Kind() != '[' || json.Unmarshal(v, &items) != nil {
		return nil, f.bad("must be a list of strings")
	}
	if len(items) < f.minLen {
		return nil, f.bad("must have at least %d item(s)", f.minLen)
	}
	for _, s := range items {
		if !slices.Contains(f.words, s) {
			return nil, f.bad("may hold only: %s", strings.Join(f.words, ", "))
		}
	}
	return items, nil
}

func (f field) textValue(v jsontext.Value) (any, error) {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return nil, f.bad("must be a string")
	}
	if n := utf8.RuneCountInString(s); n < f.minLen {
		return nil, f.bad("must not be empty")
	} else if f.maxLen > 0 && n > f.maxLen {
		return nil, f.bad("must have at most %d characters", f.maxLen)
	}
	if f.words != nil && !slices.Contains(f.words, s) {
		return nil, f.bad("must be one of: %s", strings.Join(f.words, ", "))
	}
	switch f.format {
	case "uuid":
		if !ids.Valid(s) {
			return nil, f.bad("must be a UUID, such as 123e4567-e89b-12d3-a456-426614174000")
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return nil, f.bad("must be a time with zone, such as 2030-01-31T12:00:00Z")
		}
	}
	return s, nil
}

// integerValue takes 5, and 5.0 or 5e0 too: in JSON they are the same number.
func (f field) integerValue(v jsontext.Value) (any, error) {
	if v.Kind() == '0' {
		if n, err := strconv.ParseFloat(string(v), 64); err == nil && n >= 0 && n <= maxInteger && n == float64(int64(n)) {
			return int64(n), nil
		}
	}
	return nil, f.bad("must be a whole number from 0 up")
}
