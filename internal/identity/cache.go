package identity

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// entry is a credential that was good, and who its bearer was.
type entry struct {
	session
	who   policy.Principal
	state *State            // of the agent whose key it is, for exchanges
	epoch int64             // of its organisation, when the rows were read that who was built from
	dead  atomic.Bool       // its token was revoked
	sum   [sha256.Size]byte // of the credential
	until time.Time         // when it ends if no row changes; zero is never
	noted atomic.Int64
}

// maxKnown bounds each of the two halves of the cache.
const maxKnown = 8192

// cache keeps credentials by their SHA-256, never in the clear. When the young
// half is full it becomes the old one, and what was old and not asked for since
// is forgotten. Only credentials that were good come in, so a stranger can't
// fill it.
type cache struct {
	mu         sync.RWMutex
	young, old half
	revoked    [maxLately]string // the tokens that were revoked lately, in a ring
	count      int64             // of all that were revoked
}

// half is a half of the cache, by credential and by the token's id.
type half struct {
	by     map[[sha256.Size]byte]*entry
	tokens map[string]*entry
}

// maxLately is how many revocations may come while rows are read without the entry
// being left out for it.
const maxLately = 1024

func newHalf() half {
	return half{map[[sha256.Size]byte]*entry{}, map[string]*entry{}}
}

func newCache() *cache { return &cache{young: newHalf()} }

func (k *cache) get(sum [sha256.Size]byte) *entry {
	k.mu.RLock()
	e, old, count := k.young.by[sum], k.old.by[sum], k.count
	k.mu.RUnlock()
	if e == nil && old != nil {
		k.put(sum, old, count)
		return old
	}
	return e
}

// put keeps e unless its token was revoked since the count was what it says.
func (k *cache) put(sum [sha256.Size]byte, e *entry, since int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.dead.Load() || k.revokedSince(e.jti, since) {
		return
	}
	if len(k.young.by) >= maxKnown {
		k.young, k.old = newHalf(), k.young
	}
	e.sum = sum
	if e.jti != "" {
		for _, h := range []half{k.young, k.old} {
			if other := h.tokens[e.jti]; other != nil && other.sum != sum {
				return // another text of one token: a revocation must find all that is kept of it
			}
		}
		k.young.tokens[e.jti] = e
	}
	k.young.by[sum] = e
}

func (k *cache) revokedSince(jti string, since int64) bool {
	if jti == "" {
		return false
	}
	if k.count-since > maxLately {
		return true // for all that is known
	}
	for n := since; n < k.count; n++ {
		if k.revoked[n%maxLately] == jti {
			return true
		}
	}
	return false
}

func (k *cache) revocations() int64 {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.count
}

// revoke ends what is known of tokens, and of no others.
func (k *cache) revoke(tokens []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, jti := range tokens {
		k.revoked[k.count%maxLately] = jti
		k.count++
		for _, h := range []half{k.young, k.old} {
			if e := h.tokens[jti]; e != nil {
				e.dead.Store(true)
				delete(h.by, e.sum)
				delete(h.tokens, jti)
			}
		}
	}
}

func (k *cache) drop(sum [sha256.Size]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range []half{k.young, k.old} {
		if e := h.by[sum]; e != nil {
			delete(h.by, sum)
			delete(h.tokens, e.jti)
		}
	}
}
