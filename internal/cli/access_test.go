package cli_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// Who read it, who can, and what may it: with names alone.
func TestQuestionsAboutAccess(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v1", "secret", "set", "prod/db")
	s.ok("v", "secret", "set", "dev/db")
	s.ok("", "agent", "create", "builder")
	s.ok("", "policy", "create", "--agent", "builder", "--path", "prod/*", "--require-approval")
	if out := s.ok("", "agent", "can", "builder", "--vault", "main"); !strings.HasPrefix(out, "main\tprod/db\tasks\tno\tno\tread: policy ") || strings.Contains(out, "dev/db") || !strings.Contains(out, "asks for approval; write, delete: no policy\n") {
		t.Errorf("agent can: %q", out)
	}
	if out := s.ok("", "agent", "can", "builder", "dev/db"); !strings.HasPrefix(out, "main\tdev/db\tno\tno\tno\tno policy\n") {
		t.Errorf("agent can with a path: %q", out)
	}
	if out := s.ok("", "who-can", "prod/db"); !strings.Contains(out, "agent:builder\tasks\tno\tno\t") || !strings.Contains(out, "\tyes\tyes\tyes\tmade the vault\t") {
		t.Errorf("who-can: %q", out)
	}
	if out := s.ok("", "who-can", "prod/db", "--vault", "main"); !strings.Contains(out, "agent:builder\tasks\tno\tno\t") {
		t.Errorf("who-can with --vault: %q", out)
	}
	s.fails(cli.ExitNotFound, "who-can", "prod/db", "--vault", "nowhere")
	s.fails(cli.ExitNotFound, "agent", "can", "nobody")
	s.fails(cli.ExitUsage, "who-can", "prod/db", "--from", "nowhere")

	s.ok("", "secret", "get", "prod/db")
	if out := s.ok("", "audit", "list", "--resource", "prod/db", "--action", "secret.read"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "\tsecret.read\tsuccess\tuser:") {
		t.Errorf("who read it: %q", out)
	}
	_, ours, _ := strings.Cut("\n"+s.ok("", "vault", "list"), "\nmain\t")
	vault := strings.Fields(ours)[0]
	for _, ref := range []string{"main", vault[:8]} {
		if out := s.ok("", "audit", "list", "--resource", ref); !strings.Contains(out, "\tvault.create\tsuccess\t") || out != s.ok("", "audit", "list", "--resource", vault) {
			t.Errorf("on the vault %s: %q", ref, out)
		}
	}
	agent := strings.Fields(s.ok("", "agent", "list"))[1]
	if out := s.ok("", "audit", "list", "--resource", agent[:8]); !strings.Contains(out, "\tagent.register\tsuccess\t") {
		t.Errorf("on the agent: %q", out)
	}
	if r := s.fails(cli.ExitUsage, "audit", "list", "--resource", "0123abcd"); !strings.Contains(r.err, "whole id") {
		t.Errorf("a part of an id: %q", r.err)
	}
	if out := s.ok("", "audit", "list", "--vault", "main", "--action", "secret.read"); strings.Count(out, "\n") != 1 {
		t.Errorf("in the vault: %q", out)
	}
	if out := s.ok("", "audit", "list", "--actor", "builder"); out != "" {
		t.Errorf("the agent did %q", out)
	}
	s.fails(cli.ExitNotFound, "audit", "list", "--actor", "nobody")
	if r := s.fails(cli.ExitUsage, "audit", "list", "--action", "secret.raed"); !strings.Contains(r.err, "secret.read,") {
		t.Errorf("an unknown action: %q", r.err)
	}
	s.ok("", "agent", "create", "builder")
	if r := s.fails(cli.ExitUsage, "audit", "list", "--actor", "builder"); strings.Count(r.err, "(builder)") != 2 {
		t.Errorf("an ambiguous name: %q", r.err)
	}
	s.fails(cli.ExitUsage, "policy", "create", "--agent", "builder", "--path", "x", "--permissions", "admin")
}

// A value is generated and a version disabled from the command line.
func TestGeneratedAndDisabledFromTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v1", "secret", "set", "db", "--max-reads", "9")
	out := s.ok("", "secret", "rotate", "db", "--generate", "--length", "20", "--charset", "hex")
	value := s.ok("", "secret", "get", "db")
	if len(value) != 20 || strings.Trim(value, "0123456789abcdef") != "" || strings.Contains(out, value) {
		t.Errorf("generated %q, printed %q", value, out)
	}
	s.fails(cli.ExitUsage, "secret", "rotate", "db", "--length", "20")
	s.fails(cli.ExitUsage, "secret", "rotate", "db", "--generate", "--length", "5")
	s.fails(cli.ExitUsage, "secret", "rotate", "db", "--generate", "--charset", "emoji")
	s.fails(cli.ExitUsage, "secret", "rotate", "db", "--generate", "--max-reads", "2")
	s.fails(cli.ExitNotFound, "secret", "rotate", "nothing", "--generate")
	s.fails(cli.ExitUsage, "secret", "disable-version", "db", "two", "--yes")
	s.fails(cli.ExitNotFound, "secret", "disable-version", "db", "9", "--yes")
	s.ok("", "secret", "disable-version", "db", "2", "--yes")
	s.fails(cli.ExitNotFound, "secret", "get", "db")
	if got := s.ok("", "secret", "get", "db", "--version", "1"); got != "v1" {
		t.Errorf("version 1 is %q", got)
	}
	if out := s.ok("", "secret", "versions", "db"); !strings.HasPrefix(out, "2\tdisabled\t") {
		t.Errorf("versions: %q", out)
	}
}
