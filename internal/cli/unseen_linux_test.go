package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// The page's first commands do what it says when they are pasted.
func TestTheFirstCommandsOfThePageWork(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "use-without-seeing.md"))
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## In a few commands\n(.*?)\n## `).FindSubmatch(page)
	if section == nil {
		t.Fatal("the page has no section In a few commands")
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllSubmatch(section[1], -1)
	if len(blocks) != 3 {
		t.Fatalf("the section has %d blocks", len(blocks))
	}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "balance for %s", r.Header.Get("Authorization"))
	}))
	defer up.Close()
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "oneclaw"), []byte("#!/bin/sh\nONECLAW_TEST_PROGRAM=1 exec "+self+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, b := range blocks {
		// The service is another one, and the value comes through a pipe where a person is asked.
		text := strings.NewReplacer("--as stripe", "--host "+strings.TrimPrefix(up.URL, "http://"), "https://api.stripe.com", up.URL).Replace(string(b[1]))
		script.WriteString(text)
	}
	c := s.process()
	c.Path, c.Args = "/bin/bash", []string{"bash", "-euo", "pipefail", "-c", script.String()}
	c.Env = append(c.Env, "PATH="+bin+":"+os.Getenv("PATH"), "ONECLAW_TEST_PROGRAM=")
	c.Stdin = strings.NewReader("sk_live_0123456789abcdef")
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "balance for Bearer [REDACTED:api-keys/stripe]") || strings.Contains(string(out), "sk_live") {
		t.Errorf("%v: %s", err, out)
	}
}

