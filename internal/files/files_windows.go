package files

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// hasModes: who may read a file is said by its access list, which a new file takes from its folder.
const hasModes = false

func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// Lock takes an open file for this process, or fails at once when another has it.
func Lock(f *os.File) error {
	const exclusive = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	const all = ^uint32(0)
	return windows.LockFileEx(windows.Handle(f.Fd()), exclusive, 0, all, all, new(windows.Overlapped))
}

// openToSync opens for writing, since only such a file can be flushed. A folder opens as it can.
func openToSync(name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil || info.IsDir() {
		return os.Open(name)
	}
	return os.OpenFile(name, os.O_RDWR, 0)
}

func syncOpen(f *os.File) error {
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return err // NTFS writes names to its journal; there is no call for a folder
	}
	return f.Sync()
}

// Free is how many bytes this process may still write to the file system of a folder.
func Free(dir string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	err = windows.GetDiskFreeSpaceEx(name, &free, nil, nil)
	return free, err
}

// System tells file systems apart, by the volume's name. It is 0 when the folder is not there.
func System(dir string) uint64 {
	full, err := filepath.Abs(dir)
	if err != nil {
		return 0
	}
	var n uint64
	for _, b := range []byte(filepath.VolumeName(full)) {
		n = n<<8 | uint64(b)
	}
	return n
}

// Writable reports whether this process may write to a folder: it tries.
func Writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return false
	}
	name := f.Name()
	return errors.Join(f.Close(), os.Remove(name)) == nil
}
