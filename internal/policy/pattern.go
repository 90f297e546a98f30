package policy

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

const (
	maxPatternBytes = secretpath.MaxBytes
	maxStars        = 16
)

// Pattern is a compiled glob over secret paths: '*' is any run of characters
// within a segment, "**" as a whole segment is zero or more segments, nothing
// else is special. So "prod/**" matches "prod", "prod/a" and "prod/a/b". The
// zero Pattern matches nothing. It is comparable.
//
// It is our own and not doublestar's since that one gives '?', '[', '{' and '\'
// a meaning that the rule denies, and reads "a**" as "a*".
type Pattern struct {
	text  string
	shape shape
	lit   string // what every matching path begins with; for subtree, the folder
}

type shape uint8

const (
	nothing shape = iota
	exact         // no star
	all           // "**"
	subtree       // lit + "/**"
	general
)

// Compile returns the pattern, or fault.Invalid "invalid_pattern" with a detail
// that does not repeat the text.
func Compile(text string) (Pattern, error) {
	if detail := patternFlaw(text); detail != "" {
		return Pattern{}, fault.New(fault.Invalid, "invalid_pattern", detail)
	}
	p := Pattern{text: text, shape: general}
	t := text // with runs of "**" folded into one, which means the same
	for t == "**/**" || strings.HasSuffix(t, "/**/**") {
		t = t[:len(t)-len("/**")]
	}
	star := strings.IndexByte(t, '*')
	switch {
	case star < 0:
		p.shape, p.lit = exact, t
	case t == "**":
		p.shape = all
	case star > 0 && t[star-1:] == "/**":
		p.shape, p.lit = subtree, t[:star-1]
	case star > 0 && strings.HasPrefix(t[star:], "**"):
		// "a/**/b": every match begins with "a/", since "b" is still to come.
		p.lit = t[:star]
	default:
		p.lit = t[:star]
	}
	return p, nil
}

// String returns the text that was compiled.
func (p Pattern) String() string { return p.text }

// Match reports whether path, as Path.String gives it, matches. It neither
// allocates nor backtracks over more than one star at each level.
func (p Pattern) Match(path string) bool {
	if path == "" {
		return false
	}
	switch p.shape {
	case exact:
		return path == p.lit
	case all:
		return true
	case subtree:
		return strings.HasPrefix(path, p.lit) && (len(path) == len(p.lit) || path[len(p.lit)] == '/')
	case general:
		return strings.HasPrefix(path, p.lit) && matchPath(p.text, path)
	}
	return false
}

// patternFlaw says what is wrong with a pattern, or nothing.
func patternFlaw(text string) string {
	switch {
	case text == "":
		return "A pattern is needed: ** matches every path."
	case len(text) > maxPatternBytes:
		return "A pattern has at most 512 bytes."
	case strings.Count(text, "*") > maxStars:
		return "A pattern has at most 16 stars."
	}
	for rest := text; ; {
		seg, tail, more := strings.Cut(rest, "/")
		if seg == "" {
			return "A pattern has no empty segment and no slash at either end."
		}
		if seg != "**" && strings.Contains(seg, "**") {
			return "In a pattern ** stands alone between slashes; within a name write a single star."
		}
		for i := range len(seg) {
			if !isPatternByte(seg[i]) {
				return "A pattern has only the characters A-Z a-z 0-9 _ - / and *."
			}
		}
		if !more {
			return ""
		}
		rest = tail
	}
}

func isPatternByte(c byte) bool {
	return c == '*' || c == '-' || c == '_' ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// matchPath matches a flawless pattern against a path segment by segment. When
// a segment fails it goes back to the latest "**" alone and lets that one take
// one more segment: earlier ones need no second try, since whatever they could
// give up, the latest can take. Segments are never empty, so an empty rest is
// the end.
func matchPath(pattern, path string) bool {
	var afterStars, retry string
	stars := false
	for path != "" {
		seg, rest := cutSegment(pattern)
		if seg == "**" {
			if rest == "" {
				return true
			}
			stars, afterStars, retry, pattern = true, rest, path, rest
			continue
		}
		name, more := cutSegment(path)
		if seg != "" && matchSegment(seg, name) {
			pattern, path = rest, more
			continue
		}
		if !stars {
			return false
		}
		_, retry = cutSegment(retry)
		pattern, path = afterStars, retry
	}
	for pattern != "" {
		seg, rest := cutSegment(pattern)
		if seg != "**" {
			return false
		}
		pattern = rest
	}
	return true
}

// matchSegment is matchPath one level down: single stars over characters.
func matchSegment(pattern, name string) bool {
	p, n := 0, 0
	star, retry := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			retry++
			p, n = star+1, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func cutSegment(s string) (seg, rest string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
