// Package broker uses secrets for their callers: it puts them into requests that go to hosts
// which a human bound them to, sends those, and hands back answers in which no secret is left.
//
// Its promise: a caller chooses what is asked of a bound host, never what is shown of the
// secret. A value leaves the server only in a request that a binding of that secret allows, in
// the place that the binding says, after the use is in the log; and no answer, error or log has it.
package broker

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Ref names a secret in a text: {{secret:PATH}} or {{secret:PATH#FIELD}} in the caller's default
// vault, oneclaw://VAULT/PATH or oneclaw://VAULT/PATH#FIELD in one that is named.
type Ref struct {
	Vault string // id or name; empty: the one vault in which the caller may use the path
	Path  secretpath.Path
	Field string // of a secret that is a JSON object or an env_bundle
}

const (
	braces    = "{{secret:"
	endBraces = "}}"
	scheme    = "oneclaw://"
	maxRefs   = 8
	maxField  = 128
)

var (
	errRef = fault.New(fault.Invalid, "invalid_reference",
		"A reference to a secret is {{secret:PATH}} or oneclaw://VAULT/PATH, and #FIELD after the path for one field of it.")
	errManyRefs = fault.New(fault.Invalid, "too_many_references", "A request uses at most 8 secrets.")
)

// piece is a part of a text: what stands there, or a reference to a secret.
type piece struct {
	text string
	ref  *Ref
}

// has reports whether a text could hold a reference, so that one in a place where none is
// looked for is refused, not sent.
func has(text string) bool {
	return strings.Contains(text, braces) || strings.Contains(text, scheme)
}

// pieces splits a text at its references.
func pieces(text string) ([]piece, error) {
	var out []piece
	for text != "" {
		at := strings.Index(text, braces)
		if other := strings.Index(text, scheme); at < 0 || other >= 0 && other < at {
			at = other
		}
		if at < 0 {
			return append(out, piece{text: text}), nil
		}
		if at > 0 {
			out = append(out, piece{text: text[:at]})
		}
		ref, rest, err := parse(text[at:])
		if err != nil {
			return nil, err
		}
		out = append(out, piece{ref: &ref})
		text = rest
	}
	return out, nil
}

// parse reads the reference that a text begins with.
func parse(text string) (ref Ref, rest string, err error) {
	var inside string
	if after, ok := strings.CutPrefix(text, braces); ok {
		if inside, rest, ok = strings.Cut(after, endBraces); !ok {
			return ref, "", errRef
		}
	} else {
		after := text[len(scheme):]
		end := strings.IndexFunc(after, func(r rune) bool { return !refLetter(r) })
		if end < 0 {
			end = len(after)
		}
		inside, rest = after[:end], after[end:]
		var ok bool
		if ref.Vault, inside, ok = strings.Cut(inside, "/"); !ok || ref.Vault == "" {
			return ref, "", errRef
		}
	}
	path, field, named := strings.Cut(inside, "#")
	if named && (field == "" || len(field) > maxField) {
		return ref, "", errRef
	}
	ref.Field = field
	if ref.Path, err = secretpath.Parse(path); err != nil {
		return ref, "", errRef
	}
	return ref, rest, nil
}

// refLetter reports whether a reference that has no closing mark may hold the character.
func refLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '/' || r == '#' || r == '.'
}
