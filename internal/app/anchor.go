package app

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// anchor implements audit.Anchor with a file in the data folder of this node:
// who can write to a PostgreSQL database can't write there.
type anchor struct{ dir string }

type signedHead struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

func (a anchor) file() string { return filepath.Join(a.dir, "audit-signed.json") }

// Load returns what was saved last, and nothing when nothing was.
func (a anchor) Load() (map[string]audit.Head, error) {
	var saved map[string]signedHead
	damaged := fault.New(fault.Invalid, codeFileDamaged, "The file audit-signed.json in the data folder is damaged. "+
		"Put it back from a backup of the database, or stop the server and remove it: then the check against it begins anew.")
	if err := readJSON(a.file(), &saved); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if fault.CodeOf(err) == codeFileDamaged {
		return nil, damaged
	} else if err != nil {
		return nil, err
	}
	heads := map[string]audit.Head{}
	for org, s := range saved {
		h := audit.Head{Seq: s.Seq}
		if n, err := hex.Decode(h.Hash[:], []byte(s.Hash)); err != nil || n != len(h.Hash) || len(s.Hash) != 2*len(h.Hash) {
			return nil, damaged
		}
		heads[org] = h
	}
	return heads, nil
}

// Save replaces the file.
func (a anchor) Save(signed map[string]audit.Head) error {
	out := make(map[string]signedHead, len(signed))
	for org, h := range signed {
		out[org] = signedHead{h.Seq, h.Hash.String()}
	}
	return writeJSON(a.file(), out)
}
