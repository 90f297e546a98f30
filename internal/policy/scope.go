package policy

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Scopes cap what a credential may do; they never grant. There are two sorts:
//
// Words, such as vault:read, vault.write, tx:sign, or * alone: names joined by
// ':' or '.', which no path has. They never restrict paths. On a user's API key
// that has words, writing needs one that ends in write or *.
//
// Patterns, such as prod/** : the caller's paths are those that one of them
// matches. What covers a whole vault, or hands out another credential, is more
// than such a cap allows, so it is refused to who is capped.

// CheckScopes returns fault.Invalid "invalid_scope" unless every scope is a word
// or a pattern. A scope that is neither, should one reach Decide, caps the
// caller to nothing: what is not understood must not widen.
func CheckScopes(scopes []string) error {
	for _, s := range scopes {
		if !isWord(s) && patternFlaw(s) != "" {
			return fault.New(fault.Invalid, "invalid_scope",
				"A scope is a word such as vault:read or a path pattern such as prod/**.")
		}
	}
	return nil
}

// reach is what a list of scopes amounts to.
type reach struct {
	capped    bool // to the paths that match a pattern among the scopes
	words     bool
	writeWord bool
}

func reachOf(scopes []string) reach {
	var r reach
	everywhere := false
	for _, s := range scopes {
		switch {
		case isWord(s):
			r.words = true
			r.writeWord = r.writeWord || isWriteWord(s)
		case s == "**":
			everywhere = true
		default:
			r.capped = true
		}
	}
	r.capped = r.capped && !everywhere
	return r
}

// covers reports whether a pattern among the scopes matches path.
func covers(scopes []string, path string) bool {
	for _, s := range scopes {
		if !isWord(s) && patternFlaw(s) == "" && match(s, path) {
			return true
		}
	}
	return false
}

func isWord(s string) bool {
	if s == "*" {
		return true
	}
	joints, last := 0, byte(':')
	for i := range len(s) {
		c := s[i]
		joint := c == ':' || c == '.'
		switch {
		case joint && (last == ':' || last == '.'):
			return false
		case joint:
			joints++
		case !isPatternByte(c):
			return false
		}
		last = c
	}
	return joints > 0 && last != ':' && last != '.'
}

func isWriteWord(s string) bool {
	last := s[strings.LastIndexAny(s, ":.")+1:]
	return last == "write" || last == "*"
}
