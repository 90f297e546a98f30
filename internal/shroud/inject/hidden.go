package inject

import (
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

const (
	// leastHidden is from how many hidden words on a stretch says something.
	leastHidden = 3
	// leastUnseen is the same of words that nobody sees, which have no good use.
	leastUnseen = 4
	// MostEncoded is up to how many words somebody encodes by hand. What is longer is a
	// file or a mail, and as harmless as those are.
	MostEncoded = 80
	// hiddenScore is what a text has for how it is hidden, whatever it says: above
	// Threshold, below Certain.
	hiddenScore = 0.8
)

// Hidden counts the words of a view that are hidden, up to each word: one number more
// than words, nil for none. In tools' answers and documents what programs encode counts
// as plain: they hold mails and files.
func Hidden(v *text.View, t linear.Text, marks text.Marks, from From) []int32 {
	if len(v.Via) == 0 {
		return nil
	}
	return counted(levels(v, t, marks), from)
}

func counted(levels []text.Mark, from From) []int32 { return sums(levels, least(levels, from)) }

// least is from which level on words count as hidden.
func least(levels []text.Mark, from From) text.Mark {
	encoded := 0
	for _, l := range levels {
		if l == text.Encoded {
			encoded++
		}
	}
	if from == Context || encoded > MostEncoded {
		return text.Veiled
	}
	return text.Encoded
}

// sums counts the words of a level at least, up to each word, or is nil.
func sums(levels []text.Mark, least text.Mark) []int32 {
	n := make([]int32, len(levels)+1)
	for i, l := range levels {
		n[i+1] = n[i]
		if l >= least {
			n[i+1]++
		}
	}
	if n[len(levels)] < leastHidden {
		return nil
	}
	return n
}

// levels are how the words of a view stand in the original, each by most of its letters.
// A word after an escaped space is encoded: %20 is how URLs write sentences.
func levels(v *text.View, t linear.Text, marks text.Marks) []text.Mark {
	of := marks.Of(v)
	all := make([]text.Mark, t.Len())
	before := 0 // where the last word ended
	for i := range all {
		_, start, end := t.Word(i)
		var count [text.Unseen + 1]int
		for _, m := range of[start:end] {
			count[m]++
		}
		more := 0
		for level := text.Unseen; level > text.Plain; level-- {
			if more += count[level]; 2*more > end-start {
				all[i] = level
				break
			}
		}
		if all[i] == text.Plain && slices.Contains(of[before:start], text.Encoded) {
			all[i] = text.Encoded
		}
		before = end
	}
	return all
}

// among says whether something of a stretch is of a level at least.
func among(marks []text.Mark, at text.Span, least text.Mark) bool {
	return slices.ContainsFunc(marks[max(0, at.Start-1):at.End], func(m text.Mark) bool { return m >= least })
}

// unseen is a stretch of words most of which nobody sees, or an empty one.
func unseen(t linear.Text, levels []text.Mark) (start, end int) {
	n := sums(levels, text.Unseen)
	for i := 0; n != nil && i < len(levels); i += linear.Step {
		to := min(i+linear.Size, len(levels))
		if many := int(n[to] - n[i]); many >= leastUnseen && 2*many >= to-i {
			_, start, _ = t.Word(i)
			_, _, end = t.Word(to - 1)
			return start, end
		}
	}
	return 0, 0
}
