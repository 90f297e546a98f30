// Package console is what a person at a terminal, or a program at a pipe, sees of a
// command and types into it.
//
// Its promises: what goes to a pipe is plain text that does not change with the terminal;
// text from a server can not drive the terminal; a secret is asked for hidden.
package console

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Console is the streams of a command, and how they are shown.
type Console struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	IsTTY          func(stream any) bool
	Width          func(stream any) int // columns of a terminal, 0 where not known
	Prompt         Prompter
	JSON           bool // print JSON, and ask nobody
	Wide           bool // do not shorten columns to fit the terminal
	taken          bool // stdin was read
}

// New returns a Console with the real thing for what c leaves out.
func New(c Console) *Console {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.IsTTY == nil {
		c.IsTTY = isTerminal
	}
	if c.Width == nil {
		c.Width = terminalWidth
	}
	if c.Prompt == nil {
		c.Prompt = &prompter{in: c.Stdin, out: c.Stderr, marked: c.look(c.Stderr, heading)}
	}
	return &c
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Interactive says whether a person can be asked.
func (c *Console) Interactive() bool { return c.IsTTY(c.Stdin) && c.IsTTY(c.Stderr) && !c.JSON }

// look is l where a stream shows colours and the person wants them, and plain elsewhere.
func (c *Console) look(w io.Writer, l look) look {
	if c.IsTTY(w) && c.Getenv("NO_COLOR") == "" && c.Getenv("TERM") != "dumb" {
		return l
	}
	return plain
}

// terminalWidth is 0 where it is not known.
func terminalWidth(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}

// Prompter asks the person at the terminal.
type Prompter interface {
	Line(ctx context.Context, title string) (string, error)
	Hidden(ctx context.Context, title string) (secret.Bytes, error)
	// Confirm is true only for a clear yes.
	Confirm(ctx context.Context, title string) (bool, error)
}
