package cli_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/cli/fence"
)

// TestMain is also the program that `env run` runs.
func TestMain(m *testing.M) {
	if os.Getenv("ONECLAW_TEST_CHILD") != "" {
		fmt.Printf("A=%s B=%s key=%s token=%s args=%s", os.Getenv("ONECLAW_TEST_A"), os.Getenv("ONECLAW_TEST_B"), os.Getenv("ONECLAW_API_KEY"), os.Getenv("ONECLAW_AGENT_TOKEN"), strings.Join(os.Args[1:], ","))
		os.Exit(7)
	}
	if os.Getenv("ONECLAW_TEST_PROGRAM") != "" { // the test is the command itself, as a process
		_ = os.Unsetenv("ONECLAW_TEST_PROGRAM")
		root := cli.New(cli.Deps{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Become: syscall.Exec})
		os.Exit(cli.Execute(context.Background(), root, os.Args[1:]))
	}
	if fence.Waits(os.Args) {
		os.Exit(fence.Wait())
	}
	os.Exit(m.Run())
}

// A program runs with what holds, without oneclaw's own credential, and its exit code is
// the command's.
func TestEnvironmentVariablesAtTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("everywhere", "env", "set", "ONECLAW_TEST_A", "--vault", "app")
	s.ok("two", "env", "set", "ONECLAW_TEST_B", "-e", "production", "-e", "preview", "--comment", "a note", "--vault", "app")
	s.ok("of the branch", "env", "set", "ONECLAW_TEST_A", "-e", "production", "--branch", "feature/x", "--vault", "app")
	s.tty = "e"
	if r := s.run("1", "env", "set", "GONE", "-e", "preview", "--branch", "old", "--vault", "app"); r.code != 0 || !strings.Contains(r.err, "Set GONE in preview on the branch old.") {
		t.Errorf("set says %q", r.err)
	}
	if r := s.run("", "env", "delete", "GONE", "-e", "preview", "--branch", "old", "--yes", "--vault", "app"); r.code != 0 || !strings.Contains(r.err, "Deleted GONE in preview on the branch old.") {
		t.Errorf("delete says %q", r.err)
	}
	s.tty = "ie" // a value in an argument is refused before one is asked for, and not told again
	if r := s.run("", "env", "set", "GONE=hunter2", "--vault", "app"); r.code != cli.ExitUsage || !strings.Contains(r.err, "the name alone") || strings.Contains(r.err, "hunter2") {
		t.Errorf("exit %d: %q", r.code, r.err)
	}
	s.tty = ""
	listed := s.ok("", "env", "list", "--vault", "app")
	for _, part := range []string{"ONECLAW_TEST_A", "feature/x", "preview", "a note"} {
		if !strings.Contains(listed, part) {
			t.Errorf("the list lacks %s:\n%s", part, listed)
		}
	}
	if strings.Contains(listed, "everywhere") {
		t.Errorf("the list has a value:\n%s", listed)
	}
	if got := s.ok("", "env", "get", "ONECLAW_TEST_B", "-e", "preview", "--vault", "app"); got != "two" {
		t.Errorf("get printed %q", got)
	}
	shown := s.ok("", "env", "resolve", "-e", "production", "--branch", "feature/x", "--vault", "app")
	if !strings.Contains(shown, "branch") || !strings.Contains(shown, "environment") || strings.Contains(shown, "of the branch") {
		t.Errorf("resolve printed\n%s", shown)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ONECLAW_TEST_CHILD", "1")
	t.Setenv("ONECLAW_TEST_A", "of the shell")
	t.Setenv("ONECLAW_API_KEY", "1ck_not_for_children")
	t.Setenv("ONECLAW_AGENT_TOKEN", "not for children")
	r := s.run("", "env", "run", "-e", "production", "--branch", "feature/x", "--vault", "app", "--", self, "--vault", "of the program")
	if want := "A=of the branch B=two key= token= args=--vault,of the program"; r.out != want || r.err != "" || r.code != 7 {
		t.Errorf("the program printed %q and %q, and the command ended with %d; want %q, nothing and 7", r.out, r.err, r.code, want)
	}
	if r := s.run("", "env", "run", "--vault", "app", "--", "/nowhere/at/all"); r.code != 127 || strings.Count(r.err, "\n") != 1 {
		t.Errorf("a program that is not there: %d %q", r.code, r.err)
	}
	s.ok("", "env", "delete", "ONECLAW_TEST_B", "-e", "preview", "--yes", "--vault", "app")
	if r := s.run("", "env", "get", "ONECLAW_TEST_B", "-e", "preview", "--vault", "app"); r.code != 5 {
		t.Errorf("after it was deleted: %d %q", r.code, r.out)
	}
}
