// Package pty gives tests a terminal, and shows what a person would see on it.
package pty

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Open returns both ends of a pseudo-terminal with so many columns: what the person sees
// and types on, and what the program gets as its streams.
func Open(t testing.TB, columns uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n, unlock := 0, error(nil)
	if err := raw.Control(func(fd uintptr) {
		if unlock = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); unlock != nil {
			return
		}
		if n, unlock = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); unlock != nil {
			return
		}
		unlock = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}); err != nil || unlock != nil {
		t.Fatal(err, unlock)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// Screen collects what a person would see.
type Screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	more  chan struct{}
	ended chan struct{}
}

// Watch reads the person's end until it is closed.
func Watch(f *os.File) *Screen {
	s := &Screen{more: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b)
			s.mu.Lock()
			s.text.Write(b[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// String is all that was shown.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Wait returns once the screen has shown a text, after what it had shown at from, and
// where that ends.
func (s *Screen) Wait(t testing.TB, from int, text string) int {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		shown := s.String()
		if at := strings.Index(shown[from:], text); at >= 0 {
			return from + at + len(text)
		}
		select {
		case <-s.more:
		case <-limit:
			t.Fatalf("the terminal never showed %q: %q", text, s.String())
		}
	}
}

// WaitEnd returns once the program's end was closed and all that it wrote was read.
func (s *Screen) WaitEnd() { <-s.ended }
