package pattern

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestSpansAreThoseOfRegexp: in any text each expression matches where package regexp says, and nowhere else.
func TestSpansAreThoseOfRegexp(t *testing.T) {
	exprs := []string{
		`(?i)\bx\b`, `(?i)k+s?x`, `^x`, `(?m)^x$`, `x\z`, `\Ax`, `x(?:$|[^\w-])`, `(?is)x.{0,40}a\b`, `[^\n|]{2,5}x`, `x[^k]x`, `(?i)x[^k]x`, `a?x{2,3}b*\B`,
		`x(?:a|ab)(?:c|bcd)\d*$`, `x(?:a|ab)(?:c|bcd)?`, `(?:ab|a)(?:bc)?`, `x.*b|x`, `x.*?b`, `(?:x|xa|xab)+?`, `(x+x+)+a`, `a{2,}?`, `(?:a|b|ab|ba){1,3}x?`, `\s{0,4}x\s{1,3}a`, `.x.`, `(?s).x.`, `(a|b)*x(a|b)*k`,
		`(?:\.\.[/\\]){2,}`, `(?i)\b(?:k|s)+\b`, `\Bx\B`, `(?m)x$`, `(?m:^)(?:x|a)+`,
	}
	letters := []string{"x", "x", "a", "b", "c", "d", "k", "K", "s", "é", "🦀", "\xff", "\n", " ", "|", "-", "_", "7", "../", "..\\"}
	r := rand.New(rand.NewPCG(11, 9))
	for _, expr := range exprs {
		s, re, hits := newSpans(expr), regexp.MustCompile(expr), 0
		if s == nil {
			t.Errorf("%s has no lanes", expr)
			continue
		}
		for range 3000 {
			var b strings.Builder
			some := letters[:2+r.IntN(len(letters)-2)]
			for range r.IntN(40) {
				b.WriteString(some[r.IntN(len(some))])
			}
			got, sure := s.all(b.String())
			want := stretches(re, b.String())
			if !sure && strings.Contains(expr, "40") {
				continue // it has too many states for so little text
			}
			if !sure || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s in %q: %v (%v), want %v", expr, b.String(), got, sure, want)
			}
			hits += len(want)
		}
		if hits == 0 {
			t.Errorf("%s is never found", expr)
		}
	}
	for _, expr := range []string{`a*`, `\b`, `x|^`, `x\p{L}`} {
		if newSpans(expr) != nil {
			t.Errorf("%s has lanes", expr)
		}
	}
}

// FuzzSpans compares any expression in any text.
func FuzzSpans(f *testing.F) {
	f.Add(`(?i)(?:k|ab?)+x`, "KABx abx")
	f.Add(`(?m)^x.*$`, "x\nxy\n")
	f.Fuzz(func(t *testing.T, expr, text string) {
		if _, err := Foreign("x", expr); err != nil {
			return
		}
		s := newSpans(expr)
		if s == nil {
			return
		}
		got, sure := s.all(text)
		if want := stretches(regexp.MustCompile(expr), text); sure && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s in %q: %v, want %v", expr, text, got, want)
		}
	})
}

func stretches(re *regexp.Regexp, text string) (out []stretch) {
	for _, m := range re.FindAllStringIndex(text, -1) {
		out = append(out, stretch{m[0], m[1]})
	}
	return out
}
