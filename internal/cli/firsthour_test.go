package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// newAgent makes an agent that ends in twelve hours, and returns a shell of its own.
func (s *shell) newAgent(name string) *shell {
	s.t.Helper()
	var made struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(s.ok("", "--json", "agent", "create", name, "--expires", "12h")), &made); err != nil {
		s.t.Fatal(err)
	}
	agent := newShell(s.t, "")
	agent.env["ONECLAW_DATA"], agent.env["ONECLAW_AGENT_API_KEY"], agent.now = s.env["ONECLAW_DATA"], made.APIKey, s.now
	return agent
}

// A person who starts with an agent, an approval and a share finds words and no dead end.
func TestTheFirstHourAtTheCommandLine(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "production/databases/primary/root")
	s.ok("v", "secret", "set", "open")
	agent := s.newAgent("builder-of-many-things")
	s.ok("", "policy", "create", "--agent", "builder-of-many-things", "--path", "production/**", "--require-approval", "--approval-uses", "2", "--approval-seconds", "600", "--expires", "12h")
	s.env["NO_COLOR"] = "1"

	t.Run("a reason reaches the request that waits already", func(t *testing.T) {
		agent.fails(cli.ExitDenied, "secret", "get", "production/databases/primary/root")
		if out := agent.ok("", "approval", "request", "production/databases/primary/root", "--reason", "deploy 7"); !strings.Contains(out, "reason\tdeploy 7\n") {
			t.Errorf("the first reason: %q", out)
		}
		if out := s.ok("", "approval", "show", "production/databases/primary/root"); !strings.Contains(out, "reason\tdeploy 7\n") || !strings.Contains(out, "uses\t2 once approved\n") {
			t.Errorf("who decides is shown %q", out)
		}
		if r := agent.run("", "approval", "request", "production/databases/primary/root", "--reason", "another"); r.code != 0 || !strings.Contains(r.out, "deploy 7") || !strings.Contains(r.err, "Yours was not added") {
			t.Errorf("a second reason: exit %d, %q, %q", r.code, r.out, r.err)
		}
	})
	t.Run("requests are a table at 80 columns", func(t *testing.T) {
		s.tty, s.width = "o", 80
		defer func() { s.tty = "" }()
		out := s.ok("", "approval", "list")
		if !strings.HasPrefix(out, "ID  ") || strings.Contains(out, "…") {
			t.Errorf("no table, or cut:\n%s", out)
		}
		for line := range strings.Lines(out) {
			if len(line) > 81 {
				t.Errorf("a line has %d columns: %q", len(line)-1, line)
			}
		}
	})
	t.Run("a request that was decided has no uses left over", func(t *testing.T) {
		out := s.ok("", "approval", "approve", s.shown("production/", "approval", "list"), "--password-file", password)
		if !strings.Contains(out, "uses\t2 of 2 left\n") {
			t.Errorf("approved: %q", out)
		}
		agent.ok("", "secret", "get", "production/databases/primary/root")
		agent.ok("", "approval", "request", "production/other")
		if out := s.ok("", "approval", "deny", s.shown("production/other", "approval", "list"), "--password-file", password); !strings.Contains(out, "uses\t\n") {
			t.Errorf("denied: %q", out)
		}
	})
	t.Run("conditions, reasons and statuses are words to a person", func(t *testing.T) {
		s.tty, s.width = "o", 200
		defer func() { s.tty = "" }()
		link := s.ok("", "share", "create", "open", "--link", "--max-reads", "1", "--expires", "1h")
		id := strings.Fields(link)[1]
		s.tty = ""
		s.ok("", "share", "get", id)
		s.tty = "o"
		agent.fails(cli.ExitDenied, "secret", "get", "open")
		for _, args := range [][]string{
			{"agent", "can", "builder-of-many-things"}, {"policy", "list"}, {"who-can", "production/x"}, {"share", "list"}, {"audit", "list"},
			{"policy", "create", "--agent", "builder-of-many-things", "--path", "x/*", "--require-approval", "--ip", "10.0.0.0/8", "--expires", "1h"},
		} {
			out := s.ok("", args...)
			for _, raw := range []string{"{", "anyone_with_link", "used_up", "no_policy", "approval_required", "require_approval"} {
				if strings.Contains(out, raw) {
					t.Errorf("%v says %q:\n%s", args, raw, out)
				}
			}
		}
		for want, args := range map[string][]string{
			"approval (2 uses within 10 minutes)": {"policy", "list"}, "anyone with the link": {"share", "list"}, "used up": {"share", "list"}, "denied (no policy)": {"audit", "list"},
		} {
			if out := s.ok("", args...); !strings.Contains(out, want) {
				t.Errorf("%v does not say %q:\n%s", args, want, out)
			}
		}
	})
	t.Run("a vault that an agent makes stops nobody", func(t *testing.T) {
		agent.ok("", "vault", "create", "scratch")
		if out := s.ok("", "secret", "list"); !strings.Contains(out, "production/databases/primary/root\t") {
			t.Errorf("the person's own vault: %q", out)
		}
		if out := s.ok("", "secret", "list", "--vault", "scratch"); out != "" {
			t.Errorf("--vault: %q", out)
		}
		s.ok("", "vault", "create", "second")
		if r := s.fails(cli.ExitUsage, "secret", "list"); !strings.Contains(r.err, "main, scratch (made by an agent), second") || !strings.Contains(r.err, "oneclaw vault use NAME") {
			t.Errorf("the question: %q", r.err)
		}
		s.ok("", "vault", "use", "main")
		s.ok("", "secret", "get", "production/databases/primary/root")
	})
	t.Run("a share that ends with the login says so", func(t *testing.T) {
		s.now = time.Now().Add(-2 * time.Hour) // the login's end is two hours nearer
		s.ok("", "login", "--dev")
		s.now = time.Now()
		s.ok("", "vault", "use", "main")
		if r := s.run("", "share", "create", "open", "--link"); r.code != 0 || !strings.Contains(r.err, "The share ends with the login that made it, ") {
			t.Errorf("without --expires: exit %d, %q", r.code, r.err)
		}
		if r := s.run("", "share", "create", "open", "--link", "--expires", "1h"); r.code != 0 || r.err != "" {
			t.Errorf("with an earlier end: exit %d, %q", r.code, r.err)
		}
	})
	t.Run("a passphrase is typed twice", func(t *testing.T) {
		s.tty = "ioe"
		defer func() { s.tty = "" }()
		for phrases, want := range map[string]int{"open sesame|open sesame": cli.ExitOK, "open sesame|open sesam": cli.ExitUsage, "|": cli.ExitUsage} {
			s.person.hiddens = strings.Split(phrases, "|")
			if r := s.run("", "share", "create", "open", "--link", "--expires", "1h", "--passphrase"); r.code != want || len(s.person.hiddens) > 0 {
				t.Errorf("%s: exit %d, want %d: %s", phrases, r.code, want, r.err)
			}
		}
	})
	t.Run("scopes that mean nothing are refused", func(t *testing.T) {
		for _, scopes := range []string{"vault:reed", "bogus:read", "vault:read,secrets:everything", "read", "vault"} {
			if r := s.fails(cli.ExitUsage, "key", "create", "k", "--scopes", scopes, "--expires", "1h"); !strings.Contains(r.err, "vault:read") {
				t.Errorf("%s: %q names no candidates", scopes, r.err)
			}
		}
		s.ok("", "key", "create", "k", "--scopes", "vault:read,secret.*,prod/**", "--expires", "1h")
	})
	t.Run("an environment that no variable has is said", func(t *testing.T) {
		if r := s.run("", "env", "run", "-e", "prodution", "--", "true"); r.code != 0 || !strings.Contains(r.err, "No environment variable holds in prodution") {
			t.Errorf("none at all: exit %d, %q", r.code, r.err)
		}
		s.ok("1", "env", "set", "A")
		s.ok("1", "env", "set", "B", "-e", "production")
		if r := s.run("", "env", "run", "-e", "prodution", "--", "true"); r.code != 0 || !strings.Contains(r.err, "is of prodution alone") {
			t.Errorf("those of all: exit %d, %q", r.code, r.err)
		}
		for _, args := range [][]string{{"env", "run", "-e", "production", "--", "true"}, {"env", "run", "--", "true"}} {
			if r := s.run("", args...); r.code != 0 || r.err != "" {
				t.Errorf("%v: exit %d, %q", args, r.code, r.err)
			}
		}
	})
	t.Run("events have seconds, and say of which clock", func(t *testing.T) {
		s.tty, s.width = "o", 200
		defer func() { s.tty = "" }()
		out := strings.Split(s.ok("", "audit", "list", "--limit", "1"), "\n")
		if at, err := time.Parse(time.DateTime, out[1][:min(len(out[1]), 19)]); err != nil || time.Since(at).Abs() > time.Hour || !strings.HasPrefix(out[0], "TIME (UTC) ") {
			t.Errorf("%q: %v", out, err)
		}
	})
}

