package cli_test

import (
	"encoding/json"
	"encoding/pem"
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

// devCredentials is what `oneclaw dev` left for the owner.
func devCredentials(t *testing.T, s *shell) (email, password string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.env["ONECLAW_DATA"], "dev-credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Email, Password string }
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.Email, c.Password
}

func devPassword(t *testing.T, s *shell) string {
	t.Helper()
	_, password := devCredentials(t, s)
	return password
}

func owner(t *testing.T, s *shell) string {
	t.Helper()
	email, _ := devCredentials(t, s)
	return email
}

// ofTheAPI finds words that only who calls the API knows.
var ofTheAPI = regexp.MustCompile(`/v1/|\b(POST|GET|PUT|PATCH|DELETE) |[Hh]eader|Retry-After|[a-z]+_[a-z]+ |RFC|expected |uuid|[Ss]end force`)

func TestRefusalsNameTheArgument(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "p")
	s.ok("", "agent", "create", "bot", "--expires", "12h")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a path with a slash before it": {[]string{"secret", "get", "/app/K1"}, cli.ExitUsage, "app/key, not /app/key"},
		"a path with a slash after it":  {[]string{"secret", "set", "app/K1/"}, cli.ExitUsage, "does not end with a slash"},
		"a path with two slashes":       {[]string{"secret", "set", "app//K1"}, cli.ExitUsage, "single slashes"},
		"a path with a dot":             {[]string{"secret", "get", "app/k.pem"}, cli.ExitUsage, "only the characters"},
		"an empty path":                 {[]string{"secret", "get", ""}, cli.ExitUsage, "PATH is empty"},
		"an empty name of a vault":      {[]string{"vault", "get", ""}, cli.ExitUsage, "NAME|ID is empty"},
		"an empty value":                {[]string{"secret", "set", "p"}, cli.ExitUsage, "at least one character"},
		"a network that is none":        {[]string{"policy", "create", "--agent", "bot", "--path", "p", "--ip", "office", "--expires", "1h"}, cli.ExitUsage, ""},
		"a time of day that is none":    {[]string{"policy", "create", "--agent", "bot", "--path", "p", "--after", "nine", "--before", "17:00", "--expires", "1h"}, cli.ExitUsage, ""},
		"a user who is not there":       {[]string{"policy", "create", "--user", "nobody@example.com", "--path", "p", "--expires", "1h"}, cli.ExitNotFound, "oneclaw org members"},
		"an unknown role":               {[]string{"org", "role", "bot", "boss"}, cli.ExitUsage, "owner, admin or member"},
		"an unknown role to invite as":  {[]string{"org", "invite", "a@example.com", "--role", "boss"}, cli.ExitUsage, ""},
		"no mail address":               {[]string{"org", "invite", "nobody"}, cli.ExitUsage, ""},
		"too long a description":        {[]string{"agent", "enroll", "bot", "--human", "a@example.com", "--description", strings.Repeat("x", 1001)}, cli.ExitUsage, "--description is too long: it takes at most 1000 characters"},
		"a life that is too long":       {[]string{"agent", "create", "x", "--token-ttl", "99999999", "--expires", "1h"}, cli.ExitUsage, "--token-ttl is too large: it takes at most 2592000."},
		"a secret to restore":           {[]string{"secret", "restore", "none"}, cli.ExitNotFound, ""},
		"a secret to purge":             {[]string{"secret", "purge", "none", "--yes"}, cli.ExitNotFound, ""},
		"a rule with no network":        {[]string{"ip-rule", "add", "deny", "office"}, cli.ExitUsage, ""},
		"a vault to a command of none":  {[]string{"agent", "list", "--vault", "main"}, cli.ExitUsage, "does not take --vault"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.run("", tc.args...)
			if r.code != tc.code || !strings.Contains(r.err, tc.says) || strings.Count(r.err, "\n") != 1 {
				t.Errorf("exit %d, want %d: %q must say %q", r.code, tc.code, r.err, tc.says)
			}
			if m := ofTheAPI.FindString(r.err); m != "" {
				t.Errorf("%q speaks of the API: %q", r.err, m)
			}
		})
	}
}

