package identity

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Keys holds the keys that tokens are signed with.
type Keys interface {
	// CreateSigner fails with fault.Conflict when the key is there.
	CreateSigner(ctx context.Context, id string) error
	Signer(ctx context.Context, id string) (crypto.Signer, error)
	Signers(ctx context.Context) ([]string, error)
}

// keyPrefix begins the keystore ids of the keys that sign tokens. What follows
// is a number with leading zeros: the highest one signs, all verify.
const keyPrefix = "token:"

// How old the list of keys may get: another node may have made a newer one, or
// the operator may have removed one. A token with an unknown key makes for an
// earlier look, at most every ringRetry.
const (
	ringAge   = time.Minute
	ringRetry = time.Second
)

// PublicKey is a key that tokens can be verified with.
type PublicKey struct {
	ID  string // kid: the RFC 7638 thumbprint of the key
	Key ed25519.PublicKey
}

// keyring is the keys of tokens as the keystore had them a moment ago.
type keyring struct {
	keys Keys
	log  *slog.Logger
	mu   sync.Mutex // held by who reads the keystore
	set  atomic.Pointer[keySet]
}

type keySet struct {
	public map[string]ed25519.PublicKey
	order  []PublicKey // the one that signs first
	signer crypto.Signer
	next   int    // number of the next key to be made
	id     string // kid of the signer
	readAt time.Time
}

func newKeyring(ctx context.Context, keys Keys, now time.Time, log *slog.Logger) (*keyring, error) {
	r := &keyring{keys: keys, log: log}
	set, err := r.read(ctx, now)
	if err == nil && set.signer == nil {
		// Of many nodes that start together, one makes the key.
		err = keys.CreateSigner(ctx, keyID(1))
		if err == nil || fault.Is(err, fault.Conflict) {
			set, err = r.read(ctx, now)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read token keys: %w", err)
	}
	r.set.Store(set)
	return r, nil
}

func keyID(n int) string { return fmt.Sprintf("%s%06d", keyPrefix, n) }

func keyNumber(id string) (n int, ok bool) {
	text, ok := strings.CutPrefix(id, keyPrefix)
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && id == keyID(n)
}

func (r *keyring) read(ctx context.Context, now time.Time) (*keySet, error) {
	ids, err := r.keys.Signers(ctx)
	if err != nil {
		return nil, err
	}
	set := &keySet{public: map[string]ed25519.PublicKey{}, readAt: now, next: 1}
	for _, id := range ids { // sorted: the highest number comes last
		n, ok := keyNumber(id)
		if !ok {
			continue
		}
		signer, err := r.keys.Signer(ctx, id)
		if err != nil {
			return nil, err
		}
		pub, ok := signer.Public().(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("a token key is not an Ed25519 key")
		}
		set.id, set.signer, set.next = thumbprint(pub), signer, n+1
		set.public[set.id] = pub
		set.order = append([]PublicKey{{ID: set.id, Key: pub}}, set.order...)
	}
	return set, nil
}

// thumbprint is the RFC 7638 thumbprint of an Ed25519 key.
func thumbprint(pub ed25519.PublicKey) string {
	jwk := `{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(pub) + `"}`
	sum := sha256.Sum256([]byte(jwk))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// current returns the keys, at most ringAge old as long as the keystore answers.
func (r *keyring) current(ctx context.Context, now time.Time) *keySet {
	return r.atMost(ctx, now, ringAge)
}

// public returns the key with the id, looking again when it is not known.
func (r *keyring) public(ctx context.Context, id string, now time.Time) (ed25519.PublicKey, bool) {
	if k, ok := r.current(ctx, now).public[id]; ok {
		return k, true
	}
	k, ok := r.atMost(ctx, now, ringRetry).public[id]
	return k, ok
}

// atMost returns keys of at most that age. Only one caller reads the keystore;
// the others go on with what is known.
func (r *keyring) atMost(ctx context.Context, now time.Time, age time.Duration) *keySet {
	set := r.set.Load()
	if now.Sub(set.readAt) < age || !r.mu.TryLock() {
		return set
	}
	defer r.mu.Unlock()
	fresh, err := r.read(ctx, now)
	if err != nil || fresh.signer == nil {
		r.log.Warn("token keys could not be read again", slog.Any("error", err))
		keep := *set
		keep.readAt = now.Add(ringRetry - age) // not before ringRetry
		fresh = &keep
	}
	r.set.Store(fresh)
	return fresh
}
