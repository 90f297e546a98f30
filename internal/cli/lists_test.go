package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// twoLines wants a table whose rows have two lines at most at 80 columns, with nothing cut. begins
// tells where a row begins; header is how many lines the header has.
func twoLines(t *testing.T, out string, begins func(line string) bool) {
	t.Helper()
	run, rows := 0, 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > 80 {
			t.Errorf("a line has %d columns: %q", n, line)
		}
		if begins(line) {
			run, rows = 0, rows+1
		}
		if run++; rows > 0 && run > 2 {
			t.Errorf("a row has %d lines:\n%s", run, out)
			return
		}
	}
	if rows == 0 || strings.Contains(out, "…") {
		t.Errorf("no rows, or something is cut:\n%s", out)
	}
}

// Requests and events are read at 80 columns: two lines a row, and all that decides.
func TestRequestsAndEventsHaveTwoLinesAtMost(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	const path, name = "production/databases/primary/root", "builder-of-many-things"
	s.ok("v", "secret", "set", path)
	agent := s.newAgent(name)
	s.ok("", "policy", "create", "--agent", name, "--path", "production/**", "--require-approval", "--expires", "12h")
	agent.fails(cli.ExitDenied, "secret", "get", path)
	s.ok("", "approval", "approve", path, "--yes", "--password-file", password)
	agent.ok("", "secret", "get", path)
	agent.fails(cli.ExitDenied, "secret", "get", "other/path/that/no/policy/allows")
	s.ok("", "share", "create", path, "--link", "--expires", "1h", "--password-file", password)
	s.env["NO_COLOR"] = "1"
	id := s.shown(path, "approval", "list")
	raw := s.ok("", "--json", "approval", "list")
	s.tty, s.width = "o", 80

	out := s.ok("", "approval", "list")
	twoLines(t, out, func(line string) bool { return strings.HasPrefix(line, id[:8]) })
	for _, want := range []string{id[:8], "used", "read", path + " in main", "agent:" + name, s.now.UTC().Format("2006-01-02 ")} {
		if !strings.Contains(out, want) {
			t.Errorf("requests lack %q:\n%s", want, out)
		}
	}
	out = s.ok("", "audit", "list")
	year := fmt.Sprint(s.now.UTC().Year(), "-")
	twoLines(t, out, func(line string) bool { return strings.HasPrefix(line, year) })
	for _, want := range []string{"secret.read", "denied", "success", name, "  " + path + " in main\n", path + " in main (approval required)\n", "(no policy)\n", "TIME (UTC)", "WHAT\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("events lack %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "denied (") {
		t.Errorf("a reason widens the first line:\n%s", out)
	}
	out = s.ok("", "share", "list")
	twoLines(t, out, func(line string) bool { return strings.Contains(line, "anyone with the link") })
	for _, part := range strings.SplitAfter(path, "databases/") {
		if !strings.Contains(out, part) {
			t.Errorf("shares lack %q:\n%s", part, out)
		}
	}

	t.Run("what fits a line has one", func(t *testing.T) {
		s.width = 200
		if out := s.ok("", "audit", "list", "--outcome", "denied"); !strings.Contains(out, "denied (no policy)") || strings.Contains(out, "\n  ") {
			t.Errorf("%s", out)
		}
		if out := s.ok("", "approval", "list"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "OPERATION  PATH") {
			t.Errorf("%s", out)
		}
	})
	t.Run("programs get what they got", func(t *testing.T) {
		s.tty = ""
		if got := s.ok("", "--json", "approval", "list"); got != raw {
			t.Errorf("%s", got)
		}
		if out := s.ok("", "audit", "list", "--outcome", "denied"); !strings.Contains(out, "\tdenied (no_policy)\t") || strings.Count(strings.SplitN(out, "\n", 2)[0], "\t") != 6 {
			t.Errorf("%q", out)
		}
	})
	t.Run("an id is shown where a name is not enough", func(t *testing.T) {
		twin := s.newAgent(name)
		twin.fails(cli.ExitDenied, "secret", "get", "other", "--vault", strings.Split(s.ok("", "vault", "list"), "\t")[1])
		s.tty, s.width = "o", 200
		if out := s.ok("", "audit", "list", "--action", "secret.read"); strings.Count(out, name+" (") < 3 {
			t.Errorf("two of one name:\n%s", out)
		}
	})
}

// The events of what a table shows are found by the id that it shows.
func TestEventsAreFoundByTheIDsThatTablesShow(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "gated/one")
	s.ok("v", "secret", "set", "other")
	agent := s.newAgent("builder")
	s.ok("", "policy", "create", "--agent", "builder", "--path", "gated/*", "--require-approval", "--expires", "12h")
	agent.fails(cli.ExitDenied, "secret", "get", "gated/one")
	s.ok("", "share", "create", "other", "--link", "--expires", "1h")
	shown := func(args ...string) string { // the first id of a table on a terminal
		s.tty, s.width, s.env["NO_COLOR"] = "o", 80, "1"
		defer func() { s.tty = "" }()
		lines := strings.Split(s.ok("", args...), "\n")
		for _, line := range lines[1:] {
			if id, _, _ := strings.Cut(line, " "); len(id) == 8 {
				return id
			}
		}
		t.Fatalf("%v shows no id: %q", args, lines)
		return ""
	}
	request := shown("approval", "list")
	s.ok("", "approval", "deny", request, "--yes", "--password-file", password)
	if out := s.ok("", "audit", "list", "--resource", request); !strings.Contains(out, "\tapproval.deny\t") || strings.Contains(out, "share") {
		t.Errorf("of a request: %q", out)
	}
	if out := s.ok("", "audit", "list", "--resource", shown("share", "list")); !strings.Contains(out, "\tshare.create\t") || strings.Contains(out, "approval") {
		t.Errorf("of a share: %q", out)
	}
	if r := s.fails(cli.ExitUsage, "audit", "list", "--resource", "0123abcd"); !strings.Contains(r.err, "a whole id") {
		t.Errorf("of nothing: %s", r.err)
	}
}

