package store_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
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
	"SELECT id FROM users LIMIT 1":                                          "one row",
	"NOT EXISTS (SELECT 1 FROM users)":                                      "one row",
	"EXISTS (SELECT 1 FROM audit_heads)":                                    "one row, for the operator",
	"SELECT org_id FROM audit_heads":                                        "for the operator",
	"SELECT id FROM vaults ORDER BY id":                                     "for the operator, and at the start",
	"SELECT id, kek_gen FROM vaults UNION":                                  "of a copy that is not served, by backup",
	"SELECT EXISTS (SELECT 1 FROM goose_db_version":                         "a row a migration",
	"UPDATE webhooks SET paused_at = $1, next_at = NULL, failing_since":     "for the operator, who restores a backup",
	"UPDATE approval_webhooks SET paused_at = $1":                           "the same",
	"main.sqlite_schema":                                                    "the schema",
	"SELECT (SELECT COUNT(*) FROM user_totp)":                               "for the operator",
	"wrapped, sealed FROM approval_webhooks WHERE id > $1":                  "for the operator",
	"SELECT id, raw, hash FROM transactions":                                "for the operator",
	"SELECT key_id FROM signing_keys":                                       "for the operator, who asks which keys no account has",
	"FROM shroud_activity WHERE action = 'lost'":                            "for the operator, who runs the doctor",
	"UPDATE refreshes SET holder = '', held_until = 0 WHERE held_until > 0": "at the start",
	"DELETE FROM vault_jobs WHERE completed":                                "the hourly sweep",
	"DELETE FROM approvals WHERE expires":                                   "the hourly sweep",
	"DELETE FROM secret_requests WHERE expires":                             "the hourly sweep",
}

// wholeTable is a step of a plan that reads a table, or an index, from end to end.
var wholeTable = regexp.MustCompile(`SCAN [a-z_]+`)

// literals are the statements that stand in the source in one piece.
func literals(t *testing.T) (out []string) {
	t.Helper()
	var files []string
	for _, in := range []string{"*.go", "../sqldb/*.go", "../sqldb/commit/*.go", "../sqldb/transfer/*.go"} {
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

// ofList is how SQLite reads a list that is a parameter (Tx.among): no table, and nobody's rows.
const ofList = "SCAN json_each VIRTUAL TABLE"

// TestNoStatementReadsEverybodysRows runs the conformance suite and asks SQLite how
// it would run each statement that came up: what a request runs must find its rows
// by an index, or it costs in proportion to everybody's.
func TestNoStatementReadsEverybodysRows(t *testing.T) {
	written := literals(t)
	used := map[string]bool{}
	t.Run("suite", func(t *testing.T) {
		runConformance(t, func(t *testing.T) *store.DB {
			db := dbkit.Open(t, store.Config{Dir: t.TempDir()})
			t.Cleanup(func() {
				more := written
				written = nil // once is enough
				for _, p := range plansOf(t, db, more...) {
					if !wholeTable.MatchString(strings.ReplaceAll(p.plan, ofList, "")) {
						continue
					}
					allowed := false
					for part := range scans {
						if strings.Contains(p.query, part) {
							allowed, used[part] = true, true
						}
					}
					if !allowed {
						t.Errorf("it reads a whole table: %s\n%s", p.query, p.plan)
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

// plan is how SQLite runs a statement.
type plan struct{ query, plan string }

// plansOf asks for the plan of every statement that was prepared so far, and of more.
func plansOf(t *testing.T, db *store.DB, more ...string) (out []plan) {
	t.Helper()
	look, err := db.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = look.Rollback() }()
	all := append(more, db.Prepared()...)
	for _, query := range all {
		if first, _, _ := strings.Cut(strings.TrimSpace(query), " "); !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT", "WITH"}, first) {
			continue
		}
		args := make([]any, strings.Count(query, "$")) // at least as many as it takes
		for i := range args {
			args[i] = 1
		}
		rows, err := look.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args[:params(query)]...)
		if err != nil {
			if slices.Contains(more, query) {
				continue // a part of a statement, or one for PostgreSQL alone
			}
			t.Fatalf("%s: %v", query, err)
		}
		p := plan{query: query}
		for rows.Next() {
			var id, parent, notUsed int
			var detail string
			if err := rows.Scan(&id, &parent, &notUsed, &detail); err != nil {
				t.Fatal(err)
			}
			p.plan += detail + "\n"
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// params is the highest number of a parameter.
func params(query string) (n int) {
	for i := 1; strings.Contains(query, "$"+strconv.Itoa(i)); i++ {
		n = i
	}
	return n
}
