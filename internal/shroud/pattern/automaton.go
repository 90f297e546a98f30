package pattern

import (
	"maps"
	"slices"
)

// automaton finds words of ASCII in any case in one pass (Aho and Corasick): a
// table of states, with a column for each byte that is in some word.
type automaton struct {
	column [256]uint8
	width  int
	next   []uint32 // at state*width + column: where the next state's columns begin, and whether words end in it
	ends   [][]end  // by state
}

// word is set in a place of next whose state ends words.
const word = 1 << 31

// end says that a word ends in a state.
type end struct {
	size int
	of   []int
}

func newAutomaton(words map[string][]int) *automaton {
	a := &automaton{width: 1} // column 0: in no word
	sorted := slices.Sorted(maps.Keys(words))
	for _, w := range sorted {
		for i := range len(w) {
			if a.column[w[i]] == 0 {
				a.column[w[i]] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.column[c] = a.column[c|0x20]
	}
	a.state()
	for _, w := range sorted {
		at := uint32(0)
		for i := range len(w) {
			cell := int(at)*a.width + int(a.column[w[i]])
			if a.next[cell] == 0 {
				a.next[cell] = a.state()
			}
			at = a.next[cell]
		}
		a.ends[at] = append(a.ends[at], end{len(w), words[w]})
	}
	a.link()
	for i, to := range a.next {
		a.next[i] = to * uint32(a.width)
		if len(a.ends[to]) > 0 {
			a.next[i] |= word
		}
	}
	return a
}

func (a *automaton) state() uint32 {
	a.next = append(a.next, make([]uint32, a.width)...)
	a.ends = append(a.ends, nil)
	return uint32(len(a.ends) - 1)
}

// link fills the table: where a word breaks off, the longest end of what was
// read that begins another one goes on.
func (a *automaton) link() {
	fail := make([]uint32, len(a.ends))
	queue := []uint32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for c := range a.width {
			cell := int(at)*a.width + c
			other := uint32(0) // where the same byte leads from the shorter end
			if at != 0 {
				other = a.next[int(fail[at])*a.width+c]
			}
			if to := a.next[cell]; to != 0 {
				fail[to] = other
				a.ends[to] = append(a.ends[to], a.ends[other]...)
				queue = append(queue, to)
			} else {
				a.next[cell] = other
			}
		}
	}
}

// find calls found for each word and each pattern that has it.
func (a *automaton) find(text string, found func(i, start, end int)) {
	at := uint32(0)
	for i := range len(text) {
		at = a.next[at+uint32(a.column[text[i]])]
		if at&word == 0 {
			continue
		}
		at &^= word
		for _, e := range a.ends[int(at)/a.width] {
			for _, p := range e.of {
				found(p, i+1-e.size, i+1)
			}
		}
	}
}

// Words are words of ASCII that are looked for in any case, whole or within others.
type Words struct{ of *automaton }

// NewWords makes a list of words, in lower case, ready to be looked for.
func NewWords(list []string) *Words {
	of := map[string][]int{}
	for i, w := range list {
		of[w] = append(of[w], i)
	}
	return &Words{newAutomaton(of)}
}

// Within says whether one of the words is in a text.
func (w *Words) Within(text string) bool {
	at := uint32(0)
	for i := range len(text) {
		if at = w.of.next[at+uint32(w.of.column[text[i]])]; at&word != 0 {
			return true
		}
	}
	return false
}
