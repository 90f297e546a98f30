package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// process is the command itself, as a process with the login of a shell.
func (s *shell) process(arguments ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	c := exec.CommandContext(s.t.Context(), self, arguments...)
	c.Env = append(os.Environ(), "ONECLAW_TEST_PROGRAM=1", "TMPDIR="+s.t.TempDir())
	for k, v := range s.env {
		c.Env = append(c.Env, k+"="+v)
	}
	return c
}

// An agent that is shown nothing runs a program at a service that demands the secret.
func TestAProgramUsesASecretThroughTheProxy(t *testing.T) {
	const value = "sk_live_0123456789abcdef"
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%v, you sent %s", r.Header.Get("Authorization") == "Bearer "+value, r.Header.Get("Authorization"))
	}))
	defer up.Close()
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(value, "secret", "set", "api-keys/pay", "--vault", "app")
	s.ok(value, "secret", "set", "unbound", "--vault", "app")
	s.ok("", "bind", "api-keys/pay", "--host", strings.TrimPrefix(up.URL, "http://"), "--vault", "app")
	agent := s.newAgent("worker")
	s.ok("", "agent", "update", "worker", "--reveal", "never")
	s.ok("", "policy", "create", "--agent", "worker", "--path", "**", "--permissions", "use", "--vault", "app")
	const ask = `curl -sS --noproxy '' -H "Authorization: Bearer $STRIPE_KEY" "$URL"`
	agent.env["URL"], agent.env["ONECLAW_AGENT_TOKEN"] = up.URL, "of-the-mcp-server"

	run := func(script string, flags ...string) (string, string, int) {
		c := agent.process(append(append([]string{"proxy", "--vault", "app", "--env", "STRIPE_KEY=api-keys/pay"}, flags...), "--", "bash", "-c", script)...)
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run()
		return out.String(), errs.String(), c.ProcessState.ExitCode()
	}
	want := "true, you sent Bearer " + strings.Repeat("*", len(value))
	if out, errs, code := run(ask + `; exit 7`); out != want || code != 7 {
		t.Errorf("exit %d: %q %s", code, out, errs)
	}
	if out, errs, _ := run(`echo "$STRIPE_KEY|$ONECLAW_API_KEY$ONECLAW_AGENT_API_KEY$ONECLAW_AGENT_TOKEN$ONECLAW_TOKEN|$HTTPS_PROXY"`); !regexp.MustCompile(`^sk_test_[A-Za-z0-9]{99}\|\|http://127\.0\.0\.1:[0-9]+\n$`).MatchString(out) {
		t.Errorf("the program has %q %s", out, errs)
	}
	// The program can't look into the command, whose environment has the credential.
	if os.Getuid() == 0 {
		out, errs, _ := run(`setpriv --reuid 0 --bounding-set -all --inh-caps -all bash -c 'tr "\0" "\n" < /proc/'$PPID'/environ' 2>&1`)
		if !strings.Contains(out, "Permission denied") {
			t.Errorf("the program read %q %s", out, errs)
		}
	}
	if _, errs, _ := run(`true`); !strings.Contains(errs, "127.0.0.2") {
		t.Errorf("of a service of this machine it says %q", errs)
	}
	if out, errs, _ := run(`true`, "--env", "OTHER=unbound"); !strings.Contains(errs, "OTHER is bound to no host") {
		t.Errorf("of a secret without a binding: %q %s", out, errs)
	}
	for name, words := range map[string][]string{"no secret": {"proxy", "--", "true"}, "half a variable": {"proxy", "--env", "A", "--", "true"}} {
		if r := agent.run("", words...); r.code != cli.ExitUsage {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}

	// Without a program the variables are printed, and hold until the command is told to end.
	c := agent.process("proxy", "--vault", "app", "--env", "STRIPE_KEY=api-keys/pay")
	printed, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var exports strings.Builder
	lines := bufio.NewReader(printed)
	for !strings.Contains(exports.String(), "export wss_proxy=") {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		exports.WriteString(line)
	}
	sh := exec.CommandContext(t.Context(), "bash", "-c", exports.String()+ask)
	sh.Env = append(os.Environ(), "URL="+up.URL)
	if out, err := sh.CombinedOutput(); string(out) != want {
		t.Errorf("a shell with the variables: %q %v", out, err)
	}
	bundle := regexp.MustCompile(`export SSL_CERT_FILE='(.*)'`).FindStringSubmatch(exports.String())[1]
	if info, err := os.Stat(bundle); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of authorities: %v %v", info, err)
	}
	_ = unix.Kill(c.Process.Pid, unix.SIGTERM)
	_, _ = io.Copy(io.Discard, printed)
	if err := c.Wait(); err != nil {
		t.Errorf("told to end, it ended with %v", err)
	}
	if _, err := os.Stat(bundle); !os.IsNotExist(err) {
		t.Errorf("the file of authorities is still there: %v", err)
	}
}

// Without descriptors the command waits for some, and goes on when there are.
func TestTheProxyOutlivesALackOfDescriptors(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer up.Close()
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_0123456789abcdef", "secret", "set", "k", "--vault", "app")
	const script = `
		port=${HTTP_PROXY##*:}
		mkfifo hold
		for holder in 1 2 3 4 5 6; do
			(for n in $(seq 20); do exec {fd}<>/dev/tcp/127.0.0.1/$port; done; echo held; read < hold) &
		done > held
		while [ "$(wc -l < held)" -lt 6 ]; do read -t 0.05 < <(:) || true; done
		kill $(jobs -p)
		wait 2>/dev/null
		curl -sS --noproxy '' --max-time 60 "$URL"
	`
	program := s.process("proxy", "--vault", "app", "--env", "T=k", "--", "bash", "-c", script)
	c := exec.CommandContext(t.Context(), "bash", append([]string{"-c", `ulimit -n 40; exec "$@"`, "bash"}, program.Args...)...)
	c.Env, c.Dir = append(program.Env, "URL="+up.URL), t.TempDir()
	if out, err := c.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "ok") {
		t.Errorf("got %q %v", out, err)
	}
}
