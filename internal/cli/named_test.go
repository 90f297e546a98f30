package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// shown is what a terminal's table has in the first column that holds a short id, in the
// row that says a text.
func (s *shell) shown(row string, arguments ...string) string {
	s.t.Helper()
	before := s.tty
	s.tty, s.width = "o", 200
	out := s.ok("", arguments...)
	s.tty = before
	for line := range strings.Lines(out) {
		if !strings.Contains(line, row) {
			continue
		}
		for _, cell := range strings.Fields(line) {
			if len(cell) == 8 && strings.Trim(cell, "0123456789abcdef") == "" {
				return cell
			}
		}
	}
	s.t.Fatalf("%v shows no short id for %q:\n%s", arguments, row, out)
	return ""
}

func TestWhatATableShowsIsTaken(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "db/password")
	s.ok("", "agent", "create", "bot", "--expires", "12h")
	s.ok("", "policy", "create", "--agent", "bot", "--path", "db/*", "--expires", "12h")
	s.ok("", "share", "create", "db/password", "--agent", "bot", "--expires", "1h")
	s.ok("", "key", "create", "job", "--expires", "12h")
	s.ok("", "ip-rule", "add", "deny", "192.0.2.0/24", "--label", "lab", "--password-file", password)
	s.ok("", "org", "invite", "ada@example.com", "--password-file", password)
	s.ok("", "agent", "enroll", "asker", "--human", owner(t, s))
	me := owner(t, s)

	for name, args := range map[string][]string{
		"a vault":            {"vault", "get", s.shown("main", "vault", "list")},
		"an agent":           {"agent", "get", s.shown("bot", "agent", "list")},
		"a policy":           {"policy", "update", s.shown("db/*", "policy", "list"), "--permissions", "read"},
		"a policy's pattern": {"policy", "update", "db/*", "--permissions", "read"},
		"an agent's grants":  {"policy", "list", "--agent", s.shown("bot", "agent", "list")},
		"a member":           {"policy", "list", "--user", s.shown(me, "org", "members")},
		"a member's address": {"policy", "list", "--user", strings.ToUpper(me)},
		"a session":          {"sessions", "made", s.shown("oneclaw-cli", "sessions", "list", "--ended")},
		"a key":              {"key", "made", s.shown("job", "key", "list")},
		"a key's name":       {"key", "made", "job"},
		"an invitation":      {"org", "resend", s.shown("ada@example.com", "org", "invitations")},
		"an address":         {"org", "resend", "ada@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := s.run("", args...); r.code != 0 {
				t.Errorf("%v: exit %d: %s", args, r.code, r.err)
			}
		})
	}
	// What ends things comes last.
	s.ok("", "share", "revoke", s.shown("db/password", "share", "list"), "--yes")
	s.ok("", "policy", "delete", "db/*", "--yes")
	s.ok("", "key", "revoke", "job", "--yes")
	s.ok("", "ip-rule", "delete", "lab", "--yes", "--password-file", password)
	s.ok("", "org", "revoke", "ada@example.com")
	if out := s.ok("", "agent", "accept", s.asked(), "--path", "db/*", "--password-file", password); !strings.Contains(out, "name\tasker\n") {
		t.Errorf("accepted: %q", out)
	}
	s.fails(cli.ExitNotFound, "agent", "reject", "other", "--yes")
	s.fails(cli.ExitNotFound, "agent", "get", "ffffffff")
	s.fails(cli.ExitNotFound, "agent", "get", "nobody")
}

// asked waits for the request of the agent asker, which the server keeps after it has
// answered, and returns its short id.
func (s *shell) asked() string {
	s.t.Helper()
	for late := time.Now().Add(time.Minute); !strings.Contains(s.ok("", "agent", "requests"), "asker"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			s.t.Fatal("no request of asker came")
		}
	}
	return s.shown("asker", "agent", "requests")
}

func TestNamesThatMeanSeveralThings(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "twin", "--expires", "12h")
	first := s.shown("twin", "agent", "list")
	s.ok("", "agent", "enroll", "asker", "--human", owner(t, s))
	s.asked()
	s.ok("", "agent", "reject", "asker", "--yes")
	if r := s.fails(cli.ExitFailure, "agent", "enroll", "asker", "--human", owner(t, s)); !strings.Contains(r.err, " minutes.") || strings.Contains(r.err, "header") {
		t.Errorf("how long to wait: %q", r.err)
	}
	r := s.run("", "agent", "create", "twin", "--expires", "12h")
	if r.code != 0 || !strings.Contains(r.err, "two agents of this name") || !strings.Contains(r.err, first) {
		t.Errorf("a second agent of the name: exit %d, %q", r.code, r.err)
	}
	r = s.fails(cli.ExitUsage, "agent", "get", "twin")
	if !strings.Contains(r.err, "means 2 agents") || !strings.Contains(r.err, first) || strings.Count(r.err, "made ") != 2 {
		t.Errorf("the candidates: %q", r.err)
	}
	s.ok("", "agent", "update", first, "--name", "single")
	s.ok("", "agent", "get", "twin")
	s.ok("", "agent", "delete", "single", "--yes")
	if out := s.ok("", "agent", "get", "single"); !strings.Contains(out, "active\tno\n") {
		t.Errorf("deleted: %q", out)
	}
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "agent", "activate", "single", "--password-file", password)
	if out := s.ok("", "agent", "get", "single"); !strings.Contains(out, "active\tyes\n") {
		t.Errorf("activated: %q", out)
	}
}

