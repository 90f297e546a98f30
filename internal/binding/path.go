package binding

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// normalPath returns an escaped path in the one spelling that is matched and sent (RFC 3986,
// section 6.2.2). It is false for one that two servers could read in two ways: with segments . or
// .., empty segments or backslashes, escaped or not.
func normalPath(escaped string) (string, bool) {
	if escaped == "" {
		return "/", true
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(escaped) {
			return "", false
		}
		hi, ok := hexValue(escaped[i+1])
		lo, ok2 := hexValue(escaped[i+2])
		if !ok || !ok2 {
			return "", false
		}
		if d := hi<<4 | lo; unreserved(d) {
			b.WriteByte(d)
		} else {
			b.WriteString(strings.ToUpper(escaped[i : i+3]))
		}
		i += 2
	}
	p := b.String()
	plain, err := url.PathUnescape(p)
	for _, twice := range []string{"%252E", "%252F", "%255C", "%252e", "%252f", "%255c"} {
		if strings.Contains(p, twice) {
			return "", false // a server that reads twice sees what was not matched
		}
	}
	if err != nil || !utf8.ValidString(plain) || p[0] != '/' || strings.Contains(plain, "\\") || strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	segments := strings.Split(plain[1:], "/")
	for i, s := range segments {
		// A final slash is part of many addresses. "..;" is ".." to servers that know path parameters.
		name, _, _ := strings.Cut(s, ";")
		name = strings.TrimSpace(name)
		if s == "" && i < len(segments)-1 || name == "." || name == ".." || s != "" && name == "" {
			return "", false
		}
	}
	return p, true
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// checkPath takes a pattern of paths.
func checkPath(p string) error {
	if len(p) == 0 || len(p) > 512 || p[0] != '/' || strings.Count(p, "*") > 16 || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\?#`, r) }) {
		return invalid("A pattern of paths begins with a slash and has at most 512 printable ASCII characters and 16 stars, such as /v1/**.")
	}
	if n, ok := normalPath(strings.ReplaceAll(p, "*", "x")); !ok || len(n) != len(p) {
		return invalid("A pattern of paths has no segments . or .., no empty ones, and nothing escaped that need not be.")
	}
	for s := range strings.SplitSeq(p, "/") {
		if s != "**" && strings.Contains(s, "**") {
			return invalid("In a pattern ** stands alone between slashes; within a name write a single star.")
		}
	}
	return nil
}

// path reports whether the patterns hold the path.
func (b *Binding) path(escaped string) bool { return len(b.Paths) == 0 || b.within(escaped) != "" }

// Pattern is the pattern that the path of a target is within; empty where all paths are allowed.
func (b *Binding) Pattern(t *Target) string { return b.within(t.Path) }

// within is the first pattern that holds a path. A server may read %2F as a slash or as a letter, so both
// readings have to be within one pattern.
func (b *Binding) within(escaped string) string {
	plain, err := url.PathUnescape(escaped)
	if err != nil {
		return ""
	}
	for _, p := range b.Paths {
		if matchPath(p, escaped) && (plain == escaped || matchPath(unescapedPattern(p), plain)) {
			return p
		}
	}
	return ""
}

func unescapedPattern(p string) string {
	if u, err := url.PathUnescape(p); err == nil {
		return u
	}
	return p
}

// matchPath compares segment by segment.
func matchPath(pattern, path string) bool {
	return matchSegments(strings.Split(pattern[1:], "/"), strings.Split(path[1:], "/"))
}

// matchSegments matches a path, in which ** is any number of segments.
func matchSegments(pattern, path []string) bool {
	return match(pattern, path, func(p string) bool { return p == "**" }, matchName)
}

// matchName matches one segment, in which a star is any run of characters.
func matchName(pattern, name string) bool {
	return match([]byte(pattern), []byte(name), func(p byte) bool { return p == '*' }, func(p, c byte) bool { return p == c })
}

// match goes back to the last star alone, and so takes time in proportion to both.
func match[T any](pattern, of []T, star func(T) bool, same func(p, x T) bool) bool {
	p, s, last, mark := 0, 0, -1, 0
	for s < len(of) {
		switch {
		case p < len(pattern) && star(pattern[p]):
			last, mark = p, s
			p++
		case p < len(pattern) && same(pattern[p], of[s]):
			p++
			s++
		case last >= 0:
			mark++
			p, s = last+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && star(pattern[p]) {
		p++
	}
	return p == len(pattern)
}
