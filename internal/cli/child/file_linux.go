package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// File is a value as a file that a program opens by its path.
type File struct {
	Path string
	in   *os.File
}

// NewFile keeps a value in memory, as a file of this process: programs that close what they
// inherit open it too, and it is gone with this process, however that ends.
func NewFile(value secret.Bytes) (*File, error) {
	fd, err := unix.MemfdCreate("oneclaw", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, errFile
	}
	f := os.NewFile(uintptr(fd), "secret")
	if err := fill(f, value); err != nil {
		_ = f.Close()
		return nil, errFile
	}
	return &File{"/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(fd), f}, nil
}

func fill(f *os.File, value secret.Bytes) error {
	if err := f.Chmod(0o600); err != nil { // programs look at it, such as ssh
		return err
	}
	if _, err := f.Write(value.Reveal()); err != nil {
		return err
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	return err
}

// Close takes the file away.
func (f *File) Close() { _ = f.in.Close() }

var errFile = fault.New(fault.Internal, "file_not_made", "No file can be made for the secret.")
