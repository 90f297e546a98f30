package execution_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// aDatabase is a binding of one; rails are its guardrails.
func aDatabase(t testing.TB, rails string) execution.Binding {
	t.Helper()
	b := execution.Binding{Type: execution.Postgres}
	if err := b.Set(execution.Sent{Config: []byte(`{"host":"db.example.com","database":"shop","username":"reader"}`), Guardrails: []byte(rails)}); err != nil {
		t.Fatal(err)
	}
	return b
}

// asked is what a binding makes of a statement without parameters.
func asked(b execution.Binding, sql string) (execution.Statement, error) {
	text, err := json.Marshal(map[string]any{"query": sql})
	if err != nil {
		return execution.Statement{}, err
	}
	return b.Statement(execution.Postgres, text)
}

func TestTheFirstWordOfAStatement(t *testing.T) {
	reads, writes := aDatabase(t, `{}`), aDatabase(t, `{"read_only":false}`)
	for sql, want := range map[string]string{
		"SELECT 1": "SELECT", "select 1": "SELECT", " \t\r\n\fSelect 1": "SELECT", "((select 1))": "SELECT", "(\n(-- a\n(/* b */VALUES (1))))": "VALUES",
		`SELECT"a" FROM b`: "SELECT", "SELECT'a'": "SELECT", "SELECT*FROM a": "SELECT", "SELECT(1)": "SELECT", "SELECT/**/1": "SELECT", "SELECT-1": "SELECT", "TABLE a": "TABLE", "SHOW all": "SHOW",
		"WITH a AS (SELECT 1) TABLE a": "WITH", "EXPLAIN SELECT 1": "EXPLAIN", "SELECT $1::text COLLATE \"C\"": "SELECT",
		"-- COPY a TO STDOUT\nSELECT 1": "SELECT", "--\rSELECT 1": "SELECT", "/* COPY */ SELECT 1": "SELECT", "/*/**/*/SELECT 1": "SELECT", "/***/SELECT 1": "SELECT", "/*/*/**/*/*/SELECT 1": "SELECT", "/*--*/SELECT 1": "SELECT",
		"-- /*\nSELECT 1": "SELECT", "/* a */ -- b\n /* c */ ( /* d */ SELECT 1)": "SELECT",
		// Those that are none of the list, or no word of it.
		"": "", " ": "", "(": "", "--": "", "-- SELECT 1": "", "/*": "", "/* SELECT 1": "", "/*/SELECT 1": "", "/* /* */ SELECT 1": "", "/**": "", "*/SELECT 1": "", "- SELECT 1": "", "/ SELECT 1": "", ";SELECT 1": "", "'SELECT'": "", `"SELECT"`: "",
		"SELECTS": "", "SELECT1": "", "SELECT_": "", "SELECT$a": "", "SELECTé": "", "éSELECT": "", "\ufeffSELECT 1": "", "\u00a0SELECT 1": "", "1SELECT": "", "ſELECT 1": "", "\\SELECT": "", "U&\"SELECT\"": "",
		"COPY a TO STDOUT": "", "/* SELECT */ COPY a TO STDOUT": "", "--SELECT\rCOPY a TO STDOUT": "", "(COPY a TO STDOUT)": "", "BEGIN": "", "COMMIT": "", "ABORT": "", "END": "", "SAVEPOINT a": "", "SET a = 1": "", "RESET ALL": "", "DO $$ $$": "", "LISTEN a": "",
		"NOTIFY a": "", "DISCARD ALL": "", "PREPARE a AS SELECT 1": "", "EXECUTE a": "", "DECLARE a CURSOR FOR SELECT 1": "", "FETCH a": "", "CREATE TABLE a ()": "", "ALTER ROLE a": "", "DROP TABLE a": "", "GRANT a TO b": "", "LOAD 'a'": "", "VACUUM": "",
	} {
		for name, b := range map[string]execution.Binding{"that reads": reads, "that writes": writes} {
			st, err := asked(b, sql)
			switch {
			case want == "" && fault.CodeOf(err) != "invalid_statement":
				t.Errorf("%q at a binding %s: %q, %v", sql, name, st.Kind, err)
			case want != "" && (err != nil || st.Kind != want || st.Text != sql):
				t.Errorf("%q at a binding %s: %q, %v, want %s", sql, name, st.Kind, err, want)
			}
		}
	}
	for _, sql := range []string{"INSERT INTO a VALUES (1)", "update a set b = 1", "(DELETE FROM a)", "/**/MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", "CALL a()"} {
		if _, err := asked(reads, sql); fault.CodeOf(err) != "read_only" {
			t.Errorf("%q at a binding that reads: %v", sql, err)
		}
		if st, err := asked(writes, sql); err != nil || !st.Write {
			t.Errorf("%q at a binding that writes: %+v, %v", sql, st, err)
		}
	}
	for name, params := range map[string]string{
		"a zero byte": `{"query":"SELECT '\u0000'"}`, "a zero byte in a value": `{"query":"SELECT $1","params":["\u0000"]}`, "no object": `["SELECT 1"]`, "nothing": ``, "another member": `{"query":"SELECT 1","sql":"x"}`,
		"many values": `{"query":"SELECT 1","params":[` + strings.Repeat("1,", 1000) + `1]}`, "a long one": `{"query":"SELECT '` + strings.Repeat("a", 100_000) + `'"}`, "two queries": `{"query":"SELECT 1","query":"COPY a TO STDOUT"}`,
		"half a letter": "{\"query\":\"SELECT '\xff'\"}",
	} {
		if st, err := reads.Statement(execution.Postgres, []byte(params)); err == nil {
			t.Errorf("%s is taken as %q", name, st.Text)
		}
	}
	st, err := reads.Statement("postgres", []byte(`{"query":"SELECT $1","params":["a",null,1.50,true,{"a":[1]},""]}`))
	if err != nil || len(st.Params) != 6 || st.Params[1] != nil || st.Params[5] == nil {
		t.Fatalf("%q, %v", st.Params, err)
	}
	for i, text := range []string{"a", "", "1.50", "true", `{"a":[1]}`, ""} {
		if string(st.Params[i]) != text {
			t.Errorf("value %d is %q, not %q", i, st.Params[i], text)
		}
	}
	if st.Rows != 1000 || st.Write {
		t.Errorf("%+v", st)
	}
}