func TestCommandsThatDoNotExist(t *testing.T) {
	s := newShell(t, "")
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"with --help":               {[]string{"secret", "gte", "--help"}, "Did you mean `oneclaw secret get`?"},
		"at the top, with --help":   {[]string{"secrt", "--help"}, "Did you mean `oneclaw secret`?"},
		"with -h before it":         {[]string{"-h", "secrt"}, "Did you mean `oneclaw secret`?"},
		"after a flag with a value": {[]string{"--api-url", "http://127.0.0.1:1", "secrt", "--help"}, "Did you mean `oneclaw secret`?"},
		"to help":                   {[]string{"help", "nope"}, "There is no command `oneclaw nope`"},
		"to help, below a group":    {[]string{"help", "secret", "gte"}, "Did you mean `oneclaw secret get`?"},
		"without --help":            {[]string{"secret", "gte"}, "Did you mean `oneclaw secret get`?"},
		"a flag of other programs":  {[]string{"agent", "execute", "pay", "--body", "{}"}, "Did you mean --data?"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := s.run("", tc.args...); r.code != cli.ExitUsage || !strings.Contains(r.err, tc.says) || r.out != "" {
				t.Errorf("exit %d, %q %q must say %q", r.code, r.out, r.err, tc.says)
			}
		})
	}
	for _, args := range [][]string{{"--help"}, {"help"}, {"help", "secret", "get"}, {"secret", "get", "--help"}, {"secret", "get", "p", "--help"}, {"--api-url", "http://127.0.0.1:1", "secret", "--help"}, {"completion", "--help"}} {
		if out := s.ok("", args...); !strings.Contains(out, "Usage:") {
			t.Errorf("%v: %q", args, out)
		}
	}
}

func TestWaitingIsSaidInWords(t *testing.T) {
	for seconds, want := range map[string]string{"1": "in 1 second.", "59": "in 59 seconds.", "119": "in 119 seconds.", "121": "in 3 minutes.", "900": "in 15 minutes.", "7200": "in 2 hours.", "172800": "in 2 days."} {
		f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", seconds)
			reply(w, 429, object{"detail": "Too many requests. Wait as long as the Retry-After header says.", "code": "rate_limited"})
		}))
		s := newShell(t, f.URL)
		r := s.run("password\n", "login", "--email", "a@example.com")
		f.Close()
		if r.code != cli.ExitFailure || !strings.Contains(r.err, "Try again "+want) || ofTheAPI.MatchString(r.err) {
			t.Errorf("%s: exit %d, %q", seconds, r.code, r.err)
		}
	}
}

// How long to wait is said once, and in no words of headers.
func TestWaitingIsSaidOnce(t *testing.T) {
	for _, detail := range []string{"No node of this chain answers. Try again later.", "A human denied this. Talk to them, or wait as long as the Retry-After header says.", "Too many at once. Try again in a moment."} {
		f := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "900")
			reply(w, 429, object{"detail": detail, "code": "rate_limited"})
		}))
		r := newShell(t, f.URL).run("password\n", "login", "--email", "a@example.com")
		f.Close()
		if strings.Count(r.err, "Try again") != 1 || !strings.Contains(r.err, ". Try again in 15 minutes.") || strings.Contains(r.err, "Retry-After") {
			t.Errorf("%s: %q", detail, r.err)
		}
	}
}

// All that needs a person takes the password in the same two ways.
func TestAPasswordInAPipe(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off") // what it counts here are passwords
	s.now = time.Now()
	s.ok("", "login", "--dev")
	password := devPassword(t, s)
	file := s.file("password", password+"\n")
	s.ok("", "ip-rule", "add", "deny", "192.0.2.0/25", "--password-file", file)
	if r := s.run(password+"\n", "ip-rule", "add", "deny", "192.0.2.128/25"); r.code != 0 {
		t.Errorf("on stdin: exit %d, %q", r.code, r.err)
	}
	if r := s.run("", "ip-rule", "add", "deny", "198.51.100.0/24"); r.code != cli.ExitDenied || !strings.Contains(r.err, "--password-file") {
		t.Errorf("without one: exit %d, %q", r.code, r.err)
	}
	if r := s.run("wrong\n", "ip-rule", "add", "deny", "198.51.100.0/24"); r.code != cli.ExitUnauthenticated {
		t.Errorf("a wrong one: exit %d, %q", r.code, r.err)
	}
	if out := s.ok("", "agent", "create", "lasting", "--password-file", file); !strings.Contains(out, "name\tlasting\n") {
		t.Errorf("agent create: %q", out)
	}
	if out := s.ok("", "agent", "get", "lasting"); !strings.Contains(out, "expires\tnever\n") {
		t.Errorf("it ends with the login: %q", out)
	}
	other := newShell(t, "")
	other.env["ONECLAW_DATA"], other.now = s.env["ONECLAW_DATA"], s.now
	other.ok("", "login", "--dev")
	s.ok("", "sessions", "end-all", "--password-file", file)
	other.fails(cli.ExitUnauthenticated, "vault", "list")
}

