package pattern

import (
	"regexp/syntax"
	"sync"
)

// spans finds where an expression matches, as package regexp does and in a fraction of its time: a lane ahead finds the
// end of a match, and one back its beginning. Each byte between two matches is read once in each direction.
type spans struct {
	pool sync.Pool // of *lanes
}

type lanes struct{ ahead, back *lane }

// longSpans is how long a text is at least for which spans are made.
const longSpans = 2 << 10

// newSpans returns nil for an expression that may match nothing at a place, or has no lanes.
func newSpans(expr string) *spans {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil || blank(re) {
		return nil
	}
	lay := func() *lanes {
		l := &lanes{newLane(re, false), newLane(reversed(re), true)}
		if l.ahead == nil || l.back == nil {
			return nil
		}
		return l
	}
	if lay() == nil {
		return nil
	}
	return &spans{pool: sync.Pool{New: func() any { return lay() }}}
}

// all are the matches in a text. They are not sure where that would cost more than it saves.
func (s *spans) all(text string) (out []stretch, sure bool) {
	l := s.pool.Get().(*lanes) //nolint:forcetypeassert // nothing else is put there
	defer s.pool.Put(l)
	for from := 0; from < len(text); {
		end, sure := l.ahead.ahead(text, from)
		if !sure {
			return nil, false
		}
		if end < 0 {
			break
		}
		start, sure := l.back.back(text, from, end)
		if !sure || start < 0 {
			return nil, false
		}
		out = append(out, stretch{start, end})
		from = end
	}
	return out, true
}

// blank says whether an expression may match without a character.
func blank(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return blank(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || blank(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !blank(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if blank(sub) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

// reversed is an expression that matches what another does, read from its end.
func reversed(re *syntax.Regexp) *syntax.Regexp {
	out := *re
	switch re.Op {
	case syntax.OpBeginText:
		out.Op = syntax.OpEndText
	case syntax.OpEndText:
		out.Op = syntax.OpBeginText
	case syntax.OpBeginLine:
		out.Op = syntax.OpEndLine
	case syntax.OpEndLine:
		out.Op = syntax.OpBeginLine
	case syntax.OpLiteral:
		out.Rune = make([]rune, 0, len(re.Rune))
		for i := len(re.Rune) - 1; i >= 0; i-- {
			out.Rune = append(out.Rune, re.Rune[i])
		}
	default:
	}
	out.Sub = make([]*syntax.Regexp, 0, len(re.Sub))
	for _, sub := range re.Sub {
		out.Sub = append(out.Sub, reversed(sub))
	}
	if re.Op == syntax.OpConcat {
		for i, j := 0, len(out.Sub)-1; i < j; i, j = i+1, j-1 {
			out.Sub[i], out.Sub[j] = out.Sub[j], out.Sub[i]
		}
	}
	return &out
}
