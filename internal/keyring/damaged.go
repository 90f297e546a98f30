package keyring

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// Tokens begins the ids of the keys that sign access tokens.
const Tokens = "token:"

// CodeDamaged says that signing keys are there and do not open.
const CodeDamaged = "signing_key_damaged"

// DamagedKey is a signing key that the keystore lists and does not open.
type DamagedKey struct {
	ID      string
	File    string // "" when the keys are in hardware
	Account bool   // it signs transactions of chains
}

// DamagedSigners opens every signing key that the keystore has, those of accounts on
// chains among them, and returns those that do not open. It fails only when the
// keystore is away.
func DamagedSigners(ctx context.Context, cfg config.Config, keys keystore.KeyStore) ([]DamagedKey, error) {
	signers, err := keys.Signers(ctx)
	if err != nil {
		return nil, err
	}
	accounts, err := keys.EVMKeys(ctx)
	if err != nil {
		return nil, err
	}
	var bad []DamagedKey
	add := func(k DamagedKey, file string, err error) error {
		switch {
		case err == nil, k.Account && fault.CodeOf(err) == keystore.CodeKeyNotFound: // destroyed meanwhile
			return nil
		case ctx.Err() != nil, fault.Is(err, fault.Unavailable) && !keys.Health(ctx).Connected:
			return err
		}
		if cfg.Keystore != "pkcs11" {
			k.File = file
		}
		bad = append(bad, k)
		return nil
	}
	for _, id := range signers {
		_, err := keys.Signer(ctx, id)
		if err := add(DamagedKey{ID: id}, soft.SignerFile(id), err); err != nil {
			return nil, err
		}
	}
	for _, id := range accounts {
		_, err := keys.EVMKey(ctx, id)
		if err := add(DamagedKey{ID: id, Account: true}, soft.EVMFile(id), err); err != nil {
			return nil, err
		}
	}
	return bad, nil
}

// String names the key and what is to be done.
func (k DamagedKey) String() string {
	text := "The signing key " + k.ID + " does not open."
	back, away := "Put it back with the tools of the hardware module", "the key"
	if k.File != "" {
		text = "The signing key " + k.ID + " does not open: its file " + k.File + " is damaged."
		back, away = "Put the file back from a backup of the keys", "the file"
	}
	switch {
	case k.Account:
		return text + " " + back + ": nothing can be moved from its account without it."
	case strings.HasPrefix(k.ID, Tokens) && k.File != "":
		return text + " " + back + ", or run oneclaw keys rotate token, which replaces it: everybody logs in again then."
	case strings.HasPrefix(k.ID, Tokens):
		return text + " " + back + ", or remove " + away + ": everybody logs in again then."
	case Backup.Number(k.ID) > 0:
		return text + " " + back + ", or run oneclaw keys rotate backup and remove " + away + ": backups that it signed need --key then."
	}
	return text + " " + back + ": what it signed can't be verified without it."
}

// DamagedError is the failure that names the damaged keys. It is nil when bad is empty.
func DamagedError(before string, bad []DamagedKey, after string) error {
	if len(bad) == 0 {
		return nil
	}
	var lines []string
	for _, k := range bad {
		lines = append(lines, k.String())
	}
	return fault.New(fault.Damaged, CodeDamaged, "Signing keys do not open. "+before+strings.Join(lines, " ")+after)
}

// Explained makes the failure of one key that can't be used one that names all such
// keys with their remedies.
func Explained(ctx context.Context, cfg config.Config, keys keystore.KeyStore, err error) error {
	if fault.CodeOf(err) != keystore.CodeKeyUnusable && fault.CodeOf(err) != keystore.CodeKeyNotFound {
		return err
	}
	bad, err2 := DamagedSigners(ctx, cfg, keys)
	if err2 != nil || len(bad) == 0 {
		return err
	}
	return DamagedError("", bad, "")
}
