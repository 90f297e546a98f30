// Package files says what operating systems and their file systems do in different ways.
//
// Its promise: a lock excludes every other process on each of them, and ends with its
// own. What a system does not have is answered with what is safe: Windows has no
// permission bits, so nobody is said to have them, and no way to flush a folder.
package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Full reports whether there was no space for what was to be written.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) || full(err)
}

// OthersMay reports whether a file gives any of the permission bits away.
func OthersMay(info fs.FileInfo, bits fs.FileMode) bool {
	return hasModes && info.Mode().Perm()&bits != 0
}

// Sync puts a file or folder on disk.
func Sync(name string) error {
	f, err := openToSync(name)
	if err != nil {
		return err
	}
	return errors.Join(syncOpen(f), f.Close())
}

// SyncFolder puts an open folder on disk: the names in it.
func SyncFolder(folder *os.File) error { return syncOpen(folder) }
