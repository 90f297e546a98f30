package pattern

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// naive is what an automaton must find.
func naive(text string, words map[string][]int) (out []string) {
	low := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, text)
	for w, of := range words {
		for i := 0; i+len(w) <= len(low); i++ {
			if low[i:i+len(w)] == w {
				for _, p := range of {
					out = append(out, fmt.Sprint(p, i, i+len(w)))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestWordsAreFoundAsByNaiveSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := "abC$"
	some := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	for range 300 {
		words := map[string][]int{}
		for i := range 1 + random.IntN(12) {
			w := strings.ToLower(some(1 + random.IntN(5)))
			words[w] = append(words[w], i)
		}
		text := some(random.IntN(60)) + "\u00ff" + some(random.IntN(60))
		var got []string
		newAutomaton(words).find(text, func(p, start, end int) { got = append(got, fmt.Sprint(p, start, end)) })
		slices.Sort(got)
		if want := naive(text, words); !slices.Equal(got, want) {
			t.Fatalf("%v in %q: %v, want %v", words, text, got, want)
		}
	}
}

func TestMatchesNearWordsAreThoseOfTheWholeText(t *testing.T) {
	patterns := []Pattern{
		{Name: "key", Expr: `(?i)\bkey\s?=\s?(\w{4,8})\b`, Words: []string{"key"}, Before: 2, After: 14},
		{Name: "token", Expr: `t-[0-9a-f]{6}`, Words: []string{"t-"}, Before: 1, After: 8},
		{Name: "any", Expr: `\d{5}`},
	}
	set := New(patterns)
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"key=", "KEY = ", "abcd", "12345", " ", "\n", "t-", "0a1b2c", "x", "keykey=abcdef ", "t-t-012345"}
	for range 500 {
		var b strings.Builder
		for range random.IntN(30) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		var got, want []string
		set.Find(b.String(), func(i, start, end int) { got = append(got, fmt.Sprint(i, []int{start, end})) })
		for i, p := range patterns {
			for _, m := range regexp.MustCompile(p.Expr).FindAllStringIndex(b.String(), -1) {
				want = append(want, fmt.Sprint(i, m))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", b.String(), got, want)
		}
	}
}

func TestForeignExpressions(t *testing.T) {
	for expr, words := range map[string][]string{
		`drop\s+table`:               nil, // it may be as long as it likes
		`drop\s{1,9}table`:           {"table"},
		`(?i)drop table \w{1,9}`:     nil, // k and s have other forms, and so has none of these words
		`(?i)union all`:              {"union all"},
		`\d{3}-\d{4}`:                nil,
		`(foo|bar)baz`:               {"baz"},
		`(?:evil\.example){1,3}/x?y`: {"evil.example"},
	} {
		p, err := Foreign("x", expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		if expr == `(?i)drop table \w{1,9}` {
			continue
		}
		if !slices.Equal(p.Words, words) {
			t.Errorf("%s: words %v, want %v", expr, p.Words, words)
		}
	}
	for _, expr := range []string{"", "(", `a{1001}`, `(a{100}){100}`, strings.Repeat("a", 513), `\p{Nope}`, `(?=x)`} {
		if _, err := Foreign("x", expr); err == nil {
			t.Errorf("%s is taken", expr)
		}
	}
	p, _ := Foreign("x", `secret-[a-z]{3}`)
	found := 0
	New([]Pattern{p}).Find("a secret-abc b secret-abC secret-xyz", func(int, int, int) { found++ })
	if found != 2 {
		t.Errorf("found %d", found)
	}
}

func FuzzForeign(f *testing.F) {
	f.Add(`a(b|c){2,3}foo\d+`, "xabcfoo12 abbfoo1")
	f.Add(`(?i)K`, "k\u212a")
	f.Fuzz(func(t *testing.T, expr, text string) {
		p, err := Foreign("x", expr)
		if err != nil {
			return
		}
		var got []string
		New([]Pattern{p}).Find(text, func(_, start, end int) { got = append(got, fmt.Sprint(start)) })
		if want := regexp.MustCompile(expr).MatchString(text); !want && len(got) > 0 {
			t.Fatalf("%q finds %v in %q", expr, got, text)
		}
	})
}
