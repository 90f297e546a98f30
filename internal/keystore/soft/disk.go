package soft

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const tmpPrefix = ".tmp-"

// The files are reached through a handle of the folder, not by path: what was
// found out about the folder holds for its files, whatever is renamed meanwhile.

// createFile writes a new file, or none: it never overwrites, and when it
// returns nil both content and name are on disk. fs.ErrExist when the name is
// taken, also when another process takes it at the same moment.
func createFile(dir *os.Root, name string, content []byte) error {
	tmp := tmpPrefix + rand.Text()
	f, err := dir.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Remove(tmp) }() // what a crash leaves is a key that nobody got
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := dir.Link(tmp, name); err != nil {
		return err
	}
	return syncDir(dir)
}

// readFile reads a small file, up to one byte more than limit, and tells which
// file it was. It makes one buffer and no copies, so that a caller can wipe it.
func readFile(dir *os.Root, name string, limit int) ([]byte, fs.FileInfo, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	content := make([]byte, limit+1)
	n, err := io.ReadFull(f, content)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // shorter than the limit, as it should be
	}
	return content[:n], info, err
}

func zeroFile(dir *os.Root, name string) error {
	f, err := dir.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, fileSize), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func readNames(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	return names, errors.Join(err, d.Close())
}

func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(files.SyncFolder(d), d.Close())
}

// makeDir makes the folder, or checks the one that is there.
func makeDir(dir string) error {
	if dir == "" {
		return fault.New(fault.Invalid, "keystore_dir_missing", "The software keystore needs a folder.")
	}
	err := os.MkdirAll(filepath.Dir(dir), 0o700)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	switch {
	case err == nil:
		err = syncParent(dir)
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err != nil {
		return keystore.Unavailable(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return keystore.Unavailable(err)
	}
	if !info.IsDir() || files.OthersMay(info, 0o022) {
		return fault.New(fault.Invalid, "keystore_dir_exposed",
			"The keystore folder must be a folder that only its owner can change: chmod 700 it.")
	}
	return nil
}

func syncParent(dir string) error {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(syncDir(parent), parent.Close())
}
