package sqldb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
)

// lockDir takes the data directory for this process. The writer keeps the heads
// of the audit chains in memory, so a second process must not write beside it.
// The lock goes with the process, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, LockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	err = files.Lock(f)
	if err == nil {
		err = stillThere(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, fault.Wrap(err, fault.Conflict, "data_in_use",
			"Another oneclaw process uses this data directory. Stop it, or give this one another --data.")
	}
	return f, nil
}

// stillThere sees that the file that was locked is the one that others find: who held
// it may have removed it meanwhile.
func stillThere(f *os.File) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	found, err := os.Stat(f.Name())
	if err == nil && !os.SameFile(mine, found) {
		err = errors.New("the lock file was replaced")
	}
	return err
}

// LockFile is the name of the file that who holds a folder has locked.
const LockFile = "oneclaw.lock"

// Lock takes a data folder for this process as Open does, without opening what is in
// it. It fails with data_in_use when another process has it.
func Lock(dir string) (io.Closer, error) {
	f, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return f, nil
}
