package known

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// letters are words of few letters, so that values begin within each other, repeat and overlap with themselves.
func letters(r *rand.Rand, alphabet []string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// overlapping are values of which many begin as others do, end as others begin, lie in others or repeat.
func overlapping(r *rand.Rand) (values []string) {
	alphabets := [][]string{{"a"}, {"a", "b"}, {"a", "bc", "d"}, {"%", "4", "1", "a"}, {`\`, "n", `"`, "u0061", "z"}, {"fe", "ed", "1", "0"}, {"é", "<", "&", "/", "+"}}
	alphabet := alphabets[r.IntN(len(alphabets))]
	for range 1 + r.IntN(8) {
		v := letters(r, alphabet, Shortest+r.IntN([]int{4, 30, 400}[r.IntN(3)]))
		if len(values) > 0 {
			other := values[r.IntN(len(values))]
			switch r.IntN(6) {
			case 0: // it begins as another
				v = other + v
			case 1: // it begins in another
				v = other[r.IntN(len(other)):] + v
			case 2: // it ends as another begins
				v += other[:r.IntN(len(other))]
			case 3: // it lies in another
				v = other[r.IntN(len(other)):]
			case 4: // it overlaps with itself
				v = strings.Repeat(v[:min(len(v), 1+r.IntN(9))], 2+r.IntN(40))
			}
		}
		if v = strings.ToValidUTF8(strings.TrimSpace(v), ""); len(v) >= Shortest {
			values = append(values, v)
		}
	}
	return values
}

// written are the ways in which a value stands in a text by itself.
func written(v string) []string {
	coded := hex.EncodeToString([]byte(v))
	return []string{v, quoted(v), quoted(quoted(v)), url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v), coded, strings.ToUpper(coded),
		strings.Join(chunks(coded, 2), ":"), base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)), each(v, "%%%02x"), each(v, `\x%02x`)}
}

