package soft

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const (
	// maxCached bounds the keys in memory, of each kind. An AES key schedule
	// with its GCM tables takes about a kilobyte.
	maxCached = 10_000
	// recheck is how long a key in memory is trusted without a look at its
	// file: another process may have destroyed it.
	recheck = time.Second
)

// cache keeps keys ready to use.
type cache[T any] struct {
	store *Store
	kind  kind
	ready func(key []byte) (T, error)

	mu   sync.RWMutex
	keys map[string]*cached[T]
	gen  uint64 // counts drops: a load that began before one must not end in the map
}

type cached[T any] struct {
	key     T
	file    fs.FileInfo
	checked atomic.Int64 // when the file was last seen, in nanoseconds
}

func newCache[T any](s *Store, k kind, ready func([]byte) (T, error)) *cache[T] {
	return &cache[T]{store: s, kind: k, ready: ready, keys: map[string]*cached[T]{}}
}

// get returns the key from memory, or from its file.
func (c *cache[T]) get(id string) (T, error) {
	c.mu.RLock()
	e := c.keys[id]
	c.mu.RUnlock()
	if e == nil {
		return c.load(id)
	}
	now := c.store.now().UnixNano()
	seen := e.checked.Load()
	if now-seen < int64(recheck) && now >= seen {
		return e.key, nil
	}
	// Everybody looks who comes while the look is due: nobody may go on with
	// the old answer just because another one is slow.
	info, err := os.Stat(filepath.Join(c.store.dir, fileName(c.kind, id)))
	if err == nil && os.SameFile(info, e.file) && info.ModTime().Equal(e.file.ModTime()) {
		e.checked.Store(now)
		return e.key, nil
	}
	c.drop(id)
	return c.load(id)
}

// load reads the key from its file into memory.
func (c *cache[T]) load(id string) (T, error) {
	for first := true; ; first = false {
		c.mu.RLock()
		gen := c.gen
		c.mu.RUnlock()

		e := &cached[T]{}
		e.checked.Store(c.store.now().UnixNano())
		content, file, err := c.store.readKeyFile(c.kind, id)
		// What the key turns into is made within Do, so that it is erased when
		// the cache has let go of it and nobody uses it any more.
		erase.Do(func() {
			var key []byte
			if err == nil {
				key, err = c.store.openKeyFile(c.kind, id, content)
			}
			if err == nil {
				e.key, err = c.ready(key)
			}
			clear(key)
		})
		e.file = file
		var none T
		if first && fault.CodeOf(err) == keystore.CodeKeyUnusable {
			continue // perhaps read while it was being zeroed
		}
		if err != nil {
			return none, keystore.Named(id, err)
		}
		if c.add(id, e, gen) {
			return e.key, nil
		}
	}
}

// add reports false when a key was dropped since gen: what was read may have
// been destroyed in the meantime.
func (c *cache[T]) add(id string, e *cached[T], gen uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen != gen {
		return false
	}
	if c.store.closed.Load() {
		return true // used once more, not kept
	}
	if len(c.keys) >= maxCached {
		for other := range c.keys { // map order: any one will do
			delete(c.keys, other)
			break
		}
	}
	c.keys[id] = e
	return true
}

func (c *cache[T]) drop(id string) {
	c.mu.Lock()
	delete(c.keys, id)
	c.gen++
	c.mu.Unlock()
}

func (c *cache[T]) clear() {
	c.mu.Lock()
	clear(c.keys)
	c.gen++
	c.mu.Unlock()
}
