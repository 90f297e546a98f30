//go:build unix

package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// running is a program that runs.
type running struct {
	cmd      *exec.Cmd
	terminal *streams

	mu   sync.Mutex
	over bool // its number may be another process's now
}

// passed are the signals that are handed on to the program. Those that stop are among them, so
// that this process does not stop before the program has: the shell would take the terminal,
// and a program that was about to stop could still read what is meant for the shell.
var passed = []os.Signal{
	unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGTSTP, unix.SIGTTIN,
}

// catchSignals has the signals that are handed on come to the channel, until it is released.
func catchSignals() (caught <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, passed...)
	return c, func() { signal.Stop(c) }
}

// passSignals hands signals on until done is closed. What a terminal sends goes to the program
// anyway, since it is in the same group, and would arrive twice.
func (r *running) passSignals(ctx context.Context, c <-chan os.Signal, done <-chan struct{}) {
	end := ctx.Done()
	var kill <-chan time.Time
	for {
		select {
		case <-done:
			return
		case <-end:
			end, kill = nil, time.After(grace)
			r.signal(unix.SIGINT)
		case <-kill:
			r.signal(unix.SIGKILL)
		case got := <-c:
			s, _ := got.(syscall.Signal)
			switch {
			case s == unix.SIGWINCH && r.terminal.term != nil:
				r.terminal.term.resize()
			case s == unix.SIGTSTP && r.terminal.term != nil:
				r.signal(unix.SIGSTOP) // the kernel stops no session of its own for the other
			case s == unix.SIGWINCH, s == unix.SIGTTIN, s == unix.SIGTSTP, (s == unix.SIGINT || s == unix.SIGQUIT) && r.terminal.term == nil && inForeground():
			default:
				r.signal(s)
			}
		}
	}
}

func (r *running) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		_ = unix.Kill(r.cmd.Process.Pid, s)
	}
}

// wait waits for the end of the program and returns its code. When the program is stopped, so
// is this process, so that the shell sees it.
func (r *running) wait() int {
	pid := r.cmd.Process.Pid
	for {
		var ws unix.WaitStatus
		_, err := unix.Wait4(pid, &ws, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && ws.Stopped():
			r.stopped(pid)
			continue
		}
		r.mu.Lock()
		r.over = true
		r.mu.Unlock()
		switch {
		case err != nil:
			return 1
		case ws.Signaled():
			return 128 + int(ws.Signal())
		}
		return ws.ExitStatus()
	}
}

// stopped stops this process too, and has the program go on once a shell has this one do so.
func (r *running) stopped(pid int) {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return
	}
	if t := r.terminal.term; t != nil {
		t.catchUp()
		t.restore()
	}
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, unix.SIGCONT)
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	<-goesOn // the stop may reach another thread first
	signal.Stop(goesOn)
	if t := r.terminal.term; t != nil {
		t.take()
	} else if group != unix.Getpgrp() {
		giveTerminal(group)
	}
	_ = unix.Kill(-group, unix.SIGCONT)
}

// inForeground reports whether this process's group is the one that the terminal sends
// signals to.
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// giveTerminal has a group that had the terminal get it again.
func giveTerminal(group int) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer tty.Close()
	signal.Ignore(unix.SIGTTOU) // this process is not in the foreground where the group was
	defer signal.Reset(unix.SIGTTOU)
	_ = unix.IoctlSetPointerInt(int(tty.Fd()), unix.TIOCSPGRP, group)
}

func isTerminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}
