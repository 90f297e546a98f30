package client

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"
)

// A customer-managed key (CMEK) never reaches the server, but for a rotation: the
// client encrypts values before it writes them, and decrypts what it reads.

// CMEKKeySize is the length of such a key in bytes.
const CMEKKeySize = 32

const cmekVersion = 1 // first byte of what EncryptCMEK makes

var (
	errCMEKKey  = refuse("invalid_cmek_key", "A customer-managed key has 32 bytes.")
	errCMEKBlob = refuse("cmek_open_failed", "The value does not open with this key, or was not encrypted by a client.")
)

// CMEKJob is the rotation of a vault's customer-managed key.
type CMEKJob struct {
	ID             string     `json:"id"`
	VaultID        string     `json:"vault_id"`
	OldFingerprint string     `json:"old_fingerprint"`
	NewFingerprint string     `json:"new_fingerprint"`
	Status         string     `json:"status"` // pending, running, completed, failed
	TotalSecrets   int64      `json:"total_secrets"`
	Processed      int64      `json:"processed"`
	Error          string     `json:"error,omitempty"`
	StartedAt      *time.Time `json:"started_at,omitempty"`
	CompletedAt    *time.Time `json:"completed_at,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
}

// RekeyJob is the change of a vault's key-encryption key.
type RekeyJob struct {
	ID            string     `json:"id"`
	VaultID       string     `json:"vault_id"`
	Status        string     `json:"status"` // pending, running, completed, failed
	TotalVersions int64      `json:"total_versions"`
	Processed     int64      `json:"processed"`
	Error         string     `json:"error,omitempty"`
	StartedAt     *time.Time `json:"started_at,omitempty"`
	CompletedAt   *time.Time `json:"completed_at,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
}

// EnableCMEK says that what is written to the vault from now on is encrypted with
// the key of that fingerprint: see CMEKFingerprint.
func (c *Client) EnableCMEK(ctx context.Context, vault, fingerprint string) (*Vault, error) {
	out := new(Vault)
	return got(out, c.write(ctx, http.MethodPost, map[string]string{"fingerprint": fingerprint}, out, "vaults", vault, "cmek"))
}

// DisableCMEK takes that back. What was encrypted stays so.
func (c *Client) DisableCMEK(ctx context.Context, vault string) (*Vault, error) {
	p, err := route("vaults", vault, "cmek")
	if err != nil {
		return nil, err
	}
	out := new(Vault)
	return got(out, c.call(ctx, request{method: http.MethodDelete, path: p}, out))
}

// RotateCMEK begins to move all encrypted values of the vault from one key to
// another. The server sees both keys, and forgets them at the end.
func (c *Client) RotateCMEK(ctx context.Context, vault string, old, next Value) (*CMEKJob, error) {
	p, err := route("vaults", vault, "cmek-rotate")
	if err != nil {
		return nil, err
	}
	if old.Len() != CMEKKeySize || next.Len() != CMEKKeySize {
		return nil, errCMEKKey
	}
	text := func(key Value) Value { return NewValue(base64.StdEncoding.AppendEncode(nil, key.Reveal())) }
	from, to := text(old), text(next)
	defer from.Wipe()
	defer to.Wipe()
	out := new(CMEKJob)
	return got(out, c.call(ctx, request{
		method: http.MethodPost, path: p, body: map[string]string{"new_fingerprint": CMEKFingerprint(next)},
		header: map[string]Value{"X-Cmek-Old-Key": from, "X-Cmek-New-Key": to},
	}, out))
}

// CMEKJob tells how far a rotation is.
func (c *Client) CMEKJob(ctx context.Context, vault, job string) (*CMEKJob, error) {
	out := new(CMEKJob)
	return got(out, c.read(ctx, out, "vaults", vault, "cmek-rotate", job))
}

// RekeyVault begins to give the vault a new key-encryption key.
func (c *Client) RekeyVault(ctx context.Context, vault string) (*RekeyJob, error) {
	out := new(RekeyJob)
	return got(out, c.write(ctx, http.MethodPost, struct{}{}, out, "vaults", vault, "rekey"))
}

// RekeyJob tells how far RekeyVault is.
func (c *Client) RekeyJob(ctx context.Context, vault, job string) (*RekeyJob, error) {
	out := new(RekeyJob)
	return got(out, c.read(ctx, out, "vaults", vault, "rekey", job))
}

// CMEKFingerprint names a key: its SHA-256 in hexadecimal.
func CMEKFingerprint(key Value) string {
	sum := sha256.Sum256(key.Reveal())
	return hex.EncodeToString(sum[:])
}

// EncryptCMEK makes of a value what is written to a vault with such a key, in the
// form of the TypeScript SDK: base64 of the byte 1, nonce, ciphertext and tag of
// AES-256-GCM.
func EncryptCMEK(key, value Value) (Value, error) {
	aead, err := cmekCipher(key)
	if err != nil {
		return Value{}, err
	}
	b := aead.Seal([]byte{cmekVersion}, nil, value.Reveal(), nil)
	return NewValue(base64.StdEncoding.AppendEncode(nil, b)), nil
}

// DecryptCMEK reverses EncryptCMEK, and opens the Go SDK's form too.
func DecryptCMEK(key, blob Value) (Value, error) {
	aead, err := cmekCipher(key)
	if err != nil {
		return Value{}, err
	}
	if b, err := base64.StdEncoding.AppendDecode(nil, blob.Reveal()); err == nil && len(b) > 0 && b[0] == cmekVersion {
		if plain, err := aead.Open(nil, nil, b[1:], nil); err == nil {
			return NewValue(plain), nil
		}
	}
	if b, err := hex.AppendDecode(nil, blob.Reveal()); err == nil {
		if plain, err := aead.Open(nil, nil, b, nil); err == nil {
			return NewValue(plain), nil
		}
	}
	return Value{}, errCMEKBlob
}

func cmekCipher(key Value) (cipher.AEAD, error) {
	if key.Len() != CMEKKeySize {
		return nil, errCMEKKey
	}
	block, err := aes.NewCipher(key.Reveal())
	if err != nil {
		return nil, errCMEKKey
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, errCMEKKey
	}
	return aead, nil
}
