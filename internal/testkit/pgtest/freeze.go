package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Freeze stops all processes of the server, or lets them go on. The kernel goes on
// taking connections, and nothing answers. A test that ends earlier lets them go on.
func (c *Cluster) Freeze(tb testing.TB, stop bool) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		tb.Fatal("pgtest: the server is down")
	}
	parent := c.process.Pid
	if !stop {
		signalAll(tb, sigContinue, append(children(tb, parent), parent))
		return
	}
	tb.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.process != nil {
			signalAll(tb, sigContinue, append(children(tb, parent), parent))
		}
	})
	// Children are looked for only once the parent is known to stand: one that it
	// makes meanwhile would be missed, and would go on answering.
	signalAll(tb, sigStop, []int{parent})
	for {
		state, _ := processState(parent)
		if state == "T" {
			break
		}
		if state == "" {
			tb.Fatal("pgtest: the server has ended")
		}
	}
	signalAll(tb, sigStop, children(tb, parent))
}

func signalAll(tb testing.TB, sig syscall.Signal, pids []int) {
	tb.Helper()
	for _, pid := range pids {
		if err := send(pid, sig); err != nil {
			tb.Fatal(err)
		}
	}
}

// processState is the state of a process and its parent, as proc(5) writes them.
// Both are empty for a process that has ended.
func processState(pid int) (state, parent string) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", ""
	}
	// pid (name) state ppid ...
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 1 {
		return f[0], f[1]
	}
	return "", ""
}

func children(tb testing.TB, parent int) (pids []int) {
	tb.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		tb.Fatal(err)
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			tb.Fatal(err)
		}
		if _, of := processState(pid); of == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Session opens a session of somebody else's and returns what runs SQL in it. It
// ends with the test.
func Session(tb testing.TB, dsn string) func(sql string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func(sql string) {
		tb.Helper()
		if _, err := conn.Exec(tb.Context(), sql); err != nil {
			tb.Fatalf("%s: %v", sql, err)
		}
	}
}
