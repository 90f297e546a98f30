//go:build unix

package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// logins is an SSH server for its own user.
type logins struct {
	t                 *testing.T
	dir, port         string
	name, fingerprint string
	mu                sync.Mutex
	log               bytes.Buffer
}

// Write takes what the server logs.
func (l *logins) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

func (l *logins) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.String()
}

func runs(t *testing.T, program string, words ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, words...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s (is `make test-deps` done?)", program, words, err, out)
	}
	return string(out)
}

// openLogins starts OpenSSH's server, which lets in the keys.
func openLogins(t *testing.T, public ...string) *logins {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	l := &logins{t: t, dir: t.TempDir(), name: me.Username}
	hostKey := filepath.Join(l.dir, "host")
	runs(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey)
	l.fingerprint = strings.Fields(runs(t, "ssh-keygen", "-lf", hostKey+".pub"))[1]
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, l.port, _ = net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	write := func(name, text string) string {
		p := filepath.Join(l.dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if me.Uid == "0" {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	keys := write("authorized_keys", strings.Join(public, ""))
	config := write("config", "ListenAddress 127.0.0.1\nPort "+l.port+"\nHostKey "+hostKey+"\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"+
		"PermitRootLogin prohibit-password\nAuthorizedKeysFile "+keys+"\nLogLevel VERBOSE\n")
	d := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", config)
	d.Stderr = l
	if err := d.Start(); err != nil {
		t.Fatalf("%v (is `make test-deps` done?)", err)
	}
	t.Cleanup(func() {
		_ = d.Process.Kill()
		_ = d.Wait()
	})
	host, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	write("known_hosts", "[127.0.0.1]:"+l.port+" "+string(host))
	for range 500 {
		if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+l.port); err == nil {
			_ = c.Close()
			return l
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the server does not listen: %s", l.said())
	return nil
}

// ssh is how a client goes to the server.
func (l *logins) ssh(more ...string) []string {
	return append([]string{"ssh", "-F", "none", "-o", "UserKnownHostsFile=" + filepath.Join(l.dir, "known_hosts"), "-o", "IdentityFile=none",
		"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-p", l.port}, more...)
}

func (l *logins) to() string { return l.name + "@127.0.0.1" }

// Keys that nobody is shown log in where they are bound to, and nowhere else; git fetches,
// pushes and signs commits with them.
func TestKeysOfTheVaultLogInAndSign(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	dir := t.TempDir()
	public := map[string]string{}
	for kind, words := range map[string][]string{"ed25519": nil, "ecdsa": nil, "rsa": {"-b", "2048"}} {
		at := filepath.Join(dir, kind)
		runs(t, "ssh-keygen", append([]string{"-q", "-t", kind, "-N", "", "-C", kind, "-f", at}, words...)...)
		key, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		s.ok(string(key), "secret", "set", "ssh/"+kind, "--type", "ssh_key", "--exact", "--vault", "app")
		pub, err := os.ReadFile(at + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		public[kind] = string(pub)
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
	}
	server := openLogins(t, public["ed25519"], public["ecdsa"], public["rsa"])
	with := func(kind string, program ...string) result {
		t.Helper()
		return s.run("", append([]string{"ssh-agent", "--vault", "app", "--key", "ssh/" + kind, "--"}, program...)...)
	}
	refused := func(what, kind, says string, program ...string) {
		t.Helper()
		if r := with(kind, program...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("%s: exit %d, %q", what, r.code, r.err)
		}
	}
	login := server.ssh(server.to(), "echo", "in")
	bind := func(kind string, words ...string) {
		t.Helper()
		s.ok("", append([]string{"bind", "ssh/" + kind, "--vault", "app", "--replace"}, words...)...)
	}
	other := strings.Fields(runs(t, "ssh-keygen", "-lf", filepath.Join(dir, "ed25519.pub")))[1]

	refused("unbound", "ed25519", "No binding of this key", login...)
	bind("ed25519", "--in", "ssh", "--host", "127.0.0.1", "--host-key", other)
	refused("bound to another host key", "ed25519", "No binding of this key", login...)
	bind("ed25519", "--in", "ssh", "--host", "127.0.0.1", "--host-key", server.fingerprint, "--user", "somebody")
	refused("bound to another user", "ed25519", "No binding of this key", login...)
	for kind, says := range map[string]string{"ed25519": "ED25519", "ecdsa": "ECDSA", "rsa": "RSA"} {
		bind(kind, "--in", "ssh", "--host", "127.0.0.1", "--host-key", server.fingerprint, "--user", server.name)
		if r := with(kind, login...); r.code != 0 || r.out != "in\n" {
			t.Errorf("%s: exit %d, %q %q\n%s", kind, r.code, r.out, r.err, server.said())
		}
		if !strings.Contains(server.said(), "Accepted publickey for "+server.name) || !strings.Contains(server.said(), says+" SHA256:") {
			t.Errorf("%s: the server says %s", kind, server.said())
		}
	}

	// What is not a login or a signature, and keys that are the vault's.
	if r := with("rsa", "ssh-add", "-l"); r.code != 0 || !strings.Contains(r.out, "ssh/rsa (RSA)") {
		t.Errorf("the list: %q %q", r.out, r.err)
	}
	if r := with("rsa", "ssh-add", "-D"); r.code == 0 {
		t.Error("keys are taken away")
	}
	s.ok("hunter2hunter2", "secret", "set", "password", "--vault", "app")
	if r := s.run("", "ssh-agent", "--vault", "app", "--key", "password", "--", "true"); r.code != 4 {
		t.Errorf("a password: exit %d %q", r.code, r.err)
	}

	// A host that the agent is handed on to signs nothing, though it is bound.
	inner := strings.Join(server.ssh("-o", "ForwardAgent=no", server.to(), "echo", "twice"), " ")
	refused("handed on", "ed25519", "handed on", server.ssh("-A", server.to(), inner)...)

	// git over ssh.
	work, bare := filepath.Join(t.TempDir(), "work"), filepath.Join(t.TempDir(), "bare.git")
	git(t, nil, "init", "-q", "--bare", bare)
	git(t, nil, "init", "-q", "-b", "main", work)
	command := strings.Join(server.ssh(), " ")
	address := fmt.Sprintf("ssh://%s:%s%s", server.to(), server.port, bare)
	identity := []string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.sshCommand=" + command, "-c", "gpg.format=ssh", "-c", "user.signingkey=key::" + strings.TrimSpace(public["ed25519"])}
	gitWith := func(words ...string) []string { return append(append([]string{"git"}, identity...), words...) }
	refused("a commit that is not bound", "ed25519", "No binding of this key", gitWith("-C", work, "commit", "-q", "-S", "--allow-empty", "-m", "x")...)
	s.ok("", "bind", "ssh/ed25519", "--vault", "app", "--in", "sshsig", "--namespace", "git")
	if r := with("ed25519", gitWith("-C", work, "commit", "-q", "-S", "--allow-empty", "-m", "signed")...); r.code != 0 {
		t.Fatalf("commit: %q", r.err)
	}
	signers := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, []byte("a@example.com "+public["ed25519"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := git(t, nil, "-c", "gpg.ssh.allowedSignersFile="+signers, "-C", work, "verify-commit", "-v", "HEAD"); !strings.Contains(out, "Good \"git\" signature for a@example.com") {
		t.Errorf("verify-commit says %s", out)
	}
	file := filepath.Join(dir, "ed25519.pub")
	refused("a file in another namespace", "ed25519", "No binding of this key", "ssh-keygen", "-Y", "sign", "-n", "file", "-f", file, signers)
	for _, words := range [][]string{{"-C", work, "push", "-q", address, "main"}, {"clone", "-q", address, filepath.Join(t.TempDir(), "clone")}} {
		if r := with("ed25519", gitWith(words...)...); r.code != 0 {
			t.Errorf("%v: %q", words, r.err)
		}
	}
}
