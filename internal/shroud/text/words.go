package text

import (
	"slices"
	"strings"
)

const (
	wordGap   = 60  // bytes between words that belong together
	wordsFrom = 3   // words that make a stretch one of their language
	around    = 100 // bytes around them that are taken in too

	longestWord = 12
)

// turn is a way to write English that is told by its words.
type turn byte

const (
	straight turn = iota
	rot13
	reversed
)

// turned is what of a view reads as English when its letters are moved by 13,
// and what does from its end.
func turned(v *View, left int) (parts []*View, cut bool) {
	for _, found := range turns(v.Text) {
		if len(found.of) == 0 || slices.Contains(v.Via, found.via) {
			continue // what was turned is not turned back
		}
		b := builder{of: v}
		for _, at := range found.of {
			b.part(at.Start)
			found.write(&b, at)
		}
		if len(b.text) > left {
			cut = true
			continue
		}
		left -= len(b.text)
		parts = append(parts, b.view(found.via))
	}
	return parts, cut
}

func rotate(b *builder, at Span) {
	out := []byte(b.of.Text[at.Start:at.End])
	for i, c := range out {
		if low := c | 0x20; low >= 'a' && low <= 'z' {
			out[i] = c - low + 'a' + (low-'a'+13)%26
		}
	}
	// A letter stands for a letter, so that places stay exact.
	b.runs = append(b.runs, run{int32(len(b.text)), int32(at.Start), -1})
	b.text = append(b.text, out...)
}

func reverse(b *builder, at Span) {
	out := []rune(b.of.Text[at.Start:at.End])
	slices.Reverse(out)
	b.instead([]byte(string(out)), at.Start, at.End)
}

// stretches gathers the places where words of one kind are near each other.
type stretches struct {
	via   string
	write func(*builder, Span)
	of    []Span

	first, last, count int
}

func (f *stretches) word(s string, start, end int) {
	if f.count > 0 && start-f.last > wordGap {
		f.end(s)
	}
	if f.count == 0 {
		f.first = start
	}
	f.count++
	f.last = end
}

func (f *stretches) end(s string) {
	if f.count >= wordsFrom {
		start, end := boundary(s, max(0, f.first-around)), boundary(s, min(len(s), f.last+around))
		start += introduced(s[start:f.first])
		if n := len(f.of); n > 0 {
			start = max(start, f.of[n-1].End)
		}
		f.of = append(f.of, Span{start, end})
	}
	f.count = 0
}

// introduced is where what a colon announces begins, or 0: what announces it is no part of it.
func introduced(s string) int {
	if at := max(strings.LastIndex(s, ": "), strings.LastIndex(s, ":\n")); at >= 0 {
		return at + 2
	}
	return 0
}

func turns(s string) []stretches {
	found := []stretches{{via: "rot13", write: rotate}, {via: "reversed", write: reverse}}
	low := make([]byte, 0, longestWord)
	for i := 0; i < len(s); i++ {
		if !letter(s[i]) {
			continue
		}
		start := i
		for low = low[:0]; i < len(s) && letter(s[i]); i++ {
			if len(low) < longestWord {
				low = append(low, s[i]|0x20)
			}
		}
		if n := i - start; n < 2 || n > longestWord {
			continue
		}
		if way := turnOf(string(low)); way != straight {
			found[way-1].word(s, start, i)
		}
	}
	for i := range found {
		found[i].end(s)
	}
	return found
}

// boundary moves a place back to where a character begins.
func boundary(s string, at int) int {
	for at > 0 && at < len(s) && s[at]&0xC0 == 0x80 {
		at--
	}
	return at
}

// turnOf knows the commonest English words, and those of attacks, moved by 13, and
// from their end. Where that is an English word too ("or" is "be"), it says nothing.
func turnOf(w string) turn {
	switch w {
	case "gur", "naq", "bs", "gb", "vf", "va", "lbh", "lbhe", "nyy", "abg", "sbe", "ner", "jung", "guvf", "jvgu", "gung", "zl", "jvyy",
		"sebz", "lrf", "ab", "qb", "ubj", "pna", "jr", "zr", "cyrnfr", "abj", "bayl", "cerivbhf", "cevbe", "nobir", "vtaber", "qvfertneq",
		"sbetrg", "erirny", "cevag", "fnl", "frperg", "cnffjbeq", "xrl", "vafgehpgvba", "vafgehpgvbaf", "flfgrz", "cebzcg", "ehyrf", "bhgchg",
		"grkg", "erfcbaq", "nafjre", "eha", "phey", "onfu", "fubhyq", "jbhyq", "juvpu", "jura", "gurer", "unir", "gryy",
		"olcnff", "vzcbeg", "cergraq", "erfgevpgvbaf", "jvgubhg", "erzrzore", "uryc", "ynfg", "npg", "qrirybcre", "zbqr", "nffvfgnag", "haerfgevpgrq", "pbairefngvba", "orpnhfr", "nobhg":
		return rot13
	case "eht", "dna", "fo", "ot", "uoy", "ruoy", "lla", "rof", "tahw", "siht", "htiw", "lliw", "morf", "woh", "esaelp", "won",
		"ylno", "suoiverp", "roirp", "evoba", "erongi", "dragersid", "tegrof", "laever", "tnirp", "yas", "terces", "drowssap", "yek",
		"noitcurtsni", "snoitcurtsni", "metsys", "tpmorp", "selur", "tuptuo", "txet", "dnopser", "rewsna", "nur", "lruc", "hsab", "dluohs",
		"dluow", "hcihw", "nehw", "ereht", "evah", "llet",
		"ssapyb", "tropmi", "dneterp", "snoitcirtser", "tuohtiw", "rebmemer", "pleh", "tsal", "tca", "repoleved", "edom", "tnatsissa", "detcirtsernu", "noitasrevnoc", "esuaceb", "tuoba":
		return reversed
	}
	return straight
}
