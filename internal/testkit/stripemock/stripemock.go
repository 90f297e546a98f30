// Package stripemock runs stripe-mock, Stripe's own stand-in for its API: it checks
// requests against the API's description and answers with examples.
package stripemock

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
)

var listening = regexp.MustCompile(`Listening for HTTP at address: (\S+)`)

// Start runs it until the test ends and returns its address. It is built from the
// version that tools/go.mod pins.
func Start(t *testing.T) string {
	t.Helper()
	tools := filepath.Join(root(t), "tools", "go.mod")
	find := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+tools, "-n", "stripe-mock")
	find.Stderr = os.Stderr
	path, err := find.Output()
	if err != nil {
		t.Fatalf("stripe-mock can't be built: %v", err)
	}
	cmd := exec.Command(strings.TrimSpace(string(path)), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	child.Tie(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() { // so that it never waits for a reader
				}
			}()
			return "http://" + m[1]
		}
	}
	t.Fatal("stripe-mock did not start")
	return ""
}

// root is the folder of the module that the test belongs to.
func root(t *testing.T) string {
	t.Helper()
	mod, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("where the module is: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(mod)))
}
