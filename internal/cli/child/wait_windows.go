package child

import (
	"context"
	"os"
	"os/exec"
	"os/signal"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// terminal is not there: Windows has no terminals that a program can stand between.
type terminal struct{}

func (*terminal) is(*os.File) bool { return false }
func (*terminal) drain()           {}
func (*terminal) restore()         {}

// open leaves a terminal alone only where none is.
func (s *streams) open(p *Program, _ *exec.Cmd) error {
	for _, stream := range []any{p.Stdout, p.Stderr} {
		if f, ok := stream.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				return fault.New(fault.Invalid, "no_terminal_to_filter", "A program's output to a terminal can't be filtered on Windows: send it through a pipe.")
			}
		}
	}
	return nil
}

type running struct {
	cmd      *exec.Cmd
	terminal *streams
}

// catchSignals has Ctrl-C come to the channel, until it is released.
func catchSignals() (caught <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	return c, func() { signal.Stop(c) }
}

// passSignals leaves Ctrl-C to the program, which the console tells itself.
func (r *running) passSignals(ctx context.Context, c <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case <-c:
		case <-done:
			return
		case <-ctx.Done():
			_ = r.cmd.Process.Kill()
			<-done
			return
		}
	}
}

func (r *running) wait() int {
	state, err := r.cmd.Process.Wait()
	if err != nil {
		return 1
	}
	return state.ExitCode()
}
