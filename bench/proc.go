//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of /proc's CPU times: the kernel shows a hundredth of a
// second to programs, whatever it counts in.
const tick = 10 * time.Millisecond

// usage is what has been spent up to a moment.
type usage struct {
	server, database, self, machine time.Duration
	beside                          time.Duration // other commands of this process, such as a backup
	steal                           time.Duration // taken by the host of this virtual machine
}

func (u usage) minus(v usage) usage {
	return usage{u.server - v.server, u.database - v.database, u.self - v.self, u.machine - v.machine, u.beside - v.beside, u.steal - v.steal}
}

// usageNow reads the CPU time, in user mode and in the kernel, of all threads of
// the server, of the database with its children (0 for none), of this process, and
// of the other commands that it runs.
func usageNow(server, database int) (u usage, err error) {
	p, err := readStat(server)
	if err != nil {
		return u, err
	}
	u.server = p.own
	if database != 0 {
		if u.database, err = family(database); err != nil {
			return u, err
		}
	}
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("getrusage: %w", err)
	}
	u.self = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	own, err := readStat(os.Getpid())
	if err != nil {
		return u, err
	}
	all, err := family(os.Getpid(), server, database)
	if err != nil {
		return u, err
	}
	u.beside = all - own.own
	u.machine, u.steal, err = machineTime()
	return u, err
}

type stat struct {
	parent        int
	own, children time.Duration // children: of those that ended
}

// readStat reads /proc/PID/stat. The second field is a name in parentheses that
// may hold anything, so the rest is counted from its end.
func readStat(pid int) (s stat, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 15 {
		return s, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	var n [5]int64
	for i, field := range []string{f[1], f[11], f[12], f[13], f[14]} {
		if n[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return s, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return stat{int(n[0]), time.Duration(n[1]+n[2]) * tick, time.Duration(n[3]+n[4]) * tick}, nil
}

// family is the time of a process and of its children, dead and alive, but for those of without.
func family(pid int, without ...int) (time.Duration, error) {
	p, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	sum := p.own + p.children
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range dirs {
		id, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || slices.Contains(without, id) {
			continue
		}
		child, err := readStat(id)
		if err == nil && child.parent == pid { // others end at any time
			sum += child.own
		}
	}
	return sum, nil
}

// machineTime is what all processors have been busy for.
func machineTime() (busy, steal time.Duration, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	f := strings.Fields(string(line)) // cpu user nice system idle iowait irq softirq steal ...
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, errors.New("/proc/stat does not begin with cpu")
	}
	for i, field := range f[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		switch i {
		case 3, 4: // idle, waiting for a disk
		case 7:
			steal = time.Duration(n) * tick
		default:
			busy += time.Duration(n) * tick
		}
	}
	return busy, steal, nil
}

// memoryOf returns a process's resident memory in bytes: all, and the part that
// is its own, not pages of its binary.
func memoryOf(pid int) (rss, anonymous int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	if rss, err = kilobytes(b, "VmRSS:"); err == nil {
		anonymous, err = kilobytes(b, "RssAnon:")
	}
	return rss, anonymous, err
}

func kilobytes(status []byte, name string) (int64, error) {
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("the process has no %s", name)
}

// sizeOf sums the files below dir.
func sizeOf(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
