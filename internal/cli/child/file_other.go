//go:build !linux

package child

import (
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// File is a value as a file that a program opens by its path.
type File struct {
	Path, dir string
}

// NewFile writes a value into a directory of its own that only its user may open.
func NewFile(value secret.Bytes) (*File, error) {
	dir, err := os.MkdirTemp("", "oneclaw-")
	if err != nil {
		return nil, errFile
	}
	f := &File{filepath.Join(dir, "secret"), dir}
	if err := os.WriteFile(f.Path, value.Reveal(), 0o600); err != nil {
		f.Close()
		return nil, errFile
	}
	return f, nil
}

// Close takes the file away.
func (f *File) Close() { _ = os.RemoveAll(f.dir) }

var errFile = fault.New(fault.Internal, "file_not_made", "No file can be made for the secret.")
