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
// taking connections, and nothing answers.
func (c *Cluster) Freeze(tb testing.TB, stop bool) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		tb.Fatal("pgtest: the server is down")
	}
	sig := syscall.SIGCONT
	if stop {
		sig = syscall.SIGSTOP
	}
	// The parent first when it stops: it makes no more.
	pids := append([]int{c.process.Pid}, children(tb, c.process.Pid)...)
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
			tb.Fatal(err)
		}
	}
}

func children(tb testing.TB, parent int) (pids []int) {
	tb.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid ...
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err != nil {
				tb.Fatal(err)
			}
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
