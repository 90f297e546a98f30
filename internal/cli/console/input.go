package console

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const maxValue = 5 << 20 // the server takes no longer body

// CodeEmpty is the code of a value that is empty.
const CodeEmpty = "empty_value"

// CodeTaken is the code of a second value that stdin was to bring.
const CodeTaken = "stdin_taken"

// ReadValue gets a secret value from the file, from stdin, or, on a terminal, from
// a hidden prompt. A file is taken as it is. Of piped text a line end is dropped
// where it is the only one and stands last, since echo adds it; exact keeps it.
func (c *Console) ReadValue(ctx context.Context, fromFile, prompt string, exact bool) (client.Value, error) {
	var b []byte
	var err error
	switch {
	case fromFile != "" && fromFile != "-":
		b, err = ReadFile(fromFile)
	case fromFile == "" && c.Interactive():
		v, perr := c.Prompt.Hidden(ctx, prompt)
		if perr != nil {
			return client.Value{}, perr
		}
		b = v.Reveal()
	case fromFile == "" && c.IsTTY(c.Stdin):
		return client.Value{}, Usage("Pipe the value into this command, or give --from-file.")
	case c.taken:
		return client.Value{}, fault.New(fault.Invalid, CodeTaken,
			"Stdin brought another value of this command already: give one of the two in a file, such as with --password-file, or run this on a terminal, which asks for each.")
	default:
		c.taken = true
		b, err = Limited(c.Stdin)
		if !exact {
			b = DropEcho(b)
		}
	}
	if err != nil {
		return client.Value{}, err
	}
	if len(b) == 0 {
		return client.Value{}, fault.New(fault.Invalid, CodeEmpty, "The value is empty; nothing was written. A secret has at least one character: was the variable, the pipe or the file that it came from empty?")
	}
	return client.NewValue(b), nil
}

// ReadFile reads a file that a person named.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.New(fault.Invalid, "unreadable_file", "Can not read the file: "+Cause(err)+".")
	}
	defer f.Close()
	return Limited(f)
}

// Limited reads all of r, but no more than a secret may have.
func Limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	if err != nil {
		return nil, fault.New(fault.Internal, "unreadable_input", "Can not read the input: "+Cause(err)+".")
	}
	if len(b) > maxValue {
		return nil, Usage("The input is longer than 5 MiB; a secret can not be.")
	}
	return b, nil
}

// Cause is the system's word for an error on a file, without the file's name.
func Cause(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// ReadPassword is ReadValue for a password: one line, from the file, stdin or a prompt.
func (c *Console) ReadPassword(ctx context.Context, file string) (client.Value, error) {
	v, err := c.ReadValue(ctx, file, "Password", false)
	if fault.CodeOf(err) == CodeEmpty {
		return v, Usage("The password is empty. Give it with --password-file or on stdin.")
	}
	if err != nil {
		return v, err
	}
	return client.NewValue(DropEcho(v.Reveal())), nil
}

// Confirm lets a destructive command go on: with --yes, or with a person's answer.
func (c *Console) Confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !c.Interactive() {
		return Usage(strconv.Quote(question) + " can not be asked here. Pass --yes to do it without being asked.")
	}
	ok, err := c.Prompt.Confirm(ctx, Clean(question))
	if err != nil {
		return err
	}
	if !ok {
		return cancelled()
	}
	return nil
}
