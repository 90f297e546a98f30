//go:build unix

package pgtest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// credential is whom a process runs as.
type credential = syscall.Credential

// attributes run a process as somebody, in a session of its own: that keeps it alive
// through a Ctrl-C in the terminal.
func attributes(as *credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: as}
}

const (
	sigStop     = syscall.SIGSTOP
	sigContinue = syscall.SIGCONT
)

// send gives a process a signal. One that has ended already is no failure.
func send(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
		return err
	}
	return nil
}

// serverUser returns whom the server runs as: nil for the user of the test,
// and for root, whom PostgreSQL refuses, the user that Debian's package made.
func serverUser() (*credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // "no other user" is an answer, not a failure
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, ErrMissing
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
