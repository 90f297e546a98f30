//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// recording is a perf record that runs beside a case.
type recording struct{ cmd *exec.Cmd }

// record starts perf on a process; the profile is DIR/NAME.data.
func record(ctx context.Context, dir, name string, pid int) (*recording, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "perf", "record", "--quiet", "-F", "997", "-g", "-p", strconv.Itoa(pid),
		"-o", filepath.Join(dir, name+".data"))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("perf (Debian: linux-perf): %w", err)
	}
	return &recording{cmd}, nil
}

// stop ends it as Ctrl-C would, upon which perf writes the profile.
func (r *recording) stop() error {
	if r == nil {
		return nil
	}
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("perf: %w", err)
	}
	_ = r.cmd.Wait() // reports the interrupt
	return nil
}
