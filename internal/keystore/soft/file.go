package soft

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// A key file is: format byte, nonce, the 32 bytes of the key encrypted, tag.
// The associated data binds format, kind and id, so that a file that was moved
// to another name does not open. A format byte of zero is a key whose
// destruction was cut short after the file had been zeroed: it is gone.
const (
	fileFormat = 1
	fileSize   = 1 + gcmOverhead + keySize
	destroyed  = 0
	filePrefix = "oneclaw/keystore/soft"
	fileSuffix = ".key"
)

// kind is a name space of keys, and how its file names begin.
type kind string

const (
	kindKEK    kind = "kek"
	kindSigner kind = "signer"
	kindEVM    kind = "evm"
)

func kinds() []kind { return []kind{kindKEK, kindSigner, kindEVM} }

// fileName is safe for any id: the id is in hex, so it holds no separator, and
// two ids that differ in case differ on every file system.
func fileName(k kind, id string) string {
	return string(k) + "-" + hex.EncodeToString([]byte(id)) + fileSuffix
}

// SignerFile is the name, within the folder, of the file of a signing key.
func SignerFile(id string) string { return fileName(kindSigner, id) }

// KEKFile is the same of a key-encryption key.
func KEKFile(id string) string { return fileName(kindKEK, id) }

func fileAAD(k kind, id string) []byte {
	b := append([]byte(filePrefix), fileFormat)
	for _, part := range []string{string(k), id} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// EVMFile is the same of a key of an Ethereum account.
func EVMFile(id string) string { return fileName(kindEVM, id) }

// random fills a new key.
func random(key []byte) {
	rand.Read(key) // never fails: crypto/rand stops the program instead
}

// create makes the file of a key that fill gives.
func (s *Store) create(k kind, id string, fill func(key []byte)) error {
	dir, err := s.folder()
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	name := fileName(k, id)
	if _, err := dir.Lstat(name); err == nil {
		return keystore.KeyExists()
	}
	content := make([]byte, 1, fileSize)
	content[0] = fileFormat
	erase.Do(func() {
		var key [keySize]byte
		fill(key[:])
		content = s.root.Seal(content, nil, key[:], fileAAD(k, id))
		clear(key[:])
	})
	switch err := createFile(dir, name, content); {
	case errors.Is(err, fs.ErrExist):
		return keystore.KeyExists()
	case err != nil:
		return keystore.Unavailable(err)
	}
	return nil
}

// readKeyFile returns what is on disk.
func (s *Store) readKeyFile(k kind, id string) ([]byte, fs.FileInfo, error) {
	dir, err := s.folder()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = dir.Close() }()
	content, info, err := readFile(dir, fileName(k, id), fileSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, keystore.KeyNotFound()
	case err != nil:
		return nil, nil, keystore.Unavailable(err)
	case len(content) > 0 && content[0] == destroyed:
		return nil, nil, keystore.KeyNotFound()
	}
	return content, info, nil
}

// openKeyFile returns the key, which the caller must wipe.
func (s *Store) openKeyFile(k kind, id string, content []byte) ([]byte, error) {
	if len(content) != fileSize || content[0] != fileFormat {
		return nil, keystore.Unusable(errors.New(fileName(k, id) + " is no key file of a known format"))
	}
	key, err := s.root.Open(make([]byte, 0, keySize), nil, content[1:], fileAAD(k, id))
	if err != nil {
		return nil, keystore.Unusable(errors.New(fileName(k, id) + " does not open under this root key"))
	}
	return key, nil
}

// destroy zeroes the file first: should the name be gone and the file not (a
// second link, a crash), there is no key in it. On file systems and disks that
// write to a new place the old bytes may live on, wrapped by the root key.
func (s *Store) destroy(k kind, id string) error {
	dir, err := s.folder()
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	name := fileName(k, id)
	err = zeroFile(dir, name)
	if err == nil {
		err = dir.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone already
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return keystore.Unavailable(err)
	}
	return nil
}

// list returns the ids of a kind, sorted.
func list(dir *os.Root, k kind) ([]string, error) {
	names, err := readNames(dir)
	if err != nil {
		return nil, keystore.Unavailable(err)
	}
	var ids []string
	for _, name := range names {
		if got, id, ok := parseName(name); ok && got == k {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// parseName is the reverse of fileName.
func parseName(name string) (kind, string, bool) {
	base, ok := strings.CutSuffix(name, fileSuffix)
	k, enc, cut := strings.Cut(base, "-")
	id, err := hex.DecodeString(enc)
	if !ok || !cut || err != nil || keystore.CheckID(string(id)) != nil {
		return "", "", false
	}
	if !slices.Contains(kinds(), kind(k)) {
		return "", "", false
	}
	return kind(k), string(id), true
}
