package rest

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// check reads a body once, token by token, and finds where it differs from its shape. It
// builds nothing of it.
type check struct {
	r     *strictjson.Reader
	at    []step
	found []finding // those that come first, in the order of their places
	huge  bool      // a number is beyond what can be decoded
	any   shape     // of what means nothing here
}

// step leads from a value into a part of it: a property that the schema has, or an item.
type step struct {
	property string
	item     int
}

func (s step) compare(to step) int {
	return cmp.Or(cmp.Compare(s.property, to.property), cmp.Compare(s.item, to.item))
}

type finding struct {
	at      []step
	message string
}

// field names a finding by the property of the outermost object: keys further down may be the
// request's own.
func (f *finding) field() Field {
	if len(f.at) == 0 || f.at[0].property == "" {
		return Field{"body", f.message}
	}
	return Field{"body." + f.at[0].property, f.message}
}

// body reads a whole body. The error is that of one which is no JSON.
func (c *check) body(s *shape) error {
	defer c.r.Wipe()
	kind, raw, err := c.r.Next()
	if err == nil {
		err = c.value(s, kind, raw)
	}
	if err == nil {
		_, _, err = c.r.Next() // the end
	}
	if err == nil && c.huge {
		return strictjson.ErrNotJSON
	}
	return err
}

// value reads a value that has begun.
func (c *check) value(s *shape, kind jsontext.Kind, raw jsontext.Value) error {
	if kind == 'n' && s.nullable {
		return nil
	}
	if !s.takes(kind) {
		c.note(s.otherwise)
		s = &c.any
	}
	switch kind {
	case '{':
		return c.object(s)
	case '[':
		return c.list(s)
	case '"':
		if len(s.texts) > 0 {
			c.note(broken(s.texts, c.r.Text(raw))...)
		}
	case '0':
		number, err := strconv.ParseFloat(string(raw), 64)
		c.huge = c.huge || err != nil
		c.note(broken(s.numbers, number)...)
	default: // a literal is all that it says
	}
	return nil
}

// takes reports whether a value of this kind may have this shape.
func (s *shape) takes(kind jsontext.Kind) bool {
	switch s.kind {
	case huma.TypeObject:
		return kind == '{'
	case huma.TypeArray:
		return kind == '['
	case huma.TypeString:
		return kind == '"'
	case huma.TypeInteger, huma.TypeNumber:
		return kind == '0'
	case huma.TypeBoolean:
		return kind == 't' || kind == 'f'
	}
	return true
}

func (c *check) object(s *shape) error {
	var seen uint64 // a bit for each property
	for {
		kind, raw, err := c.r.Next()
		if err != nil {
			return err
		}
		if kind == '}' {
			c.missing(s, seen)
			return nil
		}
		i, known := s.index[string(c.r.Text(raw))]
		if !known {
			c.unknown(s, string(c.r.Text(raw)))
		}
		if kind, raw, err = c.r.Next(); err != nil {
			return err
		}
		inner, name := &c.any, ""
		if known {
			seen |= 1 << i
			p := &s.properties[i]
			if name = p.name; kind != 'n' || p.required && !s.nullable { // else null is as good as absent
				inner = p.shape
			}
		}
		if err := c.inside(step{property: name}, inner, kind, raw); err != nil {
			return err
		}
	}
}

// inside reads a value that has begun, one step further in.
func (c *check) inside(at step, s *shape, kind jsontext.Kind, raw jsontext.Value) error {
	c.at = append(c.at, at)
	err := c.value(s, kind, raw)
	c.at = c.at[:len(c.at)-1]
	return err
}

// missing notes what an object must have and has not.
func (c *check) missing(s *shape, seen uint64) {
	for i := range s.properties {
		p := &s.properties[i]
		if !p.required || seen&(1<<i) != 0 {
			continue
		}
		c.at = append(c.at, step{property: p.name})
		if len(c.at) == 1 {
			c.note("is required")
		} else {
			c.note(p.absent)
		}
		c.at = c.at[:len(c.at)-1]
	}
}

func (c *check) list(s *shape) error {
	items := cmp.Or(s.items, &c.any)
	for n := 0; ; n++ {
		kind, raw, err := c.r.Next()
		if err != nil {
			return err
		}
		if kind == ']' {
			c.note(broken(s.lengths, n)...)
			return nil
		}
		if err := c.inside(step{item: n}, items, kind, raw); err != nil {
			return err
		}
	}
}

// note says what is wrong with the value at hand. Kept is what comes first in the order of
// places, which is not that of the text.
func (c *check) note(messages ...string) {
	for _, message := range messages {
		i := len(c.found)
		for i > 0 && slices.CompareFunc(c.at, c.found[i-1].at, step.compare) < 0 {
			i--
		}
		if i < maxFields {
			c.found = slices.Insert(c.found, i, finding{slices.Clone(c.at), message})
			c.found = c.found[:min(len(c.found), maxFields)]
		}
	}
}
