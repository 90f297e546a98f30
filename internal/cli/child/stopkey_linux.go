package child

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stopKey is the key that stops a program, and the program that this process has to stop when
// it is typed, or 0 where the kernel sees to it: a program that has its terminal alone is in no
// shell's session, and the kernel does not stop those.
func (t *terminal) stopKey() (key byte, program int) {
	raw, err := t.control.SyscallConn()
	if err != nil {
		return 0, 0
	}
	err = raw.Control(func(fd uintptr) {
		set, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil || set.Lflag&unix.ISIG == 0 {
			return
		}
		if program, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP); err == nil {
			key = set.Cc[unix.VSUSP]
		}
	})
	if err != nil || key == 0 || program <= 0 {
		return 0, 0
	}
	if session, err := unix.Getsid(program); err != nil || session != program || !stopsByDefault(program) {
		return 0, 0
	}
	return key, program
}

// stopsByDefault reports whether a process neither ignores nor handles the key.
func stopsByDefault(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	for _, name := range []string{"SigIgn:", "SigCgt:"} {
		_, after, ok := bytes.Cut(status, []byte(name))
		line, _, _ := bytes.Cut(after, []byte("\n"))
		set, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 64)
		if !ok || err != nil || set&(1<<(unix.SIGTSTP-1)) != 0 {
			return false
		}
	}
	return true
}
