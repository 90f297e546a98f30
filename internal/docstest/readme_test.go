//go:build unix

package docstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the README's section begins with, apart from the address to clone.
const clone = "git clone https://github.com/oneclaw-dev/oneclaw && cd oneclaw\n"

// patience is no expectation: it bounds a build on a slow machine.
const patience = 5 * time.Minute

// TestTheFirstMinute runs the shell blocks of the README's section "One minute"
// as they are written: the first in one terminal, the others in a second one, in
// a copy of the tree and with an empty home. Two things differ from pasting them:
// the tree is copied and not cloned, and the ports are free ones, so that the
// section's address is replaced.
func TestTheFirstMinute(t *testing.T) {
	section := regexp.MustCompile(`(?s)\n## One minute\n(.*?)\n## `).FindStringSubmatch(read(t, filepath.Join(root, "README.md")))
	if section == nil {
		t.Fatal("the README has no section One minute")
	}
	var shell []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(section[1], -1) {
		shell = append(shell, m[1])
	}
	if len(shell) < 3 || !strings.HasPrefix(shell[0], clone) {
		t.Fatalf("the section does not begin with %q in a block of its own", clone)
	}
	tree, home := copyTree(t), t.TempDir()
	env := environment(t, home)
	ended := start(t, tree, env, strings.TrimPrefix(shell[0], clone))
	api := await(t, filepath.Join(home, ".local", "share", "oneclaw", "dev-credentials.json"), ended)

	script := strings.ReplaceAll(strings.Join(shell[1:], "\n"), "http://127.0.0.1:8210", api)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = tree, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for what, want := range map[string]string{
		"the agent reads the secret with curl": `"value":"sk-demo-4f1c"`,
		"and gets nothing else":                `"code":"access_denied"`,
		"the agent reads the secret with MCP":  `\"value\":\"sk-demo-4f1c\"`,
		"its reads are in the log":             "secret.read\tsuccess\tagent:",
		"the log is whole":                     "whole\tyes",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s: no %q in\n%s", what, want, out)
		}
	}
}

// start runs a block that does not end by itself, until the test does. What it
// returns is closed when the block ended all the same.
func start(t *testing.T, dir string, env []string, script string) <-chan struct{} {
	t.Helper()
	var out bytes.Buffer // read once the process is gone
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Ctrl-C reaches all that runs in a terminal: the shell, make and the server.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // make says that it was interrupted
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("the first terminal:\n%s", &out)
		}
	})
	return ended
}

// await returns the address of the server once it has written its credentials.
func await(t *testing.T, file string, ended <-chan struct{}) string {
	t.Helper()
	tick, late := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			t.Fatal("the server ended")
		case <-late:
			t.Fatal("the server did not come up")
		case <-tick.C:
		}
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var c struct {
			URL string `json:"api_url"`
		}
		if err == nil {
			err = json.Unmarshal(b, &c)
		}
		if err != nil || c.URL == "" {
			t.Fatalf("%s: %v", file, err)
		}
		return c.URL
	}
}

// environment is that of a new user with an empty home, whose Go keeps the caches
// that it has, and who has the usual ports in use.
func environment(t *testing.T, home string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN").Output()
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]string
	if err := json.Unmarshal(out, &kept); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "ONECLAW_LISTEN=127.0.0.1:0", "ONECLAW_SHROUD_LISTEN=127.0.0.1:0"}
	for k, v := range kept {
		env = append(env, k+"="+v)
	}
	return env
}

// copyTree copies what the build needs, without what is made or fetched.
func copyTree(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata" || rel == "bin"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(name, filepath.Join(to, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