// laid is a text in which writings lie over each other where one ends as the next begins.
func laid(r *rand.Rand, values []string) string {
	out := ""
	for range 1 + r.IntN(8) {
		ways := written(values[r.IntN(len(values))])
		next := ways[min(r.IntN(2*len(ways)), len(ways)-1)]
		if r.IntN(2) == 0 {
			next = ways[0]
		}
		over := 0
		if r.IntN(3) > 0 {
			for n := min(len(out), len(next)) - 1; n > 0 && over == 0; n-- {
				if strings.HasSuffix(out, next[:n]) && r.IntN(3) > 0 {
					over = n
				}
			}
		}
		if strings.HasSuffix(out, `\`) && over == 0 {
			out += " " // else what follows is another escape, or none
		}
		out += next[over:] + []string{"", "", "", " ", "\n", "-", ".", "%"}[r.IntN(8)]
	}
	return out
}

// uncovered is the first place of a value, as it is written in clear or escaped, of which a byte is in no match.
func uncovered(src string, values []string, found []Match) string {
	bare := make([]int, len(src)+1) // bytes in no match before a place
	at := 0
	for i := range len(src) {
		for at < len(found) && found[at].End <= i {
			at++
		}
		bare[i+1] = bare[i]
		if at == len(found) || i < found[at].Start {
			bare[i+1]++
		}
	}
	for _, v := range values {
		for how, w := range written(v) {
			for from := 0; ; from++ {
				i := strings.Index(src[from:], w)
				if i < 0 {
					break
				}
				from += i
				if how > 0 && from > 0 && strings.IndexByte(`%\`, src[from-1]) >= 0 {
					continue // it is no such writing: what it begins in is another escape
				}
				if bare[from] != bare[from+len(w)] {
					return fmt.Sprintf("%q (writing %d of %q) at %d", w, how, v, from)
				}
			}
		}
	}
	return ""
}

// TestOfValuesThatOverlapEveryByteIsCovered, in the clear and in each escape, whole and in any pieces.
func TestOfValuesThatOverlapEveryByteIsCovered(t *testing.T) {
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 5))
		values := overlapping(r)
		if len(values) == 0 {
			continue
		}
		var list []Value
		for i, v := range values {
			list = append(list, Value{fmt.Sprint(i), secret.FromString(v)})
		}
		set := New(list)
		for range 3 {
			src := laid(r, values)
			found := set.Find(src)
			for i, m := range found {
				if m.End <= m.Start || i > 0 && m.Start < found[i-1].End || m.Rest && (i == 0 || found[i-1].End != m.Start) {
					t.Fatalf("seed %d: %+v", seed, found)
				}
			}
			if what := uncovered(src, values, found); what != "" {
				t.Fatalf("seed %d: %s of %q is not covered by %+v", seed, what, src, found)
			}
			agrees(t, set, src, pieces(r, src))
		}
	}
}

// TestOverlapsAreTheSameInAnyPieces takes one text of overlaps to pieces in many ways.
func TestOverlapsAreTheSameInAnyPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	set := setOf(map[string]string{"one": "abcdefgh", "two": "efghijkl", "three": "ijklmnop", "all": "abcdefghijklmnopqrstuvwx", "rep": strings.Repeat("ab", 100), "odd": "bab" + strings.Repeat("ab", 20), "esc": `gh%41"x`})
	src := "abcdefghijklmnop abcdefghijklmnopqrstuvw " + strings.Repeat("ab", 260) + "cdefgh%2541%22x " + quoted(`abcdefgh%41"x`) + " abcdefghijklmnopqrstuvwxefghijkl"
	for range 200 {
		agrees(t, set, src, pieces(r, src))
	}
	agrees(t, set, src, strings.Split(src, ""))
}

// TestABreakAfterAValueIsTheSameInAnyPieces: of a value that ends as a break begins, what follows may be more of it.
func TestABreakAfterAValueIsTheSameInAnyPieces(t *testing.T) {
	set := setOf(map[string]string{"one": `\u0061z\n`, "two": `abcdef\`})
	for _, src := range []string{`\u0061z\n` + "\n", `\u0061z\n` + "  \n x", `abcdef\n` + "\n\n", `abcdef\` + "\n   x", `abcdef\u0061`} {
		agrees(t, set, src, strings.Split(src, ""))
	}
}

// TestALongTextOfOverlapsIsCovered: longer than what is looked at at once.
func TestALongTextOfOverlapsIsCovered(t *testing.T) {
	for _, values := range [][]string{{"aaaaaa"}, {strings.Repeat("a", 5000), strings.Repeat("a", 70)}, {strings.Repeat("ab", 40000)}, {"abcabd" + strings.Repeat("abc", 500), "cabcab"}} {
		var list []Value
		for i, v := range values {
			list = append(list, Value{fmt.Sprint(i), secret.FromString(v)})
		}
		set := New(list)
		src := "x" + strings.Repeat(values[0], 300_000/len(values[0])) + "y"
		found := set.Find(src)
		if what := uncovered(src, values, found); what != "" {
			t.Fatalf("%.80q: %.200s", values[0], what)
		}
		if got := set.Redact(src, func(Match) string { return "" }); got != "xy" {
			t.Errorf("%.80q leaves %.80q", values[0], got)
		}
	}
}

// TestValuesOfTwoSetsThatOverlapAreCovered: neither hides a part of the other, whichever begins first.
func TestValuesOfTwoSetsThatOverlapAreCovered(t *testing.T) {
	one, two := setOf(map[string]string{"one": "Bearer sk-proj-", "in": "d-efgh"}), setOf(map[string]string{"two": "sk-proj-abcd-efgh-ijkl"})
	src := "x Bearer sk-proj-abcd-efgh-ijkl and sk-proj-abcd-efgh-ijkl, Bearer sk-proj- " + base64.StdEncoding.EncodeToString([]byte("Bearer sk-proj-abcd-efgh-ijkl"))
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		stream, got := Together(label, one, two), ""
		for _, p := range pieces(r, src) {
			got += stream.Write(p)
		}
		got += stream.Close()
		if got != "x [REDACTED:one][REDACTED:two] and [REDACTED:two], [REDACTED:one] [REDACTED:one][REDACTED:two]" {
			t.Fatalf("%q", got)
		}
	}
}