// before are what may stand before a statement, or look like it.
var before = []string{
	"", " ", "\n", "\r", "\t", "\f", "(", "--x\n", "--x\r", "-- /*\n", "/* x */", "/**/", "/***/", "/*/**/*/", "/*/*/*/**/*/*/*/", "/* -- */", "/*'*/", "/*\n*/", "-", "/", "/*", "*/", "--", "--x", "/*/", "\u00a0", "\ufeff",
}

// statements are one of each kind, as far as they leave a session as it was.
var statements = []string{
	"SELECT 1", "VALUES (1)", "TABLE pg_catalog.pg_am", "WITH a AS (SELECT 1) SELECT * FROM a", "SHOW server_version", "EXPLAIN SELECT 1", "COPY (SELECT 1) TO STDOUT", "BEGIN", "SAVEPOINT a", "SET LOCAL search_path = a", "LISTEN a", "NOTIFY a", "DO $$ BEGIN END $$",
	"CREATE TEMP TABLE a ()", "DISCARD PLANS", "DECLARE a CURSOR FOR SELECT 1", "PREPARE a AS SELECT 1", "RESET search_path", "ANALYZE pg_catalog.pg_am",
}

// FuzzTheFirstWord holds the reading of a statement against that of PostgreSQL's own scanner, written the other way round.
func FuzzTheFirstWord(f *testing.F) {
	for i, sql := range statements {
		f.Add(before[i%len(before)] + sql)
	}
	f.Add("/*/**/SELECT")
	f.Add("--\r\nselect$1")
	reads, writes := aDatabase(f, `{}`), aDatabase(f, `{"read_only":false}`)
	f.Fuzz(func(t *testing.T, sql string) {
		sql = strings.ToValidUTF8(sql, "\ufffd")
		want := scanned(sql)
		for _, b := range []execution.Binding{reads, writes} {
			st, err := asked(b, sql)
			if err == nil && st.Kind != want {
				t.Errorf("%q is taken as %q, and begins with %q", sql, st.Kind, want)
			}
			if err == nil && st.Text != sql {
				t.Errorf("%q is sent as %q", sql, st.Text)
			}
		}
		if st, err := asked(reads, sql); err == nil && (st.Write || !slices.Contains([]string{"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"}, st.Kind)) {
			t.Errorf("a binding that reads takes %q", sql)
		}
	})
}

// scanned is the first keyword of a statement as the rules of PostgreSQL's scan.l have it: white space, comments to the
// end of a line, comments that nest, and the longest run of letters of an identifier.
func scanned(sql string) string {
	deep, line := 0, false
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch {
		case line:
			line = rest[0] != '\n' && rest[0] != '\r'
			i++
		case strings.HasPrefix(rest, "/*"):
			deep++
			i += 2
		case deep > 0 && strings.HasPrefix(rest, "*/"):
			deep--
			i += 2
		case deep > 0:
			i++
		case strings.HasPrefix(rest, "--"):
			line = true
			i += 2
		case strings.ContainsRune(" \t\n\r\f\v(", rune(rest[0])):
			i++
		default:
			n := strings.IndexFunc(rest, func(r rune) bool {
				return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '$' || r >= 0x80)
			})
			if n < 0 {
				n = len(rest)
			}
			return strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r - 'a' + 'A'
				}
				return r
			}, rest[:n])
		}
	}
	return ""
}

// What a binding takes is, to PostgreSQL itself, a statement that begins with the word that was read; and what PostgreSQL
// answers as a query is taken.
func TestPostgreSQLReadsTheSameFirstWord(t *testing.T) {
	at, err := url.Parse(pgtest.Shared(t).DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgconn.Connect(t.Context(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	exec := func(sql string) {
		if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	b, chance, taken := aDatabase(t, `{"read_only":false}`), rand.New(rand.NewPCG(11, 13)), 0
	for range 1500 {
		sql := ""
		for range chance.IntN(5) {
			sql += before[chance.IntN(len(before))]
		}
		open := strings.Count(sql, "(")
		sql += statements[chance.IntN(len(statements))]
		if chance.IntN(4) > 0 {
			sql += strings.Repeat(")", open)
		}
		st, refused := asked(b, sql)
		exec("BEGIN")
		tag, err := conn.ExecParams(t.Context(), sql, nil, nil, nil, nil).Close()
		exec("ROLLBACK")
		if err != nil {
			continue // no statement of this server at all
		}
		command, _, _ := strings.Cut(tag.String(), " ")
		isRead := slices.Contains([]string{"SELECT", "SHOW", "EXPLAIN"}, command)
		if isRead != (refused == nil) {
			t.Errorf("%q is a %s to PostgreSQL, and here %q, %v", sql, command, st.Kind, refused)
		}
		if refused == nil {
			taken++
		}
	}
	if taken < 100 {
		t.Errorf("only %d statements were taken", taken)
	}
}
