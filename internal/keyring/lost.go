package keyring

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// LostKey is a key that something in the database was sealed under, and that the
// keystore has not got, or can't use.
type LostKey struct {
	Of      string // what it opens
	damaged bool   // it is there
	file    string // of one that is damaged, unless it is in hardware
}

// NewLost reads from err what is wrong with the key.
func NewLost(ctx context.Context, keys keystore.KeyStore, of string, err error) LostKey {
	k := LostKey{Of: of}
	if e, ok := errors.AsType[*keystore.UnusableError](err); ok {
		k.damaged = true
		if keys.Health(ctx).Provider == "soft" {
			k.file = soft.KEKFile(e.ID)
		}
	}
	return k
}

// String names the key and what is to be done.
func (k LostKey) String() string {
	switch {
	case !k.damaged:
		return "The keystore has not got the key of " + k.Of + "."
	case k.file == "":
		return "The key of " + k.Of + " does not open. Put it back with the tools of the hardware module."
	}
	return "The key of " + k.Of + " does not open: its file " + k.file + " is damaged. Put the file back from a backup of the keys."
}
