package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

const root = "../.."

// pages are the Markdown files of the repository.
func pages(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d pages were found: does this test still look in the right place?", len(found))
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	blocks = regexp.MustCompile("(?ms)^```.*?^```")
	code   = regexp.MustCompile("`([^`\n]+)`")
	// A path of this repository, as texts name files beside links.
	ours = regexp.MustCompile(`^(?:internal|cmd|client|bench|docs|deploy|scripts|tools|test)/[\w./-]*\w$`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	n := 0
	for _, page := range pages(t) {
		text := blocks.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			n++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			if file == "" {
				target = page
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
				continue
			}
			if anchor != "" && !hasAnchor(read(t, target), anchor) {
				t.Errorf("%s links to %s, which has no such section", page, m[1])
			}
		}
	}
	if n == 0 {
		t.Error("no link was found: does this test still know what one looks like?")
	}
}

// hasAnchor reports whether a page has a section of that name, as GitHub makes
// names: lower case, blanks to hyphens, without punctuation.
func hasAnchor(page, anchor string) bool {
	for _, m := range title.FindAllStringSubmatch(blocks.ReplaceAllString(page, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				b.WriteRune(r)
			}
		}
		if b.String() == anchor {
			return true
		}
	}
	return false
}

// A file that a text names between backquotes exists: pages that explain the code
// go stale first where the code was moved.
func TestNamedFilesExist(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range code.FindAllStringSubmatch(blocks.ReplaceAllString(read(t, page), ""), -1) {
			if !ours.MatchString(m[1]) {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}

// A test or a fuzz target that a text names exists: it is what a promise stands on.
func TestNamedTestsExist(t *testing.T) {
	have := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			for _, m := range declared.FindAllStringSubmatch(read(t, name), -1) {
				have[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w*$`)
	for _, page := range pages(t) {
		for _, m := range code.FindAllStringSubmatch(read(t, page), -1) {
			if named.MatchString(m[1]) && !have[m[1]] {
				t.Errorf("%s names the test %s, which is not there", page, m[1])
			}
		}
	}
}
