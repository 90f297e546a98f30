package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// fenced is a program behind the fence, run by a user.
type fenced struct {
	t     *testing.T
	agent *shell
	self  string // the command, where the user may run it
	home  string
	uid   int
}

// asUser gives a user what the command needs: a home, and the command itself.
func asUser(t *testing.T, agent *shell, uid int) *fenced {
	t.Helper()
	dir, err := os.MkdirTemp("", "oneclaw-fence-") //nolint:usetesting // others can't enter the folder of a test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := &fenced{t: t, agent: agent, self: filepath.Join(dir, "oneclaw"), home: filepath.Join(dir, "home"), uid: uid}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(f.home, 0o700), os.Chown(f.home, uid, uid),
		exec.CommandContext(t.Context(), "install", "-m", "755", self, f.self).Run(),
		exec.CommandContext(t.Context(), "install", "-o", strconv.Itoa(uid), "-m", "600", "-t", f.home, filepath.Join(agent.env["ONECLAW_DATA"], "dev-credentials.json")).Run(), // says where the server is
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	return f
}

// agentWith is an agent that uses a secret, which is bound to a host.
func agentWith(t *testing.T, value, host string) *shell {
	t.Helper()
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(value, "secret", "set", "api-keys/pay", "--vault", "app")
	s.ok("", "bind", "api-keys/pay", "--host", host, "--vault", "app")
	agent := s.newAgent("worker")
	s.ok("", "agent", "update", "worker", "--reveal", "never")
	s.ok("", "policy", "create", "--agent", "worker", "--path", "**", "--permissions", "use", "--vault", "app")
	return agent
}

// runs has bash run a script behind the fence.
func (f *fenced) runs(script string, flags ...string) (out, errs string, code int) {
	f.t.Helper()
	args := append([]string{"proxy", "--vault", "app", "--env", "STRIPE_KEY=api-keys/pay", "--netns"}, flags...)
	return f.does(exec.CommandContext(f.t.Context(), f.self, append(args, "--", "bash", "-c", script)...))
}

func (f *fenced) does(c *exec.Cmd) (out, errs string, code int) {
	f.t.Helper()
	c.Env = append(os.Environ(), "ONECLAW_TEST_PROGRAM=1")
	for k, v := range f.agent.env {
		c.Env = append(c.Env, k+"="+v)
	}
	c.Env = append(c.Env, "TMPDIR="+f.home, "HOME="+f.home, "ONECLAW_DATA="+f.home)
	c.Dir = f.home
	if f.uid != os.Getuid() {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(f.uid), Gid: uint32(f.uid), Groups: []uint32{4}}}
	}
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	if err := c.Run(); c.ProcessState == nil {
		f.t.Fatal(err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

// users are those that the tests run a program as: this one, and one without rights.
func users() map[string]int {
	out := map[string]int{"this user": os.Getuid()}
	if os.Getuid() == 0 {
		out["an ordinary user"] = 65534
	}
	return out
}

// A program behind the fence reaches the proxy, and nothing else.
func TestAFencedProgramReachesNothingButTheProxy(t *testing.T) {
	const value = "sk_live_0123456789abcdef"
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "welcome %v", r.Header.Get("Authorization") == "Bearer "+value)
	}))
	defer up.Close()
	agent := agentWith(t, value, strings.TrimPrefix(up.URL, "http://"))
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	abstract := listenUnix(t, "@oneclaw-fence-"+strconv.Itoa(os.Getpid()))
	agent.env["URL"], agent.env["UDP"], agent.env["ABSTRACT"] = up.URL, strconv.Itoa(udp.LocalAddr().(*net.UDPAddr).Port), abstract
	for name, uid := range users() {
		t.Run(name, func(t *testing.T) {
			f := asUser(t, agent, uid)
			if out, errs, code := f.runs(`true`); code != 0 || errs != "" { // nothing of localhost, which is the program's own
				t.Errorf("a program that asks nothing: exit %d: %q %s", code, out, errs)
			}
			const ask = `curl -sS --max-time 60 --noproxy '' -H "Authorization: Bearer $STRIPE_KEY" "$URL"`
			if out, errs, code := f.runs(ask+`; exit 7`, "--deny-unbound"); out != "welcome true" || code != 7 {
				t.Errorf("through the proxy: exit %d: %q %s", code, out, errs)
			}
			if out, errs, code := f.runs(`echo before; (sleep 0.1 & ` + ask + `)`); out != "before\nwelcome true" || code != 0 {
				t.Errorf("of a program that left its parent: exit %d: %q %s", code, out, errs)
			}
			theirs := map[string]string{
				"a server of this machine": `curl -sS --noproxy '*' "$URL"`,
				"an abstract socket":       tries("socket.AF_UNIX", "socket.SOCK_STREAM", `"\0" + os.environ["ABSTRACT"][1:]`),
			}
			for way, script := range theirs {
				if out, errs, code := f.does(exec.CommandContext(t.Context(), "bash", "-c", script)); code != 0 {
					t.Errorf("%s is not reached without the fence: exit %d: %q %s", way, code, out, errs)
				}
				if out, errs, code := f.runs(script); code == 0 || out != "" {
					t.Errorf("%s is reached: exit %d: %q %s", way, code, out, errs)
				}
			}
			for way, script := range map[string]string{
				"a server of this machine by IPv6": `curl -sS -g --noproxy '*' "http://[::1]:${URL##*:}"`,
				"another machine":                  tries("socket.AF_INET", "socket.SOCK_STREAM", `("192.0.2.1", 80)`),
				"another machine by IPv6":          tries("socket.AF_INET6", "socket.SOCK_STREAM", `("2001:db8::1", 80)`),
				"a name server":                    tries("socket.AF_INET", "socket.SOCK_DGRAM", `("192.0.2.1", 53)`),
				"packets of the network":           `/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3).bind(("eth0", 0))'`,
				"the network of its parent":        `nsenter -t $PPID -n true`,
				"the user namespace of its parent": `nsenter -t $PPID -U true`,
				"the network of the first process": `nsenter -t 1 -n true`,
				"its parent's environment":         `cat /proc/$PPID/environ`,
			} {
				if out, errs, code := f.runs(script); code == 0 || out != "" {
					t.Errorf("%s is reached: exit %d: %q %s", way, code, out, errs)
				}
			}
			// Nothing of what is sent to this machine's port comes.
			_, _, _ = f.runs(`echo fenced > /dev/udp/127.0.0.1/$UDP`)
			own, err := net.Dial("udp4", udp.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			if _, err := io.WriteString(own, "own"); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 16)
			if n, _, err := udp.ReadFrom(b); err != nil || string(b[:n]) != "own" {
				t.Errorf("a datagram came: %q %v", b[:n], err)
			}
		})
	}
}

