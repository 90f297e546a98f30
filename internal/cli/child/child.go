// Package child runs a program with secrets, so that it behaves as without oneclaw: it has
// the streams, the terminal, the signals and the job control that it would have, and ends
// with its own code.
//
// Its promise: on Linux, what is given to the program in files is on no disk and is gone
// with oneclaw; with Hidden, what the program writes shows no value in any of the spellings
// that internal/shroud/known knows.
package child

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Program is what is run.
type Program struct {
	Args, Env      []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Hidden are values that its output must not show; nil leaves the output alone.
	Hidden []Value
	// Become replaces this process by a program, as exec does; nil where this process must stay.
	Become func(path string, args, env []string) error
	// Start has a process that is there already, with the streams, be the program; nil: a new one.
	Start func(path string, args, env []string) (*exec.Cmd, error)
}

// Value is a value and what it is called.
type Value struct {
	Label string
	Value secret.Bytes
}

// What a program that does not run is refused with.
const (
	CodeNone       = "program_not_found"
	CodeNotStarted = "program_not_started"
)

var (
	errNone  = fault.New(fault.NotFound, CodeNone, "There is no such program.")
	errStart = fault.New(fault.Denied, CodeNotStarted, "The program can't be run: may it be, and is it one?")
)

// grace is how long a program may take to end after it was asked to, and what it left behind
// to write the rest.
const grace = 10 * time.Second

// Run runs the program and returns the code of its end: its own, or 128 and the signal that
// ended it, as shells say it. With Become it returns only where the program can't be run.
func (p *Program) Run(ctx context.Context) (code int, err error) {
	path, err := exec.LookPath(p.Args[0])
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return 0, errNone
	case err != nil:
		return 0, errStart
	}
	if p.Become != nil && p.Hidden == nil {
		if err := p.Become(path, p.Args, p.Env); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return 0, errStart
		}
	}
	cmd := exec.Command(path, p.Args[1:]...) //nolint:gosec,noctx // to run what the caller names is what this is for; the end of ctx is told to the program
	cmd.Args[0] = p.Args[0]
	cmd.Env, cmd.WaitDelay = p.Env, grace
	s, err := p.connect(cmd)
	if err != nil {
		return 0, err
	}
	defer s.restore()
	caught, release := catchSignals() // before the program runs, so that none of them ends or stops this process and leaves the program alone
	defer release()
	if cmd, err = p.start(cmd); err != nil {
		s.started()
		return 0, errStart
	}
	s.started()
	r := &running{cmd: cmd, terminal: s}
	done := make(chan struct{})
	var passing sync.WaitGroup
	passing.Go(func() { r.passSignals(ctx, caught, done) })
	code = r.wait()
	close(done)
	passing.Wait()
	_ = cmd.Wait() // was waited for; this waits for its pipes
	s.finish()
	return code, nil
}

func (p *Program) start(cmd *exec.Cmd) (*exec.Cmd, error) {
	if p.Start != nil {
		return p.Start(cmd.Path, cmd.Args, cmd.Env)
	}
	return cmd, cmd.Start()
}

// streams are the program's streams where oneclaw stands between them and the terminal.
type streams struct {
	filters []*filter
	inner   []io.Closer // ends that the program has, closed here once it runs
	term    *terminal
}

// connect gives the program its streams.
func (p *Program) connect(cmd *exec.Cmd) (*streams, error) {
	s := &streams{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Stdin, p.Stdout, p.Stderr
	if p.Hidden == nil {
		return s, nil
	}
	if err := s.open(p, cmd); err != nil {
		return nil, err
	}
	one := same(cmd.Stdout, cmd.Stderr) // what is written to both stays in its order
	for _, out := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		if f, ok := (*out).(*os.File); ok && s.term != nil && s.term.is(f) {
			continue
		}
		if one && len(s.filters) > 0 {
			*out = s.filters[0]
			continue
		}
		f := newFilter(*out, p.Hidden)
		s.filters = append(s.filters, f)
		*out = f
	}
	return s, nil
}

// same reports whether two streams are one file.
func same(a, b io.Writer) bool {
	one, ok := a.(*os.File)
	two, also := b.(*os.File)
	if !ok || !also {
		return false
	}
	x, err := one.Stat()
	y, failed := two.Stat()
	return err == nil && failed == nil && os.SameFile(x, y)
}

// started closes what only the program needs.
func (s *streams) started() {
	for _, c := range s.inner {
		_ = c.Close()
	}
}

// finish waits for the rest of what the program wrote and shows it.
func (s *streams) finish() {
	if s.term != nil {
		s.term.drain()
	}
	for _, f := range s.filters {
		f.Close()
	}
}

// restore gives the terminal back as it was.
func (s *streams) restore() {
	if s.term != nil {
		s.term.restore()
	}
}
