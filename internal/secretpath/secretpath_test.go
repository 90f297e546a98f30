package secretpath_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// refused are spellings that neither a path nor a prefix may have.
var refused = map[string]string{
	"one dot":                        "a/./b",
	"two dots":                       "../../etc/passwd",
	"two dots inside":                "a/../b",
	"a dot in a name":                "a/b.txt",
	"an empty segment":               "a//b",
	"a leading slash":                "/a",
	"a leading dash":                 "-a",
	"a leading underscore":           "_a",
	"an escaped slash":               "a%2Fb",
	"an escaped dot pair":            "%2e%2e/a",
	"a twice escaped slash":          "a%252Fb",
	"a NUL in the middle":            "a\x00b",
	"a NUL at the end":               "a\x00",
	"a newline":                      "a\nb",
	"a space":                        "a b",
	"a trailing space":               "a ",
	"a backslash":                    `a\b`,
	"a star":                         "a/*",
	"a colon":                        "a:b",
	"a question mark":                "a?b",
	"a Cyrillic look-alike":          "\u0430pi/key",
	"a full-width letter":            "\uff41pi",
	"a full-width slash":             "a\uff0fb",
	"a full-width digit":             "a\uff11",
	"an Arabic digit":                "a\u0661",
	"a Kelvin sign":                  "\u212aey",
	"a combining accent":             "cafe\u0301",
	"a zero-width joiner":            "a\u200db",
	"an over-long encoding of slash": "a\xc0\xafb",
	"bad UTF-8":                      "a\xffb",
	"513 bytes":                      strings.Repeat("a", 513),
	"10 KB":                          strings.Repeat("a/", 5119) + "ab",
}

func TestParseAccepts(t *testing.T) {
	for name, s := range map[string]string{
		"one letter":            "a",
		"one digit":             "7",
		"upper case":            "API/Key",
		"nested":                "api-keys/stripe_live/2024",
		"512 bytes":             strings.Repeat("a", 512),
		"256 segments":          strings.Repeat("a/", 255) + "a",
		"a segment of dashes":   "a/--/b",
		"a segment's odd edges": "a/-b_/c",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := secretpath.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != s || p.IsZero() {
				t.Errorf("got %q", p.String())
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	only := map[string]string{
		"nothing":               "",
		"a trailing slash":      "a/",
		"a trailing dash":       "a-",
		"a trailing underscore": "a/b_",
		"a lone slash":          "/",
	}
	for _, cases := range []map[string]string{refused, only} {
		for name, s := range cases {
			t.Run(name, func(t *testing.T) {
				p, err := secretpath.Parse(s)
				wantInvalid(t, s, err)
				if !p.IsZero() {
					t.Errorf("a refused path is not zero: %q", p)
				}
			})
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, s := range []string{"", "a", "a/", "a/b-", "a_", strings.Repeat("a", 512)} {
		if p, err := secretpath.ParsePrefix(s); err != nil || p.String() != s {
			t.Errorf("%q: got %q, %v", s, p, err)
		}
	}
	for name, s := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := secretpath.ParsePrefix(s)
			wantInvalid(t, s, err)
		})
	}
}

func TestPrefixCovers(t *testing.T) {
	for _, c := range []struct {
		prefix, path string
		want         bool
	}{
		{"", "a", true},
		{"db", "db", true},
		{"db", "db/a", true},
		{"db", "db-1", true},
		{"db/", "db", false},
		{"db/", "db/a", true},
		{"db", "DB/a", false},
		{"db/a", "db", false},
	} {
		prefix, err := secretpath.ParsePrefix(c.prefix)
		if err != nil {
			t.Fatal(err)
		}
		path, err := secretpath.Parse(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := prefix.Covers(path); got != c.want {
			t.Errorf("%q covers %q: got %v", c.prefix, c.path, got)
		}
	}
	if (secretpath.Prefix{}).Covers(secretpath.Path{}) {
		t.Error("the empty prefix covers the zero path")
	}
}

func TestCaseTwinsDiffer(t *testing.T) {
	a, errA := secretpath.Parse("api/Key")
	b, errB := secretpath.Parse("api/key")
	if errA != nil || errB != nil || a == b {
		t.Errorf("%v %v %v %v", a, b, errA, errB)
	}
}

// FuzzParse compares Parse with a regular expression written from the contract.
func FuzzParse(f *testing.F) {
	for _, s := range refused {
		f.Add(s)
	}
	for _, s := range []string{"", "a", "a/b", "a-_-b/c", "a/"} {
		f.Add(s)
	}
	rule := regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9_/-]*[A-Za-z0-9])?\z`)
	f.Fuzz(func(t *testing.T, s string) {
		want := rule.MatchString(s) && !strings.Contains(s, "//") && len(s) <= 512
		p, err := secretpath.Parse(s)
		if (err == nil) != want {
			t.Fatalf("%q: the rule says %v, Parse says %v", s, want, err)
		}
		if err != nil {
			wantInvalid(t, s, err)
			return
		}
		again, err := secretpath.Parse(p.String())
		if err != nil || again != p || p.String() != s {
			t.Fatalf("%q: not idempotent: %q, %v", s, again, err)
		}
		for i := range len(s) + 1 {
			prefix, err := secretpath.ParsePrefix(s[:i])
			if err != nil || !prefix.Covers(p) {
				t.Fatalf("%q: its beginning %q: %v", s, s[:i], err)
			}
		}
	})
}

// wantInvalid checks the fault, and that it is the same for every input of its
// sort: the details are fixed sentences, so nothing of the input is in them.
func wantInvalid(t *testing.T, input string, err error) {
	t.Helper()
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid || e.Code != "invalid_path" || e.Err != nil {
		t.Fatalf("%q: got %v", input, err)
	}
	switch e.Detail {
	case "A path is needed.", "A path has at most 512 bytes.",
		"A path begins with a letter or a digit.", "A path ends with a letter or a digit.",
		"A path has no empty segment: write single slashes.",
		"A path has only the characters A-Z a-z 0-9 _ - and /.":
	default:
		t.Errorf("%q: unexpected detail %q", input, e.Detail)
	}
}
