package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/ops"
)

// serveDev runs the real server, as `oneclaw dev` does, and returns a shell on the
// same machine where nothing else is set up. environ is the server's.
func serveDev(t *testing.T, environ ...string) *shell {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	out, in := io.Pipe()
	dev := app.Commands(app.Deps{Stdout: in, Stderr: io.Discard, Environ: environ, Version: "test"})[0]
	dev.SilenceErrors, dev.SilenceUsage = true, true
	dev.SetArgs([]string{"--listen", "127.0.0.1:0", "--shroud-listen", "127.0.0.1:0", "--data", data})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := dev.ExecuteContext(ctx)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	// What it prints ends when it serves; then the credentials are there.
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if _, err := os.Stat(filepath.Join(data, "dev-credentials.json")); err != nil {
		t.Fatal(err)
	}
	s := newShell(t, "")
	s.env["ONECLAW_DATA"] = data
	s.verify = func(r io.Reader, key string) (client.AuditReport, error) { return ops.VerifyExport(r, key) }
	return s
}

// fails runs a command that must fail with the code.
func (s *shell) fails(code int, arguments ...string) result {
	s.t.Helper()
	r := s.run("", arguments...)
	if r.code != code || strings.Count(r.err, "\n") != 1 {
		s.t.Errorf("%v: exit %d, want %d: %q", arguments, r.code, code, r.err)
	}
	return r
}

func TestTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.fails(cli.ExitUnauthenticated, "vault", "list")
	s.ok("", "login", "--dev")
	if out := s.ok("", "whoami"); !strings.Contains(out, "role\towner\n") {
		t.Errorf("whoami: %q", out)
	}
	s.ok("", "vault", "create", "main")
	vault := strings.Split(s.ok("", "vault", "list"), "\t")[1]
	s.fails(cli.ExitFailure, "vault", "create", "main")
	const value = "hunter2 \"<&>\\ 鍵\u2028\x01\n\nend"
	s.ok(value, "secret", "set", "api-keys/one", "--type", "api_key", "--metadata", `{"team":"a"}`, "--expires", "90d")
	s.ok("second", "secret", "rotate", "api-keys/one")
	s.ok("x", "secret", "set", "private/two", "--max-reads", "1")
	if got := s.ok("", "secret", "get", "api-keys/one"); got != "second" {
		t.Errorf("got %q", got)
	}
	if got := s.ok("", "secret", "get", "api-keys/one", "--version", "1"); got != value {
		t.Errorf("version 1 is %q", got)
	}
	if r := s.fails(cli.ExitNotFound, "secret", "get", "api-keys/one", "--version", "9"); !strings.Contains(r.err, "no version 9") {
		t.Errorf("a version that is not there: %q", r.err)
	}
	if r := s.fails(cli.ExitFailure, "secret", "restore", "api-keys/one"); !strings.Contains(r.err, "not deleted") {
		t.Errorf("a restore of what is not deleted: %q", r.err)
	}
	if out := s.ok("", "secret", "describe", "api-keys/one"); !strings.Contains(out, `metadata	{"team":"a"}`) || strings.Contains(out, "expires\tnever") {
		t.Errorf("a rotation dropped something: %q", out)
	}
	if out := s.ok("", "secret", "list"); !strings.HasPrefix(out, "api-keys/one\tapi_key\t2\t") || strings.Count(out, "\n") != 2 {
		t.Errorf("list: %q", out)
	}
	if out := s.ok("", "secret", "describe", "private/two"); !strings.Contains(out, "version\t1\n") {
		t.Errorf("describe: %q", out)
	}
	s.ok("", "secret", "get", "private/two")
	s.fails(cli.ExitNotFound, "secret", "get", "private/two")
	s.fails(cli.ExitNotFound, "secret", "get", "private/three")

	t.Run("a deleted secret comes back, a purged one does not", func(t *testing.T) {
		s.ok("", "secret", "delete", "api-keys/one", "--yes")
		s.fails(cli.ExitNotFound, "secret", "get", "api-keys/one")
		if out := s.ok("", "secret", "versions", "api-keys/one"); !strings.HasPrefix(out, "2\tdeleted\tapi_key\t") {
			t.Errorf("versions: %q", out)
		}
		s.ok("", "secret", "restore", "api-keys/one")
		s.ok("", "secret", "get", "api-keys/one")
		s.ok("x", "secret", "set", "gone")
		s.ok("", "secret", "purge", "gone", "--yes")
		s.fails(cli.ExitNotFound, "secret", "versions", "gone")
	})

	t.Run("an agent gets what it was granted and nothing else", func(t *testing.T) {
		var made struct {
			APIKey string `json:"api_key"`
		}
		if err := json.Unmarshal([]byte(s.ok("", "--json", "agent", "create", "bot")), &made); err != nil {
			t.Fatal(err)
		}
		id, _, _ := strings.Cut(s.ok("", "policy", "create", "--agent", "bot", "--path", "api-keys/*"), "\n")
		agent := newShell(t, "")
		agent.env["ONECLAW_DATA"] = s.env["ONECLAW_DATA"]
		agent.env["ONECLAW_AGENT_API_KEY"] = made.APIKey
		if out := agent.ok("", "whoami"); !strings.Contains(out, "name\tbot\n") {
			t.Errorf("whoami: %q", out)
		}
		if got := agent.ok("", "secret", "get", "api-keys/one"); got != "second" {
			t.Errorf("got %q", got)
		}
		there, not := agent.fails(cli.ExitDenied, "secret", "get", "private/two"), agent.fails(cli.ExitDenied, "secret", "get", "private/nothing")
		if there.err != not.err {
			t.Errorf("a path that exists answers %q, one that does not %q", there.err, not.err)
		}
		if out := agent.ok("", "secret", "list"); strings.Contains(out, "private") {
			t.Errorf("list: %q", out)
		}
		s.ok("", "policy", "delete", strings.TrimPrefix(id, "id\t"), "--yes")
		agent.fails(cli.ExitDenied, "secret", "get", "api-keys/one", "--vault", vault)
		_, fresh, _ := strings.Cut(s.ok("", "agent", "rotate-key", "bot", "--yes"), "api_key\t")
		agent.fails(cli.ExitUnauthenticated, "whoami")
		agent.env["ONECLAW_AGENT_API_KEY"] = strings.TrimSpace(fresh)
		agent.ok("", "whoami")
		s.ok("", "agent", "deactivate", "bot", "--yes")
		agent.fails(cli.ExitUnauthenticated, "whoami")
	})

	t.Run("the log is whole, here and offline", func(t *testing.T) {
		if out := s.ok("", "audit", "list", "--action", "secret.read", "--limit", "3"); strings.Count(out, "\tsecret.read\t") != 3 {
			t.Errorf("audit list: %q", out)
		}
		if out := s.ok("", "audit", "list", "--outcome", "denied"); strings.Contains(out, "\tsuccess\t") || !strings.Contains(out, "\tdenied") {
			t.Errorf("audit list --outcome denied: %q", out)
		}
		s.fails(cli.ExitUsage, "audit", "list", "--outcome", "lost")
		if out := s.ok("", "audit", "verify"); !strings.HasPrefix(out, "whole\tyes\n") {
			t.Errorf("audit verify: %q", out)
		}
		keys := s.file("log.pub", s.ok("", "audit", "keys"))
		export := s.ok("", "audit", "export")
		if out := s.ok(export, "audit", "verify", "--file", "-", "--public-key", "@"+keys); !strings.HasPrefix(out, "whole\tyes\n") {
			t.Errorf("offline: %q", out)
		}
		altered := strings.Replace(export, "secret.read", "secret.list", 1)
		if r := s.run(altered, "audit", "verify", "--file", "-", "--public-key", "@"+keys); r.code != cli.ExitFailure || !strings.Contains(r.err, "first bad event") {
			t.Errorf("an altered export: exit %d, %q", r.code, r.err)
		}
	})

	s.ok("", "logout")
	s.fails(cli.ExitUnauthenticated, "whoami")
}

