// Package oneline says whether a text looks like what it is: a line in which every character is seen.
//
// Its promise: what passes has no control character, nothing that turns the direction of text, nothing that can't be seen, and no
// letter under a heap of marks; so two names that differ look different, but for letters of other scripts that look alike.
package oneline

import (
	"unicode"
	"unicode/utf8"
)

// Plain reports whether a text is such a line. A joiner counts as seen where it joins: within emoji, and within words of scripts that
// are written with it.
func Plain(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	last, marks := rune(0), 0
	for _, r := range text {
		if unseen(r) && !joins(last, r) {
			return false
		}
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > mostMarks {
			return false
		}
		last = r
	}
	return !joiner(last)
}

// mostMarks is how many marks a letter may carry: more hide the lines above and below.
const mostMarks = 4

// unseen reports whether nothing is shown for a character, though Unicode may count it as graphic.
func unseen(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u2800'
}

func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

const emojiStyle = '\ufe0f'

func joins(last, r rune) bool {
	switch {
	case r == emojiStyle:
		return unicode.In(last, unicode.So, unicode.Sm) || last >= '0' && last <= '9' || last == '#' || last == '*'
	case r == '\u200d' && (unicode.In(last, unicode.So, unicode.Sk) || last == emojiStyle):
		return true
	case joiner(r):
		return unicode.In(last, unicode.Arabic, unicode.Syriac, unicode.Bengali, unicode.Devanagari, unicode.Gujarati, unicode.Gurmukhi, unicode.Kannada,
			unicode.Khmer, unicode.Malayalam, unicode.Mongolian, unicode.Oriya, unicode.Sinhala, unicode.Tamil, unicode.Telugu)
	}
	return false
}
