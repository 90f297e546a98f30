//go:build unix

package files

import (
	"os"

	"golang.org/x/sys/unix"
)

const hasModes = true

func full(error) bool { return false }

// Lock takes an open file for this process, or fails at once when another has it.
func Lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

func openToSync(name string) (*os.File, error) { return os.Open(name) }

func syncOpen(f *os.File) error { return f.Sync() }

// Free is how many bytes this process may still write to the file system of a folder.
func Free(dir string) (uint64, error) {
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	return s.Bavail * uint64(s.Bsize), err
}

// System tells file systems apart. It is 0 when the folder is not there.
func System(dir string) uint64 {
	var s unix.Stat_t
	if unix.Stat(dir, &s) != nil {
		return 0
	}
	return uint64(s.Dev) //nolint:unconvert // of another type on other systems
}

// Writable reports whether this process may write to a folder.
func Writable(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }
