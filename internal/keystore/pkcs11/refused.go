package pkcs11

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/crypto/argon2"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// refusedPIN is what a file remembers of a PIN that a token refused: a salted, slow hash,
// since the PIN may be a right one of a token that is locked, or of another one.
type refusedPIN struct {
	Token string `json:"token"`
	Salt  []byte `json:"salt"`
	Hash  []byte `json:"hash"`
}

func hashPIN(pin, salt []byte) []byte { return argon2.IDKey(pin, salt, 3, 64<<10, 1, 32) }

// remember writes down that the token refused the PIN.
func (c *Config) remember() error {
	if c.Refused == "" {
		return nil
	}
	r := refusedPIN{Token: c.TokenLabel, Salt: make([]byte, 16)}
	_, _ = rand.Read(r.Salt) // it never fails
	r.Hash = hashPIN(c.PIN.Reveal(), r.Salt)
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Refused, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// untried refuses a PIN that is remembered. A file that can't be read is no reason to
// risk an attempt. Another PIN, or another token, forgets it once it is tried.
func (c *Config) untried() error {
	if c.Refused == "" {
		return nil
	}
	text, err := os.ReadFile(c.Refused)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var r refusedPIN
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		err = json.Unmarshal(text, &r)
	}
	switch {
	case err != nil, len(r.Hash) == 0:
	case r.Token != c.TokenLabel || subtle.ConstantTimeCompare(hashPIN(c.PIN.Reveal(), r.Salt), r.Hash) != 1:
		return nil
	}
	return fault.Wrap(err, fault.Invalid, "pkcs11_pin", "The token refused this PIN before. It is not tried again, since that could lock the token: "+
		"mend ONECLAW_PKCS11_PIN_FILE. If the token was unlocked or its PIN set to this one since, remove "+c.Refused+" first.")
}

// forget is for a PIN that was right. A file that stays is of another one, and does no harm.
func (c *Config) forget() {
	if c.Refused != "" {
		_ = os.Remove(c.Refused)
	}
}
