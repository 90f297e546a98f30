package app

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// lostKey is a key that something in the database was sealed under, and that the
// keystore has not got, or can't use.
type lostKey struct {
	of      string // what it opens
	damaged bool   // it is there
	file    string // of one that is damaged, unless it is in hardware
}

// newLostKey reads from err what is wrong with the key.
func newLostKey(ctx context.Context, keys keystore.KeyStore, of string, err error) lostKey {
	k := lostKey{of: of}
	if e, ok := errors.AsType[*keystore.UnusableError](err); ok {
		k.damaged = true
		if keys.Health(ctx).Provider == "soft" {
			k.file = soft.KEKFile(e.ID)
		}
	}
	return k
}

// String names the key and what is to be done.
func (k lostKey) String() string {
	switch {
	case !k.damaged:
		return "The keystore has not got the key of " + k.of + "."
	case k.file == "":
		return "The key of " + k.of + " does not open. Put it back with the tools of the hardware module."
	}
	return "The key of " + k.of + " does not open: its file " + k.file + " is damaged. Put the file back from a backup of the keys."
}
