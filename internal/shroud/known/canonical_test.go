package known

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBothCanonsAreThoseOfEach: what is taken in together is what each takes in alone.
func TestBothCanonsAreThoseOfEach(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", "bc", "\n", "\r", " ", "  ", `\`, `\n`, `\"`, `\u00`, `\u0041`, `\ud83d\ude00`, "%", "%4", "%41", "%0a", "\t", "\\\n", "&", "&amp;", "&#3", "9;", "&#X0a;", "&lt"}
	var both, raw canon
	for range 20000 {
		var src []byte
		for range r.IntN(12) {
			src = append(src, pieces[r.IntN(len(pieces))]...)
		}
		last := r.IntN(2) == 0
		both.takeWith(&raw, src, all, last)
		one, other := canonical(src, all, last), canonical(src, "", last)
		if !slices.Equal(both.text, one.text) || !slices.Equal(both.runs, one.runs) || both.read != one.read {
			t.Fatalf("%q: %q, not %q", src, both.text, one.text)
		}
		if !both.escapes {
			continue
		}
		if !slices.Equal(raw.text, other.text) || raw.read != other.read {
			t.Fatalf("%q, %v: as it is %q, not %q", src, last, raw.text, other.text)
		}
		for at := range raw.text {
			if raw.start(at) != other.start(at) || raw.end(at+1) != other.end(at+1) {
				t.Fatalf("%q: %d is of %d to %d, not %d to %d", src, at, raw.start(at), raw.end(at+1), other.start(at), other.end(at+1))
			}
		}
	}
}
