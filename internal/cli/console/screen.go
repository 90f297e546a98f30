package console

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// look is the parameters of the escape sequence that switches a colour on.
type look string

// The looks that the output has; plain writes no escape sequence.
const (
	plain   look = ""
	green   look = "32"
	cyan    look = "36"
	heading look = "1;36" // bold and cyan
)

// paint puts s in a look, and the terminal back to its own after it.
func (l look) paint(s string) string {
	if l == plain {
		return s
	}
	return "\x1b[" + string(l) + "m" + s + "\x1b[m"
}

// gap is the spaces between columns.
const gap = 2

// columns lays a table out in columns that are as wide as their widest cell. Every
// row has as many cells as the header. No line ends in spaces.
func columns(header []string, rows [][]string, head look) []string {
	widths := make([]int, len(header))
	for _, r := range append([][]string{header}, rows...) {
		for i, cell := range r {
			widths[i] = max(widths[i], screenWidth(cell))
		}
	}
	line := func(cells []string, l look) string {
		var b strings.Builder
		for i, cell := range cells {
			b.WriteString(l.paint(cell))
			b.WriteString(strings.Repeat(" ", widths[i]-screenWidth(cell)+gap))
		}
		return strings.TrimRight(b.String(), " ")
	}
	out := []string{line(header, head)}
	for _, r := range rows {
		out = append(out, line(r, plain))
	}
	return out
}

// Ranges of characters that are drawn into the one before them, beside marks.
const (
	firstJoinedJamo, lastJoinedJamo = '\u1160', '\u11ff' // vowels and ends of a Korean syllable
	firstSkinTone, lastSkinTone     = '\U0001f3fb', '\U0001f3ff'
	emojiPresentation               = '\ufe0f' // makes the character before it an emoji, two cells wide
)

// screenWidth is how many cells of a terminal a text takes that clean has passed:
// East Asian characters and emojis take two, combining marks none.
func screenWidth(s string) int {
	total, last := 0, 0
	for _, r := range s {
		w := 1
		switch kind := width.LookupRune(r).Kind(); {
		case r == emojiPresentation:
			w = last & 1 // what is missing to two cells
		case unicode.Is(unicode.M, r), r >= firstJoinedJamo && r <= lastJoinedJamo:
			w = 0
		case r >= firstSkinTone && r <= lastSkinTone && last > 0:
			w = 0
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			w = 2
		}
		total += w
		if w > 0 {
			last = w
		}
	}
	return total
}
