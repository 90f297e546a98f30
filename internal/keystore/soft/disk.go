package soft

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const tmpPattern = ".tmp-*"

// createFile writes a new file, or none: it never overwrites, and when it
// returns nil both content and name are on disk. fs.ErrExist when the name is
// taken, also when another process takes it at the same moment.
func createFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, tmpPattern) // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// readFile reads a small file, up to one byte more than limit, and tells which
// file it was. It makes one buffer and no copies, so that a caller can wipe it.
func readFile(path string, limit int) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
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

func zeroFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, fileSize), 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
		err = syncDir(filepath.Dir(dir))
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
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return fault.New(fault.Invalid, "keystore_dir_exposed",
			"The keystore folder must be a folder that only its owner can change: chmod 700 it.")
	}
	return nil
}
