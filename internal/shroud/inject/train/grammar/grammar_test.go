package grammar_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/train/grammar"
)

func parts(t *testing.T) map[string]*grammar.Part {
	t.Helper()
	all := map[string]*grammar.Part{}
	for name, read := range map[string]func() (*grammar.Part, error){
		"direct": grammar.Direct, "indirect": grammar.Indirect, "harmless": grammar.Harmless,
	} {
		p, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = p
	}
	return all
}

// counter gives numbers that look like chance.
func counter() grammar.Chance {
	s := uint64(1)
	return func(n int) int {
		s = s*6364136223846793005 + 1442695040888963407
		return int(s>>33) % n
	}
}

func TestFamiliesMakeManyWholeTexts(t *testing.T) {
	for name, p := range parts(t) {
		chance := counter()
		for _, family := range p.Families() {
			different := map[string]bool{}
			for range 300 {
				s := p.Make(family, chance)
				if s == "" || s != strings.TrimSpace(s) || strings.Contains(s, "  ") {
					t.Fatalf("%s %s: %q", name, family, s)
				}
				different[s] = true
			}
			if len(different) < 150 {
				t.Errorf("%s %s: only %d of 300 texts differ", name, family, len(different))
			}
		}
	}
}

func TestTheSameNumbersMakeTheSameTexts(t *testing.T) {
	for name, p := range parts(t) {
		a, b := counter(), counter()
		for _, family := range p.Families() {
			if x, y := p.Make(family, a), p.Make(family, b); x != y {
				t.Errorf("%s %s: %q and %q", name, family, x, y)
			}
		}
	}
}

func TestRules(t *testing.T) {
	p, err := grammar.Parse("# a comment\n@a = one {b} \\(two\\)[]\n| one {b}\\nthree\n\nb = (x|x) ,")
	if err != nil {
		t.Fatal(err)
	}
	chance := counter()
	for range 50 {
		if s := p.Make("@a", chance); s != "one x, (two)" && s != "one x,\nthree" {
			t.Fatalf("%q", s)
		}
	}
}

func TestBrokenRules(t *testing.T) {
	for name, rules := range map[string]string{
		"no rule": "hello", "a bar first": "| a", "open bracket": "@a = (b", "closed only": "@a = b)", "crossed": "@a = (b]",
		"open name": "@a = {b", "missing": "@a = {b}", "unused": "@a = b\nc = d", "twice": "@a = b\n@a = c", "circle": "@a = {b}\nb = {b}", "end": "@a = b\\",
	} {
		if _, err := grammar.Parse(rules); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"@a = (b|[c]) {d}\nd = e", "@a = \\", "@a = ((((", "|", "@a = {b}\nb = {a}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := grammar.Parse(s)
		if err != nil {
			return
		}
		for _, family := range p.Families() {
			p.Make(family, func(n int) int {
				if n < 1 {
					t.Fatalf("a choice of %d", n)
				}
				return n - 1
			})
		}
	})
}