func TestBytesComeBackAsTheyWere(t *testing.T) {
	var all strings.Builder
	for i := range 256 {
		all.WriteByte(byte(i))
	}
	for name, value := range map[string]string{
		"every byte":       all.String(),
		"a zero":           "\x00",
		"no UTF-8":         "\xff\xfe\xc3\x28",
		"a line end alone": "\n",
		"text with one":    "text\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, s := inMain(t)
			if out := s.ok(value, "secret", "set", "piped", "--base64", "--json"); !strings.Contains(out, `"type": "file"`) {
				t.Errorf("set: %s", out)
			}
			s.ok("", "secret", "set", "filed", "--base64", "--from-file", s.file("value", value), "--metadata", `{"team":"a"}`)
			s.ok("v", "secret", "set", "rotated", "--base64")
			s.ok(value, "secret", "rotate", "rotated", "--base64")
			for _, path := range []string{"piped", "filed", "rotated"} {
				if got := s.ok("", "secret", "get", path, "--base64"); got != value {
					t.Errorf("%s: got %q, want %q", path, got, value)
				}
			}
			if out := s.ok("", "secret", "describe", "filed"); !strings.Contains(out, `"encoding":"base64"`) || !strings.Contains(out, `"team":"a"`) {
				t.Errorf("describe: %q", out)
			}
		})
	}
	_, s := inMain(t)
	s.ok("plain text!", "secret", "set", "text")
	if r := s.run("", "secret", "get", "text", "--base64"); r.code != cli.ExitUsage || r.out != "" || strings.Contains(r.err, "plain") {
		t.Errorf("what is not base64: exit %d, %q %q", r.code, r.out, r.err)
	}
	if r := s.run("\xff", "secret", "set", "text"); r.code != cli.ExitUsage || !strings.Contains(r.err, "--base64") {
		t.Errorf("bytes without the flag: exit %d, %q", r.code, r.err)
	}
	s.tty = "o"
	if r := s.run("", "secret", "get", "text", "--base64"); r.code != cli.ExitUsage {
		t.Errorf("bytes to a terminal: exit %d, %q", r.code, r.out)
	}
}

func TestAnAuthorityOfOnesOwn(t *testing.T) {
	f := newFake(t)
	over := httptest.NewTLSServer(f)
	t.Cleanup(over.Close)
	s := newShell(t, over.URL)
	ca := s.file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: over.Certificate().Raw})))
	f.tokens["person"] = "user"
	s.env["ONECLAW_TOKEN"] = "person"
	if r := s.run("", "vault", "list"); r.code != cli.ExitFailure || !strings.Contains(r.err, "certificate") {
		t.Errorf("without it: exit %d, %q", r.code, r.err)
	}
	s.ok("", "vault", "list", "--ca-file", ca)
	if r := s.run("", "vault", "list", "--ca-file", s.file("none.pem", "nothing")); r.code != cli.ExitUsage || !strings.Contains(r.err, "BEGIN CERTIFICATE") {
		t.Errorf("a file without one: exit %d, %q", r.code, r.err)
	}
	if r := s.run("", "vault", "list", "--ca-file", "/nowhere"); r.code != cli.ExitUsage {
		t.Errorf("no file: exit %d, %q", r.code, r.err)
	}
}

// What decides is read whole on every terminal.
func TestNothingThatDecidesIsCutOff(t *testing.T) {
	_, s := inMain(t)
	s.ok("", "agent", "create", "an-agent-with-quite-a-long-name")
	s.ok("", "policy", "create", "--agent", "an-agent-with-quite-a-long-name", "--path", "production/databases/*/credentials/**", "--ip", "10.0.0.0/8,192.168.0.0/16",
		"--permissions", "read,write,delete", "--expires", "90d", "--require-approval", "--after", "09:00", "--before", "17:00")
	s.tty, s.env["NO_COLOR"] = "oe", "1"
	for _, width := range []int{0, 30, 60, 80, 120} {
		s.width = width
		out := s.ok("", "policy", "list")
		if strings.Contains(out, "…") {
			t.Errorf("at %d columns something is cut off:\n%s", width, out)
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); width >= 80 && n > width {
				t.Errorf("at %d columns a line has %d: %q", width, n, line)
			}
		}
		flat := strings.Join(strings.Fields(out), "")
		if width != 80 && width != 120 && !strings.Contains(flat, "read,write,delete") || !strings.Contains(flat, "delete") {
			t.Errorf("at %d columns a permission is missing:\n%s", width, out)
		}
	}
}