// A share has one id to people, wherever it is shown, and both are taken.
func TestAShareHasOneID(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "db")
	var made struct {
		ID      string `json:"id"`
		ShareID string `json:"-"`
	}
	make := func() {
		t.Helper()
		decoded(t, s.ok("", "--json", "share", "create", "db", "--link", "--expires", "1h"), &made)
		var all struct {
			Shares []client.ShareItem `json:"shares"`
		}
		decoded(t, s.ok("", "--json", "share", "list"), &all)
		if made.ShareID = all.Shares[0].ShareID; all.Shares[0].ID != made.ID || made.ShareID == "" || made.ShareID == made.ID {
			t.Fatalf("%+v, %+v", made, all)
		}
	}
	make()
	s.tty, s.width = "o", 200
	for _, args := range [][]string{{"share", "list"}, {"who-can", "db"}, {"audit", "list", "--action", "share.create"}} {
		if out := s.ok("", args...); !strings.Contains(out, made.ShareID[:8]) && args[0] != "audit" || strings.Contains(out, made.ID[:8]) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := s.ok("", "share", "create", "db", "--link", "--expires", "1h"); strings.Count(out, strings.Fields(out)[1]) != 1 {
		t.Errorf("the id is that of the link: %s", out)
	}
	s.tty = ""
	if out := s.ok("", "share", "list"); !strings.Contains(out, made.ID+"\t") {
		t.Errorf("programs get what opens it: %s", out)
	}
	for _, ref := range []func() string{
		func() string { return made.ID }, func() string { return made.ID[:8] }, func() string { return made.ShareID }, func() string { return made.ShareID[:8] },
	} {
		s.ok("", "audit", "list", "--resource", ref())
		s.ok("", "share", "revoke", ref(), "--yes")
		s.fails(cli.ExitNotFound, "share", "revoke", ref(), "--yes")
		make()
	}
	for _, ref := range []string{made.ID, made.ShareID, made.ShareID[:8], made.ID[:8]} {
		if got := s.ok("", "share", "get", ref); got != "v" {
			t.Errorf("its maker got %q by %s", got, ref)
		}
	}
	stranger := newShell(t, "")
	stranger.env["ONECLAW_DATA"] = s.env["ONECLAW_DATA"]
	stranger.fails(cli.ExitNotFound, "share", "get", made.ShareID) // it opens nothing
	stranger.ok("", "share", "get", made.ID)
}

// Who made something that ends early is told why, and what it can do about that.
func TestWhatEndsEarlySaysWithWhat(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "db")
	agent := s.newAgent("short") // ends in twelve hours
	s.ok("", "policy", "create", "--agent", "short", "--path", "**", "--expires", "12h")
	r := agent.run("", "share", "create", "db", "--creator")
	if r.code != 0 || !strings.Contains(r.err, "The share ends with the agent that made it, ") || !strings.Contains(r.err, "Who manages the agent can put off its end.") || strings.Contains(r.err, "terminal") || strings.Contains(r.err, "password") {
		t.Errorf("an agent: exit %d, %q", r.code, r.err)
	}
	s.now = time.Now().Add(-2 * time.Hour)
	s.ok("", "login", "--dev")
	s.now = time.Now()
	r = s.run("", "share", "create", "db", "--link")
	if r.code != 0 || !strings.Contains(r.err, "ends with the login that made it") || !strings.Contains(r.err, "say until when with --expires, and sign in for it: give --password-file") {
		t.Errorf("a person in a pipe: exit %d, %q", r.code, r.err)
	}
	password := s.file("password", devPassword(t, s)+"\n")
	if r := s.run("", "share", "create", "db", "--link", "--expires", "24h", "--password-file", password); r.code != 0 || r.err != "" {
		t.Errorf("as it says: exit %d, %q", r.code, r.err)
	}
	key := s.ok("", "--json", "key", "create", "k", "--expires", "1h")
	var made struct {
		APIKey string `json:"api_key"`
	}
	decoded(t, key, &made)
	program := newShell(t, "")
	program.env["ONECLAW_DATA"], program.env["ONECLAW_API_KEY"], program.now = s.env["ONECLAW_DATA"], made.APIKey, s.now
	if r := program.run("", "share", "create", "db", "--link", "--expires", "2h"); r.code != 0 || !strings.Contains(r.err, "ends with the API key that made it") || strings.Contains(r.err, "password-file") {
		t.Errorf("a program: exit %d, %q", r.code, r.err)
	}
}

// An agent is told why a human said no, in the human's words as they are.
func TestAnAgentIsToldWhyItWasDenied(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "db")
	agent := s.newAgent("builder")
	s.ok("", "policy", "create", "--agent", "builder", "--path", "**", "--require-approval", "--expires", "12h")
	agent.fails(cli.ExitDenied, "secret", "get", "db")
	s.ok("", "approval", "deny", "db", "--yes", "--reason", "ask me about vault_id 7 first", "--password-file", password)
	if out := agent.ok("", "approval", "show", "db"); !strings.Contains(out, "decision\task me about vault_id 7 first\n") {
		t.Errorf("its request: %q", out)
	}
	r := agent.fails(cli.ExitFailure, "secret", "get", "db")
	if !strings.Contains(r.err, `They said: "ask me about vault_id 7 first".`) || !strings.Contains(r.err, "Try again in ") || strings.Contains(r.err, "@") {
		t.Errorf("reads again: %s", r.err)
	}
}
