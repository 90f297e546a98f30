// Package pkcs11 is the keystore inside a hardware security module, or any
// other token that speaks PKCS#11.
//
// Its promises: KEKs are AES-256 objects that the token made itself, sensitive
// and never extractable (read back from the token before first use); data keys
// are wrapped and unwrapped inside the token with AES-GCM; Ed25519 keys sign
// inside the token, and so do secp256k1 keys of Ethereum accounts. These alone may
// be imported; they can't be read back either. When the token goes away every call fails with
// keystore.CodeUnavailable, and when it comes back the same process goes on
// without a restart.
//
// Work is done with session copies: the token copies a key inside itself, as
// sensitive and as little extractable, from where it keeps it to where it works.
// A copy is held to what its key is held to and is proved to be the same key;
// a token that makes none, or none that passes, works with the key itself.
// At most once a second per key the token is asked whether the key is still
// there: what another process destroyed, or a token that went away, is noticed
// within a second. A key destroyed through this Store is dead at once.
//
// PKCS#11 needs cgo, so this package does something only in the build with the
// tag pkcs11 (make build-hsm). In other builds Open says so.
//
// PKCS#11 has no unique names. Creations of one id are serialised within a
// process; several processes that share a token must not create the same id at
// the same moment (the callers hold a database lock, or use fresh ids). Should
// it happen, an id with two keys is refused, never picked from at random.
//
// A PKCS#11 library has one state for the whole process: open one Store for a
// module at a time.
package pkcs11

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Config says which token to use.
type Config struct {
	Module      string           // path of the PKCS#11 library
	TokenLabel  string           // exactly one token must carry it
	PIN         secret.Bytes     // of the token's normal user
	MaxSessions int              // sessions used at once; 0 means 8
	Now         func() time.Time // nil means the clock of the machine
	// Refused is the file that remembers a PIN that the token refused, so that no later
	// process tries it again. Empty: only this process remembers.
	Refused string
}
