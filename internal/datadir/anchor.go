package datadir

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Anchor implements audit.Anchor with a file in the data folder of this node: who
// can write to a PostgreSQL database can't write there.
type Anchor struct{ Dir string }

type signedHead struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// File is the name of the file.
func (a Anchor) File() string { return filepath.Join(a.Dir, "audit-signed.json") }

// Load returns what was saved last, and nothing when nothing was.
func (a Anchor) Load() (map[string]audit.Head, error) {
	var saved map[string]signedHead
	damaged := fault.New(fault.Invalid, CodeDamaged, "The file audit-signed.json in the data folder is damaged. "+
		"Put it back from a backup of the database, or stop the server and remove it: then the check against it begins anew.")
	if err := ReadJSON(a.File(), &saved); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if fault.CodeOf(err) == CodeDamaged {
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
func (a Anchor) Save(signed map[string]audit.Head) error {
	out := make(map[string]signedHead, len(signed))
	for org, h := range signed {
		out[org] = signedHead{h.Seq, h.Hash.String()}
	}
	return WriteJSON(a.File(), out)
}
