package app

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// tokenKeys begins the ids of the keys that sign access tokens.
const tokenKeys = "token:"

// codeKeysDamaged says that signing keys are there and do not open.
const codeKeysDamaged = "signing_key_damaged"

// damagedKey is a signing key that the keystore lists and does not open.
type damagedKey struct {
	id   string
	file string // "" when the keys are in hardware
}

// damagedSigners opens every signing key that the keystore has, and returns those
// that do not open. It fails only when the keystore is away.
func damagedSigners(ctx context.Context, cfg config.Config, keys keystore.KeyStore) ([]damagedKey, error) {
	ids, err := keys.Signers(ctx)
	if err != nil {
		return nil, err
	}
	var bad []damagedKey
	for _, id := range ids {
		_, err := keys.Signer(ctx, id)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil, fault.Is(err, fault.Unavailable) && !keys.Health(ctx).Connected:
			return nil, err
		}
		k := damagedKey{id: id}
		if cfg.Keystore != "pkcs11" {
			k.file = soft.SignerFile(id)
		}
		bad = append(bad, k)
	}
	return bad, nil
}

// String names the key and what is to be done.
func (k damagedKey) String() string {
	text := "The signing key " + k.id + " does not open."
	back, away := "Put it back with the tools of the hardware module", "the key"
	if k.file != "" {
		text = "The signing key " + k.id + " does not open: its file " + k.file + " is damaged."
		back, away = "Put the file back from a backup of the keys", "the file"
	}
	switch {
	case strings.HasPrefix(k.id, tokenKeys) && k.file != "":
		return text + " " + back + ", or run oneclaw keys rotate token, which replaces it: everybody logs in again then."
	case strings.HasPrefix(k.id, tokenKeys):
		return text + " " + back + ", or remove " + away + ": everybody logs in again then."
	case backupKeys.number(k.id) > 0:
		return text + " " + back + ", or run oneclaw keys rotate backup and remove " + away + ": backups that it signed need --key then."
	}
	return text + " " + back + ": what it signed can't be verified without it."
}

// keysDamaged is the failure that names the damaged keys. It is nil when bad is empty.
func keysDamaged(before string, bad []damagedKey, after string) error {
	if len(bad) == 0 {
		return nil
	}
	var lines []string
	for _, k := range bad {
		lines = append(lines, k.String())
	}
	return fault.New(fault.Damaged, codeKeysDamaged, "Signing keys do not open. "+before+strings.Join(lines, " ")+after)
}

// explained makes the failure of one key that can't be used one that names all such
// keys with their remedies.
func explained(ctx context.Context, cfg config.Config, keys keystore.KeyStore, err error) error {
	if fault.CodeOf(err) != keystore.CodeKeyUnusable && fault.CodeOf(err) != keystore.CodeKeyNotFound {
		return err
	}
	bad, err2 := damagedSigners(ctx, cfg, keys)
	if err2 != nil || len(bad) == 0 {
		return err
	}
	return keysDamaged("", bad, "")
}
