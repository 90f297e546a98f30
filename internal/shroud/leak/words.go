package leak

import "slices"

// words finds which of many words stand where in a text, in small letters or capitals.
type words struct {
	fold  [256]byte
	heads [1 << headBits]uint16 // of the first three bytes; 0 for none
	lists [][]wordOf
}

const headBits = 13

// wordOf is a word, and the numbers of those that asked for it.
type wordOf struct {
	text string
	of   []int
}

// wordFrom is the size of the shortest word.
const wordFrom = 3

func newWords() *words {
	w := &words{lists: make([][]wordOf, 1)}
	for c := range w.fold {
		w.fold[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			w.fold[c] = byte(c) + 'a' - 'A'
		}
	}
	return w
}

func head(three uint32) uint32 { return three * 0x9E3779B1 >> (32 - headBits) }

func (w *words) add(text string, of int) {
	h := head(uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16)
	if w.heads[h] == 0 {
		w.heads[h] = uint16(len(w.lists))
		w.lists = append(w.lists, nil)
	}
	list := &w.lists[w.heads[h]]
	n := slices.IndexFunc(*list, func(x wordOf) bool { return x.text == text })
	if n < 0 {
		n = len(*list)
		*list = append(*list, wordOf{text: text})
	}
	(*list)[n].of = append((*list)[n].of, of)
}

// find calls a function for each word at each place.
func (w *words) find(s string, at func(int, []int)) {
	if len(s) < wordFrom {
		return
	}
	three := uint32(w.fold[s[0]])<<8 | uint32(w.fold[s[1]])<<16
	for n := 2; n < len(s); n++ {
		three = three>>8 | uint32(w.fold[s[n]])<<16
		list := w.heads[head(three)]
		if list == 0 {
			continue
		}
		for i := range w.lists[list] {
			if x := &w.lists[list][i]; w.is(s, n-2, x.text) {
				at(n-2, x.of)
			}
		}
	}
}

func (w *words) is(s string, from int, text string) bool {
	if len(s)-from < len(text) {
		return false
	}
	for n := range len(text) {
		if w.fold[s[from+n]] != text[n] {
			return false
		}
	}
	return true
}

// any says whether one of the words is in a text.
func (w *words) any(s string) (found bool) {
	w.find(s, func(int, []int) { found = true })
	return found
}
