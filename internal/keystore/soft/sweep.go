package soft

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// Sweep removes the files of keys that were being made before the given time: a process
// that was killed left them. They are not zeroed, since one may be a second name of a
// key that is in use.
func (s *Store) Sweep(before time.Time) error {
	return s.olderThan(before, func(dir *os.Root, name string) error {
		if !strings.HasPrefix(name, tmpPrefix) {
			return nil
		}
		if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// KEKs are the ids of the key-encryption keys that were made before the given time.
func (s *Store) KEKs(before time.Time) (ids []string, err error) {
	err = s.olderThan(before, func(_ *os.Root, name string) error {
		if k, id, ok := parseName(name); ok && k == kindKEK {
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

func (s *Store) olderThan(before time.Time, do func(dir *os.Root, name string) error) error {
	dir, err := s.folder()
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	names, err := readNames(dir)
	for _, name := range names {
		info, statErr := dir.Lstat(name)
		if statErr == nil && info.ModTime().Before(before) {
			err = errors.Join(err, do(dir, name))
		}
	}
	if err != nil {
		return keystore.Unavailable(err)
	}
	return nil
}
