package rest

import (
	"reflect"
	"regexp"
	"strings"
)

// Refuser is a body, or an item of a list in it, that refuses some of the fields it does not
// know: others are ignored, since newer clients send more.
type Refuser interface {
	// Refuses says why a field is refused, in words that follow its name, or nothing. It gets
	// the name, and the name with small letters and digits alone: plain is one of gasLimit and
	// gas_limit.
	Refuses(name, plain string) (why string)
}

// plainName is a key whose name an error may have: it is no value that ended up in the wrong place.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// refuse gives the shape of a type what the type refuses, and so those of the items of its lists.
func (s *shape) refuse(t reflect.Type) {
	if r, ok := reflect.Zero(t).Interface().(Refuser); ok {
		s.refuses = r.Refuses
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		i, known := s.index[name]
		if known && f.Type.Kind() == reflect.Slice && s.properties[i].shape.items != nil {
			s.properties[i].shape.items.refuse(f.Type.Elem())
		}
	}
}

// unknown notes a key that is refused.
func (c *check) unknown(s *shape, key string) {
	if s.refuses == nil {
		return
	}
	why := s.refuses(key, plain(key))
	switch {
	case why == "":
	case plainName.MatchString(key):
		c.note(`the field "` + key + `" ` + why)
	default:
		c.note("a field " + why)
	}
}

// plain is a key's letters and digits, small.
func plain(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, key)
}
