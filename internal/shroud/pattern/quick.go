package pattern

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

// quick says of most texts in which an expression matches nowhere that it does not, at one
// look at each byte: package regexp takes many times as long. It makes states of sets of
// the program's instructions as texts need them, and forgets them when they are many.
type quick struct {
	prog  *syntax.Prog
	class [utf8.RuneSelf]uint8 // characters that the program takes for the same
	like  []rune               // one of each class; the last is not ASCII
	pool  sync.Pool            // of *states, which are not for several at once
}

const (
	maxStates = 2000
	// A new state costs as much as this many bytes do in package regexp: where each leads to
	// a new one, that is asked at once. The first ones are free.
	perState  = 10
	freeBytes = maxStates * perState
)

// What a step leads to, beside a state.
const (
	unknown int32 = -iota - 1
	matches
	nowhere
)

// newQuick returns nil for a program that has no classes.
func newQuick(expr string) *quick {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil
	}
	class, like, ok := classes(prog)
	if !ok {
		return nil
	}
	q := &quick{prog: prog, class: class, like: like}
	q.pool.New = func() any { return newStates(q) }
	return q
}

// classes puts characters together that a program takes for the same; like has one of each class, of which the last
// is not ASCII. It is false for a program that tells more of characters beyond ASCII apart than those that fold to k and s.
func classes(prog *syntax.Prog) (class [utf8.RuneSelf]uint8, like []rune, ok bool) {
	kinds := map[string]uint8{}
	for c := range rune(utf8.RuneSelf) {
		var kind []byte
		for i := range prog.Inst {
			if in := &prog.Inst[i]; takes(in) && in.MatchRune(c) {
				kind = binary.AppendUvarint(kind, uint64(i))
			}
		}
		kind = append(kind, contextOf(c))
		n, known := kinds[string(kind)]
		if !known {
			n = uint8(len(like)) // at most 128
			kinds[string(kind)] = n
			like = append(like, c)
		}
		class[c] = n
	}
	like = append(like, 'é')
	for i := range prog.Inst {
		if !takes(&prog.Inst[i]) {
			continue
		}
		for _, r := range prog.Inst[i].Rune {
			if r >= utf8.RuneSelf && r != unicode.MaxRune && (r < longS-1 || r > longS+1) && (r < kelvin-1 || r > kelvin+1) {
				return class, nil, false
			}
		}
	}
	return class, like, true
}

// The characters beyond ASCII that are letters of ASCII in another case.
const (
	longS  = '\u017f'
	kelvin = '\u212a'
)

func takes(in *syntax.Inst) bool {
	switch in.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	default:
		return false
	}
}

// What the character before a place is, as far as expressions ask.
const (
	atBegin = iota
	afterNewline
	afterWord
	afterOther
)

func contextOf(c rune) byte {
	switch {
	case c == '\n':
		return afterNewline
	case syntax.IsWordChar(c):
		return afterWord
	}
	return afterOther
}

// before is a character of each context.
func before(context byte) rune { return [...]rune{-1, '\n', 'a', ' '}[context] }

// may reports whether the expression may match somewhere in a text. That it does not is certain.
func (q *quick) may(text string) bool {
	s := q.pool.Get().(*states) //nolint:forcetypeassert // nothing else is put there
	defer q.pool.Put(s)
	at, i := int32(0), 0
	defer func() { s.read += int64(i) }()
	for i < len(text) {
		class := len(q.like) - 1
		if c := text[i]; c < utf8.RuneSelf {
			class = int(q.class[c])
			i++
		} else {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == longS || r == kelvin {
				return true
			}
			i += size
		}
		to := s.next[int(at)*s.width+class]
		if to == unknown {
			if s.made*perState > s.read+int64(i)+freeBytes {
				return true
			}
			if len(s.sets) >= maxStates {
				at = s.flush(at)
			}
			to = s.step(at, class)
		}
		if to == matches {
			return true
		}
		at = to
	}
	end := s.next[int(at)*s.width+len(q.like)]
	if end == unknown {
		end = s.step(at, len(q.like))
	}
	return end == matches
}

// states are sets of instructions that may be where a match has come to, before what stands
// between two characters was looked at.
type states struct {
	of    *quick
	width int
	sets  []set
	index map[string]int32
	next  []int32 // by state and class, of which the end of the text is the last
	made  int64   // steps
	read  int64   // bytes
	stack []uint32
	seen  []bool
}

type set struct {
	pcs     []uint32
	context byte
}

func newStates(q *quick) *states {
	s := &states{of: q, width: len(q.like) + 1, index: map[string]int32{}, seen: make([]bool, len(q.prog.Inst))}
	s.state(set{context: atBegin})
	return s
}

// flush forgets all states but the first and one, which it returns.
func (s *states) flush(keep int32) int32 {
	kept := s.sets[keep]
	s.sets, s.next = s.sets[:0], s.next[:0]
	clear(s.index)
	s.state(set{context: atBegin})
	return s.state(kept)
}

func (s *states) state(is set) int32 {
	key := make([]byte, 0, len(is.pcs)*2+1)
	for _, pc := range is.pcs {
		key = binary.AppendUvarint(key, uint64(pc))
	}
	key = append(key, is.context)
	if n, known := s.index[string(key)]; known {
		return n
	}
	n := int32(len(s.sets))
	s.index[string(key)] = n
	s.sets = append(s.sets, is)
	for range s.width {
		s.next = append(s.next, unknown)
	}
	return n
}

// step is where a character of a class leads, or the end of the text, which is one class more.
func (s *states) step(at int32, class int) int32 {
	r := rune(-1)
	if class < len(s.of.like) {
		r = s.of.like[class]
	}
	from := s.sets[at]
	s.made++
	clear(s.seen)
	flags := syntax.EmptyOpContext(before(from.context), r)
	s.stack = append(append(s.stack[:0], from.pcs...), uint32(s.of.prog.Start))
	to := set{context: contextOf(r)}
	for len(s.stack) > 0 {
		pc := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		if s.seen[pc] {
			continue
		}
		s.seen[pc] = true
		in := &s.of.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			s.stack = append(s.stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			s.stack = append(s.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				s.stack = append(s.stack, in.Out)
			}
		case syntax.InstMatch:
			s.next[int(at)*s.width+class] = matches
			return matches
		case syntax.InstFail:
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if r >= 0 && in.MatchRune(r) {
				to.pcs = append(to.pcs, in.Out)
			}
		}
	}
	if r < 0 {
		s.next[int(at)*s.width+class] = nowhere
		return nowhere
	}
	slices.Sort(to.pcs)
	to.pcs = slices.Compact(to.pcs)
	n := s.state(to)
	s.next[int(at)*s.width+class] = n
	return n
}
