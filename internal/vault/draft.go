package vault

import (
	"bytes"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// MaxValue bounds a secret's value, in bytes. Requests are bounded at 5 MiB, so
// no accepted body holds more.
const MaxValue = 5 << 20

// maxObject bounds metadata and rotation policies, in bytes of JSON.
const maxObject = 64 << 10

// Types are the kinds of secret that may be stored.
var Types = []string{
	"generic", "password", "api_key", "private_key", "certificate", "file", "note",
	"ssh_key", "env_bundle", "env", "token", "totp_seed",
}

var errNoSigningKey = fault.New(fault.Invalid, "invalid_private_key", "A private_key below keys/, wallets/ or agents/ID/keys/ signs transactions: its value is 32 bytes in hexadecimal, not zero and below the order of the curve (secp256k1). Store other keys elsewhere.")

// checkSigningKey refuses what is stored as a key of a chain and is none. What clients
// encrypted is not looked at.
func (d *Draft) checkSigningKey(path string) error {
	if d.Type != "private_key" || !intents.SigningPath(path) {
		return nil
	}
	key, err := evm.ParseKey(d.Value.Reveal())
	if err != nil {
		return errNoSigningKey
	}
	key.Wipe()
	return nil
}

// typed is the type of a value that nobody gave one, in the place of was. A key of a chain at a path
// of signing keys is a private key: agents that sign with it must not read it.
func (d *Draft) typed(was, path string) (string, error) {
	if was != "generic" && was != "private_key" || !intents.SigningPath(path) {
		return was, nil
	}
	key, err := evm.ParseKey(d.Value.Reveal())
	if err == nil {
		key.Wipe()
		return "private_key", nil
	}
	if was == "private_key" {
		return was, errNoSigningKey
	}
	return was, nil
}

// check refuses what can't be stored and fills what may be left out.
func (d *Draft) check(now time.Time) error {
	switch {
	case d.Value.Len() > MaxValue:
		return fault.New(fault.TooLarge, "value_too_large", "A secret's value may have at most 5 MiB.")
	case !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(now):
		return fault.New(fault.Invalid, "expires_in_the_past", "expires_at must be in the future.")
	case d.ExpiresAt.UTC().Year() > 9999:
		return fault.New(fault.Invalid, "invalid_expires_at", "expires_at is too far away.")
	case d.MaxAccess < 0 || d.MaxAccess > 1<<31-1:
		return fault.New(fault.Invalid, "invalid_max_access_count", "max_access_count must be between 0 (unlimited) and 2147483647.")
	case len(d.Metadata) > maxObject || len(d.RotationPolicy) > maxObject:
		return fault.New(fault.Invalid, "object_too_large", "metadata and rotation_policy may have at most 64 KiB each.")
	}
	d.ExpiresAt = stamp.Of(d.ExpiresAt)
	for _, o := range []*[]byte{&d.Metadata, &d.RotationPolicy} {
		if len(*o) == 0 || bytes.Equal(*o, []byte("null")) {
			*o = []byte("{}")
		}
	}
	return nil
}
