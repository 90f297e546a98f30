package cli_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// An agent that is shown nothing queries a database with the command itself, as a process, at a real server.
func TestAnAgentQueriesADatabaseAtTheCommandLine(t *testing.T) {
	const password = "s3cr3t-of-a-database"
	dsn := pgtest.Shared(t).DSN(t)
	at, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	database := strings.TrimPrefix(at.Path, "/")
	run := pgtest.Session(t, dsn)
	run(`CREATE ROLE "cli_` + database + `" LOGIN PASSWORD '` + password + `'`)
	run(`CREATE TABLE orders (id int PRIMARY KEY, customer text, note text)`)
	run(`INSERT INTO orders SELECT i, 'ada', 'tab	and ''quote''' FROM generate_series(1, 3) i`)
	run(`INSERT INTO orders VALUES (4, 'bob', NULL)`)
	run(`GRANT SELECT, INSERT, DELETE ON orders TO "cli_` + database + `"`)
	s := serveDev(t)
	s.ok("", "login", "--dev")
	out, key := s.ok("", "--json", "agent", "create", "worker", "--reveal", "never", "--executions", "on"), struct {
		APIKey string `json:"api_key"`
	}{}
	if err := json.Unmarshal([]byte(out), &key); err != nil {
		t.Fatal(err)
	}
	agent := newShell(t, "")
	agent.env["ONECLAW_DATA"], agent.env["ONECLAW_AGENT_API_KEY"] = s.env["ONECLAW_DATA"], key.APIKey
	add := func(name string, flags ...string) {
		t.Helper()
		words := []string{"agent", "bindings", "add", "worker", name, "--type", "postgres", "--db-host", at.Hostname(), "--db-port", at.Port(), "--database", database, "--user", "cli_" + database, "--sslmode", "disable"}
		s.ok(password, append(words, flags...)...)
	}
	add("shop")
	add("till", "--writes")
	add("few", "--max-rows", "2")
	do := func(words ...string) (string, string, int) {
		c := agent.process(append([]string{"agent", "execute"}, words...)...)
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		if err := c.Run(); err != nil {
			if _, ok := err.(*exec.ExitError); !ok { //nolint:errorlint // it is not wrapped
				t.Fatal(err)
			}
		}
		if all := out.String() + errs.String(); strings.Contains(all, "s3cr3t") {
			t.Errorf("%v shows the password: %s", words, all)
		}
		return out.String(), errs.String(), c.ProcessState.ExitCode()
	}
	for name, c := range map[string]struct {
		words []string
		out   string
		errs  string
		code  int
	}{
		"rows":                       {[]string{"shop", "--sql", "SELECT id, customer FROM orders WHERE customer = $1 AND id < $2 ORDER BY id", "--param", "ada", "--param", "3"}, "1\tada\n2\tada\n", "", 0},
		"a value that is none":       {[]string{"shop", "--sql", "SELECT id, note FROM orders WHERE id = $1", "--param", "4"}, "4\t\n", "", 0},
		"a value that is looked for": {[]string{"shop", "--sql", "SELECT $1::text", "--param", "'; DROP TABLE orders; --"}, "'; DROP TABLE orders; --\n", "", 0},
		"the password":               {[]string{"shop", "--sql", "SELECT $1::text", "--param", "is " + password}, "is [REDACTED:credential]\n", "", 0},
		"no rows":                    {[]string{"shop", "--sql", "SELECT id FROM orders WHERE false"}, "", "", 0},
		"more rows than are shown":   {[]string{"few", "--sql", "SELECT id FROM orders ORDER BY id"}, "1\n2\n", "There are more rows", 0},
		"a change":                   {[]string{"till", "--sql", "INSERT INTO orders VALUES ($1::int, $2)", "--param", "5", "--param", "eve"}, "", "INSERT 1", 0},
		"a change that returns":      {[]string{"till", "--sql", "DELETE FROM orders WHERE id = 3 RETURNING id"}, "3\n", "", 0},
		"a change where it reads":    {[]string{"shop", "--sql", "DELETE FROM orders"}, "", "read", cli.ExitDenied},
		"no statement":               {[]string{"shop", "--sql", "COPY orders TO STDOUT"}, "", "query is one statement", cli.ExitUsage},
		"a mistake":                  {[]string{"shop", "--sql", "SELECT nothing FROM orders"}, "", "SQLSTATE class 42", cli.ExitFailure},
		"no binding":                 {[]string{"none", "--sql", "SELECT 1"}, "", "", cli.ExitNotFound},
		"a path beside it":           {[]string{"shop", "/a", "--sql", "SELECT 1"}, "", "--sql", cli.ExitUsage},
		"a method beside it":         {[]string{"shop", "-X", "POST", "--sql", "SELECT 1"}, "", "--sql", cli.ExitUsage},
		"values of nothing":          {[]string{"shop", "--param", "1"}, "", "--sql", cli.ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := do(c.words...)
			if code != c.code || out != c.out || !strings.Contains(errs, c.errs) {
				t.Errorf("exit %d, %q, %q", code, out, errs)
			}
		})
	}
	out, errs, _ := do("shop", "--json", "--sql", "SELECT id, note FROM orders WHERE id >= $1 ORDER BY id", "--param", "4")
	var got struct {
		Status string
		Result struct {
			Columns []struct{ Name, Type string }
			Rows    [][]*string
			Command string
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Status != "success" || len(got.Result.Columns) != 2 || got.Result.Columns[0].Type != "int4" || got.Result.Command != "SELECT" ||
		len(got.Result.Rows) == 0 || got.Result.Rows[0][1] != nil {
		t.Errorf("as JSON: %s %s, %v", out, errs, err)
	}
	list := s.ok("", "agent", "executions", "worker")
	if !strings.Contains(list, "SELECT") || !strings.Contains(list, " rows\t") || !strings.Contains(list, at.Host) || strings.Contains(list, "orders") {
		t.Errorf("the list is\n%s", list)
	}
}
