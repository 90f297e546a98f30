// Package secretpath holds the one spelling of a secret's path.
//
// Its promise: a Path that is not zero obeys the rule below, so whatever routes,
// authorises, logs or stores a Path handles the same value, and no two spellings
// reach the same secret. The rule: 1 to 512 bytes of A-Z a-z 0-9 _ - and /, the
// first and the last a letter or a digit, no empty segment. Case matters. There
// are no dots, escapes or other characters at all, so there is nothing to clean,
// decode or fold; a caller decodes the URL once, before Parse.
package secretpath

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// MaxBytes is the longest path and the longest prefix.
const MaxBytes = 512

// Path is a parsed path. It is comparable; the zero value is no path.
type Path struct{ text string }

// Parse returns the Path spelled by s, or fault.Invalid "invalid_path" with a
// detail that does not repeat s.
func Parse(s string) (Path, error) {
	if err := check(s); err != nil {
		return Path{}, err
	}
	if !isAlnum(s[len(s)-1]) {
		return Path{}, invalid("A path ends with a letter or a digit.")
	}
	return Path{s}, nil
}

// String returns the path as it was given to Parse, and "" for the zero Path.
func (p Path) String() string { return p.text }

// IsZero reports whether p is no path.
func (p Path) IsZero() bool { return p.text == "" }

// Prefix narrows a listing to the paths that begin with its text, byte by byte:
// "db" covers "db", "db/a" and "db-1"; "db/" covers only "db/a" of these. The
// zero value covers every path. It is comparable.
type Prefix struct{ text string }

// ParsePrefix accepts what a path can begin with: the empty string, and any
// beginning of a path, so it may end in '/', '-' or '_'. Anything else is
// fault.Invalid "invalid_path".
func ParsePrefix(s string) (Prefix, error) {
	if s == "" {
		return Prefix{}, nil
	}
	if err := check(s); err != nil {
		return Prefix{}, err
	}
	return Prefix{s}, nil
}

// String returns the prefix as it was given to ParsePrefix.
func (p Prefix) String() string { return p.text }

// Covers reports whether path begins with the prefix. No prefix covers the zero
// Path.
func (p Prefix) Covers(path Path) bool {
	return !path.IsZero() && strings.HasPrefix(path.text, p.text)
}

// check holds what paths and non-empty prefixes share: everything but the last
// character's rule.
func check(s string) error {
	switch {
	case s == "":
		return invalid("A path is needed.")
	case len(s) > MaxBytes:
		return invalid("A path has at most 512 bytes.")
	case !isAlnum(s[0]):
		return invalid("A path begins with a letter or a digit.")
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == '/' && s[i-1] == '/' {
			return invalid("A path has no empty segment: write single slashes.")
		}
		if c != '/' && c != '-' && c != '_' && !isAlnum(c) {
			return invalid("A path has only the characters A-Z a-z 0-9 _ - and /.")
		}
	}
	return nil
}

func invalid(detail string) error {
	return fault.New(fault.Invalid, "invalid_path", detail)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