// Who did something is found like everybody else: by name, mail address or short id.
func TestWhoDidSomethingIsFoundByName(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.newAgent("twin").ok("", "whoami")
	first := s.shown("twin", "agent", "list")
	for _, who := range []string{"twin", first, strings.ToUpper(owner(t, s))} {
		if out := s.ok("", "audit", "list", "--actor", who); !strings.Contains(out, "\n") {
			t.Errorf("%s did nothing: %q", who, out)
		}
	}
	s.ok("", "agent", "deactivate", "twin", "--yes")
	s.newAgent("twin")
	if r := s.fails(cli.ExitUsage, "audit", "list", "--actor", "twin"); !strings.Contains(r.err, "means 2 agents and members") || !strings.Contains(r.err, first) {
		t.Errorf("one that was stopped did things too: %q", r.err)
	}
	if r := s.fails(cli.ExitNotFound, "audit", "list", "--actor", "nobody"); !strings.Contains(r.err, "oneclaw org members") {
		t.Errorf("nobody: %q", r.err)
	}
}

func TestWebhooksAtTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	s.fails(cli.ExitUsage, "webhook", "create", receiver.URL)
	s.fails(cli.ExitUsage, "webhook", "create", receiver.URL, "--events", "secret.bogus", "--password-file", password)
	made := s.ok("", "webhook", "create", receiver.URL+"/hook", "--events", "secret.*,policy.create", "--description", "tells us", "--password-file", password)
	if !strings.Contains(made, "secret\twhsec_") || !strings.Contains(made, "events\tsecret.*,policy.create\n") {
		t.Errorf("made: %q", made)
	}
	for _, args := range [][]string{{"webhook", "list"}, {"webhook", "show", receiver.URL + "/hook"}, {"webhook", "show", "tells us"}, {"webhook", "show", s.shown("/hook", "webhook", "list")}, {"--json", "webhook", "list"}} {
		if out := s.ok("", args...); strings.Contains(out, "whsec_") || !strings.Contains(out, receiver.URL+"/hook") {
			t.Errorf("%v: %q", args, out)
		}
	}
	if out := s.ok("", "webhook", "update", "tells us", "--stop"); !strings.Contains(out, "status\tinactive\n") || !strings.Contains(out, "description\ttells us\n") {
		t.Errorf("stopped: %q", out)
	}
	s.fails(cli.ExitUsage, "webhook", "update", "tells us")
	s.fails(cli.ExitUsage, "webhook", "update", "tells us", "--start", "--stop")
	if out := s.ok("", "webhook", "update", "tells us", "--start", "--events", "secret.write", "--description", "", "--password-file", password); !strings.Contains(out, "status\tactive\n") || !strings.Contains(out, "events\tsecret.write\n") || !strings.Contains(out, "description\t\n") {
		t.Errorf("started: %q", out)
	}
	s.fails(cli.ExitNotFound, "webhook", "show", "tells us")
	s.ok("", "webhook", "delete", receiver.URL+"/hook", "--yes")
	if out := s.ok("", "webhook", "list"); out != "" {
		t.Errorf("deleted: %q", out)
	}
	s.fails(cli.ExitNotFound, "webhook", "delete", receiver.URL+"/hook", "--yes")
}
