package sqldb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/store/storetest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// scans are the statements that may look at all rows of a table, by a part of their
// text that no other has, and why.
var scans = map[string]string{
	"FROM admin_settings":        "a row a setting, of which there are a dozen",
	"UPDATE admin_settings":      "the same",
	"FROM chains":                "a row a chain, which platform admins add",
	"FROM doomed_keys":           "is emptied all the time, in the background",
	"FROM remains LIMIT 1":       "one row",
	"SELECT 1 FROM gone LIMIT 1": "one row",
	"FROM audit_heads h":         "signing in the background; of one organisation where a request asks",
	"FROM credit_lots l JOIN":    "credits that end, in the background",
	"FROM enroll_requests":       "as many rows as may wait",
	"SELECT COUNT(*) FROM users": "how many there are, for platform admins",
	"FROM users u LEFT JOIN memberships m ON m.user_id = u.id AND m.org_id = u.home_org\n\t\tORDER": "everybody, for platform admins",
	"SELECT id FROM users LIMIT 1":                         "one row",
	"NOT EXISTS (SELECT 1 FROM users)":                     "one row",
	"EXISTS (SELECT 1 FROM audit_heads)":                   "one row, for the operator",
	"SELECT org_id FROM audit_heads":                       "for the operator",
	"SELECT id FROM vaults ORDER BY id":                    "for the operator, and at the start",
	"SELECT id, kek_gen FROM vaults UNION":                 "of a copy that is not served, by backup",
	"main.sqlite_schema":                                   "the schema",
	"SELECT (SELECT COUNT(*) FROM user_totp)":              "for the operator",
	"wrapped, sealed FROM approval_webhooks WHERE id > $1": "for the operator",
	"DELETE FROM vault_jobs WHERE completed":               "the hourly sweep",
	"DELETE FROM approvals WHERE expires":                  "the hourly sweep",
}

// wholeTable is a step of a plan that reads a table, or an index, from end to end.
var wholeTable = regexp.MustCompile(`SCAN [a-z_]+`)

// literals are the statements that stand in the source in one piece.
func literals(t *testing.T) (out []string) {
	t.Helper()
	var files []string
	for _, in := range []string{"*.go", "transfer/*.go", "../store/*.go"} {
		found, err := filepath.Glob(in)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", in, found, err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr: // a part of a statement
				return false
			case *ast.GenDecl:
				return n.Tok != token.CONST // mostly the same
			}
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && !strings.HasSuffix(name, "_test.go") {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

// TestNoStatementReadsEverybodysRows runs the conformance suite and asks SQLite how
// it would run each statement that came up: what a request runs must find its rows
// by an index, or it costs in proportion to everybody's.
func TestNoStatementReadsEverybodysRows(t *testing.T) {
	written := literals(t)
	used := map[string]bool{}
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) *store.DB {
			db := dbkit.Open(t, store.Config{Dir: t.TempDir()})
			t.Cleanup(func() {
				more := written
				written = nil // once is enough
				for _, p := range db.Plans(t, more...) {
					if !wholeTable.MatchString(p.Plan) {
						continue
					}
					allowed := false
					for part := range scans {
						if strings.Contains(p.Query, part) {
							allowed, used[part] = true, true
						}
					}
					if !allowed {
						t.Errorf("it reads a whole table: %s\n%s", p.Query, p.Plan)
					}
				}
			})
			return db
		})
	})
	for part := range scans {
		if !used[part] {
			t.Errorf("no statement scans with %q: take it off the list", part)
		}
	}
}
