package policy

import (
	"slices"
	"strings"
)

// maxCovered bounds the bytes of two patterns, multiplied, that are compared: the work
// grows with it, and a list of scopes is compared with another.
const maxCovered = 1 << 14

// covers reports whether every path that narrow matches matches p too. It may say no
// where that is so, and never yes where it is not.
func (p Pattern) covers(narrow Pattern) bool {
	switch {
	case p.shape == nothing || narrow.shape == nothing:
		return false
	case p.shape == all || p.text == narrow.text:
		return true
	case p.shape == subtree:
		return narrow.text == p.lit || strings.HasPrefix(narrow.text, p.lit+"/")
	case p.shape == exact || !strings.HasPrefix(narrow.lit, p.lit) || len(p.text)*len(narrow.text) > maxCovered:
		return false
	case narrow.shape == exact:
		return p.Match(narrow.lit)
	}
	wide, names := starsLast(p.text), starsLast(narrow.text)
	if narrow.shape == all { // no path is empty
		names = []string{"*", "**"}
	}
	return coversPaths(wide, names)
}

// coveredBy reports whether one of the patterns covers narrow.
func coveredBy(all []Pattern, narrow Pattern) bool {
	return slices.ContainsFunc(all, func(p Pattern) bool { return p.covers(narrow) })
}

// starsLast are the segments of a pattern. Of neighbours that are all stars the "**"
// come last, folded into one: that means the same, and leaves coversPaths fewer choices.
func starsLast(text string) []string {
	segs := strings.Split(text, "/")
	out := make([]string, 0, len(segs))
	deep := false
	for _, s := range segs {
		if deep && s != "*" && s != "**" {
			out, deep = append(out, "**"), false
		}
		if s == "**" {
			deep = true
		} else {
			out = append(out, s)
		}
	}
	if deep {
		out = append(out, "**")
	}
	return out
}

// coversPaths walks both patterns from their ends. next[i] says whether the segments of
// wide from i on cover those of narrow after the present one. A "**" of narrow stands
// for any number of names that only stars match.
func coversPaths(wide, narrow []string) bool {
	next := make([]bool, len(wide)+1)
	for i := len(wide); i >= 0; i-- {
		next[i] = i == len(wide) || wide[i] == "**" && next[i+1]
	}
	for _, name := range slices.Backward(narrow) {
		here := make([]bool, len(wide)+1)
		for i := len(wide) - 1; i >= 0; i-- {
			switch {
			case wide[i] == "**": // takes it, or ends
				here[i] = next[i] || here[i+1]
			case name == "**": // no more names, and one more
				here[i] = next[i] && wide[i] == "*" && here[i+1]
			default:
				here[i] = next[i+1] && match(wide[i], name) // a star of name is only taken by a star
			}
		}
		next = here
	}
	return next[0]
}
