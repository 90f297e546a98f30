// Package keyring is the keys of one server: its keystore, the series of keys that
// sign in it, and what is said of keys that are lost or damaged.
//
// Its promise: a keystore that is not the database's is not taken for a new one, and
// what is wrong with a key is said with what is to be done, and never with the key.
package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// Open opens the configured keystore, and makes one in software when there is none.
func Open(ctx context.Context, cfg config.Config) (keystore.KeyStore, error) {
	if cfg.Keystore == "pkcs11" {
		return pkcs11.Open(ctx, pkcs11.Config{Module: cfg.PKCS11Module, TokenLabel: cfg.PKCS11Token, PIN: cfg.PKCS11PIN, Refused: filepath.Join(cfg.Data, refusedPIN)})
	}
	return soft.Open(ctx, soft.Config{Dir: Dir(cfg), Passphrase: cfg.RootPassphrase})
}

// refusedPIN is the file of the data folder that remembers a PIN that a token refused.
const refusedPIN = "refused-pin.json"

// Dir is where the software keystore is.
func Dir(cfg config.Config) string {
	if cfg.KeystoreDir != "" {
		return cfg.KeystoreDir
	}
	return filepath.Join(cfg.Data, "keystore")
}

// OpenExisting opens the keystore, and never makes one.
func OpenExisting(ctx context.Context, cfg config.Config) (keystore.KeyStore, error) {
	if cfg.Keystore != "pkcs11" {
		_, err := os.Stat(filepath.Join(Dir(cfg), "root.key"))
		switch {
		case errors.Is(err, fs.ErrPermission):
			return nil, fault.Wrap(err, fault.Unavailable, "keystore_unreadable",
				"The keystore in "+Dir(cfg)+" can't be read by this user: run the command as the user that the server runs as.")
		case err != nil:
			return nil, fault.Wrap(err, fault.NotFound, "no_keystore",
				"There is no keystore in "+Dir(cfg)+". Without its keys nothing in the database opens. Name it with ONECLAW_KEYSTORE_DIR, or restore it from its backup.")
		}
	}
	keys, err := Open(ctx, cfg)
	if err != nil {
		return nil, err // keys may hold a nil pointer of some type, which is not nil
	}
	return keys, nil
}

// BeingMade is how old a key must be for nobody to be at work on what it is for.
const BeingMade = time.Hour

// Sweep removes what servers that were killed left of keys that nobody got.
func Sweep(keys keystore.KeyStore, now time.Time) error {
	if s, ok := keys.(*soft.Store); ok {
		return s.Sweep(now.Add(-BeingMade))
	}
	return nil
}
