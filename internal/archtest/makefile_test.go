package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// needed are the targets that the documentation and people's fingers know.
var needed = strings.Fields("help run build build-hsm test test-pg test-hsm fuzz lint fmt generate check-generate bench vuln clean")

func TestMakeHelpListsEveryTarget(t *testing.T) {
	root := filepath.Join("..", "..")
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "help")
	cmd.Dir = root
	// Under `make test` the outer make's flags would come along.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "MAKE") || strings.HasPrefix(kv, "MFLAGS")
	})
	help, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, help)
	}

	names := func(pattern string, in []byte) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(in, -1) {
			found = append(found, string(m[1]))
		}
		slices.Sort(found)
		return found
	}
	targets := names(`(?m)^([a-zA-Z0-9_-]+):(?:[^=]|$)`, makefile)
	listed := names(`(?m)^  make ([a-z-]+) +\S`, help)
	if !slices.Equal(targets, listed) {
		t.Errorf("the Makefile has %v\nmake help lists %v", targets, listed)
	}
	for _, target := range needed {
		if !slices.Contains(targets, target) {
			t.Errorf("the Makefile has no target %s", target)
		}
	}
	phony := strings.Fields(strings.Join(names(`(?m)^\.PHONY:(.*)$`, makefile), " "))
	slices.Sort(phony)
	if !slices.Equal(phony, targets) {
		t.Errorf("the Makefile has %v\n.PHONY names %v", targets, phony)
	}
}
