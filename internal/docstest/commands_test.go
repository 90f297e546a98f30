package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// A command of ours: in a block at the beginning of a line, after a pipe or a
	// prompt; in a text as code.
	inBlock = regexp.MustCompile(`(?m)^(?:[^#\n]*\| *|\$ *)?(?:\S*/)?oneclaw ((?:[^\n#]|\\\n)*)`)
	inText  = regexp.MustCompile("`oneclaw ([^`]+)`")
	word    = regexp.MustCompile(`^[a-z][a-z-]*$`)
	flag    = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
)

// Every command that the pages name is one, and has the flags that they give it.
func TestNamedCommandsExist(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "oneclaw")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/oneclaw")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as in the Makefile: built already
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	help := map[string]string{}
	asked := 0
	for _, page := range pages(t) {
		if strings.HasSuffix(page, "CHANGELOG.md") {
			continue // tells of the past
		}
		text := read(t, page)
		var found []string
		for _, block := range blocks.FindAllString(text, -1) {
			if strings.HasPrefix(block, "```sh") || strings.HasPrefix(block, "```\n") {
				for _, m := range inBlock.FindAllStringSubmatch(block, -1) {
					found = append(found, m[1])
				}
			}
		}
		for _, m := range inText.FindAllStringSubmatch(blocks.ReplaceAllString(text, ""), -1) {
			found = append(found, m[1])
		}
		for _, command := range found {
			command, _, _ = strings.Cut(strings.ReplaceAll(command, "\\\n", " "), " | ")
			var words []string
			for _, w := range strings.Fields(command) {
				if !word.MatchString(w) {
					break
				}
				words = append(words, w)
			}
			if len(words) == 0 {
				continue
			}
			asked++
			checkCommand(t, page, binary, command, words, help)
		}
	}
	if asked < 60 {
		t.Errorf("only %d commands were found: does this test still look in the right place?", asked)
	}
}

// checkCommand asks for the help of a command. The last words may be arguments.
func checkCommand(t *testing.T, page, binary, command string, words []string, help map[string]string) {
	t.Helper()
	key := strings.Join(words, " ")
	if _, known := help[key]; !known {
		cmd := exec.CommandContext(t.Context(), binary, append(words, "--help")...)
		cmd.Env = []string{"HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: oneclaw %s: %v\n%s", page, key, err, out)
		}
		help[key] = string(out)
	}
	_, usage, _ := strings.Cut(help[key], "Usage:\n")
	usage, _, _ = strings.Cut(strings.TrimSpace(usage), "\n")
	path := strings.Fields(usage)
	n := 0
	for n < len(words) && n+1 < len(path) && path[n+1] == words[n] {
		n++
	}
	takesArguments := len(path) > n+1 && path[n+1] != "[flags]" && path[n+1] != "[command]"
	if n == 0 || n < len(words) && !takesArguments {
		t.Errorf("%s: there is no command oneclaw %s: the usage is %q", page, key, usage)
	}
	for _, f := range flag.FindAllString(command, -1) {
		if f != "--help" && !regexp.MustCompile(regexp.QuoteMeta(f)+`\b`).MatchString(help[key]) {
			t.Errorf("%s: oneclaw %s has no %s", page, key, f)
		}
	}
}

// Pages that people follow add chains in one form, with the number that tells a chain from others.
func TestPagesAddChainsInOneForm(t *testing.T) {
	form, seen := regexp.MustCompile(`^chain add \S+ [0-9]+ .*--rpc-url-file rpc\.txt`), 0
	for _, page := range pages(t) {
		if strings.HasSuffix(page, "docs/cli.md") {
			continue // lists every form
		}
		for _, block := range blocks.FindAllString(read(t, page), -1) {
			for _, m := range inBlock.FindAllStringSubmatch(block, -1) {
				if !strings.HasPrefix(m[1], "chain add ") {
					continue
				}
				if seen++; !form.MatchString(m[1]) {
					t.Errorf("%s: oneclaw %s", page, m[1])
				}
			}
		}
	}
	if seen < 2 {
		t.Errorf("only %d commands were looked at", seen)
	}
}
