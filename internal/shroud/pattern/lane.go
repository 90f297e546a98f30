package pattern

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// lane reads a text in one direction and knows where matches end in it. Its states are what package regexp has in
// mind at a place, in the order of preference; they are made as texts need them.
type lane struct {
	prog  *syntax.Prog
	class [utf8.RuneSelf]uint8
	like  []rune
	fixed bool // matches begin where it begins, and the longest counts; else the first, and of it what regexp prefers

	width int
	sets  []ordered
	index map[string]int32
	next  []int32 // by state and class: the state after it, times 2, and 1 where a match ends before it
	made  int64   // steps
	read  int64   // bytes
	seen  []bool
	has   []bool // of what the next state has
}

// ordered are the instructions that may be where a match has come to.
type ordered struct {
	pcs     []uint32
	context byte
	found   bool // a match has ended: none begins any more
}

// over is the state in which nothing can come.
const over = 0

// newLane returns nil for an expression whose program has no classes.
func newLane(re *syntax.Regexp, fixed bool) *lane {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil
	}
	class, like, ok := classes(prog)
	if !ok {
		return nil
	}
	l := &lane{prog: prog, class: class, like: like, fixed: fixed, width: len(like) + 1, index: map[string]int32{}, seen: make([]bool, len(prog.Inst)), has: make([]bool, len(prog.Inst))}
	l.forget()
	return l
}

// forget forgets all states but that in which nothing can come.
func (l *lane) forget() {
	l.sets, l.next = append(l.sets[:0], ordered{}), l.next[:0]
	for range l.width {
		l.next = append(l.next, over)
	}
	clear(l.index)
}

func (l *lane) state(is ordered) int32 {
	if len(is.pcs) == 0 && (is.found || l.fixed) {
		return over
	}
	key := make([]byte, 0, len(is.pcs)*2+2)
	key = append(key, is.context)
	if is.found {
		key = append(key, 'f')
	} else {
		key = append(key, '-')
	}
	for _, pc := range is.pcs {
		key = binary.AppendUvarint(key, uint64(pc))
	}
	if n, known := l.index[string(key)]; known {
		return n
	}
	n := int32(len(l.sets))
	l.index[string(key)] = n
	l.sets = append(l.sets, is)
	for range l.width {
		l.next = append(l.next, unknown)
	}
	return n
}

// begin is the state at a place, after a character, or -1 at the beginning of the text.
func (l *lane) begin(after rune) int32 {
	is := ordered{context: atBegin}
	if after >= 0 {
		is.context = contextOf(after)
	}
	if l.fixed {
		is.pcs = []uint32{uint32(l.prog.Start)}
	}
	return l.state(is)
}

// step is where a character of a class leads, or the end of the text, which is one class more.
func (l *lane) step(at int32, class int) int32 {
	r := rune(-1)
	if class < len(l.like) {
		r = l.like[class]
	}
	from := l.sets[at]
	l.made++
	clear(l.seen)
	clear(l.has)
	w := walk{lane: l, r: r, flags: syntax.EmptyOpContext(before(from.context), r), to: ordered{context: contextOf(r), found: from.found}}
	for _, pc := range from.pcs {
		w.visit(pc)
	}
	if !l.fixed && !from.found {
		w.visit(uint32(l.prog.Start))
	}
	to, ends := int32(over), int32(0)
	if w.match {
		w.to.found, ends = true, 1
	}
	if r >= 0 {
		if l.fixed {
			w.to.found = false
			slices.Sort(w.to.pcs)
		}
		to = l.state(w.to)
	}
	l.next[int(at)*l.width+class] = to*2 + ends
	return to*2 + ends
}

// walk follows a program at one character without reading it.
type walk struct {
	*lane
	r     rune
	flags syntax.EmptyOp
	to    ordered
	match bool
	cut   bool // what comes after is preferred less than a match
}

func (w *walk) visit(pc uint32) {
	if w.cut || w.seen[pc] {
		return
	}
	w.seen[pc] = true
	switch in := &w.prog.Inst[pc]; in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		w.visit(in.Out)
		w.visit(in.Arg)
	case syntax.InstCapture, syntax.InstNop:
		w.visit(in.Out)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(in.Arg)&^w.flags == 0 {
			w.visit(in.Out)
		}
	case syntax.InstMatch:
		w.match, w.cut = true, !w.fixed
	case syntax.InstFail:
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		if w.r >= 0 && in.MatchRune(w.r) && !w.has[in.Out] {
			w.has[in.Out] = true
			w.to.pcs = append(w.to.pcs, in.Out)
		}
	}
}

// ahead is where the match ends that is first from a place on, or -1. It is not sure where that would cost more
// than it saves.
func (l *lane) ahead(text string, from int) (end int, sure bool) {
	last := rune(-1)
	if from > 0 {
		last, _ = utf8.DecodeLastRuneInString(text[:from])
	}
	end = -1
	at, i := l.begin(last), from
	defer func() { l.read += int64(i - from) }()
	for at != over {
		class, size := len(l.like), 0
		if i < len(text) {
			if class, size = l.classAt(text[i:], false); size == 0 {
				return 0, false
			}
		}
		to := l.next[int(at)*l.width+class]
		if to == unknown {
			if to, sure = l.stepped(&at, class, i-from); !sure {
				return 0, false
			}
		}
		if to&1 != 0 {
			end = i
		}
		if i == len(text) {
			break
		}
		at = to / 2
		i += size
	}
	return end, true
}

// back is where the longest match begins that ends at a place and begins at `from` or after it.
func (l *lane) back(text string, from, end int) (start int, sure bool) {
	next := rune(-1)
	if end < len(text) {
		next, _ = utf8.DecodeRuneInString(text[end:])
	}
	start = -1
	at, i := l.begin(next), end
	defer func() { l.read += int64(end - i) }()
	for at != over {
		class, size := len(l.like), 0
		if i > 0 {
			if class, size = l.classAt(text[:i], true); size == 0 {
				return 0, false
			}
		}
		to := l.next[int(at)*l.width+class]
		if to == unknown {
			if to, sure = l.stepped(&at, class, end-i); !sure {
				return 0, false
			}
		}
		if to&1 != 0 {
			start = i
		}
		if i <= from {
			break
		}
		at = to / 2
		i -= size
	}
	return start, true
}

// classAt is the class and the size of the character that a text begins with, or ends with. The size is 0 for one that
// has no class.
func (l *lane) classAt(text string, last bool) (class, size int) {
	c := text[0]
	if last {
		c = text[len(text)-1]
	}
	if c < utf8.RuneSelf {
		return int(l.class[c]), 1
	}
	var r rune
	if last {
		r, size = utf8.DecodeLastRuneInString(text)
	} else {
		r, size = utf8.DecodeRuneInString(text)
	}
	if r == longS || r == kelvin {
		return 0, 0
	}
	return len(l.like) - 1, size
}

// stepped makes a step that is not known, unless too many were made for what was read.
func (l *lane) stepped(at *int32, class, read int) (to int32, sure bool) {
	if l.made*perState > l.read+int64(read)+freeBytes {
		return 0, false
	}
	if len(l.sets) >= maxStates {
		kept := l.sets[*at]
		kept.pcs = slices.Clone(kept.pcs)
		l.forget()
		*at = l.state(kept)
	}
	return l.step(*at, class), true
}
