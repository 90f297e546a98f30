package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openers are all places that open what is sealed, and all that ask the vault for a
// value. A new one is a decision: it belongs behind vault.Service.door.
var openers = map[string]string{
	"vault/secrets.go openBox calls sealer.Open":                       "what the door opens, with another key after a rekey",
	"vault/door.go door calls s.openBox":                               "the door",
	"vault/door.go Use calls s.door":                                   "for who may",
	"vault/lend.go Lend calls s.door":                                  "for who was given a share",
	"vault/credentials.go OpenCredential calls s.door":                 "for an execution of a binding, which shows it to nobody",
	"executor/execute.go opened calls Vault.Lend":                      "a secret that whoever set a binding lends it",
	"executor/execute.go opened calls Vault.OpenCredential":            "the credential of a binding, for one execution",
	"vault/watch.go OpenWatched calls s.door":                          "for Shroud, which looks for an agent's values in its traffic and shows them to nobody",
	"vault/door.go Reveal calls s.Use":                                 "shows the newest version",
	"vault/door.go RevealVersion calls s.Use":                          "shows an old one",
	"httpapi/secrets.go registerSecrets calls vault.Reveal":            "GET of a secret",
	"httpapi/versions.go registerVersions calls vault.RevealVersion":   "GET of an old version",
	"httpapi/versions.go registerOneVersion calls vault.RevealVersion": "GET of one version, as newer clients ask for it",
	"sharing/access.go Access calls Vault.Lend":                        "a share is read",
	"envvar/envvar.go Get calls vault.Reveal":                          "GET of an environment variable",
	"envvar/resolve.go Resolve calls vault.Reveal":                     "environment variables that hold, each with its event",

	"vault/probe.go OpenVersion calls s.openBox":         "the operator's check: opens and wipes",
	"vault/worker.go rewrite calls sealer.Open":          "a job that seals under another key: nobody is shown the value",
	"vault/jobend.go underOldKey calls sealer.Open":      "the same, to see whether a key is still needed",
	"ops/inspect/openall.go openAll calls sealer.Open":   "the operator's check of all that is sealed",
	"signedcall/signedcall.go Post calls Sealer.Open":    "the server's own: the key that signs a webhook",
	"account/mfa.go factor calls Sealer.Open":            "the server's own: the key of a second factor",
	"mail/queue.go open calls Sealer.Open":               "the server's own: a mail that waits",
	"sharing/link.go recall calls Sealer.Open":           "the server's own: the token of a link",
	"shroud/placekey/placekey.go open calls Sealer.Open": "the server's own: what the numbers in placeholders are made with",
	"shroud/flagged/flagged.go Read calls Sealer.Open":   "the server's own: what Shroud flagged, for a person who is there",
}

// TestValuesAreOpenedBehindOneDoor lists every caller of what leads to a plaintext.
func TestValuesAreOpenedBehindOneDoor(t *testing.T) {
	leads := []string{"sealer.Open", "Sealer.Open", "s.openBox", "s.door", "s.Use", "vault.Use", "vault.Reveal", "vault.RevealVersion", "Vault.Lend", "vault.Lend", "Vault.OpenCredential"}
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || isTestKit("internal/"+filepath.ToSlash(filepath.Dir(path[3:]))) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if what := selected(call.Fun); slices.Contains(leads, what) {
						found[fmt.Sprintf("%s %s calls %s", filepath.ToSlash(path[3:]), fn.Name.Name, what)] = true
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if openers[place] == "" {
			t.Errorf("%s, and is not in the list of those who may", place)
		}
	}
	for place := range openers {
		if !found[place] {
			t.Errorf("%s: it does not any more, so strike it from the list", place)
		}
	}
}

// selected is the last two names of a selector: "sealer.Open" of w.s.sealer.Open.
func selected(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	switch x := sel.X.(type) {
	case *ast.Ident:
		return x.Name + "." + sel.Sel.Name
	case *ast.SelectorExpr:
		return x.Sel.Name + "." + sel.Sel.Name
	}
	return ""
}
