package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

const zoePass = "Quite-8-Good-Words"

// mailedTokens waits until there are so many mails with a token, and returns the
// tokens, the oldest first.
func mailedTokens(t *testing.T, data string, many int) []string {
	t.Helper()
	return tokensOf(t, data, "oneclaw org accept", many)
}

// tokensOf is mailedTokens for the mails that say something.
func tokensOf(t *testing.T, data, says string, many int) []string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		files, err := filepath.Glob(filepath.Join(data, "outbox", "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m := regexp.MustCompile(`(?m)^\s*([A-Za-z0-9_-]{43})\s*$`).FindSubmatch(b)
			if m != nil && strings.Contains(string(b), says) {
				found = append(found, string(m[1]))
			}
		}
		if len(found) >= many {
			return found
		}
		<-tick.C
	}
	t.Fatal("no mail came")
	return nil
}

// column is a field of the line that has the text.
func column(t *testing.T, out, text string, n int) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); strings.Contains(line, text) && len(f) > n {
			return f[n]
		}
	}
	t.Fatalf("no line with %q in %q", text, out)
	return ""
}

func TestOrganisationsOnTheRealServer(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.ok("", "login", "--dev")
	data := s.env["ONECLAW_DATA"]
	base := strings.TrimSpace(column(t, s.ok("", "whoami"), "server", 1))

	// Zoe and Yan have accounts, each in an organisation of its own.
	guest := map[string]*shell{}
	for _, name := range []string{"zoe", "yan"} {
		cl, err := client.New(base)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cl.Signup(t.Context(), name+"@example.com", client.ValueOf(zoePass), name); err != nil {
			t.Fatal(err)
		}
		guest[name] = newShell(t, base)
		guest[name].ok(zoePass, "login", "--email", name+"@example.com")
	}
	zoe, yan := guest["zoe"], guest["yan"]

	s.ok("", "org", "invite", "zoe@example.com")
	first := mailedTokens(t, data, 1)[0]
	s.fails(cli.ExitFailure, "org", "invite", "zoe@example.com")
	invitation := column(t, s.ok("", "org", "invitations"), "zoe@example.com", 0)
	s.ok("", "org", "invite", "yan@example.com", "--role", "admin")
	tokens := mailedTokens(t, data, 2)
	second := tokens[1]

	password := zoe.file("pw", zoePass+"\n")
	zoe.fails(cli.ExitUsage, "org", "accept")
	if r := zoe.run(zoePass, "org", "accept", "wrong"); r.code == 0 || !strings.Contains(r.err, "invitation is wrong") {
		t.Errorf("a wrong token: exit %d, %q", r.code, r.err)
	}
	if r := zoe.run("nope", "org", "accept", first); r.code != cli.ExitUnauthenticated {
		t.Errorf("a wrong password: exit %d, %q", r.code, r.err)
	}
	if r := yan.run(zoePass, "org", "accept", first); r.code != cli.ExitDenied {
		t.Errorf("another's invitation: exit %d, %q", r.code, r.err)
	}
	org := column(t, zoe.ok(first+"\n", "org", "accept", "--password-file", password), "organisation", 1)
	if r := zoe.run(zoePass, "org", "accept", first); r.code == 0 {
		t.Error("an invitation was accepted twice")
	}
	// As the mail says, with nothing behind it: a terminal asks for the rest.
	yan.tty, yan.person = "ie", &person{hiddens: []string{" " + second, zoePass}}
	yan.ok("", "org", "accept")
	if len(yan.person.asked) != 2 {
		t.Errorf("asked: %q", yan.person.asked)
	}
	s.fails(cli.ExitNotFound, "org", "revoke", invitation)

	t.Run("a login leads to the organisation that it was switched to", func(t *testing.T) {
		list := zoe.ok(zoePass, "org", "list")
		if strings.Count(list, "\n") != 2 || column(t, list, org, 3) != "no" || column(t, list, "zoe\towner", 3) != "yes" {
			t.Errorf("list: %q", list)
		}
		before, err := os.ReadFile(zoe.credentials())
		if err != nil {
			t.Fatal(err)
		}
		old := regexp.MustCompile(`1ck_[A-Za-z0-9_-]+`).FindString(string(before))
		zoe.ok(zoePass, "org", "switch", org)
		if got := column(t, zoe.ok("", "whoami"), "role", 1); got != "member" {
			t.Errorf("whoami says %q", got)
		}
		if out := zoe.ok("", "org", "members"); !strings.Contains(out, "owner@oneclaw.localhost") || strings.Count(out, "\n") != 3 {
			t.Errorf("members: %q", out)
		}
		zoe.fails(cli.ExitDenied, "org", "invite", "x@example.com")
		stale := newShell(t, base)
		stale.env["ONECLAW_TOKEN"] = old
		stale.fails(cli.ExitUnauthenticated, "whoami")
		if got := column(t, zoe.ok(zoePass, "org", "list"), org, 3); got != "yes" {
			t.Errorf("the list says current: %q", got)
		}
		if r := zoe.run(zoePass, "org", "switch", "no such name"); r.code != cli.ExitNotFound {
			t.Errorf("an unknown name: exit %d, %q", r.code, r.err)
		}
		if r := zoe.run("nope", "org", "switch", "zoe"); r.code != cli.ExitUnauthenticated {
			t.Errorf("a wrong password: exit %d, %q", r.code, r.err)
		}
		zoe.ok(zoePass, "org", "switch", "zoe")
		if got := column(t, zoe.ok("", "whoami"), "role", 1); got != "owner" {
			t.Errorf("whoami says %q", got)
		}
	})

	t.Run("roles and removal", func(t *testing.T) {
		s.ok("", "org", "role", "ZOE@example.com", "admin")
		if got := column(t, s.ok("", "org", "members"), "zoe@example.com", 3); got != "admin" {
			t.Errorf("zoe is %q", got)
		}
		s.fails(cli.ExitDenied, "org", "role", "owner@oneclaw.localhost", "member")
		s.fails(cli.ExitNotFound, "org", "role", "nobody@example.com", "member")
		s.fails(cli.ExitUsage, "org", "remove", "zoe@example.com")
		s.ok("", "org", "remove", "zoe@example.com", "--yes")
		if r := zoe.run(zoePass, "org", "switch", org); r.code != cli.ExitNotFound {
			t.Errorf("a former member switches: exit %d, %q", r.code, r.err)
		}
		zoe.ok("", "whoami") // her own login goes on
	})

	t.Run("invitations are sent again and taken back", func(t *testing.T) {
		s.ok("", "org", "invite", "new@example.com")
		id := column(t, s.ok("", "org", "invitations"), "new@example.com\tmember\twaiting", 0)
		s.ok("", "org", "resend", id)
		s.ok("", "org", "revoke", id)
		if out := s.ok("", "org", "invitations"); out != "" {
			t.Errorf("left: %q", out)
		}
	})
}

func TestIPRulesOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	id := column(t, s.ok("", "ip-rule", "add", "deny", "203.0.113.0/24", "--label", "café", "--for", "agent"), "id", 1)
	if out := s.ok("", "ip-rule", "list"); out != id+"\tdeny\t203.0.113.0/24\tagent\tcafé\n" {
		t.Errorf("list: %q", out)
	}
	if r := s.fails(cli.ExitFailure, "ip-rule", "add", "deny", "127.0.0.0/8"); !strings.Contains(r.err, "force") {
		t.Errorf("a rule against its author: %q", r.err)
	}
	s.fails(cli.ExitUsage, "ip-rule", "add", "perhaps", "192.0.2.0/24")
	s.fails(cli.ExitUsage, "ip-rule", "add", "allow", "192.0.2.0/24", "--for", "cats")
	s.fails(cli.ExitUsage, "ip-rule", "delete", id)
	s.ok("", "ip-rule", "delete", id, "--yes")
	s.fails(cli.ExitNotFound, "ip-rule", "delete", id, "--yes")
	s.ok("", "ip-rule", "add", "deny", "127.0.0.0/8", "--force")
	s.fails(cli.ExitDenied, "ip-rule", "list")
}
