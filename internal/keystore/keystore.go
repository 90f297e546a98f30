// Package keystore says what a place for keys must do.
//
// Its promise: keys never leave the store. For key-encryption keys (KEKs) callers
// hand in a small data key and get it back wrapped, or the other way round; for
// signing they get a crypto.Signer, or an EVMKey for the transactions of chains.
// The implementations are soft (a folder on
// this machine) and pkcs11 (a hardware module); keystoretest is the suite that
// both pass.
package keystore

import (
	"context"
	"crypto"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// KeyStore holds AES-256 KEKs, Ed25519 signing keys and secp256k1 keys of
// Ethereum accounts, each under an id. The three kinds have separate name spaces. All methods may be called by many
// goroutines at once.
//
// Every failure is a *fault.Error with one of the codes of this package.
type KeyStore interface {
	// CreateKEK makes a new AES-256 key. When it returns nil the key is
	// durable. CodeKeyExists when the id is taken: of many callers that create
	// one id at the same moment, exactly one wins.
	CreateKEK(ctx context.Context, id string) error
	// Wrap encrypts dek (1 to MaxDEK bytes) with AES-256-GCM under the KEK.
	// CodeKeyNotFound when the KEK was never there or has been destroyed.
	Wrap(ctx context.Context, id string, dek, aad []byte) ([]byte, error)
	// Unwrap reverses Wrap into memory of its own, which the caller should
	// wipe. CodeUnwrapFailed when wrapped does not authenticate under this key
	// with this aad, whatever the reason.
	Unwrap(ctx context.Context, id string, wrapped, aad []byte) ([]byte, error)
	// DestroyKEK removes the key for good: nothing that was wrapped under id
	// opens again. Destroying a key that is not there is no error.
	DestroyKEK(ctx context.Context, id string) error
	// CreateSigner makes a new Ed25519 key, with the promises of CreateKEK.
	CreateSigner(ctx context.Context, id string) error
	// Signer returns the key: Public gives an ed25519.PublicKey, and
	// Sign(nil, message, crypto.Hash(0)) signs the message itself.
	Signer(ctx context.Context, id string) (crypto.Signer, error)
	// Signers lists the ids of all signing keys, sorted.
	Signers(ctx context.Context) ([]string, error)
	// CreateEVMKey makes a new secp256k1 key, with the promises of CreateKEK.
	CreateEVMKey(ctx context.Context, id string) error
	// ImportEVMKey stores a copy of key, with the promises of CreateKEK. The
	// caller should wipe its own. CodeInvalidEVMKey when it was wiped already.
	ImportEVMKey(ctx context.Context, id string, key evm.Key) error
	// EVMKey returns the key. CodeKeyNotFound when it was never there or has been
	// destroyed.
	EVMKey(ctx context.Context, id string) (EVMKey, error)
	// EVMKeys lists the ids of all secp256k1 keys, sorted.
	EVMKeys(ctx context.Context) ([]string, error)
	// DestroyEVMKey removes the key for good: what is on its account can't be
	// moved with it any more. Destroying a key that is not there is no error.
	DestroyEVMKey(ctx context.Context, id string) error
	// Health asks the store itself whether it can work now.
	Health(ctx context.Context) Health
	// Close lets go of all keys and handles. Later calls fail with
	// CodeUnavailable.
	Close() error
}

// Health is what GET /v1/health/hsm shows.
type Health struct {
	Provider  string // "soft" or "pkcs11"
	Connected bool   // the store answered just now and could use its keys
}
