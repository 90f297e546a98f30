package known_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

func cut(m known.Match) string { return "[" + m.Label + "]" }

// Of base64 every letter goes that holds a bit of the value, and the padding after it; all
// others stay, also in a stream that comes letter by letter.
func TestNoLetterOfBase64HoldsABitOfAValue(t *testing.T) {
	encodings := map[string]*base64.Encoding{"std": base64.StdEncoding, "raw": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding}
	for size := known.Shortest; size < 40; size++ {
		value := strings.Repeat("\xfbZ\xbe?q~", 7)[:size]
		set := known.New([]known.Value{{Label: "v", Value: secret.FromString(value)}})
		for name, e := range encodings {
			for at := range 16 {
				before, after := at/4, at%4
				coded := e.EncodeToString([]byte(strings.Repeat("\x01", before) + value + strings.Repeat("\xfe", after)))
				from, to := before*8/6, ((before+size)*8+5)/6
				if after == 0 {
					to = len(coded)
				}
				want := "is: " + coded[:from] + "[v]" + coded[to:] + " ok"
				src := "is: " + coded + " ok"
				if got := set.Redact(src, cut); got != want {
					t.Errorf("%d bytes, %s, between %d and %d: %q became %q, not %q", size, name, before, after, src, got, want)
				}
				stream, got := set.Stream(cut), ""
				for _, letter := range strings.Split(src, "") {
					got += stream.Write(letter)
				}
				if got += stream.Close(); got != want {
					t.Errorf("%d bytes, %s, between %d and %d, in a stream: %q became %q, not %q", size, name, before, after, src, got, want)
				}
			}
		}
	}
}

// What follows the base64 of a value at once is looked for all the same.
func TestAValueThatBeginsAtTheEndOfBase64(t *testing.T) {
	values := []string{"hunter2", "zebra-9"}
	set := known.New([]known.Value{{Label: "one", Value: secret.FromString(values[0])}, {Label: "two", Value: secret.FromString(values[1])}})
	both := base64.RawStdEncoding.EncodeToString([]byte(strings.Join(values, "")))
	core := base64.RawStdEncoding.EncodeToString([]byte(values[0]))[:9] // without the letter that is half of it
	for _, src := range []string{both, core + values[1], core + "A" + values[1], base64.StdEncoding.EncodeToString([]byte(values[0])) + values[1]} {
		for pieces := 1; pieces <= len(src); pieces++ {
			stream, got := set.Stream(cut), ""
			for i := range pieces {
				got += stream.Write(src[i*len(src)/pieces : (i+1)*len(src)/pieces])
			}
			if got += stream.Close(); got != "[one][two]" {
				t.Fatalf("%q in %d pieces became %q", src, pieces, got)
			}
		}
	}
}
