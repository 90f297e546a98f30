package cli_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// Who looks for a variable in the wrong place is told the right one, as a command to copy.
func TestAVariableThatIsSetElsewhereIsFound(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("", "vault", "create", "my other")
	s.ok("1", "env", "set", "URL", "-e", "production", "--vault", "app")
	s.ok("1", "env", "set", "URL", "-e", "preview", "--branch", "a b", "--vault", "app")
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{[]string{"env", "get", "URL", "--vault", "app"}, []string{"URL is not set in all environments at once.", "`oneclaw env get URL -e production`", "`oneclaw env get URL -e preview --branch 'a b'`"}},
		{[]string{"env", "get", "URL", "-e", "staging", "--vault", "app"}, []string{"URL is not set in staging.", "`oneclaw env get URL -e production`"}},
		{[]string{"env", "get", "URL", "-e", "production", "--branch", "x", "--vault", "app"}, []string{"in production on the branch x."}},
		{[]string{"env", "delete", "URL", "--yes", "--vault", "app"}, []string{"`oneclaw env delete URL -e production`"}},
		{[]string{"env", "get", "URL", "--vault", "my other"}, []string{"`oneclaw env get URL -e production --vault app`"}},
		{[]string{"env", "get", "NOPE", "--vault", "app"}, []string{"no variable of this name anywhere"}},
	} {
		r := s.fails(cli.ExitNotFound, tc.args...)
		for _, want := range tc.want {
			if !strings.Contains(r.err, want) {
				t.Errorf("%v: %q does not say %q", tc.args, r.err, want)
			}
		}
	}
}

// What is said to a person fits the terminal; what a program reads is one line.
func TestMessagesFitTheTerminal(t *testing.T) {
	_, s := loggedIn(t)
	plain := s.run("", "secret", "get", "none", "--vault", "nowhere")
	if plain.code != cli.ExitNotFound || strings.Count(plain.err, "\n") != 1 || len(plain.err) <= 60 {
		t.Fatalf("to a program: exit %d, %q", plain.code, plain.err)
	}
	for _, width := range []int{0, 30, 60, 200} {
		s.tty, s.width = "e", width
		r := s.run("", "secret", "get", "none", "--vault", "nowhere")
		if got := strings.Join(strings.Fields(r.err), " "); got != strings.TrimSpace(plain.err) {
			t.Errorf("at %d columns: %q", width, got)
		}
		for line := range strings.Lines(r.err) {
			if len(line)-1 > width && width > 0 && !strings.HasPrefix(line, "`") {
				t.Errorf("at %d columns: %q", width, line)
			}
		}
	}
}

// A share is opened by its link; who tries otherwise and is not signed in is told so.
func TestASharesRecipientWhoIsNotSignedInIsToldWhatToDo(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("hunter2", "secret", "set", "db/password")
	s.ok("", "share", "create", "db/password", "--email", "eve@example.com")
	link := regexp.MustCompile(`(http://\S+)/v1/share/\S+`).FindStringSubmatch(s.ok("", "--json", "share", "create", "db/password", "--user", owner(t, s), "--expires", "1h"))
	if link == nil {
		t.Fatal("no link")
	}
	stranger := newShell(t, "")
	if r := stranger.fails(cli.ExitUsage, "share", "get", "db/password"); !strings.Contains(r.err, "Give the whole link of the share") {
		t.Errorf("no server: %q", r.err)
	}
	at := strings.Trim(link[0], `",`)
	if r := stranger.fails(cli.ExitUnauthenticated, "share", "get", at); !strings.Contains(r.err, "`oneclaw login --api-url "+link[1]+"`") || !strings.Contains(r.err, "link from the mail") {
		t.Errorf("a link of a named share: %q", r.err)
	}
	stranger.env["ONECLAW_BASE_URL"] = link[1]
	if r := stranger.fails(cli.ExitUnauthenticated, "share", "get", "db/password"); !strings.Contains(r.err, "link from the mail") || !strings.Contains(r.err, "`oneclaw login`") {
		t.Errorf("by path: %q", r.err)
	}
}

