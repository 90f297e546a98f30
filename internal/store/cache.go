package store

import (
	"hash/maphash"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// A latestCache keeps the newest versions of secrets as they are stored, sealed,
// so that a read needs no query. It is exact, and so it is used only on SQLite,
// where every write goes through this process: the writer forgets what a
// transaction touched after its commit and before anybody is told of it. On
// PostgreSQL other nodes write too, and reads ask the database.
type latestCache struct {
	seed   maphash.Seed
	shards [cacheShards]latestShard
}

type latestShard struct {
	mu    sync.RWMutex
	gen   uint64 // moves whenever something is forgotten
	by    map[secretKey]packed
	bytes int
}

type secretKey struct{ vault, path string }

// What the cache may hold: 48 MiB in all, which is about 100,000 small secrets,
// and no single large value. It grows with use: an idle server has none of it.
const (
	maxCachedValue = 8 << 10
	maxShardBytes  = 48 << 20 / cacheShards
	rowOverhead    = 160 // of the map, the key and the allocator, roughly
	cacheShards    = 32
)

func newLatestCache() *latestCache { return &latestCache{seed: maphash.MakeSeed()} }

func (c *latestCache) shard(k secretKey) *latestShard {
	return &c.shards[(maphash.String(c.seed, k.vault)^maphash.String(c.seed, k.path))%uint64(len(c.shards))]
}

// get returns the cached version, or the generation that put needs.
func (c *latestCache) get(k secretKey) (v vault.Version, found bool, gen uint64) {
	s := c.shard(k)
	s.mu.RLock()
	p, gen := s.by[k], s.gen
	s.mu.RUnlock()
	if p == "" {
		return vault.Version{}, false, gen
	}
	return p.unpack(k), true, gen
}

// put keeps v unless something was forgotten since gen: v may have been read
// before that.
func (c *latestCache) put(k secretKey, v *vault.Version, gen uint64) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen == gen && s.by[k] == "" {
		s.keep(k, v)
	}
}

// forget drops a path, and keeps next in its place if it is not nil.
func (c *latestCache) forget(k secretKey, next *vault.Version) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	if old := s.by[k]; old != "" {
		s.bytes -= rowOverhead + len(old)
		delete(s.by, k)
	}
	if next != nil {
		s.keep(k, next)
	}
}

// forgetVault drops all paths of a vault. It looks at every entry, which costs less
// than to make all others read theirs again.
func (c *latestCache) forgetVault(vault string) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.gen++
		for k, p := range s.by {
			if k.vault == vault {
				s.bytes -= rowOverhead + len(p)
				delete(s.by, k)
			}
		}
		s.mu.Unlock()
	}
}

func (s *latestShard) keep(k secretKey, v *vault.Version) {
	// A version whose reads are counted changes with each of them.
	if v.MaxAccess > 0 || len(v.Box.Ciphertext)+len(v.Metadata)+len(v.RotationPolicy) > maxCachedValue {
		return
	}
	p := pack(v)
	size := rowOverhead + len(p)
	if s.by == nil || s.bytes+size > maxShardBytes {
		s.by, s.bytes = map[secretKey]packed{}, 0
	}
	s.by[k] = p
	s.bytes += size
}

func (c *latestCache) forgetAll() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.gen++
		s.by, s.bytes = nil, 0
		s.mu.Unlock()
	}
}
