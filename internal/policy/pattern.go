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
	default:
		// Also in "a/**/b*": what follows "**" is not all "**", so at least one
		// more segment must come after "a/".
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
		return strings.HasPrefix(path, p.lit) && match(p.text[len(p.lit):], path[len(p.lit):])
	case nothing:
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

// match matches a flawless pattern against a path in one walk over the bytes.
// On a mismatch it lets the latest star of the segment take one more character;
// when there is none or a slash is in the way, it lets the latest "**" take one
// more segment. Earlier stars need no second try: whatever they could give up,
// the latest can take. Hence the work is bounded by the product of the lengths.
func match(pattern, path string) bool {
	p, n := 0, 0
	star, starEnd := -1, 0   // after the latest star of this segment, and how far it reaches
	stars, starsEnd := -1, 0 // the same for the latest "**": both at a segment's start
	for n < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			if p+1 < len(pattern) && pattern[p+1] == '*' {
				if p+2 == len(pattern) {
					return true
				}
				p += len("**/")
				stars, starsEnd, star = p, n, -1
				continue
			}
			p++
			star, starEnd = p, n
		case p < len(pattern) && pattern[p] == path[n]:
			if path[n] == '/' {
				star = -1
			}
			p++
			n++
		case star >= 0 && path[starEnd] != '/':
			starEnd++
			p, n = star, starEnd
		case stars >= 0:
			slash := strings.IndexByte(path[starsEnd:], '/')
			if slash < 0 {
				return false
			}
			starsEnd += slash + 1
			p, n, star = stars, starsEnd, -1
		default:
			return false
		}
	}
	return matchesNothing(pattern[p:])
}

// matchesNothing reports whether the rest of a pattern needs no more of the
// path: a star that ends the segment, and then only "**" segments.
func matchesNothing(rest string) bool {
	rest = strings.TrimPrefix(rest, "*")
	for strings.HasPrefix(rest, "/**") {
		rest = rest[len("/**"):]
	}
	return rest == ""
}
