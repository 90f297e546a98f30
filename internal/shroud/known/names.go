package known

import (
	"bytes"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Names is a set of values in small letters, for texts whose letters are in either case, such as names of headers.
func Names(values []Value) *Set {
	small := make([]Value, len(values))
	for i, v := range values {
		small[i] = Value{v.Label, secret.New(bytes.ToLower(v.Value.Reveal()))}
	}
	s := New(small)
	for _, v := range small {
		v.Value.Wipe()
	}
	return s
}

// Named reports whether a name has a value in it that Names was given.
func Named(s *Set, name string) bool { return len(s.Find(strings.ToLower(name))) > 0 }
