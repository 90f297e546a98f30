package rest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// shape is a schema, made ready to check values against. The zero shape takes anything.
type shape struct {
	kind       string // of JSON Schema, or "": any
	otherwise  string // how whoever sent another kind is told
	nullable   bool
	properties []property // by name
	index      map[string]int
	items      *shape
	refuses    func(name, plain string) string // of keys that it does not know; nil: none

	texts   []rule[[]byte]
	numbers []rule[float64]
	lengths []rule[int] // of lists
}

type property struct {
	name     string
	required bool
	absent   string // how whoever left it out of an inner object is told
	shape    *shape
}

// rule is what a schema asks of a value, and how whoever sent another is told.
type rule[T any] struct {
	holds   func(T) bool
	message string
}

// broken are the messages of the rules that v breaks.
func broken[T any](rules []rule[T], v T) []string {
	var out []string
	for _, r := range rules {
		if !r.holds(v) {
			out = append(out, r.message)
		}
	}
	return out
}

func add[T any](to *[]rule[T], holds func(T) bool, format string, args ...any) {
	*to = append(*to, rule[T]{holds, fmt.Sprintf(format, args...)})
}

// maxProperties is how many an object's check can tell apart.
const maxProperties = 64

// shapeOf makes a schema ready. It panics when the schema asks for what is not checked here.
func shapeOf(r Registry, s *Schema) *shape {
	for s.Ref != "" {
		s = r.SchemaFromRef(s.Ref)
	}
	out, left := &shape{kind: s.Type, otherwise: "expected " + s.Type, nullable: s.Nullable}, *s
	left.Title, left.Description, left.Examples, left.Deprecated, left.Type, left.Nullable = "", "", nil, false, "", false
	switch s.Type {
	case huma.TypeObject:
		out.object(r, s)
		left.Properties, left.Required = nil, nil
		if s.AdditionalProperties == true { // clients of later versions send more
			left.AdditionalProperties = nil
		}
	case huma.TypeArray:
		out.items = shapeOf(r, s.Items)
		if s.MinItems != nil {
			add(&out.lengths, func(n int) bool { return n >= *s.MinItems }, "expected array length >= %d", *s.MinItems)
		}
		if s.MaxItems != nil {
			add(&out.lengths, func(n int) bool { return n <= *s.MaxItems }, "expected array length <= %d", *s.MaxItems)
		}
		left.Items, left.MinItems, left.MaxItems = nil, nil, nil
	case huma.TypeString:
		out.text(s)
		left.MinLength, left.MaxLength, left.Enum = nil, nil, nil
		if s.Format == "date-time" || s.Format == "uuid" {
			left.Format = ""
		}
	case huma.TypeInteger, huma.TypeNumber:
		out.number(s)
		left.Minimum, left.Maximum, left.Format = nil, nil, "" // how wide a number is, its type says
	}
	if text, err := left.MarshalJSON(); err != nil || string(text) != "{}" {
		panic(fmt.Sprintf("rest: a schema says what is not checked: %s (%v)", text, err))
	}
	return out
}

func (out *shape) object(r Registry, s *Schema) {
	out.index = map[string]int{}
	for i, name := range slices.Sorted(maps.Keys(s.Properties)) {
		out.index[name] = i
		out.properties = append(out.properties, property{
			name: name, required: slices.Contains(s.Required, name), absent: name + " is required in it", shape: shapeOf(r, s.Properties[name]),
		})
	}
	if len(out.properties) > maxProperties {
		panic("rest: an object has too many properties")
	}
}

func (out *shape) text(s *Schema) {
	if s.MinLength != nil {
		add(&out.texts, func(b []byte) bool { return utf8.RuneCount(b) >= *s.MinLength }, "expected length >= %d", *s.MinLength)
	}
	if s.MaxLength != nil {
		add(&out.texts, func(b []byte) bool { return utf8.RuneCount(b) <= *s.MaxLength }, "expected length <= %d", *s.MaxLength)
	}
	switch s.Format {
	case "date-time":
		add(&out.texts, func(b []byte) bool {
			_, err := time.Parse(time.RFC3339, string(b))
			return err == nil
		}, "expected string to be RFC 3339 date-time")
	case "uuid":
		add(&out.texts, func(b []byte) bool { return ids.Valid(string(b)) }, "expected string to be RFC 4122 uuid")
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i], _ = word.(string)
		}
		add(&out.texts, func(b []byte) bool { return slices.Contains(words, string(b)) },
			"expected value to be one of \"%s\"", strings.Join(words, ", "))
	}
}

func (out *shape) number(s *Schema) {
	if s.Type == huma.TypeInteger {
		add(&out.numbers, func(f float64) bool { return f == math.Trunc(f) }, "expected integer")
	}
	if s.Minimum != nil {
		add(&out.numbers, func(f float64) bool { return f >= *s.Minimum }, "expected number >= %v", *s.Minimum)
	}
	if s.Maximum != nil {
		add(&out.numbers, func(f float64) bool { return f <= *s.Maximum }, "expected number <= %v", *s.Maximum)
	}
}
