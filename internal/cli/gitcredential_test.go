package cli_test

import (
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// gitServer is a server of repositories over https, which takes a user and a password.
func gitServer(t *testing.T, user, password string) (host, ca string) {
	t.Helper()
	root := t.TempDir()
	git(t, nil, "init", "-q", "--bare", filepath.Join(root, "team", "app.git"))
	git(t, nil, "-C", filepath.Join(root, "team", "app.git"), "config", "http.receivepack", "true")
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + user},
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.URL, "https://"), ca
}

// git runs git as it is on a machine where nothing is set up.
func git(t *testing.T, env []string, words ...string) string {
	t.Helper()
	out, err := tryGit(t, env, words...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", words, err, out)
	}
	return out
}

func tryGit(t *testing.T, env []string, words ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", words...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Git pushes and clones over https with a secret that is bound to the host, and gets none for
// another, nor for an agent that is shown none.
func TestGitGetsTheSecretOfItsHost(t *testing.T) {
	const token = "ghp_0123456789abcdefghij"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host, ca := gitServer(t, "robot", token)
	s := serveDev(t)
	s.now = time.Now() // as it is to the process
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(token+"\n", "secret", "set", "ci/git", "--vault", "app")
	s.ok("", "agent", "create", "unseeing", "--reveal", "never")
	s.ok("", "policy", "create", "--agent", "unseeing", "--path", "ci/*", "--permissions", "use", "--vault", "app")
	base := []string{"GIT_SSL_CAINFO=" + ca, "ONECLAW_TEST_PROGRAM=1"}
	for k, v := range s.env {
		base = append(base, k+"="+v)
	}
	config := func(more ...string) []string {
		return append([]string{"-c", "credential.helper=!" + self + " git-credential --vault app --secret ci/git"}, more...)
	}
	address := "https://" + host + "/team/app.git"
	work := filepath.Join(t.TempDir(), "work")
	git(t, nil, "init", "-q", "-b", "main", work)
	git(t, nil, "-C", work, "commit", "-q", "--allow-empty", "-m", "first")

	if out, err := tryGit(t, base, config("-C", work, "push", "-q", address, "main")...); err == nil || !strings.Contains(out, "No binding of the secret") {
		t.Errorf("unbound: %v\n%s", err, out)
	}
	s.ok("", "bind", "ci/git", "--host", "other.example", "--in", "basic", "--vault", "app")
	if out, err := tryGit(t, base, config("ls-remote", address)...); err == nil || strings.Contains(out, token) {
		t.Errorf("bound to another host: %v\n%s", err, out)
	}
	s.ok("", "bind", "ci/git", "--host", host, "--in", "basic", "--user", "robot", "--path", "/team/**", "--replace", "--vault", "app")
	if out, err := tryGit(t, base, config("ls-remote", address)...); err == nil || !strings.Contains(out, "useHttpPath") {
		t.Errorf("a path that git does not name: %v\n%s", err, out)
	}
	byPath := func(words ...string) []string {
		return append([]string{"-c", "credential.useHttpPath=true"}, config(words...)...)
	}
	git(t, base, byPath("-C", work, "push", "-q", address, "main")...)
	git(t, base, byPath("clone", "-q", address, filepath.Join(t.TempDir(), "clone"))...)
	if out, err := tryGit(t, base, byPath("ls-remote", "https://"+host+"/other/app.git")...); err == nil || !strings.Contains(out, "No binding") {
		t.Errorf("a path outside of the binding: %v\n%s", err, out)
	}
	s.ok("", "bind", "ci/git", "--host", host, "--in", "basic", "--replace", "--vault", "app")
	git(t, base, config("ls-remote", "https://robot@"+host+"/team/app.git")...)
	s.ok("robot:"+token, "secret", "set", "ci/git", "--vault", "app")
	git(t, base, config("ls-remote", address)...)

	// An agent that is shown nothing.
	key := strings.TrimSpace(s.ok("", "agent", "rotate-key", "unseeing", "--yes"))
	key = key[strings.LastIndexAny(key, " \n\t")+1:]
	env := append(base[:2:2], "ONECLAW_AGENT_API_KEY="+key, "ONECLAW_BASE_URL="+baseURL(t, s), "HOME="+t.TempDir())
	if out, err := tryGit(t, env, config("ls-remote", address)...); err == nil || !strings.Contains(out, "oneclaw ssh-agent") || !strings.Contains(out, "oneclaw proxy --env GIT_TOKEN=ci/git -- git") || strings.Contains(out, token) {
		t.Errorf("an agent that is shown nothing: %v\n%s", err, out)
	}
	if r := s.run("protocol=https\nhost="+host+"\n\n", "git-credential", "--secret", "ci/git", "--vault", "app", "store"); r.code != 0 || r.out != "" {
		t.Errorf("store: exit %d %q", r.code, r.out)
	}
	if r := s.run("protocol=http\nhost="+host+"\n\n", "git-credential", "--secret", "ci/git", "--vault", "app", "get"); r.code != 0 || r.out != "" {
		t.Errorf("http: exit %d %q", r.code, r.out)
	}
	if r := s.run("nonsense\n", "git-credential", "--secret", "ci/git", "--vault", "app", "get"); r.code != cli.ExitUsage {
		t.Errorf("nonsense: exit %d %q", r.code, r.out)
	}
}

// baseURL is the address of the server of a shell.
func baseURL(t *testing.T, s *shell) string {
	t.Helper()
	for line := range strings.Lines(s.ok("", "whoami")) {
		if _, after, ok := strings.Cut(line, "server\t"); ok {
			return strings.TrimSpace(after)
		}
	}
	t.Fatal("whoami does not say which server")
	return ""
}
