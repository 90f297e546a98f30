package soft

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// The root file begins with one of these lines. The plain one is followed by
// the 32 bytes of the key, the sealed one by what sealRoot makes.
const (
	rootName   = "root.key"
	plainHead  = "oneclaw root v1 plain\n"
	sealedHead = "oneclaw root v1 argon2id\n"
	maxRoot    = 4096
)

// openRoot reads the root key, and makes one for a new folder.
func (s *Store) openRoot(dir *os.Root, pass secret.Bytes) error {
	err := s.readRoot(dir, pass)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := createRoot(dir, pass); err != nil {
		return err
	}
	err = s.readRoot(dir, pass) // what is on disk, ours or another process's, is what counts
	if errors.Is(err, fs.ErrNotExist) {
		return keystore.Unavailable(err)
	}
	return err
}

// createRoot makes a root key for a folder without any keys.
func createRoot(dir *os.Root, pass secret.Bytes) error {
	holdsKeys := false
	for _, k := range kinds() {
		ids, err := list(dir, k)
		if err != nil {
			return err
		}
		holdsKeys = holdsKeys || len(ids) > 0
	}
	// Another process may have made root and keys since we looked.
	if _, err := dir.Lstat(rootName); err == nil {
		return nil
	}
	if holdsKeys {
		return fault.New(fault.Invalid, "root_key_missing",
			"The keystore holds keys but its root.key is missing. Restore root.key from a backup: without it the keys can't be opened.")
	}
	var content []byte
	erase.Do(func() {
		var key [keySize]byte
		rand.Read(key[:])
		if pass.Len() == 0 {
			content = append([]byte(plainHead), key[:]...)
		} else {
			content = sealRoot(key[:], pass)
		}
		clear(key[:])
	})
	defer clear(content)
	if err := createFile(dir, rootName, content); err != nil && !errors.Is(err, fs.ErrExist) {
		return keystore.Unavailable(err)
	}
	return nil
}

// readRoot sets root and rootSum from the file. fs.ErrNotExist comes back as it is.
func (s *Store) readRoot(dir *os.Root, pass secret.Bytes) error {
	content, info, err := readFile(dir, rootName, maxRoot)
	defer clear(content)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
		return keystore.Unavailable(err)
	case files.OthersMay(info, 0o077):
		return fault.New(fault.Invalid, "root_key_exposed",
			"Others than its owner can reach root.key. Run chmod 600 on it, and think about who may have read it.")
	}
	s.rootSum = sha256.Sum256(content)
	erase.Do(func() {
		var key []byte
		if key, err = rootKey(content, pass); err == nil {
			s.root, err = newKEK(key)
		}
		clear(key)
	})
	return err
}

// rootKey takes the key out of the root file.
func rootKey(content []byte, pass secret.Bytes) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(content, []byte(sealedHead)); ok {
		if pass.Len() == 0 {
			return nil, fault.New(fault.Invalid, "root_key_passphrase_required",
				"root.key is sealed under a passphrase: give it in the configuration.")
		}
		return unsealRoot(rest, pass)
	}
	rest, ok := bytes.CutPrefix(content, []byte(plainHead))
	if !ok || len(rest) != keySize {
		return nil, rootDamaged()
	}
	if pass.Len() != 0 {
		// Going on would let the operator believe in a seal that is not there.
		return nil, fault.New(fault.Invalid, "root_key_not_sealed",
			"A passphrase was given but root.key is not sealed under one. Take the passphrase out of the configuration.")
	}
	return bytes.Clone(rest), nil
}

// checkRoot sees that the root key is the one of the keys that are there. One
// that opens is proof; a single damaged file is no reason not to start.
func (s *Store) checkRoot(dir *os.Root) error {
	wrong := false
	for _, k := range kinds() {
		ids, err := list(dir, k)
		if err != nil {
			return err
		}
		for _, id := range ids {
			content, _, err := s.readKeyFile(k, id)
			if err != nil {
				continue // destroyed in the meantime
			}
			erase.Do(func() {
				var key []byte
				key, err = s.openKeyFile(k, id, content)
				clear(key)
			})
			if err == nil {
				return nil
			}
			wrong = true
		}
	}
	if wrong {
		return fault.New(fault.Invalid, "root_key_wrong",
			"root.key is not the root key of the keys in this folder: none of them opens. Restore the right one from a backup.")
	}
	return nil
}

// folder opens the folder and sees that our root file is in it. A folder that is
// away is no folder without keys, and one that took its place is not ours.
func (s *Store) folder() (*os.Root, error) {
	dir, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, keystore.Unavailable(err)
	}
	content, _, err := readFile(dir, rootName, maxRoot)
	defer clear(content)
	if err == nil && sha256.Sum256(content) != s.rootSum {
		err = errors.New("root.key is not the one that was opened")
	}
	if err != nil {
		_ = dir.Close()
		return nil, keystore.Unavailable(err)
	}
	return dir, nil
}

func rootDamaged() error {
	return fault.New(fault.Invalid, "root_key_damaged",
		"root.key is not a root key of a format that this version knows. Restore it from a backup.")
}
