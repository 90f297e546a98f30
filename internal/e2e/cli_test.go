package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs commands of the binary as a user of a machine would, with pipes.
type shell struct {
	t   testing.TB
	env []string
}

// on is a shell on a machine of its own that knows the server's address, with
// more variables (NAME=VALUE).
func on(t testing.TB, s *server, env ...string) *shell {
	return &shell{t, append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "ONECLAW_BASE_URL=" + s.APIURL}, env...)}
}

// ran is a command that has ended.
type ran struct {
	out, err string
	code     int
}

func (sh *shell) run(stdin string, args ...string) ran {
	sh.t.Helper()
	cmd := exec.CommandContext(sh.t.Context(), binary, args...)
	cmd.Env, cmd.Stdin = sh.env, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		sh.t.Fatal(err)
	}
	return ran{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ok runs a command that must succeed and say nothing on stderr.
func (sh *shell) ok(stdin string, args ...string) string {
	sh.t.Helper()
	r := sh.run(stdin, args...)
	if r.code != 0 || r.err != "" {
		sh.t.Fatalf("oneclaw %v: exit code %d: %s", args, r.code, r.err)
	}
	return r.out
}

// json is ok with --json; it returns what was printed.
func (sh *shell) json(stdin string, args ...string) map[string]any {
	sh.t.Helper()
	var m map[string]any
	if out := sh.ok(stdin, append(args, "--json")...); json.Unmarshal([]byte(out), &m) != nil {
		sh.t.Fatalf("oneclaw %v --json: %s", args, out)
	}
	return m
}

// fails runs a command that must fail with the code, and say why in one line, as
// text and as JSON.
func (sh *shell) fails(code int, stdin string, args ...string) ran {
	sh.t.Helper()
	r := sh.run(stdin, args...)
	if r.code != code || r.out != "" || !strings.HasPrefix(r.err, "oneclaw: ") || strings.Count(r.err, "\n") != 1 {
		sh.t.Errorf("oneclaw %v: exit code %d, want %d: %q %q", args, r.code, code, r.out, r.err)
	}
	j := sh.run(stdin, append(args, "--json")...)
	var m map[string]map[string]any
	if err := json.Unmarshal([]byte(j.err), &m); err != nil || m["error"]["message"] == "" || m["error"]["exit_code"] != float64(code) {
		sh.t.Errorf("oneclaw %v --json: %v: %q", args, err, j.err)
	}
	return r
}

// column is the field of a line of fields, or of the only line of a list.
func column(t testing.TB, out string, n int) string {
	t.Helper()
	line, _, _ := strings.Cut(out, "\n")
	f := strings.Split(line, "\t")
	if n >= len(f) {
		t.Fatalf("no column %d in %q", n, out)
	}
	return f[n]
}

func TestTheCommandsWithoutATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.start()
	sh := on(t, s, "ONECLAW_DATA="+p.data)

	sh.fails(3, "", "vault", "list")
	sh.fails(3, "wrong\n", "login", "--email", s.Email)
	if out := sh.ok(s.Password+"\n", "login", "--email", s.Email); out != "" {
		t.Errorf("login printed %q", out)
	}
	if m := sh.json("", "whoami"); m["email"] != s.Email || m["role"] != "owner" || m["api_url"] != s.APIURL {
		t.Errorf("whoami: %v", m)
	}
	sh.ok("", "logout")
	sh.fails(3, "", "whoami")
	sh.ok("", "login", "--dev")
	if out := sh.ok("", "whoami"); !strings.Contains(out, "email\t"+s.Email+"\n") {
		t.Errorf("whoami: %q", out)
	}

	sh.fails(5, "v", "secret", "set", "a/b")
	v := sh.json("", "vault", "create", "main", "--description", "of this test")
	if out := sh.ok("", "vault", "list"); !strings.HasPrefix(out, "main\t"+text(t, v, "id")+"\tuser\t") && !strings.Contains(out, "\nmain\t"+text(t, v, "id")+"\tuser\t") {
		t.Errorf("vault list: %q", out)
	}
	sh.fails(1, "", "vault", "create", "main")

	t.Run("secrets", func(t *testing.T) {
		// Nothing of a value is lost on the way: what comes from a file as it is ...
		const odd = "\n\"<&>\\ 鍵\u2028\x01\t\r\n\n"
		file := filepath.Join(t.TempDir(), "value")
		if err := os.WriteFile(file, []byte(odd), 0o600); err != nil {
			t.Fatal(err)
		}
		if m := sh.json("", "secret", "set", "api-keys/odd", "--from-file", file, "--type", "api_key", "--metadata", `{"team":"a"}`, "--expires", "90d"); m["version"] != 1.0 || m["type"] != "api_key" {
			t.Errorf("set: %v", m)
		}
		if out := sh.ok("", "secret", "get", "api-keys/odd"); out != odd {
			t.Errorf("got %q, want %q", out, odd)
		}
		// ... and of piped text but the line end that echo adds.
		sh.ok("second\n", "secret", "rotate", "api-keys/odd")
		if m := sh.json("", "secret", "get", "api-keys/odd"); m["value"] != "second" || m["version"] != 2.0 || m["type"] != "api_key" {
			t.Errorf("get: %v", m)
		}
		if out := sh.ok("", "secret", "get", "api-keys/odd", "--version", "1"); out != odd {
			t.Errorf("version 1: %q", out)
		}
		sh.fails(2, "", "secret", "set", "api-keys/empty")
		sh.fails(2, "v", "secret", "set", "api-keys/../odd")
		sh.fails(5, "", "secret", "get", "api-keys/none")
		if err := os.WriteFile(file, []byte("\xff\xfe"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := sh.run("", "secret", "set", "api-keys/binary", "--from-file", file); r.code == 0 {
			t.Errorf("bytes that are no text were stored: %q", sh.ok("", "secret", "get", "api-keys/binary"))
		}

		if out := sh.ok("", "secret", "list", "--prefix", "api-keys/"); !strings.HasPrefix(out, "api-keys/odd\tapi_key\t2\t") || strings.Count(out, "\n") != 1 {
			t.Errorf("list: %q", out)
		}
		if out := sh.ok("", "secret", "describe", "api-keys/odd"); !strings.Contains(out, "version\t2\n") || strings.Contains(out, "second") {
			t.Errorf("describe: %q", out)
		}
		sh.fails(2, "", "secret", "delete", "api-keys/odd") // nobody can be asked
		sh.ok("", "secret", "delete", "api-keys/odd", "--yes")
		sh.fails(5, "", "secret", "get", "api-keys/odd")
		if all, _ := sh.json("", "secret", "versions", "api-keys/odd")["versions"].([]any); len(all) != 2 {
			t.Errorf("versions: %v", all)
		}
		sh.ok("", "secret", "restore", "api-keys/odd")
		if out := sh.ok("", "secret", "get", "api-keys/odd"); out != "second" {
			t.Errorf("restored: %q", out)
		}
		sh.ok("x", "secret", "set", "gone")
		if m := sh.json("", "secret", "purge", "gone", "--yes"); m["purged"] != true {
			t.Errorf("purge: %v", m)
		}
		sh.fails(5, "", "secret", "versions", "gone")
	})

	t.Run("agents and policies", func(t *testing.T) {
		r := sh.run("", "agent", "create", "bot")
		if r.code != 0 || !strings.HasPrefix(r.err, "oneclaw: The agent ends with the login that made it") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("agent create without a person: exit code %d: %s", r.code, r.err)
		}
		made := r.out
		id, key := column(t, sh.ok("", "policy", "create", "--agent", "bot", "--path", "api-keys/*", "--expires", "12h"), 1), made[strings.LastIndex(made, "\t")+1:]
		if out := sh.ok("", "agent", "list"); !strings.Contains(out, "bot\t") {
			t.Errorf("agent list: %q", out)
		}
		if m := sh.json("", "agent", "get", "bot"); m["is_active"] != true {
			t.Errorf("agent get: %v", m)
		}
		agent := on(t, s, "ONECLAW_AGENT_API_KEY="+strings.TrimSpace(key))
		if m := agent.json("", "whoami"); m["name"] != "bot" || m["type"] != "agent" {
			t.Errorf("whoami: %v", m)
		}
		if out := agent.ok("", "secret", "get", "api-keys/odd"); out != "second" {
			t.Errorf("the agent got %q", out)
		}
		sh.ok("nobody's", "secret", "set", "private/key")
		there, nowhere := agent.fails(4, "", "secret", "get", "private/key"), agent.fails(4, "", "secret", "get", "private/none")
		if there != nowhere {
			t.Errorf("%q and %q", there.err, nowhere.err)
		}
		if out := sh.ok("", "policy", "list"); column(t, out, 0) != id || !strings.Contains(out, "\tapi-keys/*\t") {
			t.Errorf("policy list: %q", out)
		}
		sh.ok("", "policy", "delete", id, "--yes")
		agent.fails(4, "", "secret", "get", "api-keys/odd", "--vault", text(t, v, "id"))
	})

	t.Run("the log", func(t *testing.T) {
		if all, _ := sh.json("", "audit", "list", "--action", "secret.read", "--limit", "2")["events"].([]any); len(all) != 2 {
			t.Errorf("audit list: %v", all)
		}
		if out := sh.ok("", "audit", "verify"); !strings.HasPrefix(out, "whole\tyes\n") {
			t.Errorf("audit verify: %q", out)
		}
		if m := sh.json("", "audit", "verify"); m["ok"] != true {
			t.Errorf("audit verify: %v", m)
		}
	})
	if out := s.output(); strings.Contains(out, "level=ERROR") || strings.Contains(out, "second") {
		t.Errorf("the server's output:\n%s", out)
	}
}
