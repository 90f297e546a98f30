// Package archtest holds the shape of the repository: which package may import
// which, and that the Makefile explains itself. Its tests read the real tree,
// so they run with -count=1, as `make test` does: a cached result knows nothing
// of a new file.
package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path that all packages here begin with.
const Module = "github.com/oneclaw-dev/oneclaw"

// Package is a package and what its files that are no tests import.
type Package struct {
	Path    string // within the module: "internal/vault"
	Imports []string
}

// Check returns a sentence for every import that breaks the rules, and for
// every package that has no rule.
func Check(packages []Package) []string {
	var broken []string
	for _, p := range packages {
		if isTestKit(p.Path) {
			continue
		}
		allowed, known := arrows[p.Path]
		if !known {
			broken = append(broken, fmt.Sprintf("%s has no rule: give it one in internal/archtest/rules.go", p.Path))
			continue
		}
		for _, imported := range p.Imports {
			if reason := refuse(p.Path, imported, allowed); reason != "" {
				broken = append(broken, fmt.Sprintf("%s must not import %s: %s", p.Path, imported, reason))
			}
		}
	}
	return broken
}

// refuse says why from must not import imported, or nothing when it may.
func refuse(from, imported string, allowed []string) string {
	if imported == Module {
		return "no rule allows it"
	}
	if inner, ours := strings.CutPrefix(imported, Module+"/"); ours {
		switch {
		case slices.Contains(allowed, inner):
			return ""
		case isTestKit(inner):
			return "it is for tests alone"
		case inner == "internal/cli" || strings.HasPrefix(inner, "cmd/"):
			return "only main stands above it"
		case slices.Contains(allowed, anything):
			return ""
		case slices.Contains(common, inner) && !slices.Contains(common, from):
			return ""
		}
		return "no rule allows it"
	}
	if slices.Contains(pure, from) && slices.Contains(impure, imported) {
		return "the package is pure"
	}
	for owned, by := range owners {
		if within(imported, owned) && !slices.Contains(by, from) {
			return "only " + strings.Join(by, ", ") + " may"
		}
	}
	return ""
}

// within reports whether an import is the package root or below it.
func within(imported, root string) bool {
	return imported == root || strings.HasPrefix(imported, root+"/")
}

// isTestKit reports whether a package exists for tests alone: it lives below
// internal/testkit, or its name ends in "test".
func isTestKit(p string) bool {
	return strings.HasPrefix(p, "internal/testkit/") || strings.HasSuffix(path.Base(p), "test")
}
