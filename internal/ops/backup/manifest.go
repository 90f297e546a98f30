package backup

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
)

// manifest is what one folder of a backup says of itself. It is put there last, and
// its bytes are signed: a folder without it is no backup.
type manifest struct {
	Format  int                     `json:"format"`
	Holds   string                  `json:"holds"` // database or keys
	Oneclaw string                  `json:"oneclaw"`
	MadeAt  time.Time               `json:"made_at"`
	Engine  string                  `json:"engine,omitempty"` // that the database was copied from
	Schema  int64                   `json:"schema,omitempty"`
	Files   map[string]fileSum      `json:"files"`
	Tables  map[string]transfer.Sum `json:"tables,omitempty"`
	SHA256  string                  `json:"sha256,omitempty"` // of the database, in format 1
}

type fileSum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// signed is backup.sig.
type signed struct {
	KeyID     string `json:"key_id"`
	Signature []byte `json:"signature"`
}

const (
	manifestFile   = "backup.json"
	signatureFile  = "backup.sig"
	manifestFormat = 2
	holdsDatabase  = "database"
	holdsKeys      = "keys"
	// manifestHead keeps what else a keystore signs from being taken for a manifest.
	manifestHead = "oneclaw/backup-manifest/v1\n"
)

// sign returns the files of a folder that says m of itself.
func (m manifest) sign(keyID string, signer crypto.Signer) (text, signature []byte, err error) {
	if text, err = json.MarshalIndent(m, "", "  "); err != nil {
		return nil, nil, err
	}
	text = append(text, '\n')
	s := signed{KeyID: keyID}
	if s.Signature, err = signer.Sign(nil, append([]byte(manifestHead), text...), crypto.Hash(0)); err != nil {
		return nil, nil, err
	}
	signature, err = json.MarshalIndent(s, "", "  ")
	return text, append(signature, '\n'), err
}

// signedFolder is a folder of a backup as it was read: what its manifest says, and who
// says so.
type signedFolder struct {
	manifest
	dir    string
	text   []byte
	signed *signed // nil when there is no signature
}

// readSigned reads what a folder says of itself. Nothing of it is proven yet.
func readSigned(dir, holds string) (*signedFolder, error) {
	s := &signedFolder{dir: dir}
	var err error
	if s.text, err = os.ReadFile(filepath.Join(dir, manifestFile)); err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "no_backup", "There is no whole backup in "+dir+".")
	}
	if json.Unmarshal(s.text, &s.manifest) != nil {
		return nil, s.refused(manifestFile, "was damaged or altered, and can't be read")
	}
	switch {
	case s.Format > manifestFormat:
		return nil, fault.New(fault.Conflict, "backup_too_new", "This backup was made by a later version of oneclaw.")
	case s.Format == 1: // of the database alone, and never signed
		s.Holds, s.Files = holdsDatabase, map[string]fileSum{sqldb.File: {Size: -1, SHA256: s.SHA256}}
	}
	if s.Holds != holds {
		return nil, fault.New(fault.Invalid, "other_backup", "The folder "+dir+" holds no backup of the "+holds+". --from names that of the database, --keys-from that of the keys.")
	}
	b, err := os.ReadFile(filepath.Join(dir, signatureFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &s.signed)
	}
	if err != nil || s.signed == nil {
		return nil, s.refused(signatureFile, "can't be read")
	}
	return s, nil
}

// provenBy sees that the manifest is signed by the key.
func (s *signedFolder) provenBy(key ed25519.PublicKey) error {
	if s.signed == nil {
		return fault.New(fault.Invalid, "backup_unsigned", "The backup in "+s.dir+" is not signed: who made it can't be said. If you know where it was since, restore it with --unsigned.")
	}
	if !ed25519.Verify(key, append([]byte(manifestHead), s.text...), s.signed.Signature) {
		return s.refused(manifestFile, "was altered since it was signed, or was signed by another key than the one that counts here")
	}
	return nil
}

// check compares the files in dir, which are those of the backup or copies of them,
// with what the manifest says, and names the first that differs.
func (s *signedFolder) check(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		want := s.Files[name]
		if filepath.Base(name) != name {
			return s.refused(manifestFile, "names a file elsewhere")
		}
		got, err := sumFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return s.refused(name, "is missing")
		case err != nil:
			return err
		case want.Size >= 0 && got.Size != want.Size:
			return s.refused(name, "does not have the size that it was made with")
		case got.SHA256 != want.SHA256:
			return s.refused(name, "was damaged or altered")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if _, ok := s.Files[name]; !ok && s.Format > 1 && name != manifestFile && name != signatureFile && name != partial {
			return s.refused(name, "was not in it when it was made")
		}
	}
	return nil
}

func (s *signedFolder) refused(name, why string) error {
	return fault.New(fault.Damaged, "backup_damaged", "The backup in "+s.dir+" is not as it was made: the file "+name+" "+why+".")
}

func sumFile(name string) (sum fileSum, err error) {
	f, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	sum.Size, err = io.Copy(h, f)
	sum.SHA256 = hex.EncodeToString(h.Sum(nil))
	return sum, err
}
