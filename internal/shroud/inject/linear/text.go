package linear

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// Text is a text as the model reads it: small letters, one space between words,
// digits within words read as the letters that they stand for, numbers as one.
type Text struct {
	bytes []byte
	words []word
}

// word is a word of the text: its place in the bytes, and in what was read.
type word struct {
	at, to, start, end int32
}

// longest is where a run of letters is cut: what has no spaces gets windows too.
const longest = 32

// ending closes the bytes, so that five of them can be read from any place before it.
const ending = "\n\x00\x00\x00\x00"

// Read reads a text. Bytes that aren't UTF-8 are read as they are.
func Read(s string) Text {
	t := Text{bytes: make([]byte, 0, len(s)+8), words: make([]word, 0, len(s)/5+1)}
	gap := byte(' ') // no word before it, so that a beginning is told from a middle
	t.bytes = append(t.bytes, '\n')
	in, letters, digits := false, false, false
	finish := func(end int) {
		if in {
			t.close(end, letters, digits)
			in, letters, digits = false, false, false
		}
	}
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		switch k := kindOf(r); k {
		case space:
			finish(i)
			if r == '\n' {
				gap = '\n'
			} else if gap == 0 {
				gap = ' '
			}
		case other:
			finish(i)
			t.separate(gap)
			gap = 0
			t.sign(s[i : i+n])
		default:
			if in && (k == alone || i-int(t.words[len(t.words)-1].start) >= longest) {
				finish(i)
				gap = 0
			}
			if !in {
				t.separate(gap)
				gap = 0
				if len(t.words) == cap(t.words) {
					t.words = slices.Grow(t.words, len(t.words)+1) // append alone copies many words five times
				}
				t.words = append(t.words, word{at: int32(len(t.bytes)), start: int32(i)})
				in = true
			}
			if k == digit {
				digits = true
			} else {
				letters = true
			}
			if r < utf8.RuneSelf {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				t.bytes = append(t.bytes, byte(r))
			} else {
				t.bytes = utf8.AppendRune(t.bytes, unicode.ToLower(r))
			}
			if k == alone {
				finish(i + n)
			}
		}
		i += n
	}
	finish(len(s))
	t.bytes = append(t.bytes, ending...)
	return t
}

type kind byte

const (
	other  kind = iota
	letter      // of words
	digit
	alone // a letter that is a word: Chinese and Japanese have no spaces
	space
)

func kindOf(r rune) kind {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			return letter
		case '0' <= r && r <= '9':
			return digit
		case r == ' ' || '\t' <= r && r <= '\r':
			return space
		}
		return other
	case r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return alone
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return letter
	case unicode.IsDigit(r):
		return digit
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// separate writes what is between two words, if there's anything.
func (t *Text) separate(gap byte) {
	if gap != 0 && len(t.bytes) > 0 && t.bytes[len(t.bytes)-1] != gap {
		t.bytes = append(t.bytes, gap)
	}
}

// sign writes a sign, a run of one sign as two.
func (t *Text) sign(s string) {
	n := len(t.bytes)
	if len(s) == 1 && n >= 2 && t.bytes[n-1] == s[0] && t.bytes[n-2] == s[0] {
		return
	}
	t.bytes = append(t.bytes, s...)
}

// meant is the letter that a digit stands for within a word.
const meant = "oizeasgtbg"

// close ends the last word.
func (t *Text) close(end int, letters, digits bool) {
	w := &t.words[len(t.words)-1]
	if digits && !letters {
		t.bytes = append(t.bytes[:w.at], '0')
	}
	w.end, w.to = int32(end), int32(len(t.bytes))
	if !digits || !letters {
		return
	}
	for i, c := range t.bytes[w.at:] {
		if '0' <= c && c <= '9' {
			t.bytes[int(w.at)+i] = meant[c-'0']
		}
	}
}
