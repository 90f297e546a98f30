package inject

import (
	_ "embed" // the lexicon
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
)

//go:embed lexicon.txt
var lexiconText string

// Lexicon knows the words that attacks need, in other languages.
type Lexicon struct {
	all, english *dictionary        // of all languages, and of English alone
	tongues      map[string]tongues // those that have a word, or a stem with its hyphen
	names        []string           // of languages, by bit
	small        map[string]bool
}

// longestRun is how many signs of a script without spaces a word may have.
const longestRun = 6

// NewLexicon reads the lexicon that is built in.
func NewLexicon() (*Lexicon, error) {
	l := &Lexicon{
		all:     &dictionary{words: map[string]string{}, stems: map[string]string{}},
		english: &dictionary{words: map[string]string{}, stems: map[string]string{}},
		small:   map[string]bool{}, tongues: map[string]tongues{},
	}
	for w := range strings.FieldsSeq(small) {
		l.small[w] = true
	}
	language := ""
	for i, line := range strings.Split(lexiconText, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			language = strings.Trim(line, "[]")
			l.names = append(l.names, language)
			continue
		}
		concept, list, found := strings.Cut(line, ": ")
		if !found {
			return nil, fmt.Errorf("line %d of the lexicon has no words", i+1)
		}
		for w := range strings.FieldsSeq(strings.ToLower(list)) {
			stem, isStem := strings.CutSuffix(w, "-")
			if language == "en" {
				l.english.add(stem, concept, isStem)
			}
			l.all.add(stem, concept, isStem)
			l.tongues[w] |= 1 << (len(l.names) - 1)
		}
	}
	return l, nil
}

// dictionary leads from words, and from what words begin with, to the concept, an English word.
type dictionary struct {
	words, stems       map[string]string
	hasWords, hasStems lengths
}

// add adds a word. The first language that has it decides what it means.
func (d *dictionary) add(w, concept string, stem bool) {
	words, has := d.words, &d.hasWords
	if stem {
		words, has = d.stems, &d.hasStems
	}
	if _, taken := words[w]; !taken {
		words[w] = concept
		*has.of([]byte(w)) |= bit(len(w))
	}
}

// lengths are those of words by what they begin with, in bits: most words of a text are in no dictionary,
// and need not be looked up to know.
type lengths [1 << 12]uint64

func (l *lengths) of(w []byte) *uint64 {
	h := uint32(w[0])
	if len(w) > 1 {
		h |= uint32(w[1]) << 8
	}
	return &l[(h*0x9E3779B1)>>20]
}

// bit is that of a length; the longest share one.
func bit(length int) uint64 { return 1 << min(length, 63) }

// Glossed is a text with each word replaced by its concept, or by an x.
type Glossed struct {
	Text     string
	Concepts int // how many different ones it has
	places   []place
	tongues  []tongues // of places
}

// place says which bytes of the text a word of the gloss stands for.
type place struct{ at, start, end int }

// English is the gloss of an English text, which training uses.
func (l *Lexicon) English(t linear.Text) Glossed { return l.gloss(t, l.english) }

// Any is the gloss of a text in any language.
func (l *Lexicon) Any(t linear.Text) Glossed { return l.gloss(t, l.all) }

func (l *Lexicon) gloss(t linear.Text, d *dictionary) Glossed {
	var b strings.Builder
	g := Glossed{}
	seen := map[string]bool{}
	unknown := 0
	for i := 0; i < t.Len(); {
		concept, word, count := d.meaning(t, i)
		_, start, _ := t.Word(i)
		_, _, end := t.Word(i + count - 1)
		i += count
		if concept == "" {
			// A long stretch without a concept is not longer than a short one.
			if unknown++; unknown > 3 {
				continue
			}
			concept = "x"
		} else {
			unknown = 0
			seen[concept] = true
		}
		g.places = append(g.places, place{b.Len(), start, end})
		g.tongues = append(g.tongues, l.tongues[word])
		b.WriteString(concept)
		b.WriteByte(' ')
	}
	g.Text, g.Concepts = b.String(), len(seen)
	return g
}

// meaning is the concept of the words from i on, as what they are in the lexicon, and how many words that are.
func (d *dictionary) meaning(t linear.Text, i int) (concept, word string, count int) {
	for n := longestRun; n > 0; n-- {
		run, count := t.Run(i, n)
		if count < n {
			n = count
		}
		if *d.hasWords.of(run)&bit(len(run)) == 0 {
			continue
		}
		if c, known := d.words[string(run)]; known {
			return c, string(run), n
		}
	}
	w, _, _ := t.Word(i)
	has := *d.hasStems.of(w)
	for n := min(len(w), 40); n > 1; n-- {
		if has&bit(n) == 0 {
			continue
		}
		if c, known := d.stems[string(w[:n])]; known {
			return c, string(w[:n]) + "-", 1
		}
	}
	return "", "", 1
}

// origin leads from a window of the gloss back to the text.
func (g Glossed) origin(start, end int) (int, int) {
	first, last := -1, -1
	for i, p := range g.places {
		if p.at < end {
			last = i
		}
		if p.at <= start {
			first = i
		}
	}
	if first < 0 {
		return 0, 0
	}
	return g.places[first].start, g.places[last].end
}

// small are the words that English can't do without. What has few of them is
// another language, or no language.
const small = "the of and to is a in that it for you your with this on are be not have as was what how i or an do can if my from me at by all"

// IsEnglish says whether a text is English as far as its small words tell.
func (l *Lexicon) IsEnglish(t linear.Text) bool {
	const enough = 12 // per cent
	n := 0
	for i := range t.Len() {
		if w, _, _ := t.Word(i); l.small[string(w)] {
			n++
		}
	}
	return n*100 >= enough*t.Len()
}
