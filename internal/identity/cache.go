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
	who      policy.Principal
	standing *Standing // of the agent whose key it is, for exchanges
	epoch    int64     // of the rows that who was built from
	until    time.Time // when it ends if no row changes; zero is never
	noted    atomic.Int64
}

// maxKnown bounds each of the two halves of the cache.
const maxKnown = 8192

// cache keeps credentials by their SHA-256, never in the clear. When the young
// half is full it becomes the old one, and what was old and not asked for since
// is forgotten. Only credentials that were good come in, so a stranger can't
// fill it.
type cache struct {
	mu         *sync.RWMutex
	young, old map[[sha256.Size]byte]*entry
}

func newCache() cache {
	return cache{mu: &sync.RWMutex{}, young: map[[sha256.Size]byte]*entry{}}
}

func (k *cache) get(sum [sha256.Size]byte) *entry {
	k.mu.RLock()
	e := k.young[sum]
	old := k.old[sum]
	k.mu.RUnlock()
	if e == nil && old != nil {
		k.put(sum, old)
		return old
	}
	return e
}

func (k *cache) put(sum [sha256.Size]byte, e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.young) >= maxKnown {
		k.young, k.old = make(map[[sha256.Size]byte]*entry), k.young
	}
	k.young[sum] = e
}

func (k *cache) drop(sum [sha256.Size]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.young, sum)
	delete(k.old, sum)
}
