package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// script is a day with the commands. Its output, for a pipe, as JSON and for a
// terminal with and without colours, is kept in testdata.
var script = [][]string{
	{"", "whoami"},
	{"", "vault", "create", "main", "--description", "the first"},
	{"", "vault", "create", "main"},
	{"", "vault", "list"},
	{"", "vault", "get", "main"},
	{"sk-1\n", "secret", "set", "api-keys/openai", "--type", "api_key", "--metadata", `{"team":"<a>"}`, "--expires", "90d"},
	{"sk-2", "secret", "rotate", "api-keys/openai"},
	{"v", "secret", "set", "db/password"},
	{"v", "secret", "set", "zeta"},
	{"", "secret", "get", "api-keys/openai"},
	{"", "secret", "get", "api-keys/openai", "--version", "1"},
	{"", "secret", "list"},
	{"", "secret", "list", "--prefix", "nothing/"},
	{"", "secret", "describe", "api-keys/openai"},
	{"", "secret", "describe", "api-keys/openai2"},
	{"", "secret", "versions", "api-keys/openai"},
	{"", "secret", "delete", "db/password", "--yes"},
	{"", "secret", "get", "db/password"},
	{"", "secret", "restore", "db/password"},
	{"", "secret", "purge", "db/password", "--yes"},
	{"", "agent", "create", "builder", "--vault-ids", "main"},
	{"", "agent", "list"},
	{"", "agent", "get", "builder"},
	{"", "agent", "rotate-key", "builder", "--yes"},
	{"", "policy", "create", "--agent", "builder", "--path", "api-keys/*", "--ip", "10.0.0.0/8", "--after", "09:00", "--before", "17:00"},
	{"", "policy", "list"},
	{"", "policy", "list", "--wide"},
	{"", "policy", "delete", "00000000-0000-4000-8000-000000000999", "--yes"},
	{"", "agent", "deactivate", "builder", "--yes"},
	{"", "audit", "list"},
	{"", "audit", "list", "--wide"},
	{"", "audit", "verify"},
	{"", "audit", "keys"},
	{"", "vault", "delete", "main", "--yes"},
	{"", "secret", "list"},
	{"", "logout"},
	{"", "whoami"},
}

func TestGolden(t *testing.T) {
	for name, tc := range map[string]struct {
		tty  string
		json bool
		env  string // NO_COLOR
	}{
		"plain.txt":          {},
		"json.txt":           {json: true},
		"terminal.txt":       {tty: "oe"},
		"terminal-plain.txt": {tty: "oe", env: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := loggedIn(t)
			s.tty = tc.tty
			s.env["NO_COLOR"] = tc.env
			var b strings.Builder
			for _, step := range script {
				args := step[1:]
				if tc.json {
					args = append([]string{"--json"}, args...)
				}
				r := s.run(step[0], args...)
				fmt.Fprintf(&b, "$ oneclaw %s\n", strings.Join(args, " "))
				b.WriteString(mark(r.out, "") + mark(r.err, "! "))
				fmt.Fprintf(&b, "= %d\n\n", r.code)
			}
			got := strings.ReplaceAll(b.String(), f.URL, "http://SERVER")
			golden(t, name, strings.ReplaceAll(got, "\x1b", "ESC"))
		})
	}
}

// mark shows whether an output ends in a line end.
func mark(s, prefix string) string {
	if s == "" {
		return ""
	}
	if !strings.HasSuffix(s, "\n") {
		s += "<no line end>\n"
	}
	return prefix + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+prefix) + "\n"
}
