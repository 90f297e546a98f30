//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where and on what the figures were taken.
type machine struct {
	CPU     string    `json:"cpu"`
	Cores   int       `json:"cores"`
	Kernel  string    `json:"kernel"`
	Go      string    `json:"go"`
	Commit  string    `json:"commit"`
	Version string    `json:"version"` // what the binary says of itself
	At      time.Time `json:"at"`
	Measure string    `json:"measured_for"`
	Profile bool      `json:"profiled,omitempty"`
}

// String is the report's first line.
func (m machine) String() string {
	profiled := ""
	if m.Profile {
		profiled = ", while perf recorded (slower)"
	}
	return fmt.Sprintf("oneclaw %s (commit %s), %s, %s, %d cores, Linux %s, %s a case%s, %s",
		m.Version, m.Commit, m.Go, m.CPU, m.Cores, m.Kernel, m.Measure, profiled, m.At.Format(time.RFC3339))
}

func machineNow(ctx context.Context, o options) machine {
	m := machine{
		CPU: "unknown processor", Cores: runtime.NumCPU(), Kernel: "?", Go: runtime.Version(),
		Commit:  said(ctx, "git", "describe", "--always", "--dirty"),
		Version: strings.TrimPrefix(said(ctx, o.bin, "--version"), "oneclaw version "),
		At:      time.Now().UTC().Truncate(time.Second), Measure: o.duration.String(), Profile: o.record != "",
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(v)
			}
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	if info, err := buildinfo.ReadFile(o.bin); err == nil {
		m.Go = info.GoVersion
	}
	return m
}

// said is the first line that a command prints, or a question mark.
func said(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || line == "" {
		return "?"
	}
	return line
}
