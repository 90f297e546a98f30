package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"
)

// Prefixes of keys. What follows is the base64url form of 32 random bytes.
const (
	AgentKeyPrefix = "ocv_"
	UserKeyPrefix  = "1ck_"
	// RouterKeyPrefix is of keys that call models for an agent and do nothing else.
	RouterKeyPrefix = "sk-shroud-v1-"
)

// ShownPrefix is how many characters of a key are kept to recognise it by.
const ShownPrefix = 12

// RouterKey is a key that calls models for an agent and does nothing else.
type RouterKey struct {
	ID, Org, Agent, Name string
	Hash, Prefix         string
	Gen                  int64  // of the agent's tokens when it was made: it is good for no other
	User                 string // who made it
	With                 string // the credential that made it
	CreatedAt, ExpiresAt time.Time
	RevokedAt            time.Time
	LastUsedAt           time.Time
}

// Live reports whether the key is good at a moment, as long as its agent's tokens are.
func (k *RouterKey) Live(now time.Time) bool { return k.RevokedAt.IsZero() && before(now, k.ExpiresAt) }

// ShownRouterPrefix is how many characters of a router key are kept to recognise it by.
const ShownRouterPrefix = len(RouterKeyPrefix) + 8

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