// A binding's credential and a person's password come one on stdin, the other in a file; on a terminal both are asked for.
func TestACredentialAndAPasswordComeApart(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	pass := devPassword(t, s)
	s.ok("", "vault", "create", "app")
	s.ok("v", "secret", "set", "prod/db")
	s.newAgent("worker")
	s.ok("", "policy", "create", "--agent", "worker", "--path", "prod/*", "--require-approval", "--expires", "12h") // what the agent may now takes a person
	add := func(name string, more ...string) []string {
		return append([]string{"agent", "bindings", "add", "worker", name, "--url", "https://api.example.com"}, more...)
	}
	password, credential := s.file("password", pass), s.file("credential", "sk_live_12345678")
	for name, c := range map[string]struct {
		stdin string
		words []string
	}{
		"both on stdin":            {"sk_live_12345678", add("a", "--password-file", "-")},
		"the credential alone":     {"sk_live_12345678", add("b")},
		"the password in a file":   {"sk_live_12345678", add("c", "--password-file", password)},
		"the credential in a file": {pass, add("d", "--from-file", credential)},
		"both in files":            {"", add("e", "--from-file", credential, "--password-file", password)},
	} {
		r := s.run(c.stdin, c.words...)
		if r.code != cli.ExitOK && (strings.Contains(r.err, "or on stdin") || !strings.Contains(r.err, "stdin brought the other value")) {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
		if strings.HasPrefix(name, "both on") == (r.code == cli.ExitOK) && name != "the credential alone" {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}

// Who uses a binding with the flags of another is told which flag is missing.
func TestABindingOfAnotherTypeSaysItsFlag(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	agent := s.newAgent("worker")
	s.ok("", "agent", "update", "worker", "--executions", "on")
	file := s.file("password", devPassword(t, s))
	s.ok("pw-12345678", "agent", "bindings", "add", "worker", "shop", "--type", "postgres", "--db-host", "db.example.com", "--database", "shop", "--user", "reader", "--password-file", file)
	s.ok("sk-12345678", "agent", "bindings", "add", "worker", "graph", "--type", "graphql", "--url", "https://api.example.com/graphql", "--password-file", file)
	s.ok("sk-12345678", "agent", "bindings", "add", "worker", "plain", "--url", "https://api.example.com", "--password-file", file)
	s.ok("sk-12345678", "agent", "bindings", "add", "worker", "hosts", "--host", "api.example.com", "--password-file", file)
	for says, words := range map[string][]string{
		"--sql":                 {"shop", "/a"},
		"--graphql":             {"graph"},
		"PATH":                  {"plain", "--sql", "SELECT 1"},
		"in the place of PATH":  {"hosts", "/a"},
		"one of a PostgreSQL d": {"shop", "--graphql", "{ a }"},
	} {
		if r := agent.run("", append([]string{"agent", "execute"}, words...)...); r.code == cli.ExitOK || !strings.Contains(r.err, says) || strings.Contains(r.err, "intent_type") {
			t.Errorf("%v: exit %d: %s", words, r.code, r.err)
		}
	}
}

// A person sees what an agent suggests before it is taken, and what is bound after.
func TestASuggestionIsShownBeforeItIsTaken(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	agent := s.newAgent("worker")
	s.ok("", "policy", "create", "--agent", "worker", "--path", "**", "--permissions", "use")
	for path, flags := range map[string][]string{"a": {"--as", "stripe"}, "b": {"--host", "api.example.com"}, "c": {"--host", "api.example.com"}, "d": nil, "e": {"--host", "api.example.com"}} {
		agent.ok("", append([]string{"wanted", "ask", path, "--reason", "x", "--vault", "app"}, flags...)...)
	}
	terminal := func(path string, confirm bool) (string, string) {
		s.tty, s.person = "ioe", &person{hidden: "sk_live_12345678", confirm: confirm}
		defer func() { s.tty = "" }()
		out := s.ok("", "wanted", "fill", path)
		return strings.Join(s.person.asked, "\n"), out
	}
	if asked, out := terminal("a", true); !strings.Contains(asked, "api.stripe.com") || !regexp.MustCompile(`Bound to.*api\.stripe\.com and files\.stripe\.com \(bearer\)`).MatchString(out) {
		t.Errorf("a service: asked %q, printed\n%s", asked, out)
	}
	if asked, out := terminal("b", false); !strings.Contains(asked, "api.example.com") || !strings.Contains(out, "no host") {
		t.Errorf("said no: asked %q, printed\n%s", asked, out)
	}
	if asked, out := terminal("d", true); strings.Contains(asked, "suggests") || !strings.Contains(out, "no host") {
		t.Errorf("nothing suggested: asked %q, printed\n%s", asked, out)
	}
	if r := s.run("sk_live_12345678", "wanted", "fill", "c"); r.code != 0 || !strings.Contains(r.err, "--host api.example.com") || !strings.Contains(r.out, "no host") {
		t.Errorf("without a terminal: exit %d: %s\n%s", r.code, r.err, r.out)
	}
	if out := s.ok("sk_live_12345678", "wanted", "fill", "e", "--host", "other.example.com", "--in", "basic"); !strings.Contains(out, "other.example.com (basic)") {
		t.Errorf("a host of the person's own: printed\n%s", out)
	}
	agent.ok("", "wanted", "ask", "f", "--reason", "x", "--vault", "app")
	if out := s.ok("", "wanted", "list"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "\tf\t") {
		t.Errorf("what waits is\n%s", out)
	}
	if out := s.ok("", "wanted", "list", "--all"); strings.Count(out, "\n") != 6 {
		t.Errorf("all are\n%s", out)
	}
	s.fails(cli.ExitUsage, "wanted", "list", "--all", "--status", "filled")
	s.tty = "oe"
	if out := s.ok("", "bindings", "a", "--vault", "app"); !strings.Contains(out, owner(t, s)) {
		t.Errorf("the list does not name who set it:\n%s", out)
	}
}

// A program that can't be run is named, whoever was to run it.
func TestAProgramThatCanNotBeRunIsNamed(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_12345678", "secret", "set", "k")
	plain := s.file("plain", "no program")
	for _, words := range [][]string{{"run", "--env", "A=k"}, {"env", "run"}, {"proxy", "--env", "A=k"}} {
		if r := s.run("", append(words, "--", "no-such-program")...); r.code != cli.ExitNoProgram || !strings.Contains(r.err, "no-such-program: There is no such program") {
			t.Errorf("%v: exit %d: %s", words, r.code, r.err)
		}
		if r := s.run("", append(words, "--", plain)...); r.code != cli.ExitNotRun || !strings.Contains(r.err, plain+": The program can't be run") {
			t.Errorf("%v of a file that is no program: exit %d: %s", words, r.code, r.err)
		}
	}
	ran := filepath.Join(t.TempDir(), "ran")
	if r := s.run("", "proxy", "--env", "A=oneclaw://app/none", "--", "touch", ran); r.code != cli.ExitNotFound || !strings.Contains(r.err, "A is not there, or you may not see it") || !strings.Contains(r.err, "oneclaw secret list") {
		t.Errorf("no such secret: exit %d: %s", r.code, r.err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the program ran with a placeholder of a secret that is not there")
	}
	if r := s.run("", "proxy", "--env", "A=k", "--", "true"); !strings.Contains(r.err, "A is bound to no host") || !strings.Contains(r.err, "oneclaw bind k --host HOST") {
		t.Errorf("no binding: %s", r.err)
	}
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer up.Close()
	ask := `curl -sk --noproxy '' ` + up.URL + `; curl -sk --noproxy '' ` + up.URL
	c := s.process("proxy", "--deny-unbound", "--env", "A=k", "--", "bash", "-c", ask)
	out, _ := c.CombinedOutput()
	if host := strings.TrimPrefix(up.URL, "https://"); strings.Count(string(out), "--deny-unbound refused "+host) != 1 || !strings.Contains(string(out), "oneclaw bind PATH --host HOST") {
		t.Errorf("what was refused is told as %s", out)
	}
}
