package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

func TestPatternMatch(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"prod/db", []string{"prod/db"}, []string{"prod", "prod/db/a", "prod/dbx", "Prod/db"}},
		{"*", []string{"a", "abc"}, []string{"a/b"}},
		{"**", []string{"a", "a/b", "a/b/c"}, nil},
		{"**/**", []string{"a", "a/b"}, nil},
		{"prod/**", []string{"prod", "prod/a", "prod/a/b"}, []string{"production", "prod-1/a", "a/prod", "pro"}},
		{"prod/**/**", []string{"prod", "prod/a", "prod/a/b"}, []string{"production"}},
		{"prod/*", []string{"prod/a"}, []string{"prod", "prod/a/b"}},
		{"**/key", []string{"key", "a/key", "a/b/key"}, []string{"a/keys", "key/a", "a-key"}},
		{"a/**/z", []string{"a/z", "a/b/z", "a/b/c/z", "a/z/z"}, []string{"a", "z", "a/b", "az"}},
		{"a/**/b/**/c", []string{"a/b/c", "a/x/b/y/c", "a/b/b/c/c"}, []string{"a/c", "a/c/b"}},
		{"a/**/*", []string{"a/b", "a/b/c"}, []string{"a"}},
		{"**/*/c", []string{"a/c", "a/b/c"}, []string{"c"}},
		{"db-*", []string{"db-1", "db-main"}, []string{"db", "db-1/a", "adb-1"}},
		{"db-*/x", []string{"db-/x", "db-1/x"}, []string{"db/x"}},
		{"*-key", []string{"a-key", "-key"}, []string{"key", "a/b-key"}},
		{"a*b*c", []string{"abc", "aXbYc", "abbbc", "abcbc"}, []string{"ab", "abcd", "a/b/c"}},
		{"*a*a*", []string{"aa", "baab"}, []string{"a", "ba"}},
	} {
		p, err := policy.Compile(c.pattern)
		if err != nil {
			t.Fatalf("%s: %v", c.pattern, err)
		}
		if p.String() != c.pattern {
			t.Errorf("%s: prints as %s", c.pattern, p)
		}
		for _, path := range c.yes {
			if !p.Match(path) {
				t.Errorf("%s does not match %s", c.pattern, path)
			}
		}
		for _, path := range append(c.no, "") {
			if p.Match(path) {
				t.Errorf("%s matches %q", c.pattern, path)
			}
		}
	}
}

func TestZeroPatternMatchesNothing(t *testing.T) {
	for _, path := range []string{"", "a", "a/b"} {
		if (policy.Pattern{}).Match(path) {
			t.Errorf("it matches %q", path)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                    "",
		"a leading slash":            "/a",
		"a trailing slash":           "a/",
		"an empty segment":           "a//b",
		"a lone slash":               "/",
		"two stars within a segment": "a**",
		"two stars before a name":    "**a/b",
		"three stars":                "***",
		"a question mark":            "a?",
		"a class":                    "[ab]",
		"an alternative":             "{a,b}",
		"a negation":                 "!a",
		"a backslash":                `a\*`,
		"a dot":                      "a.b",
		"two dots":                   "../*",
		"an escape":                  "%2e%2e",
		"a space":                    "a b",
		"a NUL":                      "a\x00",
		"a look-alike":               "\u0430/**",
		"bad UTF-8":                  "\xff",
		"17 stars":                   strings.Repeat("*/", 16) + "*",
		"513 bytes":                  strings.Repeat("a", 513),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Compile(s)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != fault.Invalid || e.Code != "invalid_pattern" {
				t.Fatalf("got %v", err)
			}
			if len(s) > 3 && strings.Contains(e.Error(), s) {
				t.Errorf("the input is echoed: %v", e)
			}
		})
	}
}

func TestCompileAcceptsTheLimits(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("*/", 15) + "*", strings.Repeat("a", 512), strings.Repeat("**/", 7) + "**",
	} {
		if _, err := policy.Compile(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p, err := policy.Compile("**/a*b/**/*c*/d")
	if err != nil {
		t.Fatal(err)
	}
	path := strings.Repeat("x/ab/", 40) + "ccc/d"
	if n := testing.AllocsPerRun(100, func() { p.Match(path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestHardPatternsEnd would not end if stars were tried in every combination.
func TestHardPatternsEnd(t *testing.T) {
	for _, c := range [][2]string{
		{strings.Repeat("a*", 16) + "b", strings.Repeat("a", 512)},
		{strings.Repeat("**/a/", 8) + "b", strings.Repeat("a/", 255) + "a"},
		{"**/" + strings.Repeat("*a", 14) + "b", strings.Repeat("aaaaaaaaaaaaaaa/", 31) + "aaaaaaaaaaaaaaa"},
		{"**/*a*a*a*a*a*a/**/*a*a*a*a*ab", strings.Repeat("aaaaaaaaaaaaaaa/", 31) + "aaaaaaaaaaaaaaa"},
	} {
		p, err := policy.Compile(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(c[1]) {
			t.Errorf("%s matches", c[0])
		}
	}
}

// FuzzPattern compares Compile and Match with a naive check and a naive
// recursive matcher.
func FuzzPattern(f *testing.F) {
	for _, c := range [][2]string{
		{"prod/**", "prod/a"}, {"a/**/b/**/c", "a/b/b/c"}, {"a*b*c", "abcbc"}, {"**/*/c", "a/b/c"},
		{"a**", "ab"}, {"*/**/*", "a/b"}, {"", ""}, {"/", "/"}, {"**/**/**", "a"}, {"a/**/**", "a"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := policy.Compile(pattern)
		if (err == nil) != naiveValid(pattern) {
			t.Fatalf("%q: %v", pattern, err)
		}
		if err != nil {
			return
		}
		// The naive matcher is exponential: keep its work bounded.
		if strings.Count(pattern, "*") > 8 || len(path) > 64 {
			return
		}
		if _, err := secretpath.Parse(path); err != nil {
			return
		}
		if got, want := p.Match(path), naiveMatch(pattern, path); got != want {
			t.Fatalf("%q on %q: got %v, want %v", pattern, path, got, want)
		}
	})
}

func BenchmarkMatchHard(b *testing.B) {
	p, err := policy.Compile("**/a*a*a*a/**/a*a*a*b/**/z")
	if err != nil {
		b.Fatal(err)
	}
	path := strings.Repeat("aaaaaaaaaaaaaaa/", 31) + "aaaaaaaaaaaaaaa"
	b.ReportAllocs()
	for b.Loop() {
		p.Match(path)
	}
}
