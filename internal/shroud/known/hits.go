package known

import (
	"cmp"
	"slices"
)

// hits are those of one scan: a list of each index in each reading of the text.
type hits struct {
	lists [8][]hit
	at    [8]int // what of each was passed
	used  int
	here  []hit
}

func (h *hits) clear() {
	for i := range h.lists {
		h.lists[i], h.at[i] = h.lists[i][:0], 0
	}
	h.used = 0
}

// list is the next list to be filled.
func (h *hits) list() *[]hit {
	h.used++
	return &h.lists[h.used-1]
}

// drop drops hits of the lists from one on.
func (h *hits) drop(from int, which func(hit) bool) {
	for i := from; i < h.used; i++ {
		h.lists[i] = slices.DeleteFunc(h.lists[i], which)
	}
}

// sort brings each list into the order of the source. Where a text repeats, and has the most hits, it is in it.
func (h *hits) sort() {
	order := func(a, b hit) int { return cmp.Compare(a.from, b.from) }
	for _, l := range h.lists[:h.used] {
		if !slices.IsSortedFunc(l, order) {
			slices.SortFunc(l, order)
		}
	}
}

// first is the place of the first hit at a place or after it, of those that were not passed.
func (h *hits) first(from int) (place int, ok bool) {
	for i, l := range h.lists[:h.used] {
		n := h.at[i]
		for n < len(l) && l[n].from < from {
			n++
		}
		if n < len(l) && (!ok || l[n].from < place) {
			place, ok = l[n].from, true
		}
	}
	return place, ok
}

// next are all hits of the first place at a place or after it, which are passed with all before.
func (h *hits) next(from int) []hit {
	for i, l := range h.lists[:h.used] {
		for h.at[i] < len(l) && l[h.at[i]].from < from {
			h.at[i]++
		}
	}
	place, ok := h.first(from)
	h.here = h.here[:0]
	for i, l := range h.lists[:h.used] {
		for ok && h.at[i] < len(l) && l[h.at[i]].from == place {
			h.here = append(h.here, l[h.at[i]])
			h.at[i]++
		}
	}
	return h.here
}
