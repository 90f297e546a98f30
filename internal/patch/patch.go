// Package patch is how settings change field by field, and how it is seen that a
// change loosens them.
//
// Its promise: a field that was not sent stays as it is, and a list that restricts is
// never emptied by accident.
package patch

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Field is a field of a change: absent, null, or a value.
type Field[T any] struct {
	Set   bool // the field was sent
	Null  bool // ... as null
	Value T
}

// Value returns a field that was sent with v.
func Value[T any](v T) Field[T] { return Field[T]{Set: true, Value: v} }

// Null returns a field that was sent as null.
func Null[T any]() Field[T] { return Field[T]{Set: true, Null: true} }

// Keep sets a setting that can't be absent: null leaves it as it is.
func (f Field[T]) Keep(dst *T) {
	if f.Set && !f.Null {
		*dst = f.Value
	}
}

// Clear sets a setting that can be absent: null makes it so.
func (f Field[T]) Clear(dst *T) {
	if f.Set {
		*dst = f.Value
	}
}

// List sets a list that restricts, where an empty one restricts nothing. Null lifts
// the restriction, and an empty list is refused as long as there is one.
func List(name string, dst *[]string, f Field[[]string]) error {
	if f.Set && !f.Null && len(f.Value) == 0 && len(*dst) > 0 {
		return fault.New(fault.Invalid, "would_lift_restriction", "An empty "+name+" would lift the restriction that is set. "+
			"Send null to lift it on purpose, or leave the field out to keep it.")
	}
	f.Clear(dst)
	return nil
}

// Cap is a field of T that restricts whoever has it.
type Cap[T any] struct {
	Name string
	// Set reports whether the field restricts.
	Set func(*T) bool
	// Lifts reports whether is allows what was did not.
	Lifts func(was, is *T) bool
}

// NewCap returns the cap of one field.
func NewCap[T any](name string, set func(*T) bool, lifts func(was, is *T) bool) Cap[T] {
	return Cap[T]{name, set, lifts}
}

// ListCap is the cap of a list of what is allowed, in any case of letters.
func ListCap[T any](name string, of func(*T) []string) Cap[T] {
	return Cap[T]{name, func(v *T) bool { return len(of(v)) > 0 }, func(was, is *T) bool {
		before, now := of(was), of(is)
		return len(before) > 0 && (len(now) == 0 || slices.ContainsFunc(now, func(s string) bool {
			return !slices.ContainsFunc(before, func(b string) bool { return strings.EqualFold(b, s) })
		}))
	}}
}

// Within are the caps of a part, as caps of the whole that holds it.
func Within[W, T any](part func(*W) *T, caps ...Cap[T]) []Cap[W] {
	out := make([]Cap[W], len(caps))
	for i, c := range caps {
		out[i] = Cap[W]{
			c.Name, func(w *W) bool { return c.Set(part(w)) },
			func(was, is *W) bool { return c.Lifts(part(was), part(is)) },
		}
	}
	return out
}
