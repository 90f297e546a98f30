package store

import (
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// A listCache keeps pages of listings with their rows encoded, since encoding
// is most of what a listing costs. Like latestCache it is exact, and is used
// only on SQLite.
type listCache struct {
	mu     sync.RWMutex
	gen    uint64 // moves whenever something is forgotten
	vaults map[string]map[pageKey][]*vault.Meta
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
	return &listCache{vaults: map[string]map[pageKey][]*vault.Meta{}}
}

// get returns the cached page, or the generation that put needs.
func (c *listCache) get(vaultID string, k pageKey) ([]*vault.Meta, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.vaults[vaultID][k], c.gen
}

// put encodes and keeps the page unless something was forgotten since gen. A
// page's rows must not be shared with anybody yet.
func (c *listCache) put(vaultID string, k pageKey, page []*vault.Meta, gen uint64) {
	if len(page) == 0 {
		return
	}
	for _, m := range page {
		if len(m.Metadata) > maxCachedRow {
			return
		}
	}
	for _, m := range page {
		m.Encoded = m.AppendJSON(nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen || c.vaults[vaultID][k] != nil {
		return
	}
	if c.rows+len(page) > maxCachedRows {
		clear(c.vaults)
		c.rows = 0
	}
	if c.vaults[vaultID] == nil {
		c.vaults[vaultID] = map[pageKey][]*vault.Meta{}
	}
	c.vaults[vaultID][k] = page
	c.rows += len(page)
}

func (c *listCache) forget(vaultID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	for _, page := range c.vaults[vaultID] {
		c.rows -= len(page)
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