func TestAgentsAndPoliciesAreChanged(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	s.ok("", "vault", "create", "second")
	s.ok("", "agent", "create", "bot", "--expires", "12h")
	s.fails(cli.ExitUsage, "agent", "update", "bot")
	s.ok("", "agent", "update", "bot", "--description", "builds", "--vault-ids", "main,second", "--scopes", "api-keys/*", "--token-ttl", "600")
	agent := s.ok("", "agent", "get", "bot")
	for _, want := range []string{"description\tbuilds\n", "scopes\tapi-keys/*\n", "token_life\t600 s\n"} {
		if !strings.Contains(agent, want) {
			t.Errorf("agent get says no %q: %q", want, agent)
		}
	}
	s.ok("", "agent", "update", "bot", "--vault-ids", "any", "--scopes", "any", "--token-ttl", "0", "--expires", "never", "--password-file", password)
	agent = s.ok("", "agent", "get", "bot")
	for _, want := range []string{"scopes\t\n", "vaults\t\n", "token_life\t\n", "expires\tnever\n"} {
		if !strings.Contains(agent, want) {
			t.Errorf("agent get says no %q: %q", want, agent)
		}
	}

	s.ok("", "policy", "create", "--agent", "bot", "--path", "api-keys/*", "--permissions", "read,write", "--ip", "10.0.0.0/8", "--expires", "12h", "--vault", "main")
	conditions := func() string {
		var out struct {
			Policies []struct {
				Conditions  json.RawMessage
				Permissions []string
			}
		}
		if err := json.Unmarshal([]byte(s.ok("", "policy", "list", "--vault", "main", "--json")), &out); err != nil || len(out.Policies) != 1 {
			t.Fatalf("%v: %v", err, out)
		}
		return strings.Join(out.Policies[0].Permissions, ",") + " " + string(out.Policies[0].Conditions)
	}
	s.ok("", "policy", "update", "api-keys/*", "--permissions", "read", "--require-approval", "--vault", "main")
	if got := conditions(); !strings.HasPrefix(got, "read ") || !strings.Contains(got, "10.0.0.0/8") || !strings.Contains(got, "require_approval") {
		t.Errorf("what is not given stays: %s", got)
	}
	s.ok("", "policy", "update", "api-keys/*", "--any-address", "--no-approval", "--expires", "never", "--vault", "main", "--password-file", password)
	if got := conditions(); strings.Contains(got, "10.0.0.0/8") || strings.Contains(got, "require_approval") {
		t.Errorf("what was lifted is there: %s", got)
	}
	if out := s.ok("", "policy", "list", "--vault", "main"); !strings.HasSuffix(out, "\tnever\n") {
		t.Errorf("expiry: %q", out)
	}
	s.fails(cli.ExitUsage, "policy", "update", "api-keys/*", "--vault", "main")
}

func TestTheVaultThatIsUsed(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("", "vault", "create", "second")
	s.fails(cli.ExitUsage, "secret", "list")
	s.ok("", "vault", "use", "second")
	s.ok("v", "secret", "set", "p")
	if out := s.ok("", "secret", "list", "--vault", "main"); out != "" {
		t.Errorf("--vault comes first: %q", out)
	}
	if out := s.ok("", "whoami"); !strings.Contains(out, "vault\tsecond\n") {
		t.Errorf("whoami: %q", out)
	}
	s.ok("", "login", "--dev") // another login to the same organisation
	if out := s.ok("", "secret", "get", "p"); out != "v" {
		t.Errorf("after another login: %q", out)
	}
	s.ok("", "vault", "use", "--none")
	s.fails(cli.ExitUsage, "secret", "list")
	s.ok("", "vault", "use", "second")
	s.ok("", "vault", "delete", "second", "--yes")
	s.ok("", "secret", "list") // there is one vault left
	s.env["ONECLAW_TOKEN"] = "of-somebody-else"
	if r := s.run("", "vault", "use", "--none"); r.code != cli.ExitUsage || !strings.Contains(r.err, "ONECLAW_VAULT_ID") {
		t.Errorf("without the stored login: exit %d, %q", r.code, r.err)
	}
}

// The id that opens a link is not shown to others, so who-can names another for ending it.
func TestWhoCanSaysHowToEndAShare(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "db/password")
	s.ok("", "share", "create", "db/password", "--link", "--expires", "1h")
	s.ok("", "agent", "create", "bot", "--expires", "12h")
	s.ok("", "policy", "create", "--agent", "bot", "--path", "x/*", "--expires", "12h")
	s.ok("", "share", "create", "db/password", "--agent", "bot", "--expires", "1h")
	if out := s.ok("", "agent", "can", "bot"); !strings.Contains(out, "main\tdb/password\t") {
		t.Errorf("a share's vault has no name:\n%s", out)
	}
	s.tty, s.width = "oe", 80
	r := s.run("", "who-can", "db/password")
	_, id, is := strings.Cut(strings.ReplaceAll(r.err, "\n", " "), "anyone with the link: `oneclaw share revoke ")
	id, _, _ = strings.Cut(id, "`")
	if r.code != 0 || !is || len(id) != 36 {
		t.Fatalf("exit %d: %s\n%s", r.code, r.out, r.err)
	}
	s.ok("", "share", "revoke", id, "--yes")
	if r := s.run("", "who-can", "db/password"); r.code != 0 || strings.Contains(r.out+r.err, "link") {
		t.Errorf("afterwards: exit %d: %s\n%s", r.code, r.out, r.err)
	}
}
