//go:build unix

package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is a terminal of the program's own, between it and the person's.
type terminal struct {
	person          *os.File // the person's
	typed           *os.File // what the person types on; nil where the program reads from elsewhere
	control, inside *os.File // the two ends of the program's
	out             *filter

	mu    sync.Mutex
	saved *term.State // of the person's terminal, while it is raw
	read  chan struct{}

	behind chan chan struct{} // who waits until all is shown that was written
}

// open puts a terminal between the program and the person's, for those of its streams that
// are one.
func (s *streams) open(p *Program, cmd *exec.Cmd) error {
	person, ok := isTerminal(p.Stdout)
	if !ok {
		if person, ok = isTerminal(p.Stderr); !ok {
			return nil
		}
	}
	control, inside, err := pty.Open()
	if err != nil {
		return err
	}
	if err := mayTimeOut(control); err != nil {
		return errors.Join(err, control.Close(), inside.Close())
	}
	t := &terminal{person: person, control: control, inside: inside, out: newFilter(person, p.Hidden), read: make(chan struct{}), behind: make(chan chan struct{}, 1)}
	s.term = t
	s.inner = append(s.inner, inside)
	t.resize()
	if in, ok := isTerminal(p.Stdin); ok {
		t.typed, cmd.Stdin = in, inside
	}
	ctty := -1
	if _, ok := isTerminal(p.Stdout); ok {
		cmd.Stdout, ctty = inside, 1
	}
	if _, ok := isTerminal(p.Stderr); ok {
		cmd.Stderr, ctty = inside, 2
	}
	if state, err := term.GetState(int(person.Fd())); err == nil { // what the person has set, such as the key that interrupts
		_ = term.Restore(int(inside.Fd()), state)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: ctty}
	t.take()
	go t.show()
	if t.typed != nil {
		go t.pass()
	}
	return nil
}

// mayTimeOut has reads of a terminal end at their deadline, which they do not as the library opens it.
func mayTimeOut(control *os.File) error {
	raw, err := control.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetNonblock(int(fd), true) })
	return errors.Join(err, failed)
}

func (t *terminal) is(f *os.File) bool { return f == t.inside }

// take has the person's terminal hand on each key as it is typed.
func (t *terminal) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.typed == nil || t.saved != nil {
		return
	}
	if state, err := term.MakeRaw(int(t.typed.Fd())); err == nil {
		t.saved = state
	}
	t.resize()
}

func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved != nil {
		_ = term.Restore(int(t.typed.Fd()), t.saved)
		t.saved = nil
	}
}

// resize gives the program's terminal the size of the person's; the kernel tells the program.
// The library's way to do so would have reads of the terminal block again (see mayTimeOut).
func (t *terminal) resize() {
	size, err := unix.IoctlGetWinsize(int(t.person.Fd()), unix.TIOCGWINSZ)
	raw, rawErr := t.control.SyscallConn()
	if err != nil || rawErr != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
}

// show writes what the program writes, until nobody has the other end any more.
func (t *terminal) show() {
	defer close(t.read)
	b := make([]byte, 32<<10)
	for {
		n, err := t.control.Read(b)
		_, _ = t.out.Write(b[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			select {
			case done := <-t.behind:
				t.showRest(b)
				close(done)
				continue
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// showRest shows what comes until there is a pause.
func (t *terminal) showRest(b []byte) {
	defer func() { _ = t.control.SetReadDeadline(time.Time{}) }()
	for range int(time.Second / pause) {
		_ = t.control.SetReadDeadline(time.Now().Add(pause)) //nolint:forbidigo // the system's own clock
		n, err := t.control.Read(b)
		_, _ = t.out.Write(b[:n])
		if err != nil {
			break
		}
	}
	t.out.idle()
}

// catchUp returns when what the program wrote before it was stopped is shown: what the shell
// says of that comes after it.
func (t *terminal) catchUp() {
	done := make(chan struct{})
	t.behind <- done
	_ = t.control.SetReadDeadline(time.Unix(1, 0))
	select {
	case <-done:
	case <-t.read:
	}
}

// drain shows the rest of what was written. A process that the program left behind may
// keep the terminal; it is not waited for longer than for the rest.
func (t *terminal) drain() {
	enough := time.AfterFunc(time.Second, func() { _ = t.control.SetReadDeadline(time.Unix(1, 0)) })
	<-t.read
	enough.Stop()
	t.out.Close()
	_ = t.control.Close()
}

// pass hands on what the person types. The key that stops a program stops it here where it is
// the program itself that has the terminal: its group is alone in its session, and the kernel
// stops no such group.
func (t *terminal) pass() {
	b := make([]byte, 4096)
	for {
		n, err := t.typed.Read(b)
		piece := b[:n]
		for len(piece) > 0 {
			key, group := t.stopKey()
			at := -1
			if group > 0 {
				at = bytes.IndexByte(piece, key)
			}
			if at < 0 {
				at = len(piece)
			}
			if _, err := t.control.Write(piece[:at]); err != nil {
				return
			}
			if at < len(piece) {
				_ = unix.Kill(-group, unix.SIGSTOP)
				at++
			}
			piece = piece[at:]
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				_, _ = t.control.Write([]byte{4})
			}
			return
		}
	}
}
