package leak

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// automaton is a pattern whose states are all known before it reads anything, so
// that each byte costs the same. It knows the ends of a text, but no edges of words.
type automaton struct {
	class  [256]uint8
	width  int
	next   []uint16 // by state and class; state 0 is the end
	accept []bool   // by state
	final  []bool   // by state, at the end of the text
	any    bool     // it begins anywhere
}

const (
	first      = 1 // state at the beginning of a text
	inside     = 2 // state anywhere else
	mostStates = 1 << 12
)

// compile makes the automaton of a pattern that begins where it is asked, or with anywhere also after it.
func compile(pattern string, anywhere bool) *automaton {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		panic(err)
	}
	a := &automaton{any: anywhere}
	letters := a.classes(prog)
	b := &building{prog: prog, of: map[string]uint16{}}
	b.state(nil)
	// These two may be the same set.
	b.states = append(b.states, b.closure([]uint32{uint32(prog.Start)}, syntax.EmptyBeginText|syntax.EmptyBeginLine), b.closure([]uint32{uint32(prog.Start)}, 0))
	for n := 0; n < len(b.states); n++ {
		here := b.states[n]
		a.accept = append(a.accept, b.matches(here))
		a.final = append(a.final, b.matches(b.closure(here, syntax.EmptyEndText|syntax.EmptyEndLine)))
		for _, r := range letters {
			var to []uint32
			for _, pc := range here {
				if in := &prog.Inst[pc]; in.Op != syntax.InstMatch && in.Op != syntax.InstEmptyWidth && in.MatchRune(r) {
					to = append(to, in.Out)
				}
			}
			if anywhere {
				to = append(to, uint32(prog.Start))
			}
			a.next = append(a.next, b.state(b.closure(to, 0)))
		}
	}
	return a
}

// classes puts bytes together that no part of a program tells apart, and returns
// one character of each. All that is not ASCII is one class.
func (a *automaton) classes(prog *syntax.Prog) (letters []rune) {
	parts := map[string]uint8{}
	for c := rune(0); c <= unicode.MaxASCII+1; c++ {
		r := c
		if r > unicode.MaxASCII {
			r = 'é'
		}
		var by []byte
		for i := range prog.Inst {
			switch in := &prog.Inst[i]; in.Op {
			case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
				if in.MatchRune(r) {
					by = append(by, byte(i), byte(i>>8))
				}
			default: // reads nothing
			}
		}
		n, ok := parts[string(by)]
		if !ok {
			n = uint8(len(letters))
			parts[string(by)] = n
			letters = append(letters, r)
		}
		a.class[c] = n
	}
	for c := int(unicode.MaxASCII) + 2; c < len(a.class); c++ {
		a.class[c] = a.class[unicode.MaxASCII+1]
	}
	a.width = len(letters)
	return letters
}

// building is an automaton that is not whole yet.
type building struct {
	prog   *syntax.Prog
	states [][]uint32
	of     map[string]uint16
}

// state is the number of a set of instructions.
func (b *building) state(pcs []uint32) uint16 {
	key := make([]byte, 0, 2*len(pcs))
	for _, pc := range pcs {
		key = append(key, byte(pc), byte(pc>>8))
	}
	n, ok := b.of[string(key)]
	if !ok {
		if len(b.states) == mostStates {
			panic("leak: a rule has too many states")
		}
		n = uint16(len(b.states))
		b.of[string(key)] = n
		b.states = append(b.states, pcs)
	}
	return n
}

// closure adds what follows without a character, where the text is so.
func (b *building) closure(pcs []uint32, at syntax.EmptyOp) []uint32 {
	seen := make([]bool, len(b.prog.Inst))
	var out []uint32
	todo := slices.Clone(pcs)
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &b.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			switch need := syntax.EmptyOp(in.Arg); {
			case need&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0:
				panic("leak: a rule asks for the edge of a word")
			case need&^at == 0:
				todo = append(todo, in.Out)
			case need&(syntax.EmptyBeginText|syntax.EmptyBeginLine) == 0:
				out = append(out, pc) // the end may come
			}
		case syntax.InstFail:
		default:
			out = append(out, pc)
		}
	}
	slices.Sort(out)
	return out
}

func (b *building) matches(pcs []uint32) bool {
	return slices.ContainsFunc(pcs, func(pc uint32) bool { return b.prog.Inst[pc].Op == syntax.InstMatch })
}

// longest returns where the longest match ends that begins at a place and may
// end there, or how much of it is looked at; -1 without one.
func (a *automaton) longest(s string, from, most int, ends *[256]mayEnd) int {
	end := -1
	state := uint16(first)
	for n := from; ; n++ {
		if a.accept[state] && fits(ends, s, n) {
			end = n
		}
		if n == len(s) || n-from == most {
			if n < len(s) && a.accept[state] {
				return n // as much as is looked at
			}
			return end
		}
		if state = a.next[int(state)*a.width+int(a.class[s[n]])]; state == 0 {
			return end
		}
	}
}

// in says whether the pattern is anywhere in a text.
func (a *automaton) in(s string) bool {
	state := uint16(first)
	if a.any {
		for n := range len(s) {
			if a.accept[state] {
				return true
			}
			state = a.next[int(state)*a.width+int(a.class[s[n]])]
		}
		return a.accept[state] || a.final[state]
	}
	for from := range len(s) + 1 {
		for n := from; ; n++ {
			if a.accept[state] || n == len(s) && a.final[state] {
				return true
			}
			if n == len(s) {
				break
			}
			if state = a.next[int(state)*a.width+int(a.class[s[n]])]; state == 0 {
				break
			}
		}
		state = inside
	}
	return false
}
