package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// Prefixes of keys. What follows is the base64url form of 32 random bytes.
const (
	AgentKeyPrefix = "ocv_"
	UserKeyPrefix  = "1ck_"
)

// ShownPrefix is how many characters of a key are kept to recognise it by.
const ShownPrefix = 12

// NewKey returns a new key with its prefix.
func NewKey(prefix string) string { return prefix + RandomText() }

// RandomText is 256 random bits, 43 characters long. It begins with no dash: a
// command that gets it as an argument would take it for a flag.
func RandomText() string {
	b := make([]byte, 32)
	for {
		_, _ = rand.Read(b) // never fails: the program ends before that
		if text := base64.RawURLEncoding.EncodeToString(b); text[0] != '-' {
			return text
		}
	}
}

// HashKey is how a key or mailed token is stored. It is 256 random bits, so a
// plain hash can't be reversed by guessing.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// MaxKey is longer than any key of ours.
const MaxKey = 256