// Who can't prove to be there gets nothing made, not something that ends in a day.
func TestWhatOutlastsTheLoginIsAskedForFirst(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.tty, s.person.hidden = "ioe", "wrong"
	for _, args := range [][]string{{"agent", "create", "bot"}, {"agent", "create", "bot", "--expires", "30d"}, {"org", "invite", "eve@example.com"}} {
		if r := s.run("", args...); r.code != cli.ExitUnauthenticated {
			t.Errorf("%v: exit %d: %s", args, r.code, r.err)
		}
	}
	if out := s.ok("", "agent", "list"); strings.Contains(out, "bot") {
		t.Errorf("after a wrong password: %q", out)
	}
	s.ok("", "agent", "create", "short", "--expires", "1h") // ends before the login
	s.person.hidden = s.devPassword()
	s.ok("", "agent", "create", "bot")
	if out := s.ok("", "agent", "get", "bot"); !strings.Contains(out, "never") {
		t.Errorf("with the password: %q", out)
	}
}

func TestAPolicyThatOutlastsTheLoginIsAskedForFirst(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("", "agent", "create", "short", "--expires", "1h")
	s.tty, s.person.hidden = "ioe", "wrong"
	grant := func(path string, more ...string) []string {
		return append([]string{"policy", "create", "--agent", "short", "--path", path}, more...)
	}
	if r := s.run("", grant("a/*")...); r.code != cli.ExitUnauthenticated {
		t.Errorf("without an end: exit %d: %s", r.code, r.err)
	}
	s.ok("", grant("b/*", "--expires", "1h")...)
	s.tty = ""
	if r := s.run("", grant("c/*")...); r.code != cli.ExitOK || !strings.Contains(r.err, "ends with the login") {
		t.Errorf("with nobody to ask: exit %d: %s", r.code, r.err)
	}
	if r := s.run("", append([]string{"--json"}, grant("e/*")...)...); r.code != cli.ExitOK || !json.Valid([]byte(r.out)) || !strings.Contains(r.err, "ends with the login") {
		t.Errorf("as JSON: exit %d, %q, %q", r.code, r.out, r.err)
	}
	if out := s.ok("", "policy", "list"); strings.Contains(out, "a/*") || strings.Contains(out, "never") {
		t.Errorf("policies: %q", out)
	}
	s.tty, s.person.hidden = "ioe", s.devPassword()
	if out := s.ok("", grant("d/*")...); !strings.Contains(out, "never") {
		t.Errorf("with the password: %q", out)
	}
}

// devPassword is that of the owner whom `oneclaw dev` made.
func (s *shell) devPassword() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.env["ONECLAW_DATA"], "dev-credentials.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var dev struct{ Password string }
	if err := json.Unmarshal(b, &dev); err != nil {
		s.t.Fatal(err)
	}
	return dev.Password
}

// The login of the command line is among the sessions, and says what was made with it.
func TestTheStoredLoginIsAmongTheSessions(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "short", "--expires", "1h")
	var all struct {
		Sessions []client.Session `json:"sessions"`
	}
	decode := func(text string, v any) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatal(err)
		}
	}
	decode(s.ok("", "--json", "sessions", "list"), &all)
	id := ""
	for _, one := range all.Sessions {
		if one.Current {
			id = one.ID
			if one.Kind != "key" {
				t.Errorf("this one is %+v", one)
			}
		}
	}
	var made client.AllMade
	decode(s.ok("", "--json", "sessions", "made", id), &made)
	if made.Total != 1 || len(made.Made) != 1 || made.Made[0].Name != "short" || !made.Made[0].IsLive {
		t.Errorf("made: %+v", made.Made)
	}
	s.tty = "ioe"
	if r := s.run("", "sessions", "end", id); r.code != cli.ExitOK || !strings.Contains(r.err, "agents=1") {
		t.Errorf("ending it: exit %d, %q", r.code, r.err)
	}
	s.tty = ""
	s.fails(cli.ExitUnauthenticated, "sessions", "list")
}
