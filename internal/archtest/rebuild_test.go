package archtest

import (
	"os/exec"
	"strings"
	"testing"
)

// A test file that is in its package, and not beside it, makes that package another one for
// the test: all that stands between it and the test's imports is compiled anew, for each
// platform and with the race detector. Below the API and the store that takes minutes in
// all, so a package there has its tests beside it, and what they call is public.
var rebuilds = map[string]bool{
	"internal/httpapi":      true,
	"internal/store":        true,
	"internal/sqldb":        true,
	"internal/sqldb/commit": true,
}

func TestFewTestsCompileTheLargePackagesAnew(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-test", "-deps", "-tags", "pkcs11",
		"-f", "{{if .ForTest}}{{.ImportPath}}{{end}}", Module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		// The API for the test of another: "M/internal/httpapi [M/internal/vault.test]".
		path, by, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, Module+"/", "")), " [")
		if path != "internal/httpapi" && path != "internal/store" {
			continue
		}
		by = strings.TrimSuffix(by, ".test]")
		if found[by] = true; !rebuilds[by] {
			t.Errorf("the tests of %s compile %s anew: move those that are in package %s beside it", by, path, by)
		}
	}
	for by := range rebuilds {
		if !found[by] {
			t.Errorf("the tests of %s compile nothing anew: take it off the list", by)
		}
	}
}
