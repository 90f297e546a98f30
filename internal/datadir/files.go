package datadir

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// DevOwnerFile is where `oneclaw dev` keeps the password that it made up.
const DevOwnerFile = "dev-owner.json"

// CodeDamaged says that a file of the folder is not what was written there.
const CodeDamaged = "damaged_file"

// ReadJSON reads a file. Its failure has CodeDamaged when the file is no JSON.
func ReadJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.Wrap(err, fault.Invalid, CodeDamaged, "The file "+filepath.Base(file)+" in the data folder can't be read.")
	}
	return nil
}

// WriteJSON replaces file as a whole: readers see the old or the new one.
func WriteJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// Exists reports whether a name is taken.
func Exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
