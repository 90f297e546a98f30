package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPagesAreWhatTheCodeSays(t *testing.T) {
	errs, err := errorPage(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"docs/errors.md": errs,
		"docs/config.md": configPage(config.Settings(), config.ClientSettings()),
		"docs/cli.md":    cliPage(everyCommand()),
	} {
		if read(t, name) != want {
			t.Errorf("%s is not what the code says: run make generate", name)
		}
	}
}

// A plain search must not find a code that the parser missed.
func TestEveryCodeIsOnThePage(t *testing.T) {
	page, err := errorPage(root)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?:fault\.(?:New|Wrap)\(.*?fault\.[A-Z]\w+, |\binvalid\(|newProblem\(\w[\w.]*, |Code: )"([a-z0-9_]+)"`)
	tr, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range tr.pkgs {
		for _, f := range p.files {
			b, err := os.ReadFile(tr.fset.Position(f.Pos()).Filename)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range code.FindAllStringSubmatch(string(b), -1) {
				n++
				if !strings.Contains(page, "| `"+m[1]) {
					t.Errorf("%s in %s is not in docs/errors.md", m[1], p.dir)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("the search found %d codes: does it still know how errors are made?", n)
	}
}

func TestEverySettingHasADocumentation(t *testing.T) {
	for _, s := range append(config.Settings(), config.ClientSettings()...) {
		if len(s.Doc) < 10 || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: %q is no sentence", s.Name, s.Doc)
		}
	}
}

const statuses = `package httpapi
var statuses = map[fault.Kind]int{
	fault.Internal: http.StatusInternalServerError, fault.Invalid: http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized, fault.PaymentRequired: http.StatusPaymentRequired,
	fault.Denied: http.StatusForbidden, fault.NotFound: http.StatusNotFound, fault.NotAllowed: http.StatusMethodNotAllowed,
	fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone, fault.RateLimited: http.StatusTooManyRequests,
}
`

func TestScan(t *testing.T) {
	for name, tc := range map[string]struct{ source, page, refused string }{
		"a call": {
			source: `var e = fault.New(fault.NotFound, "a_code", "A detail.")`,
			page:   "| `a_code` | 404 | A detail. | `internal/x` |",
		},
		"a literal": {
			source: `func f() error { return &fault.Error{Kind: fault.Gone, Code: "a_code", Detail: "A " + what() + " detail."} }`,
			page:   "| `a_code` | 410 | A … detail. |",
		},
		"a constant for the code": {
			source: `const Code = "a_code"
				var e = fault.Wrap(nil, fault.Conflict, Code, "A detail.")`,
			page: "| `a_code` | 409 | A detail. |",
		},
		"a function that hands its arguments on, twice": {
			source: `func g() error { return bad("One.") }
				func bad(d string) error { return invalid("a_code", d) }
				func invalid(c, d string) error { return fault.New(fault.Invalid, c, d) }`,
			page: "| `a_code` | 400 | One. |",
		},
		"a detail that a function picks": {
			source: `func f(b bool) error { d := pick(b); return fault.New(fault.Invalid, "a_code", d) }
				func pick(b bool) string { if b { return "One." }; return "Two." }`,
			page: "| `a_code` | 400 | One. · Two. |",
		},
		"what callers are not told": {
			source: `var e = fault.New(fault.Internal, "a_code", "Hidden.")`,
			page:   "| `a_code` | 500 |  |",
		},
		"one code of two kinds": {
			source:  `var e, f = fault.New(fault.NotFound, "a_code", "A."), fault.New(fault.Gone, "a_code", "B.")`,
			refused: "a_code",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{
				"internal/httpapi/problem.go": statuses, "internal/x/x.go": "package x\n" + tc.source, "cmd/c.go": "package c", "client/c.go": "package client",
			} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			page, err := errorPage(dir)
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(page, tc.page) {
				t.Errorf("no %q in\n%s", tc.page, page)
			}
		})
	}
}
