// Package leak finds secrets in a text by their shape: tokens that begin as those
// of known services do, and values that are assigned to names of secrets.
//
// Its promise: the work grows with the size of the text alone. Whether a place
// is found depends on it and on the Around bytes before and after it, and white
// space counts as the end of a text does; so a finding is the same in a window
// that was cut at white space that far from it. Of a value, 8 KiB are
// looked at. The rules are those of gitleaks, as rules.json has them.
package leak

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

//go:generate go run -C ../../../tools/detect . leaks

// Around is how far from a finding the text matters for it.
const Around = 512

// longest is how much of a value is looked at.
const longest = 8 << 10

// Generic is the rule for what is assigned to any name of a secret. It takes some harmless values of programs too.
const Generic = "generic-api-key"

// Match is something found: bytes of the text, the end exclusive, and the rule.
type Match struct {
	Start, End int
	Rule       string
}

// Find returns the secrets in a text, in order. What overlaps is one finding, by
// the rule that says most about it.
func Find(text string) []Match {
	s := search{text: text, set: rules()}
	s.set.anchors.find(text, s.anchor)
	return s.merged()
}

// search is the look at one text.
type search struct {
	text  string
	set   *set
	found []hit

	// Where the value is that was last looked at by the rule for any name, and
	// where the mark is that ends names from a place on: many lead to one.
	last             int
	marksFrom, marks int
}

type hit struct {
	start, end, rule int
}

// anchor looks at what the rules say of an anchor that stands at a place.
func (s *search) anchor(at int, of []int) {
	for _, n := range of {
		r := &s.set.rules[n]
		start := at - r.Before
		if start < 0 || !begins(s.text, start) && r.Name == "" && r.Lead == "" {
			continue
		}
		switch {
		case r.Name != "":
			s.assigned(n, start)
		case r.Lead != "":
			if from := r.lead().longest(s.text, start, Around/2, nil); from > start {
				s.value(n, start, from)
			}
		default:
			s.value(n, start, start)
		}
	}
}

// begins says whether a token may begin at a place.
func begins(text string, at int) bool {
	before := char(text, at-1)
	return !word(before) && (before != '-' || !word(char(text, at-2)))
}

// assigned looks for what is assigned to the name at a place.
func (s *search) assigned(n, start int) {
	r := &s.set.rules[n]
	assigner := s.assigner(start + r.shortest)
	if assigner < 0 {
		return
	}
	end := r.name().longest(s.text, start, longestName, nil)
	if end < 0 {
		return
	}
	for _, from := range valuesAfter(s.text, end, assigner) {
		if from < 0 {
			return
		}
		if n == s.set.generic {
			if from == s.last || s.text[assigner] == ',' && !strings.ContainsAny(s.text[assigner:from], "'\"`") {
				return
			}
			s.last = from
		}
		if s.value(n, start, from) {
			return
		}
	}
}

// value takes the value that a rule finds at a place.
func (s *search) value(n, start, from int) bool {
	r := &s.set.rules[n]
	end := r.value().longest(s.text, from, longest, r.ends)
	if end <= from {
		return false
	}
	for r.End == "stop" && s.text[end-1] == '.' { // of a sentence
		end--
	}
	if text.Entropy(s.text[from:end]) > r.Entropy && strings.Contains(s.text[max(0, start-Around/2):start], r.After) && !s.set.allowed(s.text, n, start, from, end) {
		if len(s.found) == cap(s.found) {
			s.found = slices.Grow(s.found, len(s.found)+1) // append alone copies many findings five times
		}
		s.found = append(s.found, hit{from, end, n})
	}
	return true
}

// merged joins what overlaps: which bytes are covered then depends on no order.
func (s *search) merged() []Match {
	slices.SortFunc(s.found, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.rule, b.rule))
	})
	out := make([]Match, 0, len(s.found))
	var best hit // of the last one
	for _, h := range s.found {
		if len(out) == 0 || h.start >= out[len(out)-1].End {
			out, best = append(out, Match{h.start, h.end, s.set.rules[h.rule].ID}), h
			continue
		}
		last := &out[len(out)-1]
		last.End = max(last.End, h.end)
		if s.set.better(h, best) {
			best, last.Rule = h, s.set.rules[h.rule].ID
		}
	}
	return out
}

// better says whether a rule tells more than another.
func (s *set) better(a, b hit) bool {
	if (a.rule == s.generic) != (b.rule == s.generic) {
		return b.rule == s.generic
	}
	if (s.rules[a.rule].Name == "") != (s.rules[b.rule].Name == "") {
		return s.rules[a.rule].Name == "" // by its own shape
	}
	return a.end-a.start > b.end-b.start
}

func char(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return ' '
	}
	return s[i]
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
}
