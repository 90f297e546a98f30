// Package epoch keeps what was read from rows for as long as they have not changed.
//
// Its promise: nothing is used that was read before the latest change that this node
// knows of. An epoch is a number that moves with every change of the rows; who keeps
// the rows says what it is, or that it is not known.
package epoch

import "sync"

// Now returns the epoch of the rows behind one key; false means that it is not known,
// and that nothing which was kept may be used.
type Now func() (epoch int64, exact bool)

// Cache keeps values by key. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	most int
	mu   sync.RWMutex
	by   map[K]kept[V]
}

type kept[V any] struct {
	value V
	epoch int64
}

// New returns a Cache of at most so many values. A full one is emptied.
func New[K comparable, V any](most int) *Cache[K, V] {
	return &Cache[K, V]{most: most, by: map[K]kept[V]{}}
}

// Get returns what is kept under a key, or reads it. The epoch is read before the
// rows: rows that change meanwhile move it, and what was read is then read again.
func (c *Cache[K, V]) Get(key K, now Now, read func() (V, error)) (V, error) {
	epoch, exact := now()
	if exact {
		c.mu.RLock()
		k, ok := c.by[key]
		c.mu.RUnlock()
		if ok && k.epoch == epoch {
			return k.value, nil
		}
	}
	v, err := read()
	if err == nil && exact {
		c.put(key, kept[V]{v, epoch})
	}
	return v, err
}

func (c *Cache[K, V]) put(key K, k kept[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.by[key]; !ok && len(c.by) >= c.most {
		clear(c.by)
	}
	c.by[key] = k
}
