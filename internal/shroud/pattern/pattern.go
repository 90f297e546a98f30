// Package pattern looks for many regular expressions in one pass: for each only
// near the words that it can't do without.
//
// Its promise: a text is passed over once for all words, and each expression
// sees each byte at most once, whatever the text holds.
package pattern

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// Pattern is an expression and where it is worth a try.
type Pattern struct {
	Name string
	// Expr is in the syntax of regexp. It must match within Before bytes
	// before one of its words and After bytes after.
	Expr          string
	Words         []string // lower case; none: everywhere
	Whole         bool     // words are no part of others: "rm" is not in "form"
	Before, After int
	// Worth says whether to look, from what follows the word; nil: always.
	Worth func(after string) bool
}

// Set is a number of patterns, ready to be looked for. Expressions are compiled
// when their words are first seen.
type Set struct {
	of     []Pattern
	expr   []func() *regexp.Regexp
	quick  []func() *quick
	spans  []func() *spans
	words  *automaton
	always []int
}

// New makes a set of patterns whose expressions are known to be good.
func New(patterns []Pattern) *Set {
	s := &Set{of: patterns}
	of := map[string][]int{}
	for i, p := range patterns {
		s.expr = append(s.expr, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(p.Expr) }))
		s.quick = append(s.quick, sync.OnceValue(func() *quick { return newQuick(p.Expr) }))
		s.spans = append(s.spans, sync.OnceValue(func() *spans { return newSpans(p.Expr) }))
		if len(p.Words) == 0 {
			s.always = append(s.always, i)
		}
		for _, w := range p.Words {
			of[w] = append(of[w], i)
		}
	}
	s.words = newAutomaton(of)
	return s
}

// Len is the number of patterns.
func (s *Set) Len() int { return len(s.of) }

// stretch is where a pattern is to be looked for, or is.
type stretch struct{ start, end int }

// Find calls found for each match of each pattern: its number, and where it begins and ends.
func (s *Set) Find(text string, found func(i, start, end int)) {
	s.find(text, nil, found)
}

// First is Find that looks for a pattern only until it has matched in one stretch.
func (s *Set) First(text string, found func(i, start, end int)) {
	done := make([]bool, len(s.of))
	s.find(text, done, func(i, start, end int) {
		done[i] = true
		found(i, start, end)
	})
}

// Needs is up to where a text has to be there, so that each match is found that begins before a place and after
// another, and has the first word of its pattern in the text: 0 where none has.
func (s *Set) Needs(text string, from, before int) (end int) {
	s.words.find(text[from:], func(i, start, after int) {
		p := &s.of[i]
		start, after = start+from, after+from
		if start-p.Before < before && (!p.Whole || !within(text, start) && !within(text, after)) && (p.Worth == nil || p.Worth(text[after:])) {
			end = max(end, after+p.After)
		}
	})
	return end
}

// find looks for patterns but those that are done.
func (s *Set) find(text string, done []bool, found func(i, start, end int)) {
	most := -1
	if done != nil {
		most = 1
	}
	for _, i := range s.always {
		for _, m := range s.all(i, text, most) {
			found(i, m.start, m.end)
		}
	}
	open := make([]stretch, len(s.of)) // a stretch that has none has no end
	s.words.find(text, func(i, start, end int) {
		if done != nil && done[i] {
			return
		}
		p := &s.of[i]
		if p.Whole && (within(text, start) || within(text, end)) {
			return
		}
		if p.Worth != nil && !p.Worth(text[end:]) {
			return
		}
		here := stretch{max(0, start-p.Before), min(len(text), end+p.After)}
		was := open[i]
		switch {
		case was.end == 0:
		case here.start <= was.end && (done == nil || was.end-was.start < longStretch):
			here.start = min(here.start, was.start)
		case here.start <= was.end:
			was.end = min(len(text), was.end+p.After) // as if it went on
			s.look(i, text, was, found)
		default:
			s.look(i, text, was, found)
		}
		open[i] = here
	})
	for i, at := range open {
		if at.end > 0 {
			s.look(i, text, at, found)
		}
	}
}