// tries connects to an address by Python's sockets.
func tries(family, kind, address string) string {
	return `/usr/bin/python3 -c 'import os, socket; socket.socket(` + family + `, ` + kind + `).connect(` + address + `)'`
}

func listenUnix(t *testing.T, name string) string {
	t.Helper()
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return name
}

// A fenced program is who it is without the fence, with its files, and gets no right by it.
// What the fence does not hold is a socket that is a file.
func TestAFencedProgramIsWhoItIs(t *testing.T) {
	s := agentWith(t, "sk_live_0123456789abcdef", "api.example.com")
	for name, uid := range users() {
		t.Run(name, func(t *testing.T) {
			f := asUser(t, s, uid)
			path := listenUnix(t, filepath.Join(f.home, "socket"))
			if err := os.Chown(path, uid, uid); err != nil {
				t.Fatal(err)
			}
			id := strconv.Itoa(uid)
			if out, errs, code := f.runs(`id -u; id -g; touch made; umask 077; echo "$PWD $#"; ulimit -n >/dev/null`); code != 0 || out != id+"\n"+id+"\n"+f.home+" 0\n" {
				t.Errorf("exit %d: %q %s", code, out, errs)
			}
			var made syscall.Stat_t
			if err := syscall.Stat(filepath.Join(f.home, "made"), &made); err != nil || int(made.Uid) != uid || int(made.Gid) != uid {
				t.Errorf("a file that it made is %d's: %v", made.Uid, err)
			}
			if out, errs, code := f.runs(tries("socket.AF_UNIX", "socket.SOCK_STREAM", `os.environ["HOME"] + "/socket"`)); code != 0 {
				t.Errorf("a socket that is a file: exit %d: %q %s", code, out, errs)
			}
			if out, errs, code := f.runs(`kill -TERM $$`); code != 143 {
				t.Errorf("ended by a signal: exit %d: %q %s", code, out, errs)
			}
			rights, errs, _ := f.runs(`grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status`)
			want := "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n"
			if uid != 0 && rights != want {
				t.Errorf("it has the rights %q %s", rights, errs)
			}
			if out, errs, code := f.runs(`touch theirs && chown 65534:65534 theirs && setpriv --reuid 65534 --regid 65534 --clear-groups id -u`); uid == 0 && (code != 0 || out != "65534\n") {
				t.Errorf("root's programs change to others: exit %d: %q %s", code, out, errs)
			}
			args := []string{"proxy", "--vault", "app", "--env", "K=api-keys/pay", "--netns", "--"}
			if out, errs, code := f.does(exec.CommandContext(t.Context(), f.self, append(args, "/no/such/program")...)); code != cli.ExitNoProgram || !strings.Contains(errs, "There is no such program") {
				t.Errorf("no such program: exit %d: %q %s", code, out, errs)
			}
			if err := os.WriteFile(filepath.Join(f.home, "no-program"), []byte("\x7fELF"), 0o755); err != nil {
				t.Fatal(err)
			}
			if out, errs, code := f.does(exec.CommandContext(t.Context(), f.self, append(args, "./no-program")...)); code != cli.ExitNotRun || !strings.Contains(errs, "The program can't be run") {
				t.Errorf("what is no program: exit %d: %q %s", code, out, errs)
			}
		})
	}
}

// Where the system makes no such network the command says so, and starts nothing.
func TestWhereThereIsNoFenceNothingIsStarted(t *testing.T) {
	s := agentWith(t, "sk_live_0123456789abcdef", "api.example.com")
	f := asUser(t, s, os.Getuid())
	for limit, says := range map[string]string{"max_user_namespaces": "sysctl user.max_user_namespaces", "max_net_namespaces": "sysctl user.max_net_namespaces"} {
		out, errs, code := f.does(exec.CommandContext(t.Context(), "unshare", "-Ur", "sh", "-c",
			`echo 0 > /proc/sys/user/`+limit+`; exec "$0" proxy --netns --vault app --env K=api-keys/pay -- echo started`, f.self))
		if code != cli.ExitFailure || out != "" || !strings.Contains(strings.Join(strings.Fields(errs), " "), says) {
			t.Errorf("%s: exit %d: %q %s", limit, code, out, errs)
		}
	}
	if r := s.run("", "proxy", "--netns", "--vault", "app", "--env", "K=api-keys/pay"); r.code != cli.ExitUsage || !strings.Contains(r.err, "name one") {
		t.Errorf("without a program: exit %d: %s", r.code, r.err)
	}
}
