// Package e2e_test runs the real binary, with real clients that nobody here wrote.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "oneclaw-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "oneclaw")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "github.com/oneclaw-dev/oneclaw/cmd/oneclaw")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// credentials are what "oneclaw dev" writes for scripts.
type credentials struct {
	Email        string `json:"email"`
	Password     string `json:"password"`
	APIURL       string `json:"api_url"`
	ShroudURL    string `json:"shroud_url"`
	MCPURL       string `json:"mcp_url"`
	DashboardURL string `json:"dashboard_url"`
}

// server is a running "oneclaw dev".
type server struct {
	credentials
	owner *client.Client
	mu    sync.Mutex
	log   bytes.Buffer // stdout and stderr
}

func (s *server) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

func (s *server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// dev starts the binary on an empty folder and logs its owner in. It stops it with
// SIGTERM at the end and wants exit code 0.
func dev(t *testing.T) *server {
	t.Helper()
	data, s := filepath.Join(t.TempDir(), "data"), new(server)
	// Not CommandContext: the test's context ends before its cleanups, and kills.
	cmd := exec.Command(binary, "dev", "--listen", "127.0.0.1:0", "--shroud-listen", "127.0.0.1:0", "--data", data)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = s, s
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("oneclaw dev ended with %v:\n%s", err, s.output())
			}
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("oneclaw dev did not end:\n%s", s.output())
		}
	})
	s.await(t, filepath.Join(data, "dev-credentials.json"), ended)
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

// await reads the credentials, which are there when the server answers.
func (s *server) await(t *testing.T, file string, ended chan error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for {
		b, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(b, &s.credentials) == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("oneclaw dev ended at once with %v:\n%s", err, s.output())
		case <-late:
			t.Fatalf("no %s after 30 s:\n%s", file, s.output())
		case <-tick.C:
		}
	}
}

// must ends the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