// The events of a share are found by every name that it is shown by.
func TestTheEventsOfAShareAreFound(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("hunter2", "secret", "set", "db/password")
	s.ok("hunter2", "secret", "set", "db/other")
	url := regexp.MustCompile(`http://\S+`).FindString(s.ok("", "share", "create", "db/password", "--link", "--expires", "1h"))
	s.ok("", "share", "create", "db/other", "--link", "--expires", "1h")
	s.ok("", "share", "get", url)
	id := url[strings.LastIndexByte(url, '/')+1:]
	for _, ref := range []string{id, id[:8], url} {
		out := s.ok("", "audit", "list", "--resource", ref)
		if !strings.Contains(out, "share.create") || !strings.Contains(out, "share.access") || strings.Contains(out, "db/other") {
			t.Errorf("%s: %q", ref, out)
		}
		s.tty, s.width = "o", 200
		if out := s.ok("", "audit", "list", "--resource", ref); strings.Count(out, "db/password in main") != 2 {
			t.Errorf("%s, to a person: %q", ref, out)
		}
		s.tty = ""
		if strings.Contains(s.ok("", "--json", "audit", "list", "--resource", ref), id) {
			t.Errorf("%s: what opens the link is in the log", ref)
		}
	}
}

// An agent that was stopped and let in again has no key; a person who looks at it is told.
func TestAnAgentWithoutAKeyIsShownSo(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := s.file("password", devPassword(t, s)+"\n")
	s.newAgent("worker")
	if out := s.ok("", "agent", "get", "worker"); strings.Contains(out, "none;") {
		t.Errorf("with a key: %q", out)
	}
	s.ok("", "agent", "deactivate", "worker", "--yes")
	s.ok("", "agent", "activate", "worker", "--password-file", password)
	if out := s.ok("", "agent", "get", "worker"); !strings.Contains(out, "api_key\tnone; `oneclaw agent rotate-key ") {
		t.Errorf("without: %q", out)
	}
	s.ok("", "agent", "rotate-key", "worker", "--yes", "--password-file", password)
	if out := s.ok("", "agent", "get", "worker"); strings.Contains(out, "none;") {
		t.Errorf("with a new one: %q", out)
	}
}

// Who may not freeze agents or keep webhooks is told who may.
func TestARefusalOnTheCommandLineSaysWhoMay(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	agent := s.newAgent("worker")
	for _, args := range [][]string{{"freeze"}, {"unfreeze"}, {"webhook", "list"}, {"webhook", "create", "https://example.com/", "--events", "*"}} {
		if r := agent.fails(cli.ExitDenied, args...); !strings.Contains(r.err, "Only an owner or admin of the organisation may do this.") {
			t.Errorf("%v: %q", args, r.err)
		}
	}
	if out := agent.ok("", "agent", "can"); out != "" {
		t.Errorf("what the agent may, it asked itself: %q", out)
	}
	s.fails(cli.ExitUsage, "agent", "can")
	if r := agent.fails(cli.ExitDenied, "freeze", "--status"); !strings.Contains(r.err, "Only a person may do this") {
		t.Errorf("status: %q", r.err)
	}
}

// The log names agents as people do; programs get ids.
func TestTheLogNamesTheAgentsThatWereTouched(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.newAgent("worker")
	s.ok("", "agent", "update", "worker", "--description", "it works")
	s.tty, s.width = "o", 200
	if out := s.ok("", "audit", "list", "--action", "agent.update"); !strings.Contains(out, "agent:worker") {
		t.Errorf("to a person: %q", out)
	}
	s.tty = ""
	if out := s.ok("", "audit", "list", "--action", "agent.update"); strings.Contains(out, "worker") {
		t.Errorf("to a program: %q", out)
	}
}
