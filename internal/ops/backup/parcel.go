package backup

import (
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// partial is where a folder of a backup is written, within it: the folder itself may
// be where a disk is mounted.
const partial = ".partial"

// parcel is one folder of a backup while it is written. All lies in a folder within,
// and is moved up when it is whole, the manifest last. A parcel that was cut off,
// however that came, has no manifest, and the next one to be written there takes its
// place.
type parcel struct {
	dir, staging string
	lock         io.Closer
}

// newParcel begins one in dir, which must hold nothing but what a cut-off one left.
func newParcel(dir string) (_ *parcel, err error) {
	p := &parcel{dir: dir, staging: filepath.Join(dir, partial)}
	unusable := func(err error) error {
		if driver.DiskFull(err) {
			return noSpace(err, dir)
		}
		return fault.Wrap(err, fault.Invalid, "folder_unusable", "The folder "+dir+" can't be written.")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unusable(err)
	}
	if len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == partial }) {
		return nil, notEmpty(dir)
	}
	if err := os.MkdirAll(p.staging, 0o700); err != nil {
		return nil, unusable(err)
	}
	if p.lock, err = sqldb.Lock(p.staging); err != nil {
		if fault.CodeOf(err) == "data_in_use" {
			return nil, fault.New(fault.Conflict, "folder_in_use", "Another backup is being written to "+dir+".")
		}
		return nil, unusable(err)
	}
	if err := p.clean(entries); err != nil {
		return nil, errors.Join(err, p.lock.Close())
	}
	return p, nil
}

// clean removes what a parcel that was cut off has left: in the folder itself only
// what its manifest, which was not moved up yet, lists.
func (p *parcel) clean(entries []fs.DirEntry) error {
	var left manifest
	if b, err := os.ReadFile(filepath.Join(p.staging, manifestFile)); err == nil {
		_ = json.Unmarshal(b, &left) // cut off while it was written: then nothing was moved
	}
	for _, e := range entries {
		_, ours := left.Files[e.Name()]
		if e.Name() != partial && (!ours && e.Name() != signatureFile || left.Files == nil) {
			return notEmpty(p.dir)
		}
	}
	for _, e := range entries {
		if e.Name() != partial {
			if err := os.Remove(filepath.Join(p.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return p.empty()
}

// empty removes all but the lock from the staging folder.
func (p *parcel) empty() error {
	entries, err := os.ReadDir(p.staging)
	for _, e := range entries {
		if e.Name() != sqldb.LockFile {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.staging, e.Name())))
		}
	}
	return err
}

func notEmpty(dir string) error {
	return fault.New(fault.Conflict, "folder_not_empty", "The folder "+dir+" is not empty. Give one that is empty or not there.")
}

// publish lists what was written, signs the list, puts all on disk and moves it up.
func (p *parcel) publish(m manifest, keyID string, signer crypto.Signer) (err error) {
	defer func() { err = noSpace(err, p.dir) }()
	entries, err := os.ReadDir(p.staging)
	if err != nil {
		return err
	}
	m.Format, m.Files = manifestFormat, map[string]fileSum{}
	for _, e := range entries {
		if e.Name() == sqldb.LockFile {
			continue
		}
		if m.Files[e.Name()], err = sumFile(filepath.Join(p.staging, e.Name())); err != nil {
			return err
		}
	}
	text, signature, err := m.sign(keyID, signer)
	if err != nil {
		return err
	}
	if err := errors.Join(newFile(filepath.Join(p.staging, signatureFile), signature), newFile(filepath.Join(p.staging, manifestFile), text), files.Sync(p.staging)); err != nil {
		return err
	}
	move := func(name string) error {
		return os.Rename(filepath.Join(p.staging, name), filepath.Join(p.dir, name))
	}
	for _, name := range append(slices.Sorted(maps.Keys(m.Files)), signatureFile) {
		if err := move(name); err != nil {
			return err
		}
	}
	if err := errors.Join(files.Sync(p.dir), move(manifestFile), files.Sync(p.dir), files.Sync(filepath.Dir(p.dir))); err != nil {
		return err
	}
	return p.drop()
}

// drop removes what was not moved up, and lets go of the folder.
func (p *parcel) drop() error {
	if p.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(p.staging), p.lock.Close())
	p.lock = nil
	return err
}

// noSpace makes an error one that names the folder, when its disk is full: the
// database that is copied is not to blame.
func noSpace(err error, dir string) error {
	if !driver.DiskFull(err) {
		return err
	}
	return fault.New(fault.Unavailable, "disk_full", "There is no space for what is written to "+dir+": its disk is full, or a limit on files is reached. Nothing of it is kept.")
}

// newFile writes a file that is on disk when it returns nil.
func newFile(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
