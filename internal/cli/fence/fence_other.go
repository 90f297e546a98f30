//go:build !linux

package fence

import (
	"io"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Open refuses: only Linux has networks for one program.
func Open(io.Reader, io.Writer, io.Writer) (*Fence, error) {
	return nil, fault.New(fault.NotOffered, "no_fence", "--netns takes Linux: other systems have no networks for one program. Without --netns a program that leaves the proxy out has placeholders, and no secret.")
}

// Wait ends at once: no process waits in a fence here.
func Wait() int { return 1 }
