package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A full disk can be had in two ways: one that is really full, which takes the right
// to mount, and a limit on the size of the server's files, which anybody may set.
func TestAFullDisk(t *testing.T) {
	t.Run("no space left", func(t *testing.T) {
		p := newPlace(t)
		mount := t.TempDir()
		if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=16m"); errors.Is(err, unix.EPERM) {
			t.Skip("only root may mount a small file system; the other way to fill a disk is tested all the same")
		} else if err != nil {
			t.Fatal(err)
		}
		// After the server has ended: cleanups run last to first.
		p.t.Cleanup(func() {
			if err := unix.Unmount(mount, 0); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		p.data = filepath.Join(mount, "data")
		ballast := filepath.Join(mount, "ballast")
		fullDisk(t, p, func(*server) { fill(t, ballast) }, func(*server) {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("a limit on files", func(t *testing.T) {
		p := newPlace(t)
		limit := func(s *server, n uint64) {
			t.Helper()
			if err := unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}, nil); err != nil {
				t.Fatal(err)
			}
		}
		fullDisk(t, p, func(s *server) {
			info, err := os.Stat(filepath.Join(p.data, "oneclaw.db-wal"))
			if err != nil {
				t.Fatal(err)
			}
			limit(s, uint64(info.Size()))
		}, func(s *server) { limit(s, unix.RLIM_INFINITY) })
	})
}

// fill writes zeros until there is no space for one more byte.
func fill(t testing.TB, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<16); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, unix.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func fullDisk(t *testing.T, p *place, takeSpace, giveBack func(*server)) {
	s := p.start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	agent := owner.exchange(t, key)
	const canary = "value-that-must-not-leave"
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/a/b", map[string]string{"value": canary})

	acked := map[string]string{"a/b": canary}
	write := func(n int) *reply {
		t.Helper()
		path, value := fmt.Sprintf("w/s%d", n), strings.Repeat("x", 20_000)+fmt.Sprint(n)
		r := agent.do(t, "PUT", vault+"/secrets/"+path, map[string]string{"value": value})
		if r.status == http.StatusCreated {
			acked[path] = value
		}
		return r
	}
	for n := range 20 {
		if r := write(n); r.status != http.StatusCreated {
			t.Fatalf("write %d: %d %s", n, r.status, r.body)
		}
	}
	for round := range 2 {
		takeSpace(s)
		n := 1000 * (1 + round)
		until(t, "writes", canary, func() *reply { n++; return write(n) })
		// The record of a read needs less space than a write, but it needs some.
		until(t, "reads", canary, func() *reply { return agent.do(t, "GET", vault+"/secrets/a/b", nil) })
		until(t, "logins", canary, func() *reply {
			return agent.as("").do(t, "POST", "/v1/auth/agent-token", map[string]string{"api_key": key})
		})
		if r := agent.do(t, "GET", "/v1/health", nil); r.status != http.StatusServiceUnavailable || r.fields(t)["reason"] != "log_not_written" {
			t.Errorf("health on a full disk: %d %s", r.status, r.body)
		}
		if r := agent.do(t, "GET", "/status", nil); !strings.Contains(string(r.body), "log_not_written") {
			t.Errorf("the status page on a full disk: %s", r.body)
		}
		giveBack(s)
		healthy := func() bool { return agent.do(t, "GET", "/v1/health", nil).status == http.StatusOK }
		for deadline := time.Now().Add(time.Minute); !healthy(); time.Sleep(50 * time.Millisecond) { // and nobody writes
			if time.Now().After(deadline) {
				t.Fatal("it is not healthy a minute after there is space again")
			}
		}
		if r := write(n + 1); r.status != http.StatusCreated {
			t.Errorf("a write after there is space again: %d %s", r.status, r.body)
		}
		if m := agent.want(t, http.StatusOK, "GET", vault+"/secrets/a/b", nil); m["value"] != canary {
			t.Errorf("got %v", m)
		}
		owner.verified(t)
	}
	there := func(c caller) {
		t.Helper()
		for path, value := range acked {
			if m := c.want(t, http.StatusOK, "GET", vault+"/secrets/"+path, nil); m["value"] != value {
				t.Errorf("%s has another value", path)
			}
		}
	}
	there(agent)
	if strings.Contains(s.output(), canary) || strings.Contains(s.output(), "panic") {
		t.Errorf("output:\n%s", s.output())
	}
	for _, line := range []string{"an audit event could not be written", "request failed"} {
		if n := strings.Count(s.output(), line); n > 20 {
			t.Errorf("%q was logged %d times", line, n)
		}
	}
	s.kill9()
	s = p.start()
	there(agent.at(s))
	owner.at(s).verified(t)
}

// until sends requests until one is refused for lack of space. A refusal is a
// problem document without any value.
func until(t testing.TB, what, canary string, send func() *reply) {
	t.Helper()
	for range 20_000 {
		r := send()
		if r.status < 300 {
			continue
		}
		if m := r.fields(t); r.status != http.StatusServiceUnavailable || m["status"] != 503.0 || m["detail"] == "" ||
			r.header.Get("Content-Type") != "application/problem+json" || strings.Contains(string(r.body), canary) {
			t.Errorf("%s on a full disk: %d %s", what, r.status, r.body)
		}
		return
	}
	t.Errorf("%s never failed on a full disk", what)
}
