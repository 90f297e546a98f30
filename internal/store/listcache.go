package store

import "sync"

// A listCache keeps pages of listings with their rows encoded, since encoding
// is most of what a listing costs. Like latestCache it is exact, and is used
// only on SQLite.
type listCache struct {
	mu     sync.RWMutex
	gen    uint64 // moves whenever something is forgotten
	vaults map[string]map[pageKey]page
	rows   int
}

type pageKey struct {
	prefix, after string
	limit         int
}

// maxCachedRows bounds the cache: about 8 MiB, since a row with its encoding
// takes half a kilobyte. maxCachedRow keeps rows with large metadata out.
const (
	maxCachedRows = 16 << 10
	maxCachedRow  = 1 << 10
)

func newListCache() *listCache {
	return &listCache{vaults: map[string]map[pageKey]page{}}
}

// get returns the cached page, or one without rows and the generation that put
// needs.
func (c *listCache) get(vaultID string, k pageKey) (page, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.vaults[vaultID][k], c.gen
}

// put encodes and keeps the page unless something was forgotten since gen. A
// page's rows must not be shared with anybody yet.
func (c *listCache) put(vaultID string, k pageKey, p page, gen uint64) {
	if len(p.rows) == 0 {
		return
	}
	for _, m := range p.rows {
		if len(m.Metadata) > maxCachedRow {
			return
		}
	}
	for _, m := range p.rows {
		m.Encoded = m.AppendJSON(nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen || c.vaults[vaultID][k].rows != nil {
		return
	}
	if c.rows+len(p.rows) > maxCachedRows {
		clear(c.vaults)
		c.rows = 0
	}
	if c.vaults[vaultID] == nil {
		c.vaults[vaultID] = map[pageKey]page{}
	}
	c.vaults[vaultID][k] = p
	c.rows += len(p.rows)
}

func (c *listCache) forget(vaultID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	for _, p := range c.vaults[vaultID] {
		c.rows -= len(p.rows)
	}
	delete(c.vaults, vaultID)
}

func (c *listCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	clear(c.vaults)
	c.rows = 0
}
