package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const maxValue = 5 << 20 // the server takes no longer body

const codeEmpty = "empty_value"

// readValue gets a secret value from the file, from stdin, or, on a terminal, from
// a hidden prompt. A file is taken as it is. Of piped text a line end is dropped
// where it is the only one and stands last, since echo adds it; exact keeps it.
func (c *cli) readValue(ctx context.Context, fromFile, prompt string, exact bool) (client.Value, error) {
	var b []byte
	var err error
	switch {
	case fromFile != "" && fromFile != "-":
		b, err = readFile(fromFile)
	case fromFile == "" && c.interactive():
		v, perr := c.Prompt.Hidden(ctx, prompt)
		if perr != nil {
			return client.Value{}, perr
		}
		b = v.Reveal()
	case fromFile == "" && c.IsTTY(c.Stdin):
		return client.Value{}, usage("Pipe the value into this command, or give --from-file.")
	default:
		b, err = limited(c.Stdin)
		if !exact {
			b = dropEcho(b)
		}
	}
	if err != nil {
		return client.Value{}, err
	}
	if len(b) == 0 {
		return client.Value{}, fault.New(fault.Invalid, codeEmpty, "The value is empty; nothing was written.")
	}
	return client.NewValue(b), nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.New(fault.Invalid, "unreadable_file", "Can not read the file: "+reason(err)+".")
	}
	defer f.Close()
	return limited(f)
}

func limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	if err != nil {
		return nil, fault.New(fault.Internal, "unreadable_input", "Can not read the input: "+reason(err)+".")
	}
	if len(b) > maxValue {
		return nil, usage("The input is longer than 5 MiB; a secret can not be.")
	}
	return b, nil
}

// reason is the system's word for an error on a file, without the file's name.
func reason(err error) string {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

func dropEcho(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 && i == len(b)-1 {
		return bytes.TrimSuffix(b[:i], []byte("\r"))
	}
	return b
}

// readPassword is readValue for a password: one line, from the file, stdin or a prompt.
func (c *cli) readPassword(ctx context.Context, file string) (client.Value, error) {
	v, err := c.readValue(ctx, file, "Password", false)
	if fault.CodeOf(err) == codeEmpty {
		return v, usage("The password is empty. Give it with --password-file or on stdin.")
	}
	if err != nil {
		return v, err
	}
	return client.NewValue(dropEcho(v.Reveal())), nil
}

// parseExpiry reads a time (RFC 3339), or a duration from now such as 36h or 90d.
func (c *cli) parseExpiry(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d, derr := parseDuration(s)
		if derr != nil {
			return nil, usage("--expires takes a time such as 2030-01-31T12:00:00Z, or a duration such as 36h or 90d.")
		}
		t = c.Now().Add(d)
	}
	t = t.UTC().Truncate(time.Second)
	if !t.After(c.Now()) {
		return nil, usage("--expires lies in the past.")
	}
	return &t, nil
}

func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}
