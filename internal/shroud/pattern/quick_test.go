package pattern_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/pattern"
)

// Whatever is passed over quickly, an expression is found where package regexp finds it.
func TestNothingIsPassedOver(t *testing.T) {
	const word = "x"
	exprs := []string{
		`(?i)\bx\b`, `(?i)k+s?x`, `^x`, `(?m)^x$`, `x\z`, `\Ax`, `x(?:$|[^\w-])`, `(?is)x.{0,40}a\b`, `[^\n|]{2,5}x`, `x[^k]x`, `(?i)x[^k]x`, `a?x{2,3}b*\B`,
		`x(?:a|ab)(?:c|bcd)\d*$`, `\s{0,4}x\s{1,3}a`, `x\x60|\(x`, `(?i)[;&|]\s{0,4}(?:ax|bx\b|k\s{1,4}-x)`, `.x.`, `(?s).x.`, `x\p{L}`, `(a|b)*x(a|b)*k`,
	}
	letters := []string{"x", "x", "a", "b", "c", "d", "k", "K", "s", "\u212a", "\u017f", "é", "🦀", "\xff", "\n", " ", "  ", "|", ";", "-", "`", "(", "_", "7"}
	r := rand.New(rand.NewPCG(11, 9))
	for _, expr := range exprs {
		set := pattern.New([]pattern.Pattern{{Name: "p", Expr: expr, Words: []string{word}, Before: 4000, After: 4000}})
		re, hits := regexp.MustCompile(expr), 0
		for range 3000 {
			var b strings.Builder
			for range r.IntN(40) {
				b.WriteString(letters[r.IntN(len(letters))])
			}
			text, n := b.String(), 0
			set.Find(text, func(int, int, int) { n++ })
			want := 0
			if strings.Contains(text, word) {
				want = len(re.FindAllStringIndex(text, -1))
			}
			if n != want {
				t.Fatalf("%s in %q: %d times, want %d", expr, text, n, want)
			}
			hits += n
		}
		if hits == 0 {
			t.Errorf("%s is never found", expr)
		}
	}
}
