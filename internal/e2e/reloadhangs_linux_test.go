package e2e_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSIGTERMEndsWhileACertificateIsReadThatHangs: of a file on a server that is away a read
// waits for ever. Here the kernel asks the test whether the file may be opened, and the
// test does not answer.
func TestSIGTERMEndsWhileACertificateIsReadThatHangs(t *testing.T) {
	p := newPlace(t)
	cert, key, _ := certificate(t)
	p.env = []string{"ONECLAW_TLS_CERT_FILE=" + cert, "ONECLAW_TLS_KEY_FILE=" + key}
	s := p.start()
	addr := strings.TrimPrefix(s.APIURL, "https://")
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY)
	if errors.Is(err, unix.EPERM) {
		t.Skip("only root may make an opening wait")
	} else if err != nil {
		t.Fatal(err)
	}
	asked := os.NewFile(uintptr(fd), "fanotify")
	t.Cleanup(func() { _ = asked.Close() }) // which lets the opening go on
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_PERM, unix.AT_FDCWD, cert); err != nil {
		t.Fatal(err)
	}
	if err := asked.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := asked.Read(make([]byte, 4096)); err != nil {
		t.Fatalf("nobody opens the certificate: %v", err)
	}
	if len(served(t, addr)) == 0 {
		t.Error("the certificate of before is not served meanwhile")
	}
	late := time.AfterFunc(longest, func() {
		t.Errorf("it runs %v after SIGTERM", longest)
		_ = s.cmd.Process.Kill()
	})
	s.stop()
	late.Stop()
}
