// Package e2e_test runs the real binary, drives it over the network, kills it, and
// looks at what it leaves on disk, with real clients that nobody here wrote.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
)

// binary is the program under test, built once. built is the folder that it is in.
var binary, built string

// patience bounds every wait for a process. It is no expectation: nothing takes
// nearly as long on a machine that works.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "oneclaw-e2e-"); err == nil {
		binary, err = build("oneclaw", "CGO_ENABLED=0")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// withRace is the same program with the race detector in it, which makes it print
// "DATA RACE" and exit with code 66. It is built when a test first asks, with the flags
// of the Makefile, so that its packages are built already.
var withRace = sync.OnceValues(func() (string, error) {
	flags := strings.Fields(os.Getenv("ONECLAW_TEST_RACE"))
	if len(flags) == 0 {
		flags = []string{"-race"}
	}
	return build("oneclaw-race", "CGO_ENABLED=1", flags...)
})

func build(name, cgo string, flags ...string) (string, error) {
	out := filepath.Join(built, name)
	args := slices.Concat([]string{"build", "-o", out}, flags, []string{"github.com/oneclaw-dev/oneclaw/cmd/oneclaw"})
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Env = append(os.Environ(), cgo)
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, b)
	}
	return out, nil
}

// credentials are what "oneclaw dev" writes for scripts.
type credentials struct {
	Email        string `json:"email"`
	Password     string `json:"password"`
	APIURL       string `json:"api_url"`
	ShroudURL    string `json:"shroud_url"`
	MCPURL       string `json:"mcp_url"`
	DashboardURL string `json:"dashboard_url"`
	AgentID      string `json:"agent_id"`
	AgentAPIKey  string `json:"agent_api_key"`
}

// place is where servers run one after the other: a data folder, and what goes
// with it on the command line.
type place struct {
	t       testing.TB
	data    string
	home    string
	command string   // dev or serve
	listen  string   // 127.0.0.1:0
	more    []string // arguments beside the usual ones
	env     []string // beside HOME and PATH
	binary  string
}

// newPlace is an empty place for "oneclaw dev".
func newPlace(t testing.TB) *place {
	return &place{t: t, data: filepath.Join(t.TempDir(), "data"), home: t.TempDir(), command: "dev", listen: "127.0.0.1:0", binary: binary}
}

// output collects what a process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// server is a process that was started to serve.
type server struct {
	credentials
	owner *client.Client
	t     testing.TB
	cmd   *exec.Cmd
	out   output // stdout and stderr
	ended chan struct{}
	err   error // how it ended, once ended is closed
}

func (s *server) output() string { return s.out.String() }

// launch starts a process in the place and does not wait for anything. The
// process does not outlive the test, nor a test that is killed.
func (p *place) launch() *server {
	p.t.Helper()
	args := append([]string{p.command, "--listen", p.listen, "--shroud-listen", "127.0.0.1:0", "--data", p.data}, p.more...)
	s := &server{t: p.t, ended: make(chan struct{})}
	// Not CommandContext: the test's context ends before its cleanups, and kills.
	s.cmd = exec.Command(p.binary, args...)
	s.cmd.Env = append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}, p.env...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	child.Tie(s.cmd)
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	p.t.Cleanup(func() {
		select {
		case <-s.ended:
		default:
			s.stop()
		}
	})
	return s
}

// start starts a server and waits until it answers. At the end of the test it is
// stopped, when it still runs, and must exit with 0.
func (p *place) start() *server {
	p.t.Helper()
	// One that was killed leaves its credentials behind.
	file := filepath.Join(p.data, "dev-credentials.json")
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	s := p.launch()
	s.await(func() bool {
		if p.command == "dev" {
			b, err := os.ReadFile(file)
			return err == nil && json.Unmarshal(b, &s.credentials) == nil
		}
		m := serving.FindStringSubmatch(s.output())
		if m == nil {
			return false
		}
		s.APIURL, s.MCPURL, s.DashboardURL = m[1], m[1]+"/mcp", m[1]+"/"
		s.ShroudURL = m[2]
		return true
	})
	return s
}

var serving = regexp.MustCompile(`msg=serving api=(\S+) shroud=(\S+) `)

// await waits for a server to be ready.
func (s *server) await(ready func() bool) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ready() {
		select {
		case <-s.ended:
			s.t.Fatalf("oneclaw ended at once with %v:\n%s", s.err, s.output())
		case <-late:
			_ = s.cmd.Process.Kill()
			s.t.Fatalf("oneclaw is not ready after %v:\n%s", patience, s.output())
		case <-tick.C:
		}
	}
}

// stop ends the server with SIGTERM and wants exit code 0.
func (s *server) stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	s.wait()
	if s.err != nil {
		s.t.Errorf("oneclaw ended with %v:\n%s", s.err, s.output())
	}
}

// wait waits for the end of the process, and ends it itself when none comes.
func (s *server) wait() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
		s.t.Errorf("oneclaw did not end:\n%s", s.output())
	}
}

// kill9 ends the process as a crash does.
func (s *server) kill9() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Errorf("kill: %v", err)
	}
	<-s.ended
}

// dev starts "oneclaw dev" on an empty folder and logs its owner in.
func dev(t *testing.T) *server {
	t.Helper()
	s := newPlace(t).start()
	anyone, err := client.New(s.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	login, err := anyone.Login(t.Context(), s.Email, client.ValueOf(s.Password))
	if err != nil {
		t.Fatal(err)
	}
	s.owner = anyone.UsingToken(string(login.AccessToken.Reveal()))
	return s
}

// must ends the test on an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
