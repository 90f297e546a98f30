package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ruling are the words by which a rule of the product shows in the store: kinds of
// refusals that only a rule gives, and times that are longer than a statement takes.
var ruling = []string{
	"fault.Denied", "fault.Gone", "fault.Invalid", "fault.PaymentRequired", "fault.RateLimited", "fault.Unauthenticated", "time.Hour", "time.Minute",
}

// inSQL are those that show in its statements: roles by name, and an order of words.
var inSQL = []string{"'owner'", "'admin'", "ORDER BY CASE"}

// TestTheStoreRulesNothing holds the promise of store: rules are functions and values of
// the domain, which it asks (ADR 0069).
func TestTheStoreRulesNothing(t *testing.T) {
	files, err := filepath.Glob("../store/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if what := selected(n); slices.Contains(ruling, what) {
					t.Errorf("%s: %s is part of a rule: it belongs to the domain", fset.Position(n.Pos()), what)
				}
			case *ast.BasicLit:
				for _, what := range inSQL {
					if n.Kind == token.STRING && strings.Contains(n.Value, what) {
						t.Errorf("%s: %s is part of a rule: it belongs to the domain", fset.Position(n.Pos()), what)
					}
				}
			}
			return true
		})
	}
}
