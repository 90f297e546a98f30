package fence

import (
	"encoding/gob"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Wait turns the network on, hands a listener in it to the parent, and becomes the program that
// the parent names. It returns only where that fails.
func Wait() int {
	const parent = 3
	unix.CloseOnExec(parent)
	talk, err := connOf(parent)
	if err != nil {
		return 1
	}
	defer talk.Close()
	if err := handListener(talk); err != nil {
		return 1
	}
	var p program
	if err := gob.NewDecoder(talk).Decode(&p); err != nil {
		return 1 // the parent is gone, or has nothing to run
	}
	runtime.LockOSThread() // rights are a thread's, and those of this one become the program's
	if err := giveUpRights(); err == nil {
		_ = syscall.Exec(p.Path, p.Args, p.Env) //nolint:gosec // G204: to run what the caller names is what this is for
	}
	_, _ = talk.Write([]byte{1})
	return 1
}

func handListener(talk *net.UnixConn) error {
	if err := turnOn("lo"); err != nil {
		return err
	}
	at, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer at.Close()
	file, err := at.File()
	if err != nil {
		return fmt.Errorf("share listener: %w", err)
	}
	defer file.Close()
	_, _, err = talk.WriteMsgUnix([]byte{1}, unix.UnixRights(int(file.Fd())), nil)
	return err
}

// turnOn has a device of the network take packets.
func turnOn(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq(device)
	if err != nil {
		return fmt.Errorf("name device: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
		return fmt.Errorf("read device: %w", err)
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("turn on device: %w", err)
	}
	return nil
}

// giveUpRights takes from this thread what it was given to turn the network on, so that a
// program of an ordinary user has no right at all behind the fence, and gets none by the bits of
// a file. Root's programs are root behind it, too, and there alone.
func giveUpRights() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up rights: %w", err)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var rights [2]unix.CapUserData
	if err := unix.Capget(&head, &rights[0]); err != nil {
		return fmt.Errorf("read rights: %w", err)
	}
	rights[0].Inheritable, rights[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &rights[0]); err != nil {
		return fmt.Errorf("give up rights: %w", err)
	}
	if os.Geteuid() == 0 {
		return nil
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}
