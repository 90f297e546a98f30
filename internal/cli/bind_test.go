package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// A person binds a secret; an agent that is shown nothing uses it.
func TestASecretIsBoundAndUsedAtTheCommandLine(t *testing.T) {
	var got string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "you sent "+got)
	}))
	defer up.Close()
	host := strings.TrimPrefix(up.URL, "http://")
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_12345678", "secret", "set", "api-keys/pay", "--vault", "app")
	if out := s.ok("", "bindings", "api-keys/pay", "--vault", "app"); strings.Contains(out, host) {
		t.Errorf("nothing is bound yet:\n%s", out)
	}
	s.ok("", "bind", "api-keys/pay", "--host", host, "--method", "get", "--path", "/v1/**", "--vault", "app")
	s.ok("", "bind", "api-keys/pay", "--as", "stripe", "--vault", "app")
	for _, part := range []string{host, "GET", "/v1/**", "api.stripe.com", "bearer"} {
		if out := s.ok("", "bindings", "api-keys/pay", "--vault", "app"); !strings.Contains(out, part) {
			t.Errorf("the list lacks %s:\n%s", part, out)
		}
	}
	s.ok("1234567", "secret", "set", "api-keys/pin", "--vault", "app")
	for _, words := range [][]string{{"bind", "api-keys/pin", "--host", host}, {"bindings", "api-keys/pin"}} {
		if r := s.run("", append(words, "--vault", "app")...); r.code != 0 || !strings.Contains(r.err, "fewer than 8 bytes") {
			t.Errorf("%v of a short value: exit %d, %s", words, r.code, r.err)
		}
	}
	ask := []string{"request", up.URL + "/v1/balance", "-H", "Authorization: Bearer {{secret:api-keys/pay}}", "--vault", "app"}
	if out := s.ok("", ask...); out != "you sent Bearer [REDACTED:api-keys/pay]" || got != "Bearer sk_live_12345678" {
		t.Errorf("got %q, and the service %q", out, got)
	}
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token-of-`+r.FormValue("client_id")+r.FormValue("scope")+`"}`)
	}))
	defer login.Close()
	s.ok(`{"client_id":"crm-","client_secret":"client-secret-1"}`, "secret", "set", "crm/client", "--vault", "app")
	if out := s.ok("", "bind", "crm/client", "--host", host, "--in", "oauth2", "--token-url", login.URL+"/token", "--scope", "read", "--token-auth", "body", "--vault", "app"); !strings.Contains(out, "oauth2 "+login.URL+"/token") {
		t.Errorf("the list lacks where tokens come from:\n%s", out)
	}
	if out := s.ok("", "request", up.URL+"/v1/x", "-H", "Authorization: Bearer {{secret:crm/client}}", "--vault", "app"); out != "you sent Bearer [REDACTED:crm/client]" || got != "Bearer token-of-crm-read" {
		t.Errorf("got %q, and the service %q", out, got)
	}
	s.ok("", "agent", "create", "worker", "--reveal", "never", "--executions", "on")
	if out := s.ok("", "agent", "get", "worker", "--json"); !strings.Contains(out, `"reveal": "never"`) || !strings.Contains(out, `"execution_intents_enabled": true`) {
		t.Errorf("the agent is made as\n%s", out)
	}
	s.ok("", "policy", "create", "--agent", "worker", "--path", "api-keys/*", "--permissions", "use", "--vault", "app")
	if out := s.ok("", "agent", "get", "worker"); !regexp.MustCompile(`(?i)reveal\s+never`).MatchString(out) {
		t.Errorf("the agent is shown as\n%s", out)
	}
	if out := s.ok("", "who-can", "api-keys/pay", "--vault", "app"); !strings.Contains(out, "uses") {
		t.Errorf("who-can says\n%s", out)
	}
	s.ok("", "unbind", "api-keys/pay", "--host", host, "--vault", "app")
	if r := s.run("", ask...); r.code != cli.ExitDenied || !strings.Contains(r.err, "oneclaw bind") {
		t.Errorf("unbound: exit %d: %s", r.code, r.err)
	}
	for name, words := range map[string][]string{
		"no host": {"bind", "a"}, "an unknown service": {"bind", "a", "--as", "nothing"}, "reveal": {"agent", "create", "x", "--reveal", "sometimes"},
		"a header without a colon": {"request", up.URL, "-H", "nothing"}, "run without a program": {"run", "--env", "A=b"}, "run with half a variable": {"run", "--env", "A", "--", "true"},
	} {
		if r := s.run("", words...); r.code != cli.ExitUsage {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}

func TestAProgramRunsWithSecrets(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("first", "secret", "set", "a/b", "--vault", "app")
	s.ok(`{"password":"second"}`, "secret", "set", "db", "--vault", "app")
	t.Setenv("ONECLAW_TEST_CHILD", "1")
	r := s.run("", "run", "--vault", "app", "--env", "ONECLAW_TEST_A=a/b", "-e", "ONECLAW_TEST_B=oneclaw://app/db#password", "--", self, "x", "--json")
	if r.code != 7 || r.out != "A=first B=second key= token= args=x,--json" {
		t.Errorf("exit %d: %q %s", r.code, r.out, r.err)
	}
	if r := s.run("", "run", "--vault", "app", "--env", "A=none", "--", self); r.code != cli.ExitNotFound {
		t.Errorf("no such secret: exit %d: %s", r.code, r.err)
	}
}

// Variables of an env_bundle, single fields of it, and files; through pipes nothing of a value is
// printed where --redact says so.
func TestAProgramGetsBundlesAndFiles(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("# of production\nexport API_KEY='key of the bundle'\nAPI_HOST=example.com\n", "secret", "set", "bundle", "--type", "env_bundle", "--vault", "app")
	s.ok("contents of a file", "secret", "set", "file", "--vault", "app")
	link := filepath.Join(t.TempDir(), "link")
	run := func(flags ...string) []string { return append([]string{"run", "--vault", "app"}, flags...) }
	for name, c := range map[string]struct {
		words []string
		want  string
	}{
		"all variables":              {run("--env-bundle", "bundle", "--", "sh", "-c", `echo "$API_KEY, $API_HOST"`), "key of the bundle, example.com\n"},
		"--env goes before":          {run("--env-bundle", "bundle", "-e", "API_HOST=file", "--", "printenv", "API_HOST"), "contents of a file\n"},
		"a field of a bundle":        {run("-e", "X=oneclaw://app/bundle#API_HOST", "--", "printenv", "X"), "example.com\n"},
		"a file by a variable":       {run("--file", "F=file", "--", "sh", "-c", `cat "$F"; stat -Lc " %a" "$F"`), "contents of a file 600\n"},
		"a file at a path":           {run("--file", link+"=file", "--", "cat", link), "contents of a file"},
		"a program that closes all":  {run("--file", "F=file", "--", "python3", "-c", `import os; os.closerange(3, 100); print(open(os.environ["F"]).read())`), "contents of a file\n"},
		"a value through a pipe":     {run("--env-bundle", "bundle", "--redact", "--", "sh", "-c", `echo "$API_KEY, $API_HOST"; printf "%s" "$API_KEY" | base64`), "[REDACTED:API_KEY], [REDACTED:API_HOST]\n[REDACTED:API_KEY]\n"},
		"a file through a pipe":      {run("--file", "F=file", "--redact", "--", "sh", "-c", `cat "$F"`), "[REDACTED:F]"},
		"nothing of a file in print": {run("--file", "F=file", "--redact", "--", "sh", "-c", `xxd -p "$F" | tr -d "\n"`), "[REDACTED:F]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.ok("", c.words...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the link is still there: %v", err)
	}
	if r := s.run("", run("--", "sh", "-c", "kill -TERM $$")...); r.code != 128+15 {
		t.Errorf("a program that a signal ended: exit %d", r.code)
	}
	there := s.file("there", "of somebody")
	for name, c := range map[string]struct {
		words []string
		code  int
	}{
		"a bundle that is none":     {run("--env-bundle", "file", "--", "true"), cli.ExitFailure},
		"a field that is not there": {run("-e", "X=bundle#NONE", "--", "true"), cli.ExitFailure},
		"a field of a bundle":       {run("--env-bundle", "bundle#API_KEY", "--", "true"), cli.ExitUsage},
		"a name twice":              {run("-e", "X=file", "--file", "X=file", "--", "true"), cli.ExitUsage},
		"a file that is there":      {run("--file", there+"=file", "--", "true"), cli.ExitFailure},
		"no program":                {run("--redact", "--", "/nowhere/at/all"), cli.ExitNoProgram},
	} {
		if r := s.run("", c.words...); r.code != c.code || strings.Contains(r.err, "contents") {
			t.Errorf("%s: exit %d, want %d: %s", name, r.code, c.code, r.err)
		}
	}
	if r := s.run("12345", "secret", "set", "short", "--vault", "app"); r.code != 0 {
		t.Fatal(r.err)
	}
	if r := s.run("", run("-e", "X=short", "--redact", "--", "true")...); !strings.Contains(r.err, "X is too short") {
		t.Errorf("of a short value it says %q", r.err)
	}
}

func TestACodeAtTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "secret", "set", "totp/github", "--type", "totp_seed", "--vault", "app")
	s.ok("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "secret", "set", "password", "--vault", "app")
	if out := s.ok("", "totp", "totp/github", "--vault", "app"); len(out) != 7 || strings.Trim(out, "0123456789") != "\n" {
		t.Errorf("printed %q", out)
	}
	if out := s.ok("", "totp", "totp/github", "--vault", "app", "--json"); !strings.Contains(out, `"period_seconds": 30`) {
		t.Errorf("printed %q", out)
	}
	if r := s.run("", "totp", "password", "--vault", "app"); r.code != cli.ExitFailure || strings.Contains(r.err, "GEZ") {
		t.Errorf("of no seed: exit %d, %q", r.code, r.err)
	}
}