// longStretch is how much First looks at before it asks whether the pattern has matched.
const longStretch = 32 << 10

// within says whether letters or digits stand on both sides of a place.
func within(text string, at int) bool {
	return at > 0 && at < len(text) && alphanumeric(text[at-1]) && alphanumeric(text[at])
}

func alphanumeric(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

func (s *Set) look(i int, text string, at stretch, found func(i, start, end int)) {
	if q := s.quick[i](); q != nil && !q.may(text[at.start:at.end]) {
		return
	}
	for _, m := range s.all(i, text[at.start:at.end], -1) {
		if m.end == at.end-at.start && at.end < len(text) {
			continue // the end of the stretch is not that of a word or line
		}
		found(i, m.start+at.start, m.end+at.start)
	}
}

// all are the matches of a pattern in a text, or at most some.
func (s *Set) all(i int, text string, most int) (out []stretch) {
	if most < 0 && len(text) >= longSpans {
		if q := s.spans[i](); q != nil {
			if all, sure := q.all(text); sure {
				return all
			}
		}
	}
	for _, m := range s.expr[i]().FindAllStringIndex(text, most) {
		out = append(out, stretch{m[0], m[1]})
	}
	return out
}

// The bounds of expressions that others write.
const (
	maxExpr  = 512
	maxSteps = 4000
	maxReach = 2000
)

// Foreign makes a pattern of an expression that somebody else wrote, or says
// what is wrong with it.
func Foreign(name, expr string) (Pattern, error) {
	if len(expr) == 0 || len(expr) > maxExpr {
		return Pattern{}, fmt.Errorf("an expression has 1 to %d characters", maxExpr)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return Pattern{}, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return Pattern{}, err
	}
	if len(prog.Inst) > maxSteps {
		return Pattern{}, fmt.Errorf("an expression has at most %d steps", maxSteps)
	}
	p := Pattern{Name: name, Expr: expr}
	if reach := reach(tree); reach <= maxReach {
		if w := needed(tree); len(w) >= 3 {
			p.Words, p.Before, p.After = []string{w}, reach+1, reach+1
		}
	}
	return p, nil
}

// Reach is how many characters a match of an expression may have, and whether
// that is known.
func Reach(expr string) (chars int, known bool) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0, false
	}
	n := reach(tree)
	return n / bytesOfChar, n <= maxReach
}

// bytesOfChar is how many bytes a character has at most.
const bytesOfChar = 4

// needed is the longest word that every match has, or nothing.
func needed(re *syntax.Regexp) string {
	best := ""
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r >= 0x80 {
				return "" // ASCII alone has one lower case
			}
		}
		if w := string(re.Rune); re.Flags&syntax.FoldCase == 0 || !strings.ContainsAny(w, "kKsS") { // k and s fold beyond ASCII
			best = strings.ToLower(w)
		}
	case syntax.OpCapture, syntax.OpPlus:
		best = needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			best = needed(re.Sub[0])
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if w := needed(sub); len(w) > len(best) {
				best = w
			}
		}
	default: // a match need not have any of it
	}
	return best
}

// reach is how many bytes a match may have, or more than maxReach.
func reach(re *syntax.Regexp) int {
	sum := 0
	switch re.Op {
	case syntax.OpLiteral:
		return bytesOfChar * len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return bytesOfChar
	case syntax.OpStar, syntax.OpPlus:
		return maxReach + 1
	case syntax.OpRepeat:
		if re.Max < 0 {
			return maxReach + 1
		}
		return min(maxReach+1, re.Max*reach(re.Sub[0]))
	case syntax.OpQuest, syntax.OpCapture:
		return reach(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			sum += reach(sub)
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			sum = max(sum, reach(sub))
		}
	default: // a place, without bytes
	}
	return min(sum, maxReach+1)
}
